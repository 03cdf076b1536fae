"""One report for each site, many at a time: computed once, made by workers, put in place whole, resumed after a stop."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import os
import re
import shutil
import tempfile
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tieout import (
    __version__,
    hospitals,
    listing,
    lists,
    periods,
    pool,
    readers,
    render,
    report_tables,
    snapshots,
    weave,
)
from tieout import registry as registries
from tieout import study as studies
from tieout.analysis import changes, overview, site
from tieout.analysis.cohort import Cohort
from tieout.analysis.overview import Overview
from tieout.build import checked_template, companions, created
from tieout.edition import Job, Shared, make
from tieout.errors import TieoutError, raise_all
from tieout.folders import alone, writable
from tieout.hospitals import Site
from tieout.registry import Records, Registry
from tieout.study import Study

STAMP = "made.json"
RECORD = "figures.json"
CENTRE = "centre"
RESERVED = frozenset(("con", "prn", "aux", "nul", CENTRE, *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))))
LONGEST = 40
LARGE = 512 * 2**20
"""Parquet files of more bytes than this (about five million rows of a hundred columns) are not held in memory."""
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Wish:
    """What the command line asks for."""

    study: Path
    out: Path
    sites: tuple[str, ...] = ()
    period: str = ""
    since: str = ""
    until: str = ""
    formats: tuple[str, ...] = ("pdf", "html")
    engine: str = "auto"
    workers: int = 0
    scheduler: str = ""
    resume: bool = False


@dataclass(frozen=True)
class Batch:
    """What a run made: the folder, each site's state ("made", "made earlier" or "failed"), why what failed did, and the page.

    `warning` says why no snapshot was stored, if so.
    """

    folder: Path
    index: Path
    period: str
    states: Mapping[str, str]
    failed: Mapping[str, str]
    synthetic: str
    warning: str = ""


@dataclass(frozen=True)
class Plan:
    """What is to be reported: the figures of all sites computed, those expected to report, and those asked for.

    `patients` are all up to the cut of the data, whom the lists tell of; `table` tells which sites there are.
    """

    computed: Overview
    patients: Cohort
    table: hospitals.Table
    expected: Sequence[Site]
    wanted: Sequence[Site]


def planned(study: Study, wish: Wish, progress: Progress) -> Plan:
    """Read the data, find the period and its sites, and compute the figures of all of them."""
    registry = gathered(study)
    table = lists.site_table(study)
    found = overview.cohort(registry, table)
    period = chosen_period(study, found, wish)
    expected = hospitals.sites(table, seen(found, table, period), period.start, period.end)
    wanted = hospitals.named(expected, wish.sites) if wish.sites else expected
    if not wanted:
        raise TieoutError(str(study.path), f"no site is expected to report on {period.words}", "look at the site table")
    patients = overview.with_sites(found, [each.code for each in expected])
    progress(0, 0, "computing the indicators of all sites")
    return Plan(overview.overview(registry, patients, period), patients, table, expected, wanted)


def run(wish: Wish, progress: Progress = lambda done, total, what: None) -> Batch:
    """Make the reports of a period, the centre's edition and the index.

    A site that fails is named in the batch with its reason; the others finish. Raises TieoutError for inputs that
    cannot be used, an output folder that cannot be written, and a scheduler that does not answer.
    """
    engine = render.choose(wish.engine)
    if wish.scheduler:
        pool.check(wish.scheduler)
    progress(0, 0, "reading the study and its data")
    study = studies.read(wish.study)
    if study.reports is None or not {"site", "centre"} <= set(study.documents):
        raise TieoutError(str(study.path), "the study declares no reports to sites", "add reports and documents › site, centre")
    plan = planned(study, wish, progress)
    computed, period = plan.computed, plan.computed.period
    folder = wish.out / period.name
    with writable(folder, full="free some space and run the same command with --resume"), alone(folder):
        sweep(folder)
        shared = {edition: shared_of(study, edition, wish.formats, engine) for edition in ("site", CENTRE)}
        folders = named_folders(computed.codes)
        before, old, mark = past(plan, shared, wish.out)
        records = as_json({"period": period.name, "before": before, "old": old}).encode() if before or old else b""
        contents = snapshots.contents(study, computed.digest, records)
        jobs = jobs_of(plan, folders, shared["site"], old, contents.edition)
        earlier = {code for code in jobs if wish.resume and complete(folder / folders[code], mark)}
        made, failed = carried_out(
            {code: each for code, each in jobs.items() if code not in earlier}, folder, folders, mark, wish, progress
        )
        states = {code: "made earlier" if code in earlier else "made" if code in made else "failed" for code in jobs}
        if registries.digest(study) != computed.digest:
            place = str(readers.shown(study.data, study.folder))
            raise TieoutError(place, "the data changed while the reports were made", "run the command again")
        progress(len(jobs), len(jobs), "the coordinating centre's edition and the index")
        try:
            edition = make(centre_job(plan, folders, shared[CENTRE], old, contents.edition))
            record = as_json({**changes.record(computed), "of": mark}).encode()
            put(folder, CENTRE, {**edition, RECORD: record}, mark)
        except TieoutError as error:
            failed["the coordinating centre's edition"] = str(error)
        index = folder / "index.html"
        write(index, page_of(plan, folders, folder, states, failed, contents.edition).encode("utf-8"))
        warning = snapshots.keep(study, contents, engine)
    return Batch(folder, index, period.name, states, failed, study.synthetic, warning)


def large(study: Study) -> bool:
    """Return whether the data are Parquet of such a size that records stay on disk, and each worker reads its site's."""
    path = readers.shown(study.data, study.folder)
    return path.suffix.lower() == ".parquet" and path.stat().st_size > LARGE


