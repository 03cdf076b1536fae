"""Read a tagged PDF by its structure tree: headings, paragraphs, and tables whose cells know their headers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from tieout.audit.blocks import KNOWN_SECTIONS
from tieout.audit.passages import CAPTION, MOST_COLUMNS, Cell, Table, Text, with_heads
from tieout.audit.pdf_lines import Glyph, Vocabulary, joined, line_of, split

MOST_ELEMENTS = 400_000
DEEPEST = 150
INLINE = frozenset(
    "Span Link Quote Em Strong Sub Code Reference BibEntry Annot Lbl Formula Ruby Warichu RB RT RP".split()
)
SKIPPED = frozenset("Figure Artifact TOC TOCI Index".split())
GROUPS = frozenset("THead TBody TFoot".split())


@dataclass(frozen=True)
class Element:
    """A part of the structure: its standard type, its marks (page, number) and inner elements in order."""

    type: str
    inner: tuple[Element | tuple[int, int], ...]
    attributes: Mapping[str, Any]


Marks = Mapping[tuple[int, int], Sequence[Glyph]]


def structure(document: Any, pages: Mapping[Any, int]) -> Element | None:
    """Return the structure tree of a PDF, or None where there is none; `pages` gives page numbers by object number.

    The tree follows ISO 32000-1, 14.7. Raises ValueError for a tree that is circular or too large.
    """
    from pdfminer.pdftypes import resolve1

    root = resolve1(document.catalog.get("StructTreeRoot"))
    if not isinstance(root, dict):
        return None
    roles = resolve1(root.get("RoleMap")) or {}
    left = [MOST_ELEMENTS]

    def element(node: dict[str, Any], page: int | None, depth: int) -> Element:
        left[0] -= 1
        if depth > DEEPEST or left[0] < 0:
            raise ValueError("the structure tree is circular or too large")
        page = page_of(node, page)
        name = getattr(resolve1(node.get("S")), "name", "")
        for _ in range(5):
            role = getattr(resolve1(roles.get(name)), "name", "") if name in roles else ""
            name = role or name
        kids = resolve1(node.get("K"))
        inner: list[Element | tuple[int, int]] = []
        for kid in kids if isinstance(kids, list) else [kids]:
            kid = resolve1(kid)
            if isinstance(kid, int) and page is not None:
                inner.append((page, kid))
            elif isinstance(kid, dict) and "MCID" in kid:
                where = page_of(kid, page)
                inner += [(where, resolve1(kid["MCID"]))] if where is not None else []
            elif isinstance(kid, dict) and "S" in kid:
                inner.append(element(kid, page, depth + 1))
        return Element(name, tuple(inner), attributes(resolve1(node.get("A"))))

    def page_of(node: dict[str, Any], page: int | None) -> int | None:
        return pages.get(getattr(node.get("Pg"), "objid", None), page)

    def attributes(given: Any) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for each in given if isinstance(given, list) else [given]:
            each = resolve1(each)
            if isinstance(each, dict):
                found |= {name: resolve1(value) for name, value in each.items()}
        return found

    return element({"S": None, "K": root.get("K")}, None, 0)


def marks_in(element: Element, raised: bool = False) -> Iterator[tuple[tuple[int, int], bool]]:
    """Yield the marks of an element in order, and whether each is raised as a superscript."""
    shift = element.attributes.get("BaselineShift", 0)
    raised = raised or (isinstance(shift, int | float) and shift > 0)
    for inner in element.inner:
        if isinstance(inner, Element):
            yield from marks_in(inner, raised)
        else:
            yield inner, raised


def pictures(element: Element) -> int:
    """Return how many pictures an element holds."""
    if element.type == "Figure":
        return 1
    return sum(pictures(inner) for inner in element.inner if isinstance(inner, Element))


@dataclass(frozen=True)
class Tagged:
    """What texts are made of: the signs of each mark, the words of the document, and the size of most of its text."""

    marks: Marks
    known: Vocabulary
    body: float


def parts(element: Element, source: Tagged) -> Iterator[Text | Table]:
    """Yield the texts and tables of a structure tree in its order, captions with their tables."""
    before: Text | None = None
    titled = False
    for part in blocks(element, source):
        if isinstance(part, Text) and part.kind == "heading":
            titled = True
        if isinstance(part, Text) and not titled and part.level < 0:
            part, titled = replace(part, kind="title", level=0), True
        if isinstance(part, Table) and not part.caption and before is not None and before.kind == "caption":
            part, before = replace(part, caption=before.raw), None
        if before is not None:
            yield replace(before, level=max(before.level, 0))
        before = part if isinstance(part, Text) else None
        if isinstance(part, Table):
            yield part
    if before is not None:
        yield replace(before, level=max(before.level, 0))


def blocks(element: Element, source: Tagged) -> Iterator[Text | Table]:
    """Yield texts and tables; a text in large letters has the level -1, for it may be the title."""
    kind = element.type
    if kind == "Table":
        yield from table(element, source)
    elif kind in SKIPPED:
        for inner in element.inner:
            if isinstance(inner, Element) and inner.type == "Caption":
                yield from blocks(inner, source)
    elif not any(isinstance(i, Element) and is_block(i) for i in element.inner):
        yield from text(element, source)
    else:
        loose: list[Element | tuple[int, int]] = []
        role = "P"
        for inner in element.inner:
            if isinstance(inner, Element) and is_block(inner):
                yield from text(Element(role, tuple(loose), {}), source)
                loose, role = [], "Note" if inner.type == "Table" else "P"
                yield from blocks(inner, source)
            else:
                loose.append(inner)
        yield from text(Element(role, tuple(loose), {}), source)


def is_block(element: Element) -> bool:
    """Whether an element is a block of its own, or holds one."""
    if element.type not in INLINE:
        return True
    return any(isinstance(inner, Element) and is_block(inner) for inner in element.inner)


def text(element: Element, source: Tagged) -> Iterator[Text]:
    """Yield the texts of an element; where the letters change their size between lines, a new one begins."""
    level = re.fullmatch(r"H([1-6]?)", element.type)
    for raw, page, size in stretches(element, source):
        if level:
            yield Text(raw, "heading", int(level[1] or 1), page)
        elif element.type == "Title":
            yield Text(raw, "title", 0, page)
        elif element.type == "Caption" or CAPTION.match(raw):
            yield Text(raw, "caption", 0, page)
        elif element.type in ("Note", "FENote"):
            yield Text(raw, "note", 0, page)
        elif KNOWN_SECTIONS.fullmatch(raw):
            yield Text(raw, "heading", 1, page)
        else:
            yield Text(raw, "paragraph", -1 if size > 1.25 * source.body else 0, page)


def stretches(element: Element, source: Tagged) -> Iterator[tuple[str, int, float]]:
    """Yield the text of an element, its page and its size, by stretches of one size."""
    glyphs = [g for mark, up in marks_in(element) for g in source.marks.get(mark, ()) for g in [g._replace(raised=up)]]
    lines = [line_of(run) for run in split(glyphs, 1000)]
    for size, run in groupby(lines, lambda line: round(line.size, 1)):
        same = list(run)
        raw = joined((line.text for line in same), source.known)
        if raw.strip():
            yield raw, same[0].page, size


def words(element: Element, source: Tagged) -> tuple[str, int | None]:
    """Return the text of an element and the page where it begins."""
    found = list(stretches(element, source))
    return " ".join(raw for raw, _, _ in found), found[0][1] if found else None


def table(element: Element, source: Tagged) -> Iterator[Text | Table]:
    """Yield a table; a cell's place follows from the spans of those before it."""
    rows: list[tuple[str, Element]] = []
    for inner in element.inner:
        if isinstance(inner, Element) and inner.type == "TR":
            rows.append(("", inner))
        elif isinstance(inner, Element) and inner.type in GROUPS:
            rows += [(inner.type, row) for row in inner.inner if isinstance(row, Element) and row.type == "TR"]
    made: list[list[Cell]] = []
    taken: set[tuple[int, int]] = set()
    for number, (group, row) in enumerate(rows):
        made.append([])
        column = 0
        cells = [cell for cell in row.inner if isinstance(cell, Element) and cell.type in ("TH", "TD")]
        for cell in cells:
            while (number, column) in taken:
                column += 1
            down = min(span(cell, "RowSpan"), len(rows) - number)
            across = span(cell, "ColSpan")
            taken |= {(number + i, column + j) for i in range(down) for j in range(across)}
            raw, page = words(cell, source)
            scope = getattr(cell.attributes.get("Scope"), "name", "")
            head = group == "THead" or (cell.type == "TH" and scope != "Row" and group != "TFoot")
            made[-1].append(Cell(raw, number, column, down, across, head, page))
            column += across
    made = [row_heads(row) for row in made]
    width = max((cell.column + cell.columns for row in made for cell in row), default=0)
    captions = [words(i, source)[0] for i in element.inner if isinstance(i, Element) and i.type == "Caption"]
    yield Table(tuple(cell for row in with_heads(made, width) for cell in row), " ".join(captions))


def row_heads(row: list[Cell]) -> list[Cell]:
    """Return a row in which a header cell beside plain cells is the row's own header, not its column's."""
    if row and row[0].head and not all(cell.head for cell in row):
        return [replace(cell, head=False) for cell in row]
    return row


def span(cell: Element, name: str) -> int:
    value = cell.attributes.get(name, 1)
    return min(max(value, 1), MOST_COLUMNS) if isinstance(value, int) else 1
