"""A made table as cells, for what shows it elsewhere: spreadsheets, the terminal, plain text."""

from __future__ import annotations

from dataclasses import dataclass

import lxml.html

INDENT = "\u2003"


@dataclass(frozen=True)
class Cell:
    """One cell: its text, the place of its upper left corner, how far it spans, and whether it is a header."""

    text: str
    row: int
    column: int
    rows: int = 1
    columns: int = 1
    head: bool = False


@dataclass(frozen=True)
class Grid:
    """A table: how many columns and header rows it has, its cells in reading order, its notes, and the keys of its figures."""

    width: int
    heads: int
    cells: tuple[Cell, ...]
    notes: tuple[str, ...]
    keys: tuple[str, ...]

    @property
    def flat(self) -> list[list[str]]:
        """The table as plain rows: one of headers, which name what spans them first, and those of the body."""
        rows: list[list[str]] = [[""] * self.width for _ in range(self.heads)]
        body: list[list[str]] = []
        for cell in self.cells:
            if cell.row < self.heads:
                for column in range(cell.column, cell.column + cell.columns):
                    rows[cell.row][column] = cell.text
            else:
                while len(body) <= cell.row - self.heads:
                    body.append([""] * self.width)
                body[cell.row - self.heads][cell.column] = cell.text
        head = [": ".join(dict.fromkeys(filter(None, names))) for names in zip(*rows, strict=True)]
        return [head, *body]


def parsed(made: str) -> Grid:
    """Return the cells of a table in the dialect of `tieout.tables`, whose raw block it may stand in."""
    table = lxml.html.fromstring(made.removeprefix("```{=html}\n").removesuffix("\n```"))
    for line in table.iter("br"):
        line.tail = f"\n{line.tail or ''}"
    cells: list[Cell] = []
    taken: set[tuple[int, int]] = set()
    rows = [*table.iterfind("./thead/tr"), *table.iterfind("./tbody/tr")]
    heads = len(table.findall("./thead/tr"))
    for number, row in enumerate(rows):
        column = 0
        for each in row:
            while (number, column) in taken:
                column += 1
            down, across = int(each.get("rowspan", 1)), int(each.get("colspan", 1))
            taken |= {(number + i, column + j) for i in range(down) for j in range(across)}
            bold = number < heads or each.find("strong") is not None
            cells.append(Cell(words(each), number, column, down, across, bold))
            column += across
    notes = [line for foot in table.iterfind("./tfoot/tr/td") for line in words(foot).split("\n") if line.strip()]
    keys = dict.fromkeys(span.get("data-key") for span in table.iter("span") if span.get("data-key"))
    width = max((column for _, column in taken), default=-1) + 1
    return Grid(width, heads, tuple(cells), tuple(notes), tuple(keys))


def words(element: lxml.html.HtmlElement) -> str:
    """Return the text of a cell; a mark of a footnote is set off from the figure it stands at."""
    for mark in element.iter("sup"):
        before = mark.getprevious()
        text = (element.text if before is None and mark.getparent() is element else before.tail if before is not None else "") or ""
        if (before is not None and not text) or text.strip():
            mark.text = f" {mark.text}"
    lines = (" ".join(line.replace(INDENT, "  ").split(" ")) for line in element.text_content().split("\n"))
    return "\n".join(line.rstrip() for line in lines).strip("\n")
