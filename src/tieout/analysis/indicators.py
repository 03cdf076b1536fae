"""Measure the declared indicators of all sites at once: rates, times, observed against expected, and how each is judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tieout.analysis import intervals, models, monitoring, regression
from tieout.analysis.cohort import Cohort, Counts, Mask, Spread, Whole, counts, follow_up, numeric, spreads
from tieout.periods import CALENDAR
from tieout.registry import Registry, mask
from tieout.reports import Indicator
from tieout.study import Methods, Model

Array = NDArray[np.float64]

ALERT, ALARM = 0.95, 0.998
FEW_SITES = 20
"""With fewer sites than this, the case-mix model of a site is fitted without it."""
NO_EVENTS = "no expected events: nobody with an outcome and complete case mix"


@dataclass(frozen=True)
class Windows:
    """Which patients count: in the period, in the time over which sites are judged, and in that of the last report."""

    period: Mask
    judged: Mask
    previous: Mask


@dataclass(frozen=True)
class Limits:
    """A funnel's centre and its limits for each site at 95% and 99.8% (NaN where nothing could lie outside).

    `phi` and `tau2` tell the over-dispersion (Spiegelhalter 2005); tau2 is 0 where the limits are exact. `curve` is
    what a plot draws: rows of size, low, high, far low, far high, in percent for rates; None where there is no limit.
    """

    centre: float
    low: Array
    high: Array
    far_low: Array
    far_high: Array
    phi: float
    tau2: float
    curve: tuple[tuple[float | None, ...], ...] = ()


@dataclass(frozen=True)
class Expected:
    """Observed and expected events by site, from a case-mix model; `reason` says why there are none."""

    observed: Counts
    expected: Array
    left_out: NDArray[np.int64]
    terms: tuple[str, ...]
    n: int
    events: int
    without_own: bool
    reason: str = ""
    limits: Limits | None = None


@dataclass(frozen=True)
class Rate:
    """An indicator that is a percentage: events among patients in each window, by site."""

    judged: Counts
    period: Counts
    previous: Counts
    limits: Limits
    expected: Expected | None
    status: tuple[str, ...]


@dataclass(frozen=True)
class Time:
    """An indicator that is a number: quartiles by site, of all others, of the whole registry; and each patient's value."""

    judged: Spread
    others: Spread
    whole: Spread
    period: Spread
    previous: Spread
    values: Array
    rows: Mask
    status: tuple[str, ...]


Measure = Rate | Time


def measured(cohort: Cohort, name: str, windows: Windows, cut: date) -> Measure:
    """Measure one declared indicator at every site.

    `cut` is the day by which a follow-up must have been possible. Rates are judged against exact binomial limits about
    the registry's rate, or against exact Poisson limits of observed / expected where the indicator is adjusted; times
    against their target. Fewer patients than `judge_from` are not judged.
    """
    reports = cohort.study.reporting
    indicator = reports.indicators[name]
    if indicator.variable and not cohort.study.dictionary[indicator.variable].codes:
        return timed(cohort, indicator, windows)
    hit, known = events(cohort, indicator, cut)
    judged, period, previous = (
        counts(cohort, hit, known & rows) for rows in (windows.judged, windows.period, windows.previous)
    )
    limits = binomial(judged)
    expected = adjusted(cohort, indicator, hit, known & windows.judged) if indicator.adjust else None
    status = rated(judged, limits, expected, indicator, few(cohort, indicator))
    if indicator.target is not None:
        status = tuple(
            short_of_target(code, x, n, indicator, cohort.study.methods)
            for code, x, n in zip(status, judged.x, judged.n, strict=True)
        )
    return Rate(judged, period, previous, limits, expected, status)


def short_of_target(code: str, x: int, n: int, indicator: Indicator, methods: Methods) -> str:
    """Return "missed" for a rate as expected among sites whose whole interval lies short of the target."""
    if code != "expected":
        return code
    found = intervals.proportion(int(x), int(n), methods.proportion, methods.level)
    assert found.low is not None and found.high is not None and indicator.target is not None
    goal = indicator.target / 100
    missed = found.high < goal if indicator.better == "higher" else found.low > goal
    return "missed" if missed else code


def few(cohort: Cohort, indicator: Indicator) -> int:
    """Return the fewest patients from which an indicator is judged."""
    return indicator.judge_from or cohort.study.reporting.judge_from


def events(cohort: Cohort, indicator: Indicator, cut: date) -> tuple[Mask, Mask]:
    """Return which patients have the event, and of which it is known."""
    chosen = mask(cohort.frame, indicator.where)
    if indicator.follow_up:
        found = follow_up(cohort, cohort.study.reporting.follow_ups[indicator.follow_up], cut)
        return found["obtained"], found["closed"] & chosen
    assert indicator.variable is not None
    column = cohort.frame[indicator.variable]
    return column.isin(indicator.event).to_numpy(), column.notna().to_numpy() & chosen


