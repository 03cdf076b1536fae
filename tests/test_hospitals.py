"""Sites merge, change their names and close; each record belongs to the site whose it is on its day."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieout import hospitals
from tieout.errors import TieoutError

HEADER = "code,site,name,from,until,per_year,contact\n"
MERGED = HEADER + (
    "a,,Old Infirmary,,2018-12-31,,\n"
    "a,,New Infirmary,2019-01-01,,12,new@example.org\n"
    "b,,County,,2019-06-30,,\n"
    "b,a,County,2019-07-01,,,\n"
    "c,,Closed Clinic,2015-01-01,2018-03-31,,\n"
)


@pytest.fixture
def table(tmp_path):
    def made(text):
        path = tmp_path / "sites.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return hospitals.read(path)

    return made


def owners(table, *records):
    codes, days = zip(*records, strict=True)
    return list(hospitals.owners(table, pd.Series(codes), pd.Series(pd.to_datetime(list(days))), "data.csv"))


def test_records_of_a_hospital_that_merged_belong_to_the_new_one_from_that_day(table):
    found = owners(table(MERGED), ("b", "2019-06-30"), ("b", "2019-07-01"), ("a", "2018-12-31"))
    assert found == ["b", "a", "a"]


def test_a_site_is_called_what_it_was_called_at_the_end_of_the_period(table):
    named = {s.code: s for s in hospitals.sites(table(MERGED), [], date(2018, 1, 1), date(2018, 12, 31))}
    assert named["a"].name == "Old Infirmary"
    later = {s.code: s for s in hospitals.sites(table(MERGED), [], date(2020, 1, 1), date(2020, 3, 31))}
    assert later["a"].name == "New Infirmary"
    assert later["a"].history == ("called Old Infirmary until 2018-12-31", "includes the records of b from 2019-07-01")


def test_only_sites_that_were_open_in_the_period_are_expected_to_report(table):
    def expected(start, end):
        return [s.code for s in hospitals.sites(table(MERGED), [], start, end)]

    assert expected(date(2018, 1, 1), date(2018, 3, 31)) == ["a", "b", "c"]
    assert expected(date(2018, 4, 1), date(2018, 6, 30)) == ["a", "b"]
    assert expected(date(2019, 7, 1), date(2019, 9, 30)) == ["a"]


def test_without_a_table_every_code_of_the_data_is_a_site(tmp_path):
    found = hospitals.sites(hospitals.read(None), ["site_10", "site_2"], date(2020, 1, 1), date(2020, 3, 31))
    assert [s.code for s in found] == ["site_2", "site_10"]


def test_a_site_unknown_to_the_table_is_refused_with_the_nearest_one(table):
    with pytest.raises(TieoutError, match="'site_O1' is not in the site table") as caught:
        owners(table(HEADER + "site_01,,One,,,,\n"), ("site_O1", "2020-01-01"))
    assert "site_01" in caught.value.hint


def test_a_record_dated_after_its_site_closed_is_refused(table):
    with pytest.raises(TieoutError, match="no line for it"):
        owners(table(MERGED), ("c", "2018-04-01"))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "'code' is missing|is empty"),
        ("site,name\nx,y\n", "'code' is missing|unknown column"),
        ("code,nmae\nx,y\n", "unknown column 'nmae'"),
        (HEADER + ",,blank,,,,\n", "row 1  the code is blank"),
        (HEADER + "a,,A,2020-02-30,,,\n", "row 1  from or until holds no date"),
        (HEADER + "a,,A,2020-03-01,2020-02-01,,\n", "lies after until"),
        (HEADER + "a,,A,,,many,\n", "per_year holds no number"),
        (HEADER + "a,,A,,,-3,\n", "no possible number"),
        (HEADER + "a,,A,,2020-06-30,,\na,,B,2020-06-30,,,\n", "two lines of the code 'a' hold on 2020-06-30"),
        (HEADER + "a,,A,,,,,\n", "more cells"),
        (b"\xff\xfe\x00", "not CSV in UTF-8"),
    ],
)
def test_a_site_table_with_a_mistake_is_refused_with_its_place(table, text, problem):
    with pytest.raises(TieoutError, match=problem):
        table(text)


def test_an_unknown_site_that_is_asked_for_is_refused_with_those_there_are():
    known = [hospitals.Site("site_01", "One"), hospitals.Site("site_02", "Two")]
    with pytest.raises(TieoutError, match="'site_1'") as caught:
        hospitals.named(known, ["site_02", "site_1"])
    assert "site_01" in caught.value.hint


@given(st.lists(st.text(max_size=8), unique=True, max_size=20))
def test_any_codes_can_be_sorted(codes):
    assert sorted(codes, key=hospitals.natural) == sorted(reversed(codes), key=hospitals.natural)
