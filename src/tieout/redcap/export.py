"""Turn a raw REDCap export into a table of one row per patient."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from tieout.errors import TieoutError, nearest, raise_all, some_of
from tieout.redcap.branching import option
from tieout.redcap.dictionary import Dictionary, Field
from tieout.sources import file_bytes, utf8

EVENT, INSTRUMENT, INSTANCE = "redcap_event_name", "redcap_repeat_instrument", "redcap_repeat_instance"
GROUP, SURVEY = "redcap_data_access_group", "redcap_survey_identifier"
ALONE = "_arm_1"
NO_DATA = ("file", "signature", "descriptive")
RAW = "export again as 'CSV / Microsoft Excel (raw data)'"


@dataclass(frozen=True)
class Column:
    """A column of the flat table: its name, the field or form it comes from, and the option of a checkbox.

    `part` is the event, or "first", "last" or "count" of a repeating instrument; empty where there is one value only.
    """

    name: str
    field: Field | None
    form: str
    option: str = ""
    part: str = ""


@dataclass(frozen=True)
class Flat:
    """The table of one row per record, and what its columns are, in their order."""

    table: pd.DataFrame
    columns: tuple[Column, ...]


def flatten(table: pd.DataFrame, dictionary: Dictionary, place: Path, events: Mapping[str, Sequence[str]] | None = None) -> Flat:
    """Return an export as one row per record; identifiers, free notes and files are dropped before anything else.

    A field of one event keeps its name; of several events it becomes FIELD__EVENT for each. Of a repeating instrument come
    FORM__count, FIELD__first and FIELD__last, by the number of the instance. `events` gives the events of each form;
    without it, they are those in which anything is recorded.
    Raises TieoutError where dictionary and export do not belong together, or rows contradict each other.
    """
    fits(table, dictionary, place)
    table = clean(table, dictionary)
    table = table.loc[:, [name for name in table if name in known_columns(dictionary) or name.startswith("redcap_")]]
    record = dictionary.record.name
    if blank := int((table[record] == "").sum()):
        raise TieoutError(str(place), f"{record} is blank in {blank} rows", RAW)
    for name in (EVENT, INSTRUMENT, INSTANCE):
        if name not in table:
            table[name] = ""
    arrange(table, dictionary, place)
    long = table[EVENT] != ""
    if long.any() and not long.all():
        raise TieoutError(str(place), f"{EVENT} is blank in {int((~long).sum())} of {len(table)} rows", RAW)
    if long.all() and table[EVENT].str.endswith(ALONE).all():
        table[EVENT] = table[EVENT].str.removesuffix(ALONE)
    check_events(table, events, place)
    index = pd.Index(table[record].unique(), name=record)
    parts = [groups(table, index, place), *once(table, dictionary, index, events), *repeated(table, dictionary, index)]
    found = [(column, cells) for part in parts for column, cells in part]
    order = {name: k for k, name in enumerate([GROUP, *(field.name for field in dictionary.fields)])}
    found.sort(key=lambda pair: order.get(pair[0].field.name if pair[0].field else pair[0].form, len(order)))
    cells = {record: pd.Series(index, index=index), **{column.name: values for column, values in found}}
    first = Column(record, dictionary.record, dictionary.record.form)
    return Flat(pd.DataFrame(cells, index=index).fillna("").reset_index(drop=True), (first, *(column for column, _ in found)))


def known_columns(dictionary: Dictionary) -> dict[str, Field | None]:
    """Return every column that an export may have, with its field; the state of a form has none."""
    found: dict[str, Field | None] = {}
    for field in dictionary.fields:
        found |= dict.fromkeys(columns_of(field), field)
    return found | {f"{form}_complete": None for form in dictionary.forms}


def columns_of(field: Field) -> list[str]:
    if field.type == "checkbox":
        return [f"{field.name}___{option(code)}" for code in field.choices]
    return [field.name]


def fits(table: pd.DataFrame, dictionary: Dictionary, place: Path) -> None:
    """Raise TieoutError where an export's columns are not those of the dictionary."""
    known, path = known_columns(dictionary), dictionary.path
    extra = {EVENT, INSTRUMENT, INSTANCE, GROUP, SURVEY, *(f"{form}_timestamp" for form in dictionary.forms)}
    own = [name for name in table if name in known]
    strange = [name for name in table if name not in known and name not in extra]
    labels = {field.label for field in dictionary.fields}
    if dictionary.record.name not in table:
        if sum(name in labels for name in table) > len(own):
            raise TieoutError(str(place), "this export has labels in place of names", RAW)
        problem = f"the number of the record, '{dictionary.record.name}', is missing"
        raise TieoutError(str(place), problem, nearest(dictionary.record.name, table) or f"is {path.name} of this project?")
    if len(strange) > len(own):
        problem = f"only {len(own)} of {len(table.columns)} columns are in {path.name}: is it the dictionary of another project?"
        raise TieoutError(str(place), problem, f"not in it: {some_of(strange)}")
    raise_all([stranger(name, dictionary, place) for name in strange])


