"""Say REDCap's branching logic as a rule of the study file, where both can say the same."""

from __future__ import annotations

import re
from collections.abc import Callable

from tieout.redcap.dictionary import Dictionary, Field

TOKEN = re.compile(
    r"\s*(?:(?P<field>\[[a-z][a-z0-9_]*(?:\([^()\[\]]*\))?\])|(?P<text>'[^']*'|\"[^\"]*\")|(?P<number>-?\d+(?:\.\d+)?)"
    r"|(?P<sign><>|!=|<=|>=|=|<|>|\(|\))|(?P<word>and|or|not)\b)",
    re.IGNORECASE,
)
SIGNS = {"=": "==", "<>": "!=", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
LONGEST, DEEPEST = 2000, 40
Token = tuple[str, str]


class Untranslatable(ValueError):
    """Logic that a rule cannot say: functions, other events, smart variables."""


def rule(logic: str, dictionary: Dictionary, name: Callable[[str], str] = lambda column: column) -> str | None:
    """Return branching logic as a rule, or None where it cannot be said as one.

    `name` gives the study's name for a column of the export. [x] = '1' becomes x == 1, [x] = '' missing(x), [x] <> ''
    known(x), and [box(2)] = '1' box___2 == 1. Functions, other events and smart variables cannot be said.
    """
    try:
        tokens = split(logic)
        told, rest = either(tokens, dictionary, name, 0)
    except Untranslatable:
        return None
    return told if not rest else None


def split(logic: str) -> list[Token]:
    if len(logic) > LONGEST:
        raise Untranslatable
    tokens, place = [], 0
    while place < len(logic.rstrip()):
        match = TOKEN.match(logic, place)
        if not match:
            raise Untranslatable
        tokens.append((str(match.lastgroup), match[str(match.lastgroup)]))
        place = match.end()
    return tokens


def either(tokens: list[Token], dictionary: Dictionary, name: Callable[[str], str], depth: int) -> tuple[str, list[Token]]:
    return chained("or", both, tokens, dictionary, name, depth)


def both(tokens: list[Token], dictionary: Dictionary, name: Callable[[str], str], depth: int) -> tuple[str, list[Token]]:
    return chained("and", single, tokens, dictionary, name, depth)


def chained(
    word: str, part: Callable[..., tuple[str, list[Token]]], tokens: list[Token], dictionary: Dictionary,
    name: Callable[[str], str], depth: int,
) -> tuple[str, list[Token]]:  # fmt: skip
    """Return parts joined by one word, and the tokens after them."""
    first, rest = part(tokens, dictionary, name, depth)
    told = [first]
    while rest and rest[0][0] == "word" and rest[0][1].lower() == word:
        following, rest = part(rest[1:], dictionary, name, depth)
        told.append(following)
    return f" {word} ".join(told), rest


def single(tokens: list[Token], dictionary: Dictionary, name: Callable[[str], str], depth: int) -> tuple[str, list[Token]]:
    """Return one comparison or what stands in brackets, and the tokens after it."""
    if not tokens or depth > DEEPEST:
        raise Untranslatable
    kind, text = tokens[0]
    if kind == "word" and text.lower() == "not":
        told, rest = single(tokens[1:], dictionary, name, depth + 1)
        return f"not ({told})", rest
    if text == "(":
        told, rest = either(tokens[1:], dictionary, name, depth + 1)
        if not rest or rest[0][1] != ")":
            raise Untranslatable
        return f"({told})", rest[1:]
    if len(tokens) < 3 or kind != "field" or tokens[1][1] not in SIGNS:
        raise Untranslatable
    return compared(text, SIGNS[tokens[1][1]], tokens[2], dictionary, name), tokens[3:]


def compared(left: str, sign: str, right: Token, dictionary: Dictionary, name: Callable[[str], str]) -> str:
    """Return a comparison of a field with a value or with another field."""
    column, field = column_of(left, dictionary)
    kind, text = right
    if kind == "field":
        return f"{name(column)} {sign} {name(column_of(text, dictionary)[0])}"
    if kind not in ("text", "number"):
        raise Untranslatable
    value = text.strip("'\"") if kind == "text" else text
    if not value:
        presence = {"==": "missing", "!=": "known"}
        if sign not in presence:
            raise Untranslatable
        return f"{presence[sign]}({name(column)})"
    if re.fullmatch(r"-?(0|[1-9]\d*)(\.\d+)?", value):
        return f"{name(column)} {sign} {value}"
    if field.choices and value in field.choices and re.fullmatch(r"\w+", value):
        return f"{name(column)} {sign} '{value}'"
    raise Untranslatable


def column_of(text: str, dictionary: Dictionary) -> tuple[str, Field]:
    """Return the column that [field] or [box(code)] means."""
    match = re.fullmatch(r"\[([a-z][a-z0-9_]*)(?:\(([^()]*)\))?\]", text, re.IGNORECASE)
    field = dictionary.by_name.get(match[1]) if match else None
    if not match or field is None or (match[2] is None) == (field.type == "checkbox"):
        raise Untranslatable
    return (f"{field.name}___{option(match[2])}" if match[2] is not None else field.name), field


def option(code: str) -> str:
    """Return a checkbox's code as it stands in a column's name: -99 as _99, letters small."""
    return re.sub(r"[^a-z0-9_]", "_", code.strip().lower())
