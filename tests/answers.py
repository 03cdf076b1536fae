"""Books of answers: what statistics, display, disclosure and audit rules say, line by line, to ordinary and to hard questions.

That the numbers are right is proved elsewhere, against R, published tables and properties. The books show what is said
with them, at every edge that a kernel knows, and that none of it changes unseen.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import tempfile
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from conftest import Small
from test_audit_rules import figures_of
from test_compared_woven import STUDY as COMPARED
from test_compared_woven import patients as compared_patients
from test_models_more import patients as followed_patients
from test_models_more import results_of

from tieout import display, journals
from tieout.analysis import (
    comparisons,
    cox,
    intervals,
    kaplan_meier,
    monitoring,
    paired,
    person_time,
    regression,
    sensitivity,
    stratified,
)
from tieout.analysis.clustered import Cases
from tieout.audit.quoted import Quoted
from tieout.audit.rules import RULES
from tieout.disclose import hidden, others_shown, own_shown
from tieout.errors import TieoutError
from tieout.reports import Suppression
from tieout.results import Results, Statistic

Book = Iterator[str]
NOISE = 1e-12
"""What is smaller may differ between machines."""


def shown(value: Any) -> str:
    """Return a value as one line: numbers to five significant digits, of records what is not empty."""
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    if isinstance(value, (float, np.floating)):
        return f"{float(value):.5g}" if value == 0 or not abs(value) < NOISE else "nearly 0"
    if isinstance(value, (int, np.integer)):
        return str(int(value))
    if isinstance(value, np.ndarray):
        return shown(value.tolist())
    if isinstance(value, (list, tuple)):
        inner = ", ".join(map(shown, value))
        return f"[{inner}]" if isinstance(value, list) else f"({inner})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {shown(each)}" for name, each in value.items()) + "}"
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        told = ((field.name, getattr(value, field.name)) for field in dataclasses.fields(value))
        return " ".join(f"{name}={shown(each)}" for name, each in told if name == "value" or not empty(each))
    return str(value)


def empty(value: Any) -> bool:
    return value is None or (isinstance(value, (str, tuple, dict)) and not value)


def asked(function: Callable[..., Any], *given: Any, **more: Any) -> str:
    """Return a question and its answer; a refusal is an answer too."""
    words = [*map(shown, given), *(f"{name}={shown(value)}" for name, value in more.items())]
    try:
        with np.errstate(all="ignore"):
            answer = shown(function(*given, **more))
    except (ValueError, TypeError, KeyError, TieoutError) as refusal:
        answer = f"refused: {type(refusal).__name__}: {' ¦ '.join(str(refusal).split(chr(10)))}"
    return f"{function.__name__}({', '.join(words)})\n    {answer}"


# Statistics

PAIRS_OF_COUNTS = [
    (0, 0),
    (0, 1),
    (1, 1),
    (0, 20),
    (1, 20),
    (10, 20),
    (19, 20),
    (20, 20),
    (3, 75),
    (52, 78),
    (400, 1000),
    (-1, 5),
    (6, 5),
]
TWO_BY_TWO = [
    (0, 10, 0, 12), (0, 10, 3, 12), (3, 10, 0, 12), (10, 10, 12, 12), (10, 10, 7, 12), (7, 10, 12, 12), (4, 10, 6, 12), (40, 52, 12, 26),
    (5, 5, 0, 5), (1, 1, 0, 1), (0, 0, 3, 5), (3, 5, 0, 0), (300, 1000, 250, 1000), (1, 400, 9, 500),
]  # fmt: skip
TABLES = [
    [[40, 12], [12, 14]], [[3, 1], [1, 3]], [[5, 5], [5, 5]], [[0, 7], [5, 2]], [[0, 0], [3, 4]], [[3, 0], [4, 0]], [[4, 6]], [[10, 0], [0, 10]],
    [[8, 2, 5], [3, 7, 4]], [[8, 0, 5], [3, 0, 4]], [[1, 2], [3, 4], [5, 6]], [[2, 0, 3, 1], [0, 4, 1, 2], [3, 1, 0, 2]],
    [[30, 40, 50], [20, 60, 40], [10, 15, 40]], [[6, 6], [6, 18]], [[1, 9], [11, 3]], [[25, 15], [10, 20]], [[1.5, 2], [3, 4]], [[-1, 2], [3, 4]],
    [[5, 1, 1, 1, 1, 1, 1], [1, 5, 1, 1, 1, 1, 1], [1, 1, 5, 1, 1, 1, 1], [1, 1, 1, 5, 1, 1, 1], [1, 1, 1, 1, 5, 1, 1], [1, 1, 1, 1, 1, 5, 1],
     [1, 1, 1, 1, 1, 1, 5]],
]  # fmt: skip
SAMPLES = [
    [[1, 2, 3, 4, 5], [3, 4, 5, 6, 9]], [[1.5, 2.5, 9.0], [0.5, 2.5]], [[1, 1, 1], [2, 2, 2]], [[1, 1], [1, 1]], [[4, 5], []], [[4], [5, 6]],
    [[4], [5]], [[1, 2, 3]], [[1, 2, 2, 3, 7], [2, 2, 3, 3], [5, 6, 7, 9, 9]], [[1], [2], [3]], [[5, 5, 5], [1, 2, 9]], [[5], [1, 2, 9], [3, 4]],
    [[67, 59, 75, 81, 70, 66, 58], [61, 72, 69, 77, 63, 80, 74, 68]], [[1, float("nan")], [2, 3]],
]  # fmt: skip


def proportions() -> Book:
    for x, n in PAIRS_OF_COUNTS:
        for method in intervals.PROPORTION:
            yield asked(intervals.proportion, x, n, method)
        yield asked(intervals.proportion, x, n)
        yield asked(intervals.proportion, x, n, "mid_p", 0.9)
    for cells in TWO_BY_TWO:
        for method in intervals.DIFFERENCE:
            yield asked(intervals.risk_difference, *cells, method)
        yield asked(intervals.risk_difference, *cells, level=0.99)
        for function in (intervals.risk_ratio, intervals.odds_ratio, intervals.odds_ratio_exact):
            yield asked(function, *cells)
            yield asked(function, *cells, level=0.9)
        yield asked(intervals.odds_ratio, *cells, method="haldane_anscombe")
        yield asked(intervals.odds_ratio_exact, *cells, method="minlike")
    for call in (intervals.risk_difference, intervals.odds_ratio, intervals.odds_ratio_exact):
        yield asked(call, 3, 10, 4, 10, method="no such")
    yield asked(intervals.proportion, 1, 5, "exact")
    for level in (0.0, 1.0, 95, 0.5):
        yield asked(intervals.proportion, 1, 5, level=level)
    yield asked(intervals.odds_ratio_exact, 200_000, 400_000, 200_001, 400_000)


def compared() -> Book:
    for table in TABLES:
        for function in (
            comparisons.expected_counts,
            comparisons.any_expected_below,
            comparisons.categorical,
            comparisons.smd_categorical,
        ):
            yield asked(function, table)
        for function in comparisons.OF_COUNTS.values():
            yield asked(function, table)
    for samples in SAMPLES:
        for function in comparisons.OF_VALUES.values():
            yield asked(function, samples)
        yield asked(comparisons.smd_largest, samples)
        if len(samples) == 2:
            yield asked(comparisons.mean_difference, *samples)
            yield asked(comparisons.mean_difference, *samples, level=0.9)
            yield asked(comparisons.hodges_lehmann, *samples)
        for method in ("linear", "weibull", "averaged_inverted_cdf", "no such"):
            yield asked(comparisons.quartiles, samples[-1], method)
    values = [0.01, None, 0.04, 0.03, 1.0, 0.0]
    for method in (*comparisons.ADJUSTMENTS, "no such"):
        yield asked(comparisons.adjust_p, values, method)
    yield asked(comparisons.adjust_p, [0.5, 1.5], "holm")
    yield asked(comparisons.adjust_p, [None], "holm")


PAIRS = [
    [], [[1, 2]], [[1, 2], [2, 3]], [[1, 2], [2, 3], [3, 4]], [[1, 1], [2, 2]], [[1, 4], [2, 3], [5, 5], [7, 4], [6, 9]], [[0.1, 0.2], [0.2, 0.3]],
    [[1, 2], [2, float("nan")]], [1, 2, 3], [[1e9, 1e9 + 1], [1e9, 1e9 + 1]],
]  # fmt: skip
ZEROS = [[], [[0, 1]], [[0, 0], [1, 1]], [[0, 1]] * 8 + [[1, 0]] * 2, [[0, 1]] * 20 + [[1, 0]] * 4, [[0, 1]] * 20 + [[1, 0]] * 5]
THREE = [
    [[0, 1, 1], [0, 0, 1], [1, 1, 1], [0, 1, 0]],
    [[0, 0, 0], [1, 1, 1]],
    np.zeros((0, 3)).tolist(),
    [[1, 2, 3], [2, 3, 1], [3, 1, 2], [1, 3, 2]],
]
MANY = [[float(i % 7), float((i * 5) % 11)] for i in range(80)]


def repeated() -> Book:
    for pairs in (*PAIRS, *ZEROS, MANY):
        values = (
            np.array(pairs, dtype=float).reshape(-1, 2) if not pairs or isinstance(pairs[0], list) else np.array(pairs, dtype=float)
        )
        short = values.tolist() if len(values) < 15 else f"{len(values)} pairs"
        for function in (paired.signed_rank, paired.paired_t, paired.mean_change, *([paired.mcnemar] if pairs in ZEROS else [])):
            yield asked(function, values).replace(shown(values), shown(short))
    yield asked(paired.mean_change, [[1, 4], [2, 3], [5, 5]], 0.9)
    for rows in THREE:
        values = np.array(rows, dtype=float).reshape(-1, 3)
        yield asked(paired.friedman, values)
        if set(values.ravel()) <= {0, 1}:
            yield asked(paired.cochran_q, values)


STRATA = [
    [[[10, 5], [6, 9]], [[8, 4], [5, 7]]], [[[10, 5], [6, 9]]], [[[0, 5], [0, 9]], [[0, 4], [0, 7]]], [[[10, 0], [6, 0]], [[8, 0], [5, 0]]],
    [[[0, 5], [6, 9]], [[0, 4], [5, 7]]], [[[10, 5], [0, 0]], [[8, 4], [5, 7]]], [[[10, 5], [0, 0]]], [[[5, 5], [5, 5]], [[3, 3], [3, 3]]],
    [[[4, 1], [1, 4]], [[1, 4], [4, 1]], [[2, 3], [0, 5]]], [[[1.5, 2], [3, 4]]], [[1, 2], [3, 4]],
    [[[900, 100], [100, 900]], [[800, 200], [200, 800]]], [[[1, 0], [0, 1]]],
]  # fmt: skip


def pooled() -> Book:
    for tables in STRATA:
        for function in (stratified.odds_ratio, stratified.risk_ratio):
            yield asked(function, tables)
            yield asked(function, tables, 0.9)
        yield asked(stratified.independence, tables)
        yield asked(stratified.homogeneity, tables)


TIMES = np.array([1, 2, 2, 3, 4, 4, 5, 6, 6, 7, 8, 9, 9, 10, 12], dtype=float)
DIED = np.array([1, 1, 0, 1, 0, 1, 1, 0, 1, 0, 1, 1, 0, 0, 1], dtype=bool)
HALF = np.arange(15) % 2 == 0


def followed() -> Book:
    curves = {
        "all": (TIMES, DIED), "nobody": (TIMES[:0], DIED[:0]), "no event": (TIMES, DIED & False), "all die": (TIMES[:4], DIED[:4] | True),
        "below 0": (TIMES - 2, DIED), "missing": (np.r_[np.nan, TIMES[1:]], DIED), "one half": (np.arange(1.0, 5.0), np.array([1, 1, 0, 0], bool)),
        "later": (np.arange(1.0, 6.0), np.array([0, 1, 0, 1, 0], bool)), "at 0": (np.arange(4.0), np.array([1, 0, 1, 1], bool)),
    }  # fmt: skip
    for name, (time, event) in curves.items():
        try:
            found = kaplan_meier.curve(time, event)
        except ValueError as refusal:
            yield f"curve of {name}\n    refused: {refusal}"
            continue
        yield f"curve of {name}\n    {shown(found)}"
        yield f"curve of {name}, 90%\n    {shown(kaplan_meier.curve(time, event, 0.9))}"
        yield f"median of {name}\n    {shown(kaplan_meier.median(found))}"
        for when in (0, 1, 3.5, 4, 12, 13):
            yield f"survival of {name} at {when}\n    {shown(kaplan_meier.survival_at(found, when))}; at risk {kaplan_meier.at_risk(found, when)}"
    none = HALF & False
    for name, groups in {
        "two": [HALF, ~HALF],
        "three": [HALF & (TIMES < 6), HALF & (TIMES >= 6), ~HALF],
        "empty": [HALF, none],
    }.items():
        yield f"log-rank of {name}\n    {shown(kaplan_meier.log_rank(TIMES, DIED, groups))}"
    yield f"log-rank without events\n    {shown(kaplan_meier.log_rank(TIMES, DIED & False, [HALF, ~HALF]))}"
    yield f"log-rank, a time below 0\n    {shown(kaplan_meier.log_rank(TIMES - 2, DIED, [HALF, ~HALF]))}"
    apart = [TIMES < 5, TIMES >= 5]
    yield f"log-rank, never together\n    {shown(kaplan_meier.log_rank(np.r_[1.0, 2.0], np.array([False, True]), [np.array([True, False]), np.array([False, True])]))}"
    yield f"log-rank, one after the other\n    {shown(kaplan_meier.log_rank(TIMES, DIED, apart))}"
    for events, time in ((0, 10.0), (3, 12.5), (100, 1000.0), (0, 0.0), (3, 0.0), (-1, 5.0), (1.5, 5.0)):
        yield asked(person_time.rate, events, time)
        yield asked(person_time.rate, events, time, 0.9)
    for given in (
        (3, 10.0, 5, 20.0),
        (0, 10.0, 5, 20.0),
        (3, 10.0, 0, 20.0),
        (0, 10.0, 0, 20.0),
        (3, 0.0, 5, 20.0),
        (3, 10.0, 5, 0.0),
        (40, 100.0, 20, 100.0),
    ):
        yield asked(person_time.rate_ratio, *given)
        yield asked(person_time.rate_ratio, *given, level=0.9)
    for counts, time in (([0, 1, 3, 0, 7], [1, 2, 3, 1, 2]), ([0, 0], [1, 1]), ([2], [1]), ([1, 1], [0, 0]), ([2, 1, 0], [1, 0, 2])):
        yield asked(person_time.dispersion, np.array(counts, float), np.array(time, float))


def models() -> Book:
    chance = np.random.default_rng(11)
    n = 120
    age, drug, rare = chance.normal(66, 11, n).round(), (np.arange(n) % 2).astype(float), (np.arange(n) % 40 == 3).astype(float)
    y = (chance.random(n) < 1 / (1 + np.exp(-(0.04 * (age - 66) + 0.8 * drug)))).astype(float)
    grades = np.clip((2.5 + 0.05 * (age - 66) + chance.normal(0, 1, n)).round(), 0, 4)
    apart = np.where(y == 1, drug, 0.0)
    designs: dict[str, tuple[np.ndarray, np.ndarray, list[str]]] = {
        "two terms": (y, np.column_stack([age, drug]), ["age", "drug"]),
        "no terms": (y, np.zeros((n, 0)), []),
        "separated": (y, np.column_stack([age, apart]), ["age", "apart"]),
        "perfectly separated": (y, np.column_stack([y]), ["itself"]),
        "a rare term": (y, np.column_stack([drug, rare]), ["drug", "rare"]),
        "few": (np.array([0, 0, 1, 1, 1, 0.0]), np.array([[1.0], [2], [3], [4], [2], [3]]), ["x"]),
        "one outcome": (np.ones(n), np.column_stack([age]), ["age"]),
        "a constant": (y, np.column_stack([age, np.ones(n)]), ["age", "same"]),
        "the same twice": (y, np.column_stack([age, drug, 2 * age]), ["age", "drug", "double"]),
        "nobody": (y[:0], np.zeros((0, 1)), ["x"]),
        "too many terms": (np.array([0, 1.0]), np.array([[1.0, 2], [3, 5]]), ["a", "b"]),
        "missing": (np.r_[np.nan, y[1:]], np.column_stack([age]), ["age"]),
        "no outcome of two": (grades, np.column_stack([age]), ["age"]),
        "of other shape": (y, np.column_stack([age]), ["age", "drug"]),
    }
    for name, (outcome, columns, terms) in designs.items():
        for function, more in (
            (regression.logistic, {}), (regression.logistic, {"interval": "profile"}), (regression.logistic, {"level": 0.9}),
            (regression.logistic, {"interval": "no such"}), (regression.firth, {}), (regression.firth, {"level": 0.9}), (regression.separation, {}),
            (regression.ordinal, {}), (regression.ordinal, {"level": 0.9}),
        ):  # fmt: skip
            yield f"{name}: {asked_of(function, outcome, columns, terms, **more)}"
    yield f"grades: {asked_of(regression.ordinal, grades, np.column_stack([age, drug]), ['age', 'drug'])}"
    yield f"grades apart: {asked_of(regression.ordinal, grades, np.column_stack([grades]), ['itself'])}"
    for which in (age, drug, y, 1 - y, age * 0):
        yield asked_of(regression.auc, y, which)
        yield asked_of(regression.auc, y, which, level=0.9)
    yield asked_of(regression.auc, np.array([1.0, 0, 0]), np.array([3.0, 1, 2]))
    full, part = (
        regression.logistic(y, columns, terms)
        for columns, terms in ((designs["two terms"][1], ["age", "drug"]), (age[:, None], ["age"]))
    )
    broken = regression.logistic(*designs["separated"])
    for one, other in ((full, part), (part, full), (broken, part), (full, full)):
        yield asked_of(regression.likelihood_ratio, one, other)


def hazards() -> Book:
    chance = np.random.default_rng(12)
    n = 60
    x, z = chance.normal(0, 1, n).round(2), (np.arange(n) % 3 == 0).astype(float)
    time = (np.exp(-0.5 * x) * chance.exponential(5, n)).round(1) + 0.1
    died = (chance.random(n) < 0.7).astype(float)
    sites = np.arange(n) % 6
    given = {
        "plain": Cases(died, np.column_stack([x, z]), ("x", "z"), time=time),
        "clustered": Cases(died, np.column_stack([x, z]), ("x", "z"), time=time, clusters=sites),
        "one cluster": Cases(died, x[:, None], ("x",), time=time, clusters=sites * 0),
        "no event": Cases(died * 0, x[:, None], ("x",), time=time),
        "a time below 0": Cases(died, x[:, None], ("x",), time=time - 1),
        "without times": Cases(died, x[:, None], ("x",)),
        "one moment": Cases(died, x[:, None], ("x",), time=time * 0 + 3),
        "monotone": Cases(died, np.column_stack([died]), ("dies",), time=np.where(died == 1, 1.0, 2.0) + np.arange(n) / 1000),
        "a constant": Cases(died, np.column_stack([x, x * 0 + 1]), ("x", "same"), time=time),
        "nobody": Cases(died[:0], x[:0, None], ("x",), time=time[:0]),
        "a missing time": Cases(died, x[:, None], ("x",), time=np.r_[np.nan, time[1:]]),
        "an event of 2": Cases(died + 1, x[:, None], ("x",), time=time),
        "late comers": Cases(np.r_[0.0, 0, died], np.r_[9.0, 9, x][:, None], ("x",), time=np.r_[0.01, 0.02, time]),
    }  # fmt: skip
    for name, cases in given.items():
        for function in (cox.cox, cox.proportional_hazards):
            yield f"{name}: {asked_of(function, cases)}"
    yield f"plain, 90%: {asked_of(cox.cox, given['plain'], level=0.9)}"


def asked_of(function: Callable[..., Any], *given: Any, **more: Any) -> str:
    """Return an answer without its question, whose data are long."""
    _, _, answer = asked(function, *given, **more).partition("\n")
    return f"{function.__name__}{shown(more) if more else ''}\n{answer}"


def watched() -> Book:
    sizes, rates = np.array([0, 1, 5, 20, 50, 400]), (0.0, 0.04, 0.3, 0.5, 0.97, 1.0)
    for rate in rates:
        for level in (0.95, 0.998):
            yield asked(monitoring.binomial_limits, sizes, rate, level)
            yield asked(monitoring.rate_limits, sizes, rate, level, 0.01)
        yield asked(monitoring.tails_binomial, [0, 1, 3, 5], 5, rate)
    for level in (0.95, 0.998):
        yield asked(monitoring.poisson_limits, [0, 0.5, 3, 10, 200], level)
        yield asked(monitoring.ratio_limits, [0, 0.5, 3, 10, 200], level, 0.02)
        yield asked(monitoring.observed_expected, [0, 1, 5, 5], [2.0, 0.0, 3.3, 10.0], level)
    yield asked(monitoring.tails_poisson, [0, 1, 3, 10], [0.5, 3.3, 0.0, 10.0])
    for x, n, rate in ((6, 5, 0.5), (1.5, 5, 0.5), (-1, 5, 0.5), (1, 5, 1.5), (1, 5, -0.1), (1, np.inf, 0.5), (1, 5, np.nan)):
        yield asked(monitoring.tails_binomial, x, n, rate)
    for level in (0.0, 1.0, 95):
        yield asked(monitoring.binomial_limits, 10, 0.5, level)
        yield asked(monitoring.poisson_limits, 10, level)
    yield asked(monitoring.rate_limits, 10, 0.5, 0.95, -0.1)
    x, n = [3, 9, 12, 1, 30, 7, 8, 2, 22, 15, 0], [20, 30, 25, 18, 60, 33, 21, 24, 40, 31, 0]
    yield asked(monitoring.overdispersion_of_rates, x, n, 0.35)
    yield asked(monitoring.overdispersion_of_rates, x[:9], n[:9], 0.35)
    yield asked(monitoring.overdispersion_of_rates, [8] * 10, [20] * 10, 0.4)
    yield asked(monitoring.overdispersion_of_rates, [21], [20], 0.4)
    yield asked(monitoring.overdispersion_of_ratios, x, [5.0, 8, 8, 5, 20, 10, 7, 8, 13, 10, 0])
    for z in ([], [np.nan], [1.0] * 9, [1.5] * 10, [0.1] * 12, [5.0, *[0.2] * 12]):
        yield asked(monitoring.overdispersion, z)
    yield asked(monitoring.additive_variance, [0.1, 0.2], 0.15, [0.1, 0.0])
    for values in (
        [1, 2, 3], [1, -1] * 6, [1] * 12, [1] * 9 + [-1] * 9, [0, 1, -1, 2, -2, 3, -3, 1, -1, 2, -2, 0], [np.nan, *[1, 1, -1] * 5], [],
        [1] * 7 + [-1, 1, -1, 1, -1, 1], [1] * 5 + [-1] * 5, [1] * 8 + [-1] * 3,
    ):  # fmt: skip
        yield asked(monitoring.anhoej, values, 0.0)
    yield asked(monitoring.anhoej, [1, 2], np.nan)


def confounded() -> Book:
    for kind in (*sensitivity.COMMON, "no such"):
        for ratio in (0.5, 1.0, 1.45, 3.9):
            yield asked(sensitivity.e_value, ratio, kind)
            yield asked(sensitivity.e_value, ratio, kind, True)
        for low, high in ((0.5, 0.8), (0.8, 1.2), (1.0, 2.0), (0.5, 1.0), (1.2, 4.0)):
            yield asked(sensitivity.of_limit, low, high, kind)
    for ratio in (0.0, -1.0, np.inf):
        yield asked(sensitivity.e_value, ratio, "risk_ratio")


# Statistics of a study


def stated(results: Results) -> Book:
    """Yield every Statistic of the parts whose kernels these books are about, with all that it says."""
    for statistic in results:
        if statistic.context in ("paired", "stratified", "survival", "p_value", "e_value", "model", "rate", "outcome"):
            yield f"{statistic.key}\n    {shown(statistic).removeprefix(f'key={statistic.key} ')}"


def of_compared() -> Book:
    with tempfile.TemporaryDirectory() as place:
        yield from stated(of_study(Path(place), COMPARED, compared_patients(60)))


def of_followed() -> Book:
    with tempfile.TemporaryDirectory() as place:
        yield from stated(results_of(Path(place), followed_patients(120)))


# Display


def printed() -> Book:
    base = Statistic("a.b", 0, "count", "Something")
    amounts = (0.0, 0.0004, 0.001, 0.0046, 0.0495, 0.0949, 0.095, 0.0951, 0.0995, 0.125, 0.99, 0.995, 0.9951, 1.0, 3.0, 9.994, 9.996, 12.345, 99.95, 99.96, 100.0, 999.96,
               1608.9, 9_999.5, 10_000.0, 999_999.94, 1_000_000.0, 1_000_000.5, 1_234_567.8, -0.0004, -3.25, -12_345.6)  # fmt: skip
    for journal in journals.known():
        profile = journals.read(journal).profile
        for kind in display.KINDS:
            if kind == "date":
                continue
            told = [said(dataclasses.replace(base, kind=kind, value=amount), profile) for amount in amounts if fits(kind, amount)]
            yield f"{journal}: {kind}\n    {'  '.join(told)}"
        yield f"{journal}: date\n    {said(dataclasses.replace(base, kind='date', value=738_000), profile)}"
        for decimals in (None, 0, 1, 2):
            told = [said(dataclasses.replace(base, kind=kind, value=amount, decimals=decimals), profile) for kind in ("median", "mean", "sd")
                    for amount in (0.04, 3.0, 3.25, 61.5)]  # fmt: skip
            yield f"{journal}: {decimals} decimals\n    {'  '.join(told)}"
        shares = [(0, 75), (3, 75), (75, 75), (1, 8), (1, 3), (9_999, 10_000), (999_999, 1_000_000), (1, 1_000_000), (0, 0), (7, 1600)]
        told = [
            said(dataclasses.replace(base, kind="percent", n=n, total=total, value=100 * n / total if total else 0.0), profile)
            for n, total in shares
        ]
        yield f"{journal}: shares\n    {'  '.join(told)}"
    ours = dataclasses.replace(journals.read("generic").profile, p_leading_zero=False, decimal_point="0.", date="{day}/{week}/{year}")
    yield f"own: {said(dataclasses.replace(base, kind='p', value=0.0301), ours)} {said(dataclasses.replace(base, kind='date', value=738_000), ours)}"
    for amount, decimals in itertools.product((Fraction(1, 8), Fraction(-1, 8), Fraction(0), Fraction(-1, 3), Decimal("0.125"), Decimal("-2.5")), (0, 1, 2)):
        yield asked(display.rounded, amount, decimals)
        yield asked(display.number, amount, decimals, ours).partition("Profile")[0]
    for meta in ({}, {"confidence": "90"}, {"profile": {"minus": "-"}, "confidence": "99"}, {"profile": {"thousands_from": "many"}}, {"profile": {"p_decimals": [[1, 2]]}}):
        yield asked(display.profile_of, meta)
    yield asked(display.text, dataclasses.replace(base, value=None, error="nobody was observed"), ours)
    yield asked(display.spelled, 1078)
    british = journals.read("generic").profile
    for whole in (0, 1, 11, 19, 20, 21, 90, 99, 100, 101, 119, 120, 999, 1000, 1001, 1078, 1100, 20_000, 999_999):
        yield f"{whole} in words\n    {display.in_words(whole, british)}; {display.in_words(whole, dataclasses.replace(british, language='en-US'))}"


def fits(kind: str, amount: float) -> bool:
    """Say whether a kind of figure can have an amount: no count is a fraction, no p above 1, no ratio below 0."""
    if kind == "count":
        return amount >= 0 and amount == int(amount)
    if kind == "p":
        return 0 <= amount <= 1
    return amount >= 0 or kind in (
        "difference",
        "difference_limit",
        "mean_difference",
        "mean_difference_limit",
        "change",
        "smd",
        "correlation",
        "mean",
    )


def said(statistic: Statistic, profile: display.Profile) -> str:
    return display.text(statistic, profile)


def phrased() -> Book:
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        studies = results_of(Path(one), followed_patients(120)), of_study(Path(other), COMPARED, compared_patients(60))
    for results, journal in itertools.product(studies, ("generic", "lancet", "jama")):
        stems = dict.fromkeys(s.key.rpartition(".")[0] for s in results)
        profile = journals.read(journal).profile
        for name, phrase in display.PHRASES.items():
            found = ((stem, pieces) for stem in stems if (pieces := parts_of(phrase, results, stem, profile)))
            for stem, pieces in itertools.islice(found, 4):
                text = "".join(piece if isinstance(piece, str) else display.text(piece, profile) for piece in pieces)
                yield f"{journal}: {stem} | {name}\n    {text}"


def of_study(folder: Path, study: str, data: str) -> Results:
    return Small(folder).write("study.yaml", study).write("data.csv", data).write("m.qmd", "Nothing.\n").results()


def parts_of(phrase: Callable[..., list[Any]], results: Results, stem: str, profile: display.Profile) -> list[Any]:
    """Return the parts of a phrase about a stem of keys, or nothing where one does not exist or has no value."""
    known = {part: results[key] for part in PARTS if (key := f"{stem}.{part or 'n'}") in results}
    try:
        pieces = phrase(known.__getitem__, profile)
    except (KeyError, TieoutError):
        return []
    return [] if any(not isinstance(piece, str) and piece.error for piece in pieces) else pieces


PARTS = ("", "n", "pct", "total", "low", "high", "estimate", "p", "q1", "q3", "median", "mean", "sd")


# Disclosure


def suppressed() -> Book:
    registries = [
        ([2, 20, 30], [40, 50, 70]), ([2, 20, 30, 40, 25], [40, 50, 70, 90, 60]), ([0, 5, 9], [6, 5, 9]), ([1, 1, 1], [1, 1, 1]), ([0, 0, 0, 4], [0, 3, 9, 4]),
        ([30, 40, 50], [60, 90, 110]), ([3, 4], [3, 4]), ([0, 6, 7, 8], [6, 12, 13, 14]), ([5, 0, 0, 9, 9], [10, 0, 1, 18, 18]), ([4], [10]), ([6, 6, 6, 1], [12, 12, 12, 12]),
        ([0, 0, 0, 0], [7, 8, 9, 10]), ([7, 8, 9, 1], [7, 8, 9, 10]), ([2, 2, 10, 11], [4, 4, 20, 22]), ([1, 0, 20, 21], [30, 1, 40, 41]),
    ]  # fmt: skip
    for x, n in registries:
        for below, zero, own in itertools.product((0, 1, 3, 6), ("shown", "hidden"), ("shown", "hidden")):
            rule = Suppression(below=below, zero=zero, own=own)
            for events in (np.array(x), None):
                found = hidden(events, np.array(n), rule)
                seen = "".join("#" if each else "." for each in found.sites)
                others, own_ = (
                    "".join("#."[shown_(found, site, rule)] for site in range(len(n))) for shown_ in (others_shown, own_shown)
                )
                part = f"{x} of {n}" if events is not None else f"patients {n}"
                yield f"{part}, below {below}, zero {zero}, own {own}\n    {seen} total {'hidden' if found.total else 'shown'}; others {others}; own {own_}; {type(found.total).__name__}"


# Audit


@functools.cache
def figures_in(text: str) -> tuple[Quoted, ...]:
    return figures_of(text)


def judged(name: str) -> Book:
    """Yield what one rule says of every sentence, where it says something."""
    for text in (*(text for rule in RULES.values() for text in (*rule.fails, *rule.passes)), *swept()):
        found = RULES[name].check(figures_in(text))
        lines = [f"{f.rule} {f.verdict} [{' | '.join(q.text for q in f.figures)}] {f.message}" + tail(f) for f in found]
        if lines:
            yield f"{text.strip()}\n    " + "\n    ".join(lines)


def tail(finding: Any) -> str:
    parts = {"expected": finding.expected, "explanation": finding.explanation, "candidates": ", ".join(finding.candidates)}
    return "".join(f" ¦ {name}: {words}" for name, words in parts.items() if words)


def swept() -> Iterator[str]:
    """Yield sentences whose figures run through the edges of what a rule allows."""
    for percent in ("66", "67", "66.5", "66.6", "66.7", "66.8", "66.66", "66.67", "0", "100", "102.6", ">66", "−5"):
        yield f"A favourable outcome was seen in 52 of 78 patients ({percent}%)."
        yield f"We included 78 patients. A favourable outcome was seen in 52 patients ({percent}%)."
        yield f"We included 78 patients. A favourable outcome was seen in {percent}% of patients."
    for total in (3, 5, 12, 60, 64, 75, 78, 79, 100, 1000, 12_000):
        yield f"We enrolled {total} patients, of whom 4.0% died and 33.3% were women; 3 (4.0%) had a bleeding."
    for estimate, low, high in itertools.product(
        ("0.95", "1.00", "1.84", "2.40", "3.07", "3.90"), ("0.90", "1.00", "1.10"), ("1.05", "3.07", "30.7")
    ):
        yield f"The odds were higher (OR {estimate}; 95% CI {low} to {high})."
    for p in (
        "0.0001",
        "0.001",
        "0.004",
        "0.01",
        "0.016",
        "0.02",
        "0.021",
        "0.03",
        "0.04",
        "0.05",
        "0.10",
        "0.5",
        "1.2",
        "0",
        "0.000",
    ):
        for sign in ("=", "<", ">"):
            yield f"The odds were higher (OR 1.84; 95% CI 1.10 to 3.07; p{sign}{p})."
            yield f"A favourable outcome was seen in 40/52 (76.9%) v 12/26 (46.2%) patients (p{sign}{p})."
        yield f"The mean difference was 2.1 mm Hg (95% CI 0.3 to 3.9; p={p})."
        yield f"The risk was lower (RR 0.61; 90% CI 0.42 to 0.89; p={p})."
        yield f"The difference was significant (p={p}), but age was not significant (p={p})."
    for one, other in itertools.product(("12", "40.0", "46.2", "46.3"), repeat=2):
        for word in ("higher", "lower"):
            yield f"Mortality was {word} with the drug ({one}%) than without it ({other}%)."
    for low, median, high in itertools.product(("58", "67"), ("57", "67", "76"), ("67", "75")):
        yield f"The median age was {median} years (IQR {low}–{high})."
    for mean, sd in (("67.1", "11.2"), ("67.1", "−11.2"), ("120%", "11"), ("5", "40")):
        yield f"The mean value was {mean} (SD {sd})."
    for women, men, unknown in ((40, 38, 0), (40, 30, 8), (40, 39, 0), (50, 38, 1), (20, 20, 0)):
        yield f"Of 78 patients, {women} were women, {men} were men, and in {unknown} sex was unknown."
    for left, kept in ((3, 75), (4, 75), (3, 74), (0, 78)):
        yield f"We enrolled 78 patients. {left} patients were excluded. {kept} patients were analysed."
    for auc in ("0.81", "1.2", "81", "0.70"):
        yield f"Its accuracy was good (AUC {auc}; 95% CI 0.74 to 0.88)."
    for p in ("0.1", "0.0005", "0.001", "0.049", "0.051"):
        yield f"The difference was significant (p={p})."
        yield f"The difference was not significant (p={p})."
        yield f"After Bonferroni correction the difference was not significant (p={p})."
        yield f"There was a significant interaction with age (p for interaction={p})."
        yield f"With p={p} the difference was significant, as expected."
        yield f"P<.01 was considered significant. Age (p={p}) was significant, and sex was not significantly so."
        yield f"Age (in men (n=40) and women, p={p}) was significantly associated with death; the rest (all p={p}) was not."
        yield f"The significant difference (a large one) in age [p={p}] was seen; however it was borderline significant, p={p}."
    yield "P<.10 was considered significant, and at interim a level of 0.01. Age was not significantly associated with it (p=0.03)."
    for one, other in (("12%", "46.2%"), ("46.2%", "12%"), ("46.2%", "46.2%"), ("20 of 52", "12 of 26"), ("12/52 (23.1%)", "12/26 (46.2%)")):
        yield f"Mortality was higher with the drug than without it {one} v {other}."
        yield f"Mortality was higher with the drug than without it, {one} vs {other}."
        yield f"Mortality fell from {one} to {other} in the second year."
        yield f"Mortality was lower in men, {one}, than in women, {other}, and it was not higher later."
    for row in ("58 (74.4) | 40 (76.9) | 18 (69.2) | 0.46", "52 (66.7) | 40 (76.9) | 12 (46.2) | 0.41", "52 (66.7) | 40 (76.9) | 12 (46.2) | 0.007"):
        yield f"| | All (n=78) | Maintenance (n=52) | Control (n=26) | p |\n|---|---|---|---|---|\n| Favourable outcome, n (%) | {row} |\n"
        yield f"| | Maintenance (n=52) | Control (n=26) | Neither (n=40) | p |\n|---|---|---|---|---|\n| Adjusted outcome, n (%) | {row} |\n"
        yield f"| | Maintenance (n=52) | Control (n=26) | p |\n|---|---|---|---|\n| Outcome, n (%) | {' | '.join(row.split(' | ')[1:])} |\n"
    for estimate in ("0.54", "−1.84", "0.184", "18.4", "−0.54", "0", "0.11", "30.7", "1.099"):
        yield f"The odds were higher (OR {estimate}; 95% CI 1.10 to 3.07)."
        yield f"The mean difference was {estimate} mm Hg (95% CI 1.10 to 3.07; p=0.01)."
    for p in ("0.0001", "0.001", "0.005", "0.01", "0.017", "0.02", "0.03", "0.05", "0.08", "0.15", "0.3", "0.6", "0.9"):
        yield f"The hazard was lower (HR 0.72; 95% CI 0.55 to 0.94; p={p})."
        yield f"The odds were much higher (OR 12.0; 95% CI 2.5 to 57.6; p={p})."
        yield f"The risk was lower (RR 0.61; 95% CI 0.42 to 0.89; p={p})."
        yield f"The rate was lower (IRR 0.30; 95% CI 0.10 to 0.90; p={p})."
        yield f"The risk difference was 12.3% (95% CI 2.1% to 22.5%; p={p})."
        yield f"The risk difference was 30.0% (95% CI 18.2% to 41.8%; p={p})."
        yield f"The mean difference was 4.0 points (95% CI 0.5 to 7.5; p={p})."
        yield f"The median difference was 4.0 points (95% CI 2.0 to 6.0; p={p} by a rank test)."
        yield f"Of 52 patients 30 (57.7%) and of 26 patients 8 (30.8%) had it before and after (p={p})."
        yield f"Death occurred in 30/52 (57.7%) versus 8/26 (30.8%) patients (one-sided p={p})."
    yield from (
        "Of 78 patients, 52 [66.2%] had a favourable outcome.", "Of 78 patients, 52 [66.2] had a favourable outcome.",
        "We included 78 patients; 7, or 12.9%, died.", "We included 78 patients. Grade 2 (12.9%) was rare.", "We included 78 patients. An mRS of 3 (41.1%) was seen.",
        "We included 78 patients. 7 patients (53.84%) died.", "We included 78 patients. A favourable outcome was seen in 90 patients (66.7%).",
        "We included 78 patients. 52 patients (82.5%) were women.", "We included 78 patients. 50 patients (80.6%) were women.", "We included 78 patients. 62 patients (80.5%) were women.",
        "We included 78 patients. 78 patients (100%) were treated, and 77 (100.0%) were seen.", "We enrolled 6 patients, and 43.21% of the patients were women.",
        "We enrolled 4 patients, and 43% of the patients were women.", "We enrolled 78 patients. Mortality was 4.3% and the event rate 7.1%.",
        "We enrolled 78 patients. A score of 2 or 3 was seen in 7 (12.9%) and in 3 (1.1%) of the men.", "We screened 12,345 patients. 1,234 (10.0%) died, 123 (1.05%) bled.",
        "# Abstract\n\nA favourable outcome was seen in 50/75 patients.\n\n# Results\n\nA favourable outcome was seen in 50/78 patients.",
        "# Abstract\n\nMortality was 4.0%.\n\n# Results\n\nMortality was 4.0%.\n\n# Discussion\n\nMortality was 5.0%.",
        "# Abstract\n\nThe median age was 67 years (IQR 59–75).\n\n# Results\n\nThe median age was 68 years (IQR 59–75).",
        "Of 120 patients screened, 42 were excluded and 3 were lost, leaving 80 patients for analysis.", "Of 120 patients screened, 42 were excluded, leaving 120 patients for analysis.",
        "Of 120 patients, 50 were excluded, leaving 78 patients for analysis.", "We enrolled 78 patients. Three patients were lost to follow-up, and 75 patients were analysed.",
        "We enrolled 78 patients. Three patients were lost to follow-up, and 76 patients were analysed.", "Of 78 patients, 78 were treated.", "Of 78 patients, 79 were treated.",
        "A response was seen in 90/78 patients.", "A response was seen in 12 of 10.", "There were 3/100 patient-years (3.1%).", "Weighted shares were 52/78 (69.7%).",
        "The AUC was 81 (95% CI 74 to 88).", "The AUC was 5 (95% CI 0.74 to 0.88).", "The mean saturation was 120% (SD 5%).", "The mean share was −3% (SD 5).",
        "Four of 78 patients (5.1%; 95% CI −1.0% to 10.1%) died.", "Four of 78 patients (5.1%; 95% CI 2.0% to 101%) died.", "The odds were lower (OR 0.54; 95% CI 0.33 to −0.91).",
        "The hazard ratio was −0.5 (HR −0.5; 95% CI 0.2 to 0.9).", "The groups differed (p=−0.2), (p=0.00), (p=1.0) and (p=1.01).",
        "Women more often had it (OR 1.84; 95% CI 1.10 to 3.07), and treatment increased the risk (RR 0.50; 95% CI 0.35 to 0.71).",
        "Treatment was protective (HR 0.72; 95% CI 0.55 to 0.94).", "Treatment was protective (HR 1.72; 95% CI 1.55 to 1.94).", "Women were less likely to die (OR 1.00; 95% CI 0.80 to 1.25).",
        "Two of 40 patients (5.0%; 95% CI −1.8% to 11.8%) died.",
        "38 of 40 patients (95.0%; 95% CI 88.2% to 101.8%) lived.",
        "A response of 5.0% (95% CI −1.8% to 9.8%) was seen.",
        "The odds were lower (OR 0.54; 95% CI −0.33 to −0.91).",
        "Its area was good (AUC 81%).",
        "Its area was good (AUC 15).",
        "Its area was good (AUC 10).",
        "Its area was good (AUC 101; 95% CI 74 to 100).",
        "Its area was good (AUC 1.0; 95% CI 0.0 to 1.0).",
        "The mean age was 67 (SD 0).",
        "The mean narrowing was 120 (SD 5) %.",
        "The mean share was 100% (SD 0.5%).",
        "The mean occupancy was 120% (SD 5%).",
        "100.5% of patients, and 101% of the beds, were seen.",
        "Treatment did not lower the hazard (HR 1.72; 95% CI 1.55 to 1.94).",
    )


BOOKS: dict[str, Callable[[], Book]] = {
    "proportions": proportions,
    "comparisons": compared,
    "repeated_measures": repeated,
    "strata": pooled,
    "survival": followed,
    "regression": models,
    "hazards": hazards,
    "monitoring": watched,
    "e_values": confounded,
    "a_compared_study": of_compared,
    "a_followed_study": of_followed,
    "display": printed,
    "phrases": phrased,
    "disclosure": suppressed,
    **{f"rule_{name}": functools.partial(judged, name) for name in RULES},
}


def book(name: str) -> str:
    """Return a book of answers as text."""
    return "\n".join(BOOKS[name]()) + "\n"
