"""Tests between groups, differences of location and standardised mean differences, for two or more groups."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, permutations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln
from scipy.stats import chi2_contingency, fisher_exact, kruskal, mannwhitneyu, rankdata, ttest_ind_from_stats
from scipy.stats import t as student
from scipy.stats.contingency import expected_freq
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.oneway import anova_generic

from tieout.analysis.intervals import Estimate, hypergeometric

Groups = Sequence[ArrayLike]

FISHER_TABLES = 5_000_000
"""Fisher-Freeman-Halton lists at most this many half tables; beyond it the chi-squared test stands in."""
FISHER_ROWS = 6
"""So it does when both sides of the table are longer than this."""
RANK_STEPS = 2_000_000_000
"""The exact rank test adds at most this many numbers; beyond it the asymptotic test stands in."""
DIFFERENCES = 50_000_000
"""The Hodges-Lehmann estimate takes the median of at most this many pairwise differences."""

HERE = "tieout.analysis.comparisons."


@dataclass(frozen=True)
class Test:
    """A test between groups: its p, what gave it, and how.

    `p` and `statistic` are None where the test is not estimable, and `reason` says why. With a p, `reason` says
    that another test stands in for the one asked for. `n` counts the observations that entered.
    """

    __test__ = False

    name: str
    p: float | None
    statistic: float | None
    df: tuple[float, ...]
    n: int
    method: str
    function: str
    reason: str = ""


# Tests of a table of counts: one row per group, one column per level.


def expected_counts(table: ArrayLike) -> NDArray[np.float64]:
    """Return the counts expected without association; a level that nobody has is left out.

    `table` has one row per group and one column per level. Raises ValueError unless it holds counts.
    """
    counts = _table(table)
    return expected_freq(counts) if counts.size and counts.sum() else np.zeros(counts.shape)


def any_expected_below(table: ArrayLike, limit: float = 5) -> bool:
    """Say whether an expected count, of the levels that somebody has, is below `limit`."""
    expected = expected_counts(table)
    return bool(expected.size and expected.min() < limit)


def categorical(table: ArrayLike) -> Test:
    """Test a table of counts: Fisher where an expected count is below 5, chi-squared elsewhere (Cochran 1954)."""
    return fisher(table) if any_expected_below(table) else chi_square(table)


def chi_square(table: ArrayLike) -> Test:
    """Pearson's chi-squared test without continuity correction. Pearson, Phil Mag 1900;50:157; scipy.stats.chi2_contingency."""
    return _chi_square(table, "chi_square", "Pearson χ² test without continuity correction", correction=False)


def chi_square_yates(table: ArrayLike) -> Test:
    """Pearson's chi-squared test with Yates' continuity correction, which exists for 2 x 2 tables only.

    Yates, Suppl J R Stat Soc 1934;1:217; scipy.stats.chi2_contingency.
    """
    counts = _table(table)
    name, corrected = "chi_square_yates", counts.shape == (2, 2)
    method = "Pearson χ² test with" if corrected else "Pearson χ² test, larger than 2×2 and so without"
    method += " Yates' continuity correction"
    return _chi_square(counts, name, method, correction=corrected)


def _chi_square(table: ArrayLike, name: str, method: str, correction: bool) -> Test:
    counts = _table(table)
    function = f"scipy.stats.chi2_contingency(correction={correction})"
    empty = Test(name, None, None, (), int(counts.sum()), method, function, _untestable(counts))
    if empty.reason:
        return empty
    found = chi2_contingency(counts, correction=correction)
    return _filled(empty, found.pvalue, found.statistic, (float(found.dof),))


def fisher(table: ArrayLike) -> Test:
    """Fisher's exact test, two-sided by probability; Fisher-Freeman-Halton beyond 2 x 2.

    Tables with too many arrangements (FISHER_TABLES) get the chi-squared test, and say so in `reason`.
    Freeman & Halton, Biometrika 1951;38:141.
    """
    counts = _table(table)
    two = counts.shape == (2, 2)
    method = "Fisher's exact test" if two else "Fisher–Freeman–Halton exact test"
    function = "scipy.stats.fisher_exact" if two else HERE + "fisher"
    empty = Test("fisher", None, None, (), int(counts.sum()), method, function, _untestable(counts))
    if empty.reason:
        return empty
    if two:
        return _filled(empty, fisher_exact(counts).pvalue, None, ())
    p = _freeman_halton(counts)
    if p is None:
        return replace(chi_square(counts), name="fisher", reason="too many tables for Fisher's exact test")
    return _filled(empty, p, None, ())


