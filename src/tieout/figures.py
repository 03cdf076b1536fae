"""Results to a picture, its alternative text and the rows it draws."""

from __future__ import annotations

import csv
import io
import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import accumulate, pairwise
from typing import Any

from tieout.display import PHRASES, Profile, exact, number, plain
from tieout.keyed import words
from tieout.results import Results, Statistic
from tieout.tables import FITS, reasons, unit

Rows = tuple[tuple[str, ...], ...]

SINGLE, WIDE = 86 / 25.4 * 72, 178 / 25.4 * 72
SIZE, LEADING = 7.0, 9.0
TOP, PAD, GAP = 12.0, 6.0, 16.0
STEM = 0.42
BAR, BETWEEN = 27.0, 20.0
BEYOND = 8.0
TICKS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)
INK, GREY, PALE, MARK = "#1a1a1a", "#6b6b6b", "#f4f4f4", "#9c2a00"
FALLBACKS = (
    "Noto Sans CJK KR", "Noto Sans KR", "Apple SD Gothic Neo", "Malgun Gothic", "NanumGothic",
    "Noto Emoji", "Noto Sans Symbols2", "Segoe UI Symbol", "Apple Symbols", "Symbola",
)  # fmt: skip


@dataclass(frozen=True)
class Figure:
    """A picture in two formats, its alternative text, and the text that it draws as a header and rows."""

    name: str
    svg: bytes
    png: bytes
    alt: str
    rows: Rows


@dataclass(frozen=True)
class Drawing:
    """What a picture says, and how to paint it; nothing is drawn and no library loaded before `paint`."""

    alt: str
    rows: Rows
    paint: Callable[[], Sheet]


def draw(results: Results, name: str, profile: Profile) -> Figure:
    """Draw a declared figure as SVG and PNG; the same results give the same bytes.

    Text in the SVG is outlines, since no font is the same in a browser, in Typst and in a word processor.
    Both are in their final size (86 or 178 mm wide); the PNG has 300 dots per inch.
    """
    drawing = drawn(results, name, profile)
    with style():
        sheet = drawing.paint()
        if results.meta["synthetic"]:
            put(sheet, sheet.width - 1, LEADING / 2, "SYNTHETIC DATA", ha="right", color=MARK, bold=True)
        svg = saved(sheet, "svg", metadata={"Date": None, "Creator": None})
        png = saved(sheet, "png", metadata={"Software": None})
    return Figure(name, svg, png, described(drawing, results), drawing.rows)


def alt(results: Results, name: str, profile: Profile) -> str:
    """Return the alternative text of a declared figure without drawing it."""
    return described(drawn(results, name, profile), results)


