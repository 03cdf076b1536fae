"""The rules without data: sentences that must fail, sentences that must pass, and no contradiction of what is correct."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest
from scipy.stats import t as student
from scipy.stats.contingency import odds_ratio

from tieout.audit.arithmetic import p_values, two_sided
from tieout.audit.extract import extract
from tieout.audit.quoted import Finding, Number, Passage, Quoted
from tieout.audit.read import read_text
from tieout.audit.rules import RULES, judge

ABSTRACT = (
    "Results: A total of 78 patients were included. Intracranial atherosclerotic stenosis was the most common etiology for "
    "rescue stenting (97.4%). Seventy-seven patients (98.7%) were successfully recanalized by rescue stenting. A favorable "
    "outcome was observed in 66.7% of patients. Symptomatic intracranial hemorrhage and mortality were observed in 5.1% and "
    "4.0% of patients, respectively. The stented artery was patent in 82.1% of patients on follow-up angiography. In a "
    "multivariable analysis, a patent stent on follow-up angiography was an independent factor for a favorable outcome (OR "
    "87.6; 95% CI 4.77 to 1608.9; p=0.003). Postprocedural intravenous maintenance of glycoprotein IIb/IIIa inhibitor was "
    "significantly associated with the follow-up patency of the stented artery (OR 5.72; 95% CI 1.45 to 22.6; p=0.013)."
)
"""The results of Baek et al., J Neurointerv Surg 2022."""
AGAINST = ("contradicted", "query")
FAILS = [(name, text) for name, rule in RULES.items() for text in rule.fails]
PASSES = [(name, text) for name, rule in RULES.items() for text in rule.passes]


def figures_of(text: str, format: str = "md") -> tuple[Quoted, ...]:
    return extract(read_text(text, format, "sentence"))


def number(value: float, decimals: int, sign: str = "") -> Number:
    return Number(round(value, decimals), decimals, sign, f"{sign}{value:.{decimals}f}")


def quoted(kind: str, sentence: str = "", measure: str = "", inherited: bool = False, at: int = 0, **parts) -> Quoted:
    passage = Passage(sentence, "paragraph", 0)
    return Quoted(kind, sentence, passage, at, at, measure=measure, inherited=inherited, **parts)


def whole(count: int) -> Number:
    return Number(float(count), 0, "", str(count))


def against(findings: list[Finding], *verdicts: str) -> list[Finding]:
    return [finding for finding in findings if finding.verdict in (verdicts or AGAINST)]


@pytest.mark.parametrize("name", RULES)
def test_no_rule_is_without_sentences_that_fail_and_sentences_that_pass(name):
    assert RULES[name].fails and RULES[name].passes
    assert not set(RULES[name].fails) & set(RULES[name].passes)


@pytest.mark.parametrize(("name", "text"), FAILS)
def test_a_sentence_that_must_fail_fails_by_its_rule(name, text):
    assert name in {finding.rule for finding in against(judge(figures_of(text)))}


@pytest.mark.parametrize(("name", "text"), PASSES)
def test_a_sentence_that_must_pass_passes_its_rule(name, text):
    assert name not in {finding.rule for finding in against(judge(figures_of(text)))}


@pytest.mark.parametrize(("name", "text"), PASSES)
def test_no_rule_contradicts_a_sentence_that_another_must_pass(name, text):
    assert against(judge(figures_of(text)), "contradicted") == []


@pytest.mark.parametrize("name", RULES)
def test_each_rule_says_consistent_of_some_sentence_that_passes(name):
    verdicts = {f.verdict for text in RULES[name].passes for f in RULES[name].check(figures_of(text))}
    assert "consistent" in verdicts or name == "impossible"


def test_a_manuscript_without_figures_has_no_findings():
    assert judge(()) == []


def seed() -> dict[str, list[Finding]]:
    found: dict[str, list[Finding]] = {}
    for finding in judge(figures_of(ABSTRACT, "txt")):
        found.setdefault(finding.rule, []).append(finding)
    return found


def test_the_published_abstract_has_no_contradiction():
    assert against([finding for same in seed().values() for finding in same], "contradicted") == []


def test_the_published_abstract_has_denominators_for_each_percentage_but_one():
    said = {f.figures[0].percent.value: f for f in seed()["denominators"]}
    assert set(said) == {97.4, 98.7, 66.7, 5.1, 4.0, 82.1}
    assert {value for value, finding in said.items() if finding.verdict == "query"} == {4.0}
    assert said[66.7].message.startswith("66.7% is 52/78; also 50/75")
    assert said[98.7].message == "77 is 98.7% of 78"
    assert said[4.0].candidates == ("3/75", "2/50", "1/25")
    assert said[4.0].message == (
        "4.0% is impossible of 78 (3/78 is 3.8%, 4/78 is 5.1%); it would be 3/75, 2/50 or 1/25: "
        "were 3 of the 78 not assessed?"
    )


def test_the_ratios_of_the_published_abstract_are_consistent_and_the_wide_interval_is_noted():
    for rule in ("interval", "symmetry", "p_interval"):
        assert [finding.verdict for finding in seed()[rule]] == ["consistent", "consistent"]
    assert "the interval spans 337-fold: sparse data" in seed()["symmetry"][0].message
    assert "fold" not in seed()["symmetry"][1].message


@pytest.mark.parametrize(
    ("cell", "verdict", "said"),
    [
        ((46, 52, 90.2), "consistent", "46/51 is 90.2%: 1 of 52 missing"),
        ((46, 52, 80.1), "query", "the total of its column is 88.5%"),
    ],
)
def test_a_total_inherited_from_the_column_may_be_short_of_a_few_and_is_never_contradicted(cell, verdict, said):
    count, total, percent = cell
    figure = quoted(
        "count_of_total", "cell", count=whole(count), total=whole(total), percent=Number(percent, 1), inherited=True
    )
    (finding,) = RULES["share"].check([figure])
    assert finding.verdict == verdict and said in finding.message


def test_a_percentage_that_was_cut_off_is_questioned():
    figure = quoted("count_of_total", "52/78 (66.6%)", count=whole(52), total=whole(78), percent=Number(66.6, 1))
    (finding,) = RULES["share"].check([figure])
    assert finding.verdict == "query" and "cut off" in finding.explanation


def test_an_estimate_outside_its_interval_is_explained():
    ratio = quoted("ratio_ci", measure="OR", estimate=Number(0.5, 2), low=Number(1.2, 2), high=Number(3.3, 2))
    slipped = quoted("ratio_ci", measure="OR", estimate=Number(18.4, 1), low=Number(1.1, 2), high=Number(3.07, 2))
    assert "reference group" in next(RULES["interval"].check([ratio])).explanation
    assert "decimal point" in next(RULES["interval"].check([slipped])).explanation


def test_a_p_that_fits_another_level_or_one_side_is_questioned_with_that_reason():
    ninety = quoted(
        "ratio_ci", measure="OR", estimate=Number(1.84, 2), low=Number(1.10, 2), high=Number(3.07, 2), p=Number(0.050, 3)
    )  # fmt: skip
    half = quoted(
        "ratio_ci", measure="OR", estimate=Number(1.84, 2), low=Number(1.10, 2), high=Number(3.07, 2), p=Number(0.010, 3)
    )  # fmt: skip
    assert next(RULES["p_interval"].check([ninety])).explanation == "it would agree with a 90% interval"
    assert next(RULES["p_interval"].check([half])).explanation == "it would be a one-sided p"


def test_a_one_sided_p_of_two_counts_is_questioned_as_such():
    text = "Death occurred in 3/52 (5.8%) versus 4/26 (15.4%) patients (p=0.08)."
    findings = [f for f in judge(figures_of(text)) if f.rule == "p_counts"]
    assert [f.verdict for f in findings] == ["query"] and "one-sided" in findings[0].explanation


def random_tables(count: int, seed: int, most: float = 300):
    rng = np.random.default_rng(seed)
    while count:
        n = int(math.exp(rng.uniform(math.log(5), math.log(most))))
        m = int(n * math.exp(rng.uniform(-1, 1))) + 3
        a, b = (int(rng.binomial(total, rng.beta(0.7, 0.7))) for total in (n, m))
        if 0 < a < n and 0 < b < m:
            count -= 1
            yield a, n, b, m


def three(value: float) -> Number:
    """Return a value as journals print it: three decimals, or two significant digits above 1."""
    return number(value, 3 if value < 1 else 2 if value < 20 else 1)


def printed_p(p: float) -> Number:
    return number(0.001, 3, "<") if p < 0.001 else number(p, 3)


def wrongly(rule: str, figures: list[Quoted]) -> list[Finding]:
    return against(list(RULES[rule].check(figures)), "contradicted")


def test_no_usual_p_value_is_contradicted_beside_its_counts():
    for a, n, b, m in random_tables(250, 1):
        sentence = f"It was seen in {a}/{n} v {b}/{m} patients (p)"
        passage = Passage(sentence, "paragraph", 0)
        places = (sentence.index(f"{a}/{n}"), sentence.index(f" v {b}/{m}") + 3, sentence.index("(p") + 1)
        one = Quoted("count_of_total", f"{a}/{n}", passage, places[0], places[0] + 3, count=whole(a), total=whole(n))
        other = Quoted("count_of_total", f"{b}/{m}", passage, places[1], places[1] + 3, count=whole(b), total=whole(m))
        for name, value in p_values(a, n, b, m).items():
            p = Quoted("p_value", "p", passage, places[2], places[2] + 1, p=printed_p(value))
            (finding,) = RULES["p_counts"].check([one, other, p])
            assert finding.verdict == "consistent", (a, n, b, m, name, finding)


def test_no_usual_p_value_is_contradicted_beside_a_woolf_or_katz_interval():
    for a, n, b, m in random_tables(400, 2):
        odds, risk = a * (m - b) / (b * (n - a)), a / n / (b / m)
        errors = {
            "OR": (odds, math.sqrt(1 / a + 1 / (n - a) + 1 / b + 1 / (m - b))),
            "RR": (risk, math.sqrt(1 / a - 1 / n + 1 / b - 1 / m)),
        }
        for measure, (ratio, error) in errors.items():
            low, high = (three(ratio * math.exp(arm * error)) for arm in (-1.96, 1.96))
            for name, p in p_values(a, n, b, m).items():
                if "unpooled" in name:  # a test of the difference, and far off with five patients
                    continue
                figure = quoted(
                    "ratio_ci", measure=measure, estimate=three(ratio), low=low, high=high, p=printed_p(p)
                )
                assert not wrongly("p_interval", [figure]), (a, n, b, m, name, p)
                assert not wrongly("symmetry", [figure]) and not wrongly("interval", [figure])


def test_no_usual_p_value_is_contradicted_beside_a_difference_of_rates_or_means():
    for a, n, b, m in random_tables(200, 3):
        p, q = a / n, b / m
        error = math.sqrt(p * (1 - p) / n + q * (1 - q) / m)
        parts = [number(100 * (p - q + arm * error), 1) for arm in (0, -1.96, 1.96)]
        for value in p_values(a, n, b, m).values():
            figure = quoted(
                "difference_ci", measure="RD", estimate=parts[0], low=parts[1], high=parts[2], p=printed_p(value)
            )
            assert not wrongly("p_interval", [figure])
        deviate, freedom = 4 * (a / n), n + m - 2
        ends = [number(10 * (deviate + arm * student.ppf(0.975, freedom)), 1) for arm in (0, -1, 1)]
        mean = quoted(
            "difference_ci", measure="MD", estimate=ends[0], low=ends[1], high=ends[2],
            p=printed_p(2 * student.sf(deviate, freedom)),
        )  # fmt: skip
        assert not wrongly("p_interval", [mean])


def test_no_exact_interval_of_a_table_is_contradicted():
    for a, n, b, m in random_tables(120, 4):
        found = odds_ratio([[a, n - a], [b, m - b]])
        limits = found.confidence_interval(0.95)
        figure = quoted(
            "ratio_ci", measure="OR", estimate=three(found.statistic), low=three(limits.low), high=three(limits.high),
            p=printed_p(p_values(a, n, b, m)["Fisher's exact test"]),
        )  # fmt: skip
        for rule in ("interval", "symmetry", "p_interval"):
            assert not wrongly(rule, [figure]), (a, n, b, m)


@pytest.mark.parametrize(
    ("estimate", "low", "high", "p"),
    [
        (18.36, 1.84, 2571.0, 0.0049),  # endometrial cancer: Firth's profile interval and likelihood-ratio p
        (11.51, 2.60, 72.67, 0.00018),  # conditional maximum likelihood, exact interval, Fisher's p
        (0.90, 0.82, 0.98, 0.017),
        (3.28, 1.35, 8.30, 0.009),
    ],
)
def test_published_profile_and_exact_intervals_are_not_contradicted(estimate, low, high, p):
    figure = quoted(
        "ratio_ci", measure="OR", estimate=Number(estimate, 2), low=Number(low, 2), high=Number(high, 2), p=Number(p, 4)
    )
    for rule in ("interval", "symmetry", "p_interval"):
        assert not wrongly(rule, [figure])


def test_a_clearly_wrong_p_beside_an_interval_is_always_found():
    missed = 0
    for a, n, b, m in random_tables(200, 5):
        odds, error = a * (m - b) / (b * (n - a)), math.sqrt(1 / a + 1 / (n - a) + 1 / b + 1 / (m - b))
        parts = {k: three(odds * math.exp(arm * error)) for k, arm in (("estimate", 0), ("low", -1.96), ("high", 1.96))}
        if parts["low"].value < 0.001:
            continue
        p = two_sided(math.log(odds) / error)
        wrong = 0.5 if p < 0.05 else 0.0001
        figure = quoted("ratio_ci", measure="OR", p=number(wrong, 4), **parts)
        missed += not against(list(RULES["p_interval"].check([figure])))
    assert missed == 0


def test_the_work_of_judging_grows_with_the_figures_and_not_with_their_square():
    paragraph = (
        "We enrolled 78 patients, 3 were lost to follow-up, and 75 were analysed. A favourable outcome was seen in 50 of "
        "75 patients (66.7%), and 5.1% died. Patency was significantly associated with it (OR 5.72; 95% CI 1.45 to 22.6; "
        "p=0.013), and the median age was 67 years (IQR 59–75).\n\n"
    )

    def steps(times: int) -> int:
        """Return how many instructions of Python the judging of so many paragraphs takes."""
        figures, counted = figures_of(paragraph * times), 0

        def tracer(frame, event, _):
            nonlocal counted
            frame.f_trace_opcodes = True
            counted += event == "opcode"
            return tracer

        before = sys.gettrace()
        sys.settrace(tracer)
        try:
            judge(figures)
        finally:
            sys.settrace(before)
        return counted

    steps(1)
    assert 5 < steps(50) / steps(5) < 15
