"""Audit a manuscript from file to report: each figure's verdict, the coverage, the exit code, and how they are told."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tieout.audit.carried import results as carried_results
from tieout.audit.carried import woven
from tieout.audit.extract import extract
from tieout.audit.keys import with_keys
from tieout.audit.match import match, place
from tieout.audit.passages import tally
from tieout.audit.quoted import Finding, Manuscript, Number, Quoted
from tieout.audit.read import read, read_text
from tieout.audit.rules import judge
from tieout.results import Results

WORST_FIRST = ("contradicted", "query", "untraceable", "confirmed", "consistent", "conventional")
SIGNS = {
    "contradicted": "✗", "query": "?", "untraceable": "○", "confirmed": "✓", "consistent": "≈", "conventional": "·",
}  # fmt: skip
BEFORE_P, AFTER_P = ("estimate", "low", "high", "p"), ("count", "total", "percent", "sd")
UNTRACED_NAMED = 3


@dataclass(frozen=True)
class Judged:
    """A figure with its verdict and what was found about it; the finding that decided comes first, none has none."""

    figure: Quoted
    verdict: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Report:
    """What the audit says of one manuscript: every figure judged, in reading order, and what was not read.

    `synthetic` is the stamp of results that are not real patients', or empty; `carried` says which data and edition the
    results are of that the file carries, where it was judged by these.
    """

    manuscript: Manuscript
    judged: tuple[Judged, ...]
    with_data: bool
    unread: tuple[str, ...] = ()
    synthetic: str = ""
    carried: str = ""

    @property
    def coverage(self) -> dict[str, int]:
        """How many figures were read, and how many have each verdict; the verdicts sum to those read."""
        order = ("confirmed", "consistent", "contradicted", "query", "untraceable", "conventional")
        return {"read": len(self.judged)} | {name: sum(j.verdict == name for j in self.judged) for name in order}

    @property
    def exit_code(self) -> int:
        """0 clean, 1 contradictions; 2 where there was no figure to judge."""
        verdicts = {j.verdict for j in self.judged}
        return 2 if verdicts <= {"conventional"} else 1 if "contradicted" in verdicts else 0

    @property
    def told_apart(self) -> tuple[Finding, ...]:
        """The contradictions, then the queries that are open: those that decided the verdict of a figure."""
        seen = {id(f): f for j in self.judged for f in j.findings if f.verdict == j.verdict}
        return tuple(f for verdict in WORST_FIRST[:2] for f in seen.values() if f.verdict == verdict)


def audit(path: Path, results: Results | None = None) -> Report:
    """Audit one manuscript by arithmetic, and against results: those given, or those that it carries.

    Raises TieoutError where the file cannot be read or holds no text.
    """
    manuscript = read(path)
    carried = None if results else carried_results(path)
    results = results or carried
    if results is not None and (source := woven(path)):
        manuscript = with_keys(manuscript, read_text(source, "md", "the woven document"))
    figures = extract(manuscript)
    if results is None:
        return reported(manuscript, figures, judge(figures), with_data=False)
    findings = [*match(manuscript, figures, results), *judge(figures)]
    told = reported(manuscript, figures, findings, with_data=True, synthetic=results.meta.get("synthetic") or "")
    return replace(told, carried=results.stamp) if carried else told


def reported(
    manuscript: Manuscript,
    figures: Sequence[Quoted],
    findings: Sequence[Finding],
    with_data: bool,
    synthetic: str = "",
) -> Report:
    """Return the report of a manuscript whose figures were judged."""
    about: dict[tuple[int, int, int], list[Finding]] = {}
    for finding in findings:
        for figure in finding.figures:
            about.setdefault(spot(figure), []).append(finding)
    judged = tuple(verdict(figure, about.get(spot(figure), []), with_data) for figure in figures)
    return Report(manuscript, judged, with_data, (*manuscript.unread, *unrecognised(judged)), synthetic)


def spot(figure: Quoted) -> tuple[int, int, int]:
    """Return where a figure stands, which no other figure shares."""
    return figure.passage.index, figure.start, figure.end


def verdict(figure: Quoted, found: Sequence[Finding], with_data: bool) -> Judged:
    """Return a figure with the worst verdict found, but "confirmed" where the data confirm what is only a query.

    A conventional number stays one unless its own key, or the data, confirm or contradict it.
    """
    found = sorted(found, key=lambda f: WORST_FIRST.index(f.verdict))
    worst = found[0].verdict if found else ""
    if figure.kind == "conventional" and worst not in ("contradicted", "confirmed"):
        return Judged(figure, "conventional", (Finding("convention", "conventional", (figure,), figure.convention),))
    if worst == "query" and any(f.verdict == "confirmed" for f in found):
        found.sort(key=lambda f: f.verdict != "confirmed")
    return Judged(figure, found[0].verdict, tuple(found)) if found else untraced(figure, with_data)


def untraced(figure: Quoted, with_data: bool) -> Judged:
    """Return a figure that nothing was found about."""
    why = "nothing in the data is like it" if with_data else "no data were given to trace it to"
    reason = f"{why}, and arithmetic alone cannot judge it"
    return Judged(figure, "untraceable", (Finding("coverage", "untraceable", (figure,), reason),))


def unrecognised(judged: Sequence[Judged]) -> list[str]:
    """Return how many numbers are neither figures nor a known convention, if there are any."""
    count = sum(j.verdict == "conventional" and j.figure.convention == "unrecognised" for j in judged)
    return tally(count, "number was not recognised as a figure", "numbers were not recognised as figures")


def as_data(report: Report) -> dict[str, Any]:
    """Return a report as plain data for programs, in the shape that docs/audit.md describes."""
    return {
        "file": report.manuscript.name,
        "coverage": report.coverage,
        "with_data": report.with_data,
        "synthetic": report.synthetic,
        "carried": report.carried,
        "unread": list(report.unread),
        "figures": [figure_data(judged) for judged in report.judged],
    }


def unjudged(file: str, error: str) -> dict[str, Any]:
    """Return plain data, in the shape of a report's, for a file that could not be read."""
    nothing = Report(Manuscript(file, "", ()), (), with_data=False)
    return as_data(nothing) | {"error": error}


