"""Read a manuscript in any format: DOCX, PDF, HTML, Markdown, JATS XML or plain text become passages."""

from __future__ import annotations

import codecs
import copy
import html.entities
import json
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tieout.audit import blocks
from tieout.audit.hostile import LARGEST, xml_parser
from tieout.audit.passages import (
    MARKS,
    MOST_COLUMNS,
    NOT_TEXT,
    Cell,
    Table,
    Text,
    numbered,
    pictures,
    tally,
    with_heads,
)  # fmt: skip
from tieout.audit.quoted import Manuscript
from tieout.errors import TieoutError
from tieout.nodes import every

PANDOC_SECONDS = 60
PANDOC_MEMORY = "-M1500m"
DEEPEST = 200  # elements inside one another
FORMATS = {
    ".docx": "docx", ".html": "html", ".htm": "html", ".xhtml": "html", ".md": "md", ".markdown": "md", ".qmd": "md",
    ".txt": "txt", ".xml": "xml", ".pdf": "pdf",
}  # fmt: skip
KNOWN = "known: " + " ".join(FORMATS)
CELL = re.compile(r"^([ \t]{0,3}[`~]{3,})[ \t]*\{([A-Za-z]\w*)[^}\n]*\}", re.MULTILINE)


def read(path: Path) -> Manuscript:
    """Read a manuscript from a file; its suffix says the format.

    Nothing outside the file is read. Raises TieoutError for a file that is missing, empty, too large, encrypted,
    damaged, scanned without a text layer, or of no format known here.
    """
    path = Path(path)
    place = str(path)
    if path.suffix.lower() == ".doc":
        raise TieoutError(place, "this is Word's old format", "open it in a word processor and save it as .docx")
    if path.suffix.lower() not in FORMATS:
        raise TieoutError(place, f"files ending in '{path.suffix}' are of no format known here", KNOWN)
    try:
        if not path.is_file():
            problem = "this is a folder" if path.is_dir() else "there is no such file"
            raise TieoutError(place, problem, "name a manuscript: .docx, .pdf, .html, .md, .txt or .xml")
        size = path.stat().st_size
        if size > LARGEST:
            limit = LARGEST // 1_000_000
            raise TieoutError(place, f"the file has {size / 1e6:.0f} MB, more than the {limit} MB that are read")
        data = path.read_bytes()
    except OSError as error:
        raise TieoutError(place, f"the file cannot be read: {error.strerror}") from None
    if not data.strip(b"\0 \t\r\n"):
        raise TieoutError(place, "the file is empty")
    return manuscript(data, FORMATS[path.suffix.lower()], place)


def read_text(text: str, format: str, name: str) -> Manuscript:
    """Read a manuscript from a string in the format "md", "txt" or "html"; `name` is what errors call it."""
    if format not in ("md", "txt", "html"):
        raise TieoutError(name, f"'{format}' is no format of text", "known: md txt html")
    if not text.strip():
        raise TieoutError(name, "the text is empty")
    return manuscript(text.encode("utf-8", "replace"), format, name)


def manuscript(data: bytes, format: str, place: str) -> Manuscript:
    """Return the manuscript that `data` holds; all that goes wrong on the way is a TieoutError."""
    try:
        parts, unread = READERS[format](data, place)
        passages = numbered(parts)
    except (RecursionError, MemoryError):
        raise TieoutError(place, "its parts are nested too deeply, or it is too large, to be read") from None
    if not passages:
        raise TieoutError(place, "there is no text in this file", "; ".join(unread))
    return Manuscript(place, format, passages, tuple(unread))


Read = tuple[list[Text | Table], list[str]]


def read_docx(data: bytes, place: str) -> Read:
    from tieout.audit import word

    prepared, unread = word.prepared(data, place)
    tree = pandoc(prepared, "docx+styles", place, "--track-changes=accept")
    return list(blocks.parts(tree)), unread


def read_html(data: bytes, place: str) -> Read:
    cleaned, drawings = clean_html(decoded(data, place), place)
    tree = pandoc(cleaned.encode(), "html", place)
    return list(blocks.parts(tree)), pictures(drawings + images(tree))


def read_markdown(data: bytes, place: str) -> Read:
    # A program of Quarto's ("```{python}") is code to pandoc only without the braces.
    source = CELL.sub(r"\1 \2", MARKS.sub("", decoded(data, place)))
    # Without this extension a raw HTML table is one raw block, which is then read as HTML.
    tree = pandoc(source.encode(), "markdown-markdown_in_html_blocks", place)
    tree["blocks"] = with_html(tree["blocks"], place)
    programs = sum(node["t"] == "CodeBlock" and bool(node["c"][0][1]) for node in every(tree["blocks"]))
    code = tally(programs, "block of program code was not read", "blocks of program code were not read")
    return list(blocks.parts(tree)), code + pictures(images(tree))


