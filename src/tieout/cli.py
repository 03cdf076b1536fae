"""The command line: new, check, build, sites, show, table, export, snapshots, diff, audit, example, doctor."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tieout import __version__
from tieout.errors import TieoutError

if TYPE_CHECKING:
    from tieout.results import Results

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Turn a clinical registry into its manuscript, so that every reported figure ties out to the data.",
)

StudyArgument = Annotated[
    Path | None, typer.Argument(metavar="STUDY", help="The study file; default: data/study.yaml or study.yaml here.")
]
FromSnapshot = Annotated[
    str, typer.Option("--snapshot", help="Make it again from a stored cut, named by the digest on the output.")
]
Out = Annotated[Path, typer.Option("--out", help="The folder for the outputs.")]
AsJson = Annotated[bool, typer.Option("--json", help="Answer as JSON, for programs.")]
FORMATS = ("pdf", "html", "docx")
MOST = 12
"""Lines of a table on the terminal."""


def default_study(study: Path | None) -> Path:
    """Return the study file that is meant; raise TieoutError where there is none."""
    if study is not None:
        return study
    places = [Path("data/study.yaml"), Path("study.yaml")]
    for place in places:
        if place.is_file():
            return place
    raise TieoutError(
        str(Path.cwd()), "there is no data/study.yaml or study.yaml here",
        "name your study file, or write the example with: tieout example",
    )  # fmt: skip


@app.command()
def build(
    study: StudyArgument = None,
    formats: Annotated[str, typer.Option(help="Which outputs, separated by commas.")] = ",".join(FORMATS),
    out: Out = Path("build"),
    engine: Annotated[str, typer.Option(help="auto, embedded or quarto.")] = "auto",
    journal: Annotated[str, typer.Option(help="A journal, or the file of one, instead of the study's.")] = "",
    layout: Annotated[
        str, typer.Option(help="article or submission (double spaced, tables and figures at the end); default: the study's.")
    ] = "",
    draft: Annotated[
        bool, typer.Option("--draft", help="Typeset even if a claim no longer holds, and mark it.")
    ] = False,
    snapshot: FromSnapshot = "",
    allow_code: Annotated[
        bool, typer.Option("--allow-code", help="Run the study's own analysis.py too. It is code: read it first.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Build the manuscript: results, PDF, HTML and DOCX from one study file."""
    wanted = chosen_formats(formats)
    from tieout.build import build as run

    with progress(quiet=as_json) as step, stored(study, snapshot, engine) as (study_file, chosen):
        built = run(
            study_file, wanted, out, chosen, journal=journal, layout=layout, draft=draft, allow_code=allow_code, progress=step
        )
    if as_json:
        summary = {
            "outputs": {name: str(path) for name, path in built.outputs.items()},
            "supplement": {name: str(path) for name, path in built.supplement.items()},
            "results": str(out / "results.json"),
            "engine": built.engine,
            "figures_quoted": len(built.document.keys),
            "claims": [{"claim": q.claim, "sentence": q.sentence, "holds": q.holds} for q in built.document.claims],
            "snapshot": built.results.meta["snapshot"],
            "edition": built.results.meta["edition"],
            "warning": built.warning,
            "advice": list(built.advice),
        }
        print(json.dumps(summary, ensure_ascii=False, indent=1))
        return
    say_what_was_built(built, out)


def chosen_formats(text: str) -> tuple[str, ...]:
    from tieout.errors import nearest

    wanted = tuple(dict.fromkeys(part.strip().lower() for part in text.split(",") if part.strip()))
    for name in wanted:
        if name not in FORMATS:
            raise TieoutError(
                "--formats", f"unknown format '{name}'", nearest(name, FORMATS) or f"one of {', '.join(FORMATS)}"
            )
    if not wanted:
        raise TieoutError("--formats", "no format is named", f"one or more of {', '.join(FORMATS)}")
    return wanted


def say_what_was_built(built, out: Path) -> None:
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    for name in (*built.outputs.values(), *built.supplement.values(), out / "results.json"):
        console.print(f"  {name}")
    meta, document = built.results.meta, built.document
    broken = [quote for quote in document.claims if not quote.holds]
    console.print(
        f"{len(document.keys)} figures quoted from {len(built.results)} statistics; "
        f"{len(document.claims) - len(broken)} of {len(document.claims)} claims hold; engine: {built.engine}; "
        f"snapshot {meta['snapshot'][:16]}, edition {meta['edition'][:16]}"
    )
    for quote in broken:
        console.print(f"DRAFT: the data do not support the claim '{quote.claim}': “{quote.sentence}”", style="red")
    if built.undeclared:
        console.print(f"not read, since the study does not declare them: {', '.join(built.undeclared)}")
    if aside := meta.get("set_aside"):
        told = ", ".join(f"{name} {count:,}" for name, count in aside.items())
        console.print(f"counted as missing, since they do not fit the dictionary: {told}. tieout check lists them for the sites")
    if meta["synthetic"]:
        console.print(meta["synthetic"], style="bold")
    for line in filter(None, (built.warning, meta.get("not_run"), *built.advice)):
        print(line, file=sys.stderr)
    first = next(iter(document.keys), "")
    console.print(f"Next: tieout show {first}" if first else "")


