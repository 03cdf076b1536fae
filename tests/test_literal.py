"""Whatever signs a label holds, they stand in all three formats as they are and do nothing."""

from __future__ import annotations

import json
import os
import unicodedata

import docx
import lxml.html
import pymupdf
import pytest

LABELS = {
    "script": "<script>alert(1)</script>",
    "emphasis": "a *star* and _under_ and **two**",
    "heading": "# not a heading",
    "money": "5 $x$ and $$y$$",
    "citation": "@nobody and [@somebody]",
    "shortcode": "{{< pagebreak >}} and {{ name }}",
    "template": "[[ outcome.good.n ]] and [% if x %]",
    "backslash": r"C:\new\table and \textbf{x}",
    "entity": "&amp; and &#35; & co",
    "typst": "#set text(red) `code` ~ ^up^",
    "dashes": "1 -- 2 --- 3 ...",
    "quotes": "the \"quoted\" and 'single'",
    "pipe": "a | b |",
    "list": "1. first",
    "attribute": 'x]{.stat key="outcome.good.n"}',
    "korean": "재개통 환자",
    "hebrew": "שלום עולם",
    "arabic": "مرحبا",
    "emoji": "heart 🫀 brain 🧠",
}


def squeezed(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split()).replace("\u00ad", "")


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    """Build the small study with every label among its levels, its terms and its caption; read the text back."""
    from conftest import DATA, STUDY, TEMPLATE, Small, word_text

    folder = tmp_path_factory.mktemp("literal")
    levels = {str(i): label for i, label in enumerate(LABELS.values(), 1)}
    declared = {"label": LABELS["script"], "type": "category", "levels": levels}
    hostile = f"  hostile: {json.dumps(declared, ensure_ascii=False)}\n"
    study = STUDY.replace("derived:\n", hostile + "derived:\n").replace("rows: [age, sex]", "rows: [age, hostile]")
    study = study.replace("terms: [age, sex]", "terms: [age], univariable: [hostile]")
    head, *rows = DATA.splitlines()
    data = [head + ",hostile"] + [f"{row},{1 + i % len(LABELS)}" for i, row in enumerate(rows)]
    small = Small(folder).write("study.yaml", study).write("data.csv", "\n".join(data) + "\n").write("m.qmd", TEMPLATE)
    made = small.build("pdf", "html", "docx").outputs
    page = lxml.html.parse(str(made["html"])).getroot()
    for hidden in page.xpath("//style"):
        hidden.drop_tree()
    word = docx.Document(str(made["docx"]))
    cells = [word_text(cell) for table in word.tables for row in table.rows for cell in row.cells]
    with pymupdf.open(made["pdf"]) as pdf:
        printed = " ".join(sheet.get_text() for sheet in pdf)
    return {
        "html": page.text_content(),
        "docx": " ".join([*map(word_text, word.paragraphs), *cells]),
        "pdf": printed,
        "page": made["html"].read_text(encoding="utf-8"),
    }


RIGHT_TO_LEFT = ("hebrew", "arabic")
NEEDS_FONT = {
    "korean": "Noto Sans CJK",
    "emoji": "Noto Color Emoji",
    "hebrew": "Noto Sans Hebrew",
    "arabic": "Noto Sans Arabic",
}


def needs_font(name: str) -> None:
    """Skip where no installed font has the signs, but not in CI, which installs them."""
    import typst

    family = NEEDS_FONT.get(name, "")
    if any(known.startswith(family) for known in typst.Fonts().families()) or os.environ.get("TIEOUT_REQUIRE_TOOLS"):
        return
    pytest.skip(f"no font {family} is installed")


@pytest.mark.parametrize("name", LABELS)
@pytest.mark.parametrize("format", ["html", "docx"])
def test_a_label_is_printed_as_it_is_written(texts, name, format):
    assert squeezed(LABELS[name]) in squeezed(texts[format])


@pytest.mark.parametrize("name", [n for n in LABELS if n not in RIGHT_TO_LEFT])
def test_a_label_stands_in_the_pdf_as_it_is_written(texts, name):
    needs_font(name)
    assert squeezed(LABELS[name]) in squeezed(texts["pdf"])


@pytest.mark.parametrize("name", RIGHT_TO_LEFT)
def test_every_letter_of_a_right_to_left_label_stands_in_the_pdf(texts, name):
    needs_font(name)
    assert set(squeezed(LABELS[name])) <= set(squeezed(texts["pdf"]))


def test_nothing_that_a_label_holds_becomes_part_of_the_page(texts):
    page = texts["page"]
    assert "<script" not in page
    assert page.count('data-key="outcome.good.n"') == 2
