"""The catalogue of bad inputs: each is told as its snapshot says, and nothing is left behind."""

from __future__ import annotations

import re

import pytest
from bad_inputs import catalogue

CASES = [(family, case) for family, found in catalogue.cases().items() for case in found]
NAMES = [f"{family}: {case.name}" for family, case in CASES]
OF_PATIENTS = re.compile(r"\br-(0\d|1[0-2])\b")
A_PLACE = re.compile(r"^(?P<place>\S(?:.*?\S)?)  \S", re.MULTILINE)
ACCEPT = "see the whole with python -m tests.bad_inputs, and write it anew with python -m tests.bad_inputs --accept"
LINES, SIGNS = 6, 600


@pytest.fixture(params=CASES, ids=NAMES)
def section(request) -> str:
    """The section of a snapshot; that it is what a user sees today is tested first."""
    family, case = request.param
    return catalogue.kept(family)[case.name]


def message(section: str) -> str:
    """Return what the section says a user sees, without the command and the exit code."""
    return section.rpartition("```console\n")[2].partition("\n")[2].rpartition("\nexit code ")[0]


@pytest.mark.parametrize(("family", "case"), CASES, ids=NAMES)
def test_a_bad_input_is_told_in_the_words_of_its_snapshot_and_leaves_earlier_outputs_alone(family, case):
    seen = catalogue.see(case)
    assert catalogue.shown(case, seen) == catalogue.kept(family).get(case.name), ACCEPT
    assert not seen.touched


def test_every_section_of_a_snapshot_has_its_case_and_stands_once():
    for family, found in catalogue.cases().items():
        assert list(catalogue.kept(family)) == [case.name for case in found]


def test_a_bad_input_never_ends_well_nor_in_a_crash(section):
    assert re.search(r"\nexit code [12]\n```$", section)
    assert "Traceback" not in section


def test_a_message_begins_with_the_place_of_the_mistake(section):
    told = A_PLACE.search(message(section))
    assert told, message(section)
    place = told["place"]
    assert place.startswith(("--", "FOLDER")) or re.search(r"[./›]", place) or place in section.partition("$ tieout")[2]


def test_a_message_is_one_short_paragraph_for_each_mistake(section):
    told = message(section)
    mistakes = len(A_PLACE.findall(told)) or 1
    assert len(told.splitlines()) <= max(LINES, 3 * mistakes) and len(told) <= SIGNS * mistakes


def test_a_message_shows_no_record_of_a_patient(section):
    assert not OF_PATIENTS.search(message(section))
