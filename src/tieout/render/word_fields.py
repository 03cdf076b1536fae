"""Tell Word what it cannot see: which words are captions, which refer to them, and which figures have keys."""

from __future__ import annotations

import re
from copy import deepcopy
from itertools import count

from lxml import etree
from lxml.etree import _Element as Element

from tieout import keyed

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
W15 = "{http://schemas.microsoft.com/office/word/2012/wordml}"
COMPATIBILITY = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
SPACE = "{http://www.w3.org/XML/1998/namespace}space"
CAPTIONS = {"Table": "TableCaption", "Figure": "ImageCaption"}
LABEL = re.compile(rf"({'|'.join(CAPTIONS)})(\s)(\d+)(?!\d)")
FIRST_BOOKMARK = 1_000_000  # pandoc counts its own from 1


def add_controls(root: Element) -> Element:
    """Return the root of a part whose content controls of figures Word shows as plain text and does not lock.

    Both tag and title are the key: LibreOffice 7.4 keeps the title alone, and that of plain text controls alone.
    Source: ISO/IEC 29500-1, 17.5.2 (structured document tags); [MS-DOCX] 2.5.1.1 (appearance).
    """
    root = understanding(root)
    controls = root.iter(f"{W}sdt")
    for number, properties in enumerate((c.find(f"{W}sdtPr") for c in controls), 1):
        if properties is None or [child.tag for child in properties] != [f"{W}tag"]:
            continue
        name = keyed.control(str(properties[0].get(f"{W}val")))
        properties[0].set(f"{W}val", name)
        properties.insert(0, etree.Element(f"{W}alias", {f"{W}val": name}))
        etree.SubElement(properties, f"{W}id", {f"{W}val": str(number)})
        etree.SubElement(properties, f"{W15}appearance", {f"{W15}val": "hidden"})
        etree.SubElement(properties, f"{W}text")
    return root


def understanding(root: Element) -> Element:
    """Return a part that a Word which does not know the names of Word 2013 may read without them."""
    again = etree.Element(root.tag, root.attrib, {"mc": COMPATIBILITY[1:-1], "w15": W15[1:-1]} | root.nsmap)
    words = [*str(again.get(f"{COMPATIBILITY}Ignorable", "")).split(), "w15"]
    again.set(f"{COMPATIBILITY}Ignorable", " ".join(dict.fromkeys(words)))
    again.text = root.text
    again.extend(list(root))
    return again


def add_captions(body: Element) -> None:
    """Make the numbers of captions fields that Word counts, and the words that refer to a caption fields that follow it.

    What is worded otherwise than "Table 1" or "Figure 1" stays as it is.
    Source: ISO/IEC 29500-1, 17.16.5 (SEQ, REF).
    """
    identities = count(FIRST_BOOKMARK)
    bookmarks: dict[str, str] = {}
    for each in body.iter(f"{W}p"):
        style = each.find(f"{W}pPr/{W}pStyle")
        if style is not None and style.get(f"{W}val") in CAPTIONS.values():
            number_caption(each, bookmarks, str(next(identities)))
    for link in list(body.iter(f"{W}hyperlink")):
        name = bookmarks.get(text_of(link).replace("\xa0", " "))
        if name and link.get(f"{W}anchor"):
            refer(link, name)


def number_caption(caption: Element, bookmarks: dict[str, str], identity: str) -> None:
    """Put the number of a caption into a field, and label and number into a bookmark."""
    runs = leading_runs(caption)
    words = "".join(map(text_of, runs))
    found = LABEL.match(words)
    if not found or f"{found[1]} {found[3]}" in bookmarks:
        return
    name = bookmarks[f"{found[1]} {found[3]}"] = f"_Ref{keyed.digest(found[0])}"
    look = runs[0].find(f"{W}rPr")
    last = next(i for i in range(len(runs)) if len("".join(map(text_of, runs[: i + 1]))) >= found.end())
    rest = "".join(map(text_of, runs[: last + 1]))[found.end() :]
    made = [
        etree.Element(f"{W}bookmarkStart", {f"{W}id": identity, f"{W}name": name}),
        run(found[1] + found[2], look),
        *field(rf"SEQ {found[1]} \* ARABIC", [run(found[3], look)], look),
        etree.Element(f"{W}bookmarkEnd", {f"{W}id": identity}),
        *([run(rest, look)] if rest else []),
    ]
    place = caption.index(runs[0])
    for old in runs[: last + 1]:
        caption.remove(old)
    caption[place:place] = made


def leading_runs(paragraph: Element) -> list[Element]:
    """Return the runs of nothing but text that a paragraph begins with."""
    found = []
    for child in paragraph:
        if child.tag == f"{W}r" and {part.tag for part in child} <= {f"{W}rPr", f"{W}t"}:
            found.append(child)
        elif child.tag != f"{W}pPr":
            break
    return found


def refer(link: Element, name: str) -> None:
    """Put a field that shows what a bookmark holds in place of a link."""
    parent = link.getparent()
    assert parent is not None, "a link stands in a paragraph"
    shown = [deepcopy(part) for part in link.iterchildren(f"{W}r")]
    for style in [style for part in shown for style in part.findall(f"{W}rPr/{W}rStyle")]:
        drop(style)
    place = parent.index(link)
    parent[place : place + 1] = field(rf"REF {name} \h \* MERGEFORMAT", shown, None)


def drop(element: Element) -> None:
    """Remove an element from its parent."""
    parent = element.getparent()
    assert parent is not None, "only what is part of something is dropped"
    parent.remove(element)


def field(instruction: str, shown: list[Element], look: Element | None) -> list[Element]:
    """Return the runs of a field with what it shows until Word computes it anew."""

    def mark(kind: str) -> Element:
        made = run("", look)
        made.remove(made[-1])
        etree.SubElement(made, f"{W}fldChar", {f"{W}fldCharType": kind})
        return made

    asked = run(f" {instruction} ", look)
    asked[-1].tag = f"{W}instrText"
    return [mark("begin"), asked, mark("separate"), *shown, mark("end")]


def run(text: str, look: Element | None) -> Element:
    made = etree.Element(f"{W}r")
    if look is not None:
        made.append(deepcopy(look))
    etree.SubElement(made, f"{W}t", {SPACE: "preserve"}).text = text
    return made


def text_of(element: Element) -> str:
    """Return the text of an element."""
    return "".join(part.text or "" for part in element.iter(f"{W}t"))
