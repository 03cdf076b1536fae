"""Checking a registry's data: what is asked of a site, in which words, and who may see it."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from tieout import check, queries, registry, study
from tieout.cli import app
from tieout.errors import TieoutError

STUDY = """name: Check
title: A registry to check
data: {file: data.csv, cut: 2021-12-31}
documents: {manuscript: m.qmd}
variables:
  id: {label: Record, type: key, role: record}
  site: {label: Site, type: text, role: site}
  day: {label: Enrolment, type: date, role: enrolled}
  name: {label: Name, type: text, role: identifier, required: true}
  age: {label: Age, type: integer, unit: years, range: [18, 110], missing: {-99: unknown}}
  sex: {label: Sex, type: category, levels: {1: Male, 2: Female}, required: true}
  lysis: {label: Thrombolysis, type: yesno}
  drug: {label: Drug, type: category, levels: {1: Alteplase, 2: Tenecteplase}, applies: lysis == 1}
  door: {label: Arrival, type: datetime}
  puncture: {label: Puncture, type: datetime}
derived:
  wait: {label: Door to puncture, minutes: [door, puncture], range: [0, 600]}
checks:
  young: {label: Lysis in the young, expect: not (lysis == 1 and age < 20)}
"""
HEADER = "id,site,day,name,age,sex,lysis,drug,door,puncture"
CLEAN = "P1,a,2021-01-01,Ada,61,1,1,2,2021-01-01T10:00,2021-01-01T11:00"


def registry_of(folder: Path, *rows: str) -> Path:
    (folder / "data.csv").write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
    (folder / "study.yaml").write_text(STUDY, encoding="utf-8")
    return folder / "study.yaml"


def asked(folder: Path, *rows: str) -> list[tuple[str, str, str, str, str]]:
    """Return record, site, rule, value and words of each query."""
    found = queries.find(study.read(registry_of(folder, *rows))).queries
    return list(zip(*(found[name] for name in ("record", "site", "rule", "value", "what")), strict=True))


def test_nothing_is_asked_of_clean_data(tmp_path):
    assert asked(tmp_path, CLEAN, "P2,b,2021-01-02,Bo,-99,2,0,,,") == []


@pytest.mark.parametrize(
    ("row", "rule", "value", "words"),
    [
        ("P1,a,2021-01-01,Ada,161,1,0,,,", "dictionary", "161", "is outside 18 to 110 years"),
        ("P1,a,2021-01-01,Ada,old,1,0,,,", "dictionary", "old", "holds text, expected a number"),
        ("P1,a,2021-01-01,Ada,60.5,1,0,,,", "dictionary", "60.5", "holds a fraction, expected a whole number"),
        ("P1,a,2021-01-01,Ada,60,3,0,,,", "dictionary", "3",
         "has a level that the dictionary lacks, expected one of 1, 2 (1 Male, 2 Female)"),
        ("P1,a,2021-01-01,Ada,60,,0,,,", "required", "", "is blank or missing, and it is required"),
        ("P1,,2021-01-01,Ada,60,1,0,,,", "required", "", "is blank or missing, and it is required"),
        ("P1,a,2021-02-30,Ada,60,1,0,,,", "dictionary", "2021-02-30", "holds no date, expected YYYY-MM-DD"),
        ("P1,a,2022-01-01,Ada,60,1,0,,,", "future", "2022-01-01", "lies after the data cut of 31 December 2021"),
        ("P1,a,2021-01-01,Ada,60,1,0,2,,", "applies", "Drug: 2; Thrombolysis: 0",
         "has a value, and applies only where “Thrombolysis” is Yes"),
        ("P1,a,2021-01-01,Ada,60,1,0,,2021-01-01T10:00,2021-01-01T09:00", "time: wait",
         "Arrival: 2021-01-01T10:00; Puncture: 2021-01-01T09:00",
         "is less than 0 minutes: are both moments right, and in their order?"),
        ("P1,a,2021-01-01,Ada,19,1,1,1,,", "young", "Thrombolysis: 1; Age: 19",
         "expected: not (“Thrombolysis” is Yes and “Age” < 20)"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_asked_in_words(tmp_path, row, rule, value, words):
    assert [(each[2], each[3], each[4]) for each in asked(tmp_path, row)] == [(rule, value, words)]


def test_a_record_that_stands_twice_is_asked_of_both_places(tmp_path):
    other = CLEAN.replace(",a,", ",b,")
    assert [each[:3] for each in asked(tmp_path, CLEAN, other)] == [("P1", "a", "record"), ("P1", "b", "record")]


def test_the_value_of_an_identifier_is_never_shown(tmp_path):
    folder = registry_of(tmp_path, "P1,a,2021-01-01,,60,1,0,,,")
    found = queries.find(study.read(folder)).queries
    assert found["variable"].tolist() == ["name"]
    assert found["value"].tolist() == [""]


def test_every_value_that_reading_refuses_is_asked_about(tmp_path):
    rows = [CLEAN, "P2,a,2021-01-02,B,17,1,,,,", "P3,a,2021-01-02,C,x,1,,,,", "P4,b,2021-13-01,D,30,9,,,,", "P5,,,E,30.5,,,,,"]
    file = registry_of(tmp_path, *rows)
    with pytest.raises(TieoutError) as error:
        registry.read(study.read(file))
    refused = {int(row) for row in re.findall(r"rows? (\d+)", str(error.value))}
    found = queries.find(study.read(file)).queries
    assert refused == set(found["place"] + 1) == {2, 3, 4, 5}


CELL = st.sampled_from(["", "1", "2", "-99", "18", "200", "x", "1.5", "2021-01-01", "2023-01-01", "=1+1", "é", "0"])


@given(st.lists(st.lists(CELL, min_size=9, max_size=9), min_size=1, max_size=6))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_data_with_no_query_can_be_read_and_data_that_can_be_read_have_no_query_of_the_dictionary(tmp_path, rows):
    lines = [",".join([f"P{k}", *cells]) for k, cells in enumerate(rows)]
    file = registry_of(tmp_path, *lines)
    found = queries.find(study.read(file)).queries
    strict = found[found["rule"].isin(["dictionary", "required", "record", "time: wait"]) | (found["variable"] == "day")]
    try:
        registry.read(study.read(file))
    except TieoutError:
        assert len(strict)
    else:
        assert not len(strict)


def test_the_schema_is_a_pandera_schema_of_the_dictionary(tmp_path):
    import pandera.errors

    schema = queries.schema(study.read(registry_of(tmp_path, CLEAN)))
    table = pd.read_csv(tmp_path / "data.csv", dtype=str, keep_default_na=False)
    assert schema.validate(table) is not None
    with pytest.raises(pandera.errors.SchemaError):
        schema.validate(table.assign(age="200"))


def run(folder: Path, *options: str):
    return CliRunner().invoke(app, ["check", str(folder / "study.yaml"), "--out", str(folder / "out"), *options])


def test_the_command_writes_each_site_its_list_and_an_overview_that_names_no_record(tmp_path):
    registry_of(tmp_path, CLEAN, "P2,b,2021-01-02,Bo,200,2,0,,,", "P3,,2021-01-02,Cy,50,2,0,,,")
    result = run(tmp_path)
    assert result.exit_code == 1
    assert "3 records: 2 data queries" in result.output
    out = tmp_path / "out"
    assert sorted(p.name for p in (out / "sites").iterdir())[0] == "a"
    lists = {p.parent.name: list(csv.DictReader(p.open(encoding="utf-8"))) for p in out.glob("sites/*/queries.csv")}
    assert [row["record"] for row in lists["b"]] == ["P2"]
    assert lists["a"] == []
    assert [row["record"] for row in lists[next(name for name in lists if name.startswith("no-site"))]] == ["P3"]
    for name, text in {p: p.read_text(encoding="utf-8") for p in (out / "index.html", out / "completeness.csv")}.items():
        assert not re.search(r"P[123]|Ada|Bo|Cy", text), name
    assert "P1" not in (out / "sites" / "b" / "queries.html").read_text(encoding="utf-8")


def test_clean_data_end_with_exit_code_0_and_queries_that_were_answered_are_gone(tmp_path):
    registry_of(tmp_path, CLEAN, "P2,b,2021-01-02,Bo,200,2,0,,,")
    assert run(tmp_path).exit_code == 1
    registry_of(tmp_path, CLEAN)
    result = run(tmp_path, "--json")
    assert result.exit_code == 0
    assert json.loads(result.output)["queries"] == 0
    assert [p.name for p in (tmp_path / "out" / "sites").iterdir()] == ["a"]


def test_what_stands_in_a_cell_can_be_no_formula_and_no_markup(tmp_path):
    registry_of(tmp_path, "=HYPERLINK(1),a,2021-01-01,Ada,<script>alert(1)</script>,1,0,,,")
    run(tmp_path)
    page = (tmp_path / "out" / "sites" / "a" / "queries.html").read_text(encoding="utf-8")
    assert "<script" not in page and "&lt;script&gt;" in page
    row = next(csv.DictReader((tmp_path / "out" / "sites" / "a" / "queries.csv").open(encoding="utf-8")))
    assert row["record"].startswith("'=")


def test_a_study_that_cannot_be_checked_leaves_the_earlier_lists(tmp_path):
    registry_of(tmp_path, CLEAN)
    run(tmp_path)
    before = (tmp_path / "out" / "index.html").read_bytes()
    (tmp_path / "data.csv").write_text("id,site\n1,2\n")
    assert run(tmp_path).exit_code != 0
    assert (tmp_path / "out" / "index.html").read_bytes() == before
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["completeness.csv", "index.html", "sites"]


def test_a_rule_with_an_unknown_variable_is_an_error_of_the_study_file(tmp_path):
    file = registry_of(tmp_path, CLEAN)
    file.write_text(STUDY.replace("age < 20", "agee < 20"), encoding="utf-8")
    with pytest.raises(TieoutError, match="checks › young › expect: no variable is called 'agee'; did you mean 'age'"):
        study.read(file)


def test_the_pages_hold_on_a_phone_and_ask_for_nothing(tmp_path, browser):
    registry_of(tmp_path, *(f"P{k},a,2021-01-01,Ada,2{k},1,0,2,," for k in range(30)))
    run(tmp_path)
    for width in (360, 1280):
        page = browser.new_page(viewport={"width": width, "height": 800})
        wanted = []
        page.on("request", lambda request, wanted=wanted: wanted.append(request.url))
        for file in ("index.html", "sites/a/queries.html"):
            page.goto((tmp_path / "out" / file).as_uri())
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (width, file)
        assert all(url.startswith("file:") for url in wanted)
        page.close()


def test_completeness_counts_only_where_a_variable_applies(tmp_path):
    found = queries.find(study.read(registry_of(tmp_path, CLEAN, "P2,a,2021-01-02,Bo,50,2,0,,,", "P3,a,2021-01-02,Cy,50,2,1,,,")))
    told = {name: (int(np.sum(n)), int(np.sum(total))) for _, name, n, total in queries.completeness(found)}
    assert told["drug"] == (1, 2)
    assert told["age"] == (3, 3)
    assert check.percent(1, 3) == "33.3"
    assert check.percent(99999, 100000) == "99.9"
