"""Rules for estimates with intervals: inside its limits, symmetric on its scale, in step with its p value."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from tieout.audit.arithmetic import (
    Interval,
    arm_deviates,
    asymmetry,
    deviate,
    interval,
    middle,
    overlap,
    p_spread,
    spread,
    wald,
    wald_p,
)
from tieout.audit.quoted import Finding, Number, Quoted, Verdict
from tieout.audit.sentences import p_shown, p_text, sentence_of, table_rows

WITH_INTERVAL = ("ratio_ci", "difference_ci", "auc_ci", "percent", "count_of_total")
NEARLY = 0.04
"""How far, in deviates, a p value may lie from the interval's and still agree with it."""
SPARSE = 100.0
"""Fold from the lower to the upper limit of a ratio from which the data behind it are sparse."""
GROSS = {"RR": 4.0}
"""How many times one arm of a ratio's interval may exceed the other; score intervals of rates near 1 are the most uneven."""
OTHER_TEST = re.compile(
    r"\b(?:interaction|trend|heterogeneity|non-?inferiority|overall|global|omnibus|across|permutation)\b", re.I
)
OTHER_LEVEL = re.compile(
    r"\b(?:bonferroni|holm|corrected|multiplicity|simultaneous|one-sided|one-tailed|bootstrap\w*|bayes\w*|credible|permutation"
    r"|log-?rank|median|wilcoxon|mann|rank|hodges|fisher|mcnemar|false discovery|fdr|q value)\b",
    re.I,
)
NOT_NORMAL = re.compile(r"\b(?:median|hodges|quantile|bootstrap\w*|bayes\w*|credible|exact|newcombe|profile|percentile)\b", re.I)


def estimate_of(figure: Quoted) -> Number | None:
    return figure.estimate or figure.percent


def measured(figure: Quoted) -> str:
    """Return the measure of an estimate in capitals, without "a" for adjusted."""
    return figure.measure.upper().removeprefix("A") if figure.measure.upper() != "AUC" else "AUC"


def limits(figures: Sequence[Quoted]) -> Iterator[Finding]:
    """Judge whether each estimate lies inside its interval and the limits stand in order."""
    for figure in figures:
        estimate, low, high = estimate_of(figure), figure.low, figure.high
        if figure.kind in WITH_INTERVAL and estimate and low and high:
            yield inside(figure, estimate, low, high, "interval")


def inside(figure: Quoted, estimate: Number, low: Number, high: Number, rule: str) -> Finding:
    shown = f"{low.text or low.value:} to {high.text or high.value:}"
    if above(low, high):
        between = high.value <= estimate.value <= low.value
        message = f"the limits {shown} stand in the wrong order"
        harmless = between and figure.kind == "difference_ci"
        return Finding(rule, "query" if harmless else "contradicted", (figure,), message, f"{high.text} to {low.text}")
    if above(low, estimate) or above(estimate, high):
        message = f"{estimate.text or estimate.value} lies outside {shown}"
        explanation = how_outside(figure, estimate.value, low.value, high.value)
        return Finding(rule, "contradicted", (figure,), message, explanation=explanation)
    return Finding(rule, "consistent", (figure,), f"lies inside {shown}")


def above(one: Number, other: Number) -> bool:
    """Return whether one printed number is above another, whatever the rounding; equal decimals round in step."""
    if one.decimals == other.decimals and not (one.sign or other.sign):
        return one.value > other.value
    return spread(one)[0] > spread(other)[1]


def how_outside(figure: Quoted, estimate: float, low: float, high: float) -> str:
    """Return what would put the estimate inside: the other reference group, a lost sign, a slipped decimal point."""
    ways = {
        "its reciprocal lies inside: was the reference group swapped?": 1 / estimate if estimate else math.nan,
        "it lies inside with the other sign": -estimate,
        "ten times it lies inside: a slipped decimal point?": 10 * estimate,
        "a tenth of it lies inside: a slipped decimal point?": estimate / 10,
    }
    if figure.kind != "ratio_ci":
        del ways["its reciprocal lies inside: was the reference group swapped?"]
    return next((words for words, value in ways.items() if low <= value <= high), "")


def quartiles(figures: Sequence[Quoted]) -> Iterator[Finding]:
    """Judge whether each median lies between its quartiles, or inside its range."""
    for figure in figures:
        if figure.kind == "median_iqr" and figure.estimate and figure.low and figure.high:
            yield inside(figure, figure.estimate, figure.low, figure.high, "quartiles")


