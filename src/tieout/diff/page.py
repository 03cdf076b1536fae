"""Show a difference as a page: what changed, and the manuscript with its old words struck out and its new ones marked."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any, cast

from tieout import pages
from tieout.audit.page import blocks
from tieout.audit.passages import INVISIBLE
from tieout.audit.quoted import Passage
from tieout.diff.compare import Change, Difference
from tieout.diff.redline import Laid, Piece
from tieout.diff.told import ABSENT, counted, summary
from tieout.listing import UNPRINTABLE

SHOWN_QUOTES = 3
BLANKS = str.maketrans("\t\n\r", "   ")


def page(difference: Difference) -> str:
    """Return one HTML file: no script, nothing fetched, every text of either side escaped."""
    laid = {id(each.passage): each for each in difference.laid}

    def cut(passage: Passage) -> tuple[Piece, ...]:
        return laid[id(passage)].pieces

    passages = [each.passage for each in difference.laid]
    environment = pages.environment({"counted": counted, "groupby_place": by_place, "summary": summary}, printable)
    return environment.get_template("diff.html").render(
        difference=difference,
        sides=(("Old", difference.old), ("New", difference.new)),
        blocks=list(blocks(passages, cast(Any, cut))),
        anchors=anchors(difference.laid),
        shown=[change for change in difference.quoted if change.printed],
        unquoted=[change for change in difference.unquoted if change.printed],
        most=SHOWN_QUOTES,
        absent=ABSENT,
    )


def printable(value: object) -> object:
    """Return a text without what turns its direction, and with a sign for what cannot be printed; its blanks stay."""
    if type(value) is not str:
        return value
    return UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", INVISIBLE.sub("", value.translate(BLANKS)))


def anchors(laid: tuple[Laid, ...]) -> dict[str, int]:
    """Return by key the number of the first piece that shows a changed figure: what a list can link to."""
    found: dict[str, int] = {}
    for each in laid:
        for piece in each.pieces:
            if piece.kind == "figure" and piece.key not in found:
                found[piece.key] = len(found) + 1
    return found


def by_place(changes: Sequence[Change]) -> list[tuple[str, list[tuple[str, list[Change]]]]]:
    """Return figures under the place, and there under the sentence or cell, that quotes them first."""
    return [
        (place, [(text, list(together)) for text, together in groupby(inside, key=lambda c: c.quotes[0].text)])
        for place, inside in groupby(changes, key=lambda c: c.quotes[0].place)
    ]
