"""Survival curves by Kaplan and Meier, with the numbers at risk beneath them."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from tieout.display import Profile, exact, plain
from tieout.figures.axis import REACH, Axis, level, named, rising, tick_words, widest
from tieout.figures.drawing import Drawing, Rows, nothing, told
from tieout.figures.sheet import (
    BEHIND,
    GREY,
    LARGE,
    PAD,
    TOP,
    WIDE,
    Sheet,
    band,
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

HIGH = 150.0
LOOKS = (("#1f4e79", False), ("#b35a00", True), ("#1a1a1a", False), ("#6b6b6b", True))
"""Colour and whether dashed, curve by curve: apart in grey and to those who see no red or green."""
FULL = 100.0
Curves = dict[str, dict[str, Any]]
Numbers = dict[str, list[str]]


def kaplan_meier(results: Results, of: str, profile: Profile) -> Drawing:
    """Return the curves of a declared survival by group, its limits as bands, numbers at risk, and the log-rank p.

    Source: the recommendations of Pocock, Clayton and Altman, Lancet 2002;359:1686: steps, limits, numbers at risk.
    """
    layout, curves = results.meta["layout"]["survival"][of], results.meta["curves"][of]
    path = f"survival.{of}"
    paths = {name: f"{path}.{name}" if layout["groups"] else path for name in curves}
    if not any(curve["steps"] for curve in curves.values()):
        return nothing(f"There is no curve of {tidy(layout['label'])} to draw: nobody had the event.")
    times = layout["at"]
    at_risk = {
        name: [told(results, f"{paths[name]}.n", "value", profile)]
        + [told(results, f"{paths[name]}.{when}.at_risk", "value", profile) for when in times]
        for name in curves
    }
    unit = unit_of(results, path)
    p = compared(results, path, profile) if layout["groups"] else ""
    rows = table(results, curves, paths, at_risk, times, unit, profile)
    said = "; ".join(spoken(results, curve["label"], paths[name], times, unit, profile) for name, curve in curves.items())
    alt = f"Kaplan–Meier curves of {tidy(layout['label'])}: {said}.{f' {p}.' if p else ''}"
    ticks = (0.0, *map(float, times))
    words = dict(zip(ticks, (profile_number(tick, profile) for tick in ticks), strict=True))
    return Drawing(alt, rows, lambda: paint(curves, at_risk, words, f"{tidy(layout['label'])}, %", unit, p, profile))


def profile_number(tick: float, profile: Profile) -> str:
    return plain(exact(tick), 0 if tick.is_integer() else 1, profile)


def unit_of(results: Results, path: str) -> str:
    return next((tidy(s.unit) for s in results.under(path) if s.kind == "survival_time" and s.unit), "")


def compared(results: Results, path: str, profile: Profile) -> str:
    return f"Log-rank {told(results, path, 'p', profile)}" if f"{path}.p" in results else ""


def spoken(results: Results, label: str, path: str, times: list[str], unit: str, profile: Profile) -> str:
    free = ", ".join(f"{told(results, f'{path}.{when}', 'pct_limits', profile)} at {when} {unit}".rstrip() for when in times)
    events = told(results, f"{path}.events", "value", profile)
    return f"{tidy(label)} ({told(results, f'{path}.n', 'value', profile)} patients, {events} events): free of the event {free}"


def table(
    results: Results, curves: Curves, paths: dict[str, str], at_risk: Numbers, times: list[str], unit: str, profile: Profile
) -> Rows:
    """Return what is drawn as rows: by group and time who is free of the event, and how many are at risk."""
    head = ("Group", f"Time{f', {unit}' if unit else ''}", f"Free of the event ({profile.confidence}% CI)", "At risk")
    rows = []
    for name, curve in curves.items():
        free = ["100%", *(told(results, f"{paths[name]}.{when}", "pct_limits", profile) for when in times)]
        rows += [(tidy(curve["label"]), *cells) for cells in zip(("0", *times), free, at_risk[name], strict=True)]
    return (head, *rows)


def paint(
    curves: Curves, at_risk: Numbers, words: dict[float, str], title: str, unit: str, p: str, profile: Profile
) -> Sheet:
    sheet = blank(WIDE, LARGE)
    labels = {name: tidy(curve["label"]) for name, curve in curves.items()}
    heads = {name: wrapped(label, WIDE / 4, LARGE) for name, label in labels.items()}
    y = block(sheet, 0, TOP, wrapped(title, WIDE, LARGE)) + PAD
    ticks = (0.0, 25.0, 50.0, 75.0, 100.0)
    first = max(measure(numbers[0], LARGE) for numbers in at_risk.values())
    widths = [measure(line, LARGE) + PAD + first / 2 for head in heads.values() for line in head]
    left = max(widest(tick_words(ticks, profile), LARGE), *widths)
    named_lines = {name: head[0] if len(head) == 1 else f"{head[0]} …" for name, head in heads.items()}
    right = max(measure(line, LARGE) for line in named_lines.values()) + REACH + 4
    up = Axis(0.0, FULL, y + HIGH, y, ticks)
    end = max(max(words), *(curve["end"] for curve in curves.values()))
    across = Axis(0.0, end, left, WIDE - right, tuple(words))
    ends = []
    for (name, curve), (colour, dashed) in zip(curves.items(), looks(len(curves)), strict=True):
        places = stairs(curve, 1, across, up)
        low, high = stairs(curve, 2, across, up), stairs(curve, 3, across, up)
        band(sheet, low, high, colour)
        outline(sheet, places, color=colour, width=1.2, dashed=dashed)
        ends.append((across.end, places[-1][1], named_lines[name]))
        if places[-1][0] < across.end:
            outline(sheet, [places[-1], (across.end, places[-1][1])], color=GREY, width=0.3, depth=BEHIND)
    named(sheet, across.end, ends, up.end, up.start)
    rising(sheet, up, left, tick_words(ticks, profile))
    shown = apart(words, across, sheet.size)
    y = level(sheet, Axis(0.0, end, left, WIDE - right, tuple(shown)), up.start, list(shown.values()))
    put(sheet, across.end, y + sheet.leading / 2, f"Time, {unit}" if unit else "Time", ha="right")
    if p:
        put(sheet, left + PAD, up.start - sheet.leading, p)
    y = block(sheet, 0, y, ["At risk"])
    for name, numbers in at_risk.items():
        row = y + sheet.leading / 2
        for tick, number in zip(words, numbers, strict=True):
            if tick in shown:
                put(sheet, across.at(tick), row, number, ha="center")
        y = block(sheet, 0, y, heads[name])
    return cut(sheet, y + 2)


def looks(count: int) -> list[tuple[str, bool]]:
    return [LOOKS[place % len(LOOKS)] for place in range(count)]


def stairs(curve: dict[str, Any], part: int, across: Axis, up: Axis) -> list[tuple[float, float]]:
    """Return the corners of a curve (part 1) or of one of its limits (2, 3), level until the next event and to its end."""
    heights = [(0.0, FULL)] + [(step[0], step[part] if step[part] is not None else step[1]) for step in curve["steps"]]
    corners = [(across.at(heights[0][0]), up.at(heights[0][1]))]
    for (_, before), (time, after) in pairwise(heights):
        corners += [(across.at(time), up.at(before)), (across.at(time), up.at(after))]
    return [*corners, (across.at(curve["end"]), up.at(heights[-1][1]))]


def apart(words: dict[float, str], across: Axis, size: float) -> dict[float, str]:
    """Return the ticks whose words leave each other room, the last of them always."""
    found: dict[float, str] = {}
    edge = float("inf")
    for tick in reversed(words):
        half = measure(words[tick], size) / 2 + 5
        if across.at(tick) + half <= edge:
            found[tick] = words[tick]
            edge = across.at(tick) - half
    return dict(reversed(found.items()))

