"""The engine that comes with Tieout: pandoc and Typst from their wheels, without Quarto."""

from __future__ import annotations

import base64
import functools
import os
import re
from collections.abc import Callable
from datetime import datetime
from html import escape
from pathlib import Path

import typst

from tieout import resources
from tieout.errors import TieoutError, raise_all
from tieout.render import document as documents
from tieout.render import page, standards, word
from tieout.render import tree as trees
from tieout.render.document import CARRIED_AS, Carried, Document
from tieout.render.tree import Node

AWAITED = f"picture:{os.urandom(8).hex()}:"
"""What marks a picture's place; nobody who writes a document can know it."""
# Scripts that the embedded fonts have: Latin, Greek, Cyrillic, punctuation, arrows, mathematics.
OUTSIDE_EMBEDDED_FONTS = re.compile(r"[^\u0000-\u058f\u1e00-\u22ff\ufb00-\ufb06\ufeff\U0001d400-\U0001d7ff]")


def makers(
    document: Document, tree: trees.Node, formats: tuple[str, ...], out: Path, created: datetime, carried: Carried
) -> dict[str, Callable[[], None]]:
    """Return for each format what writes `out`/name.format.

    Raises TieoutError for executable cells, for raw parts that a format would lose, for pictures that are missing or
    remote, and where a PDF is made for pictures without alternative text.
    """
    raise_all(list(documents.cells(document)))
    raise_all(list(trees.unprintable(document, tree)))
    made: dict[str, Callable[[], None]] = {}
    for name in formats:
        ready = trees.with_pictures(document, tree, name, NAMING[name])
        path = out / f"{document.name}.{name}"
        made[name] = functools.partial(FORMATS[name], document, ready, tree["meta"], path, created, carried)
    if "pdf" in formats:
        raise_all(list(standards.unspoken(document, tree)))
    return made


def relative(source: str, path: Path) -> str:
    return source


def inline(source: str, path: Path) -> str:
    """Return a picture as a data URI, so that pandoc need not read files."""
    data = base64.b64encode(path.read_bytes()).decode()
    return f"data:{trees.MIME[path.suffix.lower()]};base64,{data}"


def awaited(source: str, path: Path) -> str:
    """Return a sign in place of a picture, which is put in when the HTML is written: pandoc is slow on long texts."""
    return f"{AWAITED}{base64.urlsafe_b64encode(str(path).encode()).decode()}{AWAITED}"


def put_in(html_: bytes) -> bytes:
    """Return HTML with each picture in place of its sign."""
    sign = AWAITED.encode()
    return re.sub(
        sign + rb"([\w=-]+)" + sign,
        lambda found: inline("", Path(base64.urlsafe_b64decode(found[1]).decode())).encode(),
        html_,
    )


def written(document: Document, tree: bytes, to: str, *options: str) -> bytes:
    arguments = ["-f", "json", "-t", to, "--wrap=none", "--standalone", "--columns=120"]
    arguments += ["--lua-filter", str(resources.templates() / "tieout.lua"), *options]
    return trees.pandoc(arguments, tree, document)


def html(document: Document, tree: bytes, meta: Node, path: Path, created: datetime, carried: Carried) -> None:
    """Write one self-contained HTML file: nothing fetched, and no script but that which explains its figures."""
    templates = resources.templates()
    look = (templates / "style.css").read_text(encoding="utf-8")
    options = ["--template", str(templates / "template.html"), "--mathml", "--syntax-highlighting=none"]
    keywords = escape(", ".join(trees.plain_text(each) for each in trees.as_list(meta.get("keywords"))))
    options += ["-V", f"stylesheet={look}", "-V", f"keywords-meta={keywords}"]
    made = put_in(written(document, tree, "html", *options))
    path.write_text(page.explained(made.decode(), document.folder, meta, carried), encoding="utf-8", newline="\n")


def docx(document: Document, tree: bytes, meta: Node, path: Path, created: datetime, carried: Carried) -> None:
    """Write a Word file with the styles of its layout, a content control round each keyed figure."""
    templates = resources.templates()
    look = documents.word_look(document.front.get("arranged"))
    options = ["--reference-doc", str(templates / look), "--syntax-highlighting=none"]
    data = written(document, tree, "docx", *options, "--lua-filter", str(templates / "controls.lua"))
    path.write_bytes(word.finished(data, word.front(meta), created, carried[CARRIED_AS]()))


def pdf(document: Document, tree: bytes, meta: Node, path: Path, created: datetime, carried: Carried) -> None:
    """Write a PDF/A-3a that is PDF/UA-1 too with Typst, which may read the document's folder, and attach what it carries.

    Fonts of the system are used only where the text has signs that the embedded fonts lack (Korean, Hebrew, Arabic,
    emoji), so that the bytes are the same on each machine otherwise.
    """
    templates = resources.templates()
    names = [f"--variable=carried={name}" for name in carried]
    source = written(document, tree, "typst-citations", "--template", str(templates / "embedded.typ"), *names)
    look = document.folder / "journal.typ"
    if not look.exists():
        raise TieoutError(str(look), "the look is missing from the project", "make the project with tieout build")
    fonts = fonts_for(bool(OUTSIDE_EMBEDDED_FONTS.search(source.decode())))
    inputs = {name: text() for name, text in carried.items()}
    try:
        compiler = typst.Compiler(
            root=document.folder, font_paths=fonts, package_path=path.parent, package_cache_path=path.parent
        )
        data = compiler.compile(
            input=source, format="pdf", timestamp=created, sys_inputs=inputs, pdf_standards=list(standards.STANDARDS)
        )
    except typst.TypstError as error:
        problem = f"Typst cannot set this: {error.message}"
        unknown = TieoutError(str(document.path), problem, " ".join(error.hints))
        raise standards.refused(document, error.message) or unknown from None
    assert isinstance(data, bytes)
    path.write_bytes(data)


@functools.cache
def fonts_for(system: bool) -> typst.Fonts:
    return typst.Fonts(include_system_fonts=system, include_embedded_fonts=True)


NAMING = {"pdf": relative, "html": awaited, "docx": inline}
"""What each format calls a picture in pandoc's tree, by its source and its file."""

FORMATS: dict[str, Callable[[Document, bytes, Node, Path, datetime, Carried], None]] = {
    "pdf": pdf,
    "html": html,
    "docx": docx,
}
