"""Confidence intervals for proportions, their differences and their ratios."""

from __future__ import annotations

import math
import operator
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import betainc, gammaln
from scipy.stats import binomtest, norm
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

Limits = tuple[float, float]
T = TypeVar("T")

EXACT_OUTCOMES = 200_000
"""A table with more possible outcomes than this gets no exact odds ratio: Woolf's is then as good."""


@dataclass(frozen=True)
class Estimate:
    """A number with its confidence interval and how both were made.

    `value`, `low` and `high` are None where they do not exist; `reason` then says why. `p` is given only
    when it comes from the same method as the interval.
    """

    value: float | None
    low: float | None
    high: float | None
    p: float | None = None
    method: str = ""
    function: str = ""
    reason: str = ""


class Method(NamedTuple):
    """A way to make an interval: its name for readers, the function behind it, and the computation."""

    text: str
    function: str
    compute: Callable[..., Limits]


def proportion(x: int, n: int, method: str = "wilson", level: float = 0.95) -> Estimate:
    """Return x/n with the interval of `method`, one of PROPORTION, as fractions of 1.

    Agresti-Coull limits are not clipped to 0 and 1. Without patients (n = 0) nothing is estimable.
    Raises ValueError for counts that are not whole numbers with 0 <= x <= n, and for an unknown method.
    Newcombe, Stat Med 1998;17:857; Brown, Cai & DasGupta, Stat Sci 2001;16:101.
    """
    x, n = _counts(x, n)
    how, alpha = _named(PROPORTION, method), _alpha(level)
    if n == 0:
        return Estimate(None, None, None, None, how.text, how.function, "nobody was observed")
    low, high = how.compute(x, n, alpha)
    if method != "agresti_coull":
        low, high = (0.0 if x == 0 else low), (1.0 if x == n else high)
    return Estimate(x / n, float(low), float(high), None, how.text, how.function)


def _mid_p(x: int, n: int, alpha: float) -> Limits:
    """Return the limits at which the tail beyond x plus half of P(x) is alpha/2 (Berry & Armitage 1995)."""

    def at_least(p: float) -> float:
        more = betainc(x + 1, n - x, p) if x < n else 0.0
        same_or_more = betainc(x, n - x + 1, p) if x > 0 else 1.0
        return (more + same_or_more) / 2

    low = 0.0 if x == 0 else _root(lambda p: at_least(p) - alpha / 2, 0.0, x / n)
    high = 1.0 if x == n else _root(lambda p: at_least(p) - (1 - alpha / 2), x / n, 1.0)
    return low, high


def _wilson_cc(x: int, n: int, alpha: float) -> Limits:
    interval = binomtest(x, n).proportion_ci(1 - alpha, "wilsoncc")
    return interval.low, interval.high


def _of_statsmodels(name: str) -> Callable[..., Limits]:
    return lambda x, n, alpha: proportion_confint(x, n, alpha, method=name)


_CONFINT = "statsmodels.stats.proportion.proportion_confint(method='{}')"

PROPORTION: dict[str, Method] = {
    "wilson": Method("Wilson score", _CONFINT.format("wilson"), _of_statsmodels("wilson")),
    "wilson_cc": Method(
        "Wilson score with continuity correction",
        "scipy.stats.binomtest().proportion_ci(method='wilsoncc')",
        _wilson_cc,
    ),
    "clopper_pearson": Method("Clopper–Pearson exact", _CONFINT.format("beta"), _of_statsmodels("beta")),
    "jeffreys": Method("Jeffreys", _CONFINT.format("jeffreys"), _of_statsmodels("jeffreys")),
    "agresti_coull": Method("Agresti–Coull", _CONFINT.format("agresti_coull"), lambda x, n, a: _agresti_coull(x, n, a)),
    "mid_p": Method("mid-P exact", "tieout.analysis.intervals.proportion", _mid_p),
}


def _agresti_coull(x: int, n: int, alpha: float) -> Limits:
    """Return the unclipped limits, which statsmodels clips to 0 and 1."""
    z2 = norm.isf(alpha / 2) ** 2
    centre = (x + z2 / 2) / (n + z2)
    half = math.sqrt(z2 * centre * (1 - centre) / (n + z2))
    return centre - half, centre + half


def risk_difference(x1: int, n1: int, x2: int, n2: int, method: str = "newcombe", level: float = 0.95) -> Estimate:
    """Return x1/n1 - x2/n2 with the interval of `method`, one of DIFFERENCE, as fractions of 1.

    A group without patients makes it not estimable. Raises ValueError as `proportion` does.
    Newcombe, Stat Med 1998;17:873; Miettinen & Nurminen, Stat Med 1985;4:213; Mee, Biometrics 1984;40:1175.
    """
    (x1, n1), (x2, n2) = _counts(x1, n1), _counts(x2, n2)
    how, alpha = _named(DIFFERENCE, method), _alpha(level)
    if n1 == 0 or n2 == 0:
        return Estimate(None, None, None, None, how.text, how.function, "a group has no patients")
    low, high = how.compute(x1, n1, x2, n2, alpha)
    return Estimate(x1 / n1 - x2 / n2, float(low), float(high), None, how.text, how.function)


