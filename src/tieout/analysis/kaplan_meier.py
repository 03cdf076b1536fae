"""Estimate survival over time without a model: Kaplan-Meier's curve, its median, and the log-rank test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm
from statsmodels.duration.survfunc import SurvfuncRight, survdiff

from tieout.analysis.comparisons import Test
from tieout.analysis.intervals import Estimate
from tieout.analysis.regression import Array, quiet

METHOD = "Kaplan-Meier estimates"
FUNCTION = "statsmodels.duration.survfunc.SurvfuncRight"
TIE = 1e-9
"""How near to one half the curve counts as being there."""


@dataclass(frozen=True)
class Curve:
    """A Kaplan-Meier curve: at each time with an event survival and its limits, NaN where there are none.

    `time` (n) holds everybody's time of event or censoring. The limits are log-log limits from Greenwood's variance
    (Kalbfleisch & Prentice, The Statistical Analysis of Failure Time Data, 1980), which stay between 0 and 1.
    """

    time: Array
    moments: Array
    survival: Array
    low: Array
    high: Array
    events: int
    reason: str = ""


def curve(time: Array, event: NDArray[np.bool_], level: float = 0.95) -> Curve:
    """Estimate the curve of patients with `time` (n) to event or, where not `event` (n), to censoring.

    A time of 0 counts; without patients, or with a time below 0, there is no curve but a reason. Raises ValueError for
    missing values. Kaplan & Meier, J Am Stat Assoc 1958;53:457, by statsmodels SurvfuncRight.
    """
    if not np.isfinite(time).all() or time.shape != event.shape:
        raise ValueError("each patient has a time and whether it is that of an event")
    none = np.empty(0)
    early = int((time < 0).sum())
    reason = f"the time is below 0 in {early} patients" if early else "" if len(time) else "no patients with a known time"
    if reason or not event.any():
        return Curve(time, none, none, none, none, int(event.sum()), reason)
    with quiet():
        found = SurvfuncRight(time, event.astype(float))
        survival, error = np.asarray(found.surv_prob), np.asarray(found.surv_prob_se)
        reach = norm.isf((1 - level) / 2) * error / (survival * np.log(survival))
        limits = np.where((survival > 0) & (survival < 1), [survival ** np.exp(-reach), survival ** np.exp(reach)], np.nan)
    return Curve(time, np.asarray(found.surv_times), survival, limits[0], limits[1], int(event.sum()))


def survival_at(found: Curve, when: float) -> Estimate:
    """Return the probability of no event until `when`, with its log-log interval.

    Not estimable once nobody is at risk any more, unless the last patient had the event and it is 0. Before the first
    event it is 1, and after the last 0, without an interval. Kalbfleisch & Prentice, Statistical Analysis of Failure Time Data,
    1980; R's survfit(conf.type = "log-log").
    """
    blank = Estimate(None, None, None, method=f"{METHOD}, log-log interval", function=FUNCTION, reason=found.reason)
    if found.reason:
        return blank
    place = int(np.searchsorted(found.moments, when, side="right")) - 1
    value = float(found.survival[place]) if place >= 0 else 1.0
    if when > found.time.max() and value > 0:
        return Estimate(None, None, None, None, blank.method, FUNCTION, "nobody was followed so long without the event")
    if place < 0 or not 0 < value < 1:
        reason = "nobody had the event until then" if value else "everybody still at risk had the event"
        return Estimate(value, None, None, None, blank.method, FUNCTION, f"{reason}, so that the log-log interval does not exist")
    return Estimate(value, float(found.low[place]), float(found.high[place]), None, blank.method, FUNCTION)


def at_risk(found: Curve, when: float) -> int:
    """Return how many are followed without event until just before `when`."""
    return int((found.time >= when).sum())


def median(found: Curve) -> Estimate:
    """Return the median time to the event with its interval, where the log-log limits cross one half.

    Where the curve is exactly one half between two events it is the middle between them, as in R's quantile.survfit.
    Brookmeyer & Crowley, Biometrics 1982;38:29.
    """
    method = "Kaplan-Meier median, log-log interval"
    if found.reason:
        return Estimate(None, None, None, None, method, FUNCTION, found.reason)
    value, low, high = (crossing(found, side) for side in (found.survival, found.low, found.high))
    reason = (
        "fewer than half had the event" if value is None
        else "the upper limit of the curve does not fall to one half" if high is None
        else "the lower limit of the curve is not known where it falls to one half" if low is None else ""
    )  # fmt: skip
    return Estimate(value, low, high, None, method, FUNCTION, reason)


def crossing(found: Curve, side: Array) -> float | None:
    """Return when a curve first is at most one half, or None where it never is."""
    known = ~np.isnan(side)
    heights, moments = side[known], found.moments[known]
    below = np.flatnonzero(heights <= 0.5 + TIE)
    if not len(below):
        return None
    first = below[0]
    if heights[first] < 0.5 - TIE:
        return float(moments[first])
    later = moments[first + 1] if first + 1 < len(moments) else found.time.max()
    return float((moments[first] + later) / 2)


def log_rank(time: Array, event: NDArray[np.bool_], groups: Sequence[NDArray[np.bool_]]) -> Test:
    """Compare the curves of two or more groups, each given as a mask (n), by the log-rank test.

    Mantel, Cancer Chemother Rep 1966;50:163, by statsmodels survdiff, with the hypergeometric variance as R's survdiff.
    """
    chosen = np.logical_or.reduce(groups)
    blank = Test("log_rank", None, None, (), int(chosen.sum()), "log-rank test", "statsmodels.duration.survfunc.survdiff")
    known = chosen & np.isfinite(time)
    reason = (
        "a group has no patients" if any(not group.any() for group in groups)
        else "nobody had the event" if not event[known].any()
        else "a time is below 0" if (time[known] < 0).any() else ""
    )  # fmt: skip
    if reason:
        return Test(**{**vars(blank), "reason": reason})
    places = np.select(list(groups), list(range(len(groups))))
    with quiet():
        try:
            statistic, p = survdiff(time[known], event[known].astype(float), places[known])
        except np.linalg.LinAlgError:
            statistic = p = np.nan
    if not np.isfinite(p):
        return Test(**{**vars(blank), "reason": "the groups were never at risk together when somebody had the event"})
    return Test(**{**vars(blank), "p": float(p), "statistic": float(statistic), "df": (len(groups) - 1.0,)})
