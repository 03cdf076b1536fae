"""The figures of one site's report, and of the coordinating centre's, as Statistics that know what may be shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tieout import journals, periods
from tieout.analysis import indicators, intervals, monitoring
from tieout.analysis.cohort import Counts, Spread
from tieout.analysis.indicators import STATUS, Expected, Rate, Time
from tieout.analysis.overview import Overview, target
from tieout.disclose import others_shown, own_shown
from tieout.hospitals import Site
from tieout.results import HIDDEN, Results, Statistic
from tieout.study import Methods, Variable

QUARTILES = ("q1", "median", "q3")
NOBODY = "no patient was observed"


def site_results(overview: Overview, site: Site) -> Results:
    """Return the Results of one site's report: its own figures, the registry without it, and charts."""
    place = overview.codes.index(site.code)
    found = [
        *recruited(overview, site, place),
        *(s for name in overview.measures for s in measured(overview, name, place)),
        *(s for path, each in overview.completeness.items() for s in completed(overview, path, each, place)),
        *(s for path, each in overview.case_mix.items() for s in mixed(overview, path, each, place)),
        *(s for name in overview.follow_up for s in followed(overview, name, place)),
    ]
    return Results.of(found, {**about(overview), **of_site(overview, site, place)})


@lru_cache(maxsize=1)
def about(overview: Overview) -> dict[str, Any]:
    """Return what the reports of a period share: study, period, declarations, indicators; made once for all of them."""
    study, period = overview.study, overview.period
    reports = study.reporting
    return {
        "study": study.name, "title": study.title, "synthetic": study.synthetic, **journals.told(study.journal, study.folder),
        "confidence": f"{100 * study.methods.level:g}", "cut": study.data.cut.isoformat(), "study_digest": study.digest,
        "snapshot": overview.digest, "contact": reports.contact,
        "period": {"name": period.name, "words": period.words, "kind": period.kind, "start": period.start.isoformat(),
                   "end": period.end.isoformat(), "before": period.before.words, "judged": judged_over(overview)},
        "suppress": reports.suppress.model_dump(), "judge_from": reports.judge_from,
        "indicators": {name: description(overview, name) for name in reports.indicators},
        "completeness": {heading: list(rows) for heading, rows in reports.completeness.items()},
        "case_mix": list(reports.case_mix),
        "follow_ups": {name: each.model_dump() for name, each in reports.follow_ups.items()},
        "labels": {name: v.label for name, v in overview.variables.items()},
    }  # fmt: skip


def judged_over(overview: Overview) -> str:
    """Return the time over which sites are judged, in words."""
    over = overview.study.reporting.judged_over
    if over == "period":
        return overview.period.words
    if over == "all":
        return f"all patients enrolled until {periods.in_words(overview.period.end)}"
    return f"the 12 months to {periods.in_words(overview.period.end)}"


def described(overview: Overview, name: str) -> dict[str, Any]:
    return about(overview)["indicators"][name]


def description(overview: Overview, name: str) -> dict[str, Any]:
    """Return how an indicator is told: label, kind, target, who is in it, and its model."""
    indicator, measure = overview.study.reporting.indicators[name], overview.measures[name]
    variable = overview.variables.get(indicator.variable or "")
    found: dict[str, Any] = {
        "label": indicator.label, "kind": "rate" if isinstance(measure, Rate) else "time", "among": indicator.among,
        "unit": "%" if isinstance(measure, Rate) else variable.unit if variable else "", "better": indicator.better,
        "target": indicator.target, "judge_from": indicators.few(overview.cohort, indicator),
        "definition": definition(overview, name), "words": in_words(overview, name),
    }  # fmt: skip
    if isinstance(measure, Rate):
        found |= {"phi": finite(measure.limits.phi), "tau2": measure.limits.tau2}
        if measure.expected:
            labels = [overview.variables[term].label for term in indicator.adjust]
            found["model"] = {
                "terms": labels,
                "without_own": measure.expected.without_own,
                "reason": measure.expected.reason,
            }
    return found


