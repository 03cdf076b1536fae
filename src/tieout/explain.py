"""Say how a figure was made, from the results of the last build."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tieout.display import profile_of, text
from tieout.errors import TieoutError
from tieout.results import Results, Rule, Statistic


def facts(results: Results, key: str) -> dict[str, Any]:
    """Return a statistic with its text and what it was computed from, as plain data."""
    statistic = results[key]
    shown = None if statistic.error else text(statistic, profile_of(results.meta))
    meta = {name: results.meta[name] for name in ("study", "snapshot", "cut", "synthetic")}
    library = statistic.function.split(".")[0]
    version = results.meta["libraries"].get(library, "")
    return {**dataclasses.asdict(statistic), "text": shown, "library": f"{library} {version}".strip(), **meta}


def explained(results: Results, key: str) -> str:
    """Return the same as lines of text."""
    lines = list(entries(results, results[key]))
    width = max(len(name) for name, _ in lines)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in lines)


def entries(results: Results, s: Statistic) -> Iterator[tuple[str, str]]:
    """Yield what is told of a statistic, each with its name: value, numerator, denominator, definitions, method, snapshot."""
    known = facts(results, s.key)
    yield "key", s.key
    yield "what", s.label
    if s.error:
        yield "value", f"not estimable: {s.error}"
    else:
        yield "printed", f"{known['text']}{' ' + s.unit if s.unit else ''}"
        yield "value", repr(s.value)
    if s.n is not None and dict(s.counted) != dict(s.within):
        yield "numerator", f"{s.n}" + (f", where {rule_in_words(s.counted)}" if s.counted else "")
    if s.total is not None:
        within = f", where {rule_in_words(s.within)}" if s.within else ""
        yield "denominator", f"{s.total} {s.among}".rstrip() + within
    for variable in dict.fromkeys((*s.counted, *s.within)):
        if variable in results.meta["definitions"]:
            yield "definition", f"{variable}: {results.meta['definitions'][variable]}"
    if s.method:
        yield "method", s.method
    if s.function:
        yield "function", f"{s.function} ({known['library']})" if known["library"] != s.function else s.function
    if s.warning:
        yield "warning", s.warning
    if stamp := results.meta["synthetic"]:
        yield "data", stamp
    yield "snapshot", f"{results.meta['snapshot']}, data cut {results.meta['cut']}"


def rule_in_words(rule: Rule) -> str:
    """Return a rule as a reader says it: d_favourable is 1 and age is recorded."""
    parts = [
        f"{variable} is recorded" if codes is None else f"{variable} is {' or '.join(codes)}"
        for variable, codes in rule.items()
    ]
    return " and ".join(parts)


def counted_records(results: Results, key: str, study_file: Path) -> str:
    """Return the ids of the records that a figure counts, read anew from the data.

    Raises TieoutError where the data are no longer those of the results, or the figure counts no records.
    """
    from tieout import registry as registries
    from tieout import study as studies

    statistic = results[key]
    study = studies.read(study_file)
    registry = registries.read(study)
    if registry.digest != results.meta["snapshot"] or study.digest != results.meta["study_digest"]:
        raise TieoutError(
            str(study_file), "the data or the study file have changed since the last build", "run 'tieout build' again"
        )
    if statistic.n is None:
        raise TieoutError(key, "this figure is computed from others and counts no records of its own")
    frame = registry.of(statistic.source).frame
    rows = registries.mask(frame, statistic.counted)
    identifier = study.with_role("record") if statistic.source == "registry" else frame.columns[0]
    records = frame[identifier][rows] if identifier else (f"row {place + 1}" for place in rows.nonzero()[0])
    return "\n".join([f"records   {int(rows.sum())}", *(f"  {record}" for record in records)])
