"""Weighting by the propensity score: weights, balance, warnings, and what is not estimable."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from tieout.analysis import comparisons, propensity
from tieout.errors import TieoutError

PROPENSITY = """\
propensity:
  treated: {group: treatment, terms: [age, sex], estimand: ate, outcomes: [good], label: Treated}
"""


def study_of(small, ages, treated, scores):
    """Return the small study with these patients in place of its own."""
    small.change("study.yaml", "derived:", "  treat: {label: Treatment, type: yesno}\nderived:")
    small.change("study.yaml", "groups:", "groups:\n  treatment: {variable: treat, levels: {active: 1, control: 0}}")
    small.change("study.yaml", "conditions:", PROPENSITY + "conditions:")
    rows = [
        f"r-{at},a,2024-01-03,{age},{1 + at % 2},{score},{int(t)}"
        for at, (age, t, score) in enumerate(zip(ages, treated, scores, strict=True))
    ]
    return small.write("data.csv", "\n".join(["id,site,day,age,sex,mrs,treat", *rows]) + "\n")


@pytest.fixture
def treated(small):
    chance = np.random.default_rng(11)
    ages = chance.integers(40, 90, 120)
    treated = chance.random(120) < expit((ages - 65) / 15)
    ages = np.where(chance.random(120) < 0.1, -99, ages)
    return study_of(small, ages, treated, chance.integers(0, 4, 120))


def cohort(size=400, strength=1.0):
    chance = np.random.default_rng(3)
    x = chance.normal(size=size)
    first = chance.random(size) < expit(strength * x)
    return x, first, expit(strength * x)


@pytest.mark.parametrize("estimand", propensity.WEIGHTS)
def test_weights_have_a_mean_of_one_in_each_group(estimand):
    _, first, score = cohort()
    weight = propensity.weights(score, first, estimand)
    assert weight[first].mean() == pytest.approx(1) and weight[~first].mean() == pytest.approx(1)


def test_the_first_group_keeps_its_own_patients_where_the_effect_is_theirs():
    _, first, score = cohort()
    assert set(propensity.weights(score, first, "att")[first]) == {1.0}


def test_truncation_lowers_the_largest_weight_and_raises_the_effective_size():
    _, first, score = cohort(strength=2.5)
    free, cut = (propensity.weights(score, first, "ate", truncate)[first] for truncate in (None, 0.95))
    assert cut.max() < free.max() and propensity.effective_size(cut) > propensity.effective_size(free)


def test_equal_weights_leave_the_effective_size_whole_and_one_patient_who_has_all_leaves_one():
    assert propensity.effective_size(np.ones(40)) == 40
    assert propensity.effective_size(np.array([1e9, 1, 1])) == pytest.approx(1)


def test_balance_before_weighting_is_the_difference_that_tables_of_characteristics_give():
    x, first, score = cohort()
    levels = np.digitize(x, [-0.5, 0.5])
    indicators = np.column_stack([levels == 1, levels == 2]).astype(float)
    counts = [[int((levels[group] == level).sum()) for level in range(3)] for group in (first, ~first)]
    weight = propensity.weights(score, first, "ate")
    number = propensity.imbalance(x[:, None], first, weight, levels=False)[0]
    levelled = propensity.imbalance(indicators, first, weight, levels=True)[0]
    assert number == pytest.approx(comparisons.smd_continuous(x[first], x[~first]).value)
    assert levelled == pytest.approx(comparisons.smd_categorical(counts).value)


def test_overlap_weights_by_a_fitted_score_balance_every_term_exactly(treated):
    """Li, Morgan & Zaslavsky 2018, theorem 3."""
    treated.change("study.yaml", "estimand: ate", "estimand: ato")
    results = treated.results()
    for term in ("age", "sex"):
        assert results[f"propensity.treated.balance.{term}.smd"].value > 0.01
        assert results[f"propensity.treated.balance.{term}.weighted_smd"].value < 1e-6


def test_equal_weights_give_the_crude_difference_and_ratio():
    event = np.array([1.0, 0, 1, 1, 0, 0, 1, 0])
    first = np.array([True] * 4 + [False] * 4)
    assert propensity.difference(event, first, np.ones(8)).value == pytest.approx(0.5)
    assert propensity.ratio(event, first, np.ones(8)).value == pytest.approx(3)


def test_weighting_removes_a_confounded_effect_that_is_none():
    chance = np.random.default_rng(2)
    x, first, score = cohort(20_000, 1.5)
    event = (chance.random(len(x)) < expit(x)).astype(float)
    crude = event[first].mean() - event[~first].mean()
    found = propensity.difference(event, first, propensity.weights(score, first, "ate"))
    assert crude > 0.2 and found.low < 0 < found.high


def test_a_group_in_which_nobody_had_the_event_has_no_interval():
    first = np.array([True] * 5 + [False] * 5)
    event = np.array([0.0] * 5 + [1, 0, 1, 0, 0])
    found = propensity.difference(event, first, np.ones(10))
    assert found.value == pytest.approx(-0.4) and found.low is None and "sandwich" in found.reason
    assert propensity.ratio(event, first, np.ones(10)).value is None


def test_patients_without_a_term_are_left_out_and_counted(treated):
    results = treated.results()
    ages = [line.split(",")[3] for line in (treated.folder / "data.csv").read_text(encoding="utf-8").splitlines()[1:]]
    assert results["propensity.treated.n"].value == len(ages) - ages.count("-99")
    assert results["propensity.treated.missing"].value == ages.count("-99") > 0
    assert results["propensity.treated.outcome.good.difference.estimate"].n == results["propensity.treated.n"].value


def test_separated_groups_have_no_weights_and_the_term_is_named(small):
    study = study_of(small, range(40, 80), [age >= 60 for age in range(40, 80)], [0, 1, 2, 3] * 10)
    results = study.results()
    for key in ("active.effective_size", "balance.age.weighted_smd", "outcome.good.risk_ratio.estimate", "outside.n"):
        statistic = results[f"propensity.treated.{key}"]
        assert statistic.value is None and "no propensity score" in statistic.error and "Age" in statistic.error


def test_weights_that_explode_are_told_with_the_largest_weight_and_the_effective_size(small):
    chance = np.random.default_rng(1)
    ages = np.concatenate([chance.integers(70, 90, 100), [40, 42]])
    treated = np.concatenate([chance.random(100) < 0.9, [True, False]])
    ages = np.concatenate([ages, chance.integers(40, 60, 100)])
    treated = np.concatenate([treated, chance.random(100) < 0.02])
    results = study_of(small, ages, treated, [0, 1, 2, 3] * 50 + [0, 1]).results()
    for key in ("active.effective_size", "outcome.good.difference.estimate"):
        warning = results[f"propensity.treated.{key}"].warning
        assert "the largest weight is" in warning and "the effective sample size" in warning


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("terms: [age, sex]", "terms: [age, treat]", "the group cannot explain itself"),
        ("terms: [age, sex]", "terms: [age, good]", "an outcome cannot explain"),
        ("terms: [age, sex]", "terms: [age, age]", "'age' stands twice"),
        ("outcomes: [good]", "outcomes: [death]", "no outcome is called 'death'"),
        ("estimand: ate", "estimand: atx", "unknown value 'atx'"),
        ("estimand: ate", "estimand: ate, truncate: 1.5", "expected a number below 1"),
    ],
)
def test_a_weighting_that_cannot_be_is_refused(treated, old, new, said):
    from tieout import study

    treated.change("study.yaml", old, new)
    with pytest.raises(TieoutError) as told:
        study.read(treated.study)
    assert said in str(told.value) and "propensity › treated" in str(told.value)
