"""Stratified, paired, weighted, pooled and adjusted figures: every answer agrees with R's (tests/reference_r/comparing.R)."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from tieout.analysis import adjusted, comparisons, imputation, paired, propensity, regression, sensitivity, stratified

HERE = Path(__file__).parent
CHECKS = json.loads((HERE / "reference_r" / "comparing.json").read_text(encoding="utf-8"))["checks"]


def tables(a: list, b: list, c: list, d: list) -> np.ndarray:
    return np.moveaxis(np.array([[a, b], [c, d]]), -1, 0)


def all_three(estimate) -> list[float]:
    return [estimate.value, estimate.low, estimate.high]


def pairs(x: list, y: list) -> np.ndarray:
    return np.column_stack([x, y])


def paired_t(x: list, y: list) -> list[float]:
    test = paired.paired_t(pairs(x, y))
    return [test.statistic, test.p, *all_three(paired.mean_change(pairs(x, y)))]


def mcnemar(both: int, lost: int, gained: int, neither: int) -> float:
    return paired.mcnemar([[1, 1]] * both + [[1, 0]] * lost + [[0, 1]] * gained + [[0, 0]] * neither).p


def statistic_and_p(test: Callable) -> Callable[..., list[float]]:
    def asked(x: list, y: list, z: list) -> list[float]:
        found = test(np.column_stack([x, y, z]))
        return [found.statistic, found.p]

    return asked


def births() -> list[dict[str, str]]:
    with (HERE / "reference" / "birthwt.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def births_scored() -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Return the terms, who smoked, and the score of having smoked."""
    rows = births()
    terms = {name: np.array([float(r[name]) for r in rows]) for name in ("age", "lwt", "ptlany", "ht", "ui")}
    race = {f"race.{level}": np.array([float(r["race"] == level) for r in rows]) for level in ("black", "other")}
    terms |= race
    smoked = np.array([r["smoke"] == "1" for r in rows])
    X = np.column_stack(list(terms.values()))
    fit = regression.logistic(smoked.astype(float), X, list(terms))
    return terms, smoked, expit(fit.intercept.coef + X @ [term.coef for term in fit.terms])


def weighted(estimand: str) -> list[float]:
    _, smoked, score = births_scored()
    low = np.array([float(r["low"]) for r in births()])
    weight = propensity.weights(score, smoked, estimand)
    found = [propensity.difference(low, smoked, weight), propensity.ratio(low, smoked, weight)]
    sizes = [propensity.effective_size(weight[side]) for side in (smoked, ~smoked)]
    return [x for each in found for x in (*all_three(each), each.p)] + sizes


def imbalance(estimand: str) -> list[tuple]:
    terms, smoked, score = births_scored()
    weight = propensity.weights(score, smoked, estimand)
    race = np.column_stack([terms["race.black"], terms["race.other"]])
    columns = [(terms["age"][:, None], False), (terms["lwt"][:, None], False), (terms["ptlany"][:, None], True), (race, True)]
    return [propensity.imbalance(values, smoked, weight, levels=levels) for values, levels in columns]


def pool(estimates: list, variances: list, complete_df: float) -> list[float]:
    found = imputation.pool(estimates, variances, complete_df)
    return [found.estimate, found.variance, found.df, found.fmi]


def imputed(terms: list[str]) -> list[list[float]]:
    """Return the pooled log odds ratios and standard errors of the births with missing values."""
    data = pd.read_csv(HERE / "reference_r" / "birthwt_missing.csv").astype(float)
    fits = [
        regression.logistic(whole["low"], whole[terms], terms)
        for whole in imputation.completed(data[["low", *terms]], IMPUTATIONS, seed=1)
    ]
    by_term = zip(*(fit.terms for fit in fits), strict=True)
    pooled = [imputation.pool([t.coef for t in each], [t.se**2 for t in each], len(data) - 5) for each in by_term]
    return [[p.estimate for p in pooled], [p.variance**0.5 for p in pooled]]


def of_strata(compute: Callable) -> Callable[..., Any]:
    def asked(**cells: list) -> list[float]:
        found = compute(tables(**cells))
        return all_three(found) if hasattr(found, "value") else [found.statistic, found.p]

    return asked


ASKED: dict[str, Callable[..., Any]] = {
    "odds_ratio": of_strata(stratified.odds_ratio),
    "risk_ratio": of_strata(stratified.risk_ratio),
    "independence": of_strata(stratified.independence),
    "homogeneity": of_strata(stratified.homogeneity),
    "paired_t": paired_t,
    "signed_rank": lambda x, y: paired.signed_rank(pairs(x, y)).p,
    "mcnemar": mcnemar,
    "friedman": statistic_and_p(paired.friedman),
    "cochran_q": statistic_and_p(paired.cochran_q),
    "adjust": lambda p, method: comparisons.adjust_p(p, method),
    "weighted": weighted,
    "imbalance": imbalance,
    "pool": pool,
    "e_value": sensitivity.e_value,
}
ITERATED = {"weighted": 1e-7, "imbalance": 1e-7}
"""What rests on two maximisations agrees to the tolerance of these."""
IMPUTATIONS = 30
BY_CHANCE = [check for check in CHECKS if check["of"] == "imputed"]
EXACT = [check for check in CHECKS if check not in BY_CHANCE]


@pytest.mark.parametrize("check", EXACT, ids=[f"{at}-{check['of']}" for at, check in enumerate(EXACT)])
def test_every_answer_agrees_with_r(check: dict[str, Any]) -> None:
    found = np.array(ASKED[check["of"]](**check["args"]), dtype=float)
    expected = np.array(check["expected"], dtype=float)
    np.testing.assert_allclose(found, expected, rtol=ITERATED.get(check["of"], 1e-9), atol=1e-13)


@pytest.mark.parametrize("check", BY_CHANCE)
def test_imputation_agrees_with_mice_within_its_chance(check: dict[str, Any]) -> None:
    """R's own runs differ by 0.1 standard errors; the complete cases differ from both by 0.6 and have larger ones by a quarter."""
    (coefs, errors), (estimate, error) = imputed(**check["args"]), check["expected"]
    assert np.abs(np.subtract(coefs, estimate) / error).max() < 0.35
    np.testing.assert_allclose(errors, error, rtol=0.1)


def test_each_method_of_adjustment_that_a_study_can_name_is_checked_against_r() -> None:
    assert set(adjusted.METHODS.values()) == {c["args"]["method"] for c in CHECKS if c["of"] == "adjust"}


def test_the_e_value_is_that_of_the_papers_own_example() -> None:
    assert round(sensitivity.e_value(3.9, "risk_ratio"), 2) == 7.26
    assert round(sensitivity.of_limit(1.8, 8.7, "risk_ratio"), 1) == 3.0
