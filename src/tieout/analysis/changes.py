"""What changed since the last reports: definitions, names, and figures that the present data give otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from tieout.analysis.indicators import Rate
from tieout.analysis.overview import Overview
from tieout.analysis.site import definition, finite, quartiles, rate, variable_of, veiled
from tieout.disclose import own_shown
from tieout.results import Statistic

RESTATED_FROM = 1e-9


def record(overview: Overview) -> dict[str, Any]:
    """Return what a later run compares itself with; it holds every site's figures and is for the centre alone."""
    return {
        "period": overview.period.name,
        "end": overview.period.end.isoformat(),
        "snapshot": overview.digest,
        "definitions": {name: definition(overview, name) for name in overview.measures},
        "judged_over": overview.study.reporting.judged_over,
        "figures": {
            code: {name: figure(overview, name, place, "judged") for name in overview.measures}
            for place, code in enumerate(overview.codes)
        },
    }


def figure(overview: Overview, name: str, place: int, window: str) -> list[float | None]:
    """Return [x, n] of a rate, or [median, n] of a time."""
    found = getattr(overview.measures[name], window)
    if isinstance(overview.measures[name], Rate):
        return [int(found.x[place]), int(found.n[place])]
    return [finite(found.quartiles[place, 1]), int(found.n[place])]


def rules(old: Mapping[str, Any], overview: Overview) -> list[str]:
    """Return in words which definitions are new, gone or otherwise than in the last run."""
    now, then = {name: definition(overview, name) for name in overview.measures}, old["definitions"]
    labels = {name: each.label for name, each in overview.study.reporting.indicators.items()}
    over = old["judged_over"] != overview.study.reporting.judged_over
    lines = ["Sites are judged over another time than in the last report."] if over else []
    lines += [f"New indicator: {labels[name]}." for name in now if name not in then]
    lines += [f"No longer an indicator: {name}." for name in then if name not in now]
    lines += [
        f"{labels[name]} is defined otherwise: {now[name]} (before: {then[name]})."
        for name in now
        if name in then and now[name] != then[name]
    ]
    return lines


def restated(old: Mapping[str, Any], overview: Overview, place: int) -> tuple[dict[str, str], list[Statistic]]:
    """Return which indicators of a site were reported otherwise, where each stands now, and the figures reported then.

    Compared are figures of the same time: the last period's as reported and as the present data give them, or this
    period's where the last run was of this period too. An indicator that is defined otherwise is not compared, and none
    is where sites were judged over another time.
    """
    same = old["period"] == overview.period.name
    if old["judged_over"] != overview.study.reporting.judged_over or not (same or old["period"] == overview.period.before.name):
        return {}, []
    window, path = ("judged", "indicator.{}") if same else ("previous", "indicator.{}.previous")
    reported = old["figures"].get(overview.codes[place], {})
    found = {
        name: path.format(name)
        for name in overview.measures
        if name in reported
        and old["definitions"].get(name) == definition(overview, name)
        and differs(reported[name], figure(overview, name, place, window))
    }
    return found, [each for name in found for each in then(overview, name, place, reported[name])]


def differs(one: list[float | None], two: list[float | None]) -> bool:
    return any(
        (a is None) != (b is None) or (a is not None and b is not None and abs(a - b) > RESTATED_FROM)
        for a, b in zip(one, two, strict=True)
    )


def then(overview: Overview, name: str, place: int, reported: list[float | None]) -> Iterator[Statistic]:
    """Yield the figure of the last report as Statistics."""
    label = f"{overview.study.reporting.indicators[name].label}, as reported last"
    shown = own_shown(overview.hidden[f"indicator.{name}"], place, overview.suppress)
    more = {"context": "restated", "variable": name}
    value, n = reported[0], int(reported[1] or 0)
    if isinstance(overview.measures[name], Rate):
        yield from veiled(
            rate(f"restated.{name}", label, (int(value or 0), n), overview.study.methods, interval=False, **more), shown
        )
    else:
        values = np.full(3, np.nan if value is None else value)  # the quartiles were not kept, and are not told
        found = quartiles(f"restated.{name}", label, (n, values), variable_of(overview, name), **more)
        yield from veiled((each for each in found if each.name in ("total", "median")), shown)
