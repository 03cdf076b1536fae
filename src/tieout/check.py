"""Check a registry's data and write what is asked: a list for each site, and an overview without patients."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path

import numpy as np
from jinja2 import Template

from tieout import lists, pages, periods, queries
from tieout import study as studies
from tieout.folders import put, workplace
from tieout.listing import link, one_line
from tieout.queries import Checked
from tieout.sites import named_folders
from tieout.spreadsheet import as_csv, harmless
from tieout.study import Study

HEADER = ("record", "field", "value", "what", "rule", "variable")
SHOWN = 200
"""Lines of a table on a site's page; its CSV has all."""
NAMELESS = "no site"
SITES, PAGE, COMPLETE = "sites", "index.html", "completeness.csv"


@dataclass(frozen=True)
class Table:
    """A table of a page: what it is, its columns, and rows of text; `numbers` are the columns set to the right.

    A cell that is a pair is a link: its words and a path below the page.
    """

    title: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[str | tuple[str, str]]]
    numbers: tuple[int, ...] = ()
    note: str = ""
    empty: str = ""


@dataclass(frozen=True)
class Summary:
    """What a check found: how many records and queries, by rule and by site, what is overdue, what is recorded least.

    `complete` has the variable's label, how many records have it and to how many it applies, the least complete first.
    """

    study: str
    synthetic: str
    records: int
    queries: int
    rules: Mapping[str, int]
    sites: Mapping[str, int]
    overdue: int | None
    complete: tuple[tuple[str, int, int], ...]
    undeclared: tuple[str, ...]
    folder: Path

    @property
    def index(self) -> Path:
        return self.folder / PAGE


def run(study_file: Path, out: Path, progress: Callable[[str], None] = lambda step: None) -> Summary:
    """Check a study's data into a folder: `index.html`, `completeness.csv`, and below `sites` a folder for each site.

    The overview counts and names no record; a site's lists name its own. They appear whole or not at all, in place of
    those of an earlier check. Raises TieoutError where the study or its data cannot be read, or nothing can be written.
    """
    progress("reading the study and its data")
    study = studies.read(study_file)
    found = queries.find(study)
    progress("writing the lists")
    with workplace(out) as work:
        folders = named_folders([code or NAMELESS for code in found.cohort.codes])
        for code, files in of_sites(found):
            place = work / SITES / folders[code or NAMELESS]
            place.mkdir(parents=True)
            for name, text in files.items():
                (place / name).write_bytes(text.encode("utf-8", "replace"))
        shared = {COMPLETE: completeness(found), PAGE: overview(found, folders)}
        for name, text in shared.items():
            (work / name).write_bytes(text.encode("utf-8", "replace"))
        put(work, out, (SITES, *shared))
    return summary(found, out)


def of_sites(found: Checked) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield each site's code and the texts of its files by name."""
    by_site = dict(tuple(found.queries.groupby("site")))
    for code in found.cohort.codes:
        asked = by_site[code] if code in by_site else found.queries.iloc[:0]
        rows = list(zip(*(asked[name].astype(object).fillna("") for name in HEADER), strict=True))
        due = lists.due(found.marked, code) if found.marked else []
        files = {
            "queries.csv": as_csv([HEADER, *(tuple(harmless(str(cell)) for cell in row) for row in rows)]),
            "queries.html": site_page(found, code, rows, due),
        }
        yield code, files | ({"follow-up.csv": as_csv([lists.DUE, *due])} if found.marked else {})


def site_page(found: Checked, code: str, rows: Sequence[tuple[str, ...]], due: Sequence[tuple[str, ...]]) -> str:
    """Return a site's page: what is asked of it, and which follow-ups are due."""
    asked = Table(
        f"{len(rows)} data {'query' if len(rows) == 1 else 'queries'}", ("Record", "Field", "Value", "What to look at"),
        [(record, field, value or "–", what) for record, field, value, what, *_ in rows[:SHOWN]], note=shortened(rows, "queries.csv"),
        empty="Nothing is asked: every value fits the dictionary, and every rule holds.",
    )  # fmt: skip
    later = Table(
        f"{len(due)} follow-ups due or overdue", ("Record", "Examination", "State", "Window opens", "Window closes", "Days left"),
        due[:SHOWN], numbers=(5,), note=shortened(due, "follow-up.csv"), empty="No follow-up is due.",
    )  # fmt: skip
    lead = "For this site's own eyes: the list names records. Please mend each in the registry, or answer that it is right."
    return page(found.study, f"Data queries: {code or NAMELESS}", lead, [asked, *([later] if found.marked else [])])


