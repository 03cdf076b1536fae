"""A layout moves tables and figures and changes no word, no figure and no number of them."""

from __future__ import annotations

import itertools
import re
import zipfile
from collections import Counter
from pathlib import Path

import pymupdf
import pytest
from conftest import Small
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from test_render import CREATED, SAMPLE, made_project, words_of

from tieout import arrange, render
from tieout.arrange import arranged, blocks
from tieout.audit import report as reports
from tieout.build import stamped
from tieout.errors import TieoutError

PLACE = Path("manuscript.qmd")
FRONT = "---\ntitle: T\nbibliography: refs.bib\n---\n"
TABLE = "::: {#tbl-a}\n| A |\n|---|\n| 1 |\n\nCaption of the table\n:::"
PIPE = "| B |\n|---|\n| 2 |\n\n: Caption below {#tbl-b}"
FIGURE = '![A caption\nof [5]{.stat key="a.b"} patients.](figures/flow){#fig-a fig-alt="Words"}'
REFERENCES = "# References {.unnumbered}\n\n::: {#refs}\n:::"
APPENDIX = "# Checklist {.unnumbered}\n\nSee @tbl-z.\n\n::: {#tbl-z}\n| Z |\n|---|\n| 3 |\n\nList\n:::"
W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"


def document(*parts: str) -> str:
    return FRONT + "\n" + "\n\n".join(parts) + "\n"


def in_order(text: str, *parts: str) -> bool:
    places = [text.index(part) for part in parts]
    return places == sorted(places)


def test_a_submission_has_tables_then_legends_then_figures_after_the_references_and_appendices_last():
    text = document("# One", FIGURE, "Words.", TABLE, "More.", PIPE, "# Funding {.unnumbered}", REFERENCES, APPENDIX)
    made = arranged(text, "submission", PLACE)
    assert in_order(
        made, "# One", "Words.", "More.", "# Funding", "{#refs}", TABLE, PIPE, "# Figure legends", FIGURE, APPENDIX
    )
    assert '**@fig-a.** A caption of [5]{.stat key="a.b"} patients.' in made
    assert made.count(arrange.BREAK) == 1 + len(("tables", "tables", "legends", "figure", "appendices"))


def test_an_article_is_left_as_it_is_but_for_a_mark_round_its_appendices():
    text = document("# One", FIGURE, TABLE, REFERENCES)
    assert arranged(text, "article", PLACE) == text
    made = arranged(document("# One", FIGURE, TABLE, REFERENCES, APPENDIX), "article", PLACE)
    assert made == text + f"\n::: {{.appendices}}\n\n{APPENDIX}\n\n:::\n"


def test_a_document_that_cites_and_has_no_place_for_its_references_gets_one_before_its_tables():
    assert in_order(arranged(document("# One", TABLE, "Words."), "submission", PLACE), "Words.", "{#refs}", TABLE)


def test_legends_come_from_pictures_from_divs_and_from_rows():
    div = "::: {#fig-b}\n![](figures/b)\n\nCaption of the div\n:::"
    row = "::: {layout-ncol=2}\n![First](a){#fig-c}\n\n![Second](b){#fig-d}\n:::"
    made = arranged(document(FIGURE, div, row, REFERENCES), "submission", PLACE)
    assert in_order(made, "**@fig-b.** Caption of the div", "**@fig-c.** First", "**@fig-d.** Second", div, row)


def test_what_stands_in_fenced_code_is_no_table_and_stays_whole():
    code = "```\n::: {#tbl-x}\n\nblank lines\n\n:::\n```"
    assert list(blocks(f"Before\n\n{code}\nAfter")) == ["Before", code, "After"]


def test_a_div_ends_a_block_also_without_a_blank_line():
    assert list(blocks(f"Before\n{TABLE}\nAfter")) == ["Before", TABLE, "After"]


