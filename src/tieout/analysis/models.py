"""The models of a study: what went in, what was lost, the estimates, and Firth's beside logistic ones."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tieout.analysis import comparisons, cox, fits, regression
from tieout.analysis.clustered import FEW, Cases
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


@dataclass(frozen=True)
class Kind:
    """How a kind of model is fitted (with and without clusters), what its estimates are, and what it counts as events."""

    fit: Callable[[Cases, float], regression.Fit]
    measure: str
    numbers: Callable[[pd.Series], np.ndarray]
    events: str = "events among complete cases"
    limit: str = "ratio_limit"


def happened(column: pd.Series) -> np.ndarray:
    return (column == "1").to_numpy(dtype=float)


def graded(column: pd.Series) -> np.ndarray:
    return as_numbers(column.cat.categories)[column.cat.codes.to_numpy()]


def measured(column: pd.Series) -> np.ndarray:
    return column.to_numpy(dtype=float)


KINDS = {
    "logistic": Kind(fits.logistic, "odds_ratio", happened),
    "linear": Kind(fits.linear, "mean_difference", measured, "", "mean_difference_limit"),
    "ordinal": Kind(fits.ordinal, "common_odds_ratio", graded, ""),
    "poisson": Kind(fits.poisson, "rate_ratio", measured),
    "negative_binomial": Kind(fits.negative_binomial, "rate_ratio", measured),
    "cox": Kind(cox.cox, "hazard_ratio", happened),
}


def fitted(registry: Registry, name: str) -> Iterator[Statistic]:
    """Yield the Statistics of one declared model: multivariable, Firth's beside a logistic one, and each univariable model.

    Keys: model.NAME.TERM.estimate, low, high, p; model.NAME.firth.TERM…; model.NAME.univariable.TERM…; n, missing and,
    where there are events, events and events_per_variable of the multivariable fit; clusters, correlation, dispersion
    and proportional_hazards where they belong to the model.
    """
    declared = registry.study.models[name]
    path, rule = f"model.{name}", observed(declared, declared.terms)
    complete, cases, terms = prepared(registry, declared, declared.terms)
    fit = fit_of(registry, declared, cases)
    yield from accounted(registry, declared, path, fit, rule, int(complete.sum()), len(terms))
    yield from beside(registry, declared, path, fit, cases, terms)
    yield from estimates(path, declared, fit, cases, terms, rule, registry)
    if declared.kind == "logistic" and not declared.cluster:
        firth = regression.firth(cases.y, cases.X, cases.terms, level=registry.study.methods.level)
        yield from estimates(f"{path}.firth", declared, firth, cases, terms, rule, registry)
    for variable in dict.fromkeys((*declared.univariable, *declared.terms)):
        _, alone, terms1 = prepared(registry, declared, (variable,))
        one = fit_of(registry, declared, alone)
        yield from estimates(
            f"{path}.univariable", declared, one, alone, terms1, observed(declared, (variable,)), registry
        )


def fit_of(registry: Registry, declared: Model, cases: Cases) -> regression.Fit:
    """Fit a declared model to its cases; a logistic one without clusters with the interval that the study asks for."""
    methods = registry.study.methods
    if declared.kind == "logistic" and not declared.cluster:
        interval = declared.interval or methods.model_interval
        return regression.logistic(cases.y, cases.X, cases.terms, interval=interval, level=methods.level)
    return KINDS[declared.kind].fit(cases, methods.level)


def extras(declared: Model) -> dict[str, str]:
    """Return the variables beside outcome and terms that a model needs, by what they are."""
    named = {"time": declared.time, "exposure": declared.exposure, "cluster": declared.cluster}
    return {part: variable for part, variable in named.items() if variable}


def observed(declared: Model, variables: tuple[str, ...]) -> Rule:
    """Return the rule of the patients in whom a model's outcome, its clusters and exposures, and some variables are observed."""
    return dict.fromkeys((declared.outcome, *extras(declared).values(), *variables))


def prepared(registry: Registry, declared: Model, variables: tuple[str, ...]) -> tuple[np.ndarray, Cases, list[Term]]:
    """Return which patients are complete, their cases, and the terms of the design."""
    complete, y, X, terms = design(registry, declared, variables)
    chosen = registry.frame[complete]
    given = extras(declared)
    by = registry.study.dictionary[given["cluster"]].label if "cluster" in given else ""
    return complete, Cases(
        y, X, tuple(term.name for term in terms),
        time=measured(chosen[given["time"]]) if "time" in given else None,
        exposure=measured(chosen[given["exposure"]]) if "exposure" in given else None,
        clusters=pd.factorize(chosen[given["cluster"]])[0] if by else None,
        by=by, correlation=declared.correlation or "",
    ), terms  # fmt: skip


