"""The only place where a number becomes text; journal profiles are data for it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

from pydantic import TypeAdapter

from tieout.errors import TieoutError
from tieout.results import Statistic


@dataclass(frozen=True)
class Profile:
    """How a journal writes numbers.

    `named` stands between the name of a measure and its figure, `p_equals` between p and its value. `p_decimals` says up
    to which p how many decimals are written, the first that fits. `date` holds {day}, {month} and {year}.
    """

    language: str = "en-GB"
    decimal_point: str = "."
    thousands: str = ","
    thousands_from: int = 10_000
    interval: str = " to "
    quartiles: str = "–"
    named: str = " "
    parts: str = "; "
    percent: str = "%"
    percent_decimals: int = 1
    p_symbol: str = "p"
    p_equals: str = "="
    p_floor: str = "0.001"
    p_decimals: tuple[tuple[float, int], ...] = ((0.1, 3), (1, 2))
    p_leading_zero: bool = True
    minus: str = "−"
    not_estimable: str = "NE"
    date: str = "{day} {month} {year}"
    confidence: str = "95"


PROFILE: TypeAdapter[Profile] = TypeAdapter(Profile)
"""What checks the fields of a Profile that were read from a file."""


def profile_of(meta: Mapping[str, Any]) -> Profile:
    """Return the profile that results carry in their `meta`; what they do not say is as the defaults have it.

    Raises ValueError where a value is of another type than Profile declares.
    """
    given = dict(meta.get("profile", {}))
    return PROFILE.validate_python({**given, "confidence": str(meta.get("confidence", Profile.confidence))})


RATIOS = {
    "odds_ratio": "OR",
    "risk_ratio": "RR",
    "hazard_ratio": "HR",
    "rate_ratio": "rate ratio",
    "common_odds_ratio": "common OR",
    "observed_expected": "O/E",
}
MEASURES = {**RATIOS, "mean_difference": "mean difference"}
"""How a figure with an interval is announced in a sentence and heads a column."""


def rounded(value: Decimal | Fraction, decimals: int) -> Decimal:
    """Round half away from zero on the decimal value (0.125 to 0.13), as readers of a journal do.

    Source: the commercial rounding of IEEE 754 `roundTiesToAway`; Python's own `round` takes 0.125 to 0.12.
    """
    if isinstance(value, Fraction):
        scaled = value * 10**decimals
        whole = (2 * abs(scaled.numerator) + scaled.denominator) // (2 * scaled.denominator)
        return (Decimal(whole) if scaled >= 0 else -Decimal(whole)).scaleb(-decimals)
    return value.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)


def exact(value: float) -> Decimal:
    """Return the shortest decimal that is this float: the number a person would read."""
    return Decimal(repr(float(value)))


def number(value: Decimal | Fraction, decimals: int, profile: Profile) -> str:
    """Write a number; a value that is not zero is never written as zero."""
    shown = rounded(value, decimals)
    if not shown and value:
        limit = Decimal(1).scaleb(-decimals)
        return ("<" if value > 0 else f">{profile.minus}") + plain(limit, decimals, profile)
    return plain(shown, decimals, profile)


def plain(value: Decimal, decimals: int, profile: Profile) -> str:
    """Write a number that is rounded already, with the signs of a profile."""
    grouped = f"{abs(value):,.{decimals}f}"
    whole, _, fraction = grouped.partition(".")
    whole = whole.replace(",", profile.thousands if abs(value) >= profile.thousands_from else "")
    return (profile.minus if value < 0 else "") + whole + (profile.decimal_point + fraction if fraction else "")


def count(statistic: Statistic, profile: Profile) -> str:
    return number(exact(statistic.value), 0, profile)  # type: ignore[arg-type]


def percent(statistic: Statistic, profile: Profile) -> str:
    """Write a percentage with its sign, from n and N where it has them, so that ties are true ties.

    Neither 0% nor 100% is written unless it is exactly so.
    """
    if statistic.n is not None and statistic.total:
        value: Fraction | Decimal = Fraction(100 * statistic.n, statistic.total)
    else:
        value = exact(statistic.value)  # type: ignore[arg-type]
    decimals = profile.percent_decimals
    if value < 100 and rounded(value, decimals) == 100:
        top = Decimal(100) - Decimal(1).scaleb(-decimals)
        return ">" + plain(top, decimals, profile) + profile.percent
    decimals = 0 if value in (0, 100) else decimals
    return number(value, decimals, profile) + profile.percent


def surviving(statistic: Statistic, profile: Profile) -> str:
    """Write a percentage that is estimated and not counted."""
    return percent(dataclasses.replace(statistic, total=None), profile)


def limit(statistic: Statistic, profile: Profile) -> str:
    """Write the limit of a percentage's interval: without the sign, which stands at the percentage."""
    return percent(statistic, profile).removesuffix(profile.percent)


