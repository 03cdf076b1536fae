"""The ratios of a model: estimates with their intervals on a logarithmic axis."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tieout.display import Profile, exact, plain
from tieout.figures.drawing import Drawing, looking, nothing, told
from tieout.figures.sheet import (
    BEHIND,
    GAP,
    GREY,
    INK,
    LEADING,
    PAD,
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
    tip,
    wrapped,
)
from tieout.results import Results
from tieout.tables import FITS, reasons, unit

BEYOND = 8.0
TICKS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)


@dataclass(frozen=True)
class Fit:
    """One estimate in words, as cells, and as (low, estimate, high), which is empty where there is none."""

    name: str
    said: str
    ratio: str
    p: str
    values: tuple[float, ...]
    reason: str


@dataclass(frozen=True)
class Line:
    """One line of a forest plot: a term with its fits, or a heading above the levels of a variable."""

    label: str
    full: str
    indent: float
    fits: tuple[Fit, ...] = ()


def forest(results: Results, of: str, profile: Profile) -> Drawing:
    """Return a model's multivariable ratios, with Firth's beside those that carry a warning."""
    layout = results.meta["layout"]["models"][of]
    lines = [line for term in layout["terms"] for line in term_lines(results, f"model.{of}", term, profile)]
    if not lines:
        return nothing("There are no ratios to draw: the model has no terms.")
    measure = measured(results, of)
    axis = f"{measure[:1].upper()}{measure[1:]} ({profile.confidence}% CI)"
    shown = [(line.full, fit) for line in lines for fit in line.fits]
    rows = (
        ("Factor", "Fit", axis, profile.p_symbol),
        *((name, fit.name, fit.ratio, fit.p) for name, fit in shown),
    )
    said = "; ".join(f"{name}{'' if fit.name == FITS[''] else f' ({fit.name})'}: {fit.said}" for name, fit in shown)
    text = f"Forest plot of {measure}s ({profile.confidence}% CI) for {tidy(layout['label'])}: {said}."
    why = "; ".join(dict.fromkeys(fit.reason for _, fit in shown if fit.reason))
    note = f"{profile.not_estimable}, not estimable: {why}." if why else ""
    ticks = {tick: plain(exact(tick), decimals(tick), profile) for tick in TICKS}
    return Drawing(text, rows, lambda: paint_forest(lines, axis, profile.p_symbol, note, ticks))


MEASURES = {
    "odds_ratio": "odds ratio",
    "common_odds_ratio": "common odds ratio",
    "hazard_ratio": "hazard ratio",
    "rate_ratio": "rate ratio",
}


def measured(results: Results, of: str) -> str:
    """Return what a model's estimates are, in words."""
    return next(MEASURES[s.kind] for s in results.under(f"model.{of}") if s.name == "estimate")


def decimals(tick: float) -> int:
    return max(0, -math.floor(math.log10(tick)))


def term_lines(results: Results, path: str, term: str, profile: Profile) -> list[Line]:
    """Return the lines of one term: its own, or a heading and one for each level."""
    found = [s for s in results.under(f"{path}.{term}") if s.name == "estimate"]
    lines = []
    if found and found[0].level:
        lines.append(Line(tidy(f"{found[0].variable_label} (reference: {found[0].group})"), "", 0))
    for estimate in found:
        own = tidy(estimate.level_label or estimate.variable_label + unit(estimate))
        full = f"{tidy(estimate.variable_label)}, {own}" if estimate.level else own
        inner = estimate.key.removeprefix(f"{path}.").removesuffix(".estimate")
        fits = [fit(results, f"{path}.{inner}", FITS[""], profile)]
        if estimate.warning and f"{path}.firth.{inner}.estimate" in results:
            fits.append(fit(results, f"{path}.firth.{inner}", FITS["firth"], profile))
        lines.append(Line(own, full, 1.5 * PAD if estimate.level else 0, tuple(fits)))
    return lines


def fit(results: Results, key: str, name: str, profile: Profile) -> Fit:
    look = looking(results, key)
    reason = tidy(reasons(look, "ratio_interval", profile))
    ratio = told(results, key, "ratio_interval", profile)
    p = "" if reason else told(results, f"{key}.p", "value", profile)
    said = f"not estimable ({reason})" if reason else f"{ratio}, {told(results, key, 'p', profile)}"
    values = () if reason else tuple(look(part).value or 0.0 for part in ("low", "estimate", "high"))
    return Fit(name, said, ratio, p, values, reason)


