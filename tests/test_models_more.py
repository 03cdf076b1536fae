"""A study's survival, rates and models of every kind: from the study file to figures, tables, words and audit."""

from __future__ import annotations

import csv
import math
import random
import re
from pathlib import Path

import pytest

from tieout import followed_tables, methods, registry, study, tables
from tieout.analysis import everything
from tieout.audit.extract import extract
from tieout.audit.match import match
from tieout.audit.read import read, read_text
from tieout.build import build
from tieout.display import Profile
from tieout.errors import TieoutError

STUDY = """\
name: followed
title: Patients followed over time
synthetic: SYNTHETIC
data: {file: data.csv, cut: 2024-12-31}
documents: {manuscript: m.qmd}
variables:
  id: {label: Record, type: key, role: record}
  site: {label: Site, type: text, role: site}
  day: {label: Enrolled, type: date, role: enrolled}
  time: {label: Follow-up, type: integer, unit: d}
  dead: {label: Died, type: yesno}
  ward: {label: Ward, type: category, levels: {1: North, 2: South}}
  arm: {label: Arm, type: category, levels: {1: Coated, 2: Bare}}
  age: {label: Age, type: integer, unit: years, missing: {-99: unknown}}
  bleeds: {label: Bleeds, type: integer}
  years: {label: Years at risk, type: decimal, unit: years}
  pressure: {label: Systolic pressure, type: decimal, unit: mm Hg, decimals: 1}
  grade: {label: Grade, type: ordinal, levels: {0: "0", 1: "1", 2: "2", 3: "3"}}
groups:
  arm: {variable: arm, levels: {coated: 1, bare: 2}}
survival:
  death: {time: time, event: dead, label: Death, among: patients followed, by: arm, at: [90, 365]}
rates:
  bleeds: {events: bleeds, exposure: years, per: 100, unit: patient-years, label: Bleeding, among: patients at risk, by: arm}
models:
  death: {kind: cox, outcome: dead, time: time, label: Death, terms: [arm, age], per: {age: 10}, reference: {arm: 2}}
  death_by_site: {kind: cox, outcome: dead, time: time, label: Death, terms: [arm, age], cluster: site}
  bleeds: {kind: poisson, outcome: bleeds, exposure: years, label: Bleeding, terms: [arm, age]}
  bleeds_more: {kind: negative_binomial, outcome: bleeds, exposure: years, label: Bleeding, terms: [arm, age]}
  pressure: {kind: linear, outcome: pressure, label: Systolic pressure, terms: [arm, age], per: {age: 10}, cluster: site}
  grade: {kind: ordinal, outcome: grade, label: Grade, terms: [arm, age], cluster: site}
  alike: {outcome: dead, label: Death, terms: [arm, age], cluster: site, correlation: exchangeable}
figures:
  hazards: {kind: forest, of: death}
  bleeds: {kind: forest, of: bleeds}
"""

TEMPLATE = """\
---
title: "Patients followed"
author:
  - name: A. Author
---

# Results

Of [[ survival.death.n ]] patients [[ survival.death.events ]] died. Survival at 90 days was [[ survival.death["90"] | pct_ci ]],
with a coated stent [[ survival.death.coated["365"] | pct_ci ]] at one year (log-rank [[ survival.death | p ]]).
Median survival was [[ survival.death.median | estimate_ci ]].

Coated stents lowered mortality ([[ model.death.arm["1"] | estimate_ci_p ]]; by site
[[ model.death_by_site.arm["2"] | estimate_ci_p ]]). Age mattered ([[ model.death.age | estimate_ci_p ]]).

Bleeding occurred at [[ rates.bleeds | per_time ]], with coated stents at [[ rates.bleeds.coated | per_time ]]
([[ rates.bleeds.rate_ratio | estimate_ci ]]; [[ rates.bleeds | p ]]), adjusted [[ model.bleeds.arm["2"] | estimate_ci_p ]] and
[[ model.bleeds_more.arm["2"] | estimate_ci_p ]].

Pressure fell with age ([[ model.pressure.age | estimate_ci_p ]]), and grades ([[ model.grade.age | estimate_ci_p ]]).
Within sites, [[ model.alike.arm["2"] | estimate_ci_p ]].

![Hazards](figures/hazards){#fig-hazards fig-alt="[[ alt.hazards ]]"}

![Bleeds](figures/bleeds){#fig-bleeds fig-alt="[[ alt.bleeds ]]"}

::: {#tbl-death}
[[ tables.model_death ]]

Death
:::

::: {#tbl-pressure}
[[ tables.model_pressure ]]

Pressure
:::

::: {#tbl-survival}
[[ tables.survival_death ]]

Survival
:::

::: {#tbl-rates}
[[ tables.rates ]]

Rates
:::

# Methods

[[ text.methods ]]
"""
COLUMNS = "id,site,day,time,dead,ward,arm,age,bleeds,years,pressure,grade".split(",")


