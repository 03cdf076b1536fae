"""Reading manuscripts: the same passages from each format, and a clear error for what cannot be read."""

from __future__ import annotations

import copy
import io
import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from test_carried import pdf_of

from tieout.audit import pdf_lines
from tieout.audit.passages import keyed, one_line
from tieout.audit.quoted import KeyedSpan, Manuscript, Passage
from tieout.audit.read import read, read_text
from tieout.errors import TieoutError

docx = pytest.importorskip("docx")
pymupdf = pytest.importorskip("pymupdf")
typst = pytest.importorskip("typst")

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
SENTENCE = "Of 78 patients, 50/75 (66.7%) did well (OR 1.84; 95% CI 1.10–3.07; p=0.02)."


def texts(manuscript: Manuscript, *kinds: str) -> list[str]:
    return [p.text for p in manuscript.passages if not kinds or p.kind in kinds]


def cells(manuscript: Manuscript) -> dict[str, Passage]:
    return {p.text: p for p in manuscript.passages if p.kind == "cell"}


def told(manuscript: Manuscript) -> list[tuple]:
    """What is said of each passage but its keys and its page."""
    return [
        (p.text, p.kind, p.section, p.table, p.column, p.row_header, p.column_headers, p.caption)
        for p in manuscript.passages
    ]


def error_of(path: Path, data: bytes | None = None) -> str:
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(TieoutError) as caught:
        read(path)
    assert caught.value.place == str(path)
    return str(caught.value)


def word_file(path: Path, change=lambda document: None) -> Path:
    document = docx.Document()
    document.add_heading("Results", 1)
    document.add_paragraph(SENTENCE)
    change(document)
    document.save(path)
    return path


