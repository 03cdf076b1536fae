"""Look at the columns of an unknown table and say what each seems to be, with the questions that only a person can answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

import pandas as pd

Entry = Mapping[str, Any]

UNKNOWN = frozenset("na n/a n.a. nan null none unknown unk missing nd n.d. ? . - -- #n/a not_known not_available".split())
"""Words that stand for no value, folded."""
CODES = frozenset("-1 -7 -8 -9 -77 -88 -99 -777 -888 -999 -9999 9 88 99 888 999 9999".split())
"""Numbers that registries write for an unknown value."""
IDENTIFYING = frozenset(
    "name surname firstname lastname forename initials birth birthdate birthday dob phone tel telephone mobile email mail address "
    "street postcode postal zip mrn ssn nhs insurance passport nachname vorname geburtsdatum".split()
)
RECORD = frozenset("id record recordid patient patientid subject subjectid case caseid pid pseudonym number no nr study_id".split())
SITE = frozenset("redcap_data_access_group site centre center hospital clinic institution dag facility klinik zentrum".split())
ENROLLED = ("enrol", "enroll", "inclusion", "index", "registration", "admi", "procedure", "treatment", "baseline", "date", "day")
OUTCOME = (
    "death", "dead", "died", "mortality", "deceased", "event", "outcome", "recurrence", "relapse", "readmission", "readmitted",
    "complication", "success", "bleeding", "haemorrhage", "hemorrhage", "sich", "status", "survived", "cured", "failure",
)  # fmt: skip
GROUP = ("group", "arm", "treatment", "treat", "trt", "therapy", "rx", "allocation", "exposure", "cohort", "sex", "gender")
YES = frozenset({"yes", "true", "ja", "oui", "si", "sí", "sim", "tak", "ano", "y", "t"})
NO = frozenset({"no", "false", "nein", "non", "nao", "não", "nie", "ne", "n", "f"})
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
PADDED = re.compile(r"[+-]?0\d+(\.\d+)?")
OPTION = re.compile(r"(.+?)___(.+)")
FEW, SPREAD = 9, 3
"""A column of whole numbers from 0 or 1 to at most FEW, each on average in SPREAD rows, seems to be one of categories."""
LISTED = 5
CODELIKE = re.compile(r"[\w.+-]{1,10}")
"""What may be shown of a value that nobody expected: a code or a number, but no text, which could name a patient."""
LEVELS = 20
"""Most distinct texts of a category."""


@dataclass(frozen=True)
class Guess:
    """What a column seems to be: its entry in the study file, and what a person must confirm.

    `columns` are the headers it stands for: one, or those of a checkbox's options. `left_out` says why it is not declared.
    """

    name: str
    columns: tuple[str, ...]
    entry: Entry
    questions: tuple[str, ...] = ()
    left_out: str = ""

    @property
    def type(self) -> str:
        return str(self.entry.get("type", ""))


@dataclass(frozen=True)
class Cells:
    """The distinct values of a column that are not blank, and how often each stands."""

    counts: Mapping[str, int]
    rows: int

    @property
    def filled(self) -> int:
        return sum(self.counts.values())


@dataclass(frozen=True)
class Seen:
    """What a column's values are like: type and levels, with the codes that seem to stand for no value."""

    type: str
    values: tuple[str, ...] = ()
    entry: Entry = field(default_factory=dict)
    questions: tuple[str, ...] = ()


def look(
    table: pd.DataFrame, known: Mapping[str, Entry], labels: Mapping[str, str], levels: Mapping[str, Mapping[str, str]]
) -> list[Guess]:
    """Return what each column of a table of text cells seems to be, in their order, with roles given where they are plain.

    `known` are entries from a data dictionary by column, which are taken as they are; `labels` and `levels` are what a
    statistics program's file says of its columns and codes.
    """
    options = grouped(table.columns, known)
    taken: set[str] = set()
    found = []
    for header in table.columns:
        box = options.get(header)
        if header in known:
            found.append(declared(header, known[header], cells_of(table[header]), taken))
        elif box is None:
            found.append(column(header, cells_of(table[header]), labels.get(header, ""), levels.get(header, {}), taken))
        elif box[0] == header:
            entry = known.get(header.split("___")[0])
            found.append(Guess(name_of(header.split("___")[0], taken), box, entry) if entry else checkbox(box, table, taken))
    return with_roles(found, table)


def cells_of(column: pd.Series) -> Cells:
    text = column.str.strip()
    counts = text[text != ""].value_counts(sort=False)
    return Cells(dict(zip(counts.index.astype(str), counts.astype(int), strict=True)), len(column))


