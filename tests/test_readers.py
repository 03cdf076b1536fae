"""Reading a registry from whatever holds it: the same records, or a clear refusal."""

from __future__ import annotations

import codecs
import io
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import time
import zipfile
from pathlib import Path

import duckdb
import openpyxl
import pandas as pd
import pyreadstat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tieout import readers, registry, study
from tieout.errors import TieoutError
from tieout.places import Database, Format, Join, Place

VARIABLES = """variables:
  id: {label: Record, type: key, role: record}
  site: {label: Site, type: text, role: site}
  day: {label: Enrolment, type: date, role: enrolled}
  age: {label: Age, type: integer, missing: {-99: unknown}}
  weight: {label: Weight, type: decimal}
  sex: {label: Sex, type: category, levels: {01: Male, 02: Female}}
  came: {label: Arrival, type: datetime}
  died: {label: Died, type: yesno}
"""
HEADER = ["id", "site", "day", "age", "weight", "sex", "came", "died"]
ROWS = [
    ["007", "a", "2021-01-31", "61", "70.5", "01", "2021-01-31T10:05", "0"],
    ["008", "b", "2021-02-01", "-99", "", "02", "", "1"],
    ["009", "b", "2021-02-02", "45", "82", "01", "2021-02-02T23:59", ""],
]


def table(rows: list[list[str]] = ROWS) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=HEADER, dtype="str")


def written(folder: Path, place: str) -> study.Study:
    """Write a study of these variables whose data lie at a place, and read it."""
    text = f"name: N\ntitle: T\ndata: {{{place}, cut: 2021-12-31}}\ndocuments: {{manuscript: m.qmd}}\n{VARIABLES}"
    text = text.replace("{01: Male, 02: Female}", '{"01": Male, "02": Female}')
    (folder / "study.yaml").write_text(text, encoding="utf-8")
    return study.read(folder / "study.yaml")


def as_csv(folder: Path, data: pd.DataFrame) -> str:
    data.to_csv(folder / "data.csv", index=False)
    return "file: data.csv"


def as_german_csv(folder: Path, data: pd.DataFrame) -> str:
    data = data.assign(
        weight=data["weight"].str.replace(".", ",", regex=False),
        day=[f"{d[8:]}.{d[5:7]}.{d[:4]}" for d in data["day"]],
        came=[f"{d[8:10]}.{d[5:7]}.{d[:4]} {d[11:]}" if d else "" for d in data["came"]],
    )
    data.to_csv(folder / "data.csv", index=False, sep=";", encoding="cp1252")
    return 'file: data.csv, format: {encoding: cp1252, decimal: ",", dates: day_month_year}'


def as_american_tsv(folder: Path, data: pd.DataFrame) -> str:
    data = data.assign(day=[f"{int(d[5:7])}/{int(d[8:])}/{d[:4]}" for d in data["day"]], came=[
        f"{int(d[5:7])}/{int(d[8:10])}/{d[:4]} {d[11:]}" if d else "" for d in data["came"]])  # fmt: skip
    data.to_csv(folder / "data.tsv", index=False, sep="\t", encoding="utf-16")
    return "file: data.tsv, format: {dates: month_day_year}"


def as_parquet(folder: Path, data: pd.DataFrame) -> str:
    data.to_parquet(folder / "data.parquet")
    return "file: data.parquet"


def typed(data: pd.DataFrame) -> pd.DataFrame:
    """Return the table as a program that knows types would hold it."""
    return data.assign(
        age=pd.to_numeric(data["age"]), weight=pd.to_numeric(data["weight"]), died=pd.to_numeric(data["died"]),
        day=pd.to_datetime(data["day"]), came=pd.to_datetime(data["came"]),
    )  # fmt: skip


def as_excel(folder: Path, data: pd.DataFrame) -> str:
    typed(data).to_excel(folder / "data.xlsx", index=False, sheet_name="Patients")
    return "file: data.xlsx"


def as_stata(folder: Path, data: pd.DataFrame) -> str:
    pyreadstat.write_dta(typed(data), str(folder / "data.dta"))
    return "file: data.dta"


def as_spss(folder: Path, data: pd.DataFrame) -> str:
    pyreadstat.write_sav(typed(data), str(folder / "data.sav"))
    return "file: data.sav"


def as_compressed_spss(folder: Path, data: pd.DataFrame) -> str:
    pyreadstat.write_sav(typed(data), str(folder / "data.zsav"), compress=True)
    return "file: data.zsav"


def as_sas_transport(folder: Path, data: pd.DataFrame) -> str:
    pyreadstat.write_xport(typed(data), str(folder / "data.xpt"))
    return "file: data.xpt"