def read_jats(data: bytes, place: str) -> Read:
    from lxml import etree

    root = safe_xml(data, place)
    if etree.QName(root).localname != "article":
        problem = f"this is XML, but not a JATS article: it begins with '{etree.QName(root).localname[:40]}'"
        raise TieoutError(place, problem)
    lift_captions(root)
    tree = pandoc(etree.tostring(root, encoding="utf-8"), "jats", place)
    return list(blocks.parts(tree)), pictures(images(tree))


def lift_captions(root: Any) -> None:
    """Make label and caption of each table and figure one paragraph above it, and a table's notes ones below it."""
    from lxml import etree

    for wrap in list(root.iter("table-wrap", "fig")):
        parent = wrap.getparent()
        if parent is None:
            continue
        above = etree.Element("p")
        label = "".join(part for found in wrap.findall("label") for part in found.itertext()).strip().rstrip(".:")
        above.text = f"{label}. " if label else ""
        for caption in wrap.findall("caption"):
            for block in caption.iter("title", "p"):
                above.append(renamed(block, "styled-content", " "))
        below = [
            renamed(block, "p", "") for foot in wrap.findall("table-wrap-foot") for block in foot.iter("p", "title")
        ]
        for gone in [*wrap.findall("label"), *wrap.findall("caption"), *wrap.findall("table-wrap-foot")]:
            wrap.remove(gone)
        place = parent.index(wrap)
        for number, note in enumerate(below):
            parent.insert(place + 1 + number, note)
        parent.insert(place, above)


def renamed(element: Any, name: str, tail: str) -> Any:
    """Return a copy of an element under another name."""
    copied = copy.deepcopy(element)
    copied.tag, copied.tail = name, tail
    return copied


def read_pdf(data: bytes, place: str) -> Read:
    from tieout.audit import pdf

    return pdf.parts(data, place)


def read_txt(data: bytes, place: str) -> Read:
    return list(plain(MARKS.sub("", decoded(data, place)))), []


READERS: dict[str, Callable[[bytes, str], Read]] = {
    "docx": read_docx,
    "html": read_html,
    "md": read_markdown,
    "txt": read_txt,
    "xml": read_jats,
    "pdf": read_pdf,
}


