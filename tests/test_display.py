"""The room where numbers become text."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tieout.display import KINDS, PHRASES, Profile, exact, in_words, rounded, text
from tieout.errors import TieoutError
from tieout.keyed import words
from tieout.results import Statistic

JNIS = Profile()


def shown(kind: str, value: float, **more) -> str:
    return text(Statistic("a.b", value, kind, "", **more), JNIS)


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("percent", 100 * 76 / 78, "97.4%"),
        ("odds_ratio", 87.6013, "87.6"),
        ("ratio_limit", 4.7712, "4.77"),
        ("ratio_limit", 1608.881, "1608.9"),
        ("odds_ratio", 5.7183, "5.72"),
        ("ratio_limit", 22.587, "22.6"),
        ("p", 0.0026, "0.003"),
        ("p", 0.0128, "0.013"),
        ("p", 0.00004, "<0.001"),
        ("p", 0.9999, ">0.99"),
        ("p", 0.2456, "0.25"),
        ("p", 0.0499, "0.050"),
        ("smd", 0.125, "0.13"),
        ("median", 67.0, "67"),
        ("median", 67.5, "67.5"),
        ("mean", 67.04, "67.0"),
        ("difference", -12.34, "−12.3"),
        ("count", 78, "78"),
        ("count", 12345, "12,345"),
        ("odds_ratio", 0.02, "0.020"),
        ("odds_ratio", 0.00001, "<0.001"),
        ("odds_ratio", 3e9, ">1,000,000"),
        ("date", 737791, "1 January 2021"),
    ],
)
def test_numbers_are_written_in_the_style_of_the_journal(kind, value, expected):
    assert shown(kind, value, decimals=0) == expected


def test_a_percentage_rounds_on_its_fraction_and_not_on_its_float():
    just_below = 28.749999999999996
    assert shown("percent", just_below) == "28.7%"
    assert shown("percent", just_below, n=23, total=80) == "28.8%"


def test_only_all_is_one_hundred_percent_and_only_none_is_zero():
    assert shown("percent", 99.99, n=9999, total=10000) == ">99.9%"
    assert shown("percent", 0.01, n=1, total=10000) == "<0.1%"
    assert shown("percent", 100.0, n=7, total=7) == "100%"
    assert shown("percent", 0.0, n=0, total=7) == "0%"


def test_ties_round_half_away_from_zero():
    assert rounded(Decimal("0.125"), 2) == Decimal("0.13")
    assert rounded(Decimal("-0.125"), 2) == Decimal("-0.13")
    assert rounded(Fraction(1, 8), 2) == Decimal("0.13")


@example(1_000_000.0, "odds_ratio")
@example(536_870_912.125, "smd")
@given(st.floats(min_value=1e-9, max_value=1e9), st.sampled_from(["odds_ratio", "percent_limit", "smd", "difference"]))
def test_the_text_of_a_positive_number_is_the_number_to_its_last_digit(value, kind):
    shown_text = shown(kind, min(value, 100.0) if kind == "percent_limit" else value)
    sign, digits = (shown_text[0], shown_text[1:]) if shown_text[0] in "<>" else ("", shown_text)
    number, value = Decimal(digits.replace(",", "")), exact(value)
    decimals = len(digits.partition(".")[2])
    if sign == "<":
        assert value < number
    elif sign == ">":
        assert value > number
    else:
        assert number > 0
        assert abs(number - (min(value, Decimal(100)) if kind == "percent_limit" else value)) <= Decimal("0.5").scaleb(-decimals)


@given(st.floats(min_value=0, max_value=1))
def test_p_is_never_written_as_zero_or_one(value):
    written = shown("p", value)
    assert float(written.lstrip("<>")) not in (0.0, 1.0)


def test_a_figure_without_a_value_cannot_be_written():
    with pytest.raises(TieoutError, match="not estimable"):
        text(Statistic("a.b", None, "p", "", error="no events"), JNIS)


def test_counts_are_spelled_out_for_the_start_of_a_sentence():
    words = {
        0: "Zero", 7: "Seven", 12: "Twelve", 20: "Twenty", 77: "Seventy-seven", 100: "One hundred",
        101: "One hundred and one", 1000: "One thousand", 1078: "One thousand and seventy-eight",
        3427: "Three thousand four hundred and twenty-seven", 120000: "One hundred and twenty thousand",
    }  # fmt: skip
    assert {value: in_words(value, Profile()) for value in words} == words


def test_an_estimate_its_interval_and_its_p_are_said_as_in_the_abstract():
    parts = {
        "estimate": Statistic("m.estimate", 87.6, "odds_ratio", ""),
        "low": Statistic("m.low", 4.77, "ratio_limit", ""),
        "high": Statistic("m.high", 1608.9, "ratio_limit", ""),
        "p": Statistic("m.p", 0.0026, "p", ""),
    }
    said = words(PHRASES["estimate_ci_p"](lambda name: parts[name], JNIS), JNIS)
    assert said == "OR 87.6; 95% CI 4.77 to 1608.9; p=0.003"


def test_every_kind_of_figure_can_be_written():
    for kind in KINDS:
        assert shown(kind, 12.0)
