"""The blocks of pandoc's tree become texts and tables in reading order."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from tieout.audit.passages import CAPTION, Cell, Table, Text, keyed, one_line, with_heads
from tieout.nodes import Node, every

Numbers = dict[str, str]

KNOWN_SECTIONS = re.compile(
    r"(?:[\dIVX]+\.? )?(?:abstract|summary|introduction|background|objectives?|(?:patients|materials) and methods|"
    r"methods?|results?|findings|discussion|conclusions?|limitations|references|funding|acknowledge?ments|appendix)\.?",
    re.I,
)
STYLES = {
    "title": Text("", "title"),
    "abstract title": Text("", "heading", 1),
    "abstract heading": Text("", "heading", 1),
    "caption": Text("", "caption"),
    "table caption": Text("", "caption"),
    "image caption": Text("", "caption"),
    "table note": Text("", "note"),
    "table notes": Text("", "note"),
    "footnote text": Text("", "note"),
    "table-notes": Text("", "note"),
}
TEX = {
    r"\leq": "≤", r"\le": "≤", r"\geq": "≥", r"\ge": "≥", r"\pm": "±", r"\times": "×", r"\cdot": "·", r"\chi": "χ",
    r"\lt": "<", r"\gt": ">", r"\approx": "≈", r"\sim": "~", r"\kappa": "κ", r"\alpha": "α", r"\beta": "β",
}  # fmt: skip


def parts(tree: Node) -> Iterator[Text | Table]:
    """Yield title, abstract and all blocks of a document of pandoc's in reading order."""
    numbers = float_numbers(tree["blocks"])
    blocks = list(of_blocks(as_blocks(tree["meta"].get("abstract")), numbers))
    if blocks and not (isinstance(blocks[0], Text) and blocks[0].raw.strip().casefold() == "abstract"):
        blocks.insert(0, Text("Abstract", "heading", 1))
    blocks += of_blocks(tree["blocks"], numbers)
    blocks = titled(blocks)
    title = words_of(as_blocks(tree["meta"].get("title")), numbers)
    if title and not any(isinstance(part, Text) and part.kind == "title" for part in blocks):
        yield Text(title, "title")
    yield from blocks


def titled(blocks: list[Text | Table]) -> list[Text | Table]:
    """Return the blocks with the only heading of level 1, if it stands above all others, as the title."""
    heads = [part for part in blocks if isinstance(part, Text) and part.kind == "heading"]
    first = [h for h in heads if h.level == 1]
    if len(first) != 1 or heads[0] is not first[0] or len(heads) < 2:
        return blocks
    if KNOWN_SECTIONS.fullmatch(one_line(first[0].raw)[0]) or any(
        b for b in blocks if getattr(b, "kind", "") == "title"
    ):
        return blocks
    return [replace(part, kind="title", level=0) if part is first[0] else part for part in blocks]


def as_blocks(meta: Node | None) -> list[Node]:
    """Return a value of the document's header as blocks."""
    if meta is None:
        return []
    content = meta["c"]
    if meta["t"] == "MetaBlocks":
        return list(content)
    if meta["t"] == "MetaList":
        return [block for item in content for block in as_blocks(item)]
    if meta["t"] == "MetaInlines":
        return [{"t": "Plain", "c": content}]
    return [{"t": "Plain", "c": [{"t": "Str", "c": content}]}] if isinstance(content, str) else []


def float_numbers(blocks: list[Node]) -> Numbers:
    """Return what references to figures and tables say: "fig-flow" is "Figure 1"; all in the order of the document."""
    found: Numbers = {}
    count = {"fig": 0, "tbl": 0}
    for node in every(blocks):
        identifier = node["c"][0][0] if node["t"] in ("Figure", "Div", "Table") else ""
        kind = identifier[:3]
        if identifier[3:4] == "-" and kind in count and identifier not in found:
            count[kind] += 1
            found[identifier] = f"{'Figure' if kind == 'fig' else 'Table'} {count[kind]}"
    return found


def of_blocks(
    blocks: list[Node], numbers: Numbers, caption: str = "", like: Text | None = None
) -> Iterator[Text | Table]:
    """Yield texts and tables of blocks; `caption` is that of the figure around them, `like` gives their kind."""
    above = ""
    for place, node in enumerate(blocks):
        content: Any = node.get("c")
        kind = node["t"]
        if kind in ("Para", "Plain"):
            raw = words(content, numbers)
            follower = blocks[place + 1] if place + 1 < len(blocks) else {"t": ""}
            if lacks_caption(follower) and CAPTION.match(one_line(raw)[0]):
                above = raw  # the table below says it
            else:
                yield from paragraph(content, numbers, like)
        elif kind == "Table":
            yield from table(content, numbers, above or caption)
        else:
            yield from BLOCKS.get(kind, nothing)(content, numbers, above or caption, like)
        if kind not in ("Para", "Plain"):
            above = ""


