"""Run a study's own Python function, when it is allowed, and take the Statistics that it gives."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.util
import operator
import re
import sys
import traceback
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from tieout.errors import TieoutError
from tieout.registry import Registry
from tieout.results import Statistic
from tieout.study import Study

FILE = "analysis.py"
KEY = re.compile(r"own(\.[A-Za-z0-9_]+)+")
KINDS = frozenset(
    """count percent percent_limit median quartile mean sd odds_ratio risk_ratio common_odds_ratio ratio_limit difference
    difference_limit hazard_ratio rate_ratio mean_difference mean_difference_limit p smd test_statistic date e_value weight""".split()
)
"""What an own figure can be, so that it can be printed."""

TEXTS = tuple(field.name for field in dataclasses.fields(Statistic) if field.type == "str")


def beside(study: Study) -> Path | None:
    """Return the study's own analysis, which lies beside the study file, or None."""
    path = study.path.parent / FILE
    return path if path.is_file() else None


def notice(study: Study, allow_code: bool) -> str:
    """Return the sentence that says that a study has own code which was not run; empty where nothing is to be said."""
    path = beside(study)
    return f"{path} was not run: it is code; read it, then allow it with --allow-code" if path and not allow_code else ""


def told(study: Study, allow_code: bool) -> dict[str, str]:
    """Return what results say of own code: the digest of what was run, or that it was not; nothing where there is none."""
    path = beside(study)
    if path is None:
        return {}
    return {"own_code": hashlib.sha256(path.read_bytes()).hexdigest()} if allow_code else {"not_run": notice(study, allow_code)}


def statistics(registry: Registry) -> list[Statistic]:
    """Run `statistics(registry)` of the study's analysis.py on a copy of the registry and return what it gives.

    Raises TieoutError with file and line, and never with the words of an error, which could hold a patient's values: for
    code that stops, for what is no Statistic, and for a key that does not begin with "own." or stands twice.
    """
    path = beside(registry.study)
    if path is None:
        return []
    records = dataclasses.replace(registry.records, frame=registry.frame.copy())
    function = guarded(path, lambda: loaded(path))
    given = guarded(path, lambda: taken(path, function(dataclasses.replace(registry, records=records))))
    return checked(path, given)


def loaded(path: Path) -> Callable[[Registry], Iterable[Any]]:
    """Import the file and return its function; an import of its neighbours is not offered."""
    spec = importlib.util.spec_from_file_location("tieout_own_analysis", path)
    assert spec is not None and spec.loader is not None
    module: ModuleType = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses declared there look themselves up
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        spec.loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = writes
        del sys.modules[spec.name]
    function = getattr(module, "statistics", None)
    if not callable(function):
        hint = "write: def statistics(registry): yield Statistic('own.name', 1, 'count', 'What it is')"
        raise TieoutError(str(path), "there is no function 'statistics'", hint)
    return function


def taken(path: Path, given: object) -> list[Any]:
    if not isinstance(given, Iterable):
        raise TieoutError(str(path), f"statistics() gave {kind(given)}, expected Statistics", "yield each Statistic")
    return list(given)


def guarded(path: Path, call: Callable[[], Any]) -> Any:
    """Return what a call gives; anything that it raises becomes a TieoutError with the line of the study's file."""
    try:
        return call()
    except TieoutError as error:
        if error.place == str(path):
            raise
        problem, line = "the code stopped with a TieoutError", line_in(path, error)
    except SyntaxError as error:
        problem, line = "this is not Python", error.lineno or 1
    except (Exception, SystemExit) as error:
        problem, line = f"the code stopped with {article(type(error).__name__)}", line_in(path, error)
    hint = "its message is not shown, since it could hold a patient's values; run the function by itself to see it"
    raise TieoutError(f"{path}:{line}", problem, hint) from None


def line_in(path: Path, error: BaseException) -> int:
    """Return the innermost line of the study's file at which an error arose."""
    lines = [frame.lineno or 1 for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return lines[-1] if lines else 1


def article(name: str) -> str:
    return f"{'an' if name[:1] in 'AEIOUaeiou' else 'a'} {name}"


def kind(thing: object) -> str:
    return "nothing" if thing is None else article(type(thing).__name__)


def checked(path: Path, given: list[Any]) -> list[Statistic]:
    """Return own Statistics with plain numbers; raise TieoutError for the first that cannot be used."""
    found: dict[str, Statistic] = {}
    for at, each in enumerate(given, start=1):
        if not isinstance(each, Statistic):
            raise TieoutError(str(path), f"item {at} of statistics() is {kind(each)}, expected a Statistic", "")
        if not isinstance(each.key, str) or not KEY.fullmatch(each.key):
            problem = f"the key of item {at} does not fit: it begins with 'own.'"
            raise TieoutError(str(path), problem, "its parts are letters, digits and underscores: own.volume.median")
        if each.key in found:
            raise TieoutError(str(path), f"the key '{each.key}' is given twice", "a key is one number")
        if each.kind not in KINDS:
            problem, hint = f"'{each.key}' is of an unknown kind", f"known kinds: {', '.join(sorted(KINDS))}"
            raise TieoutError(str(path), problem, hint)
        if wrong := [name for name in TEXTS if not isinstance(getattr(each, name), str)]:
            raise TieoutError(str(path), f"'{each.key}' has no text as its {wrong[0]}", "")
        found[each.key] = guarded(path, partial(plain, each))
    return list(found.values())


def plain(statistic: Statistic) -> Statistic:
    """Return a Statistic with Python's own numbers in place of numpy's, said to be the study's own."""
    value = None if statistic.value is None else float(statistic.value)
    if value is not None and statistic.kind in ("count", "date"):
        value = int(value) if value.is_integer() else value
    return dataclasses.replace(
        statistic, value=value, n=whole(statistic.n), total=whole(statistic.total), context="own",
        method=statistic.method or "the study's own analysis", function=statistic.function or f"{FILE}: statistics",
    )  # fmt: skip


def whole(number: Any) -> int | None:
    return None if number is None else operator.index(number)
