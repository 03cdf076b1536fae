"""The Word file: fields that number and refer, sheets on their side for wide tables, whole rows, properties, descriptions."""

from __future__ import annotations

import re
import shutil
import subprocess
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from lxml import etree

from tieout import render
from tieout.audit.report import audit

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"


def table(columns: int, rows: int = 12) -> str:
    head = "".join(f'<th scope="col">Group {j}</th>' for j in range(columns))
    body = "".join(
        f'<tr><th scope="row">Row {i}</th>{"".join(f"<td>{i}0.{j} (88.8 to 99.9)</td>" for j in range(columns))}</tr>'
        for i in range(rows)
    )
    made = f'<table class="tieout"><thead><tr><th scope="col">Characteristic</th>{head}</tr></thead><tbody>{body}</tbody></table>'
    return f"```{{=html}}\n{made}\n```"


DOCUMENT = f"""\
---
title: "Tables"
lang: en-GB
keywords: [one, two]
synthetic: "SYNTHETIC DATA"
---

# Results

See @tbl-narrow, @tbl-wide and @tbl-last.

::: {{#tbl-narrow}}
{table(3)}

A narrow table
:::

Between them.

::: {{#tbl-wide}}
{table(12)}

A wide table
:::

After it.

::: {{#tbl-last}}
{table(12)}

Another wide table
:::
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("word")
    (folder / "m.qmd").write_text(DOCUMENT, encoding="utf-8")
    render.project(folder)
    created = datetime(2021, 6, 30, 12, tzinfo=UTC)
    return render.render(folder, "m", ("docx",), folder, "embedded", created=created)["docx"]


@pytest.fixture(scope="module")
def body(made):
    return part(made, "word/document.xml")[0]


def part(path: Path, name: str):
    with zipfile.ZipFile(path) as archive:
        return etree.fromstring(archive.read(name))


def words(element) -> str:
    return "".join(t.text or "" for t in element.iter(f"{W}t"))


def test_captions_are_numbered_by_sequence_fields_whose_present_result_is_the_number(body):
    captions = [p for p in body.iter(f"{W}p") if p.find(f"{W}pPr/{W}pStyle") is not None
                and p.find(f"{W}pPr/{W}pStyle").get(f"{W}val") == "TableCaption"]  # fmt: skip
    told = [words(p).replace("\u00a0", " ") for p in captions]
    assert told == ["Table 1. A narrow table", "Table 2. A wide table", "Table 3. Another wide table"]
    for caption in captions:
        assert caption.find(f".//{W}instrText").text.split() == ["SEQ", "Table", "\\*", "ARABIC"]
        kinds = [mark.get(f"{W}fldCharType") for mark in caption.iter(f"{W}fldChar")]
        assert kinds == ["begin", "separate", "end"]


def test_references_are_fields_of_the_captions_bookmarks(body):
    names = {b.get(f"{W}name") for b in body.iter(f"{W}bookmarkStart")}
    paragraph = next(p for p in body.iter(f"{W}p") if words(p).startswith("See Table"))
    referred = [i.text.split() for i in paragraph.iter(f"{W}instrText")]
    assert [r[0] for r in referred] == ["REF"] * 3 and len({r[1] for r in referred}) == 3
    assert all(r[1] in names and re.fullmatch(r"_Ref[0-9a-f]{12}", r[1]) for r in referred)
    assert words(paragraph).replace("\u00a0", " ") == "See Table 1, Table 2 and Table 3." and not list(paragraph.iter(f"{W}hyperlink"))


def test_only_the_wide_tables_lie_on_their_side_with_their_captions(body):
    turned, texts, inside = [], [], ""
    for element in body:
        inside += words(element) + " "
        section = element if element.tag == f"{W}sectPr" else element.find(f"{W}pPr/{W}sectPr")
        if section is not None:
            turned.append(section.find(f"{W}pgSz").get(f"{W}orient") == "landscape")
            texts.append(inside)
            inside = ""
    assert turned == [False, True, False, True], "and no blank page at the end"
    assert "A narrow table" in texts[0] and "Table\u00a02." in texts[1] and "Table\u00a03." in texts[3]
    assert texts[2].strip() == "After it."


def test_every_section_keeps_header_and_footer(body):
    for section in body.iter(f"{W}sectPr"):
        assert section.find(f"{W}headerReference") is not None and section.find(f"{W}footerReference") is not None


def test_header_rows_repeat_rows_stay_whole_and_tables_are_described(body):
    for number, each in enumerate(body.iter(f"{W}tbl"), 1):
        first, *rest = each.iter(f"{W}tr")
        assert first.find(f"{W}trPr/{W}tblHeader") is not None
        assert all(row.find(f"{W}trPr/{W}cantSplit") is not None for row in (first, *rest))
        assert words(each.getprevious()).startswith(f"Table\u00a0{number}")
        assert each.find(f"{W}tblPr/{W}tblDescription").get(f"{W}val").endswith("table")


def test_the_properties_say_title_language_keywords_and_that_data_are_synthetic(made):
    core = {etree.QName(each).localname: each.text for each in part(made, "docProps/core.xml")}
    assert core["title"] == "Tables" and core["language"] == "en-GB" and core["keywords"] == "one, two"
    assert core["subject"] == "SYNTHETIC DATA" and core["created"] == "2021-06-30T12:00:00Z"


@pytest.mark.skipif(not shutil.which("soffice"), reason="LibreOffice is not on the PATH")
def test_libreoffice_shows_six_sheets_of_which_four_lie_on_their_side(made, tmp_path):
    import pymupdf

    profile = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
    command = ["soffice", profile, "--headless", "--convert-to", "pdf", "--outdir", str(tmp_path), str(made)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    pages = list(pymupdf.open(tmp_path / "m.pdf"))
    wide = [page.rect.width > page.rect.height for page in pages]
    assert wide in ([False, True, False, True], [False, True, True, False, True, True])
    assert all(page.get_text().strip() for page in pages) and "Error" not in "".join(page.get_text() for page in pages)


def test_pictures_tell_their_alternative_text_and_not_their_bytes(small):
    small.change("m.qmd", "# Results\n", "# Results\n\n![A dot](dot.png){#fig-dot fig-alt=\"A small dot\"}\n")
    from PIL import Image

    Image.new("RGB", (40, 40)).save(small.folder / "dot.png")
    path = small.build("docx").outputs["docx"]
    text = etree.tostring(part(path, "word/document.xml"), encoding="unicode")
    assert 'descr="A small dot"' in text and "base64" not in text
    with zipfile.ZipFile(path) as archive:
        assert any(name.startswith("word/media/") for name in archive.namelist())


def test_keys_are_known_from_the_controls_alone(small, tmp_path):
    built = small.build("docx")
    with zipfile.ZipFile(built.outputs["docx"]) as source, zipfile.ZipFile(tmp_path / "m.docx", "w") as copy:
        for name in source.namelist():
            if not name.startswith("customXml"):
                data = source.read(name)
                if name == "word/document.xml":
                    data = data.replace(b">12<", b">13<", 1)
                copy.writestr(name, re.sub(rb'<Relationship [^>]*customXml[^>]*/>', b"", data) if name.endswith(".rels") else data)
    report = audit(tmp_path / "m.docx", built.results)
    (changed,) = [found for found in report.told_apart if found.rule == "key"]
    assert changed.key == "study.patients.n" and "says 13" in changed.message
    assert not [judged for judged in report.judged if judged.verdict == "untraceable"]
