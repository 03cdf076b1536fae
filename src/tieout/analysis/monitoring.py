"""Limits, intervals and signals with which hospitals are watched: funnels, observed against expected, run charts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc, gammainc, gammaincc, gammainccinv, gammaincinv, gdtrib, ndtri, pdtrik
from scipy.stats import binom

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

FEWEST_SITES = 10
"""With fewer sites, over-dispersion is not estimated."""
FEWEST_POINTS = 10
"""With fewer useful points, a run chart gives no signal."""
WINSORISED = (0.1, 0.9)
"""The quantiles to which more extreme z-scores are drawn in."""


@dataclass(frozen=True)
class RunSigns:
    """What Anhøj's rules see in a run chart.

    `useful` counts the points off the centre line; `longest_run` those in the longest unbroken series on one side;
    `crossings` the changes of side. `longest_allowed` and `crossings_needed` are None, and there is no signal, with
    fewer than 10 useful points.
    """

    useful: int
    longest_run: int
    longest_allowed: int | None
    crossings: int
    crossings_needed: int | None
    shift: bool
    few_crossings: bool


def tails_binomial(x: ArrayLike, n: ArrayLike, rate: ArrayLike) -> tuple[Array, Array]:
    """Return P(X <= x) and P(X >= x) of a binomial count of n patients at `rate`.

    Shapes broadcast; x and n are counts, the rate a fraction of 1. Raises ValueError for x that are not whole numbers
    with 0 <= x <= n and for rates outside 0 to 1. Where the rate is NaN, so are the tails.
    Source: regularised incomplete beta function, scipy.special.betainc; R's pbinom.
    """
    n, rate = _sized(n, "n"), _fraction(rate)
    x = _whole(x, "x")
    if np.any(x > n):
        raise ValueError("x must not be above n")
    return _as_many(n - x, n, 1 - rate), _as_many(x, n, rate)


def tails_poisson(o: ArrayLike, e: ArrayLike) -> tuple[Array, Array]:
    """Return P(O <= o) and P(O >= o) of a Poisson count of which e are expected.

    Shapes broadcast; o and e are counts, e may be a fraction. Raises ValueError for o that are not whole numbers from 0
    on and for e below 0. Where e is NaN, so are the tails.
    Source: regularised incomplete gamma functions, scipy.special.gammainc and gammaincc; R's ppois.
    """
    o, e = _whole(o, "o"), _sized(e, "e")
    return gammaincc(o + 1, e), _as_many_poisson(o, e)


def binomial_limits(n: ArrayLike, rate: ArrayLike, level: float = 0.95) -> tuple[Array, Array]:
    """Return the exact limits within which the proportion of n patients is predicted to lie at `rate`.

    Shapes broadcast; n is a count (fractions draw a curve), rate and limits are fractions of 1. x/n lies above the
    high limit exactly when P(X >= x) < (1 - level)/2 and below the low one exactly when P(X <= x) < (1 - level)/2
    (`tails_binomial`). Between whole numbers the limits follow the continuous binomial distribution, so that they draw
    a smooth funnel. NaN where no observation could lie outside, and where n = 0.
    Raises ValueError for n below 0, rates outside 0 to 1 and levels outside 0 to 1.
    Spiegelhalter, Stat Med 2005;24:1185, with the incomplete beta function between whole numbers.
    """
    n, rate = np.broadcast_arrays(_sized(n, "n"), _fraction(rate))
    tail = _tail(level)
    with np.errstate(divide="ignore", invalid="ignore"):
        return (n - _rare(n, 1 - rate, tail)) / n, _rare(n, rate, tail) / n


def poisson_limits(expected: ArrayLike, level: float = 0.95) -> tuple[Array, Array]:
    """Return the exact limits within which observed / expected is predicted to lie about 1.

    Any shape; `expected` is a count of events and may be a fraction, the limits are ratios. o/expected lies above the
    high limit exactly when P(O >= o) < (1 - level)/2 and below the low one exactly when P(O <= o) < (1 - level)/2
    (`tails_poisson`). NaN where no observation could lie outside, and where nothing is expected.
    Raises ValueError for expected counts below 0 and levels outside 0 to 1.
    Spiegelhalter, Stat Med 2005;24:1185, with the incomplete gamma function between whole numbers: scipy.special.gdtrib
    and pdtrik.
    """
    e, tail = _sized(expected, "expected"), _tail(level)
    e = np.where(e > 0, e, np.nan)
    high = gdtrib(1.0, tail, e)
    high = _settled(high, _as_many_poisson(np.rint(high), e) < tail, high)
    low = pdtrik(tail, np.where(gammaincc(1.0, e) < tail, e, np.nan))
    low = -_settled(-low, gammaincc(np.rint(low) + 1, e) < tail, low + 1)
    return low / e, high / e


def observed_expected(o: ArrayLike, e: ArrayLike, level: float = 0.95) -> tuple[Array, Array, Array]:
    """Return o/e with its exact Poisson interval.

    Shapes broadcast; o and e are counts, e may be a fraction; ratio and limits have no unit. NaN where e is 0 or NaN.
    Raises ValueError for o that are not whole numbers from 0 on, e below 0 and levels outside 0 to 1.
    Garwood, Biometrika 1936;28:437; R's poisson.test.
    """
    o, e, tail = _whole(o, "o"), _sized(e, "e"), _tail(level)
    e = np.where(e > 0, e, np.nan)
    low = np.where(o > 0, gammaincinv(np.maximum(o, 1), tail), 0.0)
    return o / e, low / e, gammainccinv(o + 1, tail) / e


def overdispersion(z: ArrayLike) -> tuple[float, bool]:
    """Return phi, the mean square of winsorised z-scores, and whether sites vary by more than chance.

    z has one score per site; NaN is left out; phi has no unit and is NaN without sites. Scores beyond the 10th and 90th
    percentile (numpy's linear quantiles, R's type 7) are drawn in to them. There is more than chance where
    I phi > I - 1 with I sites, and never with fewer than 10.
    Spiegelhalter, Qual Saf Health Care 2005;14:347.
    """
    scores = np.asarray(z, dtype=float)
    scores = scores[~np.isnan(scores)]
    sites = len(scores)
    if not sites:
        return np.nan, False
    phi = float(np.mean(np.clip(scores, *np.quantile(scores, WINSORISED)) ** 2))
    return phi, sites >= FEWEST_SITES and sites * phi > sites - 1


def additive_variance(values: ArrayLike, target: float, standard_errors: ArrayLike) -> tuple[float, float]:
    """Return phi and tau2, the variance between sites beyond chance, by the method of moments.

    `values` and `standard_errors` have one number per site on a scale where the errors do not depend on the value (see
    `overdispersion_of_rates`); a site with a NaN is left out. tau2 is in squared units of that scale, and 0 where
    `overdispersion` sees no more than chance. Raises ValueError for standard errors that are not above 0.
    Spiegelhalter, Qual Saf Health Care 2005;14:347; DerSimonian & Laird, Control Clin Trials 1986;7:177.
    """
    values, errors = np.asarray(values, dtype=float), np.asarray(standard_errors, dtype=float)
    if np.any(errors <= 0):
        raise ValueError("standard errors must be above 0")
    z = (values - target) / errors
    phi, more = overdispersion(z)
    if not more:
        return phi, 0.0
    weights = errors[~np.isnan(z)] ** -2.0
    sites, total = len(weights), weights.sum()
    return phi, float((sites * phi - (sites - 1)) / (total - (weights**2).sum() / total))


def overdispersion_of_rates(x: ArrayLike, n: ArrayLike, rate: float) -> tuple[float, float]:
    """Return phi and tau2 of the proportions x/n about `rate`, on the arcsine square root scale.

    x and n have one count per site; sites with n = 0 are left out; tau2 is in squared radians. Raises ValueError as
    `tails_binomial` does. Standard error 1/(2 sqrt n): Spiegelhalter, Qual Saf Health Care 2005;14:347.
    """
    x, n = _whole(x, "x"), _sized(n, "n")
    if np.any(x > n):
        raise ValueError("x must not be above n")
    x, n = x[n > 0], n[n > 0]
    return additive_variance(np.arcsin(np.sqrt(x / n)), float(_angle(rate)), 0.5 / np.sqrt(n))


def overdispersion_of_ratios(o: ArrayLike, e: ArrayLike) -> tuple[float, float]:
    """Return phi and tau2 of the ratios o/e about 1, on the square root scale.

    o and e have one count per site; sites where e is 0 or NaN are left out; tau2 has no unit. Raises ValueError as
    `tails_poisson` does. Standard error 1/(2 sqrt e): Spiegelhalter, Qual Saf Health Care 2005;14:347.
    """
    o, e = _whole(o, "o"), _sized(e, "e")
    o, e = o[e > 0], e[e > 0]
    return additive_variance(np.sqrt(o / e), 1.0, 0.5 / np.sqrt(e))


def rate_limits(n: ArrayLike, rate: ArrayLike, level: float = 0.95, tau2: float = 0.0) -> tuple[Array, Array]:
    """Return the funnel limits of a proportion where sites vary by tau2 beyond chance.

    Shapes, units and errors as `binomial_limits`; tau2 from `overdispersion_of_rates`. Target -+ z sqrt(1/(4n) + tau2)
    on the arcsine square root scale, transformed back, never narrower than the exact limits; those alone for tau2 = 0.
    NaN where nothing could lie outside. Spiegelhalter, Qual Saf Health Care 2005;14:347.
    """
    exact = binomial_limits(n, rate, level)
    return _widened(exact, _angle(rate), n, level, tau2, np.pi / 2, lambda angle: np.sin(angle) ** 2)


def ratio_limits(expected: ArrayLike, level: float = 0.95, tau2: float = 0.0) -> tuple[Array, Array]:
    """Return the funnel limits of observed / expected where sites vary by tau2 beyond chance.

    Shapes, units and errors as `poisson_limits`; tau2 from `overdispersion_of_ratios`. 1 -+ z sqrt(1/(4e) + tau2) on
    the square root scale, transformed back, never narrower than the exact limits; those alone for tau2 = 0. NaN where
    nothing could lie outside. Spiegelhalter, Qual Saf Health Care 2005;14:347.
    """
    exact = poisson_limits(expected, level)
    return _widened(exact, np.array(1.0), expected, level, tau2, np.inf, np.square)


def anhoej(values: ArrayLike, centre: float) -> RunSigns:
    """Judge a run chart by the longest run and the number of crossings of its centre line.

    `values` is one-dimensional, in order of time, in the unit of `centre`; NaN and points on the centre line are not
    counted. With n useful points, a run longer than round(log2(n) + 3) is a shift, and fewer crossings than the 5%
    quantile of a binomial of n - 1 at 1/2 are too few. (log2(n) of a whole n is never halfway between two whole
    numbers: how halves are rounded does not matter.) Raises ValueError for a centre that is not a number.
    Anhøj & Olesen, PLoS ONE 2014;9:e113825.
    """
    if np.isnan(centre):
        raise ValueError("the centre of a run chart must be a number")
    values = np.asarray(values, dtype=float)
    sides = np.sign(values[~np.isnan(values) & (values != centre)] - centre)
    runs = [len(list(same)) for _, same in groupby(sides)]
    useful, longest, crossings = len(sides), max(runs, default=0), max(len(runs) - 1, 0)
    if useful < FEWEST_POINTS:
        return RunSigns(useful, longest, None, crossings, None, False, False)
    allowed, needed = round(np.log2(useful) + 3), int(binom.ppf(0.05, useful - 1, 0.5))
    return RunSigns(useful, longest, allowed, crossings, needed, longest > allowed, crossings < needed)


def _as_many(x: Array, n: Array, rate: Array) -> Array:
    """Return P(X >= x), continued between whole numbers. P(X <= x) is that of n - x at 1 - rate."""
    return np.where((x > 0) | np.isnan(rate), betainc(np.maximum(x, 1e-300), n - x + 1, rate), 1.0)


def _as_many_poisson(o: Array, e: Array) -> Array:
    return np.where((o > 0) | np.isnan(e), gammainc(np.maximum(o, 1e-300), e), 1.0)


def _rare(n: Array, rate: Array, tail: float) -> Array:
    """Return the count k in [0, n) with P(X >= k) = tail, NaN where even P(X >= n) is not below it.

    scipy.special.bdtrik inverts the same function, but takes three times as long, and is held at 0 where k, in its own
    count k - 1, lies between 0 and 1.
    """
    k = np.where((rate == 0) & (n > 0), 0.0, np.nan)
    some = (rate > 0) & (n > 0) & (_as_many(n, n, rate) < tail)
    n, rate = n[some], rate[some]
    z, mean = ndtri(tail), n * rate
    spread = np.maximum(np.sqrt(mean * (1 - rate)), 0.1)
    start = mean + 0.5 - z * spread + (z**2 - 1) * (1 - 2 * rate) / 6  # Cornish & Fisher
    found = _root(lambda x, n, rate: ndtri(_as_many(x, n, rate)) - z, start, n, -1 / spread, n, rate)
    k[some] = _settled(found, _as_many(np.rint(found), n, rate) < tail, n)
    return k


def _root(excess: Callable[..., Array], start: Array, high: Array, slope: Array, *given: Array) -> Array:
    """Return where the falling function `excess` is 0 between 0 and `high`: secants, halving where they leave that."""
    root, left, low = np.full_like(high, np.nan), np.arange(len(high)), np.zeros_like(high)
    x = np.where((start > 0) & (start < high), start, high / 2)
    last_x = last_y = np.full_like(high, np.nan)
    for _ in range(200):
        y = excess(x, *given)
        with np.errstate(divide="ignore", invalid="ignore"):
            secant = (y - last_y) / (x - last_x)
        slope = np.where(np.isfinite(secant) & (secant < 0), secant, slope)
        ahead = x - y / slope
        low, high = np.where(y > 0, x, low), np.where(y > 0, high, x)
        more = ~(np.abs(ahead - x) <= 1e-11 * x)
        root[left[~more]] = ahead[~more]
        if not more.any():
            break
        ahead = np.where((ahead > low) & (ahead < high), ahead, (low + high) / 2)
        left, last_x, last_y, x = left[more], x[more], y[more], ahead[more]
        slope, low, high, given = slope[more], low[more], high[more], tuple(each[more] for each in given)
    return root


def _settled(k: Array, outside: Mask, scale: Array) -> Array:
    """Put k on that side of the nearest whole number which its exact tail asks for, however the root was rounded.

    `outside` says whether that whole number is outside; `scale` is that of the numbers k is compared with.
    """
    nearest = np.rint(k)
    return np.where(outside, np.minimum(k, nearest - 1e-15 * scale), np.maximum(k, nearest))


def _widened(
    exact: tuple[Array, Array],
    target: Array,
    size: ArrayLike,
    level: float,
    tau2: float,
    top: float,
    back: Callable[[Array], Array],
) -> tuple[Array, Array]:
    if tau2 < 0:
        raise ValueError("tau2 must be 0 or more")
    if tau2 == 0:
        return exact
    size = np.asarray(size, dtype=float)
    half = -ndtri(_tail(level)) * np.sqrt(0.25 / np.where(size > 0, size, np.nan) + tau2)
    low, high = target - half, target + half
    return (
        np.minimum(exact[0], np.where(low > 0, back(low), np.nan)),
        np.maximum(exact[1], np.where(high < top, back(high), np.nan)),
    )


def _angle(rate: ArrayLike) -> Array:
    return np.arcsin(np.sqrt(_fraction(rate)))


def _tail(level: float) -> float:
    if not 0 < level < 1:
        raise ValueError("level must lie between 0 and 1")
    return (1 - level) / 2


def _sized(n: ArrayLike, name: str) -> Array:
    n = np.asarray(n, dtype=float)
    if np.any((n < 0) | np.isinf(n)):
        raise ValueError(f"{name} must be finite numbers from 0 on")
    return n


def _whole(x: ArrayLike, name: str) -> Array:
    x = _sized(x, name)
    if np.any(x != np.rint(x)):
        raise ValueError(f"{name} must be whole numbers")
    return x


def _fraction(rate: ArrayLike) -> Array:
    rate = np.asarray(rate, dtype=float)
    if np.any((rate < 0) | (rate > 1)):
        raise ValueError("rates must lie between 0 and 1")
    return rate
