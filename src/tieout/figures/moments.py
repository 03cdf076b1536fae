"""Days and periods in order: where they stand on a horizontal axis, and which are written there."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tieout.display import MONTHS
from tieout.figures.sheet import measure

WRITTEN = re.compile(r"(?P<year>\d{4})(?:-Q(?P<quarter>[1-4])|-(?P<month>\d\d)(?:-(?P<day>\d\d))?)?")
A_YEAR = {"month": 12, "quarter": 4, "year": 1}
FEW = 8


def words(moment: str) -> str:
    """Return 2021-03-05, 2021-03, 2021-Q1 or 2021 as a reader writes it: 5 Mar 2021, Mar 2021, Q1 2021, 2021."""
    found = WRITTEN.fullmatch(moment)
    assert found
    quarter = f"Q{found['quarter']} " if found["quarter"] else ""
    month = f"{MONTHS[int(found['month']) - 1][:3]} " if found["month"] else ""
    day = f"{int(found['day'])} " if found["day"] else ""
    return f"{quarter}{day}{month}{found['year']}"


def span(moments: Sequence[str]) -> str:
    """Return "from Q1 2020 to Q3 2021", or "in Q3 2021"."""
    first, last = words(moments[0]), words(moments[-1])
    return f"in {last}" if first == last else f"from {first} to {last}"


def places(moments: Sequence[str], step: str) -> list[int]:
    """Return where moments stand: patients one after the other, periods where the calendar has them."""
    if step not in A_YEAR:
        return list(range(len(moments)))
    found = [WRITTEN.fullmatch(moment) for moment in moments]
    return [int(each["year"]) * A_YEAR[step] + int(each["quarter"] or each["month"] or 1) - 1 for each in found if each]


def step_of(moment: str) -> str:
    """Return whether a period is a month, a quarter or a year."""
    found = WRITTEN.fullmatch(moment)
    assert found
    return "quarter" if found["quarter"] else "month" if found["month"] else "year"


def few(moments: Sequence[str], step: str, room: float, size: float) -> dict[int, str]:
    """Return the places that are named, with their words: as many as fit beside each other, at most eight.

    `room` is the width of one step in points. Names stand at the beginning of years where not each step has one.
    """
    named = {place: words(moment) for place, moment in zip(places(moments, step), moments, strict=True)}
    wide = max(measure(name, size) for name in named.values()) + size
    for stride in strides(step):
        kept = {place: name for place, name in named.items() if place % stride == 0}
        if stride * room >= wide and len(kept) <= FEW:
            break
    return kept or {min(named): named[min(named)]}


def strides(step: str) -> list[int]:
    """Return how many steps may lie between two names, from one on."""
    year = A_YEAR.get(step, 1)
    part = {"month": [1, 3, 6], "quarter": [1, 2], "year": [1], "patient": [1]}[step]
    return part + [year * years for decade in range(6) for years in (10**decade, 2 * 10**decade, 5 * 10**decade)]
