"""Compute the tables of characteristics a second time with tableone, and stop where a cell disagrees.

`python -m tieout.analysis.double STUDY` is the second program by itself: it prints its cells as JSON.
"""

from __future__ import annotations

import json
import math
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from tieout import registry as registries
from tieout import study as studies
from tieout.analysis.describe import ALL, as_numbers
from tieout.errors import DoesNotTieOut, TieoutError, raise_all
from tieout.registry import Registry, mask
from tieout.results import Results
from tieout.study import LEVELLED, NUMBERS, Table

TOO_MANY_CELLS = 2_000_000
TOLERANCE = 1e-8

SECOND: dict[str, Callable[..., float]] = {
    "mann_whitney": lambda a, b: stats.mannwhitneyu(a, b, method="asymptotic").pvalue,
    "kruskal_wallis": lambda *groups: stats.kruskal(*groups).pvalue,
    "welch_t": lambda a, b: stats.ttest_ind(a, b, equal_var=False).pvalue,
    "student_t": lambda a, b: stats.ttest_ind(a, b).pvalue,
    "chi_square": lambda *rows: stats.chi2_contingency(np.array(rows), correction=False).pvalue,
    "fisher": lambda *rows: stats.fisher_exact(np.array(rows)).pvalue if np.shape(rows) == (2, 2) else math.nan,
}


@dataclass(frozen=True)
class Second:
    """What the second program made: cells by key, the rows that it could not make, the digest of its data."""

    cells: Mapping[str, float]
    alone: Sequence[str]
    digest: str


def second_program(study_file: Path) -> Second:
    """Read the data anew and make every declared table with tableone.

    The rows of a table that is not within tableone's reach are told as made by one program alone.
    Source: tableone (Pollard et al., JAMIA Open 2018;1:26-31).
    """
    registry = registries.read(studies.read(study_file))
    reach = within_reach(registry)
    cells: dict[str, float] = {}
    alone: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, declared in registry.study.tables.items():
            made, missed = (
                by_tableone(registry, declared, f"table.{name}") if name in reach else ({}, rows_of(declared))
            )
            cells |= made
            alone += missed
    return Second(cells, list(dict.fromkeys(alone)), registry.digest)


def compare(results: Results, second: Second) -> int:
    """Return on how many cells both programs agree.

    Raises DoesNotTieOut, naming the key and both values, where a cell differs by more than 1e-8 of itself. A cell
    that the direct program calls not estimable is not compared: tableone prints an SD of 0 for one patient.
    """
    if second.digest != results.meta["snapshot"]:
        raise TieoutError("data", "the data changed while they were read", "build again when the export is complete")
    pairs = {key: (results[key].value, value) for key, value in second.cells.items() if key in results}
    known = {key: (first, other) for key, (first, other) in pairs.items() if first is not None}
    raise_all(
        [
            DoesNotTieOut(
                key,
                f"two programs disagree: computed directly {first!r}, by tableone {other!r}",
                "this is a defect of the program, not of the data; please report it",
            )
            for key, (first, other) in known.items()
            if not math.isclose(abs(first), abs(other), rel_tol=TOLERANCE, abs_tol=TOLERANCE)
        ]
    )
    return len(known)


def within_reach(registry: Registry) -> list[str]:
    """Return the tables that tableone can make in seconds: it takes minutes beyond two million cells."""
    patients = len(registry.frame)
    return [n for n, table in registry.study.tables.items() if patients * len(rows_of(table)) <= TOO_MANY_CELLS]


def rows_of(table: Table) -> list[str]:
    return [row for section in table.rows.values() for row in section]


def by_tableone(registry: Registry, declared: Table, path: str) -> tuple[dict[str, float], list[str]]:
    """Return tableone's cells by the keys of the direct program, and the rows that it could not make."""
    rows = rows_of(declared)
    group = registry.study.groups[declared.by]
    chosen = mask(registry.frame, {**declared.where, group.variable: tuple(group.levels.values())})
    names = {code: name for name, code in group.levels.items()}
    frame = pd.DataFrame({"group": registry.frame[group.variable][chosen].map(names).astype(str)})
    kinds: dict[str, str] = {}
    for row in rows:
        for column, kind, values in inputs(registry, declared, row, chosen):
            if all(values[frame["group"] == name].notna().any() for name in group.levels):
                frame[column], kinds[column] = values, kind
    missed = [row for row in rows if row not in kinds and not any(c.startswith(f"{row}___") for c in kinds)]
    htest = tests(registry, declared, kinds)
    found: dict[str, float] = {}
    for part in batches(frame, kinds, htest):
        if isinstance(part, str):
            missed.append(part)
        else:
            found.update(cells(part, path, registry.study.methods.quantile))
    return {key: value for key, value in found.items() if not math.isnan(value)}, missed


def batches(frame: pd.DataFrame, kinds: dict[str, str], htest: dict[str, Callable[..., float]]) -> Iterator[Any]:
    """Yield tableone's table of all columns, or column by column where it fails on one: then that one's name."""
    try:
        yield one_table(frame, kinds, htest)
    except Exception:
        if len(kinds) < 2:
            yield from kinds
            return
        for column, kind in kinds.items():
            yield from batches(frame, {column: kind}, {column: htest[column]})


