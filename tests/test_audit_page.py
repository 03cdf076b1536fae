"""The page of an audit in a real browser: by keyboard, by tap, by pointer, filtered, offline, accessible."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tieout.audit import page as pages
from tieout.audit import report as reports
from tieout.audit.extract import extract
from tieout.audit.quoted import Manuscript, Passage
from tieout.audit.read import read_text
from tieout.audit.rules import judge

PAPER = """\
# Rescue stenting

## Results

Of 78 patients, 50 of 75 (66.9%) had a good outcome (OR 2.00; 95% CI 1.10 to 3.64; p=0.02) in 2019. Recanalisation
came in 77 of 78 (98.7%), and death in 4.0%.

| Characteristic, as recorded on arrival at the hospital | All patients (n=75) | Favourable (n=50) | Unfavourable (n=25) |
|---|---|---|---|
| Intravenous thrombolysis before the procedure | 30 (40.0%) | 20 (40.0%) | 10 (40.0%) |
| Antiplatelet treatment | 28 (37.3%) | 18 (36.0%) | 10 (44.0%) |

: Characteristics of the patients

### Follow-up

Follow-up ended after 90 days in 12 of 75 (16.0%).
"""
HOSTILE = '"><script>document.title="owned"</script><img src=https://example.org/x onerror=alert(1)>{{ 7*7 }}'
SCREENS = {"light": (1440, "light"), "dark": (1440, "dark"), "phone": (390, "light"), "dark phone": (390, "dark")}


def page_of(text: str, name: str = "paper.md") -> str:
    return pages.page(reported(read_text(text, "md", name)))


def reported(manuscript: Manuscript) -> reports.Report:
    figures = extract(manuscript)
    return reports.reported(manuscript, figures, judge(figures), with_data=False)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "audit.html"
    path.write_text(page_of(PAPER), encoding="utf-8")
    return path


@pytest.fixture
def opened(browser, written):
    """Return a function that opens the page on a screen of its own and notes what it asks for and complains of."""
    contexts = []

    def at(path: Path = written, width: int = 1440, scheme: str = "light", touch: bool = False):
        context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme, has_touch=touch)
        contexts.append(context)
        page = context.new_page()
        page.asked, page.complaints = [], []
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("console", lambda message: page.complaints.append(message.text))
        page.goto(path.as_uri())
        return page

    yield at
    for context in contexts:
        context.close()


def focused(page) -> str:
    return page.evaluate("document.activeElement.id")


def open_reason(page) -> str:
    """Return the text of the reason that is open, or nothing."""
    shown = page.locator("[popover]:popover-open")
    return shown.inner_text() if shown.count() else ""


def bar(page, figure: str) -> str:
    """Return the text of the bar that shows a figure's reason, or nothing where it is not shown."""
    return page.evaluate(
        "s => getComputedStyle(document.querySelector(s), '::after').content.replace(/^none$/, '')", figure
    )


def tab_until(page, wanted: str) -> None:
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("s => document.activeElement.matches(s)", wanted):
            return
    raise AssertionError(f"the Tab key never reached {wanted}")


def test_every_figure_is_marked_by_a_sign_and_a_word(opened):
    page = opened()
    for figure in page.locator("button.figure").all():
        words = figure.text_content()
        verdict = (figure.get_attribute("class") or "").split()[-1]
        assert reports.SIGNS[verdict] in words and verdict in words
    assert page.locator("button.figure.contradicted .word").first.is_visible()
    assert {v for v in ("contradicted", "consistent", "untraceable") if page.locator(f"button.{v}").count()} == {
        "contradicted", "consistent", "untraceable",
    }  # fmt: skip
    assert page.locator("button.conventional").count() == 0 < page.locator("span.conventional").count()


def test_the_manuscripts_words_are_all_there_in_their_order(opened):
    page = opened()
    page.evaluate("document.querySelectorAll('.sign, .word, .said').forEach(e => e.remove())")
    shown = " ".join(page.locator("main").inner_text().split())
    for passage in read_text(PAPER, "md", "paper.md").passages:
        assert passage.text in shown
        shown = shown[shown.index(passage.text) :]


def test_a_table_keeps_its_headers_and_its_caption(opened):
    page = opened()
    assert page.locator("table caption").inner_text() == "Characteristics of the patients"
    assert page.locator("thead th[scope=col]").count() == 4
    assert page.locator("tbody th[scope=row]").all_inner_texts() == [
        "Intravenous thrombolysis before the procedure", "Antiplatelet treatment",
    ]  # fmt: skip
    assert page.locator("tbody td button.figure").count() == 6


def test_the_keyboard_alone_walks_opens_and_closes(opened):
    page = opened()
    tab_until(page, "nav a")
    target = page.evaluate("document.activeElement.hash.slice(1)")
    page.keyboard.press("Enter")
    assert focused(page) == target
    assert "66.9" in bar(page, f"#{target}")
    page.keyboard.press("Enter")
    assert "50/75 is 66.7%, not 66.9%" in open_reason(page)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Close"
    page.keyboard.press("Escape")
    assert open_reason(page) == ""
    assert focused(page) == target
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.matches('button.figure')") and focused(page) != target


def test_a_tap_opens_the_reason_and_the_cross_closes_it(opened):
    page = opened(width=390, touch=True)
    page.locator("button.contradicted").first.tap()
    assert "not 66.9%" in open_reason(page)
    box = page.locator("[popover]:popover-open").bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 390
    page.locator("[popover]:popover-open .close").tap()
    assert open_reason(page) == ""


