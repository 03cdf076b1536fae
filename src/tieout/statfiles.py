"""Read files of Stata, SPSS and SAS as text cells, with their labels."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tieout.errors import TieoutError
from tieout.places import Format
from tieout.sources import NO_ROWS, Cells, binary, check_names

FORMATS = {
    ".dta": "read_dta", ".sav": "read_sav", ".zsav": "read_sav", ".por": "read_por", ".sas7bdat": "read_sas7bdat",
    ".xpt": "read_xport",
}  # fmt: skip
"""The function of pyreadstat for each ending."""
AGAIN = "export the registry again; where an old file's text is the matter, say how it is written: format: {encoding: cp1252}"


@contextmanager
def open_file(path: Path, form: Format) -> Iterator[Cells]:
    """Open a file as text cells: codes stay codes, dates are ISO, Stata's missing values are .a to .z.

    Raises TieoutError where the file is damaged or has no rows.
    """
    frame, meta = loaded(path, form.encoding)
    check_names(path, [str(name).strip() for name in frame.columns])
    if frame.empty:
        raise TieoutError(str(path), *NO_ROWS)
    letters = {name: frozenset(map(str, codes)) for name, codes in meta.missing_user_values.items()}
    short = {name for name, kind in meta.readstat_variable_types.items() if kind == "float"}
    cells = {
        str(name).strip(): [
            text_of(np.float32(value) if name in short and isinstance(value, float) else value, letters.get(name, frozenset()))
            for value in frame[name].array
        ]
        for name in frame.columns
    }
    yield Cells(pd.DataFrame(cells, dtype="str"))


def loaded(path: Path, encoding: str = "", **options: Any) -> tuple[pd.DataFrame, Any]:
    """Return what pyreadstat reads; raise TieoutError where it cannot.

    A transport file of SAS does not say how many rows it has; it consists of records of 80 bytes, which one cut off seldom
    ends with (SAS, TS-140).
    """
    import pyreadstat  # only these files need it

    with binary(path) as file:
        size = file.seek(0, 2)
    name = FORMATS[path.suffix.casefold()]
    reader: Callable[..., Any] = getattr(pyreadstat, name)
    if name in ("read_dta", "read_sav", "read_sas7bdat"):
        options["user_missing"] = True
    if encoding and name != "read_por":
        options["encoding"] = encoding
    if name != "read_xport":
        options["apply_value_formats"] = False
    try:
        found = reader(str(path), **options)
    except Exception:
        raise TieoutError(str(path), f"this is not a {path.suffix} file, or a damaged one", AGAIN) from None
    if name == "read_xport" and size % 80:
        raise TieoutError(str(path), "this file breaks off: it is not made of whole records", "was it copied whole? export it again")
    return found


def text_of(value: Any, letters: Collection[str]) -> str:
    """Return a value as a CSV file would hold it; one of the `letters` of missing values with its point."""
    if value is None or value is pd.NaT or value != value:
        return ""
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(timespec="seconds")
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, np.float32):
        return str(int(value)) if value.is_integer() else str(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(float(value))
    return f".{value}" if value in letters else str(value)


def labels(path: Path) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """Return the labels of columns, and for each column the labels of its codes."""
    _, meta = loaded(path, metadataonly=True)
    columns = {name: label for name, label in meta.column_names_to_labels.items() if label}
    codes = {
        name: {text_of(code, meta.missing_user_values.get(name, ())): str(label) for code, label in values.items()}
        for name, values in meta.variable_value_labels.items()
    }
    return columns, codes
