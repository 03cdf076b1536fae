"""Find the terms whose estimate would be infinite, by linear programming, before a model is fitted."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import linprog

from tieout.analysis.regression import Array, spread, standardised

SMALL = 1e-7
SIZES = (1_000, 10_000)
"""How many patients of either kind are looked at first: where a part of them rules it out, all of them do."""


def of_counts(y: Array, X: Array, terms: Sequence[str]) -> tuple[str, ...]:
    """Return the terms without finite estimate in a Poisson or negative binomial model of the counts y (n) on X (n x p).

    The likelihood rises for ever along a direction that leaves the linear predictor of everybody with a count above 0
    as it is, and lowers it for others. Correia, Guimarães & Zylkin, arXiv:1903.01633 (2019).
    """

    def constraints(rows: NDArray[np.int64], columns: Array) -> tuple[sparse.csr_array, sparse.csr_array]:
        design = sparse.csr_array(np.column_stack([columns, np.ones(len(rows))]))
        some = y[rows] > 0
        return design[some], design[~some]

    return thinned(y > 0, X, terms, constraints)


def of_times(time: Array, event: NDArray[np.bool_], X: Array, terms: Sequence[str]) -> tuple[str, ...]:
    """Return the terms without finite estimate in a Cox model of time (n) to event (n) on X (n x p).

    The partial likelihood is monotone along a direction in which, at each event, the patient with the event has the
    highest linear predictor of all at risk. Beside the direction the program holds that highest value at each time
    with an event, which falls from one to the next, so that it has n constraints and not one for each pair.
    Bryson & Johnson, Technometrics 1981;23:381; Heinze & Schemper, Biometrics 2001;57:114.
    """

    def constraints(rows: NDArray[np.int64], columns: Array) -> tuple[sparse.csr_array, sparse.csr_array]:
        moments = np.unique(time[rows][event[rows]])
        last = np.searchsorted(moments, time[rows], side="right") - 1
        rows, columns, last = rows[last >= 0], columns[last >= 0], last[last >= 0]
        died = event[rows]
        tops = sparse.csr_array((np.ones(len(rows)), (np.arange(len(rows)), last)), (len(rows), len(moments)))
        below = sparse.hstack([sparse.csr_array(columns), -tops], format="csr")
        steps = np.arange(len(moments) - 1)
        falls = sparse.csr_array(
            (np.r_[-np.ones(len(steps)), np.ones(len(steps))], (np.r_[steps, steps], np.r_[steps, steps + 1])),
            (len(steps), len(moments)),
        )  # fmt: skip
        empty = sparse.csr_array((len(steps), columns.shape[1]))
        chain = sparse.hstack([empty, falls], format="csr")
        return below[died], sparse.vstack([below[~died], chain], format="csr")

    return thinned(event, X, terms, constraints)


def thinned(
    kind: NDArray[np.bool_],
    X: Array,
    terms: Sequence[str],
    constraints: Callable[[NDArray[np.int64], Array], tuple[sparse.csr_array, sparse.csr_array]],
) -> tuple[str, ...]:
    """Return the terms that some direction of the constraints moves, from a part of the patients if that rules it out.

    The columns of X must not be collinear.
    """
    scaled = standardised(X)
    infinite = np.zeros(len(terms), dtype=bool)
    for size in (*SIZES, len(kind)):
        rows = spread(kind.astype(float), size)
        infinite = moved(*constraints(rows, scaled[rows]), len(terms))
        if not infinite.any() or len(rows) == len(kind):
            break
    return tuple(term for term, without in zip(terms, infinite, strict=True) if without)


def moved(same: sparse.csr_array, lower: sparse.csr_array, terms: int) -> NDArray[np.bool_]:
    """Return which of the first `terms` coordinates d can have in {same d = 0, lower d <= 0}, each from -1 to 1."""
    width = same.shape[1]
    bounds = [(-1, 1)] * terms + [(None, None)] * (width - terms)
    still, below = np.zeros(same.shape[0]), np.zeros(lower.shape[0])

    def reach(aim: Array) -> bool:
        """Return whether a direction goes any way against `aim`."""
        found = linprog(np.r_[aim, np.zeros(width - terms)], lower, below, same, still, bounds, method="highs")
        return found.status != 0 or found.fun < -SMALL

    anywhere = np.sqrt(np.arange(2, terms + 2))
    if not reach(anywhere) and not reach(-anywhere):
        return np.zeros(terms, dtype=bool)
    return np.array([reach(unit) or reach(-unit) for unit in np.eye(terms)])
