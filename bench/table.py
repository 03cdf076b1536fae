"""The direct table of characteristics against tableone on the same frame: time, memory, equal cells."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from bench.measured import Line, grows, under
from tieout.analysis import describe, double
from tieout.registry import Records, Registry
from tieout.results import Results
from tieout.study import Data, Group, Study, Table, Variable

ROOT = Path(__file__).parents[1]
NUMERIC, LEVELLED = 20, 20


def registry(rows: int) -> Registry:
    """Return a random registry: 20 numeric and 20 levelled variables, two groups, 2% missing."""
    rng = np.random.default_rng(20260101)
    data: dict[str, object] = {}
    variables: dict[str, Variable] = {}
    for i in range(NUMERIC):
        values = rng.normal(60, 12, rows).round(i % 3)
        values[rng.random(rows) < 0.02] = np.nan
        data[f"x{i}"], variables[f"x{i}"] = values, Variable(label=f"Number {i}", type="decimal")
    for i in range(LEVELLED):
        k = 2 + i % 5
        codes = rng.integers(0, k, rows).astype(np.int8)
        codes[rng.random(rows) < 0.02] = -1
        levels = {str(level): f"Level {level}" for level in range(k)}
        data[f"c{i}"] = pd.Categorical.from_codes(codes, categories=list(levels))
        variables[f"c{i}"] = Variable(label=f"Category {i}", type="category", levels=levels)
    data["arm"] = pd.Categorical.from_codes(rng.integers(0, 2, rows).astype(np.int8), categories=["0", "1"])
    variables["arm"] = Variable(label="Arm", type="yesno")
    study = Study(
        name="bench", title="Bench", data=Data(file="none", cut=date(2024, 1, 1)), documents={"manuscript": "none.qmd"},
        variables=variables, groups={"arm": Group(variable="arm", levels={"treated": "1", "control": "0"})},
        tables={"baseline": Table(by="arm", rows={"": tuple(name for name in variables if name != "arm")})},
    )  # fmt: skip
    return Registry(study, Records(pd.DataFrame(data), {}), None, "")


def measure(what: str, rows: int) -> dict[str, float]:
    """Return what one program took, in a process of its own: seconds, or bytes at the peak beyond the frame."""
    found = registry(rows)
    results = Results.of(describe.table(found, "baseline"), {"snapshot": ""}) if what == "tableone" else None
    if what == "memory":
        tracemalloc.start()
    start = time.perf_counter()
    if results is None:
        list(describe.table(found, "baseline"))
        peak = tracemalloc.get_traced_memory()[1] if what == "memory" else 0
        size = float(found.frame.memory_usage(deep=True).sum())
        return {"seconds": time.perf_counter() - start, "frame": size, "peak": peak}
    cells, alone = double.by_tableone(found, found.study.tables["baseline"], "table.baseline")
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "cells": double.compare(results, double.Second(cells, (), "")), "alone": len(alone)}


def alone(what: str, rows: int) -> dict[str, float]:
    """Return the same, measured in a process of its own."""
    command = [sys.executable, "-m", "bench.table", what, str(rows)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


def lines(quick: bool) -> Iterator[Line]:
    rows, runs = (100_000, 1) if quick else (1_000_000, 3)
    direct = [alone("direct", rows) for _ in range(runs)]
    peers = [alone("tableone", rows) for _ in range(runs)]
    mine, its = (statistics.median(each["seconds"] for each in found) for found in (direct, peers))
    size = f"Direct table of characteristics, {rows:,} rows × {NUMERIC + LEVELLED} variables, two groups"
    cells = f", medians of {runs}, {peers[0]['cells']:.0f} cells equal"
    yield under(size, "tableone", mine, its, least=30, note=cells)
    memory = alone("memory", rows)
    peak = (memory["frame"] + memory["peak"]) / memory["frame"]
    yield Line("Its peak of memory, the frame included, over the frame", f"{peak:.2f}", "at most 3", peak <= 3)
    small = statistics.median(alone("direct", rows // 10)["seconds"] for _ in range(runs))
    yield from grows("The direct table", "rows", {rows // 10: small, rows: mine})


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], int(sys.argv[2]))))
