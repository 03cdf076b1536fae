"""Read a PDF with a text layer: by its tags where it has them, else by where its signs stand."""

from __future__ import annotations

import io
import json
import logging
import re
import sys
from collections import Counter, defaultdict
from dataclasses import asdict
from typing import Any

from tieout.audit import pdf_layout, pdf_tags
from tieout.audit.hostile import alone, limit_memory
from tieout.audit.passages import Cell, Table, Text, pictures
from tieout.audit.pdf_lines import Glyph, Sheet, line_of, split, vocabulary
from tieout.errors import TieoutError

MOST_PAGES = 1000
MOST_SECONDS = 300
LEAST_SECONDS = 30
BYTES_A_SECOND = 50_000
OCR = "make one first, for instance with: ocrmypdf scan.pdf read.pdf"
PRINT_ANEW = "open it and print it to a new PDF"
BOLD = re.compile(r"bold|black|heavy|semibd|demi|cmbx|medi\b|-bd", re.I)
OTHER_HYPHEN = {"-": "\u00ad", "\u2010": "\u00ad", "\u00ad": "-"}
ENOUGH_TAGGED = 0.9  # of the signs that are no artefacts must stand in the structure tree


def parts(data: bytes, place: str) -> tuple[list[Text | Table], list[str]]:
    """Return texts and tables of a PDF in reading order, and what could not be read.

    A process of its own reads it, with limits of memory and time, since a PDF can be made to be read for ever.
    Raises TieoutError for a PDF that is encrypted or damaged, has too many pages, or has no text layer.
    """
    seconds = min(MOST_SECONDS, LEAST_SECONDS + len(data) // BYTES_A_SECOND)
    done = alone("tieout.audit.pdf", seconds=seconds, data=data)
    if done is None:
        raise TieoutError(place, f"this PDF could not be read in {seconds} seconds", PRINT_ANEW)
    if done.returncode:
        raise TieoutError(place, "this PDF is damaged", PRINT_ANEW)
    said = json.loads(done.stdout)
    if "problem" in said:
        raise TieoutError(place, said["problem"], said["hint"])
    return [part_of(row) for row in said["parts"]], said["unread"]


def part_of(row: dict[str, Any]) -> Text | Table:
    if "raw" in row:
        return Text(**row)
    return Table(tuple(Cell(**cell) for cell in row["cells"]), row["caption"])


def parts_here(data: bytes, place: str) -> tuple[list[Text | Table], list[str]]:
    """Return what `parts` returns, read in this process."""
    import pdfplumber
    from pdfminer.pdfdocument import PDFEncryptionError, PDFPasswordIncorrect

    if b"%PDF-" not in data[:1024]:
        raise TieoutError(place, "this is no PDF: it does not begin as one")
    logging.getLogger("pdfminer").setLevel(logging.CRITICAL)
    try:
        with pdfplumber.open(io.BytesIO(data)) as document:
            sheets, drawn, tree = extracted(document, place)
    except TieoutError:
        raise
    except Exception as error:  # pdfminer raises whatever a damaged file leads it to
        causes = (error, error.__cause__, error.__context__, *error.args)
        if any(isinstance(cause, PDFPasswordIncorrect | PDFEncryptionError) for cause in causes):
            raise TieoutError(place, "this PDF is encrypted", "save it without a password") from None
        raise TieoutError(place, "this PDF is damaged", PRINT_ANEW) from None
    unread = unreadable(sheets, place)
    tagged = by_tags(tree, sheets) if tree is not None else None
    found, figures = tagged if tagged is not None else (list(pdf_layout.parts(sheets)), drawn)
    return found, unread + pictures(figures)


def extracted(document: Any, place: str) -> tuple[list[Sheet], int, pdf_tags.Element | None]:
    """Return the pages with their signs, how many pictures they hold, and the structure tree if there is a sound one."""
    count = len(document.pages)
    if count > MOST_PAGES:
        raise TieoutError(place, f"this PDF has {count} pages, more than the {MOST_PAGES} that are read")
    if not count:
        raise TieoutError(place, "this PDF has no pages")
    pages = {page.page_obj.pageid: page.page_number for page in document.pages}
    sheets: list[Sheet] = []
    drawn = 0
    for page in document.pages:
        sheets.append(sheet(page))
        drawn += len(page.images)
        page.close()
    try:
        tree = pdf_tags.structure(document.doc, pages)
    except Exception:  # a broken tree does not keep the text from being read
        tree = None
    return sheets, drawn, tree


def sheet(page: Any) -> Sheet:
    """Return the upright signs of a page in the order of the file, and its horizontal rules."""
    glyphs: list[Glyph] = []
    sideways, within = 0, False
    for char in page.chars:
        if not char["upright"]:
            sideways += bool(char["text"].strip())
            continue
        artefact = char.get("tag") == "Artifact"
        mark = -1 if artefact else char.get("mcid")
        text = char["text"].replace("\xa0", " ")
        # A span within marked text gives it another reading, that a hyphen is a soft one or is none; pdfminer takes the
        # end of that span for the end of the mark.
        respelled = mark is None and char.get("tag") == "Span"
        within = respelled or (within and mark is None and char.get("tag") is None)
        if within:
            mark = glyphs[-1].mark if glyphs else None
            text = OTHER_HYPHEN.get(text, text) if respelled else text
        glyphs.append(
            Glyph(
                text, char["x0"], char["x1"], char["top"], char["bottom"], char["size"],
                bool(BOLD.search(char["fontname"])), page.page_number, mark,
            )
        )  # fmt: skip
    rules = [
        (edge["x0"], edge["x1"], edge["top"])
        for edge in [*page.lines, *page.rects]
        if edge["x1"] - edge["x0"] > 20 and abs(edge["bottom"] - edge["top"]) < 3
    ]
    return Sheet(page.page_number, float(page.width), float(page.height), glyphs, rules, sideways)


def unreadable(sheets: list[Sheet], place: str) -> list[str]:
    """Return sentences on pages that hold no text or none that can be read; raise TieoutError where none does."""
    empty = [s.number for s in sheets if not any(g.text.strip() for g in s.glyphs) and not s.sideways]
    coded = [s.number for s in sheets if share_coded(s) > 0.2]
    sideways = [s.number for s in sheets if s.sideways > 40]
    if len(empty) == len(sheets):
        many = "its page has" if len(sheets) == 1 else f"its {len(sheets)} pages have"
        raise TieoutError(place, f"this PDF is a scan: {many} no text layer", OCR)
    if len(empty) + len(coded) == len(sheets):
        raise TieoutError(place, "the fonts of this PDF do not say which characters their signs are", OCR)
    said = {"no text layer": empty, "fonts that do not say which characters their signs are": coded}
    unread = [
        f"{ranges(numbers)} {'has' if len(numbers) == 1 else 'have'} {what}"
        for what, numbers in said.items()
        if numbers
    ]
    if sideways:
        unread.append(f"text set sideways on {ranges(sideways)} was not read")
    return unread


def share_coded(sheet: Sheet) -> float:
    return sum(g.text.startswith("(cid:") for g in sheet.glyphs) / (len(sheet.glyphs) or 1)


def ranges(numbers: list[int]) -> str:
    """Return page numbers as words: "page 2", "pages 3 to 5 and 9"."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    said = [str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs]
    words = ", ".join(said[:-1]) + f" and {said[-1]}" if len(said) > 1 else said[0]
    return f"page{'s' if len(numbers) > 1 else ''} {words}"


def by_tags(tree: pdf_tags.Element, sheets: list[Sheet]) -> tuple[list[Text | Table], int] | None:
    """Return the parts by the structure tree and how many figures it has; None where it does not cover the text."""
    marks: dict[tuple[int, int], list[Glyph]] = defaultdict(list)
    for each in sheets:
        for glyph in each.glyphs:
            if glyph.mark is not None:
                marks[each.number, glyph.mark].append(glyph)
    covered = sum(len(marks.get(mark, ())) for mark in {mark for mark, _ in pdf_tags.marks_in(tree)})
    signs = sum(glyph.mark != -1 for each in sheets for glyph in each.glyphs)
    if covered < ENOUGH_TAGGED * signs or not covered:
        return None
    glyphs = [glyph for run in marks.values() for glyph in run]
    sizes = Counter(round(glyph.size, 1) for glyph in glyphs)
    known = vocabulary(line_of(run).text for run in split(glyphs, 1000))
    source = pdf_tags.Tagged(marks, known, sizes.most_common(1)[0][0])
    return list(pdf_tags.parts(tree, source)), pdf_tags.pictures(tree)


def main() -> None:
    """Read the PDF on standard input and write its parts, or what is wrong with it, as JSON."""
    limit_memory()
    try:
        found, unread = parts_here(sys.stdin.buffer.read(), "")
        said: dict[str, Any] = {"parts": [asdict(part) for part in found], "unread": unread}
    except TieoutError as error:
        said = {"problem": error.problem, "hint": error.hint}
    sys.stdout.write(json.dumps(said))


if __name__ == "__main__":
    main()
