"""A document as pandoc's JSON tree, the same for every format."""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pypandoc

from tieout import resources
from tieout.errors import TieoutError
from tieout.nodes import Node, every
from tieout.render.document import PAGE_BREAK, Document, local_file

CHOOSING = threading.Lock()
ABBREVIATIONS = "citation-abbreviations"
PROXIES = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")
NOWHERE = dict.fromkeys(PROXIES, "http://127.0.0.1:1") | {"no_proxy": "", "NO_PROXY": ""}
"""What keeps pandoc's citation processor, which its sandbox leaves free, from the network."""
MOST_SECONDS = 600
MOST_MEMORY = "-M4g"
ENDINGS = {"pdf": ".svg", "html": ".svg", "docx": ".png"}
MIME = {
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
}


def parse(document: Document) -> Node:
    """Return the document as pandoc's JSON tree: tables real, floats numbered, citations resolved, authors in order.

    pandoc runs in its sandbox, and its citation processor without network: they read the files named on the command line.
    Raises TieoutError for a missing or remote bibliography, style or picture, and for an unknown citation.
    """
    text = PAGE_BREAK.sub("\n::: pagebreak\n:::\n", document.text)
    arguments = ["-f", "markdown", "-t", "json", "--lua-filter", str(resources.templates() / "tieout.lua")]
    arguments += citation_arguments(document)
    tree = json.loads(pandoc(arguments, text.encode(), document))
    for node in every(tree["blocks"]):
        if node["t"] == "Table":
            as_wide_as_its_words(node)
    tree["meta"] |= authors(tree["meta"])
    tree["meta"].pop(ABBREVIATIONS, None)
    return tree


def as_wide_as_its_words(table: Node) -> None:
    """Let the words of a table, and not how it is typed, give the widths of its columns."""
    table["c"][2] = [[alignment, {"t": "ColWidthDefault"}] for alignment, _ in table["c"][2]]


def citation_arguments(document: Document) -> list[str]:
    given = document.front.get("bibliography") or []
    bibliographies = given if isinstance(given, list) else [given]
    if not bibliographies:
        return []
    arguments = ["--citeproc", "-M", "link-citations=true"]
    for name in map(str, bibliographies):
        arguments += ["--bibliography", within(document, local_file(document, name, "the bibliography"))]
    if "csl" in document.front:
        style = local_file(document, str(document.front["csl"]), "the citation style")
        if b"independent-parent" in style.read_bytes():
            problem = "the citation style is only a name for another one, which is not fetched"
            raise document.error(document.line_of("csl:"), problem, "save the other one beside the document")
        arguments += ["--csl", within(document, style)]
    return [*arguments, f"--{ABBREVIATIONS}", abbreviations(document)]


def abbreviations(document: Document) -> str:
    """Return the list of abbreviations to use, of which there must be one: else a document could name another below its head."""
    if ABBREVIATIONS in document.front:
        return within(document, local_file(document, str(document.front[ABBREVIATIONS]), "the list of abbreviations"))
    return str(resources.templates() / "abbreviations.json")


def within(document: Document, path: Path) -> str:
    """Return a file's path as seen from the document's folder: Word files keep it among their properties."""
    return str(path.relative_to(document.folder.resolve()))


def program() -> str:
    """Return the pandoc of the wheel; one thread at a time may look for it, since others would see one half chosen."""
    with CHOOSING:
        return str(pypandoc.get_pandoc_path())


def pandoc(arguments: list[str], stdin: bytes, document: Document) -> bytes:
    """Run pandoc in its sandbox and return what it writes; its complaints become one TieoutError."""
    command = [program(), "--sandbox", *arguments, "+RTS", MOST_MEMORY, "-RTS"]
    try:
        done = subprocess.run(
            command, input=stdin, capture_output=True, cwd=document.folder, timeout=MOST_SECONDS, check=False, env=os.environ | NOWHERE
        )
    except subprocess.TimeoutExpired:
        raise TieoutError(str(document.path), f"pandoc was not done after {MOST_SECONDS} seconds", "shorten it") from None
    complaints = done.stderr.decode(errors="replace")
    unknown = re.findall(r"citation (\S+) not found", complaints)
    if unknown:
        problem = f"no reference is called '{unknown[0]}' in the bibliography"
        raise document.error(document.line_of(f"@{unknown[0]}"), problem)
    if done.returncode:
        raise TieoutError(str(document.path), f"pandoc cannot read this: {' '.join(complaints.split())[:400]}")
    return done.stdout