def on_its_scale(figure: Quoted) -> Interval | None:
    if figure.kind not in ("ratio_ci", "difference_ci") or not (figure.estimate and figure.low and figure.high):
        return None
    log = figure.kind == "ratio_ci"
    return interval(figure.estimate, figure.low, figure.high, log, confidence(figure))


def confidence(figure: Quoted) -> float:
    given = figure.confidence or 0.95
    given = given / 100 if given > 1 else given
    return given if 0.5 <= given < 1 else 0.95


def symmetry(figures: Sequence[Quoted]) -> Iterator[Finding]:
    """Judge whether each estimate is the centre of its interval: of a ratio the geometric one.

    Profile-likelihood and exact intervals are longer on one side, the more so the wider they are; those of 2×2 tables
    with 4 to 1,000 patients reached 1.1 times at 4-fold, 1.6 at 50-fold and 2.1 at 500-fold.
    """
    for figure in figures:
        given = on_its_scale(figure)
        if given is not None and given.low[0] <= given.estimate[1] and given.estimate[0] <= given.high[1]:
            yield symmetric(figure, given, asymmetry(given))


def symmetric(figure: Quoted, given: Interval, ratio: float) -> Finding:
    is_ratio = figure.kind == "ratio_ci"
    centre = "geometric centre" if is_ratio else "centre"
    note = sparse(given) if is_ratio else ""
    usual = 1.1 + 0.25 * given.width if is_ratio else 1.5
    if ratio <= 1:
        return Finding("symmetry", "consistent", (figure,), f"the estimate is the {centre} of its interval{note}")
    longer = f"{ratio:.1f} times" if math.isfinite(ratio) else "many times"
    if ratio <= usual or NOT_NORMAL.search(sentence_of(figure)):
        message = f"the estimate is near the {centre} of its interval, as of a profile-likelihood or exact one{note}"
        return Finding("symmetry", "consistent", (figure,), message)
    middle_of = (middle(given.low) + middle(given.high)) / 2
    expected = f"{math.exp(middle_of):.3g}" if is_ratio else f"{middle_of:.3g}"
    message = f"one arm of the interval is {longer} the other; its {centre} is {expected}{note}"
    if is_ratio and linear(figure):
        explanation = "the limits are symmetric about the ratio itself, not about its logarithm"
        return Finding("symmetry", "query", (figure,), message, expected, explanation)
    if is_ratio and ratio > GROSS.get(measured(figure), 2.5) and given.width < 5:
        return Finding("symmetry", "contradicted", (figure,), message, expected, "is a digit of a limit wrong?")
    explanation = "a bootstrap or exact interval, or a wrong digit in a limit?"
    return Finding("symmetry", "query", (figure,), message, expected, explanation)


def linear(figure: Quoted) -> bool:
    if not (figure.estimate and figure.low and figure.high):
        return False
    plain = interval(figure.estimate, figure.low, figure.high, log=False)
    return plain is not None and asymmetry(plain) <= 1


def sparse(given: Interval) -> str:
    fold = math.exp(given.width)
    return f"; the interval spans {fold:,.0f}-fold: sparse data" if fold >= SPARSE else ""


def p_interval(figures: Sequence[Quoted]) -> Iterator[Finding]:
    """Judge the p value of each ratio and difference by its interval."""
    for figure, p, others in with_p(figures):
        given = on_its_scale(figure)
        if given is not None and not OTHER_TEST.search(others):
            yield in_step(figure, given, p)


def with_p(figures: Sequence[Quoted]) -> Iterator[tuple[Quoted, Quoted, str]]:
    """Yield each estimate with the figure that bears its p: itself, or the cell right of it; and the words about that p."""
    for figure in figures:
        if figure.p is not None and figure.kind in ("ratio_ci", "difference_ci"):
            yield figure, figure, figure.text
    rows = table_rows(figures)
    for (table, number), row in rows.items():
        following = rows.get((table, number + 1), [])
        if any(cell.kind == "ratio_ci" for cell in following) and not any(cell.p for cell in following):
            continue  # one p may stand for several rows
        for one, other in pairwise(row):
            beside = (other.passage.column or 0) - (one.passage.column or 0) == 1
            if one.kind in ("ratio_ci", "difference_ci") and one.p is None and other.kind == "p_value" and beside:
                yield one, other, " ".join((*other.passage.column_headers, other.passage.text))