def as_csv(rows: Rows) -> str:
    """Return the rows of a figure as CSV text."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def drawn(results: Results, name: str, profile: Profile) -> Drawing:
    figure = results.meta["layout"]["figures"][name]
    return KINDS[figure["kind"]](results, figure["of"], profile)


def described(drawing: Drawing, results: Results) -> str:
    return tidy(drawing.alt + (" Synthetic data." if results.meta["synthetic"] else ""))


def tidy(text: str) -> str:
    return " ".join(text.split())


def told(results: Results, key: str, phrase: str, profile: Profile) -> str:
    """Return a phrase about a key in plain words, or "NE" where one of its statistics has no value."""
    look = looking(results, key)
    return profile.not_estimable if reasons(look, phrase, profile) else words(PHRASES[phrase](look, profile), profile)


def looking(results: Results, key: str) -> Callable[[str], Statistic]:
    return lambda name: results[f"{key}.{name}" if name else key]


def nothing(what: str) -> Drawing:
    """Return a picture that only says why there is none."""

    def paint() -> Sheet:
        lines = wrapped(what, SINGLE - 2 * PAD)
        sheet = blank(SINGLE)
        return cut(sheet, block(sheet, SINGLE / 2, TOP + PAD, lines, ha="center", color=GREY) + PAD)

    return Drawing(what, (("Note",), (what,)), paint)


# The flow of patients


@dataclass(frozen=True)
class Stage:
    """One box of the flow: its label and n, and those who left before it, in all and by reason."""

    label: str
    n: str
    left: Rows
    beside: bool


def flow(results: Results, of: str, profile: Profile) -> Drawing:
    """Return the flow of patients: boxes downwards, those who left at their right."""
    stages = [stage(results, step, profile) for step in results.meta["layout"]["flow"]]
    if not stages:
        return nothing("There is no flow of patients to draw: the study declares no steps.")
    rows = [row for each in stages for row in (*each.left, (each.label, "", each.n))]
    kept = "; ".join(f"{each.label} (n={each.n})" for each in stages)
    gone = "; ".join(
        ", ".join(f"{reason or label} (n={n})" for label, reason, n in each.left) for each in stages if each.left
    )
    text = f"Flow diagram of patients: {kept}." + (f" Left out: {gone}." if gone else "")
    return Drawing(text, (("Box", "Reason", "n"), *rows), lambda: paint_flow(stages))


def stage(results: Results, step: dict[str, Any], profile: Profile) -> Stage:
    path = f"flow.{step['name']}"
    left = []
    if f"{path}.excluded.n" in results:
        left.append((tidy(step["excluded"]), "", told(results, f"{path}.excluded.n", "value", profile)))
    for reason in results.under(f"{path}.reason"):
        if reason.value != 0:
            shown = told(results, reason.key, "value", profile)
            left.append((tidy(step["excluded"]), tidy(reason.level_label), shown))
    return Stage(tidy(step["label"]), told(results, f"{path}.n", "value", profile), tuple(left), step["beside"])


@dataclass(frozen=True)
class Box:
    """Lines of text with their indents, and the size of the frame that holds them."""

    lines: tuple[tuple[float, str], ...]
    width: float
    height: float


def boxed(paragraphs: Iterable[tuple[float, str]], widest: float) -> Box:
    """Wrap paragraphs, each with its indent, into a box no wider than `widest`."""
    lines = [
        (indent + (PAD if indent and order else 0), line)
        for indent, paragraph in paragraphs
        for order, line in enumerate(wrapped(paragraph, widest - 2 * PAD - indent * 2))
    ]
    width = max(indent + measure(line) for indent, line in lines) + 2 * PAD
    return Box(tuple(lines), width, len(lines) * LEADING + PAD)


def step_box(each: Stage, widest: float) -> Box:
    lines = (*balanced(each.label, widest - 2 * PAD), f"(n={each.n})")
    return boxed([(0, line) for line in lines], widest)


def left_lines(each: Stage) -> list[tuple[float, str]]:
    return [(PAD if reason else 0, f"{reason or label} (n={n})") for label, reason, n in each.left]


def paint_flow(stages: list[Stage]) -> Sheet:
    """Paint the steps downwards, and those at the end that stand beside each other in one row.

    A step beside the others that is followed by more steps stands at the left of the arrow.
    """
    last = len(stages)
    while last > 1 and stages[last - 1].beside:
        last -= 1
    down, across = stages[:last], stages[last:]
    width = WIDE if len(across) > 1 or any(each.beside for each in down[1:]) else SINGLE
    share = width / max(len(across), 1)
    centres = [share * (column + STEM) for column in range(max(len(across), 1))]
    spine = (centres[0] + centres[-1]) / 2
    sheet, y = blank(width), TOP
    widest = max(step_box(each, min(2 * share * STEM - 2, 160)).width for each in stages)
    for index, each in enumerate(down):
        if index and each.beside:
            aside = boxed([(0, f"{each.label} (n={each.n})"), *left_lines(each)], spine - GAP - 1)
            y = branch(sheet, spine, y, aside, -1, "white")
            continue
        if index:
            y = arrive(sheet, spine, y, each, width - spine)
        y = framed(sheet, spine, y, step_box(each, widest), widest)
    if across:
        y = fork(sheet, centres, y, across, share, widest)
    return cut(sheet, y + 2)


def framed(sheet: Sheet, x: float, y: float, box: Box, width: float) -> float:
    """Frame centred text whose top is at y, and return where the frame ends."""
    frame(sheet, x - width / 2, y, width, box.height)
    block(sheet, x, y + PAD / 2, [line for _, line in box.lines], ha="center")
    return y + box.height


def branch(sheet: Sheet, x: float, y: float, box: Box, side: int, face: str) -> float:
    """Run the stem down past a box at its right (side 1) or left (-1), and return where the stem ends."""
    top, near = y + GAP / 2, x + side * GAP
    outline(sheet, [(x, y), (x, top + box.height)])
    arrow(sheet, (x, top + box.height / 2), (near, top + box.height / 2))
    start = near if side > 0 else near - box.width
    frame(sheet, start, top, box.width, box.height, face=face)
    for order, (indent, line) in enumerate(box.lines):
        put(sheet, start + PAD + indent, top + PAD / 2 + (order + 0.5) * LEADING, line)
    return top + box.height


def leave(sheet: Sheet, x: float, y: float, each: Stage, room: float) -> float:
    return branch(sheet, x, y, boxed(left_lines(each), room - GAP - 1), 1, PALE) if each.left else y


def arrive(sheet: Sheet, x: float, y: float, each: Stage, room: float) -> float:
    """Run the arrow to the next step, past those who left, and return where the step begins."""
    start = leave(sheet, x, y, each, room)
    arrow(sheet, (x, start), (x, start + GAP))
    return start + GAP


def fork(sheet: Sheet, centres: list[float], y: float, across: list[Stage], share: float, widest: float) -> float:
    """Paint the steps that stand beside each other, and return where the lowest ends."""
    if len(across) > 1:
        outline(sheet, [((centres[0] + centres[-1]) / 2, y), ((centres[0] + centres[-1]) / 2, y + GAP / 2)])
        y += GAP / 2
        outline(sheet, [(centres[0], y), (centres[-1], y)])
    pairs = list(zip(centres, across, strict=True))
    ends = [leave(sheet, x, y, each, share * (1 - STEM)) for x, each in pairs]
    top = max(ends) + GAP
    for (x, _), end in zip(pairs, ends, strict=True):
        arrow(sheet, (x, end), (x, top))
    return max(framed(sheet, x, top, step_box(each, widest), widest) for x, each in pairs)


# The distribution of a score


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


# The odds ratios of a model


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
    """Return a model's multivariable odds ratios, with Firth's beside those that carry a warning."""
    layout = results.meta["layout"]["models"][of]
    lines = [line for term in layout["terms"] for line in term_lines(results, f"model.{of}", term, profile)]
    if not lines:
        return nothing("There are no odds ratios to draw: the model has no terms.")
    axis = f"Odds ratio ({profile.confidence}% CI)"
    shown = [(line.full, fit) for line in lines for fit in line.fits]
    rows = (
        ("Factor", "Fit", axis, profile.p_symbol),
        *((name, fit.name, fit.ratio, fit.p) for name, fit in shown),
    )
    said = "; ".join(f"{name}{'' if fit.name == FITS[''] else f' ({fit.name})'}: {fit.said}" for name, fit in shown)
    text = f"Forest plot of odds ratios ({profile.confidence}% CI) for {tidy(layout['label'])}: {said}."
    why = "; ".join(dict.fromkeys(fit.reason for _, fit in shown if fit.reason))
    note = f"{profile.not_estimable}, not estimable: {why}." if why else ""
    ticks = {tick: plain(exact(tick), decimals(tick), profile) for tick in TICKS}
    return Drawing(text, rows, lambda: paint_forest(lines, axis, profile.p_symbol, note, ticks))


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
    outline(sheet, [(at(1), top), (at(1), y + 2)], color=GREY, behind=True)
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
    frame(sheet, x - 1.7, y - 1.7, 3.4, 3.4, face=INK)


def opened(sheet: Sheet, x: float, y: float) -> None:
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


KINDS: dict[str, Callable[[Results, str, Profile], Drawing]] = {
    "flow": flow,
    "distribution": distribution,
    "forest": forest,
}


# The sheet that is painted on: points from its upper left corner


@dataclass(frozen=True)
class Sheet:
    """A matplotlib figure with the transform from points, downwards from its upper left corner."""

    figure: Any
    points: Any
    flip: Any
    width: float


def blank(width: float) -> Sheet:
    """Return a sheet that is `width` points wide; `cut` gives it its height."""
    from matplotlib.figure import Figure as Canvas
    from matplotlib.transforms import Affine2D

    figure = Canvas(facecolor="white")
    flip = Affine2D().scale(1, -1)
    return Sheet(figure, flip + Affine2D().scale(1 / 72) + figure.dpi_scale_trans, flip, width)


def cut(sheet: Sheet, height: float) -> Sheet:
    sheet.flip.translate(0, height)
    sheet.figure.set_size_inches(sheet.width / 72, height / 72)
    return sheet


def saved(sheet: Sheet, format_: str, metadata: dict[str, None]) -> bytes:
    out = io.BytesIO()
    sheet.figure.savefig(out, format=format_, dpi=300, metadata=metadata)
    return out.getvalue()


@contextmanager
def style() -> Iterator[None]:
    """Draw with matplotlib's own settings and not the user's, and say nothing of signs that no font has."""
    from matplotlib.style import context

    ours = {
        "font.family": fonts(),
        "svg.fonttype": "path",
        "svg.hashsalt": "tieout",
        "path.simplify": False,
        "lines.solid_capstyle": "butt",
    }
    with context(["default", ours]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)
        yield


@cache
def fonts() -> list[str]:
    """Return matplotlib's own font, which every machine has, and those here that know more signs."""
    from matplotlib.font_manager import fontManager

    installed = set(fontManager.get_font_names())
    return ["DejaVu Sans", *(name for name in FALLBACKS if name in installed)]


