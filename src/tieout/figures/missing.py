"""The map of missing data: how many values each variable lacks, and which are missing together."""

from __future__ import annotations

from dataclasses import dataclass

from tieout.display import Profile, exact, number, percent
from tieout.figures.drawing import Drawing, nothing
from tieout.figures.sheet import (
    GREY,
    LEADING,
    PAD,
    SIZE,
    TOP,
    WIDE,
    Sheet,
    blank,
    block,
    cut,
    frame,
    measure,
    outline,
    put,
    tidy,
    wrapped,
)
from tieout.results import Results, Statistic

MOST = 12
"""Patterns that are shown each by itself."""
BAR, CELL, ROOM = 96.0, 13.0, 200.0
DIGIT = 4.6
"""Points that a digit takes at the most."""
FILLED, EMPTY = "#1f4e79", "#e9edf1"


@dataclass(frozen=True)
class Line:
    """One variable: its label, how many values are missing in words, their share, and in which patterns it is missing."""

    name: str
    label: str
    told: str
    share: float
    where: tuple[bool, ...]


@dataclass(frozen=True)
class Pattern:
    """Variables that are missing together, and in how many patients."""

    missing: frozenset[str]
    n: int


def missing(results: Results, of: str, profile: Profile) -> Drawing:
    """Return the variables of a table that lack values, most first, with the patterns in which they are missing together."""
    layout, path = results.meta["layout"]["tables"][of], f"table.{of}"
    everybody = results[f"{path}.patients.all.n"]
    order = sorted(
        (name for names in layout["sections"].values() for name in names),
        key=lambda name: -(results[f"{path}.{name}.all.missing"].value or 0),
    )
    found = [Pattern(frozenset(each["missing"]), each["n"]) for each in results.meta["patterns"][of]]
    found.sort(key=lambda each: (-each.n, len(each.missing), sorted(map(order.index, each.missing))))
    several = [each for each in found if each.missing]
    cell = wide_enough([each.n for each in several[:MOST]], profile)
    most = min(MOST, int(ROOM // cell))
    shown, rest = several[:most], several[most:]
    lacking = [
        line(results[f"{path}.{name}.all.missing"], name, int(everybody.value or 0), shown, profile)
        for name in order if results[f"{path}.{name}.all.missing"].value
    ]  # fmt: skip
    count = len(order)
    if not lacking:
        return nothing(f"There are no missing data to draw: none of the {count} variables lacks a value.")
    complete = sum(each.n for each in found if not each.missing)
    notes = [
        f"{written(count - len(lacking), profile)} of {written(count, profile)} variables lack no value and are not shown; "
        f"{written(complete, profile)} of {written(int(everybody.value or 0), profile)} patients lack none.",
    ]
    if rest:
        patients = sum(each.n for each in rest)
        notes.append(f"Not shown: {written(len(rest), profile)} further patterns of {written(patients, profile)} patients.")
    rows = [("Variable", "Missing"), *((each.label, each.told) for each in lacking)]
    label = {each.name: each.label for each in lacking}
    patterns = [(" and ".join(label[name] for name in sorted(p.missing)), written(p.n, profile)) for p in shown]
    said = "; ".join(f"{each.label} {each.told}" for each in lacking)
    alt = f"Map of missing data: {said}. {' '.join(notes)}"
    table = (*rows, ("Missing together", "Patients"), *((tidy(words), n) for words, n in patterns))
    return Drawing(alt, table, lambda: paint(lacking, [written(p.n, profile) for p in shown], cell, notes, profile))


def wide_enough(sizes: list[int], profile: Profile) -> float:
    """Return the width of a column of patterns: that of its number."""
    return max([CELL, *(DIGIT * len(written(size, profile)) + 4 for size in sizes)])


def line(statistic: Statistic, name: str, total: int, patterns: list[Pattern], profile: Profile) -> Line:
    n = int(statistic.value or 0)
    share = 100 * n / total
    of = Statistic("", share, "percent", "", n=n, total=total)
    told = f"{written(n, profile)} ({percent(of, profile)})"
    return Line(name, tidy(statistic.variable_label), told, share, tuple(name in each.missing for each in patterns))


def written(value: int, profile: Profile) -> str:
    return number(exact(value), 0, profile)


def paint(lines: list[Line], sizes: list[str], cell: float, notes: list[str], profile: Profile) -> Sheet:
    sheet = blank(WIDE)
    right = WIDE - len(sizes) * cell
    numbers = max(measure(each.told) for each in lines)
    bars = right - 2 * PAD - BAR if sizes else WIDE - BAR
    labels = bars - numbers - 3 * PAD
    y = TOP
    put(sheet, labels + 2 * PAD + numbers, y + LEADING / 2, f"Missing, n ({profile.percent})", ha="right", bold=True)
    if sizes:
        put(sheet, WIDE - 1, y + LEADING / 2, "Patients with this pattern", ha="right", bold=True)
    y += LEADING + PAD / 2
    for place, size in enumerate(sizes):
        put(sheet, right + (place + 0.5) * cell, y + LEADING / 2, size, ha="center")
    y += LEADING + PAD / 2
    widest = max(each.share for each in lines)
    for each in lines:
        words = wrapped(each.label, labels)
        high = max(len(words), 1) * LEADING + 3.5
        middle = y + high / 2
        block(sheet, 0, middle - len(words) * LEADING / 2, words)
        put(sheet, labels + 2 * PAD + numbers, middle, each.told, ha="right")
        frame(sheet, bars, middle - 3.2, max(0.8, BAR * each.share / widest), 6.4, face=FILLED, edge=FILLED)
        for place, gone in enumerate(each.where):
            frame(sheet, right + place * cell + 1, middle - 4.2, cell - 2, 8.4, face=FILLED if gone else EMPTY, edge="white")
        y += high
    outline(sheet, [(bars, TOP + 2 * LEADING + PAD), (bars, y)], color=GREY)
    y += PAD / 2
    for note in notes:
        y = block(sheet, 0, y, wrapped(note, WIDE), color=GREY)
    return cut(sheet, y + 0.3 * SIZE)
