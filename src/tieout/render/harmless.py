"""Refuse, with file and line, what a document would have a reader's program run, open or fetch."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from tieout.errors import TieoutError
from tieout.nodes import Node, every
from tieout.render.document import Document
from tieout.render.tree import plain_text

LINK = re.compile(r"(?:https?|mailto|tel|doi):.*|[^:\\]*|[^:/?#\\]*[/?#].*", re.IGNORECASE | re.DOTALL)
"""Where a link may lead: to a page, an address, or a place or file beside the document."""
BLANK = re.compile(r"[\x00-\x20\x7f-\xa0]+")
IDENTIFIER = re.compile(r"[\w.:-]*")
CODE = re.compile(r"on.*|.*:.*|src.*|href|action|formaction|background|poster|ping|http-equiv", re.IGNORECASE)
"""Names of attributes whose values programs run or fetch; Typst takes what is called typst:… as code."""
LENGTH = re.compile(r"\d*\.?\d+(?:px|pt|pc|cm|mm|in|em|rem|%)?")
STYLE = re.compile(r"(?!.*(?:url|image|@|\\|expression)).*", re.IGNORECASE | re.DOTALL)
VALUES = {"width": LENGTH, "height": LENGTH, "style": STYLE}
ANYTHING = re.compile(r".*", re.DOTALL)
WORD = re.compile(r"[\w-]*")
SETTINGS = ("lang", "region", "dir", "layout", "arranged")
"""What the front matter sets by a word that stands in the code of a template."""


def harmful(document: Document, tree: Node) -> Iterator[TieoutError]:
    """Yield an error for each attribute, identifier, link or setting that would be code, or would be fetched."""
    for name in SETTINGS:
        words = plain_text(tree["meta"].get(name))
        if not WORD.fullmatch(words):
            yield document.error(document.line_of(f"{name}:"), f"'{name}: {words[:40]}' is no word", "write one word")
    for identifier, pairs in attributes([tree["meta"], tree["blocks"]]):
        if not IDENTIFIER.fullmatch(identifier):
            line = document.line_of(identifier)
            yield document.error(line, f"the identifier '{identifier[:40]}' has other signs than letters, digits, - _ . :")
        for name, value in pairs:
            if CODE.fullmatch(name) or not VALUES.get(name.lower(), ANYTHING).fullmatch(value):
                problem = f"the attribute {name}=\"{value[:40]}\" could be run or fetched by the program that shows it"
                yield document.error(document.line_of(f"{name}="), problem, "leave it out")
    for node in every([tree["meta"], tree["blocks"]]):
        if node["t"] == "Link" and not LINK.fullmatch(BLANK.sub("", unquote(node["c"][2][0]))):
            target = node["c"][2][0]
            problem = f"the link to '{target[:40]}' leads to no page or address"
            yield document.error(document.line_of(target), problem, "link to https://…, mailto:… or a place in the document")


def attributes(node: Any) -> Iterator[tuple[str, list[list[str]]]]:
    """Yield identifier and attributes of every element that has any, in pandoc's way: [identifier, classes, pairs]."""
    waiting = [node]
    while waiting:
        found = waiting.pop()
        if isinstance(found, dict):
            waiting.extend(found.values())
        elif isinstance(found, list):
            match found:
                case [str() as identifier, [*classes], [*pairs]] if all(isinstance(each, str) for each in classes):
                    if (identifier or pairs) and all(isinstance(each, list) and len(each) == 2 for each in pairs):
                        yield identifier, pairs
                case _:
                    waiting.extend(found)
