"""Make reference.docx and submission.docx, the looks of Word files: run it after a change; the same code gives the same bytes."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from docx import Document
from docx.document import Document as Docx
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.text import WD_ALIGN_PARAGRAPH as ALIGN
from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Mm, Pt, RGBColor
from docx.styles.style import ParagraphStyle

SERIF, SANS = "Times New Roman", "Arial"
INK, QUIET, ALARM = RGBColor(0x1F, 0x4E, 0x79), RGBColor(0x44, 0x4C, 0x55), RGBColor(0xA6, 0x1C, 0x1C)
BLACK = RGBColor(0, 0, 0)

# name: (based on, font, points, bold, italic, colour, space before, space after, keep with next)
STYLES = {
    "Normal": (None, SERIF, 11, False, False, BLACK, 0, 6, False),
    "Body Text": ("Normal", SERIF, 11, False, False, BLACK, 0, 6, False),
    "First Paragraph": ("Body Text", SERIF, 11, False, False, BLACK, 0, 6, False),
    "Compact": ("Body Text", SERIF, 11, False, False, BLACK, 0, 2, False),
    "Title": ("Normal", SANS, 18, True, False, BLACK, 0, 10, True),
    "Subtitle": ("Normal", SANS, 13, False, False, BLACK, 0, 8, True),
    "Author": ("Normal", SANS, 11, False, False, BLACK, 0, 6, False),
    "Affiliation": ("Normal", SANS, 9, False, False, QUIET, 0, 3, False),
    "Abstract Title": ("Normal", SANS, 11, True, False, INK, 12, 4, True),
    "Abstract": ("Normal", SERIF, 10.5, False, False, BLACK, 0, 5, False),
    "Heading 1": ("Normal", SANS, 13, True, False, INK, 16, 5, True),
    "Heading 2": ("Normal", SANS, 11.5, True, False, BLACK, 12, 4, True),
    "Heading 3": ("Normal", SANS, 11, False, True, BLACK, 10, 3, True),
    "Caption": ("Normal", SANS, 9, False, False, BLACK, 0, 4, False),
    "Table Caption": ("Caption", SANS, 9, False, False, BLACK, 14, 4, True),
    "Image Caption": ("Caption", SANS, 9, False, False, BLACK, 4, 14, False),
    "Captioned Figure": ("Normal", SERIF, 11, False, False, BLACK, 10, 2, True),
    "Table Text": ("Normal", SANS, 8.5, False, False, BLACK, 1, 1, False),
    "Table Head": ("Normal", SANS, 8.5, True, False, BLACK, 1, 1, True),
    "Table Note": ("Normal", SANS, 8, False, False, QUIET, 3, 10, False),
    "Callout Title": ("Normal", SANS, 10.5, True, False, INK, 8, 2, True),
    "Callout": ("Normal", SERIF, 10.5, False, False, BLACK, 0, 4, False),
    "Bibliography": ("Normal", SERIF, 10, False, False, BLACK, 0, 3, False),
    "footnote text": ("Normal", SERIF, 9, False, False, BLACK, 0, 2, False),
    "Stamp": ("Normal", SANS, 9, True, False, ALARM, 0, 8, False),
    "Header": ("Normal", SANS, 8.5, False, True, QUIET, 0, 2, False),
    "Footer": ("Normal", SANS, 8.5, False, False, QUIET, 0, 0, False),
}

TABLE = f"""
<w:style {nsdecls("w")} w:type="table" w:default="1" w:customStyle="1" w:styleId="Table">
  <w:name w:val="Table"/>
  <w:tblPr>
    <w:tblBorders>
      <w:top w:val="single" w:sz="10" w:space="0" w:color="000000"/>
      <w:bottom w:val="single" w:sz="10" w:space="0" w:color="000000"/>
    </w:tblBorders>
    <w:tblCellMar>
      <w:left w:w="60" w:type="dxa"/><w:right w:w="60" w:type="dxa"/>
    </w:tblCellMar>
  </w:tblPr>
