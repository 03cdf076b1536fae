"""Open what a study declares as its data: one reader for each kind of file, files joined by key, or a database."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pandas as pd

from tieout import databases, sources, statfiles, workbooks
from tieout.errors import TieoutError, nearest, some_of
from tieout.places import Format, Join, Place
from tieout.redcap import dictionary, export
from tieout.sources import Cells, Source, check_names

READERS: dict[str, Callable[[Path, Format], Any]] = {
    **dict.fromkeys((".csv", ".tsv", ".txt"), sources.open_csv),
    **dict.fromkeys((".xlsx", ".xlsm"), workbooks.open_workbook),
    **dict.fromkeys(statfiles.FORMATS, statfiles.open_file),
    ".parquet": sources.open_parquet,
}
"""How a file is opened, by its ending; each gives a context with a Source."""

OTHERWISE = {
    ".xls": "save it as .xlsx, or as CSV in UTF-8",
    ".ods": "save it as .xlsx, or as CSV in UTF-8",
    ".zip": "unpack it first",
    ".gz": "unpack it first",
    ".json": "export it as CSV",
    ".xml": "export it as CSV",
    ".rds": "in R: write it with haven::write_dta() or write.csv()",
    ".rdata": "in R: write it with haven::write_dta() or write.csv()",
}
"""What to do about files that are no tables, by their ending."""


@contextmanager
def opened(place: Place, folder: Path) -> Iterator[Source]:
    """Open the data of a place; file names are relative to `folder`.

    Raises TieoutError where something cannot be read, is of an unknown kind, names a column twice, or has no rows.
    """
    if place.redcap and place.redcap.api:
        yield Cells(fetched(place.redcap.api))
        return
    with opened_as_it_lies(place, folder) as source:
        if not place.redcap:
            yield source
            return
        declared = dictionary.read(folder / place.redcap.dictionary)
        events = export.read_events(folder / place.redcap.events) if place.redcap.events else None
        whole = source.whole(list(source.names))
        yield Cells(export.flatten(whole, declared, shown(place, folder), events).table)


def fetched(url: str) -> pd.DataFrame:
    """Return a REDCap project from its API as one row per record."""
    from tieout.redcap import api  # only this way needs its client

    found = api.fetch(url)
    return export.flatten(found.table, found.dictionary, api.WHERE, found.events).table


@contextmanager
def opened_as_it_lies(place: Place, folder: Path) -> Iterator[Source]:
    """Open the data of a place without arranging the rows of a REDCap export."""
    if place.database:
        yield Cells(databases.read(place.database, folder))
    elif place.join:
        yield Cells(joined(place.join, place.format, folder))
    else:
        with open_file(folder / place.file, place.format) as source:
            yield source


@contextmanager
def open_file(path: Path, form: Format) -> Iterator[Source]:
    """Open one file by its ending."""
    ending = path.suffix.casefold()
    if path.is_dir():
        raise TieoutError(str(path), "this is a folder, not a data file", "name its files under data › join")
    if ending not in READERS:
        known = some_of(READERS, 20)
        kind = f"ending in '{ending}'" if ending else "without ending"
        hint = OTHERWISE.get(ending, "export the registry as CSV in UTF-8")
        raise TieoutError(str(path), f"no reader for files {kind}, expected one of {known}", hint)
    with READERS[ending](path, form) as source:
        yield source


def joined(join: Join, form: Format, folder: Path) -> pd.DataFrame:
    """Return the columns of several files side by side: the patients of the longest, found in the others by the key.

    Raises TieoutError where the key is missing from a file, blank or twice in it, where a file has patients that the
    longest lacks, or two files share another column: there must be one row for each patient, and nothing may be lost.
    """
    tables = [(path, keyed(path, join.on, form)) for path in files_of(join.files, folder)]
    (first, whole), *others = sorted(tables, key=lambda pair: -len(pair[1]))
    for path, table in others:
        strangers = int((~table.index.isin(whole.index)).sum())
        if strangers:
            problem = f"{strangers} of its {len(table)} records {'is' if strangers == 1 else 'are'} not in {first.name}"
            raise TieoutError(str(path), problem, "one of the files must have every patient: export all on one day")
        check_names(path, (*whole.columns, *table.columns))
        whole = whole.join(table)
    return whole.fillna("").reset_index()


def keyed(path: Path, key: str, form: Format) -> pd.DataFrame:
    """Return a file's cells under its key, which must stand in it once for each row."""
    with open_file(path, form) as source:
        if key not in source.names:
            hint = nearest(key, source.names) or "join by a column that every file has, under the same header"
            raise TieoutError(str(path), f"the key '{key}' is missing", hint)
        table = source.whole(list(source.names))
    table = table.assign(**{key: table[key].str.strip()}).set_index(key)
    unfit(path, table.index, key)
    return table


def files_of(names: Sequence[str], folder: Path) -> list[Path]:
    """Return the files that names stand for, a folder for every data file in it; raise TieoutError where it has none."""
    found: list[Path] = []
    for name in names:
        path = folder / name
        inside = sorted(each for each in path.iterdir() if readable(each)) if path.is_dir() else [path]
        if not inside:
            raise TieoutError(str(path), "no data file is in this folder", f"expected files ending in {some_of(READERS, 20)}")
        found += inside
    return found


def readable(path: Path) -> bool:
    """Return whether a file of a folder is one of data, and not what an open program or a system left there."""
    return path.is_file() and path.suffix.casefold() in READERS and not path.name.startswith((".", "~"))


def unfit(path: Path, key: pd.Index, name: str) -> None:
    """Raise TieoutError where a key is blank or stands twice."""
    for wrong, words in ((key == "", "is blank"), (key.duplicated(keep=False), "stands more than once")):
        if wrong.any():
            rows = "1 row" if wrong.sum() == 1 else f"{int(wrong.sum())} rows"
            problem = f"the key '{name}' {words} in {rows}, and one row for each patient is expected"
            raise TieoutError(str(path), problem, "join only files with one row for each patient")


def labels(path: Path) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """Return what a statistics program's file says of its columns: labels, and labels of codes; of other files nothing."""
    return statfiles.labels(path) if path.suffix.casefold() in statfiles.FORMATS else ({}, {})


def shown(place: Place, folder: Path) -> Path:
    """Return what messages call a place: its file, the first of its files, or the database's table without its address."""
    if place.database:
        return Path(databases.shown(place.database))
    return folder / place.files[0] if place.files else Path("REDCap API")


def add_digest(found: Any, place: Place, folder: Path, held: Source | None = None) -> None:
    """Add a place to a SHA-256: the bytes of its files, each after the first behind a zero byte; of a database its cells.

    `held` is what was read from a place that moves: the digest is of that, and not of what a second reading finds.
    """
    for number, path in enumerate(files_of(place.files, folder)):
        if number:
            found.update(b"\0")
        with sources.binary(path) as file:
            hashlib.file_digest(file, lambda: found)
    if place.moves:
        with nullcontext(held) if held else opened(place, folder) as source:
            found.update(canonical(source.whole(list(source.names))))


def canonical(table: pd.DataFrame) -> bytes:
    """Return cells in one form whatever the order of the rows: CSV of the sorted rows below the header, in UTF-8."""
    return table.sort_values(list(table.columns), kind="stable").to_csv(index=False, lineterminator="\n").encode()
