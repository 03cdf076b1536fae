"""Signs on a page become lines of text: spaces from gaps, superscripts apart, words hyphenated at line ends joined."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


class Glyph(NamedTuple):
    """A sign on a page: its box in points from the top left, its font size, its mark in the structure of the file.

    `raised` says that the structure calls it a superscript.
    """

    text: str
    x0: float
    x1: float
    top: float
    bottom: float
    size: float
    bold: bool
    page: int
    mark: int | None
    raised: bool = False


@dataclass(frozen=True)
class Line:
    """A stretch of signs on one base line with its box; `size` is that of most of its signs.

    `opens_bold` says that its first word stands out; `pieces` are its parts where gaps wider than a space divide it.
    """

    text: str
    x0: float
    x1: float
    top: float
    bottom: float
    size: float
    bold: bool
    page: int
    opens_bold: bool = False
    pieces: tuple[Line, ...] = ()


@dataclass(frozen=True)
class Sheet:
    """A page: its number and size, its upright signs in the order of the file, its rules, its sideways signs."""

    number: int
    width: float
    height: float
    glyphs: list[Glyph]
    rules: list[tuple[float, float, float]]
    sideways: int


@dataclass(frozen=True)
class Row:
    """A line of a column, in segments that wide gaps part."""

    segments: tuple[Line, ...]

    @property
    def text(self) -> str:
        return " ".join(s.text for s in self.segments)

    @property
    def x0(self) -> float:
        return self.segments[0].x0

    @property
    def x1(self) -> float:
        return max(s.x1 for s in self.segments)

    @property
    def top(self) -> float:
        return min(s.top for s in self.segments)

    @property
    def bottom(self) -> float:
        return max(s.bottom for s in self.segments)

    @property
    def size(self) -> float:
        return max(self.segments, key=lambda s: len(s.text)).size

    @property
    def bold(self) -> bool:
        return all(s.bold for s in self.segments)


@dataclass(frozen=True)
class Region:
    """A column of rows on a page with the rules of the page."""

    page: int
    x0: float
    x1: float
    rows: list[Row]
    rules: list[tuple[float, float, float]] = field(default_factory=list)


def rows_of(lines: list[Line]) -> list[Row]:
    """Return lines as rows from the top down, those on one base line side by side."""
    rows: list[list[Line]] = []
    for line in sorted(lines, key=lambda line: (line.bottom, line.x0)):
        if rows and abs(line.bottom - rows[-1][-1].bottom) < 0.4 * max(line.size, rows[-1][-1].size):
            rows[-1].append(line)
        else:
            rows.append([line])
    return [Row(tuple(sorted(row, key=lambda line: line.x0))) for row in rows]


GAP = 0.2  # of the font size: a wider gap is a space
RISE = 0.6  # of the font size: a larger step up or down is another line
COMPOUND = re.compile(r"\w[\w.]*(?:-\w[\w.]*)+")
WORD = re.compile(r"\w+")
LEFT_PARTS = frozenset(  # what mostly keeps its hyphen; Latin prefixes (intra, multi, post) mostly have none
    "follow non self long short first third one two three four five six seven eight nine half high low well large "
    "small cross door case time age dose risk drug balloon full early single double goodness cut".split()
)


def split(glyphs: Sequence[Glyph], widest: float) -> list[list[Glyph]]:
    """Divide signs in the order of the file where the line changes or a gap is wider than `widest` font sizes."""
    runs: list[list[Glyph]] = []
    for glyph in glyphs:
        last = runs[-1][-1] if runs else None
        if last is not None and same_line(runs[-1], last, glyph, widest):
            runs[-1].append(glyph)
        elif glyph.text.strip():
            runs.append([glyph])
    return runs


def same_line(run: list[Glyph], last: Glyph, glyph: Glyph, widest: float) -> bool:
    size = max(last.size, glyph.size, run[0].size)
    if last.page != glyph.page or abs(glyph.bottom - last.bottom) > RISE * size:
        return False
    return -RISE * size < glyph.x0 - last.x1 < widest * size


def line_of(glyphs: Sequence[Glyph]) -> Line:
    """Return signs of one line as text; a raised smaller sign follows ^, so that it joins no figure."""
    sizes = Counter[float]()
    for glyph in glyphs:
        sizes[round(glyph.size, 1)] += len(glyph.text.strip())
    top_count = max(sizes.values())
    size = max(s for s, count in sizes.items() if count >= top_count * 0.8)
    normal = [g for g in glyphs if g.size > 0.85 * size and g.text.strip()]
    bottom = max(g.bottom for g in normal)
    text, raised, last = "", False, None
    for glyph in glyphs:
        if (
            last is not None
            and text
            and not text.endswith(" ")
            and glyph.x0 - last.x1 > GAP * min(size, 1.4 * last.size)
        ):
            text += " "
        is_raised = bool(glyph.text.strip()) and (
            glyph.raised or (glyph.size < 0.85 * size and bottom - glyph.bottom > 0.12 * size)
        )
        if is_raised and not raised:
            text += "^"
        text += glyph.text if glyph.text.strip() or not text.endswith(" ") else ""
        raised = is_raised
        last = glyph
    bold = sum(g.bold for g in normal) > 0.9 * len(normal)
    return Line(
        text.strip(" "), min(g.x0 for g in glyphs), max(g.x1 for g in glyphs), min(g.top for g in normal), bottom,
        size, bold, glyphs[0].page, not bold and len(normal) > 3 and all(g.bold for g in normal[:3]),
    )  # fmt: skip


@dataclass(frozen=True)
class Vocabulary:
    """The words that a document has within its lines: those without and those with hyphens."""

    words: frozenset[str]
    compounds: frozenset[str]


def vocabulary(lines: Iterable[str]) -> Vocabulary:
    """Return the words of some lines, whole ones and those with a hyphen, by which words at line ends are joined."""
    words: set[str] = set()
    compounds: set[str] = set()
    for line in lines:
        compounds |= {c.casefold() for c in COMPOUND.findall(line)}
        words |= {w.casefold() for w in WORD.findall(line)}
    return Vocabulary(frozenset(words), frozenset(compounds))


def joined(lines: Iterable[str], known: Vocabulary) -> str:
    """Join lines to a paragraph; a hyphen at the end of a line goes unless it belongs to a compound or a range."""
    text = ""
    for line in lines:
        text = with_next(text, line.strip(), known)
    return text


def with_next(text: str, line: str, known: Vocabulary) -> str:
    """Return a text with its next line: joined at a hyphen that only the line end made, else with a space."""
    if not text or not line:
        return text or line
    if text.endswith("\u00ad"):
        return text[:-1] + line
    if text[-1] in "-\u2010\u2011":
        return text + line if keeps_hyphen(text, line, known) else text[:-1] + line
    if re.search(r"\w[–—/]$|\d[−·]$", text[-2:]) and line[0].isalnum():
        return text + line
    return f"{text} {line}"


def keeps_hyphen(text: str, line: str, known: Vocabulary) -> bool:
    before = re.search(r"([^\W_]*)[-\u2010\u2011]$", text[-60:])
    after = WORD.match(line)
    if not before or not before[1] or not after or not line[0].islower() or not before[1][-1].isalpha():
        return True
    left, right = before[1].casefold(), after.group().casefold()
    if f"{left}-{right}" in known.compounds:
        return True
    return left + right not in known.words and left in LEFT_PARTS
