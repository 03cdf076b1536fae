"""Give the figures of a manuscript their keys again from the woven document that it carries."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from difflib import SequenceMatcher

from tieout.audit.quoted import KeyedSpan, Manuscript, Passage

PIECE = re.compile(r"\d+(?:[.,·]\d+)*|[^\W\d_]+|\S")
NUMBER = re.compile(r"\d+(?:[.,·]\d+)*")
SIGNS = tuple("-−<>≤≥")
ALIKE = 0.6


def with_keys(manuscript: Manuscript, woven: Manuscript) -> Manuscript:
    """Return the manuscript with a key at each figure that was woven.

    What has lost its key in Word, or never had one, as in a PDF, gets the key of the figure that stands at its place in
    `woven`: passages and their words are aligned with their numbers left out, so that a number that was changed keeps the
    key of the one it stands for.
    """
    passages = list(manuscript.passages)
    for i, twin in pairs(passages, woven.passages):
        passages[i] = with_twins_keys(passages[i], twin)
    return replace(manuscript, passages=tuple(passages))


def signature(passage: Passage) -> str:
    """Return a passage and its headers with every number left open."""
    parts = (passage.text, passage.row_header, *passage.column_headers)
    return NUMBER.sub("#", " | ".join(parts).casefold())


def pairs(passages: Sequence[Passage], woven: Sequence[Passage]) -> Iterator[tuple[int, Passage]]:
    """Yield the index of each passage with the keyed passage of the woven document that it is."""
    ours, theirs = [signature(p) for p in passages], [signature(p) for p in woven]
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes():
        if tag == "equal":
            yield from ((i1 + k, woven[j1 + k]) for k in range(i2 - i1) if woven[j1 + k].keys)
        elif tag == "replace":
            left = {i: set(ours[i].split()) for i in range(i1, i2)}
            yield from alike(left, [(set(theirs[j].split()), woven[j]) for j in range(j1, j2) if woven[j].keys])


def alike(left: dict[int, set[str]], twins: Sequence[tuple[set[str], Passage]]) -> Iterator[tuple[int, Passage]]:
    """Yield, in order, passages that share most of their words with a keyed one, each once."""
    for words, twin in twins:
        shares = [(len(words & own) / max(len(words), 1), -i) for i, own in left.items()]
        if shares and (best := max(shares))[0] >= ALIKE:
            yield -best[1], twin
            del left[-best[1]]


def with_twins_keys(passage: Passage, twin: Passage) -> Passage:
    """Return a passage with the keys of its twin at the words where they stand; a key of its own is kept."""
    here, there = list(PIECE.finditer(passage.text)), list(PIECE.finditer(twin.text))
    ours, theirs = ([NUMBER.sub("#", m.group().casefold()) for m in side] for side in (here, there))
    blocks = SequenceMatcher(None, theirs, ours, autojunk=False).get_opcodes()
    spans = list(passage.keys)
    for span in twin.keys:
        covered = [k for k, m in enumerate(there) if m.start() < span.end and m.end() > span.start]
        if not covered:
            continue
        first, last = moved(blocks, covered[0])[0], moved(blocks, covered[-1])[1]
        if first >= last:
            continue
        start, end = here[first].start(), here[last - 1].end()
        before = passage.text[start - 1 : start]
        if before in SIGNS and before != twin.text[span.start - 1 : span.start]:
            start -= 1
        if not any(own.start < end and own.end > start for own in spans):
            spans.append(KeyedSpan(start, end, span.key))
    return replace(passage, keys=tuple(sorted(spans, key=lambda s: s.start)))


def moved(blocks: Sequence[tuple[str, int, int, int, int]], at: int) -> tuple[int, int]:
    """Return which words of the read text stand for the word at `at` of the woven one, as a half-open range."""
    for tag, i1, i2, j1, j2 in blocks:
        if i1 <= at < i2:
            if tag == "equal" or i2 - i1 == j2 - j1:
                return j1 + at - i1, j1 + at - i1 + 1
            return (j1, j2)
    return (0, 0)
