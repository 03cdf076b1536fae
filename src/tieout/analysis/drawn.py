"""What pictures draw that no single figure tells: survival curves as steps, and which values are missing together."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tieout.analysis import kaplan_meier
from tieout.analysis.describe import ALL, Column, columns
from tieout.analysis.survival import known
from tieout.registry import Registry, mask

MOST_STEPS = 400
"""Steps of a curve that a picture can show; of more, those at as many even times are taken."""


def drawn(registry: Registry) -> dict[str, Any]:
    """Return what the declared figures need: `curves` by survival and group, `patterns` of missing values by table."""
    figures = registry.study.figures.values()
    curves = {str(f.of): curves_of(registry, str(f.of)) for f in figures if f.kind == "kaplan_meier"}
    patterns = {str(f.of): patterns_of(registry, str(f.of)) for f in figures if f.kind == "missing"}
    return ({"curves": curves} if curves else {}) | ({"patterns": patterns} if patterns else {})


def curves_of(registry: Registry, name: str) -> dict[str, dict[str, Any]]:
    """Return for each group (or all patients) the steps of its curve: time, percentage free of the event, and its limits.

    The curve ends at `end`, the last time that anybody was followed. Nothing is told of single patients who were censored.
    """
    declared = registry.study.survival[name]
    groups = (
        columns(registry, registry.study.groups[declared.by], declared.where)[1:]
        if declared.by
        else [Column(ALL, "All patients", mask(registry.frame, declared.where), declared.where)]
    )
    made = {}
    for column in groups:
        complete, time, event = known(registry, declared, column.rows)
        curve = kaplan_meier.curve(time[complete], event[complete], registry.study.methods.level)
        steps = np.column_stack([curve.moments, 100 * curve.survival, 100 * curve.low, 100 * curve.high])
        end = float(curve.time.max()) if len(curve.time) else 0.0
        made[column.name] = {"label": column.label, "end": end, "steps": [as_row(step) for step in thinned(steps)]}
    return made


def as_row(step: NDArray[np.float64]) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in step]


def thinned(steps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the steps (n x 4) themselves, or of very many the last before each of MOST_STEPS even times."""
    if len(steps) <= MOST_STEPS:
        return steps
    times = np.linspace(steps[0, 0], steps[-1, 0], MOST_STEPS)
    return steps[np.unique(np.searchsorted(steps[:, 0], times, side="right") - 1)]


def patterns_of(registry: Registry, name: str) -> list[dict[str, Any]]:
    """Return which variables of a table are missing together, and in how many of its patients, the most frequent first."""
    study, declared = registry.study, registry.study.tables[name]
    rows = columns(registry, study.groups[declared.by], declared.where)[0].rows
    names = [v for section in declared.rows.values() for v in section if study.dictionary[v].type != "checkbox"]
    records = registry.records
    absent = np.column_stack([
        (records.frame[v].isna().to_numpy() & ~np.asarray(records.not_applicable.get(v, False)))[rows] for v in names
    ])  # fmt: skip
    rows_of, counts = np.unique(absent, axis=0, return_counts=True)
    found = [([v for v, gone in zip(names, row, strict=True) if gone], int(n)) for row, n in zip(rows_of, counts, strict=True)]
    return [{"missing": gone, "n": n} for gone, n in sorted(found, key=lambda each: (-each[1], len(each[0]), each[0]))]
