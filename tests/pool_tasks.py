"""What the workers of test_pool.py do: functions of a top level, so that they can be sent to any process."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from tieout.errors import TieoutError


def double(job: int) -> int:
    return 2 * job


def sleep(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()


def megabytes(job: int) -> bytes:
    return bytes(job * 1_000_000)


def stumble(job: str) -> Any:
    """Fail in the way the job says."""
    if job == "input":
        raise TieoutError("data.csv:7", "the age is missing", "add it")
    if job == "value":
        raise ValueError("patient r-017 is 61 years old")
    if job == "disk":
        raise OSError(28, "No space left on device", "/private/r-017.csv")
    if job == "exit":
        sys.exit("r-017")
    if job == "unsendable":
        return threading.Lock()
    if job == "unreadable":
        return ReadsOnlyAtHome()
    return job


class ReadsOnlyAtHome:
    """Something that can be pickled and then not read."""

    def __reduce__(self) -> tuple[Any, ...]:
        return int, ("r-017",)


def die(job: tuple[str, int]) -> str:
    """Kill the worker as often as the job says; each job counts its tries in a file, and tells in another where it left something."""
    tries, deaths = Path(job[0]), job[1]
    with tries.open("a") as file:
        file.write(".")
    tries.with_suffix(".place").write_text(tempfile.mkdtemp())
    if tries.stat().st_size <= deaths:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.05)
    return tries.name


def mark(job: tuple[str, float]) -> str:
    """Leave a file that names this process when the job begins, and another when it ends."""
    begun, seconds = Path(job[0]), job[1]
    begun.write_text(str(os.getpid()))
    time.sleep(seconds)
    begun.with_suffix(".ended").write_text(str(os.getpid()))
    return begun.name
