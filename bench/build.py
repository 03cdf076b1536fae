"""Measure `tieout build` of the example, cold, against its floor in the same run; and what --help and show cost.

The floor is a bare Python that imports the libraries and then makes the same pandoc and Typst runs of the same woven
texts, manuscript and supplement, one after the other: no data read, nothing computed, nothing drawn, nothing checked.
"""

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
templates = sys.argv[2]
pandoc = [pypandoc.get_pandoc_path(), "--lua-filter", templates + "/tieout.lua", "--standalone"]
def run(text, *options):
    return subprocess.run([*pandoc, *options], input=text, check=True, cwd=folder, capture_output=True).stdout
cited = ["--citeproc", "--bibliography", "references.bib", "--csl", "bmj.csl"]
for name, options in (("manuscript", cited), ("supplement", [])):
    folder = pathlib.Path(sys.argv[1]) / name
    text = (folder / f"{{name}}.qmd").read_bytes()
    tree = run(text, "-f", "markdown", "-t", "json", *options, "--default-image-extension", "svg")
    page = run(tree, "-f", "json", "-t", "html", "--embed-resources", "--template", templates + "/template.html")
    (folder / "floor.html").write_bytes(page)
    docx = run(tree.replace(b".svg", b".png"), "-f", "json", "-t", "docx", "--reference-doc", templates + "/reference.docx")
    (folder / "floor.docx").write_bytes(docx)
    source = run(tree, "-f", "json", "-t", "typst-citations", "--template", templates + "/embedded.typ")
    (folder / "floor.typ").write_bytes(source)
    (folder / "floor.pdf").write_bytes(typst.compile(str(folder / "floor.typ"), root=str(folder)))
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
        project = str(folder / "build")
        cases = {
            "tieout build, three formats": build,
            "floor: imports, pandoc and Typst on the same text": [
                sys.executable,
                "-c",
                FLOOR,
                project,
                str(resources.templates()),
            ],
            "tieout show": [*TIEOUT, "show", "outcome.favourable.pct"],
            "tieout --help": [*TIEOUT, "--help"],
            "bare Python": [sys.executable, "-c", "pass"],
        }
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
