"""Tables by themselves in seven formats, results in notebooks, and results in the columns of R's cards package."""

from __future__ import annotations

import csv
import io
import re
import shutil
import subprocess
from pathlib import Path

import docx
import lxml.html
import openpyxl
import pytest
from pyarrow import parquet
from word_text import text

import tieout
from tieout import ard, elsewhere, grid
from tieout.build import build
from tieout.errors import TieoutError
from tieout.resources import example
from tieout.results import Results

NAME = "model_favourable"
FIRST = "47.3 (5.46 to 410.0)"
HOSTILE = '=HYPERLINK("http://example.org")<script>alert(1)</script>|&'


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Results:
    return build(example() / "data" / "study.yaml", ("html",), tmp_path_factory.mktemp("tables"), "embedded").results


@pytest.fixture(scope="module")
def cells(results) -> list[list[str]]:
    return grid.parsed(elsewhere.table(results, NAME)).flat


def squeezed(words: str) -> str:
    return re.sub(r"[\s\\|]", "", words.replace("’", "'"))


def test_spanning_headers_name_what_stands_beneath_them(cells):
    assert cells[0][:3] == ["Factor", "Univariable: OR (95% CI)", "Univariable: p"]
    assert cells[1][:3] == ["Stent patent at follow-up", f"{FIRST} a", "<0.001"]
    assert len({len(row) for row in cells}) == 1


@pytest.mark.parametrize("to", elsewhere.FORMATS)
def test_each_format_has_every_cell_its_notes_and_the_stamps_and_the_same_bytes_again(results, cells, to, tmp_path):
    data = elsewhere.written(results, NAME, to)
    words = squeezed(READ[to](data, tmp_path))
    for row in cells[1:]:
        for cell in filter(None, row):
            assert squeezed(re.sub(r" [a-z]$", "", cell)) in words
    assert squeezed("Multivariable model: 63 complete cases") in words
    assert squeezed(results.meta["synthetic"]) in words and squeezed(results.stamp[:20]) in words
    assert data == elsewhere.written(results, NAME, to)


def of_word(data: bytes, folder: Path) -> str:
    word = docx.Document(io.BytesIO(data))
    parts = [text(p._p) for p in word.paragraphs] + [text(c._tc) for t in word.tables for r in t.rows for c in r.cells]
    return " ".join(parts)


def of_rtf(data: bytes, folder: Path) -> str:
    if not shutil.which("soffice"):
        pytest.skip("LibreOffice is not on the PATH")
    (folder / "t.rtf").write_bytes(data)
    profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    command = ["soffice", profile, "--headless", "--convert-to", "txt:Text (encoded):UTF8", "--outdir", str(folder)]
    subprocess.run([*command, str(folder / "t.rtf")], check=True, capture_output=True, timeout=120)
    return (folder / "t.txt").read_text(encoding="utf-8-sig")


def of_tex(data: bytes, folder: Path) -> str:
    assert data.count(b"\\begin{longtable}") == 1 and b"\\toprule" in data and b"\\multicolumn{2}" in data
    plain = re.sub(r"\\textless(?:\{\})?", "<", data.decode()).replace("--", "–").replace("\\%", "%").replace("\\&", "&")
    return re.sub(r"\\[a-zA-Z]+\*?|[{}$]", "", plain)


def of_workbook(data: bytes, folder: Path) -> str:
    book = openpyxl.load_workbook(io.BytesIO(data))
    return " ".join(str(cell) for row in book["Table"].iter_rows(values_only=True) for cell in row if cell is not None)


READ = {
    "xlsx": of_workbook,
    "csv": lambda data, folder: " ".join(c for row in csv.reader(io.StringIO(data.decode("utf-8-sig"))) for c in row),
    "html": lambda data, folder: lxml.html.fromstring(data).text_content(),
    "docx": of_word,
    "tex": of_tex,
    "rtf": of_rtf,
    "md": lambda data, folder: data.decode(),
}


def test_a_workbook_has_the_figures_behind_the_table_unrounded_with_n_and_method(results):
    book = openpyxl.load_workbook(io.BytesIO(elsewhere.written(results, "baseline", "xlsx")))
    rows = {row[0]: row for row in book["Figures"].iter_rows(values_only=True)}
    for key in ("table.baseline.age.all.q3", "table.baseline.sex.1.favourable.pct"):
        assert rows[key][2] == results[key].value and rows[key][8] == results[key].method
    assert rows["table.baseline.sex.1.favourable.pct"][4:6] == (25, 50)
    assert book["Table"].freeze_panes == "B5" and len(book["Table"].merged_cells.ranges) > 4


def test_hostile_labels_are_no_formula_no_markup_and_no_column(small):
    small.change("study.yaml", "label: Sex,", f"label: '{HOSTILE}',")
    results = small.build("html").results
    book = openpyxl.load_workbook(io.BytesIO(elsewhere.written(results, "baseline", "xlsx")))
    assert all(cell.data_type != "f" for sheet in book for row in sheet.iter_rows() for cell in row)
    rows = list(csv.reader(io.StringIO(elsewhere.written(results, "baseline", "csv").decode("utf-8-sig"))))
    assert all(not cell.startswith("=") for row in rows for cell in row)
    assert b"<script>alert" not in elsewhere.written(results, "baseline", "html")
    assert b"<script>alert" not in elsewhere.written(results, "baseline", "md")
    assert "<script>alert" not in tieout.table(results, "baseline")._repr_html_()
    assert "<script>alert" not in results.with_meta(title=HOSTILE)._repr_html_()
    assert all(not line.split(b",")[13].startswith(b"=") for line in ard.as_text(results).splitlines())