def design(
    registry: Registry, declared: Model, variables: tuple[str, ...]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[Term]]:
    """Return the complete cases, their outcome, their design matrix without intercept, and its terms.

    Levelled variables become indicators against the reference, which is the first level unless declared.
    A level that no complete case has gives no column.
    """
    frame = registry.frame
    complete = mask(frame, observed(declared, variables))
    y = KINDS[declared.kind].numbers(frame[declared.outcome][complete])
    found: list[np.ndarray] = []
    terms: list[Term] = []
    for variable in variables:
        for values, term in indicators(registry, declared, variable, frame[variable][complete]):
            found.append(values)
            terms.append(term)
    X = np.column_stack(found) if found else np.empty((len(y), 0))
    return complete, y, X, terms


def indicators(registry: Registry, declared: Model, name: str, column: pd.Series) -> Iterator[tuple[np.ndarray, Term]]:
    """Yield a column of numbers (n) for each term that a variable of a model makes, with what the term is called."""
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
    kind, dictionary = KINDS[declared.kind], registry.study.dictionary
    known = int(registry.frame[declared.outcome].notna().sum())
    base = Statistic(
        "", 0, "count", declared.label, total=known, counted=rule, within={declared.outcome: None}, context="model",
        among=f"patients with {dictionary[declared.outcome].label} known", variable=declared.outcome,
    )  # fmt: skip
    lost = ["the terms", *(dictionary[variable].label for variable in extras(declared).values())]
    counts = {
        "n": (n, "complete cases"),
        "events": (fit.events, kind.events),
        "missing": (known - n, f"lost to missing values of {' or '.join(lost)}"),
    }
    for name, (value, words) in counts.items():
        if words:
            yield dataclasses.replace(
                base, key=f"{path}.{name}", value=value, n=value, name=name, label=f"{declared.label}: {words}"
            )
    if not kind.events:
        return
    epv = RARER[declared.kind](fit.events, n) / terms if terms else None
    method = "min(events, non-events) / terms" if declared.kind == "logistic" else "events / terms"
    words = "events (the rarer outcome) per term" if declared.kind == "logistic" else "events per term"
    yield dataclasses.replace(
        base, key=f"{path}.events_per_variable", value=epv, kind="events_per_variable", name="events_per_variable",
        label=f"{declared.label}: {words}", method=method, error="" if epv is not None else "the model has no terms",
    )  # fmt: skip


RARER: dict[str, Callable[[int, int], int]] = {
    "logistic": lambda events, n: min(events, n - events),
    **dict.fromkeys(("poisson", "negative_binomial", "cox"), lambda events, n: events),
}
"""How many events there are to estimate the terms from."""


def beside(
    registry: Registry, declared: Model, path: str, fit: regression.Fit, cases: Cases, terms: list[Term]
) -> Iterator[Statistic]:
    """Yield what belongs to the model as a whole: clusters, correlation, dispersion, the test of proportional hazards."""
    rule = observed(declared, declared.terms)
    base = Statistic(
        "", None, "count", declared.label, n=fit.n, total=fit.n, among="complete cases", counted=rule, within=rule,
        context="model", method=fit.method, function=fit.function, error="-",
    )  # fmt: skip
    if cases.clusters is not None:
        groups = len(np.unique(cases.clusters))
        yield dataclasses.replace(
            base, key=f"{path}.clusters", value=groups, error="", name="clusters", warning=few(cases),
            label=f"{declared.label}: clusters ({cases.by}) among complete cases", method="", function="numpy.unique",
        )  # fmt: skip
    if declared.correlation == "exchangeable":
        yield dataclasses.replace(
            base, key=f"{path}.correlation", value=fit.correlation, kind="correlation", name="correlation",
            label=f"{declared.label}: correlation within {cases.by}", error=fit.reason if fit.correlation is None else "",
        )  # fmt: skip
    if declared.kind in DISPERSIONS and not declared.correlation:
        words, how = DISPERSIONS[declared.kind]
        missing = labelled(fit.reason, terms) or "no degrees of freedom are left"
        yield dataclasses.replace(
            base, key=f"{path}.dispersion", value=fit.dispersion, kind="dispersion", name="dispersion", method=how,
            label=f"{declared.label}: {words}", warning=dispersed(declared, fit), error=missing if fit.dispersion is None else "",
        )  # fmt: skip
    if declared.kind == "cox":
        yield from proportional(path, declared, base, cases, terms)


