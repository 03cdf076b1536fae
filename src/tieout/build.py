"""From a study file to its outputs: read, analyse, check, weave, draw, render."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import functools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Literal

from tieout import (
    comparison_tables,
    figures,
    followed_tables,
    keyed,
    methods,
    render,
    resources,
    snapshots,
    strobe,
    tables,
    weave,
)
from tieout import study as studies
from tieout.display import PROFILES, Profile
from tieout.errors import TieoutError, raise_all
from tieout.render import document as documents
from tieout.results import Results
from tieout.spreadsheet import as_csv
from tieout.study import Study

Progress = Callable[[str], None]
STYLES = {"jnis": "bmj"}
PICTURES = ("svg", "png")
MANUSCRIPT: Literal["manuscript"] = "manuscript"


@dataclass(frozen=True)
class Built:
    """What a build made: its outputs by format, the results, what was woven, and why no snapshot was stored, if so."""

    outputs: dict[str, Path]
    results: Results
    document: weave.Document
    engine: str
    undeclared: tuple[str, ...]
    warning: str = ""


def build(
    study_file: Path,
    formats: tuple[str, ...],
    out: Path,
    engine: str = "auto",
    *,
    draft: bool = False,
    allow_code: bool = False,
    progress: Progress = lambda step: None,
) -> Built:
    """Build a study's manuscript: outputs appear whole or not at all, and earlier ones stay until then.

    Raises TieoutError for an input that cannot be used, DoesNotTieOut for figures or claims that do not hold.
    """
    chosen = render.choose(engine)
    progress("reading the study and its data")
    with second_program(study_file) as second, workplace(out) as work, ThreadPoolExecutor(max_workers=1) as painter:
        study = studies.read(study_file)
        source = study.resolve(study.documents[MANUSCRIPT])
        template = checked_template(source, chosen)
        progress("computing the statistics")
        results, undeclared = computed(study, allow_code)
        contents = snapshots.contents(study, results.meta["snapshot"])
        results = results.with_meta(edition=contents.edition)
        progress("weaving the document")
        profile = profile_of(results)
        results = results.with_meta(claims=claims(study, results, profile))
        document = woven(study, results, profile, source, draft=draft)
        project = work / MANUSCRIPT
        lay_out(project, results, template, document)
        progress(f"drawing figures and typesetting {', '.join(formats)} with {chosen}")
        drawn = painter.submit(draw, project / "figures", results, profile, document)
        final = functools.cache(lambda: compared(results, second()))
        made = render.render(
            project, MANUSCRIPT, formats, work, engine=chosen, created=created(study),
            pictures=drawn.result,
            attached={"results.json": lambda: final().to_json(), snapshots.STUDY: lambda: contents.files[snapshots.STUDY].decode()},
        )  # fmt: skip
        progress("comparing the tables with tableone's")
        results = final()
        (work / "results.json").write_text(results.to_json(), encoding="utf-8")
        progress("storing the data cut")
        warning = snapshots.keep(study, contents, chosen)
        publish(work, out, made)
    outputs = {name: out / path.name for name, path in made.items()}
    return Built(outputs, results, document, chosen, undeclared, warning)


def claims(study: Study, results: Results, profile: Profile) -> dict[str, dict[str, str | bool]]:
    """Return every declared claim with what it states, the condition that it needs, and whether that holds."""
    needed = {claim.condition for claim in study.claims.values()}
    conditions = {name: rule for name, rule in study.conditions.items() if name in needed}
    held = weave.judge(conditions, results, profile, str(study.path))
    return {
        name: {"states": claim.states, "needs": conditions[claim.condition], "holds": held[claim.condition]}
        for name, claim in study.claims.items()
    }


def profile_of(results: Results) -> Profile:
    return dataclasses.replace(PROFILES[results.meta["journal"]], confidence=results.meta["confidence"])


def woven(study: Study, results: Results, profile: Profile, source: Path, *, draft: bool) -> weave.Document:
    """Weave the study's manuscript with its tables, alternative texts, methods and checklist."""
    inserts = {
        "tables": {
            name: made
            for kind in (tables, comparison_tables, followed_tables)
            for name, made in kind.every(results, profile).items()
        },
        "alt": {name: figures.alt(results, name, profile).translate(weave.ATTRIBUTE) for name in study.figures},
        "text": {"methods": methods.paragraph(results), "strobe": strobe.checklist(weave.read_template(source))},
    }
    return weave.weave(
        source, results, study.conditions, study.claims, inserts, draft=draft, declared_in=str(study.path)
    )


