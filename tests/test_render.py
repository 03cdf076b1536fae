"""The render room: one woven document, three formats, the same words, numbers and cells in each."""

from __future__ import annotations

import html
import re
import shutil
import threading
import zipfile
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from conftest import word_text
from lxml import etree

from tieout import render, resources
from tieout.errors import TieoutError
from tieout.render import document, embedded, quarto, tree

pymupdf = pytest.importorskip("pymupdf")
docx = pytest.importorskip("docx")

SAMPLE = Path(__file__).parent / "sample"
CREATED = datetime(2024, 1, 1, 12, tzinfo=UTC)
FIGURES = {"flow": (3.3, 3.2), "mrs": (6.9, 2.0), "forest": (6.9, 2.6)}
W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
LITERAL = r"<script>alert(1)</script> #1 *no* _x_ $5 @tbl-x {{ {{< meta x >}} \n"
FOREIGN = ("🧠", "한국어")
SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="{}" height="90"><rect width="100%" height="90" fill="#89a"/></svg>'
)


def made_project(folder: Path) -> Path:
    from matplotlib.figure import Figure

    (folder / "figures").mkdir(parents=True)
    for name, size in FIGURES.items():
        (folder / "figures" / f"{name}.svg").write_text(SVG.format(size[0] * 96))
        Figure(figsize=size).savefig(folder / "figures" / f"{name}.png", dpi=100)
    for source in SAMPLE.iterdir():
        shutil.copyfile(source, folder / source.name)
    shutil.copyfile(resources.citation_style("bmj"), folder / "bmj.csl")
    render.project(folder)
    return folder


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_project(tmp_path_factory.mktemp("project") / "manuscript")


@pytest.fixture(scope="module")
def outputs(project: Path) -> dict[str, Path]:
    return render.render(project, out=project.parent / "out", engine="embedded", created=CREATED)


@pytest.fixture
def written(project: Path, tmp_path: Path):
    """Return a function that renders a short document in the sample's project."""
    folder = tmp_path / "short"
    shutil.copytree(project, folder)

    def write(text: str, *formats: str) -> dict[str, Path]:
        (folder / "short.qmd").write_text(text, encoding="utf-8")
        return render.render(folder, "short", formats or ("html",), tmp_path / "out", "embedded", created=CREATED)

    return write


def flat(text: str) -> str:
    return " ".join(text.replace("\u00ad\n", "").split())


def words_of(path: Path) -> str:
    """Return the text of an output, with single spaces."""
    if path.suffix == ".pdf":
        return flat("\n".join(page.get_text() for page in pymupdf.open(path)))
    if path.suffix == ".docx":
        with zipfile.ZipFile(path) as archive:
            body = etree.fromstring(archive.read("word/document.xml"))
        return flat("\n".join("".join(t.text or "\n" for t in p.iter(f"{W}t", f"{W}br")) for p in body.iter(f"{W}p")))
    page = re.sub(r"(?s)<(style|head|math)\b.*?</\1>", " ", path.read_text(encoding="utf-8"))
    return flat(html.unescape(re.sub(r"<br\s*/?>|</(p|h\d|t[hdr]|li|div|figcaption)>", "\n", page_without_tags(page))))


def page_without_tags(page: str) -> str:
    return re.sub(r"<(?!br)[^>]*>", "", re.sub(r"</(p|h\d|t[hdr]|li|div|figcaption)>", "<br>", page))


def table_figures() -> list[str]:
    """Return every figure of the sample's tables, in order."""
    blocks = re.findall(r"(?s)```\{=html\}(.*?)```", (SAMPLE / "manuscript.qmd").read_text(encoding="utf-8"))
    return [html.unescape(f) for block in blocks for f in re.findall(r'<span class="stat"[^>]*>([^<]*)</span>', block)]


def docx_tables(path: Path) -> list[list[list[str]]]:
    return [[[word_text(cell) for cell in row.cells] for row in table.rows] for table in docx.Document(path).tables]


@pytest.mark.parametrize("name", render.FORMATS)
def test_every_format_has_the_captions_and_cross_references_with_the_same_numbers(outputs, name):
    words = words_of(outputs[name])
    for caption in (
        "Table 1. Characteristics of the 75 patients",
        "Table 2. Outcomes",
        "Table 3. Factors for",
        "Table 4. Patients and outcomes by site",
        "Figure 1. Flow of 75 patients",
        "Figure 3. Odds ratios",
    ):
        assert caption in words
    for sentence in (
        "See Section 2.1 for the design, and Table 2, Table 4 for the tables.",
        "75 patients were enrolled (Figure 1). Table 1 compares patients",
        "(OR 87.6, 95% CI 4.77 to 1608.9; p=0.003; Table 3 and Figure 3)",
        "observational studies suggest that it helps [1].",
        "Firth’s penalised likelihood [4,5] stands beside it",
    ):
        assert sentence in words


@pytest.mark.parametrize("name", render.FORMATS)
def test_every_format_has_every_figure_of_the_tables(outputs, name):
    words = re.sub(r"\s", "", words_of(outputs[name]))
    expected = table_figures()
    assert len(expected) > 300
    counts = {figure: expected.count(figure) for figure in expected}
    assert [f for f, count in counts.items() if words.count(re.sub(r"\s", "", f)) < count] == []


@pytest.mark.parametrize("name", render.FORMATS)
def test_signs_that_mean_something_elsewhere_are_printed_as_they_are(outputs, name):
    words = words_of(outputs[name])
    assert words.count(LITERAL) == 2
    for sign in FOREIGN[1:] if name == "pdf" else FOREIGN:
        assert words.count(sign) == 2


@pytest.mark.parametrize("name", render.FORMATS)
def test_the_front_matter_is_in_every_format(outputs, name):
    words = words_of(outputs[name])
    for part in (
        "SYNTHETIC DATA: every patient in this document was simulated",
        "Beatriz Ødegård-Müller",
        "Department of Neurology, University Hospital One, Seoul, Korea",
        "A. Author; a.author@example.org",
        "stroke, thrombectomy, stent, atherosclerosis",
        "sha256:ab12cd34ef56ab78",
        "A total of 75 patients at 6 sites were included.",
    ):
        assert part.replace(" ", "") in words.replace(" ", "")


def test_two_runs_give_the_same_bytes(project, outputs, tmp_path):
    again = render.render(project, out=tmp_path, engine="embedded", created=CREATED)
    assert {n: p.read_bytes() for n, p in again.items()} == {n: p.read_bytes() for n, p in outputs.items()}


def test_the_pdf_says_its_title_authors_language_date_and_sections(outputs):
    pdf = pymupdf.open(outputs["pdf"])
    assert pdf.metadata["title"].startswith("Clinical outcomes of rescue stenting")
    assert pdf.metadata["author"] == "A. Author, Beatriz Ødegård-Müller, C. D. O'Neill"
    assert pdf.metadata["creationDate"] == "D:20240101120000Z"
    assert pdf.xref_get_key(pdf.pdf_catalog(), "Lang") == ("string", "en-GB")
    titles = [title for _, title, _ in pdf.get_toc()]
    assert {"1 Introduction", "2.1 Study design and setting", "Funding", "References"} <= set(titles)


def test_every_page_of_the_pdf_carries_the_synthetic_stamp_and_nothing_leaves_the_sheet(outputs):
    for page in pymupdf.open(outputs["pdf"]):
        assert "SYNTHETIC DATA" in page.get_text()
        for x0, y0, x1, y1, *_ in page.get_text("words"):
            assert 0 < x0 < x1 < page.rect.width - 30
            assert 0 < y0 < y1 < page.rect.height


def test_a_table_taller_than_a_page_goes_on_with_its_head_and_loses_no_row(written):
    rows = "".join(f"<tr><th scope='row'>Row{i:03d}</th><td>value{i:03d}</td></tr>" for i in range(190))
    table = f"<table><thead><tr><th>Label</th><th>Value</th></tr></thead><tbody>{rows}</tbody></table>"
    made = written(
        f"::: {{#tbl-long}}\n```{{=html}}\n{table}\n```\n\nLong\n:::\n\nText after it, see @tbl-long.\n", "pdf"
    )
    pages = [page.get_text() for page in pymupdf.open(made["pdf"])]
    found = re.findall(r"Row(\d{3})\nvalue(\d{3})", "\n".join(pages))
    assert found == [(f"{i:03d}", f"{i:03d}") for i in range(190)]
    with_rows = [page for page in pages if "Row" in page]
    assert len(with_rows) == 3
    assert all("Label" in page and "Table 1." in page for page in with_rows)
    assert [("continued" in page) for page in with_rows] == [False, True, True]


