"""`tieout check` of a large SYNTHETIC registry, cold, beside the reading of the same file by pandas."""

from __future__ import annotations

import functools
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.measured import TIEOUT, Line, grows, medians, seconds

READ = [sys.executable, "-c", "import pandas, sys; pandas.read_csv(sys.argv[1], dtype=str, keep_default_na=False)"]
ROOT = Path(__file__).parents[1]


def measured(rows: int, runs: int) -> dict[str, float]:
    """Return the medians of a check and of pandas' reading, for a registry of so many rows."""
    with tempfile.TemporaryDirectory() as name:
        make = [sys.executable, "-m", "bench.make_sites", name, "--rows", str(rows), "--format", "csv"]
        subprocess.run(make, check=True, capture_output=True, cwd=ROOT)
        check = [*TIEOUT, "check", f"{name}/study.yaml", "--out", f"{name}/out"]
        commands = {"check": check, "pandas": [*READ, f"{name}/registry.csv"]}
        cases = {case: functools.partial(seconds, command, codes=(0, 1)) for case, command in commands.items()}
        return medians(cases, runs)


def lines(quick: bool) -> Iterator[Line]:
    rows, runs = (100_000, 1) if quick else (1_000_000, 3)
    taken, fewer = measured(rows, runs), measured(rows // 4, runs)
    check, read = taken["check"], taken["pandas"]
    told = f"{check:.1f} s; {check / read:.2f} times what pandas takes to read the file (medians of {runs})"
    what = f"`tieout check`, {rows:,} patients × 100 columns of CSV at 500 sites, cold"
    yield Line(what, told, "under 30 s", check < 30)
    yield from grows("`tieout check`", "patients", {rows // 4: fewer["check"], rows: check})
