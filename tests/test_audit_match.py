"""Matching quoted figures with results: confirmed, contradicted, untraceable, and what explains it."""

from __future__ import annotations

import pytest

from tieout.audit.match import match, rounds_to
from tieout.audit.quoted import KeyedSpan, Manuscript, Number, Passage, Quoted
from tieout.results import Results, Statistic


def rate(key: str, label: str, n: int, total: int, of: str = "", **more) -> Statistic:
    return Statistic(
        f"{key}.pct", 100 * n / total, "percent", label, n=n, total=total, variable=of or key, variable_label=label,
        name="pct", group=more.pop("group", "all"), **more,
    )  # fmt: skip


RESULTS = Results.of(
    [
        Statistic("study.patients.n", 78, "count", "Patients in the registry", n=78),
        rate("outcome.favourable", "Favourable outcome (mRS 0–2 at 3 months)", 50, 75),
        rate("outcome.death", "Death within 3 months", 3, 75),
        rate("outcome.sich", "Symptomatic intracranial haemorrhage", 4, 78),
        rate("outcome.sich.maintained", "Symptomatic intracranial haemorrhage", 2, 52, of="outcome.sich",
             group="maintained", group_label="Maintenance"),
        Statistic("model.x.patent.estimate", 87.6048, "odds_ratio", "Favourable outcome: Stent patent",
                  variable_label="Stent patent", name="estimate"),
        Statistic("model.x.patent.low", 4.7702, "ratio_limit", "", name="low"),
        Statistic("model.x.patent.high", 1608.88, "ratio_limit", "", name="high"),
        Statistic("model.x.patent.p", 0.00259, "p", "", variable_label="Stent patent", name="p"),
    ],
    {"journal": "jnis"},
)  # fmt: skip


def number(text: str) -> Number:
    plain = text.strip("<>%")
    return Number(float(plain), len(plain.partition(".")[2]), text[0] if text[0] in "<>" else "", text)


def quoted(kind: str, sentence: str, figure: str, keys=(), **parts: str) -> Quoted:
    start = sentence.index(figure)
    passage = Passage(sentence, "paragraph", 0, keys=tuple(keys))
    return Quoted(
        kind, figure, passage, start, start + len(figure), words=sentence, **{k: number(v) for k, v in parts.items()}
    )


def verdict(figure: Quoted):
    (finding,) = match(Manuscript("m", "txt", (figure.passage,)), [figure], RESULTS)
    return finding


def test_a_raw_value_confirms_what_it_rounds_to():
    assert rounds_to(97.435897, number("97.4")) and not rounds_to(97.435897, number("97.5"))
    assert rounds_to(0.0004, number("<0.001")) and not rounds_to(0.002, number("<0.001"))


@pytest.mark.parametrize(
    ("sentence", "figure", "key"),
    [
        ("A favorable outcome was observed in 66.7% of patients.", "66.7%", "outcome.favourable.pct"),
        ("Symptomatic intracranial hemorrhage was observed in 5.1%.", "5.1%", "outcome.sich.pct"),
        ("The mortality was 4.0%.", "4.0%", "outcome.death.pct"),
    ],
)
def test_a_percentage_is_confirmed_where_value_and_words_agree(sentence, figure, key):
    found = verdict(quoted("percent", sentence, figure, percent=figure))
    assert (found.verdict, found.key) == ("confirmed", key)


def test_a_value_that_merely_occurs_somewhere_is_a_candidate_and_no_pass():
    found = verdict(quoted("percent", "Diabetes was present in 66.7%.", "66.7%", percent="66.7"))
    assert found.verdict == "untraceable" and any("outcome.favourable.pct" in c for c in found.candidates)


def test_another_denominator_is_named_as_the_explanation():
    found = verdict(quoted("percent", "Death within 3 months occurred in 3.8%.", "3.8%", percent="3.8"))
    assert found.verdict == "contradicted" and found.expected == "4.0%"
    assert "3 of 78" in found.explanation


def test_the_other_group_is_named_as_the_explanation():
    found = verdict(quoted("percent", "Symptomatic intracranial haemorrhage in 3.8% of all.", "3.8%", percent="3.8"))
    assert found.verdict == "contradicted" and "Maintenance" in found.explanation


def test_a_ratio_is_one_record_and_each_part_must_fit():
    sentence = "A patent stent was an independent factor (OR 87.6; 95% CI 4.77 to 1608.9; p=0.003)."
    parts = {"estimate": "87.6", "low": "4.77", "high": "1608.9", "p": "0.003"}
    assert verdict(quoted("ratio_ci", sentence, "OR 87.6", **parts)).verdict == "confirmed"
    assert verdict(quoted("ratio_ci", sentence, "OR 87.6", **{**parts, "p": "0.03"})).verdict == "contradicted"
    assert verdict(quoted("ratio_ci", sentence, "OR 87.6", **{**parts, "high": "1680.9"})).verdict == "contradicted"


def test_a_keyed_figure_that_somebody_changed_is_caught_with_old_and_new():
    sentence = "Death occurred in 5.0% of patients."
    span = KeyedSpan(18, 22, "outcome.death.pct")
    found = verdict(quoted("percent", sentence, "5.0%", keys=[span], percent="5.0"))
    assert found.verdict == "contradicted" and "5.0%" in found.message and found.expected == "4.0%"


@pytest.mark.parametrize("shown", ["4.0%", "4%"])
def test_a_keyed_figure_may_be_rounded_more_coarsely(shown):
    sentence = f"Death occurred in {shown} of patients."
    span = KeyedSpan(18, 18 + len(shown), "outcome.death.pct")
    assert verdict(quoted("percent", sentence, shown, keys=[span], percent=shown)).verdict == "confirmed"


def test_a_count_spelled_out_is_the_count_of_its_key():
    span = KeyedSpan(0, 13, "study.patients.n")
    assert verdict(quoted("count", "Seventy-eight patients.", "Seventy-eight", keys=[span])).verdict == "confirmed"


def test_a_key_that_the_results_lack_is_untraceable():
    span = KeyedSpan(0, 2, "study.patient.n")
    found = verdict(quoted("count", "78 patients.", "78", keys=[span], count="78"))
    assert found.verdict == "untraceable" and "study.patients.n" in found.candidates[0]
