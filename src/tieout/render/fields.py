"""Numbers of captions and references to them in a Word file as the fields that Word keeps up to date."""

from __future__ import annotations

import copy
import hashlib
import re
from collections.abc import Iterator

from lxml import etree
from lxml.etree import _Element as Element

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
SPACE = "{http://www.w3.org/XML/1998/namespace}space"
CAPTIONS = ("ImageCaption", "TableCaption", "Caption")
NUMBERED = re.compile(r"(?P<label>[^\W\d]+)\s(?P<number>\d+)(?P<after>\W?)")
TARGET = re.compile(r"(?:tbl|fig)-[\w-]+")
FIRST_ID = 2_000_000  # apart from the numbers of other bookmarks and controls


def with_fields(body: Element) -> None:
    """Make each caption's number a SEQ field in a bookmark, and each reference to it a REF field of that bookmark.

    Both keep the text that stands there as their present result. A caption or a reference that is not of the usual form
    stays as it is. Source: ISO/IEC 29500-1, 17.16.5 (SEQ, REF).
    """
    marked: dict[str, str] = {}
    opened: list[str] = []
    for element in body.iter(f"{W}bookmarkStart", f"{W}p"):
        if element.tag == f"{W}bookmarkStart":
            if TARGET.fullmatch(element.get(f"{W}name", "")):
                opened.append(element.get(f"{W}name", ""))
        elif opened and style_of(element) in CAPTIONS:
            target = opened.pop()
            if sequence(element, reference(target), FIRST_ID + len(marked)):
                marked[target] = reference(target)
    for link in list(body.iter(f"{W}hyperlink")):
        if name := marked.get(link.get(f"{W}anchor", "")):
            refer(link, name)


def reference(target: str) -> str:
    """Return the hidden bookmark of a caption's label and number: "_Ref" and nine digits, as Word names its own."""
    return f"_Ref{int(hashlib.sha1(target.encode(), usedforsecurity=False).hexdigest(), 16) % 10**9:09}"


def style_of(element: Element) -> str:
    style = element.find(f"{W}pPr/{W}pStyle")
    return "" if style is None else str(style.get(f"{W}val"))


def sequence(caption: Element, name: str, identity: int) -> bool:
    """Put the number of a caption into a field; return whether it has one."""
    run = caption.find(f"{W}r")
    text = None if run is None else run.find(f"{W}t")
    found = NUMBERED.fullmatch(text.text or "") if text is not None else None
    if run is None or found is None:
        return False
    properties = run.find(f"{W}rPr")
    parts = [
        etree.Element(f"{W}bookmarkStart", {f"{W}id": str(identity), f"{W}name": name}),
        written(f"{found['label']}\u00a0", properties),
        *field(f" SEQ {found['label']} \\* ARABIC ", [written(found["number"], properties)], properties),
        etree.Element(f"{W}bookmarkEnd", {f"{W}id": str(identity)}),
        written(found["after"], properties),
    ]
    place = caption.index(run)
    caption.remove(run)
    for part in reversed(parts):
        caption.insert(place, part)
    return True


def refer(link: Element, name: str) -> None:
    """Replace a link to a caption by a field that refers to its bookmark."""
    runs = list(link.iterchildren(f"{W}r"))
    parent = link.getparent()
    assert parent is not None, "a link stands in a paragraph"
    place = parent.index(link)
    for part in reversed(list(field(f" REF {name} \\h ", runs, runs[0].find(f"{W}rPr") if runs else None))):
        parent.insert(place, part)
    parent.remove(link)


def field(instruction: str, result: list[Element], properties: Element | None) -> Iterator[Element]:
    """Yield the runs of a complex field with its present result."""
    yield mark("begin", properties)
    told = bare(properties)
    etree.SubElement(told, f"{W}instrText", {SPACE: "preserve"}).text = instruction
    yield told
    yield mark("separate", properties)
    yield from result
    yield mark("end", properties)


def mark(kind: str, properties: Element | None) -> Element:
    run = bare(properties)
    etree.SubElement(run, f"{W}fldChar", {f"{W}fldCharType": kind})
    return run


def written(text: str, properties: Element | None) -> Element:
    run = bare(properties)
    etree.SubElement(run, f"{W}t", {SPACE: "preserve"}).text = text
    return run


def bare(properties: Element | None) -> Element:
    run = etree.Element(f"{W}r")
    if properties is not None:
        run.append(copy.deepcopy(properties))
    return run
