"""Figures of all sites in one pass are those of each site alone, and add up to the registry."""

from __future__ import annotations

import dataclasses
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tieout import hospitals, periods, registry, study
from tieout.analysis import comparisons, overview, regression
from tieout.analysis.cohort import Counts, numeric, spreads
from tieout.analysis.indicators import Rate
from tieout.analysis.site import centre_results, site_results

ROOT = Path(__file__).parents[1]


@st.composite
def valued(draw):
    n = draw(st.integers(0, 40))
    values = draw(st.lists(st.integers(-5, 30).map(float), min_size=n, max_size=n))
    site = draw(st.lists(st.integers(0, 4), min_size=n, max_size=n))
    return np.array(values, dtype=float), np.array(site, dtype=np.int64)


@settings(max_examples=300, deadline=None)
@given(valued(), st.sampled_from(["linear", "weibull", "averaged_inverted_cdf"]))
def test_quartiles_of_each_site_and_of_all_others_are_those_of_numpy(given_, method):
    values, site = given_
    own, others, whole = spreads(values, site, 5, method)
    for each in range(5):
        for found, sample in ((own, values[site == each]), (others, values[site != each])):
            expected = comparisons.quartiles(sample, method) or (np.nan,) * 3
            assert found.n[each] == len(sample)
            np.testing.assert_allclose(found.quartiles[each], expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(whole.quartiles[0], comparisons.quartiles(values, method) or (np.nan,) * 3, rtol=1e-12)


@pytest.fixture(scope="module")
def example():
    declared = study.read(ROOT / "data")
    read = registry.read(declared)
    table = hospitals.read(declared.resolve(declared.reports.sites))
    return declared, read, table


def computed(example, period="2020-Q4"):
    _, read, table = example
    found = overview.cohort(read, table)
    when = periods.parse(period)
    expected = hospitals.sites(table, found.codes, when.start, when.end)
    return overview.overview(read, overview.with_sites(found, [each.code for each in expected]), when), expected


def test_sites_and_all_others_together_are_the_registry(example):
    found, _ = computed(example)
    for measure in found.measures.values():
        if isinstance(measure, Rate):
            for counts in (measure.judged, measure.period, measure.previous):
                assert (counts.x + counts.others.x == counts.total[0]).all()
                assert (counts.n + counts.others.n == counts.total[1]).all()
        else:
            assert (measure.judged.n + measure.others.n == measure.whole.n[0]).all()
    assert found.recruitment.cumulative.sum() == 78
    assert (found.recruitment.by_step.sum(axis=1) == found.recruitment.cumulative).all()


def test_each_figure_of_a_site_is_that_of_its_rows_counted_one_by_one(example):
    _, read, _ = example
    found, expected = computed(example)
    frame = read.frame
    for each in expected:
        rows = frame[frame.redcap_data_access_group == each.code]
        results = site_results(found, each)
        known = rows[rows.d_favourable.notna()]
        assert results["indicator.favourable.n"].value == (known.d_favourable == "1").sum()
        assert results["indicator.favourable.total"].value == len(known)
        times = rows.d_door_punct.dropna()
        median = results["indicator.door_puncture.median"]
        assert median.value == pytest.approx(times.median()) if len(times) else median.error
        assert results["completeness.nihss_adm.n"].value == rows.nihss_adm.notna().sum()
        rest = frame[frame.redcap_data_access_group != each.code].d_favourable.dropna()
        others = results["indicator.favourable.others.n"]
        assert others.error or others.value == (rest == "1").sum()


def test_a_follow_up_counts_once_its_window_has_closed_by_the_cut(example):
    declared, read, _ = example
    found, _ = computed(example)
    closed = (pd.Timestamp(declared.data.cut) - read.frame.enrol_date).dt.days > 120
    measure = found.measures["mrs_obtained"]
    assert measure.judged.total == ((closed & (read.frame.mrs90_done == "1")).sum(), closed.sum())


def test_patients_after_the_period_are_left_out_of_everything(example):
    found, _ = computed(example, "2019-Q2")
    assert found.recruitment.cumulative.sum() == (example[1].frame.enrol_date <= "2019-06-30").sum()
    assert all(measure.whole.n[0] <= found.recruitment.cumulative.sum() for measure in found.measures.values()
               if not isinstance(measure, Rate))  # fmt: skip


def test_expected_events_of_a_site_come_from_a_model_without_it(example):
    found, _ = computed(example)
    expected = found.measures["favourable"].expected
    assert expected.without_own and not expected.reason
    cohort, own = found.cohort, found.codes.index("site_02")
    X = np.column_stack([numeric(cohort, name) for name in ("age", "nihss_adm", "prestroke_mrs")])
    known = ~np.isnan(X).any(axis=1) & cohort.frame.d_favourable.notna().to_numpy()
    y = (cohort.frame.d_favourable == "1").to_numpy()
    there = cohort.site == own
    fit = regression.logistic(y[known & ~there].astype(float), X[known & ~there], ["age", "nihss", "mrs"])
    linear = fit.intercept.coef + X[known & there] @ [term.coef for term in fit.terms]
    assert expected.expected[own] == pytest.approx((1 / (1 + np.exp(-linear))).sum(), rel=1e-9)


def test_too_few_events_for_the_terms_give_a_reason_and_no_ratio(example):
    declared, read, table = example
    reports = declared.reports.model_copy(update={"events_per_term": 30.0})
    stricter = declared.model_copy(update={"reports": reports})
    found, expected = computed((stricter, dataclasses.replace(read, study=stricter), table))
    reason = found.measures["favourable"].expected.reason
    assert "fewer than 30 each" in reason
    assert site_results(found, expected[0])["indicator.favourable.ratio.estimate"].error == reason


@pytest.mark.parametrize("period", ["2017-Q1", "2018-07", "2020", "2021-Q1"])
def test_any_period_gives_every_site_its_results(example, period):
    found, expected = computed(example, period)
    for each in expected:
        results = site_results(found, each)
        total = results["site.cumulative.registry.n"]
        assert total.error == "hidden: small numbers" or results["site.cumulative.n"].value <= total.value
    assert len(centre_results(found, {code: code for code in found.codes}))


@pytest.mark.parametrize("period", ["2020-Q4", "2018-Q2", "2020"])
def test_the_centres_chart_of_recruitment_tells_no_total_that_its_edition_hides(example, period):
    found, _ = computed(example, period)
    results = centre_results(found, {code: code for code in found.codes})
    hidden = [results[f"registry.{part}.n"].error for part in ("period", "cumulative")]
    assert ("recruitment" in results.meta["charts"]) == (hidden == ["", ""])
    assert period != "2020-Q4" or hidden == ["hidden: small numbers", ""]


def test_a_site_is_judged_only_from_the_declared_number_of_patients(example):
    found, _ = computed(example)
    for measure in found.measures.values():
        n = measure.judged.n if not isinstance(measure, Rate) or not measure.expected else measure.expected.observed.n
        assert all((status in ("few", "none")) == (size < 10) for status, size in zip(measure.status, n, strict=True))


def test_others_are_all_sites_but_one():
    counts = Counts(np.array([1, 2, 3]), np.array([4, 5, 6]))
    assert counts.others.x.tolist() == [5, 4, 3]
    assert counts.total == (6, 15)


def test_a_period_without_a_patient_says_so_and_not_zero_of_zero_percent(example):
    found, expected = computed(example, "2021-Q1")
    results = site_results(found, expected[0])
    assert results["site.period.n"].value == 0
    assert results["indicator.favourable.period.pct"].error == "no patient was observed"
    assert found.period.start > date(2020, 12, 31)