def words_of(header: str) -> tuple[str, ...]:
    """Return the words of a column's name, folded: dateOfBirth, date_of_birth and "Date of birth" are the same three."""
    spaced = re.sub(r"([a-z])([A-Z])", r"\1 \2", header)
    return tuple(re.findall(r"[^\W\d_]+", spaced.casefold()))


def name_of(header: str, taken: set[str]) -> str:
    """Return a name for a variable that keys can use: the header itself where that is possible."""
    plain = re.sub(r"\W+", "_", header, flags=re.ASCII).strip("_") or "column"
    plain = plain if plain[0].isalpha() else f"v_{plain}"
    name = next(each for k in count(1) if (each := plain if k == 1 else f"{plain}_{k}").casefold() not in taken)
    taken.add(name.casefold())
    return name


def label_of(header: str) -> str:
    """Return a column's name as words: doorToPuncture_time is "Door To Puncture time"."""
    spaced = re.sub(r"([a-z])([A-Z])", r"\1 \2", header.replace("_", " ")).strip() or header
    return spaced[:1].upper() + spaced[1:]


def grouped(headers: Iterable[str], known: Mapping[str, Entry]) -> dict[str, tuple[str, ...]]:
    """Return for each option of a checkbox (x___1, x___2) all of its options; one alone is an ordinary column."""
    found: dict[str, list[str]] = {}
    for header in headers:
        if (match := OPTION.fullmatch(header)) and header not in known:
            found.setdefault(match[1], []).append(header)
    return {each: tuple(options) for base, options in found.items() if len(options) > 1 or base in known for each in options}


def checkbox(options: tuple[str, ...], table: pd.DataFrame, taken: set[str]) -> Guess:
    """Return a checkbox of several columns that each hold 1 and 0."""
    base = options[0].split("___")[0]
    if any(set(cells_of(table[each]).counts) - {"0", "1"} for each in options):
        return Guess(name_of(base, taken), options, {}, left_out="looks like a checkbox, and holds other values than 0 and 1")
    levels = {each.split("___", 1)[1]: each.split("___", 1)[1] for each in options}
    entry = {"label": label_of(base), "type": "checkbox", "levels": levels}
    return Guess(name_of(base, taken), options, entry, (f"what do the options {', '.join(levels)} mean?",))


def declared(header: str, entry: Entry, cells: Cells, taken: set[str]) -> Guess:
    """Return a column that a data dictionary describes; codes in the data that it lacks are asked about."""
    strange = [value for value in cells.counts if not admitted(value, entry)]
    if not strange:
        return Guess(name_of(header, taken), (header,), entry)
    unknown = [value for value in strange if value in CODES or value.casefold() in UNKNOWN]
    others = [value for value in strange if value not in unknown]
    if not all(map(CODELIKE.fullmatch, others)):
        return Guess(name_of(header, taken), (header,), {}, left_out="it holds text that its type in the dictionary does not admit")
    questions = [asked_of(unknown, cells)] if unknown else []
    if others:
        questions.append(f"{len(others)} values are not in the dictionary and count as missing: {', '.join(others[:LISTED])}")
    absent = {**dict.fromkeys(unknown, "unknown"), **dict.fromkeys(others, "not in the dictionary")}
    return Guess(name_of(header, taken), (header,), {**entry, "missing": {**entry.get("missing", {}), **absent}}, tuple(questions))


def admitted(value: str, entry: Entry) -> bool:
    """Return whether a value fits an entry; a code for unknown must not pass for a number outside the range."""
    if value in entry.get("missing", {}) or value in entry.get("not_applicable", {}):
        return True
    codes = entry.get("levels") or (("0", "1") if entry["type"] == "yesno" else ())
    if codes:
        return value in codes or value.removesuffix(".0") in codes
    fitting = FITTING.get(str(entry["type"]))
    if fitting and not fitting(value):
        return False
    return "range" not in entry or value not in CODES or not outside(value, entry["range"])


def outside(value: str, limits: Sequence[float]) -> bool:
    return not limits[0] <= float(value) <= limits[1]


def whole_or_not(value: str) -> bool:
    return bool(NUMBER.fullmatch(value))


FITTING: dict[str, Callable[[str], bool]] = {
    "integer": whole_or_not,
    "decimal": whole_or_not,
    "date": lambda value: bool(DATE.fullmatch(value)),
    "datetime": lambda value: bool(DATE.fullmatch(value) or MOMENT.fullmatch(value)),
}
"""What a value must look like, by the type that a dictionary gives."""


