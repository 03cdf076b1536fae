"""Rows to CSV text, with cells that no spreadsheet takes for formulas."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
NUMBER = re.compile(r"[-+]?\d[\d.,]*(?:e[-+]?\d+)?", re.IGNORECASE)


def as_csv(rows: Iterable[Sequence[str]], end: str = "\r\n") -> str:
    """Return rows, the header first, as CSV text whose lines end with `end` (RFC 4180 by default); numbers alone begin with a sign."""
    text = io.StringIO()
    csv.writer(text, lineterminator=end).writerows([cell if is_number(cell) else harmless(cell) for cell in row] for row in rows)
    return text.getvalue()


def is_number(cell: str) -> bool:
    return not isinstance(cell, str) or NUMBER.fullmatch(cell) is not None


def harmless(cell: str) -> str:
    """Return a text that a spreadsheet takes as text and not as a formula."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell
