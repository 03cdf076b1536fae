"""What changed between two cuts is told whole: no figure too many, none too few, each with the text that quotes it."""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path

import pytest
from conftest import DATA, STUDY, TEMPLATE, Small
from lxml import html

from tieout import diff, snapshots
from tieout.audit.quoted import KeyedSpan, Passage
from tieout.audit.read import read_text
from tieout.diff import redline, sides
from tieout.diff.compare import OLD_ONLY
from tieout.diff.declared import words
from tieout.errors import TieoutError

HOSTILE = "<script>alert(1)</script><b onmouseover=x>\"'&{{7*7}}[[ x ]] [red]bold[/red] \u202etxt"
STAMPED = STUDY.replace("title: A small study", 'title: A small study\nsynthetic: "SYNTHETIC DATA: made by a test"')


@pytest.fixture
def two(tmp_path) -> tuple[Small, Small]:
    """Two folders with the same small study, the second to be changed."""
    made = []
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        made.append(Small(tmp_path / name).write("study.yaml", STUDY).write("data.csv", DATA).write("m.qmd", TEMPLATE))
    return made[0], made[1]


def between(old: Small, new: Small) -> diff.Difference:
    return diff.run(old.study, new.study)


def pieces(difference: diff.Difference, kind: str) -> list[str]:
    return [piece.text for each in difference.laid for piece in each.pieces if piece.kind == kind]


def test_a_thing_and_itself_do_not_differ_whatever_it_is(small):
    built = small.build("pdf", "html", "docx")
    edition, data = built.results.meta["edition"], built.results.meta["snapshot"]
    build = small.folder / "build"
    shutil.copy(build / "manuscript.html", small.folder / "lone.html")
    shutil.copy(build / "manuscript.docx", small.folder / "lone.docx")
    restored = snapshots.restore(snapshots.find(small.folder / "snapshots", edition), small.folder / "restored").parent
    things = [
        edition, data[:12], small.study, small.folder, restored, build, build / "results.json", *built.outputs.values(),
        build / "manuscript" / "manuscript.qmd", small.folder / "lone.html", small.folder / "lone.docx",
        small.folder / "snapshots" / f"{edition}.json",
    ]  # fmt: skip
    for thing in things:
        found = diff.run(thing, thing, (small.folder / "snapshots",))
        assert found.exit_code == 0 and found.figures == () and found.passages == 0, thing
        assert "No difference." in diff.told(found) and "No difference." in diff.page(found)
        assert not diff.as_data(found)["differs"]
    for thing in things:
        found = diff.run(things[0], thing, (small.folder / "snapshots",))
        assert (found.exit_code, found.figures, found.claims, found.definitions) == (0, (), (), ()), thing


CELLS = [
    ("r-01", "mrs", "3"), ("r-07", "age", "40"), ("r-10", "sex", "2"), ("r-12", "mrs", "0"), ("r-03", "mrs", ""),
    ("r-05", "site", "a"),
]  # fmt: skip


@pytest.mark.parametrize(("record", "variable", "value"), CELLS)
def test_changing_one_cell_names_exactly_the_figures_whose_value_changed(two, record, variable, value):
    old, new = two
    rows = list(csv.DictReader(DATA.splitlines()))
    (row,) = [row for row in rows if row["id"] == record]
    row[variable] = value
    new.write("data.csv", "\n".join([DATA.splitlines()[0], *(",".join(row.values()) for row in rows)]) + "\n")
    found = between(old, new)
    before, after = old.results(), new.results()
    both = [(before[s.key], s) for s in after if s.key in before]
    differing = {s.key for was, s in both if was.error != s.error or abs((was.value or 0) - (s.value or 0)) > 1e-8 * abs(s.value or 1)}
    by_state = {state: {c.key for c in found.figures if c.state == state} for state in ("changed", "appeared", "disappeared")}
    assert by_state["changed"] == differing
    assert by_state["appeared"] == set(after.statistics) - set(before.statistics)
    assert by_state["disappeared"] == set(before.statistics) - set(after.statistics)
    lines = found.records["registry"]
    assert (lines.added, lines.removed, lines.changed) == (0, 0, 1) and lines.by_variable == {variable: 1}
    assert lines.named == ((record, "changed", variable),) and found.exit_code == 1


