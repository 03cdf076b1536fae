"""What comes from outside may be made to do harm: each test makes the attack, and nothing is read, run, fetched or blown up."""

from __future__ import annotations

import contextlib
import csv
import json
import math
import shutil
import subprocess
import sys
import threading
import time
import zipfile
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from conftest import STUDY, TEMPLATE, word_text
from lxml import html
from test_weave import woven

from tieout import render, study
from tieout.errors import Errors, TieoutError

ALIASES = "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10) if i else '1'}]\n" for i in range(12))
DEEP = "[" * 1000 + "]" * 1000


def one_paragraph(error: BaseException) -> str:
    """Return what an error says, which must be short, name a place, and be no traceback."""
    told = str(error.errors[0] if isinstance(error, Errors) else error)
    assert len(told) < 1500 and "Traceback" not in told and error.place
    return told


def refusal(tmp_path: Path, text: str) -> str:
    """Return what is said of a template that must be refused."""
    with pytest.raises(TieoutError) as refused:
        woven(tmp_path, text)
    return one_paragraph(refused.value)


# Templates


@pytest.mark.parametrize(
    "text",
    [
        "[[ cycler.__init__.__globals__ ]]", "[[ lipsum.__globals__ ]]", "[[ namespace() ]]", "[[ joiner ]]", "[[ self ]]",
        "[[ range(10**9) ]]", "[[ '' | attr('__class__') ]]", "[[ '{0.__class__}'.format(outcome) ]]", "[[ tables.one.join ]]",
        "[[ tables.one.format(1) ]]", "[[ tables['one']['format'] ]]", "[[ ('x').center(9) ]]", "[[ condition.old.real ]]",
        "[[ outcome.success._results ]]", "[% include '/etc/passwd' %]", "[% import '/etc/passwd' as x %]",
        "[% extends '/etc/passwd' %]", "[% macro a() %][[ a() ]][% endmacro %][[ a() ]]", "[[ __claim('matters', 1) ]]",
        "[[ outcome.success.pct() ]]", "[[ caller() ]]", "[[ 'x' is callable ]]", "[[ 4 is divisibleby(0) ]]",
    ],
)  # fmt: skip
def test_a_template_cannot_leave_its_language(tmp_path, text):
    assert "m.qmd" in refusal(tmp_path, text)


@pytest.mark.parametrize(
    "text",
    [
        "[[ 9**9**9**9 ]]", "[[ 'x' * 10**10 ]]", "[[ '%1000000000d' % 1 ]]", "[[ 1/0 ]]", "[[ 'x' ~ 'x' ]]", "[[ 'x' + 1 ]]",
        "[% for x in outcome.success.pct %]a[% endfor %]", "[% for a in 'xxxxxxxxxx' %]" * 9 + "[% endfor %]" * 9,
        "[% set a %]xx[% endset %]" + "[% set a %][[ a ]][[ a ]][% endset %]" * 40,
        "[% with a = [1, 2] %]" + "[% with a = [a, a] %]" * 40 + "[[ a ]]" + "[% endwith %]" * 41,
        "[[ " + "(" * 500 + "1" + ")" * 500 + " ]]", "[[ " + "not " * 3000 + "1 ]]", "[[ " + "9" * 5000 + " ]]",
        "[% if 1 in outcome.success.pct %]x[% endif %]",
    ],
    ids=range(14),
)  # fmt: skip
def test_a_template_cannot_run_for_ever_or_grow_beyond_measure(tmp_path, text):
    assert "m.qmd" in refusal(tmp_path, text)


@pytest.mark.parametrize(
    "rule",
    [
        "9**9**9**9 > 1", "'x' * 10**10 == ''", "1/0 > 1", "().__class__.__mro__", "outcome.success.pct.__class__",
        "'a'.join(['x']) == 'x'", "outcome.success.pct() > 1", "'x' | attr('__class__')", "not " * 3000 + "true",
        "1 in outcome.success.pct", "x ]] [[ 1", "outcome.success.pct > 9" + "9" * 5000,
    ],
    ids=range(12),
)  # fmt: skip
def test_a_condition_cannot_run_code_or_explode(tmp_path, rule):
    with pytest.raises(TieoutError) as refused:
        woven(tmp_path, "x", conditions={"old": rule})
    assert "conditions › old" in one_paragraph(refused.value)


