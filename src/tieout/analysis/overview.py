"""Everything that the reports of a period say, computed once for all sites."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tieout import hospitals, periods, readers
from tieout.analysis import indicators
from tieout.analysis.cohort import (
    Cohort,
    Counts,
    Spread,
    Whole,
    counts,
    follow_up,
    is_numeric,
    numeric,
    recorded,
    spreads,
)
from tieout.analysis.indicators import Measure, Rate, Windows
from tieout.disclose import Hidden, hidden
from tieout.periods import Period
from tieout.registry import Records, Registry
from tieout.reports import Suppression
from tieout.study import Study, Variable

MOST_STEPS = 40


@dataclass(frozen=True)
class Recruitment:
    """Patients by site: in the period, until its end, screened (if there is a log), last day; and by calendar step.

    `first` is the first day of the registry.
    """

    period: Whole
    cumulative: Whole
    screened: Whole | None
    last: NDArray[np.datetime64]
    steps: tuple[str, ...]
    by_step: NDArray[np.int64]
    first: date


@dataclass(frozen=True, eq=False)
class Overview:
    """The figures of all sites (arrays in the order of `codes`), what of them others may not see, and the patients.

    `hidden` goes by path: indicator.NAME, completeness.VARIABLE, case_mix.VARIABLE[.LEVEL], patients.period, …
    """

    study: Study
    variables: Mapping[str, Variable]
    period: Period
    codes: tuple[str, ...]
    digest: str
    cohort: Cohort
    windows: Windows
    recruitment: Recruitment
    measures: Mapping[str, Measure]
    completeness: Mapping[str, Counts]
    case_mix: Mapping[str, Counts | tuple[Spread, Spread]]
    follow_up: Mapping[str, Mapping[str, Whole]]
    hidden: Mapping[str, Hidden]

    @property
    def suppress(self) -> Suppression:
        return self.study.reporting.suppress


def cohort(registry: Registry, table: hospitals.Table) -> Cohort:
    """Return the patients with their sites; raise TieoutError for a site that the table does not know."""
    study, frame = registry.study, registry.frame
    days = frame[study.with_role("enrolled")]
    source = str(readers.shown(study.data, study.folder))
    owners = hospitals.owners(table, frame[study.with_role("site")], days, source)
    place, codes = pd.factorize(owners, sort=True)
    return Cohort(study, registry.records, tuple(map(str, codes)), place, days.to_numpy().astype("datetime64[D]"))


def until(found: Cohort, end: date) -> Cohort:
    """Return the patients enrolled until a day, with every site kept."""
    rows = found.during(date.min, end)
    if rows.all():
        return found
    hidden_ = {name: flags[rows] for name, flags in found.records.not_applicable.items()}
    records = Records(found.frame[rows].reset_index(drop=True), hidden_)
    return Cohort(found.study, records, found.codes, found.site[rows], found.day[rows])


def with_sites(found: Cohort, codes: Sequence[str]) -> Cohort:
    """Return the same patients with more sites, who may have none."""
    every = (*found.codes, *(code for code in codes if code not in found.codes))
    return Cohort(found.study, found.records, every, found.site, found.day)


def overview(registry: Registry, found: Cohort, period: Period) -> Overview:
    """Compute the figures of all sites for a period; `found` holds the patients and the sites expected.

    Patients enrolled after the period are left out, follow-up is judged at the cut of the data.
    """
    study = registry.study
    reports = study.reporting
    found = until(found, period.end)
    windows = Windows(
        found.during(period.start, period.end),
        found.during(*periods.judged(period, reports.judged_over)),
        found.during(*periods.judged(period.before, reports.judged_over)),
    )
    cut = study.data.cut
    measures = {name: indicators.measured(found, name, windows, cut) for name in reports.indicators}
    complete = {name: completeness(found, name) for rows in reports.completeness.values() for name in rows}
    mix = {path: each for name in reports.case_mix for path, each in described(found, name, windows.judged)}
    due = {
        name: {state: found.count(rows) for state, rows in follow_up(found, declared, cut).items()}
        for name, declared in reports.follow_ups.items()
    }
    recruited = recruitment(registry, found, period, windows)
    return Overview(
        study, study.dictionary, period, found.codes, registry.digest, found, windows, recruited, measures, complete, mix, due,
        suppressed(reports.suppress, recruited, measures, complete, mix),
    )  # fmt: skip


def completeness(found: Cohort, name: str) -> Counts:
    present, applicable = recorded(found, name)
    return counts(found, present, applicable)


def described(found: Cohort, name: str, rows: NDArray[np.bool_]) -> list[tuple[str, Counts | tuple[Spread, Spread]]]:
    """Return the case mix of one variable: quartiles of a number, or patients with each level."""
    variable = found.study.dictionary[name]
    if is_numeric(variable):
        values = numeric(found, name)
        known = rows & ~np.isnan(values)
        own, others, _ = spreads(values[known], found.site[known], len(found.codes), found.study.methods.quantile)
        return [(name, (own, others))]
    column = found.frame[name]
    known = column.notna().to_numpy() & rows
    levels = ["1"] if variable.type == "yesno" else list(variable.codes)
    return [(f"{name}.{code}", counts(found, (column == code).to_numpy(), known)) for code in levels]


def recruitment(registry: Registry, found: Cohort, period: Period, windows: Windows) -> Recruitment:
    """Count patients by site in the period, until its end, and by calendar step since the first patient."""
    everybody = np.ones(len(found.site), dtype=bool)
    last = np.full(len(found.codes), np.datetime64("NaT", "D"))
    order = np.argsort(found.day, kind="stable")
    last[found.site[order]] = found.day[order]
    steps, place = calendar(found.day, period)
    by_step = np.zeros((len(found.codes), len(steps)), dtype=np.int64)
    np.add.at(by_step, (found.site, place), 1)
    return Recruitment(
        found.count(windows.period), found.count(everybody), screened(registry, found, period), last, steps, by_step,
        found.day.min().astype(date) if len(found.day) else period.start,
    )


def calendar(days: NDArray[np.datetime64], period: Period) -> tuple[tuple[str, ...], Whole]:
    """Return the steps from the first patient to the end of the period, and the step of each patient.

    Months, quarters or years, whichever is the period's own and gives at most 40.
    """
    first = pd.Timestamp(days.min() if len(days) else period.start)
    for kind in periods.CALENDAR:
        if kind == "month" and period.kind != "month":
            continue
        freq, label = periods.CALENDAR[kind]
        span = pd.period_range(first, pd.Timestamp(period.end), freq=freq)
        if len(span) <= MOST_STEPS or kind == "year":
            break
    moments = pd.PeriodIndex(pd.to_datetime(days), freq=freq)
    place = np.asarray(moments.asi8 - span.asi8[0], dtype=np.int64) if len(days) else np.empty(0, dtype=np.int64)
    return tuple(str(each.strftime(label)) for each in span), place


def screened(registry: Registry, found: Cohort, period: Period) -> Whole | None:
    """Return the patients on the screening log until the end of the period, by site, where the log names sites."""
    if registry.screening is None or registry.study.data.screening is None:
        return None
    variables = registry.study.data.screening.variables
    roles = {v.role: name for name, v in variables.items()}
    if not {"site", "enrolled"} <= set(roles):
        return None
    frame = registry.screening.frame
    days = frame[roles["enrolled"]].to_numpy().astype("datetime64[D]")
    place = pd.Index(found.codes).get_indexer(frame[roles["site"]].astype(object))
    rows = (place >= 0) & (days <= np.datetime64(period.end))
    return np.bincount(place[rows], minlength=len(found.codes))


def target(site: hospitals.Site, start: date, end: date) -> float | None:
    """Return the patients that a site was to enrol from the later of `start` and its opening to `end`."""
    if site.per_year is None:
        return None
    first = max(start, site.opened) if site.opened else start
    last = min(end, site.closed) if site.closed else end
    return site.per_year * max(0, (last - first) / timedelta(days=1) + 1) / 365.25


def suppressed(
    rule: Suppression, recruited: Recruitment, measures: Mapping[str, Measure], complete: Mapping[str, Counts],
    mix: Mapping[str, Counts | tuple[Spread, Spread]],
) -> dict[str, Hidden]:  # fmt: skip
    """Return what is hidden of each figure that is published by site, by path."""
    found = {
        "patients.period": hidden(None, recruited.period, rule),
        "patients.cumulative": hidden(None, recruited.cumulative, rule),
    }
    if recruited.screened is not None:
        found["patients.screened"] = hidden(None, recruited.screened, rule)
    for name, measure in measures.items():
        path = f"indicator.{name}"
        if isinstance(measure, Rate):
            found[path] = hidden(measure.judged.x, measure.judged.n, rule)
            if measure.expected:
                found[f"{path}.ratio"] = hidden(measure.expected.observed.x, measure.expected.observed.n, rule)
        else:
            found[path] = hidden(None, measure.judged.n, rule)
    for prefix, several in (("completeness", complete), ("case_mix", mix)):
        for name, each in several.items():
            if isinstance(each, Counts):
                found[f"{prefix}.{name}"] = hidden(each.x, each.n, rule)
            else:
                found[f"{prefix}.{name}"] = hidden(None, each[0].n, rule)
    return found
