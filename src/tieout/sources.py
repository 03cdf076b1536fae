"""Tables of text cells, and files of CSV and Parquet as such: whole, in parts, or only the rows of some sites."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as arrow_csv

from tieout.errors import TieoutError, raise_all
from tieout.places import Format

if TYPE_CHECKING:
    import duckdb

ROWS = 249_856
"""Rows of a part: a multiple of 2,048, in which DuckDB hands rows over."""

MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    **dict.fromkeys((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE), "utf-32"),
    **dict.fromkeys((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE), "utf-16"),
}
"""Encodings by the mark with which a file begins; UTF-32's first, as one of them begins with UTF-16's."""
FOREIGN = {
    b"PK\x03\x04": "a workbook of Excel, or a zip archive",
    b"\xd0\xcf\x11\xe0": "an old or encrypted workbook of Excel",
    b"PAR1\x15": "Parquet",
    b"\x1f\x8b": "a gzip archive",
    b"%PDF-": "a PDF",
    b"<": "a web page or XML",
    b"{": "JSON",
}
"""What a file is whose name says CSV, by the bytes with which it begins."""
DECLARED = re.compile(rb"sep=([,;|\t])\r?\n", re.IGNORECASE)
"""The line with which Excel is told what separates the cells."""
DELIMITERS = (",", ";", "\t", "|")
LONGEST = 10_000
"""Characters that no name of a column has: the quote before it was never closed."""
SAMPLE = 65_536
"""Bytes at the beginning of a file by which its delimiter is found."""

PIECE = 1 << 24
"""Bytes of a file whose quotes are looked at together."""

NO_ROWS = ("the data file has a header and no rows", "export the registry again")
EMPTY = ("the data file is empty", "export the registry again")


@dataclass(frozen=True)
class Cells:
    """A table that is read whole: one row per line below the header."""

    table: pd.DataFrame

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.table)

    def whole(self, columns: Sequence[str]) -> pd.DataFrame:
        return self.table[list(columns)]

    def parts(self, columns: Sequence[str]) -> Iterator[pd.DataFrame]:
        for start in range(0, len(self.table), ROWS):
            yield self.table[list(columns)].iloc[start : start + ROWS]

    def at(self, columns: Sequence[str], site: str, codes: Collection[str]) -> pd.DataFrame:
        return self.table.loc[self.table[site].str.strip().isin(codes), list(columns)]

    def doubled(self, column: str) -> pd.Index:
        text = self.table[column].str.strip()
        return self.table.index[text.duplicated(keep=False) & (text != "")]


@dataclass(frozen=True)
class Parquet:
    """A Parquet file, of which DuckDB reads what is asked for.

    `names` are those of the file; `rows` has its columns in this order, and last the number of the row from 0.
    """

    path: Path
    names: tuple[str, ...]
    rows: duckdb.DuckDBPyRelation

    def whole(self, columns: Sequence[str]) -> pd.DataFrame:
        """Return the columns as text cells; the index is the place of the row in the file, here and below.

        Raises TieoutError for a column that holds lists, bytes or times with a zone, and where the file is damaged.
        """
        with damage(self.path):
            return as_frame(self.texts(self.rows, columns).to_arrow_table(), columns)

    def parts(self, columns: Sequence[str]) -> Iterator[pd.DataFrame]:
        """Yield the columns as text cells in the order of the file, at most ROWS at a time."""
        start = 0
        with damage(self.path):
            for table in filled(self.texts(self.rows, columns).to_arrow_reader(ROWS)):
                part = as_frame(table, columns)
                part.index = pd.RangeIndex(start, start + len(part))
                start += len(part)
                yield part

    def at(self, columns: Sequence[str], site: str, codes: Collection[str]) -> pd.DataFrame:
        """Return the columns of those rows whose cell in `site` is one of the codes.

        The file's own values are looked up first, so that whole row groups can be passed over by their statistics.
        """
        import duckdb

        self.check_kinds(columns)
        with damage(self.path):
            values = self.rows.project(f"{self.place(site)} AS value, {self.text(site)} AS cell").distinct().fetchall()
            found = [duckdb.ConstantExpression(value) for value, cell in values if cell.strip() in codes]
            stored = duckdb.ColumnExpression(self.rows.columns[self.names.index(site)])
            rows = self.rows.filter(stored.isin(*found)) if found else self.rows.limit(0)
            table = self.texts(rows, columns, f"#{len(self.names) + 1} AS place").to_arrow_table()
            return as_frame(table.drop_columns("place"), columns).set_index(table["place"].to_numpy())

    def doubled(self, column: str) -> pd.Index:
        """Return the rows whose cell in a column, when it is not blank, stands in another row too."""
        self.check_kinds([column])
        with damage(self.path):
            cells = self.rows.project(f"trim({self.text(column)}, '{BLANKS}') AS cell, #{len(self.names) + 1} AS place")
            counts = cells.aggregate("cell, count(*) AS n", "cell").filter("n > 1 AND cell <> ''").set_alias("counts")
            return pd.Index([place for (place,) in cells.join(counts, "cell").project("place").order("place").fetchall()])

    def texts(self, rows: duckdb.DuckDBPyRelation, columns: Sequence[str], *more: str) -> duckdb.DuckDBPyRelation:
        self.check_kinds(columns)
        return rows.project(", ".join([*(f"{self.text(name)} AS c{i}" for i, name in enumerate(columns)), *more]))

    def text(self, name: str) -> str:
        """Return the SQL of a column's text; no name of the file's stands in it."""
        return f"coalesce({TEXTS[self.kind(name)].format(self.place(name))}, '')"

    def place(self, name: str) -> str:
        return f"#{self.names.index(name) + 1}"

    def kind(self, name: str) -> str:
        return str(self.rows.types[self.names.index(name)].id)

    def check_kinds(self, columns: Sequence[str]) -> None:
        raise_all(
            [
                TieoutError(str(self.path), f"the column '{name}' holds {word}, {ONE_VALUE}", hint)
                for name in columns
                if (kind := self.kind(name)) not in TEXTS
                for word, hint in [UNREADABLE.get(kind, (f"values of the type {kind}", ""))]
            ]
        )


Source = Cells | Parquet

BLANKS = "".join(c for c in map(chr, range(0x3001)) if c.isspace())
PLAIN = "CAST({0} AS VARCHAR)"
WHOLE = "CASE WHEN isnan({0}) THEN NULL WHEN {0} = trunc({0}) AND abs({0}) < 9007199254740992 THEN "
TEXTS = {
    **dict.fromkeys(("varchar", "enum", "uuid", "null", "date", "time"), PLAIN),
    **dict.fromkeys(("tinyint", "smallint", "integer", "bigint", "hugeint"), PLAIN),
    **dict.fromkeys(("utinyint", "usmallint", "uinteger", "ubigint", "uhugeint"), PLAIN),
    **dict.fromkeys(("timestamp", "timestamp_s", "timestamp_ms", "timestamp_ns"), PLAIN),
    **dict.fromkeys(("float", "double"), WHOLE + "CAST(CAST({0} AS BIGINT) AS VARCHAR) ELSE CAST({0} AS VARCHAR) END"),
    "decimal": "regexp_replace(CAST({0} AS VARCHAR), '\\.0+$', '')",
    "boolean": "CAST(CAST({0} AS TINYINT) AS VARCHAR)",
}
"""How DuckDB writes a column as a CSV file would hold it, by type; whole numbers up to 2 to the 53rd as such."""

ONE_VALUE = "expected one text, number, date or yes/no in a cell"
FLAT = "export one plain column for each value"
UNREADABLE = {
    **dict.fromkeys(("list", "array"), ("lists", FLAT)),
    **dict.fromkeys(("struct", "map", "union", "variant"), ("records", FLAT)),
    "blob": ("bytes", "export it as text"),
    **dict.fromkeys(
        ("timestamp with time zone", "timestamptz_ns"), ("times with a time zone", "Parquet turns them into UTC; export local times")
    ),
}


def filled(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Put batches together while they have no more than ROWS rows: a file may hold its rows in small groups."""
    held: list[pa.RecordBatch] = []
    for batch in batches:
        if held and sum(map(len, [*held, batch])) > ROWS:
            yield pa.Table.from_batches(held)
            held = []
        held.append(batch)
    if held:
        yield pa.Table.from_batches(held)


