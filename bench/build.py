"""Measure `tieout build` of the example, cold, against its floor in the same run; and what --help and show cost."""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tieout import resources

TIEOUT = [sys.executable, "-c", "from tieout.cli import main; main()"]
IMPORTS = "import pandas, scipy.stats, statsmodels.api, matplotlib.figure"
FLOOR = f"""
{IMPORTS}
import pathlib, subprocess, sys, pypandoc, typst
folder, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
pandoc, text = pypandoc.get_pandoc_path(), folder / "floor.qmd"
lines = (folder / "manuscript.qmd").read_text().splitlines(keepends=True)
text.write_text("".join(line for line in lines if not line.startswith("keywords:")))  # pandoc's own template trips on them
common = [pandoc, str(text), "--from", "markdown", "--citeproc", "--resource-path", str(folder)]
runs = [
    [*common, "--to", "html", "--standalone", "--embed-resources", "--default-image-extension", "svg", "-o", str(out / "m.html")],
    [*common, "--to", "docx", "--default-image-extension", "png", "-o", str(out / "m.docx")],
    [*common, "--to", "typst", "--standalone", "--default-image-extension", "svg", "-o", str(folder / "floor.typ")],
]
for run in runs:
    subprocess.run(run, check=True, cwd=folder, capture_output=True)
(out / "m.pdf").write_bytes(typst.compile(str(folder / "floor.typ"), root=str(folder)))
"""


def seconds(command: list[str], cwd: Path) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, cwd=cwd, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    """Print medians and the ratio to the floor."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        study = str(resources.example() / "data" / "study.yaml")
        build = [*TIEOUT, "build", study, "--engine", "embedded"]
        subprocess.run(build, check=True, cwd=folder, capture_output=True)
        cases = {
            "tieout build, three formats": build,
            "floor: imports, pandoc and Typst on the same text": [sys.executable, "-c", FLOOR, str(folder / "build" / "manuscript"), str(folder)],
            "tieout show": [*TIEOUT, "show", "outcome.favourable.pct"],
            "tieout --help": [*TIEOUT, "--help"],
            "bare Python": [sys.executable, "-c", "pass"],
        }  # fmt: skip
        taken: dict[str, list[float]] = {case: [] for case in cases}
        for _ in range(runs):
            for case, command in cases.items():
                taken[case].append(seconds(command, folder))
    medians = {case: statistics.median(times) for case, times in taken.items()}
    for case, value in medians.items():
        print(f"{case:<52} {value:6.2f} s (median of {runs})")
    built, floor, *_ = medians.values()
    print(f"tieout build over its floor: {built / floor:.2f}")


if __name__ == "__main__":
    main()
