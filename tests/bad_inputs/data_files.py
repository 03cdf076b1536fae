"""Mistakes in the data: files that are none, tables that are broken, cells that do not fit the dictionary."""

from __future__ import annotations

import datetime
import sqlite3
from pathlib import Path

import openpyxl
import pandas as pd
from conftest import DATA

from bad_inputs.cases import Case, data

HEADER, *ROWS = [line.split(",") for line in DATA.splitlines()]


def whole(name: str, text: str | bytes | None, **more: object) -> Case:
    """Return a case of another data file."""
    return Case(name, "build", files={"data.csv": text}, **more)  # type: ignore[arg-type]


def placed(name: str, place: str, prepared=None, **files: str | bytes) -> Case:
    """Return a case of data that lie elsewhere; a file's name has two underscores for its point."""
    found = {name.replace("__", "."): text for name, text in files.items()}
    return Case(name, "build", (("study.yaml", "file: data.csv", place),), found, prepared)


def workbook(folder: Path, cells: dict[str, object] | None = None) -> openpyxl.Workbook:
    book = openpyxl.Workbook()
    for row in [HEADER, *ROWS]:
        book.active.append(row)
    for cell, value in (cells or {}).items():
        book.active[cell] = value
    book.save(folder / "data.xlsx")
    return book


def two_sheets(folder: Path) -> None:
    """data.xlsx has two sheets with data."""
    book = workbook(folder)
    book.create_sheet("Notes").append(["called", "back"])
    book.save(folder / "data.xlsx")


def no_data(folder: Path) -> None:
    """data.xlsx is a new workbook without any cell."""
    openpyxl.Workbook().save(folder / "data.xlsx")


def merged(folder: Path) -> None:
    """Two cells of data.xlsx are merged."""
    book = workbook(folder)
    book.active.merge_cells("B2:B3")
    book.save(folder / "data.xlsx")


def not_computed(folder: Path) -> None:
    """A cell of data.xlsx is a formula that no program has computed."""
    workbook(folder, {"D2": "=60+1"})


def with_errors(folder: Path) -> None:
    """A cell of data.xlsx holds #N/A."""
    workbook(folder, {"D2": "#N/A"})


def without_header(folder: Path) -> None:
    """The header of a column of data.xlsx is blank."""
    workbook(folder, {"D1": None})


def titled(folder: Path) -> None:
    """A title stands above the header of data.xlsx."""
    book = workbook(folder)
    book.active.insert_rows(1)
    book.active["A1"] = "Export of 2024-12-31"
    book.save(folder / "data.xlsx")


def hidden(folder: Path) -> None:
    """The only sheet of data.xlsx that has data is hidden."""
    book = workbook(folder)
    book.active.sheet_state = "hidden"
    book.create_sheet("Read me")
    book.save(folder / "data.xlsx")


