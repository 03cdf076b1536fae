"""The same words, numbers and table cells in PDF, HTML and DOCX, of the manuscript in both layouts and of the supplement."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from pathlib import Path

import docx
import lxml.html
import pymupdf
import pytest
from docx.oxml.ns import qn
from word_text import text

from tieout.build import build
from tieout.render import FORMATS
from tieout.resources import example

NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


@pytest.fixture(scope="module", params=[("embedded", "article"), ("embedded", "submission"), ("quarto", "article")], ids="-".join)
def outputs(request, tmp_path_factory) -> dict[str, dict[str, Path]]:
    engine, layout = request.param
    if engine == "quarto" and not shutil.which("quarto"):
        pytest.skip("Quarto is not installed")
    built = build(example() / "data" / "study.yaml", FORMATS, tmp_path_factory.mktemp(layout), engine, layout=layout)
    return {"manuscript": built.outputs, "supplement": built.supplement}


def words_of(path: Path) -> str:
    return READ[path.suffix](path)


def of_pdf(path: Path) -> str:
    with pymupdf.open(path) as pages:
        return " ".join(block[4] for page in pages for block in page.get_text("blocks")).replace("\u00ad\n", "").replace("\u00ad", "")


def of_html(path: Path) -> str:
    page = lxml.html.parse(str(path)).getroot()
    for hidden in page.xpath("//style | //script | //head"):
        hidden.drop_tree()
    return " ".join(page.itertext())


def of_word(path: Path) -> str:
    word = docx.Document(str(path))
    return " ".join(map(text, word.element.body.iter(qn("w:p"))))


READ = {".pdf": of_pdf, ".html": of_html, ".docx": of_word}


def cells_of_word(path: Path) -> list[str]:
    return [" ".join(text(c._tc).split()) for t in docx.Document(str(path)).tables for r in t.rows for c in r.cells]


def cells_of_html(path: Path) -> list[str]:
    page = lxml.html.parse(str(path)).getroot()
    return [" ".join(cell.text_content().split()) for cell in page.xpath("//td | //th")]


@pytest.mark.parametrize("part", ["manuscript", "supplement"])
def test_every_number_of_the_page_stands_as_often_in_the_pdf_and_in_the_word_file(outputs, part):
    counted = {kind: Counter(NUMBER.findall(words_of(path))) for kind, path in outputs[part].items()}
    for kind in ("pdf", "docx"):
        lost = counted["html"] - counted[kind]
        assert not {number: count for number, count in lost.items() if "." in number}, f"the {kind} lacks numbers of the page"


@pytest.mark.parametrize("part", ["manuscript", "supplement"])
def test_every_sentence_of_the_page_stands_in_the_pdf_and_in_the_word_file(outputs, part):
    page = lxml.html.parse(str(outputs[part]["html"])).getroot()
    sentences = [p.text_content() for p in page.xpath("//p") if len(p.text_content()) > 80]
    assert len(sentences) > 4
    for kind in ("pdf", "docx"):
        whole = letters(words_of(outputs[part][kind]))
        for sentence in sentences:
            opening = " ".join(sentence.split()[:9])
            assert letters(opening) in whole, f"{opening} … in the {kind}"


def letters(words: str) -> str:
    """Return the letters of a text, with which neither hyphens nor marks of references interfere."""
    return "".join(filter(str.isalpha, words))


def squeezed(words: str) -> str:
    return re.sub(r"[\s\u00ad\u200b]", "", words)


@pytest.mark.parametrize("part", ["manuscript", "supplement"])
def test_the_word_file_has_the_cells_of_the_page(outputs, part):
    in_word, on_page = (Counter(filter(None, map(squeezed, cells(outputs[part][kind])))) for kind, cells in
                        (("docx", cells_of_word), ("html", cells_of_html)))  # fmt: skip
    assert not on_page - in_word