def as_german_excel(folder: Path, data: pd.DataFrame) -> str:
    """Write some numbers as numbers and some as texts with a comma: as people do."""
    known = typed(data)
    weights = [w if k % 2 else w if w != w else f"{w:g}".replace(".", ",") for k, w in enumerate(known["weight"])]
    known.assign(weight=pd.Series(weights, dtype="object")).to_excel(folder / "data.xlsx", index=False)
    return 'file: data.xlsx, format: {decimal: ","}'


def as_duckdb(folder: Path, data: pd.DataFrame) -> str:
    (folder / "data.duckdb").unlink(missing_ok=True)
    with duckdb.connect(str(folder / "data.duckdb")) as connection:
        known = typed(data)  # noqa: F841 (DuckDB finds it by its name)
        connection.execute('CREATE TABLE "all patients" AS SELECT * FROM known')
    return 'database: {connection: data.duckdb, table: "all patients"}'


def as_sqlite(folder: Path, data: pd.DataFrame) -> str:
    (folder / "data.sqlite").unlink(missing_ok=True)
    with sqlite3.connect(folder / "data.sqlite") as connection:
        data.to_sql('pat"ients', connection, index=False)
    return "database: {connection: data.sqlite, table: 'pat\"ients'}"


def as_two_files(folder: Path, data: pd.DataFrame) -> str:
    data[HEADER[:4]].to_csv(folder / "one.csv", index=False)
    typed(data)[["id", *HEADER[4:]]].sample(frac=1, random_state=1).to_excel(folder / "two.xlsx", index=False)
    return "join: {on: id, files: [one.csv, two.xlsx]}"


WAYS = {way.__name__: way for way in (
    as_csv, as_german_csv, as_american_tsv, as_parquet, as_excel, as_stata, as_spss, as_duckdb, as_sqlite, as_two_files,
    as_compressed_spss, as_sas_transport, as_german_excel,
)}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_the_same_registry_reads_the_same_from_every_reader(tmp_path, way):
    expected = registry.read(written(tmp_path, as_csv(tmp_path, table()))).frame
    found = registry.read(written(tmp_path, WAYS[way](tmp_path, table()))).frame
    pd.testing.assert_frame_equal(found, expected)
    assert expected["weight"].tolist()[0] == 70.5
    assert expected["came"].notna().tolist() == [True, False, True]


CELLS = st.tuples(
    st.dates(min_value=pd.Timestamp("2000-01-01").date(), max_value=pd.Timestamp("2021-12-31").date()),
    st.integers(0, 120), st.decimals(0, 999, places=2), st.sampled_from(["01", "02"]), st.sampled_from(["0", "1", ""]),
)  # fmt: skip


@given(st.lists(CELLS, min_size=1, max_size=8), st.sampled_from(sorted(WAYS)))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_registry_reads_the_same_from_every_reader(tmp_path, patients, way):
    rows = [
        [f"{k:03}", "ab"[k % 2], str(day), str(age), f"{weight:.2f}".rstrip("0").rstrip("."), sex, f"{day}T08:30", died]
        for k, (day, age, weight, sex, died) in enumerate(patients)
    ]
    expected = registry.read(written(tmp_path, as_csv(tmp_path, table(rows)))).frame
    found = registry.read(written(tmp_path, WAYS[way](tmp_path, table(rows)))).frame
    pd.testing.assert_frame_equal(found, expected)


@pytest.mark.parametrize("way", WAYS)
def test_the_digest_changes_when_a_cell_does_and_not_otherwise(tmp_path, way):
    first = registry.digest(written(tmp_path, WAYS[way](tmp_path, table())))
    assert registry.digest(study.read(tmp_path / "study.yaml")) == first
    changed = table().assign(age=["62", "-99", "45"])
    assert registry.digest(written(tmp_path, WAYS[way](tmp_path, changed))) != first


def refused(folder: Path, place: str) -> str:
    with pytest.raises(TieoutError) as error:
        registry.read(written(folder, place))
    assert error.value.__suppress_context__ or error.value.__cause__ is None
    return str(error.value)


