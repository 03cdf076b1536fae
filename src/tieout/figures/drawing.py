"""What a picture says, as its alternative text and its rows, and how it is painted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tieout.display import PHRASES, Profile
from tieout.figures.sheet import GREY, PAD, SINGLE, TOP, Sheet, blank, block, cut, wrapped
from tieout.keyed import words
from tieout.results import Results, Statistic
from tieout.tables import reasons

Rows = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Drawing:
    """What a picture says, and how to paint it; nothing is drawn and no library loaded before `paint`.

    `svg` is a quicker way to the same SVG, where there is one; it is told whether the data are synthetic.
    """

    alt: str
    rows: Rows
    paint: Callable[[], Sheet]
    svg: Callable[[bool], bytes] | None = None


def told(results: Results, key: str, phrase: str, profile: Profile) -> str:
    """Return a phrase about a key in plain words, or "NE" where one of its statistics has no value."""
    look = looking(results, key)
    return profile.not_estimable if reasons(look, phrase, profile) else words(PHRASES[phrase](look, profile), profile)


def looking(results: Results, key: str) -> Callable[[str], Statistic]:
    """Return what finds a part of a result by its name."""
    return lambda name: results[f"{key}.{name}" if name else key]


def lowered(label: str) -> str:
    """Return a label as it stands within a sentence: "Patients" is "patients", "NIHSS" and "mRS" stay."""
    return label[:1].lower() + label[1:] if label[1:2].islower() else label


def nothing(what: str) -> Drawing:
    """Return a picture that only says why there is none."""

    def paint() -> Sheet:
        lines = wrapped(what, SINGLE - 2 * PAD)
        sheet = blank(SINGLE)
        return cut(sheet, block(sheet, SINGLE / 2, TOP + PAD, lines, ha="center", color=GREY) + PAD)

    return Drawing(what, (("Note",), (what,)), paint)
