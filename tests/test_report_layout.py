"""The report's layout: a cover and one column, beside the article, in every format."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pypandoc
import pytest
from lxml import html
from word_text import text

from tieout import render, resources
from tieout.errors import TieoutError
from tieout.render import embedded

pymupdf = pytest.importorskip("pymupdf")
docx = pytest.importorskip("docx")

CREATED = datetime(2024, 1, 1, 12, tzinfo=UTC)
TITLE, PERIOD = "Rescue-stenting registry: report to sites", "April to June 2021"
STAMP = "SYNTHETIC DATA: every patient in this document was simulated"
NOTICE = "Other sites are not named."
STATUS = {
    "worse": ("▼", "Worse than expected"), "much-worse": ("▼▼", "Much worse than expected"),
    "better": ("▲", "Better than expected"), "much-better": ("▲▲", "Much better than expected"),
    "expected": ("●", "As expected"), "few": ("○", "Too few to judge"), "none": ("–", "No patients"),
    "missed": ("▼", "Target not met"),
}  # fmt: skip
LABELS = (
    "3-month modified Rankin Scale score obtained within the window", "Favourable outcome (mRS 0–2) at 3 months",
    "Symptomatic intracranial haemorrhage by the ECASS III definition within 36 hours", "Successful recanalisation",
    "Follow-up imaging of the stented artery obtained in survivors", "Stented artery patent on follow-up imaging",
    "Death within 90 days of the procedure, from any cause", "Door to groin puncture, min",
)  # fmt: skip
WORDS = "The Royal Infirmary and University Teaching Hospital of Saint Bartholomew and All Saints, "
NAMES = {
    "short": "Hospital A",
    "300 signs in words": (WORDS * 4)[:299] + "Z",
    "300 signs in one word": "W" * 150 + "m" * 149 + "Z",
    "Korean and an emoji": "서울한국병원 🧠 " + "제일대학교부속병원" * 31,
}
HEAD = ("Indicator", "n/N", "This site, % (95% CI) or median (IQR)", "Registry without this site", "Status")
SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="{0}mm" height="60mm" viewBox="0 0 {0} 60">'
    '<rect width="100%" height="60" fill="#eee"/><path d="M4 50 L{0} 9" stroke="black"/></svg>'
)
FRONT = """\
---
layout: report
title: "{title}"
subtitle: "{period}"
{site}
running-head: Rescue stenting
lang: en-GB
snapshot: "sha256:9d61973da2dd52f5"
synthetic: "{stamp}"
notice: "{notice}"
cover:
  - {{label: "Patients included", value: '[17]{{.stat key="site.n"}}'}}
  - {{label: "Data cut-off", value: "30 June 2021"}}
  - {{label: "Contact", value: "registry@example.org"}}
---
"""
BODY = """
# Summary {{#sec-summary}}

The judgement is [Worse than expected]{{.status .worse}} (@tbl-summary; @fig-a and @fig-b; @tbl-long in @sec-long).