@lru_cache(maxsize=8192)
def measure(line: str) -> float:
    """Return the width of a line of text in points."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(family=fonts(), size=SIZE)
    return float(text_to_path.get_text_width_height_descent(line, font, ismath=False)[0])


def wrapped(text: str, widest: float) -> list[str]:
    """Break text into lines no wider than `widest` points; a word that is wider is broken too."""
    lines: list[str] = []
    for word in tidy(text).split(" "):
        if lines and measure(f"{lines[-1]} {word}") <= widest:
            lines[-1] += f" {word}"
            continue
        while measure(word) > widest and len(word) > 1:
            fits = max(1, next(n for n in range(1, len(word) + 1) if measure(word[:n]) > widest) - 1)
            lines.append(word[:fits])
            word = word[fits:]
        lines.append(word)
    return [line for line in lines if line]


def balanced(text: str, widest: float) -> list[str]:
    """Break text into as few lines as `wrapped`, of about the same width."""
    lines = wrapped(text, widest)
    while len(lines) > 1 and len(closer := wrapped(text, widest := widest - 3)) == len(lines):
        lines = closer
    return lines


def put(
    sheet: Sheet,
    x: float,
    y: float,
    line: str,
    *,
    ha: str = "left",
    color: str = INK,
    bold: bool = False,
    italic: bool = False,
) -> None:
    """Write one line whose capitals are centred on y."""
    sheet.figure.text(
        x, y + 0.36 * SIZE, line, transform=sheet.points, ha=ha, va="baseline", color=color, fontsize=SIZE,
        fontweight="bold" if bold else "normal", fontstyle="italic" if italic else "normal", parse_math=False,
    )  # fmt: skip


def block(sheet: Sheet, x: float, y: float, lines: Iterable[str], *, ha: str = "left", color: str = INK) -> float:
    """Write lines downwards from y, and return where they end."""
    for line in lines:
        put(sheet, x, y + LEADING / 2, line, ha=ha, color=color)
        y += LEADING
    return y


def outline(
    sheet: Sheet,
    path: Sequence[tuple[float, float]],
    *,
    color: str = INK,
    width: float = 0.6,
    behind: bool = False,
) -> None:
    """Draw a line beneath all boxes and markers, `behind` beneath other lines too."""
    from matplotlib.lines import Line2D

    xs, ys = zip(*path, strict=True)
    sheet.figure.add_artist(
        Line2D(xs, ys, color=color, linewidth=width, zorder=0.5 if behind else 0.9, transform=sheet.points)
    )


def frame(sheet: Sheet, x: float, y: float, width: float, height: float, face: str = "white") -> None:
    from matplotlib.patches import Rectangle

    sheet.figure.add_artist(
        Rectangle((x, y), width, height, facecolor=face, edgecolor=INK, linewidth=0.6, transform=sheet.points)
    )


def arrow(sheet: Sheet, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Paint a straight arrow, whose line ends inside its tip so that the tip stays sharp."""
    length = math.dist(start, end)
    dx, dy = (end[0] - start[0]) / length, (end[1] - start[1]) / length
    outline(sheet, [start, (end[0] - 3 * dx, end[1] - 3 * dy)])
    tip(sheet, end, (dx, dy))


def tip(sheet: Sheet, end: tuple[float, float], towards: tuple[float, float]) -> None:
    from matplotlib.patches import Polygon

    (x, y), (dx, dy) = end, towards
    back, half = (x - 4.5 * dx, y - 4.5 * dy), 1.8
    corners = [end, (back[0] - half * dy, back[1] + half * dx), (back[0] + half * dy, back[1] - half * dx)]
    sheet.figure.add_artist(Polygon(corners, facecolor=INK, linewidth=0, transform=sheet.points))
