"""Find the tables of a PDF without tags: cells by what stands above one another, headers by the rules."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

from tieout.audit.passages import CAPTION, Cell, Table, Text, with_heads
from tieout.audit.pdf_lines import Line, Region, Row, Vocabulary, with_next

TABLE_CAPTION = re.compile(r"(?:supplement\w* |appendix )?e?table ", re.I)


def table_end(rows: list[Row], place: int, region: Region) -> int:
    """Return the row behind a table that begins at `place`, or `place` where none begins."""
    end, last = place, place
    for number in range(place, len(rows)):
        row = rows[number]
        far = number > place and row.top - rows[number - 1].bottom > 3.5 * row.size
        prose = len(row.segments) == 1 and row.x1 - row.x0 > 0.6 * (region.x1 - region.x0)
        if far or prose or number - last > 6 or (number > place and CAPTION.match(row.text)):
            break
        if len(row.segments) > 1:
            last, end = number, number + 1
        elif number == place:
            return place
    while place < end < len(rows) and hangs_on(rows[place], rows[end - 1], rows[end], len(rows) - end < 4):
        end += 1
    several = [row for row in rows[place:end] if len(row.segments) > 1]
    cells = sum(len(row.segments) for row in several)
    if len(several) < 3 and not (len(several) == 2 and cells >= 6):
        return place
    short = sum(len(s.text) < 40 for row in several for s in row.segments)
    return end if short > 0.5 * cells else place


def hangs_on(first: Row, last: Row, row: Row, ends_page: bool) -> bool:
    """Whether a row goes on with the first cell of a table's last row, or is one that a page's end cuts off."""
    close = row.top - last.bottom < 1.2 * row.size and abs(row.x0 - first.x0) < 4 * row.size
    narrow = len(row.segments) == 1 and row.x1 < first.segments[0].x1 + 12 * row.size
    return close and narrow and (row.text[:1].islower() or ends_page)


def table_cells(rows: list[Row], region: Region, known: Vocabulary) -> tuple[Cell, ...]:
    """Return the rows of a table as cells: columns from what stands above one another, headers from the rules."""
    bounds = column_bounds(rows)
    heads = head_rows(rows, region)
    usual = usual_step(rows)
    made: list[list[Cell]] = []
    for number, row in enumerate(rows):
        cells: dict[int, Cell] = {}
        pieces = tuple(piece for segment in row.segments for piece in by_columns(segment, bounds))
        for segment in pieces:
            first, last = covered(ruled(segment, Row(pieces), rows, region) if number < heads else segment, bounds)
            if first in cells:
                old = cells[first]
                cells[first] = replace(old, raw=f"{old.raw} {segment.text}", columns=max(old.columns, last - first + 1))
            else:
                cells[first] = Cell(segment.text, len(made), first, 1, last - first + 1, number < heads, region.page)
        close = number > 0 and row.bottom - rows[number - 1].bottom < 0.95 * usual
        if continues(made, cells, number >= heads, close):
            for column, cell in cells.items():
                made[-1] = [
                    replace(c, raw=with_next(c.raw, cell.raw, known)) if c.column == column else c for c in made[-1]
                ]
        else:
            made.append([cells[column] for column in sorted(cells)])
    found = [cell for row in with_heads(made, len(bounds)) for cell in row]
    return tuple(sorted(with_whole_heads(found), key=lambda cell: (cell.row, cell.column)))


def with_whole_heads(cells: list[Cell]) -> list[Cell]:
    """Return the cells of a table, headers whose lines stand below one another in one cell."""
    heads: dict[tuple[int, int], Cell] = {}
    for cell in cells:
        place = cell.column, cell.columns
        if cell.head and place in heads:
            first = heads[place]
            heads[place] = replace(first, raw=f"{first.raw} {cell.raw}", rows=cell.row + 1 - first.row)
        elif cell.head:
            heads[place] = cell
    return [*heads.values(), *(cell for cell in cells if not cell.head)]


def ruled(segment: Line, row: Row, rows: list[Row], region: Region) -> Line:
    """Return a header as wide as the next rule under it, which may reach over several columns."""
    width = max(r.x1 for r in rows) - min(r.x0 for r in rows)
    under = [
        (top, left, right)
        for left, right, top in region.rules
        if row.bottom - 2 < top < row.bottom + 4 * segment.size
        and left < segment.x0 + 2
        and right > segment.x1 - 2
        and right - left < 0.7 * width
        and not any(left < other.x1 and other.x0 < right for other in row.segments if other is not segment)
    ]
    if not under:
        return segment
    _, left, right = min(under)
    return replace(segment, x0=left + 2, x1=right - 2)


def usual_step(rows: list[Row]) -> float:
    """Return the usual distance between the base lines of two rows of cells, those with few cells left out."""
    most = max(len(row.segments) for row in rows)
    pairs = pairwise(rows)
    steps = [b.bottom - a.bottom for a, b in pairs if min(len(a.segments), len(b.segments)) > 0.5 * most]
    return sorted(steps)[len(steps) // 2] if steps else 0.0


def continues(made: list[list[Cell]], cells: dict[int, Cell], body: bool, close: bool) -> bool:
    """Whether a row of a table's body goes on with the cells of the row above; `close` if it is nearer than rows are."""
    if not made or not body or (made[-1] and made[-1][0].head):
        return False
    above = {cell.column for cell in made[-1]}
    if not set(cells) <= above:
        return False
    return close or 0 not in cells or (set(cells) == {0} and cells[0].raw[:1].islower())


