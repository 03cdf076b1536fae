"""Compare an outcome between two groups within strata: pooled odds and risk ratio, test, homogeneity, each stratum's own."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import chi2, norm
from statsmodels.stats.contingency_tables import StratifiedTable

from tieout.analysis import intervals
from tieout.analysis.comparisons import Test
from tieout.analysis.describe import Column, columns
from tieout.analysis.intervals import Estimate
from tieout.analysis.outcomes import estimated, tally
from tieout.registry import Registry, mask
from tieout.results import Rule, Statistic
from tieout.study import Outcome

Tables = NDArray[np.float64]
HERE = "tieout.analysis.stratified."
TABLE = "statsmodels.stats.contingency_tables.StratifiedTable"
NOBODY = "no stratum has patients of both groups"
LEFT_OUT = "patients in strata without patients of the other group compare nothing"


def strata(tables: ArrayLike) -> Tables:
    """Return those of k 2 x 2 tables (k x 2 x 2: first group, second group; events, others) that have both groups.

    A stratum without one of the groups compares nothing. Raises ValueError for what is not a table of counts.
    """
    counts = np.asarray(tables, dtype=float).reshape(-1, 2, 2)
    if not np.isfinite(counts).all() or (counts < 0).any() or (counts % 1).any():
        raise ValueError("a table holds counts")
    return counts[(counts.sum(axis=2) > 0).all(axis=1)]


def odds_ratio(tables: ArrayLike, level: float = 0.95) -> Estimate:
    """Return the Mantel-Haenszel odds ratio with the interval of Robins, Breslow and Greenland.

    Mantel & Haenszel, JNCI 1959;22:719; Robins, Breslow & Greenland, Biometrics 1986;42:311.
    """
    kept = strata(tables)
    method = "Mantel–Haenszel odds ratio, Robins–Breslow–Greenland interval"
    empty = Estimate(None, None, None, None, method, f"{TABLE}.oddsratio_pooled, logodds_pooled_se")
    (a, b), (c, d) = np.moveaxis(kept, 0, -1)
    if reason := _one_sided(len(kept), a * d, b * c):
        return dataclasses.replace(empty, reason=reason)
    found = StratifiedTable(np.moveaxis(kept, 0, -1))
    return _limits(empty, float(found.oddsratio_pooled), float(found.logodds_pooled_se), level)


def risk_ratio(tables: ArrayLike, level: float = 0.95) -> Estimate:
    """Return the Mantel-Haenszel risk ratio with the interval of Greenland and Robins.

    Greenland & Robins, Biometrics 1985;41:55.
    """
    kept = strata(tables)
    method = "Mantel–Haenszel risk ratio, Greenland–Robins interval"
    empty = Estimate(None, None, None, None, method, f"{TABLE}.riskratio_pooled; {HERE}risk_ratio")
    (a, b), (c, d) = np.moveaxis(kept, 0, -1)
    if reason := _one_sided(len(kept), a, c):
        return dataclasses.replace(empty, reason=reason)
    n1, n2 = a + b, c + d
    n, events = n1 + n2, a + c
    variance = ((events * n1 * n2 - a * c * n) / n**2).sum() / ((a * n2 / n).sum() * (c * n1 / n).sum())
    if variance <= 0:
        return dataclasses.replace(empty, reason="every patient had the event")
    found = StratifiedTable(np.moveaxis(kept, 0, -1)).riskratio_pooled
    return _limits(empty, float(found), math.sqrt(variance), level)


def _one_sided(count: int, first: NDArray[np.float64], second: NDArray[np.float64]) -> str:
    """Return why a ratio of two sums over strata does not exist."""
    if not count:
        return NOBODY
    return "" if first.any() and second.any() else "a zero cell in every stratum: the ratio is zero or infinite"


def _limits(empty: Estimate, ratio: float, error: float, level: float) -> Estimate:
    reach = math.exp(float(norm.isf((1 - level) / 2)) * error)
    return dataclasses.replace(empty, value=ratio, low=ratio / reach, high=ratio * reach)


def independence(tables: ArrayLike) -> Test:
    """Cochran-Mantel-Haenszel test that no stratum has an association, without continuity correction.

    Mantel & Haenszel, JNCI 1959;22:719. The p is the upper tail itself: statsmodels takes it from 1 and gets 0 below 1e-16.
    """
    kept = strata(tables)
    method = "Cochran–Mantel–Haenszel test without continuity correction"
    empty = Test("cmh", None, None, (), int(kept.sum()), method, f"{TABLE}.test_null_odds(correction=False)")
    varying = kept[(kept.sum(axis=1) > 0).all(axis=1)]
    if not len(varying):
        reason = "no stratum has patients with and without the event" if len(kept) else NOBODY
        return dataclasses.replace(empty, reason=reason)
    statistic = float(StratifiedTable(np.moveaxis(varying, 0, -1)).test_null_odds(correction=False).statistic)
    return dataclasses.replace(empty, p=float(chi2.sf(statistic, 1)), statistic=statistic, df=(1.0,))


def homogeneity(tables: ArrayLike) -> Test:
    """Breslow and Day's test that all strata have the same odds ratio, with Tarone's correction.

    Strata in which everybody or nobody had the event say nothing and take no degree of freedom. Own code, since
    statsmodels divides by zero where the pooled odds ratio is 1.
    Breslow & Day, Statistical Methods in Cancer Research, 1980;1:142; Tarone, Biometrika 1985;72:91.
    """
    kept = strata(tables)
    varying = kept[(kept.sum(axis=1) > 0).all(axis=1)]
    empty = Test(
        "breslow_day", None, None, (), int(varying.sum()), "Breslow–Day test with Tarone's correction", HERE + "homogeneity"
    )
    if len(varying) < 2:
        return dataclasses.replace(empty, reason="fewer than two strata have events and non-events in both groups together")
    pooled = odds_ratio(varying).value
    if pooled is None:
        return dataclasses.replace(empty, reason="the pooled odds ratio is zero or infinite")
    (a, b), (c, d) = np.moveaxis(varying, 0, -1)
    n1, events = a + b, a + c
    # the root of (1-r) e² + (r(n1+events) + n2-events) e - r n1 events in the form that holds for r = 1 too
    linear = pooled * (n1 + events) + (c + d - events)
    expected = 2 * pooled * n1 * events / (linear + np.sqrt(linear**2 + 4 * (1 - pooled) * pooled * n1 * events))
    variance = 1 / (1 / expected + 1 / (n1 - expected) + 1 / (events - expected) + 1 / (d - a + expected))
    excess = a - expected
    statistic = float((excess**2 / variance).sum() - excess.sum() ** 2 / variance.sum())
    df = len(varying) - 1.0
    return dataclasses.replace(empty, p=float(chi2.sf(statistic, df)), statistic=statistic, df=(df,))


def stratified(registry: Registry, name: str) -> Iterator[Statistic]:
    """Yield the Statistics of one declared comparison within strata.

    Keys: stratified.NAME.odds_ratio, .risk_ratio (estimate, low, high), .p, .homogeneity.p, .patients.n, .strata.n,
    .left_out.n;
    .crude.… without strata; .stratum.CODE.… each stratum's own, with .GROUP.n, .total and .pct.
    """
    study = registry.study
    declared = study.stratified[name]
    outcome, group = study.outcomes[declared.outcome], study.groups[declared.by]
    variable, path, level = study.dictionary[declared.strata], f"stratified.{name}", study.methods.level
    known: Rule = {outcome.variable: None, declared.strata: None, **outcome.where}
    first, second = columns(registry, group, known)[1:]
    against = f"{first.label} v {second.label}"
    rule = {**known, group.variable: tuple(group.levels.values())}
    tables = {
        code: counts(registry, declared.outcome, first, second, declared.strata, code)
        for code in outcome.where.get(declared.strata, tuple(variable.codes))
    }
    every = np.array(list(tables.values()))
    kept = strata(every)
    base = Statistic(
        "", 0, "p", declared.label, n=int(every.sum()), total=int(every.sum()), counted=rule, within=rule, context="stratified",
        among=f"{outcome.among} with {variable.label} known, {against}", variable=outcome.variable,
        variable_label=declared.label,
    )  # fmt: skip
    lost = int(every.sum() - kept.sum())
    yield dataclasses.replace(
        base, key=f"{path}.left_out.n", value=lost, n=lost, kind="count", name="left_out", counted={},
        label=f"{declared.label}: patients in strata without patients of the other group",
    )  # fmt: skip
    base = dataclasses.replace(base, warning=LEFT_OUT if lost else "")
    yield dataclasses.replace(base, key=f"{path}.patients.n", value=int(every.sum()), kind="count", name="patients")
    yield dataclasses.replace(
        base, key=f"{path}.strata.n", value=len(kept), n=len(kept), total=len(every), kind="count", name="strata",
        among=f"levels of {variable.label}", counted={}, within={}, label=f"{declared.label}: strata with patients of both groups",
    )  # fmt: skip
    within = dataclasses.replace(base, label=f"{declared.label}, within strata of {variable.label}")
    for kind, estimate in (("odds_ratio", odds_ratio(every, level)), ("risk_ratio", risk_ratio(every, level))):
        yield from estimated(within, f"{path}.{kind}", kind, estimate, against, 1)
    yield from tested(within, f"{path}.p", f"{within.label}, {against}", independence(every))
    words = f"{declared.label}, homogeneity of the odds ratios between strata of {variable.label}"
    yield from tested(within, f"{path}.homogeneity.p", words, homogeneity(every))
    crude = dataclasses.replace(base, label=f"{declared.label}, not stratified", warning="")
    yield from ratios(crude, f"{path}.crude", every.sum(axis=0), against, level)
    for code, table in tables.items():
        inner = {**rule, declared.strata: (code,)}
        own = dataclasses.replace(
            base, label=f"{declared.label}, {variable.label}: {variable.codes[code]}", n=int(table.sum()), level=code,
            total=int(table.sum()), counted=inner, within=inner, level_label=variable.codes[code], warning="",
            among=f"{outcome.among}, {variable.label}: {variable.codes[code]}",
        )  # fmt: skip
        for column, (events, others) in zip((first, second), table.astype(int).tolist(), strict=True):
            cell = dataclasses.replace(own, within={**column.rule, declared.strata: (code,)})
            yield from shares(cell, f"{path}.stratum.{code}.{column.name}", column, events, events + others, outcome)
        yield from ratios(own, f"{path}.stratum.{code}", table, against, level)


def counts(registry: Registry, outcome: str, first: Column, second: Column, variable: str, code: str) -> Tables:
    """Return the 2 x 2 table of one stratum: a row per group, events and others."""
    inside = mask(registry.frame, {variable: (code,)})
    declared = registry.study.outcomes[outcome]
    found = [tally(registry, declared, dataclasses.replace(c, rows=c.rows & inside)) for c in (first, second)]
    return np.array([[x, n - x] for x, n in found], dtype=float)


def tested(base: Statistic, key: str, label: str, test: Test) -> Iterator[Statistic]:
    """Yield a p value, or why there is none."""
    yield dataclasses.replace(
        base, key=key, value=test.p, kind="p", name="p", label=label, n=test.n, method=test.method, function=test.function,
        error=test.reason if test.p is None else "",
    )  # fmt: skip


def ratios(base: Statistic, path: str, table: Tables, against: str, level: float) -> Iterator[Statistic]:
    """Yield odds ratio and risk ratio of one 2 x 2 table."""
    (a, b), (c, d) = table.astype(int).tolist()
    for kind, compute in (("odds_ratio", intervals.odds_ratio), ("risk_ratio", intervals.risk_ratio)):
        yield from estimated(base, f"{path}.{kind}", kind, compute(a, a + b, c, c + d, level=level), against, 1)


def shares(base: Statistic, path: str, column: Column, x: int, n: int, outcome: Outcome) -> Iterator[Statistic]:
    """Yield events, patients and percent of one group in one stratum."""
    cell = dataclasses.replace(
        base, label=f"{base.label}, {column.label}", n=x, total=n, counted={**base.within, outcome.variable: outcome.event},
        group=column.name, group_label=column.label, among=f"{base.among}, {column.label}",
    )  # fmt: skip
    yield dataclasses.replace(cell, key=f"{path}.n", value=x, kind="count", name="n")
    yield dataclasses.replace(cell, key=f"{path}.total", value=n, kind="count", name="total", n=n, counted=base.within)
    yield dataclasses.replace(
        cell, key=f"{path}.pct", value=100 * x / n if n else None, kind="percent", name="pct", method="n / N",
        error="" if n else "no patient was observed",
    )  # fmt: skip