def timed(cohort: Cohort, indicator: Indicator, windows: Windows) -> Time:
    assert indicator.variable is not None
    values = numeric(cohort, indicator.variable)
    known = ~np.isnan(values) & mask(cohort.frame, indicator.where)
    method = cohort.study.methods.quantile

    def of(rows: Mask) -> tuple[Spread, Spread, Spread]:
        return spreads(values[rows], cohort.site[rows], len(cohort.codes), method)

    judged, others, whole = of(known & windows.judged)
    status = tuple(
        against_target(n, median, indicator, few(cohort, indicator))
        for n, median in zip(judged.n, judged.quartiles[:, 1], strict=True)
    )
    period, previous = of(known & windows.period)[0], of(known & windows.previous)[0]
    return Time(judged, others, whole, period, previous, values, known, status)


def against_target(n: int, median: float, indicator: Indicator, least: int) -> str:
    """Return how a median is judged: by its target alone, since a median has no exact limits."""
    if n == 0:
        return "none"
    if n < least:
        return "few"
    if indicator.target is None:
        return "context"
    reached = median >= indicator.target if indicator.better == "higher" else median <= indicator.target
    return "met" if reached else "missed"


def binomial(found: Counts) -> Limits:
    """Return a funnel about the registry's rate: exact binomial limits, widened where sites vary more than by chance."""
    x, n = found.total
    rate = x / n if n else np.nan
    if not n or rate in (0.0, 1.0):
        empty = np.full(len(found.n), np.nan)
        return Limits(rate, empty, empty, empty, empty, np.nan, 0.0)
    phi, tau2 = monitoring.overdispersion_of_rates(found.x, found.n, rate)
    low, high, far_low, far_high = funnel(lambda at, level: monitoring.rate_limits(at, rate, level, tau2), found.n)
    sizes = np.unique(np.round(grid(float(found.n.max()))))
    drawn = [100 * side for side in funnel(lambda at, level: monitoring.rate_limits(at, rate, level, tau2), sizes)]
    return Limits(rate, low, high, far_low, far_high, phi, tau2, rows(sizes, drawn))


def poisson(observed: NDArray[np.int64], expected: Array) -> Limits:
    """Return a funnel of observed / expected about 1: exact Poisson limits, widened for over-dispersion."""
    phi, tau2 = monitoring.overdispersion_of_ratios(observed, expected)
    low, high, far_low, far_high = funnel(lambda at, level: monitoring.ratio_limits(at, level, tau2), expected)
    sizes = grid(float(expected.max(initial=1)))
    drawn = funnel(lambda at, level: monitoring.ratio_limits(at, level, tau2), sizes)
    return Limits(1.0, low, high, far_low, far_high, phi, tau2, rows(sizes, drawn))


def funnel(limits: Callable[[Any, float], tuple[Array, Array]], sizes: NDArray[Any]) -> list[Array]:
    """Return low, high, far low and far high limits at some sizes."""
    return [side for level in (ALERT, ALARM) for side in limits(sizes, level)]


def grid(largest: float) -> Array:
    """Return sizes from 1 to the largest site's, evenly on the square root, at which limits are drawn."""
    return np.linspace(1, max(largest, 2.0) ** 0.5, 120) ** 2


def rows(sizes: Array, sides: list[Array]) -> tuple[tuple[float | None, ...], ...]:
    table = np.column_stack([sizes, *sides]).tolist()
    return tuple(tuple(None if value != value else value for value in row) for row in table)


def rated(
    found: Counts, limits: Limits, expected: Expected | None, indicator: Indicator, least: int
) -> tuple[str, ...]:
    """Return each site's status: none, few, expected, better, much-better, worse, much-worse."""
    adjusted_ = expected is not None and expected.limits is not None
    n, shown = found.n, limits
    with np.errstate(invalid="ignore", divide="ignore"):
        value = found.x / found.n
        if adjusted_:
            assert expected is not None and expected.limits is not None
            n, shown = expected.observed.n, expected.limits
            value = expected.observed.x / expected.expected
        above = (value > shown.high).astype(int) + (value > shown.far_high)
        below = (value < shown.low).astype(int) + (value < shown.far_low)
    sign = above - below if indicator.better == "higher" else below - above
    words = {2: "much-better", 1: "better", 0: "expected", -1: "worse", -2: "much-worse"}
    return tuple(
        "none" if not size else "few" if size < least else words[int(side)]
        for size, side in zip(n, sign, strict=True)
    )


