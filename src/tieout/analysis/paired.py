"""Compare the same measurement twice or more often in each patient: McNemar, signed ranks, paired t, Cochran's Q, Friedman."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import friedmanchisquare, rankdata, ttest_rel, wilcoxon
from statsmodels.stats.contingency_tables import cochrans_q as cochran
from statsmodels.stats.contingency_tables import mcnemar as mcnemar_of

from tieout.analysis.comparisons import Test
from tieout.analysis.describe import ALL, QUANTILES, Column, as_numbers, columns, moments
from tieout.analysis.intervals import Estimate
from tieout.registry import Registry, mask
from tieout.results import Rule, Statistic
from tieout.study import LEVELLED, Methods, Variable

Array = NDArray[np.float64]
HERE = "tieout.analysis.paired."
FEW_DISCORDANT = 25
"""McNemar's test is exact below so many discordant pairs."""
FEW_DIFFERENCES = 50
"""The signed-rank test is exact up to so many differences that are not zero, as in R without ties."""
NOBODY = "no patient has all the measurements"


def mcnemar(pairs: ArrayLike) -> Test:
    """McNemar's test of n x 2 zeros and ones: exact (binomial) below 25 discordant pairs, else χ² without correction.

    McNemar, Psychometrika 1947;12:153; statsmodels.stats.contingency_tables.mcnemar.
    """
    values = _complete(pairs)
    gained = int(((values[:, 0] == 0) & (values[:, 1] == 1)).sum())
    lost = int(((values[:, 0] == 1) & (values[:, 1] == 0)).sum())
    exact = gained + lost < FEW_DISCORDANT
    method = "McNemar's exact test" if exact else "McNemar's χ² test without continuity correction"
    function = f"statsmodels.stats.contingency_tables.mcnemar(exact={exact}, correction=False)"
    empty = Test("mcnemar", None, None, (), len(values), method, function)
    if not len(values) or not gained + lost:
        return dataclasses.replace(empty, reason="no discordant pairs" if len(values) else NOBODY)
    found = mcnemar_of([[0, gained], [lost, 0]], exact=exact, correction=False)
    return dataclasses.replace(empty, p=min(1.0, float(found.pvalue)), statistic=float(found.statistic))


def signed_rank(pairs: ArrayLike) -> Test:
    """Wilcoxon's signed-rank test of n x 2 numbers; differences of zero are left out, as Wilcoxon did.

    Up to 50 differences the permutation distribution of the ranks with their ties, which scipy's exact method
    ignores; beyond it the normal approximation with tie and continuity correction (R's wilcox.test(exact = FALSE)).
    Differences are rounded to nine decimals, so that 0.3 - 0.2 and 0.2 - 0.1 are tied.
    Wilcoxon, Biom Bull 1945;1:80; Streitberg & Roehmel, Stat Software Newsl 1986;12:10.
    """
    values = _complete(pairs)
    differences = np.round(values[:, 1] - values[:, 0], 9)
    differences = differences[differences != 0]
    exact = len(differences) <= FEW_DIFFERENCES
    method = "Wilcoxon signed-rank test, " + ("exact with ties" if exact else "asymptotic, with continuity correction")
    asymptotic = "scipy.stats.wilcoxon(zero_method='wilcox', correction=True, method='asymptotic')"
    empty = Test("signed_rank", None, None, (), len(values), method, HERE + "signed_rank" if exact else asymptotic)
    if not len(differences):
        return dataclasses.replace(empty, reason="all differences are zero" if len(values) else NOBODY)
    ranks = rankdata(np.abs(differences))
    positive = float(ranks[differences > 0].sum())
    if exact:
        return dataclasses.replace(empty, p=_sign_flips(ranks, positive), statistic=positive)
    found = wilcoxon(differences, zero_method="wilcox", correction=True, method="asymptotic")
    return dataclasses.replace(empty, p=min(1.0, float(found.pvalue)), statistic=positive)


