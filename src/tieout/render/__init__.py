"""A woven document to its outputs, by one of two engines that share one look."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

from tieout import resources
from tieout.errors import TieoutError, nearest, raise_all
from tieout.render import document as documents
from tieout.render import embedded, quarto
from tieout.render import tree as trees
from tieout.render.harmless import harmful

Makers = Callable[
    [documents.Document, trees.Node, tuple[str, ...], Path, datetime, documents.Carried], dict[str, Callable[[], None]]
]

FORMATS = ("pdf", "html", "docx")
ENGINES: dict[str, Makers] = {"embedded": embedded.makers, "quarto": quarto.makers}
COMPANIONS = (
    "journal.typ", "report.typ", "submission.typ", "supplement.typ", "typst-template.typ", "typst-show.typ",
    "style.css", "report.css", "title-block.html",
    "reference.docx", "submission.docx", "report.lua", "controls.lua",
)  # fmt: skip


def choose(engine: str) -> str:
    """Return the engine to use: "auto" is Quarto where it is installed, else embedded.

    Raises TieoutError for an unknown engine, and for Quarto where it is not on the PATH.
    """
    if engine == "auto":
        return "quarto" if shutil.which("quarto") else "embedded"
    if engine not in ENGINES:
        known = "auto, " + ", ".join(ENGINES)
        raise TieoutError("--engine", f"no engine is called '{engine}'", nearest(engine, ENGINES) or known)
    if engine == "quarto" and not shutil.which("quarto"):
        raise TieoutError("--engine", "Quarto is not on the PATH", "pip install tieout[quarto], or --engine embedded")
    return engine


def project(folder: Path, layout: str = "") -> None:
    """Make a folder with a woven document one that Quarto alone can open: the look and `_quarto.yml`."""
    for name in COMPANIONS:
        shutil.copyfile(resources.templates() / name, folder / name)
    settings = quarto.PROJECT.replace(documents.WORD_LOOK, documents.word_look(layout))
    (folder / "_quarto.yml").write_text(settings, encoding="utf-8")


def render(
    folder: Path,
    document: str = "manuscript",
    formats: Iterable[str] = FORMATS,
    out: Path | None = None,
    engine: str = "auto",
    *,
    created: datetime,
    pictures: Callable[[], object] = lambda: None,
    attached: Mapping[str, Callable[[], str]] = MappingProxyType({}),
) -> dict[str, Path]:
    """Write `document` of a project in each format to `out` (the folder itself by default) and return the paths.

    All formats are made before the first is put in place, so that they appear together or not at all. `created`, with a
    time zone, is the only time that the outputs carry. `pictures` is called before the folder's pictures are looked
    for: pictures may still be drawn while the text is parsed. PDF and DOCX carry the document inside themselves (without
    its comments), the PDF also the files `attached`: by the name of each what gives its text, which is called late.
    Raises TieoutError for an unknown format or engine, and for a document that cannot be typeset.
    """
    wanted = tuple(dict.fromkeys(formats))
    for name in wanted:
        if name not in FORMATS:
            raise TieoutError("--to", f"no format is called '{name}'", nearest(name, FORMATS) or ", ".join(FORMATS))
    chosen = choose(engine)
    source = documents.read(folder, document)
    out = folder if out is None else out
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".rendering-", dir=out) as work:
        tree = trees.parse(source)
        raise_all(list(harmful(source, tree)))
        pictures()
        carried = {documents.CARRIED_AS: lambda: documents.without_comments(source), **attached}
        makers = ENGINES[chosen](source, tree, wanted, Path(work), created, carried)
        with ThreadPoolExecutor(max_workers=len(makers) or 1) as pool:
            for done in [pool.submit(make) for make in makers.values()]:
                done.result()
        for name in wanted:
            os.replace(Path(work) / f"{document}.{name}", out / f"{document}.{name}")
    return {name: out / f"{document}.{name}" for name in wanted}
