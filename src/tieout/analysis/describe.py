"""Describe patients by group: counts, percentages, medians, means, missing values, differences and tests."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from tieout.analysis import comparisons
from tieout.registry import Records, Registry, mask
from tieout.results import Rule, Statistic
from tieout.study import LEVELLED, NUMBERS, Group, Methods, Study, Table, Variable

ALL = "all"
QUANTILES = {"linear": 7, "weibull": 6, "averaged_inverted_cdf": 2}
"""The types of Hyndman and Fan (Am Stat 1996;50:361) by numpy's names."""


@dataclass(frozen=True)
class Column:
    """Patients of one column of a table: the segment of its key, its label, which rows, and by what rule."""

    name: str
    label: str
    rows: np.ndarray
    rule: Rule


@dataclass(frozen=True)
class Summary:
    """What is counted of one variable in one column; `reason` says why there is nothing to summarise."""

    observed: int
    missing: int
    not_applicable: int
    values: Mapping[str, float]
    counts: Mapping[str, int]
    reason: str = ""


def columns(registry: Registry, group: Group, where: Rule) -> list[Column]:
    """Return the columns of a table: all patients whose group is known, then each group."""
    frame, variable = registry.frame, registry.study.dictionary[group.variable]
    chosen = mask(frame, where)
    known = {**where, group.variable: tuple(group.levels.values())}
    overall = Column(ALL, "All patients", chosen & mask(frame, known), known)
    groups = [
        Column(
            name,
            group.labels.get(name, variable.codes[code]),
            chosen & mask(frame, {group.variable: (code,)}),
            {**where, group.variable: (code,)},
        )
        for name, code in group.levels.items()
    ]
    return [overall, *groups]


def table(registry: Registry, name: str) -> Iterator[Statistic]:
    """Yield the Statistics of one declared table: for each row its cells, its SMD and its p value.

    Patients whose group is not known are in no column; each percentage is of the values observed.
    """
    study, declared = registry.study, registry.study.tables[name]
    found = columns(registry, study.groups[declared.by], declared.where)
    context = f"table.{name}"
    for column in found:
        yield Statistic(
            f"{context}.patients.{column.name}.n", int(column.rows.sum()), "count", f"Patients, {column.label}",
            counted=column.rule, context=context, variable="patients", group=column.name, group_label=column.label, name="n",
        )  # fmt: skip
    yield ungrouped(registry, context, study.groups[declared.by], declared.where)
    for row in (row for section in declared.rows.values() for row in section):
        variable = study.dictionary[row]
        kind = declared.summaries.get(row, "levels" if variable.type in LEVELLED else variable.summary)
        samples = [sample(registry.frame, row, variable, column.rows) for column in found]
        summaries = [
            summarise(registry.records, row, variable, kind, column.rows, values, study.methods)
            for column, values in zip(found, samples, strict=True)
        ]
        base = Statistic(
            "", 0, "count", "", context=context, variable=row, variable_label=variable.label, unit=variable.unit
        )
        for column, summary in zip(found, summaries, strict=True):
            cell = dataclasses.replace(base, group=column.name, group_label=column.label)
            yield from CELLS[kind](cell, column, summary, variable, study.methods)
        yield from compared(study, declared, row, kind, base, samples[1:])


def ungrouped(registry: Registry, context: str, group: Group, where: Rule) -> Statistic:
    """Return how many patients are in no column, since their group is not known or not among those told."""
    chosen = mask(registry.frame, where)
    n = int(chosen.sum() - (chosen & mask(registry.frame, {group.variable: tuple(group.levels.values())})).sum())
    label = registry.study.dictionary[group.variable].label
    return Statistic(
        f"{context}.patients.ungrouped.n", n, "count", f"Patients in no column: {label} not known", n=None,
        total=int(chosen.sum()), within=where, context=context, variable="patients", name="ungrouped",
    )  # fmt: skip


def sample(frame: pd.DataFrame, name: str, variable: Variable, rows: np.ndarray) -> np.ndarray:
    """Return the values observed among `rows`: sorted numbers, or the places of levels in their dictionary.

    Numbers are sorted once here, since ranking and quantiles of sorted numbers are several times faster.
    """
    if variable.type == "checkbox":
        return np.empty(0)
    if variable.type in LEVELLED:
        codes = frame[name].cat.codes.to_numpy()[rows]
        return codes[codes >= 0]
    values = frame[name].to_numpy()[rows]
    return np.sort(values[~np.isnan(values)])


