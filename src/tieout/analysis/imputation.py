"""Fit a model again with missing values imputed many times, and pool the fits, beside the complete cases."""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import t as student

from tieout.analysis import regression
from tieout.analysis.describe import as_numbers
from tieout.analysis.models import Term, indicators, labelled
from tieout.registry import Registry
from tieout.results import Rule, Statistic
from tieout.study import LEVELLED, Imputation, Model, Variable

Array = NDArray[np.float64]
HERE = "tieout.analysis.imputation."
CYCLES = 5
"""Rounds of chained equations behind each imputation."""
DONORS = 5
"""Patients observed among whom predictive mean matching chooses, as in R's mice."""
METHOD = "multiple imputation by chained equations with predictive mean matching, pooled by Rubin's rules"
FUNCTION = "statsmodels.imputation.mice.MICEData; " + HERE + "pool"


@dataclass(frozen=True)
class Pooled:
    """An estimate pooled over imputations, with its total variance, degrees of freedom and fraction of missing information."""

    estimate: float
    variance: float
    df: float
    fmi: float


def pool(estimates: Sequence[float], variances: Sequence[float], complete_df: float) -> Pooled:
    """Pool estimates and their squared standard errors by Rubin's rules, with Barnard and Rubin's degrees of freedom.

    `complete_df` are those of the model without missing values. Raises ValueError for fewer than two imputations.
    Rubin, Multiple Imputation, 1987:76; Barnard & Rubin, Biometrika 1999;86:948; R's mice::pool.scalar.
    """
    m = len(estimates)
    if m < 2 or len(variances) != m:
        raise ValueError("pooling needs two imputations or more, each with its variance")
    within, between = float(np.mean(variances)), float(np.var(estimates, ddof=1))
    total = within + (1 + 1 / m) * between
    share = (1 + 1 / m) * between / total
    observed = (complete_df + 1) / (complete_df + 3) * complete_df * (1 - share)
    df = 1 / (1 / observed + share**2 / (m - 1)) if share else observed
    r = share / (1 - share)
    return Pooled(float(np.mean(estimates)), total, df, (r + 2 / (df + 3)) / (r + 1))


def completed(data: pd.DataFrame, imputations: int, seed: int) -> Iterator[pd.DataFrame]:
    """Yield data with missing numbers imputed, once for each imputation; the same seed gives the same values.

    Each imputation is a chain of its own on shuffled rows: MICEData takes the first of patients with the same prediction
    as donors, which without shuffling would be the same few every time.
    van Buuren & Groothuis-Oudshoorn, J Stat Softw 2011;45(3); statsmodels.imputation.mice.MICEData.
    """
    from statsmodels.imputation.mice import MICEData

    names = {name: f"v{at}" for at, name in enumerate(data)}
    for number in range(imputations):
        chance = np.random.default_rng([seed, number])
        order = chance.permutation(len(data))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            chain = MICEData(data.iloc[order].rename(columns=names), k_pmm=DONORS, rng=chance)
            chain.update_all(CYCLES)
        made = chain.data.set_axis(list(data), axis=1).to_numpy()
        yield pd.DataFrame(made[np.argsort(order)], columns=list(data), index=data.index)


