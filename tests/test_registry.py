"""Reading data under a study: what is refused, and what a message may say."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from conftest import DATA, Small
from pyarrow import parquet

from tieout import methods, registry, sources, study
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


EXAMPLE = Path(__file__).parents[1]
REAL_TYPES = {
    "htn": "bool", "dm": "boolean", "age": "float32", "n_pass": "Int8", "weight": "float64", "sex": "category",
    "ich_class": "category", "redcap_data_access_group": "category", "enrol_date": "datetime64[s]",
    "t_door": "datetime64[us]", "t_puncture": "datetime64[ns]",
}  # fmt: skip


def as_csv_holds_them(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def with_types(path: Path) -> pd.DataFrame:
    return pd.read_csv(path).astype({"weight": "float64"}).astype(REAL_TYPES)


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """The example's folder, whose study file names Parquet that is not there yet."""
    shutil.copytree(EXAMPLE / "data", tmp_path / "data")
    text = (EXAMPLE / "data" / "study.yaml").read_text(encoding="utf-8")
    (tmp_path / "data" / "study.yaml").write_text(text.replace("file: registry.csv", "file: registry.parquet"), "utf-8")
    return tmp_path / "data"


def assert_same(one: registry.Records, two: registry.Records) -> None:
    pd.testing.assert_frame_equal(one.frame, two.frame)
    assert one.not_applicable.keys() == two.not_applicable.keys()
    for name, hidden in one.not_applicable.items():
        np.testing.assert_array_equal(hidden, two.not_applicable[name])


def only(records: registry.Records, rows: np.ndarray) -> registry.Records:
    hidden = {name: mask[rows] for name, mask in records.not_applicable.items()}
    return registry.Records(records.frame[rows].reset_index(drop=True), hidden)


@pytest.mark.parametrize("typed", [as_csv_holds_them, pd.read_csv, with_types])
def test_parquet_gives_the_registry_that_csv_gives(example, typed):
    typed(example / "registry.csv").to_parquet(example / "registry.parquet", row_group_size=20)
    by_csv = registry.read(study.read(EXAMPLE / "data"))
    by_parquet = registry.read(study.read(example))
    assert_same(by_parquet.records, by_csv.records)
    assert by_parquet.undeclared == by_csv.undeclared
    raw = (example / "registry.parquet").read_bytes() + b"\0" + (example / "screening.csv").read_bytes()
    assert by_parquet.digest == registry.digest(study.read(example)) == hashlib.sha256(raw).hexdigest()


@pytest.mark.parametrize("folder", ["csv", "parquet"])
def test_parts_together_are_the_registry_and_a_sites_records_are_its_rows(example, monkeypatch, folder):
    monkeypatch.setattr(sources, "ROWS", 30)
    with_types(example / "registry.csv").to_parquet(example / "registry.parquet", row_group_size=7)
    declared = study.read(example if folder == "parquet" else EXAMPLE / "data")
    whole = registry.read(declared).records
    parts = list(registry.parts(declared))
    assert all(len(part.frame) <= 30 for part in parts) and len(parts) == 3
    start = 0
    for part in parts:
        rows = np.arange(len(whole.frame))
        assert_same(part, only(whole, (rows >= start) & (rows < start + len(part.frame))))
        start += len(part.frame)
    assert start == len(whole.frame)
    own = whole.frame["redcap_data_access_group"].isin(["site_03", "site_01"]).to_numpy()
    assert_same(registry.at(declared, ["site_03", "site_01"]), only(whole, own))
    assert registry.at(declared, ["site_99"]).frame.empty


def test_parts_hold_only_what_is_asked_for_and_what_it_needs(small):
    declared = study.read(small.study)
    (part,) = registry.parts(declared, ["good", "age"])
    assert list(part.frame) == ["id", "site", "day", "age", "mrs", "good"]
    pd.testing.assert_series_equal(part.frame["good"], registry.read(declared).frame["good"])
    with pytest.raises(KeyError, match="goood"):
        next(registry.parts(declared, ["goood"]))