def summarise(
    records: Records, name: str, variable: Variable, kind: str, rows: np.ndarray, values: np.ndarray, methods: Methods
) -> Summary:
    """Count and summarise one variable among `rows`, where `values` were observed."""
    total = int(rows.sum())
    if variable.type == "checkbox":
        return summarise_checkbox(records, name, variable, rows)
    hidden = int((records.not_applicable[name] & rows).sum()) if name in records.not_applicable else 0
    counts = dict(zip(variable.codes, tally(values, variable).tolist(), strict=True)) if variable.codes else {}
    reason = "no patients in this group" if not total else "no values observed" if not len(values) else ""
    found = {} if reason or kind == "levels" else moments(numbers(values, variable), methods)
    return Summary(len(values), total - len(values) - hidden, hidden, found, counts, reason)


def tally(values: np.ndarray, variable: Variable) -> np.ndarray:
    return np.bincount(values, minlength=len(variable.codes))


def numbers(values: np.ndarray, variable: Variable) -> np.ndarray:
    """Return a sample as numbers: itself, or the numbers that its levels stand for."""
    return as_numbers(variable.codes)[values] if variable.type in LEVELLED else values


def summarise_checkbox(records: Records, name: str, variable: Variable, rows: np.ndarray) -> Summary:
    options = {option: records.frame[f"{name}___{option}"][rows] for option in variable.levels}
    known = np.logical_and.reduce([option.notna().to_numpy() for option in options.values()])
    counts = {option: int(((column == "1").to_numpy() & known).sum()) for option, column in options.items()}
    observed, total = int(known.sum()), int(rows.sum())
    reason = "no patients in this group" if not total else "no values observed" if not observed else ""
    return Summary(observed, total - observed, 0, {}, counts, reason)


def as_numbers(codes: Iterable[str]) -> np.ndarray:
    """Return the numbers that levels stand for: their codes where all are numbers, else their ranks."""
    codes = list(codes)
    try:
        return np.array([float(code) for code in codes])
    except ValueError:
        return np.arange(len(codes), dtype=float)


def moments(values: np.ndarray, methods: Methods) -> dict[str, float]:
    """Return mean, SD (n - 1), median and quartiles of complete values; SD is absent for a single value.

    Source: numpy.quantile, whose default is type 7 of Hyndman and Fan (1996), as in R.
    """
    q1, median, q3 = np.quantile(values, [0.25, 0.5, 0.75], method=methods.quantile)  # type: ignore[call-overload]
    found = {"mean": float(values.mean()), "median": float(median), "q1": float(q1), "q3": float(q3)}
    return found | ({"sd": float(values.std(ddof=1))} if len(values) > 1 else {})


def observed_cells(cell: Statistic, column: Column, summary: Summary, variable: Variable) -> Iterator[Statistic]:
    """Yield how many values were observed, missing, and not applicable."""
    path = f"{cell.context}.{cell.variable}.{cell.group}"
    patients = int(column.rows.sum())
    among = f"patients, {column.label}" if column.name != ALL else "patients whose group is known"
    shared: dict[str, Any] = {"kind": "count", "total": patients, "within": column.rule, "among": among}
    yield dataclasses.replace(
        cell, key=f"{path}.observed", value=summary.observed, n=summary.observed, name="observed",
        label=f"{variable.label} recorded, {column.label}", counted={**column.rule, **observed(cell, variable)}, **shared,
    )  # fmt: skip
    yield dataclasses.replace(
        cell, key=f"{path}.missing", value=summary.missing, n=summary.missing, name="missing",
        label=f"{variable.label} missing, {column.label}", **shared,
    )  # fmt: skip
    if variable.not_applicable:
        yield dataclasses.replace(
            cell, key=f"{path}.not_applicable", value=summary.not_applicable, n=summary.not_applicable,
            name="not_applicable", label=f"{variable.label} not applicable, {column.label}", **shared,
        )  # fmt: skip


def observed(cell: Statistic, variable: Variable) -> Rule:
    if variable.type == "checkbox":
        return {f"{cell.variable}___{option}": None for option in variable.levels}
    return {cell.variable: None}


def level_cells(
    cell: Statistic, column: Column, summary: Summary, variable: Variable, methods: Methods
) -> Iterator[Statistic]:
    """Yield n and percent of each level among the values observed."""
    yield from observed_cells(cell, column, summary, variable)
    within = {**column.rule, **observed(cell, variable)}
    for code, label in variable.codes.items():
        n = summary.counts.get(code, 0)
        path = f"{cell.context}.{cell.variable}.{code}.{cell.group}"
        option = {f"{cell.variable}___{code}": ("1",)} if variable.type == "checkbox" else {cell.variable: (code,)}
        shared: dict[str, Any] = {
            "level": code, "level_label": label, "n": n, "total": summary.observed, "within": within,
            "counted": {**within, **option}, "among": f"patients with {variable.label} recorded, {column.label}",
            "label": f"{variable.label}: {label}, {column.label}", "function": "numpy.bincount",
        }  # fmt: skip
        yield dataclasses.replace(cell, key=f"{path}.n", value=n, kind="count", name="n", **shared)
        yield dataclasses.replace(
            cell, key=f"{path}.pct", kind="percent", name="pct", method="n / N",
            **{**shared, "value": None if summary.reason else 100 * n / summary.observed, "error": summary.reason},
        )  # fmt: skip


