"""The circumstances: no engine, no room, no right to write, no token, no server."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from unittest import mock

from bad_inputs.cases import Case

API = ("study.yaml", "data: {file: data.csv,", "data: {redcap: {api: 'http://127.0.0.1:9/api/'},")
TOKEN = "0123456789ABCDEF0123456789ABCDEF"


def circumstance(words: str, made: Callable[[], AbstractContextManager[object]]) -> Callable[[], AbstractContextManager[object]]:
    """Return what makes a circumstance, with the words that the snapshot says of it."""

    def around() -> AbstractContextManager[object]:
        return made()

    around.__doc__ = words
    return around


def refusing(words: str, code: int) -> Callable[[], AbstractContextManager[object]]:
    """Return a circumstance in which no private folder can be made."""
    return circumstance(words, lambda: mock.patch("tempfile.mkdtemp", side_effect=OSError(code, os.strerror(code))))


def with_environment(words: str, **changed: str | None) -> Callable[[], AbstractContextManager[object]]:
    """Return a circumstance of other environment variables; None takes one away."""

    def made() -> AbstractContextManager[object]:
        kept = {name: value for name, value in {**os.environ, **changed}.items() if value is not None}
        return mock.patch.dict(os.environ, kept, clear=True)

    return circumstance(words, made)


def a_file_in_place(folder: Path) -> None:
    """A file stands where the folder of outputs should be."""
    (folder / "taken").write_text("I was here")


def data_gone(folder: Path) -> None:
    """The data are a link to a disk that is not there."""
    (folder / "data.csv").unlink()
    (folder / "data.csv").symlink_to(folder / "gone" / "data.csv")


FULL = refusing("The disk is full.", errno.ENOSPC)
KILLED = circumstance(
    "The second program of the tables is stopped by the system, as where memory is short.",
    lambda: mock.patch("sys.executable", "/bin/false"),
)
NO_QUARTO = with_environment("Quarto is not installed.", PATH="/nowhere")
NO_TOKEN = with_environment("No token of REDCap's is set.", REDCAP_API_TOKEN=None)
NO_SERVER = with_environment("A token is set, and no server listens.", REDCAP_API_TOKEN=TOKEN)
OTHER_TOKEN = with_environment("The token is a password of another kind.", REDCAP_API_TOKEN="secret")

CASES = (
    Case("Quarto asked for and not installed", "build --engine quarto", around=NO_QUARTO),
    Case("a full disk", "build", around=FULL),
    Case("a full disk for lists", "check", around=FULL),
    Case("a used up share of a disk", "build", around=refusing("The user's share of the disk is used up.", errno.EDQUOT)),
    Case("a disk that only reads", "build", around=refusing("The disk can only be read.", errno.EROFS)),
    Case("a folder of somebody else", "build", around=refusing("The folder belongs to somebody else.", errno.EACCES)),
    Case("a file in place of the folder", "build --out taken", prepared=a_file_in_place),
    Case("data on a disk that is not there", "build", prepared=data_gone),
    Case("no token for REDCap", "check", (API,), around=NO_TOKEN),
    Case("a token that is none of REDCap's", "check", (API,), around=OTHER_TOKEN),
    Case("no server behind REDCap's address", "check", (API,), around=NO_SERVER),
    Case("REDCap's address without protection", "check", (("study.yaml", API[1], "data: {redcap: {api: 'http://redcap.example/api/'},"),)),
    Case("no scheduler behind an address", "sites --scheduler tcp://127.0.0.1:9"),
    Case("an address that is no scheduler's", "sites --scheduler here"),
    Case("a second program that is stopped", "build --formats html", around=KILLED),
)
