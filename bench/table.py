"""Measure the direct table of characteristics against tableone on the same frame: time, memory, equal cells."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
import tracemalloc
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from tieout.analysis import describe, double
from tieout.registry import Records, Registry
from tieout.results import Results
from tieout.study import Data, Group, Study, Table, Variable

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
        tables={"baseline": Table(by="arm", rows=[name for name in variables if name != "arm"])},
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


def main() -> None:
    """Print seconds, ratio and memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--one", choices=["direct", "memory", "tableone"])
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.one, options.rows)))
        return
    found = {}
    for what in ("direct", "memory", "tableone"):
        command = [sys.executable, str(Path(__file__)), "--one", what, "--rows", str(options.rows)]
        found[what] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    direct, peer = found["direct"], found["tableone"]
    print(f"{options.rows:,} rows x {NUMERIC + LEVELLED} variables, two groups")
    print(f"direct    {direct['seconds']:8.2f} s")
    print(f"tableone  {peer['seconds']:8.2f} s   {peer['seconds'] / direct['seconds']:.1f} x the direct program")
    print(f"cells that agree: {peer['cells']:.0f}; rows that tableone could not make: {peer['alone']:.0f}")
    frame, taken = found["memory"]["frame"], found["memory"]["peak"]
    print(f"frame {frame / 1e6:.0f} MB; the direct program took {taken / 1e6:.0f} MB more at its peak: "
          f"{(frame + taken) / frame:.2f} x the frame with the frame itself")  # fmt: skip


if __name__ == "__main__":
    main()
