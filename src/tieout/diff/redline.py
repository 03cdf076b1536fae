"""Lay an old and a new manuscript over each other: which passages are the same, and in the others which words changed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

from tieout.audit.quoted import Passage

WORD = re.compile(r"\s+|\d+(?:[.,·]\d+)*|[^\W\d_]+|.", re.DOTALL)
NUMBER = re.compile(r"\d+(?:[.,·]\d+)*")
ALIKE = 0.4
GONE = 1_000_000
"""What is added to the number of a table that is gone, so that it is not taken for one that is there."""


@dataclass(frozen=True)
class Piece:
    """A stretch of text: "same", "del" (only in the old), "ins" (only in the new), or a "figure" that was `old`."""

    kind: str
    text: str
    key: str = ""
    old: str = ""


@dataclass(frozen=True)
class Laid:
    """A passage of the new manuscript, or one that is gone, cut into pieces; `changed` says whether any differs."""

    passage: Passage
    pieces: tuple[Piece, ...]

    @property
    def changed(self) -> bool:
        return any(piece.kind != "same" for piece in self.pieces)


def laid(old: Sequence[Passage], new: Sequence[Passage]) -> list[Laid]:
    """Return every passage of the new manuscript in order, and where they stood those of the old one that are gone.

    A row that is gone from a table that is still there comes as a note beneath the table.
    """
    found: list[Laid] = []
    lost: list[Passage] = []
    stays = {was.table: now.table for was, now in aligned(old, new) if was and now and was.table and now.table}
    table: int | None = None
    for was, now in aligned(old, new):
        if now is None:
            assert was is not None, "a pair has a passage at least on one side"
            if was.table in stays:
                lost.append(was)
            else:
                gone = replace(was, table=was.table + GONE if was.table else None)
                found += [*noted(lost), Laid(gone, (Piece("del", was.text),))]
                lost, table = [], None
            continue
        if now.table != table:
            found += noted(lost)
            lost, table = [], now.table
        found.append(Laid(now, tuple(pieces(was, now)) if was else (Piece("ins", now.text),)))
    return [*found, *noted(lost)]


def noted(lost: Sequence[Passage]) -> list[Laid]:
    """Return notes of what is gone from a table, a line for each of its rows."""
    rows: dict[tuple[int | None, int | None], list[Passage]] = {}
    for passage in lost:
        rows.setdefault((passage.table, passage.row), []).append(passage)
    return [
        Laid(Passage(told, "note", row[0].index), (Piece("same", "Gone from this table: "), Piece("del", told)))
        for row in rows.values()
        if (told := "; ".join(p.text if p.column in (0, None) or not p.column_headers else
                              f"{p.column_headers[-1]}: {p.text}" for p in row))
    ]  # fmt: skip


def aligned(old: Sequence[Passage], new: Sequence[Passage]) -> Iterator[tuple[Passage | None, Passage | None]]:
    """Yield the passages of both manuscripts in order, in pairs where one is what became of the other."""
    ours, theirs = [signature(p) for p in old], [signature(p) for p in new]
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes():
        if tag == "equal":
            yield from zip(old[i1:i2], new[j1:j2], strict=True)
        else:
            yield from likely(old[i1:i2], new[j1:j2])


def signature(passage: Passage) -> tuple[str, ...]:
    """Return what a passage is known by: a cell its place in the table, other text its words without its numbers."""
    heads = (passage.row_header, *passage.column_headers)
    known = ("", *heads) if passage.kind == "cell" and passage.row_header else (passage.text, *heads)
    return passage.kind, *(NUMBER.sub("#", part.casefold()) for part in known)


def likely(old: Sequence[Passage], new: Sequence[Passage]) -> Iterator[tuple[Passage | None, Passage | None]]:
    """Yield passages that share words as pairs, in order, and the others alone."""
    start = 0
    for now in new:
        hit = next((i for i in range(start, len(old)) if old[i].kind == now.kind and share(old[i], now) >= ALIKE), None)
        if hit is None:
            yield None, now
            continue
        yield from ((was, None) for was in old[start:hit])
        yield old[hit], now
        start = hit + 1
    yield from ((was, None) for was in old[start:])


def share(one: Passage, two: Passage) -> float:
    """Return which part of the words of two passages is common to both (Dice's coefficient)."""
    ours, theirs = ({word.casefold() for word in WORD.findall(p.text) if word.strip()} for p in (one, two))
    return 2 * len(ours & theirs) / max(len(ours) + len(theirs), 1)


def tokens(passage: Passage) -> list[tuple[str, str]]:
    """Return a passage as words with the keys of those that are figures; a figure is one word."""
    found, at = [], 0
    for span in passage.keys:
        if span.start >= at:
            found += [(word, "") for word in WORD.findall(passage.text[at : span.start])]
            found.append((passage.text[span.start : span.end], span.key))
            at = span.end
    return [*found, *((word, "") for word in WORD.findall(passage.text[at:]))]


def pieces(old: Passage, new: Passage) -> list[Piece]:
    """Return a passage cut into what stayed and what changed; a figure that has the same key on both sides is one piece."""
    ours, theirs = tokens(old), tokens(new)
    was, now = ([key or text for text, key in side] for side in (ours, theirs))
    found: list[Piece] = []
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, was, now, autojunk=False).get_opcodes():
        if tag == "equal":
            for (old_text, key), (text, _) in zip(ours[i1:i2], theirs[j1:j2], strict=True):
                found.append(Piece("same", text, key) if old_text == text else Piece("figure", text, key, old_text))
            continue
        found += [Piece("del", "".join(text for text, _ in ours[i1:i2]))] if i1 < i2 else []
        found += [Piece("ins", "".join(text for text, _ in theirs[j1:j2]))] if j1 < j2 else []
    return joined(found)


def joined(found: Sequence[Piece]) -> list[Piece]:
    """Return the pieces with neighbours of one kind as one; blanks between changed words change with them."""
    whole: list[Piece] = []
    for k, piece in enumerate(found):
        around = {found[i].kind for i in (k - 1, k + 1) if 0 <= i < len(found)}
        if piece.kind == "same" and not piece.text.strip() and around and around <= {"del", "ins"}:
            whole += [Piece("del", piece.text), Piece("ins", piece.text)]
        else:
            whole.append(piece)
    made: list[Piece] = []
    run: dict[str, str] = {"del": "", "ins": ""}

    def settle() -> None:
        made.extend(Piece(kind, text) for kind, text in run.items() if text)
        run.update({"del": "", "ins": ""})

    for piece in whole:
        if piece.kind in run:
            run[piece.kind] += piece.text
            continue
        settle()
        if piece.kind == "same" and not piece.key and made and made[-1].kind == "same" and not made[-1].key:
            made[-1] = Piece("same", made[-1].text + piece.text)
        else:
            made.append(piece)
    settle()
    return made
