"""Give a Word file of pandoc or Quarto what it lacks: front matter, page header, fitting tables, its woven source."""

from __future__ import annotations

import io
import re
import uuid
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from lxml import etree
from lxml.etree import _Element as Element

from tieout.render.fields import CAPTIONS, W, style_of, with_fields
from tieout.render.landscape import laid
from tieout.render.tree import Node, as_list, fields, plain_text

OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
NO_RELATIONS = f'<Relationships xmlns="{PACKAGE}/relationships"/>'.encode()
WOVEN = "urn:tieout:woven"
W15 = "http://schemas.microsoft.com/office/word/2012/wordml"
COMPATIBILITY = "http://schemas.openxmlformats.org/markup-compatibility/2006"
PICTURE = "{http://schemas.openxmlformats.org/drawingml/2006/picture}"
DC = "{http://purl.org/dc/elements/1.1/}"
NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
TEXT_WIDTH = 9298  # twentieths of a point: the 164 mm between the margins of reference.docx
TURNED_WIDTH = 14174  # the 250 mm of a sheet that lies on its side
WRAPS_FROM = 28  # characters in a column that may well break into lines
NEEDS_TURNING = 1.5  # how many times the room of an upright sheet a table must need before its sheet is turned
LABELS = 1.4  # how much wider than others the column of labels may be
TEXT_CHARACTERS = 100  # of table text side by side in that width


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
    )


def affiliation_text(affiliation: Node) -> str:
    words = [plain_text(affiliation[part]) for part in ("department", "name", "city", "country") if part in affiliation]
    return f"{plain_text(affiliation['number'])} {', '.join(words)}"


def finished(data: bytes, front: Front, created: datetime, woven: str) -> bytes:
    """Return the file with front matter, page header, fields, whole table rows, its entries in order and dated `created`.

    It carries the woven document as a part of custom XML, which Word keeps when it saves the file.
    """
    parts = unpacked(data)
    body = etree.fromstring(parts["word/document.xml"])
    add_front(body, front)
    with_fields(body)
    wide = [table for table in body.iter(f"{W}tbl") if dress(table)]
    laid(body[0], [table for table in wide if table.getparent() is body[0]])
    describe(body)
    parts["word/document.xml"] = packed_xml(ignorable(body))
    parts["docProps/core.xml"] = dated(parts["docProps/core.xml"], created, front)
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


def ignorable(root: Element) -> Element:
    """Return the document with what only newer versions of Word know marked as such (ISO/IEC 29500-3, 10.1)."""
    made = etree.Element(root.tag, dict(root.attrib), nsmap={**root.nsmap, "w15": W15, "mc": COMPATIBILITY})
    made.set(f"{{{COMPATIBILITY}}}Ignorable", "w15")
    made.extend(list(root))
    etree.cleanup_namespaces(made, keep_ns_prefixes=["w", "r", "w15", "mc"])
    return made


def describe(body: Element) -> None:
    """Give each table the words of its caption as its description; take from pictures what is no description of them."""
    for table in body.iter(f"{W}tbl"):
        before = table.getprevious()
        caption = "".join(t.text or "" for t in before.iter(f"{W}t")) if before is not None else ""
        properties = table.find(f"{W}tblPr")
        if properties is not None and caption and style_of(before) in CAPTIONS and properties.find(f"{W}tblDescription") is None:
            for old in properties.findall(f"{W}tblCaption"):
                properties.remove(old)
            label, _, words = caption.partition(".")
            for name, text in (("tblCaption", label), ("tblDescription", words.strip() or label)):
                etree.SubElement(properties, f"{W}{name}", {f"{W}val": text})
    for picture in body.iter(f"{PICTURE}cNvPr"):
        if picture.get("descr", "").startswith("data:"):
            picture.set("descr", "")


