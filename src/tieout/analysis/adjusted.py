"""Adjust the p values of a declared family for each other, beside the raw ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from fnmatch import fnmatchcase

from tieout.analysis.comparisons import ADJUSTMENTS, adjust_p
from tieout.errors import TieoutError
from tieout.results import Results, Statistic
from tieout.study import PValues, Study

METHODS = {"holm": "holm", "benjamini_hochberg": "BH", "bonferroni": "bonferroni"}
WORDS = {
    "holm": "Holm's adjustment",
    "benjamini_hochberg": "Benjamini and Hochberg's adjustment (false discovery rate)",
    "bonferroni": "Bonferroni's adjustment",
}


def family(study: Study, name: str, results: Results) -> list[Statistic]:
    """Return the p values that a declared family names, each once, in the order named.

    Raises TieoutError for a key or a pattern that fits no p value.
    """
    found: dict[str, Statistic] = {}
    for pattern in study.p_values[name].of:
        fitting = [s for s in results if s.kind == "p" and fnmatchcase(s.key, pattern)]
        if not fitting:
            place = f"{study.path}  p_values › {name} › of"
            hint = "it is no p value" if pattern in results else results.near(pattern)
            raise TieoutError(place, f"no p value has the key '{pattern}'", hint)
        found |= {s.key: s for s in fitting}
    return list(found.values())


def adjusted(study: Study, name: str, results: Results) -> Iterator[Statistic]:
    """Yield adjusted p values: p_value.NAME.KEY for each KEY of the family, .n of the family and .left_out.n.

    A p value that is not estimable is left out before the others are counted; statsmodels would count it.
    Holm, Scand J Stat 1979;6:65; Benjamini & Hochberg, J R Stat Soc B 1995;57:289; statsmodels multipletests.
    """
    declared, members = study.p_values[name], family(study, name, results)
    values = adjust_p([s.value for s in members], METHODS[declared.method])
    n = sum(value is not None for value in values)
    yield from counted(name, declared, n, len(members))
    method = ADJUSTMENTS[METHODS[declared.method]]
    for statistic, value in zip(members, values, strict=True):
        how = f"{WORDS[declared.method]} of {n} p values"
        yield dataclasses.replace(
            statistic, key=f"p_value.{name}.{statistic.key}", value=value, error=statistic.error, context="p_value",
            label=f"{statistic.label}, adjusted ({declared.label})", method=f"{statistic.method}; {how}",
            function=f"{statistic.function}; statsmodels.stats.multitest.multipletests(method='{method}')",
        )  # fmt: skip


def counted(name: str, declared: PValues, n: int, total: int) -> Iterator[Statistic]:
    """Yield how many p values were adjusted, and how many could not be for want of an estimate."""
    base = Statistic(
        f"p_value.{name}.n", n, "count", f"{declared.label}: p values adjusted", n=n, total=total, among="p values of the family",
        context="p_value", method=WORDS[declared.method], name="n",
    )  # fmt: skip
    yield base
    yield dataclasses.replace(
        base, key=f"p_value.{name}.left_out.n", value=total - n, n=total - n, name="left_out",
        label=f"{declared.label}: p values that could not be estimated, and are not counted",
    )  # fmt: skip