def lacks_caption(node: Node) -> bool:
    """Whether a block is a table without a caption, or holds one at its beginning."""
    if node["t"] == "Div":
        return bool(node["c"][1]) and lacks_caption(node["c"][1][0])
    return bool(node["t"] == "Table" and not node["c"][1][1])


def paragraph(inlines: list[Node], numbers: Numbers, like: Text | None) -> Iterator[Text | Table]:
    raw = words(inlines, numbers)
    looks = Text("", "caption") if like is None and CAPTION.match(one_line(raw)[0]) else like
    yield replace(looks or Text(""), raw=raw)
    yield from notes(inlines, numbers)


def notes(inlines: Any, numbers: Numbers) -> Iterator[Text | Table]:
    for node in every(inlines):
        if node["t"] == "Note":
            yield from of_blocks(node["c"], numbers, like=Text("", "note"))


def nothing(content: Any, numbers: Numbers, caption: str, like: Text | None) -> Iterator[Text | Table]:
    return iter(())


def heading(content: Any, numbers: Numbers, caption: str, like: Text | None) -> Iterator[Text | Table]:
    level, (_, classes, _), inlines = content
    if "title" in classes or like is STYLES["title"]:
        yield Text(words(inlines, numbers), "title")
    elif "toc-title" not in classes:
        yield Text(words(inlines, numbers), "heading", level)
    yield from notes(inlines, numbers)


def div(content: Any, numbers: Numbers, caption: str, like: Text | None) -> Iterator[Text | Table]:
    (identifier, classes, attributes), blocks = content
    if "csl-entry" in classes:
        yield Text(" ".join(words_of([block], numbers) for block in blocks))
    elif identifier in numbers and identifier.startswith("tbl-") and blocks and blocks[-1]["t"] == "Para":
        # Quarto: the last paragraph of a fenced table is its caption.
        said = words(blocks[-1]["c"], numbers)
        yield from of_blocks(blocks[:-1], numbers, f"{numbers[identifier]}. {said}", like)
        yield from notes(blocks[-1]["c"], numbers)
    else:
        names = [*classes, *(value.casefold() for name, value in attributes if name == "custom-style")]
        style = next((STYLES[name] for name in names if name in STYLES), like)
        yield from of_blocks(blocks, numbers, caption, style)


def figure(content: Any, numbers: Numbers, caption: str, like: Text | None) -> Iterator[Text | Table]:
    (identifier, _, _), (_, captions), blocks = content
    said = words_of(captions, numbers)
    if identifier in numbers and not CAPTION.match(one_line(said)[0]):
        said = f"{numbers[identifier]}. {said}"
    inner = list(of_blocks([b for b in blocks if not is_picture(b)], numbers, said, like))
    if not any(isinstance(part, Table) for part in inner):
        yield Text(said, "caption")
    yield from inner
    yield from notes(captions, numbers)


def is_picture(block: Node) -> bool:
    return block["t"] in ("Plain", "Para") and all(n["t"] in ("Image", "Space", "SoftBreak") for n in block["c"])


def listed(content: Any, numbers: Numbers, caption: str, like: Text | None) -> Iterator[Text | Table]:
    for item in content:
        yield from of_blocks(item, numbers, caption, like)


def defined(content: Any, numbers: Numbers, caption: str, like: Text | None) -> Iterator[Text | Table]:
    for term, definitions in content:
        yield from paragraph(term, numbers, like)
        yield from listed(definitions, numbers, caption, like)


def lines(content: Any, numbers: Numbers, caption: str, like: Text | None) -> Iterator[Text | Table]:
    for inlines in content:
        yield from paragraph(inlines, numbers, like)


def code(content: Any, numbers: Numbers, caption: str, like: Text | None) -> Iterator[Text | Table]:
    if not content[0][1]:  # text that was merely indented
        yield Text(content[1])


Reader = Callable[[Any, Numbers, str, Text | None], Iterator[Text | Table]]
BLOCKS: dict[str, Reader] = {
    "Header": heading,
    "Div": div,
    "Figure": figure,
    "BulletList": listed,
    "OrderedList": lambda content, *rest: listed(content[1], *rest),
    "DefinitionList": defined,
    "BlockQuote": lambda content, numbers, caption, like: of_blocks(content, numbers, caption, like),
    "LineBlock": lines,
    "CodeBlock": code,
}


