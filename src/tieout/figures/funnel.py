"""Funnel plots: sites by size and value with the limits of chance; only the own site is named."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

from tieout.display import Profile, exact, number
from tieout.figures.axis import (
    REACH,
    Axis,
    Place,
    around,
    inside,
    level,
    levels,
    named,
    pieces,
    rising,
    size_of,
    tick_words,
    widest,
    written,
)
from tieout.figures.drawing import Drawing, Rows, lowered, nothing
from tieout.figures.sheet import (
    ABOVE,
    GREY,
    INK,
    LEADING,
    MARK,
    PAD,
    SINGLE,
    SIZE,
    TOP,
    Sheet,
    blank,
    block,
    cut,
    diamond,
    dots,
    measure,
    onto,
    outline,
    put,
    saved,
    stamp,
    stamped,
    tidy,
    wrapped,
)
from tieout.results import Results

HIGH = 100.0
OWN = "This site"
DIAMOND, CIRCLE = 3.6, 1.6
LIMITS = {"95": (1, 2), "99.8": (3, 4)}
"""Where the lower and the upper limit stand in a row of a chart's limits, after the size."""

Limits = tuple[tuple[float | None, ...], ...]


@dataclass(frozen=True)
class Plot:
    """What is drawn alike for all sites: everything but the sites themselves."""

    title: str
    size_label: str
    unit: str
    centre: float
    limits: Limits
    sizes: tuple[float, ...]
    largest: float
    values: tuple[float, ...]
    note: str
    profile: Profile


def funnel(results: Results, of: str, profile: Profile) -> Drawing:
    """Return a funnel plot: sites as circles, the own as a diamond, the registry's value and the limits about it.

    Source: Spiegelhalter, Statistics in Medicine 2005;24:1185-202, for the plot; the limits are the analysis's.
    """
    chart = results.meta["charts"][of]
    others = sorted((float(size), float(value)) for size, value in chart["points"])
    own = (float(chart["own"][0]), float(chart["own"][1])) if chart["own"] else None
    if not others and not own:
        return nothing(f"There is no funnel plot of {tidy(chart['label'])} to draw: no site has a value to show.")
    limits = tuple(map(tuple, chart["limits"]))
    sites = [*others, own] if own else others

    def paint() -> Sheet:
        plot = planned(chart, limits, sites, profile)
        sheet, (circles, diamonds, words_at) = paint_ground(plot), placed(plot, others, own)
        if circles:
            dots(sheet, circles, CIRCLE, face="none", edge=GREY)
        for x, y in diamonds:
            paint_own(sheet, x, y, words_at)
        return sheet

    def svg(synthetic: bool) -> bytes:
        plot = planned(chart, limits, sites, profile)
        return onto(ground(plot, synthetic), "".join(marks(*placed(plot, others, own)))).encode()

    text = said(chart, limits, others, own, profile)
    return Drawing(text, rows(chart, limits, others, own, profile), paint, svg)


def planned(chart: dict[str, Any], limits: Limits, sites: Sequence[Place], profile: Profile) -> Plot:
    """Return what all sites share; few numbers of it depend on the own site, so that plots are often equal."""
    unit, centre = chart["unit"], float(chart["centre"])
    largest = max([size for size, _ in sites] + [float(row[0] or 0) for row in limits])
    whole = all(size == int(size) for size, _ in sites)
    final = [limit for limit in (limits[-1][1:] if limits else ()) if limit is not None]
    values = [value for _, value in sites] + [centre, *final]
    if not unit:
        values.append(1.5 * centre)
    return Plot(
        tidy(f"{chart['label']} ({unit})" if unit else chart["label"]), tidy(chart["size_label"]), unit, centre, limits,
        tuple(tick for tick in levels(0, largest, 5, whole) if tick <= largest), largest * 1.04,
        around(values, unit, 5), hidden(chart["hidden"], profile), profile,
    )  # fmt: skip


def hidden(sites: int, profile: Profile) -> str:
    if not sites:
        return ""
    counted = f"{number(exact(sites), 0, profile)} sites" if sites > 1 else "1 site"
    return f"{counted} with small numbers {'are' if sites > 1 else 'is'} not drawn."


# The words


def said(chart: dict[str, Any], limits: Limits, others: Sequence[Place], own: Place | None, profile: Profile) -> str:
    unit, size_label = chart["unit"], lowered(tidy(chart["size_label"]))
    drawn = f"{number(exact(len(others)), 0, profile)} other {'site' if len(others) == 1 else 'sites'}"
    text = [
        f"Funnel plot of {tidy(chart['label'])} by {size_label}: {drawn}; "
        f"registry {written(float(chart['centre']), unit, profile)}."
    ]
    if own:
        size, value = own
        at = f"{written(value, unit, profile)} ({size_label}: {size_of(size, profile)})"
        where = against(own, chart.get("own_limits") or at_size(size, limits))
        text.append(f"{OWN}: {at}, {where}.")
    return " ".join([*text, hidden(chart["hidden"], profile)])


