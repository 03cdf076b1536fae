"""Results as analysis results data in the columns of R's cards package, for gtsummary and whoever reads CDISC's ARS."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from tieout.display import profile_of, text
from tieout.results import Results, Statistic
from tieout.spreadsheet import as_csv, harmless

COLUMNS = (
    "group1", "group1_level", "variable", "variable_level", "context", "stat_name", "stat_label", "stat", "stat_fmt", "fmt_fun",
    "warning", "error", "key", "label", "unit", "n", "N", "among", "method", "function", "snapshot",
)  # fmt: skip
"""The columns and their order as cards 0.9 gives them (tidy_ard_column_order), then those that only Tieout has."""

NAMES: dict[str, tuple[str, str, float]] = {
    "n": ("n", "n", 1),
    "total": ("N", "N", 1),
    "pct": ("p", "%", 0.01),
    "observed": ("N_nonmiss", "N Non-missing", 1),
    "missing": ("N_miss", "N Missing", 1),
    "median": ("median", "Median", 1),
    "q1": ("p25", "Q1", 1),
    "q3": ("p75", "Q3", 1),
    "mean": ("mean", "Mean", 1),
    "sd": ("sd", "SD", 1),
    "estimate": ("estimate", "Estimate", 1),
    "low": ("conf.low", "CI Lower Bound", 1),
    "high": ("conf.high", "CI Upper Bound", 1),
    "p": ("p.value", "p-value", 1),
    "events": ("n.event", "Number of Events", 1),
    "at_risk": ("n.risk", "Number at Risk", 1),
}
"""Our name of a statistic, and cards': its name, its label, and what a value is multiplied by (proportions are 0 to 1 there)."""
CONTEXTS = {"median": "summary", "q1": "summary", "q3": "summary", "mean": "summary", "sd": "summary", "observed": "missing",
            "missing": "missing"}  # fmt: skip


def rows(results: Results) -> Iterator[dict[str, Any]]:
    """Yield one row for each statistic, and for each p value one more that names its method, as cards has them."""
    profile = profile_of(results.meta)
    shared = {"snapshot": results.stamp}
    for s in results:
        name, label, factor = NAMES.get(s.name, (s.name or s.kind, s.label, 1))
        factor = 0.01 if s.kind == "percent_limit" else factor
        base = {
            "group1": grouped(s), "group1_level": s.group_label or None, "variable": s.variable or s.key.partition(".")[0],
            "variable_level": s.level_label or None, "context": CONTEXTS.get(s.name, "tabulate" if s.level else s.context or "tieout"),
            "fmt_fun": None, "warning": s.warning or None, "error": s.error or None, "key": s.key, "label": s.label, "unit": s.unit,
            "n": s.n, "N": s.total, "among": s.among, "method": s.method, "function": s.function, **shared,
        }  # fmt: skip
        value = None if s.value is None else factor * s.value
        shown = None if s.error else text(s, profile)
        yield {**base, "stat_name": name, "stat_label": label, "stat": value, "stat_fmt": shown}
        if s.kind == "p" and s.method:
            yield {**base, "stat_name": "method", "stat_label": "method", "stat": None, "stat_fmt": s.method, "key": f"{s.key}.method"}


def grouped(s: Statistic) -> str | None:
    """Return what a statistic's group is one of: in a model its term, else the groups of the study."""
    return ("reference" if s.context == "model" else "group") if s.group_label or s.group else None


def as_text(results: Results) -> bytes:
    """Return the rows as CSV, with stamps of synthetic data in the column `snapshot` alone."""
    table = [COLUMNS, *([cell(row[name]) for name in COLUMNS] for row in rows(results))]
    return as_csv(table).encode("utf-8")


def cell(value: object) -> str:
    if value is None:
        return ""
    return repr(value) if isinstance(value, float) else harmless(str(value))


def as_parquet(results: Results) -> bytes:
    """Return the rows as Parquet: stat is a double, counts are integers, all else text; `synthetic` is in its metadata."""
    import pyarrow as pa
    from pyarrow import parquet

    types = {"stat": pa.float64(), "n": pa.int64(), "N": pa.int64()}
    schema = pa.schema(
        [(name, types.get(name, pa.string())) for name in COLUMNS],
        metadata={"synthetic": results.meta["synthetic"], "study": results.meta["study"]},
    )
    found = list(rows(results))
    table = pa.table({name: [row[name] for row in found] for name in COLUMNS}, schema=schema)
    out = io.BytesIO()
    parquet.write_table(table, out)
    return out.getvalue()


FORMATS = {"csv": as_text, "parquet": as_parquet}
