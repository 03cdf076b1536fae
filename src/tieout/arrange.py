"""Put the parts of a woven document into the order of a layout, before it is typeset: the same for every engine and format."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tieout.errors import TieoutError, nearest
from tieout.render.document import ANCHOR, DIV, FENCE
from tieout.weave import FRONT_MATTER

BREAK = "{{< pagebreak >}}"
REFERENCES = "::: {#refs}\n:::"
IMAGE = re.compile(r"!\[(?P<caption>.*?)\]\([^()\s]+\)\{[^}]*#(?P<identifier>fig-[\w-]+)[^}]*\}", re.DOTALL)
CAPTION = re.compile(r"^(?:Table)?: .*\{[^}\n]*#tbl-[\w-]+[^}\n]*\}\s*$", re.MULTILINE)
HEADING = re.compile(r"#{1,6}\s")


@dataclass(frozen=True)
class Parts:
    """A document apart: front matter, the blocks of the text with the list of references at its end, the appendices."""

    front: str
    text: list[str]
    appendices: list[str]


def arranged(text: str, layout: str, place: Path) -> str:
    """Return a woven document in the order of a layout; tables and figures keep their numbers.

    Raises TieoutError, which names the document's `place`, where a table or figure stands inside a list, box or row that
    cannot be moved, so that its number would change.
    """
    made = LAYOUTS[layout](parts(text))
    if anchors(made) != anchors(text):
        raise stuck(text, place)
    return made


def chosen(layout: str) -> str:
    """Return a layout's name; raise TieoutError for one that is not known."""
    if layout not in LAYOUTS:
        raise TieoutError(
            "--layout", f"no layout is called '{layout}'", nearest(layout, LAYOUTS) or " or ".join(LAYOUTS)
        )
    return layout


def parts(text: str) -> Parts:
    """Take a document apart: what follows the list of references from the next heading on is the appendices."""
    found = FRONT_MATTER.match(text)
    front = found[0] if found else ""
    every = list(blocks(text[len(front) :]))
    ends = [place for place, block in enumerate(every) if "#refs" in opening(block)]
    if not ends:
        return Parts(front, [*every, REFERENCES] if re.search(r"^bibliography:", front, re.MULTILINE) else every, [])
    headings = [place for place, block in enumerate(every) if place > ends[0] and HEADING.match(block)]
    start = headings[0] if headings else len(every)
    return Parts(front, every[:start], every[start:])


def blocks(body: str) -> Iterator[str]:
    """Yield the blocks of a document: what stands between blank lines, a div and fenced code whole, a table with its caption."""
    held = ""
    for block in split(body):
        if held and not CAPTION.match(block):
            yield held
            held = ""
        if block.startswith(("|", "+")) and not CAPTION.search(block):
            held = block
        else:
            yield f"{held}\n\n{block}" if held else block
            held = ""
    if held:
        yield held


def split(body: str) -> Iterator[str]:
    """Yield what stands between blank lines, a div and fenced code whole."""
    lines: list[str] = []
    mark, depth = "", 0
    for line in [*body.splitlines(), ""]:
        fence, div = FENCE.match(line), DIV.match(line)
        within = bool(mark or depth)
        if mark:
            mark = "" if fence and fence["mark"].startswith(mark) and not fence["rest"].strip() else mark
        elif fence:
            mark = fence["mark"]
        elif div:
            depth += 1 if div["attributes"] else -1
        starts = not within and bool(mark or depth)
        if lines and (starts or (not within and not line.strip())):
            yield "\n".join(lines)
            lines = []
        if within or line.strip():
            lines.append(line)
        if within and not (mark or depth):
            yield "\n".join(lines)
            lines = []


def opening(block: str) -> str:
    """Return the attributes of the div that a block is, or nothing."""
    div = DIV.match(block.partition("\n")[0])
    return div["attributes"] or "" if div else ""


def kind_of(block: str) -> str:
    """Return "tbl" or "fig" for a block that is a table or figure with a number, or a row of them; otherwise nothing."""
    if found := ANCHOR.search(opening(block)):
        return found["identifier"][:3]
    floats = "layout-ncol" in opening(block) or IMAGE.fullmatch(block.rstrip()) or CAPTION.search(block)
    kinds = {found["identifier"][:3] for found in ANCHOR.finditer(block)} if floats else set()
    return kinds.pop() if len(kinds) == 1 else ""


def as_article(document: Parts) -> str:
    """Leave everything in its place; where the appendices have the width of the page, the look begins a page for them."""
    return joined(document.front, [*document.text, *apart(document)])


def as_submission(document: Parts) -> str:
    """Put every table, and then every figure, on a page of its own after the references; the legends stand before the figures."""
    floats = {kind: [block for block in document.text if kind_of(block) == kind] for kind in ("tbl", "fig")}
    told = [f"**@{identifier}.** {caption}" for block in floats["fig"] for identifier, caption in legends(block)]
    text = [block for block in document.text if not kind_of(block)]
    listed = ["\n\n".join(["# Figure legends {.unnumbered}", *told])] if told else []
    ends = [*floats["tbl"], *listed, *floats["fig"], *apart(document)]
    return joined(document.front, [BREAK, *text, *(part for block in ends for part in (BREAK, block))])


def apart(document: Parts) -> list[str]:
    """Return the appendices as one block with a mark for the look: their tables and figures stay in their places."""
    return ["\n\n".join(["::: {.appendices}", *document.appendices, ":::"])] if document.appendices else []


LAYOUTS: Mapping[str, Callable[[Parts], str]] = {"article": as_article, "submission": as_submission}


def legends(block: str) -> Iterator[tuple[str, str]]:
    """Yield identifier and caption of each figure of a block."""
    found = ANCHOR.search(opening(block))
    inner = list(split(block.partition("\n")[2].rpartition("\n")[0])) if found else []
    if found and len(inner) > 1:
        yield found["identifier"], " ".join(inner[-1].split())
    else:
        yield from ((image["identifier"], " ".join(image["caption"].split())) for image in IMAGE.finditer(block))


def joined(front: str, body: list[str]) -> str:
    return f"{front}\n" * bool(front) + "\n\n".join(body) + "\n"


def anchors(text: str) -> dict[str, list[str]]:
    """Return the identifiers of tables and of figures in the order in which they get their numbers."""
    found = [anchor["identifier"] for anchor in ANCHOR.finditer(text)]
    return {kind: [each for each in found if each.startswith(kind)] for kind in ("tbl-", "fig-")}


def stuck(text: str, place: Path) -> TieoutError:
    left = [found["identifier"] for block in parts(text).text if not kind_of(block) for found in ANCHOR.finditer(block)]
    name = next(each for each in left if not each.startswith("sec-"))
    problem = (
        f"'#{name}' stands inside a list, a box or a row of its own kind, and cannot go to the end without a new number"
    )
    return TieoutError(str(place), problem, "let it stand by itself, or choose --layout article")