def definition(overview: Overview, name: str) -> str:
    """Return an indicator's rule in words, to be compared between runs."""
    reports = overview.study.reporting
    indicator = reports.indicators[name]
    where = "; ".join(f"{v} is {' or '.join(codes)}" for v, codes in indicator.where.items())
    if indicator.follow_up:
        each = reports.follow_ups[indicator.follow_up]
        rule = f"{indicator.follow_up} obtained, window closed on day {each.closes} after {each.after}"
    elif isinstance(overview.measures[name], Rate):
        rule = f"{indicator.variable} is {' or '.join(indicator.event)}"
    else:
        rule = f"median of {indicator.variable}"
    adjust = f", adjusted for {', '.join(indicator.adjust)}" if indicator.adjust else ""
    return rule + (f", where {where}" if where else "") + adjust


def in_words(overview: Overview, name: str) -> str:
    """Return an indicator's rule in the labels of the data dictionary, for readers."""
    reports = overview.study.reporting
    indicator = reports.indicators[name]
    if indicator.follow_up:
        each = reports.follow_ups[indicator.follow_up]
        rule = f"obtained by the cut of the data, once {each.closes} days have passed since: {told(overview, each.after)}"
    elif isinstance(overview.measures[name], Rate):
        levels = overview.variables[indicator.variable or ""].codes
        rule = f"{told(overview, indicator.variable or '')}: {' or '.join(levels[code] for code in indicator.event)}"
    else:
        rule = f"median of: {told(overview, indicator.variable or '')}"
    where = "; ".join(
        f"{told(overview, v)}: {' or '.join(overview.variables[v].codes[code] for code in codes)}"
        for v, codes in indicator.where.items()
    )
    adjust = f"; adjusted for {', '.join(told(overview, term) for term in indicator.adjust)}" if indicator.adjust else ""
    return rule + (f"; only {where}" if where else "") + adjust


def told(overview: Overview, name: str) -> str:
    return overview.variables[name].label


def finite(value: float) -> float | None:
    """Return a number, or None for one that is infinite or none."""
    return float(value) if np.isfinite(value) else None


def of_site(overview: Overview, site: Site, place: int) -> dict[str, Any]:
    """Return what only one site's report tells: its name, each status, and its charts."""
    drawn = charts(overview, site, place)
    return {
        "site": {"code": site.code, "name": site.name, "history": list(site.history), "contact": site.contact},
        "status": {name: status(overview, name, place) for name in overview.measures},
        "charts": drawn,
        "layout": {"figures": {name: {"kind": chart["kind"], "of": name} for name, chart in drawn.items()}},
    }


def status(overview: Overview, name: str, place: int) -> dict[str, str]:
    shown = own_shown(overview.hidden[f"indicator.{name}"], place, overview.suppress)
    code = overview.measures[name].status[place] if shown else "hidden"
    words, action = STATUS[code]
    return {"code": code, "words": words, "action": action}


def count(key: str, value: int, label: str, **more: Any) -> Statistic:
    return Statistic(key, value, "count", label, n=value, name=key.rsplit(".", 1)[1], **more)


def veiled(statistics: Iterable[Statistic], shown: bool) -> Iterator[Statistic]:
    """Yield statistics as they are, or without their numbers where these are not shown."""
    for each in statistics:
        yield each if shown else Statistic(
            each.key, None, each.kind, each.label, unit=each.unit, decimals=each.decimals, among=each.among,
            error=HIDDEN, context=each.context, variable=each.variable, variable_label=each.variable_label,
            level=each.level, level_label=each.level_label, group=each.group, group_label=each.group_label,
            name=each.name,
        )  # fmt: skip


