"""One report, made anywhere from its job alone: weave, draw, typeset."""

from __future__ import annotations

import dataclasses
import io
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from tieout import render, report_text, spelling, weave
from tieout.build import draw, lay_out
from tieout.display import profile_of
from tieout.results import Results, Statistic


@dataclass(frozen=True)
class Shared:
    """What every report of a batch needs: the template with the files it names, formats, engine, the time of outputs."""

    edition: str
    template: str
    files: Mapping[str, bytes]
    formats: tuple[str, ...]
    engine: str
    created: datetime


@dataclass(frozen=True)
class Job:
    """One report to be made anywhere: the figures of one site, and its own lists as CSV text by file name.

    `own` names instead the study file and the site whose lists the worker reads for itself, from the site's rows alone.
    """

    name: str
    statistics: tuple[Statistic, ...]
    meta: Mapping[str, Any]
    shared: Shared
    lists: Mapping[str, str] = field(default_factory=dict)
    own: tuple[Path, str] | None = None


def make(job: Job) -> dict[str, bytes]:
    """Make one report, wherever this runs: weave, draw, typeset; return its files by name.

    Raises TieoutError where the template does not fit the results or cannot be typeset.
    """
    shared, results = job.shared, Results.of(job.statistics, job.meta)
    saved = results.with_meta(charts=sorted(results.meta["charts"])).to_json()
    profile = profile_of(results.meta)
    with tempfile.TemporaryDirectory(prefix="tieout-") as place:
        source = Path(place) / "template" / f"{shared.edition}.qmd"
        source.parent.mkdir()
        source.write_text(shared.template, encoding="utf-8")
        for name, data in shared.files.items():
            (source.parent / name).parent.mkdir(parents=True, exist_ok=True)
            (source.parent / name).write_bytes(data)
        template = render.documents.read(source.parent, source.stem)
        said = spelling.told(results, profile.language)
        document = weave.weave(source, said, {}, {}, report_text.inserts(said, profile, shared.edition))
        document = dataclasses.replace(document, text=spelling.document(document.text, profile.language))
        project = Path(place) / "project"
        lay_out(project, results, template, document, job.name)
        needed = ("svg", "png") if "docx" in shared.formats else ("svg",)
        draw(project / "figures", results, profile, document, needed)
        with render.documents.as_written(project / f"{job.name}.qmd", source):
            made = render.render(
                project, job.name, shared.formats, Path(place), engine=shared.engine, created=shared.created,
                attached={"results.json": lambda: saved},
            )  # fmt: skip
        files = {path.name: path.read_bytes() for path in made.values()}
    files["results.json"] = saved.encode("utf-8")
    files |= {name: text.encode("utf-8-sig") for name, text in lists_of(job).items()}
    return {**files, f"{job.name}.zip": zipped(files, shared.created)}


def lists_of(job: Job) -> Mapping[str, str]:
    if job.own is None:
        return job.lists
    from tieout import lists  # pandas and the readers, which few workers need

    return lists.read(*job.own)


def zipped(files: Mapping[str, bytes], when: datetime) -> bytes:
    """Return files as a ZIP archive that carries no time but that of the data cut."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name, date_time=when.timetuple()[:6])
            dense = zipfile.ZIP_STORED if name.endswith(".pdf") else zipfile.ZIP_DEFLATED
            archive.writestr(info, content, dense, compresslevel=1)
    return data.getvalue()