@pytest.mark.parametrize("around", ["::: {.callout-note}\n{}\n:::", "- A list\n\n  {}"])
def test_a_table_that_cannot_move_without_a_new_number_is_refused_by_name(around):
    inside = around.replace("{}", "![C](c){#fig-inside}")
    with pytest.raises(TieoutError, match="'#fig-inside' stands inside a list, a box") as refused:
        arranged(document(FIGURE, inside, REFERENCES), "submission", PLACE)
    assert "--layout article" in refused.value.hint


def test_an_unknown_layout_is_refused_with_the_nearest():
    with pytest.raises(TieoutError, match="did you mean 'submission'"):
        arrange.chosen("submision")


PARTS = st.sampled_from(("table", "pipe", "figure", "words", "row", "code"))


@given(st.lists(PARTS, max_size=12), st.booleans())
def test_whatever_the_order_every_block_is_there_once_and_numbers_stay(kinds, appendix):
    made = {
        "table": TABLE.replace("tbl-a", "tbl-{}"),
        "pipe": PIPE.replace("tbl-b", "tbl-{}"),
        "figure": FIGURE.replace("fig-a", "fig-{}"),
        "row": "::: {layout-ncol=2}\n![First](a){#fig-{}}\n:::",
        "words": "Words {}.",
        "code": "```\n::: {#words-{}}\n\n```",
    }
    parts = [made[kind].replace("{}", str(number)) for number, kind in enumerate(kinds)]
    text = document(*parts, REFERENCES, *([APPENDIX] if appendix else []))
    for layout in arrange.LAYOUTS:
        out = arranged(text, layout, PLACE)
        assert all(out.count(part) == 1 for part in parts)
        assert arrange.anchors(out) == arrange.anchors(text)


# Typeset

NUMBERED = re.compile(r"(?:Table|Figure) \d\. (?!Table|Figure).{20}")


@pytest.fixture(scope="module")
def layouts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Path]]:
    """Return the outputs of the sample in each layout."""
    folder = made_project(tmp_path_factory.mktemp("layouts") / "manuscript")
    text = (SAMPLE / "manuscript.qmd").read_text(encoding="utf-8")
    made = {}
    for layout in arrange.LAYOUTS:
        stamps = {"arranged": layout, "counts": "Words: text 7."} if layout == "submission" else {}
        (folder / f"{layout}.qmd").write_text(stamped(arranged(text, layout, PLACE), stamps), encoding="utf-8")
        made[layout] = render.render(folder, layout, out=folder.parent, engine="embedded", created=CREATED)
    return made


@pytest.mark.parametrize("kind", render.FORMATS)
def test_both_layouts_give_tables_and_figures_the_same_numbers_in_every_format(layouts, kind):
    article, submission = (set(NUMBERED.findall(words_of(layouts[layout][kind]))) for layout in arrange.LAYOUTS)
    assert len(article) >= 5 and article <= submission


@pytest.mark.parametrize("kind", render.FORMATS)
def test_both_layouts_quote_the_same_figures(layouts, kind):
    figure = re.compile(r"\d+(?:\.\d+)?%")
    article, submission = (Counter(figure.findall(words_of(layouts[layout][kind]))) for layout in arrange.LAYOUTS)
    assert set(article) == set(submission) and article <= submission


def test_the_pdf_has_a_title_page_an_abstract_page_and_a_page_for_each_table_and_figure(layouts):
    pages = [page.get_text() for page in pymupdf.open(layouts["submission"]["pdf"])]
    assert "Words: text 7." in pages[0] and "Running head" in pages[0] and "Abstract\n" in pages[1]
    for page in pages:
        captions = re.findall(r"^(?:Table|Figure) \d\. (?!continued)", page.replace("\xa0", " "), re.MULTILINE)
        assert len(captions) <= 1 or "Figure legends" in page


