"""The parts that a figure can have: intervals, quartiles, standard deviations, p values, counts with their totals."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from tieout.audit.labels import INTERVAL_WORDS, LIMIT_WORDS, NOUNS, QUALIFIERS, QUARTILE_WORDS, UNITS
from tieout.audit.reading import Part, Reading, number_at, skip_percent, whole
from tieout.audit.tokens import END, Token

RATIO_KINDS = ("ratio_ci", "difference_ci", "auc_ci")


def range_at(reading: Reading, i: int, *, listed: bool) -> Part | None:
    """Return two numbers with a separator: "1.10 to 3.07", "55.4%–76.3%"; with a comma or "and" only where `listed`."""
    low = number_at(reading, i)
    if low is None:
        return None
    j = skip_percent(reading, i + 1)
    unit = reading.token(j)
    if unit.kind == "word" and unit.lower in UNITS:
        j += 1
    between = reading.token(j)
    parted = between.kind == "dash" or between.lower in ("to", "through") or (listed and between.lower in (",", "and", ";"))
    high = number_at(reading, j + 1) if parted else None
    return Part("range", (low, high), skip_percent(reading, j + 2)) if high else None


def p_at(reading: Reading, i: int) -> Part | None:
    """Return a p value: "P<.001", "p 0.012", "p value of 0.04", "P for interaction = 0.12", or "=0.02" without its letter."""
    token = reading.token(i)
    j = i
    if token.kind == "word" and (
        token.text in ("p", "P") or re.fullmatch(r"[pP]_?(?:value|trend|interaction|heterogeneity)s?", token.text)
    ):
        j = i + 1
        while reading.token(j).kind == "dash" or reading.token(j).lower in ("value", "values", "_"):
            j += 1
        if reading.token(j).lower == "for":
            k = j + 1
            while reading.token(k).kind == "word" and k < j + 5:
                k += 1
            j = k
        while reading.token(j).lower in ("of", "was", "is", "were", "less", "than", "equal", "to", ":"):
            j += 1
        return p_value(reading, j, lambda n: 0 <= abs(n.value) <= 1 or n.decimals > 0 or token.text in ("p", "P"))
    if token.kind == "operator" and token.text != "±" and reading.token(i - 1).text in "(;,[" and i:
        return p_value(reading, i, lambda n: 0 <= n.value <= 1 and n.decimals >= 2)
    return None


def p_value(reading: Reading, j: int, likely) -> Part | None:
    sign = "="
    less = {"less": "<"}.get(reading.token(j - 2).lower, "")
    if reading.token(j).kind == "operator" and reading.token(j).text in "=<>≤≥":
        sign = reading.token(j).text
        j += 1
        if reading.token(j).kind == "operator" and reading.token(j).text in "=<>≤≥":
            sign, j = reading.token(j).text, j + 1
    number = number_at(reading, j)
    if number is None or reading.token(j + 1).kind == "percent" or not likely(number):
        return None
    return Part("p", (replace(number, sign=less or sign),), j + 1)


def interval_at(reading: Reading, i: int) -> Part | None:
    """Return an interval with its name: "95% CI 4.77 to 1608.9", "(95% confidence interval [CI], 1.10, 3.07)"."""
    j, confidence = i, None
    if number_at(reading, j) and reading.token(j + 1).kind == "percent":
        confidence, j = reading.tokens[j].number.value, j + 2  # type: ignore[union-attr]
        if reading.token(j).kind == "dash":
            j += 1
    words = 0
    while (
        (reading.token(j).lower in INTERVAL_WORDS or reading.token(j).kind in ("open", "close")
        or reading.token(j).text in ",:=;" or reading.token(j).lower in ("of", "was", "from", "between"))
        and j < i + 14 and j < len(reading.tokens)
    ):  # fmt: skip
        words += reading.token(j).lower in LIMIT_WORDS
        j += 1
    if not words:
        return None
    part = range_at(reading, j, listed=True)
    return replace(part, kind="interval", confidence=confidence) if part else None


def quartiles_at(reading: Reading, i: int) -> Part | None:
    """Return quartiles or a range with its name: "IQR 59–75", "interquartile range, 10 to 18", "Q1, Q3: 10, 18"."""
    j, words = i, 0
    while j < i + 14 and j < len(reading.tokens):
        token = reading.tokens[j]
        named = token.lower in QUARTILE_WORDS
        ordinal = token.number is not None and reading.token(j + 1).lower == "th"
        if not (
            named
            or ordinal
            or token.text in ",:=;-–"
            or token.kind in ("open", "close")
            or token.lower in ("of", "from", "and", "to", "th", "was")
        ):
            break
        words += named
        j += 1
    if not words:
        return None
    if part := range_at(reading, j, listed=True):
        return replace(part, kind="quartiles")
    number = number_at(reading, j)
    return Part("width", (number,), j + 1) if number else None


def sd_at(reading: Reading, i: int) -> Part | None:
    """Return a standard deviation: "SD 11.2", "standard deviation, 11.2", "± 11.2"."""
    token, j = reading.token(i), i
    if token.text == "±" or token.text.upper() in ("SD", "SDS"):
        j = i + 1
    elif token.lower == "standard" and reading.token(i + 1).lower in ("deviation", "deviations"):
        j = i + 2
    else:
        return None
    while (reading.token(j).text in "=,:[(±])" and reading.token(j) is not END) or reading.token(j).lower in (
        "of",
        "was",
        "sd",
    ):
        j += 1
    number = number_at(reading, j)
    return Part("sd", (number,), skip_percent(reading, j + 1)) if number else None


def fraction_at(reading: Reading, i: int) -> Part | None:
    """Return a count with its total: "50/75", "50 of 75", "50 out of the 75", "50 patients of 75"."""
    count = number_at(reading, i)
    if not whole(count) or reading.token(i + 1).kind == "percent":
        return None
    j = i + 1
    if reading.token(j).text == "/":
        total = number_at(reading, j + 1)
        if not whole(total) or reading.token(j + 2).text == "/" or reading.token(j + 2).lower in ("mm", "mmhg"):
            return None
        return Part("fraction", (count, total), j + 2)  # type: ignore[arg-type]
    if reading.token(j).lower in NOUNS and reading.token(j + 1).lower in ("out", "of"):
        j += 1
    if reading.token(j).lower == "out":
        j += 1
    if reading.token(j).lower != "of":
        return None
    j += 1
    while reading.token(j).lower in ("the", "a", "total", "of", "all", "these", "our", "those"):
        j += 1
    total = number_at(reading, j)
    if not whole(total) or reading.token(j + 1).kind == "percent" or reading.token(j + 1).lower in UNITS:
        return None
    return Part("fraction", (count, total), j + 1)  # type: ignore[arg-type]


def percent_at(reading: Reading, i: int) -> Part | None:
    """Return the percentage that begins at token i, unless an interval does."""
    number = number_at(reading, i)
    if number is None or reading.token(i + 1).kind != "percent" or interval_at(reading, i):
        return None
    return Part("percent", (number,), i + 2)


def n_at(reading: Reading, i: int) -> Part | None:
    """Return a count that is named n: "n=52", "n, 52"."""
    if reading.token(i).lower != "n" or reading.token(i + 1).text not in ("=", ":"):
        return None
    number = number_at(reading, i + 2)
    return Part("count", (number,), i + 3) if whole(number) else None  # type: ignore[arg-type]


def tail(reading: Reading, i: int, allowed: Sequence[str]) -> tuple[dict[str, Part], int]:
    """Return the parts that follow a head, in brackets or after commas, and the index after the last."""
    parts: dict[str, Part] = {}
    end, j = i, i
    while j < len(reading.tokens) and len(parts) < len(allowed):
        token = reading.tokens[j]
        if (
            token.kind in ("open", "close")
            or token.text in ",;:"
            or token.lower in ("with", "a", "and", "an", "its", "corresponding", "the")
            or token.lower in QUALIFIERS
            or (token.kind == "dash" and token.glued)
        ):
            j += 1
            if j - end > 6:
                break
            continue
        name, part = next(((n, p) for n in allowed if n not in parts and (p := PARTS[n](reading, j))), ("", None))
        if part is None or (j > i and part.kind in BARE and not opens(reading.token(j - 1))):
            break
        parts[name] = part
        end = j = part.end
    return parts, end


BARE = ("bare", "range", "percent", "fraction")


def opens(token: Token) -> bool:
    """Return whether a number without a name may follow a mark as a part of the figure before it."""
    return token.kind == "open" or token.text in ",;:)]"


def bare_range(reading: Reading, i: int) -> Part | None:
    """Return the two numbers in brackets after an estimate: "(1.10–3.07)", "[59, 75]"."""
    bracketed = reading.token(i - 1).kind == "open"
    if not bracketed and not (reading.token(i - 1).text in (",", ";") and reading.announced_kind in RATIO_KINDS):
        return None
    part = range_at(reading, i, listed=bracketed)
    return part if part and (reading.token(part.end).kind == "close" or reading.token(part.end).text in ";,") else None


def bare(reading: Reading, i: int) -> Part | None:
    """Return the one number in brackets: "(11.2)"."""
    number = number_at(reading, i)
    alone = reading.token(i - 1).kind == "open" and reading.token(i + 1).kind == "close"
    return Part("bare", (number,), i + 1) if number and alone else None


def bare_count(reading: Reading, i: int) -> Part | None:
    part = bare(reading, i)
    return replace(part, kind="count") if part and whole(part.numbers[0]) else None


def own_p(reading: Reading, i: int) -> Part | None:
    return None if reading.level_of_significance else p_at(reading, i)


def bracketed_percent(reading: Reading, i: int) -> Part | None:
    """Return a percentage that stands for itself in its brackets: "(66.7%)", not "(66.7% men)"."""
    part = percent_at(reading, i)
    if part is None:
        return None
    after = reading.token(part.end)
    if after.kind == "open" and fraction_at(reading, part.end + 1):
        return None
    return part if after.kind in ("close", "end") or after.text in ",;[(" or after.lower in ("of",) else None


PARTS = {
    "interval": interval_at, "quartiles": quartiles_at, "sd": sd_at, "p": own_p, "range": bare_range, "bare": bare,
    "percent": bracketed_percent, "fraction": fraction_at, "n": n_at, "count": bare_count,
}  # fmt: skip


def limits(parts: dict[str, Part], *names: str) -> dict:
    """Return the fields of a Quoted for the first of the named parts that has two limits."""
    for name in names:
        if (part := parts.get(name)) and len(part.numbers) == 2:
            return {"low": part.numbers[0], "high": part.numbers[1], "confidence": part.confidence}
    return {}


def skip_words(reading: Reading, i: int, most: int = 4) -> int:
    """Return the index after a few words, where a bracket or a comma follows them; else `i`."""
    j = i
    while j < i + most and (
        reading.token(j).kind == "word" or (reading.token(j).kind == "dash" and reading.token(j).glued)
    ):
        j += 1
    return j if reading.token(j).kind == "open" else i


def skip_unit(reading: Reading, i: int) -> int:
    """Return the place after a unit of measurement at token i, where one stands there and what follows belongs to the number."""
    j = i
    while j < i + 3 and (reading.token(j).lower in UNITS or reading.token(j).text == "/"):
        j += 1
    return j if reading.token(j).kind == "open" or reading.token(j).text in ",;±" or j == i else i
