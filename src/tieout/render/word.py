"""Give a Word file of pandoc or Quarto what it lacks: front matter, page header, fitting tables, its woven source."""

from __future__ import annotations

import io
import re
import uuid
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

from lxml import etree
from lxml.etree import _Element as Element

from tieout.render.tree import Node, as_list, fields, plain_text
from tieout.render.word_fields import W, add_captions, add_controls, drop, text_of
from tieout.render.word_pages import open_without_header, style_of, text_width, turn_pages
from tieout.render.word_quarto import unwrap_floats
from tieout.tables import INDENT

PICTURE = "{http://schemas.openxmlformats.org/drawingml/2006/picture}"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006"
VALUES = f"{OFFICE}/docPropsVTypes"
CUSTOM = f"{OFFICE}/custom-properties"
USER_DEFINED = "{D5CDD505-2E9C-101B-9397-08002B2CF9AE}"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
NO_RELATIONS = f'<Relationships xmlns="{PACKAGE}/relationships"/>'.encode()
WOVEN = "urn:tieout:woven"
SUBJECT = "{http://purl.org/dc/elements/1.1/}subject"
NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
CHARACTER = 95  # twentieths of a point that a digit of table text takes: 8.5 points of Arial
WIDTHS = dict.fromkeys(" .,:;!|()[]'‘’·ijlrtfI", 0.55) | dict.fromkeys("mwMW%@—", 1.5)  # in digits
BOLD = 1.1  # how much wider bold text is
SHORT = 12  # rows of a table that stays on one page
BESIDE = 140  # twentieths of a point that the margins of a cell take, and some air
BREAKS = re.compile("[\\s\u200b]+")  # where a line of a cell may break
MOST_LETTERS = 0.25  # in what counts as a figure and must not break


@dataclass(frozen=True)
class Front:
    """What stands around the text: authors with their affiliation numbers, affiliations, and the small print."""

    authors: tuple[tuple[str, str], ...]
    affiliations: tuple[str, ...]
    correspondence: str
    keywords: str
    running_head: str
    synthetic: str
    snapshot: str
    counts: str
    language: str


def front(meta: Node) -> Front:
    """Take the front matter from pandoc's tree."""
    authors, letters = [], []
    for author in as_list(meta.get("by-author")):
        given = fields(author)
        name = plain_text(given["name"]["c"]["literal"])
        marks = [plain_text(fields(a)["number"]) for a in as_list(given.get("affiliations"))]
        if "attributes" in given:
            marks.append("*")
            letters.append(f"{name}; {plain_text(given.get('email'))}".removesuffix("; "))
        authors.append((name, ",".join(marks)))
    return Front(
        authors=tuple(authors),
        affiliations=tuple(affiliation_text(fields(a)) for a in as_list(meta.get("by-affiliation"))),
        correspondence=", ".join(letters),
        keywords=", ".join(plain_text(k) for k in as_list(meta.get("keywords"))),
        running_head=plain_text(meta.get("running-head", meta.get("title"))),
        synthetic=plain_text(meta.get("synthetic")),
        snapshot=plain_text(meta.get("snapshot")),
        counts=plain_text(meta.get("counts")),
        language=plain_text(meta.get("lang")) or "en",
    )


def affiliation_text(affiliation: Node) -> str:
    words = [plain_text(affiliation[part]) for part in ("department", "name", "city", "country") if part in affiliation]
    return f"{plain_text(affiliation['number'])} {', '.join(words)}"


def finished(data: bytes, front: Front, created: datetime, woven: str) -> bytes:
    """Return the file with front matter, page header and whole table rows, its entries in order and dated `created`.

    It carries the woven document as a part of custom XML, which Word keeps when it saves the file.
    """
    parts = unpacked(data)
    document = etree.fromstring(parts["word/document.xml"])
    add_front(document, front)
    body = document[0]
    unwrap_floats(body)
    wide = [table for table in list(body.iter(f"{W}tbl")) if dress(table, body[-1])]
    add_captions(body)
    describe_tables(body)
    describe_pictures(body)
    turn_pages(body, wide)
    open_without_header(body)
    parts["word/document.xml"] = packed_xml(add_controls(document))
    parts["word/footnotes.xml"] = packed_xml(add_controls(etree.fromstring(parts["word/footnotes.xml"])))
    parts["word/settings.xml"] = with_language(parts["word/settings.xml"], front.language)
    parts["docProps/custom.xml"] = custom_properties(front)
    parts["docProps/core.xml"] = with_properties(parts["docProps/core.xml"], front, created)
    for name in [n for n in parts if n.startswith("word/header")]:
        header = etree.fromstring(parts[name])
        add_header(header, front)
        parts[name] = packed_xml(header)
    return packed(carrying(parts, woven), created)


