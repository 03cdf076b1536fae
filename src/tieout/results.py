"""Statistic and Results: one row per reported number, added once, looked up by key, saved and loaded."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType, NoneType
from typing import Any

from tieout.errors import TieoutError, nearest

Rule = Mapping[str, tuple[str, ...] | None]
"""Which records: for each variable the codes that count, or None for "any value observed"."""


@dataclass(frozen=True, slots=True)
class Statistic:
    """One number with everything needed to trust it.

    `value` is raw, never rounded; it is None exactly when `error` says why there is no number.
    Percentages are kept as percentages (0 to 100), ratios as ratios, times in `unit`.
    `counted` and `within` say which records are the numerator and the denominator, `among` says the
    denominator in words. `context` to `name` place the number in its table; `key` is their join. `step` is what one unit of a
    linear model's term is (per 10 years), whose estimate is in `unit`.
    """

    key: str
    value: float | None
    kind: str
    label: str
    unit: str = ""
    decimals: int | None = None
    n: int | None = None
    total: int | None = None
    among: str = ""
    counted: Rule = field(default_factory=dict)
    within: Rule = field(default_factory=dict)
    source: str = "registry"
    method: str = ""
    function: str = ""
    warning: str = ""
    error: str = ""
    context: str = ""
    variable: str = ""
    variable_label: str = ""
    level: str = ""
    level_label: str = ""
    group: str = ""
    group_label: str = ""
    name: str = ""
    step: str = ""

    def __post_init__(self) -> None:
        if self.value is not None and not math.isfinite(self.value):
            raise ValueError(f"{self.key}: a Statistic holds a finite value or an error, not {self.value}")
        if (self.value is None) != bool(self.error):
            raise ValueError(f"{self.key}: a Statistic holds either a value or an error")


HIDDEN = "hidden: small numbers"
"""The error of a Statistic that exists and is not shown."""
UNSET = object()
FIELDS = tuple(f.name for f in dataclasses.fields(Statistic))
DEFAULTS = {
    f.name: f.default if f.default is not dataclasses.MISSING else {} for f in dataclasses.fields(Statistic)[4:]
}

MOST_DECIMALS = 20
READ_AS: Mapping[str, tuple[type, ...]] = {
    "value": (int, float, NoneType), "n": (int, NoneType), "total": (int, NoneType), "decimals": (int, NoneType),
    "counted": (dict,), "within": (dict,),
}  # fmt: skip
"""What JSON may hold for a field that is no text."""


@dataclass(frozen=True)
class Results:
    """Statistics by key, in the order in which they were computed, with what they were computed from.

    `meta` holds the study's name, title, journal and stamps, the snapshot digest and the library versions.
    """

    statistics: Mapping[str, Statistic]
    meta: Mapping[str, Any]

    @classmethod
    def of(cls, statistics: Iterable[Statistic], meta: Mapping[str, Any]) -> Results:
        """Collect statistics; a key that is added twice raises ValueError."""
        found: dict[str, Statistic] = {}
        for statistic in statistics:
            if statistic.key in found:
                raise ValueError(f"the key {statistic.key} is computed twice")
            found[statistic.key] = statistic
        return cls(MappingProxyType(found), MappingProxyType(dict(meta)))

    def _repr_html_(self) -> str:
        from tieout import notebook  # a notebook alone needs the tables

        return notebook.summary(self)

    def with_meta(self, **more: Any) -> Results:
        """Return the same statistics with more told about them."""
        return Results(self.statistics, MappingProxyType({**self.meta, **more}))

    @property
    def stamp(self) -> str:
        """What outputs print to say what they were made of: the digest of the data, and that of the whole edition."""
        edition = self.meta.get("edition", "")
        return f"sha256:{self.meta['snapshot'][:16]}" + f" edition:{edition[:16]}" * bool(edition)

    def __getitem__(self, key: str) -> Statistic:
        """Return the Statistic of `key`; an unknown key raises TieoutError with the nearest keys."""
        try:
            return self.statistics[key]
        except KeyError:
            raise TieoutError("results", f"no statistic has the key '{key}'", self.near(key)) from None

    def __contains__(self, key: object) -> bool:
        return key in self.statistics

    def __iter__(self) -> Iterator[Statistic]:
        return iter(self.statistics.values())

    def __len__(self) -> int:
        return len(self.statistics)

    def under(self, prefix: str) -> list[Statistic]:
        """Return the statistics whose keys begin with `prefix` and a dot."""
        return [s for s in self if s.key.startswith(prefix + ".")]

    def near(self, key: str) -> str:
        """Return a hint with the keys nearest to `key`, or with what its longest known part offers."""
        if hint := nearest(key, self.statistics):
            return hint
        parts = key.split(".")
        for length in range(len(parts) - 1, 0, -1):
            prefix = ".".join(parts[:length])
            offers = dict.fromkeys(s.key[len(prefix) + 1 :].split(".")[0] for s in self.under(prefix))
            if offers:
                hint = nearest(parts[length], offers)
                return hint or f"'{prefix}' offers " + ", ".join(list(offers)[:12])
        return "the keys begin with " + ", ".join(dict.fromkeys(k.split(".")[0] for k in self.statistics))

    def to_json(self) -> str:
        """Return the results as JSON text: the same results give the same bytes."""
        rows = [
            {name: value for name in FIELDS if (value := getattr(s, name)) != DEFAULTS.get(name, UNSET)} for s in self
        ]
        body = {"meta": dict(self.meta), "statistics": rows}
        return json.dumps(body, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def load(path: Path) -> Results:
    """Read results.json; a missing or damaged file raises TieoutError."""
    try:
        return parsed(path.read_bytes())
    except FileNotFoundError:
        raise TieoutError(str(path), "there are no results yet", "run 'tieout build' first") from None
    except ValueError:
        raise TieoutError(
            str(path), "this is not a results file of Tieout", "run 'tieout build' to write it anew"
        ) from None


def parsed(text: bytes) -> Results:
    """Return the results of a text of results.json; raise ValueError where it is none or a value is of another type."""
    try:
        body = json.loads(text.decode("utf-8"))
        return Results.of(map(statistic, body["statistics"]), body["meta"])
    except (KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ValueError(f"these are no results: {error}") from None


def statistic(row: Mapping[str, Any]) -> Statistic:
    """Return the Statistic of a JSON row; raise TypeError where a value is of another type than Statistic declares."""
    for name, value in row.items():
        if not isinstance(value, READ_AS.get(name, str)):
            raise TypeError(f"'{name}' cannot be {value!r:.40}")
    if not 0 <= (row.get("decimals") or 0) <= MOST_DECIMALS:
        raise TypeError("no number has so many decimals")
    return Statistic(**{**row, **rules(row)})


def rules(row: Mapping[str, Any]) -> dict[str, Rule]:
    """Return the record rules of a JSON row with their codes as tuples."""
    return {
        name: {variable: codes if codes is None else tuple(codes) for variable, codes in row[name].items()}
        for name in ("counted", "within")
        if name in row
    }