GOOD = table().to_csv(index=False)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "the data file is empty"),
        (",".join(HEADER).encode() + b"\n", "has a header and no rows"),
        (GOOD.encode("utf-16-le"), "it holds NUL bytes"),
        (GOOD.replace("a,2021", "ä,2021").encode("cp1252"), "say how it is written: format: {encoding: cp1252}"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "it holds NUL bytes"),
        (GOOD.replace("sex,", "age,").encode(), "two columns are called 'age'"),
        (GOOD[: len(GOOD) // 2].rsplit(",", 1)[0].encode(), "cells, but the header has 8"),
        (GOOD.replace("70.5", '"70.5').encode(), "data.csv"),
        (GOOD.replace("70.5", '"70,5"').encode(), 'a decimal comma? say so: data › format: {decimal: ","}'),
        (GOOD.replace(",82,", ",.,").encode(), 'does . stand for missing? declare it: missing: {".": unknown}'),
        (GOOD.replace("2021-01-31,61", "31.01.2021,61").encode(), "say which: data › format: {dates: day_month_year}"),
        (GOOD.replace("2021-01-31,61", "31 janv. 2021,61").encode(), "a month in words? export dates as 2021-06-30"),
        (GOOD.replace("2021-01-31,61", "44227,61").encode(), "a number of Excel's?"),
        (b"id;a,b\n1;2,3\n4;5,6\n", "the cells could be separated by ',' and ';'"),
        (codecs.BOM_UTF8 + b"\n", "the data file is empty"),
        (codecs.BOM_UTF16_LE, "the data file is empty"),
        (GOOD.replace(",", ";").replace(";a;", ";ä")[:-20].encode(), "cells, but the header has 8"),
        (GOOD.replace("008,b", "008,é").encode().split(b"\xa9")[0], "breaks off in the middle of a character"),
        (GOOD.replace("sex,", "AGE,").encode(), "two columns 'age' and 'AGE' differ only in case or blanks"),
        (GOOD.replace("id,site", "my id,my  id,site").encode(), "two columns 'my id' and 'my  id' differ only in case or blanks"),
        (b'"' + GOOD.encode() * 2000, "the header is not a row of cells"),
        (b"PK\x03\x04" + b"x" * 99, "this is a workbook of Excel, or a zip archive, not CSV"),
        (b"<html><body>Please log in</body></html>", "this is a web page or XML, not CSV"),
        (GOOD.replace("2021-01-31,61", "2021,61").encode(), "only a year or a month?"),
        (GOOD.replace("2021-01-31,61", "2021-01,61").encode(), "only a year or a month?"),
        (GOOD.replace("2021-01-31,61", "today,61").encode(), "day holds no date"),
        (GOOD.replace("2021-01-31T10:05", "2021-01-31T10:05Z").encode(), "a time with a zone? export local times"),
        (GOOD.replace("2021-02-02T23:59", "2021-02-02T23:59+02:00").encode(), "a time with a zone? export local times"),
    ],
)  # fmt: skip
def test_a_csv_that_cannot_be_read_rightly_is_refused_with_what_to_do(tmp_path, raw, words):
    (tmp_path / "data.csv").write_bytes(raw)
    assert words in refused(tmp_path, "file: data.csv")


def test_an_open_quote_never_swallows_patients(tmp_path):
    """Each of these falls into rows of the right length, of which one holds the lines of other patients."""
    rows = GOOD.splitlines()
    cases = {
        2: [rows[0], rows[1][:-1] + '"0', *rows[2:]],
        3: [rows[0], rows[1], rows[2][:-1] + '"x', rows[3] + '"z'],
    }
    for line, lines in cases.items():
        (tmp_path / "data.csv").write_text("\n".join(lines) + "\n")
        told = refused(tmp_path, "file: data.csv")
        assert f"data.csv line {line}  a quoted cell of this line is never closed" in told
    fair = GOOD.replace(",b,", ',"ward ""b"",\nsecond floor",')
    for text in (fair, fair.replace("007", '5\' 6"')):
        (tmp_path / "data.csv").write_text(text)
        assert len(registry.read(written(tmp_path, "file: data.csv")).frame) == 3


def test_the_line_that_tells_excel_the_delimiter_and_blank_lines_above_the_header_are_passed_over(tmp_path):
    expected = registry.read(written(tmp_path, as_csv(tmp_path, table()))).frame
    for start, sign in (("sep=;\r\n", ";"), ("\n\n", ","), ("", "|")):
        (tmp_path / "data.csv").write_text(start + GOOD.replace(",", sign))
        pd.testing.assert_frame_equal(registry.read(written(tmp_path, "file: data.csv")).frame, expected)


def test_where_the_decimal_sign_is_a_comma_a_number_with_a_point_is_refused(tmp_path):
    """1.234 may be a thousand or one and a bit; 1.234,5 and 1.234.567 can only be read in one way."""
    declared = 'file: data.csv, format: {delimiter: ";", decimal: ","}'
    for cell, value in (("70,5", 70.5), ("1.234,5", 1234.5), ("1.234.567", 1234567), ("-1,5", -1.5), ("82", 82)):
        (tmp_path / "data.csv").write_text(GOOD.replace(",", ";").replace("70.5", cell))
        assert registry.read(written(tmp_path, declared)).frame["weight"][0] == value
    for cell in ("1.234", "70.5", "1,234.5"):
        (tmp_path / "data.csv").write_text(GOOD.replace(",", ";").replace("70.5", cell))
        assert "row 1  weight holds text, expected a number" in refused(tmp_path, declared)