@pytest.mark.parametrize(
    "rule",
    [
        "__import__('os').system('true') == 0", "age.__class__ == 1", "(lambda: 1)() == 1", "[x for x in (1,)] == 1",
        "age == 9**9**9", "age + 1 > 2", "f'{age}' == 'x'", "age > 1" + " and age > 1" * 1000, "(" * 900 + "age > 1" + ")" * 900,
        "age := 1", "age > " + "9" * 1500, "days(age, age) > 1", "known(open('/etc/passwd'))",
    ],
    ids=range(13),
)  # fmt: skip
def test_a_rule_over_the_data_cannot_run_code_or_explode(small, rule):
    small.write("study.yaml", STUDY + f"checks: {{bad: {{expect: \"{rule}\", label: Bad}}}}\n")
    with pytest.raises(TieoutError) as refused:
        study.read(small.study)
    assert "checks › bad" in one_paragraph(refused.value)


# YAML


def front(line: str) -> str:
    return TEMPLATE.replace("---\n", f"---\n{line}\n", 1)


@pytest.mark.parametrize("name", ["study.yaml", "m.qmd", "j.yaml"])
@pytest.mark.parametrize(
    "text",
    [
        ALIASES, "x: &x [*x]\n", f"x: {DEEP}\n", f"x: {'{a: ' * 3000}1{'}' * 3000}\n", "x: !!python/object/apply:os.system [a]\n",
        "x: !!python/name:os.system\n", "x: !!float y\n", "x: !!timestamp y\n", f"x: {'9' * 20_000}\n", "x: *nothing\n",
    ],
    ids=["aliases", "itself", "deep", "deep map", "call", "name", "float", "moment", "number", "dangling"],
)  # fmt: skip
def test_yaml_cannot_explode_or_make_objects(small, name, text):
    whole = {"study.yaml": STUDY + text, "m.qmd": front(text), "j.yaml": text}
    small.write(name, whole[name])
    if name == "j.yaml":
        small.change("study.yaml", "title:", "journal: j.yaml\ntitle:")
    with pytest.raises(TieoutError) as refused:
        small.build("html")
    assert name in one_paragraph(refused.value)


def test_aliases_that_merely_repeat_a_list_of_levels_are_read(small):
    small.change("study.yaml", "range: [18, 110], missing: {-99: unknown}", "range: [18, 110], missing: &gone {-99: unknown}")
    small.change("study.yaml", "2: Female}, missing: {-99: unknown}", "2: Female}, missing: *gone")
    assert study.read(small.study).variables["sex"].missing == {"-99": "unknown"}


def test_a_study_file_that_is_too_large_is_not_read(small):
    with pytest.raises(TieoutError, match="more than 5,000,000 bytes"):
        study.read(small.write("study.yaml", STUDY.replace("A small study", "A" * 5_000_000)).study)


# Documents


PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8cfc0000003010100c9fe92ef0000000049454e"
    "44ae426082"
)
SECRET = "Zx9-outside-Qw7"


@pytest.fixture
def refused(tmp_path):
    """Return a function that says why a document is refused that has this text, and this line in its front matter."""

    def why(body: str = "text", line: str = "", *formats: str) -> str:
        with pytest.raises(TieoutError) as error:
            typeset(tmp_path, body, line, *formats)
        assert not list(tmp_path.glob("out/*"))
        return one_paragraph(error.value)

    return why


def typeset(folder: Path, body: str, line: str = "", *formats: str) -> dict[str, Path]:
    (folder / "m.qmd").write_text(f"---\ntitle: T\n{line}\n---\n\n{body}\n", encoding="utf-8")
    render.project(folder)
    return render.render(folder, "m", formats or ("html",), folder / "out", "embedded", created=datetime(2024, 1, 1, 12, tzinfo=UTC))


