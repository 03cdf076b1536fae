"""One bad input: what is changed in the small study, in which circumstances, and which command meets it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

Change = tuple[str, str, str]
"""A file of the small study, a text in it, and what stands there instead."""


@dataclass(frozen=True)
class Case:
    """A bad input; `files` are whole files, None one that is taken away.

    `prepared` makes files that are no text, and `around` gives the circumstances; the docstring of each says in the
    snapshot what it does.
    """

    name: str
    command: str = "check"
    changes: tuple[Change, ...] = ()
    files: Mapping[str, str | bytes | None] = field(default_factory=dict)
    prepared: Callable[[Path], None] | None = None
    around: Callable[[], AbstractContextManager[object]] = nullcontext


def change(file: str, usual: str, name: str, *texts: str, command: str = "", **more: object) -> Case:
    """Return a case in which texts of one file are replaced: old, new, old, new …"""
    pairs = zip(texts[::2], texts[1::2], strict=True)
    return Case(name, command or usual, tuple((file, old, new) for old, new in pairs), **more)  # type: ignore[arg-type]


study = partial(change, "study.yaml", "check")
data = partial(change, "data.csv", "build")
template = partial(change, "m.qmd", "build")