def test_leading_zeros_stay(tmp_path):
    frame = registry.read(written(tmp_path, as_csv(tmp_path, table()))).frame
    assert frame["id"].tolist() == ["007", "008", "009"]
    assert frame["sex"].tolist() == ["01", "02", "01"]


def test_a_point_that_is_declared_to_be_missing_is_missing(tmp_path):
    (tmp_path / "data.csv").write_text(GOOD.replace(",82,", ",.,"))
    declared = written(tmp_path, "file: data.csv")
    text = declared.path.read_text().replace("type: decimal", 'type: decimal, missing: {".": unknown}')
    declared.path.write_text(text)
    assert registry.read(study.read(declared.path)).frame["weight"].isna().tolist() == [False, True, True]


@pytest.mark.parametrize(("name", "words"), [
    ("data.xls", "no reader for files ending in '.xls'"), ("data.json", "export it as CSV"),
    ("data", "no reader for files without ending"), ("missing.csv", "there is no such data file"),
])  # fmt: skip
def test_a_file_of_an_unknown_kind_says_what_to_do(tmp_path, name, words):
    if name != "missing.csv":
        (tmp_path / name).write_bytes(b"x")
    assert words in refused(tmp_path, f"file: {name}")


def workbook(folder: Path, fill) -> str:
    book = openpyxl.Workbook()
    book.active.title = "Patients"
    for row in [HEADER, *ROWS]:
        book.active.append(row)
    fill(book)
    book.save(folder / "data.xlsx")
    return "file: data.xlsx"


def second(book):
    book.create_sheet("Notes").append(["note"])


def test_a_workbook_with_two_filled_sheets_asks_which(tmp_path):
    place = workbook(tmp_path, second)
    assert "2 sheets have data: Patients, Notes\n    say which: format: {sheet: Patients}" in refused(tmp_path, place)
    assert len(registry.read(written(tmp_path, place + ", format: {sheet: Patients}")).frame) == 3
    assert "did you mean 'Patients'" in refused(tmp_path, place + ", format: {sheet: Patient}")


@pytest.mark.parametrize(
    ("fill", "words"),
    [
        (lambda book: book.active.__setitem__("D2", "#REF!"), "1 cell holds an error such as #N/A, the first in D2"),
        (lambda book: book.active.__setitem__("D2", "=1+60"), "1 cell holds a formula that was never computed, the first in D2"),
        (lambda book: book.active.__setitem__("E1", None), "the header of column 5 is blank"),
        (lambda book: book.active.__setitem__("E1", "age"), "two columns are called 'age'"),
        (lambda book: (book.create_sheet("x"), setattr(book["Patients"], "sheet_state", "hidden")), "'Patients', is hidden"),
        (lambda book: book.active.__setitem__("E1", "AGE"), "two columns 'age' and 'AGE' differ only in case or blanks"),
        (lambda book: book.active.merge_cells("B3:B4"), "cells are merged, the first in B3:B4"),
        (lambda book: book.active.insert_rows(1), "the header of column 1 is blank"),
        (lambda book: book.active.__setitem__("J3", "see notes"), "the header of column 10 is blank"),
        (lambda book: book.active.__setitem__("C2", 44227), "a number of Excel's?"),
        (lambda book: book.active.delete_rows(2, 9), "has a header and no rows"),
        (lambda book: book.active.delete_rows(1, 9), "no sheet of this workbook has data"),
    ],
)
def test_a_workbook_that_could_be_misread_is_refused(tmp_path, fill, words):
    assert words in refused(tmp_path, workbook(tmp_path, fill))


def rewritten(path: Path, pattern: bytes, new: bytes) -> None:
    """Write a workbook again with a part of its first sheet's XML replaced."""
    with zipfile.ZipFile(path) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    parts[sheet], count = re.subn(pattern, new, parts[sheet], flags=re.DOTALL)
    assert count == 1
    path.write_bytes(zipped(**parts))


def test_a_sheet_that_misstates_its_size_is_read_whole(tmp_path):
    place = workbook(tmp_path, lambda book: None)
    rewritten(tmp_path / "data.xlsx", rb'<dimension ref="[^"]*"\s*/>', b'<dimension ref="A1"/>')
    assert registry.read(written(tmp_path, place)).frame["id"].tolist() == ["007", "008", "009"]


def test_a_code_that_excel_shows_with_leading_zeros_has_them(tmp_path):
    def fill(book):
        for row, code in enumerate((7, 8, 9), 2):
            book.active.cell(row, 1, code).number_format = "000"

    assert registry.read(written(tmp_path, workbook(tmp_path, fill))).frame["id"].tolist() == ["007", "008", "009"]


