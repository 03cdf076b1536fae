"""Survival, rates and models of other outcomes: against R (tests/reference_r/models.R), as properties, and on bad input."""

from __future__ import annotations

import csv
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

from tieout.analysis import cox, fits, kaplan_meier, person_time
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