@pytest.mark.parametrize(
    "body",
    [
        '[Click]{onclick="alert(1)"}', '# Title {onmouseover="alert(1)"}', '::: {ONLOAD="alert(1)"}\nText\n:::', '`x`{onclick="a()"}',
        '[x]{style="background:url(http://127.0.0.1:9/x)"}', '[x]{style="background:u\\72l(//h.example)"}', '[x]{srcdoc="<b>"}',
        "[x](javascript:alert(1))", "[x](JaVaScRiPt&colon;alert(1))", "<javascript:alert(1)>", "[x](vbscript:x)", "[x](file:///etc/passwd)",
        "[x](data:text/html,<script>alert(1)</script>)", "[x][r]\n\n[r]: javascript:alert(1)", "[x](ms-word:ofe|u|http://h.example)",
        "```{=html}\n<table onclick='alert(1)'><tr><td>1</td></tr></table>\n```",
        "```{=html}\n<table><tr><td><a href='javascript:alert(1)'>1</a></td></tr></table>\n```",
        "```{=openxml}\n<w:p/>\n```", "`<b>`{=html}", "\\input{/etc/passwd}", "<form action='http://h.example'>\n</form>",
        "<script>\nx\n</script>",
        "text\n\n---\nheader-includes: |\n  `<script>alert(1)</script>`{=html}\n---\n\ntext",
        'text\n\n---\nlang: \'x" onload="y\'\n---\n\ntext',
    ],
)  # fmt: skip
def test_a_document_cannot_have_a_page_run_open_or_fetch_anything(refused, body):
    assert "m.qmd:" in refused(body)


@pytest.mark.parametrize(
    "body",
    [
        '[x]{typst:text:fill="panic(1)"}', '::: {typst:inset="panic(1)"}\nx\n:::', '```{=typst}\n#read("/etc/passwd")\n```',
        '`#panic(1)`{=typst}', '![C](x.png){#fig-a width="panic(1)" fig-alt="a"}',
        'A ![c](x.png){height="1in, x: panic(1)" fig-alt="a"}',
        "<div id='tbl-a> #panic(1) <x'>\n\n|a|\n|-|\n|1|\n\nCaption\n</div>",
    ],
)  # fmt: skip
def test_a_document_cannot_write_typst(refused, tmp_path, body):
    (tmp_path / "x.png").write_bytes(PICTURE)
    assert "panicked" not in refused(body, "", "pdf")


@pytest.mark.parametrize("name", ["lang", "region", "dir", "layout"])
def test_a_setting_of_the_front_matter_cannot_be_code(refused, name):
    assert "is no word" in refused("text", f"{name}: '`\", x: panic(1), y: \"`'", "pdf")


def test_keywords_cannot_make_the_page_go_elsewhere(tmp_path):
    page = typeset(tmp_path, "text", 'keywords:\n- |\n  0;url=http://h.example\\" http-equiv=\\"refresh').get("html").read_text()
    assert [sorted(each.attrib) for each in html.document_fromstring(page).xpath("//meta[@name='keywords']")] == [["content", "name"]]


def test_typst_itself_reads_nothing_outside_the_folder_of_the_document(refused, tmp_path, monkeypatch):
    monkeypatch.setattr("tieout.render.tree.unprintable", lambda document, tree: ())
    (tmp_path.parent / "secret.txt").write_text(SECRET)
    for path in (tmp_path.parent / "secret.txt", "../secret.txt", "/../secret.txt", "../../../../../../../etc/passwd", "/etc/passwd"):
        assert "Typst cannot set this" in refused(f'```{{=typst}}\n#read("{path}")\n```', "", "pdf")


def test_pandoc_reads_no_file_but_those_it_is_given(tmp_path):
    from tieout.audit.read import pandoc as read
    from tieout.render import document, tree

    (tmp_path / "secret.txt").write_text(SECRET)
    (tmp_path / "secret.bib").write_text(f"@book{{a, title = {{{SECRET}}}}}")
    here = document.Document(tmp_path, "m", "")
    includes = {
        "rst": f".. include:: {tmp_path}/secret.txt\n", "latex": f"\\input{{{tmp_path}/secret.txt}}\n",
        "html": f'<iframe src="{tmp_path}/secret.txt"></iframe>', "org": f'#+INCLUDE: "{tmp_path}/secret.txt"\n',
    }  # fmt: skip
    for reader, text in includes.items():
        for run in (
            lambda reader=reader, text=text: tree.pandoc(["-f", reader, "-t", "plain"], text.encode(), here).decode(),
            lambda reader=reader, text=text: str(read(text.encode(), reader, "m")),
        ):
            try:
                assert SECRET not in run()
            except TieoutError as error:
                assert SECRET not in one_paragraph(error)


@pytest.fixture
def server():
    """A server on this machine that keeps what it is asked for."""

    class Listener(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.server.asked.append(self.path)
            self.send_error(404)

        do_HEAD = do_POST = do_CONNECT = do_GET

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Listener) as found:
        found.asked, found.url = [], f"http://127.0.0.1:{found.server_port}"
        threading.Thread(target=found.serve_forever, args=(0.01,), daemon=True).start()
        yield found
        found.shutdown()


RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
STYLE = """<?xml version="1.0"?><style xmlns="http://purl.org/net/xbiblio/csl" version="1.0"><info><title>x</title><id>x</id>
<link href="{}/parent.csl" rel="independent-parent"/><updated>2014-05-15T02:20:32+00:00</updated></info></style>"""
DRAWING = """<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="{0}/a.png" width="9" height="9"/>
<style>@import url({0}/a.css);</style><script href="{0}/a.js"/></svg>"""


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("@a", "bibliography: r.bib\ncitation-abbreviations: {}/a.json"), ("@a", "bibliography: '{}/r.bib'"),
        ("@a", "bibliography: r.bib\ncsl: s.csl"), ("@a", "bibliography: r.bib\ncsl: '{}/s.csl'"),
        ("@a\n\n---\nbibliography: {0}/r.bib\ncitation-abbreviations: {0}/a.json\n---\n", "bibliography: r.bib\ncsl: own.csl"),
        ("@a\n\n> ---\n> csl: {0}/r.csl\n> ---\n", "bibliography: r.bib"), ('![C]({}/a.png){{#fig-a fig-alt="a"}}', ""),
        ('![C](x.svg){{#fig-a fig-alt="a"}}', ""), ('[x]{{style="background:url({}/a.png)"}}', ""),
        ("```{{=html}}\n<img src='{}/a'>\n```", ""),
        ("```{{=html}}\n<table><tr><td><iframe src='{}/a'></iframe></td></tr></table>\n```", ""), ("text", "css: '{}/a.css'"),
        ("text", "template: '{}/a.html'"), ('```{{=typst}}\n#import "@preview/cetz:0.4.0"\n```', ""),
    ],
    ids=range(14),
)  # fmt: skip
def test_nothing_is_fetched_while_a_document_is_typeset(server, tmp_path, body, line):
    from tieout import resources

    shutil.copyfile(resources.citation_style("bmj"), tmp_path / "own.csl")
    (tmp_path / "r.bib").write_text("@book{a, title = {T}, author = {B}, year = 2000}")
    (tmp_path / "s.csl").write_text(STYLE.format(server.url))
    (tmp_path / "x.svg").write_text(DRAWING.format(server.url))
    for kind in render.FORMATS if "x.svg" in body else ("html", "pdf"):
        with contextlib.suppress(TieoutError):
            typeset(tmp_path, body.format(server.url), line.format(server.url), kind)
    assert server.asked == []


@pytest.mark.parametrize("ending", ["html", "md", "xml", "docx"])
def test_nothing_is_fetched_while_a_manuscript_is_audited(server, tmp_path, ending):
    from tieout.audit.read import read

    lure = "<p>50 of 75</p><img src='{0}/a.png'/><iframe src='{0}/b'></iframe><object data='{0}/c'></object>"
    article = '<!DOCTYPE article SYSTEM "{0}/a.dtd"><article><body><p>50 of 75</p><graphic href="{0}/a.png"/></body></article>'
    texts = {"html": f"<html><body>{lure}</body></html>", "md": f"50 of 75 ![a]({{0}}/a.png)\n\n{lure}\n", "xml": article}
    path = tmp_path / f"m.{ending}"
    if ending == "docx":
        import docx

        paper = docx.Document()
        paper.add_paragraph("50 of 75")
        for kind in ("attachedTemplate", "image", "oleObject"):
            paper.part.relate_to(f"{server.url}/{kind}", f"{RELATION}/{kind}", is_external=True)
        paper.save(path)
    else:
        path.write_text(texts[ending].format(server.url))
    assert any("50 of 75" in passage.text for passage in read(path).passages)
    assert server.asked == []


def test_front_matter_that_names_files_for_pandoc_reads_none_of_them(small):
    small.write("secret.txt", SECRET).write("secret.lua", "error('run')")
    names = ("template", "lua-filter", "filters", "metadata-files", "include-before-body", "include-in-header", "css", "abbreviations",
             "citation-abbreviations", "reference-doc", "epub-metadata", "syntax-definition", "defaults", "data-dir")  # fmt: skip
    small.write("m.qmd", front("\n".join(f"{name}: [{small.folder}/secret.{'lua' if 'filter' in name else 'txt'}]" for name in names)))
    for path in small.build("html", "docx").outputs.values():
        assert SECRET.encode() not in b"".join(inside(path))