@pytest.mark.parametrize(
    ("cell", "weight"),
    [(b'<c r="E2"><f>70+0.5</f><v>70.5</v></c>', 70.5), (b'<c r="E2" t="str"><f>IF(1=1,"","x")</f><v></v></c>', None)],
)
def test_a_formula_is_its_last_value_which_may_be_blank(tmp_path, cell, weight):
    place = workbook(tmp_path, lambda book: None)
    rewritten(tmp_path / "data.xlsx", rb'<c r="E2"[^>]*>.*?</c>', cell)
    found = registry.read(written(tmp_path, place)).frame["weight"]
    assert found.isna()[0] if weight is None else found[0] == weight


def zipped(**parts: bytes) -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as package:
        for name, part in parts.items():
            package.writestr(name, part)
    return raw.getvalue()


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (bytes.fromhex("d0cf11e0a1b11ae1") + b"x" * 600, "protected by a password, or of the old .xls kind"),
        (b"PK\x03\x04 broken", "not an Excel workbook, or a damaged one"),
        (zipped(a=b"nothing"), "not an Excel workbook, or a damaged one"),
        (zipped(bomb=b"\0" * 120_000_000), "unpacks to 120,000,000 bytes"),
        (zipped(sheet=b'<!DOCTYPE x [<!ENTITY a "aaaa">]><x>&a;</x>'), "declares entities"),
    ],
)
def test_a_hostile_or_broken_workbook_is_refused(tmp_path, raw, words):
    (tmp_path / "data.xlsx").write_bytes(raw)
    assert words in refused(tmp_path, "file: data.xlsx")


@pytest.mark.parametrize("name", ["data.dta", "data.sav", "data.sas7bdat", "data.xpt", "data.por", "data.zsav"])
def test_a_damaged_file_of_a_statistics_program_is_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"\x00\x01not such a file" * 20)
    assert "or a damaged one" in refused(tmp_path, f"file: {name}")


@pytest.mark.parametrize("ending", ["dta", "sav", "zsav", "por", "xpt"])
def test_a_file_of_a_statistics_program_that_was_cut_off_is_refused(tmp_path, ending):
    """Of a transport file of SAS this can be seen only where it ends within a record."""
    data, path = pd.concat([typed(table())] * 300), tmp_path / f"data.{ending}"
    options = {"compress": True} if ending == "zsav" else {}
    getattr(pyreadstat, {"zsav": "write_sav", "xpt": "write_xport"}.get(ending, f"write_{ending}"))(data, str(path), **options)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3 // 80 * 80 + 41])
    assert re.search("a damaged one|breaks off", refused(tmp_path, f"file: data.{ending}"))


def test_numbers_that_stata_keeps_in_four_bytes_are_those_that_were_entered(tmp_path):
    typed(table()).astype({"weight": "float32"}).to_stata(tmp_path / "data.dta", write_index=False)
    with readers.opened(Place(file="data.dta"), tmp_path) as source:
        assert source.whole(["weight"])["weight"].tolist() == ["70.5", "", "82"]
    pd.DataFrame({"w": [70.1, 0.3]}, dtype="float32").to_stata(tmp_path / "data.dta", write_index=False)
    with readers.opened(Place(file="data.dta"), tmp_path) as source:
        assert source.whole(["w"])["w"].tolist() == ["70.1", "0.3"]


def test_labels_of_a_statistics_program_are_kept_and_codes_stay_codes(tmp_path):
    data = pd.DataFrame({"id": ["1", "2"], "sex": [1.0, 2.0]})
    options = {"column_labels": {"sex": "Sex of the patient"}, "variable_value_labels": {"sex": {1: "Male", 2: "Female"}}}
    pyreadstat.write_dta(data, str(tmp_path / "d.dta"), **options)
    columns, codes = readers.labels(tmp_path / "d.dta")
    assert columns["sex"] == "Sex of the patient"
    assert codes["sex"] == {"1": "Male", "2": "Female"}
    with readers.opened(Place(file="d.dta"), tmp_path) as source:
        assert source.whole(["sex"])["sex"].tolist() == ["1", "2"]


def test_missing_values_of_stata_keep_their_letters(tmp_path):
    data = pd.DataFrame({"id": ["1", "2", "3"], "age": [50, "a", "z"]})
    pyreadstat.write_dta(data, str(tmp_path / "d.dta"), missing_user_values={"age": ["a", "z"]})
    with readers.opened(Place(file="d.dta"), tmp_path) as source:
        assert source.whole(["age"])["age"].tolist() == ["50", ".a", ".z"]


