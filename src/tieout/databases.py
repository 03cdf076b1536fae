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
from tieout.sources import check_names, texts_of

SECONDS = 8
"""How long a server may take to answer."""
SERVERS = ("postgresql:", "postgres:")
WRITES = ("the query would write, and data are only read", "use one SELECT")
NO_DRIVER = ("the PostgreSQL driver is not installed", "pip install 'tieout[postgresql]'")


def read(place: Database, folder: Path) -> pd.DataFrame:
    """Return a table or the rows of a query as text cells; nothing can be written through it.

    The password comes from the environment (PGPASSWORD) or ~/.pgpass, never from the study file. Raises TieoutError
    within seconds where the server does not answer or refuses, and where the table or a column is not there.
    """
    table = reader_of(place)(place, folder)
    check_names(Path(shown(place)), list(table.columns))
    if table.empty:
        raise TieoutError(shown(place), "there are no rows", "look at the table or the query in the database")
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
    """Copy the rows as the server writes them in CSV, in a transaction that can only read.

    The query is prepared before it is copied, and a server prepares one statement only.
    """
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
            cursor.execute("SET TimeZone = 'UTC'")
            chosen: Any = sql.SQL(place.query.rstrip("; \t\r\n"))  # type: ignore[arg-type]
            if place.table:
                chosen = sql.SQL("SELECT * FROM {}").format(sql.Identifier(*names_of(place.table)))
            cursor.execute(sql.SQL("SELECT * FROM ({}\n) AS chosen LIMIT 0").format(chosen), prepare=True)
            names = [column.name for column in cursor.description or ()]
            check_names(Path(shown(place)), names)
            fields = sql.SQL(", ").join(
                sql.SQL(WRITTEN.get(column.type_code, "{0}")).format(sql.Identifier(column.name))
                for column in cursor.description or ()
            )  # fmt: skip
            command = sql.SQL("COPY (SELECT {} FROM ({}\n) AS chosen) TO STDOUT WITH (FORMAT csv, HEADER)").format(fields, chosen)
            with cursor.copy(command) as copied:
                raw = b"".join(bytes(part) for part in copied)
        except psycopg.errors.UndefinedTable:
            raise no_table(place, tables_of(place)) from None
        except psycopg.errors.ReadOnlySqlTransaction:
            raise TieoutError(shown(place), *WRITES) from None
        except psycopg.errors.InsufficientPrivilege:
            raise TieoutError(shown(place), "the user may not read this", "GRANT SELECT to the user, or name another") from None
        except psycopg.Error as error:
            code = f" ({error.sqlstate})" if error.sqlstate else ""
            raise TieoutError(shown(place), f"the server refused the query{code}", "try it in psql") from None
    found = arrow_csv.read_csv(
        io.BytesIO(raw), arrow_csv.ReadOptions(column_names=names, skip_rows=1), arrow_csv.ParseOptions(newlines_in_values=True),
        arrow_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False),
    )  # fmt: skip
    return texts_of(found)


WRITTEN = {16: "({0})::int", 1700: "trim_scale({0})"}
"""How columns are written that other readers write otherwise, by the number of their type: true or false, and numeric."""


@contextmanager
def connected(place: Database) -> Iterator[Any]:
    """Connect to the server; raise TieoutError within seconds where that fails, without address or password."""
    import psycopg

    if place.secret:
        raise TieoutError(
            "data › database › connection", "a password stands in the study file", "remove it; set PGPASSWORD, or write ~/.pgpass"
        )
    try:
        connection = psycopg.connect(
            place.connection, connect_timeout=SECONDS, application_name="tieout", client_encoding="utf8"
        )
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
    short = dict.fromkeys([*known, *(each.split(".")[-1] for each in known)])
    hint = nearest(name, short) or f"tables here: {some_of(known) or 'none'}"
    return TieoutError(shown(place), f"there is no table '{name}'", hint)


ALONE: dict[str, Any] = {
    "enable_external_access": False, "autoinstall_known_extensions": False, "autoload_known_extensions": False,
}  # fmt: skip
"""A DuckDB that reaches no other file and no network."""


def from_duckdb(place: Database, folder: Path) -> pd.DataFrame:
    """Read a file of DuckDB, opened for reading only, with no way to other files or the network."""
    import duckdb

    from tieout.sources import PLAIN, TEXTS

    path = there(place, folder)
    try:
        with duckdb.connect(str(path), read_only=True, config=ALONE) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            listed = connection.execute("SELECT table_schema || '.' || table_name FROM information_schema.tables").fetchall()
            known = [name for (name,) in listed]
            plain = [name.split(".", 1)[1] for name in known]
            if place.table and place.table not in (*known, *plain):
                raise no_table(place, known)
            if place.query and [each.type for each in connection.extract_statements(place.query)] != [duckdb.StatementType.SELECT]:
                raise TieoutError(shown(place), *WRITES)
            rows = connection.table(place.table) if place.table else connection.query(place.query)
            check_names(Path(shown(place)), rows.columns)
            cells = [
                f"coalesce({TEXTS.get(str(kind.id), PLAIN).format(f'#{k + 1}')}, '') AS c{k}" for k, kind in enumerate(rows.types)
            ]
            return texts_of(rows.project(", ".join(cells)).to_arrow_table().rename_columns(rows.columns))
    except duckdb.IOException:
        raise TieoutError(shown(place), "this database cannot be opened", "is it DuckDB's, and is no program writing to it?") from None
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
            connection.set_authorizer(lambda action, *_: sqlite3.SQLITE_OK if action in READING else sqlite3.SQLITE_DENY)
            cursor = connection.execute(query)
            names, rows = [column[0] for column in cursor.description or ()], cursor.fetchall()
    except (sqlite3.Error, sqlite3.Warning) as error:
        if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_AUTH:
            raise TieoutError(shown(place), *WRITES) from None
        raise TieoutError(shown(place), "this is no SQLite file, or the query cannot be read", "try it in sqlite3") from None
    check_names(Path(shown(place)), names)
    return pd.DataFrame({name: [plain(row[k]) for row in rows] for k, name in enumerate(names)}, dtype="str")


READING = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE)
"""What a query of SQLite may do; not, for example, VACUUM INTO another file."""


def plain(value: Any) -> str:
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
    return "" if value is None else value.hex() if isinstance(value, bytes) else str(value)


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
