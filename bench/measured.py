"""One measured line of the table, and the clock that gives it."""

from __future__ import annotations

import itertools
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

TIEOUT = [sys.executable, "-c", "from tieout.cli import main; main()"]


@dataclass(frozen=True)
class Line:
    """What was measured; `value` in words; `asked`, and whether it `holds` (None where nothing is asked)."""

    what: str
    value: str
    asked: str = "–"
    holds: bool | None = None

    @property
    def row(self) -> str:
        told = {None: "", True: "yes", False: "**no**"}[self.holds]
        return f"| {self.what} | {self.value} | {self.asked} | {told} |"


HEAD = "| What | Measured | Asked | Holds |\n|---|---|---|---|"


def over(what: str, peer: str, mine: float, its: float, *, most: float = math.inf, note: str = "") -> Line:
    """Return a line with a ratio to a floor that may not be larger than `most`."""
    value = f"{mine / its:.2f} ({mine:.2f} s against {its:.2f} s{note})"
    asked = "–" if most == math.inf else f"at most {most:g}"
    return Line(f"{what}, over {peer}", value, asked, None if most == math.inf else mine / its <= most)


def under(what: str, peer: str, mine: float, its: float, *, least: float = 0.0, note: str = "") -> Line:
    """Return a line with how many times longer a peer takes, at least `least` times."""
    value = f"{its / mine:.2f} times as fast ({mine:.2f} s against {its:.2f} s{note})"
    asked = f"at least {least:g} times" if least else "–"
    return Line(f"{what}, against {peer}", value, asked, its / mine >= least if least else None)


def grows(what: str, unit: str, seconds: Mapping[int, float], *, most: float = math.inf) -> list[Line]:
    """Return a line with the exponent of growth for each step between two sizes."""
    sizes = sorted(seconds)
    lines = []
    for small, large in itertools.pairwise(sizes):
        exponent = math.log(seconds[large] / seconds[small]) / math.log(large / small)
        told = f"exponent {exponent:.2f} ({seconds[small]:.2f} s, {seconds[large]:.2f} s)"
        asked = "–" if most == math.inf else f"at most {most:g}"
        lines.append(
            Line(f"{what}, {small:,} to {large:,} {unit}", told, asked, None if most == math.inf else exponent <= most)
        )
    return lines


def seconds(command: Sequence[str | Path], cwd: Path | None = None, codes: tuple[int, ...] = (0,)) -> float:
    """Return how long a command takes; raise SystemExit with what it said where it fails."""
    start = time.perf_counter()
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    taken = time.perf_counter() - start
    if done.returncode not in codes:
        raise SystemExit(f"{' '.join(map(str, command))[:200]}: {done.stderr[-500:]}")
    return taken


def medians(cases: Mapping[str, Callable[[], float]], runs: int) -> dict[str, float]:
    """Return the median of several runs of each case, the cases taking turns."""
    taken: dict[str, list[float]] = {case: [] for case in cases}
    for _ in range(runs):
        for case, run in cases.items():
            taken[case].append(run())
    return {case: statistics.median(times) for case, times in taken.items()}