@pytest.mark.parametrize(
    ("two", "words"),
    [
        ("nr,weight\n007,1\n", "the key 'id' is missing"),
        ("id,weight\n007,1\n007,2\n", "the key 'id' stands more than once in 2 rows"),
        ("id,weight\n007,1\n,2\n", "the key 'id' is blank in 1 row,"),
        ("id,weight\n007,1\n999,2\n", "1 of its 2 records is not in one.csv"),
        ("id,age\n007,1\n", "two columns are called 'age'"),
    ],
)
def test_files_that_cannot_be_joined_patient_by_patient_are_refused(tmp_path, two, words):
    table()[HEADER[:4]].to_csv(tmp_path / "one.csv", index=False)
    (tmp_path / "two.csv").write_text(two)
    with pytest.raises(TieoutError) as error, readers.opened(Place(join=Join(on="id", files=("one.csv", "two.csv"))), tmp_path):
        pass
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("database: {connection: d.duckdb}", "expected exactly one of: table, query"),
        ("file: a.csv, join: {on: id, files: [a.csv, b.csv]}", "got file and join, expected exactly one of"),
        ("file: a.csv, format: {sheet: Patients}", "data › format › sheet: 'sheet' says nothing about these data"),
        ("file: a.xlsx, format: {delimiter: tab}", "data › format › delimiter: 'delimiter' says nothing about these data"),
        ("file: a.parquet, format: {encoding: cp1252}", "data › format › encoding: 'encoding' says nothing about these data"),
        ("database: {connection: 'postgresql://me:sec#ret@host/x', table: t}", "a password stands in the study file"),
        ("database: {connection: 'postgresql://me:sec/ret@host/x', table: t}", "a password stands in the study file"),
        ("database: {connection: 'postgresql://me:secret@host/x', table: t}", "a password stands in the study file"),
        ("database: {connection: 'postgresql://me@host/x?password=secret', table: t}", "a password stands in the study file"),
    ],
)
def test_a_place_that_is_declared_wrongly_is_an_error_of_the_study_file(tmp_path, place, words):
    with pytest.raises(TieoutError) as error:
        written(tmp_path, place)
    assert words in str(error.value)
    assert not any(word in str(error.value) for word in ("secret", "sec#", "sec/"))


@pytest.mark.parametrize("kind", ["duckdb", "sqlite"])
def test_a_database_file_says_what_is_not_there_and_is_never_written(tmp_path, kind):
    WAYS[f"as_{kind}"](tmp_path, table())
    path = tmp_path / f"data.{kind}"
    before = path.read_bytes()
    for query, words in ((("patient", ""), "there is no table 'patient'"), (("", "DROP TABLE x"), "cannot be read|would write")):
        place = Place(database=Database(connection=path.name, table=query[0], query=query[1]))
        with pytest.raises(TieoutError, match=words), readers.opened(place, tmp_path):
            pass
    assert path.read_bytes() == before
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(TieoutError), readers.opened(Place(database=Database(connection=path.name, table="x")), tmp_path):
        pass