@dataclass(frozen=True)
class InParquet:
    """The small study with its data in Parquet, in row groups of three rows."""

    small: Small

    @property
    def study(self) -> study.Study:
        return study.read(self.small.study)

    def write(self, frame: pd.DataFrame | bytes) -> InParquet:
        path = self.small.folder / "data.parquet"
        if isinstance(frame, bytes):
            path.write_bytes(frame)
        else:
            frame.to_parquet(path, row_group_size=3)
        return self


def patients(**columns: Any) -> pd.DataFrame:
    """The small study's data; a dict gives new values by row, anything else a new column."""
    frame = pd.read_csv(io.StringIO(DATA)).astype({"age": float, "sex": float, "mrs": float})
    for name, new in columns.items():
        if isinstance(new, dict):
            frame.loc[list(new), name] = list(new.values())
        else:
            frame[name] = new
    return frame


@pytest.fixture
def in_parquet(small) -> InParquet:
    small.change("study.yaml", "data.csv", "data.parquet")
    return InParquet(small)


def whole_file(frame: pd.DataFrame) -> bytes:
    return frame.to_parquet()


NESTED = "expected one text, number, date or yes/no in a cell"
BAD_PARQUET = {
    "an empty file": (b"", "the data file is empty"),
    "CSV called Parquet": (DATA.encode(), "not a Parquet file"),
    "half a file": (whole_file(patients())[:2000], "not a Parquet file, or a damaged one"),
    "the end cut off": (whole_file(patients())[:-1], "not a Parquet file, or a damaged one"),
    "columns and no rows": (patients().iloc[:0], "no rows"),
    "a column missing": (patients().rename(columns={"age": "agee"}), "the column 'age' is missing\n    did you mean"),
    "a name in capitals": (patients().rename(columns={"age": "AGE"}), "the column 'age' is missing"),
    "a name of DuckDB's": (patients(File_row_number=1), "a column is called 'file_row_number'"),
    "a record twice, groups apart": (patients(id={11: " r-01\t"}), "rows 1, 12  id stands more than once"),
    "a blank record": (patients(id={2: None}), "row 3  id is blank"),
    "two blank records": (patients(id={1: None, 2: " "}), "rows 2, 3  id is blank"),
    "a blank site": (patients(site={4: None}), "row 5  site is blank"),
    "a level not in the dictionary": (patients(sex={7: 3.0}), "row 8  sex has a level that the dictionary lacks"),
    "a fraction in a whole number": (patients(age={7: 61.5}), "row 8  age holds a fraction"),
    "a number out of range": (patients(age={7: 161}), "row 8  age is outside 18 to 110 years"),
    "infinity": (patients(age={7: np.inf}), "row 8  age holds text"),
    "text in a number": (patients(age=["Kim"] * 12), "age holds text"),
    "a date after the cut": (patients(day=pd.to_datetime(["2025-01-03"] * 12)), "day lies after the data cut"),
    "a list": (patients(age=[[61]] * 12), f"the column 'age' holds lists, {NESTED}"),
    "a record in a cell": (patients(site=[{"a": 1}] * 12), f"the column 'site' holds records, {NESTED}"),
    "a list for a key": (patients(id=[["r-01"]] * 12), f"the column 'id' holds lists, {NESTED}"),
    "bytes": (patients(site=[b"\xff"] * 12), "the column 'site' holds bytes"),
    "a time with a zone": (patients(day=pd.to_datetime(["2024-01-03"] * 12, utc=True)), "holds times with a time zone"),
}


@pytest.mark.parametrize("reading", [registry.read, lambda declared: list(registry.parts(declared))])
@pytest.mark.parametrize("case", BAD_PARQUET)
def test_bad_parquet_is_refused_with_its_row_and_without_a_patients_text(in_parquet, monkeypatch, case, reading):
    monkeypatch.setattr(sources, "ROWS", 3)
    content, words = BAD_PARQUET[case]
    in_parquet.write(content)
    with pytest.raises(TieoutError) as caught:
        reading(in_parquet.study)
    told = str(caught.value)
    assert words.casefold() in told.casefold() and "data.parquet" in told, told
    assert not any(private in told for private in ("Kim", "r-0", "161", "2025-01-03"))