def test_every_changed_figure_that_the_manuscript_quotes_is_told_with_its_sentence_and_marked_on_the_page(two):
    old, new = two
    new.change("data.csv", "61,1,0", "61,1,3")
    found = between(old, new)
    printed = {c.key: c for c in found.quoted if c.printed}
    assert {"outcome.good.n", "outcome.good.pct", "model.good.age.estimate", "table.baseline.sex.1.good.pct"} <= set(printed)
    text, data = " ".join(diff.told(found).split()), {c["key"]: c for c in diff.as_data(found)["figures"]}
    for key, change in printed.items():
        for quote in change.quotes:
            shown = change.old if OLD_ONLY in quote.place else change.new
            assert shown in quote.text and quote.text in [q["text"] for q in data[key]["quotes"]]
        assert " ".join(change.quotes[0].text.split()) in text, key
        assert f"{change.old} → {change.new} {key}" in text
    marked = {span.get("title") for span in html.document_fromstring(diff.page(found)).xpath("//main//span[@class='figure'][@title]")}
    assert {key for key, change in printed.items() if OLD_ONLY not in change.quotes[0].place} == marked
    assert any(q["text"].startswith("Of 12 patients, 5 (45.5%) had a good outcome") for q in data["outcome.good.n"]["quotes"])


def test_figures_come_in_the_order_of_the_document_and_flipped_claims_before_them(two):
    old, new = two
    new.change("data.csv", "61,1,0", "61,1,3").change("study.yaml", "outcome.good.pct > 10", "outcome.good.pct > 50")
    found = between(old, new)
    (flip,) = found.claims
    assert (flip.name, flip.holds, flip.needs) == ("fine", False, "outcome.good.pct > 50")
    assert "54.5%" in flip.old and "45.5%" in flip.new
    text = diff.told(found)
    assert text.index("NO LONGER HOLDS") < text.index("Abstract") < text.index("Table 1") < text.index("Table 2")
    gone = [OLD_ONLY in c.quotes[0].place for c in found.quoted]
    places = [(c.quotes[0].passage, c.quotes[0].start) for c in found.quoted if OLD_ONLY not in c.quotes[0].place]
    assert places == sorted(places) and len(places) > 20 and gone == sorted(gone)
    assert found.figures == found.quoted + found.unquoted


def test_a_claim_that_holds_again_is_told_as_well(two):
    old, new = two
    old.change("study.yaml", "outcome.good.pct > 10", "outcome.good.pct > 90")
    found = between(old, new)
    assert [flip.holds for flip in found.claims] == [True] and "HOLDS AGAIN" in diff.told(found)


def test_results_files_alone_tell_claims_that_flipped(two):
    old, new = two
    old.build("html")
    new.change("data.csv", "61,1,0", "61,1,3").change("study.yaml", "pct > 10", "pct > 50").build("html", draft=True)
    for part in ("results.json", "manuscript.html"):
        found = diff.run(old.folder / "build" / part, new.folder / "build" / part)
        assert [(flip.name, flip.holds) for flip in found.claims] == [("fine", False)]


def test_records_added_and_removed_are_counted_by_site_and_named_nowhere_but_in_the_list(two):
    old, new = two
    new.change("data.csv", "r-06,b,2024-03-15,58,2,0\n", "").change("data.csv", "r-12,c", "r-77,b,2024-08-01,68,2,1\nr-12,c")
    found = between(old, new)
    lines = found.records["registry"]
    assert (lines.added, lines.removed, lines.changed) == (1, 1, 0) and lines.by_site == {"b": (1, 1, 0)}
    ordinary = diff.told(found, unquoted=True) + diff.page(found) + json.dumps(diff.as_data(found)) + repr(found.records)
    assert "r-77" not in ordinary and "r-06" not in ordinary and "1 added, 1 removed" in ordinary
    rows = list(csv.reader(diff.records_csv(found).splitlines()))
    assert rows == [["table", "record", "what", "variables"], ["registry", "r-77", "added", ""], ["registry", "r-06", "removed", ""]]