def against(own: Place, here: Sequence[float | None]) -> str:
    """Return where a site lies against the limits at its size."""
    if not any(limit is not None for limit in here):
        return "where no limits are drawn"
    for name, (low, high) in reversed(LIMITS.items()):
        where = side(own[1], here[low - 1], here[high - 1])
        if where:
            inner = "" if name == "99.8" else " and within the 99.8% limits"
            return f"{where} the {name}% limits{inner}"
    return "within the 95% limits"


def side(value: float, low: float | None, high: float | None) -> str:
    if low is not None and value < low:
        return "below"
    return "above" if high is not None and value > high else ""


def at_size(size: float, limits: Limits) -> list[float | None]:
    """Return the four limits at a size; between two sizes they lie on the line that is drawn."""
    for row in limits:
        if row[0] == size:
            return list(row[1:])
    for left, right in pairwise(limits):
        if (left[0] or 0) < size < (right[0] or 0):
            share = (size - left[0]) / (right[0] - left[0])  # type: ignore[operator]
            pairs = zip(left[1:], right[1:], strict=True)
            return [None if a is None or b is None else a + share * (b - a) for a, b in pairs]
    return [None] * 4


def rows(chart: dict[str, Any], limits: Limits, others: Sequence[Place], own: Place | None, profile: Profile) -> Rows:
    """Return the sites in the order of their size, which says nothing of who they are, then the limits."""
    unit = chart["unit"]
    title = tidy(f"{chart['label']} ({unit})" if unit else chart["label"])
    header = ("Drawn", tidy(chart["size_label"]), title, *(f"{end} {n}% limit" for n in LIMITS for end in ENDS))
    sites = [("Other site", place) for place in others] + ([(OWN, own)] if own else [])
    empty = ("",) * 4
    return (
        header,
        ("Registry", "", written(float(chart["centre"]), unit, profile), *empty),
        *((name, size_of(size, profile), written(value, unit, profile), *empty) for name, (size, value) in sites),
        *limit_rows(limits, unit, profile),
    )


ENDS = ("Lower", "Upper")


@lru_cache(maxsize=64)
def limit_rows(limits: Limits, unit: str, profile: Profile) -> Rows:
    return tuple(
        (
            "Limits",
            size_of(row[0] or 0, profile),
            "",
            *("" if limit is None else written(limit, unit, profile) for limit in row[1:]),
        )
        for row in limits
    )


# The picture


@lru_cache(maxsize=256)
def axes(plot: Plot) -> tuple[Axis, Axis]:
    """Return the axes of sizes and of values."""
    left = widest(tick_words(plot.values, plot.profile), SIZE)
    right = max(measure(label) for label in (*(f"{name}% limits" for name in LIMITS), registry(plot))) + REACH + 2
    top = TOP + len(wrapped(plot.title, SINGLE)) * LEADING + PAD
    return (
        Axis(0, plot.largest, left, SINGLE - right, plot.sizes),
        Axis(plot.values[0], plot.values[-1], top + HIGH, top, plot.values),
    )


def registry(plot: Plot) -> str:
    return f"Registry {written(plot.centre, plot.unit, plot.profile)}"


def on_sheet(sites: Iterable[Place], across: Axis, up: Axis) -> list[Place]:
    return [(across.at(size), up.at(value)) for size, value in sites]


@lru_cache(maxsize=256)
def lines(plot: Plot) -> dict[str, list[list[Place]]]:
    """Return the limits as lines on the sheet, cut where there are none and where they leave the axis."""
    across, up = axes(plot)
    return {
        name: [
            on_sheet(run, across, up)
            for column in columns
            for piece in pieces((float(row[0] or 0), row[column]) for row in plot.limits)
            for run in inside(piece, up.low, up.high)
        ]
        for name, columns in LIMITS.items()
    }


@lru_cache(maxsize=64)
def ground(plot: Plot, synthetic: bool) -> str:
    """Return the picture without its sites, painted once for all whose plots are equal."""
    return saved(stamped(paint_ground(plot), synthetic), "svg").decode()


def paint_ground(plot: Plot) -> Sheet:
    """Paint title, axes, limits and the registry's value."""
    sheet, (across, up) = blank(SINGLE), axes(plot)
    block(sheet, 0, TOP, wrapped(plot.title, SINGLE))
    for name, runs in lines(plot).items():
        for run in runs:
            outline(sheet, run, color=INK, width=0.6 if name == "95" else 0.4, dashed=name == "95")
    middle = up.at(plot.centre)
    outline(sheet, [(across.start, middle), (across.end, middle)], width=0.8)
    named(sheet, across.end, [(across.end - 1, middle, registry(plot)), *limit_ends(plot, middle)], up.end, up.start)
    rising(sheet, up, across.start, tick_words(up.ticks, plot.profile))
    y = level(sheet, across, up.start, tick_words(across.ticks, plot.profile))
    put(sheet, (across.start + across.end) / 2, y + LEADING / 2, plot.size_label, ha="center")
    return cut(sheet, block(sheet, 0, y + LEADING + 3, wrapped(plot.note, SINGLE), color=GREY) + 2)


