"""Read a table or a query of a database as text cells: PostgreSQL, or a file of DuckDB or SQLite."""

from __future__ import annotations

import io
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.csv as arrow_csv

from tieout.errors import TieoutError, nearest, some_of
from tieout.places import Database
from tieout.sources import NO_ROWS, check_names, texts_of

SECONDS = 8
"""How long a server may take to answer."""
SERVERS = ("postgresql:", "postgres:")
NO_DRIVER = ("the PostgreSQL driver is not installed", "pip install 'tieout[postgresql]'")


def read(place: Database, folder: Path) -> pd.DataFrame:
    """Return a table or the rows of a query as text cells; nothing can be written through it.

    The password comes from the environment (PGPASSWORD) or ~/.pgpass, never from the study file. Raises TieoutError
    within seconds where the server does not answer or refuses, and where the table or a column is not there.
    """
    table = reader_of(place)(place, folder)
    check_names(Path(shown(place)), list(table.columns))
    if table.empty:
        raise TieoutError(shown(place), *NO_ROWS)
    return table


def shown(place: Database) -> str:
    """Return what messages call the place: the table, or the query, and the kind of database; never its address."""
    kind = "postgresql" if place.connection.startswith(SERVERS) else Path(place.connection).name
    return f"{kind} {place.table or 'query'}"


def reader_of(place: Database) -> Callable[[Database, Path], pd.DataFrame]:
    if place.connection.startswith(SERVERS):
        return from_postgresql
    ending = Path(place.connection).suffix.casefold()
    if ending not in FILES:
        problem = f"no reader for a database '{ending or 'without ending'}'"
        raise TieoutError("data › database › connection", problem, f"postgresql://…, or a file ending in {some_of(FILES)}")
    return FILES[ending]


def from_postgresql(place: Database, folder: Path) -> pd.DataFrame:
    """Copy the rows as the server writes them in CSV, in a transaction that can only read."""
    try:
        import psycopg
        from psycopg import sql
    except ImportError:
        raise TieoutError(shown(place), *NO_DRIVER) from None
    with connected(place) as connection, connection.cursor() as cursor:
        try:
            cursor.execute("SET TRANSACTION READ ONLY")
            cursor.execute(f"SET statement_timeout = '{60 * SECONDS}s'")
            cursor.execute("SET DateStyle = ISO, YMD")
            chosen: Any = sql.SQL(place.query)  # type: ignore[arg-type]
            if place.table:
                chosen = sql.SQL("SELECT * FROM {}").format(sql.Identifier(*names_of(place.table)))
            columns = described(cursor, chosen, sql)
            fields = sql.SQL(", ").join(
                sql.SQL("({})::int").format(sql.Identifier(name)) + sql.SQL(" AS ") + sql.Identifier(name)
                if boolean else sql.Identifier(name)
                for name, boolean in columns
            )  # fmt: skip
            command = sql.SQL("COPY (SELECT {} FROM ({}) AS chosen) TO STDOUT WITH (FORMAT csv, HEADER)").format(fields, chosen)
            with cursor.copy(command) as copied:
                raw = b"".join(bytes(part) for part in copied)
        except psycopg.errors.UndefinedTable:
            raise no_table(place, tables_of(place)) from None
        except psycopg.errors.ReadOnlySqlTransaction:
            raise TieoutError(shown(place), "the query would write, and data are only read", "use a SELECT") from None
        except psycopg.Error as error:
            code = f" ({error.sqlstate})" if error.sqlstate else ""
            raise TieoutError(shown(place), f"the server refused the query{code}", "try it in psql") from None
    names = [name for name, _ in columns]
    check_names(Path(shown(place)), names)
    found = arrow_csv.read_csv(
        io.BytesIO(raw), arrow_csv.ReadOptions(column_names=names, skip_rows=1), arrow_csv.ParseOptions(newlines_in_values=True),
        arrow_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False),
    )  # fmt: skip
    return texts_of(found)


def described(cursor: Any, chosen: Any, sql: Any) -> list[tuple[str, bool]]:
    """Return the columns that a query gives, and which of them are true or false."""
    cursor.execute(sql.SQL("SELECT * FROM ({}) AS chosen LIMIT 0").format(chosen))
    return [(column.name, column.type_code == 16) for column in cursor.description]