def unpacked(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def carrying(parts: dict[str, bytes], woven: str) -> dict[str, bytes]:
    """Return the parts with the woven document among them, related as Word itself relates custom XML.

    Source: ISO/IEC 29500-1, 15.2 (custom XML data storage and its properties).
    """
    data = etree.Element(f"{{{WOVEN}}}woven", nsmap={None: WOVEN})
    data.text = NO_XML.sub("", woven)
    store = f"{OFFICE}/customXml"
    properties = etree.Element(f"{{{store}}}datastoreItem", nsmap={"ds": store})
    properties.set(f"{{{store}}}itemID", f"{{{str(uuid.uuid5(uuid.NAMESPACE_URL, WOVEN)).upper()}}}")
    schemas = etree.SubElement(properties, f"{{{store}}}schemaRefs")
    etree.SubElement(schemas, f"{{{store}}}schemaRef", {f"{{{store}}}uri": WOVEN})
    return parts | {
        "[Content_Types].xml": with_type(
            parts["[Content_Types].xml"],
            "/customXml/itemProps1.xml",
            "application/vnd.openxmlformats-officedocument.customXmlProperties+xml",
        ),
        "word/_rels/document.xml.rels": related(
            parts["word/_rels/document.xml.rels"], "customXml", "../customXml/item1.xml"
        ),
        "customXml/item1.xml": packed_xml(data),
        "customXml/itemProps1.xml": packed_xml(properties),
        "customXml/_rels/item1.xml.rels": related(NO_RELATIONS, "customXmlProps", "itemProps1.xml"),
    }


def with_type(types: bytes, part: str, kind: str) -> bytes:
    root = etree.fromstring(types)
    etree.SubElement(root, f"{{{PACKAGE}/content-types}}Override", {"PartName": part, "ContentType": kind})
    return packed_xml(root)


def related(relations: bytes, kind: str, target: str) -> bytes:
    root = etree.fromstring(relations)
    relation = {"Id": "rIdWoven", "Type": f"{OFFICE}/relationships/{kind}", "Target": target}
    etree.SubElement(root, f"{{{PACKAGE}/relationships}}Relationship", relation)
    return packed_xml(root)


def with_properties(core: bytes, front: Front, created: datetime) -> bytes:
    """Set the dates of the file's properties, since pandoc's sandbox knows no clock, and the stamp as its subject."""
    root = etree.fromstring(core)
    for date in root.iter("{http://purl.org/dc/terms/}created", "{http://purl.org/dc/terms/}modified"):
        date.text = created.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if front.synthetic:
        given = root.findtext(SUBJECT)
        for old in root.findall(SUBJECT):
            drop(old)
        etree.SubElement(root, SUBJECT).text = "; ".join(filter(None, (given, front.synthetic)))
    return packed_xml(root)


def custom_properties(front: Front) -> bytes:
    """Return the properties that say what the file was made from, in place of pandoc's list of all front matter.

    Source: ISO/IEC 29500-1, 15.2.12.2 (custom file properties).
    """
    snapshot, _, edition = front.snapshot.partition(" edition:")
    root = etree.Element(f"{{{CUSTOM}}}Properties", nsmap={None: CUSTOM, "vt": VALUES})
    given = {"Data snapshot": snapshot, "Edition": edition, "Synthetic": front.synthetic}
    for number, (name, value) in enumerate(((n, v) for n, v in given.items() if v), 2):
        attributes = {"fmtid": USER_DEFINED, "pid": str(number), "name": name}
        one = etree.SubElement(root, f"{{{CUSTOM}}}property", attributes)
        etree.SubElement(one, f"{{{VALUES}}}lpwstr").text = value
    return packed_xml(root)


def with_language(settings: bytes, language: str) -> bytes:
    """Set the language of the fonts of the theme; the styles have that of the text from pandoc."""
    root = etree.fromstring(settings)
    for theme in root.iter(f"{W}themeFontLang"):
        theme.attrib.clear()
        theme.set(f"{W}val", language)
    return packed_xml(root)


def packed_xml(root: Element) -> bytes:
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True))


def packed(parts: dict[str, bytes], created: datetime) -> bytes:
    """Zip parts in the given order under one date (a zip holds no year before 1980)."""
    moment = max(created.timetuple()[:6], (1980, 1, 1, 0, 0, 0))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            entry = zipfile.ZipInfo(name, moment)  # type: ignore[arg-type]
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
            archive.writestr(entry, data)
    return buffer.getvalue()


