"""Multiple imputation: the same every time, pooled as Rubin says, and honest about what it cannot do."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tieout.analysis import imputation
from tieout.errors import TieoutError

IMPUTED = """\
imputation:
  good: {model: good, imputations: 3, seed: 5}
"""


@pytest.fixture
def holed(small):
    """The small study with 60 patients, of whom some have no age."""
    chance = np.random.default_rng(8)
    rows = [
        f"r-{at},a,2024-01-03,{chance.integers(40, 90) if at % 5 else -99},{1 + at % 2},{chance.integers(0, 4)}" for at in range(60)
    ]
    small.change("study.yaml", "conditions:", IMPUTED + "conditions:")
    return small.write("data.csv", "\n".join(["id,site,day,age,sex,mrs", *rows]) + "\n")


def data(size=60):
    chance = np.random.default_rng(4)
    x = chance.normal(size=size)
    y = np.where(chance.random(size) < 0.3, np.nan, x + chance.normal(size=size))
    return pd.DataFrame({"x": x, "y": y, "flag": (chance.random(size) < 0.5).astype(float)})


def test_the_same_seed_gives_the_same_values_and_another_seed_others():
    first, again, other = (list(imputation.completed(data(), 2, seed)) for seed in (1, 1, 2))
    for one, two in zip(first, again, strict=True):
        pd.testing.assert_frame_equal(one, two)
    assert not first[0].equals(other[0]) and not first[0].equals(first[1])


def test_imputing_leaves_the_worlds_chance_alone():
    np.random.seed(3)
    before = np.random.get_state()[1].copy()
    list(imputation.completed(data(), 2, 1))
    assert (np.random.get_state()[1] == before).all()


def test_what_was_observed_stays_and_what_was_missing_is_a_value_somebody_had():
    raw = data()
    for whole in imputation.completed(raw, 3, 1):
        seen = raw["y"].notna()
        assert (whole["y"][seen] == raw["y"][seen]).all() and (whole[["x", "flag"]] == raw[["x", "flag"]]).all(axis=None)
        assert set(whole["y"][~seen]) <= set(raw["y"][seen])


def test_patients_with_the_same_prediction_are_all_donors():
    """Without shuffling, MICEData takes the first few of them, every time."""
    flag = np.repeat([0.0, 1.0], 100)
    y = np.where(np.arange(200) % 100 < 50, np.nan, flag + np.arange(200) / 1000)
    made = imputation.completed(pd.DataFrame({"flag": flag, "y": y}), 12, 1)
    given = {value for whole in made for value in whole["y"][np.isnan(y)]}
    assert len(given) > 60


def test_pooling_needs_two_imputations():
    with pytest.raises(ValueError, match="two imputations"):
        imputation.pool([1.0], [0.1], 20)


def test_imputations_that_agree_leave_no_information_missing_but_that_of_few_patients():
    found = imputation.pool([0.5] * 5, [0.04] * 5, 1_000_000)
    assert found.estimate == 0.5 and found.variance == pytest.approx(0.04) and found.fmi == pytest.approx(0, abs=1e-5)


def test_everybody_with_the_outcome_is_in_and_what_was_imputed_is_counted(holed):
    results = holed.results()
    assert results["model.good.n"].value == 48
    assert results["imputation.good.n"].value == 60
    assert results["imputation.good.imputed.age.n"].value == 12 and results["imputation.good.imputed.sex.n"].value == 0
    for term in ("age", "sex.2"):
        low, estimate, high = (results[f"imputation.good.{term}.{part}"].value for part in ("low", "estimate", "high"))
        assert low < estimate < high
        assert 0 < results[f"imputation.good.{term}.fmi"].value < 100
    assert "predictive mean matching" in results["imputation.good.age.estimate"].method


def reason(study) -> str:
    return study.results()["imputation.good.age.estimate"].error


def test_nothing_missing_is_nothing_to_impute(holed):
    holed.write("data.csv", (holed.folder / "data.csv").read_text(encoding="utf-8").replace(",-99,", ",55,"))
    assert reason(holed) == "no value of a term is missing, so there is nothing to impute"


def with_ages(study, change):
    lines = [line.split(",") for line in (study.folder / "data.csv").read_text(encoding="utf-8").splitlines()]
    for line in lines[1:]:
        line[3] = change(line[3])
    return study.write("data.csv", "\n".join(map(",".join, lines)) + "\n")


def test_a_variable_that_nobody_has_is_not_imputed(holed):
    assert reason(with_ages(holed, lambda age: "-99")) == "Age is missing in every patient"


def test_what_does_not_apply_to_a_patient_is_not_imputed(holed):
    holed.change("study.yaml", "range: [18, 110], missing: {-99: unknown}", "range: [18, 110], not_applicable: {-99: unborn}")
    assert reason(holed).startswith("Age does not apply to some patients")


def test_a_constant_variable_is_not_imputed(holed):
    assert "same value in every patient" in reason(with_ages(holed, lambda age: age if age == "-99" else "60"))


def test_separation_in_a_completed_data_set_is_said_with_the_term(holed):
    scores = iter([line.split(",")[5] for line in (holed.folder / "data.csv").read_text(encoding="utf-8").splitlines()[1:]])

    def separating(age):
        return [age, "50" if next(scores) in "01" else "80"][age != "-99"]

    assert "Age" in reason(with_ages(holed, separating))


def test_levels_without_order_are_not_imputed_and_this_is_said(holed):
    holed.change("study.yaml", "levels: {1: Male, 2: Female}", "levels: {1: Male, 2: Female, 3: Other}")
    lines = (holed.folder / "data.csv").read_text(encoding="utf-8").splitlines()
    sexes = [str(at % 3 + 1) if at % 7 else "-99" for at in range(60)]
    cells = [row.split(",") for row in lines[1:]]
    changed = [",".join([*row[:4], sex, row[5]]) for row, sex in zip(cells, sexes, strict=True)]
    holed.write("data.csv", "\n".join([lines[0], *changed]) + "\n")
    assert reason(holed) == "Sex has more than two unordered levels, whose missing values are not imputed"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("model: good, imp", "model: goood, imp", "did you mean 'good'"),
        ("terms: [age, sex]}", "terms: [age, sex], cluster: site}", "only a logistic model without clusters"),
        ("imputations: 3", "imputations: 1", "expected a number from 2 on"),
        ("seed: 5", "seed: 5, variables: [age]", "is in the model, and so in the imputation"),
        ("seed: 5", "seed: 5, variables: [site]", "never analysed by name"),
    ],
)
def test_an_imputation_that_cannot_be_is_refused(holed, old, new, said):
    from tieout import study

    holed.change("study.yaml", old, new)
    with pytest.raises(TieoutError) as told:
        study.read(holed.study)
    assert said in str(told.value) and "imputation › good" in str(told.value)
