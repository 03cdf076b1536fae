"""Check data under a Study and give a Registry: typed, missing codes resolved, derived variables computed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tieout import logic, readers, sources
from tieout.errors import TieoutError, nearest, raise_all, some_of
from tieout.places import Format, Place
from tieout.results import Rule
from tieout.study import LEVELLED, MOMENTS, NUMBERS, Derived, Study, Variable

NOT_A_PATIENT = "look at the row, counted below the header: a patient's value is never shown in a message"
SHOWN_ROWS = 5
REQUIRED = "is blank or missing, and it is required"
NOTHING = (".", "NA", "N/A", "NULL", "nan")

Problem = tuple[pd.Series, str, str]
"""In which rows something is wrong, what, and what to try."""


@dataclass(frozen=True)
class Records:
    """One checked table: numbers as float64, levelled variables as categories of codes, moments as datetime64.

    `not_applicable` holds, for each variable that has such codes, a mask of the rows where it does not apply; `set_aside`
    how many values of a variable were counted as missing since they do not fit the dictionary.
    """

    frame: pd.DataFrame
    not_applicable: Mapping[str, np.ndarray]
    set_aside: Mapping[str, int] = field(default_factory=dict)


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
    """Read the study's data files, whole.

    Raises TieoutError, or all of them together, with file, row and variable; never with a patient's text.
    """
    path = readers.shown(study.data, study.folder)
    with opened(study, study.data, study.variables) as source:
        records = checked(path, study, source.whole(list(source.headers)))
        undeclared, held = source.undeclared, source.held(study.data)
    log, log_held = screened(study)
    return Registry(study, records, log, digest(study, held, log_held), undeclared)


def screening(study: Study) -> Records | None:
    """Read the screening log; None where the study has none. Raises TieoutError as `read` does."""
    return screened(study)[0]


def screened(study: Study) -> tuple[Records | None, sources.Source | None]:
    """Return the screening log, where there is one, and its cells, where a second reading may find others."""
    if study.data.screening is None:
        return None, None
    place, variables = study.data.screening, study.data.screening.variables
    with opened(study, place, variables) as source:
        cells = source.whole(list(source.headers))
        return typed(readers.shown(place, study.folder), cells, every_column(variables)), source.held(place)


def parts(study: Study, variables: Collection[str] | None = None) -> Iterator[Records]:
    """Yield the registry in the order of the file, at most sources.ROWS rows at a time, for data larger than memory.

    `variables` (default: all) names columns and derived variables; record, site, date of enrolment and what the derived
    ones are computed from come with them. Raises TieoutError as `read` does, for the first part that has mistakes;
    records that stand twice anywhere are found first. KeyError: a variable that the study lacks.
    """
    study, path = narrowed(study, variables), readers.shown(study.data, study.folder)
    with opened(study, study.data, study.variables) as source:
        if record := study.with_role("record"):
            raise_all(unique_records(path, study, source.doubled(record)))
        for table in source.parts(list(source.headers)):
            yield checked(path, study, table)


def at(study: Study, codes: Collection[str], variables: Collection[str] | None = None) -> Records:
    """Return the records of the sites with these codes, in the order of the file; of a Parquet file only these are read.

    `variables` (default: all) as in `parts`.

    Raises TieoutError as `read` does, for mistakes in these records.
    """
    study = narrowed(study, variables)
    path = readers.shown(study.data, study.folder)
    with opened(study, study.data, study.variables) as source:
        return checked(path, study, source.at(list(source.headers), study.with_role("site"), frozenset(codes)))


def digest(study: Study, held: sources.Source | None = None, log_held: sources.Source | None = None) -> str:
    """Return the SHA-256 of the registry's bytes, a zero byte and the screening log's bytes, where there is one.

    What the bytes of joined files or of a database are: `readers.add_digest`. A study restored from a snapshot has the
    digest of the data that were stored.
    """
    if study.snapshot:
        return study.snapshot
    found = hashlib.sha256()
    readers.add_digest(found, study.data, study.folder, held)
    if study.data.screening:
        found.update(b"\0")
        readers.add_digest(found, study.data.screening, study.folder, log_held)
    return found.hexdigest()


def mask(frame: pd.DataFrame, rule: Rule) -> np.ndarray:
    """Return which rows a rule counts: each variable has one of its codes, or any value where codes are None."""
    keep = np.ones(len(frame), dtype=bool)
    for variable, codes in rule.items():
        column = frame[variable]
        keep &= (column.notna() if codes is None else column.isin(codes)).to_numpy()
    return keep


def narrowed(study: Study, variables: Collection[str] | None) -> Study:
    """Return the study with only these variables, those that hold a role, and what the derived ones need."""
    if variables is None:
        return study
    if unknown := set(variables) - set(study.dictionary):
        raise KeyError(*sorted(unknown))
    derived = {name: each for name, each in study.derived.items() if name in variables}
    roles = [study.with_role(role) for role in ("record", "site", "enrolled")]
    kept = {*variables, *filter(None, roles), *(name for each in derived.values() for name in inputs(each))}
    while more := {owner for each in kept & set(study.variables) for owner in applied(study.variables[each])} - kept:
        kept |= more
    columns = {name: variable for name, variable in study.variables.items() if name in kept}
    return study.model_copy(update={"variables": columns, "derived": derived})


def applied(variable: Variable) -> set[str]:
    """Return the variables on which it depends whether one applies."""
    return {column.split("___")[0] for column in logic.names(variable.applies)} if variable.applies else set()


def checked(path: Path, study: Study, table: pd.DataFrame) -> Records:
    """Return text cells as records with every derived variable; the table's index gives the rows of the file."""
    records = typed(path, table, every_column(study.variables), study.data.unfit)
    if record := study.with_role("record"):
        raise_all(unique_records(path, study, table.index[records.frame[record].duplicated(keep=False)]))
    raise_all(after_cut(path, study, records))
    records, errors = derive(path, study, records)
    raise_all(errors)
    return Records(records.frame.reset_index(drop=True), records.not_applicable, records.set_aside)