def adjusted(cohort: Cohort, indicator: Indicator, hit: Mask, known: Mask) -> Expected:
    """Return observed and expected events from a logistic model of the case mix (indirect standardisation).

    Patients lacking a term are left out of both. With fewer than 20 sites the expected events of a site come from a
    model fitted without it. No model is fitted below `events_per_term` events (or non-events) per term.
    """
    study = cohort.study
    complete = known & mask(cohort.frame, dict.fromkeys(indicator.adjust))
    found = counts(cohort, hit, complete)
    X, terms = design(cohort, indicator, complete)
    y = hit[complete].astype(float)
    site = cohort.site[complete]
    empty = Expected(
        found, np.full(len(cohort.codes), np.nan), cohort.count(known & ~complete), terms, len(y), int(y.sum()), False
    )
    rarer = min(y.sum(), len(y) - y.sum())
    least = study.reporting.events_per_term
    if not terms or rarer < least * len(terms):
        return replace(
            empty,
            reason="not adjusted: too few events (or patients without the event) for the case mix of "
            f"{len(terms)} {'term' if len(terms) == 1 else 'terms'}, fewer than {least:g} each",
        )
    active = np.flatnonzero(found.n)
    without_own = len(active) < FEW_SITES
    probability = np.full(len(y), np.nan)
    for own in (site == each for each in active) if without_own else [np.zeros(len(y), dtype=bool)]:
        fit = regression.logistic(y[~own], X[~own], terms)
        if not fit.converged or fit.separated:
            return replace(empty, reason=f"not adjusted: {fit.reason or 'the model did not converge'}")
        chosen = own if without_own else ~own
        assert fit.intercept.coef is not None
        coefficients = np.array([term.coef for term in fit.terms], dtype=float)
        probability[chosen] = 1 / (1 + np.exp(-(fit.intercept.coef + X[chosen] @ coefficients)))
    expected = np.bincount(site, weights=probability, minlength=len(cohort.codes)).astype(float)
    return replace(empty, expected=expected, without_own=without_own, limits=poisson(found.x, expected))


def design(cohort: Cohort, indicator: Indicator, rows: Mask) -> tuple[Array, tuple[str, ...]]:
    """Return the design matrix of the case mix, without intercept, and the names of its terms."""
    registry = Registry(cohort.study, cohort.records, None, "")
    declared = Model(outcome="case_mix", label=indicator.label, terms=indicator.adjust)
    found = [
        pair
        for name in indicator.adjust
        for pair in models.indicators(registry, declared, name, cohort.frame[name][rows])
    ]
    matrix = np.column_stack([values for values, _ in found]) if found else np.empty((int(rows.sum()), 0))
    return matrix, tuple(term.name for _, term in found)


def series(time: Time, cohort: Cohort, patients: Whole, kind: str) -> tuple[list[tuple[str, float]], str]:
    """Return a site's times in order for a run chart, and what one point is.

    Up to 60 patients each is a point; beyond that the median of each calendar month, quarter or year with a patient,
    at most the last 24.
    """
    known = patients[time.rows[patients]]
    values, days = time.values[known], cohort.day[known]
    order = np.argsort(days, kind="stable")
    if len(values) <= 60:
        return [(str(days[i]), float(values[i])) for i in order], "patient"
    freq, label = CALENDAR[kind]
    moments = pd.PeriodIndex(pd.to_datetime(days), freq=freq)
    medians = pd.Series(values).groupby(moments).median().tail(24)
    return [(str(when.strftime(label)), float(value)) for when, value in medians.items()], kind


def run_signal(points: list[tuple[str, float]]) -> tuple[float, str]:
    """Return the median of a run chart and what Anhøj's rules say of it, in words.

    Source: `tieout.analysis.monitoring.anhoej`.
    """
    values = np.array([value for _, value in points])
    if not len(values):
        return np.nan, ""
    median = float(np.median(values))
    signs = monitoring.anhoej(values, median)
    said = []
    if signs.shift:
        said.append(f"a shift: {signs.longest_run} points in a row on one side of the median (at most "
                    f"{signs.longest_allowed} by chance)")
    if signs.few_crossings:
        said.append(f"few crossings of the median: {signs.crossings} (at least {signs.crossings_needed} by chance)")
    return median, "; ".join(said)


STATUS: Mapping[str, tuple[str, str]] = {
    "none": ("No patients", "Nothing to judge."),
    "few": ("Too few to judge", "Read the figure with its interval; do not compare."),
    "context": ("Not judged", "For context."),
    "expected": ("As expected", "None needed."),
    "better": ("Better than expected", "Share what you do; check the data first."),
    "much-better": ("Much better than expected", "Check the data, then share what you do."),
    "worse": ("Worse than expected", "Check the data and the case mix; discuss at the next site meeting."),
    "much-worse": ("Much worse than expected", "Check the data now; tell the coordinating centre what you found."),
    "met": ("Target met", "None needed."),
    "missed": ("Target not met", "Look for what holds it up; agree a step and its date."),
    "hidden": ("Hidden", "Small numbers are not shown here."),
}
"""Each status in words, and what to do."""