@contextlib.contextmanager
def stored(study: Path | None, digest: str, engine: str) -> Iterator[tuple[Path, str]]:
    """Give the study file that is meant, and the engine: of a snapshot the one restored for a while, and its first engine."""
    if not digest:
        yield default_study(study), engine
        return
    from tieout import snapshots

    found = snapshots.find(snapshots.beside(default_study(study)), digest)
    for line in found.otherwise:
        print(f"made with other versions, so that the bytes may differ: {line}", file=sys.stderr)
    with snapshots.unpacked(found) as file:
        yield file, found.made_with["engine"] if engine == "auto" else engine


@contextlib.contextmanager
def progress(quiet: bool) -> Iterator[Callable[[str], None]]:
    """Show what is going on, where a person is looking."""
    from rich.console import Console

    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield lambda step: None
        return
    with console.status("starting …") as status:
        yield lambda step: status.update(f"{step} …")


@app.command()
def sites(
    study: StudyArgument = None,
    site: Annotated[list[str] | None, typer.Option("--site", help="Only this site; may be given several times.")] = None,
    period: Annotated[str, typer.Option(help="2021-Q3, 2021-07 or 2021; default: the last whole one with patients.")] = "",
    since: Annotated[str, typer.Option(help="First day of a period of your own, such as 2021-01-01.")] = "",
    until: Annotated[str, typer.Option(help="Last day of a period of your own.")] = "",
    formats: Annotated[str, typer.Option(help="Which outputs, separated by commas.")] = "pdf,html",
    out: Out = Path("build/sites"),
    engine: Annotated[str, typer.Option(help="auto, embedded or quarto.")] = "auto",
    workers: Annotated[int, typer.Option(min=0, help="Processes at work; 0: one for each core.")] = 0,
    scheduler: Annotated[str, typer.Option(help="A Dask scheduler, such as tcp://host:8786, instead of processes.")] = "",
    resume: Annotated[bool, typer.Option("--resume", help="Make only what is missing since a run that stopped.")] = False,
    snapshot: FromSnapshot = "",
    as_json: AsJson = False,
) -> None:
    """Make each site its report, the coordinating centre its own, and a page with all of them.

    Exit code 0: every site has its report; 1: some failed, and they are named; 2: nothing could be made.
    """
    wanted = chosen_formats(formats)
    from tieout.sites import Wish, run

    with counting(quiet=as_json) as step, stored(study, snapshot, engine) as (file, chosen):
        wish = Wish(file, out, tuple(site or ()), period, since, until, wanted, chosen, workers, scheduler, resume)
        batch = run(wish, step)
    if as_json:
        body = {"folder": str(batch.folder), "index": str(batch.index), "period": batch.period, "sites": dict(batch.states),
                "failed": dict(batch.failed)}  # fmt: skip
        print(json.dumps(body, ensure_ascii=False, indent=1))
    else:
        say_what_was_made(batch)
    raise typer.Exit(1 if batch.failed else 0)


def say_what_was_made(batch) -> None:
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True, markup=False)
    states = list(batch.states.values())
    made, earlier = states.count("made"), states.count("made earlier")
    before = f", {earlier} stood from an earlier run" if earlier else ""
    console.print(f"{batch.period}: {made + earlier} of {len(states)} reports ({made} made{before}), and the coordinating centre's.")
    if batch.synthetic:
        console.print(batch.synthetic, style="bold")
    if batch.warning:
        print(batch.warning, file=sys.stderr)
    for site, reason in batch.failed.items():
        print(f"failed: {site}: {reason}", file=sys.stderr)
    if batch.failed:
        print("Mend what is named and run the same command with --resume.", file=sys.stderr)
    console.print(f"Next: open {batch.index}")


