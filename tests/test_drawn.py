"""What pictures draw beside single figures: the steps of survival curves, and which values are missing together."""

from __future__ import annotations

import numpy as np
import pytest

from tieout import registry as registries
from tieout import study as studies
from tieout.analysis import drawn, everything

FOLLOWED = """\
survival:
  death: {time: age, event: dead, label: Death, among: patients, at: [60, 70], by: outcome}
figures:
  curves: {kind: kaplan_meier, of: death}
  gaps: {kind: missing, of: baseline}
"""


@pytest.fixture
def followed(small):
    small.change("study.yaml", "derived:\n", "derived:\n  dead: {label: Dead, is: {mrs: [3]}}\n")
    return small.change("study.yaml", "conditions:", FOLLOWED + "conditions:")


def meta(small):
    return everything.analyse(registries.read(studies.read(small.study))).meta


def test_each_step_is_the_share_that_the_product_of_those_surviving_gives(followed):
    curve = meta(followed)["curves"]["death"]["poor"]
    frame = registries.read(studies.read(followed.study)).frame
    poor = frame[(frame.good == "0") & frame.age.notna()]
    share, expected = 1.0, []
    for time in sorted(poor.age[poor.dead == "1"].unique()):
        share *= 1 - ((poor.age == time) & (poor.dead == "1")).sum() / (poor.age >= time).sum()
        expected.append((time, 100 * share))
    assert [(step[0], pytest.approx(step[1])) for step in curve["steps"]] == expected
    assert curve["end"] == poor.age.max() and len(expected) > 1


def test_the_curve_at_a_time_is_the_figure_of_that_time(followed):
    results = everything.analyse(registries.read(studies.read(followed.study)))
    for name, curve in results.meta["curves"]["death"].items():
        for when in (60, 70):
            before = [100.0] + [step[1] for step in curve["steps"] if step[0] <= when]
            assert results[f"survival.death.{name}.{when}.pct"].value == pytest.approx(before[-1])


def test_patterns_count_each_patient_of_the_table_once(followed):
    followed.change("data.csv", "r-01,a,2024-01-03,61,1,0", "r-01,a,2024-01-03,-99,-99,0")
    patterns = meta(followed)["patterns"]["baseline"]
    assert patterns == [{"missing": [], "n": 9}, {"missing": ["age"], "n": 1}, {"missing": ["age", "sex"], "n": 1}]


def test_a_study_without_such_figures_carries_neither_curves_nor_patterns(small):
    assert not {"curves", "patterns"} & set(meta(small))


def test_very_many_steps_are_thinned_to_those_that_can_be_seen():
    steps = np.column_stack([np.arange(5000.0), 100 - np.arange(5000.0) / 50, np.zeros(5000), np.zeros(5000)])
    few = drawn.thinned(steps)
    assert len(few) <= drawn.MOST_STEPS and few[-1].tolist() == steps[-1].tolist()
    assert set(map(tuple, few)) <= set(map(tuple, steps))


def test_both_pictures_stand_in_every_format(followed):
    pictures = "".join(f'![x](figures/{name}){{#fig-{name} fig-alt="[[ alt.{name} ]]"}}\n\n' for name in ("curves", "gaps"))
    followed.change("m.qmd", "# Results\n", f"# Results\n\n{pictures}")
    built = followed.build("pdf", "html", "docx")
    assert "Kaplan–Meier curves of Death" in built.document.text and "Map of missing data" in built.document.text
    for name in ("curves.svg", "curves.csv", "gaps.svg", "gaps.csv"):
        assert (followed.folder / "build" / "manuscript" / "figures" / name).stat().st_size > 50


@pytest.mark.parametrize(("kind", "of", "words"), [("kaplan_meier", "baseline", "no survival"), ("missing", "good", "no table")])
def test_a_figure_of_nothing_that_is_declared_is_refused(small, kind, of, words):
    small.change("study.yaml", "conditions:", f"figures:\n  f: {{kind: {kind}, of: {of}}}\nconditions:")
    with pytest.raises(Exception, match=words):
        studies.read(small.study)
