"""Lists that name records, each for the eyes of one site: follow-ups due, and what is open or missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tieout import hospitals
from tieout import registry as registries
from tieout import study as studies
from tieout.analysis.cohort import Cohort, follow_up, recorded
from tieout.analysis.overview import cohort, with_sites
from tieout.spreadsheet import as_csv, harmless
from tieout.study import Study

DUE = ("record", "follow_up", "state", "window_opens", "window_closes", "days_left")
QUERIES = ("record", "enrolled", "what")


@dataclass(frozen=True)
class Marks:
    """What is asked of every patient, marked once for all sites: states of each follow-up, variables not recorded, queries.

    `record` holds the records' numbers as text that no spreadsheet takes for a formula.
    """

    cohort: Cohort
    cut: date
    record: NDArray[np.object_]
    states: Mapping[str, Mapping[str, NDArray[np.bool_]]]
    missing: Mapping[str, NDArray[np.bool_]]
    queries: NDArray[np.float64]


def marks(found: Cohort, cut: date) -> Marks:
    """Mark what the lists tell, on the day of the cut."""
    study, reports = found.study, found.study.reporting
    missing = {}
    for name in (name for names in reports.completeness.values() for name in names):
        present, applicable = recorded(found, name)
        missing[f"not recorded: {study.dictionary[name].label}"] = applicable & ~present
    open_ = found.frame[reports.queries].fillna(0).to_numpy() if reports.queries else np.zeros(len(found.frame))
    record = found.frame[study.with_role("record")].map(harmless).to_numpy(dtype=object)
    states = {name: follow_up(found, each, cut) for name, each in reports.follow_ups.items()}
    return Marks(found, cut, record, states, missing, open_)


def due(marked: Marks, site: str) -> list[tuple[str, ...]]:
    """Return a site's follow-ups that are due or overdue, the most urgent first."""
    study, frame = marked.cohort.study, marked.cohort.frame
    mine = marked.cohort.patients(marked.cohort.codes.index(site))
    lines: list[tuple[str, ...]] = []
    for name, declared in study.reporting.follow_ups.items():
        after = frame[declared.after].array[mine].to_numpy().astype("datetime64[D]")
        left = (after + declared.closes - np.datetime64(marked.cut)).astype(int)
        for state in ("overdue", "due"):
            for k in np.flatnonzero(marked.states[name][state][mine]):
                opens, closes = after[k] + declared.opens, after[k] + declared.closes
                lines.append((marked.record[mine[k]], declared.label, state, str(opens), str(closes), str(left[k])))
    return sorted(lines, key=lambda line: (int(line[5]), line[0], line[1]))


def queries(marked: Marks, site: str) -> list[tuple[str, ...]]:
    """Return what is open in a site's records, in their order: data queries, and variables that are not recorded."""
    mine = marked.cohort.patients(marked.cohort.codes.index(site))
    open_ = marked.queries[mine]
    found = [(np.flatnonzero(open_ == n), f"{n:g} open data {'query' if n == 1 else 'queries'}") for n in np.unique(open_) if n]
    found += [(np.flatnonzero(rows[mine]), words) for words, rows in marked.missing.items()]
    order = np.argsort(np.concatenate([places for places, _ in found]) if found else [], kind="stable")
    places = mine[np.concatenate([places for places, _ in found])[order]] if found else mine[:0]
    words = np.repeat(np.array([words for _, words in found], dtype=object), [len(places) for places, _ in found])
    days = marked.cohort.day[places].astype(str)
    return list(zip(marked.record[places].tolist(), days.tolist(), words[order].tolist(), strict=True))


def of_site(marked: Marks, site: str) -> dict[str, str]:
    """Return a site's lists as CSV text by the names of their files."""
    return {"follow-up.csv": as_csv([DUE, *due(marked, site)]), "queries.csv": as_csv([QUERIES, *queries(marked, site)])}


def read(study_file: Path, site: str) -> dict[str, str]:
    """Return a site's lists, reading only the rows of the data that may be its own.

    Raises TieoutError where the study or its data cannot be read from here.
    """
    study, table = known(study_file)
    codes = {line.code for line in table.lines if line.site == site} or {site}
    records = registries.at(study, codes, needed(study))
    found = with_sites(cohort(registries.Registry(study, records, None, ""), table), [site])
    return of_site(marks(found, study.data.cut), site)


def needed(study: Study) -> set[str]:
    """Return the variables that the lists look at."""
    reports = study.reporting
    found = {name for rows in reports.completeness.values() for name in rows} | ({reports.queries} if reports.queries else set())
    for each in reports.follow_ups.values():
        found |= {each.after, *each.done, *each.unless}
    return found


@lru_cache(maxsize=1)
def known(study_file: Path) -> tuple[Study, hospitals.Table]:
    """Return the study and its site table, read once in each process."""
    study = studies.read(study_file)
    return study, site_table(study)


def site_table(study: Study) -> hospitals.Table:
    """Return the declared table of sites, or an empty one."""
    return hospitals.read(study.resolve(study.reporting.sites) if study.reporting.sites else None)
