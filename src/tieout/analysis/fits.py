"""Fit linear, ordinal and count models, and logistic ones with clusters, to complete cases."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import statsmodels.api as sm
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from statsmodels.discrete.discrete_model import Logit
from statsmodels.miscmodels.ordinal_model import OrderedModel

from tieout.analysis import infinite
from tieout.analysis.clustered import Cases, Solution, empty, estimating_equations, finished
from tieout.analysis.regression import (
    NOT_CONVERGED,
    Array,
    Fit,
    absent,
    no_finite,
    quiet,
    separation,
    standardised,
)

DISPERSED = 1.5
"""Pearson's statistic over its degrees of freedom from which Poisson intervals are said to be too narrow."""
SMALLEST, LARGEST = -12.0, 8.0
"""Where the log of the negative binomial's alpha is looked for."""


def linear(cases: Cases, level: float = 0.95) -> Fit:
    """Fit a linear model by least squares; an estimate is a difference of means in the unit of the outcome, per unit of a term.

    The interval is from Student's t with n - k degrees of freedom, and with clusters from their number less one.
    Raises ValueError as `logistic` does. Source: statsmodels OLS.
    """
    how = ("linear regression", "statsmodels.regression.linear_model.OLS")
    if cases.correlation:
        fit = empty(cases, 0, f"linear {of_equations(cases)}", "statsmodels GEE(family=Gaussian())")
        return fit if fit.reason else estimating_equations(cases, fit, sm.families.Gaussian(), level, ratio=False)
    n, k = len(cases.y), len(cases.terms) + 1
    fit = empty(cases, 0, *how, f"{k - 1} terms and an intercept, but {n} patients" if 0 < n <= k else "")
    if fit.reason:
        return fit
    design = designed(cases)
    found = sm.OLS(cases.y, design).fit()
    if found.ssr <= 1e-20 * found.centered_tss:
        return absent(fit, "the outcome follows exactly from the terms")
    scores = found.resid[:, None] * design / found.scale
    solution = Solution(found.params, found.cov_params(), scores, float(found.llf), df=float(n - k))
    return finished(fit, cases, solution, level, ratio=False)


def logistic(cases: Cases, level: float = 0.95) -> Fit:
    """Fit a logistic model whose variance allows for clusters, by maximum likelihood or estimating equations.

    Separation is looked for before the fit. Raises ValueError as `regression.logistic` does. Source: statsmodels Logit.
    """
    events = int(cases.y.sum())
    if cases.correlation:
        fit = empty(cases, events, f"logistic {of_equations(cases)}", "statsmodels GEE(family=Binomial())")
    else:
        fit = empty(cases, events, "logistic regression", "statsmodels.discrete.discrete_model.Logit")
    if fit.reason:
        return fit
    if separated := separation(cases.y, cases.X, cases.terms):
        return absent(replace(fit, separated=separated), no_finite(separated))
    if cases.correlation:
        return estimating_equations(cases, fit, sm.families.Binomial(), level)
    design = designed(cases)
    with quiet():
        try:
            found = Logit(cases.y, design).fit(method="newton", maxiter=200, disp=0)
        except np.linalg.LinAlgError:
            return absent(fit, NOT_CONVERGED)
    if not found.mle_retvals["converged"]:
        return absent(fit, NOT_CONVERGED)
    scores = found.model.score_obs(found.params)
    return finished(fit, cases, Solution(found.params, found.cov_params(), scores, float(found.llf)), level)


def ordinal(cases: Cases, level: float = 0.95) -> Fit:
    """Fit a proportional odds model; an odds ratio above 1 means higher grades.

    Separation is looked for before the fit. Raises ValueError as `logistic` does. McCullagh, J R Stat Soc B 1980;42:109,
    by statsmodels OrderedModel.
    """
    method, function = "proportional odds logistic regression", "statsmodels.miscmodels.ordinal_model.OrderedModel"
    fit = empty(cases, 0, method, f"{function}(distr='logit')")
    if fit.reason:
        return fit
    if separated := separation(cases.y, cases.X, cases.terms):
        return absent(replace(fit, separated=separated), no_finite(separated))
    grades = np.unique(cases.y, return_inverse=True)[1]
    with quiet():
        model = OrderedModel(grades, standardised(cases.X), distr="logit")
        found = model.fit(method="bfgs", maxiter=1000, gtol=1e-8, disp=0)
        scores, covariance = model.score_obs(found.params), found.cov_params()
    if not np.isfinite(covariance).all() or np.abs(scores.sum(axis=0)).max() > 1e-3 * len(grades):
        return absent(fit, NOT_CONVERGED)
    solution = Solution(np.asarray(found.params), np.asarray(covariance), scores, float(found.llf), first=0)
    return finished(fit, cases, solution, level)


