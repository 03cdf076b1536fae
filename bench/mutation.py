"""Print the mutation score: `python -m bench.mutation [--workers N]`, about an hour and a half on two cores.

mutmut changes the code of display, disclosure, audit rules and statistics in one place at a time and runs the tests that reach
it; a change that no test notices survives. What is changed, and by which tests it is judged, stands in pyproject.toml. A run
that was stopped goes on where it was; remove the folder `mutants` to begin anew.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
AREAS = {"display": "display", "disclosure": "disclose", "audit rules": "audit.", "statistics": "analysis."}
"""The areas by how the names of their modules begin."""
FOUND = ("killed", "timeout", "segfault", "suspicious", "caught by type check")
ASKED = 85


def results() -> dict[str, Counter[str]]:
    """Return for each area how many mutants ended how."""
    command = [sys.executable, "-m", "mutmut", "results", "--all", "true"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    ended = {area: Counter[str]() for area in AREAS}
    for module, how in re.findall(r"^\s*tieout\.(\S+?)\.\w+?__mutmut_\d+: (.+)$", told.stdout, re.MULTILINE):
        area = next(area for area, start in AREAS.items() if f"{module}.".startswith(start))
        ended[area][how.strip()] += 1
    return ended


def row(area: str, ended: Counter[str]) -> str:
    """Return a line of the table; mutants that were not judged count as survivors."""
    total, found = ended.total(), sum(ended[how] for how in FOUND)
    share = 100 * found / total if total else 0
    return f"| {area} | {total:,} | {found:,} | {total - found:,} | {share:.1f}% | {'yes' if share >= ASKED else '**no**'} |"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.mutation", description=__doc__)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", str(parser.parse_args().workers)]
    subprocess.run(command, cwd=ROOT, stdout=sys.stderr, check=False)
    ended = results()
    print(f"| Area | Mutants | Found | Survived | Score | At least {ASKED}% |\n|---|---|---|---|---|---|")
    for area, counted in ended.items():
        print(row(area, counted))
    print(row("all", sum(ended.values(), Counter())))


if __name__ == "__main__":
    main()
