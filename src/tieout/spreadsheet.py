"""Rows to CSV text, with cells that no spreadsheet takes for formulas."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence


def as_csv(rows: Iterable[Sequence[str]], end: str = "\r\n") -> str:
    """Return rows, the header first, as CSV text whose lines end with `end` (RFC 4180 by default)."""
    text = io.StringIO()
    csv.writer(text, lineterminator=end).writerows(rows)
    return text.getvalue()


def harmless(cell: str) -> str:
    """Return a text that a spreadsheet takes as text and not as a formula."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
