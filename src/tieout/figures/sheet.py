"""The sheet that is painted on, in points from its upper left corner: text, lines, frames, arrows, marks."""

from __future__ import annotations

import io
import math
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

SINGLE, WIDE = 86 / 25.4 * 72, 178 / 25.4 * 72
SIZE, LEADING = 7.0, 9.0
LARGE = 9.0
TOP, PAD, GAP = 12.0, 6.0, 16.0
INK, GREY, PALE, MARK = "#1a1a1a", "#6b6b6b", "#f4f4f4", "#9c2a00"
FALLBACKS = (
    "Noto Sans CJK KR", "Noto Sans KR", "Apple SD Gothic Neo", "Malgun Gothic", "NanumGothic",
    "Noto Emoji", "Noto Sans Symbols2", "Segoe UI Symbol", "Apple Symbols", "Symbola",
)  # fmt: skip
UNDATED = {"svg": {"Date": None, "Creator": None}, "png": {"Software": None}}
NEAR = 150.0
BEHIND, LINES, MARKS, ABOVE = 0.5, 0.9, 2.0, 2.5
"""Depths; matplotlib itself puts frames at 1 and text at 3."""


@dataclass(frozen=True)
class Sheet:
    """A matplotlib figure with the transform from points, downwards from its upper left corner, and its text size."""

    figure: Any
    points: Any
    flip: Any
    width: float
    size: float

    @property
    def leading(self) -> float:
        return self.size * LEADING / SIZE


def blank(width: float, size: float = SIZE) -> Sheet:
    """Return a sheet that is `width` points wide; `cut` gives it its height."""
    from matplotlib.figure import Figure as Canvas
    from matplotlib.transforms import Affine2D

    figure = Canvas(facecolor="white")
    flip = Affine2D().scale(1, -1)
    return Sheet(figure, flip + Affine2D().scale(1 / 72) + figure.dpi_scale_trans, flip, width, size)


def cut(sheet: Sheet, height: float) -> Sheet:
    """Return a sheet cut to a height, in points."""
    sheet.flip.translate(0, height)
    sheet.figure.set_size_inches(sheet.width / 72, height / 72)
    return sheet


def stamped(sheet: Sheet, synthetic: bool) -> Sheet:
    """Say of synthetic data in the upper right corner that they are."""
    if synthetic:
        put(sheet, sheet.width - 1, LEADING / 2, "SYNTHETIC DATA", ha="right", color=MARK, bold=True)
    return sheet


def saved(sheet: Sheet, format_: str) -> bytes:
    """Return a sheet as the bytes of a picture, without date and without the names of programs."""
    out = io.BytesIO()
    sheet.figure.savefig(out, format=format_, dpi=300, metadata=UNDATED[format_])
    return out.getvalue()


def stamp(name: str, paint: Callable[[Sheet, float, float], None]) -> str:
    """Return as an SVG group what `paint` paints around a point, which is the group's origin; `name` begins its ids.

    So a mark is painted once and set in many places of many pictures. It reaches no further than NEAR points.
    """
    sheet = cut(blank(2 * NEAR), 2 * NEAR)
    paint(sheet, NEAR, NEAR)
    text = saved(sheet, "svg").decode()
    marks = text[text.index("</g>") + len("</g>") : text.rindex("</g>")]
    marks = re.sub(r'(?<=\bid=")|(?<=xlink:href="#)', f"{name}-", marks)
    return f'<g id="{name}" transform="translate(-{NEAR:g} -{NEAR:g})">{marks}</g>'


def onto(svg: str, groups: str) -> str:
    """Set SVG groups on top of a picture."""
    end = svg.rindex("</g>")
    return f"{svg[:end]}{groups}\n {svg[end:]}"


@contextmanager
def style() -> Iterator[None]:
    """Draw with matplotlib's own settings and not the user's, and say nothing of signs that no font has."""
    from matplotlib.style import context

    ours = {
        "font.family": fonts(),
        "svg.fonttype": "path",
        "svg.hashsalt": "tieout",
        "path.simplify": False,
        "lines.solid_capstyle": "butt",
    }
    with context(["default", ours]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)
        yield


@cache
def fonts() -> list[str]:
    """Return matplotlib's own font, which every machine has, and those here that know more signs."""
    from matplotlib.font_manager import fontManager

    installed = set(fontManager.get_font_names())
    return ["DejaVu Sans", *(name for name in FALLBACKS if name in installed)]


