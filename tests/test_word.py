"""The Word file: keys that survive editing, captions and references that Word keeps up to date, pages turned for wide tables."""

from __future__ import annotations

import copy
import os
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import docx
import pymupdf
import pypandoc
import pytest
from conftest import DATA, STUDY, TEMPLATE, Small
from docx.oxml.ns import qn
from lxml import etree
from test_render import CREATED, made_project, words_of

from tieout import render, resources
from tieout.audit.read import read
from tieout.audit.report import audit
from tieout.render import word

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
NEEDS_OFFICE = pytest.mark.skipif(
    not shutil.which("soffice") and not os.environ.get("TIEOUT_REQUIRE_TOOLS"), reason="LibreOffice is not on the PATH"
)
FRONT = """\
---
title: On wide tables
author: [{name: A. Author}]
keywords: [tables, pages]
lang: de-AT
running-head: Wide tables
synthetic: "SYNTHETIC DATA: nobody"
snapshot: "sha256:0123 edition:4567"
---

"""


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    return made_project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Return the build of the small study."""
    small = Small(tmp_path_factory.mktemp("small"))
    small.write("study.yaml", STUDY).write("data.csv", DATA).write("m.qmd", TEMPLATE)
    return small.build("docx")


@pytest.fixture
def written(project, tmp_path):
    """Return a function that makes a Word file of a text."""

    def write(text: str) -> Path:
        (project / "short.qmd").write_text(FRONT + text, encoding="utf-8")
        return render.render(project, "short", ("docx",), tmp_path, "embedded", created=CREATED)["docx"]

    return write


def part(path: Path, name: str = "word/document.xml"):
    with zipfile.ZipFile(path) as archive:
        return etree.fromstring(archive.read(name))


def rewritten(path: Path, to: Path, change) -> Path:
    """Copy a Word file, its document changed and no woven document in it, so that its controls alone give keys."""
    body = part(path)
    change(body)
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(to, "w") as new:
        for name in old.namelist():
            if not name.startswith("customXml/item1"):
                new.writestr(name, etree.tostring(body) if name == "word/document.xml" else old.read(name))
    return to


def converted(path: Path, to: str, folder: Path) -> Path:
    """Open a file with LibreOffice and save it as another."""
    profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    command = ["soffice", profile, "--headless", "--convert-to", to, "--outdir", str(folder), str(path)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return folder / f"{path.stem}.{to}"


def table(columns: int, rows: int = 3, cell: str = "5.72 (1.45 to 22.6)") -> str:
    """Return a table with a spanning header, a note, and figures that should not break."""
    head = f"<tr><th rowspan='2'>Who</th><th colspan='{columns - 1}'>What</th></tr>"
    head += f"<tr>{''.join(f'<th>Group {i}</th>' for i in range(1, columns))}</tr>"
    line = f"<tr><th>Patients</th>{f'<td>{cell}</td>' * (columns - 1)}</tr>"
    foot = f"<tfoot><tr><td colspan='{columns}'>A note.</td></tr></tfoot>"
    return f"```{{=html}}\n<table><thead>{head}</thead><tbody>{line * rows}</tbody>{foot}</table>\n```\n"


def float_of(name: str, inside: str, caption: str) -> str:
    return f"::: {{#tbl-{name}}}\n{inside}\n{caption}\n:::\n\n"


# Keys


def figure_of(body, key: str):
    return next(c for c in body.iter(f"{W}sdt") if c.find(f"{W}sdtPr/{W}tag").get(f"{W}val") == key)


def typed_over(control) -> None:
    (text,) = control.iter(f"{W}t")
    text.text = "13"


def in_two_runs(control) -> None:
    content = control.find(f"{W}sdtContent")
    content.append(copy.deepcopy(content[0]))
    for run, text in zip(content, ("1", "3"), strict=True):
        run.find(f"{W}t").text = text


def as_a_tracked_change(control) -> None:
    content = control.find(f"{W}sdtContent")
    (old,) = content
    new = copy.deepcopy(old)
    for number, (name, run) in enumerate((("del", old), ("ins", new)), 1):
        who = {f"{W}id": str(number), f"{W}author": "A co-author", f"{W}date": "2026-01-01T00:00:00Z"}
        etree.SubElement(content, f"{W}{name}", who).append(run)
    old.find(f"{W}t").tag = f"{W}delText"
    new.find(f"{W}t").text = "13"


@pytest.mark.parametrize("edit", [typed_over, in_two_runs, as_a_tracked_change])
def test_a_figure_altered_in_word_is_contradicted_under_its_key(study, tmp_path, edit):
    def change(body):
        edit(figure_of(body, "study.patients.n"))

    report = audit(rewritten(study.outputs["docx"], tmp_path / "edited.docx", change), study.results)
    contradicted = [j.findings for j in report.judged if j.verdict == "contradicted"]
    (found,) = [f for findings in contradicted for f in findings if f.rule == "key"]
    assert found.key == "study.patients.n" and "the text says 13" in found.message


def test_of_a_control_copied_twice_the_altered_copy_is_contradicted(study, tmp_path):
    def change(body):
        control = figure_of(body, "study.patients.n")
        second = copy.deepcopy(control)
        typed_over(second)
        gap = copy.deepcopy(control.getprevious())
        gap.find(f"{W}t").text = " patients, that is "
        control.addnext(gap)
        gap.addnext(second)

    report = audit(rewritten(study.outputs["docx"], tmp_path / "copied.docx", change), study.results)
    verdicts = [(f.figures[0].text, f.verdict) for j in report.judged for f in j.findings if f.key == "study.patients.n"]
    assert ("12", "confirmed") in verdicts and ("13", "contradicted") in verdicts


def test_without_its_control_a_figure_has_no_key_and_the_others_keep_theirs(study, tmp_path):
    def change(body):
        control = figure_of(body, "study.patients.n")
        parent, place = control.getparent(), control.getparent().index(control)
        parent[place : place + 1] = list(control.find(f"{W}sdtContent"))

    def keys(path: Path) -> list[str]:
        return [span.key for passage in read(path).passages for span in passage.keys]

    before = keys(study.outputs["docx"])
    after = keys(rewritten(study.outputs["docx"], tmp_path / "lost.docx", change))
    before.remove("study.patients.n")
    assert after == before and len(after) > 60


@NEEDS_OFFICE
def test_keys_survive_libreoffice_and_an_altered_figure_is_contradicted_after_it(study, tmp_path):
    saved = converted(study.outputs["docx"], "docx", tmp_path)
    edited = rewritten(saved, tmp_path / "edited.docx", lambda body: [
        typed_over(c) for c in body.iter(f"{W}sdt") if c.find(f"{W}sdtPr/{W}alias").get(f"{W}val") == "study.patients.n"
    ])  # fmt: skip
    report = audit(edited, study.results)
    keyed = {f.key: f.verdict for j in report.judged for f in j.findings if f.rule == "key"}
    assert keyed.pop("study.patients.n") == "contradicted"
    assert len(keyed) > 20 and set(keyed.values()) == {"confirmed"}


def test_a_long_key_is_found_by_its_digest_in_the_woven_document(written, tmp_path):
    key = "table." + "very_" * 14 + "long.n"
    passage = read(written(f'It was [12]{{.stat key="{key}"}}.\n')).passages[-1]
    assert [span.key for span in passage.keys] == [key] and passage.text == "It was 12."
    tags = [tag.get(f"{W}val") for tag in part(tmp_path / "short.docx").iter(f"{W}tag")]
    assert [len(tag) for tag in tags] == [14]


def test_figures_in_footnotes_keep_their_keys(written):
    passages = read(written('Words.[^1]\n\n[^1]: It was [12]{.stat key="a.b"}.\n')).passages
    assert [span.key for passage in passages for span in passage.keys] == ["a.b"]


# Captions and references


def fields(body) -> list[tuple[str, str]]:
    """Return what each field asks for, and what it shows."""
    found = []
    for asked in body.iter(f"{W}instrText"):
        shown = []
        for run in asked.getparent().itersiblings(f"{W}r"):
            if run.find(f"{W}fldChar[@{W}fldCharType='end']") is not None:
                break
            shown += [text.text for text in run.iter(f"{W}t")]
        found.append((" ".join(asked.text.split()), "".join(shown)))
    return found


TEXT = (
    "See @tbl-a, @tbl-b and @fig-flow; also [-@tbl-a].\n\n"
    + float_of("a", "|x|y|\n|-|-|\n|1|2|\n", "First table")
    + "![Flow of patients](figures/flow){#fig-flow fig-alt='Boxes'}\n\n"
    + float_of("b", "|x|y|\n|-|-|\n|3|4|\n", "Second table")
)


def test_captions_have_fields_that_word_counts_and_references_fields_that_follow_them(written):
    body = part(written(TEXT))
    asked = fields(body)
    assert [field for field in asked if field[0].startswith("SEQ")] == [
        (r"SEQ Table \* ARABIC", "1"), (r"SEQ Figure \* ARABIC", "1"), (r"SEQ Table \* ARABIC", "2")
    ]  # fmt: skip
    references = [(re.match(r"REF (_Ref\w+) \\h \\\* MERGEFORMAT", field), shown) for field, shown in asked if "REF" in field]
    assert [shown for _, shown in references] == ["Table\xa01", "Table\xa02", "Figure\xa01"]
    for found, shown in references:
        (start,) = [b for b in body.iter(f"{W}bookmarkStart") if b.get(f"{W}name") == found[1]]
        paragraph = start.getparent()
        assert paragraph.find(f"{W}pPr/{W}pStyle").get(f"{W}val") in ("TableCaption", "ImageCaption")
        inside = []
        for sibling in start.itersiblings():
            if sibling.tag == f"{W}bookmarkEnd" and sibling.get(f"{W}id") == start.get(f"{W}id"):
                break
            inside += [text.text for text in sibling.iter(f"{W}t")]
        assert "".join(inside) == shown
    identities = [b.get(f"{W}id") for b in body.iter(f"{W}bookmarkStart")]
    assert len(identities) == len(set(identities))


def test_what_fields_ask_for_is_read_by_nobody(written):
    path = written(TEXT)
    texts = [p.text for p in read(path).passages]
    assert "See Table 1, Table 2 and Figure 1; also 1." in texts
    assert {"Table 1. First table", "Figure 1. Flow of patients", "Table 2. Second table"} <= set(texts)
    assert "SEQ" not in words_of(path) and "REF" not in " ".join(texts)


@NEEDS_OFFICE
def test_libreoffice_shows_the_same_words_and_the_numbers_of_tables_and_figures(written, tmp_path):
    printed = converted(written(TEXT), "pdf", tmp_path)
    words = " ".join(page.get_text() for page in pymupdf.open(printed)).replace("\xa0", " ")
    assert "See Table 1, Table 2 and Figure 1; also 1." in " ".join(words.split())
    assert "Table 2. Second table" in " ".join(words.split())


QUARTO_CAPTION = (
    '<w:pPr><w:jc w:val="let"/><w:spacing w:before="200"/><w:pStyle w:val="ImageCaption"/></w:pPr>'
)


def as_quarto_writes_it(path: Path) -> None:
    """Make a Word file in which a table and its caption stand in a table of one cell."""
    source = (
        '<div><p>See <a href="#tbl-a">Table&nbsp;1</a>.</p><table><tr><td><p>CAPTION</p></td></tr></table><p>After.</p></div>'
    )
    command = [pypandoc.get_pandoc_path(), "-f", "html", "-t", "docx", "-o", str(path)]
    command += ["--reference-doc", str(resources.templates() / "reference.docx")]
    subprocess.run(command, input=source.encode(), check=True)
    document = docx.Document(str(path))
    (outer,) = document.tables
    paragraph = outer.cell(0, 0).paragraphs[0]._p
    inner = copy.deepcopy(outer._tbl)
    inner.find(qn("w:tr")).append(copy.deepcopy(inner.find(f"{qn('w:tr')}/{qn('w:tc')}")))
    inner.find(qn("w:tblGrid")).append(copy.deepcopy(inner.find(qn("w:tblGrid"))[0]))
    paragraph.insert(1, etree.fromstring(QUARTO_CAPTION.replace("<w:pPr>", f'<w:pPr xmlns:w="{W[1:-1]}">')))
    texts = list(paragraph.iter(qn("w:t")))
    texts[0].text = "Table\xa01. Of Quarto"
    paragraph.addnext(inner)
    document.save(str(path))


def test_a_float_of_quarto_becomes_a_caption_with_its_table_below(tmp_path):
    as_quarto_writes_it(tmp_path / "quarto.docx")
    made = word.finished((tmp_path / "quarto.docx").read_bytes(), word.front({}), CREATED, "")
    (tmp_path / "made.docx").write_bytes(made)
    body = part(tmp_path / "made.docx")[0]
    (found,) = body.iter(f"{W}tbl")
    caption = found.getprevious()
    assert [style.get(f"{W}val") for style in caption.iter(f"{W}pStyle")] == ["TableCaption"]
    assert len(caption.findall(f"{W}pPr")) == 1
    assert [shown for asked, shown in fields(body)] == ["Table\xa01", "1"]
    assert found.find(f"{W}tblPr/{W}tblCaption").get(f"{W}val") == "Table\xa01"


# Pages


def sections(path: Path) -> list[tuple[str, bool]]:
    """Return the orientation of each section, and whether it has header and footer."""
    return [
        (
            section.find(f"{W}pgSz").get(f"{W}orient", "portrait"),
            section.find(f"{W}headerReference") is not None and section.find(f"{W}footerReference") is not None,
        )
        for section in part(path).iter(f"{W}sectPr")
    ]


WIDE = (
    "Before.\n\n{{< pagebreak >}}\n\n## A heading\n\n"
    + float_of("wide", table(8, rows=40), "A wide table")
    + "{{< pagebreak >}}\n\nAfter.\n"
)


@pytest.mark.parametrize(("columns", "turned"), [(2, False), (4, False), (8, True), (12, True)])
def test_the_page_is_turned_for_a_table_whose_figures_do_not_fit_side_by_side(written, columns, turned):
    text = "Before.\n\n" + float_of("t", table(columns), "A table") + "After.\n"
    expected = ["portrait", "landscape", "portrait"] if turned else ["portrait"]
    assert sections(written(text)) == [(orientation, True) for orientation in expected]


def test_long_words_alone_do_not_turn_the_page(written):
    cell = "words that may break wherever there is a space between them " * 3
    assert sections(written("Before.\n\n" + float_of("t", table(4, cell=cell), "A table"))) == [("portrait", True)]


def test_heading_caption_and_notes_are_turned_with_their_table(written):
    document = docx.Document(str(written(WIDE)))
    ends = [i for i, block in enumerate(document.element.body) if block.find(f"{W}pPr/{W}sectPr") is not None]
    blocks = list(document.element.body)
    turned = ["".join(t.text for t in block.iter(f"{W}t")) for block in blocks[ends[0] + 1 : ends[1] + 1] if block.tag != f"{W}tbl"]
    assert [text for text in turned if text] == ["A heading", "Table\xa01. A wide table", "A note."]
    assert "Before." in "".join(t.text for t in blocks[ends[0]].iter(f"{W}t"))


def test_no_table_is_wider_than_the_text_of_its_page(written):
    for columns, room in ((4, 9298), (12, 14230)):
        body = part(written("Before.\n\n" + float_of("t", table(columns), "A table")))
        assert sum(int(column.get(f"{W}w")) for column in body.iter(f"{W}gridCol")) == pytest.approx(room, abs=columns)


@NEEDS_OFFICE
def test_a_turned_table_repeats_its_head_on_each_page_and_leaves_no_page_empty(written, tmp_path):
    pages = list(pymupdf.open(converted(written(WIDE), "pdf", tmp_path)))
    landscape = [page for page in pages if page.rect.width > page.rect.height]
    assert len(landscape) >= 2 and len(pages) == len(landscape) + 2
    for page in landscape:
        text = page.get_text()
        assert "Who" in text and "Group 7" in text and "Wide tables" in text and "5.72 (1.45 to 22.6)" in text
    assert "A heading" in landscape[0].get_text() and "A wide table" in landscape[0].get_text()
    assert "A note." in landscape[-1].get_text() and "After." in pages[-1].get_text()


def test_a_short_table_stays_whole_and_a_long_one_breaks(written):
    for rows, whole in ((5, True), (40, False)):
        body = part(written(float_of("t", table(4, rows), "A table")))
        kept = [row.find(f"{W}tc/{W}p/{W}pPr/{W}keepNext") is not None for row in body.iter(f"{W}tr")]
        assert all(kept) == whole and kept[-2:] == [True, True]


def test_the_first_page_has_its_footer_and_no_header(written):
    (section,) = part(written("Words.\n")).iter(f"{W}sectPr")
    kinds = [(etree.QName(child).localname, child.get(f"{W}type")) for child in section if "Reference" in child.tag]
    assert kinds == [("headerReference", "default"), ("footerReference", "default"), ("footerReference", "first")]
    assert section.find(f"{W}titlePg") is not None


# Properties


def test_the_properties_say_what_the_file_is_and_what_it_was_made_from(written):
    path = written("Words.\n")
    core = docx.Document(str(path)).core_properties
    assert (core.title, core.author, core.keywords) == ("On wide tables", "A. Author", "tables, pages")
    assert (core.subject, core.language) == ("SYNTHETIC DATA: nobody", "de-AT")
    custom = {p.get("name"): "".join(p.itertext()) for p in part(path, "docProps/custom.xml")}
    assert custom == {"Data snapshot": "sha256:0123", "Edition": "4567", "Synthetic": "SYNTHETIC DATA: nobody"}
    settings = part(path, "word/settings.xml")
    assert settings.find(f"{W}themeFontLang").get(f"{W}val") == "de-AT"
    assert settings.find(f"{W}compat/{W}compatSetting[@{W}name='compatibilityMode']").get(f"{W}val") == "15"
    styles = part(path, "word/styles.xml")
    assert styles.find(f"{W}docDefaults/{W}rPrDefault/{W}rPr/{W}lang").get(f"{W}val") == "de-AT"


def test_pictures_and_tables_have_one_alternative_text_each(written):
    path = written(TEXT)
    body = part(path)
    drawn = [d.get("descr") for d in body.iter() if etree.QName(d).localname == "docPr"]
    assert drawn == ["Boxes"]
    assert not [d for d in body.iter() if etree.QName(d).localname == "cNvPr" and d.get("descr")]
    described = [(t.find(f"{W}tblPr/{W}tblCaption"), t.find(f"{W}tblPr/{W}tblDescription")) for t in body.iter(f"{W}tbl")]
    assert [(c.get(f"{W}val"), d.get(f"{W}val")) for c, d in described] == [
        ("Table\xa01", "First table"), ("Table\xa02", "Second table")
    ]  # fmt: skip
    with zipfile.ZipFile(path) as archive:
        assert archive.getinfo("word/document.xml").file_size < 40_000


def test_every_style_that_the_text_names_is_there(written):
    path = written(TEXT + "\n[A link](https://example.org) and a note.[^1]\n\n[^1]: The note.\n")
    known = {style.get(f"{W}styleId") for style in part(path, "word/styles.xml").iter(f"{W}style")}
    for name in ("word/document.xml", "word/footnotes.xml"):
        tags = (f"{W}pStyle", f"{W}rStyle", f"{W}tblStyle")
        assert {style.get(f"{W}val") for style in part(path, name).iter(*tags)} <= known