def figure_data(judged: Judged) -> dict[str, Any]:
    """Return one figure as plain data: what it is, its parts, the finding that decided, the other findings."""
    figure, first = judged.figure, judged.findings[0]
    return {
        "text": figure.text,
        "place": place(figure.passage),
        "kind": figure.kind,
        **{name: plain(getattr(figure, name)) for name in BEFORE_P},
        "p_operator": (figure.p.sign or "=") if figure.p else None,
        **{name: plain(getattr(figure, name)) for name in AFTER_P},
        "verdict": judged.verdict,
        "rule": first.rule,
        "message": first.message,
        "expected": first.expected,
        "explanation": first.explanation,
        "key": first.key or figure.key or None,
        "candidates": [candidate for candidate in first.candidates if candidate],
        "with": [{"text": other.text, "place": place(other.passage)} for other in others(first, figure)],
        "also": [
            {"rule": f.rule, "verdict": f.verdict, "message": f.message}
            for f in judged.findings[1:]
        ],
    }  # fmt: skip


def plain(number: Number | None) -> int | float | None:
    """Return a printed number as an int or a float; None where it is absent or beyond every float."""
    if number is None or not math.isfinite(number.value):
        return None
    return int(number.value) if number.decimals == 0 else number.value


def others(finding: Finding, figure: Quoted) -> list[Quoted]:
    """Return the other figures that a finding is about."""
    return [other for other in finding.figures if spot(other) != spot(figure)]


def details(finding: Finding) -> list[str]:
    """Return what a finding adds to its message: what was expected, what would explain it, the candidates."""
    message = finding.message
    lines = [f"expected: {finding.expected}"] if finding.expected and finding.expected not in message else []
    lines += [finding.explanation] if finding.explanation and finding.explanation not in message else []
    candidates = [c for c in finding.candidates if c and c not in message and c not in finding.explanation]
    return lines + ([f"candidates: {'; '.join(candidates)}"] if candidates else [])


def told(report: Report) -> str:
    """Return the terminal summary: contradictions and queries, figures not traced, the coverage, the next step."""
    lines = [report.synthetic] if report.synthetic else []
    for finding in report.told_apart:
        lines += told_finding(finding)
    lines += [*told_untraced(report), *(f"not read: {words}" for words in report.unread), told_coverage(report)]
    if report.carried:
        lines.append(f"Judged by the results that it carries ({report.carried}): who changes a file can change these too.")
    return "\n".join([*lines, next_step(report)])


def told_finding(finding: Finding) -> Iterator[str]:
    first, *rest = finding.figures
    yield f"{SIGNS[finding.verdict]} {finding.verdict}  {place(first.passage)}: “{first.text}”"
    for other in rest:
        yield f"    with {place(other.passage)}: “{other.text}”"
    yield f"    {finding.message}"
    yield from (f"    {line}" for line in details(finding))


def told_untraced(report: Report) -> Iterator[str]:
    figures = [j.figure for j in report.judged if j.verdict == "untraceable"]
    if figures:
        named = "; ".join(f"“{f.text}” ({place(f.passage)})" for f in figures[:UNTRACED_NAMED])
        more = f"; and {len(figures) - UNTRACED_NAMED} more" if len(figures) > UNTRACED_NAMED else ""
        yield f"{SIGNS['untraceable']} {len(figures)} untraceable: {named}{more}"


def told_coverage(report: Report) -> str:
    counts = report.coverage
    said = ", ".join(f"{count} {name}" for name, count in counts.items() if name != "read")
    return f"{report.manuscript.name}: {counts['read']} numbers read: {said}"


def next_step(report: Report) -> str:
    """Return what to do next."""
    if report.exit_code == 2:
        return "No figure was found, so nothing could be judged: this is no clean bill of health."
    if report.exit_code == 1:
        return "Next: correct each contradiction, or say in the text how the figure was made."
    if not report.with_data:
        return "Judged by arithmetic alone. Next: check it against the data with --study or --results."
    if report.told_apart:
        return "Next: answer each query."
    if report.carried:
        return "Next: check it against the data themselves with --study."
    return "Next: see every figure in its place with --html audit.html."