def test_a_table_that_is_too_wide_wraps_inside_the_page(written):
    cells = "".join(f"<td>several words that need much room in column {i}</td>" for i in range(9))
    head = "".join(f"<th>Column {i}</th>" for i in range(9))
    table = f"<table><thead><tr>{head}</tr></thead><tbody><tr>{cells}</tr></tbody></table>"
    made = written(f"::: {{#tbl-wide}}\n```{{=html}}\n{table}\n```\n\nWide\n:::\n", "pdf")
    (page,) = pymupdf.open(made["pdf"])
    assert max(word[2] for word in page.get_text("words")) < page.rect.width - 40
    assert page.get_text().count("several") == 9


def test_a_table_has_three_rules_of_the_width_of_the_text_and_one_under_each_spanner(written):
    head = "<tr><th rowspan='2'>A</th><th colspan='2'>Both</th></tr><tr><th>B</th><th>C</th></tr>"
    table = f"<table><thead>{head}</thead><tbody><tr><td>a</td><td>b</td><td>c</td></tr></tbody></table>"
    (page,) = pymupdf.open(written(f"::: {{#tbl-a}}\n```{{=html}}\n{table}\n```\n\nC\n:::\n", "pdf")["pdf"])
    caption = page.search_for("Table 1.")[0].y1
    rules = [line["rect"] for line in page.get_drawings() if line["rect"].y0 > caption]
    assert sum(rule.width > 490 for rule in rules) == 3
    assert sum(200 < rule.width < 400 for rule in rules) == 1
    letters = {word[4]: word[1] for word in page.get_text("words")}
    under_head = sorted(rule.y0 for rule in rules if rule.width > 490)[1]
    assert letters["C"] < under_head < letters["c"]


def test_a_digest_longer_than_a_column_breaks_inside_it(written):
    digest = "0123456789abcdef" * 8
    (page,) = pymupdf.open(written(f"The digest {digest} of the data.\n", "pdf")["pdf"])
    lines = [word for word in page.get_text("words") if word[4] in digest and len(word[4]) > 1]
    assert "".join(word[4] for word in lines) == digest
    assert len(lines) > 1 and max(word[2] for word in lines) < page.rect.width / 2


def test_the_look_takes_a_document_as_quarto_emits_it(project, tmp_path):
    source = """
#set page(paper: "a4", margin: (x: 1.25in, y: 1.25in), columns: 1)
#import "journal.typ": journal, callout
#show: journal.with(title: [Title], authors: ((name: [A], numbers: ([1],), email: none, corresponding: false),),
  affiliations: ((number: [1], name: [Place]),), abstract: [Words.], lang: "en", region: "GB")
= One <sec-one>
See #ref(<tbl-x>, supplement: [Table]), #ref(<fig-x>, supplement: [Figure]) and #ref(<sec-one>, supplement: [Section]).
#figure([
#table(columns: 2, align: (auto, auto), table.header([H], [I],), table.hline(), [a], [b], table.footer([note], []))
], caption: figure.caption(position: top, [Cap.]), kind: "quarto-float-tbl", supplement: "Table", )<tbl-x>

#figure([#box(image("figures/flow.svg", alt: "x"))], caption: figure.caption(position: bottom, [Fig.]),
  kind: "quarto-float-fig", supplement: "Figure", )<fig-x>

#callout(body: [Body], title: [Note], background_color: rgb("#dae6fb"), icon_color: rgb("#0758E5"), icon: none)
"""
    import typst

    data = typst.Compiler(root=project, font_paths=embedded.fonts_for(False)).compile(input=source.encode())
    words = flat("".join(page.get_text() for page in pymupdf.open(stream=data)))
    assert "See Table 1, Figure 1 and Section 1." in words
    assert "Table 1. Cap." in words and "Figure 1. Fig." in words and "Note Body" in words


def test_the_html_keeps_keys_and_asks_for_nothing(outputs):
    page = outputs["html"].read_text(encoding="utf-8")
    assert '<span class="stat" data-key="outcome.favourable.pct">66.7%</span>' in page
    assert page.count('data-key="table.baseline.') > 100
    assert "<script" not in page and "<link" not in page
    assert re.findall(r'(?:src|srcset|poster)="(?!data:)[^"]*"', page) == []
    assert re.findall(r"url\(|@import", page) == []
    assert 'alt="From 1200 thrombectomies to &quot;75&quot; patients"' in page