def texts_of(table: pa.Table) -> pd.DataFrame:
    """Return a table of text columns as a frame."""
    return as_frame(table, table.column_names)


def as_frame(table: pa.Table, columns: Sequence[str]) -> pd.DataFrame:
    text = {pa.string(): pd.StringDtype("pyarrow", na_value=np.nan)}
    return table.rename_columns(list(columns)).to_pandas(types_mapper=text.get)


@contextmanager
def binary(path: Path) -> Iterator[io.BufferedReader]:
    """Open a file's bytes; raise TieoutError where they cannot be read."""
    try:
        with path.open("rb") as file:
            yield file
    except FileNotFoundError:
        raise TieoutError(str(path), "there is no such data file", "is its name right in the study file or the command?") from None
    except OSError as error:
        raise TieoutError(str(path), f"the data file cannot be read: {error.strerror}") from None


def file_bytes(path: Path) -> bytes:
    """Return the bytes of a file; raise TieoutError for one that is empty or cannot be read."""
    with binary(path) as file:
        raw = file.read()
    if not raw.strip():
        raise TieoutError(str(path), *EMPTY)
    return raw


def check_names(path: Path, names: Sequence[str]) -> None:
    """Raise TieoutError where two columns have the same name, or names that differ only in case or blanks."""
    seen: dict[str, str] = {}
    for name in names:
        first = seen.get(folded := " ".join(name.split()).casefold())
        if first is not None:
            told = f"are called '{name}'" if first == name else f"'{first}' and '{name}' differ only in case or blanks"
            raise TieoutError(str(path), f"two columns {told}", "rename or remove one of them")
        seen[folded] = name