def _sign_flips(ranks: Array, positive: float) -> float:
    """Return how often the positive ranks have a sum as far from its mean, in all choices of signs."""
    doubled = np.rint(2 * ranks).astype(int)
    ways = np.zeros(doubled.sum() + 1)
    ways[0] = 1
    for rank in doubled.tolist():
        ways[rank:] += ways[: len(ways) - rank].copy()
    mean = doubled.sum() / 2
    far = np.abs(np.arange(len(ways)) - mean) >= abs(2 * positive - mean) - 1e-9
    return float(ways[far].sum() / ways.sum())


def paired_t(pairs: ArrayLike) -> Test:
    """Student's paired t test of n x 2 numbers (scipy.stats.ttest_rel)."""
    values = _complete(pairs)
    empty = Test("paired_t", None, None, (), len(values), "paired t test", "scipy.stats.ttest_rel")
    if reason := _unvarying(values):
        return dataclasses.replace(empty, reason=reason)
    found = ttest_rel(values[:, 1], values[:, 0])
    return dataclasses.replace(empty, p=float(found.pvalue), statistic=float(found.statistic), df=(float(found.df),))


def mean_change(pairs: ArrayLike, level: float = 0.95) -> Estimate:
    """Return the mean of second minus first, in their unit, with the interval of the paired t test (scipy.stats.ttest_rel)."""
    values = _complete(pairs)
    mean = float((values[:, 1] - values[:, 0]).mean()) if len(values) else None
    empty = Estimate(mean, None, None, None, "mean change, paired t interval", "scipy.stats.ttest_rel")
    if reason := _unvarying(values):
        return dataclasses.replace(empty, reason=reason)
    found = ttest_rel(values[:, 1], values[:, 0])
    interval = found.confidence_interval(level)
    return dataclasses.replace(empty, low=float(interval.low), high=float(interval.high), p=float(found.pvalue))


def _unvarying(values: Array) -> str:
    """Return why the differences of pairs have no variance to judge them by."""
    if len(values) < 2:
        return "a single patient has both measurements" if len(values) else NOBODY
    differences = values[:, 1] - values[:, 0]
    if not differences.any():
        return "all differences are zero"
    same = np.ptp(differences) <= 1e-12 * np.abs(values).max()
    return "all differences are the same" if same else ""


def cochran_q(values: ArrayLike) -> Test:
    """Cochran's Q test of n x k zeros and ones. Cochran, Biometrika 1950;37:256."""
    found = _complete(values)
    empty = Test("cochran_q", None, None, (), len(found), "Cochran's Q test", "statsmodels.stats.contingency_tables.cochrans_q")
    if not len(found) or not np.ptp(found, axis=1).any():
        return dataclasses.replace(empty, reason="no patient's measurements differ" if len(found) else NOBODY)
    test = cochran(found)
    return dataclasses.replace(empty, p=float(test.pvalue), statistic=float(test.statistic), df=(found.shape[1] - 1.0,))


def friedman(values: ArrayLike) -> Test:
    """Friedman's rank test of n x k numbers (k at least 3), χ² with tie correction. Friedman, JASA 1937;32:675."""
    found = _complete(values)
    empty = Test("friedman", None, None, (), len(found), "Friedman test", "scipy.stats.friedmanchisquare")
    if not len(found) or not np.ptp(found, axis=1).any():
        return dataclasses.replace(empty, reason="no patient's measurements differ" if len(found) else NOBODY)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        test = friedmanchisquare(*found.T)
    return dataclasses.replace(empty, p=float(test.pvalue), statistic=float(test.statistic), df=(found.shape[1] - 1.0,))


def _complete(values: ArrayLike) -> Array:
    """Return measurements as n x k finite numbers; raise ValueError for anything else."""
    found = np.asarray(values, dtype=float)
    if found.ndim != 2 or found.shape[1] < 2 or not np.isfinite(found).all():
        raise ValueError("one row per patient and one column per measurement, without missing values")
    return found


