"""Read a PDF without tags by where its signs stand: columns, headings, paragraphs, captions and aligned tables."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise

from tieout.audit.blocks import KNOWN_SECTIONS
from tieout.audit.passages import CAPTION, Table, Text
from tieout.audit.pdf_lines import (
    Glyph,
    Line,
    Region,
    Row,
    Sheet,
    Vocabulary,
    joined,
    line_of,
    rows_of,
    split,
    vocabulary,
    with_next,
)
from tieout.audit.pdf_tables import TABLE_CAPTION, continued, table_cells, table_end, with_captions_below

SEGMENT_GAP = 1.0  # of the font size: a wider gap parts columns or cells
PIECE_GAP = 0.45  # of the font size: a wider gap may part cells where the columns of a table say so
MARGIN = 0.12  # of the page's height, where headers and footers stand
PAGE_NUMBER = re.compile(r"(?:page )?[#ivx]{1,6}(?: ?(?:of|/) ?#)?", re.I)
SENTENCE_END = re.compile(r"[.!?:;][\])’”\"']*(?:\^[\d,–-]+)?$|[.!?]\s?(?:\[[\d,–-]+\])?$")


@dataclass(frozen=True)
class Look:
    """The size of most text, the size of the largest text of the first page, and the words of the document."""

    body: float
    title: float
    known: Vocabulary


def parts(sheets: list[Sheet]) -> Iterator[Text | Table]:
    """Yield texts and tables of pages in reading order."""
    pages = without_margins(sheets, [segments(sheet) for sheet in sheets])
    lines = [line for page in pages for line in page]
    if not lines:
        return
    sizes = Counter[float]()
    for line in lines:
        sizes[round(line.size, 1)] += len(line.text)
    first = [line.size for line in next(page for page in pages if page) if len(line.text) > 12]
    look = Look(sizes.most_common(1)[0][0], max(first, default=0), vocabulary(line.text for line in lines))
    regions = [
        region for sheet, page in zip(sheets, pages, strict=True) for region in columns(page, sheet) if region.rows
    ]
    found = [part for region in regions for part in region_parts(region, look)]
    yield from flowing(continued(with_captions_below(found)), look)


def segments(sheet: Sheet) -> list[Line]:
    """Return the stretches of text on a page, those that the file draws in pieces put together."""
    runs = split([g for g in sheet.glyphs if not g.text.startswith("(cid:")], SEGMENT_GAP)
    runs.sort(key=lambda run: (run[0].top, run[0].x0))
    by_start = sorted(runs, key=lambda run: run[0].x0)
    merged: list[list[Glyph]] = []
    ends: dict[int, list[list[Glyph]]] = defaultdict(list)
    for run in by_start:
        size = max(g.size for g in run)
        near = [r for band in (-1, 0, 1) for r in ends[int(run[0].bottom // 12) + band] if fits(r, run, size)]
        if near:
            near[0].extend(run)
        else:
            merged.append(run)
            ends[int(run[0].bottom // 12)].append(run)
    return sorted(map(with_pieces, merged), key=lambda line: (line.bottom, line.x0))


def with_pieces(run: list[Glyph]) -> Line:
    pieces = split(run, PIECE_GAP)
    return replace(line_of(run), pieces=tuple(map(line_of, pieces)) if len(pieces) > 1 else ())


def fits(before: list[Glyph], run: list[Glyph], size: float) -> bool:
    """Whether a run goes on where another ends: on its base line, or as its superscript, without a wide gap."""
    last = before[-1]
    gap, step = run[0].x0 - last.x1, abs(run[0].bottom - last.bottom)
    raised = run[0].size < 0.85 * last.size or last.size < 0.85 * run[0].size
    return -0.3 * size < gap < SEGMENT_GAP * size * (0.3 if raised else 1) and step < (0.6 if raised else 0.25) * size


def without_margins(sheets: list[Sheet], pages: list[list[Line]]) -> list[list[Line]]:
    """Return the lines of pages without running headers, footers, page numbers and line numbers."""
    repeated: dict[tuple[str, int], set[int]] = defaultdict(set)
    for sheet, page in zip(sheets, pages, strict=True):
        for line in page:
            for band in (-1, 0, 1):
                repeated[without_digits(line.text), round(line.top / 4) + band].add(sheet.number)

    def runs(line: Line, sheet: Sheet) -> bool:
        text = without_digits(line.text)
        often = len(repeated[text, round(line.top / 4)]) >= (2 if len(sheets) < 6 else 3)
        return often or bool(PAGE_NUMBER.fullmatch(text))

    kept = []
    for sheet, page in zip(sheets, pages, strict=True):
        edges = edge_lines(page, sheet.height)
        kept.append([line for line in page if id(line) not in edges or not runs(line, sheet)])
    return [without_line_numbers(page) for page in kept]


def edge_lines(lines: list[Line], height: float) -> set[int]:
    """Return which lines stand in the upper or lower margin, apart from what is next to them.

    The repeated head of a table stands at the top of a page too, but close to the rows below it.
    """
    found: set[int] = set()
    rows = rows_of(lines)
    for ordered, inside in (
        (rows, lambda row: row.bottom < MARGIN * height),
        (rows[::-1], lambda row: row.top > (1 - MARGIN) * height),
    ):
        for count, row in enumerate(ordered[:4]):
            nearest = ordered[count + 1] if count + 1 < len(ordered) else None
            if nearest is None or not inside(row):
                break
            gap = max(nearest.top - row.bottom, row.top - nearest.bottom)
            if gap > 0.9 * row.size:
                found |= {id(line) for each in ordered[: count + 1] for line in each.segments}
    return found


def without_digits(text: str) -> str:
    return re.sub(r"\d+", "#", text)


def without_line_numbers(lines: list[Line]) -> list[Line]:
    """Return the lines of a page without the numbers that count them in the left margin."""
    left = min((line.x0 for line in lines if not line.text.isdigit()), default=0.0)
    numbers = [line for line in lines if line.text.isdigit() and line.x1 < left]
    steps = [int(b.text) - int(a.text) for a, b in pairwise(numbers)]
    if len(steps) >= 4 and len(set(steps)) == 1 and steps[0] in (1, 5):
        return [line for line in lines if line not in numbers]
    return lines


def columns(lines: list[Line], sheet: Sheet) -> Iterator[Region]:
    """Yield the columns of a page in reading order; what crosses the gutter parts what is above from what is below."""
    if not lines:
        return
    x0, x1 = min(line.x0 for line in lines), max(line.x1 for line in lines)
    gutter = gutter_of(lines, x0, x1)
    if gutter is None:
        yield Region(sheet.number, x0, x1, rows_of(lines), sheet.rules)
        return
    bands: list[tuple[bool, list[Line]]] = []
    cells = {id(line) for line in wide_tables(lines, gutter, x0, x1)}
    ordered = sorted(lines, key=lambda line: line.top)
    for crossing, group in groupby(ordered, lambda line: line.x0 < gutter < line.x1 or id(line) in cells):
        band = list(group)
        across = crossing or not in_columns(band, gutter, x0, x1)
        if bands and bands[-1][0] and across:
            bands[-1][1].extend(band)
        else:
            bands.append((across, band))
    for across, band in bands:
        if across:
            yield Region(sheet.number, x0, x1, rows_of(band), sheet.rules)
        else:
            left = [line for line in band if line.x0 < gutter]
            right = [line for line in band if line.x0 >= gutter]
            yield Region(sheet.number, x0, gutter, rows_of(left), sheet.rules)
            yield Region(sheet.number, gutter, x1, rows_of(right), sheet.rules)


def wide_tables(lines: list[Line], gutter: float, x0: float, x1: float) -> Iterator[Line]:
    """Yield the cells of tables that stand across both columns: rows of short segments only, three or more together."""
    run: list[Row] = []
    for row in [*rows_of(lines), None]:
        if (
            row is not None
            and len(row.segments) > 2
            and row.x0 < gutter < row.x1
            and all(s.x1 - s.x0 < 0.6 * (gutter - x0 if s.x0 < gutter else x1 - gutter) for s in row.segments)
        ):
            run.append(row)
        else:
            if len(run) > 2:
                yield from (line for each in run for line in each.segments)
            run = []


def gutter_of(lines: list[Line], x0: float, x1: float) -> float | None:
    """Return where the gap between two columns of prose lies, or None where there are no such columns."""
    width = x1 - x0
    best: tuple[int, float] | None = None
    for step in range(30, 71):
        x = x0 + width * step / 100
        left = sum(x - line.x1 < 0.15 * width and line.x1 < x and line.x1 - line.x0 > 0.5 * (x - x0) for line in lines)
        right = sum(line.x0 - x < 0.15 * width and line.x0 > x and line.x1 - line.x0 > 0.5 * (x1 - x) for line in lines)
        crossing = sum(line.x0 <= x <= line.x1 for line in lines)
        if min(left, right) >= 4 and crossing < 0.5 * (left + right) and (best is None or crossing < best[0]):
            best = crossing, x
    if best is None:
        return None
    left_end = max((line.x1 for line in lines if line.x1 < best[1]), default=best[1])
    right_start = min((line.x0 for line in lines if line.x0 > best[1]), default=best[1])
    return (left_end + right_start) / 2 if left_end < right_start else best[1]


def in_columns(lines: list[Line], gutter: float, x0: float, x1: float) -> bool:
    """Whether lines beside a gutter are prose in columns rather than the cells of a wide table."""
    prose = sum(
        line.x1 - line.x0 > 0.6 * ((gutter - x0) if line.x0 < gutter else (x1 - gutter)) for line in lines
    )  # fmt: skip
    sides = {line.x0 < gutter for line in lines}
    starts = Counter(round(line.x0 / 3) for line in lines)
    few_starts = sum(count for _, count in starts.most_common(4)) > 0.7 * len(lines)
    return prose > 0.3 * len(lines) or (len(lines) < 6 and few_starts and len(sides) == 1)


def region_parts(region: Region, look: Look) -> Iterator[Text | Table]:
    """Yield headings, paragraphs, captions and tables of a column; a heading's level comes from its look."""
    rows, place = region.rows, 0
    step = line_step(rows)
    caption: Text | None = None
    while place < len(rows):
        end = table_end(rows, place, region)
        if end > place:
            said = caption.raw if caption is not None else ""
            yield Table(table_cells(rows[place:end], region, look.known), said)
            caption, place = None, end
            continue
        end = paragraph_end(rows, place, region, look, step)
        raw = joined((row.text for row in rows[place:end]), look.known)
        made = text_of(raw, rows[place:end], region.page, look)
        if caption is not None:
            yield caption
        caption = made if made.kind == "caption" and TABLE_CAPTION.match(raw) else None
        if caption is None:
            yield made
        place = end
    if caption is not None:
        yield caption