@contextmanager
def open_csv(path: Path, form: Format) -> Iterator[Cells]:
    """Read CSV as text cells; raise TieoutError where it is not one table of one row per patient."""
    raw = utf8(path, file_bytes(path), form.encoding)
    told = DECLARED.match(raw)
    raw = raw[told.end() :] if told else raw
    delimiter = {"tab": "\t"}.get(form.delimiter, form.delimiter) or (told[1].decode() if told else delimiter_of(path, raw))
    header = header_of(path, raw, delimiter)
    check_names(path, header)
    table = cells(path, raw, header, delimiter)
    if len(table) < 2:
        raise TieoutError(str(path), *NO_ROWS)
    yield Cells(as_frame(table.slice(1), header))


def utf8(path: Path, raw: bytes, encoding: str) -> bytes:
    """Return a file's text as UTF-8 without byte order mark; raise TieoutError where its encoding is not known."""
    for beginning, kind in FOREIGN.items():
        if raw[:SAMPLE].lstrip().startswith(beginning):
            raise TieoutError(str(path), f"this is {kind}, not CSV", "give the file its right ending, or export it as CSV in UTF-8")
    marked = next((name for mark, name in MARKS.items() if raw.startswith(mark)), "")
    if not marked and not encoding and b"\0" in raw:
        hint = "say how it is written: format: {encoding: utf-16-le}" if raw[1:2] == b"\0" else "export it as CSV in UTF-8"
        raise TieoutError(str(path), "this is not text: it holds NUL bytes", hint)
    try:
        text = raw.decode(marked or encoding or "utf-8")
    except UnicodeDecodeError as error:
        raise TieoutError(str(path), *undecodable(error, marked or encoding)) from None
    except (LookupError, ValueError):
        raise TieoutError(str(path), f"no encoding is called '{encoding}'", "write, say, cp1252, cp1250, latin-1 or utf-16") from None
    if not marked and not encoding:
        return raw
    if "\0" in text:
        raise TieoutError(str(path), "this is not text: it holds NUL characters", "is the encoding right? export it as CSV in UTF-8")
    return text.removeprefix("\ufeff").encode()


