"""What leaves a site and what leaves the centre: no record, no name, no remark, nothing of the machine, in any output or message."""

from __future__ import annotations

import base64
import csv
import io
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote_to_bytes

import pymupdf
import pytest
from typer.testing import CliRunner

from tieout import cli, resources

RECORD, NAME, STAFF, REMARK, BORN, RARE = "Kanarirec", "Kanariname", "Kanaristaff", "Kanariremark", "1888-02-", "183.1957"
MACHINE = "Kanarimachine"
PERSONAL = (NAME, STAFF, REMARK, BORN, RARE, MACHINE)
VARIABLES = """variables:
  name: {label: Name, type: text, role: identifier}
  born: {label: Date of birth, type: date, role: identifier}
  remark: {label: Remark, type: text}
"""
OWN = ("follow-up.csv", "queries.csv", "queries.html")
"""Lists made for one site, in which its own records may stand."""


@dataclass(frozen=True)
class World:
    """A centre with the example study whose patients are canaries, what its commands wrote, and what they said."""

    folder: Path
    said: dict[str, str]

    @property
    def sites(self) -> dict[str, str]:
        """The site of each record."""
        with (self.folder / "data/registry.csv").open(encoding="utf-8") as file:
            return {row["record_id"]: row["redcap_data_access_group"] for row in csv.DictReader(file)}


def canaries(folder: Path) -> Path:
    """Write the example into a folder, with records, names, remarks, staff and a weight that nobody can mistake."""
    shutil.copytree(resources.example() / "report", folder / "report")
    (folder / "data").mkdir()
    for name in ("study.yaml", "registry.csv", "screening.csv", "sites.csv"):
        text = (resources.example() / "data" / name).read_text(encoding="utf-8")
        (folder / "data" / name).write_text(re.sub(r"SYN-(?=\d|S-)", f"{RECORD}-", text), encoding="utf-8")
    study = folder / "data/study.yaml"
    study.write_text(study.read_text(encoding="utf-8").replace("variables:\n", VARIABLES, 2).replace(VARIABLES, "variables:\n", 1))
    data = folder / "data/registry.csv"
    rows = list(csv.DictReader(io.StringIO(data.read_text(encoding="utf-8"))))
    for k, row in enumerate(rows):
        row |= {"name": f"{NAME}{k:03}", "born": f"{BORN}{k % 28 + 1:02}", "remark": f"{REMARK}{k:03}", "doctor": f"{STAFF}{k:03}"}
    rows[3]["weight"] = RARE
    write(data, rows)
    return study


def write(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)


def changed(study: Path, **cells: str) -> Path:
    """Change cells of the second record."""
    data = study.parent / "registry.csv"
    rows = list(csv.DictReader(io.StringIO(data.read_text(encoding="utf-8"))))
    rows[1] |= cells
    write(data, rows)
    return study


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp(MACHINE)
    study, later = canaries(folder), changed(canaries(folder / "later"), nihss_adm="9", mrs90="6")
    checked = changed(canaries(folder / "checked"), age="7", born="1888-02-31")
    commands = {
        "build": ["build", study], "show": ["show", "outcome.favourable.pct", study],
        "rows": ["show", "outcome.sich.n", study, "--rows"],
        "table": ["table", "baseline", "--to", "csv,xlsx,html,docx,tex,rtf,md"], "export": ["export", "--to", "csv"],
        "parquet": ["export", "--to", "parquet"], "snapshots": ["snapshots", study],
        "sites": ["sites", study, "--site", "site_01", "--site", "site_02", "--workers", "1", "--formats", "pdf,html"],
        "check": ["check", checked, "--out", "build/check"],
        "audit": ["audit", "build/manuscript.pdf", "--html", "build/audit.html", "--json", "build/audit.json"],
        "audited with the data": ["audit", "build/manuscript.docx", "--study", study],
        "diff": ["diff", study, later, "--html", "build/diff.html", "--json", "build/diff.json", "--records", "build/records.csv"],
    }  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        (folder / "temporary").mkdir()
        patch.chdir(folder)
        patch.setattr(tempfile, "tempdir", None)
        for name in ("USER", "LOGNAME", "USERNAME", "HOSTNAME"):
            patch.setenv(name, MACHINE)
        patch.setenv("TMPDIR", str(folder / "temporary"))
        said = {}
        for name, words in commands.items():
            done = CliRunner().invoke(cli.app, list(map(str, words)))
            assert done.exit_code == (name in ("check", "diff")), f"{name}: {done.output}"
            said[name] = done.output
        yield World(folder, said)