def imputed(registry: Registry, name: str) -> Iterator[Statistic]:
    """Yield the pooled Statistics of one declared imputation, beside `model.NAME` on complete cases.

    Keys: imputation.NAME.TERM.estimate, low, high, p and fmi; .n, .events, .imputations.n; .imputed.VARIABLE.n and .pct.
    """
    study = registry.study
    declared = study.imputation[name]
    model, path = study.models[declared.model], f"imputation.{name}"
    known = registry.frame[model.outcome].notna()
    frame = registry.frame[known]
    rule: Rule = {model.outcome: None}
    base = Statistic(
        "", 0, "count", model.label, n=len(frame), total=len(frame), counted=rule, within=rule, context="imputation",
        among=f"patients with {study.dictionary[model.outcome].label} known", variable=model.outcome,
        variable_label=study.dictionary[model.outcome].label,
    )  # fmt: skip
    events = int((frame[model.outcome] == "1").sum())
    told = {
        "n": (len(frame), "patients, with missing values imputed", rule),
        "events": (events, "events", {model.outcome: ("1",)}),
    }
    for part, (count, words, counted) in told.items():
        yield dataclasses.replace(
            base, key=f"{path}.{part}", value=count, n=count, name=part, label=f"{model.label}: {words}", counted=counted
        )
    yield dataclasses.replace(
        base, key=f"{path}.imputations.n", value=declared.imputations, n=declared.imputations, total=None, name="imputations",
        label=f"{model.label}: imputations", counted={}, within={}, among="",
    )  # fmt: skip
    for variable in (*model.terms, *declared.variables):
        yield from filled_in(base, path, variable, study.dictionary[variable], int(frame[variable].isna().sum()))
    yield from pooled_terms(registry, path, base, declared, frame)


def filled_in(base: Statistic, path: str, name: str, variable: Variable, missing: int) -> Iterator[Statistic]:
    """Yield how many values of a variable were missing, and so imputed."""
    cell = dataclasses.replace(
        base, n=missing, counted={}, variable=name, variable_label=variable.label, label=f"{variable.label}: values imputed"
    )
    key = f"{path}.imputed.{name}"
    yield dataclasses.replace(cell, key=f"{key}.n", value=missing, name="n")
    yield dataclasses.replace(
        cell, key=f"{key}.pct", value=100 * missing / base.total if base.total else None, kind="percent", name="pct",
        method="n / N", error="" if base.total else "no patients",
    )  # fmt: skip


def pooled_terms(
    registry: Registry, path: str, base: Statistic, declared: Imputation, frame: pd.DataFrame
) -> Iterator[Statistic]:
    """Yield the pooled odds ratio, limits, p and fraction of missing information of each term."""
    study = registry.study
    model = study.models[declared.model]
    terms = [term for name in model.terms for _, term in indicators(registry, model, name, frame[name].dropna())]
    reason = inapplicable(registry, model, declared) or unfit(study.dictionary, model, declared, frame)
    found: Mapping[str, Pooled] = {}
    if not reason:
        found, reason = pooled(registry, model, declared, frame)
    for term in terms:
        words = term.label + (f": {term.level_label} v {term.reference}" if term.level else "")
        each = dataclasses.replace(
            base, label=f"{model.label}: {words}" + (f", {term.step}" if term.step else ""), variable=term.variable, unit=term.step,
            variable_label=term.label, level=term.level, level_label=term.level_label, group=term.reference,
            method=f"{METHOD}, of logistic regressions with Wald intervals", function=FUNCTION,
        )  # fmt: skip
        values = told_of(found[term.name], study.methods.level) if term.name in found else {}
        for name, kind in KINDS.items():
            yield dataclasses.replace(
                each, key=f"{path}.{term.name}.{name}", value=values.get(name), kind=kind, name=name,
                n=None if name == "fmi" else base.n, error="" if name in values else labelled(reason, terms) or "no estimate",
            )  # fmt: skip


KINDS = {"estimate": "odds_ratio", "low": "ratio_limit", "high": "ratio_limit", "p": "p", "fmi": "percent"}


def told_of(found: Pooled, level: float) -> dict[str, float]:
    """Return odds ratio, limits, p and the percentage of missing information of a pooled coefficient."""
    error = math.sqrt(found.variance)
    reach = float(student.isf((1 - level) / 2, found.df)) * error
    p = float(2 * student.sf(abs(found.estimate) / error, found.df))
    ends = (math.exp(found.estimate - reach), math.exp(found.estimate + reach))
    return {"estimate": math.exp(found.estimate), "low": ends[0], "high": ends[1], "p": p, "fmi": 100 * found.fmi}


def inapplicable(registry: Registry, model: Model, declared: Imputation) -> str:
    """Return which variable does not apply to a patient: it has no value that could be imputed."""
    known = registry.frame[model.outcome].notna().to_numpy()
    for name in (*model.terms, *declared.variables):
        hidden = registry.records.not_applicable.get(name)
        if hidden is not None and hidden[known].any():
            return f"{registry.study.dictionary[name].label} does not apply to some patients, so there is nothing to impute for them"
    return ""