def fisher_mid_p(table: ArrayLike) -> Test:
    """Fisher's test of a 2 x 2 table that counts the tables as likely as the observed one by half.

    Lancaster, JASA 1961;56:223. Larger tables are not estimable.
    """

    def p(chance: NDArray[np.float64], at: int) -> float:
        same = np.isclose(chance, chance[at], rtol=1e-7, atol=0)
        return chance[~same & (chance < chance[at])].sum() + chance[same].sum() / 2

    return _mid_p(table, "fisher_mid_p", "Fisher's exact test, mid-P", p)


def fisher_mid_p_central(table: ArrayLike) -> Test:
    """Twice the smaller tail of a 2 x 2 table, which counts the observed table by half; larger ones as above."""

    def p(chance: NDArray[np.float64], at: int) -> float:
        return 2 * (min(chance[:at].sum(), chance[at + 1 :].sum()) + chance[at] / 2)

    return _mid_p(table, "fisher_mid_p_central", "Fisher's exact test, central mid-P", p)


def _mid_p(table: ArrayLike, name: str, method: str, p: Callable[[NDArray[np.float64], int], float]) -> Test:
    counts = _table(table)
    empty = Test(name, None, None, (), int(counts.sum()), method, HERE + name, _untestable(counts))
    if empty.reason or counts.shape != (2, 2):
        return replace(empty, reason=empty.reason or "mid-P is defined for 2×2 tables")
    k, log = hypergeometric(counts)
    return _filled(empty, min(1.0, p(np.exp(log), int(np.searchsorted(k, counts[0, 0])))), None, ())


def _freeman_halton(counts: NDArray[np.int64]) -> float | None:
    """Return the probability of all tables with these margins that are no likelier than this one, or None.

    The columns are split into two halves, and the partial tables of each half listed by what they use of the row
    totals. Each partial table of one half then meets, by binary search, those of the other half that complete it
    to a table at most as likely. A partial table stands for all permutations of its rows, which are equally
    likely. None when a half has more than FISHER_TABLES partial tables.
    """
    if counts.shape[0] > counts.shape[1]:
        counts = counts.T
    rows, columns = counts.sum(1), counts.sum(0)
    listed = [_partial_tables(half, rows) for half in _halves(columns, len(rows))]
    if listed[0] is None or listed[1] is None:
        return None
    one, other = listed[0], listed[1]
    constant = gammaln(rows + 1).sum() + gammaln(columns + 1).sum() - gammaln(counts.sum() + 1)
    limit = -gammaln(counts + 1).sum() + 1e-7
    pairs, times = _complements(one.used, rows)
    total = 0.0
    for (code, needed), count in zip(pairs.tolist(), times.tolist(), strict=True):
        here, there = one.of(code), other.of(needed)
        if here.start == here.stop or there.start == there.stop:
            continue
        peak = other.log[there][-1]
        likely = np.concatenate([[0.0], np.cumsum(other.ways[there] * np.exp(other.log[there] - peak))])
        reach = np.searchsorted(other.log[there], limit - one.log[here], side="right")
        total += count * float((one.ways[here] * np.exp(one.log[here] + constant + peak) * likely[reach]).sum())
    return min(1.0, total)


@dataclass(frozen=True)
class _Partial:
    """Partial tables in ascending order of code and log: what they use of the rows (sorted), minus the log of the
    product of the factorials of their cells, and how many such tables each order of the rows has."""

    used: NDArray[np.int64]
    code: NDArray[np.int64]
    log: NDArray[np.float64]
    ways: NDArray[np.float64]

    def of(self, code: int) -> slice:
        first, last = np.searchsorted(self.code, [code, code + 1])
        return slice(int(first), int(last))


