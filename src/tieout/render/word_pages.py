"""Lay out the pages: turned for tables that are wider than they, with captions and notes, and the first without header."""

from __future__ import annotations

from copy import deepcopy
from itertools import pairwise

from lxml import etree
from lxml.etree import _Element as Element

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
ABOVE = ("TableCaption", "Heading1", "Heading2", "Heading3")
BELOW = ("TableNote",)


def text_width(section: Element, turned: bool = False) -> int:
    """Return the width of the text of a section, or of the section turned, in twentieths of a point."""
    size, margins = section.find(f"{W}pgSz"), section.find(f"{W}pgMar")
    assert size is not None and margins is not None, "reference.docx declares its page"
    across = int(str(size.get(f"{W}h" if turned else f"{W}w")))
    return across - int(str(margins.get(f"{W}left"))) - int(str(margins.get(f"{W}right")))


def turn_pages(body: Element, wide: list[Element]) -> None:
    """Put the wide tables of a document, which are children of its body, into landscape sections of their own."""
    section = body[-1]
    blocks = [block for block in body if block.tag in (f"{W}p", f"{W}tbl")]
    turned = [block in wide for block in blocks]
    for place in [place for place, block in enumerate(blocks) if block in wide]:
        for step, styles in ((-1, ABOVE), (1, BELOW)):
            at = place + step
            while 0 <= at < len(blocks) and style_of(blocks[at]) in styles:
                turned[at] = True
                at += step
    kept = [i for i, block in enumerate(blocks) if not only_breaks(block) or not borders(turned, i)]
    for gone in set(range(len(blocks))) - set(kept):
        body.remove(blocks[gone])
    for one, other in pairwise(kept):
        if turned[one] != turned[other]:
            end_section(blocks[one], laid(section, turned[one]))
    if kept and turned[kept[-1]]:
        body[-1] = laid(section, True)


def borders(turned: list[bool], place: int) -> bool:
    """Tell whether a block stands where the page turns."""
    return len(set(turned[max(place - 1, 0) : place + 2])) > 1


def only_breaks(block: Element) -> bool:
    """Tell whether a block is a page break and nothing else: where the page turns it would leave a page empty."""
    parts = [part for run in block.iter(f"{W}r") for part in run if part.tag != f"{W}rPr"]
    return bool(parts) and all(part.tag == f"{W}br" and part.get(f"{W}type") == "page" for part in parts)


def style_of(block: Element) -> str:
    """Return the name of a paragraph's style, or an empty text."""
    style = block.find(f"{W}pPr/{W}pStyle")
    return "" if style is None else str(style.get(f"{W}val"))


def laid(section: Element, turned: bool) -> Element:
    """Return a copy of a section, turned or not, with its page header and footer."""
    made = deepcopy(section)
    size = made.find(f"{W}pgSz")
    assert size is not None, "reference.docx declares its page"
    if turned:
        width, height = str(size.get(f"{W}w")), str(size.get(f"{W}h"))
        size.attrib.update({f"{W}w": height, f"{W}h": width, f"{W}orient": "landscape"})
    return made


def end_section(block: Element, section: Element) -> None:
    """End a section with a block: a paragraph holds the section's properties, after a table one that is added."""
    if block.tag == f"{W}tbl":
        added = etree.Element(f"{W}p")
        block.addnext(added)
        block = added
    properties = block.find(f"{W}pPr")
    if properties is None:
        properties = etree.Element(f"{W}pPr")
        block.insert(0, properties)
    properties.append(section)


def open_without_header(body: Element) -> None:
    """Leave the first page, which says all of it in its text, without the page header; it keeps its footer."""
    section = next(body.iter(f"{W}sectPr"))
    for footer in section.findall(f"{W}footerReference"):
        first = deepcopy(footer)
        first.set(f"{W}type", "first")
        footer.addnext(first)
    grid = section.find(f"{W}docGrid")
    section.insert(len(section) if grid is None else section.index(grid), etree.Element(f"{W}titlePg"))
