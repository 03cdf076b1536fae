"""The audit on text beside statcheck (the Python port) and manuscript-guard. A page is 3,000 characters."""

from __future__ import annotations

import contextlib
import json
import statistics
import subprocess
import tempfile
import time
import venv
from collections.abc import Iterator
from pathlib import Path

from bench.measured import Line, grows
from tieout.audit.extract import extract
from tieout.audit.read import read_text
from tieout.audit.rules import judge

PAGE = 3000
PARAGRAPHS = (
    "Of {n} patients, {a} (66.7%) had a favourable outcome and {b} died; the median age was 67 years (IQR 59–75). ",
    "In the adjusted model, a patent stent was associated with the outcome (OR 5.72; 95% CI 1.45 to 22.6; p=0.013). ",
    "The groups were alike in blood pressure (mean 142.1 (SD 18.2) v 139.8 (SD 17.4) mm Hg; t(76) = 1.20, p = 0.23). ",
    "We enrolled consecutive adults at 13 hospitals from 2017 to 2020 and followed them for 3 months, as told in Table 2. ",
)
STATCHECK = """
import sys, time, warnings; warnings.simplefilter("ignore")
from statcheck.st import statcheck
text = open(sys.argv[1], encoding="utf-8").read()
start = time.perf_counter()
statcheck([text], messages=False)
print(time.perf_counter() - start)
"""


def manuscript(pages: int) -> str:
    """Return running text with a figure in nearly every line."""
    paragraphs, length, i = [], 0, 0
    while length < PAGE * pages:
        paragraph = "".join(p.format(n=78 + 3 * i % 900, a=52 + 2 * i % 600, b=3 + i % 40) for p in PARAGRAPHS * 2)
        paragraphs.append(paragraph)
        length, i = length + len(paragraph), i + 1
    return "\n\n".join(paragraphs)


def ours(text: str) -> tuple[float, int]:
    start = time.perf_counter()
    figures = extract(read_text(text, "txt", "bench"))
    judge(figures)
    return time.perf_counter() - start, sum(figure.kind != "conventional" for figure in figures)


def statcheck(python: Path, path: Path) -> float:
    done = subprocess.run([python, "-c", STATCHECK, path], capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def guard(python: Path, path: Path) -> float:
    """Return the seconds of a whole run of manuscript-guard, less those of a run on an empty text."""
    results = path.with_name("results.json")
    results.write_text(json.dumps({"a": 66.7, "or": 5.72}))
    empty = path.with_name("empty.md")
    empty.write_text("Nothing.\n")
    seconds = []
    for paper in (empty, path):
        start = time.perf_counter()
        subprocess.run([python.with_name("mguard"), "audit", paper, "--against", results], capture_output=True, check=False)
        seconds.append(time.perf_counter() - start)
    return seconds[1] - seconds[0]


@contextlib.contextmanager
def others() -> Iterator[Path | None]:
    """Give the Python of an environment with statcheck and manuscript-guard, made for this run; None where it cannot be made.

    Both want other versions of libraries than Tieout does.
    """
    with tempfile.TemporaryDirectory() as name:
        venv.create(name, with_pip=True)
        python = Path(name) / "bin" / "python"
        wanted = ["statcheck", "pandas<3", "manuscript-guard"]
        made = subprocess.run([python, "-m", "pip", "install", "-q", *wanted], capture_output=True, check=False)
        yield python if made.returncode == 0 else None


def lines(quick: bool) -> Iterator[Line]:
    pages, runs = (20, 1) if quick else (100, 3)
    ours(manuscript(1))
    text = manuscript(pages)
    taken = statistics.median(ours(text)[0] for _ in range(runs))
    figures = ours(text)[1] / pages
    speed = f"{pages / taken:.0f} pages a second"
    what = f"The audit on text, {pages} pages of {PAGE:,} characters with {figures:.0f} figures each"
    yield Line(what, speed, "at least 50", pages / taken >= 50)
    few = statistics.median(ours(manuscript(pages // 4))[0] for _ in range(runs))
    yield from grows("The audit on text", "pages", {pages // 4: few, pages: taken})
    with tempfile.TemporaryDirectory() as folder, others() as python:
        path = Path(folder) / "paper.md"
        path.write_text(text, encoding="utf-8")
        for name, run in (("statcheck", statcheck), ("manuscript-guard", guard)):
            title = f"The audit on the same text, against {name}"
            if python is None:
                yield Line(title, f"not measured: pip cannot install {name} here")
                continue
            other = statistics.median(run(python, path) for _ in range(runs))
            yield Line(title, f"{other / taken:.2f} times as fast ({pages / other:.0f} pages a second)")
