"""Linear axes: their ticks, how they are painted, and lines that are named where they end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from itertools import groupby, pairwise

from tieout.display import KINDS, Profile, exact, plain, rounded
from tieout.figures.sheet import BEHIND, GREY, Sheet, measure, outline, put
from tieout.results import Statistic

Place = tuple[float, float]
REACH, TICK = 7.0, 3.0
KIND_OF = {"%": "percent", "": "odds_ratio"}


@lru_cache(maxsize=65536)
def written(value: float, unit: str, profile: Profile) -> str:
    """Write a value of a chart as the tables write it: a percentage, a ratio (no unit), or a value with its unit."""
    kind = KIND_OF.get(unit, "median")
    shown = KINDS[kind](Statistic("", value, kind, "", decimals=0), profile)
    return shown if unit in KIND_OF else f"{shown} {unit}"


@lru_cache(maxsize=65536)
def size_of(value: float, profile: Profile) -> str:
    """Return the text of a whole number, such as a site's patients."""
    return KINDS["median"](Statistic("", value, "median", "", decimals=0), profile)


@dataclass(frozen=True)
class Axis:
    """The values at the ends of an axis, the points where these stand on the sheet, and the ticks."""

    low: float
    high: float
    start: float
    end: float
    ticks: tuple[float, ...]

    def at(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def levels(low: float, high: float, most: int, whole: bool = False) -> tuple[float, ...]:
    """Return round numbers from one at or below `low` to one at or above `high`, at most `most` steps between them."""
    from matplotlib.ticker import MaxNLocator

    found = MaxNLocator(nbins=most, steps=[1, 2, 2.5, 5, 10], integer=whole, min_n_ticks=2).tick_values(low, high)
    return tuple(float(rounded(exact(tick), 9)) for tick in found)


def around(values: Iterable[float], unit: str, most: int) -> tuple[float, ...]:
    """Return the ticks of an axis that holds all values; percentages stay between 0 and 100.

    Ratios begin at 0, as do values whose lowest is less than half of the highest.
    """
    low, high = min(values := list(values)), max(values)
    if low >= 0 and (unit == "" or low == high or low < high / 2):
        low, high = 0.0, high or 1.0
    ticks = levels(low, high, most)
    return tuple(tick for tick in ticks if 0 <= tick <= 100) if unit == "%" else ticks


def tick_words(ticks: Sequence[float], profile: Profile) -> list[str]:
    """Write all ticks of an axis with the decimals that one of them needs."""
    shown = [exact(tick).normalize() for tick in ticks]
    places = max(0, *(-int(tick.as_tuple().exponent) for tick in shown))
    return [plain(tick + Decimal(0), places, profile) for tick in shown]


def rising(sheet: Sheet, axis: Axis, x: float, labels: Sequence[str]) -> None:
    """Paint a vertical axis whose numbers stand at its left."""
    outline(sheet, [(x, axis.start), (x, axis.end)])
    for tick, label in zip(axis.ticks, labels, strict=True):
        outline(sheet, [(x - TICK, axis.at(tick)), (x, axis.at(tick))])
        put(sheet, x - TICK - 2, axis.at(tick), label, ha="right")


def widest(labels: Iterable[str], sheet_size: float) -> float:
    """Return the room that a vertical axis needs at its left."""
    return max(measure(label, sheet_size) for label in labels) + TICK + 3


def level(sheet: Sheet, axis: Axis, y: float, labels: Sequence[str]) -> float:
    """Paint a horizontal axis, its numbers beneath, and return where these end."""
    outline(sheet, [(axis.start, y), (axis.end, y)])
    for tick, label in zip(axis.ticks, labels, strict=True):
        half = measure(label, sheet.size) / 2
        outline(sheet, [(axis.at(tick), y), (axis.at(tick), y + TICK)])
        middle = min(max(axis.at(tick), half + 1), sheet.width - half - 1)
        put(sheet, middle, y + TICK + sheet.leading / 2, label, ha="center")
    return y + TICK + sheet.leading


def pieces(places: Iterable[tuple[float, float | None]]) -> list[list[Place]]:
    """Cut a line where it has no value."""
    runs = groupby(places, key=lambda place: place[1] is not None)
    return [[(x, y) for x, y in run if y is not None] for known, run in runs if known]


def inside(line: Sequence[Place], low: float, high: float) -> list[list[Place]]:
    """Cut a line where it leaves the values from `low` to `high`."""
    found: list[list[Place]] = []
    for (x, y), (x2, y2) in pairwise(line):
        if max(y, y2) < low or min(y, y2) > high:
            continue
        ends = [(x, y), (x2, y2)]
        for order, (_, here) in enumerate(ends):
            if not low <= here <= high:
                edge = low if here < low else high
                ends[order] = (x + (edge - y) / (y2 - y) * (x2 - x), edge)
        if found and found[-1][-1] == ends[0]:
            found[-1].append(ends[1])
        else:
            found.append(ends)
    return found


def apart(places: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Move places as little downwards or upwards as leaves `gap` between them, within `low` and `high`, in order."""
    order = sorted(range(len(places)), key=lambda index: places[index])
    moved = [places[index] for index in order]
    for _ in range(2 * len(moved)):
        for left in range(len(moved) - 1):
            if (lack := gap - (moved[left + 1] - moved[left])) > 0:
                moved[left : left + 2] = moved[left] - lack / 2, moved[left + 1] + lack / 2
    for index, y in enumerate(moved):
        moved[index] = max(y, moved[index - 1] + gap if index else low)
    for index, y in reversed(list(enumerate(moved, start=1))):
        moved[index - 1] = min(y, moved[index] - gap if index < len(moved) else high)
    return [y for _, y in sorted(zip(order, moved, strict=True))]


def named(sheet: Sheet, x: float, ends: Sequence[tuple[float, float, str]], low: float, high: float) -> None:
    """Write (x, y, words) of each line's end at the right of x, joined to the end by a thin line."""
    for (at, y, line), row in zip(ends, apart([y for _, y, _ in ends], sheet.leading, low, high), strict=True):
        outline(sheet, [(at + 1, y), (x, y), (x + REACH - 1, row)], color=GREY, width=0.4, depth=BEHIND)
        put(sheet, x + REACH + 1, row, line)