@contextlib.contextmanager
def counting(quiet: bool) -> Iterator[Callable[[int, int, str], None]]:
    """Show how many are done, how many are left and how long it may take, where a person is looking."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield lambda done, total, what: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("left:"),
               TimeRemainingColumn())  # fmt: skip
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=None)
        yield lambda done, total, what: bar.update(task, completed=done, total=total or None, description=what)


@app.command()
def new(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that does not exist yet.")],
    data: Annotated[Path, typer.Option("--data", help="The data: one row per patient.")],
    dictionary: Annotated[Path | None, typer.Option("--dictionary", help="The data dictionary of the REDCap project.")] = None,
    form: Annotated[
        list[str] | None, typer.Option("--format", help="How the file is written, such as encoding=cp1252 or dates=day_month_year.")
    ] = None,
    copy: Annotated[bool, typer.Option("--copy", help="Copy the data into the folder; else they stay where they are.")] = False,
) -> None:
    """Begin a study from data: a study file whose guesses are marked CONFIRM, and documents that build at once."""
    from tieout.dialect import asked
    from tieout.new import begin

    with progress(quiet=False) as step:
        step("looking at the data")
        begun = begin(folder, data, dictionary=dictionary, copy=copy, form=asked(form or []))
    say_what_was_begun(begun)


def say_what_was_begun(begun) -> None:
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True, markup=False)
    console.print(f"{begun.study}: {begun.declared} variables of {begun.rows:,} records")
    if begun.left_out:
        console.print(f"not declared, and so not read: {len(begun.left_out)}")
        for name, reason in begun.left_out[:MOST]:
            console.print(f"  {name}: {reason}")
    if begun.questions:
        console.print(f"to confirm, marked CONFIRM in the study file: {len(begun.questions)}")
        for name, question in begun.questions[:MOST]:
            console.print(f"  {name}: {question}")
        if len(begun.questions) > MOST:
            console.print(f"  and {len(begun.questions) - MOST} more")
    sites = " && tieout sites" if begun.reports else ""
    console.print(f"Next: read {begun.study} and put its guesses right, then: cd {begun.folder} && tieout check; tieout build{sites}")


@app.command()
def check(
    study: StudyArgument = None,
    out: Annotated[Path, typer.Option("--out", help="The folder for the lists.")] = Path("build/check"),
    as_json: AsJson = False,
) -> None:
    """Check the data against the dictionary and the study's rules: data queries for each site, completeness, follow-ups due.

    Exit code 0: nothing is asked; 1: there are data queries, and how many is said; 2: the data could not be read.
    """
    from tieout.check import run

    with progress(quiet=as_json) as step:
        found = run(default_study(study), out, step)
    if as_json:
        body = {"records": found.records, "queries": found.queries, "by_rule": dict(found.rules), "by_site": dict(found.sites),
                "overdue": found.overdue, "index": str(found.index)}  # fmt: skip
        print(json.dumps(body, ensure_ascii=False, indent=1))
    else:
        say_what_is_asked(found)
    raise typer.Exit(1 if found.queries else 0)


def say_what_is_asked(found) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, soft_wrap=True, markup=False)
    console.print(f"{found.records:,} records: {found.queries:,} data {'query' if found.queries == 1 else 'queries'}")
    for title, counts in (("rule", found.rules), ("site", found.sites)):
        table = Table(title, "queries", box=None, pad_edge=False)
        table.columns[1].justify = "right"
        for name, count in list(counts.items())[:MOST]:
            table.add_row(name, f"{count:,}")
        if len(counts) > MOST:
            table.add_row(f"and {len(counts) - MOST} more", "")
        if counts:
            console.print(table)
    if found.overdue is not None:
        console.print(f"follow-ups overdue: {found.overdue:,}")
    least = [f"{label} {n:,}/{total:,}" for label, n, total in found.complete[:3] if n < total]
    if least:
        console.print(f"recorded least: {'; '.join(least)}")
    if found.undeclared:
        console.print(f"not read, since the study does not declare them: {', '.join(found.undeclared)}")
    if found.synthetic:
        console.print(found.synthetic, style="bold")
    console.print(f"Next: open {found.index}; each site's list is in {found.folder / 'sites'}, and names its own records only.")


@app.command()
def show(
    key: Annotated[str, typer.Argument(help="The key of a figure, such as outcome.favourable.pct.")],
    study: StudyArgument = None,
    rows: Annotated[bool, typer.Option("--rows", help="List the records counted, on the terminal only.")] = False,
    out: Out = Path("build"),
    as_json: AsJson = False,
) -> None:
    """Explain how a figure was made: value, numerator, denominator, method, snapshot."""
    from tieout import explain
    from tieout.results import load

    results = load(out / "results.json")
    if as_json:
        print(json.dumps(explain.facts(results, key), ensure_ascii=False, indent=1))
        return
    print(explain.explained(results, key))
    if rows:
        print(explain.counted_records(results, key, default_study(study)))


@app.command()
def table(
    name: Annotated[str, typer.Argument(help="The table as a template names it: baseline, model_favourable, outcomes.")],
    to: Annotated[str, typer.Option("--to", help="xlsx, csv, html, docx, tex, rtf or md; several with commas.")] = "",
    out: Out = Path("build"),
) -> None:
    """Write a table of the last build by itself, or show it here."""
    from tieout import elsewhere, notebook
    from tieout.results import load

    results = load(out / "results.json")
    if not to:
        print(notebook.table(results, name))
        return
    made = {ending: elsewhere.written(results, name, ending) for ending in dict.fromkeys(to.lower().replace(" ", "").split(","))}
    put_down({out / f"{name}.{ending}": data for ending, data in made.items()})


@app.command()
def export(
    to: Annotated[str, typer.Option("--to", help="csv or parquet.")] = "csv",
    out: Out = Path("build"),
) -> None:
    """Write all results as analysis results data, in the columns of R's cards package."""
    from tieout import ard
    from tieout.errors import nearest
    from tieout.results import load

    if to not in ard.FORMATS:
        raise TieoutError("--to", f"no format is called '{to}'", nearest(to, ard.FORMATS) or ", ".join(ard.FORMATS))
    put_down({out / f"ard.{to}": ard.FORMATS[to](load(out / "results.json"))})


