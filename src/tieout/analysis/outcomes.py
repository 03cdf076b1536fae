"""Outcome rates with intervals, overall and by group, and the difference, risk ratio and odds ratio between two groups."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from tieout.analysis import comparisons, intervals
from tieout.analysis.describe import ALL, Column, columns
from tieout.registry import Registry, mask
from tieout.results import Statistic
from tieout.study import Group, Methods, Outcome

LABELS = {"difference": "difference", "risk_ratio": "risk ratio", "odds_ratio": "odds ratio"}


def rates(registry: Registry, name: str) -> Iterator[Statistic]:
    """Yield the Statistics of one declared outcome: n, N, percent and interval; by group where it is declared."""
    outcome, methods = registry.study.outcomes[name], registry.study.methods
    everybody = Column(ALL, "all patients", mask(registry.frame, outcome.where), outcome.where)
    yield from rate(registry, f"outcome.{name}", outcome, everybody, methods)
    if outcome.by:
        group = registry.study.groups[outcome.by]
        found = columns(registry, group, outcome.where)[1:]
        for column in found:
            yield from rate(registry, f"outcome.{name}.{column.name}", outcome, column, methods)
        if len(found) == 2:
            yield from contrasts(registry, f"outcome.{name}", outcome, group, found, methods)


def tally(registry: Registry, outcome: Outcome, column: Column) -> tuple[int, int]:
    """Return events and patients observed among the rows of a column."""
    values = registry.frame[outcome.variable][column.rows].dropna()
    return int(values.isin(outcome.event).sum()), len(values)


def rate(registry: Registry, path: str, outcome: Outcome, column: Column, methods: Methods) -> Iterator[Statistic]:
    """Yield n, total, percent and its interval.

    Source: the interval functions of `tieout.analysis.intervals`, Wilson (1927) by default.
    """
    x, n = tally(registry, outcome, column)
    within = {**column.rule, outcome.variable: None}
    among = outcome.among if column.name == ALL else f"{outcome.among}, {column.label}"
    base = Statistic(
        "", 0, "count", outcome.label, n=x, total=n, among=among, within=within,
        counted={**column.rule, outcome.variable: outcome.event}, context="outcome", variable=outcome.variable,
        variable_label=outcome.label, group=column.name, group_label=column.label,
    )  # fmt: skip
    interval = intervals.proportion(x, n, outcome.interval or methods.proportion, methods.level)
    empty = "" if n else "no patient was observed"
    yield dataclasses.replace(base, key=f"{path}.n", value=x, name="n")
    yield dataclasses.replace(base, key=f"{path}.total", value=n, name="total", n=n, counted=within)
    yield dataclasses.replace(
        base,
        key=f"{path}.pct",
        value=100 * x / n if n else None,
        kind="percent",
        name="pct",
        method="n / N",
        error=empty,
    )
    for side in ("low", "high"):
        limit = getattr(interval, side)
        yield dataclasses.replace(
            base, key=f"{path}.{side}", value=None if limit is None else 100 * limit, kind="percent_limit", name=side,
            n=None, label=f"{outcome.label}, {side} limit of the {100 * methods.level:g}% interval",
            method=interval.method, function=interval.function, error=interval.reason if limit is None else "",
        )  # fmt: skip


def contrasts(
    registry: Registry, path: str, outcome: Outcome, group: Group, pair: list[Column], methods: Methods
) -> Iterator[Statistic]:
    """Yield difference, risk ratio and odds ratio of the first group against the second, and the p value."""
    (x1, n1), (x2, n2) = (tally(registry, outcome, column) for column in pair)
    against = f"{pair[0].label} v {pair[1].label}"
    within = {**outcome.where, outcome.variable: None, group.variable: tuple(group.levels.values())}
    base = Statistic(
        "", 0, "p", outcome.label, total=n1 + n2, within=within, counted=within, context="outcome",
        among=f"{outcome.among}, {against}", variable=outcome.variable, variable_label=outcome.label,
    )  # fmt: skip
    found = {
        "difference": intervals.risk_difference(x1, n1, x2, n2, methods.difference, methods.level),
        "risk_ratio": intervals.risk_ratio(x1, n1, x2, n2, methods.level),
        "odds_ratio": intervals.odds_ratio(x1, n1, x2, n2, methods.level),
    }
    for name, estimate in found.items():
        yield from estimated(base, f"{path}.{name}", name, estimate, against, 100 if name == "difference" else 1)
    counts = np.array([[x1, n1 - x1], [x2, n2 - x2]])
    small = comparisons.any_expected_below(counts, 5)
    test = comparisons.TESTS[methods.small_expected if small else methods.categories](counts)
    yield dataclasses.replace(
        base, key=f"{path}.p", value=test.p, kind="p", name="p", label=f"{outcome.label}, {against}", n=test.n,
        method=test.method, function=test.function, error=test.reason if test.p is None else "",
    )  # fmt: skip


def estimated(
    base: Statistic, path: str, name: str, estimate: intervals.Estimate, against: str, scale: float
) -> Iterator[Statistic]:
    """Yield an estimate and its limits as Statistics."""
    limits = "difference_limit" if name == "difference" else "ratio_limit"
    for side, attribute in (("estimate", "value"), ("low", "low"), ("high", "high")):
        value = getattr(estimate, attribute)
        yield dataclasses.replace(
            base, key=f"{path}.{side}", value=None if value is None else scale * value, name=side,
            kind=name if side == "estimate" else limits, label=f"{base.label}, {LABELS[name]}, {against}",
            method=estimate.method, function=estimate.function, error=estimate.reason if value is None else "",
        )  # fmt: skip