def test_lines_of_the_text_are_24_points_apart_and_numbered_outside_the_tags(layouts):
    page = pymupdf.open(layouts["submission"]["pdf"])[3]
    lines = [line for block in page.get_text("dict")["blocks"] for line in block.get("lines", ())]
    text = sorted({round(line["spans"][0]["origin"][1], 1) for line in lines if line["spans"][0]["size"] == 12})
    steps = Counter(round(after - before, 1) for before, after in itertools.pairwise(text))
    assert steps.most_common(1)[0][0] == 24.0
    numbers = [int(line["spans"][0]["text"]) for line in lines if line["spans"][0]["size"] == 7.5]
    assert len(numbers) > 15 and numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    read = "\n".join(passage.text for passage in reports.read(layouts["submission"]["pdf"]).passages)
    assert not re.search(rf"\b{numbers[5]}\s+{numbers[6]}\b", read)


def test_a_wide_table_lies_on_its_side_and_a_narrow_one_stands(tmp_path):
    folder = made_project(tmp_path / "manuscript")
    row = lambda tag, words: "<tr>" + f"<{tag}>{words}</{tag}>" * 14 + "</tr>"  # noqa: E731
    table = f"<table><thead>{row('th', 'Heading')}</thead><tbody>{row('td', '12 (34.5 to 56.7)')}</tbody></table>"
    wide = f"::: {{#tbl-wide}}\n```{{=html}}\n{table}\n```\n\nWide\n:::"
    text = f"---\ntitle: T\n---\n\nWords.\n\n{TABLE}\n\n{wide}\n"
    (folder / "m.qmd").write_text(
        stamped(arranged(text, "submission", PLACE), {"arranged": "submission"}), encoding="utf-8"
    )
    pdf = pymupdf.open(render.render(folder, "m", ("pdf",), tmp_path, "embedded", created=CREATED)["pdf"])
    lies = {
        ("Wide" in page.get_text()): page.rect.width > page.rect.height for page in pdf if "Table" in page.get_text()
    }
    assert lies == {True: True, False: False}


def test_the_word_file_is_double_spaced_with_numbered_lines(layouts):
    with zipfile.ZipFile(layouts["submission"]["docx"]) as archive:
        body, styles = (etree.fromstring(archive.read(f"word/{name}.xml")) for name in ("document", "styles"))
    assert [each.get(f"{W}restart") for each in body.iter(f"{W}lnNumType")] == ["continuous"]
    spacing = {
        style.get(f"{W}styleId"): style.find(f"{W}pPr/{W}spacing").get(f"{W}line")
        for style in styles.iter(f"{W}style")
        if style.find(f"{W}pPr/{W}spacing") is not None
    }
    assert spacing["BodyText"] == spacing["Abstract"] == spacing["Bibliography"] == "480"
    assert spacing["TableText"] is None
    assert "Words: text 7." in words_of(layouts["submission"]["docx"])


def test_quarto_gets_the_same_word_file(tmp_path):
    tmp_path.joinpath("plain").mkdir()
    render.project(tmp_path / "plain", "submission")
    assert "reference-doc: submission.docx" in (tmp_path / "plain" / "_quarto.yml").read_text()
    assert (tmp_path / "plain" / "submission.docx").is_file()


# Built


@pytest.mark.parametrize("declared", ["", "layout: submission\n"])
def test_the_layout_is_the_studys_unless_the_build_names_another(small: Small, declared):
    small.change("study.yaml", "name:", f"{declared}name:")
    plain = small.build("html").document.text
    asked = small.build("html", layout="submission").document.text
    assert (arrange.BREAK in plain) == bool(declared)
    assert arrange.BREAK in asked
    assert arrange.BREAK not in small.build("html", layout="article").document.text


def test_a_submission_audits_clean_by_itself_and_gives_the_same_bytes_again(small: Small):
    made = small.build("pdf", "docx", layout="submission").outputs
    before = {kind: path.read_bytes() for kind, path in made.items()}
    assert reports.audit(made["pdf"]).exit_code == 0
    again = small.build("pdf", "docx", layout="submission").outputs
    assert {kind: path.read_bytes() for kind, path in again.items()} == before