def dated(core: bytes, created: datetime, front: Front) -> bytes:
    """Set the dates of the file's properties, since pandoc's sandbox knows no clock, and say of synthetic data that they are."""
    root = etree.fromstring(core)
    if front.synthetic and root.find(f"{DC}subject") is None:
        etree.SubElement(root, f"{DC}subject").text = front.synthetic
    for date in root.iter("{http://purl.org/dc/terms/}created", "{http://purl.org/dc/terms/}modified"):
        date.text = created.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
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


def dress(table: Element) -> bool:
    """Give a table the width of the text, whole rows, its own text styles, a rule under its head, and a description.

    Return whether it is too wide for an upright sheet, and then has the width of one that lies on its side.
    """
    grid = table.find(f"{W}tblGrid")
    rows = list(table.iterchildren(f"{W}tr"))
    if grid is None or table.find(f".//{W}drawing") is not None or table.find(f".//{W}tbl") is not None:
        bare(table)
        return False
    heads = [row for row in rows if row.find(f"{W}trPr/{W}tblHeader") is not None]
    for row in rows:
        keep_whole(row)
        for cell in row.iterchildren(f"{W}tc"):
            set_text(cell, "TableHead" if row in heads else "TableText")
            if row in heads and (row is heads[-1] or span_of(cell) > 1):
                rule_under(cell, "6" if row is heads[-1] else "4")
        if row not in heads and opens_group(row):
            keep_with_next(row)
    return fit_columns(table, grid, rows)


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


def opens_group(row: Element) -> bool:
    """Return whether a row is the bold heading of those beneath it."""
    first, *others = row.iterchildren(f"{W}tc")
    alone = not any("".join(t.text or "" for t in cell.iter(f"{W}t")).strip() for cell in others)
    return alone and first.find(f".//{W}b") is not None


def keep_with_next(row: Element) -> None:
    for properties in row.iter(f"{W}pPr"):
        etree.SubElement(properties, f"{W}keepNext")


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


def fit_columns(table: Element, grid: Element, rows: list[Element]) -> bool:
    """Share the width of the text among the columns by their longest lines; return whether they need a sheet on its side."""
    lengths = [2] * len(grid)
    for row in rows:
        column = 0
        for cell in row.iterchildren(f"{W}tc"):
            if span_of(cell) == 1 and column < len(lengths):
                lengths[column] = max([lengths[column], *map(len, lines_of(cell))])
            column += span_of(cell)
    wanted = [length + 3.5 for length in lengths]
    parent = table.getparent()
    needed = sum(min(each, WRAPS_FROM) for each in wanted)
    wide = needed > NEEDS_TURNING * TEXT_CHARACTERS and parent is not None and parent.tag == f"{W}body"
    width = TURNED_WIDTH if wide else TEXT_WIDTH
    first, *others = fitted([wanted[0] / LABELS, *wanted[1:]], TEXT_CHARACTERS * width / TEXT_WIDTH)
    shares = [first * LABELS, *others]
    widths = [round(width * share / sum(shares)) for share in shares]
    for grid_column, width in zip(grid, widths, strict=True):
        grid_column.set(f"{W}w", str(width))
    properties = table.find(f"{W}tblPr")
    assert properties is not None, "every Word table has properties"
    measure = properties.find(f"{W}tblW")
    if measure is not None:
        measure.set(f"{W}type", "dxa")
        measure.set(f"{W}w", str(sum(widths)))
    return wide


def fitted(wanted: list[float], room: float) -> list[float]:
    """Cut the widest columns to one width so that all fit; narrow ones keep what they want."""
    left = room
    for place, width in enumerate(sorted(wanted)):
        cap = left / (len(wanted) - place)
        if width > cap:
            return [min(each, cap) for each in wanted]
        left -= width
    return wanted


def lines_of(cell: Element) -> Iterator[str]:
    """Yield the lines of a cell, which breaks divide as paragraphs do."""
    for each in cell.iterchildren(f"{W}p"):
        words = "".join("\n" if part.tag == f"{W}br" else part.text or "" for part in each.iter(f"{W}t", f"{W}br"))
        yield from words.split("\n")
