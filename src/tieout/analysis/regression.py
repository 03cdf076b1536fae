"""Logistic, Firth and ordinal regression, separation, likelihood-ratio tests, and the area under the ROC curve.

The profile likelihood is followed here and not by firthmodels, whose iteration (0.8.2) ends on a wrong limit,
without saying so, for about one in ten coefficients of small or separated data.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
from firthmodels.separation import detect_separation
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import qr, solve_triangular
from scipy.optimize import brentq, minimize
from scipy.special import expit
from scipy.stats import chi2, norm, rankdata
from scipy.stats import t as student_t
from statsmodels.discrete.discrete_model import Logit
from statsmodels.miscmodels.ordinal_model import OrderedModel

from tieout.analysis.comparisons import Test
from tieout.analysis.intervals import Estimate

Array = NDArray[np.float64]
HERE = "tieout.analysis.regression."
FIRTH = 0.5
"""Firth's penalty: this times the log determinant of the information (Firth, Biometrika 1993;80:27)."""
NEAR_RATIO, NEAR_ERROR = 20.0, 1.0
"""A term nearly separates when its odds ratio is beyond 20 (or 1/20) and the standard error of its log at least 1,
which is that of a cell with a single patient; its 95% interval then spans 50-fold or more."""


@dataclass(frozen=True)
class Term:
    """One coefficient, its standard error, what it is reported as (`estimate`) with its interval, z and p.

    The estimate is the odds, hazard or rate ratio whose log the coefficient is, or in a linear model the coefficient
    itself. What does not exist is None, and `reason` says why. `p` belongs to the interval: Wald p with a Wald
    interval, likelihood-ratio p with a profile interval.
    """

    name: str
    coef: float | None = None
    se: float | None = None
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    z: float | None = None
    reason: str = ""


@dataclass(frozen=True)
class Fit:
    """A fitted model. `terms` are in the order given, also when nothing could be estimated (then see `reason`).

    `events` counts y = 1 (0 in an ordinal model, where nothing is an event). `separated` names the terms without
    finite maximum-likelihood estimate, `near_separated` those with an unstable one. `dispersion` of a model of counts is
    Pearson's statistic over its degrees of freedom (Poisson) or alpha, by which the variance is mean + alpha mean²
    (negative binomial); `correlation` is that within a cluster, where it is estimated.
    """

    n: int
    events: int
    terms: tuple[Term, ...]
    intercept: Term
    loglik: float | None
    converged: bool
    method: str
    function: str
    reason: str = ""
    separated: tuple[str, ...] = ()
    near_separated: tuple[str, ...] = ()
    dispersion: float | None = None
    correlation: float | None = None

    @property
    def events_per_variable(self) -> float | None:
        """The rarer outcome's count per term; None in a model without terms."""
        return min(self.events, self.n - self.events) / len(self.terms) if self.terms else None


def logistic(y: ArrayLike, X: ArrayLike, terms: Sequence[str], interval: str = "wald", level: float = 0.95) -> Fit:
    """Fit a logistic model by maximum likelihood; the intercept is added.

    y (n) holds 0 and 1, X (n x p) the terms. `interval` is "wald" or "profile" (with likelihood-ratio p).
    Separation is looked for before the fit: with it the Wald interval has no answer, and the profile interval
    keeps its finite side. Raises ValueError for missing or infinite values and for shapes that do not match.
    Venzon & Moolgavkar, Appl Stat 1988;37:87.
    """
    if interval not in ("wald", "profile"):
        raise ValueError(f"interval is 'wald' or 'profile', not {interval!r}")
    data = _data(y, X, terms)
    wald = interval == "wald"
    method = "logistic regression, " + ("Wald interval" if wald else "profile-likelihood interval")
    function = "statsmodels.discrete.discrete_model.Logit" + ("" if wald else f"; {HERE}logistic")
    empty = _empty(data, method, function)
    if empty.reason:
        return empty
    separated = separation(data.y, data.X, terms)
    if separated:
        reason = no_finite(separated)
        empty = absent(replace(empty, separated=separated), reason)
        return empty if wald else _one_sided(empty, data, level)
    with quiet():
        try:
            scaled = np.column_stack([np.ones(len(data.y)), standardised(data.X)])
            found = Logit(data.y, scaled).fit(method="newton", maxiter=200, disp=0)
        except np.linalg.LinAlgError:
            return absent(empty, NOT_CONVERGED)
    if not found.mle_retvals["converged"]:
        return absent(empty, NOT_CONVERGED)
    coefs, covariance = _unscaled(data, found.params, found.cov_params())
    fit = replace(_wald(empty, coefs, np.sqrt(np.diag(covariance)), level), loglik=float(found.llf), converged=True)
    fit = replace(fit, near_separated=_near(data, fit))
    return fit if wald else _profiled(fit, data, 0.0, level)


