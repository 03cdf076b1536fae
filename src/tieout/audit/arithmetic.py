"""The arithmetic behind the rules: what a printed number may have been, and which p values its neighbours can give."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist

from tieout.audit.quoted import Number

Range = tuple[float, float]

NORMAL = NormalDist()
LARGEST_EXACT = 20_000
"""Patients up to which a 2×2 table is tested exactly; beyond, exact and asymptotic p values print alike."""


def spread(number: Number) -> Range:
    """Return the smallest and the largest value that print as this number: half a unit of its last digit each way.

    A number with a sign ("<0.001") is open on that side.
    """
    half = 0.5 * 10.0**-number.decimals
    slack = 1e-9 * max(1.0, abs(number.value))
    if number.sign in ("<", "≤"):
        return (-math.inf, number.value + slack)
    if number.sign in (">", "≥"):
        return (number.value - slack, math.inf)
    return (number.value - half - slack, number.value + half + slack)


def p_spread(number: Number) -> Range:
    """Return the smallest and the largest p value that print as this one, within 0 to 1."""
    low, high = spread(number)
    return (min(max(low, 0.0), 1.0), min(max(high, 0.0), 1.0))


def cut_off(number: Number) -> Range:
    """Return the values that give this number when their further digits are cut off instead of rounded."""
    unit = 10.0**-number.decimals
    slack = 1e-9 * max(1.0, abs(number.value))
    return (number.value - slack, number.value + unit + slack)


def within(value: float, limits: Range) -> bool:
    """Return whether a value lies between two limits or on one of them."""
    return limits[0] <= value <= limits[1]


def overlap(one: Range, other: Range) -> bool:
    """Return whether two ranges have a value in common."""
    return one[0] <= other[1] and other[0] <= one[1]


def counts_for(percent: Number, total: int) -> range:
    """Return the counts whose percentage of `total` prints as this one."""
    low, high = spread(percent)
    first = max(math.ceil(max(low, 0.0) * total / 100), 0)
    last = min(math.floor(min(high, 100.0) * total / 100), total)
    return range(first, last + 1)


def totals_for(percent: Number, largest: int) -> Iterator[tuple[int, int]]:
    """Yield (count, total) whose percentage prints as this one, from the largest total downwards, for a thousand totals."""
    for total in range(largest, max(1, largest - 1000), -1):
        fitting = counts_for(percent, total)
        if fitting:
            yield fitting[len(fitting) // 2], total


def totals_of_count(count: int, limits: Range) -> range:
    """Return the totals of which `count` is a percentage within these limits; empty when there is none."""
    low, high = limits
    if count <= 0 or high <= 0:
        return range(0)
    first = max(math.ceil(100 * count / high), count)
    last = math.floor(100 * count / low) if low > 0 else 1_000_000
    return range(first, last + 1)


def always_possible(percent: Number, total: int) -> bool:
    """Return whether every percentage of these decimals is some count of `total`, so that none can be ruled out."""
    return total >= 100 * 10**percent.decimals


def two_sided(z: float) -> float:
    """Return the two-sided p value of a standard normal deviate."""
    return math.erfc(abs(z) / math.sqrt(2))


def deviate(p: float) -> float:
    """Return the standard normal deviate of a two-sided p value, 0 to 38."""
    if p >= 1:
        return 0.0
    return min(-NORMAL.inv_cdf(p / 2), 38.0) if p > 1e-300 else 38.0


@dataclass(frozen=True)
class Interval:
    """An estimate with its limits on the scale on which it is symmetric, each as the range that rounding allows."""

    estimate: Range
    low: Range
    high: Range
    quantile: float

    @property
    def width(self) -> float:
        return middle(self.high) - middle(self.low)

    @property
    def error(self) -> float:
        """Return the standard error that the width implies."""
        return self.width / (2 * self.quantile)


def middle(limits: Range) -> float:
    """Return the middle of a range."""
    return (limits[0] + limits[1]) / 2


def interval(estimate: Number, low: Number, high: Number, log: bool, confidence: float = 0.95) -> Interval | None:
    """Return an estimate with its limits, on the log scale for ratios; None where they cannot be put on it."""
    ranges = [spread(number) for number in (estimate, low, high)]
    if any(not math.isfinite(end) for limits in ranges for end in limits):
        return None
    if log:
        if any(number.value <= 0 or limits[0] <= 0 for number, limits in zip((estimate, low, high), ranges, strict=True)):
            return None
        ranges = [(math.log(limits[0]), math.log(limits[1])) for limits in ranges]
    if ranges[2][0] - ranges[1][1] <= 0:
        return None
    return Interval(ranges[0], ranges[1], ranges[2], NORMAL.inv_cdf(0.5 + confidence / 2))


def asymmetry(given: Interval) -> float:
    """Return how many times longer one arm of the interval is than the other: the least that rounding allows, 1 and up."""
    below = (given.estimate[0] - given.low[1], given.estimate[1] - given.low[0])
    above = (given.high[0] - given.estimate[1], given.high[1] - given.estimate[0])
    if overlap(below, above):
        return 1.0
    shorter, longer = sorted((below, above))
    return longer[0] / shorter[1] if shorter[1] > 0 else math.inf


def wald(given: Interval) -> Range:
    """Return the smallest and the largest Wald p value that the printed estimate and limits allow.

    The deviate is the estimate over the standard error that the width of the interval implies (Altman & Bland, BMJ 2011).
    """
    low, high = given.estimate
    least = 0.0 if low <= 0 <= high else min(abs(low), abs(high))
    most = max(abs(low), abs(high))
    narrow = (given.high[0] - given.low[1]) / (2 * given.quantile)
    wide = (given.high[1] - given.low[0]) / (2 * given.quantile)
    return (two_sided(most / narrow), two_sided(least / wide))


def wald_p(given: Interval) -> float:
    """Return the two-sided p of Wald's test that an interval gives."""
    return two_sided(middle(given.estimate) / given.error)


