"""The study file: what it declares, and how a mistake in it is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import STUDY as GOOD

from tieout.errors import TieoutError
from tieout.study import read


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "study.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_good_study_is_read_into_frozen_types(tmp_path):
    study = read(written(tmp_path, GOOD))
    assert study.variables["age"].range == (18, 110)
    assert study.dictionary["good"].type == "yesno"
    assert study.tables["baseline"].rows == {"": ("age", "sex")}
    with pytest.raises(Exception, match="frozen"):
        study.title = "other"


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("title: A small", "titel: A small", 2, ["unknown key 'titel'", "did you mean 'title'"]),
        ("range: [18, 110]", "rnage: [18, 110]", 9, ["unknown key 'rnage'", "'range'"]),
        ("range: [18, 110]", "range: [110, 18]", 9, ["impossible range", "110 is not below 18"]),
        ("range: [18, 110]", "range: [old, 110]", 9, ["got 'old'", "expected a number"]),
        ("type: integer", "type: interger", 9, ["unknown value 'interger'", "'integer'"]),
        ("levels: {1: Male, 2: Female}", "levels: {1: Male, 1: Female}", 10, ["'1' stands twice"]),
        (", levels: {1: Male, 2: Female}", "", 10, ["category variable needs its levels"]),
        ("is: {mrs: [0, 1]}", "is: {mrs: [0, 7]}", 13, ["no level is called '7'", "levels here: 0, 1, 2, 3"]),
        ("is: {mrs: [0, 1]}", "is: {msr: [0, 1]}", 13, ["no variable is called 'msr'", "'mrs'"]),
        ("is: {mrs: [0, 1]}, levels", "is: {mrs: [0]}, days: [day, day], levels", 13, ["exactly one of"]),
        ("levels: {good: 1, poor: 0}", "levels: {good: 1, poor: 5}", 15, ["no level is called '5'"]),
        ("by: outcome", "by: outcom", 19, ["no group is called 'outcom'", "'outcome'"]),
        ("rows: [age, sex]", "rows: [age, sexx]", 19, ["no variable is called 'sexx'", "'sex'"]),
        ("rows: [age, sex]", "rows: [age, age]", 19, ["'age' stands twice"]),
        ("rows: [age, sex]", "rows: [age, site]", 19, ["'site' is a site and never analysed by name"]),
        ("terms: [age, sex]", "terms: [aeg, sex]", 21, ["no variable is called 'aeg'", "'age'"]),
        ("terms: [age, sex]", "terms: [age, good]", 21, ["cannot explain itself"]),
        ("terms: [age, sex]", "terms: []", 21, ["at least one"]),
        ("condition: common", "condition: comon", 24, ["no condition is called 'comon'", "'common'"]),
        ("cut: 2024-12-31", "cut: 2024-13-31", 3, ["expected a date"]),
        ("cut: 2024-12-31", "cut: soon", 3, ["expected a date"]),
        ("type: date, role: enrolled", "type: date, role: record", 8, ["2 variables have the role 'record', expected one"]),
        ("title: A small study\n", "", 1, ["'title' is missing"]),
        ("  baseline: {by", " baseline {by", 19, []),
        ("mrs: {label", "age: {label", 11, ["'age' stands twice"]),
        ("missing: {-99: lost}", "missing: {0: lost}", 11, ["the code 0 is a level and a missing code"]),
        ("label: Age", "label: 5", 9, ["expected text"]),
        ("levels: {1: Male", "levels: {true: Male", 10, ["not codes"]),
        ("  id: {label", "  all: {label", 6, ["word of the keys"]),
        ("title: A small study", "title: !!python/object:os.system x", 2, []),
    ],
)
def test_a_mistake_is_told_with_its_line_and_what_was_meant(tmp_path, old, new, line, words):
    assert old in GOOD
    path = written(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(TieoutError) as caught:
        read(path)
    told = str(caught.value)
    if words:
        assert f"study.yaml:{line}  " in told, told
    for word in words:
        assert word in told, told
    assert "Traceback" not in told and "pydantic" not in told
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    "text", ["", "# only a comment\n", "- a\n- list\n", "just words", "a: [1,", "\t- x", "a: &a [*a]"]
)
def test_what_is_no_study_at_all_is_refused(tmp_path, text):
    with pytest.raises(TieoutError, match=r"study\.yaml"):
        read(written(tmp_path, text))


def test_several_mistakes_are_told_together(tmp_path):
    text = GOOD.replace("rows: [age, sex]", "rows: [aeg, sxe]")
    with pytest.raises(TieoutError) as caught:
        read(written(tmp_path, text))
    assert "aeg" in str(caught.value) and "sxe" in str(caught.value)


def test_a_study_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(TieoutError, match="no study file"):
        read(tmp_path / "nowhere.yaml")
