"""Where the reading of one passage stands, and what every reader of numbers asks of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tieout.audit.labels import INTERVAL_WORDS, LABELS, QUARTILE_WORDS, UNITS, Label
from tieout.audit.quoted import Number, Passage, Quoted
from tieout.audit.tokens import END, Token

FILLERS = frozenset("of was were is are the a an with and for it's its at value values estimate had".split())


@dataclass
class Reading:
    """Where the reading of one passage stands: its tokens, what was announced, and what a header says of its cells."""

    passage: Passage
    tokens: list[Token]
    announced: Label | None = None
    before: Label | None = None
    at: int = -1
    counts_in_brackets: bool = False
    total: Number | None = None
    level_of_significance: bool = False
    found: list[Quoted] = field(default_factory=list)

    @property
    def announced_kind(self) -> str:
        return self.announced.kind if self.announced else ""

    def token(self, i: int) -> Token:
        return self.tokens[i] if 0 <= i < len(self.tokens) else END


@dataclass(frozen=True)
class Part:
    """A part of a figure: what it is, its numbers, and the index of the token after it."""

    kind: str
    numbers: tuple[Number, ...]
    end: int
    confidence: float | None = None


def label_at(found: Sequence[Token], i: int) -> tuple[Label, int] | None:
    """Return the measure that is named at `i` and the index after its name: "adjusted odds ratio", "aOR", "median"."""
    token = found[i]
    if token.kind != "word":
        return None
    if token.text == "or":
        return None
    for name, label in dict.fromkeys((*LABELS.get(token.lower, ()), *LABELS.get(token.text, ()))):
        j, k = i, 0
        while k < len(name) and j < len(found):
            if found[j].kind == "dash" and k:
                j += 1
                continue
            if (found[j].text if name[k] != name[k].lower() else found[j].lower) != name[k]:
                break
            j, k = j + 1, k + 1
        if k == len(name):
            return label, j
    return None


def number_at(reading: Reading, i: int) -> Number | None:
    """Return the number at token i, or None."""
    return reading.token(i).number


def skip_percent(reading: Reading, i: int) -> int:
    """Return the place after a percent sign at token i, or i."""
    return i + 1 if reading.token(i).kind == "percent" else i


def whole(number: Number | None) -> bool:
    """Return whether a number is printed as a count."""
    return number is not None and number.decimals == 0 and number.value >= 0


def conventional(reading: Reading, start: int, end: int, convention: str) -> int:
    """Note a number that is no figure, from one token to before another; return the place after it."""
    add(reading, "conventional", start, end, convention=convention)
    return end


def add(reading: Reading, kind: str, start: int, end: int, **parts) -> int:
    """Note a figure from one token to before another, with the bracket that it opened; return the place after it."""
    first, last = reading.tokens[start].start, reading.tokens[end - 1].end
    text = reading.passage.text[first:last]
    closing = end
    while (text.count("(") > text.count(")") and reading.token(closing).text == ")") or (
        text.count("[") > text.count("]") and reading.token(closing).text == "]"
    ):
        last = reading.tokens[closing].end
        text, closing = reading.passage.text[first:last], closing + 1
    reading.found.append(Quoted(kind, text, reading.passage, first, last, **parts))  # type: ignore[arg-type]
    return max(end, closing)


def adjacent(reading: Reading, i: int) -> bool:
    """Return whether only fillers, commas, brackets and a format such as "(95% CI)" stand between a name and a number."""
    j = reading.at
    if j < 0:
        return True
    while j < i:
        token = reading.token(j)
        plain = (
            token.kind in ("open", "close", "percent", "operator", "dash")
            or token.text in ",:;="
            or token.lower in FILLERS
        )
        if not (plain or token.lower in INTERVAL_WORDS | QUARTILE_WORDS | {"sd", "p", "se"} or token.number):
            return False
        j += 1
    return True


def unit_of(reading: Reading, i: int) -> str:
    """Return "quantity" where a unit of measurement follows token i."""
    j = i + 1
    if reading.token(j).kind == "dash" and reading.token(j).glued:
        j += 1
    return "quantity" if reading.token(j).lower in UNITS else ""
