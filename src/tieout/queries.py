"""Find what a site should look at in its records: values that the dictionary refuses, and rules that do not hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tieout import hospitals, lists, logic, periods, readers
from tieout.analysis.cohort import Cohort, recorded
from tieout.registry import Records, derive_leniently, every_column, opened, read_cells, read_columns
from tieout.study import MOMENTS, Study, Variable

if TYPE_CHECKING:
    import pandera.pandas as pandera

NOWHERE = ""
"""The site of records that name none."""
COLUMNS = ("place", "record", "site", "variable", "field", "value", "rule", "what")


@dataclass(frozen=True)
class Raised:
    """What one rule asks about some rows of the data: places of the rows from 0, and in words what is wrong with each.

    `variables` are the columns whose values are shown with it.
    """

    rule: str
    variables: tuple[str, ...]
    label: str
    places: np.ndarray
    what: str


@dataclass(frozen=True)
class Checked:
    """A registry's data looked through.

    `queries` has a row for each query, in the order of the file, with COLUMNS: the row's place from 0, record, site, the
    variable and its label, the value as it stands, the rule, and what is asked. `cohort` has every record, also those that
    could not be analysed, `marked` what is due where the study declares reports; `undeclared` are columns nobody declared.
    """

    study: Study
    queries: pd.DataFrame
    cohort: Cohort
    marked: lists.Marks | None
    undeclared: tuple[str, ...]


@dataclass(frozen=True)
class Look:
    """What the rules look at: the cells as text, the same as typed columns, and the dictionary."""

    study: Study
    path: Path
    text: pd.DataFrame
    records: Records
    columns: Mapping[str, Variable]

    @property
    def frame(self) -> pd.DataFrame:
        return self.records.frame


def schema(study: Study) -> pandera.DataFrameSchema:
    """Return the data dictionary as a pandera schema of text cells: one column each, the record's unique.

    It holds for a table as a CSV file holds it, every cell a str; a row that fails is one that `tieout check` asks about.
    """
    import pandera.pandas as pandera  # only the check needs it

    columns = {
        name: pandera.Column(
            checks=pandera.Check(partial(fits, variable=variable), name="dictionary", error=f"{variable.label} fits the dictionary"),
            nullable=True,
            unique=variable.role == "record",
            title=variable.label,
        )
        for name, variable in every_column(study.variables).items()
    }
    return pandera.DataFrameSchema(columns, name=study.name)


def fits(cells: pd.Series, variable: Variable) -> pd.Series:
    """Return which cells are blank, a code, or a value that the dictionary admits."""
    wrong = pd.Series(False, index=cells.index)
    for rows, _, _ in read_cells(cells, variable).problems:
        wrong |= rows
    return ~wrong


def find(study: Study) -> Checked:
    """Look through a study's data.

    Raises TieoutError where the data cannot be read at all, or lack a column.
    """
    path, columns = readers.shown(study.data, study.folder), every_column(study.variables)
    with opened(study, study.data, study.variables) as source:
        undeclared, text = source.undeclared, source.whole(list(columns)).reset_index(drop=True)
    records, _ = read_columns(text, columns)
    look = Look(study, path, text, derive_leniently(study, records), columns)
    found = cohort(look)
    asked = table(look, found, [raised for rule in RULES for raised in rule(look) if len(raised.places)])
    due = study.reports and study.reports.follow_ups
    return Checked(study, asked, found, lists.marks(found, study.data.cut) if due else None, undeclared)


def cohort(look: Look) -> Cohort:
    """Return every record with the site that has its code now; records without a code are those of NOWHERE."""
    study = look.study
    lines = hospitals.read(study.resolve(study.reports.sites)).lines if study.reports and study.reports.sites else ()
    owner = {line.code: line.site for line in sorted(lines, key=lambda line: line.until)}
    codes = column(look, "site").map(lambda code: owner.get(code, code))
    seen = sorted(codes.unique(), key=hospitals.natural)
    site = pd.Categorical(codes, categories=seen).codes.astype(np.int64)
    records, enrolled = look.records, study.with_role("enrolled")
    if record := study.with_role("record"):
        records = Records(look.frame.assign(**{record: column(look, "record")}), records.not_applicable)
    day = look.frame[enrolled].to_numpy() if enrolled else np.full(len(look.frame), "NaT")
    return Cohort(study, records, tuple(seen), site, day.astype("datetime64[D]"))


def column(look: Look, role: str) -> pd.Series:
    """Return the cells of the variable that has a role; where none has it, the numbers of the rows, or no site at all."""
    name = look.study.with_role(role)
    if name:
        return look.text[name].str.strip()
    absent = [f"row {place + 1}" for place in range(len(look.text))] if role == "record" else NOWHERE
    return pd.Series(absent, index=look.text.index)


def table(look: Look, found: Cohort, asked: list[Raised]) -> pd.DataFrame:
    """Return what is asked as one table, in the order of the file."""
    record = column(look, "record").to_numpy(dtype=object)
    sites = np.array(found.codes, dtype=object)
    parts = [
        pd.DataFrame(
            {
                "place": each.places, "record": record[each.places], "site": sites[found.site[each.places]],
                "variable": ", ".join(each.variables), "field": each.label, "value": values(look, each), "rule": each.rule,
                "what": each.what,
            }
        )
        for each in asked
    ]  # fmt: skip
    if not parts:
        return pd.DataFrame({name: [] for name in COLUMNS})
    return pd.concat(parts, ignore_index=True).sort_values("place", kind="stable", ignore_index=True)


def values(look: Look, each: Raised) -> np.ndarray:
    """Return the cells that a query is about, as they stand; of several variables with their labels."""
    shown = [name for name in each.variables if look.columns[name].role != "identifier"]
    cells = [look.text[name].to_numpy(dtype=object)[each.places] for name in shown]
    if len(each.variables) == 1:
        return cells[0] if cells else np.full(len(each.places), "", dtype=object)
    labels = [look.columns[name].label for name in shown]
    told = ("; ".join(f"{label}: {cell or '–'}" for label, cell in zip(labels, row, strict=True)) for row in zip(*cells, strict=True))
    return np.array(list(told), dtype=object)


def against_dictionary(look: Look) -> Iterator[Raised]:
    """Yield values that are not of their type, level or range, and records that stand more than once."""
    import pandera.errors

    try:
        schema(look.study).validate(look.text, lazy=True)
        return
    except pandera.errors.SchemaErrors as error:
        failed = error.failure_cases
    for (name, check), rows in failed.groupby(["column", "check"], sort=False)["index"]:
        places = np.unique(rows.to_numpy(dtype=np.int64))
        variable = look.columns[name]
        if check == "field_uniqueness":
            yield Raised("record", (name,), variable.label, places, "stands more than once; one row per patient is expected")
            continue
        for wrong, problem, _ in read_cells(look.text[name].iloc[places], variable).problems:
            yield Raised("dictionary", (name,), variable.label, places[wrong.to_numpy()], f"{problem}{legend(variable)}")


def legend(variable: Variable) -> str:
    """Return the levels with their labels, so that a person need not look them up."""
    named = [f"{code} {label}" for code, label in list(variable.codes.items())[:12] if code != label]
    return f" ({', '.join(named)})" if named else ""


def absences(look: Look) -> Iterator[Raised]:
    """Yield what is required and blank, and what has a value where it does not apply."""
    for name, variable in look.columns.items():
        if not (variable.required or variable.applies or variable.role in ("record", "site", "enrolled")):
            continue
        blank = read_cells(look.text[name], variable).absent.to_numpy()
        fails = logic.judge(variable.applies, look.frame, look.columns).fails if variable.applies else np.zeros_like(blank)
        if variable.required or variable.role in ("record", "site", "enrolled"):
            gone = np.flatnonzero(blank & ~fails)
            yield Raised("required", (name,), variable.label, gone, "is blank or missing, and it is required")
        if variable.applies:
            looked = tuple(dict.fromkeys((name, *logic.names(variable.applies))))
            what = f"has a value, and applies only where {logic.spoken(variable.applies, look.columns)}"
            yield Raised("applies", looked, variable.label, np.flatnonzero(~blank & fails), what)


def after_cut(look: Look) -> Iterator[Raised]:
    """Yield dates that lie after the day on which the data were cut."""
    end, day = pd.Timestamp(look.study.data.cut) + pd.Timedelta(days=1), periods.in_words(look.study.data.cut)
    for name, variable in look.columns.items():
        if variable.type in MOMENTS:
            late = np.flatnonzero((look.frame[name] >= end).to_numpy())
            yield Raised("future", (name,), variable.label, late, f"lies after the data cut of {day}")


def spans(look: Look) -> Iterator[Raised]:
    """Yield times between two moments that lie outside the range declared for them: most are in the wrong order."""
    for name, derived in look.study.derived.items():
        if derived.span and derived.range:
            (low, high), unit = derived.range, derived.span[0]
            column = look.frame[name]
            for wrong, words in ((column < low, f"less than {low:g}"), (column > high, f"more than {high:g}")):
                what = f"is {words} {unit}: are both moments right, and in their order?"
                yield Raised(f"time: {name}", derived.span[1], derived.label, np.flatnonzero(wrong.to_numpy()), what)


def declared(look: Look) -> Iterator[Raised]:
    """Yield the records for which a rule of the study fails."""
    known = {**look.columns, **{name: d.as_variable() for name, d in look.study.derived.items()}}
    for name, check in look.study.checks.items():
        fails = logic.judge(check.expect, look.frame, known).fails
        shown = tuple(each for each in logic.names(check.expect) if each in look.columns)
        yield Raised(name, shown, check.label, np.flatnonzero(fails), f"expected: {logic.spoken(check.expect, known)}")


RULES = (against_dictionary, absences, after_cut, spans, declared)


def completeness(found: Checked) -> Iterator[tuple[str, str, np.ndarray, np.ndarray]]:
    """Yield for each variable its form, its name, and by site how many records have it and to how many it applies."""
    study = found.study
    forms = study.reports.completeness if study.reports and study.reports.completeness else {"": every_variable(study)}
    for form, names in forms.items():
        for name in names:
            present, applicable = recorded(found.cohort, name)
            yield form, name, found.cohort.count(present), found.cohort.count(applicable)


def every_variable(study: Study) -> tuple[str, ...]:
    return tuple(name for name, v in study.variables.items() if v.role == "variable")
