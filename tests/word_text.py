"""The text of parts of a Word file, that of content controls included, which python-docx leaves out."""

from __future__ import annotations

from docx.oxml.ns import qn


def text(element) -> str:
    """Return the text of a paragraph, or of a cell's paragraphs one on a line."""
    if element.tag == qn("w:p"):
        pieces = {qn("w:br"): "\n", qn("w:tab"): "\t"}
        return "".join(pieces.get(part.tag, part.text or "") for part in element.iter(qn("w:t"), *pieces))
    return "\n".join(text(paragraph) for paragraph in element.iter(qn("w:p")))