@contextmanager
def connected(place: Database) -> Iterator[Any]:
    """Connect to the server; raise TieoutError within seconds where that fails, without address or password."""
    import psycopg

    if place.secret:
        raise TieoutError(
            "data › database › connection", "a password stands in the study file", "remove it; set PGPASSWORD, or write ~/.pgpass"
        )
    try:
        connection = psycopg.connect(place.connection, connect_timeout=SECONDS, application_name="tieout")
    except psycopg.OperationalError as error:
        raise TieoutError(shown(place), f"the server could not be reached: {reason(str(error))}", HINT) from None
    except psycopg.Error:
        hint = "expected postgresql://user@host:5432/name"
        raise TieoutError("data › database › connection", "this is no address of a server", hint) from None
    with closing(connection):
        yield connection


HINT = "is the address right, is the server up, and is PGPASSWORD or ~/.pgpass set?"
REASONS = {
    "password authentication failed": "the password or the user was refused",
    "no password supplied": "it asks for a password",
    "does not exist": "there is no such database or user",
    "timeout": "it did not answer in time",
    "Connection refused": "nothing listens there",
    "could not translate host name": "the host's name is unknown",
    "failed to resolve host": "the host's name is unknown",
    "No such file or directory": "nothing listens there",
}
"""What a failed connection says in a message of the driver, which names address and user."""


def reason(message: str) -> str:
    return next((words for part, words in REASONS.items() if part in message), "it refused the connection")


def names_of(table: str) -> list[str]:
    """Return the schema and the table of a name such as clinic.patients; each may stand in double quotes, as in SQL."""
    parts = re.findall(r'"((?:[^"]|"")*)"|([^."]+)', table)
    return [quoted.replace('""', '"') if quoted else plain.strip() for quoted, plain in parts]


def tables_of(place: Database) -> list[str]:
    """Return the tables that the server offers, as schema.table."""
    with connected(place) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_schema || '.' || table_name FROM information_schema.tables "
            "WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1"
        )
        return [name for (name,) in cursor.fetchall()]


def no_table(place: Database, known: list[str]) -> TieoutError:
    name = place.table or "of the query"
    hint = nearest(name, [*known, *(each.split(".")[-1] for each in known)]) or f"tables here: {some_of(known) or 'none'}"
    return TieoutError(shown(place), f"there is no table '{name}'", hint)


def from_duckdb(place: Database, folder: Path) -> pd.DataFrame:
    """Read a file of DuckDB, opened for reading only, with no way to other files or the network."""
    import duckdb

    from tieout.sources import TEXTS

    path = there(place, folder)
    try:
        with duckdb.connect(str(path), read_only=True, config={"enable_external_access": False}) as connection:
            listed = connection.execute("SELECT schema_name || '.' || table_name FROM duckdb_tables()").fetchall()
            known = [name for (name,) in listed]
            plain = [name.split(".", 1)[1] for name in known]
            if place.table and place.table not in (*known, *plain):
                raise no_table(place, known)
            rows = connection.table(place.table) if place.table else connection.query(place.query)
            cells = [f"coalesce({TEXTS[str(kind.id)].format(f'#{k + 1}')}, '') AS c{k}" for k, kind in enumerate(rows.types)]
            return texts_of(rows.project(", ".join(cells)).to_arrow_table().rename_columns(rows.columns))
    except KeyError:
        hint = "write a query that gives one value in a cell"
        raise TieoutError(shown(place), "a column holds lists, records or bytes", hint) from None
    except duckdb.Error:
        raise TieoutError(shown(place), "this is no DuckDB file, or the query cannot be read", "try it in DuckDB") from None


def from_sqlite(place: Database, folder: Path) -> pd.DataFrame:
    """Read a file of SQLite, opened for reading only."""
    path = there(place, folder)
    query = place.query
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            if place.table:
                known = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")]
                if place.table not in known:
                    raise no_table(place, known)
                query = 'SELECT * FROM "{}"'.format(place.table.replace('"', '""'))
            cursor = connection.execute(query)
            names, rows = [column[0] for column in cursor.description or ()], cursor.fetchall()
    except sqlite3.Error:
        raise TieoutError(shown(place), "this is no SQLite file, or the query cannot be read", "try it in sqlite3") from None
    check_names(Path(shown(place)), names)
    return pd.DataFrame({name: [plain(row[k]) for row in rows] for k, name in enumerate(names)}, dtype="str")


def plain(value: Any) -> str:
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
    return "" if value is None else value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def there(place: Database, folder: Path) -> Path:
    path = folder / place.connection
    if not path.is_file():
        raise TieoutError(str(path), "there is no such database file", "check data › database › connection in the study file")
    return path


FILES: dict[str, Callable[[Database, Path], pd.DataFrame]] = {
    **dict.fromkeys((".duckdb", ".ddb"), from_duckdb),
    **dict.fromkeys((".sqlite", ".sqlite3", ".db"), from_sqlite),
}
"""How a database file is read, by its ending."""
