"""The example data: made again byte for byte, consistent, and printing the published figures when analysed plainly."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from tieout import registry, study

DATA = Path(__file__).parents[1] / "data"
TABLES = ("registry.csv", "screening.csv")
TIMES = ["t_lkw", "t_door", "t_image", "t_puncture", "t_first_pass", "t_stent", "t_recan"]


def raw(name: str) -> pd.DataFrame:
    return pd.read_csv(DATA / name, dtype=str, keep_default_na=False)


@pytest.fixture(scope="module")
def patients() -> pd.DataFrame:
    """The registry as text."""
    return raw("registry.csv")


@pytest.fixture(scope="module")
def log() -> pd.DataFrame:
    return raw("screening.csv")


@pytest.fixture(scope="module")
def typed() -> pd.DataFrame:
    """The registry as the study file reads it, with the derived variables."""
    return registry.read(study.read(DATA / "study.yaml")).frame


def moments(column: pd.Series) -> pd.Series:
    return pd.to_datetime(column.mask(column.isin(("-99", "-1"))))


def count(typed: pd.DataFrame, name: str, *codes: str) -> tuple[int, int]:
    """Return how many have one of the codes, and how many have a value."""
    return int(typed[name].isin(codes).sum()), int(typed[name].notna().sum())


def odds_ratio(typed: pd.DataFrame, outcome: str, exposure: str, *covariates: str) -> tuple[float, ...]:
    """Return the odds ratio, its 95% Wald limits and the p value, in the complete cases."""
    cases = typed[[outcome, exposure, *covariates]].dropna().astype(float)
    fit = sm.Logit(cases[outcome], sm.add_constant(cases.drop(columns=outcome))).fit(disp=0)
    low, high = np.exp(fit.conf_int().loc[exposure])
    return np.exp(fit.params[exposure]), low, high, fit.pvalues[exposure]


def test_the_committed_tables_are_what_the_program_makes(tmp_path):
    subprocess.run([sys.executable, DATA / "make_registry.py", tmp_path], check=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(TABLES)
    for name in TABLES:
        assert (tmp_path / name).read_bytes() == (DATA / name).read_bytes()


def test_the_study_file_accepts_every_code_and_declares_every_column():
    found = registry.read(study.read(DATA / "study.yaml"))
    assert len(found.frame) == 78
    assert found.undeclared == ()


@pytest.mark.parametrize("name", TABLES)
def test_every_record_says_that_it_is_synthetic(name):
    assert raw(name).iloc[:, 0].str.startswith("SYN-").all()
    assert raw(name).iloc[:, 0].is_unique


def test_unknown_values_stand_where_they_may_and_nowhere_else(patients):
    never = ["record_id", "redcap_data_access_group", "enrol_date", "sich_def", "mrs90_done", "form_complete"]
    unknown = patients.isin(("-99", "")).drop(columns=[c for c in patients if c.startswith("excl_reason___")])
    assert not unknown[never].any(axis=None)
    assert unknown.sum().between(0, 6).all()
    assert unknown.sum().gt(0).sum() >= 20
    assert patients.filter(like="excl_reason___").eq("").all(axis=None)


@pytest.mark.parametrize(
    ("name", "codes", "events", "known"),
    [
        ("etiology", ["1"], 76, 78),
        ("mtici_final", ["2b", "2c", "3"], 77, 78),
        ("mrs90", ["0", "1", "2"], 50, 75),
        ("mrs90", ["6"], 3, 75),
        ("sich", ["1"], 4, 78),
        ("fu_angio_done", ["1"], 67, 78),
        ("stent_patent", ["1"], 55, 67),
    ],
)
def test_the_published_percentages_come_out(typed, name, codes, events, known):
    assert count(typed, name, *codes) == (events, known)


def test_the_published_odds_ratios_come_out_of_a_plain_logistic_regression(typed):
    favourable = odds_ratio(typed, "d_favourable", "d_patent", "age", "nihss_adm", "d_onset_punct")
    patency = odds_ratio(typed, "d_patent", "gpi_maint", "age", "n_pass")
    assert "{:.1f} {:.2f} {:.1f} {:.3f}".format(*favourable) == "87.6 4.77 1608.9 0.003"
    assert "{:.2f} {:.2f} {:.1f} {:.3f}".format(*patency) == "5.72 1.45 22.6 0.013"


def test_patency_nearly_separates_the_outcome_and_does_not_quite(typed):
    cells = pd.crosstab(typed["d_patent"], typed["d_favourable"])
    assert (cells > 0).all(axis=None)
    assert cells.loc["0", "1"] == 1


def test_times_are_in_order(patients):
    times = patients[TIMES].apply(moments)
    for row in times.itertuples(index=False):
        known = [moment for moment in row if not pd.isna(moment)]
        assert known == sorted(known)
    assert patients["enrol_date"].eq(patients["t_puncture"].str[:10]).all()


def test_dates_follow_the_procedure_and_end_with_the_data_cut(patients):
    enrolled = pd.to_datetime(patients["enrol_date"])
    for name in ("fu_angio_date", "discharge_date", "mrs90_date", "death_date"):
        days = (moments(patients[name]) - enrolled).dt.days.dropna()
        assert days.ge(0).all()
        assert moments(patients[name]).max() <= pd.Timestamp("2021-06-30")
    assert (moments(patients["mrs90_date"]) - enrolled).dt.days.dropna().between(76, 120).all()


def test_nothing_happens_after_death(patients):
    died = moments(patients["death_date"])
    assert not (moments(patients["fu_angio_date"]) > died).any()
    assert not (moments(patients["discharge_date"]) > died).any()


@pytest.mark.parametrize(
    ("when", "then"),
    [
        ({"occl_site": ["5", "6", "7"]}, {"aspects": ["-1"], "bgc": ["0", "-99"]}),
        ({"occl_site": ["1", "2", "3", "4"]}, {"pc_aspects": ["-1"]}),
        ({"aspects": ["-1"]}, {"occl_site": ["5", "6", "7"]}),
        ({"pc_aspects": ["-1"]}, {"occl_site": ["1", "2", "3", "4"]}),
        ({"ivt": ["0"]}, {"ivt_drug": ["-1"]}),
        ({"ivt": ["1"]}, {"ivt_drug": ["1", "2", "3"]}),
        ({"gpi_any": ["0"]}, {"gpi_drug": ["-1"], "gpi_ia": ["0"], "gpi_maint": ["0"], "gpi_hours": ["-1"]}),
        ({"gpi_ia": ["1"]}, {"gpi_any": ["1"], "gpi_drug": ["1", "2", "3"]}),
        ({"gpi_maint": ["1"]}, {"gpi_any": ["1"]}),
        ({"gpi_ia": ["0"], "gpi_maint": ["0"]}, {"gpi_any": ["0"]}),
        ({"gpi_hours": ["-1"]}, {"gpi_maint": ["0"]}),
        ({"ich_24": ["0"]}, {"ich_class": ["0"], "sich": ["0"]}),
        ({"ich_class": ["0"]}, {"ich_24": ["0"]}),
        ({"sich": ["1"]}, {"ich_24": ["1"], "end_7d": ["1", "-99"]}),
        ({"eligible": ["1"]}, {"sich_def": ["2"], "mtici_pre": ["0", "1", "2a"], "consent": ["1", "2"]}),
        ({"t_recan": ["-1"]}, {"mtici_final": ["0", "1", "2a"]}),
        ({"mtici_final": ["0", "1", "2a"]}, {"t_recan": ["-1"]}),
        ({"fu_angio_done": ["0"]}, {"fu_angio_date": ["-1"], "fu_angio_mod": ["-1"], "stent_patent": ["-1"]}),
        ({"fu_angio_done": ["1"]}, {"stent_patent": ["1", "2", "3"], "fu_angio_mod": ["1", "2", "3", "4"]}),
        ({"mrs90_done": ["0"]}, {"mrs90": ["-99"], "mrs90_date": ["-1"], "death_date": ["-1"]}),
        ({"mrs90": ["-99"]}, {"mrs90_done": ["0"]}),
        ({"death_date": ["-1"]}, {"mrs90": ["-99", *"012345"], "death_cause": ["-1"]}),
        ({"mrs90": [*"012345"]}, {"death_date": ["-1"]}),
        ({"apt_load___5": ["1"]}, {f"apt_load___{drug}": ["0"] for drug in range(1, 5)}),
    ],
)
def test_answers_do_not_contradict_each_other(patients, when, then):
    rows = patients[np.logical_and.reduce([patients[name].isin(codes) for name, codes in when.items()])]
    assert len(rows) > 0
    for name, codes in then.items():
        assert rows[name].isin(codes).all(), name


def test_those_who_died_in_hospital_and_only_they_have_no_discharge_nihss(patients):
    in_hospital = patients["death_date"].eq(patients["discharge_date"])
    assert patients["nihss_dis"].eq("-1").equals(in_hospital)


def test_symptomatic_haemorrhage_worsens_nihss_by_four_as_ecass_iii_defines_it(patients):
    both = patients[patients["sich"].eq("1") & patients["nihss_adm"].ne("-99") & patients["nihss_24"].ne("-99")]
    assert len(both) > 0
    assert (both["nihss_24"].astype(int) - both["nihss_adm"].astype(int)).ge(4).all()


def test_the_screening_log_accounts_for_everyone_and_ends_with_the_registry(patients, log):
    eligible = log[log["eligible"] == "1"]
    enrolled = log[log["record_id"] != ""]
    assert log["excl_reason"].ne("").equals(log["eligible"] == "0")
    assert log["excl_reason"].isin(("", *"1234")).all()
    assert eligible["consent"].isin(("1", "2", "3")).all() and log["consent"].ne("").sum() == len(eligible)
    assert log["record_id"].ne("").equals(log["consent"].isin(("1", "2")))
    assert (eligible[["mt_performed", "first_line_success", "rescue"]] == ["1", "0", "1"]).all(axis=None)
    shared = ["record_id", "redcap_data_access_group", "consent"]
    both = enrolled.merge(patients, on=shared)
    assert len(enrolled) == len(both) == len(patients) == 78
    assert both["screen_date"].eq(both["enrol_date"]).all()


def test_thirteen_sites_of_very_different_size_took_part(patients):
    sizes = patients["redcap_data_access_group"].value_counts()
    assert sorted(sizes.index) == [f"site_{site:02d}" for site in range(1, 14)]
    assert sizes.max() >= 15 and sizes.min() == 1
