"""The balance of two groups before and after weighting: a standardised mean difference of each term, on one axis."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tieout.display import Profile
from tieout.figures.axis import Axis, around, level, tick_words
from tieout.figures.drawing import Drawing, looking, nothing, told
from tieout.figures.forest import filled, opened
from tieout.figures.sheet import (
    BEHIND,
    GAP,
    GREY,
    LEADING,
    PAD,
    TOP,
    WIDE,
    Sheet,
    blank,
    block,
    cut,
    measure,
    outline,
    put,
    tidy,
    wrapped,
)
from tieout.results import Results
from tieout.tables import reasons

BALANCED = 0.1
"""Groups that differ by less are usually called balanced (Austin, Stat Med 2009;28:3083)."""
FITS = {"smd": "Before weighting", "weighted_smd": "After weighting"}
MARKERS: dict[str, Callable[[Sheet, float, float], None]] = {"smd": opened, "weighted_smd": filled}


@dataclass(frozen=True)
class Line:
    """One term: its label, and by fit what is told of its difference, the value if there is one, and else why not."""

    label: str
    told: dict[str, str]
    values: dict[str, float]
    reasons: dict[str, str]


def love(results: Results, of: str, profile: Profile) -> Drawing:
    """Return the standardised mean differences of a propensity score's terms, before and after weighting."""
    layout = results.meta["layout"]["propensity"][of]
    lines = [line(results, f"propensity.{of}.balance.{term}", profile) for term in layout["terms"]]
    if not lines:
        return nothing("There are no differences to draw: the propensity score has no terms.")
    rows = (("Term", *FITS.values()), *((each.label, *each.told.values()) for each in lines))
    said = "; ".join(f"{each.label}: {each.told['smd']} before, {each.told['weighted_smd']} after" for each in lines)
    alt = f"Love plot of standardised mean differences before and after weighting, {tidy(layout['label'])}: {said}."
    why = "; ".join(dict.fromkeys(reason for each in lines for reason in each.reasons.values()))
    note = f"{profile.not_estimable}, not estimable: {why}." if why else ""
    return Drawing(alt, rows, lambda: paint_love(lines, note, profile))


def line(results: Results, path: str, profile: Profile) -> Line:
    found = {fit: results[f"{path}.{fit}"] for fit in FITS}
    why = {fit: tidy(reasons(looking(results, f"{path}.{fit}"), "value", profile)) for fit in FITS}
    return Line(
        tidy(found["smd"].variable_label),
        {fit: told(results, f"{path}.{fit}", "value", profile) for fit in FITS},
        {fit: s.value for fit, s in found.items() if s.value is not None},
        {fit: reason for fit, reason in why.items() if reason},
    )


def paint_love(lines: list[Line], note: str, profile: Profile) -> Sheet:
    """Paint labels, the two differences of each term on a linear axis from 0, and their text in aligned columns."""
    sheet = blank(WIDE)
    heads = [wrapped(name, 40) for name in FITS.values()]
    words = [(*head, *(each.told[fit] for each in lines)) for fit, head in zip(FITS, heads, strict=True)]
    widths = [max(map(measure, each)) for each in words]
    after_at = WIDE - 2 - widths[1]
    before_at = after_at - GAP - widths[0]
    labels = [wrapped(each.label, 0.34 * WIDE) for each in lines]
    start = max(measure(text) for label in labels for text in label) + GAP
    ticks = around([0.0, 2 * BALANCED, *(value for each in lines for value in each.values.values())], "", 6)
    axis = Axis(0.0, ticks[-1], start, before_at - GAP, ticks)
    y = TOP
    for at, head in zip((before_at, after_at), heads, strict=True):
        block(sheet, at, y, head)
    y = top = TOP + max(map(len, heads)) * LEADING + 5
    for each, label in zip(lines, labels, strict=True):
        y = painted(sheet, each, label, axis, y, (before_at, after_at))
    outline(sheet, [(axis.at(BALANCED), top), (axis.at(BALANCED), y + 2)], color=GREY, depth=BEHIND, dashed=True)
    outline(sheet, [(axis.at(0), top), (axis.at(0), y + 2)], color=GREY, depth=BEHIND)
    y = level(sheet, axis, y + 2, tick_words(ticks, profile))
    put(sheet, (axis.start + axis.end) / 2, y + LEADING / 2 + 2, "Standardised mean difference, without sign", ha="center")
    y = legend(sheet, y + 2 * LEADING, tick_words((BALANCED,), profile)[0])
    return cut(sheet, block(sheet, 0, y, wrapped(note, WIDE), color=GREY) + 2)


def painted(sheet: Sheet, each: Line, label: list[str], axis: Axis, y: float, columns: tuple[float, float]) -> float:
    """Paint one term, its two markers joined by a thin line, and return where the next begins."""
    height = max(len(label), 1) * (LEADING + 1) + 4
    middle = y + height / 2
    block(sheet, 0, middle - len(label) * LEADING / 2, label)
    places = {fit: axis.at(value) for fit, value in each.values.items()}
    if len(places) == len(FITS):
        outline(sheet, [(places["smd"], middle), (places["weighted_smd"], middle)], color=GREY, width=0.4, depth=BEHIND)
    for fit, x in places.items():
        MARKERS[fit](sheet, x, middle)
    for fit, at in zip(FITS, columns, strict=True):
        put(sheet, at, middle, each.told[fit])
    return y + height


def legend(sheet: Sheet, y: float, balanced: str) -> float:
    """Name the markers and the dashed line, and return where the next line begins."""
    x, row = 3.0, y + LEADING / 2
    for fit, words in FITS.items():
        MARKERS[fit](sheet, x, row)
        put(sheet, x + PAD, row, words)
        x += PAD + measure(words) + GAP
    outline(sheet, [(x, row), (x + 2 * PAD, row)], color=GREY, dashed=True)
    put(sheet, x + 3 * PAD, row, f"Difference of {balanced}")
    return y + LEADING + 2
