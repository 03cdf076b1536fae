"""Rules for values that cannot be: percentages over 100, p values over 1, limits and spreads out of range."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tieout.audit.arithmetic import overlap, spread
from tieout.audit.proportions import NOT_A_SHARE, about
from tieout.audit.quoted import Finding, Number, Quoted
from tieout.audit.sentences import PEOPLE, after, sentence_of


def impossible(figures: Sequence[Quoted]) -> Iterator[Finding]:
    """Yield what is impossible in itself, whatever the data."""
    for figure in figures:
        for check in (p_value, share_out_of_range, limits_of_share, limits_of_ratio, area, spread_of_mean):
            found = check(figure)
            if found is not None:
                yield found


def fault(figure: Quoted, verdict: str, message: str, expected: str = "", explanation: str = "") -> Finding:
    return Finding("impossible", verdict, (figure,), message, expected, explanation)  # type: ignore[arg-type]


def p_value(figure: Quoted) -> Finding | None:
    p = figure.p
    if p is None:
        return None
    if p.value > 1 or p.value < 0:
        return fault(figure, "contradicted", f"a p value of {p.text or p.value} cannot be", "0 to 1")
    if p.value == 0:
        smallest = f"p<{10.0**-max(p.decimals, 3):.{max(p.decimals, 3)}f}"
        return fault(figure, "query", "a p value is never 0", smallest, f"write {smallest}")
    return None


def of_people(figure: Quoted) -> bool:
    if figure.count is not None:
        return True
    behind = after(figure, 50)
    return re.match(r"\s*\)?\s*of\b", behind) is not None and PEOPLE.search(behind) is not None


def share_out_of_range(figure: Quoted) -> Finding | None:
    percent = figure.percent
    if figure.kind not in ("percent", "count_of_total") or percent is None or 0 <= percent.value <= 100:
        return None
    if not of_people(figure) or NOT_A_SHARE.search(about(figure, sentence_of(figure))):
        return None
    return fault(figure, "contradicted", f"{percent.text or percent.value}% of patients cannot be", "0% to 100%")


def limits_of_share(figure: Quoted) -> Finding | None:
    """Judge the limits of a proportion; Wald's interval does leave 0 to 100, about its estimate."""
    percent, low, high = figure.percent, figure.low, figure.high
    if figure.kind not in ("percent", "count_of_total") or percent is None or low is None or high is None:
        return None
    if NOT_A_SHARE.search(about(figure, sentence_of(figure))) or (low.value >= 0 and high.value <= 100):
        return None
    below = tuple(sorted(p - q for p, q in zip(spread(percent), reversed(spread(low)), strict=True)))
    above = tuple(sorted(p - q for p, q in zip(spread(high), reversed(spread(percent)), strict=True)))
    message = f"limits of {low.text or low.value} to {high.text or high.value} are none of a proportion"
    if overlap((below[0], below[1]), (above[0], above[1])) or not of_people(figure):
        explanation = "a Wald interval leaves 0 to 100%; Wilson's does not"
        return fault(figure, "query", message, "0% to 100%", explanation)
    return fault(figure, "contradicted", message, "0% to 100%")


def limits_of_ratio(figure: Quoted) -> Finding | None:
    if figure.kind != "ratio_ci":
        return None
    negative = [n for n in (figure.estimate, figure.low, figure.high) if n is not None and n.value < 0]
    if not negative:
        return None
    message = f"{negative[0].text or negative[0].value} cannot be in a ratio"
    only_high = negative == [figure.high]
    explanation = "a dash read as a minus, or a coefficient instead of its ratio?"
    return fault(figure, "query" if only_high else "contradicted", message, "above 0", "" if not only_high else explanation)


def area(figure: Quoted) -> Finding | None:
    parts: list[Number] = [n for n in (figure.estimate, figure.low, figure.high) if n is not None]
    if figure.kind != "auc_ci" or all(0 <= n.value <= 1 for n in parts):
        return None
    in_percent = all(1 < n.value <= 100 for n in parts)
    if in_percent and ("%" in figure.text or len(parts) > 1 or parts[0].value > 10):
        return None
    return fault(figure, "contradicted", "an area under the curve lies between 0 and 1", "0 to 1")


def spread_of_mean(figure: Quoted) -> Finding | None:
    """Judge a mean with its SD: the SD is never negative, and the mean of a percentage lies within 0 to 100."""
    if figure.kind != "mean_sd":
        return None
    if figure.sd is not None and figure.sd.value < 0:
        return fault(figure, "contradicted", "a standard deviation is never negative")
    in_percent = "%" in figure.text or after(figure, 2).lstrip(" )").startswith("%")
    if not in_percent or figure.estimate is None or NOT_A_SHARE.search(sentence_of(figure)):
        return None
    if 0 <= figure.estimate.value <= 100:
        return None
    return fault(figure, "query", f"a mean of {figure.estimate.text}% is out of range", "0% to 100%")