def _newcombe(x1: int, n1: int, x2: int, n2: int, alpha: float) -> Limits:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        low, high = confint_proportions_2indep(x1, n1, x2, n2, method="newcomb", compare="diff", alpha=alpha)
    return max(-1.0, low), min(1.0, high)


def _wald(x1: int, n1: int, x2: int, n2: int, alpha: float) -> Limits:
    p1, p2 = x1 / n1, x2 / n2
    half = norm.isf(alpha / 2) * math.sqrt(p1 * (1 - p1) / n1 + p2 * (1 - p2) / n2)
    return max(-1.0, p1 - p2 - half), min(1.0, p1 - p2 + half)


def _score(correction: bool) -> Callable[..., Limits]:
    """Return the interval of differences that the score test does not reject, with or without N/(N-1)."""

    def limits(x1: int, n1: int, x2: int, n2: int, alpha: float) -> Limits:
        observed, total = x1 / n1 - x2 / n2, n1 + n2
        z2 = norm.isf(alpha / 2) ** 2 * (total / (total - 1) if correction else 1)

        def excess(difference: float) -> float:
            if difference == observed:
                return -1.0
            p2 = _restricted_rate(x1, n1, x2, n2, difference)
            p1 = p2 + difference
            return (observed - difference) ** 2 - z2 * (p1 * (1 - p1) / n1 + p2 * (1 - p2) / n2)

        low = -1.0 if observed == -1 else _root(excess, -1.0, observed)
        high = 1.0 if observed == 1 else _root(excess, observed, 1.0)
        return low, high

    return limits


def _restricted_rate(x1: int, n1: int, x2: int, n2: int, difference: float) -> float:
    """Return the likeliest second rate when the first is larger by `difference`."""
    low, high = max(0.0, -difference), min(1.0, 1.0 - difference)

    def slope(p: float) -> float:
        q = p + difference
        parts = ((x1, q), (x2, p)), ((n1 - x1, 1 - q), (n2 - x2, 1 - p))
        gain, loss = (sum(k / max(rate, 1e-300) for k, rate in side if k) for side in parts)
        return gain - loss

    if low >= high or slope(low) <= 0:
        return low
    return high if slope(high) >= 0 else _root(slope, low, high)


DIFFERENCE: dict[str, Method] = {
    "newcombe": Method(
        "Newcombe hybrid score",
        "statsmodels.stats.proportion.confint_proportions_2indep(method='newcomb')",
        _newcombe,
    ),
    "miettinen_nurminen": Method(
        "Miettinen–Nurminen score", "tieout.analysis.intervals.risk_difference", _score(correction=True)
    ),
    "mee": Method("Mee score", "tieout.analysis.intervals.risk_difference", _score(correction=False)),
    "wald": Method("Wald", "tieout.analysis.intervals.risk_difference", _wald),
}


def risk_ratio(x1: int, n1: int, x2: int, n2: int, level: float = 0.95) -> Estimate:
    """Return (x1/n1) / (x2/n2) with Katz's log interval and its Wald p.

    A group without events or without patients, or nobody without the event, makes it not estimable.
    Raises ValueError as `proportion` does. Katz et al., Biometrics 1978;34:469.
    """
    (x1, n1), (x2, n2) = _counts(x1, n1), _counts(x2, n2)
    empty = Estimate(None, None, None, None, "Katz log", "tieout.analysis.intervals.risk_ratio")
    reason = _no_risk_ratio(x1, n1, x2, n2)
    if not reason and (x1, x2) == (n1, n2):
        return replace(empty, value=1.0, reason="interval not estimable: everybody has the event")
    if reason:
        return replace(empty, reason=reason)
    variance = 1 / x1 - 1 / n1 + 1 / x2 - 1 / n2
    return _log_wald(empty, math.log(x1 / n1) - math.log(x2 / n2), variance, level)