def paint_forest(lines: list[Line], axis: str, p_symbol: str, note: str, ticks: dict[float, str]) -> Sheet:
    """Paint labels, estimates on a logarithmic axis, and their text in aligned columns."""
    sheet, fits = blank(WIDE), [each for line in lines for each in line.fits]
    labels = [wrapped(line.label, 0.34 * WIDE - line.indent) for line in lines]
    p_at = WIDE - 2 - max(measure(text) for text in (p_symbol, *(each.p for each in fits)))
    ratio_at = p_at - GAP - max(measure(text) for text in (axis, *(each.ratio for each in fits)))
    start = max(line.indent + measure(text) for line, label in zip(lines, labels, strict=True) for text in label)
    start += GAP + BEYOND
    low, high = reach([each.values for each in fits])
    scale = (ratio_at - GAP - BEYOND - start) / math.log(high / low)

    def at(value: float) -> float:
        return start + scale * math.log(min(max(value, low), high) / low)

    put(sheet, ratio_at, TOP + LEADING / 2, axis)
    put(sheet, p_at, TOP + LEADING / 2, p_symbol, italic=True)
    y = top = TOP + LEADING + 5
    for line, label in zip(lines, labels, strict=True):
        height = max(len(label), len(line.fits)) * (LEADING + 1) + 4
        block(sheet, line.indent, y + (height - len(label) * LEADING) / 2, label)
        for order, each in enumerate(line.fits):
            row = y + height / 2 + (order - (len(line.fits) - 1) / 2) * (LEADING + 1)
            put(sheet, ratio_at, row, each.ratio)
            put(sheet, p_at, row, each.p)
            marked(sheet, row, each, at, (low, high))
        y += height
    outline(sheet, [(at(1), top), (at(1), y + 2)], color=GREY, depth=BEHIND)
    y = scaled(sheet, y + 2, at, {tick: text for tick, text in ticks.items() if low <= tick <= high})
    put(sheet, (start + at(high)) / 2, y, f"{axis}, log scale", ha="center")
    y = key(sheet, y + LEADING, list(dict.fromkeys(each.name for each in fits)))
    return cut(sheet, block(sheet, 0, y, wrapped(note, WIDE), color=GREY) + 2)


def reach(values: Iterable[tuple[float, ...]]) -> tuple[float, float]:
    """Return the ends of the axis: the ticks next beyond the intervals, at most the first and the last."""
    ends = [end for each in values if each for end in (each[0], each[-1])]
    low = max((tick for tick in TICKS if tick <= min([0.5, *ends])), default=TICKS[0])
    return low, min((tick for tick in TICKS if tick >= max([2, *ends])), default=TICKS[-1])


def marked(sheet: Sheet, y: float, each: Fit, at: Callable[[float], float], ends: tuple[float, float]) -> None:
    """Paint an interval and its estimate; what lies beyond the axis becomes an arrow."""
    if not each.values:
        return
    low, estimate, high = each.values
    left = at(low) - (BEYOND if low < ends[0] else 0)
    right = at(high) + (BEYOND if high > ends[1] else 0)
    outline(sheet, [(max(left, at(low) - BEYOND + 3), y), (min(right, at(high) + BEYOND - 3), y)], width=0.8)
    if left < at(low):
        tip(sheet, (left, y), (-1, 0))
    if right > at(high):
        tip(sheet, (right, y), (1, 0))
    if ends[0] <= estimate <= ends[1]:
        MARKERS[each.name](sheet, at(estimate), y)


def filled(sheet: Sheet, x: float, y: float) -> None:
    """Paint the mark of an estimate of the main model."""
    frame(sheet, x - 1.7, y - 1.7, 3.4, 3.4, face=INK)


def opened(sheet: Sheet, x: float, y: float) -> None:
    """Paint the mark of an estimate of the model beside it."""
    from matplotlib.patches import Circle

    circle = Circle((x, y), 2.2, facecolor="white", edgecolor=INK, linewidth=0.8)
    circle.set_transform(sheet.points)
    sheet.figure.add_artist(circle)


MARKERS = {FITS[""]: filled, FITS["firth"]: opened}


def scaled(sheet: Sheet, y: float, at: Callable[[float], float], ticks: dict[float, str]) -> float:
    """Paint the axis, leaving out the numbers that would touch, and return where its label stands."""
    places = {tick: at(tick) for tick in ticks}
    ends = min(places), max(places)
    outline(sheet, [(places[end], y) for end in ends])
    taken: list[tuple[float, float]] = []
    for tick in sorted(places, key=lambda tick: (tick not in ends, math.log10(tick) % 1 > 0, tick)):
        x, half = places[tick], measure(ticks[tick]) / 2 + 1.5
        fits = all(x + half < left or x - half > right for left, right in taken)
        outline(sheet, [(x, y), (x, y + (3 if fits else 2))])
        if fits:
            put(sheet, x, y + 3 + LEADING / 2, ticks[tick], ha="center")
            taken.append((x - half, x + half))
    return y + 3 + 1.6 * LEADING


def key(sheet: Sheet, y: float, names: list[str]) -> float:
    """Name the markers where there is more than one kind, and return where the next line begins."""
    if len(names) < 2:
        return y
    x = 3.0
    for name in names:
        MARKERS[name](sheet, x, y + LEADING / 2)
        put(sheet, x + PAD, y + LEADING / 2, name)
        x += PAD + measure(name) + GAP
    return y + LEADING
