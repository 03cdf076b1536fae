"""Show a batch of reports to sites as one page: every site with its status, its flags and links to its files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import quote

from tieout import pages
from tieout.display import Profile, plain

SIGNS = {"failed": "✗", "made": "✓", "made earlier": "↺"}
"""The sign of each status, in the order in which the page lists them."""
COLUMNS = ("Site", "Name", "Status", "Patients this period", "Patients to date", "Flags", "Files", "SHA-256")
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True)
class Entry:
    """A site of the batch: its report's status ("made", "made earlier" or "failed"), files and the digest of them.

    `patients` counts this period, `cumulative` all until its end; None is not known. `files` are pairs of a label and a
    POSIX path relative to the page; `digest` is the SHA-256 in hex of the PDF or of the zip, empty where there is none.
    """

    site: str
    name: str
    status: str
    reason: str
    patients: int | None
    cumulative: int | None
    flags: tuple[str, ...]
    files: tuple[tuple[str, str], ...]
    digest: str


def page(
    title: str, period: str, facts: Mapping[str, str], entries: Sequence[Entry], synthetic: str,
    centre: Sequence[tuple[str, str]] = (),
) -> str:  # fmt: skip
    """Return one HTML file that fetches nothing and is complete without its script, which only searches and sorts.

    `title` is the registry's name; `facts` follow the period in the header (data cut-off, snapshot); `entries` hold every
    site expected, and come failed first, otherwise in their order; `synthetic` is the stamp of synthetic data, or empty;
    `centre` holds the files of the coordinating centre's edition, as label and path.
    Every text is taken as hostile: escaped, on one line, and kept from turning the direction of what stands beside it.
    Raises ValueError for a status that is none of SIGNS and for a file outside the page's folder.
    """
    environment = pages.environment({"link": link, "number": number}, one_line)
    order = list(SIGNS)
    return environment.get_template("index.html").render(
        title=title,
        period=period,
        facts=facts,
        centre=centre,
        entries=sorted(entries, key=lambda entry: order.index(entry.status)),
        synthetic=synthetic,
        counted=counted(entries),
        failed=sum(entry.status == "failed" for entry in entries),
        present=[status for status in order if any(entry.status == status for entry in entries)],
        order=order,
        signs=SIGNS,
        columns=COLUMNS,
    )


def counted(entries: Sequence[Entry]) -> str:
    """Return how many reports were expected, made and failed: "13 sites expected, 12 reports made, 1 failed"."""
    failed = sum(entry.status == "failed" for entry in entries)
    earlier = sum(entry.status == "made earlier" for entry in entries)
    made = len(entries) - failed
    return (
        f"{number(len(entries))} site{'s' * (len(entries) != 1)} expected, "
        f"{number(made)} report{'s' * (made != 1)} made{f' ({number(earlier)} of them earlier)' * bool(earlier)}, "
        f"{number(failed)} failed"
    )


def number(value: int) -> str:
    return plain(Decimal(value), decimals=0, profile=Profile())


def one_line(value: object) -> object:
    """Return a text without line breaks and with a sign in place of what cannot be printed; markup as it is."""
    return UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", " ".join(value.split())) if type(value) is str else value


def link(path: str) -> str:
    """Return a relative POSIX path as a link that leads nowhere but below the page's folder.

    Raises ValueError for a path that is absolute or climbs out of the folder.
    """
    if path.startswith("/") or ".." in path.split("/"):
        raise ValueError(f"not a path below the page: {path!r}")
    return "./" + quote(path)
