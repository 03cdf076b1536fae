"""Make a Word file safe to read, and carry the keys of its content controls through pandoc."""

from __future__ import annotations

import html
import io
import posixpath
import re
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any

from tieout.audit.carried import in_word
from tieout.audit.hostile import MOST_PARTS, xml_parser
from tieout.audit.passages import CLOSE, MARKS, OPEN, SHUT, pictures, tally
from tieout.errors import TieoutError
from tieout.keyed import control

LARGEST_UNPACKED = 200_000_000  # bytes
W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
STRICT = "{http://purl.oclc.org/ooxml/wordprocessingml/main}"
OLE = bytes.fromhex("d0cf11e0a1b11ae1")
KEY = re.compile(r"\w+(?:\.\w+)+")
WOVEN_KEY = re.compile(r'key="([^"]+)"')
REWRITTEN = re.compile(r"word/(?:document\d*|footnotes|endnotes)\.xml")
DAMAGED = "open it in a word processor and save it again"


def prepared(data: bytes, place: str) -> tuple[bytes, list[str]]:
    """Return a Word file of its XML parts alone, controls of figures as marks in the text, and what will not be read.

    Raises TieoutError for what is no Word file, is encrypted, unpacks to too much, or declares XML entities.
    """
    parts = unpacked(data, place)
    named = {control(key): key for key in map(html.unescape, WOVEN_KEY.findall(in_word(data) or ""))}
    unread: list[str] = []
    for name in parts:
        if name.endswith((".xml", ".rels")):
            refuse_declarations(parts[name], name, place)
    for name in parts:
        if REWRITTEN.fullmatch(name):
            root = parsed(parts[name], place)
            unread += left_out(root) if name.startswith("word/document") else []
            parts[name] = marked(root, named)
    if "word/comments.xml" in parts:
        count = len(parsed(parts["word/comments.xml"], place))
        unread += tally(count, "comment was not read", "comments were not read")
    return packed(parts), unread


def unpacked(data: bytes, place: str) -> dict[str, bytes]:
    """Return the XML parts of a Word file; raise TieoutError where it is none or unpacks to too much."""
    if data.startswith(OLE):
        if "EncryptedPackage".encode("utf-16-le") in data:
            raise TieoutError(place, "this Word file is encrypted", "save it without a password")
        raise TieoutError(place, "this is Word's old format under the name of the new", "save it as .docx")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            if len(entries) > MOST_PARTS or sum(entry.file_size for entry in entries) > LARGEST_UNPACKED:
                raise too_much(place)
            parts, room = {}, LARGEST_UNPACKED
            for entry in entries:
                if entry.filename.endswith((".xml", ".rels")):
                    with archive.open(entry) as stream:
                        parts[posixpath.normpath(entry.filename)] = stream.read(room + 1)
                    room -= len(parts[posixpath.normpath(entry.filename)])
                    if room < 0:
                        raise too_much(place)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError):
        raise TieoutError(place, "this Word file is damaged, or no Word file at all", DAMAGED) from None
    except RuntimeError:
        raise TieoutError(place, "this Word file is encrypted", "save it without a password") from None
    if "[Content_Types].xml" not in parts or not any(REWRITTEN.fullmatch(name) for name in parts):
        raise TieoutError(place, "this is a zip file, but no Word file: there is no document in it", DAMAGED)
    return parts


def too_much(place: str) -> TieoutError:
    problem = f"this Word file unpacks to more than {LARGEST_UNPACKED // 1_000_000} MB"
    return TieoutError(place, problem, "no manuscript does; it may be made to do harm")


def refuse_declarations(data: bytes, name: str, place: str) -> None:
    start = data.replace(b"\0", b"")  # as UTF-16 it reads the same
    if b"<!DOCTYPE" in start or b"<!ENTITY" in start:
        raise TieoutError(place, f"its part {name} declares XML entities, which no Word file does")


def parsed(data: bytes, place: str) -> Any:
    from lxml import etree

    try:
        return etree.fromstring(data.replace(STRICT[1:-1].encode(), W[1:-1].encode()), xml_parser())
    except etree.XMLSyntaxError as error:
        if "depth" in str(error).casefold():
            raise TieoutError(place, "its elements are nested too deeply") from None
        raise TieoutError(place, "this Word file is damaged: its text is no well-formed XML", DAMAGED) from None


def left_out(root: Any) -> list[str]:
    """Return sentences on tracked changes and text boxes of a document."""
    changes = [
        e for e in root.iter(f"{W}ins", f"{W}del", f"{W}moveFrom", f"{W}moveTo") if len(e) or e.getparent() is None
    ]
    boxes = [e for e in root.iter(f"{W}txbxContent") if not any(a.tag.endswith("}Fallback") for a in e.iterancestors())]
    drawn = sum(1 for _ in root.iter("{http://schemas.openxmlformats.org/drawingml/2006/main}blip"))
    return [
        *pictures(drawn),
        *tally(len(changes), "tracked change was read as accepted", "tracked changes were read as accepted"),
        *tally(len(boxes), "text box was not read", "text boxes were not read"),
    ]


def marked(root: Any, named: Mapping[str, str]) -> bytes:
    """Return a part with each content control of a figure as marks in its text, and without placeholders.

    `named` gives the keys of the controls that do not hold their key whole.
    """
    from lxml import etree

    for text in root.iter(f"{W}t"):
        if text.text and MARKS.search(text.text):
            text.text = MARKS.sub("", text.text)
    for element in list(root.iter(f"{W}sdt")):
        properties, content = element.find(f"{W}sdtPr"), element.find(f"{W}sdtContent")
        if properties is None or content is None:
            continue
        if properties.find(f"{W}showingPlcHdr") is not None:
            for run in list(content.iter(f"{W}r")):
                run.getparent().remove(run)
        paragraphs = list(content.iter(f"{W}p"))
        if (key := key_of(properties, named)) and len(paragraphs) < 2:
            inside = paragraphs[0] if paragraphs else content
            start = int(len(inside) > 0 and inside[0].tag == f"{W}pPr")
            for place, sign in ((start, OPEN), (len(inside) + 1, SHUT)):
                run = etree.Element(f"{W}r")
                etree.SubElement(run, f"{W}t").text = f"{sign}{key}{CLOSE}"
                inside.insert(place, run)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True)


def key_of(properties: Any, named: Mapping[str, str]) -> str:
    """Return the key that a content control is tagged or, as by LibreOffice 7.4, titled with; of others nothing."""
    names = [child.get(f"{W}val", "") for tag in ("tag", "alias") for child in properties.findall(f"{W}{tag}")]
    return next((named.get(name, name) for name in names if name in named or KEY.fullmatch(name)), "")


def packed(parts: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return buffer.getvalue()
