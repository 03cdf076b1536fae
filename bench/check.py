"""Measure `tieout check` of a large registry, cold, beside the reading of the same file by pandas, in the same run.

The registry is made by make_sites.py: SYNTHETIC, 100 columns, 500 sites.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
CHECK = [sys.executable, "-c", "from tieout.cli import main; main()", "check"]
READ = [sys.executable, "-c", "import pandas, sys; pandas.read_csv(sys.argv[1], dtype=str, keep_default_na=False)"]


def seconds(command: list[str]) -> float:
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True)
    assert done.returncode in (0, 1), done.stderr.decode()
    return time.perf_counter() - start


def main() -> None:
    """Print medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        make = [sys.executable, str(HERE / "make_sites.py"), name, "--rows", str(asked.rows), "--format", "csv"]
        subprocess.run(make, check=True, capture_output=True)
        check = [*CHECK, f"{name}/study.yaml", "--out", f"{name}/out"]
        cases = {"tieout check": check, "pandas reads the file": [*READ, f"{name}/registry.csv"]}
        times = {case: statistics.median(seconds(command) for _ in range(asked.runs)) for case, command in cases.items()}
    for case, value in times.items():
        print(f"{case:<24} {value:6.1f} s")
    print(f"ratio                    {times['tieout check'] / times['pandas reads the file']:6.2f}")


if __name__ == "__main__":
    main()