def gathered(study: Study) -> Registry:
    """Return the registry with the columns that reports and lists look at, gathered in parts."""
    dropped = [study.with_role("record")] if large(study) else []
    wanted = counted(study) | lists.needed(study)
    parts = [Records(part.frame.drop(columns=dropped), part.not_applicable) for part in registries.parts(study, wanted)]
    masks = {name: np.concatenate([part.not_applicable[name] for part in parts]) for name in parts[0].not_applicable}
    records = Records(pd.concat([part.frame for part in parts], ignore_index=True), masks)
    return Registry(study, records, registries.screening(study), registries.digest(study))


def counted(study: Study) -> set[str]:
    """Return the variables that the reports count beside those that the lists look at."""
    found = set(study.reporting.case_mix)
    for indicator in study.reporting.indicators.values():
        found |= {*indicator.where, *indicator.adjust, *([indicator.variable] if indicator.variable else [])}
    return found


def chosen_period(study: Study, found: Cohort, wish: Wish) -> periods.Period:
    first, last = (day.astype(date) for day in (found.day.min(), found.day.max()))
    return periods.chosen(
        wish.period, wish.since, wish.until, kind=study.reporting.period, first=first, last=last, cut=study.data.cut
    )


def seen(found: Cohort, table: hospitals.Table, period: periods.Period) -> list[str]:
    """Return the sites with patients: in the period, or ever until its end where no table tells which sites there are."""
    rows = found.during(period.start if table.lines else date.min, period.end)
    return [code for code, n in zip(found.codes, found.count(rows), strict=True) if n]


def jobs_of(
    plan: Plan, folders: Mapping[str, str], shared: Shared, old: Mapping[str, Any] | None, edition: str
) -> dict[str, Callable[[], Job]]:
    """Return what makes the job of each site asked for, by its code, when its turn comes."""
    study = plan.computed.study
    marked = None if large(study) else lists.marks(plan.patients, study.data.cut)
    return {
        each.code: functools.partial(job, plan.computed, marked, each, folders[each.code], shared, old, edition)
        for each in plan.wanted
    }


def job(
    computed: Overview, marked: lists.Marks | None, each: Site, name: str, shared: Shared, old: Mapping[str, Any] | None,
    edition: str,
) -> Job:  # fmt: skip
    """Return the job of one site: its Results, with what changed since the last report, and its lists."""
    results = site.site_results(computed, each)
    lines = [f"This site: {line}." for line in each.history] + (changes.rules(old, computed) if old else [])
    restated, reported = changes.restated(old, computed, computed.codes.index(each.code)) if old else ({}, [])
    more = {"changes": lines, "restated": restated, "version": __version__, "edition": edition}
    found: dict[str, Any] = (
        {"lists": lists.of_site(marked, each.code)} if marked else {"own": (computed.study.path.resolve(), each.code)}
    )
    return Job(f"{name}_{computed.period.name}", (*results, *reported), {**results.meta, **more}, shared, **found)