def line_step(rows: Sequence[Row]) -> float:
    """Return the usual distance from one base line to the next."""
    steps = [round(b.bottom - a.bottom, 1) for a, b in pairwise(rows) if b.bottom > a.bottom]
    return Counter(steps).most_common(1)[0][0] if steps else 0.0


def paragraph_end(rows: list[Row], place: int, region: Region, look: Look, step: float) -> int:
    """Return the row behind the paragraph that begins at `place`."""
    first = rows[place]
    for number in range(place + 1, len(rows)):
        before, row = rows[number - 1], rows[number]
        if (
            abs(row.size - first.size) > 0.1 * first.size
            or row.bold != first.bold
            or row.bottom - before.bottom > max(1.35 * step, 1.05 * step + 2) + max(0.0, 1.3 * (row.size - look.body))
            or CAPTION.match(row.text)
            or KNOWN_SECTIONS.fullmatch(row.text)
            or KNOWN_SECTIONS.fullmatch(before.text)
            or begins(before, row, region, number - place)
            or (len(row.segments) > 2 and table_end(rows, number, region) > number)
        ):
            return number
    return len(rows)


def begins(before: Row, row: Row, region: Region, lines: int) -> bool:
    """Whether a row begins a paragraph: indented, or after a short last line of a sentence."""
    indent = row.x0 - before.x0
    if row.size * 0.8 < indent < row.size * 4 and not row.text[:1].islower() and lines != 1:
        return True
    if row.segments[0].opens_bold and not before.bold and SENTENCE_END.search(before.text):
        return True
    short = before.x1 < region.x0 + 0.8 * (region.x1 - region.x0)
    return short and bool(SENTENCE_END.search(before.text)) and not row.text[:1].islower()


