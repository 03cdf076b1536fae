"""Show an audit as a page: the manuscript's own text with each figure marked, its verdict and the reason."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby, zip_longest
from pathlib import Path

from tieout import pages
from tieout.audit.match import place
from tieout.audit.quoted import Passage
from tieout.audit.report import SIGNS, WORST_FIRST, Judged, Report, details, others, spot

DEEPEST = 6
OPENING, CLOSING = re.compile(r"[(\[“‘\"'=]{1,3}$"), re.compile(r"\^\w{1,3}|[)\].,;:”’\"'%]{1,3}")
WORDS = {
    "contradicted": "contradicted", "query": "query", "untraceable": "untraceable", "confirmed": "confirmed by the data",
    "consistent": "consistent", "conventional": "conventional",
}  # fmt: skip


@dataclass(frozen=True)
class Mark:
    """A piece of a passage: plain text, or a judged figure with its number and the signs that no line may part from it."""

    text: str
    judged: Judged | None = None
    number: int = 0
    before: str = ""
    after: str = ""


@dataclass(frozen=True)
class Cell:
    """A cell as HTML shows it: its marks, the columns it covers, and which headers it is ("", "col", "row")."""

    marks: tuple[Mark, ...]
    columns: int = 1
    scope: str = ""
    alone: bool = False


@dataclass(frozen=True)
class Block:
    """A heading, paragraph, caption or note with its tag, or a table with its caption and rows, the header rows first."""

    tag: str
    marks: tuple[Mark, ...] = ()
    number: int = 0
    heads: tuple[tuple[Cell, ...], ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()


def page(report: Report) -> str:
    """Return one HTML file: no script, nothing fetched, every text from the manuscript escaped."""
    environment = pages.environment({"place": place, "details": details})
    numbers = {spot(j.figure): number for number, j in enumerate(report.judged, 1)}
    cut = partial(marks, inside=by_passage(report), numbers=numbers)
    listed = [
        (verdict, [(numbers[spot(j.figure)], j) for j in report.judged if j.verdict == verdict])
        for verdict in WORST_FIRST
    ]
    return environment.get_template("audit.html").render(
        report=report,
        name=Path(report.manuscript.name).name,
        blocks=list(blocks(report.manuscript.passages, cut)),
        listed=[(verdict, found) for verdict, found in listed if found],
        numbers=numbers,
        spot=spot,
        others=others,
        signs=SIGNS,
        words=WORDS,
        verdicts=WORST_FIRST,
    )


def by_passage(report: Report) -> dict[int, list[Judged]]:
    """Return the judged figures of each passage, in its order."""
    found: dict[int, list[Judged]] = {}
    for judged in sorted(report.judged, key=lambda j: j.figure.start):
        found.setdefault(judged.figure.passage.index, []).append(judged)
    return found


def marks(
    passage: Passage, inside: dict[int, list[Judged]], numbers: dict[tuple[int, int, int], int]
) -> tuple[Mark, ...]:
    """Return a passage cut at its figures."""
    text, pieces, at = passage.text, [], 0
    found = inside.get(passage.index, [])
    for j, following in zip_longest(found, found[1:]):
        start, end = j.figure.start, j.figure.end
        if start < at:
            continue
        limit = max(end, following.figure.start) if following else len(text)
        opening, closing = OPENING.search(text[at:start][-3:]), CLOSING.match(text, end, limit)
        before, after = opening[0] if opening else "", closing[0] if closing else ""
        pieces.append(Mark(text[at : start - len(before)]))
        pieces.append(Mark(text[start:end], j, numbers[spot(j.figure)], before, after))
        at = end + len(after)
    return tuple(mark for mark in (*pieces, Mark(text[at:])) if mark.text)


def blocks(passages: Sequence[Passage], cut: partial[tuple[Mark, ...]]) -> Iterator[Block]:
    """Yield the manuscript's blocks in reading order; the passages of one table make one block."""
    for table, group in groupby(passages, key=lambda p: p.table):
        if table:
            yield table_block(table, list(group), cut)
            continue
        for passage in group:
            yield Block(tag(passage), cut(passage))


def tag(passage: Passage) -> str:
    if passage.kind == "heading":
        return f"h{min(2 + len(passage.section), DEEPEST)}"
    return {"title": "h2", "caption": "figcaption", "note": "note"}.get(passage.kind, "p")


def table_block(number: int, passages: Sequence[Passage], cut: partial[tuple[Mark, ...]]) -> Block:
    """Return a table with its caption; cells that held no text are left open."""
    caption = tuple(mark for p in passages if p.kind == "caption" for mark in cut(p))
    cells = [p for p in passages if p.kind == "cell"]
    deepest = max((depth for depth in header_rows(cells)), default=-1)
    width = max((p.column or 0 for p in cells), default=0) + 1
    under = covered(cells)
    rows = [list(row) for _, row in groupby(cells, key=lambda p: p.row or 0)]
    shown = [tuple(row_cells(row, width, (row[0].row or 0) <= deepest, under, cut)) for row in rows]
    heads = sum((row[0].row or 0) <= deepest for row in rows)
    return Block("table", caption, number, tuple(shown[:heads]), tuple(shown[heads:]))


def header_rows(cells: Sequence[Passage]) -> set[int]:
    """Return the rows of a table that hold headers of the cells below them."""
    named: dict[tuple[int | None, str], int] = {}
    for cell in cells:
        for depth, words in enumerate(cell.column_headers):
            named[cell.column, words] = max(depth, named.get((cell.column, words), 0))
    return {
        cell.row or 0
        for cell in cells
        if (cell.column, cell.text) in named and len(cell.column_headers) <= named[cell.column, cell.text]
    }


def covered(cells: Sequence[Passage]) -> dict[str, set[int]]:
    """Return the columns over which each header's words stand."""
    columns: dict[str, set[int]] = {}
    for cell in cells:
        for words in cell.column_headers:
            columns.setdefault(words, set()).add(cell.column or 0)
    return columns


def row_cells(
    row: Sequence[Passage], width: int, head: bool, under: dict[str, set[int]], cut: partial[tuple[Mark, ...]]
) -> Iterator[Cell]:
    """Yield the cells of a row from the left, an open cell for each gap."""
    at = 0
    for i, passage in enumerate(row):
        column = passage.column or 0
        if column > at:
            yield Cell((), column - at)
        end = row[i + 1].column or width if i + 1 < len(row) else width
        columns = 1
        while head and column + columns < end and column + columns in under.get(passage.text, ()):
            columns += 1
        alone = len(row) == 1 and column == 0 and not head
        scope = "" if alone else "col" if head else "row" if column == 0 else ""
        yield Cell(cut(passage), width if alone else columns, scope, alone)
        at = width if alone else column + columns
    if at < width:
        yield Cell((), width - at)
