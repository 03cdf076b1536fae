"""Killed, out of room, shut out, twice at once, cut off: nothing is lost or half written, and the next run gives the same bytes."""

from __future__ import annotations

import functools
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from conftest import DATA, STUDY, TEMPLATE, Small
from test_build import left_behind, run
from test_sites import TIEOUT, project

from tieout import folders
from tieout.errors import TieoutError

ASKED = ("build", "study.yaml", "--formats", "html", "--engine", "embedded")
BUILD = (*TIEOUT, *ASKED)
Files = dict[str, bytes]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and mounts of POSIX")


def files(folder: Path) -> Files:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def finished(small: Small, out: str = "build") -> Files:
    done = subprocess.run([*BUILD, "--out", out], cwd=small.folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return files(small.folder / out)


@dataclass(frozen=True)
class Versions:
    """A study whose data have changed, with the build of the data as they were; and what that holds, and would hold now."""

    small: Small
    old: Files
    new: Files

    @property
    def out(self) -> Path:
        return self.small.folder / "build"


@pytest.fixture(scope="module")
def both(tmp_path_factory) -> Versions:
    small = Small(tmp_path_factory.mktemp("both"))
    small.write("study.yaml", STUDY).write("m.qmd", TEMPLATE).write("data.csv", DATA)
    old = finished(small)
    small.change("data.csv", "68,2,-99", "68,2,1")
    new = finished(small, "elsewhere")
    assert set(old) == set(new) and old["manuscript.html"] != new["manuscript.html"]
    return Versions(small, old, new)


@pytest.fixture
def versions(both: Versions, tmp_path: Path) -> Versions:
    shutil.copytree(both.small.folder, tmp_path / "study")
    return replace(both, small=Small(tmp_path / "study"))


def hidden(folder: Path) -> list[str]:
    return [name for name in left_behind(folder) if name.startswith(".tieout")]


def test_a_build_killed_at_any_moment_leaves_every_file_whole_and_the_next_one_is_as_if_nothing_had_been(versions):
    small, chance = versions.small, random.Random(7)
    begun = time.monotonic()
    finished(small, "timed")
    lasts = time.monotonic() - begun
    for moment in (chance.uniform(0.3, 1.0) * lasts for _ in range(5)):
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}
        running = subprocess.Popen(BUILD, cwd=small.folder, **quiet)
        time.sleep(moment)
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
        found = {name: data for name, data in files(versions.out).items() if not name.startswith(".tieout")}
        assert all(data in (versions.old.get(name), versions.new.get(name)) for name, data in found.items()), moment
    assert finished(small) == versions.new
    assert hidden(versions.out) == []


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_build_that_is_asked_to_stop_leaves_the_folder_as_it_was(versions, sent):
    heard = functools.partial(signal.signal, sent, signal.SIG_DFL)  # a job in the background may have been told not to hear it
    running = subprocess.Popen(
        BUILD, cwd=versions.small.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=heard
    )
    give_up = time.monotonic() + 30
    while not list(versions.out.glob(".tieout-*")) and time.monotonic() < give_up:
        time.sleep(0.01)
    running.send_signal(sent)
    _, said = running.communicate()
    assert running.returncode == 128 + sent, said
    assert "Traceback" not in said
    assert files(versions.out) == versions.old and hidden(versions.out) == []


