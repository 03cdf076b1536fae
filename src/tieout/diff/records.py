"""Compare the records of two registries: which were added, removed or changed, counted by variable and by site."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from tieout.registry import Records, Registry, every_column
from tieout.study import Variable

NO_RECORD = "not compared: no variable names a record"
TWICE = "not compared: a record stands twice"
NO_SITE = ""


@dataclass(frozen=True)
class Lines:
    """What changed in one table of records: how many, by variable and by site, and each record for the owner's eyes alone.

    `by_variable` counts the records of both sides whose value differs; `by_site` gives how many were added, removed and
    changed; `named` holds each record's number, what happened to it, and the variables that differ. `problem` says why
    the tables were not compared, if so.
    """

    added: int = 0
    removed: int = 0
    changed: int = 0
    by_variable: Mapping[str, int] = field(default_factory=dict)
    by_site: Mapping[str, tuple[int, int, int]] = field(default_factory=dict)
    named: tuple[tuple[str, str, str], ...] = field(default=(), repr=False)
    problem: str = ""

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


def registries(old: Registry, new: Registry) -> dict[str, Lines]:
    """Return what changed in the registry and, where both have one, in the screening log."""
    record, site = (tuple(each.study.with_role(role) for each in (old, new)) for role in ("record", "site"))
    found = {"registry": compared(old.records, new.records, old.study.variables, new.study.variables, record, site)}
    if old.screening and new.screening and old.study.data.screening and new.study.data.screening:
        before, after = old.study.data.screening.variables, new.study.data.screening.variables
        keys = tuple(next(iter(each), "") for each in (before, after))
        sites = tuple(next((name for name, v in each.items() if v.role == "site"), "") for each in (before, after))
        found["screening log"] = compared(old.screening, new.screening, before, after, keys, sites)
    return found


def compared(
    old: Records, new: Records, before: Mapping[str, Variable], after: Mapping[str, Variable], record: tuple[str, ...],
    site: tuple[str, ...],
) -> Lines:  # fmt: skip
    """Compare two tables by the columns that both declare with the same type; a record is known by its number."""
    if not all(record):
        return Lines(problem=NO_RECORD)
    frames = [each.frame.set_index(each.frame[name].astype(str)) for each, name in zip((old, new), record, strict=True)]
    if any(frame.index.has_duplicates for frame in frames):
        return Lines(problem=TWICE)
    was, now = frames
    added, removed = now.index.difference(was.index, sort=False), was.index.difference(now.index, sort=False)
    common = now.index.intersection(was.index, sort=False)
    one, two = every_column(before), every_column(after)
    differs = {}
    for name in two:
        if name in one and one[name].type == two[name].type and name not in record:
            rows = differing(was.loc[common, name], now.loc[common, name])
            rows |= mask(old, name, was.index, common) != mask(new, name, now.index, common)
            if rows.any():
                differs[name] = rows
    anywhere = np.logical_or.reduce(list(differs.values())) if differs else np.zeros(len(common), dtype=bool)
    changed = common[anywhere]
    where = [frame[name].astype(str) if name else pd.Series(NO_SITE, frame.index) for frame, name in zip(frames, site, strict=True)]
    counts = [where[1][added].value_counts(), where[0][removed].value_counts(), where[1][changed].value_counts()]
    sites = sorted(set().union(*(each.index for each in counts)))
    named = [
        *((each, "added", "") for each in added), *((each, "removed", "") for each in removed),
        *((each, "changed", " ".join(name for name, rows in differs.items() if rows[k]))
          for k, each in zip(np.flatnonzero(anywhere), changed, strict=True)),
    ]  # fmt: skip
    return Lines(
        len(added), len(removed), len(changed), {name: int(rows.sum()) for name, rows in differs.items()},
        {each: tuple(int(count.get(each, 0)) for count in counts) for each in sites},  # type: ignore[misc]
        tuple(named),
    )  # fmt: skip


def differing(old: pd.Series, new: pd.Series) -> np.ndarray:
    """Return where two columns in the same order differ; two missing values do not."""
    one, two = (each.astype(object).to_numpy() if each.dtype == "category" else each.to_numpy() for each in (old, new))
    missing = pd.isna(one), pd.isna(two)
    return np.asarray((missing[0] != missing[1]) | (~missing[0] & ~missing[1] & (one != two)), dtype=bool)


def mask(records: Records, name: str, index: pd.Index, wanted: pd.Index) -> np.ndarray:
    """Return where a variable does not apply, in the order wanted."""
    if name not in records.not_applicable:
        return np.zeros(len(wanted), dtype=bool)
    return pd.Series(np.asarray(records.not_applicable[name]), index).loc[wanted].to_numpy()