def odds_ratio(x1: int, n1: int, x2: int, n2: int, level: float = 0.95, method: str = "woolf") -> Estimate:
    """Return the odds of an event in the first group over those in the second, with log interval and Wald p.

    `method` is "woolf", for which a zero cell is not estimable, or "haldane_anscombe", which adds 0.5 to every
    cell and says so. Raises ValueError as `proportion` does.
    Woolf, Ann Hum Genet 1955;19:251; Haldane, Ann Hum Genet 1956;20:309.
    """
    a, b, c, d = _two_by_two(x1, n1, x2, n2)
    text, added = _named(ODDS_RATIO, method)
    empty = Estimate(None, None, None, None, text, "tieout.analysis.intervals.odds_ratio")
    if not added and 0 in (a, b, c, d):
        return replace(empty, reason=_no_odds_ratio(a, b, c, d))
    log_ratio = math.log(a + added) + math.log(d + added) - math.log(b + added) - math.log(c + added)
    return _log_wald(empty, log_ratio, sum(1 / (cell + added) for cell in (a, b, c, d)), level)


ODDS_RATIO: dict[str, tuple[str, float]] = {
    "woolf": ("Woolf log", 0.0),
    "haldane_anscombe": ("Woolf log with 0.5 added to every cell (Haldane–Anscombe)", 0.5),
}


def _log_wald(empty: Estimate, log_ratio: float, variance: float, level: float) -> Estimate:
    error = math.sqrt(variance)
    half = norm.isf(_alpha(level) / 2) * error
    return replace(
        empty,
        value=math.exp(log_ratio),
        low=math.exp(log_ratio - half),
        high=math.exp(log_ratio + half),
        p=float(2 * norm.sf(abs(log_ratio) / error)),
    )


def odds_ratio_exact(x1: int, n1: int, x2: int, n2: int, level: float = 0.95, method: str = "central") -> Estimate:
    """Return the conditional maximum-likelihood odds ratio with its exact interval and the p that belongs to it.

    `method` is "central" (each tail holds half of alpha; p is twice the smaller tail) or "minlike" (the interval
    that agrees with Fisher's two-sided p). A lower limit of 0 stays 0.0; an infinite one is None, with the reason.
    More than EXACT_OUTCOMES possible tables are not estimable. Raises ValueError as `proportion` does.
    Fisher, JRSS 1935;98:39; Fay, Biostatistics 2010;11:373.
    """
    cells = _two_by_two(x1, n1, x2, n2)
    text, limits, p_value = _named(EXACT, method)
    empty = Estimate(None, None, None, None, text, "tieout.analysis.intervals.odds_ratio_exact")
    x = cells[0]
    count = min(cells[0], cells[3]) + min(cells[1], cells[2]) + 1
    if count == 1:
        return replace(empty, reason=ONE_OUTCOME)
    if count > EXACT_OUTCOMES:
        return replace(empty, reason=f"not computed: the table has more than {EXACT_OUTCOMES:,} possible outcomes")
    k, weight = hypergeometric(np.array(cells).reshape(2, 2))
    alpha, log_low, log_high = _alpha(level), -math.inf, math.inf
    if x > k[0]:
        log_low = -limits(x, k, weight, alpha, reflected=True)
    if x < k[-1]:
        log_high = limits(x, k, weight, alpha, reflected=False)
    inside = k[0] < x < k[-1]
    value = math.exp(_log_root(lambda t: float(_tilted(k, weight, t) @ k) - x)) if inside else None
    low, high = _exp(log_low), _exp(log_high)
    return replace(empty, value=value, low=low, high=high, p=p_value(x, k, weight), reason=_beyond(x, k))


