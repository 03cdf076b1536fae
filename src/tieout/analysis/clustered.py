"""Let patients of one site resemble each other: the sandwich variance by cluster, and generalised estimating equations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tieout.analysis.regression import (
    NOT_CONVERGED,
    Array,
    Fit,
    Term,
    absent,
    complete,
    quiet,
    standardised,
    unfit,
    wald,
)

FEW = 10
"""Below so many clusters a robust interval is too narrow (Cameron, Gelbach & Miller, Rev Econ Stat 2008;90:414)."""
DEGENERATE = 1e-5
"""A robust standard error this many times smaller than the ordinary one is none."""


@dataclass(frozen=True)
class Cases:
    """Complete cases: outcome y (n), terms X (n x p), and where the model has them times, exposures and clusters (n).

    `by` names the clusters in the method; `correlation` asks for estimating equations.
    """

    y: Array
    X: Array
    terms: tuple[str, ...]
    time: Array | None = None
    exposure: Array | None = None
    clusters: NDArray[np.int64] | None = None
    by: str = "cluster"
    correlation: str = ""

    @property
    def interval(self) -> str:
        """How the interval is made, in the words of a method."""
        return "Wald interval" if self.clusters is None else f"robust Wald interval by {self.by}"


@dataclass(frozen=True)
class Solution:
    """What a maximisation gave: parameters (k) of which those of the terms begin at `first`, the inverse of their
    information (k x k), each patient's score (n x k), the log likelihood and residual degrees of freedom."""

    params: Array
    covariance: Array
    scores: Array
    loglik: float | None
    first: int = 1
    df: float = float("inf")


def empty(cases: Cases, events: int, method: str, function: str, reason: str = "") -> Fit:
    """Return a fit with nothing estimated yet, with the reason why nothing can be, where there is one.

    Raises ValueError for missing or infinite values and for shapes that do not match.
    """
    y, X = complete(cases.y, cases.X, cases.terms)
    terms = tuple(Term(name) for name in cases.terms)
    method = f"{method}, {cases.interval}"
    fit = Fit(len(y), events, terms, Term("(Intercept)"), None, False, method, function)
    reason = reason or unfit(y, X, cases.terms) or ("" if terms else "the model has no terms") or lone(cases)
    return absent(fit, reason) if reason else fit


def lone(cases: Cases) -> str:
    """Return why clusters give no variance, or an empty string."""
    groups = None if cases.clusters is None else len(np.unique(cases.clusters))
    return "all patients are of one cluster" if groups == 1 else ""


def sandwich(covariance: Array, scores: Array, clusters: NDArray[np.int64], corrected: bool = True) -> Array:
    """Return the robust covariance (k x k) of parameters from each patient's score (n x k), summed within clusters.

    `corrected` multiplies by G/(G-1) (n-1)/(n-k), as R's sandwich::vcovCL(type = "HC1") and Stata's regress do.
    Liang & Zeger, Biometrika 1986;73:13; Zeileis, Köll & Graham, J Stat Softw 2020;95(1).
    """
    places = np.unique(clusters, return_inverse=True)[1]
    groups, (n, k) = places.max() + 1, scores.shape
    sums = np.column_stack([np.bincount(places, column, groups) for column in scores.T])
    factor = groups / (groups - 1) * (n - 1) / (n - k) if corrected else 1.0
    return factor * covariance @ (sums.T @ sums) @ covariance


def finished(fit: Fit, cases: Cases, found: Solution, level: float, ratio: bool = True, corrected: bool = True) -> Fit:
    """Return the fit with what a solution for standardised terms gives, by the sandwich variance where there are clusters.

    With clusters an estimate that is no ratio takes Student's t with one degree of freedom fewer than there are clusters.
    """
    part = slice(found.first, found.first + len(cases.terms))
    scale = cases.X.std(axis=0)
    usual = np.sqrt(np.diag(found.covariance))[part]
    errors, df = usual, found.df
    if cases.clusters is not None:
        errors = np.sqrt(np.diag(sandwich(found.covariance, found.scores, cases.clusters, corrected)))[part]
        df = df if ratio else len(np.unique(cases.clusters)) - 1.0
    if not (np.isfinite(found.params).all() and np.isfinite(errors).all() and np.isfinite(usual).all()):
        return absent(fit, NOT_CONVERGED)
    valid = (errors > DEGENERATE * usual) & ~lonely(cases)
    rows = zip(fit.terms, found.params[part] / scale, errors / scale, valid, strict=True)
    terms = tuple(
        wald(term, float(coef), float(error), level, df, ratio) if sound else single(term)
        for term, coef, error, sound in rows
    )
    return replace(fit, terms=terms, loglik=found.loglik, converged=True)


def lonely(cases: Cases) -> NDArray[np.bool_]:
    """Return which terms have two values of which one is found in a single cluster (p).

    The scores of that cluster then add up to nearly 0, and the sandwich leaves out how it differs from others of its
    kind. MacKinnon & Webb, J Appl Econom 2017;32:233.
    """
    found = np.zeros(len(cases.terms), dtype=bool)
    for place, column in enumerate(cases.X.T if cases.clusters is not None else ()):
        values = np.unique(column)
        if len(values) == 2:
            found[place] = any(len(np.unique(cases.clusters[column == value])) == 1 for value in values)  # type: ignore[index]
    return found


def single(term: Term) -> Term:
    return replace(term, reason="a single cluster makes up one of its levels, so that no robust variance exists")


def estimating_equations(
    cases: Cases, fit: Fit, family: Any, level: float, ratio: bool = True, offset: Array | None = None
) -> Fit:
    """Fit generalised estimating equations with the cases' correlation within clusters.

    `fit` is empty and says what is fitted; `family` is one of statsmodels. The interval is that of the robust variance,
    from the normal distribution. Liang & Zeger, Biometrika 1986;73:13, by statsmodels GEE.
    """
    from statsmodels.genmod.cov_struct import Exchangeable, Independence
    from statsmodels.genmod.generalized_estimating_equations import GEE

    assert cases.clusters is not None, "estimating equations are asked for with a cluster"
    structures: dict[str, Callable[[], Any]] = {"exchangeable": Exchangeable, "independence": Independence}
    if cases.correlation == "exchangeable" and len(np.unique(cases.clusters)) == len(cases.y):
        return absent(fit, "every cluster is a single patient, so that no correlation can be estimated")
    design = np.column_stack([np.ones(len(cases.y)), standardised(cases.X)])
    structure = structures[cases.correlation]()
    with quiet():
        try:
            model = GEE(cases.y, design, cases.clusters, family=family, cov_struct=structure, offset=offset)
            found = model.fit(maxiter=200, ctol=1e-10)
        except (np.linalg.LinAlgError, ValueError):
            return absent(fit, NOT_CONVERGED)
    robust = np.asarray(found.cov_robust)
    if not found.converged or not np.isfinite(robust).all():
        return absent(fit, NOT_CONVERGED)
    errors, plain = np.sqrt(np.diag(robust))[1:], np.sqrt(np.diag(np.asarray(found.cov_naive)))[1:]
    scale = cases.X.std(axis=0)
    valid = (errors > DEGENERATE * plain) & ~lonely(cases)
    rows = zip(fit.terms, np.asarray(found.params)[1:] / scale, errors / scale, valid, strict=True)
    terms = tuple(
        wald(term, float(coef), float(error), level, ratio=ratio) if sound else single(term)
        for term, coef, error, sound in rows
    )
    within = float(np.ravel(structure.dep_params)[0]) if cases.correlation == "exchangeable" else None
    return replace(fit, terms=terms, converged=True, correlation=within)