def undecodable(error: UnicodeDecodeError, encoding: str) -> tuple[str, str]:
    """Return what is wrong with a file that is not text in its encoding, and what to try."""
    if error.reason in ("unexpected end of data", "truncated data"):
        return "the data file breaks off in the middle of a character", "was it copied whole? export the registry again"
    told = f"not text in {encoding}" if encoding else "not UTF-8 text"
    hint = "export it as CSV in UTF-8, or say how it is written: format: {encoding: cp1252} (Western) or cp1250 (Central European)"
    return f"the data file is {told}", hint


def header_of(path: Path, raw: bytes, delimiter: str) -> list[str]:
    """Return the names in the first line that is not blank, of which only as much is decoded as is needed."""
    lines = csv.reader(io.TextIOWrapper(io.BytesIO(raw), "utf-8", newline=""), delimiter=delimiter)
    unread = TieoutError(str(path), "the header is not a row of cells", "look for a stray quote")
    try:
        header = next((row for row in lines if row), [])
    except csv.Error:
        raise unread from None
    if any(len(name) > LONGEST for name in header):
        raise unread
    if not header:
        raise TieoutError(str(path), *EMPTY)
    return [name.strip() for name in header]


def delimiter_of(path: Path, raw: bytes) -> str:
    """Return what separates the cells: that by which the first rows are of one length, of two cells or more.

    Where rows are of several lengths, the one sign that stands in the header. Raises TieoutError where two of the usual
    signs do.
    """
    sample, whole = raw[:SAMPLE].decode(errors="ignore"), len(raw) <= SAMPLE
    lengths = {sign: row_lengths(sample, sign, whole) for sign in DELIMITERS}
    fitting = [sign for sign, found in lengths.items() if len(set(found)) == 1 and found[0] > 1]
    fitting = fitting or [sign for sign, found in lengths.items() if found and found[0] > 1]
    if len(fitting) > 1:
        told = " and ".join(repr(sign) for sign in fitting)
        raise TieoutError(str(path), f"the cells could be separated by {told}", 'say which: format: {delimiter: ";"}')
    return fitting[0] if fitting else ","


def row_lengths(sample: str, delimiter: str, whole: bool) -> list[int]:
    """Return how many cells the rows of a sample have; the last row of a sample that is not the whole file is left out."""
    try:
        found = [len(row) for row in csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter) if row]
    except csv.Error:
        return []
    return found if whole else found[:-1]


def cells(path: Path, raw: bytes, header: list[str], delimiter: str) -> pa.Table:
    """Return every line, the header too, as text cells; all must have as many cells as the header."""
    ragged: list[arrow_csv.InvalidRow] = []

    def noted(row: arrow_csv.InvalidRow) -> str:
        ragged.append(row)
        return "skip"

    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(raw),
            arrow_csv.ReadOptions(column_names=header, use_threads=False),
            arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True, invalid_row_handler=noted),
            arrow_csv.ConvertOptions(column_types=dict.fromkeys(header, pa.string()), strings_can_be_null=False),
        )
    except pa.ArrowInvalid:
        check_quotes(path, raw, delimiter)
        raise TieoutError(str(path), f"this is not a table of cells separated by {delimiter!r}", "look for a stray quote") from None
    if len(table) + len(ragged) != raw.count(b"\n") + (not raw.endswith(b"\n")):
        check_quotes(path, raw, delimiter)
    raise_all(
        [
            TieoutError(
                f"{path} row {row.number - 1}",
                f"{row.actual_columns} cells, but the header has {row.expected_columns}",
                "look for a stray comma or quote",
            )
            for row in ragged
        ]
    )
    return table


