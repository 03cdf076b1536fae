"""How far data are from no longer supporting a condition: in how many patients they would have to differ."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import statsmodels.api as sm
from numpy.typing import NDArray

from tieout.analysis import intervals, models, regression
from tieout.analysis.clustered import Cases
from tieout.registry import Registry
from tieout.results import Results, Statistic

Holds = Callable[[Results], bool]
FAMILIES = {"logistic": sm.families.Binomial, "linear": sm.families.Gaussian, "poisson": sm.families.Poisson}
"""The kinds of model in which it is known how much each patient weighs: generalised linear models."""


@dataclass(frozen=True)
class Margin:
    """In how many patients (`count`, of `total`) the data would have to differ for a condition to flip, in words."""

    count: int
    total: int
    words: str


def margins(registry: Registry, results: Results, condition: str, holds: Holds) -> list[Margin]:
    """Return for each outcome and model term of a condition that holds the fewest patients that would flip it, fewest first.

    Of an outcome: patients in whom it would have to be otherwise (Walsh and others, J Clin Epidemiol 2014;67:622, the
    fragility index). Of a model's term: patients who would have to be left out, of those that weigh most (Broderick,
    Giordano & Meager, arXiv:2011.14999); fewer others might do, so that the number is an upper bound.
    """
    keys = [key for key in dict.fromkeys(re.findall(r"[A-Za-z_]\w*(?:\.\w+)+", condition)) if key in results]
    outcomes = dict.fromkeys(m[1] for key in keys if (m := re.fullmatch(r"outcome\.(\w+)\.(?:n|pct|low|high)", key)))
    terms = dict.fromkeys(
        (m[1], m[2]) for key in keys if (m := re.fullmatch(r"model\.(\w+)\.(\w+(?:\.\w+)?)\.(?:estimate|low|high|p)", key))
    )
    found = [
        *(margin for name in outcomes for margin in otherwise(registry, results, name, holds)),
        *(margin for name, term in terms for margin in without(registry, results, name, term, holds)),
    ]
    return sorted(found, key=lambda margin: margin.count)


def otherwise(registry: Registry, results: Results, name: str, holds: Holds) -> Iterator[Margin]:
    """Yield how many more patients, or how many fewer, would have to have an outcome."""
    now = results[f"outcome.{name}.n"]
    x, n = now.n or 0, now.total or 0
    found = []
    for step, room in ((1, n - x), (-1, x)):
        count = fewest(lambda k, step=step: not holds(counted(registry, results, name, x + step * k)), room)  # type: ignore[misc]
        found += [(count, step)] if count else []
    for count, step in sorted(found)[:1]:
        words = f"with “{now.variable_label}” in {x + step * count} of {n} patients instead of {x}"
        yield Margin(count, n, words)


def counted(registry: Registry, results: Results, name: str, x: int) -> Results:
    """Return results in which an outcome was seen in `x` patients, with its interval."""
    outcome, methods = registry.study.outcomes[name], registry.study.methods
    n = results[f"outcome.{name}.n"].total or 0
    interval = intervals.proportion(x, n, outcome.interval or methods.proportion, methods.level)
    values = {"n": x, "pct": 100 * x / n, "low": scaled(interval.low), "high": scaled(interval.high)}
    return changed(results, (valued(results[f"outcome.{name}.{part}"], value) for part, value in values.items()))


def scaled(limit: float | None) -> float | None:
    return None if limit is None else 100 * limit


def valued(statistic: Statistic, value: float | None) -> Statistic:
    return dataclasses.replace(statistic, value=value, error="" if value is not None else "not estimable")


def changed(results: Results, statistics: Iterator[Statistic]) -> Results:
    return Results({**results.statistics, **{s.key: s for s in statistics}}, results.meta)


def fewest(flipped: Callable[[int], bool], most: int) -> int:
    """Return the smallest k from 1 to `most` that flips, found by doubling and halving, or 0 where none does."""
    high = 1
    while high < most and not flipped(high):
        high = min(2 * high, most)
    if most < 1 or not flipped(high):
        return 0
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if flipped(middle) else (middle, high)
    return high


def without(registry: Registry, results: Results, name: str, term: str, holds: Holds) -> Iterator[Margin]:
    """Yield how many of a model's patients would have to be left out; nothing for a kind in which their weight is not known."""
    declared = registry.study.models[name]
    _, cases, terms = models.prepared(registry, declared, declared.terms)
    if declared.kind not in FAMILIES or cases.clusters is not None or term not in cases.terms:
        return
    pull = influence(cases, declared.kind, cases.terms.index(term))
    rule = models.observed(declared, declared.terms)

    def flipped(order: NDArray[np.int64], k: int) -> bool:
        fewer = kept(cases, np.sort(order[k:]))
        fit = models.fit_of(registry, declared, fewer)
        return not holds(changed(results, models.estimates(f"model.{name}", declared, fit, fewer, terms, rule, registry)))

    size = len(cases.y)
    found = [
        k for order in (np.argsort(-pull, kind="stable"), np.argsort(pull, kind="stable"))
        if (k := fewest(lambda k, order=order: flipped(order, k), size // 5))  # type: ignore[misc]
    ]  # fmt: skip
    for k in sorted(found)[:1]:
        which = "the one that weighs most" if k == 1 else "those that weigh most"
        yield Margin(k, size, f"without {k} of the {size} patients of the model of “{declared.label}”, {which}")


def influence(cases: Cases, kind: str, place: int) -> NDArray[np.float64]:
    """Return by how much each patient (n) moves a coefficient, in one step from the fit. Source: statsmodels GLMInfluence."""
    offset = None if cases.exposure is None else np.log(cases.exposure)
    design = sm.add_constant(regression.standardised(cases.X), has_constant="add")
    with regression.quiet():
        fit = sm.GLM(cases.y, design, family=FAMILIES[kind](), offset=offset).fit()
        moved: NDArray[np.float64] = np.asarray(fit.get_influence(observed=False).d_params)[:, place + 1]
    return np.nan_to_num(moved)


def kept(cases: Cases, rows: NDArray[np.int64]) -> Cases:
    return dataclasses.replace(
        cases, y=cases.y[rows], X=cases.X[rows],
        time=None if cases.time is None else cases.time[rows],
        exposure=None if cases.exposure is None else cases.exposure[rows],
    )  # fmt: skip