def rezipped(path: Path, name: str, change) -> bytes:
    """A zip file in which one part is changed; a part that becomes None is left out."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.namelist():
            data = change(old.read(entry)) if entry == name else old.read(entry)
            if data is not None:
                new.writestr(entry, data)
    return buffer.getvalue()


def typeset(path: Path, source: str, tags: bool = False) -> Path:
    data = typst.Compiler().compile(input=source.encode(), format="pdf", pdf_tags=tags)
    path.write_bytes(data)
    return path


# The same from every format


def test_an_output_of_tieout_reads_the_same_from_each_of_its_formats(small):
    small.build("html", "docx", "pdf")
    folder = small.folder / "build"
    source = next(folder.glob("*/manuscript.qmd"))
    read_from = {name: read(folder / f"manuscript.{name}") for name in ("html", "docx", "pdf")}
    read_from["qmd"] = read(source)
    tables = {name: [t for t in told(m) if t[1] == "cell"] for name, m in read_from.items()}
    fold = {
        name: [(text, column, row, heads) for text, _, _, _, column, row, heads, _ in table]
        for name, table in tables.items()
    }
    assert len(fold["html"]) > 30
    assert fold["html"] == fold["docx"] == fold["pdf"] == fold["qmd"]
    for name, manuscript in read_from.items():
        said = " ".join(texts(manuscript, "paragraph"))
        assert "A good outcome was seen in 6/11 (54.5%; 95% CI 28.0 to 78.7)." in said, name
        assert "(Table 1). Good outcomes were common." in said, name
        assert texts(manuscript, "title") == ["A small study"], name
        assert texts(manuscript, "caption") == ["Table 1. Baseline", "Table 2. Model"], name


def test_a_table_reads_the_same_from_word_html_and_markdown(tmp_path):
    def add(document):
        document.add_paragraph("Table 1. Characteristics")
        table = document.add_table(rows=3, cols=3)
        for row, line in zip(
            table.rows, ["Factor|All (n=75)|p", "Age, years|66 (58–75)|0.63", "Male|41 (54.7%)|"], strict=True
        ):
            for cell, text in zip(row.cells, line.split("|"), strict=True):
                cell.text = text

    word = read(word_file(tmp_path / "a.docx", add))
    html = read_text(
        f"<h1>Results</h1><p>{SENTENCE}</p><table><caption>Table 1. Characteristics</caption><tr><th>Factor<th>All (n=75)"
        "<th>p<tr><th>Age, years<td>66 (58–75)<td>0.63<tr><th>Male<td>41 (54.7%)<td></table>",
        "html",
        "a",
    )
    markdown = read_text(
        f"# Results\n\n{SENTENCE}\n\nTable 1. Characteristics\n\n| Factor | All (n=75) | p |\n|---|---|---|\n"
        "| Age, years | 66 (58–75) | 0.63 |\n| Male | 41 (54.7%) | |\n",
        "md",
        "a",
    )
    plain = read_text(
        f"Results\n\n{SENTENCE}\n\nFactor\tAll (n=75)\tp\nAge, years\t66 (58–75)\t0.63\nMale\t41 (54.7%)\t\n",
        "txt",
        "a",
    )
    assert told(word) == told(html) == told(markdown)
    assert [t[:-1] for t in told(plain)] == [t[:-1] for t in told(word) if t[1] != "caption"]
    cell = cells(word)["41 (54.7%)"]
    assert (cell.row_header, cell.column_headers, cell.caption) == ("Male", ("All (n=75)",), "Table 1. Characteristics")


@pytest.mark.parametrize("format", ["md", "html", "txt"])
def test_a_sentence_keeps_its_signs_and_loses_its_line_breaks(format):
    broken = "Of 78\u00a0patients, 50/75\n(66.7%) did  well\u2009(OR\u00ad 1\u00b784;\n95% CI 1.10–3.07; p=0.02\u200b)."
    wrapped = f"<p>{broken}</p>" if format == "html" else broken
    manuscript = read_text(wrapped, format, "a")
    assert texts(manuscript) == ["Of 78 patients, 50/75 (66.7%) did well (OR 1·84; 95% CI 1.10–3.07; p=0.02)."]


# Words, notes, keys


def test_a_reference_number_does_not_join_the_figure_before_it():
    for text, format in (
        ("66.7%^12^ of 75", "md"),
        ("66.7%<sup>12</sup> of 75", "html"),
        ("66.7%<sup>12</sup> of 75", "md"),
    ):
        assert texts(read_text(text, format, "a")) == ["66.7%^12 of 75"]


def test_spans_with_keys_give_their_offsets_in_the_text():
    manuscript = read_text(
        'We saw  *[50]{.stat key="o.n"}* of [ 75 ]{.stat key="o.total"}; [all]{.claim key="c"}.', "md", "a"
    )
    passage = manuscript.passages[0]
    assert passage.text == "We saw 50 of 75; all."
    assert [(passage.text[k.start : k.end], k.key) for k in passage.keys] == [("50", "o.n"), ("75", "o.total")]
    html = read_text('<p>We saw <b><span class="stat" data-key="o.n">50</span></b></p>', "html", "a").passages[0]
    assert html.keys == (KeyedSpan(7, 9, "o.n"),)


@given(st.lists(st.text(" \n\u00a0ab5%\u00ad", max_size=6), min_size=1, max_size=6))
def test_a_keyed_span_always_holds_the_words_it_was_put_round(pieces):
    raw = "".join(keyed(piece, f"k{i}") if i % 2 else piece for i, piece in enumerate(pieces))
    text, spans = one_line(raw)
    assert text == text.strip() and "  " not in text
    plain, _ = one_line("".join(pieces))
    assert text == plain
    for span in spans:
        assert text[span.start : span.end] == one_line(pieces[int(span.key[1:])])[0]


def test_footnotes_are_notes_and_program_code_is_named_as_unread():
    manuscript = read_text("We saw 50[^1].\n\n[^1]: Of 75.\n\n```{python}\nx = 12\n```\n", "md", "a")
    assert [(p.kind, p.text) for p in manuscript.passages] == [("paragraph", "We saw 50."), ("note", "Of 75.")]
    assert manuscript.unread == ("1 block of program code was not read",)


def test_headings_give_the_trail_of_sections_and_the_only_first_one_is_the_title():
    manuscript = read_text(
        "# Stents\n\n## Results\n\n### Patency\n\nIt was 55/67.\n\n## Discussion\n\nGood.", "md", "a"
    )
    assert texts(manuscript, "title") == ["Stents"]
    assert [p.section for p in manuscript.passages if p.kind == "paragraph"] == [
        ("Results", "Patency"),
        ("Discussion",),
    ]


def test_the_header_of_a_markdown_file_gives_title_and_abstract():
    manuscript = read_text(
        '---\ntitle: Stents\nabstract: |\n  We saw [50]{.stat key="n"}.\n---\n\n# Results\n\nText.', "md", "a"
    )
    assert [(p.kind, p.text, p.section) for p in manuscript.passages[:3]] == [
        ("title", "Stents", ()),
        ("heading", "Abstract", ()),
        ("paragraph", "We saw 50.", ("Abstract",)),
    ]
    assert manuscript.passages[2].keys[0].key == "n"


def test_raw_html_tables_in_markdown_are_read_with_their_spans():
    table = (
        "<table><thead><tr><th rowspan=2>Factor</th><th colspan=2>Outcome</th></tr><tr><th>Good (n=50)</th>"
        '<th>Poor (n=25)</th></tr></thead><tbody><tr><th>Male</th><td>25</td><td><span class="stat" data-key="k">16</span>'
        "<sup>a</sup></td></tr></tbody></table>"
    )
    for source in (f"::: {{#tbl-a}}\n```{{=html}}\n{table}\n```\n\nBaseline\n:::\n\nSee @tbl-a.", table):
        manuscript = read_text(source, "md", "a")
        cell = cells(manuscript)["16^a"]
        assert cell.column_headers == ("Outcome", "Poor (n=25)")
        assert (cell.row_header, cell.row, cell.column) == ("Male", 2, 2)
        assert cell.keys == (KeyedSpan(0, 2, "k"),)
    captioned = read_text(f"::: {{#tbl-a}}\n```{{=html}}\n{table}\n```\n\nBaseline\n:::\n\nSee @tbl-a.", "md", "a")
    assert texts(captioned, "caption", "paragraph") == ["Table 1. Baseline", "See Table 1."]


def test_scripts_styles_navigation_and_pictures_are_no_text():
    manuscript = read_text(
        "<html><head><style>a{b:1}</style></head><body><nav>Home 12</nav><script>var a = 50;</script><p>50 of 75</p>"
        '<img src="http://example.org/a.png" alt="12 of 13"><svg><text>9</text></svg></body></html>',
        "html",
        "a",
    )
    assert texts(manuscript) == ["50 of 75"]
    assert manuscript.unread == ("2 figures are pictures and were not read",)


def test_jats_gives_title_abstract_captions_tables_and_notes(tmp_path):
    path = tmp_path / "a.xml"
    path.write_text(
        '<!DOCTYPE article PUBLIC "-//NLM//DTD JATS" "https://example.org/none.dtd"><article><front><article-meta>'
        "<title-group><article-title>TNF-&alpha;</article-title></title-group><abstract><p>50&nbsp;of 75.</p></abstract>"
        "</article-meta></front><body><sec><title>Results</title><p>It was 66.7%<xref ref-type='bibr'><sup>12</sup></xref>"
        "</p><table-wrap><label>Table 1</label><caption><title>Base</title></caption><table><thead><tr><th>A</th><th>n</th>"
        "</tr></thead><tbody><tr><td>Male</td><td>41</td></tr></tbody></table><table-wrap-foot><p>Of 75.</p>"
        "</table-wrap-foot></table-wrap></sec></body></article>",
        encoding="utf-8",
    )
    manuscript = read(path)
    assert [p.text for p in manuscript.passages] == [
        "TNF-α", "Abstract", "50 of 75.", "Results", "It was 66.7%^12", "Table 1. Base", "A", "n", "Male", "41", "Of 75.",
    ]  # fmt: skip
    assert cells(manuscript)["41"].caption == "Table 1. Base"


# Word files that people have edited


def controlled(path: Path, change=lambda run: None) -> Path:
    """A Word file in which the second run of a paragraph stands in the content control of a statistic."""

    def add(document):
        paragraph = document.add_paragraph("A good outcome in ")
        run = paragraph.add_run("66.7%")
        paragraph.add_run(" of patients")
        control = etree.Element(f"{W}sdt")
        properties = etree.SubElement(control, f"{W}sdtPr")
        for name, value in (("alias", "outcome.good.pct"), ("tag", "outcome.good.pct"), ("id", "3")):
            etree.SubElement(properties, f"{W}{name}", {f"{W}val": value})
        run._r.addprevious(control)
        etree.SubElement(control, f"{W}sdtContent").append(run._r)
        change(run)

    return word_file(path, add)


def tracked(run, name: str, text: str):
    """Put a tracked insertion or deletion behind a run."""
    change = etree.Element(f"{W}{name}", {f"{W}id": "90", f"{W}author": "A", f"{W}date": "2024-01-01T00:00:00Z"})
    inner = etree.SubElement(etree.SubElement(change, f"{W}r"), f"{W}t" if name == "ins" else f"{W}delText")
    inner.text = text
    run._r.addnext(change)


def split_run(run):
    text, run.text = run.text, run.text[:2]
    new = run._r.__copy__()
    run._r.addnext(new)
    new.findall(f"{W}t")[0].text = text[2:]


def correct(run):
    run.text = ""
    tracked(run, "ins", "67.6%")
    tracked(run, "del", "66.7%")


def control_of(run):
    return next(run._r.iterancestors(f"{W}sdt"))


def only_titled(run):
    """Leave the control as LibreOffice 7.4 saves it."""
    (tag,) = control_of(run).iter(f"{W}tag")
    tag.getparent().remove(tag)


def wrap_paragraph(run):
    """Make the control one of a whole paragraph, as Word saves it when nothing else stands there."""
    control = control_of(run)
    paragraph = control.getparent()
    for other in paragraph.findall(f"{W}r"):
        control[1].insert(0 if other.getnext() is control else 9, other)
    paragraph.addprevious(control)
    inner = etree.Element(f"{W}p")
    inner.extend(list(control[1]))
    control[1].append(inner)
    paragraph.getparent().remove(paragraph)


@pytest.mark.parametrize(
    ("change", "figure"),
    [(lambda run: None, "66.7%"), (split_run, "66.7%"), (correct, "67.6%"), (only_titled, "66.7%")],
    ids=["", "split", "tracked", "titled"],
)
def test_a_content_control_in_a_word_file_keeps_the_key_of_its_figure(tmp_path, change, figure):
    manuscript = read(controlled(tmp_path / "a.docx", change))
    passage = manuscript.passages[-1]
    assert passage.text == f"A good outcome in {figure} of patients"
    assert passage.keys == (KeyedSpan(18, 23, "outcome.good.pct"),)


def test_a_content_control_round_a_whole_paragraph_or_cell_gives_its_key_too(tmp_path):
    passage = read(controlled(tmp_path / "a.docx", wrap_paragraph)).passages[-1]
    assert passage.text == "A good outcome in 66.7% of patients"
    assert passage.keys == (KeyedSpan(0, 35, "outcome.good.pct"),)

    def into_cell(run):
        table = etree.fromstring(f'<w:tbl xmlns:w="{W[1:-1]}"><w:tblPr/><w:tblGrid><w:gridCol/></w:tblGrid><w:tr/></w:tbl>')
        control, paragraph = control_of(run), control_of(run).getparent()
        paragraph.addprevious(table)
        inner = etree.SubElement(etree.Element(f"{W}tc"), f"{W}p")
        inner.append(run._r)
        control[1].append(inner.getparent())
        table[-1].append(control)

    passage = read(controlled(tmp_path / "b.docx", into_cell)).passages[-2]
    assert (passage.text, passage.kind) == ("66.7%", "cell")
    assert passage.keys == (KeyedSpan(0, 5, "outcome.good.pct"),)


def test_a_control_copied_twice_gives_its_key_twice(tmp_path):
    def copy_twice(run):
        for _ in range(2):
            control_of(run).addnext(copy.deepcopy(control_of(run)))

    passage = read(controlled(tmp_path / "a.docx", copy_twice)).passages[-1]
    assert passage.text == "A good outcome in 66.7%66.7%66.7% of patients"
    assert [(span.start, span.end) for span in passage.keys] == [(18, 23), (23, 28), (28, 33)]


def test_the_placeholder_of_an_emptied_control_and_the_controls_of_others_give_no_key(tmp_path):
    def emptied(run):
        run.text = "Click or tap here to enter text."
        etree.SubElement(control_of(run)[0], f"{W}showingPlcHdr")

    passage = read(controlled(tmp_path / "a.docx", emptied)).passages[-1]
    assert (passage.text, passage.keys) == ("A good outcome in of patients", ())

    def of_others(run):
        for name in control_of(run)[0][:2]:
            name.set(f"{W}val", "Title")

    passage = read(controlled(tmp_path / "b.docx", of_others)).passages[-1]
    assert (passage.text, passage.keys) == ("A good outcome in 66.7% of patients", ())


def test_tracked_changes_are_read_as_accepted_and_told(tmp_path):
    manuscript = read(controlled(tmp_path / "a.docx", correct))
    assert "2 tracked changes were read as accepted" in manuscript.unread
    assert not any("tracked" in said for said in read(word_file(tmp_path / "b.docx")).unread)


def test_pictures_and_comments_in_a_word_file_are_told_as_unread(tmp_path):
    def add(document):
        picture = io.BytesIO(pymupdf.Pixmap(pymupdf.csRGB, pymupdf.IRect(0, 0, 4, 4)).tobytes("png"))
        document.add_picture(picture)
        document.add_comment(document.paragraphs[0].add_run("x"), "look: 12")

    manuscript = read(word_file(tmp_path / "a.docx", add))
    assert set(manuscript.unread) == {"1 figure is a picture and was not read", "1 comment was not read"}
    assert not any("look" in text for text in texts(manuscript))


# PDF

JOURNAL = """
#set page(paper: "a4", columns: 2, margin: 1.6cm, header: [Journal of Stents #h(1fr) 2024;12:34], numbering: "1")
#set text(size: 9.5pt, font: "New Computer Modern", hyphenate: true)
#set par(justify: true)
#place(top, scope: "parent", float: true)[#text(size: 18pt, weight: "bold")[Stents after failed thrombectomy]]
= Abstract
A total of 78 patients were included. Patency was associated with a favourable outcome#super[12]
(OR 1.84; 95% CI 1.10–3.07; p=0.02). #lorem(70)
= Methods
#lorem(230)
== Statistics
#lorem(150)
= Results
Of 78 patients, 50 of 75 (66.7%) had a good outcome. #lorem(110)
#place(auto, scope: "parent", float: true)[#figure(caption: [Baseline], kind: table, table(
  columns: 4, stroke: none, align: left, table.hline(),
  [Characteristic], [All (n=78)], [Maintenance (n=52)], [None (n=26)], table.hline(),
  [Age, years], [67 (59–75)], [66 (57–74)], [68 (60–76)], [Male sex], [46 (59.0)], [30 (57.7)], [16 (61.5)],
  [Hypertension], [54 (69.2)], [36 (69.2)], [18 (69.2)], table.hline()))]
