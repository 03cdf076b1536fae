"""Weight two groups by the propensity to be in the first: scores, weights, balance before and after, weighted outcomes."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import norm

from tieout.analysis import regression
from tieout.analysis.comparisons import INFINITE_SMD
from tieout.analysis.describe import Column, columns
from tieout.analysis.intervals import Estimate
from tieout.analysis.models import indicators, labelled
from tieout.analysis.outcomes import LABELS
from tieout.registry import Registry, mask
from tieout.results import Rule, Statistic
from tieout.study import LEVELLED, Model, Outcome, Propensity

Array = NDArray[np.float64]
HERE = "tieout.analysis.propensity."
LARGE_WEIGHT = 10.0
"""A patient who counts for more than so many of the same group dominates it."""
FEW_EFFECTIVE = 0.5
"""So does a part of the group, where its effective sample size is less than this share of it."""

WEIGHTS: dict[str, Callable[[Array, NDArray[np.bool_]], Array]] = {
    "ate": lambda score, first: np.where(first, 1 / score, 1 / (1 - score)),
    "att": lambda score, first: np.where(first, 1.0, score / (1 - score)),
    "ato": lambda score, first: np.where(first, 1 - score, score),
}
"""Weights by estimand, for patients of the first group and of the second. Li, Morgan & Zaslavsky, JASA 2018;113:390."""
ESTIMANDS = {
    "ate": "average effect in all patients",
    "att": "average effect in the first group",
    "ato": "average effect in the overlap of the groups",
}


@dataclass(frozen=True)
class Weighted:
    """Patients with all terms (`rows` of the registry): who is in the first group, score and weight, or why there are none.

    Weights have a mean of 1 in each group, which changes no weighted mean and makes stabilised weights needless.
    """

    rows: NDArray[np.bool_]
    first: NDArray[np.bool_]
    score: Array
    weight: Array
    reason: str = ""
    warning: str = ""


def weights(score: Array, first: NDArray[np.bool_], estimand: str, truncate: float | None = None) -> Array:
    """Return the weight of each patient, with a mean of 1 in each group.

    `truncate` is the quantile of the weights in a group to which larger ones are set. Raises KeyError for an unknown estimand.
    """
    found = WEIGHTS[estimand](score, first)
    for group in (first, ~first):
        if truncate is not None:
            found[group] = np.minimum(found[group], np.quantile(found[group], truncate))
        found[group] /= found[group].mean()
    return found


def weighting(declared: Propensity) -> str:
    """Return in words which weights were made."""
    cut = f", truncated at their quantile {declared.truncate:g} in each group" if declared.truncate else ""
    return f"weighting by a logistic propensity score for the {ESTIMANDS[declared.estimand]}{cut}"


def effective_size(weight: Array) -> float:
    """Return Kish's effective sample size, the square of the sum of weights over the sum of their squares."""
    return float(weight.sum() ** 2 / (weight**2).sum())


def difference(event: Array, first: NDArray[np.bool_], weight: Array, level: float = 0.95) -> Estimate:
    """Return the weighted risk difference, first minus second, with a robust (sandwich) interval and its p.

    The weights are taken as known, which for ate and ato makes the interval too wide rather than too narrow.
    Lunceford & Davidian, Stat Med 2004;23:2937; R's survey::svyglm.
    """
    (p1, v1), (p2, v2) = (_mean(event, group, weight) for group in (first, ~first))
    empty = Estimate(p1 - p2, None, None, None, "weighted risk difference, sandwich interval", HERE + "difference")
    if reason := _unvarying(event, first):
        return dataclasses.replace(empty, reason=reason)
    error = math.sqrt(v1 + v2)
    reach, p = float(norm.isf((1 - level) / 2)) * error, float(2 * norm.sf(abs(p1 - p2) / error))
    return dataclasses.replace(empty, low=p1 - p2 - reach, high=p1 - p2 + reach, p=p)


