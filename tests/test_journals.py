"""Profiles of journals: one option changes every number, heading and spelling, and the audit reads each back."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path

import pytest

from tieout import journals, results, spelling, weave
from tieout.audit.report import audit
from tieout.build import build
from tieout.display import Profile, in_words, profile_of
from tieout.errors import TieoutError
from tieout.render import FORMATS
from tieout.resources import citation_style, example
from tieout.results import Results, Statistic

STUDY = example() / "data" / "study.yaml"
JOURNALS = journals.known()


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """The example in the profile of each journal, the first of them twice."""
    folder = tmp_path_factory.mktemp("journals")
    made = {name: build(STUDY, FORMATS, folder / name, "embedded", journal=name) for name in JOURNALS}
    return made | {"again": build(STUDY, FORMATS, folder / JOURNALS[0], "embedded", journal=JOURNALS[0])}


def figure(kind: str, value: float, **more) -> Statistic:
    return Statistic(f"a.{more.pop('name', kind)}", value, kind, "Bleeding", **more)


RESULTS = [
    Statistic("a.n", 4, "count", "Symptomatic intracranial haemorrhage", n=4, total=78),
    Statistic("a.total", 78, "count", "", n=78),
    Statistic("a.pct", 100 * 4 / 78, "percent", "", n=4, total=78),
    Statistic("a.low", 2.01, "percent_limit", ""),
    Statistic("a.high", 12.46, "percent_limit", ""),
    Statistic("b.estimate", 5.7183, "odds_ratio", ""),
    Statistic("b.low", 1.4481, "ratio_limit", ""),
    Statistic("b.high", 1608.88, "ratio_limit", ""),
    Statistic("b.p", 0.01282, "p", ""),
    Statistic("c.estimate", 1.25, "mean_difference", "", unit="mm Hg", decimals=1),
    Statistic("c.low", -2.0, "mean_difference_limit", "", decimals=1),
    Statistic("c.high", 4.5, "mean_difference_limit", "", decimals=1),
    Statistic("d.p", 0.00004, "p", ""),
    Statistic("d.n", 112, "count", ""),
    Statistic("d.large", 12345, "count", ""),
    Statistic("d.day", 737791, "date", ""),
]
TEXT = "[[ a | occurred ]]; [[ b | estimate_ci_p ]]; [[ c | interval ]]; [[ d | p ]]; [[ d.large ]]; [[ d.day ]]. [[ d.n ]] in all."
SAID = {
    "jnis": "Symptomatic intracranial haemorrhage occurred in 4 of 78 patients (5.1%; 95% CI 2.0 to 12.5); OR 5.72; 95% CI 1.45 to "
    "1608.9; p=0.013; 95% CI −2.0 to 4.5; p<0.001; 12,345; 1 January 2021. One hundred and twelve in all.",
    "lancet": "Symptomatic intracranial haemorrhage occurred in 4 of 78 patients (5·1%; 95% CI 2·0–12·5); OR 5·72; 95% CI 1·45–"
    "1608·9; p=0·013; 95% CI −2·0 to 4·5; p<0·0001; 12\u2009345; 1 January 2021. One hundred and twelve in all.",
    "jama": "Symptomatic intracranial hemorrhage occurred in 4 of 78 patients (5.1%; 95% CI, 2.0-12.5); OR, 5.72; 95% CI, 1.45-"
    "1608.9; P\u00a0=\u00a0.01; 95% CI, −2.0 to 4.5; P\u00a0<\u00a0.001; 12,345; January 1, 2021. One hundred twelve in all.",
    "stroke": "Symptomatic intracranial hemorrhage occurred in 4 of 78 patients (5.1%; 95% CI, 2.0–12.5); OR, 5.72; 95% CI, 1.45–"
    "1608.9; P=0.013; 95% CI, −2.0 to 4.5; P<0.001; 12,345; January 1, 2021. One hundred twelve in all.",
    "nejm": "Symptomatic intracranial hemorrhage occurred in 4 of 78 patients (5.1%; 95% CI, 2.0 to 12.5); OR, 5.72; 95% CI, 1.45 to "
    "1608.9; P=0.01; 95% CI, −2.0 to 4.5; P<0.001; 12,345; January 1, 2021. One hundred twelve in all.",
}
SAID["generic"] = SAID["jnis"]


@pytest.mark.parametrize("name", JOURNALS)
def test_each_journal_has_its_own_numbers_signs_dates_and_spelling(name, tmp_path):
    (tmp_path / "m.qmd").write_text(TEXT, encoding="utf-8")
    found = Results.of(RESULTS, {"confidence": "95", **journals.told(name, Path())})
    text = weave.weave(tmp_path / "m.qmd", found, {}, {}, {}).text
    plain = re.sub(r"\[([^\[\]]*)\]\{[^}]*\}", r"\1", spelling.spelled(text, profile_of(found.meta).language)).replace("\\", "")
    assert plain == SAID[name]


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("jama", 0.0496, ".050"), ("jama", 0.0506, ".05"),
        ("jama", 0.0449, ".04"), ("jama", 0.0481, ".048"), ("jama", 0.0026, ".003"), ("jama", 0.5, ".50"),
        ("lancet", 0.0026, "0·0026"), ("lancet", 0.0003, "0·0003"), ("lancet", 0.0128, "0·013"), ("lancet", 0.2456, "0·25"),
        ("nejm", 0.0128, "0.01"), ("nejm", 0.04994, "0.050"), ("stroke", 0.0499, "0.050"), ("stroke", 0.9999, ">0.99"),
    ],
)  # fmt: skip
def test_p_values_have_the_digits_of_the_journal_and_none_below_0_05_is_rounded_to_two_digits_of_it(name, value, shown):
    from tieout.display import text

    assert text(Statistic("p", value, "p", ""), journals.read(name).profile) == shown


@pytest.mark.parametrize("name", JOURNALS)
def test_a_profile_survives_in_the_results_that_are_saved(name, tmp_path):
    saved = tmp_path / "results.json"
    saved.write_text(Results.of(RESULTS, {"confidence": "90", **journals.told(name, Path())}).to_json(), encoding="utf-8")
    found = profile_of(results.load(saved).meta)
    assert asdict(found) == {**asdict(journals.read(name).profile), "confidence": "90"} and hash(found)


@pytest.mark.parametrize("name", JOURNALS)
def test_each_journal_names_a_citation_style_that_exists(name):
    assert citation_style(journals.read(name).citations).is_file()


def test_a_journal_and_back_gives_the_same_bytes(outputs):
    first, again = outputs[JOURNALS[0]], outputs["again"]
    assert {name: path.read_bytes() for name, path in first.outputs.items()} == {
        name: path.read_bytes() for name, path in again.outputs.items()
    }
    others = [outputs[name].document.text for name in JOURNALS]
    assert len(set(others)) == len(others) - 1, "jnis writes as no journal in particular does"


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("name", JOURNALS)
def test_what_is_woven_for_a_journal_audits_clean_in_every_format(outputs, name, format_):
    judged = audit(outputs[name].outputs[format_], outputs[name].results).judged
    assert sum(each.verdict == "confirmed" for each in judged) > 500
    assert {each.verdict for each in judged} == {"confirmed", "conventional", "untraceable"}
    told = [each.figure.text for each in judged if each.verdict == "untraceable"]
    assert told == ["sixteen"], "the centres of another study, which no data here can know"


@pytest.mark.parametrize("name", JOURNALS)
def test_the_headings_of_the_abstract_are_those_of_the_journal(outputs, name):
    wanted = list(journals.read(name).abstract.values()) or ["Background", "Methods", "Results", "Conclusions"]
    front = outputs[name].document.text.partition("\n# ")[0]
    assert re.findall(r"^ *\*\*([^*]+)\*\*", front, re.M) == wanted
    assert "lang: " + journals.read(name).profile.language in front


def test_headings_that_a_journal_wants_besides_are_told():
    text = "---\nabstract: |\n  **Background** One.\n\n  **Results** Two.\n---\n"
    jama = journals.read("jama")
    assert journals.wanting(journals.in_style(text, jama), jama) == [
        "Design, Setting, and Participants", "Conclusions and Relevance", "Objective", "Exposures", "Main Outcomes and Measures",
    ]  # fmt: skip


def test_limits_are_counted_and_what_exceeds_one_is_told_with_both_numbers():
    journal = journals.Journal(name="Ours", limits={"abstract": 3, "text": 4, "tables_and_figures": 0, "references": 1})
    text = "---\nabstract: |\n  One two three four.\n---\n\n# A\n\nOne two [@a], three [@b].\n\n![x](y){#fig-a}\n"
    assert list(journals.advice(text, journal)) == [
        "Ours: 4 words in the abstract, at most 3 are wanted; confirm with the journal",
        "Ours: 1 tables and figures, at most 0 are wanted; confirm with the journal",
        "Ours: 2 references, at most 1 are wanted; confirm with the journal",
    ]


def test_a_journal_of_ones_own_is_a_file(tmp_path):
    (tmp_path / "ours.yaml").write_text('name: Ours\nnumbers: {decimal_point: ",", p_symbol: P}\n', encoding="utf-8")
    profile = journals.read("ours.yaml", tmp_path).profile
    assert (profile.decimal_point, profile.p_symbol, profile.interval) == (",", "P", " to ")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: Ours\nnumbers: {decimal_piont: x}\n", "did you mean 'decimal_point'"),
        ("name: Ours\nlimits: {abstracts: 250}\n", "did you mean 'abstract'"),
        ("name: Ours\ncitations: no-such-style\n", "no citation style"),
        ("name: Ours\nnumbers: {p_decimals: many}\n", "p_decimals"),
        ("numbers: {}\n", "name"),
        ("- a list\n", "not the profile of a journal"),
        ("name: [unclosed\n", "not the profile of a journal"),
    ],
)
def test_a_profile_that_is_wrong_is_refused_with_the_nearest_right_word(tmp_path, text, words):
    (tmp_path / "ours.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(TieoutError) as error:
        journals.read("ours.yaml", tmp_path)
    assert words in str(error.value) and "ours.yaml" in str(error.value)


def test_an_unknown_journal_is_told_the_nearest(small):
    small.change("study.yaml", "title: A small study\n", "title: A small study\njournal: lancett\n")
    with pytest.raises(TieoutError, match=r"study\.yaml:3.*no journal is called 'lancett'(.|\n)*did you mean 'lancet'"):
        small.build("html")


BRITISH = {
    "haemorrhage": "hemorrhage", "Ischaemic": "Ischemic", "RANDOMISED": "RANDOMIZED", "multicentre": "multicenter",
    "centred": "centered", "tumours": "tumors", "oesophageal": "esophageal", "anaesthesia": "anesthesia",
    "dyslipidaemia": "dyslipidemia",
    "recanalisation": "recanalization", "summarised": "summarized", "unfavourable": "unfavorable", "aetiology": "etiology",
    "catheterised": "catheterized", "analysed": "analyzed", "modelling": "modeling", "oedema": "edema", "paediatric": "pediatric",
    "enrolment": "enrollment", "programme": "program", "characterised": "characterized", "hospitalisations": "hospitalizations",
}  # fmt: skip
SAME = (
    "exercise advise raised compromise supervised surprise disease analysis analyses dialysis precise decision otherwise noise rise "
    "arising wise crisis basis enrolled parametric risk promise revised incision premises likewise raise comprised organism"
).split()


@pytest.mark.parametrize("word", BRITISH)
def test_british_words_are_spelt_as_americans_do(word):
    assert spelling.american(word) == BRITISH[word]


@pytest.mark.parametrize("word", SAME)
def test_words_that_both_spell_alike_stay(word):
    assert spelling.american(word) == word


def test_no_american_word_of_the_example_is_spelt_anew(outputs):
    text = outputs["jama"].document.text
    assert spelling.spelled(text, "en-US") == text
    british = outputs["jnis"].document.text
    for word in ("haemorrhage", "favourable", "recanalisation", "multicentre"):
        assert word in british.lower() and spelling.american(word) in text.lower()


def test_keys_names_of_files_citations_code_and_marked_names_are_not_respelled():
    text = (
        '[4]{.stat key="outcome.favourable.n"} [@labour2001] `favourable` <td data-key="tumour.n"> centre.bib http://a.centre/x '
        "![x](figures/tumour) {{< centre >}} [Guy’s Centre]{.as-written} model.favourable.d_patent"
    )
    assert spelling.spelled(text, "en-US") == text.replace("![x]", "![x]")
    assert spelling.spelled("The Centre", "en-GB") == "The Centre"


def test_versus_is_shortened_as_americans_do():
    assert spelling.spelled("Female v Male (1/2) v (3/4); v1 and v 2.", "en-US") == "Female vs Male (1/2) vs (3/4); v1 and v 2."


def test_words_for_readers_of_results_are_respelled_and_their_keys_are_not():
    models = {"Tumour": {"label": "Tumour", "terms": ["Tumour"]}}
    layout = {"tables": {"a": {"sections": {"Haemorrhage": ["Haemoglobin"]}}}, "models": models}
    found = Results.of([Statistic("Tumour.n", 1, "count", "Tumours", group_label="Favourable")], {"layout": layout})
    said = spelling.told(found, "en-US")
    assert (said["Tumour.n"].label, said["Tumour.n"].group_label) == ("Tumors", "Favorable")
    assert said.meta["layout"] == {
        "tables": {"a": {"sections": {"Hemorrhage": ["Haemoglobin"]}}}, "models": {"Tumour": {"label": "Tumor", "terms": ["Tumour"]}},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("value", "british", "american"),
    [(112, "One hundred and twelve", "One hundred twelve"), (77, "Seventy-seven", "Seventy-seven")],
)
def test_numbers_in_words_are_those_of_the_language(value, british, american):
    assert (in_words(value, Profile()), in_words(value, Profile("en-US"))) == (british, american)