#lorem(330)

The last finding was 43 of 53 (81.1%). #lorem(260)
"""


@pytest.fixture(scope="module")
def journal(tmp_path_factory) -> Manuscript:
    return read(typeset(tmp_path_factory.mktemp("pdf") / "journal.pdf", JOURNAL))


def test_two_columns_are_read_one_after_the_other(journal):
    assert texts(journal, "title", "heading") == [
        "Stents after failed thrombectomy", "Abstract", "Methods", "Statistics", "Results",
    ]  # fmt: skip
    said = texts(journal, "paragraph")
    begins = "A total of 78 patients were included. Patency was associated with a favourable outcome^12 (OR 1.84; 95% CI 1.10"
    assert said[0].startswith(begins + "–3.07; p=0.02). Lorem ipsum dolor sit amet, consectetur adipiscing elit,")
    lorem = said[0].split("p=0.02). ")[1].removesuffix(".")
    assert all(lorem[:200] in text for text in said), "a paragraph mixes the columns"
    assert any(text.startswith("The last finding was 43 of 53 (81.1%). Lorem") for text in said)


def test_running_headers_and_page_numbers_are_left_out(journal):
    assert {p.page for p in journal.passages} == {1, 2}
    assert not any("Journal of Stents" in text or text in ("1", "2") for text in texts(journal))


def test_a_table_across_both_columns_has_its_headers_and_caption(journal):
    cell = cells(journal)["30 (57.7)"]
    assert (cell.row_header, cell.column_headers) == ("Male sex", ("Maintenance (n=52)",))
    assert cell.caption == "Table 1: Baseline"
    assert len(cells(journal)) == 16


HYPHENS = """#set page(width: 60mm, height: 120mm)
#set text(lang: "en", hyphenate: true, costs: (hyphenation: 1%))
#set par(justify: true)
#set document(title: "Hyphens")
Recanalisation restored circulation unexpectedly. Seventy-seven patients (98.7%) were followed-up and twenty-two well-known ones."""


def test_words_after_a_hyphen_stay_in_a_pdf_whose_first_hyphen_is_a_soft_one(tmp_path):
    (tmp_path / "m.pdf").write_bytes(typst.compile(HYPHENS.encode()))
    (passage,) = read(tmp_path / "m.pdf").passages
    assert passage.text == HYPHENS.splitlines()[-1]


@pytest.mark.parametrize("tags", [True, False], ids=["tagged", "untagged"])
def test_headers_over_several_columns_are_found_in_a_pdf(tmp_path, tags):
    source = """#set text(font: "New Computer Modern")