def recruited(overview: Overview, site: Site, place: int) -> Iterator[Statistic]:
    """Yield patients of the period and in all, against the target, screened, and days since the last."""
    found, period = overview.recruitment, overview.period
    parts = {"period": (found.period, "Patients enrolled in the period")}
    parts["cumulative"] = (found.cumulative, "Patients enrolled so far")
    if found.screened is not None:
        parts["screened"] = (found.screened, "Patients screened so far")
    for name, (counts, label) in parts.items():
        hidden = overview.hidden[f"patients.{name}"]
        own = count(f"site.{name}.n", int(counts[place]), label, context="site")
        yield from veiled([own], own_shown(hidden, place, overview.suppress))
        total = count(f"site.{name}.registry.n", int(counts.sum()), f"{label}, registry", context="site")
        yield from veiled([total], not hidden.total)
    yield count("site.sites.n", int((found.cumulative > 0).sum()), "Sites with at least one patient", context="site")
    wanted = {
        "period": target(site, period.start, period.end),
        "cumulative": target(site, found.first, period.end),
    }
    for name, value in wanted.items():
        error = "" if value is not None else "the site table has no target"
        yield Statistic(f"site.{name}.target", value, "expected", f"Target: {parts[name][1].lower()}", error=error,
                        context="site", name="target", method="patients a year / 365.25 x days")  # fmt: skip
    last = found.last[place]
    when = None if np.isnat(last) else last.astype(date)
    none = "" if when else "no patient so far"
    yield Statistic("site.last.date", when.toordinal() if when else None, "date", "Last patient enrolled", error=none,
                    context="site", name="date")  # fmt: skip
    days = (overview.study.data.cut - when).days if when else None
    yield Statistic("site.last.days", days, "count", "Days from the last patient to the cut of the data", error=none,
                    context="site", name="days")  # fmt: skip


def rate(
    path: str, label: str, found: tuple[int, int], methods: Methods, *, interval: bool = True, **more: Any
) -> Iterator[Statistic]:
    """Yield x, n, their percentage and its interval (Wilson's unless the study declares another); `found` is x and n."""
    x, n = found
    shared: dict[str, Any] = {"label": label, "total": n, **more}
    yield Statistic(f"{path}.n", x, "count", n=x, name="n", **shared)
    yield Statistic(f"{path}.total", n, "count", n=n, name="total", **shared)
    percent = 100 * x / n if n else None
    yield Statistic(f"{path}.pct", percent, "percent", n=x, name="pct", method="n / N", error="" if n else NOBODY, **shared)
    if not interval:
        return
    limits = intervals.proportion(x, n, methods.proportion, methods.level)
    for side in ("low", "high"):
        value = getattr(limits, side)
        yield Statistic(
            f"{path}.{side}", None if value is None else 100 * value, "percent_limit", name=side,
            method=limits.method, function=limits.function, error=limits.reason if value is None else "", **shared,
        )  # fmt: skip


def quartiles(
    path: str, label: str, found: tuple[int, NDArray[np.float64]], of: Variable, **more: Any
) -> Iterator[Statistic]:
    """Yield how many values there are, their median and quartiles; `found` is n and the quartiles."""
    n, values = found
    decimals = of.decimals if of.decimals is not None else 1 if of.type == "decimal" else 0
    shared: dict[str, Any] = {"label": label, "unit": of.unit, "total": n, "decimals": decimals, **more}
    yield Statistic(f"{path}.total", n, "count", n=n, name="total", **{**shared, "unit": "", "decimals": None})
    for name, value in zip(QUARTILES, values, strict=True):
        kind = "median" if name == "median" else "quartile"
        yield Statistic(f"{path}.{name}", float(value) if n else None, kind, name=name, error="" if n else NOBODY, **shared)


OTHERS: dict[str, Any] = {"group": "others", "group_label": "registry without this site"}


def here_and_elsewhere(
    overview: Overview, path: str, place: int, own: Iterable[Statistic], others: Iterable[Statistic]
) -> Iterator[Statistic]:
    """Yield a site's own figures and those of the registry without it, each as far as the site's report may show them."""
    hidden = overview.hidden[path]
    yield from veiled(own, own_shown(hidden, place, overview.suppress))
    yield from veiled(others, others_shown(hidden, place, overview.suppress))