def value_cells(names: tuple[str, ...], kinds: tuple[str, ...], how: str):
    """Return what yields named values of a Summary, such as median and quartiles."""

    def cells(
        cell: Statistic, column: Column, summary: Summary, variable: Variable, methods: Methods
    ) -> Iterator[Statistic]:
        yield from observed_cells(cell, column, summary, variable)
        decimals = variable.decimals if variable.decimals is not None else 1 if variable.type == "decimal" else 0
        for name, kind in zip(names, kinds, strict=True):
            value = summary.values.get(name)
            method = how.format(quantile=QUANTILES[methods.quantile])
            yield dataclasses.replace(
                cell, key=f"{cell.context}.{cell.variable}.{cell.group}.{name}", value=value, kind=kind, name=name,
                label=f"{variable.label}, {WORDS[name]}, {column.label}", decimals=decimals, n=summary.observed,
                total=summary.observed, within={**column.rule, cell.variable: None},
                counted={**column.rule, cell.variable: None}, method=method, function=FUNCTIONS[name],
                among=f"patients with {variable.label} recorded, {column.label}",
                error="" if value is not None else summary.reason or "a single value has no SD",
            )  # fmt: skip

    return cells


WORDS = {"median": "median", "q1": "lower quartile", "q3": "upper quartile", "mean": "mean", "sd": "SD"}
FUNCTIONS = {
    **dict.fromkeys(("median", "q1", "q3"), "numpy.quantile"),
    "mean": "numpy.mean",
    "sd": "numpy.std(ddof=1)",
}
CELLS = {
    "levels": level_cells,
    "median": value_cells(
        ("median", "q1", "q3"), ("median", "quartile", "quartile"), "median (IQR, quantiles of type {quantile})"
    ),
    "mean": value_cells(("mean", "sd"), ("mean", "sd"), "mean (SD)"),
}


def compared(
    study: Study, declared: Table, row: str, kind: str, base: Statistic, groups: list[np.ndarray]
) -> Iterator[Statistic]:
    """Yield the p value of the difference between groups, with its test, and the standardised mean difference."""
    variable = study.dictionary[row]
    if variable.type == "checkbox":
        return
    counts = np.array([tally(values, variable) for values in groups]) if variable.codes else np.empty((0, 0), dtype=int)
    samples = [numbers(values, variable) for values in groups]
    test = chosen_test(study, declared, row, kind, samples, counts)
    path = f"{base.context}.{row}"
    shared: dict[str, Any] = {
        "label": f"{variable.label}, difference between groups",
        "n": test.n,
        "method": test.method,
        "function": test.function,
    }
    yield dataclasses.replace(
        base, key=f"{path}.p", value=test.p, kind="p", name="p", error=test.reason if test.p is None else "",
        warning=test.reason if test.p is not None else "", **shared,
    )  # fmt: skip
    if declared.smd:
        ranked = variable.type in NUMBERS or kind != "levels"
        smd = comparisons.smd_continuous(*samples) if ranked else comparisons.smd_categorical(counts)
        yield dataclasses.replace(
            base, key=f"{path}.smd", value=smd.value, kind="smd", name="smd", n=test.n, error=smd.reason if smd.value is None else "",
            label=f"{variable.label}, standardised mean difference", method=smd.method, function=smd.function,
        )  # fmt: skip


def chosen_test(
    study: Study, declared: Table, row: str, kind: str, samples: list[np.ndarray], counts: np.ndarray
) -> comparisons.Test:
    """Return the test that the table names for a row, or the study's default for its type."""
    methods, variable = study.methods, study.dictionary[row]
    two = len(samples) == 2
    if row in declared.tests:
        name = declared.tests[row]
    elif variable.type in NUMBERS or variable.type == "ordinal" or kind != "levels":
        means = (methods.two_groups_mean, methods.more_groups_mean)
        medians = (methods.two_groups_median, methods.more_groups_median)
        name = (means if kind == "mean" else medians)[0 if two else 1]
    else:
        small = comparisons.any_expected_below(counts, 5)
        name = methods.small_expected if small else methods.categories
    return comparisons.TESTS[name](counts if name in comparisons.OF_COUNTS else samples)