def inputs(registry: Registry, declared: Table, row: str, chosen: np.ndarray) -> Iterator[tuple[str, str, pd.Series]]:
    """Yield the columns that tableone gets for a row: name, kind and values."""
    variable = registry.study.dictionary[row]
    if variable.type == "checkbox":
        for option in variable.levels:
            column = f"{row}___{option}"
            yield column, "levels", registry.frame[column][chosen].astype(object)
        return
    column = registry.frame[row][chosen]
    kind = declared.summaries.get(row, "levels" if variable.type in LEVELLED else variable.summary)
    if variable.type in NUMBERS:
        yield row, kind, column
    elif kind == "levels":
        yield row, kind, column.astype(object)
    else:
        numbers = dict(zip(column.cat.categories, as_numbers(column.cat.categories), strict=True))
        yield row, kind, column.map(numbers).astype(float)


def tests(registry: Registry, declared: Table, kinds: dict[str, str]) -> dict[str, Callable[..., float]]:
    """Return for each column the test that the study asks for, chosen anew and from SciPy, or one that abstains."""
    methods, dictionary = registry.study.methods, registry.study.dictionary
    two = len(registry.study.groups[declared.by].levels) == 2
    chosen: dict[str, Callable[..., float]] = {}
    for column, kind in kinds.items():
        if column in declared.tests:
            chosen[column] = SECOND.get(declared.tests[column], abstain)
        elif kind == "mean":
            chosen[column] = SECOND.get(methods.two_groups_mean if two else methods.more_groups_mean, abstain)
        elif kind == "median":
            chosen[column] = SECOND.get(methods.two_groups_median if two else methods.more_groups_median, abstain)
        elif column in dictionary and dictionary[column].type != "ordinal":
            chosen[column] = of_counts(methods.categories, methods.small_expected)
        else:
            chosen[column] = abstain
    return chosen


def of_counts(usual: str, small: str) -> Callable[..., float]:
    """Return a test of a table of counts: the usual one, or the one for small expected counts."""

    def test(*rows: object) -> float:
        counts = np.array(rows)
        counts = counts[:, counts.sum(axis=0) > 0]
        if counts.shape[1] < 2:
            return math.nan
        name = small if stats.contingency.expected_freq(counts).min() < 5 else usual
        return SECOND.get(name, abstain)(*counts)

    return test


def abstain(*samples: object) -> float:
    return math.nan


def one_table(frame: pd.DataFrame, kinds: dict[str, str], htest: dict[str, Callable[..., float]]):
    """Run tableone with every type, test and option named, since its guesses depend on the number of rows."""
    from tableone import TableOne

    return TableOne(
        frame,
        columns=list(kinds),
        categorical=[c for c, kind in kinds.items() if kind == "levels"],
        continuous=[c for c, kind in kinds.items() if kind != "levels"],
        nonnormal=[c for c, kind in kinds.items() if kind == "median"],
        groupby="group", include_null=False, missing=True, overall=True, pval=True, smd=True, htest=htest,
    )  # fmt: skip


NUMERIC = {"mean": "mean", "std": "sd", "median": "median", "q25": "q1", "q75": "q3"}


def cells(table, path: str, quantile: str) -> Iterator[tuple[str, float]]:  # type: ignore[no-untyped-def]
    """Yield tableone's raw values, before it rounds them, by the keys of the direct program."""
    names = {k: v for k, v in NUMERIC.items() if quantile == "linear" or v not in ("q1", "q3")}
    for part in (table.cont_describe, table.cont_describe_all):
        for (stat, group), column in wide(part).items():
            for variable, value in column.items() if stat in names else ():
                yield f"{path}.{variable}.{group}.{names[stat]}", float(value)
    for part in (table.cat_describe, table.cat_describe_all):
        for (stat, group), column in wide(part).items():
            if stat in ("freq", "percent"):
                for (variable, level), value in column.items():
                    row, _, option = str(variable).partition("___")
                    code = option if option and str(level) == "1" else "" if option else level
                    yield f"{path}.{row}.{code}.{group}.{'n' if stat == 'freq' else 'pct'}", float(value)
    for variable, value in table.htest_table["P-Value"].items():
        yield f"{path}.{variable}.p", float(value)
    if table.smd_table.shape[1] == 1:
        for variable, value in table.smd_table.iloc[:, 0].items():
            yield f"{path}.{variable}.smd", float(value)


def wide(part: pd.DataFrame | None) -> dict[tuple[str, str], pd.Series]:
    """Return tableone's intermediate table as columns by statistic and group; its overall part has one group."""
    if part is None:
        return {}
    return {
        (str(stat), ALL if str(group) in ("Overall", "overall", "") else str(group)): part[(stat, group)]
        for stat, group in part.columns
    }


if __name__ == "__main__":
    print(json.dumps(asdict(second_program(Path(sys.argv[1])))))