#figure(caption: figure.caption(position: top)[Baseline], kind: table, table(columns: 5, stroke: none,
  table.hline(), table.header(table.cell(rowspan: 2)[Factor], table.cell(rowspan: 2)[All \\ (n=75)],
  table.cell(colspan: 2)[Outcome at 3 months], table.cell(rowspan: 2)[p], [Good (n=50)], [Poor (n=25)]), table.hline(),
  [Age, years], [67 (59–75)], [66 (57–74)], [68 (60–76)], [0.63#super[a]], [Sex], [], [], [], [0.25],
  [Male sex], [46 (61.3%)], [30 (60.0%)], [16 (64.0%)], [], table.hline()))
  
#lorem(60)"""
    found = cells(read(typeset(tmp_path / "a.pdf", source, tags)))
    assert found["30 (60.0%)"].column_headers == ("Outcome at 3 months", "Good (n=50)")
    assert found["16 (64.0%)"].column_headers == ("Outcome at 3 months", "Poor (n=25)")
    assert found["46 (61.3%)"].column_headers == ("All (n=75)",)
    assert (found["0.25"].row_header, found["0.25"].column_headers) == ("Sex", ("p",))
    assert "0.63^a" in found


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (["the inter-", "val was 1.10–", "3.07 in fol-", "low-up"], "the interval was 1.10–3.07 in follow-up"),
        (["CI 1.10-", "3.07"], "CI 1.10-3.07"),
        (["at follow-", "up of 50/", "75 patients"], "at follow-up of 50/75 patients"),
        (["in multi-", "variable models"], "in multivariable models"),
        (["a non-", "significant mRS-", "Score"], "a non-significant mRS-Score"),
        (["a well–", "known value –", "seen"], "a well–known value – seen"),
        (["throm\u00ad", "bectomy"], "thrombectomy"),
    ],
)
def test_words_divided_at_line_ends_are_joined_and_compounds_and_ranges_kept(lines, text):
    assert pdf_lines.joined(lines, pdf_lines.vocabulary(lines)) == text


