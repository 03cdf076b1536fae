"""Periods are read strictly, follow one another without gaps, and default to the last whole one with patients."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieout import periods
from tieout.errors import TieoutError

days = st.dates(date(1990, 1, 1), date(2060, 12, 31))
kinds = st.sampled_from(["month", "quarter", "year"])


@given(days, kinds)
def test_a_day_lies_in_its_period_and_the_one_before_ends_the_day_before(day, kind):
    found = periods.containing(day, kind)
    assert found.start <= day <= found.end
    assert found.before.end == found.start - timedelta(days=1)


@given(days, kinds)
def test_a_period_is_read_back_from_its_name(day, kind):
    found = periods.containing(day, kind)
    assert periods.parse(found.name) == found


@given(days, st.integers(0, 400))
def test_a_free_period_has_one_of_the_same_length_before_it(start, length):
    found = periods.between(start, start + timedelta(days=length))
    assert found.before.end == start - timedelta(days=1)
    assert found.before.end - found.before.start == timedelta(days=length)


@pytest.mark.parametrize(
    ("text", "words"),
    [("2021-Q3", "July to September 2021"), ("2021-02", "February 2021"), ("2021", "2021"), ("2021q1", "January to March 2021")],
)
def test_a_period_is_said_as_a_reader_says_it(text, words):
    assert periods.parse(text).words == words


@pytest.mark.parametrize("text", ["2021-Q5", "2021-13", "Q3", "", "21-Q3", "2021-Q3-1", "../2021"])
def test_what_is_no_period_is_refused_with_what_to_write(text):
    with pytest.raises(TieoutError, match="is no period") as caught:
        periods.parse(text)
    assert "2021-Q3" in caught.value.hint


def chosen(period="", since="", until="", kind="quarter", first=date(2017, 1, 9), last=date(2020, 12, 20)):
    return periods.chosen(period, since, until, kind=kind, first=first, last=last, cut=date(2021, 6, 30))


def test_the_default_is_the_last_whole_period_in_which_a_patient_was_enrolled():
    assert chosen().name == "2020-Q4"
    assert chosen(last=date(2021, 6, 20)).name == "2021-Q2"
    assert chosen(kind="year", last=date(2021, 6, 20)).name == "2020"


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"since": "2021-03-01", "until": "2021-02-01"}, "lies after"),
        ({"period": "2022-Q1"}, "begins after the data were cut"),
        ({"period": "2021-Q1", "since": "2021-01-01"}, "together"),
        ({"since": "1.1.2021"}, "is no date"),
        ({"since": "2021-02-30"}, "is no date"),
        ({"since": "2021-07-01", "until": "2021-07-31"}, "begins after the data were cut"),
    ],
)
def test_periods_that_cannot_be_are_refused(options, problem):
    with pytest.raises(TieoutError, match=problem):
        chosen(**options)


def test_sites_are_judged_over_the_period_the_year_to_its_end_or_all_time():
    quarter = periods.parse("2021-Q1")
    assert periods.judged(quarter, "period") == (date(2021, 1, 1), date(2021, 3, 31))
    assert periods.judged(quarter, "year") == (date(2020, 4, 1), date(2021, 3, 31))
    assert periods.judged(quarter, "all") == (date.min, date(2021, 3, 31))
    assert periods.judged(periods.parse("2020-02"), "year") == (date(2019, 3, 1), date(2020, 2, 29))
