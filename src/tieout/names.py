"""Find the names that a template uses, in every branch of it, and tell those that do not exist."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, TemplateSyntaxError

from tieout.display import PHRASES, Profile
from tieout.errors import TieoutError, nearest, some_of
from tieout.prose import SENTENCES
from tieout.results import Results, Statistic

OF_THE_LANGUAGE = frozenset(
    (
        *(
            "if",
            "elif",
            "else",
            "endif",
            "in",
            "not",
            "and",
            "or",
            "is",
            "true",
            "false",
        ),
        *("True", "False", "none", "None", "claim", "endclaim", "defined", "raw", "endraw"),
    )
)
NOT_HERE = frozenset(("include", "import", "from", "extends", "macro", "call", "block", "do", "filter", "for", "set", "with"))


@dataclass(frozen=True)
class Name:
    """A dotted name in a template: its place, its parts, the word or sign before it, the filters after it."""

    place: str
    parts: tuple[str, ...]
    before: str
    filters: tuple[str, ...]

    @property
    def root(self) -> str:
        return self.parts[0]

    @property
    def dotted(self) -> str:
        return ".".join(self.parts)


@dataclass(frozen=True)
class Known:
    """What a template may name: keys of results, inserts by kind, claims, filters."""

    results: Results
    inserts: Mapping[str, Collection[str]]
    claims: Collection[str]
    filters: Collection[str]


def wrong_names(template: Path, source: str, language: Environment, known: Known) -> Iterator[TieoutError]:
    """Yield an error with file:line:column and the nearest right name for each name that does not exist."""
    for name in names(template, source, language):
        yield from wrong(name, known)


def wrong(name: Name, known: Known) -> Iterator[TieoutError]:
    if name.before == "claim":
        yield from absent(name.place, "claim", name.root, known.claims)
    elif name.before == "|":
        yield from absent(name.place, "filter", name.root, known.filters)
    elif name.root in NOT_HERE:
        yield TieoutError(name.place, f"'{name.root}' is not part of the template language here")
    elif name.root in known.inserts:
        yield from absent(name.place, name.root, ".".join(name.parts[1:]), known.inserts[name.root])
    elif name.before != "is" and name.root not in OF_THE_LANGUAGE:
        yield from wrong_key(name, known.results)


def absent(place: str, kind: str, word: str, words: Collection[str]) -> Iterator[TieoutError]:
    if word not in words:
        hint = nearest(word, words) or f"there are: {some_of(words, 20)}"
        yield TieoutError(place, f"no {SINGULAR.get(kind, kind)} is called '{word}'", hint)


SINGULAR = {"tables": "table", "alt": "figure"}


def wrong_key(name: Name, results: Results) -> Iterator[TieoutError]:
    """Yield an error where a key, or one that its filter looks up beneath it, does not exist."""
    wanted: list[str] = []

    def look(part: str) -> Statistic:
        wanted.append(f"{name.dotted}.{part}" if part else name.dotted)
        return Statistic(wanted[-1], 0.5, "p", "")

    if name.filters and name.filters[0] in PHRASES:
        PHRASES[name.filters[0]](look, Profile())
    if name.filters and name.filters[0] in SENTENCES and results.under(name.dotted):
        return
    for key in wanted or [name.dotted]:
        if key not in results:
            yield TieoutError(name.place, f"unknown key '{key}'", results.near(key))


Token = tuple[int, str, str]


def tokens(template: Path, source: str, language: Environment) -> list[Token]:
    """Return the tokens of a template's expressions with their offsets; raise TieoutError where it is none."""
    found, offset = [], 0
    silent = ("data", "whitespace", "comment", "comment_begin", "comment_end")
    try:
        for _, kind, value in language.lex(source):
            start = source.find(value, offset)
            offset = start if start >= 0 else offset
            if kind not in silent:
                found.append((offset, kind, value))
            offset += len(value)
        language.parse(source)
    except (RecursionError, ValueError):
        raise TieoutError(str(template), "this is not a template: it is nested too deeply, or a number is too long") from None
    except TemplateSyntaxError as error:
        problem, hint = next((told for sign, told in MISTAKES.items() if sign in str(error.message)), (str(error.message), ""))
        raise TieoutError(f"{template}:{error.lineno}", f"this is not a template: {problem}", hint) from None
    return found


MISTAKES = {
    "looking for the following tags: 'endclaim'": ("a claim is begun and never ended", "end it with [% endclaim %]"),
    "looking for the following tags": ("a condition is begun and never ended", "end it with [% endif %]"),
    "unknown tag 'end": ("a tag ends what was never begun", "begin it with [% if condition.NAME %] or [% claim NAME %]"),
    "unexpected char": ("a sign stands in a figure or tag where none can", "is a [[ or [% before it never closed?"),
}
"""What Jinja2 finds wrong, by words of its message, in ours, with what to try."""


def place_at(source: str, offset: int) -> str:
    """Return line:column, both from 1, of an offset."""
    return f"{source.count(chr(10), 0, offset) + 1}:{offset - source.rfind(chr(10), 0, offset)}"


def names(template: Path, source: str, language: Environment) -> Iterator[Name]:
    """Yield every name outside the text: a.b.c, a.b["2b"].c and what stands around it."""
    code = tokens(template, source, language)
    index, before = 0, ""
    while index < len(code):
        offset, kind, value = code[index]
        if kind != "name":
            before, index = value.strip(), index + 1
            continue
        parts, index = dotted(code, index)
        yield Name(f"{template}:{place_at(source, offset)}", tuple(parts), before, tuple(filters_after(code, index)))
        before = value if len(parts) == 1 else ""


def dotted(code: list[Token], index: int) -> tuple[list[str], int]:
    """Return the parts of the name that begins at a token, and the index behind it."""
    parts, index = [code[index][2]], index + 1
    while index + 1 < len(code):
        sign, (_, kind, value) = code[index][2], code[index + 1]
        if sign == "." and kind in ("name", "integer"):
            parts, index = [*parts, value], index + 2
        elif sign == "[" and kind in ("string", "integer"):
            parts, index = [*parts, value.strip("'\"")], index + 3
        else:
            break
    return parts, index


def filters_after(code: list[Token], index: int) -> Iterator[str]:
    while index + 1 < len(code) and code[index][2] == "|" and code[index + 1][1] == "name":
        yield code[index + 1][2]
        index += 2
