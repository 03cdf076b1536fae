"""Cutting a text into numbers, words and signs."""

from __future__ import annotations

import pytest

from tieout.audit.tokens import tokens
from tieout.display import Profile, in_words


def numbers(text: str) -> list[tuple[float, int]]:
    return [(t.number.value, t.number.decimals) for t in tokens(text) if t.number]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1·84 (1·10–3·07)", [(1.84, 2), (1.1, 2), (3.07, 2)]),
        ("P<.001", [(0.001, 3)]),
        ("−2.1 (95% CI -3.9 to −0.3)", [(-2.1, 1), (95, 0), (-3.9, 1), (-0.3, 1)]),
        ("1,482 stents and 12 345 records", [(1482, 0), (12345, 0)]),
        ("2.3×10−5", [(2.3e-5, 6)]),
        ("12,5%", [(12.5, 1)]),
        ("follow-up at 3-month visits", [(3, 0)]),
        ("1.10-3.07", [(1.1, 2), (3.07, 2)]),
    ],
)
def test_every_spelling_of_a_number_is_read_as_printed(text, found):
    assert [(pytest.approx(value), decimals) for value, decimals in found] == numbers(text)


@pytest.mark.parametrize("count", [1, 12, 21, 77, 90, 100, 112, 478, 1000, 1078, 21_000, 999_999])
def test_a_number_in_words_reads_back(count):
    assert numbers(f"{in_words(count, Profile())} patients") == [(count, 0)]


def test_tokens_keep_their_places():
    text = "Seventy-seven patients (98.7%) were recanalised."
    assert all(t.spelled or t.kind in ("percent", "operator") or text[t.start : t.end] == t.text for t in tokens(text))
    assert text[slice(0, tokens(text)[0].end)] == "Seventy-seven"
