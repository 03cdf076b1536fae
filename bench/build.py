"""`tieout build` of the example, cold, against its floor and against Quarto; what small commands cost; the reading of a PDF.

The floor is a bare Python that imports the libraries and then makes the same pandoc and Typst runs of the same woven
texts, manuscript and supplement, one after the other: no data read, nothing computed, nothing drawn, nothing checked.
"""

from __future__ import annotations

import functools
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.measured import TIEOUT, Line, medians, over, seconds
from tieout import resources

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
PYTHON = [sys.executable, "-c", "pass"]
START_OF_AUDIT = [sys.executable, "-c", "import tieout.audit.report"]


def lines(quick: bool) -> Iterator[Line]:
    runs = 3 if quick else 7
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        study = str(resources.example() / "data" / "study.yaml")
        build = [*TIEOUT, "build", study, "--engine", "embedded"]
        subprocess.run(build, check=True, cwd=folder, capture_output=True)
        project = folder / "build"
        commands = {
            "build": build,
            "floor": [sys.executable, "-c", FLOOR, str(project), str(resources.templates())],
            "show": [*TIEOUT, "show", "outcome.favourable.pct"],
            "help": [*TIEOUT, "--help"],
            "audit": START_OF_AUDIT,
            "python": PYTHON,
        }
        taken = medians({case: functools.partial(seconds, command, folder) for case, command in commands.items()}, runs)
        built, bare = taken["build"], taken["python"]
        yield over(
            "`tieout build` of the example, manuscript and supplement in three formats, cold", "its floor", built, taken["floor"],
            most=1.5, note=f", medians of {runs}",
        )  # fmt: skip
        yield from by_quarto(folder, study, built)
        yield over("`tieout show`", "a bare Python", taken["show"], bare)
        yield over("`tieout --help`", "a bare Python", taken["help"], bare)
        start = taken["audit"]
        yield Line("Start of the audit, over a bare Python", f"{start / bare:.2f} ({start:.2f} s)", "under 0.5 s", start < 0.5)
        yield reading(project / "manuscript.pdf")


def by_quarto(folder: Path, study: str, built: float) -> Iterator[Line]:
    """Yield the same build by Quarto's hand, over Quarto's bare rendering of the woven project, where Quarto is installed."""
    if not shutil.which("quarto"):
        yield Line("`tieout build --engine quarto`, over a bare `quarto render`", "not measured: no `quarto` on the PATH")
        return
    ours = seconds([*TIEOUT, "build", study, "--engine", "quarto", "--out", "by-quarto"], folder)
    project = folder / "by-quarto"
    bare = sum(seconds(["quarto", "render", f"{name}.qmd"], project / name) for name in ("manuscript", "supplement"))
    yield over("`tieout build --engine quarto`", "a bare `quarto render` of what was woven", ours, bare)
    yield over("`tieout build` with the embedded engine", "the same `quarto render`", built, bare)


def reading(path: Path) -> Line:
    """Return how long the audit's reading of a PDF takes over pdfplumber's plain text of the same file."""
    import pdfplumber

    from tieout.audit.read import read

    def plain() -> float:
        start = time.perf_counter()
        with pdfplumber.open(path) as pdf:
            for page in pdf.pages:
                page.extract_text()
        return time.perf_counter() - start

    def ours() -> float:
        start = time.perf_counter()
        read(path)
        return time.perf_counter() - start

    taken = medians({"ours": ours, "plain": plain}, 3)
    return over("Reading the manuscript's PDF for an audit", "pdfplumber's plain text", taken["ours"], taken["plain"])
