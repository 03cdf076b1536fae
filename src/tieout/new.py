"""Begin a study from data alone: a study file with its guesses marked, and documents that build at once."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tieout import dialect, readers, resources
from tieout import guess as guesses
from tieout.consistency import RESERVED
from tieout.errors import TieoutError
from tieout.folders import workplace
from tieout.guess import Guess
from tieout.places import Format, Place
from tieout.redcap import describe, export
from tieout.redcap import dictionary as dictionaries
from tieout.study import LEVELLED, NUMBERS

ROWS = 40
"""Rows of the first table of characteristics."""
WIDE = 130
"""Columns of an entry that stands on one line of the study file."""
PLAIN = re.compile(r"[A-Za-zÀ-ÿ][\wÀ-ÿ –'()/%.+-]*")
"""Text that YAML reads as text without quotes, in lists and maps on one line too."""
WORDS = frozenset("true false yes no on off null none y n ~".split())


@dataclass(frozen=True)
class Outcome:
    """An outcome of the first draft: its key, variable, event code, label, denominator in words and group."""

    name: str
    variable: str
    event: str
    label: str
    among: str
    by: str = ""


@dataclass(frozen=True)
class Grouping:
    """The patients compared in the first draft: levels and labels by the names that keys use."""

    name: str
    variable: str
    levels: Mapping[str, str]
    labels: Mapping[str, str]


@dataclass(frozen=True)
class Begun:
    """A study that was begun: its folder, and what must be confirmed, variable by variable."""

    folder: Path
    study: Path
    rows: int
    declared: int
    questions: tuple[tuple[str, str], ...]
    left_out: tuple[tuple[str, str], ...]
    reports: bool


@dataclass(frozen=True)
class Looked:
    """Data as they were found: cells in plain writing, one row per patient, how the file writes them, what each column is."""

    table: pd.DataFrame
    form: Format
    found: tuple[Guess, ...]


def begin(
    folder: Path, data: Path, *, dictionary: Path | None = None, copy: bool = False, form: Format = Format()  # noqa: B008
) -> Begun:
    """Write a study of the data into a new folder, where `tieout build` works at once.

    The data stay where they are unless `copy`. Raises TieoutError where the folder exists with something in it, or the
    data or the dictionary cannot be read.
    """
    if folder.exists() and any(folder.iterdir() if folder.is_dir() else [folder]):
        raise TieoutError(str(folder), "this exists already", f"name a new folder: tieout new my-study --data {data}")
    looked = look(data, dictionary, form)
    facts = drafted(looked, data, dictionary, folder, copy)
    put(folder, written(facts), [file for file in (data, dictionary) if copy and file])
    kept = [guess for guess in looked.found if not guess.left_out]
    return Begun(
        folder, folder / "study.yaml", len(looked.table), len(kept),
        tuple((guess.name, question) for guess in kept for question in guess.questions),
        tuple((", ".join(guess.columns), guess.left_out) for guess in looked.found if guess.left_out), facts["reports"],
    )  # fmt: skip


def look(data: Path, dictionary: Path | None, form: Format) -> Looked:
    """Look at data, with the dictionary of their REDCap project where there is one.

    Raises TieoutError where they cannot be read, or nothing in them can be analysed.
    """
    with readers.opened(Place(file=str(data.resolve()), format=form), Path()) as source:
        table = source.whole(list(source.names))
    if not dictionary and (several := [name for name in (export.EVENT, export.INSTANCE) if name in table]):
        problem = f"this is a REDCap export with several rows for a patient ('{several[0]}')"
        raise TieoutError(str(data), problem, "give its data dictionary too: --dictionary dictionary.csv")
    form, table, unclear = dialect.found(table, form)
    known: dict[str, describe.Entry] = {}
    asked: dict[str, tuple[str, ...]] = {}
    if dictionary:
        declared = dictionaries.read(dictionary)
        flat = export.flatten(table, declared, data)
        table = flat.table
        known, asked = describe.entries(flat, declared)
    found = [
        replace(
            guess, questions=(*asked.get(guess.name, ()), *guess.questions), left_out=unclear.get(guess.columns[0], guess.left_out)
        )
        for guess in guesses.look(table, known, *readers.labels(data))
    ]
    if all(guess.left_out for guess in found):
        raise TieoutError(str(data), "no column of these data can be analysed", f"{found[0].columns[0]}: {found[0].left_out}")
    return Looked(table, form, tuple(found))


def put(folder: Path, texts: Mapping[str, str], copies: Sequence[Path]) -> None:
    """Write files into a new folder, with copies of others below `data`: all or none."""
    with workplace(folder) as work:
        for name, text in texts.items():
            (work / name).parent.mkdir(parents=True, exist_ok=True)
            (work / name).write_text(text, encoding="utf-8")
        for file in copies:
            (work / "data").mkdir(exist_ok=True)
            shutil.copyfile(file, work / "data" / file.name)
        for made in sorted(work.iterdir()):
            made.replace(folder / made.name)


def drafted(looked: Looked, data: Path, dictionary: Path | None, folder: Path, copy: bool) -> dict[str, Any]:
    """Return what the study file and the manuscript of the first draft say."""
    table, declared = looked.table, [guess for guess in looked.found if not guess.left_out]
    roles = {guess.entry["role"] for guess in declared if "role" in guess.entry}
    group = grouping(declared)
    outcomes = list(outcomes_of(declared, group))
    rows = [guess.name for guess in declared if describable(guess) and not (group and guess.name == group.variable)]
    site = next((guess for guess in declared if guess.entry.get("role") == "site"), None)
    name = guesses.label_of(data.stem)
    return {
        "name": name, "title": f"{name}: a registry", "file": place_of(data, folder, copy),
        "cut": cut(declared, table, data).isoformat(),
        "format": looked.form.model_dump(exclude_defaults=True),
        "redcap": {"dictionary": place_of(dictionary, folder, copy)} if dictionary else None,
        "declared": declared, "left_out": [guess for guess in looked.found if guess.left_out], "roles": sorted(roles),
        "group": group, "outcomes": outcomes, "rows": rows[:ROWS],
        "reports": roles >= {"record", "site", "enrolled"} and bool(outcomes),
        "sites": "site" if site and table[site.columns[0]].nunique() == 1 else "sites",
    }  # fmt: skip


def place_of(data: Path, folder: Path, copy: bool) -> str:
    """Return how the study file names the data: from its own folder."""
    if copy:
        return f"data/{data.name}"
    try:
        return Path(os.path.relpath(data.resolve(), folder.resolve())).as_posix()
    except ValueError:  # another drive
        return data.resolve().as_posix()


def cut(declared: Sequence[Guess], table: pd.DataFrame, data: Path) -> date:
    """Return the day of the data file, or the latest day of enrolment where that lies after it."""
    day = datetime.fromtimestamp(data.stat().st_mtime, tz=UTC).date()
    enrolled = next((guess for guess in declared if guess.entry.get("role") == "enrolled"), None)
    return max(day, date.fromisoformat(table[enrolled.columns[0]].str.strip().max()[:10])) if enrolled else day


def describable(guess: Guess) -> bool:
    return "role" not in guess.entry and guess.type in (*NUMBERS, *LEVELLED) and guess.entry.get("note") != describe.STATE


def grouping(declared: Sequence[Guess]) -> Grouping | None:
    """Return the groups of the first table, from the column that most plausibly divides the patients."""
    chosen = guesses.group(declared)
    if not chosen:
        return None
    codes = dict(chosen.entry.get("levels") or {"1": "Yes", "0": "No"})
    taken = set(RESERVED)
    told = {each: str(text) if re.search(r"[^\W\d]", str(text)) else f"{chosen.name} {each}" for each, text in codes.items()}
    names = {each: guesses.name_of(text.casefold(), taken) for each, text in told.items()}
    label = str(chosen.entry["label"])
    shown = {names[each]: f"{label}: {text}" if text in ("Yes", "No", each) else text for each, text in codes.items()}
    return Grouping(chosen.name, chosen.name, {name: each for each, name in names.items()}, shown)


def outcomes_of(declared: Sequence[Guess], group: Grouping | None) -> Iterator[Outcome]:
    for chosen, event in guesses.outcomes(declared):
        by = group.name if group and group.variable != chosen.name and len(group.levels) == 2 else ""
        label = str(chosen.entry["label"])
        yield Outcome(chosen.name, chosen.name, event, label, f"patients with {label} recorded", by)


def written(facts: Mapping[str, Any]) -> dict[str, str]:
    """Return the texts of a new study's files by their paths."""
    environment = Environment(
        loader=FileSystemLoader(resources.templates() / "new"), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True, comment_start_string="<#", comment_end_string="#>",
    )  # fmt: skip
    environment.filters |= {"yaml": yaml, "code": code, "entry": entry}
    found = {
        "study.yaml": environment.get_template("study.yaml").render(facts),
        "report/manuscript.qmd": environment.get_template("manuscript.qmd").render(facts),
    }
    if facts["reports"]:
        for name in ("site.qmd", "centre.qmd"):
            found[f"report/{name}"] = (resources.example() / "report" / name).read_text(encoding="utf-8")
    return found


