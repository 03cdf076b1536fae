"""The manuscript's page in a real browser: figures that explain themselves by pointer, tap and keyboard, and a page without script."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tieout.audit.report import audit
from tieout.build import build
from tieout.render import page as pages
from tieout.resources import example
from tieout.results import Results, Statistic

PCT, P = '.stat[data-key="outcome.success.pct"]', '.stat[data-key="model.favourable.d_patent.p"]'


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return build(example() / "data" / "study.yaml", ("html",), tmp_path_factory.mktemp("page"), "embedded")


@pytest.fixture
def opened(browser, built):
    """Return a function that opens the page on a screen of its own and notes what it asks for and complains of."""
    contexts = []

    def at(width: int = 1280, scheme: str = "light", path: Path = built.outputs["html"], **options):
        context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme, **options)
        contexts.append(context)
        page = context.new_page()
        page.asked, page.complaints = [], []
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("console", lambda message: page.complaints.append(message.text))
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.goto(path.as_uri())
        return page

    yield at
    for context in contexts:
        context.close()


def card(page) -> str:
    shown = page.locator("#card")
    return shown.inner_text() if shown.is_visible() else ""


def test_a_click_opens_a_card_with_value_denominator_method_key_and_the_other_places(opened):
    page = opened()
    page.locator(PCT).last.click()
    words = card(page)
    for part in ("98.7%", "Successful recanalisation", "78 patients with a final mTICI", "98.71794871794872", "n / N",
                 "outcome.success.pct", "data cut 2021-06-30", "Abstract"):  # fmt: skip
        assert part in words
    page.locator("#card a").focus()
    page.keyboard.press("Enter")
    assert page.url.endswith("#abstract-title") and not card(page)
    assert page.complaints == [] and len(page.asked) == 1


def test_the_pointer_shows_a_card_and_takes_it_away(opened):
    page = opened()
    page.locator(P).first.hover()
    page.locator("#card").wait_for(state="visible")
    assert "model.favourable.d_patent.p" in card(page)
    page.mouse.move(2, 500)
    page.locator("#card").wait_for(state="hidden")


def test_the_card_does_not_cover_its_figure(opened):
    page = opened()
    for place in range(0, page.locator(".stat[tabindex='0']").count(), 9):
        figure = page.locator(".stat[tabindex='0']").nth(place)
        figure.click()
        one, two = figure.bounding_box(), page.locator("#card").bounding_box()
        assert one["y"] + one["height"] <= two["y"] + 1 or two["y"] + two["height"] <= one["y"] + 1
        page.keyboard.press("Escape")


def test_all_is_reached_by_keyboard_alone(opened):
    page = opened()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Show figures"
    page.keyboard.press("Enter")
    assert page.evaluate("document.documentElement.classList.contains('shown')")
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.dataset?.key") == "outcome.success.pct":
            break
    assert "Successful recanalisation" in card(page), "focus shows the card"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.closest('#card') !== null"), "Enter leads into it"
    page.keyboard.press("Escape")
    assert not card(page) and page.evaluate("document.activeElement.dataset.key") == "outcome.success.pct"


def test_a_table_is_one_stop_and_its_figures_are_reached_by_arrows(opened):
    page = opened()
    assert page.locator("#tbl-baseline table .stat[tabindex='0']").count() == 1
    page.locator("#tbl-favourable table .stat[tabindex='0']").focus()
    start = page.evaluate("document.activeElement.dataset.key")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.dataset.key") == start.replace(".estimate", ".low")
    page.keyboard.press("ArrowDown")
    down = page.evaluate("document.activeElement.dataset.key")
    assert ".age." in down and "age" in card(page)
    page.keyboard.press("End")
    page.keyboard.press("ArrowRight")
    assert page.locator("#tbl-favourable table .stat[tabindex='0']").count() == 1


def test_a_tap_on_a_phone_opens_the_card_at_the_foot_of_the_screen(opened):
    page = opened(360, has_touch=True)
    page.locator(PCT).last.tap()
    box = page.locator("#card").bounding_box()
    assert box["x"] == 0 and box["width"] == 360 and round(box["y"] + box["height"]) == 844
    figure = page.locator(PCT).last.bounding_box()
    assert figure["y"] + figure["height"] <= box["y"]


def test_a_picture_on_a_phone_keeps_its_letters_and_is_scrolled_by_keyboard(opened):
    page = opened(360)
    box = page.locator("#fig-flow figure > div")
    assert box.get_attribute("tabindex") == "0" and box.get_attribute("aria-label").split() == ["Figure", "1"]
    assert page.locator("#fig-flow img").bounding_box()["width"] > 600
    wide = opened(1280)
    assert wide.locator("#fig-flow figure > div").get_attribute("tabindex") is None


def test_the_claims_are_told_with_condition_figures_and_margin(opened, built):
    page = opened()
    page.get_by_role("button", name="Claims (3)").click()
    words = page.locator("#claims").inner_text()
    for claim in built.results.meta["claims"].values():
        assert claim["needs"] in words and claim["margin"] in words
    assert words.count("The data support it.") == 3 and "outcome.sich.high is 12.5" in words
    page.locator("#claims li button").first.click()
    assert not page.locator("#claims").is_visible()
    assert page.evaluate("document.activeElement.dataset.key") == "outcome.success.low"


def test_a_flat_table_is_sorted_and_back_and_a_grouped_one_is_left_alone(opened):
    page = opened()
    first = "#tbl-strobe tbody tr:first-child"
    before = page.locator(first).inner_text()
    sort = page.locator("#tbl-strobe th button").nth(1)
    sort.click()
    up = page.locator("#tbl-strobe tbody tr td:nth-child(2)").all_inner_texts()
    assert up == sorted(up, key=str.casefold) and page.locator("#tbl-strobe th").nth(1).get_attribute("aria-sort") == "ascending"
    sort.click()
    assert page.locator("#tbl-strobe tbody tr td:nth-child(2)").all_inner_texts() == up[::-1]
    sort.click()
    assert page.locator(first).inner_text() == before
    assert page.locator("#tbl-baseline .sort").count() == 0


def test_tables_and_the_rows_of_figures_are_saved_as_csv(opened, built):
    page = opened(accept_downloads=True)
    with page.expect_download() as found:
        page.locator("#fig-forest button").click()
    drawn = built.outputs["html"].parent / "manuscript" / "figures" / "forest.csv"
    assert Path(found.value.path()).read_text(encoding="utf-8-sig") == drawn.read_text(encoding="utf-8")
    assert found.value.suggested_filename == "forest.csv"
    with page.expect_download() as found:
        page.locator("#tbl-favourable button.plain").click()
    lines = Path(found.value.path()).read_text(encoding="utf-8-sig").splitlines()
    assert lines[0].startswith("Factor,Univariable,,Multivariable") or lines[0].startswith("Factor,Univariable,")
    assert lines[2].startswith("Stent patent at follow-up,47.3 (5.46 to 410.0)a,<0.001,87.6 (4.77 to 1608.9)a,0.003")


def test_the_theme_is_chosen_and_kept(opened):
    page = opened()
    page.get_by_role("button", name="Theme: auto").click()
    page.get_by_role("button", name="Theme: light").click()
    dark = "getComputedStyle(document.body).backgroundColor === 'rgb(20, 25, 30)'"
    page.get_by_role("button", name="Theme: dark").wait_for()
    page.wait_for_function(dark)
    page.reload()
    page.get_by_role("button", name="Theme: dark").wait_for()
    page.wait_for_function(dark)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 390, 768, 1280, 1920])
def test_the_page_fits_every_screen_and_axe_finds_no_violation(opened, width, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page = opened(width, scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for prepare in (lambda: None, lambda: page.locator(PCT).last.click(), claims_of(page)):
        prepare()
        found = axe.Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
    assert page.complaints == [] and len(page.asked) == 1


@pytest.mark.parametrize("width", [360, 1280])
def test_the_supplement_fits_and_axe_finds_no_violation_in_it(opened, built, width):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page = opened(width, path=built.supplement["html"])
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    found = axe.Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    page.locator("#tbl-ledger table .stat[tabindex]").first.click()
    assert "snapshot" in card(page)
    assert page.complaints == [] and len(page.asked) == 1


def claims_of(page):
    def prepare() -> None:
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Show figures").click()
        page.get_by_role("button", name="Claims (3)").click()

    return prepare


def test_without_script_the_page_is_the_document_and_nothing_else(opened, built):
    page = opened(java_script_enabled=False)
    words = page.locator("body").inner_text()
    assert "Show figures" not in words and "CSV" not in words and '"figures"' not in words
    assert "98.7%" in words and page.locator("[tabindex]").count() == 0
    with_script = opened()
    assert words.split()[:400] == re.sub(r"^.*?Theme: auto", "", with_script.locator("body").inner_text(), flags=re.S).split()[:400]


def test_print_has_neither_toolbar_nor_buttons_nor_dark_paper(opened):
    page = opened(scheme="dark")
    page.locator(PCT).last.click()
    page.emulate_media(media="print", color_scheme="dark")
    for part in (".toolbar", "#card", "#fig-forest button"):
        assert not page.locator(part).first.is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


HOSTILE = '</script><script>document.title="owned"</script><img src=x onerror=alert(1)>'


def test_hostile_labels_claims_and_rows_stay_text(browser, tmp_path):
    statistic = Statistic("a.b", 1.0, "count", HOSTILE, n=1, total=2, among=HOSTILE, method=HOSTILE)
    claims = {"c": {"states": HOSTILE, "needs": "a.b > 0", "holds": True, "margin": HOSTILE}}
    meta = {"confidence": "95", "study": HOSTILE, "snapshot": "0" * 64, "cut": "2021-01-01", "synthetic": HOSTILE, "libraries": {},
            "definitions": {}, "claims": claims}  # fmt: skip
    text = '<html lang="en"><head><title>t</title></head><body><p><span class="stat" data-key="a.b">1</span></p></body></html>'
    (tmp_path / "m.html").write_text(pages.finished(text, Results.of([statistic], meta), {"x": HOSTILE}), encoding="utf-8")
    page = browser.new_page()
    page.goto((tmp_path / "m.html").as_uri())
    page.locator(".stat").click()
    assert HOSTILE in page.locator("#card").inner_text()
    page.get_by_role("button", name="Claims").click()
    assert HOSTILE in page.locator("#claims").inner_text()
    assert page.title() == "t" and page.locator("img").count() == 0
    page.close()


def test_a_script_that_is_not_the_pages_own_does_not_run(browser, built, tmp_path):
    text = built.outputs["html"].read_text(encoding="utf-8").replace("<main>", "<main><script>document.title='owned'</script>", 1)
    (tmp_path / "m.html").write_text(text, encoding="utf-8")
    page = browser.new_page()
    page.goto((tmp_path / "m.html").as_uri())
    assert page.title() != "owned" and page.locator(".toolbar").count() == 1
    page.close()


def test_the_block_tells_every_known_key_once_and_the_audit_reads_none_of_it(built):
    text = built.outputs["html"].read_text(encoding="utf-8")
    block = json.loads(re.search(r'id="told">(.*?)</script>', text, re.S)[1])
    assert set(block["figures"]) == set(built.document.keys)
    assert max(max(places) for places in block["figures"].values()) < len(block["words"])
    assert set(block["rows"]) == {"flow", "forest", "mrs"}
    judged = audit(built.outputs["html"], built.results).judged
    assert not [each for each in judged if each.verdict == "contradicted"] and len(judged) < 800
