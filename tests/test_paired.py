"""The same measurement twice or more often: which test, on whom, and what cannot be tested."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieout.analysis import paired
from tieout.errors import TieoutError

MEASURED = """\
  before: {label: Drug before, type: yesno}
  after: {label: Drug after, type: yesno}
  low: {label: Pressure at first, type: integer, unit: mm Hg, missing: {-99: unknown}}
  high: {label: Pressure then, type: integer, unit: mm Hg}
"""
PAIRED = """\
paired:
  drug: {variables: [before, after], label: Drug}
  pressure: {variables: [low, high], label: Pressure, by: outcome}
"""
COLUMNS = {"before": "010101010101", "after": "011111010111"}
LOWS = [120, 130, 125, 140, 150, 110, 160, 155, 135, -99, 128, 142]


@pytest.fixture
def measured(small):
    small.change("study.yaml", "derived:", MEASURED + "derived:").change("study.yaml", "conditions:", PAIRED + "conditions:")
    rows = (small.folder / "data.csv").read_text(encoding="utf-8").splitlines()
    more = ["before,after,low,high"]
    more += [f"{b},{a},{low},{130 + at}" for at, (b, a, low) in enumerate(zip(*COLUMNS.values(), LOWS, strict=True))]
    return small.write("data.csv", "\n".join(f"{row},{rest}" for row, rest in zip(rows, more, strict=True)) + "\n")


def test_few_discordant_pairs_are_tested_exactly_and_many_are_not():
    few, many = [[1, 0]] * 4 + [[0, 1]] * 20, [[1, 0]] * 5 + [[0, 1]] * 20
    assert paired.mcnemar(few).method == "McNemar's exact test"
    assert "χ²" in paired.mcnemar(many).method and "exact=False" in paired.mcnemar(many).function


def test_pairs_that_agree_say_nothing_to_mcnemar():
    discordant = [[1, 0]] * 3 + [[0, 1]] * 9
    assert paired.mcnemar(discordant + [[1, 1]] * 50).p == paired.mcnemar(discordant).p


@given(st.lists(st.integers(-6, 6), min_size=1, max_size=9))
def test_the_exact_signed_rank_p_is_that_of_all_choices_of_signs(differences):
    from scipy.stats import rankdata

    kept = [d for d in differences if d]
    found = paired.signed_rank([[0, d] for d in differences])
    if not kept:
        assert found.p is None and found.reason == "all differences are zero"
        return
    ranks = rankdata(np.abs(kept))
    distance = abs(sum(r if d > 0 else -r for r, d in zip(ranks, kept, strict=True)))
    sums = [abs(np.dot(signs, ranks)) for signs in product((1, -1), repeat=len(kept))]
    assert found.p == pytest.approx(np.mean([s >= distance - 1e-9 for s in sums]))


def test_differences_that_are_equal_but_for_the_computer_are_tied():
    decimals = [[0.1, 0.2], [0.2, 0.3], [0.3, 0.1], [0.7, 0.8]]
    assert paired.signed_rank(decimals).p == paired.signed_rank([[1, 2], [2, 3], [3, 1], [7, 8]]).p


@pytest.mark.parametrize("test", [paired.mcnemar, paired.signed_rank, paired.paired_t, paired.cochran_q, paired.friedman])
def test_nothing_measured_or_nothing_changed_is_not_estimable_and_says_why(test):
    columns = 2 if test in (paired.mcnemar, paired.signed_rank, paired.paired_t) else 3
    for values in (np.empty((0, columns)), np.ones((6, columns))):
        found = test(values)
        assert found.p is None and found.reason


def test_a_constant_change_has_a_mean_and_no_interval():
    found = paired.mean_change([[1, 3], [2, 4], [5, 7]])
    assert found.value == 2 and found.low is None and found.reason == "all differences are the same"


def test_missing_measurements_are_refused():
    with pytest.raises(ValueError, match="without missing values"):
        paired.friedman([[1, 2, np.nan]])


def test_only_patients_with_every_measurement_are_compared(measured):
    results = measured.results()
    assert results["paired.pressure.all.n"].value == 11
    assert results["paired.pressure.all.missing"].value == 1
    assert results["paired.pressure.all.low.median"].value == np.median([low for low in LOWS if low > 0])
    assert results["paired.pressure.all.p"].n == 11
    assert results["paired.pressure.all.p"].method == "Wilcoxon signed-rank test, exact with ties"
    assert results["paired.pressure.good.n"].value + results["paired.pressure.poor.n"].value == 10


def test_a_declared_mean_is_compared_by_the_paired_t_test_with_its_interval(measured):
    for name in ("low", "high"):
        measured.change("study.yaml", f"  {name}: {{", f"  {name}: {{summary: mean, ")
    results = measured.results()
    estimate, low, high = (results[f"paired.pressure.all.change.{part}"].value for part in ("estimate", "low", "high"))
    assert low < estimate < high
    assert results["paired.pressure.all.p"].method == "paired t test"


def test_who_gained_and_who_lost_are_counted(measured):
    results = measured.results()
    pairs = list(zip(*COLUMNS.values(), strict=True))
    assert results["paired.drug.all.gained.n"].value == pairs.count(("0", "1"))
    assert results["paired.drug.all.lost.n"].value == pairs.count(("1", "0"))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("variables: [before, after]", "variables: [before, low]", "expected one kind of measurement"),
        ("variables: [before, after]", "variables: [before, before]", "a variable stands twice"),
        ("variables: [before, after]", "variables: [before]", "at least"),
        ("variables: [before, after]", "variables: [sex, after]", "expected integer or decimal or yesno or ordinal"),
        ("unit: mm Hg, missing", "missing", "differ in their summary or their unit"),
    ],
)
def test_measurements_that_cannot_be_compared_are_refused(measured, old, new, said):
    from tieout import study

    measured.change("study.yaml", old, new)
    with pytest.raises(TieoutError) as told:
        study.read(measured.study)
    assert said in str(told.value) and "paired" in str(told.value)