def measured(overview: Overview, name: str, place: int) -> Iterator[Statistic]:
    """Yield an indicator at a site: judged, the registry without it, the period, the last report, and the change."""
    told, measure, path = described(overview, name), overview.measures[name], f"indicator.{name}"
    label, methods = told["label"], overview.study.methods
    more: dict[str, Any] = {"context": "indicator", "variable": name, "variable_label": label, "among": told["among"]}
    if isinstance(measure, Rate):
        rates = {"": measure.judged, ".period": measure.period, ".previous": measure.previous}
        own = [
            each
            for part, found in rates.items()
            for each in rate(path + part, label, found.of(place), methods, interval=not part, **more)
        ]
        own.append(change(path, label, percent(measure.judged, place), percent(measure.previous, place), more))
        others = rate(f"{path}.others", label, measure.judged.others.of(place), methods, **more, **OTHERS)
    else:
        variable = variable_of(overview, name)
        spreads = {"": measure.judged, ".period": measure.period, ".previous": measure.previous}
        own = [
            each for part, found in spreads.items() for each in quartiles(path + part, label, found.of(place), variable, **more)
        ]
        now, before = measure.judged.quartiles[place, 1], measure.previous.quartiles[place, 1]
        own.append(change(path, label, now, before, {**more, "unit": variable.unit}))
        others = quartiles(f"{path}.others", label, measure.others.of(place), variable, **more, **OTHERS)
    yield from here_and_elsewhere(overview, path, place, own, others)
    if isinstance(measure, Rate) and measure.expected:
        shown = own_shown(overview.hidden[f"{path}.ratio"], place, overview.suppress)
        yield from veiled(adjusted(overview, path, label, measure, measure.expected, place, more), shown)


def variable_of(overview: Overview, name: str) -> Variable:
    """Return the variable that an indicator is about."""
    return overview.variables[overview.study.reporting.indicators[name].variable or ""]


def percent(found: Counts, place: int) -> float:
    x, n = found.of(place)
    return 100 * x / n if n else np.nan


def change(path: str, label: str, now: float, before: float, more: dict[str, Any]) -> Statistic:
    """Return the difference from the last report's figure, computed again from the present data."""
    value = finite(now - before)
    return Statistic(
        f"{path}.change", value, "change", f"{label}, change since the last report", name="change",
        error="" if value is not None else "no patients to compare", method="this report - the last one", **more,
    )  # fmt: skip


def adjusted(
    overview: Overview, path: str, label: str, measure: Rate, found: Expected, place: int, more: dict[str, Any]
) -> Iterator[Statistic]:
    """Yield observed and expected events, their ratio with its exact interval, and the adjusted rate.

    Source: Garwood (Biometrika 1936;28:437) for the interval; indirect standardisation.
    """
    observed, n = found.observed.of(place)
    expected = float(found.expected[place])
    reason = found.reason or ("" if expected > 0 else indicators.NO_EVENTS)
    shared: dict[str, Any] = {"total": n, **more}
    yield Statistic(f"{path}.observed", observed, "count", f"{label}, observed", n=observed, name="observed", **shared)
    yield Statistic(f"{path}.left_out", int(found.left_out[place]), "count", f"{label}, patients without complete case mix",
                    name="left_out", **more)  # fmt: skip
    yield Statistic(f"{path}.expected", None if reason else expected, "expected", f"{label}, expected", error=reason,
                    name="expected", **shared)  # fmt: skip
    sizes = {"n": found.n, "events": found.events}
    fitted = [count(f"{path}.model.{name}", size, f"{label}, case-mix model: {name}", **more) for name, size in sizes.items()]
    yield from veiled(fitted, not (overview.hidden[path].total or overview.hidden[f"{path}.ratio"].total))
    level = overview.study.methods.level
    estimate = (np.nan,) * 3 if reason else tuple(map(float, monitoring.observed_expected(observed, expected, level)))
    for name, value in zip(("estimate", "low", "high"), estimate, strict=True):
        yield Statistic(
            f"{path}.ratio.{name}", finite(value), "observed_expected" if name == "estimate" else "ratio_limit",
            f"{label}, observed / expected", name=name, error=reason or ("" if np.isfinite(value) else "not finite"),
            method="exact Poisson interval (Garwood)", function="scipy.stats.chi2.ppf", **shared,
        )  # fmt: skip
    x, size = measure.judged.total
    total = overview.hidden[path].total
    rate_ = None if reason or total else min(100.0, estimate[0] * 100 * x / size)
    yield Statistic(f"{path}.adjusted", rate_, "percent", f"{label}, adjusted rate", name="adjusted",
                    error=reason or (HIDDEN if total else ""), method="O/E x rate of the registry", **more)  # fmt: skip


