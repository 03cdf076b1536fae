"""The woven document that a PDF or DOCX of Tieout carries inside itself, in which each figure has its key."""

from __future__ import annotations

import io
import re
import sys
import zipfile
import zlib
from pathlib import Path

from tieout.audit.hostile import LARGEST, MOST_PARTS, alone, limit_memory, xml_parser

LARGEST_WOVEN = 20_000_000  # bytes
MOST_ATTACHED = 1_000
MOST_SECONDS = 20
ROOT = "{urn:tieout:woven}woven"
ITEM = re.compile(r"customXml/[^/]+\.xml")


def woven(path: Path) -> str | None:
    """Return the woven document that a PDF or DOCX carries, or None where there is none to be had.

    That is so for another format and for a file that is damaged, encrypted or too large. Of several documents the first
    counts. Raises OSError for a file that cannot be read.
    """
    with path.open("rb") as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        return None
    if data.startswith(b"PK"):
        return in_word(data)
    return in_pdf(path.resolve()) if b"%PDF-" in data[:1024] else None


def in_word(data: bytes) -> str | None:
    """Return the text of the first part of custom XML that is a woven document."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            if len(entries) > MOST_PARTS:
                return None
            left = LARGEST_WOVEN
            for entry in entries:
                if ITEM.fullmatch(entry.filename) and left > 0:
                    with archive.open(entry) as stream:
                        part = stream.read(left + 1)
                    left -= len(part)
                    if left >= 0 and (text := woven_text(part)):
                        return text
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError):
        pass  # damaged, encrypted, or packed in a way that Word does not
    return None


def woven_text(part: bytes) -> str | None:
    """Return the text of a part of custom XML, or None where it is no woven document or declares entities."""
    from lxml import etree

    try:
        root = etree.fromstring(part, xml_parser())
    except etree.XMLSyntaxError:
        return None
    sound = root.tag == ROOT and not len(root) and not root.getroottree().docinfo.doctype
    return root.text if sound else None


def in_pdf(path: Path) -> str | None:
    """Return the attachment that a process of its own finds."""
    done = alone("tieout.audit.carried", str(path), seconds=MOST_SECONDS)
    return None if done is None or done.returncode else done.stdout.decode("utf-8") or None


def attachment(path: Path) -> bytes:
    """Return the first attachment of a PDF whose name ends in .qmd, or nothing.

    PDFium unpacks a stream whole before it says how long that is, a few megabytes into gigabytes where somebody meant
    it so: call this where memory is limited.
    """
    import pypdfium2

    document = pypdfium2.PdfDocument(path)
    for index in range(min(document.count_attachments(), MOST_ATTACHED)):
        attached = document.get_attachment(index)
        if attached.get_name().endswith(".qmd"):
            data = bytes(attached.get_data())
            return data if len(data) <= LARGEST_WOVEN else b""
    return b""


if __name__ == "__main__":
    limit_memory()
    found = attachment(Path(sys.argv[1]))
    found.decode("utf-8")
    sys.stdout.buffer.write(found)
