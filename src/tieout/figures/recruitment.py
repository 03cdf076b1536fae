"""Recruitment: the patients of each period, and beneath them all so far against the target."""

from __future__ import annotations

from typing import Any

from tieout.display import Profile, exact, number
from tieout.figures import moments
from tieout.figures.axis import REACH, Axis, level, levels, named, pieces, rising, tick_words, widest
from tieout.figures.drawing import Drawing, lowered, nothing
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
    frame,
    measure,
    outline,
    tidy,
    wrapped,
)
from tieout.results import Results

BARS, CUMULATIVE = 36.0, 48.0
FACE = "#b9b9b9"
THICK, THICKEST = 0.76, 44.0
SO_FAR, TARGET = "So far", "Target"


def recruitment(results: Results, of: str, profile: Profile) -> Drawing:
    """Return the number of patients of each step as bars, and their sum with the target as lines beneath."""
    chart = results.meta["charts"][of]
    steps, label = chart["steps"], tidy(chart["label"])
    if not steps:
        return nothing(f"There is no recruitment to draw: no period has begun ({label}).")
    table = [(moments.words(when), *(whole(n, profile) for n in counts)) for when, *counts in steps]
    of_step = moments.step_of(steps[0][0])
    _, last, so_far, target = table[-1]
    most = max(range(len(steps)), key=lambda index: steps[index][1])
    text = (
        f"Bars of {lowered(label)} in each {of_step} {moments.span([when for when, *_ in steps])}, "
        "and their sum beneath: "
        f"{so_far} so far{f' against a target of {target}' if target else ''}; {last} in the last {of_step}; "
        f"most in {table[most][0]} ({table[most][1]})."
    )
    header = (of_step.capitalize(), label, SO_FAR, TARGET)
    return Drawing(text, (header, *table), lambda: paint_recruitment(chart, profile))


def whole(count: float | None, profile: Profile) -> str:
    return "" if count is None else number(exact(count), 0, profile)


def paint_recruitment(chart: dict[str, Any], profile: Profile) -> Sheet:
    """Paint two panels, one above the other, that share the axis of time."""
    sheet, steps, label = blank(WIDE, LARGE), chart["steps"], tidy(chart["label"])
    whens = [when for when, *_ in steps]
    of_step = moments.step_of(whens[0])
    places = moments.places(whens, of_step)
    counts = [float(n) for _, n, _, _ in steps]
    lines: dict[str, list[float | None]] = {SO_FAR: [row[2] for row in steps], TARGET: [row[3] for row in steps]}
    names = {name: f"{name} {whole(known[-1], profile)}" for name, line in lines.items() if (known := kept(line))}
    above = levels(0, max(counts) or 1, 3, whole=True)
    below = levels(0, max(kept(lines[SO_FAR]) + kept(lines[TARGET])) or 1, 3, whole=True)
    left = widest([*tick_words(above, profile), *tick_words(below, profile)], LARGE)
    right = WIDE - max(measure(name, LARGE) for name in names.values()) - REACH - 2
    room = (right - left) / (places[-1] - places[0] + 1)
    dates = moments.few(whens, of_step, room, LARGE)
    across = Axis(places[0] - 0.5, places[-1] + 0.5, left, right, tuple(dates))

    top = block(sheet, 0, TOP, wrapped(f"{label}, each {of_step}", WIDE, LARGE)) + PAD
    up = Axis(0, above[-1], top + BARS, top, above)
    for place, n in zip(places, counts, strict=True):
        if n:
            y, thick = up.at(n), min(THICK * room, THICKEST)
            frame(sheet, across.at(place) - thick / 2, y, thick, up.start - y, face=FACE, edge=FACE)
    rising(sheet, up, left, tick_words(above, profile))
    outline(sheet, [(left, up.start), (right, up.start)])

    top = block(sheet, 0, up.start + PAD, wrapped(f"{label}, in all", WIDE, LARGE)) + PAD
    up = Axis(0, below[-1], top + CUMULATIVE, top, below)
    ends = []
    for name in names:
        for piece in pieces(zip(places, lines[name], strict=True)):
            line = [(across.at(place), up.at(value)) for place, value in piece]
            outline(sheet, line, color=GREY if name == TARGET else INK, width=0.9, dashed=name == TARGET)
            if len(line) == 1 or name == SO_FAR:
                dots(sheet, line[-1:], 1.5, face=INK if name == SO_FAR else GREY, edge=INK if name == SO_FAR else GREY)
        ends.append((*line[-1], names[name]))
    named(sheet, right, ends, up.end, up.start)
    rising(sheet, up, left, tick_words(below, profile))
    return cut(sheet, level(sheet, across, up.start, list(dates.values())) + 2)


def kept(values: list[float | None]) -> list[float]:
    return [float(value) for value in values if value is not None]
