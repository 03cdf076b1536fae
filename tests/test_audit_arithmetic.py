"""What a printed number may have been, and which p values its neighbours can give, against R and by brute force."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import fisher_exact

from tieout.audit.arithmetic import (
    Interval,
    always_possible,
    asymmetry,
    counts_for,
    cut_off,
    deviate,
    interval,
    one_sided_p_values,
    p_spread,
    p_values,
    spread,
    totals_for,
    totals_of_count,
    two_sided,
    wald,
    within,
)
from tieout.audit.quoted import Number

REFERENCE = Path(__file__).parent / "reference"
IN_R = {
    "fisher_p": "Fisher's exact test",
    "fisher_midp_minlike": "mid-p",
    "fisher_midp_central": "mid-p (tail doubled)",
    "chisq_p_nocc": "χ² without correction",
    "chisq_p_yates": "χ² with continuity correction",
}
PERCENT = st.builds(lambda units, decimals: Number(units / 10**decimals, decimals), st.integers(1, 999), st.integers(1, 1))


def number(value: float, decimals: int, sign: str = "") -> Number:
    return Number(round(value, decimals), decimals, sign)


def tables() -> dict[str, tuple[int, int, int, int]]:
    with (REFERENCE / "two_by_two.csv").open() as lines:
        return {row["name"]: tuple(int(row[cell]) for cell in "abcd") for row in csv.DictReader(lines)}


CHECKS = [
    check
    for check in json.loads((REFERENCE / "02-two-by-two.json").read_text())["checks"]
    if check["id"].partition(".")[2] in IN_R and not check["id"].startswith("zero_row")
]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check["id"])
def test_p_values_of_a_table_agree_with_r(check):
    name, _, what = check["id"].partition(".")
    a, b, c, d = tables()[name]
    assert p_values(a, a + b, c, c + d)[IN_R[what]] == pytest.approx(check["expected"], rel=1e-6)


def test_a_table_with_an_empty_margin_or_more_patients_than_there_are_has_no_test():
    assert p_values(0, 5, 0, 5) == p_values(5, 5, 5, 5) == p_values(6, 5, 1, 5) == p_values(0, 0, 1, 5) == {}
    assert one_sided_p_values(0, 5, 0, 5) == {}


@given(st.integers(0, 12), st.integers(1, 12), st.integers(0, 12), st.integers(1, 12))
def test_the_one_sided_p_is_that_of_the_smaller_tail(a, n, b, m):
    if a > n or b > m or not 0 < a + b < n + m:
        return
    tails = [fisher_exact([[a, n - a], [b, m - b]], alternative=side).pvalue for side in ("less", "greater")]
    assert one_sided_p_values(a, n, b, m)["Fisher's exact test"] == pytest.approx(min(tails))


@given(st.floats(-1e6, 1e6), st.integers(0, 4))
def test_a_value_lies_within_the_spread_of_its_rounded_form(value, decimals):
    assert within(value, spread(number(value, decimals)))


@given(st.floats(0, 1e5), st.integers(0, 4))
def test_a_value_that_was_cut_off_lies_within_what_may_have_been_cut_off(value, decimals):
    kept = math.floor(value * 10**decimals) / 10**decimals
    assert within(value, cut_off(Number(kept, decimals)))


def test_a_sign_opens_the_spread():
    assert p_spread(Number(0.001, 3, "<")) == pytest.approx((0, 0.001))
    assert p_spread(Number(0.05, 2, ">")) == pytest.approx((0.05, 1))
    assert p_spread(Number(0.003, 3)) == pytest.approx((0.0025, 0.0035))


@given(PERCENT, st.integers(1, 90))
def test_counts_for_a_percentage_are_those_that_print_as_it(percent, total):
    fitting = [n for n in range(total + 1) if abs(100 * n / total - percent.value) <= 0.05 + 1e-9]
    assert list(counts_for(percent, total)) == fitting


@given(PERCENT)
def test_totals_for_a_percentage_are_all_that_some_count_gives(percent):
    fitting = [t for t in range(60, 1, -1) if any(abs(100 * n / t - percent.value) <= 0.05 + 1e-9 for n in range(t + 1))]
    assert [total for _, total in totals_for(percent, 60)] == fitting


@given(st.integers(1, 60), PERCENT)
def test_totals_of_a_count_are_all_of_which_it_is_that_percentage(count, percent):
    fitting = [t for t in range(count, 3000) if abs(100 * count / t - percent.value) <= 0.05 + 1e-9]
    assert [total for total in totals_of_count(count, spread(percent)) if total < 3000] == fitting


@given(PERCENT, st.integers(1000, 5000))
def test_no_percentage_can_be_ruled_out_of_a_large_total(percent, total):
    assert always_possible(percent, total) and counts_for(percent, total)


def test_four_per_cent_is_no_share_of_78_but_is_one_of_75():
    assert not counts_for(Number(4.0, 1), 78)
    assert list(totals_for(Number(4.0, 1), 78))[:3] == [(3, 75), (2, 50), (1, 25)]


@given(st.floats(0.0, 37.0))
def test_deviate_and_two_sided_p_are_inverse(z):
    assert deviate(two_sided(z)) == pytest.approx(z, abs=1e-6)


@given(st.floats(-2.5, 2.5), st.floats(0.05, 1.5))
def test_the_wald_p_of_a_printed_ratio_spans_the_p_before_rounding(log_ratio, error):
    printed = [number(math.exp(log_ratio + arm * error), 2) for arm in (0, -1.959964, 1.959964)]
    given_ = interval(*printed, log=True)
    if given_ is None:
        touching = printed[2].value - printed[1].value < 0.0101
        assert printed[1].value < 0.01 or touching
        return
    low, high = wald(given_)
    assert low * (1 - 1e-6) <= two_sided(log_ratio / error) <= high * (1 + 1e-6)
    assert asymmetry(given_) == 1


def test_the_published_ratios_have_the_p_values_printed_beside_them():
    patent = interval(Number(87.6, 1), Number(4.77, 2), Number(1608.9, 1), log=True)
    maintained = interval(Number(5.72, 2), Number(1.45, 2), Number(22.6, 1), log=True)
    assert patent and maintained
    assert wald(patent) == pytest.approx((0.00258, 0.00260), abs=2e-5)
    assert wald(maintained)[0] < 0.013 < wald(maintained)[1]


def test_an_interval_that_cannot_be_put_on_its_scale_is_none():
    assert interval(Number(1.2, 1), Number(0.0, 1), Number(3.0, 1), log=True) is None
    assert interval(Number(1.2, 1), Number(3.0, 1), Number(0.5, 1), log=True) is None
    assert interval(Number(1.2, 1), Number(0.5, 1), Number(10, 0, ">"), log=True) is None


def test_asymmetry_is_the_ratio_of_the_arms():
    exact = (0.0, 0.0)
    assert asymmetry(Interval(exact, (-1.0, -1.0), (2.0, 2.0), 1.96)) == pytest.approx(2)
    assert asymmetry(Interval(exact, (-1.0, -1.0), (0.0, 0.0), 1.96)) == math.inf
