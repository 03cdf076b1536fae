"""Results to a picture, its alternative text and the rows it draws."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cache

from tieout.display import Profile
from tieout.figures.distribution import BAR, distribution, on, shading
from tieout.figures.drawing import Drawing, Rows
from tieout.figures.flow import flow
from tieout.figures.forest import forest
from tieout.figures.funnel import funnel
from tieout.figures.kaplan_meier import kaplan_meier
from tieout.figures.love import love
from tieout.figures.missing import missing
from tieout.figures.recruitment import recruitment
from tieout.figures.run_chart import run_chart
from tieout.figures.sheet import GREY, INK, SIZE, measure, saved, stamped, style, tidy
from tieout.results import Results

__all__ = [
    "BAR", "CHARTS", "GREY", "INK", "KINDS", "SIZE", "Figure", "alt", "draw", "measure", "on", "shading",
]  # fmt: skip

KINDS: dict[str, Callable[[Results, str, Profile], Drawing]] = {
    "flow": flow,
    "distribution": distribution,
    "forest": forest,
    "love": love,
    "kaplan_meier": kaplan_meier,
    "missing": missing,
}
"""What a study may declare."""

CHARTS: dict[str, Callable[[Results, str, Profile], Drawing]] = {
    "funnel": funnel,
    "run": run_chart,
    "recruitment": recruitment,
}
"""What a report to a site shows of `results.meta["charts"]`."""


@dataclass(frozen=True)
class Figure:
    """A picture in the formats asked for, its alternative text, and the text that it draws as a header and rows."""

    name: str
    svg: bytes
    png: bytes
    alt: str
    rows: Rows


def draw(results: Results, name: str, profile: Profile, formats: Collection[str] = ("svg", "png")) -> Figure:
    """Draw a declared figure as SVG and PNG; the same results give the same bytes.

    Text in the SVG is outlines, since no font is the same in a browser, in Typst and in a word processor.
    Both are in their final size (86 or 178 mm wide); the PNG has 300 dots per inch. A format that is not among
    `formats` is empty: PDF and HTML need the SVG alone.
    """
    drawing = drawn(results, name, profile)
    with style():
        made = pictures(drawing, formats, bool(results.meta["synthetic"]))
    return Figure(name, made.get("svg", b""), made.get("png", b""), described(drawing, results), drawing.rows)


def pictures(drawing: Drawing, formats: Collection[str], synthetic: bool) -> dict[str, bytes]:
    sheet = cache(lambda: stamped(drawing.paint(), synthetic))
    quick = {"svg": drawing.svg} if drawing.svg else {}
    return {each: quick[each](synthetic) if each in quick else saved(sheet(), each) for each in formats}


def alt(results: Results, name: str, profile: Profile) -> str:
    """Return the alternative text of a declared figure without drawing it."""
    return described(drawn(results, name, profile), results)


def drawn(results: Results, name: str, profile: Profile) -> Drawing:
    figure = results.meta["layout"]["figures"][name]
    return (KINDS | CHARTS)[figure["kind"]](results, figure["of"], profile)


def described(drawing: Drawing, results: Results) -> str:
    return tidy(drawing.alt + (" Synthetic data." if results.meta["synthetic"] else ""))
