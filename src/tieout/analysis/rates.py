"""Rates of events in person-time, overall and by group, with exact intervals, and the ratio of two of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from tieout.analysis import fits, person_time
from tieout.analysis.describe import ALL, Column, columns
from tieout.registry import Registry, mask
from tieout.results import Statistic
from tieout.study import LEVELLED, Rate


def rates(registry: Registry, name: str) -> Iterator[Statistic]:
    """Yield the Statistics of one declared rate: events, person-time, rate and interval; by group where it is declared.

    Keys: rates.NAME.n, events, time, missing, estimate, low, high; each again as rates.NAME.GROUP.…; of two groups
    rates.NAME.rate_ratio.estimate, low, high and rates.NAME.p.
    """
    declared = registry.study.rates[name]
    path = f"rates.{name}"
    everybody = Column(ALL, "All patients", mask(registry.frame, declared.where), declared.where)
    yield from rate(registry, path, declared, everybody)
    if declared.by:
        group = registry.study.groups[declared.by]
        found = columns(registry, group, declared.where)[1:]
        for column in found:
            yield from rate(registry, f"{path}.{column.name}", declared, column)
        if len(found) == 2:
            yield from compared(registry, path, declared, found, group.variable)


def observed(registry: Registry, declared: Rate, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, str]:
    """Return events and exposure of those among `rows` with both known, and what is wrong with them, if anything."""
    frame = registry.frame[rows & mask(registry.frame, {declared.events: None, declared.exposure: None})]
    levelled = registry.study.dictionary[declared.events].type in LEVELLED
    events = (frame[declared.events] == "1" if levelled else frame[declared.events]).to_numpy(dtype=float)
    time = frame[declared.exposure].to_numpy(dtype=float)
    wrong = {"the exposure is below 0": time < 0, "there are events below 0": events < 0,
             "there are events without exposure": (time == 0) & (events > 0)}  # fmt: skip
    reason = next((f"{words} in {int(rows.sum())} patients" for words, rows in wrong.items() if rows.any()), "")
    return events, time, reason


def rate(registry: Registry, path: str, declared: Rate, column: Column) -> Iterator[Statistic]:
    """Yield patients, events, person-time and the rate of one group, with a warning where events cluster in patients."""
    events, time, reason = observed(registry, declared, column.rows)
    within = {**column.rule, declared.events: None, declared.exposure: None}
    among = declared.among if column.name == ALL else f"{declared.among}, {column.label}"
    total = int(column.rows.sum())
    base = Statistic(
        "", 0, "count", declared.label, n=len(events), total=len(events), among=f"{among}, with events and time known",
        counted=within, within=within, context="rate", variable=declared.events, variable_label=declared.label,
        group=column.name, group_label=column.label,
    )  # fmt: skip
    yield dataclasses.replace(base, key=f"{path}.n", value=len(events), name="n", total=total, within=column.rule)
    yield dataclasses.replace(
        base, key=f"{path}.missing", value=total - len(events), n=total - len(events), total=total, name="missing",
        label=f"{declared.label}: events or time not known", counted=column.rule, within=column.rule,
    )  # fmt: skip
    x, t = int(events.sum()), float(time.sum())
    yield dataclasses.replace(
        base, key=f"{path}.events", value=None if reason else x, name="events", label=f"{declared.label}: events",
        function="numpy.sum", error=reason,
    )  # fmt: skip
    yield dataclasses.replace(
        base, key=f"{path}.time", value=None if reason else t, name="time", kind="person_time", unit=declared.unit,
        label=f"{declared.label}: {declared.unit} observed", function="numpy.sum", error=reason,
    )  # fmt: skip
    found = person_time.rate(0 if reason else x, 0.0 if reason else t, registry.study.methods.level)
    for side, attribute in (("estimate", "value"), ("low", "low"), ("high", "high")):
        value = getattr(found, attribute)
        yield dataclasses.replace(
            base, key=f"{path}.{side}", value=None if value is None else declared.per * value, name=side,
            kind="rate" if side == "estimate" else "rate_limit", unit=per(declared), method=found.method,
            function=found.function, warning=clustering(events, time, reason),
            error=(reason or found.reason) if value is None else "",
        )  # fmt: skip


def per(declared: Rate) -> str:
    """Return what a rate is per: per 100 patient-years."""
    return f"per {declared.per:g} {declared.unit}" if declared.per != 1 else f"per {declared.unit.removesuffix('s')}"


def clustering(events: np.ndarray, time: np.ndarray, reason: str) -> str:
    """Return what to mind where events cluster in some patients more than Poisson events do, or an empty string."""
    found = None if reason else person_time.dispersion(events[time > 0], time[time > 0])
    if found is None or found < fits.DISPERSED:
        return ""
    return "events cluster in some patients: the interval is too narrow; a negative binomial model allows for it"


def compared(registry: Registry, path: str, declared: Rate, pair: list[Column], variable: str) -> Iterator[Statistic]:
    """Yield the ratio of the first group's rate to the second's, its exact limits and p."""
    (x1, t1, wrong1), (x2, t2, wrong2) = (observed(registry, declared, column.rows) for column in pair)
    reason = wrong1 or wrong2
    sums = (0, 0.0, 0, 0.0) if reason else (int(x1.sum()), float(t1.sum()), int(x2.sum()), float(t2.sum()))
    found = person_time.rate_ratio(*sums, registry.study.methods.level)
    rule = {**declared.where, declared.events: None, declared.exposure: None, variable: None}
    warning = clustering(x1, t1, reason) or clustering(x2, t2, reason)
    kinds = {"value": ("rate_ratio.estimate", "rate_ratio"), "low": ("rate_ratio.low", "ratio_limit"),
             "high": ("rate_ratio.high", "ratio_limit"), "p": ("p", "p")}  # fmt: skip
    for attribute, (key, kind) in kinds.items():
        value = getattr(found, attribute)
        yield Statistic(
            f"{path}.{key}", value, kind, f"{declared.label}, rate ratio, {pair[0].label} v {pair[1].label}",
            n=len(x1) + len(x2), total=len(x1) + len(x2), among=f"{declared.among}, with events, time and group known",
            counted=rule, within=rule, method=found.method, function=found.function, context="rate",
            variable=declared.events, variable_label=declared.label, name=key.rpartition(".")[2], warning=warning,
            error=(reason or found.reason or "not estimable") if value is None else "",
        )  # fmt: skip
