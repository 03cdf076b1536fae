"""Count and summarise the patients of all sites in one pass: who is whose, and what each has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tieout.analysis.describe import as_numbers
from tieout.registry import Records, mask
from tieout.reports import FollowUp
from tieout.study import LEVELLED, NUMBERS, Study, Variable

Whole = NDArray[np.int64]
Mask = NDArray[np.bool_]
QUARTILES = (0.25, 0.5, 0.75)


@dataclass(frozen=True)
class Cohort:
    """Patients with the place of their site among `codes` and their day of enrolment (datetime64[D])."""

    study: Study
    records: Records
    codes: tuple[str, ...]
    site: Whole
    day: NDArray[np.datetime64]

    @property
    def frame(self) -> pd.DataFrame:
        return self.records.frame

    def during(self, start: date, end: date) -> Mask:
        """Return which patients were enrolled from `start` to `end`, both included."""
        return (self.day >= np.datetime64(start)) & (self.day <= np.datetime64(end))

    @cached_property
    def by_site(self) -> tuple[Whole, Whole]:
        """The places of the patients sorted by site, and where each site begins among them."""
        sizes = np.bincount(self.site, minlength=len(self.codes))
        return np.argsort(self.site, kind="stable"), np.concatenate([[0], np.cumsum(sizes)])

    def patients(self, place: int) -> Whole:
        """Return the places of one site's patients."""
        order, starts = self.by_site
        return order[starts[place] : starts[place + 1]]

    def count(self, rows: Mask) -> Whole:
        """Return how many of the rows each site has."""
        return np.bincount(self.site[rows], minlength=len(self.codes))


@dataclass(frozen=True)
class Counts:
    """Events x among n patients, by site."""

    x: Whole
    n: Whole

    def of(self, place: int) -> tuple[int, int]:
        """Return x and n of one site."""
        return int(self.x[place]), int(self.n[place])

    @property
    def others(self) -> Counts:
        """The registry without each site."""
        return Counts(self.x.sum() - self.x, self.n.sum() - self.n)

    @property
    def total(self) -> tuple[int, int]:
        return int(self.x.sum()), int(self.n.sum())


@dataclass(frozen=True)
class Spread:
    """Quartiles (an array of sites x 3) of n values, by site; NaN where there are none."""

    n: Whole
    quartiles: NDArray[np.float64]

    def of(self, place: int) -> tuple[int, NDArray[np.float64]]:
        """Return n and the quartiles of one site."""
        return int(self.n[place]), self.quartiles[place]


def counts(cohort: Cohort, hit: Mask, known: Mask) -> Counts:
    """Return how many patients of each site have something known, and how many of them have it."""
    return Counts(cohort.count(hit & known), cohort.count(known))


def averaged(n: float, q: float) -> float:
    return n * q - 0.5 if (n * q).is_integer() else float(np.ceil(n * q) - 1)


PLACES: dict[str, Callable[[float, float], float]] = {
    "linear": lambda n, q: (n - 1) * q,
    "weibull": lambda n, q: (n + 1) * q - 1,
    "averaged_inverted_cdf": averaged,
}
"""Where a quantile lies among n sorted values, counted from 0 (Hyndman & Fan, Am Stat 1996;50:361)."""


def between(pick: Callable[[int], float], n: int, method: str) -> tuple[float, ...]:
    """Return the quartiles of n values of which `pick` gives the k-th smallest."""
    if not n:
        return (np.nan,) * 3
    places = [min(max(PLACES[method](float(n), q), 0.0), n - 1.0) for q in QUARTILES]
    ends = [(pick(int(place)), pick(min(int(place) + 1, n - 1)), place % 1) for place in places]
    return tuple(low + (high - low) * part for low, high, part in ends)


def spreads(values: NDArray[np.float64], site: Whole, sites: int, method: str) -> tuple[Spread, Spread, Spread]:
    """Return the quartiles of each site, of all others together, and of the whole registry (one row).

    All three come from one sort: the k-th of the others is found by counting how many of a site's own values lie
    before it. Raises KeyError for an unknown method.
    """
    order = np.argsort(values, kind="stable")
    ordered, whose = values[order], site[order]
    ranks = np.argsort(whose, kind="stable")
    n = np.bincount(site, minlength=sites)
    starts = np.concatenate([[0], np.cumsum(n)])
    own, rest = np.full((sites, 3), np.nan), np.full((sites, 3), np.nan)
    for each in range(sites):
        mine = ranks[starts[each] : starts[each + 1]]
        before = mine - np.arange(len(mine))

        def other(k: int, before: Whole = before) -> float:
            return float(ordered[k + np.searchsorted(before, k, side="right")])

        own[each] = between(lambda k, mine=mine: float(ordered[mine[k]]), len(mine), method)  # type: ignore[misc]
        rest[each] = between(other, len(values) - len(mine), method)
    whole = np.array([between(lambda k: float(ordered[k]), len(values), method)])
    return Spread(n, own), Spread(len(values) - n, rest), Spread(np.array([len(values)]), whole)


def numeric(cohort: Cohort, name: str) -> NDArray[np.float64]:
    """Return a variable as numbers with NaN for missing; grades as the numbers that they stand for."""
    column, variable = cohort.frame[name], cohort.study.dictionary[name]
    if variable.type not in LEVELLED:
        return column.to_numpy(dtype=float)
    places = column.cat.codes.to_numpy()
    return np.where(places >= 0, as_numbers(variable.codes)[places], np.nan)


def is_numeric(variable: Variable) -> bool:
    """Return whether a variable is a number or a grade, of which medians and quartiles are told."""
    return variable.type in (*NUMBERS, "ordinal")


def recorded(cohort: Cohort, name: str) -> tuple[Mask, Mask]:
    """Return where a variable is recorded, and where it is applicable."""
    variable, frame, hidden = cohort.study.dictionary[name], cohort.frame, cohort.records.not_applicable
    columns = [f"{name}___{option}" for option in variable.levels] if variable.type == "checkbox" else [name]
    present = np.logical_and.reduce([frame[column].notna().to_numpy() for column in columns])
    applicable = ~hidden[columns[0]] if columns[0] in hidden else np.ones(len(frame), dtype=bool)
    return present & applicable, applicable


def follow_up(cohort: Cohort, declared: FollowUp, cut: date) -> Mapping[str, Mask]:
    """Return which patients' follow-up is `obtained`, `excused`, `overdue`, `due` now, or `later`; and `closed` windows.

    `closed` are those not excused whose window closed before the day of the cut: the denominator of what was obtained.
    """
    frame = cohort.frame
    days = frame[declared.after].to_numpy().astype("datetime64[D]")
    today = np.datetime64(cut)
    opened, over = days + declared.opens <= today, days + declared.closes < today
    done = mask(frame, declared.done)
    excused = mask(frame, declared.unless) & ~done if declared.unless else np.zeros(len(frame), dtype=bool)
    open_ = ~done & ~excused
    return {
        "obtained": done,
        "excused": excused,
        "overdue": open_ & over,
        "due": open_ & opened & ~over,
        "later": open_ & ~opened,
        "closed": over & ~excused,
    }