def text_of(raw: str, rows: Sequence[Row], page: int, look: Look) -> Text:
    """Return a paragraph as what its look says that it is."""
    size = rows[0].size
    if CAPTION.match(raw):
        return Text(raw, "caption", 0, page)
    if KNOWN_SECTIONS.fullmatch(raw):
        return Text(raw, "heading", 1, page)
    if page == 1 and size >= 0.98 * look.title and size > 1.2 * look.body:
        return Text(raw, "title", 0, page)
    stands_out = size > 1.08 * look.body or (rows[0].bold and size > 0.85 * look.body)
    if stands_out and len(rows) <= 3 and len(raw) < 150 and not re.search(r"[.;,]$|[=<>%]", raw):
        return Text(raw, "heading", 2, page)
    return Text(raw, "note" if size < 0.92 * look.body else "paragraph", 0, page)


def flowing(found: list[Text | Table], look: Look) -> Iterator[Text | Table]:
    """Yield the parts, a paragraph that a column, a page or a float interrupts put together again."""
    made: list[Text | Table] = []
    open_one: int | None = None
    for part in found:
        if isinstance(part, Text) and part.kind == "paragraph":
            before = made[open_one] if open_one is not None else None
            if isinstance(before, Text) and open_one is not None and goes_on(before.raw, part.raw):
                made[open_one] = replace(before, raw=with_next(before.raw, part.raw, look.known))
                continue
            open_one = len(made)
        elif isinstance(part, Text) and part.kind in ("heading", "title"):
            open_one = None
        made.append(part)
    yield from made


def goes_on(before: str, after: str) -> bool:
    """Whether a paragraph goes on with another: its sentence has no end, or the other begins within a sentence."""
    if SENTENCE_END.search(before):
        return False
    return after[:1].islower() or after[:1].isdigit() or after[:1] in "(=<>±" or before[-1:] in ",-–("