def paragraph(style: str, *runs: tuple[str, str]) -> Element:
    """Return a paragraph of runs, each a text and "" or "superscript"."""
    made = etree.Element(f"{W}p")
    etree.SubElement(etree.SubElement(made, f"{W}pPr"), f"{W}pStyle", {f"{W}val": style})
    for text, position in runs:
        run = etree.SubElement(made, f"{W}r")
        if position:
            etree.SubElement(etree.SubElement(run, f"{W}rPr"), f"{W}vertAlign", {f"{W}val": position})
        written = etree.SubElement(run, f"{W}t")
        written.text = text
        written.set("{http://www.w3.org/XML/1998/namespace}space", "preserve")
    return made


def add_front(document: Element, front: Front) -> None:
    """Put banner, authors with affiliation marks, affiliations and keywords where pandoc has the bare names."""
    body = document[0]
    opening = list(body)[:40]
    for old in [p for p in opening if style_of(p) == "Author"]:
        body.remove(old)
    titles = [i for i, p in enumerate(body) if style_of(p) in ("Title", "Subtitle")]
    place = titles[-1] + 1 if titles else 0
    for new in reversed(list(front_paragraphs(front))):
        body.insert(place, new)
    if front.synthetic:
        body.insert(0, paragraph("Stamp", (front.synthetic, "")))


def front_paragraphs(front: Front) -> Iterator[Element]:
    if front.authors:
        runs: list[tuple[str, str]] = []
        for name, marks in front.authors:
            runs += [(", ", "")] if runs else []
            runs += [(name, ""), (marks, "superscript")] if marks else [(name, "")]
        yield paragraph("Author", *runs)
    small = list(front.affiliations)
    small += [f"Correspondence to: {front.correspondence}"] if front.correspondence else []
    small += [f"Keywords: {front.keywords}"] if front.keywords else []
    small += [f"Running head: {front.running_head}", front.counts] if front.counts else []
    small += [f"Data snapshot: {front.snapshot}"] if front.snapshot else []
    for text in small:
        yield paragraph("Affiliation", (text, ""))


def add_header(header: Element, front: Front) -> None:
    """Replace the page header by the running head and, for synthetic data, the stamp."""
    for old in list(header):
        header.remove(old)
    header.append(paragraph("Header", (front.running_head, "")))
    if front.synthetic:
        header.append(paragraph("Stamp", (front.synthetic, "")))


def dress(table: Element, section: Element) -> bool:
    """Give a table whole rows, its own text styles, a rule under its head and the width of the text.

    Return whether that is the width of the page turned, without which its figures would break.
    """
    grid = table.find(f"{W}tblGrid")
    rows = list(table.iterchildren(f"{W}tr"))
    if grid is None or table.find(f".//{W}drawing") is not None or table.find(f".//{W}tbl") is not None:
        bare(table)
        return False
    heads = [row for row in rows if is_head(row)]
    for row in rows:
        keep_whole(row)
        for cell in row.iterchildren(f"{W}tc"):
            set_text(cell, "TableHead" if row in heads else "TableText")
            if row in heads and (row is heads[-1] or span_of(cell) > 1):
                rule_under(cell, "6" if row is heads[-1] else "4")
    for row, following in zip(rows, [*rows[1:], None], strict=True):
        last = following is None or following is rows[-1] or len(rows) <= SHORT
        if last or is_heading(row) or text_of(following).startswith(INDENT):
            keep_with_next(row)
    widths = [widths_of(rows, len(grid), pieces) for pieces in PIECES]
    turned = table.getparent() is section.getparent() and sum(widths[1]) > text_width(section)
    room = text_width(section, turned)
    fit_columns(table, grid, fitted(widths, room), room)
    return turned


def describe_tables(body: Element) -> None:
    """Give each table under a caption the caption as its alternative text."""
    for table in body.iterchildren(f"{W}tbl"):
        caption, properties = next(table.itersiblings(f"{W}p", preceding=True), None), table.find(f"{W}tblPr")
        if caption is not None and properties is not None and style_of(caption) == "TableCaption":
            label, _, words = text_of(caption).partition(". ")
            etree.SubElement(properties, f"{W}tblCaption", {f"{W}val": label})
            etree.SubElement(properties, f"{W}tblDescription", {f"{W}val": words})


def describe_pictures(body: Element) -> None:
    """Leave pictures one alternative text: pandoc calls each also by its source, which here is the picture itself."""
    for picture in body.iter(f"{PICTURE}cNvPr"):
        picture.attrib.pop("descr", None)


def bare(table: Element) -> None:
    """Take the rules from a table that only arranges others, as Quarto makes for captions."""
    for style in table.findall(f"{W}tblPr/{W}tblStyle"):
        style.set(f"{W}val", "TableNormal")


def keep_whole(row: Element) -> None:
    properties = row.find(f"{W}trPr")
    if properties is None:
        properties = etree.Element(f"{W}trPr")
        row.insert(0, properties)
    if properties.find(f"{W}cantSplit") is None:
        properties.insert(0, etree.Element(f"{W}cantSplit"))


