"""Read data under a Study and give a Registry: typed, missing codes resolved, derived variables computed."""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as arrow_csv

from tieout.errors import TieoutError, nearest, raise_all, some_of
from tieout.results import Rule
from tieout.study import LEVELLED, MOMENTS, NUMBERS, Derived, Study, Variable

NOT_A_PATIENT = "a value is never shown in a message; look it up by its row"
SHOWN_ROWS = 5


@dataclass(frozen=True)
class Records:
    """One checked table: numbers as float64, levelled variables as categories of codes, moments as datetime64.

    `not_applicable` holds, for each variable that has such codes, a mask of the rows where it does not apply.
    """

    frame: pd.DataFrame
    not_applicable: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Registry:
    """Checked data under a Study: one row per patient. Never mutated."""

    study: Study
    records: Records
    screening: Records | None
    digest: str
    undeclared: tuple[str, ...] = ()

    @property
    def frame(self) -> pd.DataFrame:
        return self.records.frame

    def of(self, source: str) -> Records:
        """Return the records of the `registry` or of the `screening` log."""
        if source == "registry":
            return self.records
        assert self.screening is not None, "the strict reading of the study asked for a screening log"
        return self.screening


def read(study: Study) -> Registry:
    """Read the study's data files.

    Raises TieoutError, or all of them together, with file, row and variable; never with a patient's text.
    """
    path = study.resolve(study.data.file)
    raw = file_bytes(path)
    table, undeclared = typed(path, text_table(path, raw), study.variables)
    raise_all([*unique_records(path, study, table), *after_cut(path, study, table)])
    records, errors = derive(path, study, table)
    raise_all(errors)
    digest = hashlib.sha256(raw)
    screening = None
    if study.data.screening:
        log_path = study.resolve(study.data.screening.file)
        log_raw = file_bytes(log_path)
        screening, _ = typed(log_path, text_table(log_path, log_raw), study.data.screening.variables)
        digest.update(b"\0" + log_raw)
    return Registry(study, records, screening, digest.hexdigest(), undeclared)


def mask(frame: pd.DataFrame, rule: Rule) -> np.ndarray:
    """Return which rows a rule counts: each variable has one of its codes, or any value where codes are None."""
    keep = np.ones(len(frame), dtype=bool)
    for variable, codes in rule.items():
        column = frame[variable]
        keep &= (column.notna() if codes is None else column.isin(codes)).to_numpy()
    return keep


def file_bytes(path: Path) -> bytes:
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise TieoutError(str(path), "there is no such data file", "check data › file in the study file") from None
    except OSError as error:
        raise TieoutError(str(path), f"the data file cannot be read: {error.strerror}") from None
    if not raw.strip():
        raise TieoutError(str(path), "the data file is empty", "export the registry again")
    return raw


def text_table(path: Path, raw: bytes) -> pd.DataFrame:
    """Read CSV bytes as text cells; raise TieoutError where they are not one table of one row per patient."""
    raw = raw.removeprefix(codecs.BOM_UTF8)
    try:
        header = [name.strip() for name in next(csv.reader(io.StringIO(raw.decode("utf-8"), newline="")))]
    except UnicodeDecodeError:
        raise TieoutError(str(path), "the data file is not UTF-8 text", "export it as CSV in UTF-8") from None
    doubled = [name for name in dict.fromkeys(header) if header.count(name) > 1]
    if doubled:
        raise TieoutError(str(path), f"two columns are called '{doubled[0]}'", "rename or remove one of them")
    table = cells(path, raw, header)
    if len(table) < 2:
        raise TieoutError(str(path), "the data file has a header and no rows", "export the registry again")
    return table.slice(1).to_pandas(types_mapper={pa.string(): pd.StringDtype("pyarrow", na_value=np.nan)}.get)


