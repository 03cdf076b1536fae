"""Find the figures of a manuscript: numbers that belong together become one typed record; others are conventional."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from tieout.audit.labels import (
    COUNTED_AFTER,
    COUNTED_BEFORE,
    INTERVAL_WORDS,
    LABELS,
    LIMIT_WORDS,
    NAMED,
    NEVER_COUNTED,
    NOUNS,
    QUARTILE_WORDS,
    THRESHOLD,
    UNITS,
    Label,
)  # fmt: skip
from tieout.audit.quoted import Manuscript, Number, Passage, Quoted
from tieout.audit.tokens import END, Token, sentence_ends, tokens
from tieout.display import MONTHS

FILLERS = frozenset("of was were is are the a an with and for it's its at value values estimate had".split())
TOTAL = re.compile(r"\bn\s*=\s*([\d,\u2009\u202f\u00a0 ]*\d)", re.I)
LEVELS = re.compile("80|90|95|97[.·]5|99(?:[.·]9)?")
RATIO_KINDS = ("ratio_ci", "difference_ci", "auc_ci")


@dataclass
class Reading:
    """Where the reading of one passage stands: its tokens, what was announced, and what a header says of its cells."""

    passage: Passage
    tokens: list[Token]
    announced: Label | None = None
    before: Label | None = None
    at: int = -1
    counts_in_brackets: bool = False
    total: Number | None = None
    level_of_significance: bool = False
    found: list[Quoted] = field(default_factory=list)

    def token(self, i: int) -> Token:
        return self.tokens[i] if 0 <= i < len(self.tokens) else END


@dataclass(frozen=True)
class Part:
    """A part of a figure: what it is, its numbers, and the index of the token after it."""

    kind: str
    numbers: tuple[Number, ...]
    end: int
    confidence: float | None = None


def extract(manuscript: Manuscript) -> tuple[Quoted, ...]:
    """Return the figures of a manuscript in reading order, the conventional numbers among them.

    Time is linear in the length of the text: tokens are read once, from left to right, with a bounded look ahead.
    """
    return tuple(figure for passage in manuscript.passages for figure in figures_of(passage))


def figures_of(passage: Passage) -> Iterator[Quoted]:
    reading = Reading(passage, tokens(passage.text))
    if passage.kind == "cell" and is_body(reading.tokens):
        reading.announced, reading.total = header_label(passage), header_total(passage)
        reading.at = -1
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
        if re.search(r"\(%\)|\bn/N\b|^(?:n|no\.?|number|events)\b", text.strip(), re.I):
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


def states_a_level(found: Sequence[Token]) -> bool:
    """Return whether a sentence says what p was to count as significant, and not what p was."""
    words = {t.lower for t in found if t.kind == "word"}
    return bool(words & THRESHOLD) and bool(words & {"considered", "defined", "set", "regarded", "deemed", "threshold",
        "level", "levels", "taken", "denoted", "entered", "included", "retained", "indicated", "alpha", "criterion"})  # fmt: skip


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


def label_at(found: Sequence[Token], i: int) -> tuple[Label, int] | None:
    """Return the measure that is named at `i` and the index after its name: "adjusted odds ratio", "aOR", "median"."""
    token = found[i]
    if token.kind != "word":
        return None
    if token.text == "or":
        return None
    for name, label in dict.fromkeys((*LABELS.get(token.lower, ()), *LABELS.get(token.text, ()))):
        j, k = i, 0
        while k < len(name) and j < len(found):
            if found[j].kind == "dash" and k:
                j += 1
                continue
            if (found[j].text if name[k] != name[k].lower() else found[j].lower) != name[k]:
                break
            j, k = j + 1, k + 1
        if k == len(name):
            return label, j
    return None


# ---------------------------------------------------------------------------------------------------- parts of a figure


def number_at(reading: Reading, i: int) -> Number | None:
    return reading.token(i).number


def skip_percent(reading: Reading, i: int) -> int:
    return i + 1 if reading.token(i).kind == "percent" else i


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
    if between.kind == "dash" or between.lower in ("to", "through") or (listed and between.lower in (",", "and", ";")):
        j += 1
        if high := number_at(reading, j):
            return Part("range", (low, high), skip_percent(reading, j + 1))
    elif listed and between.number and between.number.text[:1] in "-–−" and not between.glued:
        return None
    return None


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


def whole(number: Number | None) -> bool:
    return number is not None and number.decimals == 0 and number.value >= 0


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


# -------------------------------------------------------------------------------------------------------------- figures


def read_number(reading: Reading, i: int) -> int:
    """Read the figure that begins with the number at `i` and return the index after it."""
    for reader in (
        confidence_level, reference, named_number, rate, counted_total, share, pair_of_shares, estimate, counted, spread,
    ):  # fmt: skip
        if end := reader(reading, i):
            return end
    return conventional(reading, i, i + 1, unit_of(reading, i) or "unrecognised")


def conventional(reading: Reading, start: int, end: int, convention: str) -> int:
    add(reading, "conventional", start, end, convention=convention)
    return end


def add(reading: Reading, kind: str, start: int, end: int, **parts) -> int:
    first, last = reading.tokens[start].start, reading.tokens[end - 1].end
    text = reading.passage.text[first:last]
    closing = end
    while (text.count("(") > text.count(")") and reading.token(closing).text == ")") or (
        text.count("[") > text.count("]") and reading.token(closing).text == "]"
    ):
        last = reading.tokens[closing].end
        text, closing = reading.passage.text[first:last], closing + 1
    reading.found.append(Quoted(kind, text, reading.passage, first, last, **parts))  # type: ignore[arg-type]
    return max(end, closing)


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


def confidence_level(reading: Reading, i: int) -> int:
    """A confidence level is a convention; the limits after it are read where the estimate stands before it."""
    if reading.token(i + 1).kind != "percent":
        return 0
    following = {reading.token(k).lower for k in range(i + 2, i + 3)}
    if reading.token(i + 1).kind == "percent" and number_at(reading, i) and LEVELS.fullmatch(reading.tokens[i].text):
        following = {reading.token(k).lower for k in range(i + 2, i + 6) if reading.token(k).kind in ("word", "dash")}
    if not following & (LIMIT_WORDS | {"power", "prediction", "level", "significance"}):
        return 0
    part = interval_at(reading, i)
    if part and not reading.announced:
        return conventional(reading, i, part.end, "interval of no named measure")
    return conventional(reading, i, i + 2, "confidence level")


def reference(reading: Reading, i: int) -> int:
    """Reference numbers: "[3,4]" after words, "^12", and numbers glued to letters: "COVID-19", "2b", "1st"."""
    before, after = reading.token(i - 1), reading.token(i + 1)
    if before.text == "^":
        return conventional(reading, i, i + 1, "superscript")
    if before.kind == "dash" and before.glued and reading.tokens[i].glued and reading.token(i - 2).kind == "word":
        return conventional(reading, i, i + 1, "name")
    if after.kind == "word" and after.glued and after.lower not in UNITS:
        return conventional(reading, i, i + 1, "grade or ordinal")
    if before.kind == "open" and before.text == "[":
        j = i
        while reading.token(j).text in ",–-" or whole(number_at(reading, j)):
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
    if known and not (
        known == "scale"
        and (reading.announced or reading.token(i + 1).kind == "open" or reading.token(i + 1).lower in NOUNS)
    ):
        end = i + 1
        while reading.token(end).kind == "dash" or reading.token(end).lower in (",", "and", "to", "or", "/"):
            if not (number_at(reading, end + 1) and reading.token(end + 2).kind not in ("percent", "open")):
                break
            end += 2
        return conventional(reading, i, end, known)
    if is_year(reading, i):
        return conventional(reading, i, i + 1, "year")
    cell_p = reading.announced is not None and reading.announced.kind == "p_value"
    if before.kind == "operator" and before.text in "≥≤<>" and not cell_p:
        end = skip_percent(reading, i + 1)
        return conventional(reading, i, end, "threshold")
    if before.lower == "than" and reading.token(i - 2).lower in (
        "more",
        "less",
        "fewer",
        "greater",
        "older",
        "younger",
        "longer",
        "higher",
        "lower",
    ):
        after = reading.token(skip_percent(reading, i + 1)).lower
        if after in UNITS or reading.token(i + 1).kind == "percent":
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
        ):
            j += 1
            if j - end > 6:
                break
            continue
        part = next((p for name in allowed if name not in parts and (p := PARTS[name](reading, j))), None)
        if part is None:
            break
        if (
            reading.token(j - 1).kind not in ("open",)
            and reading.token(j - 1).text not in ",;:)]"
            and part.kind in ("bare", "range", "percent", "fraction")
            and j > i
        ):
            break
        parts[next(n for n in allowed if n not in parts and PARTS[n](reading, j))] = part
        end = j = part.end
    return parts, end


def bare_range(reading: Reading, i: int) -> Part | None:
    """Return the two numbers in brackets after an estimate: "(1.10–3.07)", "[59, 75]"."""
    if reading.token(i - 1).kind != "open":
        return None
    part = range_at(reading, i, listed=True)
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


def bracketed_fraction(reading: Reading, i: int) -> Part | None:
    return fraction_at(reading, i)


def bracketed_percent(reading: Reading, i: int) -> Part | None:
    """Return a percentage that stands for itself in its brackets: "(66.7%)", not "(66.7% men)"."""
    part = percent_at(reading, i)
    if part is None:
        return None
    after = reading.token(part.end)
    return part if after.kind in ("close", "end") or after.text in ",;[(" or after.lower in ("of",) else None


PARTS = {
    "interval": interval_at, "quartiles": quartiles_at, "sd": sd_at, "p": own_p, "range": bare_range, "bare": bare,
    "percent": bracketed_percent, "fraction": bracketed_fraction, "n": n_at, "count": bare_count,
}  # fmt: skip


def limits(parts: dict[str, Part], *names: str) -> dict:
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


def counted_total(reading: Reading, i: int) -> int:
    """count_of_total: "50/75 (66.7%; 95% CI 55.4 to 76.3)", "50 of 75 patients (66.7%)"."""
    head = fraction_at(reading, i)
    if head is None or (reading.token(i).spelled and head.numbers[0].value < 2 and head.numbers[1].text.isalpha()):
        return 0
    parts, end = tail(reading, skip_words(reading, head.end), ("percent", "interval", "range"))
    if "percent" not in parts:
        parts, end = {}, head.end
        if reading.counts_in_brackets and (extra := bare(reading, head.end + 1)) and extra.numbers[0].value <= 100:
            parts, end = {"percent": extra}, extra.end
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


def share(reading: Reading, i: int) -> int:
    """percent: "66.7% (50)", "66.7% (50/75)", "66.7% (95% CI 55.4% to 76.3%)"; count and percent: "50 (66.7%)"."""
    number = number_at(reading, i)
    assert number is not None
    if head := percent_at(reading, i):
        if reading.announced and is_estimate(reading, i, head.end):
            return 0
        if reading.token(head.end).lower in ("points", "point"):
            return 0
        parts, end = tail(reading, head.end, ("fraction", "n", "count", "interval", "range"))
        if "fraction" in parts:
            count, total = parts["fraction"].numbers
            return add(
                reading,
                "count_of_total",
                i,
                end,
                percent=number,
                count=count,
                total=total,
                **limits(parts, "interval", "range"),
            )
        counts = parts.get("n") or parts.get("count")
        return add(
            reading,
            "percent",
            i,
            end,
            percent=number,
            count=counts.numbers[0] if counts else None,
            **limits(parts, "interval", "range"),
        )
    if not whole(number):
        return 0
    parts, end = tail(reading, skip_words(reading, i + 1), ("percent", "interval", "range"))
    if "percent" in parts and reading.token(skip_words(reading, i + 1)).kind == "open":
        return add_share(reading, i, end, number, parts["percent"].numbers[0], **limits(parts, "interval", "range"))
    inside = bare(reading, i + 2) if reading.token(i + 1).kind == "open" else None
    in_cell = reading.passage.kind == "cell" and not reading.announced
    if inside and inside.numbers[0].value <= 100 and (reading.counts_in_brackets or in_cell) and not reading.announced:
        return add_share(reading, i, inside.end, number, inside.numbers[0])
    return 0


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
    if reading.announced and reading.announced.kind in RATIO_KINDS:
        return adjacent(reading, i) or bool({"range", "interval"} & set(parts))
    return "quartiles" in parts or "sd" in tail(reading, end, ("sd",))[0]


def adjacent(reading: Reading, i: int) -> bool:
    """Return whether only fillers, commas, brackets and a format such as "(95% CI)" stand between a name and a number."""
    j = reading.at
    if j < 0:
        return True
    while j < i:
        token = reading.token(j)
        plain = (
            token.kind in ("open", "close", "percent", "operator", "dash")
            or token.text in ",:;="
            or token.lower in FILLERS
        )
        if not (plain or token.lower in INTERVAL_WORDS | QUARTILE_WORDS | {"sd", "p", "se"} or token.number):
            return False
        j += 1
    return True


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
    if not near and is_counted(reading, i):
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


def skip_unit(reading: Reading, i: int) -> int:
    j = i
    while j < i + 3 and (reading.token(j).lower in UNITS or reading.token(j).text == "/"):
        j += 1
    return j if reading.token(j).kind == "open" or reading.token(j).text in ",;±" or j == i else i


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


def unit_of(reading: Reading, i: int) -> str:
    j = i + 1
    if reading.token(j).kind == "dash" and reading.token(j).glued:
        j += 1
    return "quantity" if reading.token(j).lower in UNITS else ""


def is_counted(reading: Reading, i: int) -> bool:
    """Return whether a number counts patients, sites, events: a plural noun or a verb of theirs follows it."""
    number, token = number_at(reading, i), reading.tokens[i]
    if not whole(number) or unit_of(reading, i) or reading.token(i + 1).kind == "percent":
        return False
    j = i + 1
    while j < i + 6 and (
        reading.token(j).kind == "word" or (reading.token(j).kind == "dash" and reading.token(j).glued)
    ):
        word = reading.token(j).lower
        if word in NOUNS:
            return True
        if j == i + 1 and word == "to" and reading.token(j + 1).kind == "word" and not token.spelled:
            return True
        if word in NEVER_COUNTED or word in UNITS:
            return False
        if j == i + 1 and word in COUNTED_AFTER and not token.spelled:
            return True
        if word in FILLERS or word in COUNTED_AFTER:
            break
        j += 1
    return False


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
        and (reading.token(i + 1).kind in ("end", "close") or reading.token(i + 1).text in ",.;")
    )
    if named or in_cell or told or is_counted(reading, i):
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
    if reading.token(i + 1).lower == "percentage" or reading.token(i + 2).lower in ("points", "point"):
        points = i + 3
        parts, end = tail(reading, points, ("interval", "range", "p"))
        return add(reading, "difference_ci", i, max(end, points), estimate=number, measure="RD", **ratio_parts(parts))
    part = range_at(reading, i, listed=False)
    return conventional(reading, i, part.end, "range") if part else 0