def _complements(used: NDArray[np.int64], rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the distinct pairs of codes (used, left of the rows), and how many orders of the rows give each."""
    base = int(rows.sum()) + 1
    distinct = np.unique(used, axis=0)
    orders = np.array(list(permutations(range(len(rows)))))
    arranged = distinct[:, orders].reshape(-1, len(rows))
    origin = np.repeat(_code(distinct, base), len(orders))
    arranged, first = np.unique(arranged, axis=0, return_index=True)
    origin, left = origin[first], rows - arranged
    fits = (left >= 0).all(1)
    pairs = np.column_stack([origin[fits], _code(np.sort(left[fits], axis=1), base)])
    return np.unique(pairs, axis=0, return_counts=True)


def _halves(columns: NDArray[np.int64], rows: int) -> tuple[list[int], list[int]]:
    """Split column totals into two lists with about equally many partial tables each."""
    halves: tuple[list[int], list[int]] = ([], [])
    sizes = [0.0, 0.0]
    for total in sorted(columns.tolist(), reverse=True):
        smaller = int(sizes[1] < sizes[0])
        halves[smaller].insert(0, total)
        sizes[smaller] += math.log(math.comb(total + rows - 1, rows - 1))
    return halves


def _partial_tables(columns: list[int], rows: NDArray[np.int64]) -> _Partial | None:
    """List the partial tables that have these column totals and can be completed within the rows."""
    base, size = int(rows.sum()) + 1, len(rows)
    if base**size > 2**62 or size > FISHER_ROWS:
        return None
    used, log, ways = np.zeros((1, size), dtype=np.int64), np.zeros(1), np.ones(1)
    for total in columns:
        if len(log) * math.comb(total + size - 1, size - 1) > FISHER_TABLES:
            return None
        column = _compositions(total, size)
        used = np.sort((used[:, None, :] + column[None, :, :]).reshape(-1, size), axis=1)
        log = (log[:, None] - gammaln(column + 1).sum(1)[None, :]).ravel()
        ways = np.repeat(ways, len(column))
        fits = (used <= np.sort(rows)).all(1)
        used, log, ways = used[fits], log[fits], ways[fits]
        code = _code(used, base)
        order = np.lexsort((log, code))
        used, log, ways, code = used[order], log[order], ways[order], code[order]
        starts = np.flatnonzero(np.r_[True, (np.diff(code) != 0) | (np.diff(log) > 1e-9)])
        used, log, ways, code = used[starts], log[starts], np.add.reduceat(ways, starts), code[starts]
    return _Partial(used, code, log, ways / _orders(used))


def _orders(used: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return in how many distinct orders each row of numbers can be written."""
    repeated = (used[:, :, None] == used[:, None, :]) & np.tri(used.shape[1], dtype=bool)
    return math.factorial(used.shape[1]) / repeated.sum(axis=2).prod(axis=1)


def _code(used: NDArray[np.int64], base: int) -> NDArray[np.int64]:
    """Return one number for each row of numbers below `base`."""
    return used @ base ** np.arange(used.shape[-1])


def _compositions(total: int, size: int) -> NDArray[np.int64]:
    """Return all ways to write `total` as an ordered sum of `size` numbers."""
    parts, left = np.zeros((1, 0), dtype=np.int64), np.array([total])
    for _ in range(size - 1):
        ways = left + 1
        part = np.arange(ways.sum()) - np.repeat(np.cumsum(ways) - ways, ways)
        parts = np.column_stack([np.repeat(parts, ways, axis=0), part])
        left = np.repeat(left, ways) - part
    return np.column_stack([parts, left])


def _table(table: ArrayLike) -> NDArray[np.int64]:
    """Return counts as integers without the levels that nobody has; raise ValueError unless they are counts."""
    raw = np.asarray(table)
    counts = raw.astype(np.int64) if raw.ndim == 2 and np.isfinite(raw).all() else None
    if counts is None or (counts != raw).any() or (counts < 0).any():
        raise ValueError("a table holds counts: one row per group, one column per level")
    return counts[:, counts.any(axis=0)]


def _untestable(counts: NDArray[np.int64]) -> str:
    if len(counts) < 2:
        return "fewer than two groups"
    if not counts.any(axis=1).all():
        return "a group has no observations"
    return "all observations are the same" if counts.shape[1] < 2 else ""


def _filled(empty: Test, p: float, statistic: float | None, df: tuple[float, ...]) -> Test:
    """Return the test with its result, or with the reason when the p-value came out as no number."""
    if not np.isfinite(p):
        return replace(empty, reason="the test statistic has no finite value")
    finite = statistic is not None and math.isfinite(statistic)
    return replace(empty, p=float(p), statistic=float(statistic) if finite else None, df=tuple(map(float, df)))  # type: ignore[arg-type]


# Tests of ranks: one array of values per group.


def mann_whitney(groups: Groups) -> Test:
    """Mann-Whitney U test, asymptotic with tie and continuity correction (R's wilcox.test(exact=FALSE))."""
    return _mann_whitney(groups, "mann_whitney", True)


def mann_whitney_uncorrected(groups: Groups) -> Test:
    """Mann-Whitney U test, asymptotic with tie correction and without continuity correction (R's wilcox.test(correct=FALSE))."""
    return _mann_whitney(groups, "mann_whitney_uncorrected", False)


def _mann_whitney(groups: Groups, name: str, continuity: bool) -> Test:
    samples = _samples(groups)
    method = f"Mann–Whitney U test, asymptotic, {'with' if continuity else 'without'} continuity correction"
    function = f"scipy.stats.mannwhitneyu(method='asymptotic', use_continuity={continuity})"
    reason = _unrankable(samples, two=True)
    empty = Test(name, None, None, (), sum(map(len, samples)), method, function, reason)
    if reason:
        return empty
    found = mannwhitneyu(*samples, method="asymptotic", use_continuity=continuity)
    return _filled(empty, found.pvalue, found.statistic, ())


def mann_whitney_exact(groups: Groups) -> Test:
    """Mann-Whitney U test by its permutation distribution given the ties, two-sided by distance from the mean.

    Samples that need more than RANK_STEPS additions get the asymptotic test, and say so in `reason`.
    Streitberg & Roehmel, Stat Software Newsl 1986;12:10; R's coin::wilcox_test(distribution="exact").
    """
    samples = _samples(groups)
    name, method = "mann_whitney_exact", "Mann–Whitney U test, exact permutation distribution with ties"
    reason = _unrankable(samples, two=True)
    empty = Test(name, None, None, (), sum(map(len, samples)), method, HERE + name, reason)
    if reason:
        return empty
    ranks = np.rint(2 * rankdata(np.concatenate(samples))).astype(np.int64)
    first = len(samples[0])
    statistic = ranks[:first].sum() / 2 - first * (first + 1) / 2
    smaller = ranks[:first] if first <= len(ranks) - first else ranks[first:]
    m = len(smaller)
    scores = ranks - ranks.min()
    scores //= np.gcd.reduce(scores)
    if len(ranks) * m * int(np.sort(scores)[-m:].sum()) > RANK_STEPS:
        return replace(mann_whitney(samples), name=name, reason="too many arrangements for the exact rank test")
    observed = scores[:first].sum() if m == first else scores[first:].sum()
    return _filled(empty, _permutation_p(scores, m, int(observed)), statistic, ())


def _permutation_p(scores: NDArray[np.int64], m: int, observed: int) -> float:
    """Return how often m of the scores have a sum as far from its mean as `observed`, in all choices of m."""
    ways = np.zeros((m + 1, int(np.sort(scores)[-m:].sum()) + 1))
    ways[0, 0] = 1
    for score in scores.tolist():
        for chosen in range(m, 0, -1):
            ways[chosen, score:] += ways[chosen - 1, : ways.shape[1] - score]
    mean = m * scores.mean()
    far = np.abs(np.arange(ways.shape[1]) - mean) >= abs(observed - mean) - 1e-7
    return float(ways[m, far].sum() / ways[m].sum())


def kruskal_wallis(groups: Groups) -> Test:
    """Kruskal-Wallis rank test with tie correction, for two or more groups."""
    samples = _samples(groups)
    reason = _unrankable(samples)
    empty = Test(
        "kruskal_wallis", None, None, (), sum(map(len, samples)), "Kruskal–Wallis test", "scipy.stats.kruskal", reason
    )
    if reason:
        return empty
    found = kruskal(*samples)
    return _filled(empty, found.pvalue, found.statistic, (len(samples) - 1.0,))


def _samples(groups: Groups) -> list[NDArray]:
    """Return each group's values as an array; raise ValueError unless they are finite numbers."""
    samples = [np.asarray(group) for group in groups]
    for sample in samples:
        if sample.ndim != 1 or (sample.size and not np.isfinite(sample).all()):
            raise ValueError("each group is a one-dimensional array of finite numbers")
    # scipy would keep the ranks of 32-bit numbers in 32 bits, too few for the rank sums of a large registry
    return [s.astype(np.float64) if s.dtype.kind != "f" or s.itemsize < 8 else s for s in samples]


def _unrankable(samples: list[NDArray], two: bool = False) -> str:
    if len(samples) < 2 or (two and len(samples) != 2):
        return "fewer than two groups" if len(samples) < 2 else "more than two groups"
    if not all(map(len, samples)):
        return "a group has no observations"
    same = min(s.min() for s in samples) == max(s.max() for s in samples)
    return "all observations are the same" if same else ""


# Tests of means: one array of values per group.


@dataclass(frozen=True)
class _Moments:
    """Size, mean and variance (n - 1) of each group; the variance of a single value is NaN."""

    n: NDArray[np.float64]
    mean: NDArray[np.float64]
    variance: NDArray[np.float64]


def _moments(samples: list[NDArray]) -> _Moments:
    means = [float(s.mean(dtype=np.float64)) if len(s) else math.nan for s in samples]
    variances = [float(s.var(ddof=1, dtype=np.float64)) if len(s) > 1 else math.nan for s in samples]
    return _Moments(np.array([float(len(s)) for s in samples]), np.array(means), np.array(variances))


def _constant(moments: _Moments) -> NDArray[np.bool_]:
    """Say which groups do not vary, beyond the rounding of their own mean."""
    return ~(np.sqrt(moments.variance) > 1e-14 * np.abs(moments.mean))


def _no_means(samples: list[NDArray], moments: _Moments, pooled: bool, two: bool) -> str:
    if reason := _unrankable(samples, two):
        return reason
    if not pooled and (moments.n < 2).any():
        return "a group has a single observation, so its variance is unknown"
    if pooled and not (moments.n > 1).any():
        return "no group has two observations"
    return "the values do not vary within any group" if _constant(moments).all() else ""


def welch_t(groups: Groups) -> Test:
    """Welch's t test of two groups, which lets their variances differ. Welch, Biometrika 1947;34:28."""
    return _t_test(groups, "welch_t", "Welch's t test", pooled=False)


def student_t(groups: Groups) -> Test:
    """Student's t test of two groups with pooled variance."""
    return _t_test(groups, "student_t", "Student's t test with pooled variance", pooled=True)


def _t_test(groups: Groups, name: str, method: str, pooled: bool) -> Test:
    samples = _samples(groups)
    m = _moments(samples)
    reason = _no_means(samples, m, pooled, two=True)
    function = f"scipy.stats.ttest_ind_from_stats(equal_var={pooled})"
    empty = Test(name, None, None, (), int(m.n.sum()), method, function, reason)
    if reason:
        return empty
    (m1, m2), (s1, s2), (n1, n2) = m.mean, np.sqrt(np.nan_to_num(m.variance)), m.n
    found = ttest_ind_from_stats(m1, s1, n1, m2, s2, n2, equal_var=pooled)
    return _filled(empty, found.pvalue, found.statistic, (n1 + n2 - 2.0 if pooled else _welch_df(m),))


def _welch_df(moments: _Moments) -> float:
    share = moments.variance / moments.n
    return float(share.sum() ** 2 / (share**2 / (moments.n - 1)).sum())


def anova(groups: Groups) -> Test:
    """One-way analysis of variance with pooled variance, for two or more groups."""
    return _anova(groups, "anova", "one-way analysis of variance", pooled=True)


def welch_anova(groups: Groups) -> Test:
    """Welch's one-way analysis of variance, which lets variances differ. Welch, Biometrika 1951;38:330."""
    return _anova(groups, "welch_anova", "Welch's one-way analysis of variance", pooled=False)


def _anova(groups: Groups, name: str, method: str, pooled: bool) -> Test:
    samples = _samples(groups)
    m = _moments(samples)
    reason = _no_means(samples, m, pooled, two=False)
    if not reason and not pooled and _constant(m).any():
        reason = "the values of a group do not vary"
    use = "equal" if pooled else "unequal"
    function = f"statsmodels.stats.oneway.anova_generic(use_var='{use}')"
    empty = Test(name, None, None, (), int(m.n.sum()), method, function, reason)
    if reason:
        return empty
    found = anova_generic(m.mean, np.nan_to_num(m.variance), m.n, use_var=use)
    return _filled(empty, found.pvalue, found.statistic, tuple(float(df) for df in found.df))


OF_COUNTS: dict[str, Callable[[ArrayLike], Test]] = {
    "chi_square": chi_square,
    "chi_square_yates": chi_square_yates,
    "fisher": fisher,
    "fisher_mid_p": fisher_mid_p,
    "fisher_mid_p_central": fisher_mid_p_central,
}
OF_VALUES: dict[str, Callable[[Groups], Test]] = {
    "mann_whitney": mann_whitney,
    "mann_whitney_uncorrected": mann_whitney_uncorrected,
    "mann_whitney_exact": mann_whitney_exact,
    "kruskal_wallis": kruskal_wallis,
    "welch_t": welch_t,
    "student_t": student_t,
    "anova": anova,
    "welch_anova": welch_anova,
}
TESTS: dict[str, Callable[..., Test]] = {**OF_COUNTS, **OF_VALUES}


# Differences between groups.


def mean_difference(a: ArrayLike, b: ArrayLike, level: float = 0.95) -> Estimate:
    """Return the mean of a minus that of b, in their unit, with Welch's interval and p. Welch, Biometrika 1947;34:28."""
    samples = _samples([a, b])
    m, test = _moments(samples), welch_t(samples)
    value = float(m.mean[0] - m.mean[1]) if (m.n > 0).all() else None
    function = HERE + "mean_difference"
    if test.p is None or value is None:
        return Estimate(value, None, None, None, "Welch's t interval", function, test.reason)
    half = student.isf((1 - level) / 2, _welch_df(m)) * math.sqrt((m.variance / m.n).sum())
    return Estimate(value, value - half, value + half, test.p, "Welch's t interval", function)


def hodges_lehmann(a: ArrayLike, b: ArrayLike) -> Estimate:
    """Return the median of all differences between a value of a and one of b, without an interval.

    Hodges & Lehmann, Ann Math Stat 1963;34:598.
    """
    first, second = _samples([a, b])
    empty = Estimate(None, None, None, None, "Hodges–Lehmann estimate", HERE + "hodges_lehmann")
    if not len(first) or not len(second):
        return replace(empty, reason="a group has no observations")
    if len(first) * len(second) > DIFFERENCES:
        return replace(empty, reason=f"not computed: more than {DIFFERENCES:,} pairwise differences")
    return replace(empty, value=float(np.median(np.subtract.outer(first, second))))


def smd_continuous(*groups: ArrayLike) -> Estimate:
    """Return the standardised mean difference of two groups, without sign; of more, the largest of all pairs.

    |mean1 - mean2| / sqrt((variance1 + variance2) / 2). Groups that do not vary have none (it would be infinite,
    or 0/0). Austin, Stat Med 2009;28:3083; Yang & Dalton, SAS Global Forum 2012:335.
    """
    samples = _samples(groups)
    m = _moments(samples)
    empty = Estimate(None, None, None, None, "standardised mean difference", HERE + "smd_continuous")
    reason = _unrankable(samples)
    if not reason and (m.n < 2).any():
        reason = "a group has a single observation, so its variance is unknown"
    if reason:
        return replace(empty, reason=reason)
    constant = _constant(m)
    found = []
    for i, j in combinations(range(len(samples)), 2):
        if not (constant[i] and constant[j]):
            found.append(abs(m.mean[i] - m.mean[j]) / math.sqrt((m.variance[i] + m.variance[j]) / 2))
        elif m.mean[i] != m.mean[j]:
            return replace(empty, reason=INFINITE_SMD)
    return replace(empty, value=float(max(found)))


def smd_largest(groups: Groups) -> Estimate:
    """Return the largest standardised mean difference of all pairs of groups, without sign, as `smd_continuous` does."""
    return smd_continuous(*groups)


def smd_categorical(table: ArrayLike) -> Estimate:
    """Return the standardised difference of level frequencies of two groups; of more, the largest of all pairs.

    `table` has one row per group and one column per level: the Mahalanobis distance between the frequencies under
    the mean of the groups' multinomial covariances. Groups that share no variation where they differ have none (it
    would be infinite). Yang & Dalton, SAS Global Forum 2012:335.
    """
    counts = _table(table)
    empty = Estimate(
        None, None, None, None, "standardised difference (Yang & Dalton)", HERE + "smd_categorical", _untestable(counts)
    )
    if empty.reason:
        return empty
    frequency = counts / counts.sum(axis=1, keepdims=True)
    found = [_multinomial_distance(a, b) for a, b in combinations(frequency, 2)]
    if math.inf in found:
        return replace(empty, reason=INFINITE_SMD)
    return replace(empty, value=max(found))


INFINITE_SMD = "the groups differ and do not vary within, the standardised difference is infinite"


def _multinomial_distance(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Return the distance of two frequency vectors, infinite where they differ without variation."""
    difference = (a - b)[1:]
    covariance = sum(np.diag(p[1:]) - np.outer(p[1:], p[1:]) for p in (a, b)) / 2
    inverse = np.linalg.pinv(covariance, rcond=1e-10, hermitian=True)
    if not np.allclose(covariance @ (inverse @ difference), difference, rtol=0, atol=1e-9):
        return math.inf
    return math.sqrt(max(0.0, float(difference @ inverse @ difference)))


# Quartiles and many p-values.


def quartiles(values: ArrayLike, method: str = "linear") -> tuple[float, float, float] | None:
    """Return first quartile, median and third quartile by one of numpy's quantile methods; None without values.

    "linear" is R's type 7, "weibull" type 6 (SPSS), "averaged_inverted_cdf" type 2 (SAS). Raises ValueError for
    values that are not finite. Hyndman & Fan, Am Stat 1996;50:361.
    """
    (sample,) = _samples([values])
    if not len(sample):
        return None
    first, median, third = np.quantile(sample, [0.25, 0.5, 0.75], method=method)  # type: ignore[call-overload]
    return float(first), float(median), float(third)


ADJUSTMENTS = {
    "bonferroni": "bonferroni",
    "holm": "holm",
    "hochberg": "simes-hochberg",
    "hommel": "hommel",
    "BH": "fdr_bh",
    "BY": "fdr_by",
}
"""R's names of p.adjust and the names of the same methods in statsmodels."""


def adjust_p(values: Sequence[float | None], method: str) -> list[float | None]:
    """Return p-values adjusted for each other by one of ADJUSTMENTS; an absent one stays absent and is not counted.

    Raises ValueError for a p outside 0 to 1 and for an unknown method.
    """
    if method not in ADJUSTMENTS:
        raise ValueError(f"unknown method {method!r}; known: {', '.join(ADJUSTMENTS)}")
    present = [i for i, p in enumerate(values) if p is not None and not math.isnan(p)]
    known = [float(values[i]) for i in present]  # type: ignore[arg-type]
    if any(not 0 <= p <= 1 for p in known):
        raise ValueError("a p-value lies between 0 and 1")
    adjusted: list[float | None] = [None] * len(values)
    if known:
        for i, p in zip(present, multipletests(known, method=ADJUSTMENTS[method])[1], strict=True):
            adjusted[i] = float(p)
    return adjusted
