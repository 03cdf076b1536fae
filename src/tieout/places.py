"""What a study declares about where its data lie and how they are written."""

from __future__ import annotations

import re
from typing import Literal
from urllib.parse import parse_qs

from pydantic import Field

from tieout.declared import Strict, Text


class Format(Strict):
    """How a file writes its cells, where that is not plain: every part has a default that is detected or the usual one."""

    encoding: str = ""
    delimiter: Literal["", ",", ";", "|", "tab"] = ""
    decimal: Literal[".", ","] = "."
    dates: Literal["year_month_day", "day_month_year", "month_day_year"] = "year_month_day"
    sheet: str = ""


class Join(Strict):
    """Files that each hold some columns of the same patients: joined by a key that stands in all of them.

    A folder among `files` stands for every data file in it.
    """

    on: Text
    files: tuple[Text, ...] = Field(min_length=1)


class Database(Strict):
    """A table or a query of a database: a PostgreSQL server, or a file of DuckDB or SQLite."""

    connection: Text
    table: str = ""
    query: str = ""

    @property
    def secret(self) -> bool:
        """Whether a password stands in the connection: between a colon and an @, or among the parameters.

        A password may hold signs that end the first part of other addresses (libpq, 34.1.1.2 Connection URIs).
        """
        query = self.connection.partition("?")[2]
        return re.search("://[^@]*:[^@]+@", self.connection) is not None or any("password" in key for key in parse_qs(query))


class Redcap(Strict):
    """What is needed to read a REDCap project: its data dictionary beside an export, or the address of its API.

    `events` is the list of which instrument belongs to which event, which the API gives by itself.
    """

    dictionary: str = ""
    events: str = ""
    api: str = ""


class Place(Strict):
    """Where a table lies: exactly one of a file, files to be joined, or a database."""

    file: str = ""
    join: Join | None = None
    database: Database | None = None
    format: Format = Format()
    redcap: Redcap | None = None

    @property
    def files(self) -> tuple[str, ...]:
        """The files that are read, as the study file names them."""
        data = self.join.files if self.join else (self.file,) if self.file else ()
        redcap = (self.redcap.dictionary, self.redcap.events) if self.redcap else ()
        return (*data, *filter(None, redcap))

    @property
    def moves(self) -> bool:
        """Whether a second reading may find other data than the first."""
        return bool(self.database or (self.redcap and self.redcap.api))

    @property
    def ways(self) -> list[str]:
        found = [name for name in ("file", "join", "database") if getattr(self, name)]
        return [*found, "redcap › api"] if self.redcap and self.redcap.api else found