TESTS: dict[tuple[str, bool], Callable[[ArrayLike], Test]] = {
    ("levels", True): mcnemar,
    ("median", True): signed_rank,
    ("mean", True): paired_t,
    ("levels", False): cochran_q,
    ("median", False): friedman,
    ("mean", False): friedman,
}
"""By how the variable is summarised, and whether there are two measurements."""


def paired(registry: Registry, name: str) -> Iterator[Statistic]:
    """Yield the Statistics of one declared comparison of repeated measurements, for all patients and by group.

    Keys: paired.NAME.GROUP.n, .missing, .p; .VARIABLE.n and .pct, or .median, .q1, .q3, or .mean, .sd; for two
    measurements .gained.n and .lost.n, or .change.median, .q1, .q3, or .change.estimate, .low, .high. GROUP is `all` or a
    name of the group.
    """
    study = registry.study
    declared = study.paired[name]
    everybody = Column(ALL, "all patients", np.ones(len(registry.frame), dtype=bool), {})
    found = [everybody, *columns(registry, study.groups[declared.by], {})[1:]] if declared.by else [everybody]
    for column in found:
        yield from measured(registry, name, column)


def measured(registry: Registry, name: str, column: Column) -> Iterator[Statistic]:
    """Yield what was measured, how it changed and the test, among the patients of a column with all measurements."""
    study = registry.study
    declared = study.paired[name]
    first = study.dictionary[declared.variables[0]]
    kind = "levels" if first.type == "yesno" else first.summary
    rule = {**column.rule, **dict.fromkeys(declared.variables)}
    rows = column.rows & mask(registry.frame, rule)
    values = np.column_stack([numeric(registry, variable)[rows] for variable in declared.variables])
    path, n, total = f"paired.{name}.{column.name}", len(values), int(column.rows.sum())
    base = Statistic(
        "", 0, "count", f"{declared.label}, {column.label}", n=n, total=n, counted=rule, within=rule, context="paired",
        among=f"{column.label} with every measurement", variable_label=declared.label, group=column.name,
        group_label=column.label, unit=first.unit,
    )  # fmt: skip
    patients = dataclasses.replace(base, total=total, within=column.rule, among=column.label)
    yield dataclasses.replace(patients, key=f"{path}.n", value=n, name="n")
    yield dataclasses.replace(
        patients, key=f"{path}.missing", value=total - n, n=total - n, name="missing", counted={},
        label=f"{base.label}: patients without every measurement",
    )  # fmt: skip
    for variable, each in zip(declared.variables, values.T, strict=True):
        entry = dataclasses.replace(
            base, variable=variable, label=f"{study.dictionary[variable].label}, {column.label}",
            variable_label=study.dictionary[variable].label,
        )  # fmt: skip
        yield from SUMMARIES[kind](entry, f"{path}.{variable}", each, first, study.methods)
    two = len(declared.variables) == 2
    if two:
        yield from CHANGES[kind](base, f"{path}", declared.variables, values, first, study.methods)
    test = TESTS[kind, two](values)
    yield dataclasses.replace(
        base, key=f"{path}.p", value=test.p, kind="p", name="p", method=test.method, function=test.function,
        label=f"{declared.label}, {column.label}, difference between measurements", error=test.reason if test.p is None else "",
    )  # fmt: skip


def numeric(registry: Registry, name: str) -> Array:
    """Return a variable as numbers: grades as those that they stand for, yes as 1 and no as 0."""
    column, variable = registry.frame[name], registry.study.dictionary[name]
    if variable.type not in LEVELLED:
        return column.to_numpy(dtype=float)
    places = column.cat.codes.to_numpy()
    return np.where(places >= 0, as_numbers(column.cat.categories)[places], np.nan)