def is_head(row: Element) -> bool:
    return row.find(f"{W}trPr/{W}tblHeader") is not None


def is_heading(row: Element) -> bool:
    """Tell whether a row has words in its first cell alone."""
    first, *others = (text_of(cell).strip() for cell in row.iterchildren(f"{W}tc"))
    return bool(first) and not any(others)


def keep_with_next(row: Element) -> None:
    for properties in row.iterfind(f"{W}tc/{W}p/{W}pPr"):
        properties.insert(1, etree.Element(f"{W}keepNext"))


def set_text(cell: Element, style: str) -> None:
    for each in cell.iterchildren(f"{W}p"):
        properties = each.find(f"{W}pPr")
        if properties is None:
            properties = etree.Element(f"{W}pPr")
            each.insert(0, properties)
        for old in properties.findall(f"{W}pStyle"):
            properties.remove(old)
        properties.insert(0, etree.Element(f"{W}pStyle", {f"{W}val": style}))


def rule_under(cell: Element, weight: str) -> None:
    """Draw a line under a cell; the schema wants borders after spans and widths, before all else."""
    properties = cell.find(f"{W}tcPr")
    if properties is None:
        properties = etree.Element(f"{W}tcPr")
        cell.insert(0, properties)
    borders = etree.Element(f"{W}tcBorders")
    line = {"val": "single", "sz": weight, "space": "0", "color": "000000"}
    etree.SubElement(borders, f"{W}bottom", {f"{W}{name}": value for name, value in line.items()})
    before = [f"{W}{name}" for name in ("cnfStyle", "tcW", "gridSpan", "hMerge", "vMerge")]
    properties.insert(sum(child.tag in before for child in properties), borders)


def span_of(cell: Element) -> int:
    span = cell.find(f"{W}tcPr/{W}gridSpan")
    return 1 if span is None else int(str(span.get(f"{W}val")))


def widths_of(rows: list[Element], columns: int, pieces: Callable[[str], list[str]]) -> list[float]:
    """Return how wide each column must be to break no piece of its lines."""
    widths = [0.0] * columns
    for row in rows:
        column, weight = 0, BOLD if is_head(row) else 1
        for cell in row.iterchildren(f"{W}tc"):
            if span_of(cell) == 1 and column < columns:
                parts = (piece for line in lines_of(cell) for piece in pieces(line))
                widths[column] = max([widths[column], *(weight * width_of(part) for part in parts)])
            column += span_of(cell)
    return [width + BESIDE for width in widths]


def whole(line: str) -> list[str]:
    return [line]


def figures_whole(line: str) -> list[str]:
    """Return the words of a line, or of figures what stands between their commas: 5.72 (1.45 to 22.6)."""
    return line.split(", ") if sum(map(str.isalpha, line)) < MOST_LETTERS * len(line) else BREAKS.split(line)


PIECES: tuple[Callable[[str], list[str]], ...] = (whole, figures_whole, str.split)
"""What should not break in a table, and where there is no room for that, what at least should not."""


def width_of(line: str) -> float:
    """Return about how wide a line of table text is, in twentieths of a point."""
    return CHARACTER * sum(WIDTHS.get(sign, 1.25 if sign.isupper() else 1) for sign in line)


def fit_columns(table: Element, grid: Element, shares: list[float], room: int) -> None:
    """Share a width among the columns of a table."""
    widths = [round(room * share / sum(shares)) for share in shares]
    for grid_column, width in zip(grid, widths, strict=True):
        grid_column.set(f"{W}w", str(width))
    properties = table.find(f"{W}tblPr")
    assert properties is not None, "every Word table has properties"
    measure = properties.find(f"{W}tblW")
    if measure is not None:
        measure.set(f"{W}type", "dxa")
        measure.set(f"{W}w", str(sum(widths)))


def fitted(widths: list[list[float]], room: float) -> list[float]:
    """Return the widest of widths that fit, each with its share of the room to the next wider ones."""
    if sum(widths[0]) <= room:
        return widths[0]
    for wider, narrower in pairwise(widths):
        if sum(narrower) <= room:
            share = (room - sum(narrower)) / (sum(wider) - sum(narrower))
            return [small + (large - small) * share for large, small in zip(wider, narrower, strict=True)]
    return widths[-1]


def lines_of(cell: Element) -> Iterator[str]:
    """Yield the lines of a cell, which breaks divide as paragraphs do."""
    for each in cell.iterchildren(f"{W}p"):
        words = "".join("\n" if part.tag == f"{W}br" else part.text or "" for part in each.iter(f"{W}t", f"{W}br"))
        yield from words.split("\n")