def firth(y: ArrayLike, X: ArrayLike, terms: Sequence[str], level: float = 0.95) -> Fit:
    """Fit Firth's penalised logistic model; interval and p from the profile of the penalised likelihood.

    Arguments and errors as in `logistic`. Estimates are finite under separation; `separated` still names its
    terms. `loglik` is penalised; `se` comes from the information and belongs to neither interval nor p.
    Firth, Biometrika 1993;80:27; Heinze & Schemper, Stat Med 2002;21:2409.
    """
    data = _data(y, X, terms)
    method = "Firth's penalised logistic regression, profile penalised-likelihood interval"
    empty = _empty(data, method, HERE + "firth")
    if empty.reason:
        return empty
    basis, triangle = np.linalg.qr(data.design)
    with quiet():
        best = _maximise(basis, data.y, FIRTH, len(triangle), np.zeros(len(triangle)))
    if not best.converged:
        return absent(empty, NOT_CONVERGED)
    root = solve_triangular(best.factor @ triangle, np.eye(len(triangle)))
    fit = _wald(empty, solve_triangular(triangle, best.place), np.sqrt((root**2).sum(axis=1)), level)
    loglik = best.value + 2 * FIRTH * np.log(np.abs(np.diag(triangle))).sum()
    fit = replace(fit, loglik=float(loglik), converged=True, separated=separation(data.y, data.X, terms))
    return _profiled(fit, data, FIRTH, level)


def separation(y: ArrayLike, X: ArrayLike, terms: Sequence[str]) -> tuple[str, ...]:
    """Return the terms whose maximum-likelihood estimate is infinite in a logistic or ordinal model of y on X.

    An ordinal y is taken as one binary outcome per threshold, with a common effect. Columns are standardised
    first, and rows thinned while a part of them already rules separation out. Raises ValueError as `logistic`
    does, and for a design that no model can be fitted to. Konis 2007, by firthmodels.detect_separation.
    """
    outcome, columns = complete(y, X, terms)
    reason = unfit(outcome, columns, terms)
    if reason:
        raise ValueError(reason)
    scaled = standardised(columns)
    infinite = np.zeros(len(terms), dtype=bool)
    for each in (1_000, 10_000, len(outcome)):
        rows = spread(outcome, each)
        everyone = len(rows) == len(outcome)
        try:
            infinite = _infinite(outcome[rows], scaled[rows])
        except np.linalg.LinAlgError:  # the thinned rows are collinear: look at more of them
            if everyone:
                raise
            continue
        if everyone or not infinite.any():
            break
    return tuple(term for term, without in zip(terms, infinite, strict=True) if without)


def _infinite(outcome: Array, columns: Array) -> NDArray[np.bool_]:
    grades = np.unique(outcome)[1:]
    above = np.concatenate([outcome >= grade for grade in grades])
    thresholds = np.kron(np.eye(len(grades)), np.ones((len(outcome), 1)))
    design = np.column_stack([np.tile(columns, (len(grades), 1)), thresholds])
    with quiet():
        found = detect_separation(design, above.astype(int), fit_intercept=False)
    return ~found.is_finite[: columns.shape[1]]


def spread(outcome: Array, each: int) -> NDArray[np.int64]:
    """Return rows spread evenly over the data, at most `each` of every outcome."""
    chosen = []
    for grade in np.unique(outcome):
        rows = np.flatnonzero(outcome == grade)
        chosen.append(rows[np.linspace(0, len(rows) - 1, min(each, len(rows))).astype(int)])
    return np.sort(np.concatenate(chosen))


