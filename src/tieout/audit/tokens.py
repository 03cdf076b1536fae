"""Cut a text into numbers, words and signs, with their places; a number in words is a number."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from tieout.audit.quoted import Number
from tieout.display import ONES, TENS

TokenKind = Literal["number", "word", "percent", "operator", "dash", "open", "close", "mark", "name", "end"]


@dataclass(frozen=True, slots=True)
class Token:
    """A number, word or sign at its offsets; `glued` says that no space stands before it."""

    kind: TokenKind
    text: str
    start: int
    end: int
    glued: bool
    number: Number | None = None
    spelled: bool = False

    @property
    def lower(self) -> str:
        return self.text.casefold()


MINUS = "-−–‐‑"
PIECE = re.compile(
    r"""
      (?P<name>https?://\S+ | www\.\S+ | \b10\.\d{4,9}/\S+ | [\w.]+@[\w.]+\w
             | \b\d{4}-\d\d-\d\d\b | \b\d{1,2}[/.]\d{1,2}[/.]\d{4}\b | \b\d{1,2}:\d\d\b(?!\d) | \bv?\d+\.\d+\.\d+[\w.]*)
    | (?P<power>(?<![\w.])\d+(?:[.·∙⋅]\d+)?\s?[×x*]\s?10\s?\^?\s?[-−–]\d{1,3} | (?<![\w.])\d+(?:\.\d+)?[eE][-−]\d{1,3}\b)
    | (?P<number>(?<![\d])(?:\d{1,3}(?:,\d{3})+(?![\d]) | \d{1,3}(?:[\ \u00a0\u2009\u202f]\d{3})+(?![\d.·,%])
             | \d+,\d{1,2}(?=\s?%) | \d+)
             (?:[.·∙⋅]\d+)? | (?<![\w.])[.·]\d+)
    | (?P<word>[^\W\d_]\w*(?:['’]\w+)?)
    | (?P<percent>%|٪|％)
    | (?P<operator><=|>=|[=<>≤≥≦≧⩽⩾±∼~≈]|\+/[-−–])
    | (?P<dash>[-−–—‐‑])
    | (?P<open>[(\[{])
    | (?P<close>[)\]}])
    | (?P<mark>\S)
    """,
    re.X,
)
OPERATORS = {
    "<=": "≤", ">=": "≥", "≦": "≤", "≧": "≥", "⩽": "≤", "⩾": "≥", "∼": "=", "~": "=", "≈": "=",
    "+/-": "±", "+/−": "±", "+/–": "±",
}  # fmt: skip
WORDS = {word: i for i, word in enumerate(ONES)} | {word: 10 * i for i, word in enumerate(TENS) if i > 1}
SCALES = {"hundred": 100, "thousand": 1000}
END = Token("end", "", 0, 0, False)


def tokens(text: str) -> list[Token]:
    """Return the tokens of a text, in time linear in its length."""
    found: list[Token] = []
    last_end = 0
    for match in PIECE.finditer(text):
        kind, piece, start = match.lastgroup, match.group(), match.start()
        glued = start == last_end and start > 0
        if kind in ("number", "power"):
            negative = kind == "number" and is_minus(found, start, text)
            if negative:
                before = found.pop()
                start, glued = before.start, before.glued
            value = powered(piece) if kind == "power" else plain(piece, text[start : start + 1] if negative else "")
            found.append(Token("number", text[start : match.end()], start, match.end(), glued, value))
        else:
            shown = OPERATORS.get(piece, piece) if kind == "operator" else piece
            found.append(Token(kind, shown, start, match.end(), glued))  # type: ignore[arg-type]
        last_end = match.end()
    return list(with_words(with_percent_words(found), text))


def is_minus(found: list[Token], start: int, text: str) -> bool:
    """Return whether the dash just before a number is its sign and not a range or a hyphen."""
    if not found or found[-1].kind != "dash" or found[-1].end != start:
        return False
    dash = found[-1]
    if not dash.glued:
        return True
    before = found[-2] if len(found) > 1 else END
    return before.kind in ("open", "operator", "dash") or before.text in (",", ";", ":", "/")


def plain(piece: str, sign: str = "") -> Number:
    digits = re.sub(r"[ \u00a0\u2009\u202f]", "", piece)
    whole, _, fraction = re.sub("[·∙⋅]", ".", digits).partition(".")
    if re.fullmatch(r"\d+,\d{1,2}", whole):
        whole, _, fraction = whole.partition(",")
    value = float(f"{whole.replace(',', '') or 0}.{fraction or 0}")
    return Number(-value if sign else value, len(fraction), text=sign + piece)


def powered(piece: str) -> Number:
    """Return a number in scientific notation: 2.3×10−5, 3.1e-05."""
    mantissa, exponent = re.split(r"\s?[×x*]\s?10\s?\^?\s?|[eE]", piece, maxsplit=1)
    power = int(re.sub(f"[{MINUS}]", "-", exponent))
    base = plain(mantissa)
    return Number(base.value * 10.0**power, max(base.decimals - power, 0), text=piece)


def with_percent_words(found: list[Token]) -> list[Token]:
    """Read "per cent" and "percent" as the sign."""
    out: list[Token] = []
    i = 0
    while i < len(found):
        token = found[i]
        two = token.lower == "per" and i + 1 < len(found) and found[i + 1].lower == "cent"
        if two or token.lower == "percent":
            last = found[i + 1] if two else token
            out.append(Token("percent", "%", token.start, last.end, token.glued))
            i += 2 if two else 1
        else:
            out.append(token)
            i += 1
    return out


def with_words(found: list[Token], text: str) -> Iterator[Token]:
    """Join the words of a spelled number into one number: "One hundred and twelve", "Seventy-seven"."""
    i = 0
    while i < len(found):
        end = i
        while end < len(found) and numeral(found, end, i):
            end += 1
        while end > i and (found[end - 1].kind == "dash" or found[end - 1].lower == "and"):
            end -= 1
        if end == i:
            yield found[i]
            i += 1
            continue
        start, stop = found[i].start, found[end - 1].end
        words = [t.lower for t in found[i:end] if t.kind == "word"]
        number = Number(float(counted(words)), text=text[start:stop])
        yield Token("number", text[start:stop], start, stop, found[i].glued, number, spelled=True)
        i = end


def numeral(found: list[Token], at: int, start: int) -> bool:
    """Return whether the token at `at` goes on with a number in words that began at `start`."""
    token, word = found[at], found[at].lower
    before = found[at - 1].lower if at > start else ""
    if at == start:
        return word in WORDS
    if word in SCALES:
        return before in WORDS or (before, word) == ("hundred", "thousand")
    if word == "and":
        return before in SCALES and at + 1 < len(found) and found[at + 1].lower in WORDS
    if token.kind == "dash":
        return token.glued and before in TENS[2:] and at + 1 < len(found) and found[at + 1].lower in ONES[1:10]
    joined = before in SCALES or before == "and" or found[at - 1].kind == "dash"
    return word in WORDS and (joined or (before in TENS[2:] and word in ONES[1:10]))


def counted(words: list[str]) -> int:
    total = current = 0
    for word in words:
        if word == "thousand":
            total, current = total + max(current, 1) * 1000, 0
        elif word == "hundred":
            current = max(current, 1) * 100
        elif word != "and":
            current += WORDS[word]
    return total + current


ABBREVIATIONS = frozenset("vs v eg ie e.g i.e fig figs no al dr approx st ca cf ref refs vol pp".split())


def sentence_ends(found: list[Token], i: int) -> bool:
    """Return whether the token at `i` is the full stop, question or exclamation mark that ends a sentence."""
    token = found[i]
    if token.text not in ".?!" or token.kind != "mark":
        return False
    if i + 1 == len(found):
        return True
    after, before = found[i + 1], found[i - 1] if i else END
    return (
        not after.glued
        and before.lower not in ABBREVIATIONS
        and (after.text[:1].isupper() or after.kind in ("number", "open"))
    )
