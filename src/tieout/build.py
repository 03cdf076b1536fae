"""From a study file to its outputs: read, analyse, check, weave, draw, render."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, time
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from tieout import (
    arrange,
    comparison_tables,
    counts,
    figures,
    followed_tables,
    journals,
    keyed,
    ledger,
    methods,
    render,
    resources,
    snapshots,
    spelling,
    strobe,
    tables,
    weave,
)
from tieout import study as studies
from tieout.display import Profile, profile_of
from tieout.errors import TieoutError, raise_all
from tieout.folders import put, workplace
from tieout.render import document as documents
from tieout.render.tree import MIME
from tieout.results import Results
from tieout.spreadsheet import as_csv
from tieout.study import Study

if TYPE_CHECKING:
    from tieout.registry import Registry

Progress = Callable[[str], None]
PICTURES = ("svg", "png")
MANUSCRIPT: Literal["manuscript"] = "manuscript"
SUPPLEMENT: Literal["supplement"] = "supplement"
DOCUMENTS = (MANUSCRIPT, SUPPLEMENT)


@dataclass(frozen=True)
class Built:
    """What a build made: manuscript and supplement by format, the results, what was woven, why no snapshot was stored, if so, and what
    the journal would object to."""

    outputs: dict[str, Path]
    supplement: dict[str, Path]
    results: Results
    document: weave.Document
    engine: str
    undeclared: tuple[str, ...]
    warning: str = ""
    advice: tuple[str, ...] = ()


def build(
    study_file: Path,
    formats: tuple[str, ...],
    out: Path,
    engine: str = "auto",
    *,
    journal: str = "",
    draft: bool = False,
    allow_code: bool = False,
    layout: str = "",
    progress: Progress = lambda step: None,
) -> Built:
    """Build a study's manuscript: outputs appear whole or not at all, and earlier ones stay until then.

    The layout is by default the study's. `journal` takes the place of the study's own, a file as seen from here.
    Raises TieoutError for an input that cannot be used, DoesNotTieOut for figures or claims that do not hold.
    """
    chosen = render.choose(engine)
    if layout:
        arrange.chosen(layout)
    progress("reading the study and its data")
    with (
        second_program(study_file) as second, workplace(out) as work,
        ThreadPoolExecutor(max_workers=1) as painter, ThreadPoolExecutor(max_workers=4) as beside,
    ):  # fmt: skip
        study = for_journal(studies.read(study_file), journal)
        sources: dict[str, Path] = {name: study.resolve(study.documents[name]) for name in DOCUMENTS if name in study.documents}
        templates = {name: checked_template(source, chosen) for name, source in sources.items()}
        progress("computing the statistics")
        results, registry = computed(study, allow_code)
        contents = snapshots.contents(study, results.meta["snapshot"])
        results = results.with_meta(edition=contents.edition)
        progress("weaving the documents")
        profile = profile_of(results.meta)
        results = results.with_meta(claims=by_what_margin(registry, results, profile))
        document = woven(study, results, profile, sources[MANUSCRIPT], draft=draft)
        inside, title_page = arranged(document, layout or study.layout, sources[MANUSCRIPT])
        found: dict[str, weave.Document] = {MANUSCRIPT: inside}
        if SUPPLEMENT in sources:
            found[SUPPLEMENT] = woven(study, results, profile, sources[SUPPLEMENT], document, draft=draft)
        stamps: dict[str, dict[str, str]] = {MANUSCRIPT: title_page, SUPPLEMENT: {"arranged": SUPPLEMENT}}
        for name, each in found.items():
            lay_out(work / name, results, templates[name], each, name, stamps[name])
        advised = beside.submit(lambda: tuple(journals.advice(document.text, journals.read(study.journal, study.folder))))
        final = beside.submit(lambda: compared(results, second())).result
        attached = {
            "results.json": lambda: final().to_json(),
            snapshots.STUDY: lambda: contents.files[snapshots.STUDY].decode(),
        }
        progress(f"drawing figures and typesetting {', '.join(formats)} of {' and '.join(found)} with {chosen}")
        drawn = {  # by one painter: matplotlib is not made for several
            name: painter.submit(draw, work / name / "figures", results, profile, each) for name, each in found.items()
        }
        typeset = {
            name: beside.submit(
                documents.as_written(work / name / f"{name}.qmd", sources[name])(render.render), work / name, name, formats, work,
                engine=chosen, created=created(study), pictures=drawn[name].result, attached=attached,
            )
            for name in found
        }  # fmt: skip
        made = {name: each.result() for name, each in typeset.items()}
        progress("comparing the tables with tableone's")
        results = final()
        (work / "results.json").write_text(results.to_json(), encoding="utf-8")
        progress("storing the data cut")
        warning = snapshots.keep(study, contents, chosen)
        advice = advised.result()
        put(work, out, [*made, *(path.name for each in made.values() for path in each.values()), "results.json"])
    outputs = {name: {kind: out / path.name for kind, path in each.items()} for name, each in made.items()}
    return Built(outputs[MANUSCRIPT], outputs.get(SUPPLEMENT, {}), results, inside, chosen, registry.undeclared, warning, advice)


def for_journal(study: Study, journal: str) -> Study:
    """Return a study whose journal is another one, if one is named."""
    if not journal:
        return study
    named = str(Path(journal).resolve()) if journals.is_file(journal) else journal
    journals.read(named)
    return study.model_copy(update={"journal": named})


def claims(study: Study, results: Results, profile: Profile) -> dict[str, dict[str, str | bool]]:
    """Return every declared claim with what it states, the condition that it needs, and whether that holds."""
    needed = {claim.condition for claim in study.claims.values()}
    conditions = {name: rule for name, rule in study.conditions.items() if name in needed}
    held = weave.judge(conditions, results, profile, str(study.path))
    return {
        name: {"states": claim.states, "needs": conditions[claim.condition], "holds": held[claim.condition]}
        for name, claim in study.claims.items()
    }


def by_what_margin(registry: Registry, results: Results, profile: Profile) -> dict[str, dict[str, str | bool]]:
    """Return the claims, and of each that holds how few patients would have to differ for it not to."""
    from tieout.analysis import margins

    @functools.cache
    def told(condition: str) -> str:
        def holds(other: Results) -> bool:
            try:
                return weave.judge({"it": condition}, other, profile, "")["it"]
            except TieoutError:  # a figure of the condition would not be estimable
                return False

        found = margins.margins(registry, results, condition, holds)
        return f"would no longer hold {'; or '.join(each.words for each in found)}" if found else ""

    found = claims(registry.study, results, profile)
    return {name: {**c, "margin": told(str(c["needs"])) if c["holds"] else ""} for name, c in found.items()}


def woven(
    study: Study, results: Results, profile: Profile, source: Path, told: weave.Document | None = None, *, draft: bool
) -> weave.Document:
    """Weave a document with its tables, alternative texts, methods and checklist, in the journal's style.

    `told` is the document of whose figures this one can give the ledger: a supplement that of its manuscript.
    """
    said = spelling.told(results, profile.language)
    inserts = {
        "tables": {
            name: made
            for kind in (tables, comparison_tables, followed_tables)
            for name, made in kind.every(said, profile).items()
        } | ({"ledger": ledger.ledger(told.text, said, profile)} if told else {}),
        "alt": {name: figures.alt(said, name, profile).translate(weave.ATTRIBUTE) for name in study.figures},
        "text": {"methods": methods.paragraph(said), "strobe": strobe.checklist(weave.read_template(source))},
    }
    document = weave.weave(
        source, said, study.conditions, study.claims, inserts, draft=draft, declared_in=str(study.path)
    )
    headed = journals.in_style(document.text, journals.read(study.journal, study.folder))
    return dataclasses.replace(document, text=spelling.document(headed, profile.language))


def arranged(document: weave.Document, layout: str, source: Path) -> tuple[weave.Document, dict[str, str]]:
    """Return the document in the order of its layout, and what its front matter says more: for a submission what it counts."""
    text = arrange.arranged(document.text, layout, source)
    stamps = {"arranged": layout, "counts": counts.told(counts.counts(document.text))} if layout == "submission" else {}
    return dataclasses.replace(document, text=text), stamps


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


def computed(study: Study, allow_code: bool = False) -> tuple[Results, Registry]:
    """Return the results of a study's data, and the registry they are of; its own code is run only if allowed."""
    from tieout import registry as registries
    from tieout.analysis import double, everything

    registry = registries.read(study)
    results = everything.analyse(registry, allow_code)
    return results.with_meta(double_programmed=double.within_reach(registry)), registry


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
    said = spelling.told(results, profile.language)
    for name in said.meta["layout"]["figures"]:
        if f"figures/{name})" in document.text:
            figure = figures.draw(said, name, profile, pictures)
            for ending in pictures:
                (folder / f"{name}.{ending}").write_bytes(getattr(figure, ending))
            (folder / f"{name}.csv").write_text(as_csv(figure.rows, "\n"), encoding="utf-8")