def ratio(event: Array, first: NDArray[np.bool_], weight: Array, level: float = 0.95) -> Estimate:
    """Return the weighted risk ratio with the robust interval of its logarithm (delta method); weights as in `difference`."""
    (p1, v1), (p2, v2) = (_mean(event, group, weight) for group in (first, ~first))
    empty = Estimate(None, None, None, None, "weighted risk ratio, sandwich interval of its logarithm", HERE + "ratio")
    if reason := _unvarying(event, first):
        return dataclasses.replace(empty, reason=reason)
    error, log = math.sqrt(v1 / p1**2 + v2 / p2**2), math.log(p1 / p2)
    reach = float(norm.isf((1 - level) / 2)) * error
    p = float(2 * norm.sf(abs(log) / error))
    return dataclasses.replace(empty, value=p1 / p2, low=math.exp(log - reach), high=math.exp(log + reach), p=p)


def _mean(event: Array, group: NDArray[np.bool_], weight: Array) -> tuple[float, float]:
    """Return the weighted mean of a group and its robust variance, in which all n patients are the sample."""
    w, y, n = weight[group], event[group], len(event)
    mean = float((w * y).sum() / w.sum())
    return mean, float(((w * (y - mean) / w.sum()) ** 2).sum() * n / (n - 1))


def _unvarying(event: Array, first: NDArray[np.bool_]) -> str:
    same = any(len(np.unique(event[group])) < 2 for group in (first, ~first))
    return "nobody or everybody in a group had the event, so the sandwich variance does not hold" if same else ""


def imbalance(
    values: Array, first: NDArray[np.bool_], weight: Array, *, levels: bool
) -> tuple[float | None, float | None]:
    """Return the standardised mean difference before and after weighting, without sign; None where it is infinite.

    `values` (n x k) are the columns of a term: a number, or, with `levels`, an indicator of each level but one. The distance between
    the groups' means is that of Mahalanobis under the mean of the unweighted covariances, before and after, so that only
    the means can change it. Yang & Dalton, SAS Global Forum 2012:335; Austin & Stuart, Stat Med 2015;34:3661.
    """
    groups = (first, ~first)
    spread = sum(np.cov(values[group].T, ddof=0 if levels else 1).reshape(values.shape[1], -1) for group in groups) / 2
    inverse = np.linalg.pinv(spread, rcond=1e-10, hermitian=True)

    def distance(use: Array) -> float | None:
        means = [np.average(values[group], axis=0, weights=use[group]) for group in groups]
        apart = means[0] - means[1]
        if not np.allclose(spread @ (inverse @ apart), apart, rtol=0, atol=1e-9 * max(1.0, np.abs(values).max())):
            return None
        return math.sqrt(max(0.0, float(apart @ inverse @ apart)))

    return distance(np.ones(len(weight))), distance(weight)


def propensity(registry: Registry, name: str) -> Iterator[Statistic]:
    """Yield the Statistics of one declared weighting.

    Keys: propensity.NAME.n, .missing, .outside.n; .GROUP.n, .effective_size, .largest_weight, .score.median, .q1, .q3;
    .balance.TERM.smd, .weighted_smd and by group .mean and .weighted_mean, or by level .pct and .weighted_pct;
    .outcome.NAME.n, .GROUP.pct, .difference and .risk_ratio (estimate, low, high, p).
    """
    study = registry.study
    declared = study.propensity[name]
    group = study.groups[declared.group]
    rule: Rule = dict.fromkeys(declared.terms)
    everybody, *pair = columns(registry, group, {})
    found = weighted(registry, declared, pair)
    path, known = f"propensity.{name}", int(everybody.rows.sum())
    n = int(found.rows.sum())
    within = {**rule, **everybody.rule}
    base = Statistic(
        "", 0, "count", declared.label, n=n, total=n, counted=within, within=within, context="propensity",
        among=f"patients with {study.dictionary[group.variable].label} and every term known",
        variable_label=declared.label, method=weighting(declared),
        function="statsmodels.discrete.discrete_model.Logit; " + HERE + "weights", warning=found.warning,
    )  # fmt: skip
    plain = dataclasses.replace(
        base, total=known, within=everybody.rule, among=f"patients with {study.dictionary[group.variable].label} known",
        method="", function="", warning="",
    )  # fmt: skip
    yield dataclasses.replace(plain, key=f"{path}.n", value=n, name="n", label=f"{declared.label}: patients with every term")
    yield dataclasses.replace(
        plain, key=f"{path}.missing", value=known - n, n=known - n, name="missing", counted={},
        label=f"{declared.label}: lost to missing values of the terms",
    )  # fmt: skip
    yield from overlap(base, path, found, pair)
    for term in declared.terms:
        yield from balance(registry, base, f"{path}.balance.{term}", term, found, pair)
    for outcome in declared.outcomes:
        yield from effect(registry, base, f"{path}.outcome.{outcome}", study.outcomes[outcome], found, pair)