def cells(path: Path, raw: bytes, header: list[str]) -> pa.Table:
    """Return every line, the header too, as text cells; all must have as many cells as the header."""
    ragged: list[arrow_csv.InvalidRow] = []

    def noted(row: arrow_csv.InvalidRow) -> str:
        ragged.append(row)
        return "skip"

    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(raw),
            arrow_csv.ReadOptions(column_names=header, use_threads=False),
            arrow_csv.ParseOptions(
                newlines_in_values=True, invalid_row_handler=noted
            ),
            arrow_csv.ConvertOptions(column_types=dict.fromkeys(header, pa.string()), strings_can_be_null=False),
        )
    except pa.ArrowInvalid:
        raise TieoutError(str(path), "this is not a table of comma-separated cells", "look for a stray quote") from None
    raise_all(
        [
            TieoutError(
                f"{path} row {row.number - 1}",
                f"{row.actual_columns} cells, but the header has {row.expected_columns}",
                "look for a stray comma or quote",
            )
            for row in ragged
        ]
    )
    return table


def rows_of(wrong: pd.Series | np.ndarray) -> str:
    """Return "row 3" or "rows 3, 7 and 12 more" (rows counted from 1 below the header)."""
    rows = [int(row) + 1 for row in np.flatnonzero(np.asarray(wrong))]
    return ("row " if len(rows) == 1 else "rows ") + some_of(rows, SHOWN_ROWS)


def columns(name: str, variable: Variable) -> dict[str, Variable]:
    """Return the data columns of a variable: one each, or one per option of a checkbox."""
    if variable.type != "checkbox":
        return {name: variable}
    shared: dict[str, Any] = {"missing": variable.missing, "not_applicable": variable.not_applicable}
    return {
        f"{name}___{option}": Variable(label=label, type="yesno", **shared) for option, label in variable.levels.items()
    }


def typed(path: Path, table: pd.DataFrame, variables: Mapping[str, Variable]) -> tuple[Records, tuple[str, ...]]:
    """Return the table with typed columns, and the names of columns that nobody declared."""
    wanted = {column: v for name, variable in variables.items() for column, v in columns(name, variable).items()}
    absent = [name for name in wanted if name not in table]
    raise_all(
        [
            TieoutError(str(path), f"the column '{name}' is missing", nearest(name, table.columns) or "export it too")
            for name in absent
        ]
    )
    errors: list[TieoutError] = []
    data, not_applicable = {}, {}
    for name, variable in wanted.items():
        text = table[name].str.strip()
        hidden = has_code(text, variable.not_applicable)
        gone = hidden | has_code(text, variable.missing) | (text == "")
        data[name], problems = READERS[variable.type](text.mask(gone), variable)
        if variable.not_applicable:
            not_applicable[name] = hidden.to_numpy()
        if variable.required or variable.role in ("record", "site", "enrolled"):
            problems = [(gone, "is blank or missing, and it is required", ""), *problems]
        if variable.range is not None and variable.type in NUMBERS:
            problems = [*problems, out_of_range(data[name], variable)]
        errors += [
            TieoutError(f"{path} {rows_of(wrong)}", f"{name} {problem}", hint)
            for wrong, problem, hint in problems
            if wrong.any()
        ]
    raise_all(errors)
    return Records(pd.DataFrame(data), not_applicable), tuple(name for name in table if name not in wanted)


def has_code(text: pd.Series, codes: Iterable[str]) -> pd.Series:
    """Return where a cell is one of the codes, written as in the study file or as a number of the same value."""
    codes = set(codes)
    return text.isin(codes | {f"{code}.0" for code in codes if code.lstrip("-").isdigit()})


Problem = tuple[pd.Series, str, str]


def read_text(text: pd.Series, variable: Variable) -> tuple[pd.Series, list[Problem]]:
    return text, []


def read_number(text: pd.Series, variable: Variable) -> tuple[pd.Series, list[Problem]]:
    number = pd.to_numeric(text, errors="coerce").astype("float64")
    wrong = text.notna() & ~np.isfinite(number)
    hint = "a decimal comma? export with decimal points" if text[wrong].str.contains(",").any() else NOT_A_PATIENT
    problems = [(wrong, "holds text, expected a number", hint)]
    if variable.type == "integer":
        problems.append(((number % 1).fillna(0) != 0, "holds a fraction, expected a whole number", ""))
    return number, problems