def test_order_of_rows_and_columns_and_the_way_a_number_is_written_are_no_difference(two):
    old, new = two
    header, *rows = DATA.splitlines()
    turned = [",".join(reversed(line.split(","))) for line in (header, *reversed(rows))]
    new.write("data.csv", "\n".join(turned).replace("61", "61.0") + "\n")
    found = between(old, new)
    assert found.exit_code == 0 and any("differ in their bytes" in note for note in found.notes)


def test_a_registry_without_record_numbers_says_that_records_were_not_compared(two):
    for each in two:
        each.change("study.yaml", "type: key, role: record", "type: key, role: identifier")
    two[1].change("data.csv", "61,1,0", "61,1,3")
    found = between(*two)
    assert any("no variable names a record" in note for note in found.notes) and found.figures


@pytest.mark.parametrize(
    ("old_words", "new_words", "told"),
    [
        ("range: [18, 110]", "range: [18, 100]", "variables › age › range: 18, 110 → 18, 100"),
        ('2: Female', '2: Woman', "variables › sex › levels › 2: Female → Woman"),
        ("is: {mrs: [0, 1]}", "is: {mrs: [0, 1, 2]}", "derived › good › is › mrs: 0, 1 → 0, 1, 2"),
        ("terms: [age, sex]", "terms: [age]", "models › good › terms: age, sex → age"),
        ("cut: 2024-12-31", "cut: 2025-01-31", "data cut: 2024-12-31 → 2025-01-31"),
        ("outcomes:\n", "outcomes:\n  bad: {variable: good, event: [0], label: B, among: b}\n", "outcomes › bad: the outcome is new"),
        ("  sex: {", "  weight: {label: Weight, type: integer, column: w}\n  sex: {", "variables › weight: the variable is new"),
    ],
)  # fmt: skip
def test_what_the_study_file_declares_otherwise_is_said_in_words(two, old_words, new_words, told):
    two[1].change("study.yaml", old_words, new_words)
    two[1].write("data.csv", re.sub(r"(\d)$", r"\1,1", DATA, flags=re.M).replace("mrs", "mrs,w"))
    found = between(*two)
    assert told in [each.sentence for each in found.definitions]
    assert told in diff.told(found, width=200)


def test_a_comment_in_the_study_file_is_no_difference(two):
    two[1].write("study.yaml", "# a comment\n" + STUDY)
    found = between(*two)
    assert found.exit_code == 0 and any("declare the same" in note for note in found.notes)


def test_words_of_the_document_that_changed_are_struck_out_and_marked(two):
    two[1].change("m.qmd", "Good outcomes were common.", "Good outcomes were often seen.").change("m.qmd", "# Results", "# Findings")
    found = between(*two)
    assert found.exit_code == 1 and found.figures == ()
    assert pieces(found, "del") == ["Results", "common"] and pieces(found, "ins") == ["Findings", "often seen"]
    page = html.document_fromstring(diff.page(found))
    assert [e.text_content() for e in page.xpath("//main//*[not(@class)]/del")] == ["Results", "common"]


def test_the_new_text_of_the_redline_is_the_new_document_and_the_old_text_the_old(two):
    old, new = two
    for each in two:
        each.write("m.qmd", TEMPLATE[: TEMPLATE.index("::: {#tbl-model}")])
    new.change("data.csv", "61,1,0", "61,1,3").change("m.qmd", "A good outcome was seen", "Good results were seen")
    new.change("m.qmd", "# Results", "# Setting\n\nThree hospitals.\n\n# Results")
    found = between(old, new)

    def texts(side: str) -> list[str]:
        left_out = "del" if side == "new" else "ins"
        told = ["".join((p.old or p.text) if side == "old" else p.text for p in e.pieces if p.kind != left_out) for e in found.laid]
        return [text for text in told if text and not text.startswith("Gone from this table")]

    assert texts("new") == [p.text for p in found.new.passages]
    assert sorted(texts("old")) == sorted(p.text for p in found.old.passages)