def poisson(cases: Cases, level: float = 0.95) -> Fit:
    """Fit a Poisson model of counts with a log link; the log of the exposure, where there is one, is the offset.

    Estimates are rate ratios. Terms without finite estimate are looked for before the fit. Raises ValueError as
    `logistic` does. Source: statsmodels GLM.
    """
    if cases.correlation:
        fit = empty(cases, events_of(cases), f"Poisson {of_equations(cases)}", "statsmodels GEE(family=Poisson())", uncountable(cases))
    else:
        function = "statsmodels.genmod.generalized_linear_model.GLM(family=Poisson())"
        fit = empty(cases, events_of(cases), "Poisson regression", function, uncountable(cases))
    fit = unlimited(cases, fit)
    if fit.reason:
        return fit
    family = sm.families.Poisson()
    if cases.correlation:
        return estimating_equations(cases, fit, family, level, offset=offset(cases))
    found = generalised(cases, family)
    if found is None:
        return absent(fit, NOT_CONVERGED)
    spread = float(found.pearson_chi2 / found.df_resid) if found.df_resid > 0 else None
    return replace(finished(fit, cases, solved(found), level), dispersion=spread)


def negative_binomial(cases: Cases, level: float = 0.95) -> Fit:
    """Fit a negative binomial model of counts (variance mean + alpha mean²) with a log link and the offset of `poisson`.

    Alpha maximises the likelihood; standard errors are those for alpha as it is estimated, of the expected information,
    as in R's MASS::glm.nb. Where the likelihood is highest at alpha = 0 there is no such model. Raises ValueError as
    `logistic` does. Venables & Ripley, Modern Applied Statistics with S, 4th ed., 7.4; statsmodels GLM.
    """
    function = "statsmodels.genmod.generalized_linear_model.GLM(family=NegativeBinomial())"
    fit = unlimited(cases, empty(cases, events_of(cases), "negative binomial regression", function, uncountable(cases)))
    if fit.reason:
        return fit
    plain = generalised(cases, sm.families.Poisson())
    if plain is None:
        return absent(fit, NOT_CONVERGED)
    if ((cases.y - plain.mu) ** 2 - cases.y).sum() <= 0:
        return absent(fit, "the counts vary no more than Poisson counts do, so that alpha is 0; take kind: poisson")

    def height(log_alpha: float) -> float:
        found = generalised(cases, sm.families.NegativeBinomial(alpha=math.exp(log_alpha)))
        return 1e300 if found is None else -float(found.llf)

    best = minimize_scalar(height, bounds=(SMALLEST, LARGEST), method="bounded", options={"xatol": 1e-9})
    alpha = math.exp(best.x)
    found = generalised(cases, sm.families.NegativeBinomial(alpha=alpha))
    if found is None or not SMALLEST + 0.01 < best.x < LARGEST - 0.01:
        return absent(fit, NOT_CONVERGED)
    return replace(finished(fit, cases, solved(found), level), dispersion=alpha)


def of_equations(cases: Cases) -> str:
    return f"generalised estimating equations with {cases.correlation} correlation"


def designed(cases: Cases) -> Array:
    return np.column_stack([np.ones(len(cases.y)), standardised(cases.X)])


def offset(cases: Cases) -> Array | None:
    return None if cases.exposure is None else np.log(cases.exposure)


def events_of(cases: Cases) -> int:
    return int(cases.y.sum())


def uncountable(cases: Cases) -> str:
    """Return why the outcome is no count of events in a time, or an empty string."""
    wrong: dict[str, NDArray[np.bool_]] = {
        "the outcome is below 0": cases.y < 0,
        "the outcome is no whole number": cases.y % 1 != 0,
        "the exposure is not above 0": ~(cases.exposure > 0) if cases.exposure is not None else np.array([False]),
    }
    return next((f"{words} in {int(rows.sum())} of the complete cases" for words, rows in wrong.items() if rows.any()), "")


def unlimited(cases: Cases, fit: Fit) -> Fit:
    """Return the fit, or where a term of a model of counts has no finite estimate, why there is none."""
    without = () if fit.reason else infinite.of_counts(cases.y, cases.X, cases.terms)
    if not without:
        return fit
    reason = f"all events are on one side of {', '.join(without)}, so no finite estimate exists"
    return absent(replace(fit, separated=without), reason)


def generalised(cases: Cases, family: Any) -> Any:
    """Return statsmodels' fit of a generalised linear model with the canonical scale 1, or None where it does not converge."""
    with quiet():
        try:
            found = sm.GLM(cases.y, designed(cases), family=family, offset=offset(cases)).fit(
                maxiter=200, tol=1e-12, tol_criterion="params", scale=1.0
            )
        except (np.linalg.LinAlgError, ValueError):
            return None
    return found if found.converged else None


def solved(found: Any) -> Solution:
    scores = found.model.score_obs(found.params, scale=1.0)
    return Solution(np.asarray(found.params), np.asarray(found.cov_params()), scores, float(found.llf))