@pytest.mark.parametrize("width", [360, 1440])
def test_the_html_is_never_wider_than_the_screen(outputs, browser, width):
    page = browser.new_page(viewport={"width": width, "height": 800})
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(outputs["html"].as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert [url for url in asked if not url.startswith("data:")] == [outputs["html"].as_uri()]
    page.close()


def test_the_word_file_has_real_tables_styles_and_properties(outputs):
    word = docx.Document(outputs["docx"])
    assert word.core_properties.title.startswith("Clinical outcomes")
    assert word.core_properties.author == "A. Author; Beatriz Ødegård-Müller; C. D. O’Neill"
    assert word.core_properties.created.replace(tzinfo=UTC) == CREATED
    styles = {p.style.name for p in word.paragraphs}
    assert {"Title", "Author", "Affiliation", "Abstract", "Heading 1", "Table Caption", "Image Caption"} <= styles
    assert "SYNTHETIC DATA" in "".join(p.text for p in word.sections[0].header.paragraphs)
    assert len(word.inline_shapes) == 3
    page_width = word.sections[0].page_width - word.sections[0].left_margin - word.sections[0].right_margin
    assert all(shape.width <= page_width for shape in word.inline_shapes)


def test_rows_of_word_tables_do_not_split_and_heads_repeat(outputs):
    heads = 0
    for table in docx.Document(outputs["docx"]).tables:
        for row in table._tbl.tr_lst:
            assert row.xpath("./w:trPr/w:cantSplit")
            heads += bool(row.xpath("./w:trPr/w:tblHeader"))
    assert heads == 2 + 1 + 2 + 1 + 1


def test_word_tables_have_the_cells_of_the_html(outputs):
    page = outputs["html"].read_text(encoding="utf-8")
    in_html = [
        [
            flat(html.unescape(re.sub(r"<[^>]*>", " ", cell)))
            for cell in re.findall(r"(?s)<t[hd][^>]*>(.*?)</t[hd]>", body)
        ]
        for body in re.findall(r"(?s)<tbody>(.*?)</tbody>", page)
    ]
    heads = [2, 1, 2, 1, 1]
    in_word = [
        [flat(cell) for row in table[head:] for cell in row]
        for head, table in zip(heads, docx_tables(outputs["docx"]), strict=True)
    ]
    squeezed = [[[re.sub(r"\s", "", cell) for cell in table] for table in side] for side in (in_html, in_word)]
    assert squeezed[0] == squeezed[1]


def test_a_word_file_is_a_sound_archive(outputs):
    with zipfile.ZipFile(outputs["docx"]) as archive:
        assert archive.testzip() is None
        assert {entry.date_time for entry in archive.infolist()} == {(2024, 1, 1, 12, 0, 0)}


MISTAKES = {
    "a cell": ("Text\n\n```{python}\n1\n```\n", "short.qmd:3", "python cell"),
    "inline code": ("Text `{python} x` here\n", "short.qmd:1", "inline code"),
    "a shortcode": ("One\n\n{{< include other.qmd >}}\n", "short.qmd:3", "'include'"),
    "broken YAML": ("---\ntitle: a\nauthor: [b\n---\nText\n", "short.qmd:", "front matter is not YAML"),
    "open YAML": ("---\ntitle: a\n\nText\n", "short.qmd:1", "not closed"),
    "an open div": ("One\n\n::: {#tbl-x}\nText\n", "short.qmd:3", "'{#tbl-x}' is not closed"),
    "a stray close": ("One\n\n:::\n", "short.qmd:3", "closes nothing"),
    "a missing picture": ("One\n\n![C](figures/none){#fig-x}\n", "short.qmd:3", "'figures/none.svg' does not exist"),
    "a remote picture": ("One\n\n![C](https://h.example/a.png){#fig-x}\n", "short.qmd:3", "nothing is fetched"),
    "a protocol-relative picture": ("![C](//h.example/a.png){#fig-x}\n", "short.qmd:1", "nothing is fetched"),
    "a picture outside": ("![C](../../../etc/hosts.png){#fig-x}\n", "short.qmd:1", "outside"),
    "a picture without a number": ("![C](figures/flow)\n", "short.qmd:1", "has no identifier"),
    "a table without a number": ("|a|b|\n|-|-|\n|1|2|\n\n: Some caption\n", "short.qmd:5", "has no identifier"),
    "a dead reference": ("One\n\nSee @tbl-nothing.\n", "short.qmd:3", "'#tbl-nothing'"),
    "a name used twice": ("# A {#sec-a}\n\n# B {#sec-a}\n", "short.qmd:3", "line 1 already"),
    "a swallowed citation": ("# A {#sec-a}\n\nSee @sec-a [@baek2022].\n", "short.qmd:3", "would be lost"),
    "an unknown citation": (
        "---\nbibliography: references.bib\n---\nSee [@nobody2020].\n",
        "short.qmd:4",
        "'nobody2020'",
    ),
    "a missing bibliography": ("---\nbibliography: none.bib\n---\nText\n", "short.qmd:2", "'none.bib' does not exist"),
    "a remote bibliography": ("---\nbibliography: https://h.example/r.bib\n---\n", "short.qmd:2", "nothing is fetched"),
    "raw Typst": ('One\n\n```{=typst}\n#import "@preview/x:1.0.0"\n```\n', "short.qmd:", "raw typst"),
    "raw HTML": ("One\n\n<iframe src='https://h.example'></iframe>\n", "short.qmd:3", "raw html"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_document_that_cannot_be_set_is_refused_with_its_line(written, tmp_path, name):
    text, place, problem = MISTAKES[name]
    with pytest.raises(TieoutError) as refused:
        written(text, *render.FORMATS)
    assert place in refused.value.place
    assert problem in refused.value.problem
    assert list((tmp_path / "out").glob("*")) == [] or not (tmp_path / "out").exists()


def test_a_picture_in_a_raw_table_is_never_fetched(written):
    asked: list[str] = []

    class Listener(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        table = f'<table><tr><td><img src="http://127.0.0.1:{server.server_port}/a.png"></td></tr></table>'
        for kind in render.FORMATS:
            with pytest.raises(TieoutError, match="nothing is fetched"):
                written(f"```{{=html}}\n{table}\n```\n", kind)
    finally:
        server.shutdown()
        server.server_close()
    assert asked == []


def test_an_earlier_output_stays_when_the_next_run_fails(written, tmp_path):
    made = written("Good text.\n")["html"]
    before = made.read_bytes()
    with pytest.raises(TieoutError):
        written("![C](figures/none){#fig-x}\n")
    assert made.read_bytes() == before
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["short.html"]


def test_a_div_or_a_reference_shown_in_code_is_no_div_and_no_reference(written):
    page = written("Text\n\n```\n::: {#tbl-x}\nsee @tbl-none {{< include a >}}\n```\n")["html"].read_text()
    assert "see @tbl-none" in page


@pytest.mark.parametrize("kind", render.FORMATS)
def test_a_table_in_markdown_is_numbered_by_the_identifier_of_its_caption(written, kind):
    words = words_of(written("See @tbl-a.\n\n|a|b|\n|-|-|\n|1|2|\n\n: Some caption {#tbl-a}\n", kind)[kind])
    assert "See Table 1." in words.replace("\xa0", " ")
    assert "Table 1. Some caption" in words.replace("\xa0", " ")


@pytest.mark.parametrize("kind", render.FORMATS)
def test_page_breaks_callouts_and_tabs_are_read(written, kind):
    callout = "::: {.callout-warning}\nTake care.\n:::\n\n{{< pagebreak >}}\n\n"
    text = callout + "::: {.panel-tabset}\n## Tab one\n\nInside.\n:::\n"
    words = words_of(written(text, kind)[kind])
    for part in ("Warning", "Take care.", "Tab one", "Inside."):
        assert part in words
    assert "pagebreak" not in words


def test_authors_get_the_numbers_of_their_affiliations_once_each(project):
    meta = tree.parse(document.read(project, "manuscript"))["meta"]
    affiliations = [tree.plain_text(a["c"]["name"]) for a in meta["by-affiliation"]["c"]]
    assert affiliations == [
        "University Hospital One",
        "Example Stroke Network",
        "Institute of Neuroradiology, City Hospital",
    ]
    numbers = [
        [tree.plain_text(a["c"]["number"]) for a in author["c"]["affiliations"]["c"]]
        for author in meta["by-author"]["c"]
    ]
    assert numbers == [["1", "2"], ["2"], ["3"]]


def test_only_text_beyond_the_embedded_fonts_asks_for_fonts_of_the_system():
    assert not embedded.OUTSIDE_EMBEDDED_FONTS.search("Ødegård, naïve, χ² ≥ 5 – “quoted” → −1.5 \u2003 μ ½ ﬁ")
    assert all(embedded.OUTSIDE_EMBEDDED_FONTS.search(sign) for sign in ("한", "ע", "ع", "🧠", "漢"))


def test_the_reference_document_is_what_its_script_makes():
    import importlib.util

    spec = importlib.util.spec_from_file_location("make_reference", resources.templates() / "make_reference.py")
    assert spec and spec.loader
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert script.make() == (resources.templates() / "reference.docx").read_bytes()


def test_unknown_engines_and_formats_are_refused(project, tmp_path):
    with pytest.raises(TieoutError, match="did you mean 'embedded'"):
        render.choose("embeded")
    with pytest.raises(TieoutError, match="did you mean 'html'"):
        render.render(project, formats=("htm",), out=tmp_path, created=CREATED)


def test_auto_takes_quarto_only_where_it_is_installed(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert render.choose("auto") == "embedded"
    with pytest.raises(TieoutError, match="not on the PATH"):
        render.choose("quarto")
    monkeypatch.setattr(shutil, "which", lambda name: "/usr/bin/quarto")
    assert render.choose("auto") == "quarto"


STUB = """#!/bin/sh
test "$1 $2 $3" = "render manuscript.qmd --to" || exit 9
test -f _quarto.yml && test -f journal.typ || exit 8
case $4 in typst) cp {pdf} manuscript.pdf;; html) cp {html} manuscript.html;; docx) cp {docx} manuscript.docx;; esac
"""


def stand_in(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "quarto").write_text(script)
    (folder / "quarto").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")


def test_the_quarto_engine_renders_a_copy_and_moves_what_it_made(project, outputs, tmp_path, monkeypatch):
    stand_in(tmp_path, STUB.format(**outputs), monkeypatch)
    before = sorted(project.rglob("*"))
    made = render.render(project, out=tmp_path / "out", engine="quarto", created=CREATED)
    assert made["pdf"].read_bytes() == outputs["pdf"].read_bytes()
    assert made["html"].read_bytes() == outputs["html"].read_bytes()
    assert docx_tables(made["docx"]) == docx_tables(outputs["docx"])
    assert sorted(project.rglob("*")) == before


def test_quartos_complaint_becomes_one_paragraph(project, tmp_path, monkeypatch):
    complaint = "processing\\n\\033[31mERROR: Unable to find it\\nin the document\\nStack trace:\\n    at render (file:///a.js:1)"
    stand_in(tmp_path, f"#!/bin/sh\nprintf '{complaint}' >&2\nexit 1\n", monkeypatch)
    with pytest.raises(TieoutError) as refused:
        render.render(project, formats=("html",), out=tmp_path / "out", engine="quarto", created=CREATED)
    assert refused.value.problem == "Quarto cannot render this: ERROR: Unable to find it in the document"
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.skipif(
    not shutil.which("quarto"), reason="Quarto is not on the PATH: both engines cannot be compared here"
)
@pytest.mark.parametrize("name", render.FORMATS)
def test_both_engines_give_the_same_captions_and_figures(project, outputs, tmp_path, name):
    made = render.render(project, formats=(name,), out=tmp_path, engine="quarto", created=CREATED)[name]
    ours, theirs = words_of(outputs[name]), words_of(made)
    number = re.compile(r"(?:(?:Table|Figure|Section) )?\d+(?:\.\d+)?%?")
    assert sorted(number.findall(theirs)) == sorted(number.findall(ours))


def test_the_project_file_is_yaml_for_three_formats():
    from ruamel.yaml import YAML

    settings = YAML(typ="safe").load(quarto.PROJECT)
    assert set(settings["format"]) == set(quarto.TARGETS.values())
    assert settings["format"]["typst"]["citeproc"] is True
    files = [settings["format"]["html"]["css"], settings["format"]["docx"]["reference-doc"]]
    files += settings["format"]["html"]["template-partials"] + settings["format"]["typst"]["template-partials"]
    assert set(files) <= set(render.COMPANIONS)