def cut_off(folder: Path) -> None:
    """data.xlsx is cut off in the middle."""
    workbook(folder)
    whole = (folder / "data.xlsx").read_bytes()
    (folder / "data.xlsx").write_bytes(whole[: len(whole) // 2])


def of_lists(folder: Path) -> None:
    """A column of data.parquet holds lists."""
    frame = pd.DataFrame(ROWS, columns=HEADER)
    frame.assign(age=[[1, 2]] * len(frame)).to_parquet(folder / "data.parquet")


def in_zones(folder: Path) -> None:
    """A column of data.parquet holds times with a time zone."""
    frame = pd.DataFrame(ROWS, columns=HEADER)
    frame.assign(day=[datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)] * len(frame)).to_parquet(folder / "data.parquet")


def stored(folder: Path) -> None:
    """r.sqlite has a table registry of the small study's data."""
    with sqlite3.connect(folder / "r.sqlite") as connection:
        pd.DataFrame(ROWS, columns=HEADER).to_sql("registry", connection, index=False)


def a_folder(folder: Path) -> None:
    """data.csv is a folder."""
    (folder / "data.csv").unlink()
    (folder / "data.csv").mkdir()


def empty_folder(folder: Path) -> None:
    """The folder export is empty."""
    (folder / "export").mkdir()


XLSX, PARQUET, SQLITE = "file: data.xlsx", "file: data.parquet", "database: {connection: r.sqlite, "
VISITS = "id,weight\nr-01,70\nr-02,80\n"
JOIN = "join: {on: id, files: [data.csv, visits.csv]}"

CASES = (
    whole("no data file", None),
    Case("a folder in place of the data file", "build", prepared=a_folder),
    whole("an empty data file", ""),
    whole("a header and no rows", "id,site,day,age,sex,mrs\n"),
    whole("a letter in place of data", "Dear colleagues, the export will follow.\n"),
    whole("a workbook under the name of CSV", b"PK\x03\x04\x14\x00\x06\x00"),
    whole("a web page under the name of CSV", "<!DOCTYPE html><html><body>Please sign in</body></html>"),
    whole("JSON under the name of CSV", '{"records": []}'),
    whole("a PDF under the name of CSV", b"%PDF-1.7\n%\xe2\xe3"),
    whole("Windows letters in CSV", DATA.replace(",a,", ",K\xf6ln,").encode("cp1252")),
    whole("UTF-16 without its mark", DATA.encode("utf-16-le")),
    whole("NUL bytes in CSV", DATA.replace("r-03", "r-03\0").encode()),
    whole("CSV that ends in the middle of a letter", DATA.encode() + "r-13,Köln"[:-2].encode()[:-1]),
    placed("an unknown encoding", "file: data.csv, format: {encoding: windows}"),
    placed("an encoding that is not the file's", "file: data.csv, format: {encoding: ascii}",
           data__csv=DATA.replace(",a,", ",Köln,")),
    placed("a delimiter that is not the file's", 'file: data.csv, format: {delimiter: ";"}'),
    whole("cells that two signs could separate", "id;x,site\nr-01;1,a\nr-02;2,b\n"),
    whole("a table without its header", DATA.partition("\n")[2]),
    data("a row with a cell too many", "r-02,a,2024-01-09,70,2,3", "r-02,a,2024-01-09,70,2,3,9"),
    data("a row with a cell too few", "r-02,a,2024-01-09,70,2,3", "r-02,a,2024-01-09,70,2"),
    data("a quote that is never closed", "r-02,a,", 'r-02,"a,'),
    data("a header with a quote that is never closed", "id,site", '"id,site'),
    data("two columns of one name", "id,site,day", "id,site,site"),
    data("two columns that differ in case", "id,site,day,age", "id,site,day,Day"),
    data("a column that is missing", "id,site,day,age,sex,mrs", "id,site,day,years,sex,mrs"),
    data("a column with another case", "id,site,day,age,sex,mrs", "id,site,day,AGE,sex,mrs"),
    data("several columns that are missing", "id,site,day,age,sex,mrs", "id,centre,date,years,gender,rankin"),
    data("a record that stands twice", "r-02,", "r-01,"),
    data("text in place of a number", ",61,", ",sixty-one,"),
    data("a decimal comma", "\nr-01,a,2024-01-03,61,", '\nr-01,a,2024-01-03,"61,5",'),
    data("a fraction in place of a whole number", ",61,", ",61.5,"),
    data("a number out of its range", ",61,", ",610,"),
    data("a number that is infinite", ",61,", ",inf,"),
    data("NA for missing", ",61,", ",NA,"),
    data("a code that was not declared for missing", ",61,", ",999,"),
    data("a level that the dictionary lacks", "2024-01-03,61,1,0", "2024-01-03,61,3,0"),
    data("labels in place of codes", ",1,", ",Male,", ",2,", ",Female,"),
    data("a day first", "2024-01-03", "03.01.2024"),
    data("a day that does not exist", "2024-01-03", "2024-02-30"),
    data("a month in words", "2024-01-03", "3 Jan 2024"),
    data("a number of Excel in place of a date", "2024-01-03", "45294"),
    data("a year alone", "2024-01-03", "2024"),
    data("a day with a time zone", "2024-01-03", "2024-01-03T10:00+01:00"),
    data("a patient enrolled after the cut", "2024-01-03", "2025-01-03"),
    data("mistakes in many rows", "2024-", "24-"),
    data("mistakes of several kinds", ",61,", ",old,", "2024-01-09", "soon", ",74,1,3", ",74,9,3"),
    Case("a required value that is blank", "build", (("study.yaml", "unit: years", "required: true, unit: years"),
                                                       ("data.csv", ",61,", ",,"))),
    Case("an impossible time", "build", (("study.yaml", "derived:", "derived:\n  t: {label: T, days: [day, seen], range: [0, 9]}"),
                                           ("study.yaml", "  age: {", "  seen: {label: Seen, type: date}\n  age: {"),
                                           ("data.csv", "id,site,day,", "id,site,day,seen,"), ("data.csv", ",a,", ",a,2024-03-01,"),
                                           ("data.csv", ",b,", ",b,2024-03-02,"), ("data.csv", ",c,", ",c,2024-06-09,"))),
    placed("a data file of an unknown kind", "file: data.docx", data__docx="x"),
    placed("an old workbook", "file: data.xls", data__xls="x"),
    placed("an archive", "file: data.zip", data__zip="x"),
    placed("a file of R", "file: data.rds", data__rds="x"),
    placed("a data file without ending", "file: data", data="x"),
    placed("a workbook that is none", XLSX, data__xlsx="id,site\n"),
    placed("a workbook with a password", XLSX, data__xlsx=bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 8),
    placed("a workbook with two sheets", XLSX, two_sheets),
    placed("a sheet that is not there", "file: data.xlsx, format: {sheet: Note}", two_sheets),
    placed("a workbook without data", XLSX, no_data),
    placed("merged cells", XLSX, merged),
    placed("formulas that were never computed", XLSX, not_computed),
    placed("cells with errors", XLSX, with_errors),
    placed("a blank header", XLSX, without_header),
    placed("a title above the table", XLSX, titled),
    placed("a hidden sheet", XLSX, hidden),
    placed("a workbook that is cut off", XLSX, cut_off),
    placed("Stata's file that is none", "file: data.dta", data__dta="id,site\n"),
    placed("SPSS's file that is none", "file: data.sav", data__sav="id,site\n"),
    placed("SAS's file that is none", "file: data.sas7bdat", data__sas7bdat="id,site\n"),
    placed("a transport file that is none", "file: data.xpt", data__xpt="id,site\n"),
    placed("an empty file of Stata", "file: data.dta", data__dta=""),
    placed("Parquet that is none", PARQUET, data__parquet="id,site\n"),
    placed("an empty Parquet file", PARQUET, data__parquet=""),
    placed("lists in cells", PARQUET, of_lists),
    placed("times with a zone", PARQUET, in_zones),
    placed("a file to join that is not there", JOIN),
    placed("a key that a joined file lacks", JOIN, visits__csv=VISITS.replace("id", "record")),
    placed("a joined file without its header", JOIN, visits__csv=VISITS.partition("\n")[2]),
    placed("a joined file with a record twice", JOIN, visits__csv=VISITS.replace("r-02", "r-01")),
    placed("a joined file with a blank key", JOIN, visits__csv=VISITS.replace("r-02", "")),
    placed("a joined file of other patients", JOIN, visits__csv=VISITS.replace("r-02", "x-02")),
    placed("joined files with the same column", JOIN, visits__csv=VISITS.replace("weight", "age")),
    placed("a folder without data files", "join: {on: id, files: [export]}", empty_folder),
    placed("a database that is not there", SQLITE + "table: registry}"),
    placed("a database of an unknown kind", "database: {connection: r.mdb, table: registry}"),
    placed("a database file that is none", SQLITE + "table: registry}", r__sqlite="no database at all, but text\n" * 9),
    placed("a table that is not there", SQLITE + "table: registri}", stored),
    placed("a query that cannot be read", SQLITE + "query: SELEC * FROM registry}", stored),
    placed("a query that writes", SQLITE + "query: DELETE FROM registry}", stored),
    placed("a query without rows", SQLITE + "query: SELECT * FROM registry WHERE age > 999}", stored),
    placed("a server that is not there", 'database: {connection: "postgresql://localhost:1/registry", table: patients}'),
    placed("an address that is none", 'database: {connection: "postgresql://[/registry", table: patients}'),
)
