"""Find the figures of a manuscript: numbers that belong together become one typed record; others are conventional."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from tieout.audit.conventions import confidence_level, named_number, rate, reference, states_a_level
from tieout.audit.labels import COUNTED_AFTER, COUNTED_BEFORE, NEVER_COUNTED, NOUNS, UNITS, Label
from tieout.audit.parts import (
    RATIO_KINDS,
    bare,
    fraction_at,
    interval_at,
    limits,
    p_at,
    percent_at,
    range_at,
    skip_unit,
    skip_words,
    tail,
)  # fmt: skip
from tieout.audit.quoted import Manuscript, Number, Passage, Quoted
from tieout.audit.reading import (
    FILLERS,
    Part,
    Reading,
    add,
    adjacent,
    conventional,
    label_at,
    number_at,
    skip_percent,
    unit_of,
    whole,
)  # fmt: skip
from tieout.audit.tokens import Token, sentence_ends, tokens

TOTAL = re.compile(r"\bn\s*=\s*([\d,\u2009\u202f\u00a0 ]*\d)", re.I)
WHEN = frozenset("at within after by until to from per over during for every".split())


def extract(manuscript: Manuscript) -> tuple[Quoted, ...]:
    """Return the figures of a manuscript in reading order, the conventional numbers among them.

    Time is linear in the length of the text: tokens are read once, from left to right, with a bounded look ahead.
    """
    return tuple(figure for passage in manuscript.passages for figure in figures_of(passage))


def figures_of(passage: Passage) -> Iterator[Quoted]:
    reading = Reading(passage, tokens(passage.text))
    if passage.kind == "cell" and is_body(reading.tokens):
        reading.announced, reading.total = header_label(passage), header_total(passage)
    reading.counts_in_brackets = bool(re.search(r"\((?:%|per ?cent)\)", passage.text + header_text(passage)))
    for start, end in sentences(reading.tokens):
        reading.level_of_significance = states_a_level(reading.tokens[start:end])
        if start:
            reading.announced = reading.before = None
        first = len(reading.found)
        read_sentence(reading, start, end)
        words = passage.text[reading.tokens[start].start : reading.tokens[end - 1].end]
        for figure in reading.found[first:]:
            yield replace(figure, words=words, group=group_of(passage))


def is_body(found: Sequence[Token]) -> bool:
    """Return whether a cell holds a value and not words: it begins with a number, an operator or a bracket."""
    return bool(found) and found[0].kind in ("number", "operator", "open") and not found[0].spelled


def sentences(found: list[Token]) -> Iterator[tuple[int, int]]:
    start = 0
    for i in range(len(found)):
        if sentence_ends(found, i):
            yield start, i + 1
            start = i + 1
    if start < len(found):
        yield start, len(found)


def header_text(passage: Passage) -> str:
    return " ".join(("", passage.row_header, *passage.column_headers)) if passage.kind == "cell" else ""


def header_label(passage: Passage) -> Label | None:
    """Return what the nearest header says that a cell is: "OR (95% CI)", "median (IQR)", "p"."""
    columns = list(reversed(passage.column_headers))
    for text in [*columns[:1], passage.row_header, *columns[1:]]:
        if re.fullmatch(r"(?:two-sided )?p(?:[- ]?values?)?(?: for \w+)?[*†‡§^a-d]*", text.strip(), re.I):
            return Label("p_value", "")
        found = tokens(text)
        for i in range(len(found)):
            if label := label_at(found, i):
                return label[0]
        if re.search(r"\(%\)|\bn/N\b|^(?:n|no\.?|number|events)(?:$|,| of\b)", text.strip(), re.I):
            return None
        if re.search(r"%|per ?cent", text) and not re.search(r"\d\s?%", text):
            return Label("percent", "")
    return None


def header_total(passage: Passage) -> Number | None:
    for text in reversed(passage.column_headers):
        if found := TOTAL.search(text):
            digits = re.sub(r"\D", "", found[1])
            return Number(float(digits), text=found[0])
    return None


def group_of(passage: Passage) -> str:
    return " ".join(passage.column_headers) if passage.kind == "cell" else ""


def read_sentence(reading: Reading, start: int, end: int) -> None:
    """Read a sentence from left to right; each number goes to one figure."""
    i = start
    while i < end:
        token = reading.tokens[i]
        if label := label_at(reading.tokens, i):
            reading.announced, i = label
            reading.at = i
        elif part := p_at(reading, i):
            i = add_p(reading, i, part)
        elif token.kind == "number":
            i = read_number(reading, i)
        elif token.kind == "name":
            conventional(reading, i, i + 1, "identifier or date")
            i += 1
        else:
            i += 1


def read_number(reading: Reading, i: int) -> int:
    """Read the figure that begins with the number at `i` and return the index after it."""
    for reader in READERS:
        if end := reader(reading, i):
            return end
    return conventional(reading, i, i + 1, unit_of(reading, i) or "unrecognised")


def add_p(reading: Reading, i: int, part: Part) -> int:
    """Add a p value of its own, and those that follow it in a list."""
    if reading.level_of_significance:
        return conventional(reading, i, part.end, "level of significance")
    start, end, sign = i, part.end, part.numbers[0].sign
    add(reading, "p_value", start, end, p=part.numbers[0])
    while reading.token(end).lower in (",", "and", "vs", "v") and (following := number_at(reading, end + 1)):
        if following.decimals < 2 or following.value > 1 or reading.token(end + 2).kind == "percent":
            break
        add(reading, "p_value", end + 1, end + 2, p=replace(following, sign=sign))
        end += 2
    return end


def counted_total(reading: Reading, i: int) -> int:
    """count_of_total: "50/75 (66.7%; 95% CI 55.4 to 76.3)", "50 of 75 patients (66.7%)"."""
    head = fraction_at(reading, i)
    if head is None or (reading.token(i).spelled and head.numbers[0].value < 2 and head.numbers[1].text.isalpha()):
        return 0
    parts, end = tail(reading, skip_words(reading, head.end), ("percent", "interval", "range"))
    if "percent" not in parts:
        extra = percent_beside(reading, head.end)
        parts, end = ({"percent": extra}, extra.end) if extra else ({}, head.end)
    percent = parts["percent"].numbers[0] if "percent" in parts else None
    reading.before = None
    return add(
        reading,
        "count_of_total",
        i,
        end,
        count=head.numbers[0],
        total=head.numbers[1],
        percent=percent,
        **limits(parts, "interval", "range"),
    )


def percent_beside(reading: Reading, i: int) -> Part | None:
    """Return the percentage after a fraction that no sign or bracket makes one: "50/75 (66.7)" in a table, "50/75, 66.7%"."""
    if reading.token(i).text in (",", ";"):
        return percent_at(reading, i + 1)
    inside = bare(reading, i + 1) if reading.counts_in_brackets else None
    return inside if inside and inside.numbers[0].value <= 100 else None


def percent_first(reading: Reading, i: int) -> int:
    """percent or count_of_total: "66.7%", "66.7% (50)", "66.7% (50/75)", "66.7% (95% CI 55.4% to 76.3%)"."""
    head = percent_at(reading, i)
    if head is None or is_estimate(reading, i, head.end) or reading.token(head.end).lower in ("points", "point"):
        return 0
    parts, end = tail(reading, head.end, ("fraction", "n", "count", "interval", "range"))
    more = {"percent": head.numbers[0], **limits(parts, "interval", "range")}
    if "fraction" in parts:
        count, total = parts["fraction"].numbers
        return add(reading, "count_of_total", i, end, count=count, total=total, **more)
    counts = parts.get("n") or parts.get("count")
    return add(reading, "percent", i, end, count=counts.numbers[0] if counts else None, **more)


def count_first(reading: Reading, i: int) -> int:
    """percent or count_of_total: "50 (66.7%)", "(50, 66.7%)", "50 (66.7%) of 75", "50 (66.7)" under "n (%)"."""
    number = number_at(reading, i)
    if number is None or not whole(number) or percent_at(reading, i):
        return 0
    if beside := share_in_brackets(reading, i):
        return add_share(reading, i, beside.end, number, beside.numbers[0])
    bracket = skip_words(reading, i + 1)
    parts, end = tail(reading, bracket, ("percent", "interval", "range"))
    if "percent" in parts and reading.token(bracket).kind == "open":
        percent, more = parts["percent"].numbers[0], limits(parts, "interval", "range")
        if place := total_after(reading, end):
            total = number_at(reading, place)
            return add(reading, "count_of_total", i, place + 1, count=number, total=total, percent=percent, **more)
        return add_share(reading, i, end, number, percent, **more)
    inside = bare(reading, i + 2) if reading.token(i + 1).kind == "open" else None
    shares = reading.counts_in_brackets or reading.passage.kind == "cell"
    if inside and inside.numbers[0].value <= 100 and shares and not reading.announced:
        return add_share(reading, i, inside.end, number, inside.numbers[0])
    return 0


def share_in_brackets(reading: Reading, i: int) -> Part | None:
    """Return the percentage of "(112, 74.7%)", which a count opens."""
    if reading.token(i - 1).kind != "open" or reading.token(i + 1).text not in (",", ";"):
        return None
    part = percent_at(reading, i + 2)
    alone = part is not None and reading.token(part.end).kind == "close"
    return part if part and alone and (part.numbers[0].decimals or reading.tokens[i].number.value > 100) else None  # type: ignore[union-attr]


def total_after(reading: Reading, i: int) -> int:
    """Return the index of the total in "201 (16.2%) of 1241 participants", or 0."""
    j = i + 1 if reading.token(i).kind == "close" else i
    if reading.token(j).lower != "of":
        return 0
    j += 1 + (reading.token(j + 1).lower in ("the", "all"))
    return (
        j if whole(number_at(reading, j)) and reading.token(j + 1).kind != "percent" and not unit_of(reading, j) else 0
    )


def add_share(reading: Reading, i: int, end: int, count: Number, percent: Number, **more) -> int:
    if reading.total and reading.passage.kind == "cell":
        return add(
            reading, "count_of_total", i, end, count=count, total=reading.total, percent=percent, inherited=True, **more
        )
    return add(reading, "percent", i, end, count=count, percent=percent, **more)


def pair_of_shares(reading: Reading, i: int) -> int:
    """One sign for several percentages: "66.7 v 50.0%", "5.1 and 4.0% of patients"."""
    j = i
    numbers: list[int] = []
    while number_at(reading, j) and len(numbers) < 8:
        numbers.append(j)
        if reading.token(j + 1).kind == "percent":
            break
        k = j + 1
        while (
            reading.token(k).lower in (",", "and", "vs", "versus", "v", "to", "or", "compared", "with", ".")
            or reading.token(k).kind == "dash"
        ):
            k += 1
        if k == j + 1:
            return 0
        j = k
    if len(numbers) < 2 or reading.token(numbers[-1] + 1).kind != "percent" or interval_at(reading, numbers[-1]):
        return 0
    for j in numbers[:-1]:
        add(reading, "percent", j, j + 1, percent=number_at(reading, j))
    return numbers[-1]


def is_estimate(reading: Reading, i: int, end: int) -> bool:
    """Return whether a percentage is the estimate of what was announced: a difference, or a median with its quartiles."""
    parts = tail(reading, end, ("quartiles", "range", "interval"))[0]
    if reading.announced_kind in RATIO_KINDS:
        return adjacent(reading, i) or bool({"range", "interval"} & set(parts))
    return "quartiles" in parts or "sd" in tail(reading, end, ("sd",))[0]


def estimate(reading: Reading, i: int) -> int:
    """A ratio, difference, area, median or mean that was announced, with the parts that follow it."""
    label = reading.announced
    number = number_at(reading, i)
    assert number is not None
    repeated = label is None and reading.before is not None and reading.token(i + 1).kind == "open"
    if repeated:
        label = reading.before
    if label is None:
        return 0
    if label.kind == "p_value":
        sign = reading.token(i - 1).text if reading.token(i - 1).kind == "operator" else "="
        return add(reading, "p_value", max(i - 1, 0) if sign != "=" else i, i + 1, p=replace(number, sign=sign))
    if label.kind == "percent":
        return add(reading, "percent", i, i + 1, percent=number)
    if label.kind == "conventional":
        reading.announced = None
        return conventional(reading, i, i + 1, label.measure) if adjacent(reading, i) else 0
    near = adjacent(reading, i)
    if not near and (is_counted(reading, i) or (unit_of(reading, i) and reading.token(i - 1).lower in WHEN)):
        return 0
    after = skip_percent(reading, i + 1)
    if reading.token(after).lower in ("percentage", "points", "point"):
        after += 1 + (reading.token(after).lower == "percentage")
    after = skip_unit(reading, after)
    parts, end = tail(reading, after, ALLOWED[label.kind])
    if repeated and not parts:
        return 0
    if (
        not near
        and not parts
        and not (label.kind in ("median_iqr", "mean_sd", "ratio_ci") and (number.decimals or unit_of(reading, i)))
    ):
        return 0
    if label.kind in RATIO_KINDS and not near and not ({"interval", "range"} & set(parts)) and not number.decimals:
        return 0
    if not parts:
        end = skip_percent(reading, i + 1)
    start = reading.at - 1 if reading.at in (i, i - 1) and reading.at > 0 and not repeated else i
    values = FIGURES[label.kind](parts)
    reading.before, reading.announced = label, reading.announced if reading.at < 0 else None
    return add(reading, label.kind, start, end, estimate=number, measure=label.measure, **values)


def ratio_parts(parts: dict[str, Part]) -> dict:
    p = parts["p"].numbers[0] if "p" in parts else None
    return {**limits(parts, "interval", "range"), "p": p}


def median_parts(parts: dict[str, Part]) -> dict:
    return limits(parts, "quartiles", "range", "interval")


def mean_parts(parts: dict[str, Part]) -> dict:
    sd = parts.get("sd") or parts.get("bare")
    return {**limits(parts, "interval"), "sd": sd.numbers[0] if sd else None}


ALLOWED = {
    "ratio_ci": ("interval", "range", "p"),
    "difference_ci": ("interval", "range", "p"),
    "auc_ci": ("interval", "range", "p"),
    "median_iqr": ("quartiles", "range", "interval"),
    "mean_sd": ("sd", "bare", "interval"),
}
FIGURES = {
    "ratio_ci": ratio_parts,
    "difference_ci": ratio_parts,
    "auc_ci": ratio_parts,
    "median_iqr": median_parts,
    "mean_sd": mean_parts,
}


def is_counted(reading: Reading, i: int) -> bool:
    """Return whether a number counts patients, sites, events: a plural noun or a verb of theirs follows it."""
    number, token = number_at(reading, i), reading.tokens[i]
    if number is None or not whole(number) or unit_of(reading, i) or reading.token(i + 1).kind == "percent":
        return False
    j = i + 1
    while j < i + 12 and goes_on(reading, i, j):
        word = reading.token(j).lower
        if word in NOUNS:
            return True
        if j == i + 1 and word == "to" and reading.token(j + 1).kind == "word" and not token.spelled:
            return True
        if word in UNITS or (word in NEVER_COUNTED and not (word == "and" and reading.token(j + 1).number)):
            return False
        if j == i + 1 and word == "in" and reading.token(j + 1).lower in ("the", "each") and not token.spelled:
            return True
        if j == i + 1 and (word.endswith("ed") or (word in COUNTED_AFTER and (not token.spelled or number.value > 12))):
            return number.value != 1
        if word in FILLERS or word in COUNTED_AFTER:
            break
        if is_plural(word) and not token.spelled:
            return True
        j += 1
    return False


def is_second_count(reading: Reading, i: int) -> bool:
    """Return whether a count is said in short after another: "629 received the one drug and 619 the other"."""
    last, after = reading.found[-1] if reading.found else None, reading.token(i + 1)
    if last is None or last.kind != "count" or reading.token(i).spelled or unit_of(reading, i):
        return False
    between = reading.passage.text[last.end : reading.tokens[i].start]
    joined = between.rstrip().endswith((" and", ",")) and "." not in between and not re.search(r"\d", between)
    return joined and after.kind == "word" and after.lower not in NEVER_COUNTED


def goes_on(reading: Reading, i: int, j: int) -> bool:
    """Return whether the words after a count go on at `j`; those of a list do: "1,873 coronary, 911 renal and 962 other events"."""
    token = reading.token(j)
    if token.kind == "word" or (token.kind == "dash" and token.glued):
        return token.lower != "and" or reading.token(j + 1).number is not None
    listed = whole(token.number) and reading.token(j - 1).lower in (",", "and") and reading.token(j + 1).kind == "word"
    return j > i + 1 and (listed or (token.text == "," and whole(number_at(reading, j + 1))))


def is_plural(word: str) -> bool:
    return len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is", "ous"))


def counted(reading: Reading, i: int) -> int:
    """count: "78 patients", "n=52", "75 were assessed", a whole number in the cell of a table."""
    number = number_at(reading, i)
    if not whole(number):
        return 0
    before = reading.token(i - 1)
    named = before.text in ("=", ":") and reading.token(i - 2).lower == "n"
    in_cell = (
        reading.passage.kind == "cell"
        and is_body(reading.tokens)
        and len(reading.tokens) == 1
        and reading.passage.column
    )
    told = (
        before.lower in COUNTED_BEFORE
        and not reading.token(i).spelled
        and not unit_of(reading, i)
        and (
            before.lower in ("leaving", "remaining")
            or reading.token(i + 1).kind in ("end", "close")
            or reading.token(i + 1).text in ",.;"
        )
    )
    if named or in_cell or told or is_counted(reading, i) or is_second_count(reading, i):
        return add(reading, "count", i - 2 if named else i, i + 1, count=number)
    return 0


def spread(reading: Reading, i: int) -> int:
    """Estimates that their own shape tells: "67.1 ± 11.2", "67 [59 to 75]", "12 percentage points (95% CI …)"."""
    number = number_at(reading, i)
    assert number is not None
    after = skip_unit(reading, skip_percent(reading, i + 1))
    parts, end = tail(reading, after, ("sd",))
    if "sd" in parts:
        return add(reading, "mean_sd", i, end, estimate=number, **mean_parts(parts))
    parts, end = tail(reading, after, ("quartiles", "range"))
    if "quartiles" in parts or "range" in parts:
        return add(reading, "median_iqr", i, end, estimate=number, **median_parts(parts))
    if reading.passage.kind == "cell" and not whole(number) and (inside := bare(reading, i + 2)):
        return add(reading, "mean_sd", i, inside.end, estimate=number, sd=inside.numbers[0])
    if reading.token(i + 1).lower == "percentage" or reading.token(i + 2).lower in ("points", "point"):
        points = i + 3
        parts, end = tail(reading, points, ("interval", "range", "p"))
        return add(reading, "difference_ci", i, max(end, points), estimate=number, measure="RD", **ratio_parts(parts))
    part = range_at(reading, i, listed=False)
    return conventional(reading, i, part.end, "range") if part else 0


READERS = (
    confidence_level, reference, named_number, rate, counted_total, percent_first, count_first, pair_of_shares, estimate,
    counted, spread,
)  # fmt: skip
