"""Survival of a study: patients free of an event at given times, the median time to it, and the log-rank test."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from tieout.analysis import kaplan_meier
from tieout.analysis.describe import ALL, Column, columns
from tieout.analysis.intervals import Estimate
from tieout.registry import Registry, mask
from tieout.results import Statistic
from tieout.study import Survival


def survival(registry: Registry, name: str) -> Iterator[Statistic]:
    """Yield the Statistics of one declared survival: of everybody, and by group where it is declared, with the log-rank p.

    Keys: survival.NAME.n, events, missing; survival.NAME.TIME.pct, low, high, at_risk; survival.NAME.median.estimate, low,
    high; each again as survival.NAME.GROUP.…; survival.NAME.p.
    """
    declared = registry.study.survival[name]
    path = f"survival.{name}"
    everybody = Column(ALL, "All patients", mask(registry.frame, declared.where), declared.where)
    yield from followed(registry, path, declared, everybody)
    if declared.by:
        group = registry.study.groups[declared.by]
        found = columns(registry, group, declared.where)[1:]
        for column in found:
            yield from followed(registry, f"{path}.{column.name}", declared, column)
        yield compared(registry, path, declared, found, group.variable)


def known(registry: Registry, declared: Survival, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return who among `rows` has time and event known (a mask of all patients), and everybody's times and events."""
    frame = registry.frame
    complete = rows & mask(frame, {declared.time: None, declared.event: None})
    return complete, frame[declared.time].to_numpy(dtype=float), (frame[declared.event] == "1").to_numpy()


def followed(registry: Registry, path: str, declared: Survival, column: Column) -> Iterator[Statistic]:
    """Yield the counts, the survival at each time and the median of one group."""
    dictionary, level = registry.study.dictionary, registry.study.methods.level
    complete, time, event = known(registry, declared, column.rows)
    curve = kaplan_meier.curve(time[complete], event[complete], level)
    n, total = int(complete.sum()), int(column.rows.sum())
    within = {**column.rule, declared.time: None, declared.event: None}
    among = declared.among if column.name == ALL else f"{declared.among}, {column.label}"
    base = Statistic(
        "", 0, "count", declared.label, n=n, total=n, among=f"{among}, with time and event known", counted=within,
        within=within, context="survival", variable=declared.event, variable_label=declared.label, group=column.name,
        group_label=column.label,
    )  # fmt: skip
    yield dataclasses.replace(base, key=f"{path}.n", value=n, name="n", total=total, within=column.rule)
    yield dataclasses.replace(
        base, key=f"{path}.events", value=curve.events, n=curve.events, name="events", label=f"{declared.label}: events",
        counted={**within, declared.event: ("1",)},
    )  # fmt: skip
    yield dataclasses.replace(
        base, key=f"{path}.missing", value=total - n, n=total - n, total=total, within=column.rule, name="missing",
        label=f"{declared.label}: time or event not known", counted=column.rule,
    )  # fmt: skip
    unit = dictionary[declared.time].unit
    for when in declared.at:
        told = f"{declared.label}: free of it at {when:g} {unit}".rstrip()
        at = dataclasses.replace(base, label=told, level=f"{when:g}", level_label=f"{when:g} {unit}".rstrip())
        yield from at_time(f"{path}.{when:g}", at, kaplan_meier.survival_at(curve, when), kaplan_meier.at_risk(curve, when))
    time_of = dictionary[declared.time]
    decimals = time_of.decimals if time_of.decimals is not None else 0 if time_of.type == "integer" else 1
    shown = dataclasses.replace(base, kind="survival_time", unit=unit, label=f"{declared.label}: median time to it")
    for side, value, reason in parts(kaplan_meier.median(curve)):
        yield dataclasses.replace(
            shown, key=f"{path}.median.{side}", value=value, name=side, error=reason,
            decimals=decimals, method=kaplan_meier.median(curve).method, function=kaplan_meier.FUNCTION,
        )  # fmt: skip


def parts(found: Estimate) -> Iterator[tuple[str, float | None, str]]:
    """Yield estimate and limits by their names, each with the reason where it does not exist."""
    for side, attribute in (("estimate", "value"), ("low", "low"), ("high", "high")):
        value = getattr(found, attribute)
        yield side, value, (found.reason or "not estimable") if value is None else ""


def at_time(path: str, base: Statistic, found: Estimate, at_risk: int) -> Iterator[Statistic]:
    """Yield the percentage free of the event at a time, its limits, and how many were at risk then."""
    kinds = {"estimate": ("pct", "survival"), "low": ("low", "percent_limit"), "high": ("high", "percent_limit")}
    for side, value, reason in parts(found):
        name, kind = kinds[side]
        yield dataclasses.replace(
            base, key=f"{path}.{name}", value=None if value is None else 100 * value, kind=kind, name=name, error=reason,
            method=found.method, function=found.function, n=base.n if kind == "survival" else None,
        )  # fmt: skip
    yield dataclasses.replace(
        base, key=f"{path}.at_risk", value=at_risk, n=at_risk, name="at_risk", label=f"{base.label}: at risk",
        counted=base.within, function="numpy.sum",
    )  # fmt: skip


def compared(
    registry: Registry, path: str, declared: Survival, groups: list[Column], variable: str
) -> Statistic:
    """Return the p value of the log-rank test between the groups."""
    masks = []
    for column in groups:
        complete, time, event = known(registry, declared, column.rows)
        masks.append(complete)
    test = kaplan_meier.log_rank(time, event, masks)
    rule = {**declared.where, declared.time: None, declared.event: None, variable: None}
    return Statistic(
        f"{path}.p", test.p, "p", f"{declared.label}, {' v '.join(column.label for column in groups)}", n=test.n, total=test.n,
        among=f"{declared.among}, with time, event and group known", counted=rule, within=rule, method=test.method,
        function=test.function, error=test.reason if test.p is None else "", context="survival", variable=declared.event,
        variable_label=declared.label, name="p",
    )  # fmt: skip
