"""Logistic and ordinal models of a study: what went in, what was lost, the estimates, and Firth's beside them."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tieout.analysis import comparisons, regression
from tieout.analysis.describe import Column, as_numbers, columns
from tieout.registry import Registry, mask
from tieout.results import Rule, Statistic
from tieout.study import NUMBERS, Model


@dataclass(frozen=True)
class Term:
    """One column of the design: the variable, its level against the reference, and what one unit of it is."""

    variable: str
    label: str
    level: str = ""
    level_label: str = ""
    reference: str = ""
    step: str = ""

    @property
    def name(self) -> str:
        return f"{self.variable}.{self.level}" if self.level else self.variable


def fitted(registry: Registry, name: str) -> Iterator[Statistic]:
    """Yield the Statistics of one declared model: multivariable, Firth's beside it, and each univariable model.

    Keys: model.NAME.TERM.estimate, low, high, p; model.NAME.firth.TERM…; model.NAME.univariable.TERM…; and
    n, events, missing and events_per_variable of the multivariable fit.
    """
    declared = registry.study.models[name]
    interval = declared.interval or registry.study.methods.model_interval
    level = registry.study.methods.level
    path = f"model.{name}"
    complete, y, X, terms = design(registry, declared, declared.terms)
    fit = regression.logistic(y, X, [t.name for t in terms], interval=interval, level=level)
    rule = observed(declared, declared.terms)
    yield from accounted(registry, declared, path, fit, rule, int(complete.sum()), len(terms))
    yield from estimates(path, declared, fit, terms, rule)
    firth = regression.firth(y, X, [t.name for t in terms], level=level)
    yield from estimates(f"{path}.firth", declared, firth, terms, rule)
    for variable in dict.fromkeys((*declared.univariable, *declared.terms)):
        _, y1, X1, terms1 = design(registry, declared, (variable,))
        one = regression.logistic(y1, X1, [t.name for t in terms1], interval=interval, level=level)
        yield from estimates(f"{path}.univariable", declared, one, terms1, observed(declared, (variable,)))


def observed(declared: Model, variables: tuple[str, ...]) -> Rule:
    return dict.fromkeys((declared.outcome, *variables))


def design(
    registry: Registry, declared: Model, variables: tuple[str, ...]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[Term]]:
    """Return the complete cases, their outcome, their design matrix without intercept, and its terms.

    Levelled variables become indicators against the reference, which is the first level unless declared.
    A level that no complete case has gives no column.
    """
    frame = registry.frame
    complete = mask(frame, observed(declared, variables))
    y = (frame[declared.outcome][complete] == "1").to_numpy(dtype=float)
    found: list[np.ndarray] = []
    terms: list[Term] = []
    for variable in variables:
        for values, term in indicators(registry, declared, variable, frame[variable][complete]):
            found.append(values)
            terms.append(term)
    X = np.column_stack(found) if found else np.empty((len(y), 0))
    return complete, y, X, terms


def indicators(registry: Registry, declared: Model, name: str, column: pd.Series) -> Iterator[tuple[np.ndarray, Term]]:
    variable = registry.study.dictionary[name]
    per = declared.per.get(name, 1.0)
    if variable.type in NUMBERS:
        yield column.to_numpy() / per, Term(name, variable.label, step=step(per, variable.unit))
    elif variable.type == "ordinal":
        yield (
            as_numbers(column.cat.categories)[column.cat.codes.to_numpy()] / per,
            Term(name, variable.label, step=step(per, "grades")),
        )
    elif variable.type == "yesno":
        base = declared.reference.get(name, "0")
        level = "1" if base == "0" else "0"
        yield (column == level).to_numpy(dtype=float), Term(name, variable.label, reference=variable.codes[base])
    else:
        present = [code for code in variable.codes if (column == code).any()]
        base = declared.reference.get(name, present[0] if present else "")
        for code in present:
            if code != base:
                values = (column == code).to_numpy(dtype=float)
                yield values, Term(name, variable.label, code, variable.codes[code], variable.codes[base])


def step(per: float, unit: str) -> str:
    """Return what one unit of a term is: per 10 years, per year, per point."""
    return f"per {unit.removesuffix('s') or 'point'}" if per == 1 else f"per {per:g} {unit or 'points'}"


def accounted(
    registry: Registry, declared: Model, path: str, fit: regression.Fit, rule: Rule, n: int, terms: int
) -> Iterator[Statistic]:
    """Yield complete cases, events, patients lost to missing values, and events per variable."""
    known = int(registry.frame[declared.outcome].notna().sum())
    base = Statistic(
        "", 0, "count", declared.label, total=known, counted=rule, within={declared.outcome: None}, context="model",
        among=f"patients with {registry.study.dictionary[declared.outcome].label} known", variable=declared.outcome,
    )  # fmt: skip
    counts = {
        "n": (n, "complete cases"),
        "events": (fit.events, "events among complete cases"),
        "missing": (known - n, "lost to missing values of the terms"),
    }
    for name, (value, words) in counts.items():
        yield dataclasses.replace(
            base, key=f"{path}.{name}", value=value, n=value, name=name, label=f"{declared.label}: {words}"
        )
    epv = min(fit.events, n - fit.events) / terms if terms else None
    yield dataclasses.replace(
        base, key=f"{path}.events_per_variable", value=epv, kind="events_per_variable", name="events_per_variable",
        label=f"{declared.label}: events (the rarer outcome) per term", method="min(events, non-events) / terms",
        error="" if epv is not None else "the model has no terms",
    )  # fmt: skip


def estimates(path: str, declared: Model, fit: regression.Fit, terms: list[Term], rule: Rule) -> Iterator[Statistic]:
    """Yield odds ratio, limits and p value of each term, or why they are not estimable."""
    found = {term.name: term for term in fit.terms}
    for term in terms:
        words = term.label + (f": {term.level_label} v {term.reference}" if term.level else "")
        words += f", {term.step}" if term.step else ""
        base = Statistic(
            "", None, "odds_ratio", f"{declared.label}: {words}", n=fit.n, total=fit.n, error="-", counted=rule, within=rule,
            among="complete cases", method=fit.method, function=fit.function, warning=warning(fit, term), context="model",
            variable=term.variable, variable_label=term.label, level=term.level, level_label=term.level_label,
            group=term.reference, unit=term.step,
        )  # fmt: skip
        fitted_term = found.get(term.name)
        for name, attribute, kind in (
            ("estimate", "estimate", "odds_ratio"),
            ("low", "low", "ratio_limit"),
            ("high", "high", "ratio_limit"),
            ("p", "p", "p"),
        ):
            value = getattr(fitted_term, attribute) if fitted_term else None
            reason = "" if value is not None else (fitted_term and fitted_term.reason) or fit.reason or "no estimate"
            reason = labelled(reason, terms)
            yield dataclasses.replace(
                base, key=f"{path}.{term.name}.{name}", value=value, kind=kind, name=name, error=reason
            )


def labelled(reason: str, terms: list[Term]) -> str:
    """Return a reason with the terms' labels in place of their names, the longest names first."""
    for term in sorted(terms, key=lambda term: -len(term.name)):
        words = f"{term.label}: {term.level_label}" if term.level else term.label
        reason = re.sub(rf"(?<![\w.]){re.escape(term.name)}(?![\w.])", lambda _, words=words: words, reason)  # type: ignore[misc]
    return reason


