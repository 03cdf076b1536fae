"""Write into a folder that others use too: whole or not at all, one run at a time, and nothing left of a run that was killed."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from tieout.errors import TieoutError

WORK = ".tieout-"
LOCK = ".tieout.lock"


@contextlib.contextmanager
def writable(out: Path, full: str = "free some space") -> Iterator[None]:
    """Make a folder for outputs; turn one that cannot be written, or a full disk, into one paragraph.

    `full` is what to do about a full disk.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(out, error, full=full) from None
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES):
            raise unwritable(out, error, full=full) from None
        raise


@contextlib.contextmanager
def workplace(out: Path) -> Iterator[Path]:
    """Give a private folder beside the outputs; it is gone afterwards, whatever happens, or with the next run.

    Raises TieoutError where the output folder cannot be written or the disk is full.
    """
    with writable(out), contextlib.ExitStack() as held:
        try:
            with locked(out / LOCK):
                sweep(out)
                work = Path(tempfile.mkdtemp(prefix=WORK, dir=out))
                held.enter_context(locked(lock_of(work)))
        except OSError as error:
            raise unwritable(out, error) from None
        try:
            yield work
        finally:
            shutil.rmtree(work, ignore_errors=True)


def put(work: Path, out: Path, names: Iterable[str]) -> None:
    """Move what was made in a private folder into place, by one run at a time; a folder takes the place of an earlier one."""
    with locked(out / LOCK):
        for name in names:
            if (work / name).is_dir() and (out / name).exists():
                os.replace(out / name, work / f"earlier-{name}")
            os.replace(work / name, out / name)


@contextlib.contextmanager
def alone(out: Path) -> Iterator[None]:
    """Work in a folder that no other run may work in; raise TieoutError where one does."""
    try:
        with locked(out / LOCK, wait=False):
            yield
    except Timeout:
        raise TieoutError(str(out), "another run is working in this folder", "wait for it, or choose another one with --out") from None


@contextlib.contextmanager
def locked(path: Path, wait: bool = True) -> Iterator[None]:
    """Hold a lock that ends with this process however it ends; its file is gone afterwards."""
    with FileLock(path, timeout=-1 if wait else 0):
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                path.unlink()


def lock_of(work: Path) -> Path:
    return work.with_name(f"{work.name}.lock")


def sweep(out: Path) -> None:
    """Remove the private folders of runs that are no more."""
    for name in {path.name.removesuffix(".lock") for path in out.glob(f"{WORK}*")}:
        with contextlib.suppress(Timeout), locked(lock_of(out / name), wait=False):
            shutil.rmtree(out / name, ignore_errors=True)


def unwritable(
    out: Path, error: OSError, elsewhere: str = "choose another folder with --out", full: str = "free some space"
) -> TieoutError:
    """Return the error of a folder in which nothing can be written, with what to try: another folder, or more room."""
    hint = full if error.errno in (errno.ENOSPC, errno.EDQUOT) else elsewhere
    return TieoutError(str(out), f"nothing can be written here: {os.strerror(error.errno or 0)}", hint)