def rows_of(places: pd.Index) -> str:
    """Return "row 3" or "rows 3, 7 and 12 more" (rows counted from 1 below the header, places from 0)."""
    return ("row " if len(places) == 1 else "rows ") + some_of(places + 1, SHOWN_ROWS)


def columns(name: str, variable: Variable) -> dict[str, Variable]:
    """Return the data columns of a variable: one each, or one per option of a checkbox."""
    if variable.type != "checkbox":
        return {name: variable}
    shared: dict[str, Any] = {"missing": variable.missing, "not_applicable": variable.not_applicable, "applies": variable.applies}
    return {
        f"{name}___{option}": Variable(label=label, type="yesno", **shared) for option, label in variable.levels.items()
    }


def every_column(variables: Mapping[str, Variable]) -> dict[str, Variable]:
    """Return the variable of each column: a checkbox has one for each of its boxes."""
    return {column: v for name, variable in variables.items() for column, v in columns(name, variable).items()}


def headers(variables: Mapping[str, Variable]) -> dict[str, str]:
    """Return the header in the data file of every column: its own name unless the variable says `column`."""
    return {
        column: column.replace(name, variable.column or name, 1)
        for name, variable in variables.items()
        for column in columns(name, variable)
    }


@contextmanager
def opened(study: Study, place: Place, variables: Mapping[str, Variable]) -> Iterator[Declared]:
    """Open the data of a place by the names of the variables; raise TieoutError for declared columns that are missing."""
    with readers.opened(place, study.folder) as source:
        named, path = headers(variables), readers.shown(place, study.folder)
        raise_all(without(path, named.values(), source.names))
        yield Declared(source, named, place.format, every_column(variables))