@pytest.mark.parametrize(
    ("name", "to", "words"),
    [("baselin", "csv", "'baseline'"), ("baseline", "xslx", "'xlsx'"), ("zzz", "csv", "there are: ")],
)
def test_an_unknown_table_or_format_is_told_the_nearest(results, name, to, words):
    with pytest.raises(TieoutError, match=words):
        elsewhere.written(results, name, to)


def test_a_notebook_shows_results_and_tables_and_print_writes_them(results, tmp_path):
    (tmp_path / "results.json").write_text(results.to_json(), encoding="utf-8")
    found = tieout.read_results(tmp_path / "results.json")
    assert "SYNTHETIC DATA" in found._repr_html_() and "model_favourable" in found._repr_html_()
    shown = tieout.table(found, NAME)
    assert "SYNTHETIC DATA" in shown._repr_html_() and FIRST in lxml.html.fromstring(shown._repr_html_()).text_content()
    for word in ("Stent", "patent", "47.3", "Multivariable model: 63 complete cases", "SYNTHETIC DATA"):
        assert word in str(shown)


def test_importing_tieout_costs_no_other_library():
    code = "import sys, tieout; print(sorted({'pandas', 'matplotlib', 'lxml', 'jinja2', 'pydantic'} & set(sys.modules)))"
    import sys

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


CARDS = ["group1", "group1_level", "variable", "variable_level", "context", "stat_name", "stat_label", "stat", "stat_fmt", "fmt_fun",
         "warning", "error"]  # fmt: skip
"""The standard columns in their order: tidy_ard_column_order() of cards 0.9."""
NEEDED = {"variable", "stat_name", "stat_label", "stat", "fmt_fun", "warning", "error"}
"""What check_ard_structure() of cards 0.9 asks for."""
LABELS = {"mean": "Mean", "sd": "SD", "median": "Median", "p25": "Q1", "p75": "Q3", "n": "n", "N": "N", "p": "%",
          "N_miss": "N Missing", "N_nonmiss": "N Non-missing"}  # fmt: skip
"""default_stat_labels() of cards 0.9."""


def test_the_export_has_the_columns_names_and_labels_of_cards(results):
    assert list(ard.COLUMNS[: len(CARDS)]) == CARDS and set(CARDS) >= NEEDED
    found = list(ard.rows(results))
    for row in found:
        assert set(row) == set(ard.COLUMNS)
        if row["stat_name"] in LABELS:
            assert row["stat_label"] == LABELS[row["stat_name"]]
    assert set(LABELS) - {row["stat_name"] for row in found} <= {"mean", "sd"}
    assert "method" in {row["stat_name"] for row in found}


def test_nothing_is_lost_and_proportions_are_between_0_and_1_as_cards_has_them(results):
    found = {row["key"]: row for row in ard.rows(results)}
    assert {s.key for s in results} <= set(found)
    assert found["outcome.favourable.pct"]["stat"] == pytest.approx(50 / 75)
    assert found["outcome.favourable.low"]["stat"] == pytest.approx(results["outcome.favourable.low"].value / 100)
    assert found["model.favourable.d_patent.estimate"]["stat"] == results["model.favourable.d_patent.estimate"].value
    row = found["table.baseline.sex.1.favourable.n"]
    assert (row["group1_level"], row["variable"], row["variable_level"], row["stat"]) == ("Favourable", "sex", "Male", 25)


def test_parquet_and_csv_hold_the_same_rows(results, tmp_path):
    (tmp_path / "a.parquet").write_bytes(ard.as_parquet(results))
    table = parquet.read_table(tmp_path / "a.parquet")
    rows = list(csv.DictReader(io.StringIO(ard.as_text(results).decode())))
    assert table.num_rows == len(rows) and table.column_names == list(ard.COLUMNS)
    assert [str(v or "") for v in table["key"].to_pylist()] == [row["key"] for row in rows]
    assert [row["stat"] and float(row["stat"]) for row in rows] == [v if v is not None else "" for v in table["stat"].to_pylist()]
    assert table.schema.metadata[b"synthetic"].startswith(b"SYNTHETIC")


@pytest.mark.skipif(not shutil.which("Rscript"), reason="R is not on the PATH")
def test_r_reads_the_export_and_makes_of_it_what_cards_takes(results, tmp_path):
    (tmp_path / "ard.csv").write_bytes(ard.as_text(results))
    code = (
        f'a <- read.csv("{tmp_path / "ard.csv"}", na.strings = ""); '
        'a$stat <- ifelse(a$stat_name == "method", a$stat_fmt, a$stat); '
        'for (x in c("group1_level", "variable_level", "stat", "fmt_fun", "warning", "error")) a[[x]] <- as.list(a[[x]]); '
        'p <- subset(a, key == "outcome.favourable.pct"); cat(p$stat_name, round(as.numeric(p$stat[[1]]), 4), is.list(a$stat), '
        "nrow(a))"
    )
    told = subprocess.run(["Rscript", "-e", code], capture_output=True, text=True, check=True).stdout.split()
    assert told == ["p", "0.6667", "TRUE", str(len(list(ard.rows(results))))]