def column(header: str, cells: Cells, label: str, levels: Mapping[str, str], taken: set[str]) -> Guess:
    """Return what one column seems to be."""
    name = name_of(header, taken)
    if not cells.counts:
        return Guess(name, (header,), {}, left_out="nothing is recorded in it")
    if set(words_of(header)) & IDENTIFYING:
        return Guess(name, (header,), {}, left_out="its name says that it may identify a patient")
    unknown = unknown_in(cells)
    rest = Cells({value: n for value, n in cells.counts.items() if value not in unknown}, cells.rows)
    if not rest.counts:
        return Guess(name, (header,), {}, left_out="it holds nothing but codes for unknown")
    seen = kind(rest, levels)
    entry: dict[str, Any] = {"label": label or label_of(header), "type": seen.type, **seen.entry}
    if unknown:
        entry["missing"] = {value: levels.get(value, "unknown") for value in unknown}
    questions = ((asked_of(unknown, cells),) if unknown else ()) + seen.questions
    return Guess(name, (header,), entry, questions)


def asked_of(unknown: Iterable[str], cells: Cells) -> str:
    told = ", ".join(f"{value} ({cells.counts[value]:,} ×)" for value in unknown)
    return f"does {told} stand for unknown?"


def unknown_in(cells: Cells) -> list[str]:
    """Return the values that seem to stand for no value: words, and codes far from every other number."""
    words = [value for value in cells.counts if value.casefold().replace(" ", "_") in UNKNOWN]
    numbers = {value: float(value) for value in cells.counts if value not in words and NUMBER.fullmatch(value)}
    rest = [value for value in cells.counts if value not in words and value not in numbers]
    if rest:
        dated = all(MOMENT.fullmatch(value) or DATE.fullmatch(value) for value in rest)
        return words + [value for value in numbers if dated and value in CODES]
    plain = [number for value, number in numbers.items() if value.removesuffix(".0") not in CODES]
    if not plain:
        return words
    low, high = min(plain), max(plain)
    far = max(high - low, abs(high), 1.0)
    codes = [
        value
        for value, number in numbers.items()
        if value.removesuffix(".0") in CODES and ((number < 0 <= low) or number > high + far)
    ]
    return words + codes


def kind(cells: Cells, levels: Mapping[str, str]) -> Seen:
    """Return what values are like; `levels` are labels that the file itself gives to codes."""
    values = list(cells.counts)
    if levels and set(values) <= set(levels):
        return Seen("category", entry={"levels": dict(levels)})
    for test in (yes_no, moments, numbers, categories):
        if seen := test(cells, values):
            return seen
    return Seen("text")


def yes_no(cells: Cells, values: Sequence[str]) -> Seen | None:
    if set(values) <= {"0", "1"}:
        return Seen("yesno", questions=() if len(values) == 2 else (f"it holds only {values[0]}",))
    return None


def moments(cells: Cells, values: Sequence[str]) -> Seen | None:
    if all(DATE.fullmatch(value) for value in values):
        return Seen("date")
    if all(DATE.fullmatch(value) or MOMENT.fullmatch(value) for value in values):
        return Seen("datetime")
    return None


def numbers(cells: Cells, values: Sequence[str]) -> Seen | None:
    """Numbers are a category where they are few and whole; what is padded with zeros is a code and no number."""
    if not all(NUMBER.fullmatch(value) for value in values) or any(PADDED.fullmatch(value) for value in values):
        return None
    amounts = sorted(float(value) for value in values)
    whole = all(amount.is_integer() for amount in amounts)
    if whole and amounts[0] in (0, 1) and amounts[-1] <= FEW and cells.filled >= SPREAD * len(values):
        codes = [f"{amount:g}" for amount in amounts]
        question = f"what do the codes {', '.join(codes)} mean? Grades in order: type: ordinal; a count: type: integer"
        return Seen("category", entry={"levels": dict(zip(codes, codes, strict=True))}, questions=(question,))
    low, high = amounts[0], amounts[-1]
    if low == high:
        return Seen("integer" if whole else "decimal", questions=(f"it holds only {low:g}",))
    return Seen("integer" if whole else "decimal", entry={"range": [number(low), number(high)]})


def number(amount: float) -> int | float:
    return int(amount) if amount.is_integer() else amount


def categories(cells: Cells, values: Sequence[str]) -> Seen | None:
    """Return texts that repeat as levels, the most frequent first."""
    if len(values) > LEVELS or cells.filled < SPREAD * len(values):
        return None
    ordered = sorted(values, key=lambda value: (-cells.counts[value], value))
    doubled = len({value.casefold() for value in values}) < len(values)
    question = ("some levels differ in capitals only",) if doubled else ()
    return Seen("category", entry={"levels": {value: value for value in ordered}}, questions=question)