def check_quotes(path: Path, raw: bytes, delimiter: str) -> None:
    """Raise TieoutError where a quoted cell takes in following lines and does not end as one must (RFC 4180, section 2).

    Such a cell swallows patients without any row becoming too short.
    """
    if plainly_quoted(raw, delimiter):
        return
    ends = re.escape(delimiter).encode() + rb"\r\n"
    for cell in re.finditer(rb'"(?:(?<=[%b]")|(?<=\A"))((?:[^"]++|"")*+)("(?![^%b]))?' % (ends, ends), raw):
        if cell[2] is None and (b"\n" in cell[1] or b"\r" in cell[1] or cell.end() == len(raw)):
            line = raw.count(b"\n", 0, cell.start()) + 1
            hint = "look for a stray quote, or a file that is cut off; a quote inside a quoted cell is written twice"
            raise TieoutError(f"{path} line {line}", "a quoted cell of this line is never closed", hint)


def plainly_quoted(raw: bytes, delimiter: str) -> bool:
    """Return whether every quote opens or closes a cell, or is one of two in a row; the quotes are looked at many at a time."""
    data = np.frombuffer(raw, np.uint8)
    beside = np.isin(np.arange(256), list(f'{delimiter}\r\n"'.encode()))
    opened = 0
    for start in range(0, len(data), PIECE):
        quotes = start + np.flatnonzero(data[start : start + PIECE] == ord('"'))
        opening, closing = quotes[opened::2], quotes[1 - opened :: 2]
        before, after = data[np.maximum(opening - 1, 0)], data[np.minimum(closing + 1, len(data) - 1)]
        if not (beside[before] | (opening == 0)).all() or not beside[after].all():
            return False
        opened = (opened + len(quotes)) % 2
    return not opened


@contextmanager
def open_parquet(path: Path, form: Format) -> Iterator[Parquet]:
    """Open Parquet with a DuckDB that can reach this one file, loads no extensions and keeps nothing on disk."""
    with binary(path) as file:
        if not file.read(1):
            raise TieoutError(str(path), *EMPTY)
    pattern = str(path.resolve()).translate(LITERALLY)
    with database([str(path.resolve()), pattern]) as connection:
        with damage(path):
            schema = connection.execute("SELECT name, num_children FROM parquet_schema(?)", [pattern]).fetchall()
            names = top_level(schema)
            check_names(path, names)
            if PLACE in map(str.casefold, names):
                raise TieoutError(str(path), f"a column is called '{PLACE}', a name that DuckDB keeps", "rename it")
            rows = connection.read_parquet(pattern, file_row_number=True, hive_partitioning=False)
            if not rows.project(f"#{len(names) + 1}").limit(1).fetchall():
                raise TieoutError(str(path), *NO_ROWS)
        yield Parquet(path, names, rows)


PLACE = "file_row_number"
LITERALLY = str.maketrans({sign: f"[{sign}]" for sign in "*?["})


@contextmanager
def database(files: list[str]) -> Iterator[duckdb.DuckDBPyConnection]:
    """Give a DuckDB in memory that can read these files, and nothing else on disk or network."""
    import duckdb  # only Parquet needs it, and it takes long to load

    config: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "enable_external_file_cache": False,
        "temp_directory": "",
    }
    with duckdb.connect(":memory:", config=config) as connection:
        connection.execute("SET allowed_paths = ?", [files])
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        yield connection


@contextmanager
def damage(path: Path) -> Iterator[None]:
    """Raise TieoutError for what DuckDB says of a file; its own words could hold a patient's value."""
    import duckdb

    try:
        yield
    except duckdb.OutOfMemoryException:
        raise TieoutError(str(path), "there is not enough memory to read this file") from None
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        raise TieoutError(str(path), "this is not a Parquet file, or a damaged one", "export the registry again") from error


def top_level(schema: list[tuple[str, int | None]]) -> tuple[str, ...]:
    """Return the names of a file's columns from a schema listed depth first below its root."""
    names, inside = [], 0
    for name, children in schema[1:]:
        if not inside:
            names.append(name.strip())
        inside = max(inside - 1, 0) + (children or 0)
    return tuple(names)
