"""Read a woven document and refuse, with file and line, what cannot be typeset."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ruamel.yaml.error import MarkedYAMLError, YAMLError

from tieout.errors import Errors, TieoutError, raise_all
from tieout.yamls import loaded

FENCE = re.compile(r"^\s*(?P<mark>`{3,}|~{3,})(?P<rest>.*)$")
CELL = re.compile(r"^\s*\{+(?P<language>[A-Za-z]\w*)[^}]*\}")
INLINE_CELL = re.compile(r"(?<!`)`(?:\{\w+\}|r) [^`]+`(?!`)")
SHORTCODE = re.compile(r"(?<!\\)\{\{<\s*(?P<name>/?[\w.-]*)")
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
PAGE_BREAK = re.compile(r"^\{\{<\s*pagebreak\s*>\}\}\s*$", re.MULTILINE)
DIV = re.compile(r"^\s{0,3}:{3,}\s*(?P<attributes>\S.*)?$")
ANCHOR = re.compile(r"\{[^{}\n]*#(?P<identifier>(?:tbl|fig|sec)-[\w-]+)")
REFERENCE = re.compile(r"(?<![\\\w&])@(?P<identifier>(?:tbl|fig|sec)-[\w-]*\w)(?P<after>\s+\[-?@)?")
REMOTE = re.compile(r"^(?:[a-z][a-z0-9+.-]*:)?//|^(?:https?|ftp|file|data):", re.IGNORECASE)
INSTALL = "install Quarto (pip install tieout[quarto]) and choose --engine quarto"

CARRIED_AS = "manuscript.qmd"
Carried = dict[str, Callable[[], str]]
"""What outputs carry inside themselves: by the name of the file, what gives its text."""

WORD_LOOK = "reference.docx"


def word_look(layout: object) -> str:
    """Return the name of the Word file whose styles a document of a layout takes."""
    return "submission.docx" if layout == "submission" else WORD_LOOK


@dataclass(frozen=True)
class Document:
    """A woven document: its folder, its name without ending, its text, and its front matter as plain data."""

    folder: Path
    name: str
    text: str
    front: dict[str, Any] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        return self.folder / f"{self.name}.qmd"

    def error(self, line: int, problem: str, hint: str = "") -> TieoutError:
        return TieoutError(f"{self.path}:{line}", problem, hint)

    def line_of(self, words: str) -> int:
        """Return the line on which some words first stand, or 1."""
        return self.text.count("\n", 0, max(self.text.find(words), 0)) + 1


@contextlib.contextmanager
def as_written(woven: Path, template: Path) -> Iterator[None]:
    """Let errors about a woven document, which is gone when they are read, name the template that it was woven from.

    The line is that of the template which begins as the woven one does, up to its first figure.
    """
    try:
        yield
    except Errors as several:
        raise Errors(in_template(error, woven, template) for error in several.errors) from None
    except TieoutError as error:
        raise in_template(error, woven, template) from None


def in_template(error: TieoutError, woven: Path, template: Path) -> TieoutError:
    """Return an error with its place in the template, if it is one in the woven document."""
    path, _, line = error.place.rpartition(":") if error.place[-1:].isdigit() else (error.place, "", "")
    if Path(path) != woven:
        return error
    lines = template.read_text(encoding="utf-8-sig").splitlines()
    told = woven.read_text(encoding="utf-8").splitlines()[int(line or 1) - 1].partition("[")
    start = told[0] if told[0].strip() else told[0] + told[1] + told[2]
    found = next((f":{number}" for number, text in enumerate(lines, 1) if start.strip() and text.startswith(start)), "")
    return type(error)(f"{template}{found}", error.problem, error.hint)


def without_comments(document: Document) -> str:
    """Return the text without its HTML comments, which are for its authors and not for those who get an output."""
    return COMMENT.sub("", document.text)


def read(folder: Path, name: str) -> Document:
    """Read a woven document and check what both engines need.

    Raises TieoutError where it is missing, its front matter is no YAML, a fenced div stays open, or a cross-reference
    has no target.
    """
    path = folder / f"{name}.qmd"
    try:
        plain = Document(folder, name, path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise TieoutError(str(path), "there is no such document") from None
    except OSError as error:
        raise TieoutError(str(path), f"the document cannot be read: {error.strerror}", "name a .qmd file under documents") from None
    except UnicodeDecodeError as error:
        raise TieoutError(str(path), f"this is not UTF-8 text (byte {error.start})") from None
    document = replace(plain, front=front_matter(plain))
    raise_all([*divs(document), *references(document)])
    return document


def prose(document: Document) -> Iterator[tuple[int, str]]:
    """Yield number and text of the lines outside fenced code and raw blocks."""
    return ((number, line) for number, line, opening in outside_code(document) if not opening)


def outside_code(document: Document) -> Iterator[tuple[int, str, str]]:
    """Yield number and text of the lines outside fenced code, and what stands behind a fence that opens."""
    mark = ""
    for number, line in enumerate(document.text.splitlines(), 1):
        fence = FENCE.match(line)
        if not mark:
            yield number, line, fence["rest"] or " " if fence else ""
            mark = fence["mark"] if fence else ""
        elif fence and fence["mark"].startswith(mark) and not fence["rest"].strip():
            mark = ""


def front_matter(document: Document) -> dict[str, Any]:
    """Return the front matter; raise TieoutError where it is not closed or is not YAML."""
    lines = document.text.splitlines()
    if not lines or lines[0].rstrip() != "---":
        return {}
    ends = [i for i, line in enumerate(lines[1:], 1) if line.rstrip() in ("---", "...")]
    if not ends:
        raise document.error(1, "the front matter is not closed", "end it with a line of three hyphens")
    try:
        front = loaded("\n".join(lines[1 : ends[0]]))
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 2 if error.problem_mark else 1
        problem = f"the front matter is not YAML: {error.problem}"
        raise document.error(line, problem, "quote text that holds a colon") from None
    except YAMLError as error:
        raise document.error(1, f"the front matter is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(front, dict | None):
        raise document.error(2, "the front matter holds no keys", "write it as key: value")
    return front or {}


def divs(document: Document) -> Iterator[TieoutError]:
    """Yield an error for each fenced div that is not closed or never opened."""
    opened: list[tuple[int, str]] = []
    for number, line in prose(document):
        if div := DIV.match(line):
            if div["attributes"]:
                opened.append((number, div["attributes"].strip()))
            elif opened:
                opened.pop()
            else:
                yield document.error(number, "this ':::' closes nothing")
    for number, attributes in opened:
        yield document.error(number, f"the div '{attributes}' is not closed", "end it with a line of three colons")


def references(document: Document) -> Iterator[TieoutError]:
    """Yield an error for each cross-reference without a target and each target that stands twice."""
    targets: dict[str, int] = {}
    for number, line in prose(document):
        for anchor in ANCHOR.finditer(line):
            identifier = anchor["identifier"]
            if identifier in targets:
                yield document.error(number, f"'#{identifier}' stands on line {targets[identifier]} already")
            targets.setdefault(identifier, number)
    for number, line in prose(document):
        for reference in REFERENCE.finditer(line):
            if reference["identifier"] not in targets:
                problem = f"nothing is called '#{reference['identifier']}', but the text refers to it"
                yield document.error(number, problem, f"targets: {', '.join(targets) or 'none'}")
            if reference["after"]:
                problem = f"'@{reference['identifier']}' is directly followed by a citation, which would be lost"
                yield document.error(number, problem, "put a word or a comma between them")


def cells(document: Document) -> Iterator[TieoutError]:
    """Yield an error for each executable cell and each shortcode that only Quarto understands."""
    for number, line, opening in outside_code(document):
        if cell := CELL.match(opening):
            yield document.error(number, f"a {cell['language']} cell needs Quarto to run it", INSTALL)
        elif not opening:
            if inline := INLINE_CELL.search(line):
                yield document.error(number, f"the inline code {inline.group()} needs Quarto to run it", INSTALL)
            for shortcode in SHORTCODE.finditer(line):
                if not PAGE_BREAK.match(line):
                    yield document.error(number, f"the shortcode '{shortcode['name']}' needs Quarto", INSTALL)


def local_file(document: Document, name: str, what: str) -> Path:
    """Return a file of the document's folder; raise TieoutError where it is remote, outside or missing."""
    line = document.line_of(name)
    if REMOTE.search(name):
        problem = f"{what} '{name[:80]}' does not lie in the document's folder, and nothing is fetched"
        raise document.error(line, problem, "save it beside the document")
    path = (document.folder / name).resolve()
    if not path.is_relative_to(document.folder.resolve()):
        raise document.error(line, f"{what} '{name}' lies outside the document's folder", "copy it beside the document")
    if not path.is_file():
        raise document.error(line, f"{what} '{name}' does not exist", "save it beside the document, or mend its name")
    return path
