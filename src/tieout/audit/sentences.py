"""The sentences and table rows that figures stand in, and what the words beside a figure say of it."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from tieout.audit.quoted import Number, Passage, Quoted
from tieout.audit.tokens import ABBREVIATIONS

END = re.compile(r"[.?!](?=[\"”’)\]]?\s+[^a-z\s])")
LONGEST = 2000
LAST_WORD = re.compile(r"([A-Za-z.]{1,12})$")

PEOPLE = re.compile(
    r"\b(?:patients?|participants?|subjects?|individuals?|people|persons?|men|women|males?|females?|boys|girls|children"
    r"|adults?|infants?|cases?|survivors?|controls?|volunteers?|respondents?)\b",
    re.I,
)
HAVE = re.compile(
    r"\s*(?:\([^()]{0,40}\)\s*)?(?:of (?:them|these|whom)\s)?(?:had|have|has|were|was|are|did|died|received|underwent"
    r"|achieved|showed|survived|completed|developed|experienced|suffered|withdrew|dropped|remained|in (?:the|each)|to (?:the )?\w"
    r"|assigned|allocated)\b",
    re.I,
)
OTHER_UNITS = re.compile(
    r"\b(?:stents?|lesions?|events?|vessels?|arter(?:y|ies)|eyes?|sites?|hospitals?|cent(?:er|re)s?|samples?|procedures?|images?"
    r"|scans?|aneurysms?|occlusions?|sten(?:osis|oses)|days?|weeks?|months?|years?|visits?|devices?|limbs?|segments?|thrombi"
    r"|pass(?:es)?|episodes?|attempts?|implants?|teeth|hips|knees|grafts?|biopsies|(?:person|patient)[- ]years?)\b",
    re.I,
)
NEGATION = re.compile(
    r"\b(?:no|not|non|never|neither|nor|without|lack(?:ed|s|ing)?|fail(?:ed|s|ing)?|\w+n['’]t|cannot|insignificant\w*"
    r"|nonsignificant\w*|borderline|marginal(?:ly)?|nearly|almost|toward|towards|trend(?:s|ed)?|approach(?:ed|ing)?|barely"
    r"|rather than|if|whether|would)\b|\bnon-",
    re.I,
)


@dataclass(frozen=True)
class Sentence:
    """A sentence of a passage, from `start` in it, with the figures in it that are no conventions."""

    passage: Passage
    start: int
    text: str
    figures: tuple[Quoted, ...]

    def between(self, one: Quoted | None, other: Quoted | None) -> str:
        """Return the words after one figure and before another, or from the start or to the end of the sentence."""
        begin = one.end if one else self.start
        end = other.start if other else self.start + len(self.text)
        return self.passage.text[begin:end]


@lru_cache(maxsize=4096)
def sentence_starts(text: str) -> tuple[int, ...]:
    """Return the offsets at which the sentences of a text start, beginning with 0.

    One without an end is cut at LONGEST characters, so that rules that look at pairs within a sentence stay linear.
    """
    starts = [0]
    for end in END.finditer(text):
        word = LAST_WORD.search(text, max(0, end.start() - 12), end.start())
        before = word[1].casefold() if word else ""
        if before not in ABBREVIATIONS and not (len(before) == 1 and word and word[1].isupper()):
            starts.append(end.end())
    ends = (*starts[1:], len(text))
    return tuple(cut for start, end in zip(starts, ends, strict=True) for cut in range(start, max(end, start + 1), LONGEST))


def sentences(figures: Iterable[Quoted]) -> list[Sentence]:
    """Return the sentences of running text that hold figures, in reading order; a table cell is none."""
    found: dict[tuple[int, int], list[Quoted]] = {}
    for figure in figures:
        if figure.kind != "conventional" and figure.passage.table is None:
            starts = sentence_starts(figure.passage.text)
            place = bisect_right(starts, figure.start) - 1
            found.setdefault((figure.passage.index, place), []).append(figure)
    return [as_sentence(place, members) for (_, place), members in found.items()]


def as_sentence(place: int, members: Sequence[Quoted]) -> Sentence:
    passage = members[0].passage
    starts = sentence_starts(passage.text)
    end = starts[place + 1] if place + 1 < len(starts) else len(passage.text)
    end = max(end, members[-1].end)
    return Sentence(passage, starts[place], passage.text[starts[place] : end], tuple(members))


def sentence_of(figure: Quoted) -> str:
    """Return the text of the sentence that a figure stands in, or its cell with the headers of that."""
    passage = figure.passage
    if passage.table is not None:
        near = passage.text[max(0, figure.start - LONGEST // 4) : figure.end + LONGEST // 4]
        return " ".join((passage.row_header[:LONGEST], *(header[:LONGEST] for header in passage.column_headers[:9]), near))
    starts = sentence_starts(passage.text)
    place = bisect_right(starts, figure.start) - 1
    return passage.text[starts[place] : starts[place + 1] if place + 1 < len(starts) else len(passage.text)]


def table_rows(figures: Iterable[Quoted]) -> dict[tuple[int, int], list[Quoted]]:
    """Return the figures of table cells by table and row, from left to right."""
    rows: dict[tuple[int, int], list[Quoted]] = {}
    for figure in figures:
        passage = figure.passage
        if figure.kind != "conventional" and passage.table is not None and passage.row is not None:
            rows.setdefault((passage.table, passage.row), []).append(figure)
    return {place: sorted(row, key=lambda f: (f.passage.column or 0, f.start)) for place, row in rows.items()}


def after(figure: Quoted, characters: int = 60) -> str:
    """Return the characters after a figure in its passage."""
    return figure.passage.text[figure.end : figure.end + characters]


def before(figure: Quoted, characters: int = 60) -> str:
    """Return the characters before a figure in its passage."""
    return figure.passage.text[max(0, figure.start - characters) : figure.start]


def noun_phrase(figure: Quoted) -> str:
    """Return the words from a count up to the next mark, at most six: what it counts."""
    words = re.split(r"[,.;:()\[\]=%]|\d", figure.passage.text[figure.end : figure.end + 80])[0].split()
    return f"{figure.text} {' '.join(words[:6])}"


def counts_people(figure: Quoted) -> bool:
    """Return whether a count is one of people, as far as the words behind it say: the first noun decides."""
    if figure.kind == "count_of_total" and figure.passage.table is not None:
        return True
    words = noun_phrase(figure)
    person, other = PEOPLE.search(words), OTHER_UNITS.search(words)
    if person:
        return other is None or person.start() < other.start()
    return re.search(r"\b[nN]\s*=\s*$", before(figure, 6)) is not None or re.match(r"[nN]\s*=", figure.text) is not None


def counts_people_or_nothing_else(figure: Quoted) -> bool:
    """Return whether a count is one of people, or has no noun of its own ("80 had …")."""
    behind = after(figure, 60)
    return counts_people(figure) or HAVE.match(behind) is not None or not behind.strip(" .)")


def whole(number: Number | None) -> int | None:
    """Return a printed whole number that bears no sign, or None."""
    if number is None or number.sign or number.decimals or number.value < 0:
        return None
    return int(number.value)


def in_abstract(passage: Passage) -> bool:
    """Return whether a passage stands in the abstract or summary."""
    return any(re.match(r"\W*(?:abstract|summary)\b", heading, re.I) for heading in passage.section)


def part_of_manuscript(passage: Passage) -> str:
    """Return which telling of the results a passage belongs to: abstract, table or text."""
    if in_abstract(passage):
        return "abstract"
    return "table" if passage.table is not None else "text"


def percent_text(value: float, decimals: int) -> str:
    """Return a percentage as a message writes it."""
    return f"{value:.{decimals}f}%"


def p_text(p: float) -> str:
    """Return a recomputed p value as a message prints it, with two significant digits."""
    return "<0.0001" if p < 0.0001 else f"{p:.2g}" if p < 0.995 else "1"



def p_shown(p: Number) -> str:
    """Return a p value as printed: "p=0.03", "p<0.001"."""
    digits = (p.text or str(p.value)).lstrip("<>≤≥=pP ")
    return f"p{p.sign or '='}{digits}"