def limit_ends(plot: Plot, middle: float) -> Iterator[tuple[float, float, str]]:
    """Yield where each pair of limits ends at the right: the end that is further from the middle."""
    for name, runs in lines(plot).items():
        if runs:
            x, y = max((run[-1] for run in runs), key=lambda end: (end[0], abs(end[1] - middle)))
            yield x, y, f"{name}% limits"


# The sites


def placed(plot: Plot, others: Sequence[Place], own: Place | None) -> tuple[list[Place], list[Place], Place]:
    """Return where on the sheet the other sites stand, the own one, and its words from there."""
    across, up = axes(plot)
    circles, diamonds = on_sheet(others, across, up), on_sheet([own] if own else [], across, up)
    return circles, diamonds, beside(plot, circles, diamonds[0]) if diamonds else CLOSE[0]


def marks(circles: list[Place], diamonds: list[Place], words_at: Place) -> Iterator[str]:
    """Yield the sites as SVG: the same marks that are painted, set in their places."""
    if circles:
        yield f"<defs>{circle()}</defs>"
    for x, y in circles:
        yield f'\n<use xlink:href="#site" x="{x:.3f}" y="{y:.3f}"/>'
    for x, y in diamonds:
        yield f'\n<g transform="translate({x:.3f} {y:.3f})">{own_stamp(words_at)}</g>'


@lru_cache(maxsize=1)
def circle() -> str:
    return stamp("site", lambda sheet, x, y: dots(sheet, [(x, y)], CIRCLE, face="none", edge=GREY))


@lru_cache(maxsize=256)
def own_stamp(words_at: Place) -> str:
    return stamp("own", lambda sheet, x, y: paint_own(sheet, x, y, words_at))


def paint_own(sheet: Sheet, x: float, y: float, words_at: Place) -> None:
    """Paint the own site with its words, whose middle is `words_at` from it; far words are joined to it."""
    right, down = words_at
    put(sheet, x + right, y + down, OWN, ha="center", color=MARK)
    if words_at not in CLOSE:
        half = min(max(-right, -measure(OWN) / 2), measure(OWN) / 2)
        end = (x + right + half, y + down - math.copysign(LEADING / 2, down))
        outline(sheet, [(x, y), end], color=MARK, width=0.5, depth=ABOVE)
    diamond(sheet, x, y, DIAMOND, MARK)


ASIDE = 22.0
CLOSE = [(side * ASIDE, down * 7.0) for down in (0, -1, 1) for side in (1, -1)] + [(0.0, -10.0), (0.0, 10.0)]
FAR = [
    (round(far * math.cos(angle * math.pi / 8), 1), round(far * math.sin(angle * math.pi / 8), 1))
    for far in (24, 34, 46, 60, 76, 94)
    for angle in (1, 15, 3, 13, 5, 11, 7, 9, 2, 14, 4, 12, 6, 10)
]


def beside(plot: Plot, circles: list[Place], own: Place) -> Place:
    """Return where the own site's words stand from its mark: near it, over no other site and, if possible, no line."""
    import numpy as np

    across, up = axes(plot)
    ways = np.array([*CLOSE, *FAR])
    x, y = (ways + own).T
    wide, high = measure(OWN) / 2 + 1, LEADING / 2

    def covers(places: Any, space: float) -> Any:
        near = np.abs(x[:, None] - places[:, 0]) < wide + space
        return (near & (np.abs(y[:, None] - places[:, 1]) < high + space)).any(axis=1)

    outside = (x < across.start + wide) | (x > across.end - wide) | (y < up.end) | (y > up.start - high)
    over = covers(np.array(circles), CIRCLE) if circles else 0
    cost = np.hypot(*ways.T) + 10_000 * outside + 1000 * over + 40 * covers(beads(plot), 0)
    return [*CLOSE, *FAR][int(cost.argmin())]


@lru_cache(maxsize=256)
def beads(plot: Plot) -> Any:
    """Return places along all lines, about two points apart."""
    import numpy as np

    across, up = axes(plot)
    middle = up.at(plot.centre)
    runs = [run for each in lines(plot).values() for run in each] + [[(across.start, middle), (across.end, middle)]]
    found = []
    for run in runs:
        corners = np.array(run)
        along = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(corners, axis=0).T))])
        steps = np.arange(0, along[-1] + 1, 2)
        found.append(np.column_stack([np.interp(steps, along, corners[:, column]) for column in (0, 1)]))
    return np.concatenate(found)
