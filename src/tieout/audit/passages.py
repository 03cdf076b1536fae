"""Texts and tables in reading order become numbered passages: one line each, sections, headers and keys resolved."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from tieout.audit.quoted import KeyedSpan, Passage, PassageKind

# Private-use characters that carry keys through pandoc: OPEN key CLOSE … SHUT key CLOSE.
OPEN, CLOSE, SHUT = "\ue000", "\ue001", "\ue002"
MARKS = re.compile(f"[{OPEN}{CLOSE}{SHUT}]")
MARK = re.compile(f"([{OPEN}{SHUT}])([^{OPEN}{CLOSE}{SHUT}]{{1,200}}){CLOSE}")
INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufffe\uffff]")
NOT_TEXT = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]")
LIGATURES = str.maketrans(
    {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"}
)  # not NFKC, which would also make ² a 2
CAPTION = re.compile(
    r"(?:supplement\w* |extended data |appendix )?e?(?:table|figure|fig\.?) ?[A-Z]?\d{1,3}[a-z]? ?[.:|–—]", re.I
)
MOST_COLUMNS = 1000  # as in the HTML standard


@dataclass(frozen=True)
class Text:
    """A stretch of text with marks of keys in it, not yet one line; a heading has a level from 1."""

    raw: str
    kind: PassageKind = "paragraph"
    level: int = 0
    page: int | None = None


@dataclass(frozen=True)
class Cell:
    """A cell of a table: its place, how many rows and columns it covers, and whether it is a column header."""

    raw: str
    row: int
    column: int
    rows: int = 1
    columns: int = 1
    head: bool = False
    page: int | None = None


@dataclass(frozen=True)
class Table:
    """A table: its cells in reading order and its caption."""

    cells: tuple[Cell, ...]
    caption: str = ""


def tally(count: int, one: str, many: str) -> list[str]:
    """Return what is said of one or many with their number, nothing of none: "2 comments were not read"."""
    return [f"{count} {one if count == 1 else many}"] if count else []


def pictures(count: int) -> list[str]:
    """Return the words about pictures that were not read."""
    return tally(count, "figure is a picture and was not read", "figures are pictures and were not read")


def keyed(raw: str, key: str) -> str:
    """Mark a stretch of raw text as that of a key."""
    key = MARKS.sub("", key)[:200]
    return f"{OPEN}{key}{CLOSE}{raw}{SHUT}{key}{CLOSE}" if key else raw


def one_line(raw: str) -> tuple[str, tuple[KeyedSpan, ...]]:
    """Return raw text as one line with single spaces, and its keyed spans by offset."""
    text, begun, found = "", {}, []
    pieces = MARK.split(raw)
    done: list[str] = []
    length, ends_in_space = 0, True
    for place in range(0, len(pieces), 3):
        piece = spaced(pieces[place])
        if ends_in_space:
            piece = piece.lstrip(" ")
        if piece:
            done.append(piece)
            length, ends_in_space = length + len(piece), piece.endswith(" ")
        if place + 2 < len(pieces):
            sign, key = pieces[place + 1 : place + 3]
            if sign == OPEN:
                begun[key] = length
            elif key in begun:
                found.append(KeyedSpan(begun.pop(key), length, key))
    text = "".join(done).rstrip(" ")
    spans = [trimmed(span, text) for span in found]
    return text, tuple(sorted((s for s in spans if s.start < s.end), key=lambda s: (s.start, -s.end)))


def spaced(raw: str) -> str:
    """Return text without marks and invisible signs, each stretch of white space one ordinary space."""
    return re.sub(r"\s+", " ", NOT_TEXT.sub("", INVISIBLE.sub("", MARKS.sub("", raw))).translate(LIGATURES))


def trimmed(span: KeyedSpan, text: str) -> KeyedSpan:
    start, end = span.start, min(span.end, len(text))
    while start < end and text[start] == " ":
        start += 1
    while start < end and text[end - 1] == " ":
        end -= 1
    return replace(span, start=start, end=end)


def numbered(parts: Iterable[Text | Table]) -> tuple[Passage, ...]:
    """Return passages in reading order, numbered from 0, under their headings, tables numbered from 1."""
    passages: list[Passage] = []
    trail: list[tuple[int, str]] = []
    tables = 0
    for part in parts:
        if isinstance(part, Table):
            tables += 1
            made = table_passages(part, tables)
        else:
            text, keys = one_line(part.raw)
            if not text:
                continue
            if part.kind == "heading":
                trail = [(level, words) for level, words in trail if level < part.level]
            made = iter([Passage(text, part.kind, 0, page=part.page, keys=keys)])
        section = tuple(words for _, words in trail)
        passages += [replace(p, index=len(passages) + i, section=section) for i, p in enumerate(made)]
        if isinstance(part, Text) and part.kind == "heading":
            trail.append((part.level, passages[-1].text))
    return tuple(passages)


def table_passages(table: Table, number: int) -> Iterator[Passage]:
    """Yield the caption and the cells of a table that hold text, each cell with its headers."""
    caption, keys = one_line(table.caption)
    lines = [one_line(cell.raw) for cell in table.cells]
    heads: dict[int, list[tuple[Cell, str]]] = defaultdict(list)
    labels: dict[int, str] = {}
    for cell, (text, _) in zip(table.cells, lines, strict=True):
        if cell.head and text:
            for column in range(cell.column, cell.column + min(cell.columns, MOST_COLUMNS)):
                heads[column].append((cell, text))
        elif cell.column == 0 and not cell.head:
            labels |= dict.fromkeys(range(cell.row, cell.row + cell.rows), text)
    if caption:
        page = table.cells[0].page if table.cells else None
        yield Passage(caption, "caption", 0, page=page, table=number, keys=keys)
    for cell, (text, spans) in zip(table.cells, lines, strict=True):
        if text:
            above = [words for head, words in heads[cell.column] if head.row + head.rows <= cell.row]
            yield Passage(
                text,
                "cell",
                0,
                page=cell.page,
                table=number,
                row=cell.row,
                column=cell.column,
                row_header="" if cell.head or cell.column == 0 else labels.get(cell.row, ""),
                column_headers=tuple(dict.fromkeys(above)),
                caption=caption,
                keys=spans,
            )


def with_heads(rows: list[list[Cell]], width: int) -> list[list[Cell]]:
    """Return the rows of a table that marks no headers, or too few, with its column headers marked.

    The first row is a header, as are the rows that its cells reach into and the row below a header of several columns.
    """
    last = 0
    for number, row in enumerate(rows):
        marked = bool(row) and all(cell.head for cell in row)
        below_spanner = number == last + 1 and any(
            1 < cell.columns < width for cell in rows[last] if cell.head or last == 0
        )
        first_is_empty = not row or row[0].column > 0 or not one_line(row[0].raw)[0]
        if not (number == 0 or marked or number <= last or (below_spanner and first_is_empty)):
            break
        last = max([last, number, *(cell.row + cell.rows - 1 for cell in row if cell.columns < width)])
        last = min(last, number + 3)
    return [[replace(cell, head=True) for cell in row] if row and row[0].row <= last else row for row in rows]