def put_down(files: Mapping[Path, bytes]) -> None:
    """Write files beside the results, each whole or not at all, and name them."""
    from tieout.folders import writable

    for path, data in files.items():
        with writable(path.parent):
            half = path.with_name(f".{path.name}.half")
            half.write_bytes(data)
            os.replace(half, path)
        print(f"  {path}")


@app.command()
def snapshots(study: StudyArgument = None, as_json: AsJson = False) -> None:
    """List the stored cuts of the data, the newest first."""
    import dataclasses

    from tieout import snapshots as stores

    folder = stores.beside(default_study(study))
    found, damaged = stores.listed(folder)
    if as_json:
        rows = [{**dataclasses.asdict(each), "folder": str(each.folder)} for each in found]
        print(json.dumps(rows, ensure_ascii=False, indent=1))
    else:
        print("\n".join(map(stores.told, found)) or f"nothing is stored in {folder} yet. Next: tieout build")
    for error in damaged:
        print(error, file=sys.stderr)
    raise typer.Exit(2 if damaged else 0)


@app.command()
def diff(
    old: Annotated[
        str, typer.Argument(metavar="OLD", help="A snapshot's digest, a study file, a results.json, or an output of Tieout.")
    ],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The same of the other cut.")],
    study: Annotated[Path | None, typer.Option("--study", help="The study beside whose file the snapshots lie.")] = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write the manuscript with what changed marked.")] = None,
    as_json: Annotated[Path | None, typer.Option("--json", help="Write the differences as JSON.")] = None,
    records: Annotated[Path | None, typer.Option("--records", help="Write which records differ: patients' data.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="List the figures too that no document quotes.")] = False,
) -> None:
    """Say what changed between two cuts: claims, figures with the text that quotes them, records, definitions, words.

    Exit code 0: nothing; 1: something; 2: one of the two cannot be used.
    """
    from tieout import diff as differ
    from tieout import snapshots as stores

    with progress(quiet=False) as step:
        step("comparing")
        folders = tuple(stores.beside(place) for place in studies_at(study, old, new))
        found = differ.run(old, new, folders)
    print(differ.told(found, unquoted=everything))
    texts: dict[Path, str] = {}
    if html:
        texts[html] = differ.page(found)
    if as_json:
        texts[as_json] = json.dumps(differ.as_data(found), ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    if records:
        texts[records] = differ.records_csv(found)
    write_whole(texts)
    raise typer.Exit(found.exit_code)


def studies_at(study: Path | None, *sides: str) -> list[Path]:
    """Return the study files beside which snapshots may lie: the one named, that of a side, and the one here."""
    places = [Path(side) for side in sides if side.endswith((".yaml", ".yml")) or Path(side).is_dir()]
    with contextlib.suppress(TieoutError):
        places.append(default_study(study))
    return list(dict.fromkeys(places))


@app.command()
def audit(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Manuscripts: docx, pdf, html, md, qmd, txt, xml.")
    ],
    study: Annotated[Path | None, typer.Option("--study", help="Check against this study's data.")] = None,
    results: Annotated[Path | None, typer.Option("--results", help="Check against a build's results.json.")] = None,
    as_json: Annotated[Path | None, typer.Option("--json", help="Write the verdicts as JSON.")] = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write a page with every figure marked.")] = None,
) -> None:
    """Audit manuscripts: is every figure confirmed, contradicted or untraceable?

    Exit code 0: no contradiction; 1: contradictions; 2: a file could not be read or has no figure.
    """
    check_audit(files, study, results, [out for out in (as_json, html) if out])
    if html and len(files) > 1:
        raise TieoutError("--html", "a page shows one manuscript", "audit the files one by one")
    from tieout.audit import report as reports
    from tieout.results import load

    known = load(results) if results else computed_now(study) if study else None
    codes, told = [], []
    texts: dict[Path, str] = {}
    for file in files:
        try:
            report = reports.audit(file, known)
        except TieoutError as error:
            print(error, file=sys.stderr)
            codes.append(2)
            told.append(reports.unjudged(str(file), str(error)))
            continue
        print(reports.told(report), end="\n\n" if file != files[-1] else "\n")
        codes.append(report.exit_code)
        told.append(reports.as_data(report))
        if html:
            from tieout.audit import page

            texts[html] = page.page(report)
    if as_json:
        body: Any = told[0] if len(files) == 1 else told
        texts[as_json] = json.dumps(body, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    write_whole(texts)
    raise typer.Exit(max(codes))


def check_audit(files: list[Path], study: Path | None, results: Path | None, outputs: list[Path]) -> None:
    """Raise TieoutError where options exclude each other or an output would replace an input."""
    if study and results:
        raise TieoutError("--study", "was given together with --results", "choose one of them")
    inputs = {path.resolve() for path in (*files, study, results) if path}
    for path in outputs:
        if path.resolve() in inputs:
            raise TieoutError(str(path), "this is an input, and the audit would replace it", "name another file")
    if len({path.resolve() for path in outputs}) < len(outputs):
        raise TieoutError(str(outputs[0]), "--json and --html name the same file", "name two files")


def computed_now(study: Path) -> Results:
    """Return the results of a study's data as they are now."""
    from tieout.build import computed
    from tieout.study import read

    with progress(quiet=False) as step:
        step("computing the statistics")
        return computed(read(study))[0]


def write_whole(texts: Mapping[Path, str]) -> None:
    """Write every file or none; what was there before stays until all are written."""
    drafts = {path: path.with_name(f".{path.name}.{os.getpid()}.part") for path in texts}
    path = Path()
    try:
        for path, draft in drafts.items():
            if path.exists() and not path.is_file():
                raise TieoutError(str(path), "this is not a file that can be replaced", "name another file")
            draft.write_bytes(texts[path].encode("utf-8", "replace"))
        for path, draft in drafts.items():
            draft.replace(path)
    except OSError as error:
        from tieout.folders import unwritable

        raise unwritable(path, error, "name another file") from None
    finally:
        for draft in drafts.values():
            with contextlib.suppress(OSError):
                draft.unlink()


@app.command()
def example(
    folder: Annotated[Path, typer.Argument(help="A folder that does not exist yet.")] = Path("tieout-example"),
) -> None:
    """Write the example study (SYNTHETIC) into a folder of its own."""
    import shutil

    from tieout import resources

    if folder.exists() and any(folder.iterdir() if folder.is_dir() else [folder]):
        raise TieoutError(str(folder), "this exists already", "name a new folder: tieout example my-study")
    for part in ("data", "report"):
        left = shutil.ignore_patterns("__pycache__", "examples", "snapshots")
        shutil.copytree(resources.example() / part, folder / part, ignore=left)
    print(f"The example study is in {folder}. Next: cd {folder} && tieout build")


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Say what is installed, which engine would be taken, and which fonts there are."""
    from tieout import checkup

    facts = checkup.facts()
    print(json.dumps(facts, indent=1) if as_json else checkup.told(facts))


@app.callback(invoke_without_command=True)
def common(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        print(__version__)
        raise typer.Exit


def main() -> None:
    """Run the command line; a mistake of the user's is one paragraph and an exit code, never a traceback.

    Of a fault of Tieout's own only its kind and place are told: what it says may be patients' data.
    """
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        app()
    except TieoutError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("stopped; earlier outputs are as they were", file=sys.stderr)
        sys.exit(130)
    except Exception as error:
        if os.environ.get("TIEOUT_TRACEBACK"):
            raise
        from tieout.pool import told

        print(
            f"tieout {__version__}  {told(error)}\n"
            "    this is a fault of Tieout: please report this line. TIEOUT_TRACEBACK=1 shows more, "
            "patients' data too", file=sys.stderr,
        )  # fmt: skip
        sys.exit(3)