def column_bounds(rows: list[Row]) -> list[tuple[float, float]]:
    """Return from where to where each column reaches, by the rows that have most cells, without cells of several."""
    several = [row for row in rows if len(row.segments) > 1]
    inner: list[Line] = []
    wide: set[int] = set()
    for segment in (s for row in several for s in row.segments):
        for row in several:
            below = [s for s in row.segments if min(s.x1, segment.x1) - max(s.x0, segment.x0) > 2]
            if len(below) > 1:
                wide.add(id(segment))
                inner += below
    most = max(len(row.segments) for row in rows)
    for share in (0.6, 0.8, 1.0):
        chosen = [s for row in several if len(row.segments) >= share * most for s in row.segments]
        intervals = sorted((s.x0, s.x1) for s in [*chosen, *inner] if id(s) not in wide)
        bounds: list[tuple[float, float]] = []
        for x0, x1 in intervals:
            if bounds and x0 < bounds[-1][1]:
                bounds[-1] = bounds[-1][0], max(x1, bounds[-1][1])
            else:
                bounds.append((x0, x1))
        if len(bounds) >= most:
            break
    return bounds or [(rows[0].x0, rows[0].x1)]


def by_columns(segment: Line, bounds: list[tuple[float, float]]) -> list[Line]:
    """Return the pieces of a segment that lie in different columns, or the segment itself."""
    places = [covered(piece, bounds) for piece in segment.pieces]
    apart = len(places) > 1 and all(first == last for first, last in places) and len(set(places)) > 1
    return list(segment.pieces) if apart else [segment]


def covered(segment: Line, bounds: list[tuple[float, float]]) -> tuple[int, int]:
    """Return the first and the last column that a segment covers, the nearest where it covers none."""
    over = [i for i, (x0, x1) in enumerate(bounds) if min(segment.x1, x1) - max(segment.x0, x0) > 0]
    if over:
        return over[0], over[-1]
    middle = (segment.x0 + segment.x1) / 2
    nearest = min(range(len(bounds)), key=lambda i: abs((bounds[i][0] + bounds[i][1]) / 2 - middle))
    return nearest, nearest


def head_rows(rows: list[Row], region: Region) -> int:
    """Return how many rows stand above the first long rule; without one, the first and those that begin further in."""
    x0, x1 = min(row.x0 for row in rows), max(row.x1 for row in rows)
    within = [
        top
        for left, right, top in region.rules
        if right - left > 0.6 * (x1 - x0) and rows[0].bottom - 2 < top < rows[-1].top + 2
    ]
    if within:
        return sum(row.bottom < min(within) + 2 for row in rows)
    below = [row.segments[0].x0 - x0 > row.size for row in rows[1:4]]
    return 1 + (below.index(False) if False in below else len(below))


def with_captions_below(found: list[Text | Table]) -> list[Text | Table]:
    """Return the parts, a table's caption that stands below it with its table."""
    made: list[Text | Table] = []
    for part in found:
        before = made[-1] if made else None
        is_caption = isinstance(part, Text) and part.kind == "caption" and TABLE_CAPTION.match(part.raw)
        if isinstance(part, Text) and is_caption and isinstance(before, Table) and not before.caption:
            made[-1] = replace(before, caption=part.raw)
        else:
            made.append(part)
    return made


def continued(found: list[Text | Table]) -> list[Text | Table]:
    """Return the parts, a table that goes on over the page put together, its repeated head left out."""
    made: list[Text | Table] = []
    for part in found:
        before = made[-1] if made else None
        if isinstance(part, Table) and isinstance(before, Table) and not part.caption and same_columns(before, part):
            heads = {cell.raw for cell in before.cells if cell.head}
            fresh = [cell for cell in part.cells if not (cell.head and cell.raw in heads)]
            first = before.cells[-1].row + 1 - min((cell.row for cell in fresh), default=0)
            cells = tuple(replace(cell, row=cell.row + first, head=False) for cell in fresh)
            made[-1] = replace(before, cells=before.cells + cells)
        else:
            made.append(part)
    return made


def same_columns(before: Table, part: Table) -> bool:
    """Whether a table may go on with another: on the next page, with as many columns."""
    widths = [max(cell.column + cell.columns for cell in each.cells) for each in (before, part)]
    pages = [cell.page or 0 for cell in (before.cells[-1], part.cells[0])]
    return pages[1] == pages[0] + 1 and widths[0] == widths[1]