def ordinal(y: ArrayLike, X: ArrayLike, terms: Sequence[str], level: float = 0.95) -> Fit:
    """Fit a proportional odds model; an odds ratio above 1 means higher grades. Wald interval and p.

    y (n) holds numbers whose order is that of the grades; X, errors and separation as in `logistic`. The
    intercept is absent, the thresholds are not reported. McCullagh, JRSS B 1980;42:109.
    """
    outcome, columns = complete(y, X, terms)
    names = tuple(map(str, terms))
    empty = Fit(
        len(outcome), 0, tuple(Term(name) for name in names), Term("(Intercept)"), None, False,
        "proportional odds logistic regression, Wald interval",
        "statsmodels.miscmodels.ordinal_model.OrderedModel(distr='logit')",
    )  # fmt: skip
    reason = unfit(outcome, columns, terms) or ("" if names else "the model has no terms")
    if reason:
        return absent(empty, reason)
    separated = separation(outcome, columns, terms)
    if separated:
        reason = no_finite(separated)
        return absent(replace(empty, separated=separated), reason)
    grades = np.unique(outcome, return_inverse=True)[1]
    scale = columns.std(axis=0)
    with quiet():
        found = OrderedModel(grades, standardised(columns), distr="logit").fit(
            method="bfgs", maxiter=1000, gtol=1e-7, disp=0
        )
    size = columns.shape[1]
    errors = np.asarray(found.bse)[:size]
    if not np.isfinite(errors).all() or np.abs(found.model.score(found.params)).max() > 1e-3 * len(grades):
        return absent(empty, NOT_CONVERGED)
    fit = _wald(empty, np.r_[0.0, found.params[:size] / scale], np.r_[1.0, errors / scale], level)
    return replace(fit, intercept=empty.intercept, loglik=float(found.llf), converged=True)


def likelihood_ratio(full: Fit, reduced: Fit) -> Test:
    """Test the terms that `full` has beyond `reduced` by twice the difference of their log likelihoods.

    Both fits are maximum-likelihood fits to the same patients; raises ValueError when they are not. Wilks, Ann Math Stat 1938;9:60.
    """
    df = len(full.terms) - len(reduced.terms)
    if df <= 0 or (full.n, full.events) != (reduced.n, reduced.events):
        raise ValueError("the reduced model has fewer terms and the same patients")
    empty = Test(
        "likelihood_ratio", None, None, (float(df),), full.n, "likelihood-ratio test", HERE + "likelihood_ratio"
    )
    if full.loglik is None or reduced.loglik is None:
        return replace(empty, reason=full.reason or reduced.reason)
    statistic = max(0.0, 2 * (full.loglik - reduced.loglik))
    return replace(empty, p=float(chi2.sf(statistic, df)), statistic=statistic)


def auc(y: ArrayLike, score: ArrayLike, level: float = 0.95) -> Estimate:
    """Return the probability that a patient with the event scores higher, with DeLong's interval clipped to 0 and 1.

    y (n) holds 0 and 1, score (n) any numbers. DeLong et al., Biometrics 1988;44:837; Sun & Xu, IEEE SPL 2014;21:1389.
    """
    data = _data(y, np.asarray(score, dtype=np.float64)[:, None], ["score"])
    events, others = data.X[data.y == 1, 0], data.X[data.y == 0, 0]
    m, n = len(events), len(others)
    empty = Estimate(None, None, None, None, "area under the ROC curve, DeLong interval", HERE + "auc")
    if not m or not n:
        return replace(empty, reason="the outcome is the same in everybody")
    together = rankdata(np.concatenate([events, others]))
    beaten = (together[:m] - rankdata(events)) / n
    beating = 1 - (together[m:] - rankdata(others)) / m
    value = float(beaten.mean())
    if m < 2 or n < 2:
        return replace(empty, value=value, reason="interval not estimable: fewer than two patients with one outcome")
    variance = beaten.var(ddof=1) / m + beating.var(ddof=1) / n
    if not variance > 0:
        return replace(empty, value=value, reason="interval not estimable: DeLong's variance is 0")
    half = norm.isf((1 - level) / 2) * math.sqrt(variance)
    return replace(empty, value=value, low=max(0.0, float(value - half)), high=min(1.0, float(value + half)))


# The data of a binary model.

NOT_CONVERGED = "the fit did not converge"


@dataclass(frozen=True)
class _Data:
    """Outcome, terms and their names, the design (1, X), and why nothing can be fitted to it, if so."""

    y: Array
    X: Array
    terms: tuple[str, ...]
    design: Array
    reason: str


def _data(y: ArrayLike, X: ArrayLike, terms: Sequence[str]) -> _Data:
    outcome, columns = complete(y, X, terms)
    if not np.isin(outcome, (0, 1)).all():
        raise ValueError("the outcome of a logistic model is 0 or 1")
    design = np.column_stack([np.ones(len(outcome)), columns])
    return _Data(outcome, columns, tuple(map(str, terms)), design, unfit(outcome, columns, terms))