def shortened(rows: Sequence[object], file: str) -> str:
    return f"The first {SHOWN} of {len(rows)}; all are in {file}." if len(rows) > SHOWN else ""


def overview(found: Checked, folders: Mapping[str, str]) -> str:
    """Return the page of counts, with links to each site's lists."""
    count, patients = Counter(found.queries["site"]), np.bincount(found.cohort.site, minlength=len(found.cohort.codes))
    sites = [
        ((code or NAMELESS, f"{SITES}/{folders[code or NAMELESS]}/queries.html"), str(patients[place]), str(count[code]))
        for place, code in enumerate(found.cohort.codes)
    ]
    asked = found.queries.groupby(["field", "what"], sort=False).size().sort_values(ascending=False, kind="stable")
    tables = [
        Table("By site", ("Site", "Records", "Queries"), sites, numbers=(1, 2)),
        Table(
            "What is asked", ("Field", "What", "Queries"), [(field, what, str(n)) for (field, what), n in asked.items()],
            numbers=(2,), empty="Nothing: every value fits the dictionary, and every rule holds.",
        ),
        *(
            Table(
                f"What is recorded: {form}" if form else "What is recorded", ("Variable", "Recorded", "Applies to", "%"),
                [(label, str(n), str(total), percent(n, total)) for _, label, n, total in rows], numbers=(1, 2, 3),
            )
            for form, rows in groupby(recorded(found), key=lambda row: row[0])
        ),
    ]  # fmt: skip
    return page(found.study, "Data check", "Counts only: no record is named on this page.", tables)


def page(study: Study, title: str, lead: str, tables: Sequence[Table]) -> str:
    facts = {"Registry": study.name, "Data cut-off": periods.in_words(study.data.cut)}
    return template().render(title=title, lead=lead, facts=facts, synthetic=study.synthetic, tables=tables)


@cache
def template() -> Template:
    """Return the template of the pages, read once."""
    return pages.environment({"link": link}, one_line).get_template("check.html")


def recorded(found: Checked) -> Iterator[tuple[str, str, int, int]]:
    """Yield form, label, how many records have the variable and to how many it applies, for the whole registry."""
    for form, name, present, applicable in queries.completeness(found):
        yield form, found.study.dictionary[name].label, int(present.sum()), int(applicable.sum())


def completeness(found: Checked) -> str:
    """Return how complete each variable is at each site as CSV text."""
    rows = [
        (code or NAMELESS, form, name, found.study.dictionary[name].label, str(present[k]), str(applicable[k]))
        for form, name, present, applicable in queries.completeness(found)
        for k, code in enumerate(found.cohort.codes)
    ]
    return as_csv([("site", "form", "variable", "label", "recorded", "applicable"), *(tuple(map(harmless, row)) for row in rows)])


def percent(n: int, total: int) -> str:
    """Return a share that says 100 only of all and 0 only of none."""
    if not total:
        return "–"
    return f"{min(max(100 * n / total, 0.1 if n else 0), 100 if n == total else 99.9):.1f}"


def summary(found: Checked, out: Path) -> Summary:
    """Return what was found, in numbers."""
    overdue = None
    if found.marked:
        overdue = sum(int(states["overdue"].sum()) for states in found.marked.states.values())
    complete = sorted(((label, n, total) for _, label, n, total in recorded(found) if total), key=lambda row: row[1] / row[2])
    return Summary(
        found.study.name, found.study.synthetic, len(found.cohort.site), len(found.queries),
        dict(Counter(found.queries["rule"]).most_common()),
        {code or NAMELESS: n for code, n in Counter(found.queries["site"]).most_common()}, overdue, tuple(complete),
        found.undeclared, out,
    )  # fmt: skip
