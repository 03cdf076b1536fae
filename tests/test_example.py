"""The example manuscript: every figure of the published abstract stands in all three formats, and can be explained."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import docx
import lxml.html
import pymupdf
import pytest
from conftest import word_text
from test_build import run

from tieout import explain, resources
from tieout.build import build
from tieout.results import load

ABSTRACT = {
    "study.patients.n": "78",
    "outcome.icas.pct": "97.4%",
    "outcome.success.pct": "98.7%",
    "outcome.favourable.pct": "66.7%",
    "outcome.sich.pct": "5.1%",
    "outcome.death.pct": "4.0%",
    "outcome.patency.pct": "82.1%",
    "model.favourable.d_patent.estimate": "87.6",
    "model.favourable.d_patent.low": "4.77",
    "model.favourable.d_patent.high": "1608.9",
    "model.favourable.d_patent.p": "0.003",
    "model.patency.gpi_maint.estimate": "5.72",
    "model.patency.gpi_maint.low": "1.45",
    "model.patency.gpi_maint.high": "22.6",
    "model.patency.gpi_maint.p": "0.013",
}
"""What Baek et al. (J NeuroIntervent Surg 2022;14:1166) printed, by the key that must print it again."""

SENTENCES = [
    "A total of 78 patients at 13 sites were included",
    "Intracranial atherosclerotic stenosis was the most common cause (97.4%)",
    "Seventy-seven patients (98.7%) were successfully recanalised",
    "A favourable outcome was observed in 66.7% of patients",
    "symptomatic intracranial haemorrhage in 5.1% and death in 4.0%",
    "The stented artery was patent in 82.1% of patients with follow-up angiography",
    "a patent stent was independently associated with a favourable outcome (OR 87.6; 95% CI 4.77 to 1608.9; p=0.003)",
    "was associated with patency (OR 5.72; 95% CI 1.45 to 22.6; p=0.013)",
]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    out = tmp_path_factory.mktemp("example")
    return build(resources.example() / "data" / "study.yaml", ("pdf", "html", "docx"), out, "embedded")


def flat(text: str) -> str:
    """Return text in one line, with the hyphens gone that a line break put into words."""
    text = re.sub(r"(?<=[a-z])[-\u00ad]\s*\n\s*(?=[a-z])", "", text)
    return " ".join(text.replace("\u00a0", " ").split())


@pytest.fixture(scope="module")
def texts(built):
    page = lxml.html.parse(str(built.outputs["html"])).getroot()
    word = docx.Document(str(built.outputs["docx"]))
    with pymupdf.open(built.outputs["pdf"]) as pdf:
        printed = "\n".join(block[4] for sheet in pdf for block in sheet.get_text("blocks"))
    return {
        "html": flat(page.text_content()),
        "docx": flat("\n".join(map(word_text, word.paragraphs))),
        "pdf": flat(printed),
    }


@pytest.mark.parametrize("key", ABSTRACT)
def test_each_figure_of_the_abstract_is_printed_to_the_digit(built, key):
    assert explain.facts(built.results, key)["text"] == ABSTRACT[key]
    assert key in built.document.keys


@pytest.mark.parametrize("format", ["html", "docx", "pdf"])
@pytest.mark.parametrize("sentence", SENTENCES)
def test_each_sentence_of_the_abstract_stands_in_the_text_of_each_format(texts, format, sentence):
    squeezed = texts[format].replace(" ", "").replace("-", "")
    assert sentence.replace(" ", "").replace("-", "") in squeezed


def test_mortality_is_of_the_75_patients_whose_status_is_known(built):
    facts = explain.facts(built.results, "outcome.death.pct")
    assert (facts["n"], facts["total"]) == (3, 75)
    assert explain.facts(built.results, "outcome.patency.pct")["total"] == 67


@pytest.mark.parametrize("key", ABSTRACT)
def test_show_explains_each_figure_of_the_abstract(built, key):
    told = run(Path.cwd(), "show", key, "--out", str(built.outputs["pdf"].parent))
    assert told.returncode == 0, told.stderr
    assert ABSTRACT[key] in told.stdout and built.results.meta["snapshot"] in told.stdout


def test_near_separation_is_said_and_firth_stands_beside(built, texts):
    assert "near-separation" in built.results["model.favourable.d_patent.estimate"].warning
    firth = explain.facts(built.results, "model.favourable.firth.d_patent.estimate")["text"]
    for format in texts:
        assert f"Firth’s penalised likelihood gave OR {firth}" in texts[format]


def test_every_quoted_key_is_in_the_saved_results(built):
    saved = load(built.outputs["pdf"].parent / "results.json")
    assert [key for key in built.document.keys if key not in saved] == []
    assert {s.key: s for s in saved} == {s.key: s for s in built.results}


def test_every_number_in_the_results_section_comes_from_a_key(built):
    text = built.document.text
    section = text[text.index("# Results") : text.index("# Discussion")]
    section = re.sub(r"```\{=html\}.*?```", "", section, flags=re.S)
    section = re.sub(r"\[[^\[\]]*\]\{\.stat[^}]*\}", "", section)
    section = re.sub(r"\{[^}]*\}|@[\w-]+|\[@[^\]]*\]", "", section)
    conventional = r"95% CI|3-month|3 months|mRS 0–2|2b–3|IIb/IIIa|of 0–2"
    assert re.findall(r"\d[\d.]*", re.sub(conventional, "", section)) == []


def test_both_programs_agreed_on_every_cell_they_both_made(built):
    assert built.results.meta["programs"]["cells"] > 500
    assert built.results.meta["programs"]["by_one_program_alone"] == []


def test_synthetic_is_stamped_on_every_page_and_in_every_format(built, texts):
    with pymupdf.open(built.outputs["pdf"]) as pdf:
        assert all("SYNTHETIC" in sheet.get_text() for sheet in pdf)
    assert all("SYNTHETIC DATA" in text for text in texts.values())


def test_no_record_is_in_any_output(built):
    records = (resources.example() / "data" / "registry.csv").read_text().splitlines()[1:]
    identifiers = [line.split(",")[0].encode() for line in records]
    outputs = [p.read_bytes() for p in built.outputs["pdf"].parent.rglob("*") if p.is_file()]
    assert identifiers and not any(i in content for i in identifiers for content in outputs)


def test_the_strobe_checklist_says_where_each_item_is(texts):
    assert "Not reported" not in texts["html"]
    assert "Methods, Statistical analysis" in texts["html"]


def test_the_word_file_has_real_tables_headings_and_captions(built):
    word = docx.Document(str(built.outputs["docx"]))
    styles = {p.style.name for p in word.paragraphs}
    assert {"Heading 1", "Heading 2"} <= styles and any("Caption" in name for name in styles)
    assert len(word.tables) >= 5 and len(word.inline_shapes) == 3
    assert word.core_properties.title.startswith("Clinical outcomes")


def test_the_pdf_has_bookmarks_a_title_and_tagged_text(built):
    with pymupdf.open(built.outputs["pdf"]) as pdf:
        assert pdf.metadata["title"].startswith("Clinical outcomes")
        assert any(title.endswith("Results") for _, title, _ in pdf.get_toc())


@pytest.mark.parametrize("width", [360, 390, 768, 1440])
def test_the_page_fits_every_screen_and_asks_the_network_for_nothing(built, browser, width):
    page = browser.new_page(viewport={"width": width, "height": 800})
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(built.outputs["html"].resolve().as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("span.stat").count() > 500
    assert page.locator("table").count() >= 5 and page.locator("figure img, figure svg").count() >= 3
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    page.close()


def test_libreoffice_opens_the_word_file(built, tmp_path):
    office = shutil.which("soffice")
    if not office and not os.environ.get("TIEOUT_REQUIRE_TOOLS"):
        pytest.skip("LibreOffice is not installed")
    assert office, "LibreOffice is required here"
    profile = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
    command = [
        office,
        profile,
        "--headless",
        "--convert-to",
        "pdf",
        "--outdir",
        str(tmp_path),
        str(built.outputs["docx"]),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=180)
    with pymupdf.open(tmp_path / "manuscript.pdf") as pdf:
        assert "87.6" in "".join(sheet.get_text() for sheet in pdf)
