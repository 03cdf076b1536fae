"""Run charts: values in the order of time about their median, and whether they show a change."""

from __future__ import annotations

from typing import Any

from tieout.display import Profile, exact, number
from tieout.figures import moments
from tieout.figures.axis import REACH, Axis, around, level, named, rising, tick_words, widest, written
from tieout.figures.drawing import Drawing, nothing
from tieout.figures.sheet import (
    GREY,
    INK,
    LARGE,
    PAD,
    TOP,
    WIDE,
    Sheet,
    blank,
    block,
    cut,
    dots,
    measure,
    outline,
    tidy,
    wrapped,
)
from tieout.results import Results

HIGH = 96.0
JUDGED = 10


def run_chart(results: Results, of: str, profile: Profile) -> Drawing:
    """Return a run chart: points joined by a line, their median, the target, and the sign of a change.

    Source: Anhøj and Olesen, PLoS ONE 2014;9:e113825, for the chart; the sign of a change is the analysis's.
    """
    chart = results.meta["charts"][of]
    if not chart["points"]:
        return nothing(f"There is no run chart of {tidy(chart['label'])} to draw: there are no values.")
    days = [moment for moment, _ in chart["points"]]
    shown = [written(float(value), chart["unit"], profile) for _, value in chart["points"]]
    lines = {name: written(value, chart["unit"], profile) for name, value in levels_of(chart).items()}
    table = (("When", titled(chart)), *zip(map(moments.words, days), shown, strict=True), *lines.items())
    text = (
        f"Run chart of {tidy(chart['label'])}, {each(chart)}: {number(exact(len(shown)), 0, profile)} "
        f"{'value' if len(shown) == 1 else 'values'} {moments.span(days)}; "
        f"{'; '.join(f'{name.lower()} {value}' for name, value in lines.items())}; last {shown[-1]}. {judged(chart)}."
    )
    return Drawing(text, table, lambda: paint_run(chart, lines, profile))


def titled(chart: dict[str, Any]) -> str:
    return tidy(f"{chart['label']} ({chart['unit']})" if chart["unit"] else chart["label"])


def each(chart: dict[str, Any]) -> str:
    return "patients in order of date" if chart["step"] == "patient" else f"by {chart['step']}"


def levels_of(chart: dict[str, Any]) -> dict[str, float]:
    lines = {"Median": chart["median"], "Target": chart["target"]}
    return {name: float(value) for name, value in lines.items() if value is not None}


def judged(chart: dict[str, Any]) -> str:
    """Return in words whether the values show a change."""
    if chart["signal"]:
        return f"Sign of a change ({tidy(chart['signal'])})"
    return "No sign of a change" if len(chart["points"]) >= JUDGED else "Too few points to judge"


def paint_run(chart: dict[str, Any], lines: dict[str, str], profile: Profile) -> Sheet:
    sheet = blank(WIDE, LARGE)
    values = [float(value) for _, value in chart["points"]]
    top = block(sheet, 0, TOP, wrapped(f"{titled(chart)}, {each(chart)}", WIDE, LARGE)) + PAD
    ticks = around([*values, *levels_of(chart).values()], chart["unit"], 4)
    ends = [f"{name} {value}" for name, value in lines.items()]
    right = max(measure(line, LARGE) for line in ends) + REACH + 2
    steps = moments.places([moment for moment, _ in chart["points"]], chart["step"])
    left = widest(tick_words(ticks, profile), LARGE)
    up = Axis(ticks[0], ticks[-1], top + HIGH, top, ticks)
    room = (WIDE - right - left) / (steps[-1] - steps[0] + 1)
    dates = moments.few([moment for moment, _ in chart["points"]], chart["step"], room, LARGE)
    across = Axis(steps[0] - 0.5, steps[-1] + 0.5, left, WIDE - right, tuple(dates))
    for name, value in levels_of(chart).items():
        y, target = up.at(value), name == "Target"
        outline(sheet, [(left, y), (across.end, y)], width=0.8, color=GREY if target else INK, dashed=target)
    places = [(across.at(step), up.at(value)) for step, value in zip(steps, values, strict=True)]
    outline(sheet, places, color=GREY, width=0.5)
    dots(sheet, places, min(1.8, max(0.9, room / 2)), face=INK, edge=INK)
    heights = [(across.end - 1, up.at(value)) for value in levels_of(chart).values()]
    named(sheet, across.end, [(*place, line) for place, line in zip(heights, ends, strict=True)], up.end, up.start)
    rising(sheet, up, left, tick_words(ticks, profile))
    y = level(sheet, across, up.start, list(dates.values()))
    return cut(sheet, block(sheet, 0, y + 3, wrapped(f"{judged(chart)}.", WIDE, LARGE)) + 2)
