"""REDCap's exports: one row per patient, nothing that identifies, and what the dictionary knows."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redcap_project import API, FIELDS, WEB, patients, write_dictionary, write_export

from tieout import logic, registry, study
from tieout.errors import TieoutError
from tieout.redcap import branching, describe, dictionary, export
from tieout.study import Variable


@pytest.fixture
def project(tmp_path: Path) -> Path:
    write_dictionary(tmp_path / "dictionary.csv")
    write_export(tmp_path / "export.csv", patients(30))
    return tmp_path


def raw(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "export.csv", dtype=str, keep_default_na=False)


def flat(folder: Path, table: pd.DataFrame | None = None, events=None) -> export.Flat:
    table = raw(folder) if table is None else table
    return export.flatten(table, dictionary.read(folder / "dictionary.csv"), folder / "export.csv", events)


def test_both_dialects_of_the_dictionary_are_the_same_dictionary(tmp_path):
    one, two = (dictionary.read(write_dictionary(tmp_path / f"{k}.csv", dialect)) for k, dialect in enumerate((WEB, API)))
    assert one.fields == two.fields
    assert [field.name for field in one.fields] == [field[0] for field in FIELDS]
    assert one.by_name["admitted"].label == "Date of admission"
    assert one.by_name["arm"].choices == {"A": "Usual care", "B": "New care, with a comma"}
    assert one.by_name["history"].choices["-99"] == "Unknown"


def test_an_export_becomes_one_row_for_each_patient_with_what_is_true_of_them(project):
    table = flat(project).table
    for row, patient in zip(table.to_dict("records"), patients(30), strict=True):
        visits = patient["visits"]
        assert row["record_id"] == patient["record_id"]
        assert row["redcap_data_access_group"] == patient["site"]
        assert row["age"] == str(patient["age"])
        assert row["history___1"] == str(int(patient["stroke"]))
        assert row["sbp__baseline"] == str(patient["sbp"])
        assert row["sbp__month_3"] == str(patient["sbp"] - 5)
        assert row["died"] == str(int(patient["died"]))
        assert row["visit__count"] == str(len(visits))
        assert row["weight__first"] == (str(visits[0][1]) if visits else "")
        assert row["weight__last"] == (str(visits[-1][1]) if visits else "")


def test_the_order_of_the_rows_does_not_matter(project):
    shuffled = raw(project).sample(frac=1, random_state=3)
    one = flat(project).table.sort_values("record_id", ignore_index=True)
    two = flat(project, shuffled).table.sort_values("record_id", ignore_index=True)
    pd.testing.assert_frame_equal(one, two[one.columns])


def test_nothing_that_identifies_a_patient_is_in_the_table(project):
    text = flat(project).table.to_csv()
    assert not any(word in text for word in ("Secret", "@example.org", "private remark", "surname", "email", "comment"))


def test_a_classic_project_keeps_its_names(project):
    table = raw(project)
    table = table[table["redcap_event_name"] == "baseline_arm_1"]
    table = table[table["redcap_repeat_instance"] == ""].drop(columns=[c for c in table if c.startswith("redcap_e") or "repeat" in c])
    found = flat(project, table).table
    assert {"age", "sbp", "died"} <= set(found)
    assert not any("__" in name.replace("___", "") for name in found)


def test_the_events_of_an_instrument_can_be_declared(project):
    mapping = project / "events.csv"
    mapping.write_text("arm_num,unique_event_name,form\n1,baseline_arm_1,baseline\n1,baseline_arm_1,visit\n1,month_3_arm_1,follow_up\n")
    events = export.read_events(mapping)
    assert events["follow_up"] == ("month_3",)
    table = flat(project, events=events).table
    assert "sbp" in table and "sbp__month_3" not in table
    mapping.write_text("arm_num,unique_event_name,form\n1,baseline_arm_1,baseline\n")
    with pytest.raises(TieoutError, match="the event 'month_3' is in no instrument's list of events"):
        flat(project, events=export.read_events(mapping))


def changed(table: pd.DataFrame, row: int, **cells: str) -> pd.DataFrame:
    table = table.copy()
    for name, cell in cells.items():
        table.loc[row, name] = cell
    return table


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.drop(columns="record_id"), "the number of the record, 'record_id', is missing"),
        (lambda t: t.rename(columns={"history___2": "history___7"}), "has a code '7' that the dictionary lacks"),
        (lambda t: t.assign(later="1"), "the column 'later' is not in the dictionary"),
        (lambda t: t[["record_id"]].assign(**{f"other_{k}": "" for k in range(9)}), "is it the dictionary of another project?"),
        (lambda t: t.rename(columns={"record_id": "Record ID", "age": "Age, years", "sex": "Sex"})[["Record ID", "Age, years", "Sex"]],
         "this export has labels in place of names"),
        (lambda t: t.assign(sex=t["sex"].replace({"1": "Male", "2": "Female"})), "sex holds labels in place of codes"),
        (lambda t: changed(t, 0, redcap_event_name=""), "redcap_event_name is blank in 1 of"),
        (lambda t: changed(t, 0, redcap_repeat_instrument="visit"), "1 rows have redcap_repeat_instrument without"),
        (lambda t: changed(t, 0, redcap_repeat_instrument="visit", redcap_repeat_instance="x"), "instance that is no number"),
        (lambda t: changed(t, 0, redcap_repeat_instrument="vist", redcap_repeat_instance="9"), "'vist' is not in the dictionary"),
        (lambda t: pd.concat([t, t.iloc[[0]]], ignore_index=True), "2 rows stand for the same record, event and instance"),
        (lambda t: changed(t, 0, redcap_data_access_group="hospital_z"), "1 records are in more than one data access group"),
        (lambda t: changed(t, 0, record_id=""), "record_id is blank in 1 rows"),
    ],
)  # fmt: skip
def test_an_export_that_does_not_fit_is_refused_in_words_and_without_values(project, change, words):
    with pytest.raises(TieoutError) as error:
        flat(project, change(raw(project)))
    assert words in str(error.value)
    assert "Secret" not in str(error.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda rows: [["a", "b"], ["1", "2"]], "this is no data dictionary of REDCap: the column 'field_name' is missing"),
        (lambda rows: rows[:1], "has a header and no fields"),
        (lambda rows: [*rows, rows[2]], "the field 'surname' stands twice"),
        (lambda rows: [rows[0], ["1bad", *rows[1][1:]]], "field 1  '1bad' is no name of a field"),
        (lambda rows: [rows[0], [*rows[1][:3], "hologram", *rows[1][4:]]], "is of the unknown type 'hologram'"),
        (lambda rows: [rows[0], [*rows[6][:5], "", *rows[6][6:]]], "sex has no choices such as '1, Yes | 2, No'"),
    ],
)
def test_a_dictionary_that_is_none_is_refused_with_its_field(tmp_path, change, words):
    path = write_dictionary(tmp_path / "d.csv")
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(change(rows))
    with pytest.raises(TieoutError) as error:
        dictionary.read(path)
    assert words in str(error.value)


LOGIC = {
    "[diabetes] = '1'": "diabetes == 1",
    "[age] >= 18 and [age]<80": "age >= 18 and age < 80",
    "([sex] = '1' or [sex]='2') and not [diabetes] <> 1": "(sex == 1 or sex == 2) and not (diabetes != 1)",
    "[history(1)] = '1'": "history___1 == 1",
    "[history(-99)] = \"1\"": "history____99 == 1",
    "[age] <> ''": "known(age)",
    "[age] = \"\"": "missing(age)",
    "[arm] = 'B'": "arm == 'B'",
    "[age] > [sbp]": "age > sbp",
}  # fmt: skip
UNTOLD = (
    "datediff([admitted], 'today', 'd') > 3", "[baseline_arm_1][age] > 3", "[nowhere] = '1'", "[age] =", "[age", "1 = 1",
    "[history] = '1'", "[arm] = 'no such choice'", "", "[age] + 1 > 3", "((((" * 30, "[age] > 1 " * 400,
    "[user-name] = 'x'", "[age] > 1) or (", "not",
)  # fmt: skip


@pytest.mark.parametrize(("told", "rule"), LOGIC.items())
def test_branching_logic_becomes_a_rule(tmp_path, told, rule):
    declared = dictionary.read(write_dictionary(tmp_path / "d.csv"))
    assert branching.rule(told, declared) == rule
    columns = {
        name: Variable(label=name, type="yesno" if name in ("diabetes", "sex") or "___" in name else "integer")
        for name in ("diabetes", "sex", "age", "sbp", "history___1", "history____99")
    } | {"arm": Variable(label="arm", type="category", levels={"A": "a", "B": "b"})}
    logic.judge(rule.replace("sex == 2", "sex == 0"), pd.DataFrame({n: logic.empty_column(v) for n, v in columns.items()}), columns)


@pytest.mark.parametrize("told", UNTOLD)
def test_logic_that_a_rule_cannot_say_is_none(tmp_path, told):
    assert branching.rule(told, dictionary.read(write_dictionary(tmp_path / "d.csv"))) is None


@given(st.text("[]()='1<>andor not age\"", max_size=60))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_logic_is_a_rule_or_none(tmp_path, told):
    declared = dictionary.read(write_dictionary(tmp_path / "d.csv"))
    rule = branching.rule(told, declared)
    assert rule is None or logic.names(rule)


def test_the_dictionary_tells_what_each_column_is_and_what_to_ask(project):
    entries, asked = describe.entries(flat(project), dictionary.read(project / "dictionary.csv"))
    assert entries["record_id"]["role"] == "record"
    assert entries["redcap_data_access_group"]["role"] == "site"
    assert entries["admitted"]["type"] == "date"
    assert entries["age"] == {"label": "Age, years", "type": "integer", "range": (18.0, 110.0)}
    assert entries["sex"]["levels"] == {"1": "Male", "2": "Female"}
    assert entries["sex"]["missing"] == {"9": "Unknown"}
    assert entries["insulin"]["applies"] == "diabetes == 1"
    assert entries["mrs"]["levels"]["0"] == "None"
    assert entries["history"]["levels"]["_99"] == "Unknown"
    assert asked == {"sex": ("does 9 (Unknown) mean unknown?",)}


@given(st.integers(1, 12), st.integers(0, 1000))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_spread_over_events_and_visits_comes_back_together(tmp_path, n, seed):
    write_dictionary(tmp_path / "dictionary.csv")
    truth = patients(n, seed)
    write_export(tmp_path / "export.csv", truth)
    table = flat(tmp_path).table
    assert table["record_id"].tolist() == [patient["record_id"] for patient in truth]
    assert table["age"].tolist() == [str(patient["age"]) for patient in truth]
    assert table["died"].tolist() == [str(int(patient["died"])) for patient in truth]


def test_a_blank_behind_branching_is_not_applicable_in_the_registry(project):
    from tieout.new import begin

    begun = begin(project / "study", project / "export.csv", dictionary=project / "dictionary.csv")
    records = registry.read(study.read(begun.study)).records
    diabetes = records.frame["diabetes"] == "1"
    assert (records.not_applicable["insulin"] == ~diabetes).all()