def unfit(dictionary: Mapping[str, Variable], model: Model, declared: Imputation, frame: pd.DataFrame) -> str:
    """Return why nothing can be imputed, or an empty text."""
    if not frame[list(model.terms)].isna().any(axis=None):
        return "no value of a term is missing, so there is nothing to impute"
    for name in (*model.terms, *declared.variables):
        label, values = dictionary[name].label, frame[name]
        if values.isna().all():
            return f"{label} is missing in every patient"
        if values.nunique() < 2:
            return f"{label} has the same value in every patient in whom it is recorded"
        if dictionary[name].type == "category" and len(dictionary[name].codes) > 2 and values.isna().any():
            return f"{label} has more than two unordered levels, whose missing values are not imputed"
    return ""


def pooled(
    registry: Registry, model: Model, declared: Imputation, frame: pd.DataFrame
) -> tuple[Mapping[str, Pooled], str]:
    """Return the pooled log odds ratios by term, or why there are none."""
    y = (frame[model.outcome] == "1").to_numpy(dtype=float)
    fits: list[regression.Fit] = []
    data = as_columns(registry.study.dictionary, [model.outcome, *model.terms, *declared.variables], frame)
    for whole in completed(data, declared.imputations, declared.seed):
        terms, X = redesigned(registry, model, frame, whole)
        fit = regression.logistic(y, X, [term.name for term in terms])
        absent = fit.reason or next((term.reason for term in fit.terms if term.coef is None), "")
        if absent:
            return {}, f"with missing values imputed, {absent}"
        fits.append(fit)
    coefs = {name: [t.coef for fit in fits for t in fit.terms if t.name == name] for name in (t.name for t in fits[0].terms)}
    errors = {name: [t.se for fit in fits for t in fit.terms if t.name == name] for name in coefs}
    df = len(y) - len(coefs) - 1
    return {name: pool(coefs[name], np.square(errors[name]), df) for name in coefs}, ""  # type: ignore[arg-type]


def as_columns(dictionary: Mapping[str, Variable], names: Sequence[str], frame: pd.DataFrame) -> pd.DataFrame:
    """Return variables as numbers with NaN for missing; a category without missing values becomes an indicator per level."""
    found: dict[str, object] = {}
    for name in names:
        column, variable = frame[name], dictionary[name]
        if variable.type not in LEVELLED:
            found[name] = column.to_numpy(dtype=float)
        elif variable.type == "category" and column.nunique() > 2:
            present = [code for code in variable.codes if (column == code).any()]
            found |= {f"{name}.{code}": (column == code).to_numpy(dtype=float) for code in present[1:]}
        else:
            places = column.cat.codes.to_numpy()
            found[name] = np.where(places >= 0, scores(variable)[places], np.nan)
    return pd.DataFrame(found, index=frame.index)


def scores(variable: Variable) -> Array:
    """Return the number that stands for each level: a grade's own, or its place among the levels."""
    return as_numbers(variable.codes) if variable.type == "ordinal" else np.arange(len(variable.codes), dtype=float)


def redesigned(
    registry: Registry, model: Model, frame: pd.DataFrame, whole: pd.DataFrame
) -> tuple[list[Term], Array]:
    """Return the terms and the design matrix of a completed data set, as the model makes them of complete cases."""
    found = []
    for name in model.terms:
        variable, column = registry.study.dictionary[name], frame[name]
        if name in whole and variable.type in LEVELLED:
            places = np.searchsorted(np.sort(scores(variable)), whole[name])
            codes = np.array(list(variable.codes))[np.argsort(scores(variable))][places]
            column = pd.Series(pd.Categorical(codes, categories=column.cat.categories), index=frame.index)
        elif name in whole:
            column = whole[name]
        found += list(indicators(registry, model, name, column))
    return [term for _, term in found], np.column_stack([values for values, _ in found])