def test_a_folder_called_parquet_is_refused(in_parquet):
    (in_parquet.small.folder / "data.parquet").mkdir()
    with pytest.raises(TieoutError, match="this is a folder, not a data file"):
        registry.read(in_parquet.study)


def test_a_column_twice_in_parquet_is_refused_also_in_capitals(in_parquet):
    path, frame = in_parquet.small.folder / "data.parquet", patients()
    table = pa.Table.from_pandas(frame, preserve_index=False)
    parquet.write_table(table.append_column("age", table["sex"]), path)
    with pytest.raises(TieoutError, match="two columns are called 'age'"):
        registry.read(in_parquet.study)
    parquet.write_table(table.add_column(0, "AGE", table["sex"]), path)
    with pytest.raises(TieoutError, match="'AGE' and 'age' differ only in case"):
        registry.read(in_parquet.study)


def test_names_and_codes_that_look_like_sql_are_only_names_and_codes(in_parquet):
    hostile = "a' OR '1'='1"
    frame = patients(site={0: hostile}).assign(**{'x"; DROP TABLE "y': 1, "two\nlines": [[1]] * 12, "c1": 2, "#1": 3})
    found = in_parquet.write(frame)
    assert registry.read(found.study).undeclared == ('x"; DROP TABLE "y', "two\nlines", "c1", "#1")
    assert registry.at(found.study, [hostile]).frame["id"].tolist() == ["r-01"]
    assert registry.at(found.study, ["x') OR ('1'='1"]).frame.empty


@pytest.mark.parametrize("sites", [[1] * 6 + [2] * 6, [1.0] * 6 + [2.0] * 6, [" 1"] * 5 + ["1 "] + ["2"] * 6])
def test_a_site_is_found_by_its_code_as_text_however_it_is_stored(in_parquet, sites):
    declared = in_parquet.write(patients(site=sites)).study
    assert registry.at(declared, ["1"]).frame["id"].tolist() == [f"r-0{number}" for number in range(1, 7)]


@pytest.mark.parametrize("name", ["dat[a].parquet", "d?t*.parquet", "it's \"1\".PARQUET", "site=z/data.parquet"])
def test_a_file_name_is_taken_literally(small, name):
    path = small.folder / name
    path.parent.mkdir(exist_ok=True)
    for other in ("data.parquet", "dat1.parquet", "dotx.parquet"):
        patients(site="other").to_parquet(small.folder / other)
    if sys.platform == "win32" and set(name) & set('*?"'):
        pytest.skip("no such names here")
    patients().to_parquet(path)
    small.change("study.yaml", "data.csv", name.replace("'", "''").join("''"))
    assert set(registry.read(study.read(small.study)).frame["site"]) == {"a", "b", "c"}
    path.unlink()
    with pytest.raises(TieoutError, match="there is no such data file"):
        registry.read(study.read(small.study))


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_csv('{other}')",
        "SELECT * FROM read_text('{other}')",
        "SELECT * FROM read_parquet('{folder}/*.parquet')",
        "SELECT * FROM read_parquet('http://127.0.0.1:9/x.parquet')",
        "COPY (SELECT 1) TO '{folder}/out.csv'",
        "ATTACH '{folder}/out.db'",
        "INSTALL httpfs",
        "SET enable_external_access = true",
        "SET allowed_paths = ['{other}']",
    ],
)
def test_duckdb_reaches_the_data_file_and_nothing_else(in_parquet, statement):
    in_parquet.write(patients())
    folder = in_parquet.small.folder
    with sources.database([str(folder / "data.parquet")]) as connection:
        rows = connection.read_parquet(str(folder / "data.parquet"))
        assert len(rows.fetchall()) == 12
        with pytest.raises((duckdb.PermissionException, duckdb.InvalidInputException)):
            connection.execute(statement.format(folder=folder, other=folder / "study.yaml")).fetchall()
    assert not list(folder.glob("out.*"))