def completed(overview: Overview, name: str, found: Counts, place: int) -> Iterator[Statistic]:
    """Yield how many values of a variable are recorded, here and in the registry without this site."""
    label, path = overview.variables[name].label, f"completeness.{name}"
    among = "patients to whom it applies"
    more: dict[str, Any] = {"context": "completeness", "variable": name, "variable_label": label, "among": among}
    yield from compared(overview, path, f"{label} recorded", found, place, more)


def compared(
    overview: Overview, path: str, label: str, found: Counts, place: int, more: dict[str, Any]
) -> Iterator[Statistic]:
    """Yield x of n here and in the registry without this site, as far as they may be shown."""
    methods = overview.study.methods
    own = rate(path, label, found.of(place), methods, interval=False, **more)
    others = rate(f"{path}.others", label, found.others.of(place), methods, interval=False, **more, **OTHERS)
    yield from here_and_elsewhere(overview, path, place, own, others)


def mixed(overview: Overview, path: str, found: Counts | tuple[Spread, Spread], place: int) -> Iterator[Statistic]:
    """Yield one line of the case mix, here and in the registry without this site."""
    name, _, code = path.partition(".")
    variable, key = overview.variables[name], f"case_mix.{path}"
    more: dict[str, Any] = {"context": "case_mix", "variable": name, "variable_label": variable.label}
    if isinstance(found, Counts):
        more |= {"level": code, "level_label": variable.codes[code]}
        yield from compared(overview, key, f"{variable.label}: {variable.codes[code]}", found, place, more)
        return
    own, rest = (each.of(place) for each in found)
    yield from here_and_elsewhere(
        overview, key, place, quartiles(key, variable.label, own, variable, **more),
        quartiles(f"{key}.others", variable.label, rest, variable, **more, **OTHERS),
    )  # fmt: skip


def followed(overview: Overview, name: str, place: int) -> Iterator[Statistic]:
    """Yield how many follow-ups of a site are obtained, due now, overdue, not yet due, or excused."""
    label = overview.study.reporting.follow_ups[name].label
    shown = overview.suppress.own == "shown"
    for state, counts in overview.follow_up[name].items():
        own = count(f"follow_up.{name}.{state}", int(counts[place]), f"{label}: {state}", context="follow_up", variable=name)
        yield from veiled([own], shown)


def charts(overview: Overview, site: Site, place: int) -> dict[str, dict[str, Any]]:
    """Return the data of a site's figures: recruitment, a funnel for each rate, a run chart for each time."""
    reports = overview.study.reporting
    drawn: dict[str, dict[str, Any]] = {}
    if own_shown(overview.hidden["patients.cumulative"], place, overview.suppress):
        drawn["recruitment"] = enrolment(overview, site, place)
    for name, measure in overview.measures.items():
        shown = own_shown(overview.hidden[f"indicator.{name}"], place, overview.suppress)
        if isinstance(measure, Rate):
            drawn |= funnels(overview, name, measure, place if shown else None)
        elif shown:
            drawn[f"run_{name}"] = run(overview, name, measure, place, reports.period)
    return drawn