def test_the_pointer_over_a_figure_shows_its_reason(opened):
    page = opened()
    assert bar(page, "button.contradicted") == ""
    page.locator("button.contradicted").first.hover()
    assert "contradicted" in bar(page, "button.contradicted") and "not 66.9%" in bar(page, "button.contradicted")


def test_a_filter_makes_a_verdicts_figures_plain_text_and_the_tab_key_skips_them(opened):
    page = opened()
    figures, listed = page.locator("button.figure.consistent"), page.locator("nav details.consistent")
    assert figures.first.is_visible() and listed.is_visible()
    page.locator("#show-consistent").focus()
    page.keyboard.press("Space")
    assert not any(figure.is_visible() for figure in figures.all()) and not listed.is_visible()
    assert "77 of 78 (98.7%)" in page.locator("main").inner_text()
    assert page.locator("button.figure.contradicted").first.is_visible()
    page.keyboard.press("Space")
    assert figures.first.is_visible()


def test_the_worst_figures_are_listed_first_and_lead_to_their_place(opened):
    page = opened()
    order = [d.get_attribute("class") for d in page.locator("nav details").all()]
    assert order == [v for v in reports.WORST_FIRST if v in order] and order[0] == "contradicted"
    link = page.locator("nav .contradicted a").first
    figure = page.locator(link.get_attribute("href"))
    assert figure.locator("xpath=./text()").count() or link.inner_text().strip("“”") in figure.inner_text()
    link.click()
    assert 0 <= figure.bounding_box()["y"] < 844


def test_the_page_asks_nothing_of_the_network_and_runs_no_script(opened, written):
    page = opened()
    assert page.asked == [written.as_uri()] and page.complaints == []
    text = written.read_text(encoding="utf-8")
    assert "<script" not in text and "http://" not in text and "https://" not in text
    assert "default-src 'none'; style-src 'sha256-" in text and "unsafe" not in text


@pytest.mark.parametrize("width", [360, 390, 768, 1440])
def test_the_page_fits_the_screen_and_only_its_tables_scroll(opened, width):
    page = opened(width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    region = page.get_by_role("region", name=re.compile("Table 1"))
    assert region.get_attribute("tabindex") == "0"
    if width < 400:
        assert region.evaluate("e => e.scrollWidth > e.clientWidth")


def test_hostile_text_is_shown_and_never_obeyed(opened, tmp_path):
    passages = (
        Passage(HOSTILE, "title", 0),
        Passage(f"{HOSTILE} 50 of 75 (66.9%) {HOSTILE}", "paragraph", 1, section=(HOSTILE,)),
        Passage(f"{HOSTILE} (n=75)", "cell", 2, table=1, row=0, column=1),
        Passage(HOSTILE, "cell", 3, table=1, row=1, column=0),
        Passage("50 (66.9%)", "cell", 4, (HOSTILE,), None, 1, 1, 1, HOSTILE, (f"{HOSTILE} (n=75)",), HOSTILE),
    )
    report = reported(Manuscript(f"{HOSTILE}.md", "md", passages, (HOSTILE,)))
    assert report.coverage["contradicted"] >= 1
    path = tmp_path / "hostile.html"
    path.write_text(pages.page(report), encoding="utf-8")
    page = opened(path)
    assert page.asked == [path.as_uri()] and page.complaints == []
    assert page.title() != "owned" and page.locator("script, img").count() == 0
    assert HOSTILE in page.locator("main h2").first.inner_text()
    page.locator("button.contradicted").first.click()
    assert HOSTILE in open_reason(page)


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("reason", ["closed", "open"])
def test_axe_finds_no_violation(opened, screen, reason):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    width, scheme = SCREENS[screen]
    page = opened(width=width, scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    if reason == "open":
        page.locator("button.contradicted").first.click()
        assert open_reason(page)
    found = axe.Axe().run(page)
    assert len(found.response["passes"]) > 10
    assert [(v["id"], v["nodes"][0]["html"]) for v in found.response["violations"]] == []


def test_a_sparse_table_stays_small():
    cells = tuple(Passage("x", "cell", i, table=1, row=i, column=(i % 2) * 900) for i in range(400))
    assert len(pages.page(reported(Manuscript("m.md", "md", cells)))) < 100_000


@pytest.mark.parametrize(
    "text", ["Of 50/75,.5% and [12/75]^3 of 40/75.", "(50/75)(12/75)", "50/75 12/75", "“40/75”, p=0.02%."]
)
def test_a_page_keeps_every_sign_around_a_figure(text):
    report = reported(Manuscript("m.md", "md", (Passage(text, "paragraph", 0),)))
    numbers = {reports.spot(j.figure): 1 for j in report.judged}
    cut = pages.marks(report.manuscript.passages[0], pages.by_passage(report), numbers)
    assert "".join(mark.before + mark.text + mark.after for mark in cut) == text
    assert sum(mark.judged is not None for mark in cut) == len(report.judged) > 0


def test_the_stamp_of_synthetic_data_is_on_the_page():
    manuscript = read_text(PAPER, "md", "paper.md")
    report = reports.reported(manuscript, extract(manuscript), [], with_data=True, synthetic="SYNTHETIC made up")
    assert '<p class="stamp">SYNTHETIC made up</p>' in pages.page(report)
    assert 'class="stamp"' not in page_of(PAPER)


def test_a_page_without_figures_says_that_nothing_was_judged():
    assert "no clean bill of health" in page_of("Nothing to count here.")
    assert "no clean bill of health" not in page_of(PAPER)
