"""The flow of patients: boxes downwards, those who left at their right."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tieout.display import Profile
from tieout.figures.drawing import Drawing, Rows, nothing, told
from tieout.figures.sheet import (
    GAP,
    LEADING,
    PAD,
    PALE,
    SINGLE,
    TOP,
    WIDE,
    Sheet,
    arrow,
    balanced,
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
from tieout.results import Results

STEM = 0.42


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