def test_a_row_that_is_gone_from_a_table_is_told_beneath_it(two):
    two[1].change("study.yaml", "rows: [age, sex]", "rows: [sex]")
    found = between(*two)
    page = html.document_fromstring(diff.page(found))
    notes = [p.text_content() for p in page.xpath("//main/p[@class='note']") if "Gone from this table" in p.text_content()]
    assert any("Age, years" in note and "69.5" in note for note in notes)
    assert {c.state for c in found.figures if c.key.startswith("table.baseline.age")} == {"disappeared"}
    assert all("old document only" in c.quotes[0].place for c in found.quoted if c.key.startswith("table.baseline.age"))


def test_a_figure_that_moved_to_another_key_is_not_taken_for_one_that_changed():
    old = Passage("Of 12, 6 did.", "paragraph", 0, keys=(KeyedSpan(3, 5, "a.n"), KeyedSpan(7, 8, "b.n")))
    new = Passage("Of 12, 7 did.", "paragraph", 0, keys=(KeyedSpan(3, 5, "a.n"), KeyedSpan(7, 8, "c.n")))
    assert [(p.kind, p.text) for p in redline.pieces(old, new) if p.kind != "same"] == [("del", "6"), ("ins", "7")]


@pytest.mark.parametrize("format", ["pdf", "html", "docx"])
def test_an_output_alone_is_compared_by_the_keys_of_its_figures(two, tmp_path, format):
    old, new = two
    built = old.build(format).outputs[format]
    alone = tmp_path / f"alone.{format}"
    shutil.copy(built, alone)
    new.change("data.csv", "61,1,0", "61,1,3")
    found, whole = diff.run(alone, new.study), between(old, new)
    assert {c.key: (c.old, c.new) for c in found.quoted if c.printed} == {c.key: (c.old, c.new) for c in whole.quoted if c.printed}


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("x.txt", b"text", "cannot be compared"), ("x.pdf", b"%PDF-1.7 nothing", "carries no woven document"),
        ("x.docx", b"PK nothing", "carries no woven document"), ("x.html", b"<p>12 patients</p>", "no figure of this page has a key"),
        ("x.json", b'{"meta": {}, "statistics": []}', "not a results file"), ("x.json", b"[", "not a results file"),
        ("x.yaml", b"name: x", "missing"),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_refused_in_a_sentence(tmp_path, name, content, problem):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(TieoutError, match=problem) as refused:
        diff.run(tmp_path / name, tmp_path / name)
    assert refused.value.exit_code == 2


@pytest.mark.parametrize("named", ["nowhere.json", "0123456789ab", "", "zzz"])
def test_what_is_not_there_is_refused(tmp_path, monkeypatch, named):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TieoutError):
        diff.run(named, named, (tmp_path / "snapshots",))


def hostile(small: Small) -> Small:
    quoted = json.dumps(HOSTILE)
    small.write("study.yaml", STAMPED.replace("label: Age,", f"label: {quoted},").replace("2: Female", f"2: {quoted}"))
    return small.write("data.csv", DATA.replace(",c,", f',"{HOSTILE.replace(chr(34), chr(34) * 2)}",'))


def test_hostile_names_stay_text_on_the_page_and_on_the_terminal(two):
    old, new = two
    hostile(old), hostile(new)
    new.change("data.csv", "r-09,", "r-99,").change("m.qmd", "Good outcomes", "Good `<img src=x onerror=alert(1)>`{=x} outcomes")
    found = between(old, new)
    page = diff.page(found)
    document = html.document_fromstring(page)
    assert not document.xpath("//script | //b | //img | //iframe | //link") and "\u202e" not in page
    assert {name for e in document.iter() for name in e.attrib if name.startswith("on")} == set()
    assert "&lt;script&gt;alert(1)" in page and "{{7*7}}" in document.text_content()
    assert "[red]bold[/red]" in " ".join(diff.told(found, width=400).split())
    assert re.search(r"\x1b|\u202e", diff.told(found)) is None