DISPERSIONS = {
    "poisson": ("dispersion of the counts", "Pearson statistic / degrees of freedom"),
    "negative_binomial": ("alpha, by which the variance is mean + alpha mean²", "maximum likelihood"),
}


def proportional(
    path: str, declared: Model, base: Statistic, cases: Cases, terms: list[Term]
) -> Iterator[Statistic]:
    """Yield the p value of proportional hazards for each term and for all of them together."""
    each, together = cox.proportional_hazards(cases)
    tests = [(f".{term.name}", term.label, test) for term, test in zip(terms, each, strict=True)]
    for inner, words, test in [*tests, ("", "all terms", together)]:
        yield dataclasses.replace(
            base, key=f"{path}.proportional_hazards{inner}.p", value=test.p, kind="p", name="p", method=test.method,
            label=f"{declared.label}: proportional hazards, {words}", function=test.function,
            error=labelled(test.reason, terms) if test.p is None else "",
        )  # fmt: skip


def estimates(
    path: str, declared: Model, fit: regression.Fit, cases: Cases, terms: list[Term], rule: Rule, registry: Registry
) -> Iterator[Statistic]:
    """Yield the ratio or difference, limits and p value of each term, or why they are not estimable."""
    kind = KINDS[declared.kind]
    outcome = registry.study.dictionary[declared.outcome]
    found = {term.name: term for term in fit.terms}
    for term in terms:
        words = term.label + (f": {term.level_label} v {term.reference}" if term.level else "")
        words += f", {term.step}" if term.step else ""
        base = Statistic(
            "", None, kind.measure, f"{declared.label}: {words}", n=fit.n, total=fit.n, error="-", counted=rule, within=rule,
            among="complete cases", method=fit.method, function=fit.function, context="model",
            warning=warning(declared, fit, cases, term), variable=term.variable, variable_label=term.label, level=term.level,
            level_label=term.level_label, group=term.reference, unit=term.step,
        )  # fmt: skip
        if declared.kind == "linear":
            base = dataclasses.replace(base, unit=outcome.unit, step=term.step, decimals=outcome.decimals)
        fitted_term = found.get(term.name)
        for name, attribute, shown in (
            ("estimate", "estimate", kind.measure),
            ("low", "low", kind.limit),
            ("high", "high", kind.limit),
            ("p", "p", "p"),
        ):
            value = getattr(fitted_term, attribute) if fitted_term else None
            reason = "" if value is not None else (fitted_term and fitted_term.reason) or fit.reason or "no estimate"
            reason = labelled(reason, terms)
            yield dataclasses.replace(
                base, key=f"{path}.{term.name}.{name}", value=value, kind=shown, name=name, error=reason
            )


def labelled(reason: str, terms: list[Term]) -> str:
    """Return a reason with the terms' labels in place of their names, the longest names first."""
    for term in sorted(terms, key=lambda term: -len(term.name)):
        words = f"{term.label}: {term.level_label}" if term.level else term.label
        reason = re.sub(rf"(?<![\w.]){re.escape(term.name)}(?![\w.])", lambda _, words=words: words, reason)  # type: ignore[misc]
    return reason


def warning(declared: Model, fit: regression.Fit, cases: Cases, term: Term) -> str:
    """Return the sentence that must stand beside a term: what (nearly) has no estimate, or has too narrow an interval."""
    if term.name in fit.separated:
        return SEPARATED.get(declared.kind, SEPARATED["logistic"])
    if term.name in fit.near_separated:
        return "near-separation: the ordinary estimate is unstable"
    return few(cases) or dispersed(declared, fit)


SEPARATED = {
    "logistic": "perfect separation: no finite ordinary estimate exists",
    **dict.fromkeys(("poisson", "negative_binomial"), "all events are on one side: no finite estimate exists"),
    "cox": "monotone likelihood: no finite estimate exists",
}


def few(cases: Cases) -> str:
    """Return what to mind about a robust variance from few clusters, or an empty string."""
    groups = FEW if cases.clusters is None else len(np.unique(cases.clusters))
    return "few clusters: robust intervals are too narrow" if groups < FEW else ""


def dispersed(declared: Model, fit: regression.Fit) -> str:
    """Return what to mind about counts that vary more than Poisson counts do, or an empty string."""
    if declared.kind != "poisson" or declared.cluster or fit.dispersion is None or fit.dispersion < fits.DISPERSED:
        return ""
    return f"the counts vary {fit.dispersion:.1f} times as much as Poisson counts: intervals are too narrow"


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