Allowance = Callable[[float, float], float]
"""How far a deviate may lie from Wald's, by the standard error and Wald's deviate."""


def fewer_odds(error: float, z: float) -> float:
    return 0.2 + 0.6 * error + 0.3 * max(z - 2.5, 0)


def more_odds(error: float, z: float) -> float:
    return 0.15 + 0.7 * error + 1.3 * error * max(z - 1.5, 0) ** 2


def fewer_risk(error: float, z: float) -> float:
    return 0.7 + 0.6 * max(z - 2.5, 0)


def more_risk(error: float, z: float) -> float:
    return 0.6 + 3 * error * max(z - 1.2, 0) ** 2


def fewer_difference(error: float, z: float) -> float:
    return 0.7 + 0.5 * z + 0.3 * max(z - 3, 0) ** 2


def more_difference(error: float, z: float) -> float:
    return 0.6 + 0.45 * z


def fewer_mean(error: float, z: float) -> float:
    return 0.25 + 0.3 * max(z - 2, 0)


def more_mean(error: float, z: float) -> float:
    return 0.5 + 0.2 * z


ALLOWED: dict[str, tuple[Allowance, Allowance]] = {
    "OR": (fewer_odds, more_odds),
    "HR": (fewer_odds, more_odds),
    "RR": (fewer_risk, more_risk),
    "IRR": (fewer_risk, more_risk),
    "RD": (fewer_difference, more_difference),
    "MD": (fewer_mean, more_mean),
}
"""How much smaller and larger than Wald's the deviates of χ², Yates', Fisher's, mid-p and likelihood-ratio tests were, at
most, over random 2×2 tables of 8 to 1,000 patients (Woolf, Katz, Wald and Newcombe intervals); t tests for MD."""


def in_step(figure: Quoted, given: Interval, bearer: Quoted) -> Finding:
    """Return whether a p value agrees with an interval: by Wald's test, by another usual test, or by none."""
    figures = (figure,) if bearer is figure else (figure, bearer)
    p = bearer.p
    assert p is not None
    quoted, recomputed = p_spread(p), p_text(wald_p(given))
    if overlap(wald(given), quoted):
        return Finding("p_interval", "consistent", figures, f"p agrees with the interval (Wald p {recomputed})")
    low, high = sorted(deviate(end) for end in wald(given))
    by_arm = arm_deviates(given)
    low, high = min(low, by_arm[0]), max(high, by_arm[1])
    fewest, most = deviate(quoted[1]), deviate(quoted[0])
    gap = max(low - most, fewest - high)
    if gap <= NEARLY:
        message = f"p agrees with the interval, nearly (Wald p {recomputed})"
        return Finding("p_interval", "consistent", figures, message)
    less, more = ALLOWED.get(measured(figure), ALLOWED["RR"])
    allowed = less(given.error, low) if most < low else more(given.error, high)
    explanation = other_ways(figure, given, quoted) or beside_wald(figure, gap, allowed)
    message = f"{p_shown(p)} is not what the interval gives (Wald p {recomputed})"
    verdict: Verdict = "query" if explanation else "contradicted"
    return Finding("p_interval", verdict, figures, message, f"p={recomputed}", explanation)


def beside_wald(figure: Quoted, gap: float, allowed: float) -> str:
    """Return how a p value this far from Wald's could come about, or nothing."""
    level = OTHER_LEVEL.search(sentence_of(figure))
    if gap <= allowed:
        return "a likelihood-ratio, score or exact test may give it beside a Wald interval"
    if level:
        return f"'{level[0]}' may explain it"
    return "another test than that behind the interval?" if gap <= 1.25 * allowed else ""


def other_ways(figure: Quoted, given: Interval, quoted: tuple[float, float]) -> str:
    """Return which other level of the interval, or a one-sided test, would give the p value."""
    if overlap((wald(given)[0] / 2, wald(given)[1] / 2), quoted):
        return "it would be a one-sided p"
    for level in (0.90, 0.99, 0.95):
        if figure.estimate and figure.low and figure.high and level != confidence(figure):
            other = interval(figure.estimate, figure.low, figure.high, figure.kind == "ratio_ci", level)
            if other is not None and overlap(wald(other), quoted):
                return f"it would agree with a {level:.0%} interval"
    return ""