def warning(fit: regression.Fit, term: Term) -> str:
    """Return the sentence that must stand beside a term that (nearly) separates the outcome."""
    if term.name in fit.separated:
        return "perfect separation: no finite ordinary estimate exists"
    if term.name in fit.near_separated:
        return "near-separation: the ordinary estimate is unstable"
    return ""


def shifted(registry: Registry, name: str) -> Iterator[Statistic]:
    """Yield the distribution of an ordinal variable by group, and the common odds ratio of the first group.

    The common odds ratio is that of a lower (better) score, from a proportional odds model.
    Source: statsmodels OrderedModel(distr="logit").
    """
    declared = registry.study.shifts[name]
    group, variable = registry.study.groups[declared.by], registry.study.dictionary[declared.variable]
    path, found = f"shift.{name}", columns(registry, group, {declared.variable: None})
    for column in found:
        yield from distribution(registry, path, declared.variable, column)
    pair = found[1:3]
    frame = registry.frame
    rows = pair[0].rows | pair[1].rows
    scores = as_numbers(frame[declared.variable].cat.categories)[frame[declared.variable].cat.codes.to_numpy()[rows]]
    fit = regression.ordinal(-scores, pair[0].rows[rows].astype(float)[:, None], [name])
    term = next(iter(fit.terms), None)
    base = Statistic(
        "", None, "common_odds_ratio", f"{variable.label}, common odds ratio of a lower score, {pair[0].label} v {pair[1].label}",
        n=fit.n, total=fit.n, among=f"patients with {variable.label} and group known", error="-", context="shift",
        counted={declared.variable: None, **found[0].rule}, within={declared.variable: None, **found[0].rule},
        variable=declared.variable, variable_label=variable.label, method=fit.method, function=fit.function,
    )  # fmt: skip
    kinds = {"estimate": "common_odds_ratio", "low": "ratio_limit", "high": "ratio_limit", "p": "p"}
    for key, attribute in (("estimate", "estimate"), ("low", "low"), ("high", "high"), ("p", "p")):
        value = getattr(term, attribute) if term else None
        reason = "" if value is not None else (term and term.reason) or fit.reason or "no estimate"
        yield dataclasses.replace(base, key=f"{path}.{key}", value=value, kind=kinds[key], name=key, error=reason)
    samples = [
        as_numbers(frame[declared.variable].cat.categories)[frame[declared.variable].cat.codes.to_numpy()[c.rows]]
        for c in pair
    ]
    test = comparisons.TESTS["mann_whitney"](samples)
    yield dataclasses.replace(
        base, key=f"{path}.rank_p", value=test.p, kind="p", name="rank_p", method=test.method, function=test.function,
        error=test.reason if test.p is None else "",
    )  # fmt: skip


def distribution(registry: Registry, path: str, name: str, column: Column) -> Iterator[Statistic]:
    """Yield n and percent of each grade in one group."""
    variable = registry.study.dictionary[name]
    values = registry.frame[name][column.rows]
    total = len(values)
    for code, label in variable.codes.items():
        n = int((values == code).sum())
        base = Statistic(
            f"{path}.{column.name}.{code}.n", n, "count", f"{variable.label} {label}, {column.label}", n=n, total=total,
            among=f"patients with {variable.label} known, {column.label}", within=column.rule, source="registry",
            counted={**column.rule, name: (code,)}, context="shift", variable=name, variable_label=variable.label,
            level=code, level_label=label, group=column.name, group_label=column.label, name="n",
        )  # fmt: skip
        yield base
        yield dataclasses.replace(
            base, key=f"{path}.{column.name}.{code}.pct", value=100 * n / total if total else None, kind="percent",
            name="pct", method="n / N", error="" if total else "no patients in this group",
        )  # fmt: skip