def patients(n: int = 240, seed: int = 5) -> list[dict[str, object]]:
    """Return simulated patients of twelve sites in whom the arm and age change every outcome."""
    chance = random.Random(seed)
    rows: list[dict[str, object]] = []
    for i in range(n):
        arm, age = 1 + i % 2, round(chance.gauss(65, 10))
        site = chance.randrange(12)
        time = chance.expovariate(0.002 * math.exp(0.5 * (arm == 2) + 0.03 * (age - 65)))
        years = round(chance.uniform(0.2, 3), 2)
        mean = 0.8 * years * chance.gammavariate(2, 0.5) * (1.5 if arm == 2 else 1)
        rows.append(
            {
                "id": f"r{i}", "site": f"s{site}", "day": "2023-01-05", "time": round(min(time, 700)), "dead": int(time <= 700),
                "ward": 1 + i % 2, "arm": arm, "age": age if i % 29 else -99,
                "bleeds": sum(chance.random() < mean / 20 for _ in range(20)), "years": years,
                "pressure": round(150 - 0.4 * (age - 65) + site + chance.gauss(0, 8), 1),
                "grade": min(3, max(0, round((age - 50) / 12 + chance.gauss(0, 1)))),
            }
        )  # fmt: skip
    return rows


def written(folder: Path, rows: list[dict[str, object]], text: str = STUDY) -> Path:
    with (folder / "data.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    (folder / "m.qmd").write_text(TEMPLATE, encoding="utf-8")
    (folder / "study.yaml").write_text(text, encoding="utf-8")
    return folder / "study.yaml"


def results_of(folder: Path, rows: list[dict[str, object]], text: str = STUDY):
    return everything.analyse(registry.read(study.read(written(folder, rows, text))))


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return results_of(tmp_path_factory.mktemp("results"), patients())


def test_every_figure_says_of_how_many_by_what_method_and_function(results):
    found = [s for s in results if s.context in ("model", "survival", "rate") and s.name not in ("low", "high", "events_per_variable")]
    assert len(found) > 120
    for s in found:
        assert s.n is not None and s.total is not None, s.key
        assert s.kind in ("count", "person_time", "events_per_variable") or (s.method and s.function), s.key


def test_each_kind_is_announced_by_its_measure_in_a_sentence(results):
    from tieout.display import PHRASES
    from tieout.keyed import words

    def said(key: str, phrase: str) -> str:
        profile = Profile()
        return words(PHRASES[phrase](lambda part: results[f"{key}.{part}" if part else key], profile), profile)

    number = r"−?\d+\.\d+"
    for key, start in (
        ("model.death.age", "HR "), ("model.bleeds.age", "rate ratio "), ("model.grade.age", "common OR "), ("model.alike.age", "OR "),
    ):  # fmt: skip
        assert re.fullmatch(rf"{start}{number}; 95% CI {number} to {number}; p[=<]0\.\d+", said(key, "estimate_ci_p"))
    fall = rf"mean difference {number} mm Hg; 95% CI {number} to {number}; p[=<]0\.\d+"
    assert re.fullmatch(fall, said("model.pressure.age", "estimate_ci_p"))
    assert re.fullmatch(rf"{number} per 100 patient-years \(95% CI {number} to {number}\)", said("rates.bleeds", "per_time"))
    assert re.fullmatch(r"\d+(\.5)? d; 95% CI \d+(\.5)? to \d+(\.5)?", said("survival.death.median", "estimate_ci"))


def test_tables_are_headed_by_the_measure_and_notes_count_who_is_in_them(results):
    made = tables.every(results, Profile()) | followed_tables.every(results, Profile())
    assert "HR (95% CI)" in made["model_death"] and "Proportional hazards" in made["model_death"]
    assert "Mean difference, mm Hg (95% CI)" in made["model_pressure"] and "Age, per 10 years" in made["model_pressure"]
    assert "events" not in made["model_pressure"] and "Clusters: " in made["model_pressure"]
    assert "Rate ratio (95% CI)" in made["model_bleeds"]
    assert "per 100 patient&#45;years" in made["rates"].replace("-", "&#45;")


def test_the_methods_name_what_ran(results):
    said = methods.paragraph(results)
    for words in (
        "Cox regression (Efron’s approximation for ties, Wald interval)", "robust Wald interval by Site",
        "negative binomial regression",
        "Kaplan-Meier estimates (log-log interval)", "log-rank test", "exact Poisson interval",
        "generalised estimating equations with exchangeable correlation", "Hazards were examined for proportionality",
    ):  # fmt: skip
        assert words in said.replace("\\", ""), words


def test_the_document_is_typeset_and_what_it_says_audits_clean(tmp_path):
    built = build(written(tmp_path, patients()), ("html", "docx"), tmp_path / "build", "embedded")
    sources = [read(built.outputs["html"]), read_text(built.document.text, "md", "the woven document")]
    for manuscript in sources:
        findings = match(manuscript, extract(manuscript), built.results)
        keyed = [f for f in findings if f.rule == "key"]
        assert len(keyed) > 40
        assert [f.message for f in findings if f.verdict == "contradicted"] == []
        told = {f.key for f in keyed}
        for key in ("model.death.arm.1.estimate", "rates.bleeds.rate_ratio.estimate", "survival.death.90.pct"):
            assert key in told, key


def test_an_altered_hazard_ratio_rate_or_survival_is_found(tmp_path):
    built = build(written(tmp_path, patients()), ("html",), tmp_path / "build", "embedded")
    text = built.document.text
    keys = ("model.death.arm.1.estimate", "rates.bleeds.estimate", "rates.bleeds.low", "survival.death.90.pct")
    for key in (*keys, "model.pressure.age.high"):
        span = re.search(rf'\[([^\[\]]*)\]\{{\.stat key="{re.escape(key)}"\}}', text)
        assert span, key
        wrong = re.sub(r"\d(?=%?$)", lambda last: str((int(last.group()) + 5) % 10), span[1])
        altered = text.replace(span[0], span[0].replace(span[1], wrong), 1)
        manuscript = read_text(altered, "md", "altered")
        findings = [f for f in match(manuscript, extract(manuscript), built.results) if f.verdict == "contradicted"]
        assert [f.key for f in findings] == [key]


def changed(**columns: object) -> list[dict[str, object]]:
    return [{**row, **{k: v(i, row) if callable(v) else v for k, v in columns.items()}} for i, row in enumerate(patients(60))]


HARD = {
    "nobody has the event": (changed(dead=0), "model.death.age.estimate", "nobody had the event"),
    "everybody of a group has it first": (
        changed(time=lambda i, row: 5 if row["arm"] == 1 else 50, dead=lambda i, row: int(row["arm"] == 1)),
        "model.death.arm.1.estimate", "always fall on one side of Arm",
    ),
    "nobody followed so long": (changed(time=lambda i, row: i % 60, dead=0), "survival.death.365.pct", "nobody was followed so long"),
    "no event, no interval": (changed(dead=0), "survival.death.90.low", "log-log interval does not exist"),
    "a time below 0": (changed(time=lambda i, row: i - 1), "survival.death.90.pct", "below 0 in 1 patients"),
    "Cox with a time below 0": (changed(time=lambda i, row: i - 2), "model.death.age.p", "below 0 in 1 of the complete cases"),
    "a group is empty": (changed(arm=2), "survival.death.p", "a group has no patients"),
    "no time at risk": (changed(years=0, bleeds=0), "rates.bleeds.estimate", "not observed|nobody was observed"),
    "events without time": (changed(years=0), "rates.bleeds.estimate", "events without exposure"),
    "a count below 0": (changed(bleeds=-1), "model.bleeds.age.estimate", "outcome is below 0"),
    "bleeds in one arm only": (
        changed(bleeds=lambda i, row: 2 if row["arm"] == 1 else 0), "model.bleeds.arm.2.estimate", "on one side of Arm",
    ),
    "no bleeds in the second arm": (
        changed(bleeds=lambda i, row: 2 if row["arm"] == 1 else 0),
        "rates.bleeds.rate_ratio.estimate", "infinite",
    ),
    "counts without spread": (changed(bleeds=lambda i, row: 1 + (i % 7 == 0)), "model.bleeds_more.age.estimate", "alpha is 0"),
    "one site": (changed(site="a"), "model.pressure.age.estimate", "one cluster"),
    "a site for each patient": (changed(site=lambda i, row: f"s{i}"), "model.alike.age.estimate", "single patient"),
    "a term that is one site": (
        changed(site=lambda i, row: "a" if row["arm"] == 1 else f"s{i % 9}"),
        "model.pressure.arm.2.estimate", "single cluster makes up",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", HARD)
def test_hard_data_are_not_estimable_with_the_reason_and_never_a_number(tmp_path, case):
    rows, key, words = HARD[case]
    results = results_of(tmp_path, rows)
    found = results[key]
    assert found.value is None and re.search(words, found.error), found
    assert tables.every(results, Profile()) and followed_tables.every(results, Profile())


def test_few_clusters_are_warned_of_and_counted(tmp_path):
    found = results_of(tmp_path, changed(site=lambda i, row: f"s{i % 5}"))
    assert found["model.pressure.clusters"].value == 5
    assert "few clusters" in found["model.pressure.age.estimate"].warning


def test_missing_values_leave_a_model_and_are_counted(results):
    lost = sum(row["age"] == -99 for row in patients())
    for name in ("death", "bleeds", "pressure", "grade", "alike"):
        assert results[f"model.{name}.missing"].value == lost
        assert results[f"model.{name}.n"].value == 240 - lost


MISTAKES = [
    ("kind: cox, outcome: dead, time: time", "kind: cox, outcome: dead", "needs the time"),
    ("kind: cox, outcome: dead", "kind: cox, outcome: bleeds", "expected yesno"),
    ("kind: poisson, outcome: bleeds, exposure", "kind: poisson, outcome: bleeds, time", "has no time"),
    ("kind: poisson, outcome: bleeds", "kind: poisson, outcome: pressure", "expected integer"),
    ("kind: ordinal, outcome: grade", "kind: linear, outcome: grade", "expected integer or decimal"),
    ("cluster: site, correlation", "correlation", "no cluster"),
    ("terms: [arm, age], cluster: site}", "terms: [arm, age], cluster: age}", "does not say to which cluster"),
    ("kind: ordinal, outcome: grade", "kind: ordinal, correlation: exchangeable, outcome: grade", "has no correlation"),
    ("kind: ordinal, outcome", "kind: ordinl, outcome", "did you mean 'ordinal'"),
    ("terms: [arm, age], cluster: site}", "terms: [arm, age], interval: profile}", "profile interval"),
    ("hazards: {kind: forest, of: death}", "hazards: {kind: forest, of: pressure}", "differences of means"),
    ("at: [90, 365]", "at: [90, 90]", "stands twice"),
    ("at: [90, 365]", "at: [-1]", "expected a number from 0 on"),
    ("per: 100, unit", "per: 0, unit", "expected a number above 0"),
    ("by: arm, at", "by: amr, at", "did you mean 'arm'"),
    ("exposure: years, per", "exposure: dead, per", "expected integer or decimal"),
]


@pytest.mark.parametrize(("old", "new", "words"), MISTAKES)
def test_a_mistake_in_what_is_declared_is_told(tmp_path, old, new, words):
    assert old in STUDY
    with pytest.raises(TieoutError, match=words):
        study.read(written(tmp_path, [], STUDY.replace(old, new, 1)))