def weighted(registry: Registry, declared: Propensity, pair: list[Column]) -> Weighted:
    """Fit the propensity score by logistic regression and return the weights, or why there are none."""
    frame, group = registry.frame, registry.study.groups[declared.group]
    rows = (pair[0].rows | pair[1].rows) & mask(frame, dict.fromkeys(declared.terms))
    first = pair[0].rows[rows]
    model = Model(outcome=group.variable, label=declared.label, terms=declared.terms)
    found = [each for term in declared.terms for each in indicators(registry, model, term, frame[term][rows])]
    X = np.column_stack([values for values, _ in found]) if found else np.empty((len(first), 0))
    terms = [term for _, term in found]
    nothing = np.full(len(first), np.nan)
    if min(first.sum(), (~first).sum()) < 2:
        return Weighted(rows, first, nothing, nothing, "no propensity score: a group has fewer than two patients")
    fit = regression.logistic(first.astype(float), X, [term.name for term in terms])
    absent = fit.reason or next((term.reason for term in (fit.intercept, *fit.terms) if term.coef is None), "")
    if absent:
        reason = f"no propensity score: {labelled(absent, terms)}"
        return Weighted(rows, first, nothing, nothing, reason)
    score = expit(float(fit.intercept.coef or 0) + X @ np.array([term.coef for term in fit.terms]))
    weight = weights(score, first, declared.estimand, declared.truncate)
    near = [term.label for term in terms if term.name in (*fit.separated, *fit.near_separated)]
    told = [f"{', '.join(near)} nearly separates the groups"] if near else []
    told += [dominated(weight[side], column.label) for side, column in zip((first, ~first), pair, strict=True)]
    return Weighted(rows, first, score, weight, "", "; ".join(filter(None, told)))


def dominated(weight: Array, label: str) -> str:
    """Return a warning where few patients carry most of a group's weight."""
    largest, size = float(weight.max()), effective_size(weight)
    if largest <= LARGE_WEIGHT and size >= FEW_EFFECTIVE * len(weight):
        return ""
    return (
        f"few patients carry the weight of {label}: the largest weight is {largest:.1f} times the mean, "
        f"the effective sample size {size:.1f} of {len(weight)}"
    )


def overlap(base: Statistic, path: str, found: Weighted, pair: list[Column]) -> Iterator[Statistic]:
    """Yield size, effective size, largest weight and scores of each group, and how many lie outside the other's scores."""
    for side, column in zip((found.first, ~found.first), pair, strict=True):
        within = {**base.within, **column.rule}
        n = int(side.sum())
        cell = dataclasses.replace(
            base, n=n, total=n, counted=within, within=within, among=f"{base.among}, {column.label}", group=column.name,
            group_label=column.label, label=f"{base.label}, {column.label}",
        )  # fmt: skip
        yield dataclasses.replace(
            cell, key=f"{path}.{column.name}.n", value=n, name="n", method="", function="", warning="",
        )  # fmt: skip
        weight, score = found.weight[side], found.score[side]
        quartiles = np.quantile(score, [0.25, 0.5, 0.75]) if n and not found.reason else [None] * 3
        made = not found.reason
        values = {
            "effective_size": ("effective_size", effective_size(weight) if made else None, "effective sample size"),
            "largest_weight": ("weight", weight.max() if made else None, "largest weight, where the mean is 1"),
            "score.median": ("median", quartiles[1], "median propensity score"),
            "score.q1": ("quartile", quartiles[0], "lower quartile of the propensity score"),
            "score.q3": ("quartile", quartiles[2], "upper quartile of the propensity score"),
        }
        for name, (kind, value, words) in values.items():
            yield number(
                cell, f"{path}.{column.name}.{name}", kind, value, found.reason, label=f"{cell.label}: {words}",
                name=name.split(".")[-1], decimals=2,
            )  # fmt: skip
    yield number(
        base, f"{path}.outside.n", "count", None if found.reason else outside(found), found.reason, name="outside",
        label=f"{base.label}: propensity score outside the range of the other group", counted={},
        n=None if found.reason else outside(found),
    )  # fmt: skip