def test_a_compound_seen_elsewhere_in_the_document_keeps_its_hyphen():
    known = pdf_lines.vocabulary(["the stroke-free time", "recanalisation"])
    assert pdf_lines.joined(["a stroke-", "free day"], known) == "a stroke-free day"
    assert pdf_lines.joined(["after recanali-", "sation"], known) == "after recanalisation"


def test_a_pdf_of_a_word_processor_gives_the_same_cells_as_the_word_file(tmp_path):
    office = shutil.which("soffice")
    if not office and not os.environ.get("TIEOUT_REQUIRE_TOOLS"):
        pytest.skip("LibreOffice is not installed")
    assert office, "LibreOffice is required here"

    def add(document):
        document.add_paragraph("Table 1. Characteristics")
        table = document.add_table(rows=0, cols=3, style="Table Grid")
        for line in (
            "Factor|All (n=75)|p",
            "Age, years|66 (58–75)|0.63",
            "Male|41 (54.7%)|0.25",
            "Diabetes|28 (37.3%)|0.50",
        ):
            for cell, text in zip(table.add_row().cells, line.split("|"), strict=True):
                cell.text = text
        document.add_paragraph("At the end 43/53 (81.1%) were well.")

    path = word_file(tmp_path / "a.docx", add)
    profile = f"-env:UserInstallation=file://{tmp_path}/profile"
    command = [office, profile, "--headless", "--convert-to", "pdf", "--outdir", str(tmp_path), str(path)]
    subprocess.run(command, check=True, capture_output=True, timeout=180)
    assert told(read(tmp_path / "a.pdf")) == told(read(path))


