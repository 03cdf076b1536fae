"""Rules over the variables of one patient: what holds, what fails, what cannot be said."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieout import logic
from tieout.study import Variable

COLUMNS = {
    "age": Variable(label="Age", type="integer"),
    "weight": Variable(label="Weight", type="decimal"),
    "stent": Variable(label="Stent", type="yesno"),
    "mrs": Variable(label="mRS", type="ordinal", levels={str(i): str(i) for i in range(7)}),
    "tici": Variable(label="mTICI", type="ordinal", levels={"0": "0", "2a": "2a", "2b": "2b", "3": "3"}),
    "came": Variable(label="Arrival", type="datetime"),
    "enrolled": Variable(label="Enrolment", type="date"),
    "brand": Variable(label="Brand", type="text"),
}


def frame(**cells) -> pd.DataFrame:
    """Return typed columns as a Registry has them; what is not given is missing in every row."""
    n = max(len(values) for values in cells.values())
    found = {}
    for name, variable in COLUMNS.items():
        values = pd.Series(cells.get(name, [None] * n), dtype=object)
        if variable.codes:
            found[name] = values.astype(pd.CategoricalDtype(list(variable.codes), ordered=variable.type == "ordinal"))
        elif variable.type in ("date", "datetime"):
            found[name] = pd.to_datetime(values, format="ISO8601").dt.as_unit("us")
        else:
            found[name] = values if variable.type == "text" else values.astype("float64")
    return pd.DataFrame(found)


def said(rule: str, **cells) -> str:
    """Return for each row + where the rule holds, - where it fails, ? where that cannot be said."""
    truth = logic.judge(rule, frame(**cells), COLUMNS)
    assert not (truth.holds & truth.fails).any()
    return "".join("+" if holds else "-" if fails else "?" for holds, fails in zip(truth.holds, truth.fails, strict=True))


@pytest.mark.parametrize(
    ("rule", "cells", "expected"),
    [
        ("age >= 18", {"age": [17, 18, None]}, "-+?"),
        ("18 <= age <= 80", {"age": [17, 18, 80, 81]}, "-++-"),
        ("stent == 1", {"stent": ["1", "0", None]}, "+-?"),
        ("stent != 1", {"stent": ["1", "0", None]}, "-+?"),
        ("not stent == 1", {"stent": ["1", "0", None]}, "-+?"),
        ("mrs in (0, 1, 2)", {"mrs": ["0", "2", "3", None]}, "++-?"),
        ("mrs not in (0, 1, 2)", {"mrs": ["0", "2", "3", None]}, "--+?"),
        ("mrs <= 2", {"mrs": ["0", "2", "3", None]}, "++-?"),
        ("tici >= '2b'", {"tici": ["2a", "2b", "3", None]}, "-++?"),
        ("known(age)", {"age": [1, None]}, "+-"),
        ("missing(age)", {"age": [1, None]}, "-+"),
        ("came <= '2021-03-04'", {"came": ["2021-03-04T23:59", "2021-03-05T00:00"]}, "+-"),
        ("brand == 'Solitaire'", {"brand": ["Solitaire", "Neuroform", None]}, "+-?"),
        ("days(enrolled, came) <= 1", {"enrolled": ["2021-03-01"] * 2, "came": ["2021-03-02", "2021-03-02T01:00"]}, "+-"),
        ("hours(enrolled, came) > 1.5", {"enrolled": ["2021-03-01"] * 2, "came": ["2021-03-01T02:00", "2021-03-01T01:30"]}, "+-"),
        ("age < weight", {"age": [1, 2, 2], "weight": [2, 1, None]}, "+-?"),
        ("mrs == age", {"mrs": ["1", "2"], "age": [1, 3]}, "+-"),
    ],
)  # fmt: skip
def test_a_rule_says_of_each_patient_what_it_should(rule, cells, expected):
    assert said(rule, **cells) == expected


def test_a_date_without_time_is_compared_by_the_day():
    assert said("enrolled <= came", enrolled=["2021-03-04", "2021-03-05"], came=["2021-03-04T01:00"] * 2) == "+-"
    assert said("came <= enrolled", enrolled=["2021-03-04", "2021-03-03"], came=["2021-03-04T23:00"] * 2) == "+-"


def test_what_is_missing_decides_only_where_nothing_else_does():
    stent, mrs = ["1", "1", "1", "0", "0", "0", None, None, None], ["0", "6", None] * 3
    assert said("stent == 1 and mrs <= 2", stent=stent, mrs=mrs) == "+-?---?-?"
    assert said("stent == 1 or mrs <= 2", stent=stent, mrs=mrs) == "++++-?+??"


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("", "this is no rule"),
        ("age >=", "this is no rule"),
        ("age", "'age' is neither true nor false"),
        ("agee > 1", "no variable is called 'agee'; did you mean 'age'"),
        ("stent == 2", "'stent' has no level '2'; its levels are 1, 0"),
        ("age == 'old'", "'age' is a number and cannot be compared with 'old'"),
        ("tici <= mrs", "the levels of 'tici' are not all numbers"),
        ("brand < 'x'", "'brand' is text, which has no order"),
        ("came < age", "'came' and 'age' cannot be compared"),
        ("came > 3", "'came' is a date, to be compared with a day such as '2021-01-31'"),
        ("came > 'tomorrow'", "'came' is a date"),
        ("days(age, came) > 1", "'age' is no date or time"),
        ("1 < 2", "'1' and '2' are both fixed"),
        ("age in stent", "is no list of codes"),
        ("age in ()", "is no list of codes"),
        ("age is 1", "compared in a way that rules do not know"),
        ("age == True", "true and false are not codes"),
        ("age + 1 > 2", "'age + 1' is not something that rules know"),
        ("known(1)", "is neither true nor false"),
        ("__import__('os').system('x') == 1", "is not something that rules know"),
        ("age.__class__ == 1", "is not something that rules know"),
        ("(lambda: 1)() == age", "is not something that rules know"),
        ("age > " + "9" * 400, "is not something that rules know"),
        ("(" * 300 + "age > 1" + ")" * 300, "this is no rule"),
        ("age > 1 or " * 300 + "age > 1", "characters, expected at most"),
    ],
)
def test_a_rule_that_cannot_be_read_says_why(rule, words):
    with pytest.raises(logic.Misread, match=None) as error:
        logic.check(rule, COLUMNS)
    assert words in str(error.value)


def test_the_names_of_a_rule_are_its_variables_in_their_order():
    assert logic.names("mrs <= 2 and days(enrolled, came) < 3 and known(age)") == ("mrs", "enrolled", "came", "age")


@given(st.lists(st.tuples(st.sampled_from(["0", "1", None]), st.sampled_from([*map(str, range(7)), None])), min_size=1))
def test_de_morgan_holds_with_missing_values(rows):
    cells = {"stent": [row[0] for row in rows], "mrs": [row[1] for row in rows]}
    assert said("not (stent == 1 and mrs > 2)", **cells) == said("stent != 1 or mrs <= 2", **cells)
    assert said("not (stent == 1 or mrs > 2)", **cells) == said("stent != 1 and mrs <= 2", **cells)


@given(st.text(max_size=40))
def test_any_text_is_a_rule_or_is_refused_in_words(text):
    try:
        logic.check(text, COLUMNS)
    except logic.Misread as error:
        assert str(error)


def test_judging_does_not_change_the_frame():
    data = frame(age=[1.0, np.nan], stent=["1", None])
    before = data.copy(deep=True)
    logic.judge("age > 1 and stent == 1", data, COLUMNS)
    pd.testing.assert_frame_equal(data, before)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("stent == 1 and age >= 18", "“Stent” is Yes and “Age” ≥ 18"),
        ("not (mrs in (5, 6) or missing(age))", "not (“mRS” is one of 5, 6 or “Age” is not recorded)"),
        ("stent == 0 and (age < 1 or known(brand))", "“Stent” is No and (“Age” < 1 or “Brand” is recorded)"),
        ("0 <= days(enrolled, came) <= 1", "0 ≤ days from “Enrolment” to “Arrival” ≤ 1"),
        ("enrolled <= came", "“Enrolment” ≤ “Arrival”"),
    ],
)
def test_a_rule_is_said_in_the_words_of_the_dictionary(rule, words):
    logic.check(rule, COLUMNS)
    assert logic.spoken(rule, COLUMNS) == words
