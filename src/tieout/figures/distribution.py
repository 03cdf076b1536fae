"""The distribution of a score: one stacked bar for each group."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import accumulate, pairwise

from tieout.display import PHRASES, Profile, exact, number
from tieout.figures.drawing import Drawing, Rows, looking, nothing, told
from tieout.figures.sheet import (
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
    frame,
    measure,
    outline,
    put,
    tidy,
    wrapped,
)
from tieout.keyed import words
from tieout.results import Results, Statistic
from tieout.tables import reasons

BAR, BETWEEN = 27.0, 20.0


@dataclass(frozen=True)
class Bar:
    """One group: its label and size, n, percentage and share of each grade, or why it cannot be drawn."""

    label: str
    size: str
    cells: Rows
    shares: tuple[float, ...]
    reason: str


def distribution(results: Results, of: str, profile: Profile) -> Drawing:
    """Return a shift's distribution: one stacked bar for each group, the first on top."""
    path, groups = f"shift.{of}", results.meta["layout"]["shifts"][of]["groups"]
    found = {group: [s for s in results.under(f"{path}.{group}") if s.name == "n"] for group in groups}
    found = {group: grades for group, grades in found.items() if grades}
    if not found:
        return nothing("There is no distribution to draw: no group has a score.")
    bars = [bar(results, f"{path}.{group}", grades, profile) for group, grades in found.items()]
    first = next(iter(found.values()))
    score, codes = tidy(first[0].variable_label), [tidy(grade.level_label) for grade in first]
    contrast = compared(results, path, profile)
    rows = [(each.label, code, *cell) for each in bars for code, cell in zip(codes, each.cells, strict=True)]
    rows += [(contrast, "", "", "")] if contrast else []
    said = "; ".join(f"{each.label}{each.size}: {each.reason or spread(codes, each)}" for each in bars)
    text = f"Stacked bars of {score} by group: {said}." + (f" {contrast}." if contrast else "")
    header = ("Group", score, "n", profile.percent)
    return Drawing(text, (header, *rows), lambda: paint_bars(score, codes, bars, contrast))


def spread(codes: list[str], each: Bar) -> str:
    return ", ".join(f"{code} in {n} ({share})" for code, (n, share) in zip(codes, each.cells, strict=True))


def bar(results: Results, path: str, grades: list[Statistic], profile: Profile) -> Bar:
    cells = tuple(
        tuple(told(results, f"{path}.{s.level}.{name}", "value", profile) for name in ("n", "pct")) for s in grades
    )
    percents = [results[f"{path}.{s.level}.pct"] for s in grades]
    why = dict.fromkeys(s.error for s in (*grades, *percents) if s.error)
    total = grades[0].total
    size = f" (n={number(exact(total), 0, profile)})" if total is not None else ""
    shares = () if why else tuple((s.value or 0) / 100 for s in percents)
    return Bar(tidy(grades[0].group_label), size, cells, shares, tidy("; ".join(why)))


def compared(results: Results, path: str, profile: Profile) -> str:
    """Return the common odds ratio in words, or "" where the study has none."""
    if f"{path}.estimate" not in results:
        return ""
    look = looking(results, path)
    label = tidy(look("estimate").label)
    if why := reasons(look, "estimate_ci_p", profile):
        return f"{label}: {profile.not_estimable} ({why})"
    interval, p = PHRASES["interval"](look, profile), PHRASES["p"](look, profile)
    return f"{label}: " + words([look("estimate"), " (", *interval, ")", profile.parts, *p], profile)


def paint_bars(score: str, codes: list[str], bars: list[Bar], contrast: str) -> Sheet:
    """Paint the bars under their legend, each boundary joined to the same one of the bar beneath."""
    sheet, shades = blank(WIDE), shading(len(codes))
    labels = [[*wrapped(each.label, 0.22 * WIDE), each.size.strip()] for each in bars]
    x = max(measure(line) for label in labels for line in label) + PAD
    y = legend(sheet, x, score, codes, shades)
    above: tuple[float, list[float]] = (y, [])
    for order, (each, label) in enumerate(zip(bars, labels, strict=True)):
        room = max(BAR, len(label) * LEADING)
        block(sheet, 0, y + (room - len(label) * LEADING) / 2, label)
        top = y + (room - BAR) / 2
        edges = list(accumulate(((WIDE - x - 1) * share for share in each.shares), initial=x))
        if each.reason:
            put(sheet, x, top + BAR / 2, f"Not drawn: {each.reason}", color=GREY)
        for upper, lower in dict.fromkeys(zip(above[1][1:-1], edges[1:-1], strict=False)):
            outline(sheet, [(upper, above[0]), (lower, top)], color=GREY)
        segments(sheet, top, -LEADING / 2 if order == 0 else BAR + LEADING / 2, edges, each, shades)
        above, y = (top + BAR, edges), y + room + BETWEEN
    y += LEADING + PAD - BETWEEN
    return cut(sheet, block(sheet, 0, y, wrapped(contrast, WIDE)) + 2)


def legend(sheet: Sheet, x: float, score: str, codes: list[str], shades: list[str]) -> float:
    """Paint the score's name and the shade of each grade, and return where the first bar begins."""
    lines = wrapped(score, WIDE - x)
    y = block(sheet, x, TOP, lines) - LEADING / 2
    at = x + measure(lines[-1]) + GAP
    for code, shade in zip(codes, shades, strict=True):
        for order, line in enumerate(wrapped(code, WIDE - x - 2 * LEADING)):
            step = LEADING + 4 + measure(line) + GAP
            if order or (at > x and at + step - GAP > WIDE):
                at, y = x, y + LEADING + 3
            if not order:
                frame(sheet, at, y - LEADING / 2, LEADING, LEADING, face=shade)
            put(sheet, at + LEADING + 4, y, line)
            at += step
    return y + 2.4 * LEADING


def segments(sheet: Sheet, y: float, outside: float, edges: list[float], each: Bar, shades: list[str]) -> None:
    """Paint a bar's segments, with n and percentage where they fit; n stands `outside` where it does not."""
    free = 0.0
    for (left, right), (n, share), shade in zip(pairwise(edges), each.cells, shades, strict=False):
        if right == left:
            continue
        middle, width = (left + right) / 2, right - left
        frame(sheet, left, y, width, BAR, face=shade)
        lines = [line for line in (n, share) if measure(line) + 3 < width]
        if n in lines:
            top = y + (BAR - len(lines) * LEADING) / 2
            block(sheet, middle, top, lines, ha="center", color=on(shade))
        else:
            middle = max(middle, free + measure(n) / 2)
            put(sheet, middle, y + outside, n, ha="center")
            free = middle + measure(n) / 2 + 2


@cache
def shading(grades: int) -> list[str]:
    """Return shades from light to dark, which keep their order in greyscale and to the colour-blind.

    The middle tones, on which neither black nor white text is legible, are passed over.
    Source: matplotlib's colour map "YlGnBu", whose lightness falls all the way.
    """
    from matplotlib import colormaps
    from matplotlib.colors import to_hex
    from numpy import linspace

    light = (grades + 1) // 2
    places = (*linspace(0.03, 0.5, light), *linspace(0.7, 1, grades - light))
    return [to_hex(colormaps["YlGnBu"](float(place))) for place in places]


def on(shade: str) -> str:
    """Return black or white, whichever has more contrast on a shade.

    Source: relative luminance and contrast ratio of WCAG 2; the two are equal at a luminance of 0.179.
    """
    channels = [int(shade[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    luminance = sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
    return "#ffffff" if luminance < 0.179 else "#000000"
