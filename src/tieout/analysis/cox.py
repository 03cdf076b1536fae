"""Fit Cox's model with Efron's approximation for ties, with a robust variance by cluster, and test proportional hazards."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2
from statsmodels.duration.hazard_regression import PHReg

from tieout.analysis import infinite
from tieout.analysis.clustered import Cases, Solution, empty, finished
from tieout.analysis.comparisons import Test
from tieout.analysis.regression import NOT_CONVERGED, Array, Fit, absent, quiet, standardised, unfit

HERE = "tieout.analysis.cox."


@dataclass(frozen=True)
class RiskSets:
    """Weighted means and variances of the terms among those at risk, one row for each of E events.

    Tied events are taken one after the other, each with the earlier ones of its time down-weighted (Efron, J Am Stat
    Assoc 1977;72:557). `moment` is the place of an event's time among the distinct ones, `share` what Efron takes off.
    """

    moments: Array
    moment: NDArray[np.int64]
    share: Array
    total: Array
    mean: Array
    variance: Array


def cox(cases: Cases, level: float = 0.95) -> Fit:
    """Fit Cox's model to `cases.time` and events `cases.y` (1, or 0 for censored); estimates are hazard ratios.

    Terms without finite estimate (a monotone likelihood) are looked for before the fit. With clusters the variance is
    the grouped sandwich of Lin & Wei (J Am Stat Assoc 1989;84:1074), uncorrected for their number as in R's coxph.
    Raises ValueError for missing values, shapes that do not match, and without times. Source: statsmodels PHReg.
    """
    fit, cases, _ = prepared(cases)
    if fit.reason:
        return fit
    columns = standardised(cases.X)
    with quiet():
        try:
            params = np.asarray(PHReg(cases.time, columns, status=cases.y, ties="efron").fit(disp=0).params)
        except (np.linalg.LinAlgError, ValueError):
            return absent(fit, NOT_CONVERGED)
        sets = risk_sets(cases, columns, params)
        scores = scored(cases, columns, params, sets)
        information = sets.variance.sum(axis=0)
        if not np.isfinite(params).all() or np.abs(scores.sum(axis=0)).max() > 1e-5 * np.sqrt(fit.events):
            return absent(fit, NOT_CONVERGED)
    solution = Solution(params, np.linalg.inv(information), scores, None, first=0)
    return finished(fit, cases, solution, level, corrected=False)


def prepared(cases: Cases) -> tuple[Fit, Cases, int]:
    """Return an empty fit, those of the cases who were at risk when anybody had the event, and how many there were before."""
    if cases.time is None:
        raise ValueError("Cox's model needs times")
    method, function = "Cox regression, Efron's approximation for ties", "statsmodels.duration.hazard_regression.PHReg(ties='efron')"
    events, n = cases.y == 1, len(cases.y)
    if not (np.isfinite(cases.time).all() and np.isin(cases.y, (0, 1)).all()):
        raise ValueError("times are numbers, and events 0 or 1")
    reason = untimely(cases) or ("" if events.any() or not n else "nobody had the event")
    fit = empty(replace(cases, y=np.arange(float(n))), int(events.sum()), method, function, reason)
    if fit.reason:
        return fit, cases, n
    rows = cases.time >= cases.time[events].min()
    clusters = None if cases.clusters is None else cases.clusters[rows]
    known = replace(cases, y=cases.y[rows], X=cases.X[rows], time=cases.time[rows], clusters=clusters)
    reason = unfit(np.arange(float(rows.sum())), known.X, cases.terms)
    if reason:
        return absent(fit, f"among those at risk at the first event {reason}"), cases, n
    without = infinite.of_times(known.time, known.y == 1, known.X, cases.terms)  # type: ignore[arg-type]
    if without:
        reason = f"events always fall on one side of {', '.join(without)}, so no finite estimate exists"
        return absent(replace(fit, separated=without), reason), cases, n
    return fit, known, n


def untimely(cases: Cases) -> str:
    early = int((cases.time < 0).sum()) if cases.time is not None else 0
    return f"the time is below 0 in {early} of the complete cases" if early else ""


def risk_sets(cases: Cases, columns: Array, params: Array) -> RiskSets:
    """Return the moments of standardised `columns` (n x p) among those at risk at each event, at coefficients `params` (p)."""
    time, died = cases.time, cases.y == 1
    assert time is not None, "cases of Cox's model have times"
    predictor = columns @ params
    weight = np.exp(predictor - predictor.max())
    moments, deaths = np.unique(time[died], return_counts=True)
    last = np.searchsorted(moments, time, side="right") - 1
    moment = np.repeat(np.arange(len(moments)), deaths)
    share = (np.arange(len(moment)) - np.repeat(np.cumsum(deaths) - deaths, deaths)) / deaths[moment]

    def summed(values: Array) -> Array:
        """Return the sum over those at risk less Efron's share of those who have the event, for each event."""
        at_risk = np.bincount(last, values, len(moments))[::-1].cumsum()[::-1]
        dying = np.bincount(last[died], values[died], len(moments))
        return (at_risk[moment] - share * dying[moment])  # type: ignore[no-any-return]

    size = columns.shape[1]
    total = summed(weight)
    mean = np.column_stack([summed(weight * column) / total for column in columns.T])
    variance = np.empty((len(moment), size, size))
    for i in range(size):
        for j in range(i, size):
            variance[:, i, j] = summed(weight * columns[:, i] * columns[:, j]) / total - mean[:, i] * mean[:, j]
            variance[:, j, i] = variance[:, i, j]
    return RiskSets(moments, moment, share, total, mean, variance)