def outside(found: Weighted) -> int:
    """Return how many patients have a score that nobody in the other group reaches or falls short of."""
    total = 0
    for side in (found.first, ~found.first):
        own, other = found.score[side], found.score[~side]
        total += int(((own < other.min()) | (own > other.max())).sum())
    return total


def number(base: Statistic, key: str, kind: str, value: float | None, reason: str, **more: object) -> Statistic:
    """Return a Statistic of a value, or of why there is none."""
    told = None if value is None else float(value) if kind != "count" else int(value)
    return dataclasses.replace(base, key=key, kind=kind, value=told, error=reason if value is None else "", **more)  # type: ignore[arg-type]


def balance(
    registry: Registry, base: Statistic, path: str, name: str, found: Weighted, pair: list[Column]
) -> Iterator[Statistic]:
    """Yield a term's means or percentages and its standardised mean difference, before and after weighting."""
    variable, column = registry.study.dictionary[name], registry.frame[name][found.rows]
    base = dataclasses.replace(base, variable=name, variable_label=variable.label, unit=variable.unit)
    present = [code for code in variable.codes if (column == code).any()] if variable.type in LEVELLED else []
    shown = {code: (column == code).to_numpy(dtype=float) for code in present}
    values = np.column_stack([*list(shown.values())[1:]]) if len(shown) > 1 else column_of(column, variable.type)
    smds = (None, None) if found.reason else imbalance(values, found.first, found.weight, levels=bool(shown))
    for part, smd, words in zip(("smd", "weighted_smd"), smds, ("before", "after"), strict=True):
        yield number(
            base, f"{path}.{part}", "smd", smd, found.reason or INFINITE_SMD, name=part,
            label=f"{variable.label}, standardised mean difference {words} weighting",
            method="standardised mean difference over the unweighted standard deviations", function=HERE + "imbalance",
            warning="" if part == "smd" else base.warning,
        )  # fmt: skip
    for side, group in zip((found.first, ~found.first), pair, strict=True):
        cell = dataclasses.replace(
            base, n=int(side.sum()), total=int(side.sum()), group=group.name, group_label=group.label,
            among=f"{base.among}, {group.label}", within={**base.within, **group.rule}, counted={**base.within, **group.rule},
        )  # fmt: skip
        if not shown:
            yield from means(cell, path, values[side, 0], found, side)
        for code, indicator in shown.items():
            level = dataclasses.replace(cell, level=code, level_label=variable.codes[code])
            yield from percentages(level, path, indicator[side], found, side)


def column_of(column: object, kind: str) -> Array:
    """Return a numeric variable, or the single level that all have, as one column."""
    if kind in LEVELLED:
        return np.zeros((len(column), 1))  # type: ignore[arg-type]
    return column.to_numpy(dtype=float)[:, None]  # type: ignore[attr-defined]


def means(
    cell: Statistic, path: str, values: Array, found: Weighted, side: NDArray[np.bool_]
) -> Iterator[Statistic]:
    """Yield the mean of a number before and after weighting, and its SD before."""
    reason = "" if len(values) else "no patients in this group"
    plain = {
        "mean": float(values.mean()) if len(values) else None,
        "sd": float(values.std(ddof=1)) if len(values) > 1 else None,
    }
    for name, value in plain.items():
        yield number(
            cell, f"{path}.{cell.group}.{name}", name, value, reason or "a single value has no SD", name=name, warning="",
            label=f"{cell.variable_label}, {name}, {cell.group_label}", method="mean (SD)", function=f"numpy.{name}",
        )  # fmt: skip
    after = None if found.reason or reason else float(np.average(values, weights=found.weight[side]))
    yield number(
        cell, f"{path}.{cell.group}.weighted_mean", "mean", after, found.reason or reason, name="weighted_mean",
        label=f"{cell.variable_label}, weighted mean, {cell.group_label}",
    )  # fmt: skip