def complete(y: ArrayLike, X: ArrayLike, terms: Sequence[str]) -> tuple[Array, Array]:
    """Return y (n) and X (n x p) as numbers.

    Raises ValueError for missing or infinite values and for shapes that do not match.
    """
    outcome, columns = np.asarray(y, dtype=np.float64), np.asarray(X, dtype=np.float64)
    if outcome.ndim != 1 or columns.shape != (len(outcome), len(terms)):
        raise ValueError("y has one value per patient, X one row per patient and one column per term")
    if not (np.isfinite(outcome).all() and np.isfinite(columns).all()):
        raise ValueError("missing or infinite values: models take complete cases")
    return outcome, columns


def unfit(outcome: Array, columns: Array, terms: Sequence[str]) -> str:
    """Return why no model can be fitted to these data, or an empty string."""
    if not len(outcome):
        return "no complete case"
    if outcome.min() == outcome.max():
        return "the outcome is the same in everybody"
    still = columns.std(axis=0) <= 1e-12 * np.abs(columns).max(axis=0)
    if still.any():
        return f"{listed(terms, still)} has the same value in everybody"
    if len(terms) >= len(outcome):
        return f"{len(terms)} terms and an intercept, but {len(outcome)} patients"
    if not len(terms):
        return ""
    triangle, order = qr(standardised(columns), mode="r", pivoting=True)
    sizes = np.abs(np.diag(triangle))
    spare = np.isin(np.arange(len(terms)), order[sizes <= 1e-9 * sizes[0]])
    return f"{listed(terms, spare)} follows exactly from the other terms" if spare.any() else ""


def no_finite(separated: tuple[str, ...]) -> str:
    """Return in words why terms that separate the outcome have no finite estimate."""
    return f"the outcome is separated by {', '.join(separated)}, so no finite estimate exists"


def listed(terms: Sequence[str], chosen: NDArray[np.bool_]) -> str:
    return ", ".join(str(term) for term, yes in zip(terms, chosen, strict=True) if yes)


def standardised(columns: Array) -> Array:
    """Return columns (n x p) with mean 0 and standard deviation 1 each; none may be constant."""
    return (columns - columns.mean(axis=0)) / columns.std(axis=0)


def _unscaled(data: _Data, params: Array, covariance: Array) -> tuple[Array, Array]:
    """Return coefficients and covariance in the terms' own units, the intercept first."""
    centre, scale = data.X.mean(axis=0), data.X.std(axis=0)
    back = np.diag(np.r_[1.0, 1 / scale])
    back[0, 1:] = -centre / scale
    return back @ params, back @ covariance @ back.T