def share(base: Statistic, path: str, values: Array, variable: Variable, methods: Methods) -> Iterator[Statistic]:
    """Yield how many have the event, and their percentage."""
    n, rule = int(values.sum()), {**base.counted, base.variable: ("1",)}
    cell = dataclasses.replace(base, n=n, counted=rule, level="1", level_label=variable.codes["1"])
    yield dataclasses.replace(cell, key=f"{path}.n", value=n, name="n")
    yield dataclasses.replace(
        cell, key=f"{path}.pct", value=100 * n / len(values) if len(values) else None, kind="percent", name="pct",
        method="n / N", error="" if len(values) else NOBODY,
    )  # fmt: skip


def spread(base: Statistic, path: str, values: Array, variable: Variable, methods: Methods) -> Iterator[Statistic]:
    """Yield median and quartiles."""
    found = moments(values, methods) if len(values) else {}
    decimals = variable.decimals if variable.decimals is not None else 1 if variable.type == "decimal" else 0
    for name, kind in (("median", "median"), ("q1", "quartile"), ("q3", "quartile")):
        yield dataclasses.replace(
            base, key=f"{path}.{name}", value=found.get(name), kind=kind, name=name, decimals=decimals,
            method=f"median (IQR, quantiles of type {QUANTILES[methods.quantile]})", function="numpy.quantile",
            error="" if name in found else NOBODY,
        )  # fmt: skip


def average(base: Statistic, path: str, values: Array, variable: Variable, methods: Methods) -> Iterator[Statistic]:
    """Yield mean and SD."""
    found = moments(values, methods) if len(values) else {}
    for name, function in (("mean", "numpy.mean"), ("sd", "numpy.std(ddof=1)")):
        reason = "" if name in found else "a single value has no SD" if found else NOBODY
        yield dataclasses.replace(
            base, key=f"{path}.{name}", value=found.get(name), kind=name, name=name, decimals=variable.decimals,
            method="mean (SD)", function=function, error=reason,
        )  # fmt: skip


def turned(
    base: Statistic, path: str, names: tuple[str, ...], values: Array, variable: Variable, methods: Methods
) -> Iterator[Statistic]:
    """Yield how many gained and how many lost what is measured: the discordant pairs."""
    for name, before, after in (("gained", "0", "1"), ("lost", "1", "0")):
        rule: Rule = {**base.counted, names[0]: (before,), names[1]: (after,)}
        n = int(((values[:, 0] == float(before)) & (values[:, 1] == float(after))).sum())
        words = f"{base.label}: {variable.codes[before]} at first, {variable.codes[after]} then"
        yield dataclasses.replace(base, key=f"{path}.{name}.n", value=n, n=n, counted=rule, name=name, label=words)


def median_change(
    base: Statistic, path: str, names: tuple[str, ...], values: Array, variable: Variable, methods: Methods
) -> Iterator[Statistic]:
    """Yield the median change with its quartiles: second minus first."""
    changed = dataclasses.replace(base, label=f"{base.label}, change")
    yield from spread(changed, f"{path}.change", values[:, 1] - values[:, 0], variable, methods)


def average_change(
    base: Statistic, path: str, names: tuple[str, ...], values: Array, variable: Variable, methods: Methods
) -> Iterator[Statistic]:
    """Yield the mean change with its interval: second minus first."""
    found = mean_change(values, methods.level)
    for name, attribute in (("estimate", "value"), ("low", "low"), ("high", "high")):
        value = getattr(found, attribute)
        yield dataclasses.replace(
            base, key=f"{path}.change.{name}", value=value, kind="mean", name=name, decimals=variable.decimals,
            label=f"{base.label}, mean change", method=found.method, function=found.function,
            error="" if value is not None else found.reason,
        )  # fmt: skip


SUMMARIES = {"levels": share, "median": spread, "mean": average}
CHANGES = {"levels": turned, "median": median_change, "mean": average_change}