def ratio(statistic: Statistic, profile: Profile) -> str:
    """Write a ratio with about three significant figures: 5.72, 22.6, 1608.9; small ones keep one digit."""
    value = exact(statistic.value)  # type: ignore[arg-type]
    if value > 1_000_000:
        return ">" + plain(Decimal(1_000_000), 0, profile)
    decimals = 2 if rounded(value, 2) < 10 else 1
    if value < Decimal("0.095"):
        return number(value, 3, profile)
    return number(value, decimals, profile)


def p_value(statistic: Statistic, profile: Profile) -> str:
    """Write a p value with the decimals of its size, never 0 and never 1."""
    value = exact(statistic.value)  # type: ignore[arg-type]
    floor = Decimal(profile.p_floor)
    if value < floor:
        text = f"<{gap(profile)}" + plain(floor, -floor.as_tuple().exponent, profile)  # type: ignore[operator]
    elif value > Decimal("0.99"):
        text = f">{gap(profile)}" + plain(Decimal("0.99"), 2, profile)
    else:
        steps = ((exact(limit), decimals) for limit, decimals in profile.p_decimals)
        text = number(value, next(d for limit, d in steps if rounded(value, d) < limit), profile)
    return text if profile.p_leading_zero else text.replace(f"0{profile.decimal_point}", profile.decimal_point, 1)


def measured(statistic: Statistic, profile: Profile) -> str:
    """Write a value in the unit of its variable: whole where it is whole and the variable is."""
    value = exact(statistic.value)  # type: ignore[arg-type]
    decimals = statistic.decimals or 0
    if statistic.decimals is None or (decimals == 0 and value != value.to_integral_value()):
        decimals = 1
    return number(value, decimals, profile)


def averaged(statistic: Statistic, profile: Profile) -> str:
    """Write a mean or SD: never fewer than one decimal, since means of whole numbers are not whole."""
    return number(exact(statistic.value), max(statistic.decimals or 1, 1), profile)  # type: ignore[arg-type]


def two_decimals(statistic: Statistic, profile: Profile) -> str:
    return number(exact(statistic.value), 2, profile)  # type: ignore[arg-type]


def one_decimal(statistic: Statistic, profile: Profile) -> str:
    return number(exact(statistic.value), 1, profile)  # type: ignore[arg-type]


def rate_value(statistic: Statistic, profile: Profile) -> str:
    """Write a rate in person-time: one decimal from 10, two below, whole from 1000."""
    value = exact(statistic.value)  # type: ignore[arg-type]
    return number(value, 2 if rounded(value, 2) < 10 else 1 if rounded(value, 1) < 1000 else 0, profile)


def change(statistic: Statistic, profile: Profile) -> str:
    """Write a change with its sign: +0.4, −5.9."""
    shown = one_decimal(statistic, profile)
    return f"+{shown}" if (statistic.value or 0) > 0 and shown[0] not in "<>" else shown


