"""Survival, rates and models of other outcomes: against R (tests/reference_r/models.R), as properties, and on bad input."""

from __future__ import annotations

import csv
import itertools
import json
import math
import warnings
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tieout.analysis import clustered, cox, fits, infinite, kaplan_meier, person_time
from tieout.analysis.clustered import Cases

FOLDER = Path(__file__).parent / "reference_r"
CHECKS = json.loads((FOLDER / "models.json").read_text(encoding="utf-8"))["checks"]

TOLERANCES = {
    "negative_binomial": 2e-6,  # R's theta.ml stops at 1e-4 of its own step; glm.nb repeats it until the likelihood stays
    "ordinal-birthwt": 2e-4,  # polr's optimum and Hessian are made of differences
    "ordinal-respiratory": 1e-5,  # the same two grades by glm; OrderedModel's Hessian is made of differences, too
}
GEE = 2e-6
"""The correlation is found by iteration, which statsmodels stops when the equations are small."""


@pytest.fixture(autouse=True)
def no_warning_escapes() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@cache
def data(name: str) -> dict[str, np.ndarray]:
    with (FOLDER / f"models_{name}.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {column: np.array([float(row[column]) for row in rows]) for column in rows[0]}


def cases(on: str, args: dict[str, Any]) -> Cases:
    columns = data(on)
    found = Cases(columns[args["y"]], np.column_stack([columns[t] for t in args["terms"]]), tuple(args["terms"]))
    extra = {name: columns[args[name]] for name in ("time", "exposure") if name in args}
    if "clusters" in args:
        extra["clusters"] = np.unique(columns[args["clusters"]], return_inverse=True)[1]
    return replace(found, **extra, correlation=args.get("correlation", ""))


def of_fit(fit: Any) -> dict[str, Any]:
    terms = fit.terms
    assert not fit.reason, fit.reason
    exponential = terms[0].estimate != terms[0].coef
    limits = {side: [getattr(t, side) for t in terms] for side in ("low", "high")}
    logs = {side: [math.log(v) for v in values] if exponential else values for side, values in limits.items()}
    plain = {name: [getattr(term, name) for term in terms] for name in ("coef", "se", "p")}
    return {**plain, **logs, "dispersion": fit.dispersion, "correlation": fit.correlation}


def of_curve(on: str, args: dict[str, Any]) -> dict[str, Any]:
    found = kaplan_meier.curve(data(on)[args["time"]], data(on)[args["event"]] == 1, args["level"])
    at = [kaplan_meier.survival_at(found, t) for t in args["at"]]
    median = kaplan_meier.median(found)
    return {
        "estimate": [e.value for e in at], "low": [e.low for e in at], "high": [e.high for e in at],
        "at_risk": [kaplan_meier.at_risk(found, t) for t in args["at"]], "median": [median.value, median.low, median.high],
    }  # fmt: skip


def of_log_rank(on: str, args: dict[str, Any]) -> dict[str, Any]:
    by = data(on)[args["by"]]
    test = kaplan_meier.log_rank(data(on)[args["time"]], data(on)[args["event"]] == 1, [by == v for v in np.unique(by)])
    return {"statistic": test.statistic, "p": test.p}


def of_zph(on: str, args: dict[str, Any]) -> dict[str, Any]:
    each, together = cox.proportional_hazards(cases(on, args))
    return {name: [getattr(test, name) for test in (*each, together)] for name in ("statistic", "p")}


def of_rate(on: str, args: dict[str, Any]) -> list[float | None]:
    found = person_time.rate(args["x"], args["t"], args["level"])
    return [found.value, found.low, found.high]


def of_rate_ratio(on: str, args: dict[str, Any]) -> list[float | None]:
    found = person_time.rate_ratio(args["x1"], args["t1"], args["x2"], args["t2"], args["level"])
    return [found.value, found.low, found.high, found.p]


ASKED = {
    "curve": of_curve, "log_rank": of_log_rank, "zph": of_zph, "rate": of_rate, "rate_ratio": of_rate_ratio,
    "cox": lambda on, args: of_fit(cox.cox(cases(on, args))),
    **{name: lambda on, args, name=name: of_fit(getattr(fits, name)(cases(on, args)))
       for name in ("linear", "logistic", "ordinal", "poisson", "negative_binomial")},
}  # fmt: skip


def same(found: Any, expected: Any, rel: float) -> None:
    if isinstance(expected, dict):
        for name, value in expected.items():
            same(found[name], value, rel)
    elif isinstance(expected, list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            same(one, other, rel)
    elif expected is None or expected in ("NA", "NaN", "Inf"):
        assert found is None
    else:
        assert found == pytest.approx(expected, rel=rel, abs=1e-12)


@pytest.mark.parametrize("check", CHECKS, ids=lambda c: f"{c['of']}-{c['data']}-{'-'.join(c['args'])}")
def test_agrees_with_r(check: dict[str, Any]) -> None:
    args = {k: [v] if k in ("terms", "at") and not isinstance(v, list) else v for k, v in check["args"].items()}
    rel = GEE if "correlation" in args else TOLERANCES.get(check["of"], TOLERANCES.get(f"{check['of']}-{check['data']}", 1e-6))
    same(ASKED[check["of"]](check["data"], args), check["expected"], rel)


# Properties


def followed(n: int = 80, seed: int = 2) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return tied times, events and two covariates of n patients."""
    chance = np.random.default_rng(seed)
    X = np.column_stack([chance.normal(size=n), chance.integers(0, 2, n)])
    time = np.ceil(chance.exponential(np.exp(-0.5 * X[:, 0])) * 5)
    return time, (chance.random(n) < 0.7).astype(float), X


def efron(time: np.ndarray, event: np.ndarray, X: np.ndarray, beta: np.ndarray) -> float:
    """Return Efron's log partial likelihood, written down as in his paper."""
    eta, total = X @ beta, 0.0
    for when in np.unique(time[event == 1]):
        at_risk, dying = time >= when, (time == when) & (event == 1)
        d = int(dying.sum())
        total += eta[dying].sum()
        total -= sum(math.log(np.exp(eta[at_risk]).sum() - j / d * np.exp(eta[dying]).sum()) for j in range(d))
    return total


def test_the_hazard_ratios_maximise_efrons_likelihood() -> None:
    time, event, X = followed()
    fit = cox.cox(Cases(event, X, ("a", "b"), time=time))
    best = np.array([term.coef for term in fit.terms])
    top = efron(time, event, X, best)
    for step in (0.01, -0.01):
        for place in range(2):
            assert efron(time, event, X, best + step * np.eye(2)[place]) < top


def monotone(time: np.ndarray, event: np.ndarray, X: np.ndarray) -> bool:
    """Return whether along some direction each event falls on the highest predictor at risk.

    With covariates of 0 to 2 the edges of the directions are at right angles to differences of -2 to 2.
    """
    rays = [np.array(ray) for ray in itertools.product(range(-2, 3), repeat=2) if any(ray)]
    events = np.flatnonzero(event == 1)
    return any(all(X[i] @ ray >= (X[time >= time[i]] @ ray).max() for i in events) for ray in rays)


def test_a_monotone_likelihood_is_found_where_following_it_finds_it_and_nowhere_else() -> None:
    seen = set()
    for seed in range(150):
        chance = np.random.default_rng(seed)
        X = chance.integers(0, 3, (9, 2)).astype(float)
        time, event = chance.integers(1, 6, 9).astype(float), (chance.random(9) < 0.5).astype(float)
        fit, _, _ = cox.prepared(Cases(event, X, ("a", "b"), time=time))
        if fit.reason and not fit.separated:
            continue
        assert bool(fit.separated) == monotone(time, event, X), seed
        seen.add(bool(fit.separated))
    assert seen == {True, False}


def test_a_term_that_ends_early_is_the_only_one_named() -> None:
    time, event, X = followed()
    event[X[:, 1] == 1] = 0
    assert infinite.of_times(time, event == 1, X, ("a", "b")) == ("b",)
    fit = cox.cox(Cases(event, X, ("a", "b"), time=time))
    assert all(term.estimate is None and "no finite estimate" in term.reason for term in fit.terms)


def test_a_rare_level_without_events_is_found_in_a_large_registry() -> None:
    n = 30_000
    chance = np.random.default_rng(1)
    rare = np.zeros(n)
    rare[:7] = 1
    X = np.column_stack([chance.normal(size=n), rare])
    counts = chance.poisson(1.0, n).astype(float)
    counts[:7] = 0
    time = chance.exponential(size=n)
    assert infinite.of_counts(counts, X, ("x", "rare")) == ("rare",)
    assert infinite.of_times(time, (counts > 0), X, ("x", "rare")) == ("rare",)
    counts[0] = 1
    assert infinite.of_counts(counts, X, ("x", "rare")) == ()


def test_a_cluster_for_each_patient_gives_whites_variance_with_its_correction() -> None:
    columns = data("birthwt")
    X = np.column_stack([columns["age"], columns["lwt"]])
    n = len(X)
    design = np.column_stack([np.ones(n), X])
    inverse = np.linalg.inv(design.T @ design)
    residuals = columns["bwt"] - design @ inverse @ design.T @ columns["bwt"]
    scores = design * residuals[:, None]
    white = inverse @ scores.T @ scores @ inverse * n / (n - 3)
    fit = fits.linear(Cases(columns["bwt"], X, ("age", "lwt"), clusters=np.arange(n)))
    assert [term.se for term in fit.terms] == pytest.approx(np.sqrt(np.diag(white))[1:], rel=1e-9)


def test_doubling_every_patient_within_its_cluster_leaves_the_robust_interval_of_equations_as_it_is() -> None:
    found = cases("respiratory", {"y": "outcome", "terms": ["active", "age"], "clusters": "patient", "correlation": "independence"})
    twice = replace(found, y=np.repeat(found.y, 2), X=np.repeat(found.X, 2, axis=0), clusters=np.repeat(found.clusters, 2))
    one, two = fits.logistic(found), fits.logistic(twice)
    assert [t.se for t in two.terms] == pytest.approx([t.se for t in one.terms], rel=1e-6)
    assert clustered.lone(replace(found, clusters=np.zeros(len(found.y), dtype=int))) == "all patients are of one cluster"


def test_estimates_do_not_depend_on_the_unit_of_a_covariate() -> None:
    time, event, X = followed()
    site = np.arange(len(time)) % 11
    given = Cases(event, X, ("a", "b"), time=time, clusters=site)
    for fit in (cox.cox, fits.logistic, fits.linear, lambda c: fits.poisson(replace(c, y=time))):
        plain, scaled = fit(given), fit(replace(given, X=X * [1e4, 1] + [3e6, 0]))
        assert scaled.terms[0].coef == pytest.approx(plain.terms[0].coef / 1e4, rel=1e-5)
        assert scaled.terms[0].p == pytest.approx(plain.terms[0].p, rel=1e-5)


@pytest.mark.parametrize("fit", [cox.cox, fits.linear, fits.logistic, fits.ordinal, fits.poisson, fits.negative_binomial])
def test_data_that_no_model_fits_say_why_on_every_term(fit: Any) -> None:
    time, event, X = followed()
    hard = {
        "no complete case": (event[:0], X[:0], time[:0]),
        "same value in everybody": (event, X * [1, 0], time),
        "follows exactly": (event, X[:, [0, 0]], time),
        "terms and an intercept": (event[:2], X[:2], time[:2]),
    }
    for words, (y, columns, times) in hard.items():
        found = fit(Cases(y, columns, ("a", "b"), time=times))
        assert words in found.reason or "same in everybody" in found.reason or "nobody had" in found.reason, words
        assert all(term.estimate is None and term.p is None and term.reason for term in found.terms)
    with pytest.raises(ValueError, match="missing"):
        fit(Cases(event, np.full_like(X, np.nan), ("a", "b"), time=time))


def test_survival_of_nobody_and_after_everybody_died_says_so() -> None:
    none = kaplan_meier.curve(np.empty(0), np.empty(0, dtype=bool))
    assert kaplan_meier.survival_at(none, 1).value is None and "no patients" in kaplan_meier.median(none).reason
    gone = kaplan_meier.curve(np.array([1.0, 2, 3]), np.ones(3, dtype=bool))
    end = kaplan_meier.survival_at(gone, 10)
    assert (end.value, end.low) == (0.0, None) and "everybody" in end.reason
    single = kaplan_meier.log_rank(np.array([1.0, 2]), np.ones(2, dtype=bool), [np.array([True, False]), np.array([False, False])])
    assert single.p is None and "no patients" in single.reason


def test_hazards_that_cross_are_not_proportional_and_those_that_are_stay_so() -> None:
    chance = np.random.default_rng(4)
    group = np.repeat([0.0, 1.0], 300)
    crossing = np.where(group == 1, chance.weibull(0.6, 600), chance.weibull(2.0, 600))
    parallel = chance.exponential(np.where(group == 1, 0.5, 1.0))
    everybody = np.ones(600)
    ps = [cox.proportional_hazards(Cases(everybody, group[:, None], ("g",), time=t))[1].p for t in (crossing, parallel)]
    assert ps[0] < 1e-6 and ps[1] > 0.05


def test_the_p_of_a_rate_ratio_agrees_with_its_interval() -> None:
    for x1 in range(12):
        for x2 in range(1, 12):
            found = person_time.rate_ratio(x1, 10.0, x2, 14.5)
            outside = found.low > 1 or found.high < 1
            assert outside == (found.p < 0.05), (x1, x2)


def test_events_spread_by_chance_are_not_called_clustered() -> None:
    chance = np.random.default_rng(8)
    time = chance.uniform(0.5, 3, 400)
    assert person_time.dispersion(chance.poisson(2 * time), time) == pytest.approx(1, abs=0.25)
    assert person_time.dispersion(chance.poisson(2 * time * chance.gamma(0.5, 2, 400)), time) > 1.5


def test_a_model_of_few_events_has_no_test_of_proportional_hazards() -> None:
    time, event = np.array([3.0, 3, 3, 5, 6, 7]), np.array([1.0, 1, 1, 0, 0, 0])
    X = np.array([[1.0, 3], [2, 1], [0, 2], [1, 2], [2, 4], [0, 1]])
    _, together = cox.proportional_hazards(Cases(event, X, ("a", "b"), time=time))
    assert together.p is None and together.reason
