"""Say what REDCap's dictionary knows of each column in the words of the study file."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from tieout.guess import CODES, NUMBER, UNKNOWN
from tieout.redcap import branching
from tieout.redcap.dictionary import Dictionary, Field
from tieout.redcap.export import GROUP, Column, Flat

Entry = dict[str, Any]
NOT_APPLICABLE = frozenset({"not applicable", "n/a", "na", "not_applicable", "does not apply"})
VAGUE = UNKNOWN - {"none", "no", "-", "."}
SMALL = frozenset({"9"})
"""Codes that are asked about only where their label says nothing."""
STATE = "REDCap's state of the form"
STATES = {"0": "Incomplete", "1": "Unverified", "2": "Complete"}


def entries(flat: Flat, dictionary: Dictionary) -> tuple[dict[str, Entry], dict[str, tuple[str, ...]]]:
    """Return an entry of the study file for each variable of a flat export, and questions that a person must answer.

    A checkbox is one variable, under its name without the options. Rules of branching come in as `applies` where they can
    be said; choices that read like a missing value are asked about.
    """
    names = set(flat.table.columns)
    found: dict[str, Entry] = {}
    asked: dict[str, tuple[str, ...]] = {}
    for column in flat.columns:
        name = column.name.split("___")[0]
        if name in found:
            continue
        if column.name == dictionary.record.name:
            found[name] = {"label": dictionary.record.label, "type": "key", "role": "record"}
        elif column.name == GROUP:
            found[name] = {"label": "Site", "type": "text", "role": "site"}
        elif column.field is None:
            found[name] = form_entry(column)
        else:
            found[name], asked[name] = entry(column, column.field, flat.table, dictionary, names)
    return found, {name: questions for name, questions in asked.items() if questions}


def form_entry(column: Column) -> Entry:
    title = column.form.replace("_", " ")
    if column.part == "count":
        return {"label": f"Number of entries: {title}", "type": "integer"}
    return {"label": f"State of the form {title}{told(column)}", "type": "category", "levels": STATES, "note": STATE}


def told(column: Column) -> str:
    """Return which of several values a column holds: the event, or the first or last entry."""
    words = {"first": "first entry", "last": "last entry"}
    return f" ({words.get(column.part, column.part.replace('_', ' '))})" if column.part else ""


def entry(column: Column, field: Field, table: pd.DataFrame, dictionary: Dictionary, names: set[str]) -> tuple[Entry, tuple[str, ...]]:
    """Return the entry of one field, and what is to be asked about it."""
    made = KINDS.get(field.type, KINDS["text"])(field)
    levels, questions = made.get("levels"), []
    if levels and made["type"] == "category":
        odd = {code: label for code, label in levels.items() if code in CODES - SMALL or label.casefold().replace(" ", "_") in VAGUE}
        odd |= {code: label for code, label in levels.items() if label.casefold() in NOT_APPLICABLE}
        if odd and len(odd) < len(levels):
            made["levels"] = {code: label for code, label in levels.items() if code not in odd}
            for key, apply in (("not_applicable", True), ("missing", False)):
                codes = {c: label for c, label in odd.items() if (label.casefold() in NOT_APPLICABLE) is apply}
                if codes:
                    made[key] = codes
                    questions.append(f"does {', '.join(f'{c} ({label})' for c, label in codes.items())} mean {WORDS[key]}?")
    applies = branching.rule(field.branching, dictionary, namer(column, names)) if field.branching else None
    if field.branching and (applies is None or not known(applies, names)):
        questions.append("its branching logic cannot be said as a rule here: where does it apply?")
    elif applies:
        made["applies"] = applies
    if "range" in made and outside(table[column.name], made["range"]):
        low, high = made.pop("range")
        questions.append(f"values lie outside its range in REDCap: add range: [{low:g}, {high:g}], and tieout check lists them")
    return {"label": f"{field.label}{told(column)}", **made}, tuple(questions)


WORDS = {"missing": "unknown", "not_applicable": "not applicable"}


def namer(column: Column, names: set[str]) -> Callable[[str], str]:
    """Return how another field's column is called as this column sees it: of the same event, where it has events."""

    def name(other: str) -> str:
        base, boxed, code = other.partition("___")
        own = f"{base}__{column.part}{boxed}{code}"
        return own if column.part and own in names else other

    return name


def known(rule: str, names: set[str]) -> bool:
    words = re.findall(r"'[^']*'|[A-Za-z]\w*", rule)
    return all(word in names or word in ("and", "or", "not", "known", "missing") or word.startswith("'") for word in words)


def outside(cells: pd.Series, limits: tuple[float, float]) -> bool:
    """Return whether a number among the cells lies outside the limits; codes for a missing value do not count."""
    plain = cells[cells.str.fullmatch(NUMBER) & ~cells.isin(CODES)]
    return bool((~pd.to_numeric(plain).between(*limits)).any())


def number(field: Field, kind: str) -> Entry:
    limits = (field.minimum, field.maximum)
    if all(NUMBER.fullmatch(limit) for limit in limits) and float(limits[0]) < float(limits[1]):
        return {"type": kind, "range": (float(limits[0]), float(limits[1]))}
    return {"type": kind}


def text(field: Field) -> Entry:
    """Return a text field by its validation."""
    for beginning, make in VALIDATED.items():
        if field.validation.startswith(beginning):
            return make(field)
    return {"type": "text"}


def chosen(field: Field) -> Entry:
    return {"type": "category", "levels": distinct(field.choices)}


def boxes(field: Field) -> Entry:
    return {"type": "checkbox", "levels": distinct({branching.option(code): label for code, label in field.choices.items()})}


def distinct(choices: Mapping[str, str]) -> dict[str, str]:
    """Return choices with their code behind a label that stands twice."""
    labels = list(choices.values())
    return {code: f"{label} ({code})" if labels.count(label) > 1 else label for code, label in choices.items()}


VALIDATED: dict[str, Callable[[Field], Entry]] = {
    "integer": lambda field: number(field, "integer"),
    "number": lambda field: number(field, "decimal"),
    "datetime": lambda field: {"type": "datetime"},
    "date": lambda field: {"type": "date"},
}
"""What a text field is, by the beginning of its validation."""

KINDS: dict[str, Callable[[Field], Entry]] = {
    "text": text,
    "yesno": lambda field: {"type": "yesno"},
    "truefalse": lambda field: {"type": "yesno", "levels": {"1": "True", "0": "False"}},
    "radio": chosen,
    "dropdown": chosen,
    "checkbox": boxes,
    "calc": lambda field: {"type": "decimal"},
    "slider": lambda field: {"type": "integer"},
}
"""What a field is in the study file, by its type in REDCap."""
