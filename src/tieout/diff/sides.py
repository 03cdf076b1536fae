"""From what a person names to one side of a comparison: a snapshot, a study, a results file or an output."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from tieout import results as saved
from tieout import snapshots
from tieout.audit import carried
from tieout.audit.quoted import Passage
from tieout.audit.read import read, read_text
from tieout.display import Profile, in_words, profile_of, text
from tieout.errors import TieoutError
from tieout.registry import Registry
from tieout.results import Results, Statistic
from tieout.study import Study

DRAFT = re.compile(r"::: \{\.callout-warning\}\n## DRAFT: .*?\n:::\n\n", re.DOTALL)
STAMP = re.compile(r"sha256:[0-9a-f]{16}(?: edition:[0-9a-f]{16})?")
STAMPED = re.compile(r"(?:Data snapshot:? )?" + STAMP.pattern)
NOISE = 1e-8
PROJECT = Path("manuscript") / "manuscript.qmd"
KNOWN = "name a snapshot's digest, a study file, a results.json, or an output of Tieout (.pdf, .docx, .html)"


@dataclass(frozen=True)
class Figure:
    """A figure of one side: how it is printed, and the Statistic where more than the print is known."""

    texts: tuple[str, ...]
    statistic: Statistic | None = None

    @property
    def label(self) -> str:
        return self.statistic.label if self.statistic else ""

    @property
    def prints(self) -> tuple[str, ...]:
        """The texts with which a document may print the figure: a count that opens a sentence is spelled out."""
        if self.statistic is None or self.statistic.kind != "count" or self.statistic.value is None:
            return self.texts
        return (*self.texts, *(in_words(int(self.statistic.value), Profile(language)) for language in ("en-GB", "en-US")))

    def same(self, other: Figure) -> bool:
        """Return whether two figures are the same: value and print, or the print where only that is known of one side."""
        if self.statistic and other.statistic:
            one, two = self.statistic, other.statistic
            return close(one.value, two.value) and one.error == two.error and self.texts == other.texts
        return bool(set(self.prints) & set(other.prints))


def close(one: float | None, two: float | None) -> bool:
    """Return whether two values are one: what differs by less is the order of a sum, or the last step of a fit."""
    return one == two if one is None or two is None else math.isclose(one, two, rel_tol=NOISE, abs_tol=NOISE**1.5)


@dataclass(frozen=True)
class Side:
    """One side of a comparison with all that is known of it; `stamp` says what it was made of.

    `typeset` says that the passages are those of a finished page, with authors and references, not of the woven document.
    """

    name: str
    stamp: str = ""
    results: Results | None = None
    passages: tuple[Passage, ...] = ()
    study: Study | None = None
    registry: Registry | None = None
    claims: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    typeset: bool = False

    @property
    def shown(self) -> str:
        """What outputs call this side: the end of an absolute path, whose beginning tells of a machine and its user."""
        path = Path(self.name)
        return Path(*path.parts[-2:]).as_posix() if path.is_absolute() else self.name

    @property
    def title(self) -> str:
        return str(self.results.meta.get("title", "")) if self.results else ""

    @property
    def synthetic(self) -> str:
        return str(self.results.meta.get("synthetic") or "") if self.results else ""

    @cached_property
    def profile(self) -> Profile:
        """How the journal of this side writes numbers."""
        return profile_of(self.results.meta if self.results else {})

    @cached_property
    def quoted(self) -> dict[str, tuple[str, ...]]:
        """The prints of each key that the document quotes, in the order of the document."""
        found: dict[str, dict[str, None]] = {}
        for passage in self.passages:
            for span in passage.keys:
                found.setdefault(span.key, {})[passage.text[span.start : span.end]] = None
        return {key: tuple(texts) for key, texts in found.items()}

    @cached_property
    def figures(self) -> dict[str, Figure]:
        """Every figure that is known of this side, by key."""
        if self.results is None:
            return {key: Figure(texts) for key, texts in self.quoted.items()}
        return {s.key: Figure((printed(s, self.profile),), s) for s in self.results}


def printed(statistic: Statistic, profile: Profile) -> str:
    """Return how a statistic is printed; one that has no value is "NE" with the reason."""
    return f"{profile.not_estimable} ({statistic.error})" if statistic.error else text(statistic, profile)


def side(named: str | Path, folders: tuple[Path, ...] = ()) -> Side:
    """Return one side of a comparison.

    `named` is a path, or the digest of a snapshot in one of `folders`. Raises TieoutError for what is none of these, and
    as building does where a study is to be computed.
    """
    path = Path(named)
    if path.is_dir():
        inside = [path / name for name in ("study.yaml", "results.json") if (path / name).is_file()]
        if not inside:
            raise TieoutError(str(path), "neither study.yaml nor results.json is in this folder", KNOWN)
        return READERS[inside[0].suffix](inside[0], str(named))
    if path.is_file():
        if path.suffix.lower() not in READERS:
            raise TieoutError(str(path), f"files ending in '{path.suffix}' cannot be compared", KNOWN)
        return READERS[path.suffix.lower()](path, str(named))
    if not snapshots.DIGEST.fullmatch(str(named).casefold()):
        raise TieoutError(str(named)[:200], "there is no such file, and this is no digest of a snapshot", KNOWN)
    return of_snapshot(found(str(named), folders))


def found(digest: str, folders: tuple[Path, ...]) -> snapshots.Snapshot:
    """Return the snapshot of a digest from the first folder that has it; raise what was wrong in the last one."""
    problem = TieoutError(digest, "no snapshots are stored here", "name the study whose snapshots are meant with --study")
    for folder in folders:
        try:
            return snapshots.find(folder, digest)
        except TieoutError as error:
            problem = error
    raise problem


def of_snapshot(kept: snapshots.Snapshot) -> Side:
    """Return the side of a snapshot, computed from what it holds."""
    with snapshots.unpacked(kept) as study_file:
        found = of_study(study_file, f"{kept.edition[:16]} ({kept.study}, cut {kept.cut})")
    return dataclasses.replace(found, stamp=f"sha256:{kept.data[:16]} edition:{kept.edition[:16]}")


def of_study(path: Path, name: str) -> Side:
    """Return the side of a study as it is now: its data, their results, and the manuscript woven from them."""
    from tieout import build, study
    from tieout import registry as registries
    from tieout.analysis import double, everything

    declared = study.read(path)
    registry = registries.read(declared)
    computed = everything.analyse(registry)
    edition = snapshots.contents(declared, registry.digest).edition
    results = computed.with_meta(double_programmed=double.within_reach(registry), edition=edition)
    profile = profile_of(results.meta)
    passages: tuple[Passage, ...] = ()
    if build.MANUSCRIPT in declared.documents:
        source = declared.resolve(declared.documents[build.MANUSCRIPT])
        document = build.woven(declared, results, profile, source, draft=True)
        passages = of_text(DRAFT.sub("", document.text, count=1), name)
    return Side(name, results.stamp, results, passages, declared, registry, build.claims(declared, results, profile))


def of_json(path: Path, name: str) -> Side:
    """Return the side of a results file, with the woven document beside it where that has the same stamp."""
    if (path.parent / snapshots.FILES).is_dir() and re.fullmatch("[0-9a-f]{64}", path.stem):
        return of_snapshot(snapshots.snapshot(path))
    results = saved.load(path)
    if not {"snapshot", "journal"} <= set(results.meta):
        raise TieoutError(str(path), "this is not a results file of Tieout", "run 'tieout build' to write it anew")
    passages = woven_beside(path, results.stamp)
    return Side(name, results.stamp, results, passages, claims=results.meta.get("claims", {}))


def woven_beside(path: Path, stamp: str) -> tuple[Passage, ...]:
    """Return the passages of the woven document beside an output, where that has the same stamp."""
    beside = path.parent / PROJECT
    woven_text = beside.read_text(encoding="utf-8", errors="replace") if stamp and beside.is_file() else ""
    return of_text(woven_text, str(beside)) if stamp and stamp in woven_text[:5000] else ()


def of_text(markdown: str, name: str) -> tuple[Passage, ...]:
    return read_text(markdown, "md", name).passages


def of_output(path: Path, name: str) -> Side:
    """Return the side of a PDF or Word file: the woven document that it carries, and its results."""
    inside = carried.woven(path)
    if inside is None:
        raise TieoutError(str(path), "this output carries no woven document: Tieout did not make it", KNOWN)
    stamp = STAMP.search(inside)
    passages = of_text(inside, name)
    return with_results(Side(name, stamp[0] if stamp else "", passages=passages), path)


def of_page(path: Path, name: str) -> Side:
    """Return the side of an HTML output: the woven document beside it or its own text, in which every figure has its key."""
    manuscript = read(path)
    stamps = [m[0] for p in manuscript.passages if (m := STAMP.search(p.text))]
    passages = tuple(p for p in manuscript.passages if not STAMPED.fullmatch(p.text))
    if not any(p.keys for p in passages):
        raise TieoutError(str(path), "no figure of this page has a key: Tieout did not make it", KNOWN)
    stamp = stamps[0] if stamps else ""
    beside = woven_beside(path, stamp)
    return with_results(Side(name, stamp, passages=beside or passages, typeset=not beside), path)


def of_woven(path: Path, name: str) -> Side:
    """Return the side of a woven document."""
    passages = read(path).passages
    stamp = STAMP.search(path.read_text(encoding="utf-8", errors="replace"))
    return with_results(Side(name, stamp[0] if stamp else "", passages=passages), path)


def with_results(found: Side, path: Path) -> Side:
    """Return the side of an output with its results: those attached to it, or those beside it with the same stamp."""
    results = carried.results(path)
    if results is None and found.stamp and (path.parent / "results.json").is_file():
        beside = saved.load(path.parent / "results.json")
        results = beside if "snapshot" in beside.meta and beside.stamp == found.stamp else None
    if results is None:
        return found
    return dataclasses.replace(found, results=results, claims=results.meta.get("claims", {}))


READERS: dict[str, Callable[[Path, str], Side]] = {
    ".yaml": of_study, ".yml": of_study, ".json": of_json, ".pdf": of_output, ".docx": of_output, ".html": of_page, ".htm": of_page,
    ".qmd": of_woven,
}  # fmt: skip
