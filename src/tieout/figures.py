"""Results to a picture, its alternative text and the rows it draws."""

from __future__ import annotations

import csv
import io
import math
import warnings
from collections.abc import Callable, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, lru_cache
from itertools import accumulate, groupby, pairwise
from typing import Any

from tieout.display import PHRASES, Piece, Profile, exact, number, plain
from tieout.keyed import words
from tieout.results import Results, Statistic
from tieout.tables import FITS, reasons, unit

Rows = tuple[tuple[str, ...], ...]

SINGLE, WIDE = (86 / 25.4 * 72, 178 / 25.4 * 72)
SIZE, LEADING, PAD = 7.0, 9.0, 6.0
INK, GREY, MARK = "#1a1a1a", "#767676", "#9c2a00"
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
            put(sheet, sheet.width - 1, LEADING / 2, "SYNTHETIC DATA", ha="right", color=MARK, weight="bold")
        svg, png = saved(sheet, "svg", metadata={"Date": None}), saved(sheet, "png", metadata={"Software": None})
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
        sheet = blank(SINGLE, (len(lines) + 3) * LEADING)
        block(sheet, SINGLE / 2, 2 * LEADING, lines, ha="center", color=GREY)
        return sheet

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
    """Return the flow of patients: boxes downwards, those who left at the right, steps beside each other last."""
    stages = [stage(results, step, profile) for step in results.meta["layout"]["flow"]]
    if not stages:
        return nothing("There is no flow of patients to draw: the study declares no steps.")
    rows = [("Box", "Reason", "n")]
    for each in stages:
        rows += [(words_, reason, n) for words_, reason, n in each.left]
        rows.append((each.label, "", each.n))
    kept = "; ".join(f"{each.label} (n={each.n})" for each in stages)
    gone = "; ".join(f"{left[1] or left[0]} (n={left[2]})" for each in stages for left in each.left)
    return Drawing(
        f"Flow diagram of patients: {kept}." + (f" Left out: {gone}." if gone else ""), tuple(rows), lambda: paint_flow(stages)
    )


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
        (indent + (PAD if number_ else 0) * bool(indent), line)
        for indent, paragraph in paragraphs
        for number_, line in enumerate(wrapped(paragraph, widest - 2 * PAD - indent - PAD * bool(indent)))
    ]
    width = max(indent + measure(line) for indent, line in lines) + 2 * PAD
    return Box(tuple(lines), width, len(lines) * LEADING + PAD)


def paint_flow(stages: list[Stage]) -> Sheet:
    """Paint the spine of the flow, then its last steps side by side beneath it."""
    last = len(stages)
    while last > 1 and stages[last - 1].beside:
        last -= 1
    across = stages[last:]
    width = WIDE if len(across) > 1 or any(s.beside for s in stages[1:last]) else SINGLE
    share = width / max(len(across), 1)
    centres = [share * (column + 0.38) for column in range(max(len(across), 1))]
    spine = (centres[0] + centres[-1]) / 2
    marks: list[Callable[[Sheet], None]] = []
    y, top = LEADING + 4, True
    for index, each in enumerate(stages[:last]):
        if each.beside and index:
            y = branch(marks, spine, y, leaving_box(aside_lines(each), spine - GAP), -1)
            continue
        if not top:
            y = arrive(marks, spine, y, each, width - spine - GAP)
        y, top = frame(marks, spine, y, main_box(each, 2 * min(spine, width - spine, 110))), False
    if across:
        y = fork(marks, centres, spine, y, across, share)
    sheet = blank(width, y + 2)
    for mark in marks:
        mark(sheet)
    return sheet
