"""Templates, keys, conditions and claims."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tieout.errors import DoesNotTieOut, TieoutError
from tieout.results import Results, Statistic
from tieout.weave import weave

META = {"journal": "jnis", "confidence": "95"}


def results(p: float = 0.003) -> Results:
    return Results.of(
        [
            Statistic("outcome.success.n", 77, "count", "", n=77, total=78),
            Statistic("outcome.success.pct", 100 * 77 / 78, "percent", "", n=77, total=78),
            Statistic("model.x.age.p", p, "p", ""),
            Statistic("model.x.sex.p", None, "p", "", error="no events"),
            Statistic("final.2b.n", 5, "count", ""),
        ],
        META,
    )


def woven(tmp_path, text: str, found: Results | None = None, draft: bool = False, conditions=None, claims=None):
    path = tmp_path / "m.qmd"
    path.write_text(text, encoding="utf-8")
    conditions = {"old": "model.x.age.p < 0.05"} if conditions is None else conditions
    claims = {"matters": SimpleNamespace(condition="old")} if claims is None else claims
    inserts = {"tables": {"one": "TABLE"}, "text": {"methods": "We did."}}
    return weave(path, found or results(), conditions, claims, inserts, draft=draft)


def test_a_figure_enters_with_its_key(tmp_path):
    document = woven(tmp_path, "Of all, [[ outcome.success.pct ]].\n")
    assert document.text == 'Of all, [98.7%]{.stat key="outcome.success.pct"}.\n'
    assert document.keys == ("outcome.success.pct",)


def test_a_count_that_opens_a_sentence_is_spelled_out(tmp_path):
    document = woven(tmp_path, "We did. [[ outcome.success.n ]] patients; then [[ outcome.success.n ]].\n")
    assert "We did. [Seventy-seven]{.stat" in document.text
    assert "then [77]{.stat" in document.text


def test_a_level_that_begins_with_a_digit_is_quoted_by_subscript(tmp_path):
    assert "[5]{.stat" in woven(tmp_path, 'There were [[ final["2b"].n ]].').text


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("one\nthe [[ outcome.sucess.pct ]]", ":2:8", "outcome.success.pct"),
        ("[[ outcome.success | n_pct ]]\n[[ outcome.success | rate ]]", ":2:4", "outcome.success.total"),
        ("[[ outcome.success.pct | n_pctt ]]", ":1:26", "n_pct"),
        ("[% if condition.odl %]x[% endif %]", ":1:7", "old"),
        ("[% claim mater %]x[% endclaim %]", ":1:10", "matters"),
        ("[[ tables.two ]]", ":1:4", "one"),
        ("[[ nothing ]]", ":1:4", "outcome"),
        ("text [[ outcome.success.pct", ":1", ""),
        ("[% if condition.old %]never closed", ":1", "endif"),
        ("[% include 'x' %]", ":1:4", "include"),
        ("[% if condition.old %]x[% else %][[ outcome.sucess.n ]][% endif %]", ":1:37", "outcome.success.n"),
    ],
)
def test_a_wrong_name_is_told_with_line_column_and_the_nearest_right_one(tmp_path, text, place, words):
    with pytest.raises(TieoutError) as caught:
        woven(tmp_path, text)
    assert f"m.qmd{place}" in str(caught.value)
    assert words in str(caught.value)


def test_all_wrong_names_are_told_at_once(tmp_path):
    with pytest.raises(TieoutError) as caught:
        woven(tmp_path, "[[ outcome.a.n ]] [[ outcome.b.n ]]")
    assert str(caught.value).count("unknown key") == 2


def test_a_figure_that_is_not_estimable_cannot_be_quoted(tmp_path):
    with pytest.raises(TieoutError, match=r"m\.qmd:1:4  model\.x\.sex\.p cannot be quoted.*no events"):
        woven(tmp_path, "[[ model.x.sex.p ]]")


def test_a_condition_chooses_the_words(tmp_path):
    text = '[[ "was" if condition.old else "was not" ]]'
    assert woven(tmp_path, text).text == "was"
    assert woven(tmp_path, text, results(p=0.3)).text == "was not"


def test_a_claim_that_holds_is_marked_with_its_name(tmp_path):
    document = woven(tmp_path, "[% claim matters %]Age mattered ([[ model.x.age.p ]]).[% endclaim %]")
    assert document.text == '[Age mattered ([0.003]{.stat key="model.x.age.p"}).]{.claim key="matters"}'
    assert [(q.claim, q.sentence, q.holds) for q in document.claims] == [("matters", "Age mattered (0.003).", True)]


def test_a_claim_that_no_longer_holds_stops_the_build_and_names_sentence_and_figures(tmp_path):
    text = "\n[% claim matters %]Age mattered.[% endclaim %]"
    with pytest.raises(DoesNotTieOut) as caught:
        woven(tmp_path, text, results(p=0.3))
    told = str(caught.value)
    assert "m.qmd:2" in told and "Age mattered." in told and "model.x.age.p is 0.30" in told
    assert caught.value.exit_code == 1


def test_a_draft_keeps_a_broken_claim_and_says_so(tmp_path):
    document = woven(tmp_path, "[% claim matters %]Age mattered.[% endclaim %]", results(p=0.3), draft=True)
    assert not document.claims[0].holds


@pytest.mark.parametrize(
    "expression", ["model.x.agee.p < 0.05", "model.x.sex.p < 0.05", "model.x.age.p <", "model.x.age.p"]
)
def test_a_condition_that_cannot_be_judged_is_named(tmp_path, expression):
    with pytest.raises(TieoutError, match="conditions › old"):
        woven(tmp_path, "x", conditions={"old": expression})


@pytest.mark.parametrize(
    "text",
    [
        "[[ ''.__class__.__mro__ ]]",
        "[[ outcome.__class__ ]]",
        "[[ outcome.success.__init__.__globals__ ]]",
        "[% for x in ().__class__.__bases__ %][% endfor %]",
        "[[ tables.one.__class__ ]]",
    ],
)
def test_a_template_cannot_leave_its_sandbox(tmp_path, text):
    with pytest.raises(TieoutError):
        woven(tmp_path, text)


def test_quarto_shortcodes_and_code_fences_pass_untouched(tmp_path):
    text = "{{< pagebreak >}}\n\n```{r}\nx[1]\n```\n{{ not ours }} {% nor this %}\n"
    assert woven(tmp_path, text).text == text