def stranger(name: str, dictionary: Dictionary, place: Path) -> TieoutError:
    base, boxed, code = name.partition("___")
    field = dictionary.by_name.get(base)
    if boxed and field and field.type == "checkbox":
        problem = f"the checkbox '{base}' has a code '{code}' that the dictionary lacks"
        return TieoutError(str(place), problem, f"its codes are {some_of(field.choices)}; download the dictionary of the same day")
    return TieoutError(str(place), f"the column '{name}' is not in the dictionary", "download the dictionary of the same day")


def clean(table: pd.DataFrame, dictionary: Dictionary) -> pd.DataFrame:
    """Return the table without identifiers, notes, files and survey columns."""
    known = known_columns(dictionary)
    dropped = {SURVEY, *(f"{form}_timestamp" for form in dictionary.forms)}
    for name, field in known.items():
        if field and name != dictionary.record.name and (field.identifying or field.type in NO_DATA):
            dropped.add(name)
    return table[[name for name in table if name not in dropped]].apply(lambda cells: cells.str.strip())


def arrange(table: pd.DataFrame, dictionary: Dictionary, place: Path) -> None:
    """Raise TieoutError for labels in place of codes, repeats without number, and rows that stand twice."""
    errors = []
    for name in table:
        field = dictionary.by_name.get(str(name))
        if field and field.type in ("radio", "dropdown"):
            values = set(table[name]) - {"", *field.choices}
            if values and values <= set(field.choices.values()):
                errors.append(TieoutError(str(place), f"{name} holds labels in place of codes", RAW))
    raise_all(errors)
    numbered = table[INSTANCE] != ""
    for wrong, words in (
        ((table[INSTRUMENT] != "") & ~numbered, f"{INSTRUMENT} without {INSTANCE}"),
        (numbered & ~table[INSTANCE].str.fullmatch(r"[1-9]\d*"), f"a {INSTANCE} that is no number"),
        (numbered & (table[INSTRUMENT] == "") & (table[EVENT] == ""), f"{INSTANCE} without {INSTRUMENT}"),
    ):
        if wrong.any():
            raise TieoutError(str(place), f"{int(wrong.sum())} rows have {words}", RAW)
    doubled = table.duplicated([dictionary.record.name, EVENT, INSTRUMENT, INSTANCE], keep=False)
    if doubled.any():
        problem = f"{int(doubled.sum())} rows stand for the same record, event and instance as another"
        raise TieoutError(str(place), problem, "was the export put together from two?")
    unknown = sorted(set(table[INSTRUMENT]) - {"", *dictionary.forms})
    if unknown:
        raise TieoutError(str(place), f"the repeating instrument '{unknown[0]}' is not in the dictionary", RAW)


def check_events(table: pd.DataFrame, events: Mapping[str, Sequence[str]] | None, place: Path) -> None:
    known = {event for each in (events or {}).values() for event in each}
    seen = set(table[EVENT])
    if events is not None and seen - known:
        unknown = sorted(seen - known)[0]
        raise TieoutError(str(place), f"the event '{unknown}' is in no instrument's list of events", nearest(unknown, known))