def hypergeometric(table: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the possible first cells of a 2 x 2 table with its margins and the log of their null probabilities."""
    (a, b), (c, d) = np.asarray(table, dtype=np.int64).tolist()
    k = np.arange(a - min(a, d), a + min(b, c) + 1)
    log = -sum(gammaln(cell + 1.0) for cell in (k, a + b - k, a + c - k, d - a + k))
    log -= log.max()
    return k, log - math.log(np.exp(log).sum())


def _tilted(k: NDArray[np.int64], log: NDArray[np.float64], log_odds: float) -> NDArray[np.float64]:
    """Return the probabilities of the first cells when the log odds ratio is `log_odds` (Fisher's distribution)."""
    tilted = log + (k - k[0]) * log_odds
    chance = np.exp(tilted - tilted.max())
    return chance / chance.sum()


def _tail_limit(x: int, k: NDArray[np.int64], log: NDArray[np.float64], tail: float, reflected: bool) -> float:
    """Return the log odds ratio at which P(X <= x) is `tail`; reflected: minus the one at which P(X >= x) is."""
    sign, side = (-1, k >= x) if reflected else (1, k <= x)
    return _log_root(lambda t: tail - float(_tilted(k, log, sign * t)[side].sum()))


def _central_limit(x: int, k: NDArray[np.int64], log: NDArray[np.float64], alpha: float, reflected: bool) -> float:
    return _tail_limit(x, k, log, alpha / 2, reflected)


def _minlike_limit(x: int, k: NDArray[np.int64], log: NDArray[np.float64], alpha: float, reflected: bool) -> float:
    """Return the largest log odds ratio whose two-sided p (probabilities up to that of x) exceeds alpha.

    The p-value jumps down wherever an outcome on the far side becomes likelier than x, and has a single valley
    between two jumps, so the limit is a jump or the one root before it.
    """
    if reflected:
        x, k, log = -x, -k[::-1], log[::-1]
    place = int(np.searchsorted(k, x))
    start = _tail_limit(x, k, log, alpha, reflected=False)
    stop = _tail_limit(x, k, log, alpha / 100, reflected=False)
    jumps = (log[place] - log[place + 1 :]) / (k[place + 1 :] - x)
    near = np.flatnonzero((jumps > start) & (jumps < stop))

    def p(t: float, first: int) -> float:
        chance = _tilted(k, log, t)
        return float(chance[: place + 1].sum() + chance[first:].sum())

    right = stop
    for jump in near[::-1]:
        first = place + 1 + int(jump)
        if p(jumps[jump], first + 1) > alpha:
            return _root(lambda t, f=first + 1: alpha - p(t, f), float(jumps[jump]), right)  # type: ignore[misc]
        if p(jumps[jump], first) > alpha:
            return float(jumps[jump])
        right = float(jumps[jump])
    first = place + 1 + int(np.searchsorted(jumps, start, side="right"))
    return start if p(start, first) <= alpha else _root(lambda t: alpha - p(t, first), start, right)


def _minlike_p(x: int, k: NDArray[np.int64], log: NDArray[np.float64]) -> float:
    """Return the sum of the probabilities not above that of x, ties within 1e-7 as in R's fisher.test."""
    chance = np.exp(log)
    return min(1.0, float(chance[chance <= chance[k == x][0] * (1 + 1e-7)].sum()))


def _central_p(x: int, k: NDArray[np.int64], log: NDArray[np.float64]) -> float:
    chance = np.exp(log)
    return min(1.0, 2 * float(min(chance[k <= x].sum(), chance[k >= x].sum())))


EXACT: dict[str, tuple[str, Callable[..., float], Callable[..., float]]] = {
    "central": ("conditional maximum likelihood, central exact interval", _central_limit, _central_p),
    "minlike": ("conditional maximum likelihood, exact interval of Fisher's p", _minlike_limit, _minlike_p),
}

ONE_OUTCOME = "the margins allow a single table"


def _beyond(x: int, k: NDArray[np.int64]) -> str:
    if x == k[0]:
        return "a zero cell, the odds ratio is 0"
    return "a zero cell, the odds ratio and its upper limit are infinite" if x == k[-1] else ""


def _no_odds_ratio(a: int, b: int, c: int, d: int) -> str:
    if 0 in (a + b, c + d, a + c, b + d):
        return ONE_OUTCOME
    return "a zero cell, the odds ratio is " + ("infinite" if 0 in (b, c) else "0")


def _no_risk_ratio(x1: int, n1: int, x2: int, n2: int) -> str:
    if n1 == 0 or n2 == 0:
        return "a group has no patients"
    if x1 == 0 and x2 == 0:
        return "no group has an event"
    if x2 == 0:
        return "no event in the second group, the risk ratio is infinite"
    return "no event in the first group, the risk ratio is 0" if x1 == 0 else ""


def _exp(log: float) -> float | None:
    return math.exp(log) if log < 709 else None


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    """Return the root to full double precision, also when it is as small as 1e-9."""
    return float(brentq(function, low, high, xtol=1e-300, rtol=1e-14, maxiter=2000))


def _log_root(rising: Callable[[float], float]) -> float:
    """Return the root of a rising function of a log odds ratio."""
    reach = 1.0
    while rising(-reach) > 0 or rising(reach) < 0:
        reach *= 2
    return float(brentq(rising, -reach, reach, xtol=1e-13, rtol=1e-13, maxiter=500))


def _counts(x: int, n: int) -> tuple[int, int]:
    x, n = _whole(x), _whole(n)
    if not 0 <= x <= n:
        raise ValueError(f"counts must satisfy 0 <= x <= n, not x={x}, n={n}")
    return x, n


def _two_by_two(x1: int, n1: int, x2: int, n2: int) -> tuple[int, int, int, int]:
    (x1, n1), (x2, n2) = _counts(x1, n1), _counts(x2, n2)
    return x1, n1 - x1, x2, n2 - x2


def _whole(count: int) -> int:
    try:
        return operator.index(count)
    except TypeError:
        if isinstance(count, float | np.floating) and float(count).is_integer():
            return int(count)
        raise ValueError(f"counts must be whole numbers, not {count!r}") from None


def _alpha(level: float) -> float:
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, not {level}")
    return 1 - level


def _named(methods: Mapping[str, T], name: str) -> T:
    if name not in methods:
        raise ValueError(f"unknown method {name!r}; known: {', '.join(methods)}")
    return methods[name]