@contextmanager
def quiet() -> Iterator[None]:
    """Keep library warnings to ourselves: what they warn of is in the result as a reason."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


# Filling in a Fit.


def _empty(data: _Data, method: str, function: str) -> Fit:
    terms = tuple(Term(name) for name in data.terms)
    fit = Fit(len(data.y), int(data.y.sum()), terms, Term("(Intercept)"), None, False, method, function)
    return absent(fit, data.reason) if data.reason else fit


def absent(fit: Fit, reason: str) -> Fit:
    """Return the fit without any estimate, with the reason on every term."""
    terms = tuple(Term(term.name, reason=reason) for term in fit.terms)
    return replace(fit, terms=terms, intercept=Term(fit.intercept.name, reason=reason), reason=reason)


def _wald(fit: Fit, coefs: Array, errors: Array, level: float) -> Fit:
    """Return the fit with coefficients (the intercept first), standard errors, Wald intervals and Wald p."""
    given = zip((fit.intercept, *fit.terms), coefs, errors, strict=True)
    filled = [wald(term, float(coef), float(error), level) for term, coef, error in given]
    return replace(fit, intercept=filled[0], terms=tuple(filled[1:]))


def wald(term: Term, coef: float, error: float, level: float, df: float = math.inf, ratio: bool = True) -> Term:
    """Return the term with its coefficient, standard error, Wald interval and Wald p.

    They come from Student's t with `df` degrees of freedom, which is the normal distribution where they are infinite.
    The estimate and the limits are ratios, or the coefficient itself where it is no `ratio`.
    """
    law = norm if math.isinf(df) else student_t(df)
    z, reach = coef / error, float(law.isf((1 - level) / 2)) * error
    given = replace(term, coef=coef, se=error, z=z, p=float(2 * law.sf(abs(z))))
    if ratio:
        return _ratios(given, coef - reach, coef + reach)
    return replace(given, estimate=coef, low=coef - reach, high=coef + reach)


def _ratios(term: Term, low: float, high: float) -> Term:
    """Return the term with the ratio and its limits from their logs; one that no number can hold is None."""
    ratio = None if term.coef is None else _exp(term.coef)
    lower, upper = _exp(low), _exp(high)
    lost = None in (lower, upper) and not term.reason
    reason = "a limit of the interval is too large or too small for a number" if lost else term.reason
    return replace(term, estimate=ratio, low=lower, high=upper, reason=reason)


def _exp(log: float) -> float | None:
    return math.exp(log) if abs(log) < 700 else None


def _near(data: _Data, fit: Fit) -> tuple[str, ...]:
    """Return the terms that nearly separate the outcome (NEAR_RATIO and NEAR_ERROR).

    Binary terms are taken as they are, others per two standard deviations, which makes them comparable (Gelman,
    Stat Med 2008;27:2865). A huge estimate with a huge interval is the mark of sparse data: Greenland, Mansournia
    & Altman, BMJ 2016;352:i1981.
    """
    found = []
    for column, term in zip(data.X.T, fit.terms, strict=True):
        low, high = column.min(), column.max()
        contrast = high - low if np.isin(column, (low, high)).all() else 2 * column.std()
        if term.coef is None or term.se is None:
            continue
        if abs(term.coef) * contrast >= math.log(NEAR_RATIO) and term.se * contrast >= NEAR_ERROR:
            found.append(term.name)
    return tuple(found)


def _profiled(fit: Fit, data: _Data, penalty: float, level: float) -> Fit:
    """Return the fit with profile-likelihood limits and likelihood-ratio p in place of Wald's."""
    several = penalty > 0 and bool(fit.separated)
    coefs = np.array([fit.intercept.coef, *(term.coef for term in fit.terms)], dtype=np.float64)
    filled = []
    for place, term in enumerate((fit.intercept, *fit.terms)):
        low, high, p = _profile(data, coefs, place, penalty, level, several)
        filled.append(_ratios(replace(term, p=p, z=None), low, high))
    return replace(fit, intercept=filled[0], terms=tuple(filled[1:]))


def _one_sided(fit: Fit, data: _Data, level: float) -> Fit:
    """Return the fit to separated data: finite coefficients, finite limits and likelihood-ratio p, and no others."""
    basis, triangle = np.linalg.qr(data.design)
    best = _maximise(basis, data.y, 0.0, len(triangle), np.zeros(len(triangle)))
    coefs = solve_triangular(triangle, best.place)
    filled = []
    for place, term in enumerate(fit.terms, start=1):
        low, high, p = _profile(data, coefs, place, 0.0, level)
        finite = math.isfinite(low) and math.isfinite(high)
        coef = float(coefs[place]) if finite else None
        filled.append(_ratios(replace(term, coef=coef, p=p, reason="" if finite else term.reason), low, high))
    return replace(fit, terms=tuple(filled), loglik=best.value)


# The (penalised) likelihood and its profile, in an orthonormal basis of the design.


@dataclass(frozen=True)
class _Point:
    """A place in the basis: the (penalised) log likelihood there, its gradient, the information's triangle."""

    place: Array
    value: float
    gradient: Array
    factor: Array
    converged: bool = False


def _at(basis: Array, y: Array, penalty: float, place: Array) -> _Point:
    """Evaluate log likelihood + penalty x log det(information) at `place`."""
    eta = basis @ place
    up, down = np.logaddexp(0, eta), np.logaddexp(0, -eta)
    leverage, factor = np.linalg.qr(np.exp(-(up + down) / 2)[:, None] * basis)
    mean = expit(eta)
    value, residual = -float(np.where(y > 0, down, up).sum()), y - mean
    if penalty:
        sizes = np.abs(np.diag(factor))
        if not sizes.min() > 0:
            return _Point(place, -math.inf, np.zeros_like(place), factor)
        value += 2 * penalty * float(np.log(sizes).sum())
        residual = residual + 2 * penalty * (leverage**2).sum(axis=1) * (0.5 - mean)
    return _Point(place, value, basis.T @ residual, factor)