def test_pages_without_a_text_layer_are_told_and_a_scan_is_an_error(tmp_path):
    document = pymupdf.open()
    for number in range(5):
        page = document.new_page()
        if number < 2:
            page.insert_text((72, 72), "Of 78 patients 50 (66.7%) did well.")
    document.save(tmp_path / "part.pdf")
    assert read(tmp_path / "part.pdf").unread == ("pages 3 to 5 have no text layer",)
    blank = pymupdf.open()
    for _ in range(3):
        blank.new_page()
    assert "its 3 pages have no text layer" in error_of(tmp_path / "scan.pdf", blank.tobytes())
    assert "ocrmypdf" in error_of(tmp_path / "scan.pdf")


def test_a_pdf_with_a_password_is_called_encrypted(tmp_path):
    document = pymupdf.open()
    document.new_page().insert_text((72, 72), "50 of 75")
    document.save(tmp_path / "a.pdf", encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw="x", owner_pw="y")
    assert "encrypted" in error_of(tmp_path / "a.pdf")


# What cannot be read


def test_a_missing_an_unknown_and_an_empty_file_are_clear_errors(tmp_path):
    assert "there is no such file" in error_of(tmp_path / "none.docx")
    assert ".docx .html" in error_of(tmp_path / "a.rtf", b"x")
    assert "empty" in error_of(tmp_path / "a.md", b" \n")
    assert "old format" in error_of(tmp_path / "a.doc", b"x")