def lay_out(
    project: Path,
    results: Results,
    template: documents.Document,
    document: weave.Document,
    name: str = MANUSCRIPT,
    stamps: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Write the woven project, a folder that Quarto alone can open, with the files that the document names.

    `stamps` are said in the front matter beside the stamp of the data.
    """
    (project / "figures").mkdir(parents=True)
    for companion in companions(template):
        (project / companion).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(template.folder / companion, project / companion)
    stamps = {**stamps, "snapshot": results.stamp}
    if "csl" not in template.front and "bibliography" in template.front:
        style = resources.citation_style(results.meta["citations"])
        shutil.copyfile(style, project / style.name)
        stamps["csl"] = style.name
    if results.meta["synthetic"]:
        stamps["synthetic"] = keyed.literal_markdown(results.meta["synthetic"])
    (project / f"{name}.qmd").write_text(stamped(document.text, stamps), encoding="utf-8")
    render.project(project, stamps.get("arranged", ""))


def companions(template: documents.Document) -> list[str]:
    """Return the files of the template's folder that it names: bibliographies, a citation style, pictures.

    Raises TieoutError for one that is a link to a file elsewhere: what the document's folder does not hold is not passed on.
    """
    front = template.front
    bibliographies = front.get("bibliography") or []
    named = [*(bibliographies if isinstance(bibliographies, list) else [bibliographies]), front.get("csl", "")]
    named += [name for name in re.findall(r"\]\(([^()\s]+)\)", template.text) if Path(name).suffix.lower() in MIME]
    folder = template.folder.resolve()
    written = {name: Path(os.path.normpath(folder / name)) for name in dict.fromkeys(map(str, named)) if name}
    inside = {name: path for name, path in written.items() if path.is_relative_to(folder) and path.is_file()}
    raise_all(
        [
            template.error(template.line_of(name), f"'{name}' is a link to a file outside the document's folder", "put a copy there")
            for name, path in inside.items()
            if not path.resolve().is_relative_to(folder)
        ]
    )
    return list(inside)


def stamped(text: str, stamps: dict[str, str]) -> str:
    """Add lines to a document's front matter, or give it one."""
    lines = "".join(f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in stamps.items())
    body = text.removeprefix("---\n")
    return f"---\n{lines}{body}" if body != text else f"---\n{lines}---\n\n{text}"
