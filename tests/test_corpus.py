"""The corpus itself: its size, its names, and that every annotated number is printed and agrees with its neighbours."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from corpus_of import Entry, entries

KINDS = {
    "count": {"count"},
    "count_of_total": {"count", "total", "percent", "low", "high"},
    "percent": {"percent", "count", "low", "high"},
    "ratio_ci": {"measure", "estimate", "low", "high", "p", "p_operator"},
    "difference_ci": {"measure", "estimate", "low", "high", "p", "p_operator"},
    "auc_ci": {"measure", "estimate", "low", "high", "p", "p_operator"},
    "median_iqr": {"estimate", "low", "high"},
    "mean_sd": {"estimate", "sd"},
    "p_value": {"p", "p_operator"},
}
MEASURES = {
    "ratio_ci": {"OR", "aOR", "HR", "aHR", "RR", "aRR", "IRR", "aIRR"},
    "difference_ci": {"RD", "MD"},
    "auc_ci": {"AUC"},
}
WORDS = {
    "one": 1, "three": 3, "four": 4, "nine": 9, "eleven": 11, "twelve": 12, "eighty-four": 84, "eighty-six": 86,
    "two hundred and eight": 208, "three hundred and fifty-six": 356,
}  # fmt: skip
ALL = entries()
SOUND = [entry for entry in ALL if entry.planted is None]
PLANTED = [entry for entry in ALL if entry.planted is not None]


def printed(text: str) -> Counter[float]:
    """Every number of a text, with how often it is printed; a minus sign counts as a dash and as a sign."""
    text = text.replace("\u00a0", " ").replace("−", "-").replace("·", ".")
    text = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text)
    found: Counter[float] = Counter()
    for sign, number in re.findall(r"(-?)(\d+\.\d+|\.\d+|\d+)", text):
        found[float(number)] += 1
        if sign:
            found[-float(number)] += 1
    for word, value in WORDS.items():
        found[float(value)] += len(re.findall(rf"\b{word}\b", text, re.IGNORECASE))
    return found


def named(rows: list[Entry]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("entry", rows, ids=[row.name for row in rows])


def test_sizes() -> None:
    assert len(ALL) >= 66
    assert sum(len(entry.figures) for entry in ALL) >= 650
    assert len(entries("traps")) >= 20
    assert len(entries("planted")) >= 36
    assert {entry.file for entry in PLANTED} == {"planted.yaml"}
    assert all(entry.planted for entry in entries("planted"))


def test_names_are_unique() -> None:
    assert [name for name, times in Counter(entry.name for entry in ALL).items() if times > 1] == []


def test_every_kind_is_well_represented() -> None:
    kinds = Counter(figure["kind"] for entry in SOUND for figure in entry.figures)
    assert set(kinds) == set(KINDS)
    assert min(kinds.values()) >= 10


def test_planted_kinds() -> None:
    kinds = Counter(entry.planted["kind"] for entry in PLANTED if entry.planted)
    assert len(kinds) >= 12
    assert min(kinds.values()) >= 3


@named(PLANTED)
def test_the_planted_error_is_in_the_text(entry: Entry) -> None:
    assert entry.planted is not None
    assert set(entry.planted) == {"kind", "figure"}
    assert entry.planted["figure"] in entry.text


@named(ALL)
def test_figures_are_well_formed(entry: Entry) -> None:
    assert entry.figures
    for figure in entry.figures:
        parts = set(figure) - {"kind"}
        assert parts and parts <= KINDS[figure["kind"]], figure
        assert ("p" in parts) == ("p_operator" in parts), figure
        assert figure.get("p_operator", "=") in set("=<>≤≥")
        if figure["kind"] in MEASURES:
            assert figure["measure"] in MEASURES[figure["kind"]]
        for part in parts - {"measure", "p_operator"}:
            assert isinstance(figure[part], int | float), (part, figure)


@named(ALL)
def test_every_number_is_printed(entry: Entry) -> None:
    there = printed(entry.text)
    wanted: Counter[float] = Counter()
    for figure in entry.figures:
        cell = figure["kind"] == "count_of_total"
        for part, value in figure.items():
            if part in {"kind", "measure", "p_operator"} or (cell and part == "total"):
                continue
            wanted[float(value)] += 1
        if cell:
            assert there[float(figure["total"])], figure
    missing = {value: (times, there[value]) for value, times in wanted.items() if there[value] < times}
    assert not missing


@named(SOUND)
def test_the_parts_agree(entry: Entry) -> None:
    for figure in entry.figures:
        low, high = figure.get("low"), figure.get("high")
        if low is not None:
            middle = figure.get("estimate", figure.get("percent"))
            assert low <= middle <= high, figure
        if figure["kind"] == "count_of_total":
            assert figure["count"] <= figure["total"], figure
            if "percent" in figure:
                exact = 100 * figure["count"] / figure["total"]
                decimals = len(str(figure["percent"]).partition(".")[2]) if figure["percent"] % 1 else 0
                step = 10.0**-decimals if decimals else (0.1 if exact % 1 < 0.05 or exact % 1 >= 0.95 else 1.0)
                assert abs(exact - figure["percent"]) <= step / 2 + 1e-9, figure
        if "p" in figure:
            assert 0 <= figure["p"] <= 1, figure
        if figure["kind"] == "ratio_ci" and low is not None:
            assert low > 0, figure