def test_damaged_disguised_and_encrypted_word_files_are_clear_errors(tmp_path):
    good = word_file(tmp_path / "good.docx")
    path = tmp_path / "bad.docx"
    ole = bytes.fromhex("d0cf11e0a1b11ae1")
    assert "damaged" in error_of(path, good.read_bytes()[:5000])
    assert "damaged" in error_of(path, b"hello")
    assert "old format" in error_of(path, ole + b"\0" * 600)
    assert "encrypted" in error_of(path, ole + "EncryptedPackage".encode("utf-16-le"))
    assert "no Word file" in error_of(path, rezipped(good, "word/document.xml", lambda data: None))
    assert "well-formed" in error_of(path, rezipped(good, "word/document.xml", lambda data: data[:900]))


def test_a_zip_bomb_and_declared_entities_are_refused_before_they_do_harm(tmp_path):
    good = word_file(tmp_path / "good.docx")
    path = tmp_path / "bad.docx"
    bomb = rezipped(good, "word/styles.xml", lambda data: b" " * 201_000_000)
    assert len(bomb) < 1_000_000
    assert "unpacks to more than 200 MB" in error_of(path, bomb)
    root = b"<w:document"
    laugh = rezipped(good, "word/document.xml", lambda d: d.replace(root, b'<!DOCTYPE a [<!ENTITY b "c">]>' + root, 1))
    assert "declares XML entities" in error_of(path, laugh)
    jats = b'<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><article><body><p>&b;</p></body></article>'
    assert "entities of its own" in error_of(tmp_path / "a.xml", jats)
    outside = b'<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/hostname">]><article><body><p>&a;</p></body></article>'
    assert "entities of its own" in error_of(tmp_path / "a.xml", outside)


