"""The engine for those who have Quarto: the same project, the same look, also documents with code."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from tieout.errors import TieoutError
from tieout.render import tree as trees
from tieout.render import word
from tieout.render.document import CARRIED_AS, Carried, Document

# What makes a folder open with Quarto alone, in the look of the embedded engine, with nothing fetched.
PROJECT = """\
project:
  type: default
crossref:
  title-delim: "."
link-citations: true
format:
  html:
    theme: none
    minimal: true
    css: style.css
    template-partials: [title-block.html]
    embed-resources: true
    html-math-method: mathml
    default-image-extension: svg
    highlight-style: none
    filters: [{at: post-render, path: report.lua}]
  typst:
    papersize: a4
    template-partials: [typst-template.typ, typst-show.typ]
    citeproc: true
    default-image-extension: svg
    filters: [quarto, report.lua]
  docx:
    reference-doc: reference.docx
    default-image-extension: png
    filters: [quarto, report.lua, controls.lua]
"""
TARGETS = {"pdf": "typst", "html": "html", "docx": "docx"}
ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


def makers(
    document: Document, tree: trees.Node, formats: tuple[str, ...], out: Path, created: datetime, carried: Carried
) -> dict[str, Callable[[], None]]:
    """Return for each format what writes `out`/name.format; each works on its own copy of the project.

    Raises TieoutError for pictures that are missing or remote.
    """
    for name in formats:
        trees.with_pictures(document, tree, name, lambda source, path: source)
    return {name: functools.partial(make, document, tree, name, out, created, carried) for name in formats}


def make(document: Document, tree: trees.Node, name: str, out: Path, created: datetime, carried: Carried) -> None:
    """Render one format; Quarto leaves files beside its input, so that it gets a copy of the project."""
    with tempfile.TemporaryDirectory(dir=out) as work:
        copy = Path(work) / "project"
        shutil.copytree(document.folder, copy, ignore=shutil.ignore_patterns(".*", "_site", "*.pdf", "*.html.tmp"))
        if name == "pdf":
            lay_in(copy, carried)
        run(document, copy, TARGETS[name], created)
        made = copy / f"{document.name}.{name}"
        if not made.is_file():
            raise TieoutError(str(document.path), f"Quarto ended without an error and without {made.name}")
        if name == "docx":
            made.write_bytes(word.finished(made.read_bytes(), word.front(tree["meta"]), created, carried[CARRIED_AS]()))
        os.replace(made, out / made.name)


def lay_in(project: Path, carried: Carried) -> None:
    """Write the files that the PDF is to carry, and their names where Quarto hands them to the templates."""
    (project / "carried").mkdir(exist_ok=True)
    for name, text in carried.items():
        (project / "carried" / name).write_text(text(), encoding="utf-8")
    with (project / "_quarto.yml").open("a", encoding="utf-8") as settings:
        settings.write(f"carried: [{', '.join(carried)}]\n")


def run(document: Document, folder: Path, target: str, created: datetime) -> None:
    command = ["quarto", "render", f"{document.name}.qmd", "--to", target, "--quiet"]
    moment = {"SOURCE_DATE_EPOCH": str(int(created.timestamp())), "NO_COLOR": "1"}
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, errors="replace", env=os.environ | moment, check=False
    )
    if done.returncode:
        raise TieoutError(str(document.path), f"Quarto cannot render this: {told(done.stderr or done.stdout)}")


def told(complaints: str) -> str:
    """Return the first error of Quarto's output as one paragraph, without its stack."""
    lines = [ESCAPES.sub("", line).strip() for line in complaints.splitlines()]
    start = next((i for i, line in enumerate(lines) if line.upper().startswith("ERROR")), 0)
    words = [line for line in lines[start:] if line and not re.match(r"at |Stack trace|stack traceback", line)]
    return " ".join(words)[:600] or "it gave no reason"