::: {{#tbl-summary}}
{summary}

Indicators of the hospital
:::

Words after the first table.

::: {{layout-ncol=2}}
![First funnel](figures/half){{#fig-a fig-alt="Funnel of the scores"}}

![Second funnel](figures/half){{#fig-b fig-alt="Funnel of the outcomes"}}
:::

Words after the funnels.

![Run chart](figures/full){{#fig-c fig-alt="Run of the times"}}

::: {{.callout-note}}
Call the patients whose window closes next week.
:::

# Everyone {{#sec-long}}

::: {{#tbl-long}}
{long}

Every site
:::

Words at the end.
"""


def table(head: tuple[str, ...], rows: list[list[str]]) -> str:
    """Return a table as Tieout writes it into a document."""
    names = "".join(f'<th scope="col">{name}</th>' for name in head)
    lines = [
        f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in rest)}</tr>' for first, *rest in rows
    ]
    body = "\n".join(lines)
    note = f'<tfoot><tr><td colspan="{len(head)}">Registry: all other sites together.</td></tr></tfoot>'
    inside = f"<thead><tr>{names}</tr></thead>\n<tbody>\n{body}\n</tbody>\n{note}"
    return f'```{{=html}}\n<table class="tieout">\n{inside}\n</table>\n```'


def sample() -> str:
    rows = [
        [label, "16/17", "94.1% (73.0 to 99.0)", "455/461 (98.7%)", f'<span class="status {code}">{words}</span>']
        for label, (code, (_, words)) in zip(LABELS, STATUS.items(), strict=True)
    ]
    long = [[f"Row{i:02d}", str(i), "4 June 2021"] for i in range(60)]
    return BODY.format(summary=table(HEAD, rows), long=table(("Site", "So far", "Last patient"), long))


def front(site: str | None) -> str:
    line = f'site: "{site}"' if site else "# no site"
    return FRONT.format(title=TITLE, period=PERIOD, stamp=STAMP, notice=NOTICE, site=line)


def project(folder: Path) -> Path:
    from matplotlib.figure import Figure

    (folder / "figures").mkdir(parents=True)
    for name, width in {"half": 86, "full": 178}.items():
        (folder / "figures" / f"{name}.svg").write_text(SVG.format(width))
        Figure(figsize=(width / 25.4, 60 / 25.4)).savefig(folder / "figures" / f"{name}.png", dpi=60)
    render.project(folder)
    return folder


Write = Callable[..., dict[str, Path]]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Write:
    """Return a function that renders a text in a project with pictures."""
    folder = project(tmp_path_factory.mktemp("report") / "project")
    count = iter(range(1000))

    def write(text: str, *formats: str) -> dict[str, Path]:
        name = f"report{next(count)}"
        (folder / f"{name}.qmd").write_text(text, encoding="utf-8")
        out = folder.parent / "out"
        return render.render(folder, name, formats or render.FORMATS, out, "embedded", created=CREATED)

    return write


@pytest.fixture(scope="module")
def outputs(written) -> dict[str, Path]:
    return written(front(NAMES["short"]) + sample())


@pytest.fixture(scope="module")
def pages(outputs) -> list:
    return list(pymupdf.open(outputs["pdf"]))


def squeezed(text: str) -> str:
    return re.sub(r"\s|\u00ad", "", text)


def text_of(path: Path) -> str:
    if path.suffix == ".pdf":
        return "\n".join(page.get_text() for page in pymupdf.open(path))
    if path.suffix == ".html":
        return html.fromstring(path.read_text(encoding="utf-8")).find("body").text_content()
    word = docx.Document(path)
    return "\n".join("".join(t.text or "" for t in p.iter(docx.oxml.ns.qn("w:t"))) for p in word.element.body.iter(
        docx.oxml.ns.qn("w:p")
    ))  # fmt: skip


def line_with(page, words: str) -> tuple[float, float]:
    """Return left edge and top of where words stand on a page."""
    (found,) = page.search_for(words)
    return found.x0, found.y0


@pytest.mark.parametrize("name", render.FORMATS)
def test_every_format_says_whose_report_it_is_and_of_what(outputs, name):
    words = squeezed(text_of(outputs[name]))
    for part in (
        TITLE, "Hospital A", PERIOD, "Patients included17", "Data cut-off30 June 2021", "Contactregistry@example.org",
        NOTICE, STAMP,
    ):  # fmt: skip
        assert squeezed(part) in words


def test_the_pdf_has_the_cover_alone_on_its_first_page(pages):
    cover, *rest = (page.get_text() for page in pages)
    assert all(part in cover for part in (TITLE, "Hospital A", PERIOD, "30 June 2021", NOTICE, STAMP))
    assert "Summary" not in cover and rest[0].split("\n", 1)[1].startswith("Summary")
    sizes = {
        s["text"]: s["size"]
        for b in pages[0].get_text("dict")["blocks"]
        for ln in b.get("lines", ())
        for s in ln["spans"]
    }
    assert max(sizes, key=sizes.__getitem__) == "Hospital A"


def test_without_a_site_the_title_is_the_large_line_of_the_cover(written):
    made = written(front(None) + "# One {#sec-one}\n\nText.\n")
    cover = pymupdf.open(made["pdf"])[0].get_text()
    assert squeezed(cover).count(squeezed(TITLE)) == 1
    assert html.parse(str(made["html"])).findtext(".//h1[@class='title']") == TITLE
    assert text_of(made["docx"]).count(TITLE) == 1


def test_titles_hold_site_and_period(outputs):
    assert pymupdf.open(outputs["pdf"]).metadata["title"] == f"Hospital A · {PERIOD} · {TITLE}"
    assert html.parse(str(outputs["html"])).findtext(".//title") == f"Hospital A · {PERIOD} · {TITLE}"


def test_the_pdf_is_tagged_with_language_sections_and_the_alternative_texts(outputs):
    pdf = pymupdf.open(outputs["pdf"])
    assert "/Marked true" in pdf.xref_get_key(pdf.pdf_catalog(), "MarkInfo")[1]
    assert pdf.xref_get_key(pdf.pdf_catalog(), "Lang") == ("string", "en-GB")
    assert [title for _, title, _ in pdf.get_toc()] == ["1 Summary", "2 Everyone"]
    tags = "".join(pdf.xref_object(i) for i in range(1, pdf.xref_length()))
    for alt in ("Funnel of the scores", "Funnel of the outcomes", "Run of the times"):
        assert f"/Alt ({alt})" in tags
    assert tags.count("/S /TR") > 60 and "/S /Figure" in tags


def test_every_page_after_the_cover_has_its_number_of_all_and_the_running_head(pages):
    assert len(pages) > 3
    for number, page in enumerate(pages[1:], 2):
        assert f"{number} of {len(pages)}" in page.get_text()
        assert page.get_text().startswith(f"Rescue stenting · Hospital A · {PERIOD}\n")
    assert not re.search(r"\d of \d", pages[0].get_text())


def test_every_page_carries_the_synthetic_stamp_at_its_foot(pages):
    for page in pages:
        assert max(found.y0 for found in page.search_for(STAMP)) > page.rect.height - 75


@pytest.mark.parametrize("name", NAMES)
def test_a_site_name_is_whole_and_inside_the_sheet_in_every_format(written, name):
    made = written(front(NAMES[name]) + "# One {#sec-one}\n\nText.\n")
    assert squeezed(NAMES[name]) in squeezed(text_of(made["html"]))
    assert squeezed(NAMES[name]) in squeezed(text_of(made["docx"]))
    cover, body = pymupdf.open(made["pdf"])
    whole = squeezed(NAMES[name].replace("🧠", ""))
    for page in (cover, body):
        assert whole in squeezed(page.get_text().replace("🧠", ""))
        for x0, y0, x1, y1, *_ in page.get_text("words"):
            assert 40 < x0 < x1 < page.rect.width - 40
            assert 14 < y0 < y1 < page.rect.height - 14
    assert line_with(body, "One")[1] > max(word[3] for word in body.get_text("words") if word[4] == "2021") + 5
    assert line_with(cover, "Data cut-off")[1] > line_with(cover, PERIOD)[1] + 30


def test_tables_and_figures_stay_where_they_are_written(outputs):
    words = text_of(outputs["pdf"])
    order = (
        "The judgement is", "Table 1.", "Words after the first table", "Figure 1.", "Figure 2.", "Words after the funnels",
        "Figure 3.", "Call the patients", "Everyone", "Table 2.", "Words at the end",
    )  # fmt: skip
    places = [words.index(part, words.index("The judgement is")) for part in order]
    assert places == sorted(places)


def test_a_long_table_breaks_between_rows_under_its_repeated_head(pages):
    rows = [re.findall(r"Row(\d\d)", page.get_text()) for page in pages]
    assert [row for found in rows for row in found] == [f"{i:02d}" for i in range(60)]
    with_rows = [page for page, found in zip(pages, rows, strict=True) if found]
    assert len(with_rows) > 1
    assert all(len(page.search_for("Last patient")) == 1 for page in with_rows)


def test_text_keeps_a_short_line_and_tables_take_the_width_of_the_sheet(pages):
    page = pages[1]
    lines = [
        line["bbox"] for block in page.get_text("dict")["blocks"] for line in block.get("lines", ())
        if 9.9 < line["spans"][0]["size"] < 10.1
    ]  # fmt: skip
    rules = [drawing["rect"].width for drawing in page.get_drawings()]
    assert lines and max(line[2] - line[0] for line in lines) < 360
    assert 500 < max(rules) < 510


def test_two_figures_stand_side_by_side_in_the_pdf(pages):
    (page,) = (page for page in pages if page.search_for("Figure 1. First funnel"))
    (left, top), (right, same) = line_with(page, "Figure 1. First funnel"), line_with(page, "Figure 2. Second funnel")
    assert top == same and right - left > 250


@pytest.mark.parametrize("name", render.FORMATS)
def test_references_to_figures_side_by_side_have_their_numbers(outputs, name):
    words = " ".join(text_of(outputs[name]).split())
    assert "(Table 1; Figure 1 and Figure 2; Table 2 in Section 2)" in words


@pytest.mark.parametrize("code", STATUS)
def test_a_status_has_a_sign_beside_its_words_in_print_and_in_word(outputs, code):
    sign, words = STATUS[code]
    for name in ("pdf", "docx"):
        found = re.search(rf"(\S*)\s*\b{words}", text_of(outputs[name]).replace("\xa0", " "))
        assert found and found[1] == sign


def test_what_calls_for_action_is_also_bold_in_print(pages):
    fonts = {
        span["text"].strip(): span["font"] for block in pages[1].get_text("dict")["blocks"]
        for line in block.get("lines", ()) for span in line["spans"]
    }  # fmt: skip
    assert "Bold" in fonts["Much worse than expected"] and "Bold" in fonts["Target not met"]
    assert "Bold" not in fonts["As expected"]


def test_figures_on_the_cover_keep_their_keys(outputs):
    assert '<span class="stat" data-key="site.n">17</span>' in outputs["html"].read_text(encoding="utf-8")
    assert 'w:val="site.n"' in docx.Document(outputs["docx"]).tables[0]._tbl.xml


def test_the_word_file_begins_with_title_period_site_and_pairs(outputs):
    word = docx.Document(outputs["docx"])
    assert [p.text for p in word.paragraphs if p.style.name == "Title"] == [TITLE, "Hospital A"]
    assert [p.text for p in word.paragraphs if p.style.name == "Subtitle"] == [PERIOD]
    assert [[text(cell._tc) for cell in row.cells] for row in word.tables[0].rows] == [
        ["Patients included", "17"], ["Data cut-off", "30 June 2021"], ["Contact", "registry@example.org"]
    ]  # fmt: skip
    assert len(word.inline_shapes) == 3


def test_two_runs_give_the_same_bytes(written, outputs):
    folder = outputs["pdf"].parent.parent / "project"
    name, out = outputs["pdf"].stem, folder.parent / "again"
    again = render.render(folder, name, render.FORMATS, out, "embedded", created=CREATED)
    assert {n: p.read_bytes() for n, p in again.items()} == {n: p.read_bytes() for n, p in outputs.items()}


ARTICLE = """\
---
title: An article
subtitle: In two columns
author: [{name: A. Author}]
abstract: Words of the abstract.
---
""" + "".join(f"# Section {i} {{#sec-{i}}}\n\n{'Words of the article. ' * 90}\n\n" for i in range(4))


@pytest.mark.parametrize("layout", ["", "layout: article\n"])
def test_an_article_stays_an_article(written, layout):
    made = written(ARTICLE.replace("---\n", f"---\n{layout}", 1))
    first = pymupdf.open(made["pdf"])[0]
    halves = {word[0] < first.rect.width / 2 for word in first.get_text("words") if word[4] == "article."}
    assert halves == {True, False}
    assert first.get_text().startswith("An article\nA. Author") and "Words of the abstract" in first.get_text()
    assert " of 2" not in first.get_text() and "In two columns" not in first.get_text()
    page = html.parse(str(made["html"]))
    assert page.findtext(".//title") == page.findtext(".//h1[@class='title']") == "An article"
    assert page.find(".//section[@class='abstract']") is not None and page.find(".//dl") is None
    assert docx.Document(made["docx"]).tables == []


def test_an_article_carries_nothing_of_the_reports_look(written):
    page = html.parse(str(written(ARTICLE, "html")["html"]))
    assert len(page.findall(".//style")) == 1
    assert "report" not in html.tostring(page, encoding="unicode")


def test_figures_side_by_side_stay_floats_in_an_article(written):
    panel = sample().split("::: {layout-ncol=2}")[1].split("\n:::")[0]
    text = f"---\ntitle: Two\n---\n\nSee @fig-a, @fig-b.\n\n::: {{layout-ncol=2}}{panel}\n:::\n"
    (page,) = pymupdf.open(written(text, "pdf")["pdf"])
    assert "See Figure 1, Figure 2." in page.get_text().replace("\xa0", " ")
    assert line_with(page, "Figure 1. First funnel")[1] != line_with(page, "Figure 2. Second funnel")[1]


def test_a_layout_that_is_not_known_is_refused(written):
    with pytest.raises(TieoutError, match="reprot"):
        written("---\nlayout: reprot\n---\nText.\n", "pdf")


# Quarto: what its templates and filters get, where it is not installed itself.

QUARTO = """
#set page(paper: "a4", margin: (x: 1.25in, y: 1.25in), numbering: "1", columns: 1)
#import "journal.typ": journal, callout
#import "report.typ": quiet, report, status
#let layouts = (article: journal, report: report)
#show: layouts.at("report").with(title: [Title], subtitle: [Period], site: [Place], lang: "en", region: "GB",
  authors: (), cover: ((label: [Label], value: [Value]),), notice: [Notice], running-head: [Head],)
= One <sec-one>
See #ref(<tbl-x>, supplement: [Table]), #ref(<fig-x>, supplement: [Figure]) and #ref(<fig-y>, supplement: [Figure]).
#figure([
#table(columns: 2, align: (auto, auto), table.header([H], [I],), table.hline(), [a], [#status("worse", [Bad])])
], caption: figure.caption(position: top, [Cap.]), kind: "quarto-float-tbl", supplement: "Table", )<tbl-x>

#grid(
columns: (50%, 50%), gutter: 1em, rows: 1,
  rect(stroke: none, width: 100%)[
#figure([#box(image("figures/half.svg", alt: "x"))], caption: figure.caption(position: bottom, [Fig.]),
  kind: "quarto-float-fig", supplement: "Figure", )<fig-x>

],
  rect(stroke: none, width: 100%)[
#figure([#box(image("figures/half.svg", alt: "y"))], caption: figure.caption(position: bottom, [Gif.]),
  kind: "quarto-float-fig", supplement: "Figure", )<fig-y>

],
)
#callout(body: [Body], title: [Note], background_color: rgb("#dae6fb"), icon_color: rgb("#0758E5"), icon: none)
"""


def test_the_look_takes_a_report_as_quarto_emits_it(tmp_path):
    import typst

    folder = project(tmp_path / "project")
    data = typst.Compiler(root=folder, font_paths=embedded.fonts_for(False)).compile(input=QUARTO.encode())
    cover, page = pymupdf.open(stream=data)
    assert cover.get_text().split() == ["Title", "Place", "Period", "Label", "Value", "Notice"]
    words = " ".join(page.get_text().split())
    assert "See Table 1, Figure 1 and Figure 2." in words and "▼ Bad" in words and "2 of 2" in words
    (left, top), (right, same) = line_with(page, "Figure 1. Fig."), line_with(page, "Figure 2. Gif.")
    assert top == same and 255 < right - left < 275
    assert max(drawing["rect"].x1 for drawing in page.get_drawings()) < page.rect.width - 40


def filtered(text: str, to: str) -> str:
    """Return what pandoc writes when the report's filter alone has seen a document, as under Quarto."""
    command = [pypandoc.get_pandoc_path(), "-f", "markdown", "-t", to, "--standalone", "--wrap=none", "--lua-filter",
               str(resources.templates() / "report.lua")]  # fmt: skip
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout


def test_the_filter_for_quarto_makes_tables_of_reports_alone_scroll_by_keyboard():
    text = '::: {aria-describedby="tbl-x-caption-0ceaefa1"}\nTable\n:::\n'
    page = filtered(front("Hospital A") + text, "html")
    assert f"<title>Hospital A · {PERIOD} · {TITLE}</title>" in page
    box = html.fromstring(page).find(".//div")
    assert dict(box.attrib) == {"role": "region", "tabindex": "0", "aria-labelledby": "tbl-x-caption-0ceaefa1"}
    assert "tabindex" not in filtered(f"---\ntitle: An article\n---\n{text}", "html")


def test_the_filter_for_quarto_gives_a_status_to_typst():
    assert '#status("much-worse", [Bad#strong[ly]])' in filtered("[Bad**ly**]{.status .much-worse}\n", "typst")


def test_the_project_for_quarto_names_only_files_that_go_along():
    from ruamel.yaml import YAML

    from tieout.render import quarto

    formats = YAML(typ="safe").load(quarto.PROJECT)["format"]
    filters = [f if isinstance(f, str) else f["path"] for each in formats.values() for f in each["filters"]]
    assert filters.count("report.lua") == 3
    assert {"report.typ", "report.css", *filters} - {"quarto"} <= set(render.COMPANIONS)


# A browser


@pytest.fixture
def opened(browser):
    contexts = []

    def at(path: Path, width: int, scheme: str = "light"):
        contexts.append(browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme))
        page = contexts[-1].new_page()
        page.goto(path.as_uri())
        return page

    yield at
    for context in contexts:
        context.close()


@pytest.mark.parametrize("width", [360, 768, 1440])
@pytest.mark.parametrize("name", NAMES)
def test_the_page_never_scrolls_sideways(written, opened, width, name):
    page = opened(written(front(NAMES[name]) + sample(), "html")["html"], width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    heading = page.locator("h1.title").bounding_box()
    assert heading["x"] >= 0 and heading["x"] + heading["width"] <= width
    assert page.evaluate("(h => h.scrollWidth <= h.clientWidth)(document.querySelector('h1.title'))")


def test_a_wide_table_scrolls_in_its_own_box_by_keyboard_under_its_caption(outputs, opened):
    page = opened(outputs["html"], 360)
    box = page.get_by_role("region", name="Table 1. Indicators of the hospital")
    assert box.evaluate("b => b.scrollWidth > b.clientWidth")
    box.focus()
    assert box.evaluate("b => b === document.activeElement && getComputedStyle(b).overflowX === 'auto'")
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(300)
    assert box.evaluate("b => b.scrollLeft") > 0


def test_figures_stand_side_by_side_on_a_wide_screen_and_in_one_column_on_a_phone(outputs, opened):
    for width, beside in ((360, False), (768, True), (1440, True)):
        page = opened(outputs["html"], width)
        first, second = (page.locator(f"#fig-{name} img").bounding_box() for name in "ab")
        assert (first["y"] == second["y"]) == beside
        assert (first["x"] == second["x"]) != beside


def test_each_status_has_its_sign_on_the_page_and_the_sign_is_not_read_aloud(outputs, opened):
    page = opened(outputs["html"], 1440)
    for code, (sign, words) in STATUS.items():
        cell = page.locator(f"td .status.{code}")
        assert cell.inner_text() == words
        content = cell.evaluate("c => getComputedStyle(c, '::before').content")
        assert content == f'"{sign}" / ""'


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
def test_axe_finds_no_violation(outputs, opened, width, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    found = axe.Axe().run(opened(outputs["html"], width, scheme))
    assert len(found.response["passes"]) > 10
    assert [(v["id"], v["nodes"][0]["html"]) for v in found.response["violations"]] == []
