"""The page of a batch of reports: what it says, that hostile names stay text, and its use in a real browser."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import pytest
from lxml import html

from tieout.listing import COLUMNS, Entry, link, page

FACTS = {"Data cut-off": "30 June 2021", "Snapshot": "3f0a91c2d4e5"}
STAMP = "SYNTHETIC DATA: simulated patients and hospitals"
SCREENS = {"light": (1440, "light"), "dark": (1440, "dark"), "phone": (360, "light"), "dark phone": (360, "dark")}
WORSE, FEW = "Door to puncture: worse than expected", "Good outcome: too few to judge"
OVERRIDE, MARK = "\N{RIGHT-TO-LEFT OVERRIDE}", "\N{RIGHT-TO-LEFT MARK}"
HOSTILE = {
    "markup": '"></td></script><script>document.title="owned"</script><img src=https://example.org/x onerror=alert(1)>',
    "template": "{{ 7*7 }}{% include 'x' %}", "quotes": "'\"`St Mary’s`\"'", "emoji": "🏥👩🏽‍⚕️ General",
    "direction": f"{OVERRIDE}latipsoH{MARK}", "newline": "Two\nlines\r\nand\ttabs", "comment": "<!-- --!> ]]> <![CDATA[",
    "long": "W" * 300, "control": "bell\x07 and nul\x00", "entity": "&lt;b&gt; &amp;amp; &#60;",
}  # fmt: skip


def entry(site: str, name: str = "Ashdown Hospital", status: str = "made", **changed) -> Entry:
    files = () if status == "failed" else (("PDF", f"{site}/{site}.pdf"), ("ZIP", f"{site}.zip"))
    digest = "" if status == "failed" else hashlib.sha256(site.encode()).hexdigest()
    reason = "the disk is full" if status == "failed" else ""
    return replace(Entry(site, name, status, reason, 3, 40, (), files, digest), **changed)


BATCH = (
    entry("site_1", "Zürich-Süd", patients=9, cumulative=100),
    entry("site_2", "Ørsted Łódź", patients=10, flags=(WORSE,)),
    entry("site_3", "Calder", "failed", patients=None, cumulative=None),
    entry("site_4", "Birchfield", patients=100, flags=(WORSE, FEW), cumulative=12_045),
    entry("site_10", "Ashdown", "made earlier", patients=0, flags=(FEW,)),
)


def listed(entries=BATCH, synthetic: str = STAMP) -> str:
    return page("Basilar registry", "2021-Q2", FACTS, entries, synthetic)


def cells(text: str, column: str) -> list[str]:
    """Return a column of the table as a reader without style or script sees it."""
    rows = html.document_fromstring(text).xpath("//tbody/tr")
    return [" ".join(row[COLUMNS.index(column)].text_content().split()) for row in rows]


def policy(text: str) -> str:
    return html.document_fromstring(text).xpath("//meta[@http-equiv='Content-Security-Policy']/@content")[0]


@pytest.mark.parametrize(
    "statuses, words",
    [
        (["made"] * 13, "13 sites expected, 13 reports made, 0 failed"),
        (["made"] * 12 + ["failed"], "13 sites expected, 12 reports made, 1 failed"),
        (["made", "made earlier"], "2 sites expected, 2 reports made (1 of them earlier), 0 failed"),
        (["failed"], "1 site expected, 0 reports made, 1 failed"),
        ([], "0 sites expected, 0 reports made, 0 failed"),
    ],
)
def test_the_header_counts_sites_expected_reports_made_and_failures(statuses, words):
    text = listed([entry(f"site_{i}", status=status) for i, status in enumerate(statuses)])
    assert words in html.document_fromstring(text).xpath("//header")[0].text_content()


def test_the_header_names_registry_period_and_facts_and_stamps_synthetic_data():
    header = html.document_fromstring(listed()).xpath("//header")[0].text_content()
    for words in ("Basilar registry", "2021-Q2", *FACTS, *FACTS.values(), STAMP):
        assert words in header
    assert 'class="stamp"' not in listed(synthetic="")


def test_failures_come_first_and_the_others_keep_their_order():
    assert cells(listed(), "Site") == ["site_3", "site_1", "site_2", "site_4", "site_10"]
    assert cells(listed(), "Status")[0] == "✗ failed the disk is full"


def test_a_status_that_the_page_does_not_know_is_refused():
    with pytest.raises(ValueError, match="perhaps"):
        listed([entry("site_1", status="perhaps")])


def test_everything_is_on_the_page_without_its_script():
    text = listed()
    shown = html.document_fromstring(re.sub(r"<script>.*</script>", "", text, flags=re.DOTALL))
    assert "Showing 5 of 5" in shown.text_content()
    for each in BATCH:
        for words in (each.site, each.name, each.status, each.reason, *each.flags, each.digest):
            assert words in shown.text_content()
        assert set(shown.xpath("//a/@href")) >= {f"./{path}" for _, path in each.files}
    assert cells(text, "Patients to date") == ["–", "100", "40", "12,045", "40"]
    assert shown.xpath("//*[contains(concat(' ', @class, ' '), ' tools ')]")[0].get("hidden") is not None
    assert shown.xpath("//button[not(ancestor::*[@hidden])]") == []


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_stays_text_wherever_it_stands(text):
    each = Entry(text, text, "failed", text, 1, 2, (text, text), ((text, f"{text.replace('/', '')}.pdf"),), text)
    document = html.document_fromstring(page(text, text, {text: text}, [each], text))
    shown = re.sub(r"[\x00\x07]", "\N{REPLACEMENT CHARACTER}", " ".join(text.split()))
    assert {e.tag for e in document.iter()} <= {e.tag for e in html.document_fromstring(listed()).iter()}
    assert len(document.xpath("//script")) == 1 and policy(html.tostring(document).decode()) == policy(listed())
    assert {name for e in document.iter() for name in e.attrib if name.startswith("on")} == set()
    assert document.xpath("string(//h1)") == shown
    assert [bdi.text_content() for bdi in document.xpath("//tbody//bdi")] == [shown] * 5
    assert document.xpath("//tbody//a/@aria-label") == [f"{shown}, {shown}"]
    assert "\n" not in document.xpath("string(//title)") and shown in document.xpath("string(//title)")


@pytest.mark.parametrize(
    "path",
    ["a b/c#1?.pdf", "javascript:alert(1)", "50%.pdf", "Å/ø.pdf", "a\nb.pdf", '"onclick="x', "a\\b.pdf", "🏥.pdf"],
)
def test_a_link_is_percent_encoded_and_relative(path):
    assert re.fullmatch(r"\./[A-Za-z0-9._~/%-]+", link(path))
    assert unquote(link(path)) == f"./{path}"


@pytest.mark.parametrize("path", ["/etc/passwd", "//example.org/x", "../x.pdf", "a/../../x.pdf", ".."])
def test_a_link_that_leaves_the_folder_is_refused(path):
    with pytest.raises(ValueError, match="not a path below the page"):
        link(path)


def test_the_policy_allows_the_one_style_and_the_one_script_and_nothing_else():
    text = listed()
    for tag in ("style", "script"):
        (inline,) = re.findall(f"<{tag}>(.*?)</{tag}>", text, flags=re.DOTALL)
        allowed = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{allowed}'" in policy(text)
    assert policy(text).startswith("default-src 'none';") and "unsafe" not in policy(text)
    assert not re.search(r"https?://|eval|innerHTML|fetch\(|import\(| src=|url\(", text)


def test_a_batch_without_sites_says_so():
    assert "No site was expected" in listed([]) and "<table" not in listed([]) and "<script" not in listed([])


@pytest.fixture
def opened(browser, tmp_path):
    """Return a function that opens the page of some entries and notes what it asks for and complains of."""
    contexts = []

    def at(entries=BATCH, width: int = 1440, scheme: str = "light", script: bool = True):
        path: Path = tmp_path / "index.html"
        path.write_text(listed(entries), encoding="utf-8")
        context = browser.new_context(
            viewport={"width": width, "height": 844}, color_scheme=scheme, java_script_enabled=script
        )
        contexts.append(context)
        shown = context.new_page()
        shown.asked, shown.complaints = [], []
        shown.on("request", lambda request: shown.asked.append(request.url))
        shown.on("console", lambda message: shown.complaints.append(message.text))
        shown.on("pageerror", lambda error: shown.complaints.append(str(error)))
        shown.goto(path.as_uri())
        shown.own = path.as_uri()
        return shown

    yield at
    for context in contexts:
        context.close()


def sites(shown) -> list[str]:
    """Return the codes of the sites whose rows take up room, from the top.

    A row may be empty to innerText in the frame in which it was moved, since content-visibility lays it out in the next.
    """
    return shown.locator("tbody tr").evaluate_all(
        "rows => rows.filter(row => row.getClientRects().length).map(row => row.cells[0].textContent)"
    )


def heading(shown, column: str):
    return shown.locator("thead button").filter(has_text=re.compile(f"^{column}$"))


def tab_to(shown, wanted: str) -> None:
    for _ in range(60):
        shown.keyboard.press("Tab")
        if shown.evaluate("s => document.activeElement.matches(s)", wanted):
            return
    raise AssertionError(f"the Tab key never reached {wanted}")


@pytest.mark.parametrize(
    "words, found",
    [
        ("site_10", ["site_10"]), ("SITE_1", ["site_1", "site_10"]), ("zurich", ["site_1"]), ("ZÜRICH süd", ["site_1"]),
        ("orsted lodz", ["site_2"]), ("Łódź", ["site_2"]), ("made earlier", ["site_10"]), ("failed", ["site_3"]),
        ("worse than expected", ["site_2", "site_4"]), ("few worse", ["site_4"]), (f" {MARK}calder ", ["site_3"]),
        (".*", []), ("<b>", []), ("", ["site_3", "site_1", "site_2", "site_4", "site_10"]),
    ],
)  # fmt: skip
def test_the_search_finds_code_name_status_and_flags_whatever_case_and_accents(opened, words, found):
    shown = opened()
    shown.get_by_label("Search").fill(words)
    assert sites(shown) == found
    assert shown.get_by_role("status").inner_text().startswith(f"Showing {len(found)} of 5")
    assert shown.get_by_text("No site matches").is_visible() == (not found)


def test_all_sites_come_back_from_a_search_that_found_none(opened):
    shown = opened()
    shown.get_by_label("Search").fill("nowhere")
    shown.get_by_label("Status", exact=True).select_option("failed")
    assert sites(shown) == []
    shown.get_by_role("button", name="Show all sites").click()
    assert len(sites(shown)) == 5 and shown.get_by_label("Search").input_value() == ""
    assert shown.evaluate("document.activeElement.id") == "search"


def test_the_status_filter_and_the_search_narrow_together(opened):
    shown = opened()
    labels = shown.get_by_label("Status", exact=True).locator("option").all_inner_texts()
    assert labels == ["All (5)", "✗ failed (1)", "✓ made (3)", "↺ made earlier (1)"]
    shown.get_by_label("Status", exact=True).select_option("made")
    assert sites(shown) == ["site_1", "site_2", "site_4"]
    shown.get_by_label("Search").fill("worse")
    assert sites(shown) == ["site_2", "site_4"]


@pytest.mark.parametrize(
    "column, ascending, descending",
    [
        ("Site", "1 2 3 4 10", "10 4 3 2 1"), ("Name", "10 4 3 2 1", "1 2 3 4 10"), ("Flags", "1 3 2 10 4", "4 2 10 1 3"),
        ("Patients this period", "10 1 2 4 3", "4 2 1 10 3"), ("Patients to date", "2 10 1 4 3", "4 1 2 10 3"),
        ("Files", "3 1 2 4 10", "1 2 4 10 3"),
    ],
)  # fmt: skip
def test_a_header_sorts_up_then_down_with_what_is_not_known_last(opened, column, ascending, descending):
    shown = opened()
    for order, direction in ((ascending, "ascending"), (descending, "descending")):
        heading(shown, column).click()
        assert [site.removeprefix("site_") for site in sites(shown)] == order.split()
        assert shown.locator("[aria-sort]").all_inner_texts() == [column]
        assert shown.locator("[aria-sort]").get_attribute("aria-sort") == direction
        assert f"sorted by {column}" in shown.get_by_role("status").inner_text()


def test_the_first_order_is_that_of_the_status_column_and_can_be_turned(opened):
    shown = opened()
    assert shown.locator("[aria-sort=ascending]").inner_text() == "Status"
    heading(shown, "Status").click()
    assert sites(shown) == ["site_10", "site_1", "site_2", "site_4", "site_3"]


def test_sorting_by_digest_brings_two_sites_with_the_same_file_together(opened):
    shown = opened((*BATCH, entry("site_11", digest=BATCH[0].digest)))
    heading(shown, "SHA-256").click()
    order = sites(shown)
    assert order.index("site_11") == order.index("site_1") + 1 and order[-1] == "site_3"


def test_a_narrowed_page_stays_narrowed_when_it_is_sorted(opened):
    shown = opened()
    shown.get_by_label("Search").fill("worse")
    heading(shown, "Patients this period").click()
    heading(shown, "Patients this period").click()
    assert sites(shown) == ["site_4", "site_2"]


@pytest.mark.parametrize("width", [360, 1440])
def test_the_keyboard_alone_searches_filters_sorts_opens_a_digest_and_reaches_a_file(opened, width):
    shown = opened(width=width)
    tab_to(shown, "#search")
    shown.keyboard.type("hos")
    assert sites(shown) == []
    tab_to(shown, ".none button")
    shown.keyboard.press("Enter")
    assert len(sites(shown)) == 5
    tab_to(shown, "#status")
    shown.keyboard.press("ArrowDown")
    assert sites(shown) == ["site_3"]
    shown.keyboard.press("ArrowUp")
    tab_to(shown, "th:nth-child(2) > button")
    shown.keyboard.press("Space")
    assert sites(shown)[0] == "site_10" and shown.evaluate("document.activeElement.textContent") == "Name"
    tab_to(shown, "a[aria-label='PDF, site_10']")
    box = shown.locator("a:focus").bounding_box()
    assert 0 <= box["y"] < 844
    tab_to(shown, "summary")
    shown.keyboard.press("Enter")
    assert shown.get_by_text(BATCH[4].digest, exact=True).is_visible()


@pytest.mark.parametrize("width", [320, 360, 768, 1060, 1440])
def test_the_page_never_scrolls_sideways_even_with_hostile_names(opened, width):
    names = list(HOSTILE.values())
    hostile = [entry(text, text, "failed", reason=text, flags=(text,)) for text in names]
    shown = opened((*hostile, *BATCH), width=width)
    assert shown.evaluate("document.documentElement.scrollWidth") <= width
    spilling = "all => all.filter(e => e.scrollWidth > e.clientWidth + 1).length"
    assert shown.locator("tbody :is(th, td)").evaluate_all(spilling) == 0
    assert len(sites(shown)) == len(names) + 5 and shown.title() != "owned"
    assert shown.complaints == [] and shown.asked == [shown.own]


def test_on_a_phone_each_site_is_a_card_that_names_its_values(opened):
    shown = opened(width=360)
    before = "e => getComputedStyle(e, '::before').content"
    card = shown.locator("tbody tr").filter(has_text="Birchfield")
    labels = [card.locator("td").nth(i).evaluate(before) for i in range(2, 7)]
    assert [re.sub(r'^"|".*$', "", label) for label in labels] == list(COLUMNS[3:])
    assert card.bounding_box()["width"] <= 360
    assert shown.get_by_role("columnheader").count() == len(COLUMNS)
    assert shown.get_by_role("rowheader", name="site_4").count() == 1


@pytest.mark.parametrize("width", [360, 1440])
def test_without_script_every_site_is_readable_and_no_control_pretends(opened, width):
    shown = opened(width=width, script=False)
    assert sites(shown) == ["site_3", "site_1", "site_2", "site_4", "site_10"]
    assert shown.locator("button:visible, input:visible, select:visible").count() == 0
    assert shown.get_by_text("Showing 5 of 5").is_visible()
    assert shown.locator("a:visible").count() == sum(len(each.files) for each in BATCH)
    assert shown.locator("thead").is_visible() == (width == 1440)


def test_the_page_asks_nothing_of_the_network(opened):
    shown = opened()
    shown.get_by_label("Search").fill("a")
    heading(shown, "Name").click()
    assert shown.asked == [shown.own] and shown.complaints == []


def test_a_printed_page_is_a_whole_table_that_tells_how_it_was_narrowed(opened):
    shown = opened()
    shown.get_by_label("Search").fill("worse")
    shown.emulate_media(media="print")
    assert shown.get_by_text("; search: worse").is_visible() and not shown.get_by_label("Search").is_visible()
    assert shown.locator("table").evaluate("e => getComputedStyle(e).display") == "table"
    assert sites(shown) == ["site_2", "site_4"]


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("state", ["open", "none found"])
def test_axe_finds_no_violation(opened, screen, state):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    width, scheme = SCREENS[screen]
    shown = opened(width=width, scheme=scheme)
    shown.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    if state == "none found":
        shown.get_by_label("Search").fill("nowhere")
    found = axe.Axe().run(shown)
    assert len(found.response["passes"]) > 10
    assert [(v["id"], v["nodes"][0]["html"]) for v in found.response["violations"]] == []


def test_fourteen_hundred_sites_are_searched_and_sorted_without_a_wait(opened):
    names = ("Ashdown", "Köln-Süd", "Łódź", "Calder")
    shown = opened([entry(f"site_{i}", names[i % 4], patients=i % 37, flags=(WORSE,) * (i % 3)) for i in range(1400)])
    timed = """async words => {
        const search = document.querySelector("#search"), times = [];
        const frame = () => new Promise(done => requestAnimationFrame(() => setTimeout(done)));
        for (const word of words) {
            const start = performance.now();
            search.value = word;
            search.dispatchEvent(new Event("input"));
            await frame();
            times.push(performance.now() - start);
        }
        for (const button of document.querySelectorAll("thead button")) {
            const start = performance.now();
            button.click();
            await frame();
            times.push(performance.now() - start);
        }
        return times;
    }"""
    times = shown.evaluate(timed, ["k", "koln", "nowhere", "site_13", ""])
    assert sorted(times)[len(times) // 2] < 400
    shown.get_by_label("Search").fill("lodz")
    assert "Showing 350 of 1400" in shown.get_by_role("status").inner_text()
