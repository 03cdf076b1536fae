"""Answer every question that a study declares: Registry in, Results out."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from itertools import chain
from typing import Any

from tieout import comparing, journals
from tieout.analysis import (
    adjusted,
    describe,
    drawn,
    flow,
    imputation,
    models,
    outcomes,
    own,
    paired,
    propensity,
    rates,
    sensitivity,
    stratified,
    survival,
)
from tieout.registry import Registry
from tieout.results import Results, Statistic
from tieout.study import Derived, Study

LIBRARIES = ("pandas", "numpy", "scipy", "statsmodels", "firthmodels", "tableone")


def analyse(registry: Registry, allow_code: bool = False) -> Results:
    """Return the Results of a registry: every table, outcome, model, shift, flow and comparison that its study declares.

    A study's own analysis.py is run only with `allow_code`; otherwise `meta["not_run"]` says so.
    """
    study = registry.study
    found = chain(
        setting(registry),
        flow.flow(registry) if study.flow else (),
        *(describe.table(registry, name) for name in study.tables),
        *(outcomes.rates(registry, name) for name in study.outcomes),
        *(models.fitted(registry, name) for name in study.models),
        *(models.shifted(registry, name) for name in study.shifts),
        *(survival.survival(registry, name) for name in study.survival),
        *(rates.rates(registry, name) for name in study.rates),
        *(stratified.stratified(registry, name) for name in study.stratified),
        *(paired.paired(registry, name) for name in study.paired),
        *(propensity.propensity(registry, name) for name in study.propensity),
        *(imputation.imputed(registry, name) for name in study.imputation),
        own.statistics(registry) if allow_code else (),
    )
    aside = {"set_aside": dict(registry.records.set_aside)} if registry.records.set_aside else {}
    meta = {**about(study), "snapshot": registry.digest, **drawn.drawn(registry), **aside, **own.told(study, allow_code)}
    results = Results.of(found, meta)
    return derived(study, results) if study.p_values or study.e_values else results


def derived(study: Study, results: Results) -> Results:
    """Return the results with what is computed from other figures: adjusted p values and E-values."""
    more = chain(
        *(adjusted.adjusted(study, name, results) for name in study.p_values),
        *(sensitivity.e_values(study, name, results) for name in study.e_values),
    )
    return Results.of([*results, *more], results.meta)


def about(study: Study) -> dict[str, Any]:
    """Return what the results are of, and how their tables and figures are laid out."""
    return {
        "study": study.name,
        "title": study.title,
        "synthetic": study.synthetic,
        **journals.told(study.journal, study.folder),
        "confidence": f"{100 * study.methods.level:g}",
        "cut": study.data.cut.isoformat(),
        "study_digest": study.digest,
        "libraries": {name: version(name) for name in LIBRARIES},
        "definitions": {name: definition(derived) for name, derived in study.derived.items()},
        "layout": {
            "tables": {
                name: {
                    "sections": {heading: list(rows) for heading, rows in table.rows.items()},
                    "groups": ["all", *study.groups[table.by].levels],
                    "by": study.dictionary[study.groups[table.by].variable].label,
                    "smd": table.smd,
                }
                for name, table in study.tables.items()
            },
            "models": {
                name: {"label": model.label, "terms": list(model.terms), "univariable": list(model.univariable)}
                for name, model in study.models.items()
            },
            "shifts": {
                name: {"label": shift.label, "groups": list(study.groups[shift.by].levels)}
                for name, shift in study.shifts.items()
            },
            "flow": [
                {
                    "name": step.name,
                    "label": step.label,
                    "excluded": step.excluded,
                    "beside": step.beside,
                    "of": step.of,
                }
                for step in study.flow
            ],
            "figures": {name: {"kind": figure.kind, "of": figure.of or ""} for name, figure in study.figures.items()},
            **comparing.layout(study),
            **following(study),
        },
    }


def following(study: Study) -> dict[str, Any]:
    """Return how survival and rates are laid out, where the study declares any."""
    declared: dict[str, dict[str, Any]] = {"survival": dict(study.survival), "rates": dict(study.rates)}
    return {
        part: {
            name: {"label": each.label, "groups": list(study.groups[each.by].levels) if each.by else []}
            | ({"at": [f"{when:g}" for when in each.at]} if part == "survival" else {})
            for name, each in found.items()
        }
        for part, found in declared.items()
        if found
    }


def definition(derived: Derived) -> str:
    """Return the rule of a derived variable in words: mrs90 is 0, 1 or 2."""
    if derived.span:
        unit, (first, second) = derived.span
        return f"{unit} from {first} to {second}"
    return " and ".join(f"{name} is {' or '.join(codes)}" for name, codes in (derived.is_ or {}).items())


def setting(registry: Registry) -> Iterator[Statistic]:
    """Yield how many patients there are, and where the data say it, the sites and the first and last day of enrolment."""
    study, frame = registry.study, registry.frame
    n, site, enrolled = len(frame), study.with_role("site"), study.with_role("enrolled")
    yield Statistic("study.patients.n", n, "count", "Patients in the registry", n=n, total=n, context="study", name="n")
    if study.data.unfit == "missing":
        aside, words = sum(registry.records.set_aside.values()), "Values that do not fit the dictionary, counted as missing"
        yield Statistic("study.set_aside.n", aside, "count", words, n=aside, context="study", name="n")
    if site:
        sites = int(frame[site].nunique())
        yield Statistic(
            "study.sites.n", sites, "count", "Sites with at least one patient", n=sites, context="study", name="n"
        )
    days = frame[enrolled].dt.date if enrolled else []
    for name, when, words in (("first", min(days), "First"), ("last", max(days), "Last")) if len(days) else ():
        key = f"study.{name}_enrolled.date"
        yield Statistic(key, when.toordinal(), "date", f"{words} day of enrolment", context="study", name="date")