def percentages(
    cell: Statistic, path: str, indicator: Array, found: Weighted, side: NDArray[np.bool_]
) -> Iterator[Statistic]:
    """Yield the percentage of a level before and after weighting; the latter counts no patients."""
    words = f"{cell.variable_label}: {cell.level_label}, {cell.group_label}"
    n, total = int(indicator.sum()), len(indicator)
    key, reason = f"{path}.{cell.level}.{cell.group}", "" if total else "no patients in this group"
    plain = dataclasses.replace(
        cell, label=words, n=n, counted={**cell.within, cell.variable: (cell.level,)}, method="", function="", warning="",
    )  # fmt: skip
    yield dataclasses.replace(plain, key=f"{key}.n", value=n, kind="count", name="n")
    yield number(plain, f"{key}.pct", "percent", 100 * n / total if total else None, reason, name="pct", method="n / N")
    after = None if found.reason or reason else 100 * float(np.average(indicator, weights=found.weight[side]))
    yield number(
        cell, f"{key}.weighted_pct", "percent", after, found.reason or reason, name="weighted_pct", n=None,
        label=f"{words}, weighted",
    )  # fmt: skip


def effect(
    registry: Registry, base: Statistic, path: str, outcome: Outcome, found: Weighted, pair: list[Column]
) -> Iterator[Statistic]:
    """Yield weighted percentages of an outcome by group, and the weighted risk difference and risk ratio."""
    inside = mask(registry.frame, {outcome.variable: None, **outcome.where})[found.rows]
    event = registry.frame[outcome.variable][found.rows].isin(outcome.event).to_numpy(dtype=float)[inside]
    first = found.first[inside]
    reason = found.reason or ("" if first.any() and not first.all() else "a group has no patients with this outcome known")
    against = f"{pair[0].label} v {pair[1].label}"
    rule = {**base.within, outcome.variable: None, **outcome.where}
    base = dataclasses.replace(
        base, label=f"{outcome.label}, weighted", n=len(event), total=len(event), within=rule, counted=rule,
        variable=outcome.variable, variable_label=outcome.label, among=f"{outcome.among}, {against}, with every term known",
    )  # fmt: skip
    weight = found.weight[inside]
    yield dataclasses.replace(
        base, key=f"{path}.n", value=len(event), name="n", label=f"{base.label}: patients", method="", function="", warning="",
    )  # fmt: skip
    for side, column in zip((first, ~first), pair, strict=True):
        after = None if reason else 100 * float(np.average(event[side], weights=weight[side]))
        yield number(
            base, f"{path}.{column.name}.pct", "percent", after, reason, name="pct", n=None, total=int(side.sum()),
            group=column.name, group_label=column.label, label=f"{outcome.label}, weighted, {column.label}",
            within={**rule, **column.rule}, counted={**rule, **column.rule}, among=f"{outcome.among}, {column.label}",
        )  # fmt: skip
    level = registry.study.methods.level
    for kind, compute, scale in (("difference", difference, 100), ("risk_ratio", ratio, 1)):
        estimate = Estimate(None, None, None, None) if reason else compute(event, first, weight, level)
        limits = "difference_limit" if kind == "difference" else "ratio_limit"
        method = f"{estimate.method}; {base.method}"
        for name, value, of in (
            ("estimate", estimate.value, kind), ("low", estimate.low, limits), ("high", estimate.high, limits), ("p", estimate.p, "p"),
        ):  # fmt: skip
            told = None if value is None else value if of == "p" else scale * value
            yield number(
                base, f"{path}.{kind}.{name}", of, told, reason or estimate.reason, name=name, method=method,
                function=estimate.function, label=f"{base.label}, {LABELS[kind]}, {against}",
            )  # fmt: skip
