"""Families of p values: who belongs, who is left out, and what the paragraph of methods says."""

from __future__ import annotations

import dataclasses

import pytest

from tieout import methods
from tieout.analysis import adjusted
from tieout.errors import TieoutError
from tieout.results import Results

FAMILY = """\
p_values:
  baseline: {of: ["table.baseline.*.p", model.good.age.p], method: holm, label: Baseline}
"""


@pytest.fixture
def family(small):
    return small.change("study.yaml", "conditions:", FAMILY + "conditions:")


def test_adjusted_p_values_stand_beside_the_raw_ones(family):
    results = family.results()
    raw = ["table.baseline.age.p", "table.baseline.sex.p", "model.good.age.p"]
    assert [s.key for s in results.under("p_value.baseline") if s.kind == "p"] == [f"p_value.baseline.{key}" for key in raw]
    smallest = min(raw, key=lambda key: results[key].value)
    assert results[f"p_value.baseline.{smallest}"].value == pytest.approx(min(1, 3 * results[smallest].value))
    assert results[f"p_value.baseline.{smallest}"].method.startswith(results[smallest].method)


def test_a_p_value_that_is_not_estimable_is_left_out_and_said(family):
    study, results = read(family), family.results()
    lost = dataclasses.replace(results["model.good.age.p"], value=None, error="no reason")
    fewer = Results.of([lost if s.key == lost.key else s for s in results if not s.key.startswith("p_value.")], results.meta)
    found = {s.key: s for s in adjusted.adjusted(study, "baseline", fewer)}
    assert found["p_value.baseline.model.good.age.p"].error == "no reason"
    assert (found["p_value.baseline.n"].value, found["p_value.baseline.left_out.n"].value) == (2, 1)
    smaller = min(results[f"table.baseline.{name}.p"].value for name in ("age", "sex"))
    assert min(s.value for s in found.values() if s.kind == "p" and s.value is not None) == pytest.approx(2 * smaller)


def test_a_p_value_named_twice_counts_once(family):
    family.change("study.yaml", "model.good.age.p]", "table.baseline.age.p]")
    assert family.results()["p_value.baseline.n"].value == 2


@pytest.mark.parametrize(
    ("key", "said"), [("model.good.agee.p", "did you mean"), ("outcome.good.pct", "it is no p value"), ("table.none.*", "no p value")]
)
def test_a_key_of_no_p_value_stops_and_names_the_nearest(family, key, said):
    family.change("study.yaml", "model.good.age.p]", f"{key}]")
    with pytest.raises(TieoutError) as told:
        family.results()
    assert said in str(told.value) and "p_values › baseline › of" in str(told.value)


def test_the_methods_say_which_p_values_are_adjusted(family):
    said = methods.paragraph(family.results().with_meta(double_programmed=[]))
    assert "not adjusted for multiple comparisons, but for those given as adjusted (Holm’s adjustment)" in said.replace("\\", "")


def test_adjusted_p_values_never_fall_below_the_raw_ones_nor_rise_above_one(family):
    results = family.results()
    for method in adjusted.METHODS:
        study = read(family.change("study.yaml", "method: holm", f"method: {method}") if method != "holm" else family)
        raw = Results.of([s for s in results if not s.key.startswith("p_value.")], results.meta)
        for s in adjusted.adjusted(study, "baseline", raw):
            if s.kind == "p":
                assert results[s.key.removeprefix("p_value.baseline.")].value <= s.value <= 1
        family.change("study.yaml", f"method: {method}", "method: holm")


def read(small) -> object:
    from tieout import study

    return study.read(small.study)