def scored(cases: Cases, columns: Array, params: Array, sets: RiskSets) -> Array:
    """Return each patient's score residual (n x p), with Efron's ties; R's residuals.coxph(type = "score")."""
    time, died = cases.time, cases.y == 1
    assert time is not None, "cases of Cox's model have times"
    predictor = columns @ params
    weight = np.exp(predictor - predictor.max())
    last = np.searchsorted(sets.moments, time, side="right") - 1
    many = len(sets.moments)

    def by_moment(values: Array) -> Array:
        return np.column_stack([np.bincount(sets.moment, column, many) for column in values.T])

    hazard = 1 / sets.total[:, None]
    rise, drift = by_moment(hazard), by_moment(hazard * sets.mean)
    spared, drift_spared = by_moment(sets.share[:, None] * hazard), by_moment(sets.share[:, None] * hazard * sets.mean)
    deaths = np.bincount(sets.moment, minlength=many)[:, None]
    centre = by_moment(sets.mean) / deaths
    scores = -weight[:, None] * (columns * rise.cumsum(axis=0)[last] - drift.cumsum(axis=0)[last])
    own = columns - centre[last] + weight[:, None] * (columns * spared[last] - drift_spared[last])
    return scores + np.where(died[:, None], own, 0.0)  # type: ignore[no-any-return]


def proportional_hazards(cases: Cases) -> tuple[tuple[Test, ...], Test]:
    """Test for each term, and for all together, whether its hazard ratio changes with time.

    The score test of a term times 1 minus Kaplan-Meier's estimate just before each event, as cox.zph of R's survival
    (from version 3.0) does with `transform = "km"`. Grambsch & Therneau, Biometrika 1994;81:515.
    """
    fit, known, n = prepared(cases)
    blank = Test("proportional_hazards", None, None, (), n, "score test of proportional hazards", HERE + "proportional_hazards")
    reason = fit.reason or cox(replace(cases, clusters=None)).reason
    if not reason and len(np.unique(known.time[known.y == 1])) < 2:  # type: ignore[index]
        reason = "all events are at one time"
    if reason:
        return tuple(replace(blank, reason=reason) for _ in cases.terms), replace(blank, reason=reason)
    columns = standardised(known.X)
    with quiet():
        params = np.asarray(PHReg(known.time, columns, status=known.y, ties="efron").fit(disp=0).params)
    sets = risk_sets(known, columns, params)
    late = (1 - survival_before(cases, sets))[sets.moment]
    died = np.flatnonzero(known.y == 1)
    order = died[np.argsort(known.time[died], kind="stable")]  # type: ignore[index]
    drift = late @ (columns[order] - sets.mean)
    plain, once, twice = (np.tensordot(late**power, sets.variance, 1) for power in (0, 1, 2))
    left = twice - once @ np.linalg.solve(plain, once)
    tests = [tested(blank, drift[i : i + 1], left[i : i + 1, i : i + 1]) for i in range(len(drift))]
    return tuple(tests), tested(blank, drift, left)


def survival_before(cases: Cases, sets: RiskSets) -> Array:
    """Return Kaplan-Meier's estimate for all cases just before each distinct time with an event."""
    time, died = cases.time, cases.y == 1
    assert time is not None, "cases of Cox's model have times"
    ordered = np.sort(time)
    at_risk = len(ordered) - np.searchsorted(ordered, sets.moments, side="left")
    deaths = np.searchsorted(np.sort(time[died]), sets.moments, side="right")
    deaths = np.diff(np.r_[0, deaths])
    return np.r_[1.0, np.cumprod(1 - deaths / at_risk)[:-1]]


def tested(blank: Test, drift: Array, variance: Array) -> Test:
    """Return the score test of a drift (p) with its variance (p x p); not estimable where that is singular."""
    if np.linalg.matrix_rank(variance, hermitian=True) < len(drift):
        return replace(blank, reason="the events are too few to tell whether the hazard ratio changes with time")
    statistic = float(drift @ np.linalg.solve(variance, drift))
    return replace(blank, p=float(chi2.sf(statistic, len(drift))), statistic=statistic, df=(float(len(drift)),))
