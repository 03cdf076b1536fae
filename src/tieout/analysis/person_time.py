"""Exact intervals for a rate of events in person-time, and for the ratio of two rates."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.stats import beta, binom

from tieout.analysis import monitoring
from tieout.analysis.intervals import Estimate


def rate(events: int, time: float, level: float = 0.95) -> Estimate:
    """Return events per unit of `time` with the exact Poisson interval; not estimable without time.

    Raises ValueError for events that are no count. Garwood, Biometrika 1936;28:437; R's poisson.test.
    """
    how = Estimate(None, None, None, None, "exact Poisson interval", "scipy.special.gammaincinv")
    if not time > 0:
        return replace(how, reason="nobody was observed for any time")
    value, low, high = (float(found) for found in monitoring.observed_expected(events, time, level))
    return replace(how, value=value, low=low, high=high)


def rate_ratio(x1: int, t1: float, x2: int, t2: float, level: float = 0.95) -> Estimate:
    """Return the ratio of the rates x1/t1 and x2/t2 with its exact interval and p, conditional on x1 + x2.

    p is twice the smaller binomial tail, so that it agrees with the interval; that of R's poisson.test adds up the less
    probable outcomes instead and may not. A ratio of or by no events has only one limit. Przyborowski & Wilenski,
    Biometrika 1940;31:313.
    """
    how = Estimate(None, None, None, None, "ratio of two Poisson rates, exact conditional interval", "scipy.stats.binom")
    n, alpha = x1 + x2, 1 - level
    if not (t1 > 0 and t2 > 0):
        return replace(how, reason="a group was not observed for any time")
    if not n:
        return replace(how, reason="nobody had an event")
    share = t1 / (t1 + t2)
    p = min(1.0, 2 * float(min(binom.cdf(x1, n, share), binom.sf(x1 - 1, n, share))))
    low, high = (float(beta.ppf(tail, *ends)) for tail, ends in ((alpha / 2, (x1, x2 + 1)), (1 - alpha / 2, (x1 + 1, x2))))
    lower = low / (1 - low) * t2 / t1 if x1 else 0.0
    upper = high / (1 - high) * t2 / t1 if x2 else None
    if not x2:
        return replace(how, low=lower, p=p, reason="the second group has no events, so that the ratio is infinite")
    return replace(how, value=x1 / t1 / (x2 / t2), low=lower, high=upper, p=p)


def dispersion(events: np.ndarray, time: np.ndarray) -> float | None:
    """Return Pearson's statistic over its degrees of freedom for a common rate: 1 where events are Poisson, or None.

    `events` and `time` have one value per patient; there is none without events or with fewer than two patients.
    """
    expected = time * events.sum() / time.sum() if time.sum() > 0 else time
    if len(events) < 2 or not events.sum():
        return None
    return float(((events - expected) ** 2 / expected).sum() / (len(events) - 1))
