"""Compare two sides: records, definitions, claims, every figure with the text that quotes it, and the words around them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from tieout import build, weave
from tieout.audit.quoted import Passage
from tieout.audit.sentences import sentence_starts
from tieout.diff import declared, records, redline, sides
from tieout.diff.declared import Redefined
from tieout.diff.records import Lines
from tieout.diff.redline import Laid
from tieout.diff.sides import Side
from tieout.errors import TieoutError

OLD_ONLY = " (old document only)"


@dataclass(frozen=True)
class Quote:
    """Where a document quotes a figure: the passage, the place in words, and the sentence or the cell."""

    passage: int
    start: int
    place: str
    text: str


@dataclass(frozen=True)
class Change:
    """A figure that is otherwise: "changed", "appeared" or "disappeared", how it was and is printed, and its quotes.

    `printed` says whether a reader sees the change; otherwise only digits that are not printed differ. `quotes` are those
    of the new document, or of the old one for a figure that disappeared.
    """

    key: str
    label: str
    state: str
    old: str
    new: str
    printed: bool
    quotes: tuple[Quote, ...] = ()


@dataclass(frozen=True)
class Flip:
    """A claim that held and no longer holds, or the other way round: what it states, what it needs, and the figures."""

    name: str
    states: str
    needs: str
    holds: bool
    old: str
    new: str


@dataclass(frozen=True)
class Difference:
    """What changed from one side to the other.

    `records` tells by table what changed in the data, `claims` which flipped, `figures` all that changed: those that a
    document quotes first, in its order. `notes` say what could not be compared, and what differs without a difference.
    """

    old: Side
    new: Side
    records: Mapping[str, Lines]
    definitions: tuple[Redefined, ...]
    claims: tuple[Flip, ...]
    figures: tuple[Change, ...]
    laid: tuple[Laid, ...]
    notes: tuple[str, ...] = field(default=())

    @cached_property
    def quoted(self) -> tuple[Change, ...]:
        return tuple(change for change in self.figures if change.quotes)

    @cached_property
    def unquoted(self) -> tuple[Change, ...]:
        return tuple(change for change in self.figures if not change.quotes)

    @cached_property
    def passages(self) -> int:
        """How many passages of the document differ, in words or figures."""
        return sum(each.changed for each in self.laid)

    @property
    def synthetic(self) -> str:
        return self.new.synthetic or self.old.synthetic

    @property
    def exit_code(self) -> int:
        """0 where nothing differs, 1 where something does."""
        return int(bool(any(self.records.values()) or self.definitions or self.claims or self.figures or self.passages))


def run(old: str | Path, new: str | Path, folders: tuple[Path, ...] = ()) -> Difference:
    """Compare two sides, each a snapshot's digest, a study, a results file or an output; `folders` hold the snapshots.

    Raises TieoutError for what is none of these, for a snapshot that does not fit its digest, and as building does.
    """
    return compared(sides.side(old, folders), sides.side(new, folders))


def compared(old: Side, new: Side) -> Difference:
    """Compare two sides by what is known of both."""
    lines = records.registries(old.registry, new.registry) if old.registry and new.registry else {}
    both = old.passages and new.passages and old.typeset == new.typeset
    laid = tuple(redline.laid(old.passages, new.passages)) if both else ()
    return Difference(
        old, new, lines, tuple(definitions(old, new)), tuple(flipped(old, new)), tuple(figures(old, new)), laid,
        tuple(notes(old, new, lines)),
    )  # fmt: skip


def definitions(old: Side, new: Side) -> list[Redefined]:
    if old.study and new.study:
        return declared.studies(old.study, new.study)
    return declared.results(old.results, new.results) if old.results and new.results else []


def notes(old: Side, new: Side, lines: Mapping[str, Lines]) -> list[str]:
    """Return what could not be compared, and why."""
    found = [f"{table}: {each.problem}" for table, each in lines.items() if each.problem]
    without = [each.shown for each in (old, new) if each.registry is None]
    if without:
        found.append(f"records were not compared: none are in {' and '.join(without)}")
    if any(each.study is None for each in (old, new)) and not (old.results and new.results):
        found.append("definitions were not compared: they are in a study or a snapshot")
    for each in (old, new):
        if not each.passages:
            found.append(f"texts were not compared: {each.shown} has no document")
        if each.results is None:
            found.append(f"{each.shown}: only the figures printed in it are known")
    if old.passages and new.passages and old.typeset != new.typeset:
        found.append("texts were not compared: a finished page has authors and references that a woven document has not")
    if old.title and new.title and old.title != new.title:
        found.append("these are not two cuts of one study: their titles differ")
    known = [each.study.digest for each in (old, new) if each.study]
    if len(set(known)) > 1 and not definitions(old, new):
        found.append("the study files differ in their text, but declare the same")
    made = [str(each.results.meta.get("snapshot", "")) for each in (old, new) if each.results]
    if lines and not any(lines.values()) and not any(each.problem for each in lines.values()) and len(set(made)) > 1:
        found.append("the data files differ in their bytes, but no declared value does")
    return found


def flipped(old: Side, new: Side) -> list[Flip]:
    """Return the claims that hold on one side alone: first those that no longer hold."""
    one, two = claims(old, new), claims(new, old)
    found = []
    for name in two:
        if name in one and one[name]["holds"] != two[name]["holds"]:
            now = two[name]
            needs = str(now.get("needs", ""))
            then, today = (
                weave.figures_of(needs, each.results, each.profile) if each.results else "" for each in (old, new)
            )
            found.append(Flip(name, str(now["states"]), needs, bool(now["holds"]), then, today))
    return sorted(found, key=lambda flip: flip.holds)


def claims(side: Side, other: Side) -> Mapping[str, Mapping[str, Any]]:
    """Return the claims of a side; of one that knows none of its own, those of the other judged on its figures."""
    if side.claims or other.study is None or side.results is None:
        return side.claims
    try:
        return build.claims(other.study, side.results, side.profile)
    except TieoutError:
        return {}


def figures(old: Side, new: Side) -> list[Change]:
    """Return every figure that is otherwise, those that are quoted first and in the order of the document."""
    before, after = quotes(old), quotes(new)
    found = []
    for key in universe(old, new):
        was, now = old.figures.get(key), new.figures.get(key)
        if was and now and was.same(now):
            continue
        state = "changed" if was and now else "appeared" if now else "disappeared"
        then, today = (" or ".join(each.texts) if each else "" for each in (was, now))
        label = (now.label if now else "") or (was.label if was else "")
        gone = [replace(quote, place=f"{quote.place}{OLD_ONLY}") for quote in before.get(key, []) if new.passages]
        found.append(Change(key, label, state, then, today, then != today, tuple(after.get(key, ()) or gone or before.get(key, ()))))
    return sorted(found, key=lambda c: place_of(c, after, len(new.passages)))


def place_of(change: Change, after: Mapping[str, list[Quote]], behind: int) -> tuple[int, int, int]:
    """Return where a figure stands in the order of a comparison; those that the new document lacks come behind it."""
    if not change.quotes:
        return (1, 0, 0)
    first = change.quotes[0]
    return (0, first.passage + (0 if change.key in after else behind), first.start)


def universe(old: Side, new: Side) -> list[str]:
    """Return the keys by which two sides can be compared: of a side without results only what its document quotes."""
    if old.results and new.results:
        return list(dict.fromkeys((*new.figures, *old.figures)))
    known = [side.quoted if side.passages else side.figures for side in (old, new) if side.results is None or side.passages]
    return list(dict.fromkeys(key for each in reversed(known) for key in each))


def quotes(side: Side) -> dict[str, list[Quote]]:
    """Return where the document of a side quotes each key."""
    found: dict[str, list[Quote]] = {}
    for passage in side.passages:
        for span in passage.keys:
            here = found.setdefault(span.key, [])
            quote = Quote(passage.index, span.start, place(passage), sentence(passage, span.start))
            if quote.text not in [each.text for each in here]:
                here.append(quote)
    return found


def place(passage: Passage) -> str:
    """Return where a passage stands, in words: its section, or its table."""
    section = " › ".join(passage.section[-2:])
    if not passage.table:
        return section or passage.kind
    caption = passage.caption if len(passage.caption) <= 60 else passage.caption[:59] + "…"
    return caption or f"Table {passage.table}"


def sentence(passage: Passage, at: int) -> str:
    """Return the sentence of a passage in which a figure stands, or the cell with its headers."""
    if passage.kind == "cell":
        heads = [part for part in (passage.row_header, *passage.column_headers[-1:]) if part]
        return f"{', '.join(heads)}: {passage.text}" if heads else passage.text
    starts = sentence_starts(passage.text)
    k = bisect_right(starts, at) - 1
    end = starts[k + 1] if k + 1 < len(starts) else len(passage.text)
    return passage.text[starts[k] : end].strip()