def insides(name: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield what a file holds, by name: its bytes, and all that is packed, attached, inlined or drawn in it."""
    yield name, data
    if data.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            yield f"{name}: its comment", archive.comment
            for part in archive.infolist():
                yield f"{name}: a name", part.filename.encode() + part.comment + part.extra
                yield from insides(f"{name} › {part.filename}", archive.read(part))
    if data.startswith(b"%PDF-"):
        for k, stream in enumerate(re.findall(rb"stream\r?\n(.*?)endstream", data, re.DOTALL)):
            with_end = zlib.decompressobj()
            try:
                yield f"{name} › stream {k}", with_end.decompress(stream)
            except zlib.error:
                yield f"{name} › stream {k}", stream
        with pymupdf.open(stream=data) as document:
            told = [str(document.metadata), document.get_xml_metadata(), str(document.get_toc())]
            told += [page.get_text() for page in document]
            yield f"{name} › text", "\n".join(told).encode()
            for k in range(document.embfile_count()):
                yield f"{name} › attached", document.embfile_get(k) + str(document.embfile_info(k)).encode()
    if data.startswith(b"\x89PNG"):
        place = 8
        while place < len(data):
            length, kind = int.from_bytes(data[place : place + 4]), data[place + 4 : place + 8]
            assert kind not in (b"eXIf", b"zTXt"), f"{name} has a chunk {kind}"
            place += 12 + length
    for k, inlined in enumerate(re.findall(rb"data:[\w/+.-]+;base64,([\w+/=]+)", data)):
        yield from insides(f"{name} › picture {k}", base64.b64decode(inlined))
    for inlined in re.findall(rb"data:[\w/+.-]+,(%[^\"')]+)", data):
        yield f"{name} › inlined", unquote_to_bytes(inlined)


def holds(data: bytes, word: str) -> bool:
    return any(word.encode(coding) in data for coding in ("utf-8", "utf-16-le", "utf-16-be"))


def outputs(world: World) -> Iterator[tuple[str, bytes]]:
    for path in sorted((world.folder / "build").rglob("*")):
        yield f"the name of {path.name}", str(path.relative_to(world.folder)).encode()
        if path.is_file():
            yield from insides(str(path.relative_to(world.folder)), path.read_bytes())


def test_no_name_date_of_birth_remark_staff_rare_value_user_or_folder_is_in_any_output(world):
    found = [(where, word) for where, data in outputs(world) for word in PERSONAL if holds(data, word)]
    assert found == []


def test_a_record_is_named_in_the_lists_for_its_own_site_and_in_the_list_of_records_alone(world):
    found = {where for where, data in outputs(world) if holds(data, RECORD)}
    lists = {where for where in found if where.endswith(OWN)} | {"build/records.csv"}
    assert found == lists
    assert len(lists) > 3


def test_a_list_for_a_site_names_no_record_of_another(world):
    known = world.sites
    for where, data in outputs(world):
        if where.endswith(OWN):
            named = set(re.findall(rf"{RECORD}-\d\d-\d+", data.decode("utf-8-sig")))
            assert {known[record] for record in named} <= {site for site in known.values() if site in where}, where


def test_no_record_is_named_on_the_terminal_unless_rows_are_asked_for(world):
    assert RECORD in world.said["rows"]
    for command, said in world.said.items():
        assert not any(word in said for word in (*PERSONAL[:-1], *([RECORD] if command != "rows" else []))), command


def test_results_and_exports_hold_rules_and_no_records(world):
    for name in ("results.json", "ard.csv", "ard.parquet"):
        data = (world.folder / "build" / name).read_bytes()
        assert not holds(data, RECORD) and data.count(b"record_id") < 5, name


def test_snapshots_hold_patients_data_and_are_their_owners_alone(world):
    folder = world.folder / "data/snapshots"
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != ".gitignore"]
    assert files
    for path in (folder, *folder.rglob("*")):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077, path
    assert (folder / ".gitignore").read_text() == "*\n"


def test_nothing_is_left_in_the_folder_for_temporary_files(world):
    assert not [path for path in (world.folder / "temporary").rglob("*") if path.is_file()]
    assert not [path for path in world.folder.rglob(".*") if path.name != ".gitignore"]


BAD = "Kanaribad"
WRONG = {
    "text for a number": {"age": BAD}, "a level that is none": {"sex": BAD}, "a date that is none": {"enrol_date": BAD},
    "a moment that is none": {"t_door": BAD}, "a record twice": {"record_id": f"{RECORD}-01-001"}, "no record": {"record_id": ""},
    "a site that is not in the table": {"redcap_data_access_group": "site_99"}, "a number out of range": {"age": "8717"},
    "a date of birth that is none": {"born": BAD}, "a time before another": {"t_door": "2031-01-01T00:00"},
}  # fmt: skip


def said_of(monkeypatch, capfd, *words: object) -> tuple[int, str]:
    """Return the exit code of a command, and all that it says."""
    monkeypatch.setattr("sys.argv", ["tieout", *map(str, words)])
    with pytest.raises(SystemExit) as left:
        cli.main()
    return left.value.code or 0, "".join(capfd.readouterr())


@pytest.mark.parametrize("cells", WRONG.values(), ids=WRONG)
def test_an_error_in_the_data_is_told_without_record_or_value(tmp_path, monkeypatch, capfd, cells):
    command = "sites" if "redcap_data_access_group" in cells else "build"
    study = changed(canaries(tmp_path), **cells)
    monkeypatch.chdir(tmp_path)
    code, said = said_of(monkeypatch, capfd, command, study, "--formats", "html")
    assert code == 2 and "registry.csv" in said
    assert not [word for word in (BAD, "8717", "2031-01", RECORD, NAME, STAFF, REMARK, BORN) if word in said]


@pytest.mark.parametrize("name", ["tieout.analysis.everything.analyse", "tieout.registry.read", "tieout.queries.find"])
def test_a_fault_of_tieout_itself_tells_its_kind_and_place_and_nothing_of_what_it_held(tmp_path, monkeypatch, capfd, name):
    def crash(given: object) -> None:
        patient = f"{RECORD} {NAME}"
        raise ValueError(f"could not convert {patient} of {given}")

    study = canaries(tmp_path)
    monkeypatch.setattr(name, lambda *given, **more: crash(given))
    code, said = said_of(monkeypatch, capfd, "check" if "queries" in name else "build", study, "--out", tmp_path / "out")
    assert code == 3 and "ValueError at test_privacy.py" in said and "Traceback" not in said
    assert RECORD not in said and NAME not in said
    assert list((tmp_path / "out").glob("*")) == []


def test_a_build_that_is_ended_leaves_no_folder_behind(tmp_path):
    study = canaries(tmp_path)
    command = [sys.executable, "-c", "from tieout.cli import main; main()", "build", str(study), "--out", str(tmp_path / "out")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=tmp_path) as running:
        until = time.monotonic() + 60
        while not list(tmp_path.glob("out/.tieout-*/*")) and time.monotonic() < until:
            time.sleep(0.02)
        work = next(tmp_path.glob("out/.tieout-*/*")).parent
        assert stat.S_IMODE(work.stat().st_mode) == 0o700
        running.terminate()
        assert running.wait(60) == 143
    assert list((tmp_path / "out").iterdir()) == []
