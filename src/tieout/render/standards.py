"""What PDF/A-3a and PDF/UA-1 ask of a document, in words for its authors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from tieout.errors import TieoutError
from tieout.nodes import Node, every
from tieout.render.document import Document, prose
from tieout.render.tree import plain_text

STANDARDS: Final = ("a-3a", "ua-1")
"""A file for archives, with attachments, that people who cannot see it can read (ISO 19005-3, level A; ISO 14289-1)."""
HEADING = re.compile(r"^(?P<marks>#{1,6})\s")
# What Typst says: what is wrong with the document, and what to change.
REFUSALS = {
    "missing document title": ("a PDF for all readers needs a title", "write title: … in the front matter"),
    "skipped from heading level": ("this heading skips a level", "give it fewer #, or put a heading above it"),
    "the first heading must be of level 1": ("the first heading is not of the first level", "write it with one #"),
    "missing alt text": ("a picture or formula has no alternative text", "say in words what it shows: fig-alt=\"…\""),
    "the PDF contains the codepoint": (
        "the text holds a sign of Unicode's private area, which has no meaning outside its font", "write another sign",
    ),
}  # fmt: skip


def refused(document: Document, complaint: str) -> TieoutError | None:
    """Return what to change where a document does not meet a standard; None where the complaint is another."""
    for said, (problem, hint) in REFUSALS.items():
        if said in complaint:
            return document.error(heading_out_of_order(document) if "heading" in said else 1, problem, hint)
    return None


def heading_out_of_order(document: Document) -> int:
    """Return the line of the first heading that is more than one level below the one before, or 1."""
    before = 0
    for number, line in prose(document):
        if heading := HEADING.match(line):
            if len(heading["marks"]) > before + 1:
                return number
            before = len(heading["marks"])
    return 1


def unspoken(document: Document, tree: Node) -> Iterator[TieoutError]:
    """Yield an error for each picture without words for those who cannot see it."""
    for node in every(tree["blocks"]):
        if node["t"] == "Image" and not plain_text(node["c"][1]).strip():
            source = node["c"][2][0]
            problem = f"the picture '{source}' has no alternative text, which a PDF for all readers needs"
            hint = f'say in words what it shows: ![Caption]({source}){{fig-alt="What it shows"}}'
            yield document.error(document.line_of(f"]({source}"), problem, hint)
