"""Read a sheet of an Excel workbook as text cells."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator, Sized
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from tieout.errors import TieoutError, nearest, some_of
from tieout.places import Format
from tieout.sources import NO_ROWS, Cells, check_names, file_bytes

OLE = bytes.fromhex("d0cf11e0a1b11ae1")
LARGEST = 2_000_000_000
"""Bytes that the parts of a workbook may unpack to, together."""
RATIO = 200
"""How many times larger than packed they may be."""
SAFE_SIZE = 50_000_000
"""Below this many bytes the ratio says nothing: blank cells pack very well."""
MERGED = re.compile(rb'<(?:\w+:)?mergeCell\b[^>]*?ref="([A-Z]+\d+:[A-Z]+\d+)"')
FORMULA = re.compile(rb"<(?:\w+:)?f[\s/>]")
CELL = re.compile(rb"<(?:\w+:)?c\b([^>]*[^/>])>(.*?)</(?:\w+:)?c>", re.DOTALL)
VALUE = re.compile(rb"<(?:\w+:)?v>[^<]")
ZEROS = re.compile("0{2,}")
"""Number formats that show leading zeros, as of codes."""


@contextmanager
def open_workbook(path: Path, form: Format) -> Iterator[Cells]:
    """Open the one sheet with data, or the one that the study names, as text cells; the first row is the header.

    Numbers that are whole have no decimals, unless their format shows leading zeros; dates are ISO, true and false are 1
    and 0; a formula is its last value. Raises TieoutError where the workbook is encrypted, damaged, too large, has several
    sheets and none is named, merged cells, cells with errors or formulas without value, or blank headers.
    """
    raw = file_bytes(path)
    check_package(path, raw)
    import openpyxl  # only workbooks need it

    try:
        book = openpyxl.load_workbook(io.BytesIO(raw), read_only=True, data_only=True)
        sheet = chosen(path, book, form.sheet)
        source = source_of(raw, sheet._worksheet_path)
        check_source(f"{path} sheet {sheet.title}", source)
        rows = list(rows_of(sheet, shows_zeros(raw)))
    except TieoutError:
        raise
    except Exception:
        raise TieoutError(str(path), "this is not an Excel workbook, or a damaged one", "save it again, or as CSV in UTF-8") from None
    yield Cells(as_cells(path, sheet.title, rows, form.decimal))


def rows_of(sheet: Any, with_zeros: bool) -> Iterator[list[Any]]:
    """Yield the values of every row of a sheet."""
    if not with_zeros:
        yield from map(list, sheet.iter_rows(values_only=True))
        return
    for row in sheet.iter_rows():
        yield [padded(cell.value, cell.number_format) if cell.value is not None else None for cell in row]


def padded(value: Any, number_format: str) -> Any:
    """Return a whole number as text with the leading zeros that its format shows; any other value as it is."""
    whole = isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0 and value == int(value)
    return str(int(value)).zfill(len(number_format)) if whole and ZEROS.fullmatch(number_format or "") else value


def source_of(raw: bytes, part: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(raw)) as package:
        return package.read(part)


def shows_zeros(raw: bytes) -> bool:
    """Return whether a format of the workbook shows leading zeros: only then is it asked for the format of each cell."""
    with zipfile.ZipFile(io.BytesIO(raw)) as package:
        styles = package.read("xl/styles.xml") if "xl/styles.xml" in package.namelist() else b""
    return re.search(rb'formatCode="0{2,}"', styles) is not None


def check_source(place: str, source: bytes) -> None:
    """Raise TieoutError for what the values of a sheet do not tell: merged cells, and formulas that have no value."""
    if merged := MERGED.search(source):
        problem = f"cells are merged, the first in {merged[1].decode()}"
        raise TieoutError(place, problem, "unmerge them and fill every cell: of merged cells only the first has a value")
    if not FORMULA.search(source):
        return
    waiting = [cell[1] for cell in CELL.finditer(source) if uncomputed(cell[1], cell[2])]
    if waiting:
        first = re.search(rb'\br="([A-Z]+\d+)"', waiting[0])
        told = f", the first in {first[1].decode()}" if first else ""
        problem = f"{cells_hold(waiting)} a formula that was never computed{told}"
        raise TieoutError(place, problem, "open it in Excel and save it, or save it as CSV in UTF-8")


def cells_hold(found: Sized) -> str:
    return "1 cell holds" if len(found) == 1 else f"{len(found)} cells hold"


def uncomputed(attributes: bytes, content: bytes) -> bool:
    """Return whether a cell is a formula without a value; a text that is empty is one."""
    return FORMULA.search(content) is not None and b't="str"' not in attributes and VALUE.search(content) is None


def check_package(path: Path, raw: bytes) -> None:
    """Raise TieoutError for what is no workbook, or would unpack to more than a registry can be, or declares entities."""
    if raw.startswith(OLE):
        raise TieoutError(
            str(path), "this workbook is protected by a password, or of the old .xls kind", "save it as .xlsx without a password"
        )
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as package:
            size = sum(part.file_size for part in package.infolist())
            if size > LARGEST or (size > SAFE_SIZE and size > RATIO * len(raw)):
                raise TieoutError(str(path), f"this workbook unpacks to {size:,} bytes", "export the registry as CSV")
            for part in package.infolist():
                with package.open(part) as file:
                    if b"<!DOCTYPE" in (head := file.read(4096)) or b"<!ENTITY" in head:
                        raise TieoutError(str(path), "this workbook declares entities, which no Excel writes", "save it again")
    except (zipfile.BadZipFile, EOFError, OSError, ValueError, NotImplementedError, RuntimeError):
        raise TieoutError(str(path), "this is not an Excel workbook, or a damaged one", "save it again, or as CSV in UTF-8") from None


def chosen(path: Path, book: Any, name: str) -> Any:
    """Return the sheet that is named, or the only one that has data."""
    sheets = {sheet.title: sheet for sheet in book.worksheets}
    for sheet in sheets.values():
        sheet.reset_dimensions()  # what a sheet says of its size can be wrong
    if name:
        if name not in sheets:
            hint = nearest(name, sheets) or f"its sheets are {some_of(sheets)}"
            raise TieoutError(str(path), f"there is no sheet called '{name}'", hint)
        return sheets[name]
    filled = [title for title, sheet in sheets.items() if any(cell is not None for row in sheet.values for cell in row)]
    if not filled:
        raise TieoutError(str(path), "no sheet of this workbook has data", "export the registry again")
    if len(filled) > 1:
        problem = f"{len(filled)} sheets have data: {some_of(filled)}"
        raise TieoutError(str(path), problem, f"say which: format: {{sheet: {filled[0]}}}")
    if sheets[filled[0]].sheet_state != "visible":
        hint = f"if it is meant: format: {{sheet: {filled[0]}}}"
        raise TieoutError(str(path), f"the only sheet with data, '{filled[0]}', is hidden", hint)
    return sheets[filled[0]]


def as_cells(path: Path, title: str, rows: list[list[Any]], decimal: str) -> pd.DataFrame:
    """Return rows as text cells under their header; blank rows below and blank columns beside the table are left out."""
    while rows and all(cell is None for cell in rows[-1]):
        rows.pop()
    place = f"{path} sheet {title}"
    width = max(map(len, rows), default=0)
    header = [text_of(cell, ".").strip() for cell in [*rows[0], *[None] * (width - len(rows[0]))]] if rows else []
    used = [k for k in range(len(header)) if header[k] or any(len(row) > k and row[k] is not None for row in rows[1:])]
    blank = [k + 1 for k in used if not header[k]]
    if blank:
        problem = f"the header of column {blank[0]} is blank, though the column has cells"
        raise TieoutError(place, problem, "give every column a name in the first row, and leave nothing above or beside the table")
    check_names(Path(place), [header[k] for k in used])
    if len(rows) < 2:
        raise TieoutError(place, *NO_ROWS)
    wrong = [(k + 1, n) for n, row in enumerate(rows[1:], 2) for k in used if k < len(row) and row[k] in ERRORS]
    if wrong:
        from openpyxl.utils import get_column_letter

        column, row = wrong[0]
        problem = f"{cells_hold(wrong)} an error such as #N/A, the first in {get_column_letter(column)}{row}"
        raise TieoutError(place, problem, "mend the formulas in Excel")
    cells = {header[k]: [text_of(row[k], decimal) if k < len(row) else "" for row in rows[1:]] for k in used}
    return pd.DataFrame(cells, dtype="str")


ERRORS = frozenset({
    "#N/A", "#REF!", "#DIV/0!", "#VALUE!", "#NAME?", "#NUM!", "#NULL!", "#SPILL!", "#CALC!", "#BUSY!",
    "#GETTING_DATA", "#FIELD!", "#BLOCKED!", "#CONNECT!", "#UNKNOWN!", "#EXTERNAL!",
})  # fmt: skip


def text_of(cell: Any, decimal: str) -> str:
    """Return a cell as a CSV file would hold it, in which numbers have this decimal sign."""
    match cell:
        case None:
            return ""
        case bool():
            return str(int(cell))
        case float() if cell.is_integer() and abs(cell) < 2**53:
            return str(int(cell))
        case float():
            return repr(cell).replace(".", decimal)
        case datetime() if cell.time() == time():
            return cell.date().isoformat()
        case datetime():
            return cell.isoformat(timespec="minutes" if not cell.second else "seconds")
        case date() | time():
            return cell.isoformat()
        case timedelta():
            return f"{cell.total_seconds() / 3600:g}"
    return str(cell)
