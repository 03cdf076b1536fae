"""Sites over time: whose a record is on its day, what the site is called, and which sites are expected to report."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import cycle, pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from tieout.errors import TieoutError, nearest, raise_all, some_of
from tieout.sources import file_bytes

COLUMNS = ("code", "site", "name", "from", "until", "per_year", "contact")


@dataclass(frozen=True)
class Line:
    """One line of the site table: from `since` to `until` records with `code` belong to `site`, called `name`."""

    code: str
    site: str
    name: str
    since: date
    until: date
    per_year: float | None
    contact: str


@dataclass(frozen=True)
class Site:
    """A site as it is at the end of a period; `per_year` is the target of patients, `history` its changes in words."""

    code: str
    name: str
    opened: date | None = None
    closed: date | None = None
    per_year: float | None = None
    contact: str = ""
    history: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """The lines of the site table in the order of the file; empty where the study has none."""

    path: Path
    lines: tuple[Line, ...] = ()


def read(path: Path | None) -> Table:
    """Read the site table; without one every code of the data is a site of its own.

    CSV in UTF-8 with the columns code, site, name, from, until, per_year, contact; all but code may be blank.
    Raises TieoutError with file and row for blank codes, dates that are none or reversed, and overlapping lines.
    """
    if path is None:
        return Table(Path())
    try:
        reader = csv.DictReader(io.StringIO(file_bytes(path).decode("utf-8-sig"), newline=""), strict=True)
        rows, header = list(reader), reader.fieldnames or []
    except (UnicodeDecodeError, csv.Error):
        raise TieoutError(str(path), "the site table is not CSV in UTF-8", "save it as CSV UTF-8") from None
    unknown = [name for name in header if name not in COLUMNS]
    if "code" not in header or unknown:
        wrong = f"unknown column '{unknown[0]}'" if unknown else "the column 'code' is missing"
        raise TieoutError(str(path), wrong, f"expected columns: {', '.join(COLUMNS)}")
    lines, errors = [], []
    for number, row in enumerate(rows, 1):
        try:
            lines.append(line(row))
        except ValueError as error:
            errors.append(TieoutError(f"{path} row {number}", str(error)))
    raise_all(errors)
    raise_all(list(overlaps(path, lines)))
    return Table(path, tuple(lines))


def line(row: dict[str, str | None]) -> Line:
    """Return a row as a line; raise ValueError with what is wrong."""
    cells = {name: " ".join((row.get(name) or "").split()) for name in COLUMNS}
    if not cells["code"] or None in row:
        raise ValueError("the code is blank" if None not in row else "more cells than the header has")
    try:
        since = date.fromisoformat(cells["from"]) if cells["from"] else date.min
        until = date.fromisoformat(cells["until"]) if cells["until"] else date.max
    except ValueError:
        raise ValueError("from or until holds no date, expected 2021-06-30") from None
    if since > until:
        raise ValueError(f"from ({since}) lies after until ({until})")
    try:
        per_year = float(cells["per_year"]) if cells["per_year"] else None
    except ValueError:
        raise ValueError("per_year holds no number") from None
    if per_year is not None and not 0 <= per_year < 1e6:
        raise ValueError("per_year is no possible number of patients")
    site = cells["site"] or cells["code"]
    return Line(cells["code"], site, cells["name"] or site, since, until, per_year, cells["contact"])


def overlaps(path: Path, lines: Sequence[Line]) -> Iterable[TieoutError]:
    ordered = sorted(lines, key=lambda line: (line.code, line.since))
    for one, two in pairwise(ordered):
        if one.code == two.code and two.since <= one.until:
            yield TieoutError(
                str(path), f"two lines of the code '{one.code}' hold on {two.since}", "end the first line the day before"
            )


def owners(table: Table, codes: pd.Series, days: pd.Series, source: str) -> np.ndarray:
    """Return for each record the code of the site whose it is on its day (an array of str).

    Raises TieoutError for codes that the site table does not hold on a record's day.
    """
    place, seen = pd.factorize(codes)
    names = seen.astype(object).to_numpy()
    if not table.lines:
        return names[place]
    owner = np.full(len(place), None, dtype=object)
    when = days.to_numpy().astype("datetime64[D]")
    lines: dict[str, list[Line]] = {}
    for each in table.lines:
        lines.setdefault(each.code, []).append(each)
    for code, rows in pd.Series(place).groupby(place).indices.items():
        for each in lines.get(names[code], []):
            inside = (when[rows] >= np.datetime64(each.since)) & (when[rows] <= np.datetime64(each.until))
            owner[rows[inside]] = each.site
    lost = pd.unique(names[place[pd.isna(owner)]])
    raise_all([stray(table, source, code, set(lines)) for code in lost])
    return owner


def stray(table: Table, source: str, code: str, known: set[str]) -> TieoutError:
    if code in known:
        return TieoutError(
            source, f"there are records of the site '{code}' on days on which the site table has no line for it",
            f"add a line to {table.path.name}, or mend the dates",
        )  # fmt: skip
    hint = nearest(code, known) or f"add it to {table.path.name}"
    return TieoutError(source, f"the site '{code}' is not in the site table", hint)


def sites(table: Table, seen: Iterable[str], start: date, end: date) -> list[Site]:
    """Return the sites expected to report on a period, in the order of their codes.

    With a table: each that has a line on a day of the period, or records; without one: each of `seen`.
    """
    found = {code: Site(code, code) for code in seen}
    for code in dict.fromkeys(each.site for each in table.lines):
        lines = sorted((each for each in table.lines if each.site == code), key=lambda each: each.since)
        if code in found or any(each.since <= end and each.until >= start for each in lines):
            found[code] = as_of(code, lines, end)
    return [found[code] for code in sorted(found, key=natural)]


def as_of(code: str, lines: Sequence[Line], end: date) -> Site:
    """Return a site as it is on a day, with what happened to it until then."""
    now = [each for each in lines if each.since <= end] or list(lines[:1])
    own = [each for each in now if each.code == code] or now
    last = max(own, key=lambda each: (each.until >= end, each.since))
    closed = max(each.until for each in now)
    opened = min(each.since for each in lines)
    return Site(
        code, last.name, opened if opened > date.min else None, closed if closed < end else None, last.per_year,
        last.contact, tuple(changes(code, now)),
    )  # fmt: skip


def changes(code: str, lines: Sequence[Line]) -> Iterable[str]:
    """Yield in words how a site changed its name, took in another, or closed."""
    own = [each for each in lines if each.code == code]
    for one, two in pairwise(own):
        if one.name != two.name:
            yield f"called {one.name} until {one.until}"
    for each in lines:
        if each.code != code:
            since = f" from {each.since}" if each.since > date.min else ""
            yield f"includes the records of {each.code}{since}"


def natural(code: str) -> tuple[list[int | str], str]:
    """Return what sorts site 2 before site 10: words and numbers in turn, and the code itself."""
    runs = re.split(r"(\d+)", code)
    return [int(run) if odd else run.casefold() for odd, run in zip(cycle((0, 1)), runs, strict=False)], code


def named(all_sites: Sequence[Site], wanted: Iterable[str]) -> list[Site]:
    """Return the sites that are asked for by code; raise TieoutError for one that is not expected."""
    by_code = {site.code: site for site in all_sites}
    unknown = [code for code in dict.fromkeys(wanted) if code not in by_code]
    raise_all(
        [
            TieoutError("--site", f"no site of this study and period is called '{code[:60]}'",
                        nearest(code, by_code) or f"sites: {some_of(by_code, 20)}")
            for code in unknown
        ]
    )  # fmt: skip
    return [by_code[code] for code in dict.fromkeys(wanted)]
