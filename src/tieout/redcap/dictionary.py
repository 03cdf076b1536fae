"""Read REDCap's data dictionary, as the web page or the API writes it."""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tieout.errors import TieoutError, raise_all, some_of
from tieout.sources import file_bytes, utf8

HEADERS = {
    "Variable / Field Name": "field_name",
    "Form Name": "form_name",
    "Section Header": "section_header",
    "Field Type": "field_type",
    "Field Label": "field_label",
    "Choices, Calculations, OR Slider Labels": "select_choices_or_calculations",
    "Text Validation Type OR Show Slider Number": "text_validation_type_or_show_slider_number",
    "Text Validation Min": "text_validation_min",
    "Text Validation Max": "text_validation_max",
    "Identifier?": "identifier",
    "Branching Logic (Show field only if...)": "branching_logic",
    "Required Field?": "required_field",
}
"""The columns that are read: their headers on the web page, and from the API."""
NEEDED = ("field_name", "form_name", "field_type", "field_label")
CHOOSING = ("radio", "dropdown", "checkbox")
KINDS = (*CHOOSING, "text", "notes", "calc", "yesno", "truefalse", "slider", "file", "signature", "descriptive", "sql")
CONTACTS = (
    "email", "phone", "phone_australia", "zipcode", "postalcode_australia", "postalcode_canada", "mrn_10d", "mrn_generic", "ssn",
)  # fmt: skip
"""Validation types whose values identify a person."""


@dataclass(frozen=True)
class Field:
    """One field: its form, type, label, choices by code in their order, validation, limits, and when it is shown."""

    name: str
    form: str
    type: str
    label: str
    choices: Mapping[str, str]
    validation: str = ""
    minimum: str = ""
    maximum: str = ""
    identifier: bool = False
    branching: str = ""
    required: bool = False

    @property
    def identifying(self) -> bool:
        """Whether it is marked as an identifier, or is of a kind that identifies: contacts and free notes."""
        return self.identifier or self.validation in CONTACTS or self.type == "notes"


@dataclass(frozen=True)
class Dictionary:
    """The fields of a project in their order; the first is the number of the record."""

    path: Path
    fields: tuple[Field, ...]

    @cached_property
    def by_name(self) -> Mapping[str, Field]:
        return {field.name: field for field in self.fields}

    @property
    def record(self) -> Field:
        return self.fields[0]

    @property
    def forms(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(field.form for field in self.fields))


def read(path: Path) -> Dictionary:
    """Read a data dictionary in CSV; raise TieoutError with its line where it is none, or a field is declared wrongly."""
    text = utf8(path, file_bytes(path), "").decode()
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error:
        raise TieoutError(str(path), "this is not a table of comma-separated cells", "download the dictionary again") from None
    header = [HEADERS.get(name.strip(), name.strip()) for name in rows[0]]
    missing = [name for name in NEEDED if name not in header]
    if missing:
        problem = f"this is no data dictionary of REDCap: the column '{missing[0]}' is missing"
        raise TieoutError(str(path), problem, "download it in REDCap under Designer, or with the API as CSV")
    return of_rows(path, [dict(zip(header, (*row, *[""] * len(header)), strict=False)) for row in rows[1:]])


def of_rows(path: Path, rows: Sequence[Mapping[str, str]]) -> Dictionary:
    """Return rows in the API's names as a dictionary; raise TieoutError where a field is declared wrongly."""
    fields, errors = [], []
    for number, cells in enumerate(rows, 1):
        try:
            fields.append(field(cells))
        except ValueError as error:
            errors.append(TieoutError(f"{path} field {number}", str(error)))
    raise_all(errors)
    doubled = [each.name for each in fields if [f.name for f in fields].count(each.name) > 1]
    if doubled:
        raise TieoutError(str(path), f"the field '{doubled[0]}' stands twice", "download the dictionary again")
    if not fields:
        raise TieoutError(str(path), "the dictionary has a header and no fields", "download the dictionary again")
    return Dictionary(path, tuple(fields))


def field(cells: Mapping[str, str]) -> Field:
    """Return a row as a field; raise ValueError with what is wrong."""
    name, kind = cells["field_name"].strip(), cells["field_type"].strip()
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ValueError(f"'{name[:40]}' is no name of a field")
    if kind not in KINDS:
        raise ValueError(f"{name} is of the unknown type '{kind[:40]}', expected one of {some_of(KINDS, 20)}")
    choices = choices_of(cells.get("select_choices_or_calculations", "")) if kind in CHOOSING else {}
    if kind in CHOOSING and not choices:
        raise ValueError(f"{name} has no choices such as '1, Yes | 2, No'")
    return Field(
        name, cells["form_name"].strip(), kind, plain(cells["field_label"]) or name, choices,
        cells.get("text_validation_type_or_show_slider_number", "").strip(), cells.get("text_validation_min", "").strip(),
        cells.get("text_validation_max", "").strip(), cells.get("identifier", "").strip().lower() == "y",
        cells.get("branching_logic", "").strip(), cells.get("required_field", "").strip().lower() == "y",
    )  # fmt: skip


def choices_of(text: str) -> dict[str, str]:
    """Return choices such as "1, Yes | 2, No, not at all" as labels by code; a label may hold commas, a code none."""
    found = {}
    for choice in text.replace("\n", " | ").split("|"):
        code, comma, label = choice.partition(",")
        if comma and code.strip():
            found[code.strip()] = plain(label) or code.strip()
    return found


def plain(text: str) -> str:
    """Return a label without markup, on one line."""
    return " ".join(html.unescape(re.sub(r"<[^<>]*>", " ", text)).split())
