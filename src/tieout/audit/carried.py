"""What a PDF or DOCX of Tieout carries inside itself: the woven document, in which each figure has its key, and the results."""

from __future__ import annotations

import io
import re
import sys
import zipfile
import zlib
from pathlib import Path

from tieout.audit.hostile import LARGEST, MOST_PARTS, alone, limit_memory, xml_parser
from tieout.display import profile_of, text
from tieout.errors import TieoutError
from tieout.results import Results, parsed

LARGEST_WOVEN = 20_000_000  # bytes
WOVEN, RESULTS = ".qmd", "results.json"
"""How the names of the attachments of a PDF end."""
LARGEST_ATTACHED = {WOVEN: LARGEST_WOVEN, RESULTS: LARGEST}
MOST_ATTACHED = 1_000
MOST_SECONDS = 20
TOLD = ("snapshot", "edition", "title", "synthetic")
"""What results say of themselves, and the reports on them repeat."""
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
    return in_pdf(path, WOVEN).decode("utf-8") or None if b"%PDF-" in data[:1024] else None


def results(path: Path) -> Results | None:
    """Return the results that a PDF carries, or None where there are none to be had, as `woven` has it.

    Raises TieoutError where they are there and cannot be read: somebody changed them.
    """
    attached = in_pdf(path, RESULTS) if path.suffix.lower() == ".pdf" and path.stat().st_size <= LARGEST else b""
    if not attached:
        return None
    try:
        found = parsed(attached)
        profile = profile_of(found.meta)
        for each in found:
            if each.value is not None:
                text(each, profile)
        if not all(isinstance(found.meta.get(name) or "", str) for name in TOLD) or not found.meta["snapshot"]:
            raise ValueError("these results do not say of which data they are")
        return found
    except (ValueError, KeyError, TypeError, ArithmeticError, AttributeError):
        hint = "check it against the data with --study, or against a build's results with --results"
        raise TieoutError(str(path), "the results that this file carries were changed", hint) from None


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


def in_pdf(path: Path, ending: str) -> bytes:
    """Return the attachment of a PDF that a process of its own finds by how its name ends, or nothing."""
    done = alone("tieout.audit.carried", str(path.resolve()), ending, seconds=MOST_SECONDS)
    return b"" if done is None or done.returncode else done.stdout


def attachment(path: Path, ending: str) -> bytes:
    """Return the first attachment of a PDF whose name ends so and that is text, or nothing.

    PDFium unpacks a stream whole before it says how long that is, a few megabytes into gigabytes where somebody meant
    it so: call this where memory is limited.
    """
    import pypdfium2

    document = pypdfium2.PdfDocument(path)
    for index in range(min(document.count_attachments(), MOST_ATTACHED)):
        attached = document.get_attachment(index)
        if attached.get_name().endswith(ending):
            data = bytes(attached.get_data())
            return data if len(data) <= LARGEST_ATTACHED[ending] else b""
    return b""


if __name__ == "__main__":
    limit_memory()
    found = attachment(Path(sys.argv[1]), sys.argv[2])
    found.decode("utf-8")
    sys.stdout.buffer.write(found)