def read_events(path: Path) -> dict[str, tuple[str, ...]]:
    """Read the instruments' events (arm_num, unique_event_name, form) as events by form."""
    text = utf8(path, file_bytes(path), "").decode()
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    if not rows or not {"unique_event_name", "form"} <= set(rows[0]):
        problem = "this is no list of instruments and events: expected arm_num, unique_event_name, form"
        raise TieoutError(str(path), problem, "download it in REDCap under 'Designate Instruments for My Events'")
    return events_of(rows)


def events_of(rows: Sequence[Mapping[str, str]]) -> dict[str, tuple[str, ...]]:
    """Return the events of each form from rows with unique_event_name and form."""
    alone = all((row["unique_event_name"] or "").endswith(ALONE) for row in rows)
    found: dict[str, tuple[str, ...]] = {}
    for row in rows:
        event = (row["unique_event_name"] or "").strip()
        found[row["form"]] = (*found.get(row["form"], ()), event.removesuffix(ALONE) if alone else event)
    return found


Pairs = list[tuple[Column, pd.Series]]


def groups(table: pd.DataFrame, index: pd.Index, place: Path) -> Pairs:
    """Return the data access group of each record, where the export has it."""
    if GROUP not in table:
        return []
    filled = table[table[GROUP] != ""]
    by_record = filled.groupby(index.name)[GROUP]
    torn = int((by_record.nunique() > 1).sum())
    if torn:
        raise TieoutError(str(place), f"{torn} records are in more than one data access group", "mend them in REDCap")
    return [(Column(GROUP, None, GROUP), by_record.first().reindex(index))]


def once(
    table: pd.DataFrame, dictionary: Dictionary, index: pd.Index, events: Mapping[str, Sequence[str]] | None
) -> Iterator[Pairs]:
    """Yield the columns of the fields that are recorded once in an event."""
    single = table[table[INSTANCE] == ""]
    by_event = {event: rows.set_index(index.name) for event, rows in single.groupby(EVENT, sort=False)}
    repeating = set(table.loc[table[INSTANCE] != "", INSTRUMENT]) - {""}
    for name, field, form in in_order(table, dictionary):
        if form in repeating and name != index.name and not (single[name] != "").any():
            continue
        held = [e for e, rows in by_event.items() if (e in events.get(form, ()) if events is not None else (rows[name] != "").any())]
        base, boxed, code = name.partition("___")
        if len(held) <= 1:
            cells = by_event[held[0]][name] if held else pd.Series("", index=index)
            yield [(Column(name, field, form, code), cells.reindex(index))]
        else:
            yield [(Column(f"{base}__{e}{boxed}{code}", field, form, code, e), by_event[e][name].reindex(index)) for e in held]


def repeated(table: pd.DataFrame, dictionary: Dictionary, index: pd.Index) -> Iterator[Pairs]:
    """Yield how often each repeating instrument stands, and its first and last values."""
    rows = table[table[INSTANCE] != ""]
    rows = rows.assign(**{INSTANCE: rows[INSTANCE].astype(int)}).sort_values(INSTANCE, kind="stable")
    for (instrument, event), part in rows.groupby([INSTRUMENT, EVENT], sort=False):
        title = instrument or event
        several = rows.loc[rows[INSTRUMENT] == instrument, EVENT].nunique() > 1 if instrument else False
        suffix = f"{event}_" if several else ""
        counted = part.groupby(index.name).size().reindex(index).fillna(0).astype(int).astype(str)
        yield [(Column(f"{title}__{suffix}count", None, title, part="count"), counted)]
        ends = {"first": part.groupby(index.name).first(), "last": part.groupby(index.name).last()}
        for name, field, form in in_order(table, dictionary):
            if name != index.name and (form == instrument or (not instrument and (part[name] != "").any())):
                base, boxed, code = name.partition("___")
                for end, values in ends.items():
                    column = Column(f"{base}__{suffix}{end}{boxed}{code}", field, form, code, end)
                    yield [(column, values[name].reindex(index))]


def in_order(table: pd.DataFrame, dictionary: Dictionary) -> Iterable[tuple[str, Field | None, str]]:
    """Return the columns of the table that belong to forms, with their field and form, the record's number apart."""
    for name, field in known_columns(dictionary).items():
        if name in table and name != dictionary.record.name:
            yield name, field, field.form if field else name.removesuffix("_complete")