def inside(path: Path) -> list[bytes]:
    """Return the bytes of a file, and of what is packed in it."""
    found = [path.read_bytes()]
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            found += [archive.read(name) for name in archive.namelist()]
    return found


@pytest.mark.parametrize("name", ["x.png", "folder/x.png", "references.bib"])
def test_a_link_in_the_folder_to_a_file_elsewhere_is_not_followed(small, tmp_path_factory, name):
    """Whoever sends a study could otherwise have files of this machine sent back in its outputs."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / Path(name).name).write_bytes(PICTURE + SECRET.encode())
    link = small.folder / Path(name).parts[0]
    link.symlink_to(elsewhere / Path(name).name if "/" not in name else elsewhere, target_is_directory="/" in name)
    body = f'![C]({name}){{#fig-a fig-alt="a"}}' if name.endswith("png") else "text"
    small.write("m.qmd", front(f"bibliography: {name}" if name.endswith("bib") else "subtitle: x") + body)
    with pytest.raises(TieoutError, match="is a link to a file outside the document's folder"):
        small.build("html")
    assert not list(small.folder.glob("build/*"))


def test_data_to_which_a_document_links_do_not_come_into_its_project(small):
    small.write("m.qmd", TEMPLATE + "\nSee [the data](data.csv).\n").build("html")
    assert not list((small.folder / "build").rglob("data.csv"))


# Pages


MARKUP = "\"><script>zz()</script><img src=//h.example/x onerror=zz()>'--><svg onload=zz()>{{7*7}}#zz $zz$ \\zz"
WORDS = ("title", "label", "unit", "among", "states", "synthetic", "note", "name")
RUN = "script|iframe|object|embed|form|base|link|img[not(starts-with(@src,'data:'))]|meta[@http-equiv='refresh']"


def infected(node: object, key: str = "") -> object:
    """Return a study with markup in every text that is told."""
    if isinstance(node, dict):
        told = key in ("levels", "missing")
        return {k: infected(v, "label" if told else str(k)) for k, v in node.items()}
    if isinstance(node, list):
        return [infected(each, key) for each in node]
    return f"{node} {MARKUP}" if key in WORDS and isinstance(node, str) else node


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Return pages and documents of a study with markup in every text, of its audit, check and difference."""
    from conftest import DATA, Small

    from tieout import check, diff
    from tieout.audit import page, report
    from tieout.yamls import loaded

    small = Small(tmp_path_factory.mktemp("infected"))
    told = loaded(STUDY.replace("title: A", "synthetic: Not real\ntitle: A"))
    small.write("study.yaml", json.dumps(infected(told), default=str)).write("m.qmd", front('subtitle: "\\\\\\" onload=\\\\\\"zz()"'))
    small.write("data.csv", DATA.replace(",b,", f',"{MARKUP.replace(chr(34), chr(34) * 2)}",'))
    built = small.build("html", "docx", "pdf").outputs
    checked = check.run(small.study, small.folder / "check")
    results = small.folder / "build/results.json"
    found = {"manuscript": built["html"].read_text(), "check": checked.index.read_text(), "of a site": next(
        path.read_text() for path in (small.folder / "check/sites").rglob("*.html") if "zz" in path.read_text())}  # fmt: skip
    found["audit"] = page.page(report.audit(built["html"], None))
    found["difference"] = diff.page(diff.run(str(results), str(small.study), ()))
    return found, built


@pytest.mark.parametrize("name", ["manuscript", "check", "of a site", "audit", "difference"])
def test_markup_in_any_text_of_a_study_stays_text_on_every_page(pages, name):
    text = pages[0][name]
    root = html.document_fromstring(text)
    assert root.xpath("//meta[@http-equiv='Content-Security-Policy']")[0].get("content").startswith("default-src 'none'")
    foreign = [element for element in root.xpath(f"//{RUN.replace('|', '|//')}") if "zz" in html.tostring(element).decode()[:200]]
    assert [element for element in foreign if element.get("type") != "application/json"] == []
    assert not [name for element in root.iter() for name in element.attrib if name.startswith("on")]
    assert not [element for element in root.iter() if "h.example" in str(element.get("src") or element.get("href"))]
    assert "zz()" in root.text_content()
    assert not root.xpath("//img[@onerror] | //svg[@onload]")


def test_markup_in_any_text_of_a_study_stays_text_in_word_and_pdf(pages):
    import docx
    import pymupdf

    paper = docx.Document(pages[1]["docx"])
    with pymupdf.open(pages[1]["pdf"]) as document:
        told = "".join(page.get_text() for page in document)
    for text in (word_text(paper.part), told):
        assert "<script>zz()</script>" in "".join(text.split())