@contextlib.contextmanager
def second_program(study_file: Path) -> Iterator[Callable[[], str]]:
    """Start the second program of the tables beside this one; the call given waits for what it prints."""
    command = [sys.executable, "-m", "tieout.analysis.double", str(study_file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as running:

        def finished() -> str:
            printed, _ = running.communicate()
            if running.returncode:
                raise TieoutError(
                    "double programming", "the second program of the tables stopped", "is there memory enough?"
                )
            return printed

        try:
            yield finished
        finally:
            running.kill()


def computed(study: Study, allow_code: bool = False) -> tuple[Results, tuple[str, ...]]:
    """Return the results of a study's data, and the columns that nobody declared; its own code is run only if allowed."""
    from tieout import registry as registries
    from tieout.analysis import double, everything

    registry = registries.read(study)
    results = everything.analyse(registry, allow_code)
    return results.with_meta(double_programmed=double.within_reach(registry)), registry.undeclared


def compared(results: Results, printed: str) -> Results:
    """Return the results with the count of cells on which both programs agree; raise where they do not."""
    from tieout.analysis import double

    second = double.Second(**json.loads(printed))
    programs = {"cells": double.compare(results, second), "by_one_program_alone": second.alone}
    return results.with_meta(programs=programs)


def checked_template(source: Path, engine: str) -> documents.Document:
    """Return the template; refuse one that could not be typeset, with its own lines, before anything is woven into it."""
    template = documents.read(source.parent, source.stem)
    if engine == "embedded":
        raise_all(list(documents.cells(template)))
    return template


def created(study: Study) -> datetime:
    """Return the time that outputs carry: noon of the data cut, so that the same data give the same bytes."""
    return datetime.combine(study.data.cut, time(12), tzinfo=UTC)


def draw(
    folder: Path, results: Results, profile: Profile, document: weave.Document, pictures: tuple[str, ...] = PICTURES
) -> None:
    """Draw the figures that the document shows, and save the rows that they draw."""
    for name in results.meta["layout"]["figures"]:
        if f"figures/{name})" in document.text:
            figure = figures.draw(results, name, profile, pictures)
            for ending in pictures:
                (folder / f"{name}.{ending}").write_bytes(getattr(figure, ending))
            (folder / f"{name}.csv").write_text(as_csv(figure.rows, "\n"), encoding="utf-8")


def lay_out(
    project: Path, results: Results, template: documents.Document, document: weave.Document, name: str = MANUSCRIPT
) -> None:
    """Write the woven project, a folder that Quarto alone can open, with the files that the document names."""
    (project / "figures").mkdir(parents=True)
    for companion in companions(template):
        (project / companion).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(template.folder / companion, project / companion)
    stamps = {"snapshot": results.stamp}
    if "csl" not in template.front and "bibliography" in template.front:
        style = resources.citation_style(STYLES[results.meta["journal"]])
        shutil.copyfile(style, project / style.name)
        stamps["csl"] = style.name
    if results.meta["synthetic"]:
        stamps["synthetic"] = keyed.literal_markdown(results.meta["synthetic"])
    (project / f"{name}.qmd").write_text(stamped(document.text, stamps), encoding="utf-8")
    render.project(project)


def companions(template: documents.Document) -> list[str]:
    """Return the files of the template's folder that it names: bibliographies, a citation style, pictures."""
    front = template.front
    bibliographies = front.get("bibliography") or []
    named = [*(bibliographies if isinstance(bibliographies, list) else [bibliographies]), front.get("csl", "")]
    named += re.findall(r"\]\(([^()\s]+)\)", template.text)
    folder = template.folder.resolve()
    inside = [name for name in dict.fromkeys(map(str, named)) if (folder / name).resolve().is_relative_to(folder)]
    return [name for name in inside if name and (folder / name).is_file()]


def stamped(text: str, stamps: dict[str, str]) -> str:
    """Add lines to a document's front matter, or give it one."""
    lines = "".join(f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in stamps.items())
    body = text.removeprefix("---\n")
    return f"---\n{lines}{body}" if body != text else f"---\n{lines}---\n\n{text}"


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
    """Give a private folder beside the outputs; it is gone afterwards, whatever happens.

    Raises TieoutError where the output folder cannot be written or the disk is full.
    """
    with writable(out):
        try:
            work = Path(tempfile.mkdtemp(prefix=".tieout-", dir=out))
        except OSError as error:
            raise unwritable(out, error) from None
        try:
            yield work
        finally:
            shutil.rmtree(work, ignore_errors=True)


def unwritable(
    out: Path, error: OSError, elsewhere: str = "choose another folder with --out", full: str = "free some space"
) -> TieoutError:
    hint = full if error.errno in (errno.ENOSPC, errno.EDQUOT) else elsewhere
    return TieoutError(str(out), f"nothing can be written here: {os.strerror(error.errno or 0)}", hint)


def publish(work: Path, out: Path, made: dict[str, Path]) -> None:
    """Move finished outputs into place; the woven project replaces the earlier one."""
    old = work / "earlier"
    if (out / MANUSCRIPT).exists():
        os.replace(out / MANUSCRIPT, old)
    os.replace(work / MANUSCRIPT, out / MANUSCRIPT)
    for path in (*made.values(), work / "results.json"):
        os.replace(path, out / path.name)
