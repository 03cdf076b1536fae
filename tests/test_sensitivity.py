"""E-values: what they are of, of which limit, and of what they cannot be."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieout.analysis import sensitivity
from tieout.errors import TieoutError

ratios = st.floats(0.01, 100)


@given(ratios)
def test_a_ratio_and_its_inverse_need_the_same_confounder(ratio):
    for kind in sensitivity.COMMON:
        assert sensitivity.e_value(ratio, kind) == pytest.approx(sensitivity.e_value(1 / ratio, kind), rel=1e-6)


@given(ratios)
def test_a_confounder_of_the_e_value_explains_the_risk_ratio_away_and_no_weaker_one_does(ratio):
    """The bias of a confounder with both risk ratios E is E²/(2E - 1) (Ding & VanderWeele, Epidemiology 2016;27:368)."""
    e = sensitivity.e_value(ratio, "risk_ratio")
    assert e * e / (2 * e - 1) == pytest.approx(max(ratio, 1 / ratio))


def test_an_interval_that_includes_one_needs_no_confounder():
    assert sensitivity.of_limit(0.9, 2.5, "odds_ratio") == 1
    assert sensitivity.of_limit(1.0, 2.5, "risk_ratio") == 1


def test_the_limit_is_the_one_nearer_to_one():
    assert sensitivity.of_limit(2, 8, "risk_ratio") == sensitivity.e_value(2, "risk_ratio")
    assert sensitivity.of_limit(0.1, 0.5, "risk_ratio") == sensitivity.e_value(0.5, "risk_ratio")


@pytest.mark.parametrize("ratio", [0, -1, math.inf, math.nan])
def test_what_is_no_ratio_is_refused(ratio):
    with pytest.raises(ValueError, match="above 0"):
        sensitivity.e_value(ratio, "risk_ratio")


@pytest.fixture
def declared(small):
    return small.change("study.yaml", "conditions:", "e_values:\n  age: {of: model.good.age}\nconditions:")


def test_a_declared_e_value_has_the_reach_of_its_ratio(declared):
    results = declared.results()
    estimate = results["model.good.age.estimate"]
    assert results["e_value.age.estimate"].value == sensitivity.e_value(estimate.value, "odds_ratio")
    assert results["e_value.age.limit"].value == 1
    assert results["e_value.age.estimate"].total == estimate.total


def test_an_odds_ratio_of_a_rare_outcome_is_taken_as_a_risk_ratio(declared):
    common = declared.results()["e_value.age.estimate"].value
    rare = declared.change("study.yaml", "{of: model.good.age}", "{of: model.good.age.estimate, rare: true}").results()
    assert rare["e_value.age.estimate"].value > common
    assert "rare" in rare["e_value.age.estimate"].method


def test_a_ratio_that_is_not_estimable_has_no_e_value_and_keeps_the_reason(declared):
    lines = (declared.folder / "data.csv").read_text(encoding="utf-8").splitlines()
    same = [",".join([*row.split(",")[:3], "70", *row.split(",")[4:]]) for row in lines[1:]]
    declared.write("data.csv", "\n".join([lines[0], *same]) + "\n")
    results = declared.results()
    for part in ("estimate", "limit"):
        assert results[f"e_value.age.{part}"].error == results["model.good.age.estimate"].error != ""


@pytest.mark.parametrize(("of", "said"), [("model.good.agee", "did you mean"), ("model.good.n", "no ratio has the key")])
def test_what_is_not_the_key_of_a_ratio_stops(declared, of, said):
    declared.change("study.yaml", "of: model.good.age", f"of: {of}")
    with pytest.raises(TieoutError) as told:
        declared.results()
    assert said in str(told.value) and "e_values › age › of" in str(told.value)
