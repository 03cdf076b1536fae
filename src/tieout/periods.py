"""Reporting periods: read from the command line, found from the data, and the time over which sites are judged."""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta

from tieout.display import MONTHS
from tieout.errors import TieoutError

CALENDAR = {"month": ("M", "%Y-%m"), "quarter": ("Q", "%Y-Q%q"), "year": ("Y", "%Y")}
"""Each calendar step by pandas' name, and how pandas writes it as `parse` reads it."""
LENGTHS = {"month": 1, "quarter": 3, "year": 12}
WRITTEN = {
    "month": re.compile(r"(?P<year>\d{4})-(?P<part>0[1-9]|1[0-2])"),
    "quarter": re.compile(r"(?P<year>\d{4})-?[Qq](?P<part>[1-4])"),
    "year": re.compile(r"(?P<year>\d{4})(?P<part>)"),
}


@dataclass(frozen=True)
class Period:
    """Days from `start` to `end`, both included; `name` is safe in a file name, `kind` is empty for a free one."""

    start: date
    end: date
    name: str
    kind: str = ""

    @property
    def words(self) -> str:
        """The period as a reader says it: April to June 2021, or two dates."""
        first, last = self.start, self.end
        if self.kind == "year":
            return str(first.year)
        if self.kind == "month":
            return f"{MONTHS[first.month - 1]} {first.year}"
        if self.kind == "quarter":
            return f"{MONTHS[first.month - 1]} to {MONTHS[last.month - 1]} {first.year}"
        return f"{in_words(first)} to {in_words(last)}"

    @property
    def before(self) -> Period:
        """The period of the same length that ends the day before this one begins."""
        if self.kind:
            return containing(self.start - timedelta(days=1), self.kind)
        return between(self.start - (self.end - self.start) - timedelta(days=1), self.start - timedelta(days=1))


def in_words(day: date) -> str:
    """Return a day as "3 March 2021"."""
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def containing(day: date, kind: str) -> Period:
    """Return the calendar month, quarter or year in which a day lies."""
    length = LENGTHS[kind]
    month = (day.month - 1) // length * length + 1
    last = month + length - 1
    start, end = date(day.year, month, 1), date(day.year, last, monthrange(day.year, last)[1])
    names = {"month": f"{day:%Y-%m}", "quarter": f"{day:%Y}-Q{(month + 2) // 3}", "year": f"{day:%Y}"}
    return Period(start, end, names[kind], kind)


def between(since: date, until: date) -> Period:
    return Period(since, until, f"{since.isoformat()}_{until.isoformat()}")


def parse(text: str) -> Period:
    """Read 2021-Q3, 2021-07 or 2021; raise TieoutError for anything else."""
    for kind, pattern in WRITTEN.items():
        if found := pattern.fullmatch(text.strip()):
            month = (int(found["part"] or 1) - 1) * (LENGTHS[kind] if found["part"] else 1) + 1
            return containing(date(int(found["year"]), month, 1), kind)
    raise TieoutError("--period", f"'{text[:40]}' is no period", "write 2021-Q3, 2021-07 or 2021, or use --since, --until")


def day(option: str, text: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise TieoutError(option, f"'{text[:40]}' is no date", "write it as 2021-06-30") from None


def chosen(period: str, since: str, until: str, *, kind: str, first: date, last: date, cut: date) -> Period:
    """Return the period that the options name, or the last whole one in which a patient was enrolled.

    `first` and `last` are the first and last day of enrolment, `cut` that of the data. Raises TieoutError for options
    that exclude each other, a period that is reversed, or one that begins after the data were cut.
    """
    if period and (since or until):
        raise TieoutError("--period", "was given together with --since or --until", "choose one way")
    if period:
        found = parse(period)
    elif since or until:
        found = between(day("--since", since) if since else first, day("--until", until) if until else cut)
        if found.start > found.end:
            raise TieoutError("--since", f"{found.start} lies after {found.end}", "the earlier day comes first")
    else:
        found = containing(last, kind)
        found = found if found.end <= cut or found.before.end < first else found.before
    if found.start > cut:
        raise TieoutError(
            "--period", f"{found.name} begins after the data were cut ({cut})", f"the last is {containing(cut, kind).name}"
        )
    return found


def judged(period: Period, over: str) -> tuple[date, date]:
    """Return first and last day of the time over which sites are judged: the period, the year to its end, or all."""
    if over == "period":
        return period.start, period.end
    if over == "all":
        return date.min, period.end
    after = period.end + timedelta(days=1)
    try:
        return after.replace(year=after.year - 1), period.end
    except ValueError:
        return date(after.year - 1, 3, 1), period.end