def yaml(value: Any) -> str:
    """Return a value as YAML on one line; text that could be read otherwise is quoted."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{code(key)}: {yaml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(yaml, value)) + "]"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"{value:g}" if abs(value) < 1e6 else str(value)
    text = str(value)
    plain = PLAIN.fullmatch(text) and text.casefold() not in WORDS and not text.endswith(" ")
    return text if plain else json.dumps(text, ensure_ascii=False)


def code(key: Any) -> str:
    """Return a key or a code as YAML; a whole number needs no quotes, since codes are read as the text they are."""
    return str(key) if re.fullmatch(r"-?(0|[1-9]\d{0,8})", str(key)) else yaml(key)


def entry(guess: Guess) -> str:
    """Return a variable's entry in the study file, with what a person must confirm."""
    header = guess.columns[0].split("___")[0] if guess.type == "checkbox" else guess.columns[0]
    told = {"label": guess.entry["label"], **({"column": header} if header != guess.name else {})}
    told |= {key: value for key, value in guess.entry.items() if key != "label"}
    line = f"  {guess.name}: {yaml(told)}"
    if len(line) > WIDE:
        line = f"  {guess.name}:\n" + "\n".join(lines_of(told))
    notes = "".join(f"  # CONFIRM: {question}" for question in guess.questions[:1])
    more = "".join(f"\n  # CONFIRM {guess.name}: {question}" for question in guess.questions[1:])
    first, _, rest = line.partition("\n")
    return first + notes + (f"\n{rest}" if rest else "") + more


def lines_of(told: Mapping[str, Any]) -> Iterator[str]:
    for key, value in told.items():
        if isinstance(value, Mapping):
            yield f"    {key}:"
            yield from (f"      {code(each)}: {yaml(label)}" for each, label in value.items())
        else:
            yield f"    {key}: {yaml(value)}"

