"""What a Word file of pandoc or Quarto still lacks: front matter, page header, rows that stay whole, fitting columns."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from lxml import etree

from tieout.render.tree import Node, as_list, fields, plain_text

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
Element = etree._Element
NARROWEST, WIDEST = 5, 34


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
    )


def affiliation_text(affiliation: Node) -> str:
    words = [plain_text(affiliation[part]) for part in ("department", "name", "city", "country") if part in affiliation]
    return f"{plain_text(affiliation['number'])} {', '.join(words)}"


def finished(data: bytes, front: Front, created: datetime) -> bytes:
    """Return the file with front matter, page header and whole table rows, its entries in order and dated `created`."""
    parts = unpacked(data)
    body = etree.fromstring(parts["word/document.xml"])
    add_front(body, front)
    for table in body.iter(f"{W}tbl"):
        keep_rows(table)
        fit_columns(table)
    parts["word/document.xml"] = packed_xml(body)
    for name in [n for n in parts if n.startswith("word/header")]:
        header = etree.fromstring(parts[name])
        add_header(header, front)
        parts[name] = packed_xml(header)
    return packed(parts, created)


def unpacked(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


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


def style_of(element: Element) -> str:
    style = element.find(f"{W}pPr/{W}pStyle")
    return "" if style is None else str(style.get(f"{W}val"))


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


def keep_rows(table: Element) -> None:
    """Forbid page breaks inside rows."""
    for row in table.iterchildren(f"{W}tr"):
        properties = row.find(f"{W}trPr")
        if properties is None:
            properties = etree.Element(f"{W}trPr")
            row.insert(0, properties)
        if properties.find(f"{W}cantSplit") is None:
            properties.insert(0, etree.Element(f"{W}cantSplit"))


def fit_columns(table: Element) -> None:
    """Share the width of the text among the columns by the length of their longest words and texts."""
    grid = table.find(f"{W}tblGrid")
    if grid is None or len(grid) < 2:
        return
    lengths = [NARROWEST] * len(grid)
    for row in table.iterchildren(f"{W}tr"):
        column = 0
        for cell in row.iterchildren(f"{W}tc"):
            span = cell.find(f"{W}tcPr/{W}gridSpan")
            across = 1 if span is None else int(str(span.get(f"{W}val")))
            if across == 1 and column < len(lengths):
                lines = ["".join(p.itertext()) for p in cell.iter(f"{W}p")]
                lengths[column] = max([lengths[column], *map(len, lines)])
            column += across
    shares = [min(length, WIDEST) for length in lengths]
    total = sum(int(column.get(f"{W}w") or 0) for column in grid) or 9000
    for column, share in zip(grid, shares, strict=True):
        column.set(f"{W}w", str(round(total * share / sum(shares))))