</w:style>
"""


def shaped(style: ParagraphStyle, values: tuple) -> None:
    _, font, points, bold, italic, colour, before, after, keep = values
    style.font.name, style.font.size = font, Pt(points)
    style.font.bold, style.font.italic, style.font.color.rgb = bold, italic, colour
    fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
    for theme in [name for name in fonts.attrib if "Theme" in name]:
        del fonts.attrib[theme]
    for script in ("w:hAnsi", "w:cs"):
        fonts.set(qn(script), font)
    layout = style.paragraph_format
    layout.space_before, layout.space_after, layout.keep_with_next = Pt(before), Pt(after), keep
    for border in style.element.xpath("./w:pPr/w:pBdr"):
        border.getparent().remove(border)


def add_styles(document: Docx) -> None:
    known = {style.name for style in document.styles}
    for name in STYLES:
        if name not in known:
            document.styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH, builtin=name.islower())
    for name, values in STYLES.items():
        style = document.styles[name]
        if values[0]:
            style.base_style = document.styles[values[0]]
        style.hidden, style.quick_style = False, True
        shaped(style, values)
    document.styles["Body Text"].paragraph_format.line_spacing = 1.15
    document.styles["Captioned Figure"].paragraph_format.alignment = ALIGN.CENTER
    document.styles["Bibliography"].paragraph_format.left_indent = Mm(8)
    document.styles["Bibliography"].paragraph_format.first_line_indent = Mm(-8)
    for name in ("Callout Title", "Callout"):
        document.styles[name].paragraph_format.left_indent = Mm(6)
    document.styles.add_style("Stat", WD_STYLE_TYPE.CHARACTER)
    document.styles.add_style("Hyperlink", WD_STYLE_TYPE.CHARACTER, builtin=True)
    document.styles.add_style("footnote reference", WD_STYLE_TYPE.CHARACTER, builtin=True).font.superscript = True


def add_page_number(document: Docx) -> None:
    footer = document.sections[0].footer.paragraphs[0]
    footer.alignment = ALIGN.CENTER
    for kind, text in (("begin", None), (None, "PAGE"), ("end", None)):
        run = footer.add_run()
        part = OxmlElement("w:fldChar" if kind else "w:instrText")
        if kind:
            part.set(qn("w:fldCharType"), kind)
        else:
            part.text = text
        run._r.append(part)


def as_article(document: Docx) -> None:
    """Leave the document as it is."""


def as_submission(document: Docx) -> None:
    """Set text of 12 points at double spacing with numbered lines, the abstract on a page of its own."""
    for name in ("Normal", "Body Text", "First Paragraph", "Compact", "Abstract", "Bibliography"):
        document.styles[name].font.size = Pt(12)
    for name in ("Body Text", "Abstract", "Bibliography"):
        document.styles[name].paragraph_format.line_spacing = 2.0
        document.styles[name].paragraph_format.space_after = Pt(0)
    document.styles["Abstract Title"].paragraph_format.page_break_before = True
    numbers = parse_xml(f'<w:lnNumType {nsdecls("w")} w:countBy="1" w:restart="continuous"/>')
    document.sections[0]._sectPr.insert_element_before(numbers, "w:pgNumType", "w:cols", "w:titlePg", "w:docGrid")
    unnumbered = ("Title", "Author", "Affiliation", "Stamp", "Table Text", "Table Head", "Table Note", "Caption")
    for name in unnumbered:
        layout = document.styles[name].element.get_or_add_pPr()
        layout.insert_element_before(OxmlElement("w:suppressLineNumbers"), "w:pBdr", "w:spacing", "w:ind", "w:jc")


LOOKS = {"reference.docx": as_article, "submission.docx": as_submission}


def make(name: str = "reference.docx") -> bytes:
    document = Document()
    drop_table_styles(document)
    add_styles(document)
    document.styles.element.append(parse_xml(TABLE))
    section = document.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.left_margin = section.right_margin = Mm(23)
    section.top_margin, section.bottom_margin = Mm(25), Mm(22)
    section.header.paragraphs[0].style = document.styles["Header"]
    add_page_number(document)
    LOOKS[name](document)
    set_compatibility(document)
    document.core_properties.author = document.core_properties.comments = document.core_properties.title = ""
    buffer = io.BytesIO()
    document.save(buffer)
    return same_bytes(buffer.getvalue())


def set_compatibility(document: Docx) -> None:
    """Have Word lay the text out as it does its own new files, not as Word 2010 did."""
    settings = document.settings.element
    for setting in settings.xpath("./w:compat/w:compatSetting[@w:name='compatibilityMode']"):
        setting.set(qn("w:val"), "15")
    for outdated in settings.xpath("./w:compat/w:useFELayout"):
        outdated.getparent().remove(outdated)


def drop_table_styles(document: Docx) -> None:
    """Remove the hundred table styles that python-docx brings along."""
    for style in document.styles.element.xpath("./w:style[@w:type='table']"):
        document.styles.element.remove(style)


def same_bytes(data: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in sorted(old.namelist(), key=lambda n: (n != "[Content_Types].xml", n)):
            if name != "docProps/thumbnail.jpeg":
                new.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), without_thumbnail(name, old.read(name)), 8)
    return buffer.getvalue()


def without_thumbnail(name: str, data: bytes) -> bytes:
    """Drop the reference to the template's preview picture, which is not ours."""
    if name != "_rels/.rels":
        return data
    from lxml import etree

    relations = etree.fromstring(data)
    for relation in [r for r in relations if r.get("Target", "").endswith("thumbnail.jpeg")]:
        relations.remove(relation)
    return etree.tostring(relations, xml_declaration=True, encoding="UTF-8", standalone=True)


if __name__ == "__main__":
    for name in LOOKS:
        Path(__file__).with_name(name).write_bytes(make(name))
