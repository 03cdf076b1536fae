"""Reading data under a study: what is refused, and what a message may say."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import DATA

from tieout import registry, study
from tieout.errors import TieoutError


def read(small):
    return registry.read(study.read(small.study))


def test_missing_codes_become_missing_and_derived_variables_follow(small):
    frame = read(small).frame
    assert frame["age"].isna().sum() == 1
    assert list(frame["good"].astype(object).where(frame["good"].notna(), None)) == [
        "1", "0", "1", "0", "0", "1", "0", "1", "1", "0", "1", None,
    ]  # fmt: skip


def test_codes_written_as_numbers_with_a_point_are_the_same_codes(small):
    small.change("data.csv", ",61,1,0", ",61.0,1.0,0.0").change("data.csv", "-99,2,0", "-99.0,2,0")
    frame = read(small).frame
    assert frame.loc[0, ["age", "sex", "mrs"]].tolist() == [61.0, "1", "0"]
    assert np.isnan(frame.loc[10, "age"])


def test_not_applicable_is_told_apart_from_missing(small):
    small.change("study.yaml", "missing: {-99: lost}}", "missing: {-99: lost}, not_applicable: {-1: not due}}")
    small.change("data.csv", "72,1,3", "72,1,-1")
    found = read(small)
    assert found.records.not_applicable["mrs"].sum() == 1
    assert found.records.not_applicable["good"].sum() == 1


def test_the_snapshot_digest_changes_with_the_data_and_only_then(small):
    before = read(small).digest
    assert read(small).digest == before
    assert read(small.change("data.csv", ",61,", ",62,")).digest != before


BAD = {
    "a file that is not there": (None, "there is no such data file"),
    "an empty file": (b"", "the data file is empty"),
    "only white space": (b" \n\n", "the data file is empty"),
    "a header and no rows": (b"id,site,day,age,sex,mrs\n", "a header and no rows"),
    "a column missing": (DATA.replace(",age,", ",agee,"), "the column 'age' is missing"),
    "a column twice": (DATA.replace(",sex,", ",age,"), "two columns are called 'age'"),
    "a record twice": (DATA.replace("r-02", "r-01"), "rows 1, 2  id stands more than once"),
    "a blank record": (DATA.replace("r-03", ""), "row 3  id is blank"),
    "a blank site": (DATA.replace("r-05,b", "r-05,"), "row 5  site is blank"),
    "a level not in the dictionary": (
        DATA.replace("61,1,0", "61,3,0"),
        "row 1  sex has a level that the dictionary lacks",
    ),
    "text in a number": (DATA.replace(",61,", ",Kim Minsu,"), "row 1  age holds text"),
    "a decimal comma": (DATA.replace(",61,", ',"61,5",'), "decimal comma"),
    "a fraction in a whole number": (DATA.replace(",61,", ",61.5,"), "row 1  age holds a fraction"),
    "a number out of range": (DATA.replace(",61,", ",161,"), "row 1  age is outside 18 to 110 years"),
    "infinity": (DATA.replace(",61,", ",inf,"), "row 1  age holds text"),
    "an impossible date": (DATA.replace("2024-01-03", "2024-02-30"), "row 1  day holds no date"),
    "another way to write dates": (DATA.replace("2024-01-03", "03/01/2024"), "row 1  day holds no date"),
    "a date after the cut": (DATA.replace("2024-01-03", "2025-01-03"), "row 1  day lies after the data cut"),
    "a blank date": (DATA.replace("2024-01-03", ""), "row 1  day is blank"),
    "too many cells": (DATA.replace("r-04,a", "r-04,a,x"), "row 4  7 cells, but the header has 6"),
    "too few cells": (DATA.replace("81,2,2", "81,2"), "row 4  5 cells, but the header has 6"),
    "another encoding": (DATA.replace("r-01", "r-é").encode("cp1250"), "not UTF-8"),
    "a cut-off quote": (DATA + '"r-13,a', "cells"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_data_are_refused_with_place_and_reason_and_without_a_patients_text(small, case):
    content, words = BAD[case]
    (small.folder / "data.csv").unlink()
    if content is not None:
        small.write("data.csv", content)
    with pytest.raises(TieoutError) as caught:
        read(small)
    told = str(caught.value)
    assert words in told and "data.csv" in told, told
    assert caught.value.exit_code == 2
    assert not any(private in told for private in ("Kim", "r-0", "161", "2025-01-03", "2024-02-30"))


def test_all_mistakes_in_the_data_are_told_together(small):
    small.change("data.csv", ",61,1,0", ",x,9,0")
    with pytest.raises(TieoutError) as caught:
        read(small)
    assert "age holds text" in str(caught.value) and "sex has a level" in str(caught.value)


def test_a_column_that_nobody_declared_is_named_and_not_read(small):
    small.change("data.csv", "id,site", "id,extra,site")
    text = (small.folder / "data.csv").read_text()
    head, *rows = text.splitlines()
    small.write("data.csv", "\n".join([head, *(r.replace(",", ",secret,", 1) for r in rows)]) + "\n")
    found = read(small)
    assert found.undeclared == ("extra",) and "extra" not in found.frame


def test_times_out_of_order_are_refused_where_a_range_is_declared(small):
    small.change("study.yaml", "derived:\n", "derived:\n  wait: {label: Wait, days: [day, end], range: [0, 99]}\n")
    small.change("study.yaml", "  age: {", "  end: {label: End, type: date}\n  age: {")
    rows = (small.folder / "data.csv").read_text().splitlines()
    small.write("data.csv", "\n".join([rows[0] + ",end", rows[1] + ",2024-01-01", *(r + "," for r in rows[2:])]) + "\n")
    with pytest.raises(TieoutError, match=r"row 1  wait is outside 0 to 99 d\n.*in order"):
        read(small)