def _maximise(basis: Array, y: Array, penalty: float, free: int, start: Array) -> _Point:
    """Maximise over the first `free` coordinates by Fisher scoring with step halving, then by BFGS if need be."""
    here = _at(basis, y, penalty, start)
    for _ in range(60):
        factor = here.factor[:free, :free]
        if not np.abs(np.diag(factor)).min(initial=1.0) > 1e-150 or not math.isfinite(here.value):
            break
        step = np.zeros_like(start)
        slope = here.gradient[:free]
        step[:free] = solve_triangular(factor, solve_triangular(factor, slope, trans=1))
        gain = float(step[:free] @ slope)
        if gain < 1e-13:
            return replace(here, converged=True)
        size = min(1.0, 5 / float(np.abs(basis @ step).max()))
        there = _at(basis, y, penalty, here.place + size * step)
        while there.value < here.value + 1e-4 * size * gain and size > 1e-6:
            size /= 2
            there = _at(basis, y, penalty, here.place + size * step)
        if size <= 1e-6:
            break
        here = there
    return _polished(basis, y, penalty, free, here)


def _polished(basis: Array, y: Array, penalty: float, free: int, start: _Point) -> _Point:
    """Maximise by BFGS from where Fisher scoring, which is slow on a flat penalised likelihood, had got to."""
    if not math.isfinite(start.value):
        return start
    fixed = start.place[free:]

    def negative(coordinates: Array) -> tuple[float, Array]:
        point = _at(basis, y, penalty, np.concatenate([coordinates, fixed]))
        return (-point.value, -point.gradient[:free]) if math.isfinite(point.value) else (1e300, 0 * coordinates)

    found = minimize(negative, start.place[:free], jac=True, method="BFGS", options={"gtol": 1e-8, "maxiter": 500})
    best = _at(basis, y, penalty, np.concatenate([found.x, fixed]))
    best = best if best.value >= start.value else start
    return replace(best, converged=bool(np.abs(best.gradient[:free]).max(initial=0.0) < 1e-4))


def _profile(
    data: _Data, coefs: Array, index: int, penalty: float, level: float, several: bool = False
) -> tuple[float, float, float | None]:
    """Return the limits of one coefficient at which twice the drop of the profile is chi-squared's quantile, and
    the p of its being 0. A limit is infinite where the profile never drops so far.

    The coefficient is the last coordinate of the basis; the others are maximised, from `several` places where the
    likelihood may have more than one summit, as the penalised one of separated data has.
    """
    order = [*(i for i in range(len(coefs)) if i != index), index]
    basis, triangle = np.linalg.qr(data.design[:, order])
    unit, reach = triangle[-1, -1], math.sqrt(len(data.y))
    with quiet():
        best = _maximise(basis, data.y, penalty, len(coefs), triangle @ coefs[order])
        seen = [best]

        def distance(place: float) -> float:
            """Return the root of twice the drop of the profile, which is nearly linear in the coefficient."""
            tried = [_maximise(basis, data.y, penalty, len(coefs) - 1, s) for s in _starts(seen, place, several)]
            top = max(tried, key=lambda point: point.value)
            seen.append(top)
            return math.sqrt(max(0.0, 2 * (best.value - top.value)))

        bound = math.sqrt(chi2.isf(1 - level, 1))
        limits = sorted(_crossing(distance, float(best.place[-1]), side * reach, bound) / unit for side in (-1, 1))
        p = float(chi2.sf(distance(0.0) ** 2, 1))
    return limits[0], limits[1], p


def _starts(seen: list[_Point], place: float, several: bool) -> list[Array]:
    """Return places to start from when the last coordinate is `place`: the nearest seen one; or several: the
    nearest on both sides, the nearest and the summit drawn out in proportion (as steep slopes are), the origin."""
    nearest = min(seen, key=lambda point: abs(point.place[-1] - place)).place
    starts = [nearest]
    if several:
        sides = [[q.place for q in seen if (q.place[-1] - place) * side >= 0] for side in (-1, 1)]
        starts = [min(side, key=lambda q: abs(q[-1] - place)) for side in sides if side]
        drawn = (nearest, seen[0].place)
        starts += [q * (place / q[-1]) for q in drawn if q[-1] * place > 0]
        starts.append(np.zeros_like(nearest))
    return [np.r_[start[:-1], place] for start in starts]


def _crossing(distance: Callable[[float], float], start: float, step: float, bound: float) -> float:
    """Return where `distance` reaches `bound` going from `start` in steps that double, or an infinity."""
    near, far = start, start + step
    for _ in range(12):
        if distance(far) >= bound:
            return float(brentq(lambda t: distance(t) - bound, near, far, xtol=1e-10 * abs(step), rtol=1e-12))
        step *= 2
        near, far = far, far + step
    return math.copysign(math.inf, step)
