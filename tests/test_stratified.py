"""Comparisons within strata: what is pooled, what is left out and said, and what cannot be estimated."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2

from tieout.analysis import stratified

STRATIFIED = """\
stratified:
  good: {outcome: good, by: treatment, strata: sex, label: Good outcome}
"""


@pytest.fixture
def treated(small):
    """The small study with a treatment that eight of its twelve patients had."""
    small.change("study.yaml", "derived:", "  treat: {label: Treatment, type: yesno}\nderived:")
    small.change("study.yaml", "groups:", "groups:\n  treatment: {variable: treat, levels: {active: 1, control: 0}}")
    small.change("study.yaml", "conditions:", STRATIFIED + "conditions:")
    rows = (small.folder / "data.csv").read_text(encoding="utf-8").splitlines()
    given = ["treat", *"111010110011"]
    return small.write("data.csv", "\n".join(",".join(pair) for pair in zip(rows, given, strict=True)) + "\n")


def test_strata_with_one_odds_ratio_pool_to_it():
    tables = [[[20, 10], [10, 10]], [[40, 80], [10, 40]]]
    assert stratified.odds_ratio(tables).value == pytest.approx(2)
    assert stratified.homogeneity(tables).p == pytest.approx(1)


def test_homogeneity_is_tested_where_the_pooled_odds_ratio_is_exactly_one():
    tables = [[[20, 10], [10, 20]], [[10, 20], [20, 10]]]
    assert stratified.odds_ratio(tables).value == 1
    # the expected cell is 15 and its variance 15/4 in both strata, and Tarone's correction is 0
    assert stratified.homogeneity(tables).p == pytest.approx(chi2.sf(2 * 25 / 3.75, 1))


def test_a_very_small_p_is_not_rounded_to_zero():
    assert 0 < stratified.independence([[[180, 20], [20, 180]]] * 2).p < 1e-100


def test_a_stratum_without_one_of_the_groups_changes_nothing():
    tables = [[[12, 8], [5, 15]], [[7, 9], [6, 20]]]
    more = [*tables, [[0, 0], [3, 4]], [[5, 0], [0, 0]]]
    for compute in (stratified.odds_ratio, stratified.risk_ratio, stratified.independence, stratified.homogeneity):
        assert compute(more) == compute(tables)


@pytest.mark.parametrize("tables", [[], [[[0, 0], [3, 4]]], [[[0, 5], [0, 4]]], [[[5, 0], [4, 0]]], [[[0, 5], [3, 4]]]])
def test_what_no_stratum_can_tell_is_not_estimable_and_says_why(tables):
    for compute in (stratified.odds_ratio, stratified.homogeneity):
        found = compute(np.array(tables).reshape(-1, 2, 2))
        assert (found.value if hasattr(found, "value") else found.p) is None
        assert found.reason


def test_a_single_stratum_has_no_homogeneity_to_test():
    assert stratified.homogeneity([[[12, 8], [5, 15]]]).reason


def test_what_is_not_a_count_is_refused():
    for wrong in (-1, 0.5, np.nan):
        with pytest.raises(ValueError, match="counts"):
            stratified.odds_ratio([[[wrong, 2], [3, 4]]])


def test_a_declared_comparison_gives_each_stratum_and_the_pooled_ratios(treated):
    results = treated.results()
    # sex 1 is r-01 03 05 07 09 10, of whom with treatment 01 03 05 07 (good: 01 03); sex 2 the others with a score
    assert [results[f"stratified.good.stratum.1.active.{part}"].value for part in ("n", "total")] == [2, 4]
    assert [results[f"stratified.good.stratum.1.control.{part}"].value for part in ("n", "total")] == [1, 2]
    assert results["stratified.good.patients.n"].value == 11
    pooled = results["stratified.good.odds_ratio.estimate"]
    assert pooled.total == 11 and pooled.method.startswith("Mantel–Haenszel") and pooled.function


def test_patients_in_strata_without_the_other_group_are_told(treated):
    treated.change("data.csv", "r-02,a,2024-01-09,70,2,3,1", "r-02,a,2024-01-09,70,2,3,0")
    lines = (treated.folder / "data.csv").read_text(encoding="utf-8").splitlines()
    lines = [line[:-1] + "0" if ",2," in line[18:] and line.startswith("r-") and line.split(",")[4] == "2" else line for line in lines]
    treated.write("data.csv", "\n".join(lines) + "\n")
    results = treated.results()
    assert "without patients of the other group" in results["stratified.good.odds_ratio.estimate"].warning
    assert results["stratified.good.left_out.n"].value == 5
    assert results["stratified.good.strata.n"].value == 1
    assert results["stratified.good.homogeneity.p"].error


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("outcome: good, by: treatment", "outcome: goood, by: treatment", "did you mean 'good'"),
        ("by: treatment, strata: sex", "by: treatment, strata: treat", "their own strata"),
        ("by: treatment, strata: sex", "by: treatment, strata: age", "expected yesno or category or ordinal"),
        ("by: treatment, strata: sex", "by: treatmint, strata: sex", "did you mean 'treatment'"),
    ],
)
def test_a_wrong_name_is_told_with_its_line(treated, old, new, said):
    from tieout import study
    from tieout.errors import TieoutError

    treated.change("study.yaml", old, new)
    with pytest.raises(TieoutError) as told:
        study.read(treated.study)
    assert said in str(told.value) and "study.yaml:" in str(told.value) and "stratified › good" in str(told.value)
