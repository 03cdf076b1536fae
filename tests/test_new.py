"""Beginning a study from data alone: what is guessed, what is asked, and that it works at once."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pyreadstat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redcap_project import patients, write_dictionary, write_export
from typer.testing import CliRunner

from tieout import build, dialect, guess, new, queries, registry, study
from tieout.cli import app
from tieout.errors import TieoutError

ROWS = 40


def column(*values: str, name: str = "x") -> guess.Guess:
    cells = [values[k % len(values)] for k in range(max(ROWS, len(values)))]
    return guess.look(pd.DataFrame({name: cells}, dtype="str"), {}, {}, {})[0]


@pytest.mark.parametrize(
    ("values", "kind", "entry"),
    [
        (("0", "1"), "yesno", {}),
        (("1", "2"), "category", {"levels": {"1": "1", "2": "2"}}),
        (("0", "1", "2", "3", "6"), "category", {}),
        (tuple(map(str, range(18, 90))), "integer", {"range": [18, 89]}),
        (("1.5", "70", "80.25"), "decimal", {"range": [1.5, 80.25]}),
        (("2021-01-31", "2020-02-29"), "date", {}),
        (("2021-01-31T10:05", "2020-02-29 08:00"), "datetime", {}),
        (("north", "south", "east"), "category", {"levels": {"north": "north", "east": "east", "south": "south"}}),
        (tuple(f"free text {k}" for k in range(50)), "text", {}),
        (tuple(f"{k:03}" for k in range(50)), "text", {}),
        (("Yes", "No"), "category", {"levels": {"No": "No", "Yes": "Yes"}}),
        (("0", "1", "-99"), "yesno", {"missing": {"-99": "unknown"}}),
        (("55", "61", "72", "999"), "integer", {"missing": {"999": "unknown"}, "range": [55, 72]}),
        (("55", "61", "72", "99"), "integer", {"range": [55, 99]}),
        (("12", "13.5", "NA", "40"), "decimal", {"missing": {"NA": "unknown"}}),
        (("2021-01-31", "-99"), "date", {"missing": {"-99": "unknown"}}),
        (("5", "7", "."), "integer", {"missing": {".": "unknown"}}),
    ],
)  # fmt: skip
def test_a_column_is_taken_for_what_it_is(values, kind, entry):
    found = column(*values)
    assert found.type == kind
    assert {key: found.entry.get(key) for key in entry} == entry


@pytest.mark.parametrize(
    ("values", "question"),
    [
        (("0", "1", "-99"), "does -99 (13 ×) stand for unknown?"),
        (("1", "2"), "what do the codes 1, 2 mean?"),
        (("1", "1"), "it holds only 1"),
        (("Yes", "yes", "No"), "some levels differ in capitals only"),
    ],
)
def test_what_only_a_person_can_know_is_asked(values, question):
    assert any(each.startswith(question) for each in column(*values).questions)


@pytest.mark.parametrize("name", ["surname", "DateOfBirth", "patient_email", "Phone number", "Vorname", "MRN"])
def test_a_column_that_may_identify_is_left_out(name):
    assert column("a", "b", name=name).left_out == "its name says that it may identify a patient"


def test_headers_that_are_no_names_become_names_and_keep_their_column():
    headers = ("Größe (cm)", "Gr e cm", "2nd", "a-b", "a b")
    found = guess.look(pd.DataFrame({header: ["1", "0"] for header in headers}, dtype="str"), {}, {}, {})
    assert len({each.name.casefold() for each in found}) == 5
    assert all(re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", each.name) for each in found)
    assert "column: " in new.entry(found[0])


def begun(folder: Path, text: str, **options) -> new.Begun:
    (folder / "data.csv").write_text(text, encoding="utf-8")
    return new.begin(folder / "study", folder / "data.csv", **options)


def table(n: int = 40) -> str:
    lines = ["Patient ID,Hospital,Admission date,Age,Sex,Treatment arm,Died,Surname"]
    for k in range(n):
        arm, died, day = "AB"[k % 2], int(k % 5 == 0), f"2021-{k % 12 + 1:02}-10"
        lines.append(f"P{k:03},{'xyz'[k % 3]},{day},{30 + k},{'mf'[k % 2]},{arm},{died},N{k}")
    return "\n".join(lines) + "\n"


def test_a_new_study_is_read_checked_and_built_at_once(tmp_path):
    found = begun(tmp_path, table())
    declared = study.read(found.study)
    assert [declared.with_role(role) for role in ("record", "site", "enrolled")] == ["Patient_ID", "Hospital", "Admission_date"]
    assert declared.outcomes["Died"].by == "Sex" or declared.outcomes["Died"].by == "Treatment_arm"
    assert "Surname" not in found.study.read_text().split("# Not declared")[0]
    assert not len(queries.find(declared).queries)
    built = build.build(found.study, ("html",), tmp_path / "out", "embedded")
    assert built.results["outcome.Died.pct"].value == 20
    assert "outcome.Died.pct" in built.outputs["html"].read_text(encoding="utf-8")


def test_the_questions_are_marked_in_the_study_file_and_told(tmp_path):
    (tmp_path / "data.csv").write_text(table(), encoding="utf-8")
    result = CliRunner().invoke(app, ["new", str(tmp_path / "study"), "--data", str(tmp_path / "data.csv")])
    assert result.exit_code == 0
    assert "Surname: its name says that it may identify a patient" in result.output
    assert "Patient_ID: is this the number of the record?" in result.output
    text = (tmp_path / "study" / "study.yaml").read_text(encoding="utf-8")
    assert "Patient_ID: {label: Patient ID, column: Patient ID, type: key, role: record}  # CONFIRM: is this the number" in text
    assert "Next: read" in result.output


def test_the_data_stay_where_they_are_unless_a_copy_is_asked_for(tmp_path):
    found = begun(tmp_path, table())
    assert sorted(path.name for path in found.folder.iterdir()) == ["report", "study.yaml"]
    (tmp_path / "b").mkdir()
    copied = begun(tmp_path / "b", table(), copy=True)
    (tmp_path / "b" / "data.csv").unlink()
    assert len(registry.read(study.read(copied.study)).frame) == 40


def test_a_folder_with_something_in_it_is_left_alone(tmp_path):
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "mine.txt").write_text("mine")
    with pytest.raises(TieoutError, match="this exists already"):
        begun(tmp_path, table())
    assert (tmp_path / "study" / "mine.txt").read_text() == "mine"


def test_data_that_cannot_be_read_leave_no_folder(tmp_path):
    with pytest.raises(TieoutError):
        begun(tmp_path, "a,a\n1,2\n")
    assert not (tmp_path / "study").exists()


def test_labels_of_a_statistics_program_are_taken_over(tmp_path):
    data = pd.DataFrame({"id": [f"P{k}" for k in range(30)], "sex": [1.0, 2.0] * 15, "died": [0.0, 1.0, 0.0] * 10})
    columns, codes = {"sex": "Sex of patient", "died": "Died in hospital"}, {"sex": {1: "Male", 2: "Female"}}
    pyreadstat.write_sav(data, str(tmp_path / "data.sav"), column_labels=columns, variable_value_labels=codes)
    found = study.read(new.begin(tmp_path / "study", tmp_path / "data.sav").study)
    assert found.variables["sex"].label == "Sex of patient"
    assert found.variables["sex"].levels == {"1": "Male", "2": "Female"}
    assert found.outcomes["died"].label == "Died in hospital"


def test_a_redcap_export_with_its_dictionary_goes_all_the_way(tmp_path):
    write_dictionary(tmp_path / "dictionary.csv")
    write_export(tmp_path / "export.csv", patients(45))
    run = CliRunner().invoke
    folder = tmp_path / "study"
    first = run(app, ["new", str(folder), "--data", str(tmp_path / "export.csv"), "--dictionary", str(tmp_path / "dictionary.csv")])
    assert first.exit_code == 0, first.output
    for command in ("check", "build", "sites"):
        program = [sys.executable, "-c", "from tieout.cli import main; main()", command]
        done = subprocess.run(program, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr + done.stdout
        assert "Next: " in done.stdout
    made = [path for path in (folder / "build").rglob("*") if path.suffix in (".html", ".json", ".csv")]
    assert len(made) > 10
    assert not any(word in path.read_text(encoding="utf-8") for path in made for word in ("Secret", "@example.org", "private remark"))


CELL = st.one_of(
    st.sampled_from("_0_1_2_-99_NA_x_2021-01-01_1.5_yes_no_: {_# c_'_\"_null_~_é_a: b".split("_")),
    st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters=","), max_size=6),
)


HEADERS = st.lists(st.text("abÄ é_1.-", min_size=1, max_size=8), min_size=3, max_size=3, unique_by=str.strip)


@given(st.lists(st.lists(CELL, min_size=3, max_size=3), min_size=2, max_size=12), HEADERS)
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_the_data_the_new_study_can_be_read_and_so_can_its_data(tmp_path_factory, rows, headers):
    folder = tmp_path_factory.mktemp("any")
    frame = pd.DataFrame(rows, columns=[header.strip() or f"c{k}" for k, header in enumerate(headers)], dtype="str")
    if frame.columns.duplicated().any():
        return
    frame.to_csv(folder / "data.csv", index=False)
    try:
        found = new.begin(folder / "study", folder / "data.csv")
    except TieoutError as error:
        assert "separated by" in str(error) or "two columns" in str(error) or "can be analysed" in str(error)
        return
    registry.read(study.read(found.study))


GERMAN = "Fall;Zentrum;Aufnahme;Alter;Größe;Verstorben\n" + "".join(
    f"P{k:03};{'xy'[k % 2]};{k % 28 + 1:02}.03.2021;{40 + k};{150 + k},5;{k % 2}\n" for k in range(30)
)


def test_a_file_written_in_another_way_is_read_as_it_is_meant_and_asked_about(tmp_path):
    (tmp_path / "data.csv").write_text(GERMAN, encoding="cp1252")
    with pytest.raises(TieoutError, match="encoding: cp1252"):
        new.begin(tmp_path / "study", tmp_path / "data.csv")
    found = new.begin(tmp_path / "study", tmp_path / "data.csv", form=dialect.asked(["encoding=cp1252"]))
    text = found.study.read_text(encoding="utf-8")
    assert 'format: {encoding: cp1252, decimal: ",", dates: day_month_year}  # CONFIRM' in text
    frame = registry.read(study.read(found.study)).frame
    assert frame["Gr_e"].max() == 179.5
    assert str(frame["Aufnahme"].max().date()) == "2021-03-28"


def test_dates_that_could_be_read_in_two_ways_are_left_out_until_somebody_says(tmp_path):
    rows = "".join(f"P{k},{k % 12 + 1}/{k % 9 + 1}/2021,{k % 2}\n" for k in range(24))
    found = begun(tmp_path, "id,day,died\n" + rows)
    assert dict(found.left_out)["day"] == "is the day or the month first? say so: --format dates=day_month_year"
    registry.read(study.read(found.study))
    said = new.begin(tmp_path / "said", tmp_path / "data.csv", form=dialect.asked(["dates=month_day_year"]))
    assert study.read(said.study).variables["day"].type == "date"


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        ("encodng=cp1252", "unknown part 'encodng'\n    did you mean 'encoding'"),
        ("dates=american", "dates: got 'american', expected 'year_month_day', 'day_month_year' or 'month_day_year'"),
    ],
)
def test_a_format_that_is_none_says_what_there_is(pair, words):
    with pytest.raises(TieoutError) as error:
        dialect.asked([pair])
    assert words in str(error.value)


def test_text_that_a_dictionary_does_not_admit_is_never_shown():
    entry = {"label": "Sex", "type": "category", "levels": {"1": "Male", "2": "Female"}}
    table = pd.DataFrame({"sex": ["1", "2", "Jane Doe, born 1950"]}, dtype="str")
    found = guess.look(table, {"sex": entry}, {}, {})[0]
    assert found.left_out and "Jane" not in repr(found)
    shown = guess.look(table.replace("Jane Doe, born 1950", "3"), {"sex": entry}, {}, {})[0]
    assert shown.questions == ("1 values are not in the dictionary and count as missing: 3",)


def test_a_redcap_export_of_several_rows_for_a_patient_asks_for_its_dictionary(tmp_path):
    write_export(tmp_path / "export.csv", patients(9))
    with pytest.raises(TieoutError, match="several rows for a patient"):
        new.begin(tmp_path / "study", tmp_path / "export.csv")


def test_a_record_that_stands_more_than_once_is_asked_about(tmp_path):
    found = begun(tmp_path, table() + table().partition("\n")[2])
    assert ("Patient_ID", "it stands more than once: is there one row for each patient?") in found.questions
    assert not study.read(found.study).with_role("record")


def test_a_format_without_its_value_says_how_it_is_written():
    with pytest.raises(TieoutError, match="sheet has no value\n    write, say, --format sheet=Patients"):
        dialect.asked(["sheet"])