@lru_cache(maxsize=8192)
def measure(line: str, size: float = SIZE) -> float:
    """Return the width of a line of text in points."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(family=fonts(), size=size)
    return float(text_to_path.get_text_width_height_descent(line, font, ismath=False)[0])


def wrapped(text: str, widest: float, size: float = SIZE) -> list[str]:
    """Break text into lines no wider than `widest` points; a word that is wider is broken too."""
    lines: list[str] = []
    for word in tidy(text).split(" "):
        if lines and measure(f"{lines[-1]} {word}", size) <= widest:
            lines[-1] += f" {word}"
            continue
        while measure(word, size) > widest and len(word) > 1:
            fits = max(1, next(n for n in range(1, len(word) + 1) if measure(word[:n], size) > widest) - 1)
            lines.append(word[:fits])
            word = word[fits:]
        lines.append(word)
    return [line for line in lines if line]


def balanced(text: str, widest: float) -> list[str]:
    """Break text into as few lines as `wrapped`, of about the same width."""
    lines = wrapped(text, widest)
    while len(lines) > 1 and len(closer := wrapped(text, widest := widest - 3)) == len(lines):
        lines = closer
    return lines


def put(
    sheet: Sheet,
    x: float,
    y: float,
    line: str,
    *,
    ha: str = "left",
    color: str = INK,
    bold: bool = False,
    italic: bool = False,
) -> None:
    """Write one line whose capitals are centred on y."""
    sheet.figure.text(
        x, y + 0.36 * sheet.size, line, transform=sheet.points, ha=ha, va="baseline", color=color, fontsize=sheet.size,
        fontweight="bold" if bold else "normal", fontstyle="italic" if italic else "normal", parse_math=False,
    )  # fmt: skip


def block(sheet: Sheet, x: float, y: float, lines: Iterable[str], *, ha: str = "left", color: str = INK) -> float:
    """Write lines downwards from y, and return where they end."""
    for line in lines:
        put(sheet, x, y + sheet.leading / 2, line, ha=ha, color=color)
        y += sheet.leading
    return y


def outline(
    sheet: Sheet,
    path: Sequence[tuple[float, float]],
    *,
    color: str = INK,
    width: float = 0.6,
    depth: float = LINES,
    dashed: bool = False,
) -> None:
    """Draw a line, beneath all boxes and markers unless another `depth` is given."""
    from matplotlib.lines import Line2D

    xs, ys = zip(*path, strict=True)
    sheet.figure.add_artist(
        Line2D(
            xs, ys, color=color, linewidth=width, zorder=depth, transform=sheet.points,
            linestyle=(0, (4, 2.5)) if dashed else "-",
        )
    )  # fmt: skip


def band(sheet: Sheet, low: Sequence[tuple[float, float]], high: Sequence[tuple[float, float]], color: str) -> None:
    """Fill lightly what lies between two lines, beneath everything else."""
    from matplotlib.patches import Polygon

    corners = [*low, *reversed(high)]
    sheet.figure.add_artist(
        Polygon(corners, facecolor=color, alpha=0.13, linewidth=0, zorder=BEHIND / 2, transform=sheet.points)
    )


def dots(sheet: Sheet, places: Sequence[tuple[float, float]], radius: float, *, face: str, edge: str) -> None:
    """Paint circles above lines."""
    from matplotlib.lines import Line2D

    xs, ys = zip(*places, strict=True)
    sheet.figure.add_artist(
        Line2D(
            xs, ys, linestyle="", marker="o", markersize=2 * radius, markerfacecolor=face, markeredgecolor=edge,
            markeredgewidth=0.6, zorder=MARKS, transform=sheet.points,
        )
    )  # fmt: skip


def diamond(sheet: Sheet, x: float, y: float, radius: float, face: str) -> None:
    """Paint a diamond round a point; `radius` in points."""
    from matplotlib.patches import Polygon

    corners = [(x - radius, y), (x, y - radius), (x + radius, y), (x, y + radius)]
    sheet.figure.add_artist(
        Polygon(corners, facecolor=face, edgecolor="white", linewidth=0.6, zorder=ABOVE, transform=sheet.points)
    )


def frame(sheet: Sheet, x: float, y: float, width: float, height: float, face: str = "white", edge: str = INK) -> None:
    """Paint a rectangle from its upper left corner; all in points."""
    from matplotlib.patches import Rectangle

    sheet.figure.add_artist(
        Rectangle((x, y), width, height, facecolor=face, edgecolor=edge, linewidth=0.6, transform=sheet.points)
    )


def arrow(sheet: Sheet, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Paint a straight arrow, whose line ends inside its tip so that the tip stays sharp."""
    length = math.dist(start, end)
    dx, dy = (end[0] - start[0]) / length, (end[1] - start[1]) / length
    outline(sheet, [start, (end[0] - 3 * dx, end[1] - 3 * dy)])
    tip(sheet, end, (dx, dy))


def tip(sheet: Sheet, end: tuple[float, float], towards: tuple[float, float]) -> None:
    """Paint the tip of an arrow that ends at a point and goes `towards` a direction of length 1."""
    from matplotlib.patches import Polygon

    (x, y), (dx, dy) = end, towards
    back, half = (x - 4.5 * dx, y - 4.5 * dy), 1.8
    corners = [end, (back[0] - half * dy, back[1] + half * dx), (back[0] + half * dy, back[1] - half * dx)]
    sheet.figure.add_artist(Polygon(corners, facecolor=INK, linewidth=0, transform=sheet.points))


def tidy(text: str) -> str:
    """Return a text in one line with single spaces."""
    return " ".join(text.split())