def arm_deviates(given: Interval) -> Range:
    """Return the deviates that the two arms of the interval imply, as profile and exact intervals have two."""
    estimate = middle(given.estimate)
    arms = (estimate - middle(given.low), middle(given.high) - estimate)
    found = [abs(estimate) * given.quantile / arm for arm in arms if arm > 0]
    return (min(found), max(found)) if found else (0.0, 38.0)


def p_values(a: int, n: int, b: int, m: int) -> dict[str, float]:
    """Return the two-sided p values that usual tests give for a/n against b/m.

    χ² with and without Yates' correction and the likelihood ratio by `scipy.stats.chi2_contingency`; Fisher's exact and
    its mid-p by the hypergeometric distribution (`scipy.stats.hypergeom`), both as the sum of less likely tables and as
    twice the smaller tail; z tests of the difference (unpooled) and of the log odds ratio and log risk ratio. A test that a table
    cannot have is left out; a table with an empty margin has none. Needs 0 ≤ a ≤ n and 0 ≤ b ≤ m.
    """
    from scipy.stats import chi2_contingency

    if not (0 <= a <= n and 0 <= b <= m and n and m and 0 < a + b < n + m):
        return {}
    table = [[a, n - a], [b, m - b]]
    plain = chi2_contingency(table, correction=False)
    found = {
        "χ² without correction": float(plain.pvalue),
        "χ² with continuity correction": float(chi2_contingency(table, correction=True).pvalue),
        "χ² with n − 1": two_sided(math.sqrt(plain.statistic * (n + m - 1) / (n + m))),
        "the likelihood ratio": float(chi2_contingency(table, correction=False, lambda_="log-likelihood").pvalue),
    }
    if n + m <= LARGEST_EXACT:
        found |= exact_tests(a, n, b, m)
    p, q = a / n, b / m
    error = math.sqrt(p * (1 - p) / n + q * (1 - q) / m)
    if error:
        found["an unpooled z test"] = two_sided((p - q) / error)
    if 0 < a < n and 0 < b < m:
        woolf = math.sqrt(1 / a + 1 / (n - a) + 1 / b + 1 / (m - b))
        found["a Wald test of the log odds ratio"] = two_sided(math.log(a * (m - b) / (b * (n - a))) / woolf)
    if a and b and error:
        found["a Wald test of the log risk ratio"] = two_sided(math.log(p / q) / math.sqrt(1 / a - 1 / n + 1 / b - 1 / m))
    return found


def exact_tests(a: int, n: int, b: int, m: int) -> dict[str, float]:
    """Return Fisher's exact p and its mid-p for a/n against b/m, by likelihood and by doubling the smaller tail."""
    tables = hypergeometric(a, n, b, m)
    own, below, above = tables.own, tables.below, tables.above
    less_likely = tables.less_likely
    return {
        "Fisher's exact test": min(less_likely + tables.as_likely, 1.0),
        "mid-p": min(less_likely + tables.as_likely / 2, 1.0),
        "Fisher's exact test (tail doubled)": min(2 * (min(below, above) + own), 1.0),
        "mid-p (tail doubled)": min(2 * (min(below, above) + own / 2), 1.0),
    }


def one_sided_p_values(a: int, n: int, b: int, m: int) -> dict[str, float]:
    """Return the one-sided p values, in the direction observed, of Fisher's exact test and of the χ² test."""
    if not (0 <= a <= n and 0 <= b <= m and n and m and 0 < a + b < n + m):
        return {}
    found = {}
    if n + m <= LARGEST_EXACT:
        tables = hypergeometric(a, n, b, m)
        found["Fisher's exact test"] = min(tables.below, tables.above) + tables.own
    pooled = (a + b) / (n + m)
    z = (a / n - b / m) / math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    return found | {"χ² without correction": two_sided(z) / 2}


@dataclass(frozen=True)
class Tables:
    """Probabilities of the 2×2 tables with the same margins: this one, those below and above it, those less and as likely."""

    own: float
    below: float
    above: float
    less_likely: float
    as_likely: float


def hypergeometric(a: int, n: int, b: int, m: int) -> Tables:
    import numpy as np
    from scipy.stats import hypergeom

    first = max(0, a + b - m)
    counts = np.arange(first, min(n, a + b) + 1)
    chances = hypergeom.pmf(counts, n + m, a + b, n)
    own = float(chances[a - first])
    tied = np.isclose(chances, own, rtol=1e-7, atol=0)
    return Tables(
        own=own,
        below=float(chances[: a - first].sum()),
        above=float(chances[a - first + 1 :].sum()),
        less_likely=float(chances[(chances < own) & ~tied].sum()),
        as_likely=float(chances[tied].sum()),
    )
