"""The supplement: built with the manuscript from the same results, with the ledger of every figure that the manuscript quotes."""

from __future__ import annotations

import re

import pytest

from tieout import ledger
from tieout.audit.report import audit
from tieout.display import Profile
from tieout.results import Results, Statistic

SUPPLEMENT = """\
---
title: "Supplement"
---

# Ledger {#sec-ledger}

[[ outcome.good | rate ]] (@tbl-ledger).

::: {#tbl-ledger}
[[ tables.ledger ]]

Every figure
:::

::: {#tbl-missing}
[[ tables.missing_baseline ]]

Missing
:::

::: {#tbl-firth}
[[ tables.firth_good ]]

Firth
:::
"""


@pytest.fixture
def supplemented(small):
    small.write("s.qmd", SUPPLEMENT)
    return small.change("study.yaml", "documents: {manuscript: m.qmd}", "documents: {manuscript: m.qmd, supplement: s.qmd}")


def test_the_ledger_lists_every_key_of_the_manuscript_and_no_other(supplemented):
    built = supplemented.build("html")
    woven = (supplemented.folder / "build" / "supplement" / "supplement.qmd").read_text(encoding="utf-8")
    table = re.search(r"#tbl-ledger\}.*?\n:::", woven, re.S)[0]
    assert set(re.findall(r'data-key="([^"]+)"', table)) == set(built.document.keys)


def test_both_documents_appear_with_their_woven_projects_and_the_supplement_audits_clean(supplemented):
    built = supplemented.build("pdf", "html", "docx")
    folder = supplemented.folder / "build"
    assert {path.name for path in built.supplement.values()} == {"supplement.pdf", "supplement.html", "supplement.docx"}
    assert (folder / "manuscript" / "manuscript.qmd").is_file() and (folder / "supplement" / "_quarto.yml").is_file()
    for path in built.supplement.values():
        verdicts = {judged.verdict for judged in audit(path, built.results).judged}
        assert "confirmed" in verdicts and not verdicts & {"contradicted", "untraceable", "query"}


def test_a_supplement_that_cannot_be_woven_leaves_what_was_built_before(supplemented):
    before = supplemented.build("html").outputs["html"].read_bytes()
    supplemented.change("s.qmd", "outcome.good | rate", "outcome.goood | rate").change("data.csv", "61,1,0", "62,1,0")
    with pytest.raises(Exception, match=r"s\.qmd:7"):
        supplemented.build("html")
    assert (supplemented.folder / "build" / "manuscript.html").read_bytes() == before


WOVEN = """---
abstract: |
  We saw [4]{.stat key="a.n"}.
---

# Results

[4]{.stat key="a.n"} of [9]{.stat key="a.total"}; [5]{.stat key="b.n"} in @tbl-x.

::: {#tbl-x}
<td><span data-key="b.n">5</span></td><td><span data-key="c.n">7</span></td>

# no heading within a table
:::

## After

[7]{.stat key="c.n"}
"""


def test_places_are_told_in_the_order_of_the_document():
    assert ledger.places(WOVEN) == {
        "a.n": ["Abstract", "Results"], "a.total": ["Results"], "b.n": ["Results", "Table 1"], "c.n": ["Table 1", "After"],
    }  # fmt: skip


def test_figures_of_one_result_share_a_row_with_what_their_labels_share_and_hostile_words_stay_text():
    found = Results.of(
        [
            Statistic("a.n", 4, "count", "Bleeding <b>, count", n=4, total=9, group_label="Treated"),
            Statistic("a.total", 9, "count", "Bleeding <b>, patients", n=9, total=9, group_label="Treated"),
            Statistic("b.n", None, "count", "Nobody", error="no patients"),
            Statistic("c.n", 7, "count", "Seven", n=7, method="counted"),
        ],
        {},
    )
    woven = WOVEN.replace('We saw [4]{.stat key="a.n"}', 'We saw [4]{.stat key="a.n"} of [9]{.stat key="a.total"}')
    rows = ledger.ledger(woven, found, Profile()).split("<tr")
    assert any("Bleeding &#60;b&#62;, Treated</td>" in row and "a.&#8203;(n, total)" in row and "4/9" in row for row in rows)
    assert not any("<b>" in row for row in rows)
    assert any("NE</td>" in row and "no patients" in row for row in rows) and any("counted</td><td>After" in row for row in rows)