def pandoc(data: bytes, reader: str, place: str, *options: str) -> dict[str, Any]:
    """Return pandoc's tree of a document; pandoc runs in its sandbox, in an empty folder, for a limited time."""
    import pypandoc

    command = [pypandoc.get_pandoc_path(), "--sandbox", "-f", reader, "-t", "json", *options]
    command += ["+RTS", PANDOC_MEMORY, "-RTS"]
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = subprocess.run(
                command, input=data, capture_output=True, cwd=folder, timeout=PANDOC_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            problem = f"pandoc had not read this after {PANDOC_SECONDS} seconds"
            raise TieoutError(place, problem, "the file may be damaged or made to be hard to read") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace")
        if "heap" in said.casefold():
            raise TieoutError(place, "pandoc needs too much memory to read this", "the file may be damaged")
        raise TieoutError(place, f"pandoc cannot read this as {reader.split('-')[0].split('+')[0]}", in_short(said))
    tree: dict[str, Any] = json.loads(done.stdout)
    return tree


def in_short(complaint: str) -> str:
    """Return the first line of what pandoc says, without what it quotes of the document."""
    return NOT_TEXT.sub("", complaint.strip().split("\n")[0])[:160]


def images(tree: dict[str, Any]) -> int:
    return sum(node["t"] == "Image" for node in every(tree["blocks"]))


def decoded(data: bytes, place: str) -> str:
    """Return bytes as text: by the byte order mark, else as UTF-8, else by what HTML declares, else as cp1252.

    Raises TieoutError for bytes that are no text.
    """
    marks = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
    encoding = next((name for mark, name in marks.items() if data.startswith(mark)), "")
    if encoding:
        text = data.decode(encoding, "replace")
    else:
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            text = data.decode(declared(data), "replace")
    strange = len(NOT_TEXT.findall(text)) + text.count("\ufffd")
    if strange > 5 + len(text) // 50:
        raise TieoutError(place, "this is no text: it is full of bytes that are no characters", KNOWN)
    return text.replace("\x00", "")


def declared(data: bytes) -> str:
    found = re.search(rb"charset=[\"']?([\w-]{1,40})", data[:2000])
    try:
        return codecs.lookup(found[1].decode("ascii")).name if found else "cp1252"
    except LookupError:
        return "cp1252"


def clean_html(text: str, place: str) -> tuple[str, int]:
    """Return HTML without scripts, styles and navigation, and how many drawings were left out."""
    from lxml import etree
    from lxml import html as parser

    reader = parser.HTMLParser(encoding="utf-8", no_network=True, huge_tree=False, remove_comments=True)
    text = MARKS.sub("", NOT_TEXT.sub("", text))
    try:
        root = parser.document_fromstring(text.encode(), parser=reader)
    except (etree.ParserError, etree.XMLSyntaxError, AssertionError):
        raise TieoutError(place, "there is no text in this HTML") from None
    if any("depth" in entry.message.casefold() for entry in reader.error_log) or too_deep(root):
        raise TieoutError(place, "its elements are nested too deeply", f"at most {DEEPEST} inside one another are read")
    drawings = len(root.xpath("//svg"))
    for name in ("colspan", "rowspan"):
        for cell in root.xpath(f"//*[@{name}]"):
            written = cell.get(name).strip()
            cell.set(name, str(min(int(written), MOST_COLUMNS)) if re.fullmatch(r"\d{1,9}", written) else "1")
    unwanted = (
        "//script|//style|//template|//noscript|//nav|//svg|//*[@role='navigation']|//*[@hidden]|//iframe|//object"
    )
    for element in root.xpath(unwanted):
        if element.getparent() is not None:
            element.drop_tree()
    return MARKS.sub("", etree.tostring(root, encoding="unicode", method="html")), drawings


def too_deep(root: Any) -> bool:
    depth, deepest = {root: 0}, 0
    for element in root.iter():
        above = element.getparent()
        depth[element] = depth.get(above, -1) + 1
        deepest = max(deepest, depth[element])
    return deepest > DEEPEST


def with_html(nodes: list[Any], place: str) -> list[Any]:
    """Return blocks of Markdown with its raw HTML read as HTML, all in one go."""
    raw = [node for node in every(nodes) if node["t"] == "RawBlock" and node["c"][0].startswith("html")]
    if not raw:
        return nodes
    cleaned = (clean_fragment(node["c"][1], place) for node in raw)
    joined = "".join(f'<div class="raw-{i}">{fragment}</div>' for i, fragment in enumerate(cleaned))
    tree = pandoc(joined.encode(), "html", place)
    for node, made in zip(raw, tree["blocks"], strict=True):
        node |= {"t": "Div", "c": [["", [], []], made["c"][1]]}
    return nodes


def clean_fragment(text: str, place: str) -> str:
    """Return a piece of HTML, its elements closed; nothing for one that holds no text."""
    if not re.search(r">[^<]*\w[^<]*<", text):
        return ""
    whole, _ = clean_html(f"<div>{text}</div>", place)
    return re.sub(r"(?s)^.*?<body[^>]*>|</body>.*$", "", whole)


def safe_xml(data: bytes, place: str) -> Any:
    """Return the root of an XML document; no entity is expanded, no declaration followed, nothing fetched.

    Raises TieoutError for XML that is damaged, nested too deeply, or declares entities of its own.
    """
    from lxml import etree

    try:
        root = etree.fromstring(data, xml_parser(remove_comments=True, remove_pis=True))
    except etree.XMLSyntaxError as error:
        if "depth" in str(error).casefold():
            raise TieoutError(place, "its elements are nested too deeply") from None
        if "entit" in str(error).casefold() and b"<!ENTITY" in data:
            raise TieoutError(place, "the XML declares entities of its own, which are not read") from None
        raise TieoutError(place, f"this is not well-formed XML (line {error.lineno})") from None
    internal = root.getroottree().docinfo.internalDTD
    if internal is not None and next(internal.iterentities(), None) is not None:
        raise TieoutError(place, "the XML declares entities of its own, which are not read")
    for entity in list(root.iter(etree.Entity)):
        replace_entity(entity)
    return root


def replace_entity(entity: Any) -> None:
    """Put the sign that a named entity of HTML stands for in its place; one that is not known leaves nothing."""
    sign = html.entities.html5.get(f"{entity.name};", "") + (entity.tail or "")
    parent, before = entity.getparent(), entity.getprevious()
    if before is None:
        parent.text = (parent.text or "") + sign
    else:
        before.tail = (before.tail or "") + sign
    entity.tail = None
    parent.remove(entity)


HEADING = re.compile(r"(?:[\dIVX]{1,4}(?:\.\d{1,2})*\.? )?[A-Z][^.;!?\d=<>%]{1,70}")


def plain(text: str) -> Iterator[Text | Table]:
    """Yield headings, paragraphs and tab-separated tables of plain text; blank lines part them, as do long lines."""
    for block in re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n\n")):
        lines = [line for line in block.split("\n") if line.strip()]
        tabs = [line.strip("\n").count("\t") for line in lines]
        if len(lines) > 1 and min(tabs) and len(set(tabs)) == 1:
            rows = [[Cell(raw, i, j) for j, raw in enumerate(line.split("\t"))] for i, line in enumerate(lines)]
            yield Table(tuple(cell for row in with_heads(rows, tabs[0] + 1) for cell in row))
            continue
        unwrapped = any(len(line) > 200 for line in lines)
        first, *rest = lines or [""]
        if rest and not unwrapped and blocks.KNOWN_SECTIONS.fullmatch(first.strip()):
            yield Text(first, "heading", 1)
            lines = rest
        for raw in lines if unwrapped else [" ".join(lines)]:
            words = raw.strip()
            if blocks.KNOWN_SECTIONS.fullmatch(words) or (len(lines) == 1 and HEADING.fullmatch(words)):
                yield Text(words, "heading", 1 if blocks.KNOWN_SECTIONS.fullmatch(words) else 2)
            else:
                yield Text(words, "caption" if blocks.CAPTION.match(words) else "paragraph")
