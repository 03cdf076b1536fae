"""Numbers that are no figures: confidence levels, references, grades, years, thresholds, rates."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tieout.audit.labels import LIMIT_WORDS, NAMED, NOUNS, THRESHOLD, UNITS
from tieout.audit.parts import interval_at, percent_at, tail
from tieout.audit.reading import Reading, conventional, number_at, skip_percent, unit_of, whole
from tieout.audit.tokens import Token
from tieout.display import MONTHS

BOUNDS = frozenset("below above exceeding under beyond".split())
COMPARATIVES = frozenset("more less fewer greater older younger longer higher lower".split())
LEVELS = re.compile("80|90|95|97[.·]5|99(?:[.·]9)?")


def states_a_level(found: Sequence[Token]) -> bool:
    """Return whether a sentence says what p was to count as significant, and not what p was."""
    words = {t.lower for t in found if t.kind == "word"}
    return bool(words & THRESHOLD) and bool(words & {"considered", "defined", "set", "regarded", "deemed", "threshold",
        "level", "levels", "taken", "denoted", "entered", "included", "retained", "indicated", "alpha", "criterion"})  # fmt: skip


def confidence_level(reading: Reading, i: int) -> int:
    """A confidence level is a convention; the limits after it are read where the estimate stands before it."""
    if reading.token(i + 1).kind != "percent":
        return 0
    near = range(i + 2, i + 6 if LEVELS.fullmatch(reading.tokens[i].text) else i + 3)
    following = {reading.token(k).lower for k in near if reading.token(k).kind in ("word", "dash")}
    if not following & (LIMIT_WORDS | {"power", "prediction", "level", "significance"}):
        return 0
    part = interval_at(reading, i)
    if part and not reading.announced:
        return conventional(reading, i, part.end, "interval of no named measure")
    return conventional(reading, i, i + 2, "confidence level")


def reference(reading: Reading, i: int) -> int:
    """Reference numbers: "[3,4]" after words, "^12", and numbers glued to letters: "COVID-19", "2b", "1st"."""
    before, after = reading.token(i - 1), reading.token(i + 1)
    if after.kind == "open" and reading.token(i + 2).lower in ("reference", "ref", "referent"):
        return conventional(reading, i, i + 3, "reference category")
    if before.text == "^":
        return conventional(reading, i, i + 1, "superscript")
    if before.kind == "dash" and before.glued and reading.tokens[i].glued and reading.token(i - 2).kind == "word":
        return conventional(reading, i, i + 1, "name")
    if after.kind == "word" and after.glued and after.lower not in UNITS:
        return conventional(reading, i, i + 1, "grade or ordinal")
    if before.kind == "open" and before.text == "[":
        j = i
        while reading.token(j).text in (",", "–", "-") or whole(number_at(reading, j)):
            j += 1
        if (
            reading.token(j).text == "]"
            and reading.token(i - 2).kind in ("word", "mark")
            and not (j > i + 1 and reading.announced)
        ):
            return conventional(reading, i, j, "reference")
    return 0


def named_number(reading: Reading, i: int) -> int:
    """Numbers that a word before them names: Table 2, version 4, grade 3, mRS 0–2, 12 March, in 2021."""
    token, before = reading.tokens[i], reading.token(i - 1)
    number = token.number
    assert number is not None
    j = i - 1
    while (reading.token(j).kind == "operator" and reading.token(j).text in "≥≤<>=") or reading.token(j).lower in (
        "of",
        "score",
        "scores",
        "no",
        ".",
    ):
        j -= 1
    name = reading.token(j)
    known = NAMED.get(name.text) or NAMED.get(name.lower)
    if (
        known
        and not (known == "protocol" and not unit_of(reading, i) and before.lower in ("within", "after", "every"))
        and not (
            known in ("scale", "age limit")
            and (reading.announced or reading.token(i + 1).kind == "open" or reading.token(i + 1).lower in NOUNS)
        )
    ):
        end = i + 1
        while reading.token(end).kind == "dash" or reading.token(end).lower in (",", "and", "to", "or", "/"):
            if not (number_at(reading, end + 1) and reading.token(end + 2).kind not in ("percent", "open")):
                break
            end += 2
        return conventional(reading, i, end, known)
    if is_year(reading, i):
        return conventional(reading, i, i + 1, "year")
    percent = reading.token(i + 1).kind == "percent"
    after_percent = [reading.token(k).lower for k in (i + 2, i + 3)]
    if before.lower in BOUNDS or (percent and after_percent[0] == "or" and after_percent[1] in COMPARATIVES):
        return conventional(reading, i, skip_percent(reading, i + 1), "threshold")
    if token.spelled and number.value == 1 and before.lower == "least":
        return conventional(reading, i, i + 1, "threshold")
    if before.kind == "operator" and before.text in "≥≤<>" and reading.announced_kind != "p_value":
        return conventional(reading, i, skip_percent(reading, i + 1), "threshold")
    if before.lower == "than" and reading.token(i - 2).lower in COMPARATIVES:
        after = reading.token(skip_percent(reading, i + 1)).lower
        if after in UNITS or after in NOUNS or reading.token(i + 1).kind == "percent":
            return conventional(reading, i, skip_percent(reading, i + 1), "threshold")
    if reading.token(i + 1).kind == "percent" and reading.token(i + 2).lower in (
        "stenosis",
        "power",
        "level",
        "significance",
    ):
        return conventional(reading, i, i + 2, "threshold")
    if whole(number) and (before.text in MONTHS or reading.token(i + 1).text in MONTHS):
        return conventional(reading, i, i + 1, "date")
    return 0


def is_year(reading: Reading, i: int) -> bool:
    after = reading.token(i + 1)
    if not re.fullmatch(r"(?:18|19|20)\d\d", reading.tokens[i].text):
        return False
    if after.lower in NOUNS or after.kind == "percent" or after.text == "/":
        return False
    return not (after.kind == "open" and percent_at(reading, i + 2))


def rate(reading: Reading, i: int) -> int:
    """A rate per person-years has no kind of its own: "5.2 per 100 person-years (95% CI 4.1–6.5)"."""
    if (
        reading.token(i + 1).lower != "per"
        or reading.token(i + 1).kind == "percent"
        or not (number_at(reading, i + 2) or reading.token(i + 2).lower in ("person", "patient"))
    ):
        return 0
    end = i + 2
    while end < i + 8 and (
        reading.token(end).kind in ("number", "dash")
        or reading.token(end).lower in ("person", "patient", "years", "year", "months", "days")
    ):
        end += 1
    return conventional(reading, i, tail(reading, end, ("interval",))[1], "rate")
