"""Run the bad inputs as a user would meet them, and write what is seen as one readable file per family."""

from __future__ import annotations

import contextlib
import difflib
import functools
import importlib
import io
import os
import shlex
import sys
import tempfile
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from conftest import DATA, STUDY, TEMPLATE, Small

from bad_inputs.cases import Case
from tieout import cli

HERE = Path(__file__).parent
FAMILIES = ("study_files", "data_files", "templates", "manuscripts", "names", "environments")
SMALL = {"study.yaml": STUDY, "data.csv": DATA, "m.qmd": TEMPLATE}
WIDE, LONG = 135, 10
"""Signs of a line and lines of a change that a snapshot shows."""


@dataclass(frozen=True)
class Seen:
    """What a user sees of a command: exit code and message; `touched` are files that it changed, made or removed."""

    code: int
    message: str
    touched: tuple[str, ...]


def cases() -> dict[str, tuple[Case, ...]]:
    """Return the cases of every family."""
    return {name: importlib.import_module(f"bad_inputs.{name}").CASES for name in FAMILIES}


@functools.cache
def earlier() -> dict[str, bytes]:
    """Return the outputs of an earlier build, which no bad input may touch."""
    with tempfile.TemporaryDirectory() as folder:
        small = Small(Path(folder))
        for name, text in SMALL.items():
            small.write(name, text)
        results = small.results().to_json().encode()
    return {"build/results.json": results, "build/manuscript.html": b"<p>earlier</p>", "build/check/index.html": b"<p>earlier</p>"}


def see(case: Case) -> Seen:
    """Run a case in a new folder, through the command line that users call."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made).resolve()
        put(folder, case)
        before = contents(folder)
        code, told = run(case, folder)
        after = contents(folder)
    touched = tuple(sorted(name for name in {*before, *after} if before.get(name) != after.get(name)))
    lines = (line.rstrip() for line in told.replace(str(folder), "FOLDER").rstrip().splitlines())
    return Seen(code, "\n".join(lines), touched)


def put(folder: Path, case: Case) -> None:
    """Write the small study with its earlier outputs, changed as the case says."""
    for name, text in {**SMALL, **earlier(), **texts(case)}.items():
        if text is not None:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    if case.prepared:
        case.prepared(folder)


def texts(case: Case) -> dict[str, str | bytes | None]:
    """Return the files of a case that differ from the small study's."""
    found: dict[str, str | bytes | None] = {}
    for name, old, new in case.changes:
        text = found.get(name, SMALL[name])
        assert isinstance(text, str) and old in text, f"{case.name}: {old!r} is not in {name}"
        found[name] = text.replace(old, new)
    return {**found, **case.files}


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def run(case: Case, folder: Path) -> tuple[int, str]:
    """Return the exit code of the command line and what it prints; of a crash the traceback, as a user would see it."""
    seen = io.StringIO()
    environment = mock.patch.dict(os.environ, {"COLUMNS": "100", "TERM": "dumb", "NO_COLOR": "1"})
    argv = mock.patch.object(sys, "argv", ["tieout", *shlex.split(case.command)])
    quiet = contextlib.redirect_stdout(seen), contextlib.redirect_stderr(seen)
    with environment, argv, contextlib.chdir(folder), quiet[0], quiet[1]:
        try:
            with case.around():
                cli.main()
        except SystemExit as stop:
            return (stop.code if isinstance(stop.code, int) else int(stop.code is not None)), seen.getvalue()
        except BaseException:
            return 1, seen.getvalue() + traceback.format_exc()
    return 0, seen.getvalue()


def shown(case: Case, seen: Seen) -> str:
    """Return a case as a section of a snapshot: what was changed, the command, and what is seen."""
    circumstances = [words.strip() for made in (case.prepared, case.around) if made and (words := said(made))]
    differences = [line for name, text in texts(case).items() for line in difference(name, text)]
    parts = [f"## {case.name}"]
    if circumstances:
        parts.append(" ".join(circumstances))
    if differences:
        parts.append("\n".join(["```diff", *differences, "```"]))
    parts.append("\n".join(["```console", f"$ tieout {case.command}", seen.message, f"exit code {seen.code}", "```"]))
    return "\n\n".join(parts)


def said(made: object) -> str:
    return "" if made is contextlib.nullcontext else str(made.__doc__)


def difference(name: str, text: str | bytes | None) -> Iterator[str]:
    """Yield the lines of a file that are not those of the small study."""
    old = SMALL.get(name, "")
    if text is None or isinstance(text, bytes):
        yield f"{name}: {'taken away' if text is None else f'{text[:60]!r}' + (' …' if len(text) > 60 else '')}"
        return
    yield f"{name}:" if old and text else f"{name}, {'empty' if not text else 'new'}:"
    lines = [
        line if len(line) <= WIDE else line[: WIDE - 1] + "…"
        for line in difflib.unified_diff(old.splitlines(), text.splitlines(), n=0, lineterm="")
        if not line.startswith(("---", "+++", "@@"))
    ]
    yield from lines[:LONG]
    if len(lines) > LONG:
        yield f"… and {len(lines) - LONG} lines more"


def snapshot(family: str) -> Path:
    return HERE / f"{family}.md"


def page(family: str) -> str:
    """Return the snapshot of a family as it should be now."""
    found = importlib.import_module(f"bad_inputs.{family}")
    title = f"# {family.replace('_', ' ').capitalize()}\n\n{found.__doc__}"
    return "\n\n".join([title, *(shown(case, see(case)) for case in found.CASES)]) + "\n"


@functools.cache
def kept(family: str) -> dict[str, str]:
    """Return the sections of a snapshot by the names of their cases."""
    _, *sections = snapshot(family).read_text(encoding="utf-8").split("\n## ")
    return {section.partition("\n")[0]: f"## {section}".rstrip() for section in sections}


def main(accept: bool) -> None:
    for family in FAMILIES:
        text = page(family)
        if accept:
            snapshot(family).write_text(text, encoding="utf-8")
        else:
            print(text)
    print(f"{sum(map(len, cases().values()))} bad inputs in {len(FAMILIES)} families")