def with_roles(found: Sequence[Guess], table: pd.DataFrame) -> list[Guess]:
    """Give the roles of record, site and day of enrolment to the columns that seem to have them."""
    roles = {guess.entry.get("role") for guess in found}
    for role, (choose, kind_, words) in ROLES.items():
        free = [guess for guess in found if not guess.left_out and "role" not in guess.entry]
        if role not in roles and (chosen := choose(free, table)):
            entry = {"label": chosen.entry["label"], "type": kind_ or chosen.type, "role": role}
            other = replace(chosen, entry=entry, questions=(f"is this the {words}?",))
            found = [other if guess is chosen else guess for guess in found]
        elif role == "record" and role not in roles and (doubled := next((g for g, _ in hinted(free, table, RECORD)), None)):
            question = "it stands more than once: is there one row for each patient?"
            found = [replace(guess, questions=(question, *guess.questions)) if guess is doubled else guess for guess in found]
    return list(found)


def complete(guess: Guess, table: pd.DataFrame) -> pd.Series | None:
    """Return a guess's cells where none is blank."""
    cells = table[guess.columns[0]].str.strip()
    return None if (cells == "").any() or "missing" in guess.entry else cells


def hinted(found: Sequence[Guess], table: pd.DataFrame, hints: frozenset[str]) -> Iterator[tuple[Guess, pd.Series]]:
    """Yield the columns of codes or texts, without blanks, whose name is one of the hints or has one among its words."""
    for guess in found:
        header = guess.columns[0]
        if {header.casefold(), *words_of(header)} & hints and guess.type in ("text", "integer", "category", "yesno"):
            cells = complete(guess, table)
            if cells is not None:
                yield guess, cells


def record(found: Sequence[Guess], table: pd.DataFrame) -> Guess | None:
    return next((guess for guess, cells in hinted(found, table, RECORD) if cells.is_unique), None)


def site(found: Sequence[Guess], table: pd.DataFrame) -> Guess | None:
    most = max(len(table) / 2, 1)
    return next((guess for guess, cells in hinted(found, table, SITE) if cells.nunique() <= most), None)


def enrolled(found: Sequence[Guess], table: pd.DataFrame) -> Guess | None:
    dates = [guess for guess in found if guess.type in ("date", "datetime") and complete(guess, table) is not None]
    return first_hinted(dates, ENROLLED)


ROLES: dict[str, tuple[Callable[[Sequence[Guess], pd.DataFrame], Guess | None], str, str]] = {
    "record": (record, "key", "number of the record"),
    "site": (site, "text", "site"),
    "enrolled": (enrolled, "", "day of enrolment"),
}
"""For each role how its column is found, its type where that is fixed, and what it is in words."""


def first_hinted(found: Sequence[Guess], hints: Sequence[str]) -> Guess | None:
    """Return the guess whose name has the earliest of the hints as the beginning of one of its words."""
    for hint in hints:
        for guess in found:
            if any(word.startswith(hint) for word in told_of(guess)):
                return guess
    return None


def told_of(guess: Guess) -> tuple[str, ...]:
    """Return the words of a guess's header and label."""
    return words_of(f"{guess.columns[0]} {guess.entry.get('label', '')}")


def outcomes(found: Sequence[Guess]) -> list[tuple[Guess, str]]:
    """Return the yes/no columns whose names speak of an outcome, each with the code of the event."""
    pairs = []
    for guess in found:
        event = event_of(guess)
        if event and "role" not in guess.entry and any(word.startswith(hint) for word in told_of(guess) for hint in OUTCOME):
            pairs.append((guess, event))
    return pairs


def event_of(guess: Guess) -> str:
    """Return the code that says yes, where a column says yes and no and nothing else."""
    if guess.type == "yesno":
        return "1"
    levels = list(guess.entry.get("levels", {})) if guess.type == "category" else []
    folded = {level.casefold(): level for level in levels}
    if len(folded) == 2 and set(folded) & YES and set(folded) & NO:
        return next(level for fold, level in folded.items() if fold in YES)
    return ""


def group(found: Sequence[Guess]) -> Guess | None:
    """Return the column by which patients are most plausibly compared: one of two to four groups."""
    able = [
        guess
        for guess in found
        if "role" not in guess.entry
        and not guess.left_out
        and (guess.type == "yesno" or (guess.type == "category" and 2 <= len(guess.entry.get("levels", {})) <= 4))
    ]
    return first_hinted(able, GROUP) or next(iter(able), None)