def test_damaged_and_foreign_pdf_html_xml_and_text_are_clear_errors(tmp_path):
    pdf = typeset(tmp_path / "good.pdf", "50 of 75").read_bytes()
    assert "damaged" in error_of(tmp_path / "a.pdf", pdf[: len(pdf) // 2])
    assert "no PDF" in error_of(tmp_path / "a.pdf", b"hello")
    assert "nested too deeply" in error_of(tmp_path / "a.html", b"<div>" * 3000 + b"x")
    assert "not a JATS article" in error_of(tmp_path / "a.xml", b"<TEI><p>x</p></TEI>")
    assert "well-formed" in error_of(tmp_path / "a.xml", b"<article><body>")
    assert "no text" in error_of(tmp_path / "a.txt", bytes(range(256)) * 20)


def test_a_file_that_is_too_large_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr("tieout.audit.read.LARGEST", 10)
    assert "more than" in error_of(tmp_path / "a.txt", b"more than ten bytes")


def test_pandoc_is_stopped_when_it_takes_too_long(monkeypatch):
    monkeypatch.setattr("tieout.audit.read.PANDOC_SECONDS", 0.01)
    with pytest.raises(TieoutError, match="had not read this"):
        read_text("x " * 100_000, "md", "a")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_text_is_read_in_each_usual_encoding(tmp_path, encoding):
    path = tmp_path / "a.txt"
    path.write_bytes("Of 75 patients 66.7% ± 2 – café".encode(encoding))
    assert texts(read(path)) == ["Of 75 patients 66.7% ± 2 – café"]


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=400))
def test_any_plain_text_gives_single_lines_or_a_clear_error(text):
    try:
        manuscript = read_text(text, "txt", "a")
    except TieoutError:
        return
    assert [p.index for p in manuscript.passages] == list(range(len(manuscript.passages)))
    assert all(p.text and "\n" not in p.text and "  " not in p.text for p in manuscript.passages)


@settings(max_examples=15, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 5))
def test_any_bytes_in_a_file_give_passages_or_a_clear_error(tmp_path_factory, data, format):
    suffix = (".docx", ".html", ".md", ".txt", ".xml", ".pdf")[format]
    path = tmp_path_factory.mktemp("any") / f"a{suffix}"
    path.write_bytes((b"%PDF-1.7\n" if suffix == ".pdf" else b"") + data)
    try:
        read(path)
    except TieoutError as error:
        assert error.problem


def test_a_pdf_made_to_be_read_for_ever_is_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr("tieout.audit.pdf.LEAST_SECONDS", 4)
    endless = tmp_path / "endless.pdf"
    endless.write_bytes(pdf_of(b"<</Type/Catalog/Pages 2 0 R>>", b"2 0 R"))
    with pytest.raises(TieoutError, match="could not be read in 4 seconds"):
        read(endless)