def test_the_generated_registry_of_many_sites_is_accepted_and_its_formats_agree(tmp_path):
    spec = importlib.util.spec_from_file_location("make_sites", EXAMPLE / "bench" / "make_sites.py")
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    for form in ("csv", "parquet"):
        program.make(tmp_path / form, 40, 3000, form, seed=1)
    by_csv, by_parquet = (registry.read(study.read(tmp_path / form)) for form in ("csv", "parquet"))
    assert_same(by_parquet.records, by_csv.records)
    frame = by_parquet.frame
    assert len(frame) == 3000 and by_parquet.undeclared == () and "SYNTHETIC" in by_parquet.study.name
    assert frame["record_id"].str.startswith("SYN-").all()
    assert frame["redcap_data_access_group"].nunique() < 40
    assert (frame["discharge_date"].dropna() <= pd.Timestamp(by_parquet.study.data.cut)).all()


def test_a_blank_where_the_rule_of_applying_fails_is_not_applicable_and_not_missing(small: Small):
    branch(small, ["1,2", "1,", "0,", ",", "0,3"])
    found = registry.read(study.read(small.study)).records
    assert found.not_applicable["drug"].tolist() == [False, False, True, False, False]
    assert found.frame["drug"].isna().tolist() == [False, True, True, True, False]


def test_a_required_variable_may_be_blank_where_it_does_not_apply(small: Small):
    branch(small, ["1,2", "0,"], "required: true, ")
    registry.read(study.read(small.study))
    branch(small, ["1,2", "1,", "0,"], "required: true, ")
    with pytest.raises(TieoutError, match="row 2  drug is blank or missing, and it is required"):
        registry.read(study.read(small.study))


def test_reading_some_variables_reads_what_says_where_they_apply(small: Small):
    branch(small, ["1,2", "0,"])
    declared = study.read(small.study)
    part = next(iter(registry.parts(declared, ["drug"])))
    assert part.not_applicable["drug"].tolist() == [False, True]


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("lyssis == 1", "no variable is called 'lyssis'; did you mean 'lysis'"),
        ("lysis == 7", "'lysis' has no level '7'"),
        ("drug == 1", "a variable cannot say of itself where it applies"),
    ],
)
def test_a_rule_of_applying_that_cannot_be_read_is_an_error_of_the_study_file(small: Small, rule, words):
    branch(small, ["1,2"], rule=rule)
    with pytest.raises(TieoutError, match=words):
        study.read(small.study)


def branch(small: Small, cells: list[str], more: str = "", rule: str = "lysis == 1") -> None:
    """Write a study in which a drug is recorded only where there was thrombolysis; `cells` are lysis and drug."""
    small.write("data.csv", "id,site,day,lysis,drug\n" + "".join(f"P{i},a,2021-01-01,{c}\n" for i, c in enumerate(cells)))
    small.write(
        "study.yaml",
        f"""name: N
title: T
data: {{file: data.csv, cut: 2021-12-31}}
documents: {{manuscript: m.qmd}}
variables:
  id: {{label: Record, type: key, role: record}}
  site: {{label: Site, type: text, role: site}}
  day: {{label: Day, type: date, role: enrolled}}
  lysis: {{label: Thrombolysis, type: yesno}}
  drug: {{label: Drug, type: category, {more}levels: {{1: A, 2: B, 3: C}}, applies: "{rule}"}}
""",
    )


def test_a_registry_without_record_site_or_date_is_read_and_told_of(small: Small):
    small.write("data.csv", "sex,died\n1,0\n2,1\n1,1\n").write(
        "study.yaml",
        """name: N
title: T
data: {file: data.csv, cut: 2021-12-31}
documents: {manuscript: m.qmd}
variables:
  sex: {label: Sex, type: category, levels: {1: Male, 2: Female}}
  died: {label: Died, type: yesno}
outcomes: {death: {variable: died, label: Death, among: patients}}
""",
    )
    results = small.results()
    assert results["study.patients.n"].value == 3
    assert [s.key for s in results.under("study")] == ["study.patients.n"]


def test_reports_to_sites_need_to_know_whose_a_record_is(small: Small):
    small.change("study.yaml", "role: site", "role: variable")
    study.read(small.study)
    reports = "\nreports:\n  indicators:\n    good: {label: Good, variable: good, among: patients, better: higher}\n"
    small.write("study.yaml", small.study.read_text() + reports)
    with pytest.raises(TieoutError, match="reports: no variable has the role 'site'"):
        study.read(small.study)


