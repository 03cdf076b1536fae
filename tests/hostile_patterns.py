"""Run every compiled pattern of Tieout over texts made to be slow, and print those whose time grows faster than the square."""

from __future__ import annotations

import importlib
import pkgutil
import re
import time
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import tieout

RUNS = (
    "1", "1,", "1.", "(", "()", "[", "[]", "{", "}", " ", "\n", "\t", "-", "–", "a", "ab ", "A ", "n=1 of ", "1 (", "1%", "±1", "<",
    "<a ", "</", "```\n", "`", "~", "*", "_", ":::", "\\", "'", '"', "|", "1 to ", "95% CI ", "p=", "P<0.", "1-", "., ", "[x](",
    "[x]{",
    '{.stat key="', "$", "@tbl-", "#", "&", "=", "/", ":", "<!--", "[%", "]]", "a.b.", "1e", "x\n\n", "Mean ", " . ", "of ",
    "were ", "and ",
)  # fmt: skip
SHORT, LONG, LEAST, GROWTH = 600, 1200, 0.2, 5


def patterns() -> Iterator[tuple[str, re.Pattern[Any]]]:
    for module in pkgutil.walk_packages(tieout.__path__, "tieout."):
        for name, value in list(vars(importlib.import_module(module.name)).items()):
            yield from within(value, f"{module.name}.{name}", 0)


def within(value: Any, name: str, depth: int) -> Iterator[tuple[str, re.Pattern[Any]]]:
    if isinstance(value, re.Pattern):
        yield name, value
    elif depth < 3 and isinstance(value, dict):
        value = list(value.values())
    elif depth < 3 and is_dataclass(value) and not isinstance(value, type):
        value = [getattr(value, field.name, None) for field in fields(value)]
    if depth < 3 and isinstance(value, list | tuple):
        for each in value:
            yield from within(each, name, depth + 1)


def seconds(pattern: re.Pattern[Any], run: str, length: int) -> float:
    text = (run * length)[:length] + "\x01"
    start = time.process_time()
    pattern.match(given := text.encode() if isinstance(pattern.pattern, bytes) else text)
    sum(1 for _ in pattern.finditer(given))
    return time.process_time() - start


if __name__ == "__main__":
    known = {(pattern.pattern, pattern.flags): (name, pattern) for name, pattern in patterns()}
    for name, pattern in known.values():
        for run in RUNS:
            if (long := seconds(pattern, run, LONG)) > LEAST and long > GROWTH * seconds(pattern, run, SHORT):
                print(f"{name} on {run!r}")
    print(f"{len(known)} patterns")
