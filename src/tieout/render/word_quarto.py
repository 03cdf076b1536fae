"""Make the floats of Quarto's Word files those of plain pandoc: captions and tables that stand in the text itself."""

from __future__ import annotations

from lxml import etree
from lxml.etree import _Element as Element

from tieout.render.word_fields import CAPTIONS, LABEL, W, drop, text_of


def unwrap_floats(body: Element) -> None:
    """Put a float in place of the table of one cell that Quarto puts it into, in which Word repeats no header rows."""
    for table in list(body.iterchildren(f"{W}tbl")):
        cells = list(table.iterfind(f"{W}tr/{W}tc"))
        if len(cells) == 1 and any(map(straighten, cells[0].iterchildren(f"{W}p"))):
            for picture in cells[0].iterchildren(f"{W}p"):
                if picture.find(f".//{W}drawing") is not None:
                    restyle(picture, "CaptionedFigure")
            place = body.index(table)
            body[place : place + 1] = [part for part in cells[0] if part.tag != f"{W}tcPr"]


def straighten(paragraph: Element) -> bool:
    """Give a caption the style of its kind: Quarto adds a style of its own to that of pandoc. Tell whether it is one."""
    styles = {style.get(f"{W}val") for style in paragraph.iterfind(f"{W}pPr/{W}pStyle")}
    found = LABEL.match(text_of(paragraph))
    if not found or styles.isdisjoint(CAPTIONS.values()):
        return False
    restyle(paragraph, CAPTIONS[found[1]])
    return True


def restyle(paragraph: Element, style: str) -> None:
    for old in paragraph.findall(f"{W}pPr"):
        drop(old)
    properties = etree.Element(f"{W}pPr")
    etree.SubElement(properties, f"{W}pStyle", {f"{W}val": style})
    paragraph.insert(0, properties)
