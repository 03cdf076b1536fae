"""`tieout sites`: a report over its floor, reports a second, growth with the number of sites, and the statistics.

The floor of one report: its figures drawn, then pandoc twice and Typst once on the same woven text, nothing else. The
registries are made by make_sites.py; nothing of them is kept.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pypandoc
import typst
from ruamel.yaml import YAML

from bench import make_sites
from bench.measured import TIEOUT, Line, grows, over
from tieout import edition, report_text, resources, sites, study, weave
from tieout.analysis import site
from tieout.build import draw, lay_out, profile_of
from tieout.render import document as documents
from tieout.results import Results

USUAL = 8.0
"""Seconds for one site's HTML and PDF by a parameterised document with executable cells under Quarto 1.10 on two cores,
measured elsewhere and stated in the project's plan; it cannot be measured where Quarto is not installed."""
ROWS = 200


@dataclass(frozen=True)
class Prepared:
    """All that is computed before the first report, and how long it took."""

    jobs: list[edition.Job]
    seconds: dict[str, float]


def timed(call: Callable[[], object]) -> tuple[object, float]:
    start = time.perf_counter()
    return call(), time.perf_counter() - start


def prepared(folder: Path, most: int) -> Prepared:
    """Compute everything for a registry; return the jobs of its first sites."""
    declared = study.read(folder)
    moments = [time.perf_counter()]
    plan = sites.planned(declared, sites.Wish(declared.path, folder), lambda *_: moments.append(time.perf_counter()))
    begun, read = moments
    indicators = time.perf_counter() - read
    _, told = timed(lambda: [site.site_results(plan.computed, each) for each in plan.expected])
    shared = sites.shared_of(declared, "site", ("pdf", "html"), "embedded")
    waiting = sites.jobs_of(plan, sites.named_folders(plan.computed.codes), shared, None, "")
    jobs = [ready() for ready in itertools.islice(waiting.values(), most)]
    return Prepared(jobs, {"reading": read - begun, "indicators of all sites": indicators, "figures of each site": told})


def floor(job: edition.Job, project: Path, results: Results, document: weave.Document) -> None:
    """Draw the figures and run pandoc and Typst on a laid-out project, as bare as can be."""
    draw(project / "figures", results, profile_of(results.meta), document, ("svg",))
    look = str(resources.templates())
    bare = [pypandoc.get_pandoc_path(), f"{job.name}.qmd", "-f", "markdown", "--standalone", "--lua-filter", f"{look}/tieout.lua"]
    bare += ["--default-image-extension", "svg"]
    run = ["--embed-resources", "-t", "html", "--template", f"{look}/template.html", "-o", "floor.html"]
    subprocess.run([*bare, *run], cwd=project, check=True, capture_output=True)
    subprocess.run(
        [*bare, "-t", "typst", "--template", f"{look}/embedded.typ", "-o", "floor.typ"], cwd=project, check=True, capture_output=True
    )
    typst.Compiler(root=project).compile(input=(project / "floor.typ").read_bytes(), format="pdf")


def one_report(folder: Path, runs: int) -> Line:
    """Return how long one report takes, over its floor, both in one warm process."""
    jobs = prepared(folder, runs + 2).jobs
    ours, floors = [], []
    for number, job in enumerate(jobs):
        _, taken = timed(functools.partial(edition.make, job))
        with tempfile.TemporaryDirectory() as place:
            source = Path(place) / "site.qmd"
            source.write_text(job.shared.template, encoding="utf-8")
            results = Results.of(job.statistics, job.meta)
            inserts = report_text.inserts(results, profile_of(results.meta), "site")
            document = weave.weave(source, results, {}, {}, inserts)
            project = Path(place) / "project"
            lay_out(project, results, documents.read(Path(place), "site"), document, job.name)
            _, bare = timed(functools.partial(floor, job, project, results, document))
        if number >= 2:
            ours.append(taken)
            floors.append(bare)
    drawn = len(jobs[0].meta["charts"])
    note = f", medians of {runs}"
    mine, its = statistics.median(ours), statistics.median(floors)
    return over(f"One report ({drawn} figures, HTML and PDF)", "its figures, pandoc and Typst alone", mine, its, most=1.5, note=note)