def test_the_page_stamps_synthetic_data_and_allows_nothing_but_its_style(two):
    for each in two:
        each.write("study.yaml", STAMPED)
    two[1].change("data.csv", "61,1,0", "61,1,3")
    found = between(*two)
    page = diff.page(found)
    assert "SYNTHETIC DATA: made by a test" in page and "SYNTHETIC DATA: made by a test" in diff.told(found)
    policy = html.document_fromstring(page).xpath("//meta[@http-equiv]/@content")[0]
    assert re.fullmatch(r"default-src 'none'; style-src 'sha256-[^']+'; base-uri 'none'; form-action 'none'", policy)
    assert not re.search(r"https?://|<script| src=|url\(", page)


def test_the_terminal_text_keeps_to_its_width(two):
    two[1].change("data.csv", "61,1,0", "61,1,3")
    for width in (60, 80, 120):
        assert max(map(len, diff.told(between(*two), width).splitlines())) <= width


def test_figures_that_no_document_quotes_are_counted_and_listed_when_asked(two):
    two[1].change("data.csv", "61,1,0", "61,1,3")
    found = between(*two)
    assert found.unquoted
    key = next(c.key for c in found.unquoted if c.printed)
    assert key not in diff.told(found).split() and key in diff.told(found, unquoted=True).split()


def test_a_draft_is_compared_without_the_notice_at_its_head(two):
    two[1].change("study.yaml", "pct > 10", "pct > 90")
    found = between(*two)
    assert found.claims and pieces(found, "ins") == []


def test_words_of_a_definition_are_short_and_plain():
    assert words({"a": 1, "b": None, "c": [1.0, 2.5]}) == "a: 1, c: 1, 2.5" and words([]) == "nothing" and words(True) == "yes"
    assert len(words("x" * 1000)) == 300


def test_a_side_of_woven_text_quotes_each_key_with_its_print():
    passages = read_text('Of [12]{.stat key="a.n"} patients, [6]{.stat key="b.n"} did.', "md", "x").passages
    assert sides.Side("x", passages=passages).quoted == {"a.n": ("12",), "b.n": ("6",)}


@pytest.fixture
def opened(browser, two, tmp_path):
    old, new = two
    hostile(old), hostile(new)
    new.change("data.csv", "61,1,0", "61,1,3").change("m.qmd", "common", "often seen" + "x" * 90)
    path = tmp_path / "diff.html"
    path.write_text(diff.page(between(old, new)), encoding="utf-8")
    contexts = []

    def at(width: int, scheme: str):
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme))
        shown = contexts[-1].new_page()
        shown.asked, shown.complaints = [], []
        shown.on("request", lambda request: shown.asked.append(request.url))
        shown.on("console", lambda message: shown.complaints.append(message.text))
        shown.goto(Path(path).as_uri())
        return shown

    yield at
    for context in contexts:
        context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 1440])
def test_the_page_fits_each_screen_asks_nothing_and_has_no_violation(opened, width, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    shown = opened(width, scheme)
    assert shown.evaluate("document.documentElement.scrollWidth") <= width
    assert len(shown.asked) == 1 and shown.complaints == []
    found = axe.Axe().run(shown)
    assert len(found.response["passes"]) > 10
    assert [(v["id"], v["nodes"][0]["html"]) for v in found.response["violations"]] == []


def test_a_link_of_the_list_leads_to_the_figure_in_the_manuscript(opened):
    shown = opened(390, "light")
    link = shown.locator(".group a").first
    target = link.get_attribute("href")
    link.click()
    assert shown.locator(f"main {target}").is_visible() and link.inner_text() == shown.locator(target).get_attribute("title")