def test_builds_at_once_in_one_folder_give_the_outputs_of_one_of_them(versions):
    small, out = versions.small, versions.out
    small.write("study-old.yaml", STUDY.replace("data.csv", "old.csv")).write("old.csv", DATA)
    other = [part if part != "study.yaml" else "study-old.yaml" for part in BUILD]
    running = [
        subprocess.Popen(command, cwd=small.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for command in (BUILD, other, BUILD, other)
    ]
    assert [(each.communicate()[1], each.returncode)[1] for each in running] == [0, 0, 0, 0]
    edition = json.loads((out / "results.json").read_text(encoding="utf-8"))["meta"]["edition"]
    for name in ("manuscript.html", "manuscript/manuscript.qmd"):
        stamp = re.search(r"edition:?\s*([0-9a-f]{12})", (out / name).read_text(encoding="utf-8"))[1]
        assert edition.startswith(stamp), name
    assert hidden(out) == []


def test_a_second_run_of_the_reports_to_sites_is_refused_while_the_first_goes_on(tmp_path):
    with folders.alone(tmp_path), pytest.raises(TieoutError, match="another run is working in this folder"), folders.alone(tmp_path):
        pass
    with folders.alone(tmp_path):
        pass
    assert left_behind(tmp_path) == []


def test_two_runs_of_the_reports_at_once_lose_none(tmp_path):
    file = project(tmp_path / "study", {f"s{i}": 8 for i in range(3)})
    options = ["--formats", "html", "--engine", "embedded", "--workers", "1"]
    command = [*TIEOUT, "sites", str(file), "--out", str(tmp_path / "out"), *options]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    ended = [(each.communicate()[1], each.returncode) for each in running]
    assert sorted(code for _, code in ended) in ([0, 0], [0, 2])
    assert all("another run is working" in said for said, code in ended if code == 2)
    assert len(list((tmp_path / "out").glob("*/s*/made.json"))) == 3


AROUND = {
    "another umask": {"umask": 0o077},
    "no home and another place for temporary files": {"env": {"HOME": "/nowhere", "TMPDIR": "."}},
    "a narrow terminal in another language": {"env": {"COLUMNS": "30", "NO_COLOR": "1", "LC_ALL": "POSIX", "LANG": "ko_KR.UTF-8"}},
    "without assertions": {"env": {"PYTHONOPTIMIZE": "1"}},
    "as UTF-8 and as what the locale says": {"env": {"PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}},
    "one processor": {"preexec_fn": lambda: os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})},
}  # fmt: skip


@pytest.mark.parametrize("case", AROUND)
def test_what_stands_around_a_build_does_not_change_its_bytes(both, case, tmp_path):
    around = dict(AROUND[case])
    env = {**os.environ, **around.pop("env", {})}
    done = subprocess.run([*BUILD, "--out", str(tmp_path)], cwd=both.small.folder, capture_output=True, env=env, check=False, **around)
    assert done.returncode == 0, done.stderr
    assert files(tmp_path) == both.new


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Give what mounts a small disk of its own at a new folder; skipped where this user may not mount."""
    places: list[Path] = []

    def mount(options: str) -> Path:
        place = tmp_path / f"disk{len(places)}"
        place.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], capture_output=True, check=False)
        if done.returncode:
            pytest.skip("this user may not mount a disk")
        places.append(place)
        return place

    yield mount
    for place in places:
        subprocess.run(["umount", "-l", str(place)], check=False)


def test_a_disk_that_is_really_full_is_said_in_one_paragraph_and_leaves_nothing(both, mounted):
    needed, refused = sum(map(len, both.new.values())), 0
    for share in (0.02, 0.4, 0.9, 1.3):
        out = mounted(f"size={int(share * needed) // 4096 * 4096 + 4096}") / "out"
        done = run(both.small.folder, *ASKED, "--out", str(out))
        if done.returncode:
            refused += 1
            assert done.returncode == 2 and "No space left" in done.stderr and len(done.stderr.splitlines()) <= 3, done.stderr
            assert not out.exists() or left_behind(out) == []
    assert refused >= 3


def test_a_disk_that_fills_up_on_the_way_keeps_the_earlier_outputs(versions, mounted):
    small, expected = versions.small, versions.new
    needed = sum(map(len, expected.values()))
    disk = mounted(f"size={2 * needed // 4096 * 4096 + 262144}")
    done = run(small.folder, *ASKED, "--out", str(disk / "out"))
    assert done.returncode == 0, done.stderr
    (disk / "ballast").write_bytes(b"x" * (os.statvfs(disk).f_bavail * 4096 - needed // 2))
    small.change("data.csv", "r-11,c,2024-07-01,-99", "r-11,c,2024-07-01,71")
    done = run(small.folder, *ASKED, "--out", str(disk / "out"))
    assert done.returncode == 2 and "No space left" in done.stderr, done.stderr
    assert files(disk / "out") == expected


def test_a_disk_that_only_reads_is_said_and_nothing_is_lost(versions, mounted):
    small, disk = versions.small, mounted("size=8m")
    shutil.copytree(versions.out, disk / "out")
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    for command in (ASKED, ("check", "study.yaml")):
        done = run(small.folder, *command, "--out", str(disk / "out"))
        assert done.returncode == 2 and "Read-only file system" in done.stderr and "--out" in done.stderr, done.stderr
    assert files(disk / "out") == versions.old


def cut_off(answer: bytes, claimed: int) -> str:
    """Return the address of a server that promises more bytes than it sends, and then hangs up."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {claimed}\r\n\r\n"
                connection.sendall(head.encode() + answer)

    threading.Thread(target=serve, daemon=True).start()
    return f"http://127.0.0.1:{listening.getsockname()[1]}/api/"


def test_a_download_that_breaks_off_is_told_and_earlier_outputs_stay(versions):
    pytest.importorskip("redcap", reason="PyCap is not installed")
    small = versions.small
    url = cut_off(b'[{"field_name": "record_id", "form_na', 90_000)
    small.change("study.yaml", "data: {file: data.csv, cut: 2024-12-31}", f"data: {{redcap: {{api: '{url}'}}, cut: 2024-12-31}}")
    done = run(small.folder, *ASKED, env={"REDCAP_API_TOKEN": "0" * 32})
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr and "0" * 32 not in done.stderr and len(done.stderr.splitlines()) <= 3
    assert files(versions.out) == versions.old