def centre_job(plan: Plan, folders: Mapping[str, str], shared: Shared, old: Mapping[str, Any] | None, edition: str) -> Job:
    """Return the job of the coordinating centre's edition, with the figures of all sites as a spreadsheet."""
    computed = plan.computed
    names = {each.code: each.name for each in plan.expected}
    told = [
        {"code": code, "key": folders[code], "name": names.get(code, code), "silent": code in names and not patients}
        for code, patients in zip(computed.codes, computed.recruitment.period, strict=True)
    ]
    results = site.centre_results(computed, folders).with_meta(
        sites=told, words={code: words for code, (words, _) in site.STATUS.items()},
        changes=changes.rules(old, computed) if old else [], version=__version__, edition=edition,
    )  # fmt: skip
    table = {"indicators.csv": report_tables.spread_out(results)}
    return Job(f"{CENTRE}_{computed.period.name}", tuple(results), dict(results.meta), shared, table)


def carried_out(
    jobs: Mapping[str, Callable[[], Job]], folder: Path, folders: Mapping[str, str], mark: str, wish: Wish,
    progress: Progress,
) -> tuple[set[str], dict[str, str]]:  # fmt: skip
    """Make reports and put each in place as it comes; return which were made, and why others were not."""
    made: set[str] = set()
    failed: dict[str, str] = {}
    total = len(jobs)
    progress(0, total, "making the reports")
    for done in pool.run(make, jobs, workers=wish.workers, scheduler=wish.scheduler):
        if done.error:
            failed[done.name] = done.error
        else:
            put(folder, folders[done.name], done.result, mark)
            made.add(done.name)
        progress(len(made) + len(failed), total, "making the reports")
    for code in jobs:
        if code not in made and code not in failed:
            failed[code] = "no report came back; run again with --resume"
    return made, failed


def put(folder: Path, name: str, files: Mapping[str, bytes], mark: str) -> None:
    """Put one report in place: its folder appears whole, with a stamp of what it was made from and each file's digest."""
    draft = Path(tempfile.mkdtemp(prefix=".making-", dir=folder))
    digests = {file: hashlib.sha256(data).hexdigest() for file, data in files.items()}
    stamp = as_json({"of": mark, "sha256": digests}).encode()
    for file, data in {**files, STAMP: stamp}.items():
        (draft / file).write_bytes(data)
    draft.chmod(0o755)
    place, old = folder / name, folder / f".old-{name}"
    if place.exists():
        os.replace(place, old)
    os.replace(draft, place)
    shutil.rmtree(old, ignore_errors=True)