def authors(meta: Node) -> Node:
    """Return authors and affiliations under the names that Quarto gives to its templates."""
    known: list[tuple[str, Node]] = []
    declared = {plain_text(a["c"]["id"]): a for a in as_list(meta.get("affiliations")) if "id" in fields(a)}

    def number(affiliation: Node) -> Node:
        reference = plain_text(fields(affiliation)["ref"]) if "ref" in fields(affiliation) else None
        found = declared.get(reference, affiliation) if reference else affiliation
        words = json.dumps(found)
        if words not in [w for w, _ in known]:
            known.append((words, found))
        return numbered(found, [w for w, _ in known].index(words) + 1)

    by_author = []
    for author in as_list(meta.get("author")):
        given = fields(author)
        name = given.get("name", author)
        entry = {
            "name": mapping({"literal": name if name["t"] != "MetaMap" else name["c"]["literal"]}),
            "affiliations": listing([number(a) for a in as_list(given.get("affiliations", given.get("affiliation")))]),
        }
        if "email" in given:
            entry["email"] = given["email"]
        if given.get("corresponding", {}).get("c") is True:
            entry["attributes"] = mapping({"corresponding": {"t": "MetaBool", "c": True}})
        by_author.append(mapping(entry))
    return {
        "author": listing([entry["c"]["name"]["c"]["literal"] for entry in by_author]),
        "by-author": listing(by_author),
        "by-affiliation": listing([numbered(found, i) for i, (_, found) in enumerate(known, 1)]),
        "labels": mapping({"abstract": meta.get("abstract-title", string("Abstract"))}),
    }


def numbered(affiliation: Node, number: int) -> Node:
    inner = affiliation["c"] if affiliation["t"] == "MetaMap" else {"name": affiliation}
    return mapping(inner | {"number": string(str(number))})


def mapping(inner: Node) -> Node:
    return {"t": "MetaMap", "c": inner}


def listing(inner: list[Node]) -> Node:
    return {"t": "MetaList", "c": inner}


def string(text: str) -> Node:
    return {"t": "MetaString", "c": text}


def fields(node: Node) -> Node:
    """Return the entries of a map in front matter; nothing of what is no map."""
    return node["c"] if node["t"] == "MetaMap" else {}


def as_list(node: Node | None) -> list[Node]:
    """Return the entries of a list in front matter; a single value is a list of one."""
    if node is None:
        return []
    return node["c"] if node["t"] == "MetaList" else [node]


def plain_text(node: Any) -> str:
    """Return the words of a part of pandoc's tree."""
    if isinstance(node, list):
        return "".join(map(plain_text, node))
    if not isinstance(node, dict):
        return ""
    kind, content = node.get("t"), node.get("c")
    if kind in ("Str", "MetaString"):
        return str(content)
    if kind in ("Space", "SoftBreak", "LineBreak"):
        return " "
    if kind in ("Code", "Math", "RawInline"):
        return str(content[-1])  # type: ignore[index]
    if kind == "Quoted":
        inner = plain_text(content[1])  # type: ignore[index]
        return f"‘{inner}’" if content[0]["t"] == "SingleQuote" else f"“{inner}”"  # type: ignore[index]
    return plain_text(content)


def unprintable(document: Document, tree: Node) -> Iterator[TieoutError]:
    """Yield an error for each raw part that a format would lose and each caption without a number."""
    if not document.front.get("bibliography"):
        cited = dict.fromkeys(each["citationId"] for node in every(tree["blocks"]) if node["t"] == "Cite" for each in node["c"][0])
        for name in cited:
            problem = f"the text cites '{name}', but the document names no bibliography"
            yield document.error(document.line_of(f"@{name}"), problem, "add bibliography: references.bib to the front matter")
    for node in every([tree["meta"], tree["blocks"]]):
        if node["t"] in ("RawBlock", "RawInline"):
            kind, text = node["c"]
            problem = f"raw {kind} '{text.strip()[:40]}' would be lost in some formats"
            line = document.line_of(text.split()[0])
            yield document.error(line, problem, "only tables may be raw HTML")
        elif node["t"] == "Figure" and not node["c"][0][0]:
            source = next((n["c"][2][0] for n in every(node) if n["t"] == "Image"), "")
            problem = f"the captioned picture '{source}' has no identifier, so formats would number it differently"
            yield document.error(document.line_of(source), problem, "add {#fig-…}")
        elif node["t"] == "Table" and node["c"][1][1]:
            caption = plain_text(node["c"][1][1])
            problem = f"the table with the caption '{caption[:40]}' has no identifier, so it has no number"
            yield document.error(document.line_of(caption), problem, "put it into a div ::: {#tbl-…}")


def with_pictures(document: Document, tree: Node, kind: str, name: Callable[[str, Path], str]) -> bytes:
    """Return the tree as JSON text, each picture named by what `name` makes of its source and its file.

    A source without an ending gets that of the output's `kind`. Raises TieoutError where a picture is remote, lies
    outside the folder, does not exist or is of a kind not known here.
    """
    targets = [node["c"][2] for node in every(tree["blocks"]) if node["t"] == "Image"]
    written = [target[0] for target in targets]
    try:
        for target in targets:
            source = unquote(target[0])
            source += "" if Path(source).suffix or "//" in source else ENDINGS[kind]
            target[0] = name(source, picture(document, target[0], source))
        return json.dumps(tree).encode()
    finally:
        for target, source in zip(targets, written, strict=True):
            target[0] = source


def picture(document: Document, written: str, source: str) -> Path:
    try:
        path = local_file(document, source, "the picture")
    except TieoutError as error:
        raise document.error(document.line_of(f"]({written}"), error.problem, error.hint) from None
    if path.suffix.lower() not in MIME:
        problem = f"the picture '{source}' is of no kind known here"
        raise document.error(document.line_of(f"]({written}"), problem, f"known: {', '.join(MIME)}")
    return path
