"""Find how an unknown table writes its numbers and dates, where that can be told from the cells."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pandas as pd
from pydantic import ValidationError

from tieout.errors import TieoutError, nearest
from tieout.places import Format
from tieout.registry import WRITTEN, rewritten

EXAMPLES = {"encoding": "cp1252", "delimiter": "tab", "decimal": ",", "dates": "day_month_year", "sheet": "Patients"}
COMMA = re.compile(r"\s*[+-]?(\d+|\d{1,3}(\.\d{3})+)(,\d+)?\s*")
SLASHED = re.compile(r"\s*(\d{1,2})[./ -]+(\d{1,2})[./ -]+\d{4}([T ,]+\d{1,2}:\d{2}(:\d{2})?)?\s*")


def asked(pairs: list[str]) -> Format:
    """Return a format from words such as encoding=cp1252; raise TieoutError for a word that it does not know."""
    given = dict(pair.partition("=")[::2] for pair in pairs)
    for key in given:
        if key not in Format.model_fields:
            hint = nearest(key, Format.model_fields) or f"one of {', '.join(Format.model_fields)}"
            raise TieoutError("--format", f"unknown part '{key}'", hint)
        if not given[key]:
            raise TieoutError("--format", f"{key} has no value", f"write, say, --format {key}={EXAMPLES[key]}")
    try:
        return Format.model_validate(given)
    except ValidationError as error:
        wrong = error.errors()[0]
        expected = str(wrong.get("ctx", {}).get("expected", "another value"))
        raise TieoutError("--format", f"{wrong['loc'][0]}: got '{wrong['input']}', expected {expected}") from None


def found(table: pd.DataFrame, form: Format) -> tuple[Format, pd.DataFrame, dict[str, str]]:
    """Return the format as completed, the table in plain writing, and columns that cannot be read, with the reason.

    A decimal comma is taken where a whole column can only be such numbers; the order of a date where some day is beyond 12.
    """
    values = {name: [cell for cell in table[name].unique() if cell.strip()] for name in table}
    commas = [name for name, cells in values.items() if cells and all(map(COMMA.fullmatch, cells)) and any("," in c for c in cells)]
    dates = {name: cells for name, cells in values.items() if cells and all(map(SLASHED.fullmatch, cells))}
    orders = {order for cells in dates.values() for order in told(cells)}
    known = form.model_dump()
    if commas:
        known["decimal"] = ","
    if len(orders) == 1:
        known["dates"] = orders.pop()
    form = Format(**known)
    plain = table.copy()
    for key, names in (("decimal", commas), ("dates", dates)):
        if way := WRITTEN.get((key, getattr(form, key))):
            for name in names:
                plain[name] = rewritten(plain[name], way)
    unclear = "" if form.dates != "year_month_day" else "is the day or the month first? say so: --format dates=day_month_year"
    return form, plain, dict.fromkeys(dates, unclear) if unclear else {}


def told(cells: list[str]) -> Iterator[str]:
    """Yield the orders that dates can only have: a number beyond 12 is a day."""
    pairs = [(int(match[1]), int(match[2])) for match in map(SLASHED.fullmatch, cells) if match]
    if any(first > 12 for first, _ in pairs):
        yield "day_month_year"
    if any(second > 12 for _, second in pairs):
        yield "month_day_year"