def complete(place: Path, mark: str) -> bool:
    """Return whether a report stands here whole, made from the same inputs."""
    try:
        stamp = json.loads((place / STAMP).read_bytes())
        return stamp["of"] == mark and all(
            hashlib.sha256((place / file).read_bytes()).hexdigest() == digest for file, digest in stamp["sha256"].items()
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def fingerprint(plan: Plan, shared: Mapping[str, Shared], before: Mapping[str, Any] | None) -> str:
    """Return the digest of all that the reports of a batch are made from."""
    computed = plan.computed
    parts = [
        __version__, computed.study.digest, computed.digest, computed.period.name, as_json(before), repr(plan.table.lines),
        *(repr(dataclasses.replace(each, files=dict(sorted(each.files.items())))) for each in shared.values()),
    ]  # fmt: skip
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def shared_of(study: Study, edition: str, formats: tuple[str, ...], engine: str) -> Shared:
    source = study.resolve(study.documents[edition])  # type: ignore[index]
    template = checked_template(source, engine)
    files = {name: (template.folder / name).read_bytes() for name in companions(template)}
    return Shared(edition, weave.read_template(source), files, formats, engine, created(study))


def folder_name(code: str) -> str:
    """Return a folder's name for a site: its code where that is safe on every system, else a part of it and a digest."""
    plain = unicodedata.normalize("NFKD", code).encode("ascii", "ignore").decode().lower()
    safe = re.sub(r"[^a-z0-9_]+", "-", plain).strip("-_")[:LONGEST].rstrip("-_")
    if safe == code and safe not in RESERVED:
        return safe
    return f"{safe or 'site'}-{hashlib.sha256(code.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def named_folders(codes: Sequence[str]) -> dict[str, str]:
    """Return a folder for each site; raise TieoutError where two would share one."""
    found = {code: folder_name(code) for code in codes}
    owners: dict[str, str] = {}
    raise_all(
        [
            TieoutError("sites", f"'{code}' and '{owners[name]}' would share the folder '{name}'", "change one of the codes")
            for code, name in found.items()
            if owners.setdefault(name, code) != code
        ]
    )
    return found


Record = dict[str, Any] | None


def past(plan: Plan, shared: Mapping[str, Shared], out: Path) -> tuple[Record, Record, str]:
    """Return the record of the period before, that of the run before, and the digest of all that the reports are made from.

    A study restored from a snapshot brings the records that its reports were made with.
    """
    period = plan.computed.period
    if plan.computed.study.snapshot:
        kept = snapshots.records(plan.computed.study)
        before, old = (kept["before"], kept["old"]) if kept and kept["period"] == period.name else (None, None)
        return before, old, fingerprint(plan, shared, before)
    before = kept_record(out, period.before.name)
    mark = fingerprint(plan, shared, before)
    return before, last_record(out, period, mark), mark


def last_record(out: Path, period: periods.Period, mark: str) -> dict[str, Any] | None:
    """Return the record of the run before: an earlier one of this period from other inputs, or the last period's."""
    same = kept_record(out, period.name)
    return same if same and same["of"] != mark else kept_record(out, period.before.name)


def kept_record(out: Path, name: str) -> dict[str, Any] | None:
    """Return the record that a run of a period left, or None where there is none that can be read."""
    try:
        found = json.loads((out / name / CENTRE / RECORD).read_bytes())
        return found if {"of", "period", "figures", "definitions", "judged_over"} <= set(found) and found["period"] == name else None
    except (OSError, ValueError, TypeError):
        return None


def page_of(
    plan: Plan, folders: Mapping[str, str], folder: Path, states: Mapping[str, str], failed: Mapping[str, str], edition: str
) -> str:
    """Return the page that links every report: those of this run, and those of other sites that stand from earlier ones."""
    study, computed = plan.computed.study, plan.computed
    there = {each.code: "made earlier" for each in plan.expected if (folder / folders[each.code] / STAMP).is_file()}
    shown = {**there, **states}
    entries = [
        entry(computed, each, folders[each.code], folder, shown[each.code], failed.get(each.code, ""))
        for each in plan.expected
        if each.code in shown
    ]
    facts = {
        "Data cut-off": periods.in_words(study.data.cut),
        "Snapshot": f"sha256:{computed.digest[:16]} edition:{edition[:16]}",
        "Version": __version__,
    }
    return listing.page(study.title, computed.period.words, facts, entries, study.synthetic, links(folder, CENTRE))


LABELS = {".pdf": "PDF", ".html": "HTML", ".docx": "Word", ".zip": "ZIP", ".csv": ""}


def links(folder: Path, name: str) -> tuple[tuple[str, str], ...]:
    """Return the files of a report for readers, as label and path from the index."""
    there = [path for path in (folder / name).glob("*") if path.suffix in LABELS]
    there.sort(key=lambda path: (list(LABELS).index(path.suffix), path.name))
    return tuple((LABELS[path.suffix] or path.stem, f"{name}/{path.name}") for path in there)


def entry(computed: Overview, each: Site, name: str, folder: Path, state: str, reason: str) -> listing.Entry:
    """Return a site's line on the index, which shows no more than the coordinating centre's edition does."""
    place, hidden = computed.codes.index(each.code), computed.hidden
    flags = tuple(
        f"{computed.study.reporting.indicators[indicator].label}: {site.STATUS[measure.status[place]][0].lower()}"
        for indicator, measure in computed.measures.items()
        if measure.status[place] in site.CALLS and not hidden[f"indicator.{indicator}"].sites[place]
    )
    patients, cumulative = (
        None if hidden[f"patients.{part}"].sites[place] else int(getattr(computed.recruitment, part)[place])
        for part in ("period", "cumulative")
    )
    archive = next(iter((folder / name).glob("*.zip")), None) if state != "failed" else None
    return listing.Entry(
        site=each.code, name=each.name, status=state, reason=reason, patients=patients, cumulative=cumulative, flags=flags,
        files=links(folder, name) if archive else (),
        digest=hashlib.sha256(archive.read_bytes()).hexdigest() if archive else "",
    )  # fmt: skip


def as_json(body: Any) -> str:
    return json.dumps(body, ensure_ascii=False, indent=1, sort_keys=True)


def write(path: Path, data: bytes) -> None:
    """Write a file that appears whole."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    draft.write_bytes(data)
    os.replace(draft, path)


def sweep(folder: Path) -> None:
    """Remove what an earlier run left unfinished; a folder that was being replaced comes back."""
    for path in folder.glob(".old-*"):
        place = folder / path.name.removeprefix(".old-")
        if not place.exists():
            os.replace(path, place)
        shutil.rmtree(path, ignore_errors=True)
    for path in folder.glob(".making-*"):
        shutil.rmtree(path, ignore_errors=True)
    for path in folder.glob(".*.part"):
        path.unlink(missing_ok=True)