def enrolment(overview: Overview, site: Site | None, place: int | None) -> dict[str, Any]:
    """Return the patients of a site by calendar step, of all sites where `place` is None."""
    found = overview.recruitment
    by_step = found.by_step[place] if place is not None else found.by_step.sum(axis=0)
    ends = np.cumsum(by_step)
    wanted = [target(site, found.first, end_of(step)) for step in found.steps] if site else [None] * len(ends)
    steps = [
        [step, int(n), int(total), goal] for step, n, total, goal in zip(found.steps, by_step, ends, wanted, strict=True)
    ]
    return {"kind": "recruitment", "label": "Patients enrolled", "steps": steps}


def end_of(step: str) -> date:
    return periods.parse(step).end


def funnels(overview: Overview, name: str, measure: Rate, place: int | None) -> dict[str, dict[str, Any]]:
    """Return an indicator's funnel plot: sites whose figures may be shown, the own one apart, and limits over all sizes.

    Adjusted indicators show observed / expected over the expected events, others percentages over patients. There is no
    plot where the registry's rate is hidden or nobody is in it.
    """
    path, found = f"indicator.{name}", measure.expected
    veil = overview.hidden[path].sites
    if found is not None and found.limits is not None:
        size, limits, scale, events = found.expected, found.limits, 1.0, found.observed.x
        veil = veil | overview.hidden[f"{path}.ratio"].sites
    else:
        size, limits, scale, events = measure.judged.n.astype(float), measure.limits, 100.0, measure.judged.x
        if overview.hidden[path].total or not size.any():
            return {}
    value = np.divide(events * scale, size, out=np.full(len(size), np.nan), where=size > 0)
    others = [i for i in range(len(size)) if size[i] > 0 and i != place]
    shown = [i for i in others if not veil[i]]
    chart: dict[str, Any] = {
        "kind": "funnel", "label": described(overview, name)["label"], "unit": "%" if scale > 1 else "",
        "size_label": "Patients" if scale > 1 else "Expected events",
        "points": sorted([float(size[i]), float(value[i])] for i in shown),
        "own": None, "own_limits": None,
        "centre": limits.centre * scale, "limits": limits.curve, "hidden": len(others) - len(shown),
    }  # fmt: skip
    if place is not None and size[place] > 0:
        ends = (limits.low, limits.high, limits.far_low, limits.far_high)
        chart |= {
            "own": [float(size[place]), float(value[place])],
            "own_limits": [finite(end[place] * scale) for end in ends],
        }
    return {f"funnel_{name}": chart}


def run(overview: Overview, name: str, measure: Time, place: int, kind: str) -> dict[str, Any]:
    """Return a run chart of a site's times with its median and signals."""
    told = described(overview, name)
    points, step = indicators.series(measure, overview.cohort, overview.cohort.patients(place), kind)
    median, signal = indicators.run_signal(points)
    return {
        "kind": "run", "label": told["label"], "unit": told["unit"], "points": [list(point) for point in points],
        "median": finite(median), "target": told["target"], "step": step, "signal": signal,
    }  # fmt: skip


CALLS = ("worse", "much-worse", "missed")
"""The statuses that call for a look."""


def centre_results(overview: Overview, sites: Mapping[str, str]) -> Results:
    """Return the Results of the coordinating centre's edition: the registry, and each site's figures as far as shown.

    `sites` gives, for each code, the segment of its keys.
    """
    statuses = {
        name: ["hidden" if overview.hidden[f"indicator.{name}"].sites[i] else code for i, code in enumerate(measure.status)]
        for name, measure in overview.measures.items()
    }
    found = [
        *overall(overview),
        *flagged(overview, statuses, sites),
        *(s for place, code in enumerate(overview.codes) for s in each_site(overview, f"at.{sites[code]}", place)),
    ]
    veil = any(overview.hidden[f"patients.{part}"].total for part in ("period", "cumulative"))  # its bars tell both
    drawn = {} if veil else {"recruitment": enrolment(overview, None, None)}
    for name, measure in overview.measures.items():
        drawn |= funnels(overview, name, measure, None) if isinstance(measure, Rate) else {}
    meta = {
        "charts": drawn,
        "layout": {"figures": {name: {"kind": chart["kind"], "of": name} for name, chart in drawn.items()}},
        "statuses": statuses,
    }
    return Results.of(found, {**about(overview), **meta})