def read_level(text: pd.Series, variable: Variable) -> tuple[pd.Series, list[Problem]]:
    codes = list(variable.codes)
    plain = text.where(text.isin(codes), text.str.removesuffix(".0"))
    wrong = text.notna() & ~plain.isin(codes)
    kind = pd.CategoricalDtype(codes, ordered=variable.type == "ordinal")
    column = plain.mask(wrong).astype(kind)
    return column, [
        (wrong, f"has a level that the dictionary lacks, expected one of {some_of(codes, 12)}", NOT_A_PATIENT)
    ]


def read_moment(text: pd.Series, variable: Variable) -> tuple[pd.Series, list[Problem]]:
    moment = pd.to_datetime(text, errors="coerce", format="ISO8601")
    if getattr(moment.dt, "tz", None) is not None:
        moment = moment.dt.tz_localize(None)
    wrong = text.notna() & moment.isna()
    return moment, [
        (
            wrong,
            f"holds no {variable.type}, expected YYYY-MM-DD" + (" HH:MM" if variable.type == "datetime" else ""),
            "is it a day that exists?",
        )
    ]


READERS = {
    **dict.fromkeys(("key", "text"), read_text),
    **dict.fromkeys(NUMBERS, read_number),
    **dict.fromkeys(LEVELLED, read_level),
    **dict.fromkeys(MOMENTS, read_moment),
}


def out_of_range(number: pd.Series, variable: Variable) -> Problem:
    low, high = variable.range  # type: ignore[misc]
    wrong = number.notna() & ~number.between(low, high)
    hint = "mend the record, declare a missing code, or widen the range in the study file"
    return wrong, f"is outside {low:g} to {high:g}{' ' + variable.unit if variable.unit else ''}", hint


def unique_records(path: Path, study: Study, table: Records) -> list[TieoutError]:
    key = study.with_role("record")
    doubled = table.frame[key].duplicated(keep=False)
    if not doubled.any():
        return []
    return [
        TieoutError(f"{path} {rows_of(doubled)}", f"{key} stands more than once", "one row per patient is expected")
    ]


def after_cut(path: Path, study: Study, table: Records) -> list[TieoutError]:
    key = study.with_role("enrolled")
    late = table.frame[key] >= pd.Timestamp(study.data.cut) + pd.Timedelta(days=1)
    if not late.any():
        return []
    return [
        TieoutError(
            f"{path} {rows_of(late)}", f"{key} lies after the data cut {study.data.cut}", "is data › cut right?"
        )
    ]


def derive(path: Path, study: Study, table: Records) -> tuple[Records, list[TieoutError]]:
    """Return the records with every derived variable, and what is impossible in them."""
    data, not_applicable, errors = {}, dict(table.not_applicable), []
    for name, derived in study.derived.items():
        inputs = list(derived.is_ or (derived.span[1] if derived.span else ()))
        data[name] = time_between(table.frame, derived) if derived.span else rule_holds(table.frame, derived, name)
        hidden = [table.not_applicable[i] for i in inputs if i in table.not_applicable]
        if hidden:
            not_applicable[name] = np.logical_or.reduce(hidden)
        if derived.range:
            wrong, problem, hint = out_of_range(data[name], derived.as_variable())
            if wrong.any():
                hint = f"look at {' and '.join(inputs)}: are the times in order?" if derived.span else hint
                errors.append(TieoutError(f"{path} {rows_of(wrong)}", f"{name} {problem}", hint))
    return Records(table.frame.assign(**data), not_applicable), errors


def time_between(frame: pd.DataFrame, derived: Derived) -> pd.Series:
    unit, (first, second) = derived.span  # type: ignore[misc]
    return (frame[second] - frame[first]) / pd.Timedelta(1, unit=unit)  # type: ignore[arg-type]


def rule_holds(frame: pd.DataFrame, derived: Derived, name: str) -> pd.Series:
    rule = derived.is_ or {}
    known = frame[list(rule)].notna().all(axis=1).to_numpy()
    codes = np.where(mask(frame, rule), "1", "0").astype(object)
    codes[~known] = None
    return pd.Series(pd.Categorical(codes, categories=list(derived.as_variable().codes)), index=frame.index, name=name)
