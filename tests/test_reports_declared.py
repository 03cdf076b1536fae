"""What a study declares about its reports is read strictly: a name that does not exist is refused with its line."""

from __future__ import annotations

import pytest
from test_sites import STUDY

from tieout import study
from tieout.errors import TieoutError


@pytest.fixture
def read(tmp_path):
    def reading(old, new):
        text = STUDY.replace(old, new)
        assert text != STUDY
        (tmp_path / "study.yaml").write_text(text)
        return study.read(tmp_path / "study.yaml")

    return reading


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("variable: dead, among", "variable: deed, among", "no variable is called 'deed'"),
        ("variable: dead, among", "follow_up: call, variable: dead, among", "exactly one of: variable, follow_up"),
        ("variable: dead, among", "among", "exactly one of: variable, follow_up"),
        ("variable: dead, among", "follow_up: cal, among", "no follow-up is called 'cal'"),
        ("variable: dead, among", "variable: dead, event: [2], among", "no level is called '2'"),
        ("variable: dead, among", "variable: site, among", "never analysed by name"),
        ("adjust: [age]", "adjust: [aeg]", "no variable is called 'aeg'"),
        ("better: lower, target: 60", "better: lower, target: 60, adjust: [age]", "only a percentage"),
        ("better: lower, adjust", "better: lower, target: 130, adjust", "a percentage from 0 to 100"),
        ("better: lower, adjust", "better: small, adjust", "unknown value 'small'"),
        ("opens: 30, closes: 60", "opens: 60, closes: 30", "opens on day 60 and closes on day 30"),
        ("after: day", "after: age", "is of type integer, expected date or datetime"),
        ("done: {dead: [0, 1]}", "done: {dead: [3]}", "no level is called '3'"),
        ("completeness: [age, dead, wait]", "completeness: [age, ded]", "no variable is called 'ded'"),
        ("case_mix: [age]", "case_mix: [day]", "is of type date"),
        ("suppress: {below: 5}", "suppress: {under: 5}", "unknown key 'under'"),
        ("suppress: {below: 5}", "suppress: {below: -1}", "got '-1'"),
        ("judged_over: all", "judged_over: always", "unknown value 'always'"),
        ("judge_from: 20", "judge_from: 0", "got '0'"),
    ],
)
def test_a_mistake_in_the_reports_is_refused_with_its_place(read, old, new, problem):
    with pytest.raises(TieoutError) as caught:
        read(old, new)
    assert problem in str(caught.value)
    assert "study.yaml:" in str(caught.value)


def test_a_document_for_sites_without_reports_is_refused(read, tmp_path):
    with pytest.raises(TieoutError, match="declares no reports"):
        read(STUDY[STUDY.index("reports:") :], "")