def day(statistic: Statistic, profile: Profile) -> str:
    """Write a date that is kept as its proleptic ordinal day."""
    when = date.fromordinal(int(statistic.value))  # type: ignore[arg-type]
    parts = {"{day}": str(when.day), "{month}": MONTHS[when.month - 1], "{year}": str(when.year)}
    return re.sub(r"\{\w+\}", lambda part: parts.get(part[0], part[0]), profile.date)


MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip

KINDS: dict[str, Callable[[Statistic, Profile], str]] = {
    "count": count,
    "percent": percent,
    "percent_limit": limit,
    "median": measured,
    "quartile": measured,
    "mean": averaged,
    "sd": averaged,
    "odds_ratio": ratio,
    "risk_ratio": ratio,
    "hazard_ratio": ratio,
    "rate_ratio": ratio,
    "common_odds_ratio": ratio,
    "ratio_limit": ratio,
    "difference": one_decimal,
    "difference_limit": one_decimal,
    "mean_difference": averaged,
    "mean_difference_limit": averaged,
    "survival": surviving,
    "survival_time": measured,
    "person_time": one_decimal,
    "rate": rate_value,
    "rate_limit": rate_value,
    "correlation": two_decimals,
    "dispersion": two_decimals,
    "change": change,
    "p": p_value,
    "smd": two_decimals,
    "e_value": two_decimals,
    "weight": two_decimals,
    "effective_size": one_decimal,
    "test_statistic": two_decimals,
    "events_per_variable": one_decimal,
    "expected": one_decimal,
    "observed_expected": ratio,
    "date": day,
}


