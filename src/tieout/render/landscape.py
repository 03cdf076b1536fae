"""Lay the pages of a Word file on their side where a table needs it."""

from __future__ import annotations

import copy

from lxml import etree
from lxml.etree import _Element as Element

from tieout.render.fields import W, style_of

TURNED = "landscape"
CAPTION, NOTES = "TableCaption", "TableNote"


def laid(body: Element, wide: list[Element]) -> None:
    """Give each table of `wide`, which stand in the body itself, a section on its side with its caption and its notes.

    Each section has the header and footer of the document. Source: ISO/IEC 29500-1, 17.6 (sections).
    """
    last = body.find(f"{W}sectPr")
    if last is None:
        return
    for table in wide:
        parts = list(body)
        place = parts.index(table)
        start, end = place, place + 1
        while start and (parts[start - 1].tag != f"{W}p" or style_of(parts[start - 1]) == CAPTION):
            start -= 1
        while end < len(parts) and style_of(parts[end]) == NOTES:
            end += 1
        if any(part.tag in (f"{W}p", f"{W}tbl") for part in parts[end:]):
            body.insert(end, ended(turned(last)))
        else:
            body.replace(last, turned(last))
        if any(part.tag in (f"{W}p", f"{W}tbl") for part in parts[:start]) and not ends_section(parts[start - 1]):
            body.insert(start, ended(copy.deepcopy(last)))


def ends_section(part: Element) -> bool:
    return part.find(f"{W}pPr/{W}sectPr") is not None


def ended(section: Element) -> Element:
    """Return the paragraph that ends a section; it takes no room."""
    paragraph = etree.Element(f"{W}p")
    properties = etree.SubElement(paragraph, f"{W}pPr")
    etree.SubElement(properties, f"{W}spacing", {f"{W}before": "0", f"{W}after": "0", f"{W}line": "20", f"{W}lineRule": "exact"})
    properties.append(section)
    return paragraph


def turned(section: Element) -> Element:
    """Return a section whose sheets lie on their side, with the margins turned along."""
    found = copy.deepcopy(section)
    size, margins = found.find(f"{W}pgSz"), found.find(f"{W}pgMar")
    if size is not None:
        width, height = size.get(f"{W}w"), size.get(f"{W}h")
        size.set(f"{W}w", str(height))
        size.set(f"{W}h", str(width))
        size.set(f"{W}orient", TURNED)
    if margins is not None:
        top, right, bottom, left = (str(margins.get(f"{W}{side}")) for side in ("top", "right", "bottom", "left"))
        for side, value in (("top", right), ("right", bottom), ("bottom", left), ("left", top)):
            margins.set(f"{W}{side}", value)
    return found
