"""Lists that name records, each for the eyes of one site: follow-ups due, and what is open or missing."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import date
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from tieout import hospitals
from tieout import registry as registries
from tieout import study as studies
from tieout.analysis.cohort import Cohort, follow_up, recorded
from tieout.analysis.overview import cohort
from tieout.study import Study

DUE = ("record", "follow_up", "state", "window_opens", "window_closes", "days_left")
QUERIES = ("record", "enrolled", "what")


def due(found: Cohort, rows: np.ndarray, cut: date) -> list[tuple[str, ...]]:
    """Return the follow-ups of some patients that are due or overdue on the day of the cut, the most urgent first."""
    study, frame = found.study, found.frame
    assert study.reports is not None
    record = study.with_role("record")
    lines: list[tuple[str, ...]] = []
    for declared in study.reports.follow_ups.values():
        states = follow_up(found, declared, cut)
        for state in ("overdue", "due"):
            for place in np.flatnonzero(states[state] & rows):
                after = pd.Timestamp(frame[declared.after].iloc[place]).normalize()
                opens, closes = (after + pd.Timedelta(days=days) for days in (declared.opens, declared.closes))
                left = (closes.date() - cut).days
                lines.append(
                    (str(frame[record].iloc[place]), declared.label, state, f"{opens:%Y-%m-%d}", f"{closes:%Y-%m-%d}", str(left))
                )
    return sorted(lines, key=lambda line: (int(line[5]), line[0], line[1]))


def queries(found: Cohort, rows: np.ndarray) -> list[tuple[str, ...]]:
    """Return what is open in the records of some patients: data queries, and variables that are not recorded."""
    study, frame = found.study, found.frame
    assert study.reports is not None
    record, enrolled = frame[study.with_role("record")], frame[study.with_role("enrolled")]
    lines: list[tuple[str, ...]] = []
    missing = {
        study.dictionary[name].label: applicable & ~present
        for names in study.reports.completeness.values()
        for name in names
        for present, applicable in [recorded(found, name)]
    }
    open_ = frame[study.reports.queries].fillna(0).to_numpy() if study.reports.queries else np.zeros(len(frame))
    for place in np.flatnonzero(rows):
        head = (str(record.iloc[place]), f"{enrolled.iloc[place]:%Y-%m-%d}")
        if open_[place]:
            lines.append((*head, f"{open_[place]:g} open data {'query' if open_[place] == 1 else 'queries'}"))
        lines += [(*head, f"not recorded: {label}") for label, gone in missing.items() if gone[place]]
    return lines


def of_site(found: Cohort, site: str, cut: date) -> dict[str, str]:
    """Return a site's lists as CSV text by the names of their files."""
    rows = found.site == (found.codes.index(site) if site in found.codes else -1)
    return {
        "follow-up.csv": as_csv(DUE, due(found, rows, cut)),
        "queries.csv": as_csv(QUERIES, queries(found, rows)),
    }


def read(study_file: Path, site: str) -> dict[str, str]:
    """Return a site's lists, reading only the rows of the data that may be its own.

    Raises TieoutError where the study or its data cannot be read from here.
    """
    study, table = known(study_file)
    codes = {line.code for line in table.lines if line.site == site} or {site}
    records = registries.at(study, codes)
    return of_site(cohort(registries.Registry(study, records, None, ""), table), site, study.data.cut)


@lru_cache(maxsize=1)
def known(study_file: Path) -> tuple[Study, hospitals.Table]:
    """Return the study and its site table, read once in each process."""
    study = studies.read(study_file)
    return study, site_table(study)


def site_table(study: Study) -> hospitals.Table:
    assert study.reports is not None
    return hospitals.read(study.resolve(study.reports.sites) if study.reports.sites else None)


def as_csv(header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Return lines as CSV in which no cell can be a formula of a spreadsheet."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([harmless(cell) for cell in line] for line in lines)
    return text.getvalue()


def harmless(cell: str) -> str:
    """Return a cell that a spreadsheet takes as text; whole numbers, also negative ones, stay as they are."""
    number = cell.removeprefix("-").isdecimal()
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") and not number else cell
