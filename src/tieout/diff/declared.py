"""Say in words what two study files declare otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tieout.results import Results
from tieout.study import INTERNAL, Study

PARTS = {
    "variables": "variable", "derived": "derived variable", "groups": "group", "outcomes": "outcome", "tables": "table",
    "models": "model", "shifts": "shift", "figures": "figure", "conditions": "condition", "claims": "claim", "checks": "check",
    "screening": "variable of the screening log",
}  # fmt: skip
LONGEST = 300
NOTHING = "nothing"


@dataclass(frozen=True)
class Redefined:
    """A definition that is new, gone or otherwise: where in the study file, and what it was and is, in words."""

    place: str
    what: str
    old: str = ""
    new: str = ""

    @property
    def sentence(self) -> str:
        return f"{self.place}: {self.what}" if self.what != "changed" else f"{self.place}: {self.old} → {self.new}"


def studies(old: Study, new: Study) -> list[Redefined]:
    """Return what two study files declare otherwise, in the order in which a study is declared."""
    return list(compared((), definitions(old), definitions(new)))


def definitions(study: Study) -> dict[str, Any]:
    """Return what a study file declares as plain data; not where files lie, which is no definition."""
    found = study.model_dump(by_alias=True, mode="json", exclude={*INTERNAL, "data", "documents"})
    if found["reports"]:
        del found["reports"]["sites"]
    screening = study.data.screening
    log = {name: v.model_dump(mode="json") for name, v in screening.variables.items()} if screening else {}
    return {"data cut": study.data.cut.isoformat(), **found, "screening": log}


def results(old: Results, new: Results) -> list[Redefined]:
    """Return which derived variables two results define otherwise; results know no more of their study file."""
    names = ("title", "journal", "confidence", "cut", "definitions")
    one, two = ({name: each.meta.get(name) for name in names} for each in (old, new))
    return list(compared((), one, two))


def compared(trail: tuple[str, ...], old: Any, new: Any) -> Iterator[Redefined]:
    """Yield the differences of two parts of a study file, the deepest place at which both have something."""
    if old == new:
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in dict.fromkeys((*old, *new)):
            here = (*trail, str(name))
            if name in old and name in new:
                yield from compared(here, old[name], new[name])
            elif len(here) == 2 and here[0] in PARTS:
                what = f"the {PARTS[here[0]]} is " + ("new" if name in new else "gone")
                told = words(new[name] if name in new else old[name])
                yield Redefined(" › ".join(here), what, *(("", told) if name in new else (told, "")))
            else:
                yield Redefined(" › ".join(here), "changed", words(old.get(name)), words(new.get(name)))
        if list(old) != list(new) and set(old) == set(new):
            yield Redefined(" › ".join(trail), "changed", ", ".join(map(str, old)), ", ".join(map(str, new)))
        return
    if isinstance(old, list) and isinstance(new, list) and all(isinstance(e, Mapping) and "name" in e for e in (*old, *new)):
        yield from compared(trail, *({str(e["name"]): e for e in each} for each in (old, new)))
        return
    yield Redefined(" › ".join(trail), "changed", words(old), words(new))


def words(value: Any) -> str:
    """Return a part of a study file as a reader says it."""
    told = said(value)
    return told if len(told) <= LONGEST else told[: LONGEST - 1] + "…"


def said(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {said(each)}" for name, each in value.items() if each not in (None, "", [], {})) or NOTHING
    if isinstance(value, (list, tuple)):
        return ", ".join(said(each) for each in value) or NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    return NOTHING if value in (None, "") else str(value).removesuffix(".0") if isinstance(value, float) else str(value)