def batch(folder: Path, out: Path) -> tuple[float, int, float]:
    """Make the reports of a registry in a process of its own; return seconds, reports, and the largest worker in MB.

    The memory of the workers is looked at four times a second; Typst keeps what it laid out for the last documents.
    """
    begun, largest = time.perf_counter(), 0
    command = [*TIEOUT, "sites", str(folder), "--out", str(out), "--engine", "embedded"]
    running = psutil.Popen(command, stdout=subprocess.DEVNULL)
    while running.poll() is None:
        time.sleep(0.25)
        with contextlib.suppress(psutil.Error):
            largest = max([largest, *(each.memory_info().rss for each in running.children(recursive=True))])
    if running.returncode:
        raise SystemExit(f"tieout sites ended with {running.returncode}")
    return time.perf_counter() - begun, len(list(out.glob("*/*/made.json"))) - 1, largest / 2**20


def with_four_figures(folder: Path) -> None:
    """Leave three indicators, so that a report draws four figures, as the document of the usual way did."""
    yaml = YAML()
    tree = yaml.load(folder / "study.yaml")
    kept = ("favourable", "sich", "door_puncture")
    tree["reports"]["indicators"] = {name: tree["reports"]["indicators"][name] for name in kept}
    yaml.dump(tree, folder / "study.yaml")


def throughput(place: Path, size: int) -> Iterator[Line]:
    """Yield how many reports a second two workers make, all figures of the example or four."""
    for words, change in (("all figures of the example", lambda folder: None), ("four figures", with_four_figures)):
        folder = place / words
        make_sites.make(folder, size, size * ROWS, "parquet", 1)
        change(folder)
        arrivals: list[float] = []

        def arrived(done: int, total: int, what: str, arrivals: list[float] = arrivals) -> None:
            if done:
                arrivals.append(time.perf_counter())

        given = sites.Wish(folder / "study.yaml", place / f"out {words}", engine="embedded", workers=2)
        sites.run(given, arrived)
        each = (arrivals[-2] - arrivals[4]) / (len(arrivals) - 6)
        told = f"{USUAL / each:.0f} times as fast ({each:.2f} s a site against {USUAL:g} s, measured elsewhere)"
        what = f"Two warm workers, {words}, against a document with executable cells rendered by Quarto for each site"
        yield Line(what, told, "at least 30 times", each * 30 <= USUAL)


def growth(sizes: list[int], place: Path) -> Iterator[Line]:
    """Yield the exponent of growth, and the memory of a worker, between registries of several sizes."""
    taken: dict[int, float] = {}
    memory: dict[int, float] = {}
    for size in sizes:
        folder = place / f"sites{size}"
        make_sites.make(folder, size, size * ROWS, "parquet", 1)
        taken[size], _, memory[size] = batch(folder, place / f"out{size}")
    yield from grows("`tieout sites`", "sites", taken, most=1.05)
    told = ", ".join(f"{memory[size]:.0f} MB" for size in sizes)
    yield Line(f"Largest worker, {' → '.join(map(str, sizes))} sites", told, "flat")


def lines(quick: bool) -> Iterator[Line]:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sizes, rows, runs = ([10, 40], 100_000, 5) if quick else ([10, 100, 500], 1_000_000, 15)
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        make_sites.make(place / "few", 40, 40 * ROWS, "parquet", 1)
        yield one_report(place / "few", runs)
        yield from throughput(place, 60)
        yield from growth(sizes, place)
        make_sites.make(place / "many", 500, rows, "parquet", 1)
        limits = {"indicators of all sites": 20.0}
        for part, taken in prepared(place / "many", 1).seconds.items():
            most = limits.get(part)
            asked = f"under {most:g} s" if most else "–"
            yield Line(f"500 sites × {rows:,} rows, {part}", f"{taken:.1f} s", asked, taken < most if most else None)
