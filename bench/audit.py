"""Measure the audit on text beside statcheck and manuscript-guard: pages a second, and what each of them reads.

The other two are programs of others with needs of their own: name the Python of an environment that has them,
`python bench/audit.py --others OTHER/bin/python` (pip install statcheck "pandas<3" manuscript-guard). Without it the
audit is measured alone. A page is 3,000 characters.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

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
found, p_values = statcheck([text], messages=False)
print(time.perf_counter() - start, 0 if found is None else len(found))
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


def statcheck(python: Path, path: Path) -> tuple[float, int]:
    done = subprocess.run([python, "-c", STATCHECK, path], capture_output=True, text=True, check=True)
    seconds, found = done.stdout.split()[-2:]
    return float(seconds), int(found)


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=100)
    parser.add_argument("--others", type=Path, help="the python of an environment with statcheck and manuscript-guard")
    given = parser.parse_args()
    text = manuscript(given.pages)
    ours(manuscript(1))
    seconds, figures = ours(text)
    print(f"tieout            {given.pages / seconds:7.1f} pages a second, {figures} figures typed and judged")
    if given.others is None:
        print("statcheck and manuscript-guard: not measured, name their Python with --others", file=sys.stderr)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "paper.md"
        path.write_text(text, encoding="utf-8")
        other, found = statcheck(given.others, path)
        print(f"statcheck         {given.pages / other:7.1f} pages a second, {found} tests read; time {other / seconds:.2f} of ours")
        other = guard(given.others, path)
        print(f"manuscript-guard  {given.pages / other:7.1f} pages a second; time {other / seconds:.2f} of ours")


if __name__ == "__main__":
    main()