def without(path: Path, wanted: Collection[str], names: Collection[str]) -> list[TieoutError]:
    """Return an error for each column that is missing, or one where all are: that is another file, or one without header.

    The names are not listed: without a header they are a patient's values.
    """
    missing = [header for header in wanted if header not in names]
    if len(missing) == len(wanted) > 1 and not any(nearest(header, names) for header in missing):
        problem = f"none of the {len(missing)} columns of the study is in the header: {some_of(missing)}"
        return [TieoutError(str(path), problem, "is it the right file, does it have a header, and is its delimiter right?")]
    hint = "export it too; or give the variable its header in the data, column: …"
    return [TieoutError(str(path), f"the column '{header}' is missing", nearest(header, names) or hint) for header in missing]


@dataclass(frozen=True)
class Declared:
    """A source of cells with its declared columns under the names of the study; `headers` gives theirs in the file.

    Numbers and dates that the source writes in the way of `format` come out with decimal points and as ISO dates.
    """

    source: sources.Source
    headers: Mapping[str, str]
    format: Format
    columns: Mapping[str, Variable]

    @property
    def undeclared(self) -> tuple[str, ...]:
        """The columns that nobody declared."""
        known = set(self.headers.values())
        return tuple(name for name in self.source.names if name not in known)

    def held(self, place: Place) -> sources.Source | None:
        """Return the cells of a place that moves, to be digested as they were read."""
        return self.source if place.moves else None

    def whole(self, names: Sequence[str]) -> pd.DataFrame:
        return self.named(self.source.whole(self.of(names)), names)

    def parts(self, names: Sequence[str]) -> Iterator[pd.DataFrame]:
        return (self.named(part, names) for part in self.source.parts(self.of(names)))

    def at(self, names: Sequence[str], site: str, codes: Collection[str]) -> pd.DataFrame:
        return self.named(self.source.at(self.of(names), self.headers[site], codes), names)

    def doubled(self, name: str) -> pd.Index:
        return self.source.doubled(self.headers[name])

    def of(self, names: Sequence[str]) -> list[str]:
        return [self.headers[name] for name in names]

    def named(self, table: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
        table = table.set_axis(names, axis=1)
        kinds = {**dict.fromkeys(NUMBERS, ("decimal", self.format.decimal)), **dict.fromkeys(MOMENTS, ("dates", self.format.dates))}
        for name in names:
            way = WRITTEN.get(kinds.get(self.columns[name].type, ("", "")))
            if way:
                table[name] = rewritten(table[name], way)
        return table


def rewritten(cells: pd.Series, way: Callable[[pd.Series], pd.Series]) -> pd.Series:
    """Return cells written in another way, each distinct one rewritten once."""
    places, seen = pd.factorize(cells)
    return way(pd.Series(seen, dtype=cells.dtype)).take(places).set_axis(cells.index)


def from_comma(cells: pd.Series) -> pd.Series:
    """Return numbers such as 70,5 or 1.234,5 with a decimal point and no separator of thousands.

    In other cells point and comma change places, so that they are no numbers: 1.234 could be either.
    """
    number = cells.str.fullmatch(r"\s*[+-]?\d{1,3}(\.\d{3})+,\d+\s*|\s*[+-]?\d{1,3}(\.\d{3}){2,}\s*")
    return cells.where(~number, cells.str.replace(".", "", regex=False)).str.translate(EXCHANGED)


EXCHANGED = str.maketrans(",.", ".,")


def from_day_first(cells: pd.Series) -> pd.Series:
    return iso(cells, "%d", "%m")


def from_month_first(cells: pd.Series) -> pd.Series:
    return iso(cells, "%m", "%d")


def iso(cells: pd.Series, first: str, second: str) -> pd.Series:
    """Return dates such as 31.12.2021 or 12/31/2021, with a time or without, as ISO; cells that are none as they are."""
    parts = cells.str.extract(r"^\s*(\d{1,2})[./ -]+(\d{1,2})[./ -]+(\d{4})(?:[T ,]+(\d{1,2}:\d{2}(?::\d{2})?))?\s*$")
    day, month = (parts[0], parts[1]) if first == "%d" else (parts[1], parts[0])
    when = parts[2] + "-" + month.str.zfill(2) + "-" + day.str.zfill(2)
    timed = when + "T" + parts[3].str.zfill(5).where(parts[3].str.len() < 6, parts[3].str.zfill(8))
    return timed.fillna(when).fillna(cells).astype(cells.dtype)


WRITTEN: dict[tuple[str, str], Callable[[pd.Series], pd.Series]] = {
    ("decimal", ","): from_comma,
    ("dates", "day_month_year"): from_day_first,
    ("dates", "month_day_year"): from_month_first,
}
"""How cells that are written in another way are brought into the usual one."""


@dataclass(frozen=True)
class Column:
    """The cells of one column as typed values, and what is wrong in which rows.

    `absent` is where there is no value: a blank or a code for none; `not_applicable` where that code says so.
    """

    values: pd.Series
    absent: pd.Series
    not_applicable: pd.Series
    problems: list[Problem]


def typed(path: Path, table: pd.DataFrame, wanted: Mapping[str, Variable], unfit: str = "stop") -> Records:
    """Return text cells as typed columns; `unfit` is what becomes of values that the dictionary does not admit."""
    records, problems = read_columns(table, wanted)
    if unfit == "missing":
        records, problems = without_unfit(records, problems, wanted)
    raise_all(
        [
            TieoutError(f"{path} {rows_of(table.index[wrong])}", f"{name} {problem}", hint)
            for name, found in problems.items()
            for wrong, problem, hint in found
            if wrong.any()
        ]
    )
    return records


def without_unfit(
    records: Records, problems: Mapping[str, list[Problem]], wanted: Mapping[str, Variable]
) -> tuple[Records, dict[str, list[Problem]]]:
    """Return the records with values that do not fit counted as missing, and the problems that remain.

    What identifies a record, its site and its day must fit, and what is required must be there.
    """
    frame, counts, left = records.frame.copy(), {}, {}
    for name, found in problems.items():
        own = [problem for problem in found if problem[1] != REQUIRED] if wanted[name].role == "variable" else []
        left[name] = [problem for problem in found if problem[1] == REQUIRED] if own else found
        if own:
            wrong = np.logical_or.reduce([rows.to_numpy() for rows, _, _ in own])
            frame[name] = frame[name].mask(wrong)
            counts[name] = int(wrong.sum())
    return Records(frame, records.not_applicable, counts), left


def read_columns(table: pd.DataFrame, wanted: Mapping[str, Variable]) -> tuple[Records, dict[str, list[Problem]]]:
    """Return text cells as typed columns, a cell that cannot be read as missing; and for each column what is wrong."""
    columns = {name: read_cells(table[name], variable) for name, variable in wanted.items()}
    frame = pd.DataFrame({name: column.values for name, column in columns.items()})
    not_applicable, problems = {}, {}
    for name, variable in wanted.items():
        hidden, problems[name] = columns[name].not_applicable, columns[name].problems
        if variable.applies:
            hidden = hidden | (logic.judge(variable.applies, frame, wanted).fails & frame[name].isna())
        if variable.applies or variable.not_applicable:
            not_applicable[name] = hidden.to_numpy()
        if variable.required or variable.role in ("record", "site", "enrolled"):
            excused = hidden if variable.applies else False
            gone = columns[name].absent & ~excused
            problems[name] = [(gone, REQUIRED, "fill it in, or take required out of the study file"), *problems[name]]
    return Records(frame, not_applicable), problems


def read_cells(cells: pd.Series, variable: Variable) -> Column:
    """Return the cells of one column as typed values, and what is wrong with them by themselves; each distinct cell is read once."""
    places, seen = pd.factorize(cells)
    text = pd.Series(seen, dtype=cells.dtype).str.strip()
    hidden = has_code(text, variable.not_applicable)
    absent = hidden | has_code(text, variable.missing) | (text == "")
    values, problems = READERS[variable.type](text.mask(absent), variable)
    if variable.range is not None and variable.type in NUMBERS:
        problems = [*problems, out_of_range(values, variable)]

    def spread(found: pd.Series) -> pd.Series:
        return found.take(places).set_axis(cells.index)

    wrong = [(spread(rows), problem, hint) for rows, problem, hint in problems if rows.any()]
    return Column(spread(values), spread(absent), spread(hidden), wrong)


def has_code(text: pd.Series, codes: Iterable[str]) -> pd.Series:
    """Return where a cell is one of the codes, written as in the study file or as a number of the same value."""
    codes = set(codes)
    return text.isin(codes | {f"{code}.0" for code in codes if code.lstrip("-").isdigit()})


def read_text(text: pd.Series, variable: Variable) -> tuple[pd.Series, list[Problem]]:
    return text, []


def read_number(text: pd.Series, variable: Variable) -> tuple[pd.Series, list[Problem]]:
    number = pd.to_numeric(text, errors="coerce").astype("float64")
    wrong = text.notna() & ~np.isfinite(number)
    number = number.mask(wrong)
    problems = [(wrong, "holds text, expected a number", number_hint(text[wrong]))]
    if variable.type == "integer":
        fraction = (number % 1).fillna(0) != 0
        problems.append((fraction, "holds a fraction, expected a whole number", "mend the record, or declare type: decimal"))
    return number, problems


def number_hint(wrong: pd.Series) -> str:
    """Return what to try about cells that are no numbers."""
    if wrong.str.contains(",").any():
        return 'a decimal comma? say so: data › format: {decimal: ","}, and then let no number have a decimal point'
    if sign := next((sign for sign in NOTHING if (wrong == sign).any()), ""):
        return f'does {sign} stand for missing? declare it: missing: {{"{sign}": unknown}}'
    return NOT_A_PATIENT


def read_level(text: pd.Series, variable: Variable) -> tuple[pd.Series, list[Problem]]:
    codes = list(variable.codes)
    plain = text.where(text.isin(codes), text.str.removesuffix(".0"))
    wrong = text.notna() & ~plain.isin(codes)
    kind = pd.CategoricalDtype(codes, ordered=variable.type == "ordinal")
    column = plain.mask(wrong).astype(kind)
    return column, [
        (wrong, f"has a level that the dictionary lacks, expected one of {some_of(codes, 12)}", level_hint(text[wrong], variable))
    ]


def level_hint(wrong: pd.Series, variable: Variable) -> str:
    """Return what to try about cells that are no codes of the dictionary."""
    if len(wrong) and wrong.isin(variable.codes.values()).all():
        return "these are labels, not codes: export raw data, or write the labels as the codes in the study file"
    return NOT_A_PATIENT


def read_moment(text: pd.Series, variable: Variable) -> tuple[pd.Series, list[Problem]]:
    moment = pd.to_datetime(text.where(text.str.fullmatch(DAY)), errors="coerce", format="ISO8601")
    wrong = text.notna() & moment.isna()
    return moment.dt.as_unit("us"), [
        (
            wrong,
            f"holds no {variable.type}, expected YYYY-MM-DD" + (" HH:MM" if variable.type == "datetime" else ""),
            day_hint(text[wrong]),
        )
    ]


DAY = r"(\d{4}-\d{1,2}-\d{1,2}|\d{8})([T ][\d:.]+)?"
"""A day, with a time or without: a year or a month alone is none, and no time has a zone."""


def day_hint(wrong: pd.Series) -> str:
    """Return what to try about cells that are no dates."""
    if wrong.str.fullmatch(r"\d{5}(\.\d+)?").any():
        return "a number of Excel's? format the column as dates and save again"
    if wrong.str.fullmatch(r"\d{1,2}[./ -]+\d{1,2}[./ -]+\d{4}.*").any():
        return "the day or the month first? say which: data › format: {dates: day_month_year} or month_day_year"
    if wrong.str.fullmatch(r"\d{1,2}([./ -])\d{1,2}\1\d{2}\b.*").any():
        return "a year of two digits? export it with four, as 2021-06-30"
    if wrong.str.fullmatch(r"\d{4}(-\d{1,2})?").any():
        return "only a year or a month? Tieout does not guess the day: export whole dates, or declare the variable as text"
    if wrong.str.fullmatch(r"\d{4}-\d{2}-\d{2}[T ][\d:.]+ ?([Zz]|[+-]\d\d.*)").any():
        return "a time with a zone? export local times, such as 2021-06-30 14:05"
    if wrong.str.contains(r"[^\W\d_]{3}").any():
        return "a month in words? export dates as 2021-06-30"
    return "is it a day that exists?"


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


def unique_records(path: Path, study: Study, doubled: pd.Index) -> list[TieoutError]:
    if doubled.empty:
        return []
    problem = f"{study.with_role('record')} stands more than once"
    return [TieoutError(f"{path} {rows_of(doubled)}", problem, "one row per patient is expected")]


def after_cut(path: Path, study: Study, table: Records) -> list[TieoutError]:
    key = study.with_role("enrolled")
    if not key:
        return []
    late = table.frame[key] >= pd.Timestamp(study.data.cut) + pd.Timedelta(days=1)
    if not late.any():
        return []
    problem = f"{key} lies after the data cut {study.data.cut}"
    return [TieoutError(f"{path} {rows_of(table.frame.index[late])}", problem, "is data › cut right?")]


def inputs(derived: Derived) -> tuple[str, ...]:
    """Return the variables from which one is computed."""
    return tuple(derived.is_ or (derived.span[1] if derived.span else ()))


def derive_leniently(study: Study, table: Records) -> Records:
    """Return the records with every derived variable, whatever is impossible in them."""
    return derive(Path(), study, table)[0]


def derive(path: Path, study: Study, table: Records) -> tuple[Records, list[TieoutError]]:
    """Return the records with every derived variable, and what is impossible in them."""
    data, not_applicable, set_aside, errors = {}, dict(table.not_applicable), dict(table.set_aside), []
    for name, derived in study.derived.items():
        data[name] = time_between(table.frame, derived) if derived.span else rule_holds(table.frame, derived, name)
        hidden = [table.not_applicable[i] for i in inputs(derived) if i in table.not_applicable]
        if hidden:
            not_applicable[name] = np.logical_or.reduce(hidden)
        if derived.range:
            wrong, problem, hint = out_of_range(data[name], derived.as_variable())
            if wrong.any() and study.data.unfit == "missing":
                data[name], set_aside[name] = data[name].mask(wrong), int(wrong.sum())
            elif wrong.any():
                hint = f"look at {' and '.join(inputs(derived))}: are the times in order?" if derived.span else hint
                errors.append(TieoutError(f"{path} {rows_of(table.frame.index[wrong])}", f"{name} {problem}", hint))
    return Records(table.frame.assign(**data), not_applicable, set_aside), errors


def time_between(frame: pd.DataFrame, derived: Derived) -> pd.Series:
    unit, (first, second) = derived.span  # type: ignore[misc]
    return (frame[second] - frame[first]) / pd.Timedelta(1, unit=unit)  # type: ignore[arg-type]


def rule_holds(frame: pd.DataFrame, derived: Derived, name: str) -> pd.Series:
    rule = derived.is_ or {}
    known = frame[list(rule)].notna().all(axis=1).to_numpy()
    codes = np.where(mask(frame, rule), "1", "0").astype(object)
    codes[~known] = None
    return pd.Series(pd.Categorical(codes, categories=list(derived.as_variable().codes)), index=frame.index, name=name)
