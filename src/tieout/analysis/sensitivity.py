"""Say how strong an unmeasured confounder would have to be to explain a ratio away: the E-value."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator

from tieout.errors import TieoutError
from tieout.results import Results, Statistic
from tieout.study import Study

COMMON: dict[str, Callable[[float], float]] = {
    "risk_ratio": lambda ratio: ratio,
    "rate_ratio": lambda ratio: ratio,
    "odds_ratio": math.sqrt,
    "hazard_ratio": lambda ratio: (1 - 0.5 ** math.sqrt(ratio)) / (1 - 0.5 ** math.sqrt(1 / ratio)),
}
"""The risk ratio that a ratio stands for where the outcome is common (15% or more)."""
WORDS = {"risk_ratio": "a risk ratio", "rate_ratio": "a rate ratio", "odds_ratio": "an odds ratio", "hazard_ratio": "a hazard ratio"}


def e_value(ratio: float, kind: str, rare: bool = False) -> float:
    """Return the E-value of a ratio above 0: the risk ratio with exposure and outcome that would explain it away.

    `kind` is one of COMMON; where the outcome is `rare`, an odds or hazard ratio stands for a risk ratio itself.
    Raises ValueError for a ratio that is not above 0, KeyError for an unknown kind.
    VanderWeele & Ding, Ann Intern Med 2017;167:268.
    """
    if not 0 < ratio < math.inf:
        raise ValueError(f"a ratio lies above 0, not {ratio}")
    risk = ratio if rare else COMMON[kind](ratio)
    risk = max(risk, 1 / risk)
    return risk + math.sqrt(risk * (risk - 1))


def of_limit(low: float, high: float, kind: str, rare: bool = False) -> float:
    """Return the E-value of the limit nearer to 1; it is 1 where the interval includes 1."""
    if low <= 1 <= high:
        return 1.0
    return e_value(low if low > 1 else high, kind, rare)


def e_values(study: Study, name: str, results: Results) -> Iterator[Statistic]:
    """Yield the E-value of a declared ratio and of its limit: e_value.NAME.estimate and e_value.NAME.limit.

    Raises TieoutError where `of` is not the key of a ratio with an interval.
    """
    declared = study.e_values[name]
    path = declared.of.removesuffix(".estimate")
    place = f"{study.path}  e_values › {name} › of"
    if f"{path}.estimate" not in results:
        raise TieoutError(place, f"no ratio has the key '{declared.of}'", results.near(f"{path}.estimate"))
    estimate = results[f"{path}.estimate"]
    if estimate.kind not in COMMON:
        problem = f"'{declared.of}' is not a ratio of risks, rates, odds or hazards"
        raise TieoutError(place, problem, "name a risk ratio, rate ratio, odds ratio or hazard ratio")
    ends = {part: results[f"{path}.{part}"] for part in ("low", "high") if f"{path}.{part}" in results}
    values = {"estimate": (estimate.value, estimate.error), "limit": (None, "the ratio has no interval")}
    if estimate.value is not None:
        values["estimate"] = (e_value(estimate.value, estimate.kind, declared.rare), "")
    low, high = (ends[part].value if part in ends else None for part in ("low", "high"))
    if low is not None and high is not None:
        values["limit"] = (of_limit(low, high, estimate.kind, declared.rare), "")
    elif ends:
        values["limit"] = (None, next(end.error for end in ends.values() if end.error))
    how = "for a rare outcome" if declared.rare else "for a common outcome" if estimate.kind in ("odds_ratio", "hazard_ratio") else ""
    for part, (value, reason) in values.items():
        words = "of the estimate" if part == "estimate" else "of the confidence limit nearer to 1"
        yield dataclasses.replace(
            estimate, key=f"e_value.{name}.{part}", value=value, kind="e_value", name=part, error=reason if value is None else "",
            label=f"{estimate.label}: E-value {words}", method=f"E-value of {WORDS[estimate.kind]} {how}".rstrip(),
            function="tieout.analysis.sensitivity.e_value", context="e_value",
        )  # fmt: skip
