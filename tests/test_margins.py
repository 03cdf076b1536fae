"""How far data are from no longer supporting a claim: counted by patients, and the figures recomputed."""

from __future__ import annotations

import numpy as np
import pytest

from tieout import registry as registries
from tieout import study as studies
from tieout.analysis import everything, intervals, margins, regression
from tieout.analysis.margins import fewest


@pytest.fixture
def known(small):
    registry = registries.read(studies.read(small.study))
    return registry, everything.analyse(registry)


@pytest.mark.parametrize("first", range(1, 41))
def test_the_fewest_that_flip_are_found_whatever_their_number(first):
    asked = []
    assert fewest(lambda k: asked.append(k) or k >= first, 40) == first  # type: ignore[func-returns-value]
    assert len(asked) <= 12


def test_what_nothing_flips_has_no_margin():
    assert fewest(lambda k: False, 30) == 0 and fewest(lambda k: True, 0) == 0


def test_an_outcome_is_told_the_fewest_patients_in_whom_it_would_have_to_be_otherwise(known):
    registry, results = known
    limit = 20.0
    (margin,) = margins.margins(registry, results, "outcome.good.low > 20", lambda r: r["outcome.good.low"].value > limit)
    now = results["outcome.good.n"]
    lows = [100 * intervals.proportion(x, now.total, "wilson", 0.95).low for x in range(now.n + 1)]
    expected = min(k for k in range(1, now.n + 1) if lows[now.n - k] <= limit)
    assert (margin.count, margin.total) == (expected, now.total)
    assert margin.words == f"with “Good outcome” in {now.n - expected} of {now.total} patients instead of {now.n}"


def test_an_outcome_that_may_not_rise_is_counted_upwards(known):
    registry, results = known
    (margin,) = margins.margins(registry, results, "outcome.good.high < 90", lambda r: r["outcome.good.high"].value < 90)
    assert f"in {results['outcome.good.n'].n + margin.count} of" in margin.words


PATIENTS = "id,site,day,age,sex,mrs\n" + "".join(
    f"r-{i:02},a,2024-01-{1 + i % 28:02},{40 + (i * 17) % 45},{1 + i % 2},{2 if (40 + (i * 17) % 45) + (i * 7) % 23 > 72 else 0}\n"
    for i in range(40)
)


def test_the_patients_left_out_of_a_model_do_flip_its_condition_and_one_fewer_of_them_does_not(small):
    small.write("data.csv", PATIENTS)
    registry = registries.read(studies.read(small.study))
    results = everything.analyse(registry)
    asked: list[bool] = []

    def holds(r):
        p = r["model.good.age.p"]
        asked.append(p.value is not None and p.value < 0.01)
        return asked[-1]

    assert holds(results), "the data of this test support the condition"
    (margin,) = margins.margins(registry, results, "model.good.age.p < 0.01", holds)
    assert margin.total == 40 and 1 <= margin.count <= 8 and f"without {margin.count} of the 40 patients" in margin.words
    _, cases, _ = margins.models.prepared(registry, registry.study.models["good"], ("age", "sex"))
    removals = [margins.kept(cases, np.delete(np.arange(40), i)) for i in range(40)]
    alone = [regression.logistic(c.y, c.X, c.terms).terms[0].p for c in removals]
    assert (margin.count == 1) == any(p is None or p >= 0.01 for p in alone), "one suffices where any one does"


def test_the_influence_of_each_patient_is_about_what_leaving_him_out_does(small):
    small.write("data.csv", PATIENTS)
    registry = registries.read(studies.read(small.study))
    _, cases, _ = margins.models.prepared(registry, registry.study.models["good"], ("age", "sex"))
    pull = margins.influence(cases, "logistic", 0)
    whole = regression.logistic(cases.y, cases.X, cases.terms).terms[0].coef
    exact = [
        whole - regression.logistic(c.y, c.X, c.terms).terms[0].coef
        for c in (margins.kept(cases, np.delete(np.arange(40), i)) for i in range(40))
    ]
    assert np.corrcoef(pull, exact)[0, 1] > 0.95


def test_each_claim_that_holds_is_given_its_margin_in_the_results(small):
    claim = small.build("html").results.meta["claims"]["fine"]
    assert claim["holds"] and claim["margin"].startswith("would no longer hold with “Good outcome” in ")


def test_a_figure_that_could_no_longer_be_estimated_does_not_support_a_claim(small):
    small.change("study.yaml", "outcome.good.pct > 10", "model.good.age.p > 0.0001 and outcome.good.pct > 10")
    assert "would no longer hold" in small.build("html").results.meta["claims"]["fine"]["margin"]
