"""A PDF of Tieout is PDF/A-3a and PDF/UA-1; where a document cannot be, its authors are told what to change."""

from __future__ import annotations

import re
from pathlib import Path

import pymupdf
import pytest
from test_render import CREATED, made_project, stand_in, titled

from tieout import render
from tieout.errors import TieoutError


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_project(tmp_path_factory.mktemp("standards") / "manuscript")


def made(folder: Path, text: str, tmp_path: Path) -> pymupdf.Document:
    (folder / "short.qmd").write_text(text, encoding="utf-8")
    return pymupdf.open(render.render(folder, "short", ("pdf",), tmp_path, "embedded", created=CREATED)["pdf"])


def objects(pdf: pymupdf.Document) -> list[str]:
    return [pdf.xref_object(number, compressed=True) for number in range(1, pdf.xref_length())]


def test_the_sample_is_pdf_a_3a_and_pdf_ua_1_with_title_language_and_tags(folder):
    path = render.render(folder, formats=("pdf",), out=folder.parent, engine="embedded", created=CREATED)["pdf"]
    pdf = pymupdf.open(path)
    told = pdf.get_xml_metadata()
    assert ">3<" in re.search(r"<pdfaid:part.*?/", told)[0] and ">A<" in re.search(r"<pdfaid:conformance.*?/", told)[0]
    assert ">1<" in re.search(r"<pdfuaid:part.*?/", told)[0]
    assert pdf.metadata["title"].startswith("Clinical outcomes")
    catalogue = pdf.xref_object(pdf.pdf_catalog(), compressed=True)
    assert (
        "/Lang(en-GB)" in catalogue
        and "/Marked true" in catalogue
        and "/DisplayDocTitle true" in catalogue
        and "/StructTreeRoot" in catalogue
    )
    tags = "\n".join(objects(pdf))
    assert tags.count("/S/Figure") == 3 and tags.count("/S/TH/") > 10 and tags.count("/Scope/Column") > 10
    assert str(folder) not in told and str(folder) not in tags


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("Words without a title.\n", 1, "needs a title"),
        (titled("# One\n\nWords.\n\n### Three\n\nWords.\n"), 9, "skips a level"),
        (titled("## Two\n\nWords.\n"), 5, "first heading is not of the first level"),
        (titled("Words.\n\n![](figures/flow)\n"), 7, "'figures/flow' has no alternative text"),
        (titled("A sign: \ue000.\n"), 1, "private area"),
    ],
)
def test_a_document_that_cannot_be_read_by_all_is_refused_with_its_line_and_what_to_change(
    folder, tmp_path, text, line, problem
):
    with pytest.raises(TieoutError, match=problem) as refused:
        made(folder, text, tmp_path)
    assert refused.value.place == f"{folder / 'short.qmd'}:{line}" and refused.value.hint
    assert not (tmp_path / "short.pdf").exists()


def test_a_table_in_the_text_a_callout_and_a_formula_are_read_aloud(folder, tmp_path):
    text = '| A | B |\n|---|---|\n| 1 | 2 |\n\n::: {.callout-note}\nBox.\n:::\n\nSo $x^2 \\leq y$ and\n\n$$\\text{a "b"}$$\n'
    tags = "\n".join(objects(made(folder, titled(text), tmp_path)))
    assert tags.count("/S/Table") == 1 and tags.count("/S/TH/") == 2
    assert r"/Alt(x^2 \\leq y)" in tags and tags.count("/S/Formula") == 2


def test_quarto_is_asked_for_both_standards_where_its_typst_can_make_both(folder, tmp_path, monkeypatch):
    for version, expected in (("1.9.36", ""), ("1.10.18", "a-3a,ua-1"), ("2.0.0", "a-3a,ua-1")):
        script = f"#!/bin/sh\n[ $1 = --version ] && echo {version} && exit\n"
        script += f'printf "$QUARTO_PDF_STANDARD" > {tmp_path}/asked\ntouch manuscript.pdf\n'
        stand_in(tmp_path, script, monkeypatch)
        render.render(folder, formats=("pdf",), out=tmp_path, engine="quarto", created=CREATED)
        assert (tmp_path / "asked").read_text() == expected


def test_a_complaint_of_typst_under_quarto_is_told_in_the_same_words(folder, tmp_path, monkeypatch):
    stand_in(tmp_path, "#!/bin/sh\necho 'error: PDF/UA-1 error: missing alt text' >&2\nexit 1\n", monkeypatch)
    with pytest.raises(TieoutError, match="no alternative text"):
        render.render(folder, formats=("pdf",), out=tmp_path, engine="quarto", created=CREATED)