@pytest.mark.parametrize("kind", ["duckdb", "sqlite"])
@pytest.mark.parametrize("query", ["VACUUM INTO '{}'", "ATTACH '{}' AS other", "COPY (SELECT 1) TO '{}'", "SELECT 1; SELECT 2"])
def test_a_query_of_a_database_file_is_one_select_and_leaves_no_other_file(tmp_path, kind, query):
    WAYS[f"as_{kind}"](tmp_path, table())
    place = Place(database=Database(connection=f"data.{kind}", query=query.format(tmp_path / "copy")))
    with pytest.raises(TieoutError), readers.opened(place, tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == [f"data.{kind}"]


def test_a_view_is_read_like_a_table(tmp_path):
    expected = registry.read(written(tmp_path, as_csv(tmp_path, table()))).frame
    WAYS["as_duckdb"](tmp_path, table())
    with duckdb.connect(str(tmp_path / "data.duckdb")) as connection:
        connection.execute('CREATE VIEW patients AS SELECT * FROM "all patients"')
    declared = written(tmp_path, "database: {connection: data.duckdb, table: main.patients}")
    pd.testing.assert_frame_equal(registry.read(declared).frame, expected)


def test_the_digest_is_of_the_cells_that_were_read_even_where_the_database_changes_meanwhile(tmp_path, monkeypatch):
    declared, checked = written(tmp_path, WAYS["as_sqlite"](tmp_path, table())), registry.checked
    before = registry.digest(declared)

    def meanwhile(*given):
        with sqlite3.connect(tmp_path / "data.sqlite") as connection:
            connection.execute("""UPDATE "pat""ients" SET age = '62' WHERE id = '007'""")
        return checked(*given)

    monkeypatch.setattr(registry, "checked", meanwhile)
    found = registry.read(declared)
    assert (found.digest, found.frame["age"][0]) == (before, 61)
    assert registry.digest(declared) != before


def test_a_duckdb_query_cannot_reach_other_files(tmp_path):
    WAYS["as_duckdb"](tmp_path, table())
    (tmp_path / "other.csv").write_text("a\n1\n")
    place = Place(database=Database(connection="data.duckdb", query=f"SELECT * FROM read_csv('{tmp_path}/other.csv')"))
    with pytest.raises(TieoutError), readers.opened(place, tmp_path):
        pass


@pytest.fixture(scope="module")
def server():
    """A real PostgreSQL server on loopback; without one the tests are skipped, or fail where the tools are required."""
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")) or [Path(found) for found in [shutil.which("initdb")] if found]
    if not binaries:
        if os.environ.get("TIEOUT_REQUIRE_TOOLS"):
            pytest.fail("PostgreSQL is not installed, and the tools are required")
        pytest.skip("PostgreSQL is not installed")
    folder = Path(tempfile.mkdtemp(prefix="tieout-postgresql-"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if as_user:
        shutil.chown(folder, "postgres")
    (folder / "password").write_text("s3cret-word\n")
    (folder / "password").chmod(0o644)
    bin_, data = binaries[-1].parent, folder / "data"
    setup = ["-D", data, "-U", "owner", "-A", "scram-sha-256", "--pwfile", folder / "password", "-E", "UTF8", "--locale=C.UTF-8"]
    subprocess.run([*as_user, bin_ / "initdb", *setup], check=True, capture_output=True)
    options = ["-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", folder]
    running = subprocess.Popen([*as_user, bin_ / "postgres", *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        import psycopg

        give_up = time.monotonic() + 60
        while True:
            try:
                with psycopg.connect(f"postgresql://owner@127.0.0.1:{port}/postgres", password="s3cret-word") as connection:
                    fill(connection)
                break
            except psycopg.OperationalError:
                assert time.monotonic() < give_up, "the server did not start"
                time.sleep(0.2)
        yield f"postgresql://owner@127.0.0.1:{port}/postgres"
    finally:
        subprocess.run([*as_user, bin_ / "pg_ctl", "-D", data, "-m", "immediate", "stop"], check=False, capture_output=True)
        running.wait(20)
        shutil.rmtree(folder, ignore_errors=True)


def fill(connection) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA clinic")
        cursor.execute(
            'CREATE TABLE clinic."pat""ients" '
            "(id text, site text, day date, age integer, weight numeric(6, 2), sex text, came timestamp, died boolean)"
        )
        for row in ROWS:
            cursor.execute('INSERT INTO clinic."pat""ients" VALUES (%s, %s, %s, %s, %s, %s, %s, %s)', [cell or None for cell in row])


@pytest.fixture
def password(monkeypatch):
    monkeypatch.setenv("PGPASSWORD", "s3cret-word")


def test_a_postgresql_table_reads_the_same_as_a_file(tmp_path, server, password):
    expected = registry.read(written(tmp_path, as_csv(tmp_path, table()))).frame
    declared = written(tmp_path, f"database: {{connection: '{server}', table: 'clinic.\"pat\"\"ients\"'}}")
    pd.testing.assert_frame_equal(registry.read(declared).frame, expected)
    query = """SELECT * FROM clinic."pat""ients" WHERE age > 0"""
    declared = written(tmp_path, f"database: {{connection: '{server}', query: '{query}'}}")
    assert registry.read(declared).frame["id"].tolist() == ["007", "009"]


def test_the_digest_of_a_table_does_not_depend_on_the_order_of_its_rows(tmp_path, server, password):
    tables = [f'SELECT * FROM clinic."pat""ients" ORDER BY id {way}' for way in ("ASC", "DESC")]
    digests = {registry.digest(written(tmp_path, f"database: {{connection: '{server}', query: '{each}'}}")) for each in tables}
    assert len(digests) == 1


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ("table: clinic.patients", "there is no table 'clinic.patients'\n    did you mean 'clinic.pat\"ients'"),
        ("table: 'x; DROP TABLE y'", "there is no table"),
        ("query: 'INSERT INTO clinic.x VALUES (1)'", "the server refused the query"),
        ("query: 'SELECT 1 FROM nowhere'", "there is no table"),
        ("query: 'SELECT 1 AS id, 2 AS id'", "two columns are called 'id'"),
        ("query: 'SELECT pg_sleep(0), set_config(''a.b'', ''c'', false) AS x FROM wrong syntax here'", "refused the query"),
    ],
)
def test_what_a_server_refuses_is_told_in_words(tmp_path, server, password, part, words):
    assert words in refused(tmp_path, f"database: {{connection: '{server}', {part}}}")


def test_a_query_that_would_write_is_refused_and_writes_nothing(tmp_path, server, password):
    import psycopg

    query = 'WITH x AS (DELETE FROM clinic."pat""ients" RETURNING *) SELECT * FROM x'
    assert "query" in refused(tmp_path, f"database: {{connection: '{server}', query: '{query}'}}")
    with psycopg.connect(server) as connection:
        assert connection.execute('SELECT count(*) FROM clinic."pat""ients"').fetchone() == (3,)


def test_a_query_cannot_end_its_transaction_and_go_on_to_write(tmp_path, server, password):
    import psycopg

    query = 'SELECT 1) AS x; COMMIT; DELETE FROM clinic."pat""ients"; SELECT * FROM (SELECT 1 AS id'
    assert "the server refused the query" in refused(tmp_path, f"database: {{connection: '{server}', query: '{query}'}}")
    with psycopg.connect(server) as connection:
        assert connection.execute('SELECT count(*) FROM clinic."pat""ients"').fetchone() == (3,)


def test_a_query_may_end_with_a_semicolon_and_hold_a_comment(tmp_path, server, password):
    query = 'SELECT * FROM clinic."pat""ients" -- everyone\n;\n'
    with readers.opened(Place(database=Database(connection=server, query=query)), tmp_path) as source:
        assert len(source.whole(["id"])) == 3


def test_a_database_in_another_encoding_is_read_rightly(tmp_path, server, password):
    import psycopg

    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("CREATE DATABASE western ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    western = server.replace("/postgres", "/western")
    with psycopg.connect(western, client_encoding="utf8") as connection:
        connection.execute("CREATE TABLE t (id text, site text, code numeric(4, 2))")
        connection.execute("INSERT INTO t VALUES ('1', 'Zürich', 1)")
    with readers.opened(Place(database=Database(connection=western, table="t")), tmp_path) as source:
        assert source.whole(["site", "code"]).iloc[0].tolist() == ["Zürich", "1"]


def test_a_server_that_takes_the_connection_and_says_nothing_is_given_up(tmp_path, monkeypatch):
    """The limit is of seconds; here it is the least that the driver takes."""
    from tieout import databases

    monkeypatch.setattr(databases, "SECONDS", 2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place = Place(database=Database(connection=f"postgresql://me@127.0.0.1:{silent.getsockname()[1]}/x", table="t"))
        with pytest.raises(TieoutError, match="it did not answer in time"), readers.opened(place, tmp_path):
            pass


def test_a_server_that_refuses_or_is_not_there_is_told_of_without_address_or_password(tmp_path, server, monkeypatch):
    monkeypatch.setenv("PGPASSWORD", "wr0ng-word")
    told = refused(tmp_path, f"database: {{connection: '{server}', table: clinic.x}}")
    assert "the password or the user was refused" in told
    monkeypatch.setenv("PGPASSWORD", "s3cret-word")
    gone = refused(tmp_path, "database: {connection: 'postgresql://owner@127.0.0.1:9/postgres', table: clinic.x}")
    assert "nothing listens there" in gone
    for text in (told, gone):
        assert not any(word in text for word in ("wr0ng", "s3cret", "127.0.0.1", "owner"))


def test_a_declared_format_reads_what_its_default_refuses(tmp_path):
    (tmp_path / "data.csv").write_bytes(GOOD.replace("a,2021", "ä,2021").encode("cp1250"))
    frame = registry.read(written(tmp_path, "file: data.csv, format: {encoding: cp1250}")).frame
    assert frame["site"].tolist()[0] == "ä"
    assert Format().decimal == "."


def test_a_folder_stands_for_every_data_file_in_it(tmp_path):
    expected = registry.read(written(tmp_path, as_csv(tmp_path, table()))).frame
    (tmp_path / "export").mkdir()
    table()[HEADER[:4]].to_csv(tmp_path / "export" / "z_patients.csv", index=False)
    typed(table())[["id", *HEADER[4:]]].iloc[:2].to_excel(tmp_path / "export" / "a_follow_up.xlsx", index=False)
    (tmp_path / "export" / "~$a_follow_up.xlsx").write_bytes(b"open elsewhere")
    (tmp_path / "export" / "readme.md").write_text("not data")
    declared = written(tmp_path, "join: {on: id, files: [export/]}")
    found = registry.read(declared).frame
    assert found["id"].tolist() == expected["id"].tolist()
    assert found["weight"].tolist()[0] == 70.5 and found["died"].isna().tolist() == [False, False, True]
    before = registry.digest(declared)
    (tmp_path / "export" / "z_patients.csv").write_text((tmp_path / "export" / "z_patients.csv").read_text().replace("61", "62"))
    assert registry.digest(declared) != before


def test_a_folder_without_data_is_refused(tmp_path):
    (tmp_path / "export").mkdir()
    assert "no data file is in this folder" in refused(tmp_path, "join: {on: id, files: [export/]}")
