"""The circumstances: no engine, no room, no right to write, no token, no server."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from bad_inputs.cases import Case

API = ("study.yaml", "data: {file: data.csv,", "data: {redcap: {api: 'http://127.0.0.1:9/api/'},")
TOKEN = "0123456789ABCDEF0123456789ABCDEF"


@contextmanager
def without_quarto() -> Iterator[None]:
    """Quarto is not installed."""
    with mock.patch.dict(os.environ, {"PATH": "/nowhere"}):
        yield


@contextmanager
def refusing(code: int) -> Iterator[None]:
    def refuse(*given: object, **more: object) -> None:
        raise OSError(code, os.strerror(code))

    with mock.patch("tempfile.mkdtemp", refuse):
        yield


@contextmanager
def full() -> Iterator[None]:
    """The disk is full."""
    with refusing(errno.ENOSPC):
        yield


@contextmanager
def read_only() -> Iterator[None]:
    """The disk can only be read."""
    with refusing(errno.EROFS):
        yield


@contextmanager
def not_mine() -> Iterator[None]:
    """The folder belongs to somebody else."""
    with refusing(errno.EACCES):
        yield


@contextmanager
def over_quota() -> Iterator[None]:
    """The user's share of the disk is used up."""
    with refusing(errno.EDQUOT):
        yield


@contextmanager
def without_token() -> Iterator[None]:
    """No token of REDCap's is set."""
    with mock.patch.dict(os.environ):
        os.environ.pop("REDCAP_API_TOKEN", None)
        yield


@contextmanager
def with_token() -> Iterator[None]:
    """A token is set, and no server listens."""
    with mock.patch.dict(os.environ, {"REDCAP_API_TOKEN": TOKEN}):
        yield


@contextmanager
def wrong_token() -> Iterator[None]:
    """The token is a password of another kind."""
    with mock.patch.dict(os.environ, {"REDCAP_API_TOKEN": "secret"}):
        yield


@contextmanager
def second_program_killed() -> Iterator[None]:
    """The second program of the tables is stopped by the system, as where memory is short."""
    with mock.patch("sys.executable", "/bin/false"):
        yield


def a_file_in_place(folder: Path) -> None:
    """A file stands where the folder of outputs should be."""
    (folder / "taken").write_text("I was here")


def data_gone(folder: Path) -> None:
    """The data are a link to a disk that is not there."""
    (folder / "data.csv").unlink()
    (folder / "data.csv").symlink_to(folder / "gone" / "data.csv")


def analysis_of_its_own(folder: Path) -> None:
    """An analysis.py stands beside the study file."""
    (folder / "analysis.py").write_text("def extra(registry):\n    return []\n")


CASES = (
    Case("Quarto asked for and not installed", "build --engine quarto", around=without_quarto),
    Case("a full disk", "build", around=full),
    Case("a full disk for lists", "check", around=full),
    Case("a used up share of a disk", "build", around=over_quota),
    Case("a disk that only reads", "build", around=read_only),
    Case("a folder of somebody else", "build", around=not_mine),
    Case("a file in place of the folder", "build --out taken", prepared=a_file_in_place),
    Case("data on a disk that is not there", "build", prepared=data_gone),
    Case("no token for REDCap", "check", (API,), around=without_token),
    Case("a token that is none of REDCap's", "check", (API,), around=wrong_token),
    Case("no server behind REDCap's address", "check", (API,), around=with_token),
    Case("REDCap's address without protection", "check", (("study.yaml", API[1], "data: {redcap: {api: 'http://redcap.example/api/'},"),)),
    Case("no scheduler behind an address", "sites --scheduler tcp://127.0.0.1:9"),
    Case("an address that is no scheduler's", "sites --scheduler here"),
    Case("a second program that is stopped", "build --formats html", around=second_program_killed),
)