# Spreadsheets


FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
FORMULAS = ("=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1+1", "\r=1+1", "\n=1+1", "=cmd|'/c calc'!A1", "=HYPERLINK(1)")


@pytest.mark.parametrize("formula", FORMULAS, ids=range(len(FORMULAS)))
def test_no_cell_begins_like_a_formula(formula):
    from tieout.spreadsheet import harmless

    assert harmless(formula) == f"'{formula}"
    assert harmless("a=1") == "a=1" and harmless("") == ""


def test_rows_behind_figures_and_lists_begin_with_no_formula(small):
    from tieout import check

    small.change("study.yaml", "label: Sex,", "label: =HYPERLINK(1),").change("study.yaml", "label: Age,", "label: '@SUM(1)',")
    small.change("study.yaml", "1: Male", "1: =1+1")
    small.change("study.yaml", "claims:", "figures: {forest: {kind: forest, of: good}}\nclaims:")
    small.change("m.qmd", "::: {#tbl-model}", '![C](figures/forest){#fig-forest fig-alt="[[ alt.forest ]]"}\n\n::: {#tbl-model}')
    small.change("data.csv", "r-01,a", "=1+1,=2+2").change("data.csv", "61,1,0", "161,1,0")
    check.run(small.study, small.folder / "check")
    small.change("data.csv", "161,1,0", "61,1,0").build("html")
    tables = [*small.folder.glob("check/**/*.csv"), *small.folder.glob("build/**/*.csv")]
    cells = [cell for path in tables for row in csv.reader(path.open(encoding="utf-8-sig", newline="")) for cell in row]
    assert len(tables) > 2 and any("HYPERLINK" in cell for cell in cells)
    assert not [cell for cell in cells if cell.startswith(FORMULA) and not number(cell)]


def number(cell: str) -> bool:
    with contextlib.suppress(ValueError):
        return math.isfinite(float(cell))
    return False


# Results that a manuscript carries


@pytest.mark.parametrize(
    "row",
    [
        {"decimals": 10**9}, {"decimals": -5}, {"kind": "none"}, {"value": 1e308}, {"value": 10**4000}, {"value": "1"},
        {"label": ["x"]},
        {"counted": {"x": 5}}, {"n": {"x": 1}}, {"surplus": 1}, {"key": None},
    ],
    ids=range(11),
)  # fmt: skip
def test_results_that_a_pdf_carries_are_refused_where_they_are_not_as_tieout_writes_them(tmp_path, monkeypatch, row):
    from tieout.audit import carried

    meta = {"journal": "generic", "confidence": "95", "snapshot": "0" * 64, "cut": "2024-01-01", "synthetic": ""}
    right = {"key": "a.b", "value": 1.5, "kind": "median", "label": "x", "decimals": 1}
    (tmp_path / "m.pdf").write_bytes(b"%PDF-1.7")

    def carries(changes: dict[str, object]) -> object:
        body = json.dumps({"meta": meta, "statistics": [right | changes]}).encode()
        monkeypatch.setattr(carried, "in_pdf", lambda path, ending: body)
        return carried.results(tmp_path / "m.pdf")

    assert carries({})
    with pytest.raises(TieoutError, match="were changed"):
        carries(row)


# Time


def test_no_pattern_takes_more_than_the_square_of_a_texts_length():
    command = [sys.executable, str(Path(__file__).with_name("hostile_patterns.py"))]
    told = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout.splitlines()
    assert told[:-1] == []
    assert int(told[-1].split()[0]) > 100


@pytest.mark.parametrize("run", ["1", "1,", "(", "n=1 of ", " ", "- ", "50 of 75 ", "p<0.05; ", "1 to ", "95% CI 1 to 2 ", "[1] "])
def test_the_audit_of_a_text_twice_as_long_takes_no_more_than_four_times_as_long(tmp_path, run):
    from tieout.audit import report

    def seconds(length: int) -> float:
        (tmp_path / "m.txt").write_text(f"Of 75 patients {run * (length // len(run))}")
        start = time.process_time()
        with contextlib.suppress(TieoutError):
            report.audit(tmp_path / "m.txt")
        return time.process_time() - start

    seconds(100)
    assert seconds(40_000) < 4 * seconds(20_000) + 0.5
