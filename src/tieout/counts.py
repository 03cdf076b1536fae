"""Count what journals limit in a manuscript: words, tables, figures, references."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pypandoc

from tieout.nodes import Node, every
from tieout.render.tree import plain_text, program

ATTRIBUTES = {"Div": 0, "Figure": 0, "Table": 0, "Image": 0, "Header": 1}
"""Where pandoc keeps the attributes of an element."""
NOT_TEXT = {"Header", "Figure", "Table", "Image", "CodeBlock", "RawBlock", "RawInline", "Note"}
WORDED = ("Para", "Plain", "LineBlock", "MetaInlines", "MetaString")
FLOATS = ("tbl-", "fig-")
REFERENCES = (*FLOATS, "sec-")


@dataclass(frozen=True)
class Counts:
    """What a title page states: words of abstract and text, numbers of tables, figures and references."""

    abstract: int
    text: int
    tables: int
    figures: int
    references: int


def told(counted: Counts) -> str:
    """Return the line of a title page."""
    return (
        f"Words: abstract {counted.abstract:,}, text {counted.text:,}. "
        f"Tables: {counted.tables}. Figures: {counted.figures}. References: {counted.references}."
    )


def counts(text: str) -> Counts:
    """Count a woven document as journals do.

    The text is what stands under numbered headings: no headings, tables, figures, captions, boxes, footnotes or marks of
    citations, and nothing under an unnumbered heading (funding, acknowledgements). A word has a letter or a digit and
    ends at a space, so that "0.5 to 0.9" has three. Tables and figures count where they stand before the list of references
    or the text before it refers to them: others are an appendix's. References are those cited anywhere.
    """
    program()
    tree = json.loads(pypandoc.convert_text(text, "json", "markdown", sandbox=True))
    main = list(before_references(tree["blocks"]))
    floats = {*floats_in(main), *set(floats_in(tree["blocks"])).intersection(citations(main))}
    return Counts(
        abstract=words(tree["meta"].get("abstract")),
        text=words(list(under_numbers(main))),
        tables=sum(name.startswith("tbl-") for name in floats),
        figures=sum(name.startswith("fig-") for name in floats),
        references=len(
            {cited for cited in citations([tree["meta"], tree["blocks"]]) if not cited.startswith(REFERENCES)}
        ),
    )


def before_references(blocks: list[Node]) -> Iterator[Node]:
    """Yield the blocks before the list of references; all, where it has no place of its own."""
    for block in blocks:
        if identifier(block) == "refs":
            return
        yield block


def under_numbers(blocks: list[Node]) -> Iterator[Node]:
    """Yield the blocks that stand under no unnumbered heading."""
    aside = 0
    for block in blocks:
        if block["t"] == "Header":
            level, (_, classes, _), _ = block["c"]
            if not aside or level <= aside:
                aside = level if "unnumbered" in classes else 0
        if not aside:
            yield block


def floats_in(node: Any) -> Iterator[str]:
    """Yield the identifiers of tables and figures; parts of a figure are not counted apart."""
    if isinstance(node, list):
        for each in node:
            yield from floats_in(each)
    elif isinstance(node, dict):
        if identifier(node).startswith(FLOATS):
            yield identifier(node)
        else:
            yield from floats_in(list(node.values()))


def citations(tree: Any) -> Iterator[str]:
    return (citation["citationId"] for node in every(tree) if node["t"] == "Cite" for citation in node["c"][0])


def words(node: Any) -> int:
    """Return how many words a part of the tree has."""
    lines = [plain_text(each) for each in every(readable(node)) if each["t"] in WORDED]
    return sum(any(map(str.isalnum, word)) for line in lines for word in line.split())


def readable(node: Any) -> Any:
    """Return a part of the tree without what is no text; a reference to a table or figure has two words."""
    if isinstance(node, list):
        return [readable(each) for each in node if not aside(each)]
    if not isinstance(node, dict):
        return node
    if node.get("t") == "Cite":
        labels = ["Table 1" for citation in node["c"][0] if citation["citationId"].startswith(REFERENCES)]
        return {"t": "Str", "c": " ".join(labels)}
    return {name: readable(value) for name, value in node.items()}


def aside(node: Any) -> bool:
    """Return whether an element is no text of a manuscript."""
    if not isinstance(node, dict):
        return False
    boxed = node.get("t") == "Div" and any(name.startswith("callout") for name in attributes(node)[1])
    return node.get("t") in NOT_TEXT or boxed or identifier(node).startswith(FLOATS)


def identifier(node: Node) -> str:
    return str(attributes(node)[0])


def attributes(node: Node) -> list[Any]:
    """Return identifier, classes and attributes of an element, empty where its kind has none."""
    place = ATTRIBUTES.get(node.get("t", ""))
    return ["", [], []] if place is None else node["c"][place]