def test_a_header_that_is_no_name_is_read_under_the_name_of_its_variable(small: Small):
    small.write("data.csv", "Fall-Nr.,Zentrum,Datum,Größe (cm),Mittel___1,Mittel___2\nP1,a,2021-01-01,170,1,0\n")
    small.write(
        "study.yaml",
        """name: N
title: T
data: {file: data.csv, cut: 2021-12-31}
documents: {manuscript: m.qmd}
variables:
  id: {label: Record, type: key, role: record, column: Fall-Nr.}
  site: {label: Site, type: text, role: site, column: Zentrum}
  day: {label: Day, type: date, role: enrolled, column: Datum}
  height: {label: Height, type: decimal, unit: cm, column: Größe (cm)}
  drug: {label: Drug, type: checkbox, levels: {1: A, 2: B}, column: Mittel}
""",
    )
    declared = study.read(small.study)
    frame = registry.read(declared).frame
    assert frame.columns.tolist() == ["id", "site", "day", "height", "drug___1", "drug___2"]
    assert frame["height"].tolist() == [170.0]
    assert registry.at(declared, {"a"}).frame["drug___1"].tolist() == ["1"]
    small.change("study.yaml", "column: Zentrum", "column: Datum")
    with pytest.raises(TieoutError, match="two variables are the column 'Datum'"):
        study.read(small.study)
    small.change("study.yaml", "column: Datum}\n  day", "column: Zentrun}\n  day")
    with pytest.raises(TieoutError, match="the column 'Zentrun' is missing\n    did you mean 'Zentrum'"):
        registry.read(study.read(small.study))


UNFIT = """name: N
title: T
data: {file: data.csv, cut: 2021-12-31, unfit: missing}
documents: {manuscript: m.qmd}
variables:
  id: {label: Record, type: key, role: record}
  site: {label: Site, type: text, role: site}
  day: {label: Day, type: date, role: enrolled}
  age: {label: Age, type: integer, range: [18, 110], required: true}
  sex: {label: Sex, type: category, levels: {1: Male, 2: Female}}
  door: {label: Door, type: datetime}
  puncture: {label: Puncture, type: datetime}
derived:
  wait: {label: Wait, minutes: [door, puncture], range: [0, 600]}
"""


def unfit(small: Small, *rows: str) -> study.Study:
    small.write("data.csv", "id,site,day,age,sex,door,puncture\n" + "\n".join(rows) + "\n").write("study.yaml", UNFIT)
    return study.read(small.study)


def test_values_that_do_not_fit_may_count_as_missing_and_are_told(small: Small):
    declared = unfit(
        small, "P1,a,2021-01-01,150,3,2021-01-01T10:00,2021-01-01T09:00", "P2,a,2021-01-01,old,1,,",
        "P3,a,2021-01-02,50,2,2021-01-01T10:00,2021-01-01T10:30",
    )  # fmt: skip
    records = registry.read(declared).records
    assert records.frame["age"].isna().tolist() == [True, True, False]
    assert records.frame["sex"].isna().tolist() == [True, False, False]
    assert records.frame["wait"].isna().tolist() == [True, True, False]
    assert records.set_aside == {"age": 2, "sex": 1, "wait": 1}
    results = small.results()
    assert results["study.set_aside.n"].value == 4
    assert results.meta["set_aside"] == {"age": 2, "sex": 1, "wait": 1}
    assert "Values that do not fit the data dictionary counted as missing." in methods.paragraph(results)
    small.change("study.yaml", ", unfit: missing", "")
    with pytest.raises(TieoutError, match="is outside 18 to 110"):
        registry.read(study.read(small.study))


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("P1,a,2021-13-01,50,1,,", "day holds no date"),
        ("P1,a,2021-01-01,,1,,", "age is blank or missing, and it is required"),
        ("P1,,2021-01-01,50,1,,", "site is blank or missing"),
        ("P1,a,2022-01-01,50,1,,", "day lies after the data cut"),
    ],
)
def test_what_identifies_a_record_must_fit_whatever_counts_as_missing(small: Small, row, words):
    with pytest.raises(TieoutError, match=words):
        registry.read(unfit(small, row))