def text(statistic: Statistic, profile: Profile) -> str:
    """Return the text of a statistic's value, as it stands in the document.

    Raises TieoutError where the statistic has no value.
    """
    if statistic.error:
        problem = f"cannot be quoted: it is not estimable ({statistic.error})"
        raise TieoutError(statistic.key, problem, "reword the sentence, or put it under a condition")
    return KINDS[statistic.kind](statistic, profile)


ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
TENS = ("zero", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")


def spelled(value: int, joint: str = " and ") -> str:
    """Return a whole number from 0 to 999,999 in words: 1078 is "one thousand and seventy-eight"."""
    if value < 20:
        return ONES[value]
    if value < 100:
        return TENS[value // 10] + (f"-{ONES[value % 10]}" if value % 10 else "")
    size, name = (1000, "thousand") if value >= 1000 else (100, "hundred")
    rest = value % size
    before_rest = joint if rest < 100 else " "
    return f"{spelled(value // size, joint)} {name}" + (f"{before_rest}{spelled(rest, joint)}" if rest else "")


JOINTS = {"en-US": " "}
"""What stands before the tens of a number in words: British English says "and"."""


def in_words(value: int, profile: Profile) -> str:
    """Return a whole number as it opens a sentence: 77 is "Seventy-seven"."""
    words = spelled(value, JOINTS.get(profile.language, " and "))
    return words[0].upper() + words[1:]


WITH_UNIT = ("mean_difference", "survival_time", "rate")
"""The estimates that are said with their unit."""

Piece = str | Statistic
Look = Callable[[str], Statistic]


def value(look: Look, profile: Profile) -> list[Piece]:
    return [look("")]


def n_pct(look: Look, profile: Profile) -> list[Piece]:
    """50 (66.7%)"""
    return [look("n"), " (", look("pct"), ")"]


def n_of_total(look: Look, profile: Profile) -> list[Piece]:
    """50 of 75"""
    return [look("n"), " of ", look("total")]


def fraction(look: Look, profile: Profile) -> list[Piece]:
    """50/75"""
    return [look("n"), "/", look("total")]


def fraction_pct(look: Look, profile: Profile) -> list[Piece]:
    """50/75 (66.7%)"""
    return [*fraction(look, profile), " (", look("pct"), ")"]


def interval(look: Look, profile: Profile) -> list[Piece]:
    """95% CI 4.77 to 1608.9"""
    return [f"{profile.confidence}% CI{profile.named}", *limits(look, profile)]


def limits(look: Look, profile: Profile) -> list[Piece]:
    """4.77 to 1608.9"""
    low = look("low")
    return [low, between(low, profile.interval), look("high")]


def between(low: Statistic, dash: str) -> str:
    """Return what stands between two limits: no dash after which a minus may follow."""
    return " to " if (low.value or 0) < 0 else dash


def pct_ci(look: Look, profile: Profile) -> list[Piece]:
    """66.7% (95% CI 55.4 to 76.3)"""
    return [look("pct"), " (", *interval(look, profile), ")"]


def pct_limits(look: Look, profile: Profile) -> list[Piece]:
    """66.7% (55.4 to 76.3)"""
    return [look("pct"), " (", *limits(look, profile), ")"]


def rate(look: Look, profile: Profile) -> list[Piece]:
    """50/75 (66.7%; 95% CI 55.4 to 76.3)"""
    return [*fraction(look, profile), " (", look("pct"), profile.parts, *interval(look, profile), ")"]


def p(look: Look, profile: Profile) -> list[Piece]:
    """p=0.003"""
    return equals(look("p"), profile)


def equals(statistic: Statistic, profile: Profile) -> list[Piece]:
    sign = gap(profile) if text(statistic, profile)[0] in "<>" else profile.p_equals
    return [f"{profile.p_symbol}{sign}", statistic]


def gap(profile: Profile) -> str:
    """Return the space round the sign of a p value."""
    return profile.p_equals.partition("=")[0]


def ratio_interval(look: Look, profile: Profile) -> list[Piece]:
    """87.6 (4.77 to 1608.9)"""
    return [look("estimate"), " (", *limits(look, profile), ")"]


def estimate_ci(look: Look, profile: Profile) -> list[Piece]:
    """OR 87.6; 95% CI 4.77 to 1608.9, or mean difference 3.2 mm Hg; 95% CI 1.0 to 5.4"""
    estimate = look("estimate")
    name = MEASURES.get(estimate.kind, "")
    unit = f" {estimate.unit}" if estimate.unit and estimate.kind in WITH_UNIT else ""
    return [f"{name}{profile.named}" if name else "", estimate, unit, profile.parts, *interval(look, profile)]


def estimate_ci_p(look: Look, profile: Profile) -> list[Piece]:
    """OR 87.6; 95% CI 4.77 to 1608.9; p=0.003"""
    return [*estimate_ci(look, profile), profile.parts, *p(look, profile)]


def per_time(look: Look, profile: Profile) -> list[Piece]:
    """12.3 per 100 patient-years (95% CI 8.1 to 17.9)"""
    return [look("estimate"), f" {look('estimate').unit} (", *interval(look, profile), ")"]


def median_iqr(look: Look, profile: Profile) -> list[Piece]:
    """67 (59–75)"""
    low, high = look("q1"), look("q3")
    return [look("median"), " (", low, between(low, profile.quartiles), high, ")"]


def iqr(look: Look, profile: Profile) -> list[Piece]:
    """IQR 59 to 75"""
    low = look("q1")
    return [f"IQR{profile.named}", low, between(low, profile.interval), look("q3")]


def mean_sd(look: Look, profile: Profile) -> list[Piece]:
    """67.1 (11.2)"""
    return [look("mean"), " (", look("sd"), ")"]


PHRASES: dict[str, Callable[[Look, Profile], list[Piece]]] = {
    "value": value,
    "n_pct": n_pct,
    "n_of_total": n_of_total,
    "n_over_total": fraction,
    "fraction_pct": fraction_pct,
    "interval": interval,
    "pct_ci": pct_ci,
    "pct_limits": pct_limits,
    "rate": rate,
    "p": p,
    "ratio_interval": ratio_interval,
    "estimate_ci": estimate_ci,
    "estimate_ci_p": estimate_ci_p,
    "per_time": per_time,
    "median_iqr": median_iqr,
    "iqr": iqr,
    "mean_sd": mean_sd,
}
"""How the parts of a result are said together; templates use them as filters, tables as cells."""