def flagged(overview: Overview, statuses: Mapping[str, list[str]], sites: Mapping[str, str]) -> Iterator[Statistic]:
    """Yield how many sites each indicator flags, of those judged, and how many indicators flag each site."""
    for name, codes in statuses.items():
        judged = sum(code not in ("few", "none", "hidden", "context") for code in codes)
        n = sum(code in CALLS for code in codes)
        path, label = f"registry.flagged.{name}", f"{described(overview, name)['label']}, sites flagged"
        yield count(f"{path}.n", n, label, total=judged, context="registry")
        yield count(f"{path}.total", judged, f"{label}: sites judged", context="registry")
    for place, code in enumerate(overview.codes):
        n = sum(codes[place] in CALLS for codes in statuses.values())
        yield count(f"at.{sites[code]}.flags.n", n, "Indicators flagged", context="at")


def overall(overview: Overview) -> Iterator[Statistic]:
    """Yield the registry's own figures."""
    found = overview.recruitment
    parts = {"period": (found.period, "Patients enrolled in the period"), "cumulative": (found.cumulative, "Patients so far")}
    for name, (counts, label) in parts.items():
        total = count(f"registry.{name}.n", int(counts.sum()), label, context="registry")
        yield from veiled([total], not overview.hidden[f"patients.{name}"].total)
    yield count("registry.sites.n", int((found.cumulative > 0).sum()), "Sites with at least one patient", context="registry")
    for name, measure in overview.measures.items():
        told = described(overview, name)
        more: dict[str, Any] = {"context": "registry", "variable": name, "variable_label": told["label"], "among": told["among"]}
        path, shown = f"registry.indicator.{name}", not overview.hidden[f"indicator.{name}"].total
        if isinstance(measure, Rate):
            yield from veiled(rate(path, told["label"], measure.judged.total, overview.study.methods, **more), shown)
        else:
            yield from veiled(quartiles(path, told["label"], measure.whole.of(0), variable_of(overview, name), **more), shown)


def each_site(overview: Overview, path: str, place: int) -> Iterator[Statistic]:
    """Yield what the coordinating centre's edition shows of one site."""
    found = overview.recruitment
    for name, counts in (("period", found.period), ("cumulative", found.cumulative)):
        own = count(f"{path}.{name}.n", int(counts[place]), f"Patients, {name}", context="at")
        yield from veiled([own], not overview.hidden[f"patients.{name}"].sites[place])
    last = found.last[place]
    when = None if np.isnat(last) else last.astype(date)
    last_day = Statistic(f"{path}.last.date", when.toordinal() if when else None, "date", "Last patient enrolled",
                         error="" if when else "no patient so far", context="at", name="date")  # fmt: skip
    yield from veiled([last_day], not overview.hidden["patients.cumulative"].sites[place])
    for name, measure in overview.measures.items():
        told = described(overview, name)
        more: dict[str, Any] = {"context": "at", "variable": name, "variable_label": told["label"], "among": told["among"]}
        inner, shown = f"{path}.{name}", not overview.hidden[f"indicator.{name}"].sites[place]
        if isinstance(measure, Rate):
            yield from veiled(rate(inner, told["label"], measure.judged.of(place), overview.study.methods, **more), shown)
        else:
            yield from veiled(quartiles(inner, told["label"], measure.judged.of(place), variable_of(overview, name), **more), shown)