def table(content: Any, numbers: Numbers, caption: str) -> Iterator[Text | Table]:
    """Yield a table with its spans resolved, then its notes: footnotes and rows of the foot."""
    _, (_, said), columns, (_, top), bodies, (_, foot) = content
    width = len(columns)
    caption = words_of(said, numbers) or caption
    heads = [row for row in top if any(words_of(cell[4], numbers).strip() for cell in row[1])]
    body = [row for _, _, between, rows in bodies for row in [*between, *rows]]
    if any(block["t"] in ("Table", "Figure") for row in heads + body for cell in row[1] for block in cell[4]):
        for row in heads + body:  # a table that only arranges others
            for cell in row[1]:
                yield from of_blocks(cell[4], numbers, caption)
        return
    if (
        not caption
        and not heads
        and body
        and len(body[0][1]) == 1
        and CAPTION.match(words_of(body[0][1][0][4], numbers))
    ):
        caption, body = words_of(body[0][1][0][4], numbers), body[1:]
    rows = with_heads(grid(heads, numbers, 0, True) + grid(body, numbers, len(heads), False), width)
    yield Table(tuple(cell for row in rows for cell in row), caption)
    for row in foot:
        for cell in row[1]:
            yield from of_blocks(cell[4], numbers, like=Text("", "note"))
    yield from notes([said, top, bodies], numbers)


def grid(rows: list[Any], numbers: Numbers, first: int, head: bool) -> list[list[Cell]]:
    """Return the rows as cells in their columns; a cell that reaches down pushes those below it to the right."""
    taken: set[tuple[int, int]] = set()
    made: list[list[Cell]] = []
    for number, (_, cells) in enumerate(rows):
        made.append([])
        column = 0
        for _, _, down, across, blocks in cells:
            while (number, column) in taken:
                column += 1
            down = min(down, len(rows) - number)
            taken |= {(number + i, column + j) for i in range(down) for j in range(across)}
            made[-1].append(Cell(words_of(blocks, numbers), first + number, column, down, across, head))
            column += across
    return made


def words_of(blocks: list[Node], numbers: Numbers) -> str:
    """Return the raw text of blocks that are to be one line."""
    return " ".join(part.raw for part in of_blocks(blocks, numbers) if isinstance(part, Text) and part.kind != "note")


def words(inlines: list[Node], numbers: Numbers) -> str:
    """Return the raw text of inline elements; a superscript follows the sign ^, so that it joins no figure."""
    done = ""
    for node in inlines:
        content: Any = node.get("c")
        kind = node["t"]
        if kind == "Str":
            done += content
        elif kind in ("Space", "SoftBreak", "LineBreak"):
            done += " "
        elif kind == "Superscript":
            inner = words(content, numbers)
            done += f"^{inner.strip()}" if inner.strip() else ""
        elif kind == "Subscript":
            inner = words(content, numbers)
            done += f"_{inner}" if done[-1:].isdigit() else inner
        elif kind == "Cite":
            cited = citation(content, numbers)
            done = done + cited if cited else done.rstrip(" ")
        elif kind in INLINES:
            done += INLINES[kind](content, numbers)
    return done


def citation(content: Any, numbers: Numbers) -> str:
    """Return what a reference to a figure or table says; a bibliographic reference says no words of the sentence."""
    cited, inlines = content
    known = [numbers[c["citationId"]] for c in cited if c["citationId"] in numbers]
    if known:
        return ", ".join(known)
    in_text = cited and cited[0]["citationMode"]["t"] == "AuthorInText"
    return words(inlines, numbers) if in_text or any(n["t"] == "Superscript" for n in inlines) else ""


def span(content: Any, numbers: Numbers) -> str:
    (_, classes, attributes), inlines = content
    given = dict(attributes)
    key = given.get("key", given.get("data-key", ""))
    raw = words(inlines, numbers)
    return keyed(raw, key) if key and "claim" not in classes else raw


def mathematics(content: Any, numbers: Numbers) -> str:
    """Return TeX as text as far as figures need it."""
    tex = re.sub(r"\\(?:text|mathrm|mathit|mathbf|operatorname)\b", "", content[1])
    tex = re.sub(r"\\[,;:!> ]|~", " ", tex)
    tex = re.sub(r"\\[A-Za-z]+", lambda name: TEX.get(name.group(), name.group()[1:]), tex)
    return re.sub(r"[{}\\$]", "", tex)


def raw_inline(content: Any, numbers: Numbers) -> str:
    if content[0] != "html":
        return ""
    tag = content[1].casefold()
    return "^" if tag == "<sup>" else " " if tag.startswith("<br") else ""


def quotation(content: Any, numbers: Numbers) -> str:
    inner = words(content[1], numbers)
    return f"‘{inner}’" if content[0]["t"] == "SingleQuote" else f"“{inner}”"


def inside(content: Any, numbers: Numbers) -> str:
    return words(content, numbers)


INLINES: dict[str, Callable[[Any, Numbers], str]] = {
    **dict.fromkeys(["Emph", "Strong", "Underline", "SmallCaps", "Strikeout"], inside),
    "Span": span,
    "Link": lambda content, numbers: words(content[1], numbers),
    "Quoted": quotation,
    "Code": lambda content, numbers: str(content[1]),
    "Math": mathematics,
    "RawInline": raw_inline,
}
