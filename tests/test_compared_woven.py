"""What the comparisons weave audits clean, and tables print their reasons where nothing can be estimated."""

from __future__ import annotations

import re

import numpy as np
import pytest
from test_audit_loop import audited

from tieout import comparison_tables
from tieout.audit import carried
from tieout.audit.read import read
from tieout.display import Profile

STUDY = """\
name: compared
title: Compared
data: {file: data.csv, cut: 2024-12-31}
documents: {manuscript: m.qmd}
variables:
  id: {label: Record, type: key, role: record}
  site: {label: Site, type: text, role: site}
  day: {label: Enrolled, type: date, role: enrolled}
  treat: {label: Treatment, type: yesno, levels: {1: Stenting, 0: Medical}}
  good: {label: Good outcome, type: yesno}
  age: {label: Age, type: integer, unit: years}
  place: {label: Occlusion, type: category, levels: {1: Carotid, 2: Middle cerebral, 3: Basilar}}
  before: {label: Drug before, type: yesno}
  after: {label: Drug after, type: yesno}
  first: {label: Pressure at first, type: integer, unit: mm Hg}
  then: {label: Pressure then, type: integer, unit: mm Hg}
  last: {label: Pressure at last, type: integer, unit: mm Hg}
groups:
  treatment: {variable: treat, levels: {stent: 1, medical: 0}}
outcomes:
  good: {variable: good, label: Good outcome, among: all patients, by: treatment}
tables:
  baseline: {by: treatment, rows: [age, place]}
models:
  good: {outcome: good, label: Good outcome, terms: [treat, age, place], per: {age: 10}}
stratified:
  good: {outcome: good, by: treatment, strata: place, label: Good outcome}
paired:
  drug: {variables: [before, after], label: Drug, by: treatment}
  pressure: {variables: [first, then], label: Pressure}
  pressures: {variables: [first, then, last], label: Pressure over time}
p_values:
  family: {of: ["table.baseline.*.p", outcome.good.p], method: benjamini_hochberg, label: Baseline}
propensity:
  stent: {group: treatment, terms: [age, place], estimand: att, outcomes: [good], label: Stenting}
imputation:
  good: {model: good, imputations: 2}
e_values:
  stent: {of: outcome.good.risk_ratio}
figures:
  balance: {kind: love, of: stent}
"""
PROSE = """\
---
title: "Compared"
---

# Methods

[[ text.methods ]]

# Results

A good outcome was had by [[ outcome.good | n_pct ]]; pooled over strata, [[ stratified.good.odds_ratio | estimate_ci ]]
([[ stratified.good | p ]]), and weighted, [[ propensity.stent.outcome.good.risk_ratio | estimate_ci_p ]] with an effective
sample of [[ propensity.stent.medical.effective_size ]] (E-value [[ e_value.stent.estimate ]]). Imputed,
[[ imputation.good.treat | estimate_ci_p ]]. Adjusted, [[ p_value.family.outcome.good | p ]].

![Balance](figures/balance){#fig-balance fig-alt="[[ alt.balance ]]"}
"""
TABLES = (
    *("stratified_good", "paired_drug", "paired_pressure", "paired_pressures", "p_value_family", "propensity_stent"),
    *("weighted_stent", "imputation_good", "e_values"),
)


def patients(size: int, treated_good: float = 0.6) -> str:
    chance = np.random.default_rng(21)
    rows = ["id,site,day,treat,good,age,place,before,after,first,then,last"]
    for at in range(size):
        treat, first = at % 2, chance.integers(110, 180)
        cells = [treat, int(chance.random() < (treated_good if treat else 0.4)), chance.integers(40, 90), chance.integers(1, 4)]
        cells[2] = "" if at % 9 == 4 else cells[2]
        drugs = [chance.integers(0, 2), chance.integers(0, 2)]
        cells += [*drugs, first, first + chance.integers(-30, 10), first + chance.integers(-30, 5)]
        rows.append(",".join([f"r-{at}", "a", "2024-02-03", *map(str, cells)]))
    return "\n".join(rows) + "\n"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    from conftest import Small

    study = Small(tmp_path_factory.mktemp("compared"))
    blocks = [f"::: {{#tbl-{at}}}\n[[ tables.{name} ]]\n\nTable of {name}\n:::\n" for at, name in enumerate(TABLES)]
    study.write("study.yaml", STUDY).write("data.csv", patients(160)).write("m.qmd", PROSE + "\n" + "\n".join(blocks))
    return study.build("html", "docx", "pdf")


@pytest.mark.parametrize("name", ["html", "docx", "pdf"])
def test_every_figure_of_the_comparisons_audits_clean(built, name):
    path = built.outputs[name]
    findings = audited(read(path), built.results, carried.woven(path))
    assert len(findings) > 100
    assert {f.verdict for f in findings} == {"confirmed"}, [f.message for f in findings if f.verdict != "confirmed"]


def test_warnings_of_weights_and_strata_that_are_left_out_audit_clean_too(tmp_path):
    from conftest import Small

    lines = patients(160).splitlines()
    cells = [line.split(",") for line in lines[1:]]
    for row in cells:  # treatment follows age but for a few, and a place has only one group
        old = int(row[5] or 50) > 62
        row[3] = str(int(old)) if row[0] not in ("r-2", "r-3", "r-50", "r-51", "r-70", "r-71") else str(int(not old))
        row[6] = "3" if row[3] == "1" and row[6] == "3" else str(1 + int(row[6]) % 2)
    blocks = [f"::: {{#tbl-{at}}}\n[[ tables.{name} ]]\n\nTable of {name}\n:::\n" for at, name in enumerate(TABLES)]
    declared = STUDY.replace("terms: [age, place], estimand: att", "terms: [age], estimand: ate")
    study = Small(tmp_path).write("study.yaml", declared)
    study.write("data.csv", "\n".join([lines[0], *map(",".join, cells)]) + "\n").write("m.qmd", PROSE + "\n" + "\n".join(blocks))
    built = study.build("html")
    assert "The weights are unstable" in built.document.text and "who compare nothing" in built.document.text
    findings = audited(read(built.outputs["html"]), built.results, carried.woven(built.outputs["html"]))
    assert {f.verdict for f in findings} == {"confirmed"}, [f.message for f in findings if f.verdict != "confirmed"]


POOR = {
    "one group": {"treat": "1"},
    "no outcome": {"good": ""},
    "everybody had the event": {"good": "1"},
    "no age": {"age": ""},
    "one age": {"age": "60"},
    "one stratum": {"place": "1"},
    "nobody's group": {"treat": ""},
    "nothing measured again": {"then": "", "after": ""},
}


@pytest.mark.parametrize("poor", POOR.values(), ids=POOR)
def test_poor_data_give_reasons_and_neither_warnings_nor_a_stop(poor, tmp_path):
    import warnings

    from conftest import Small

    header, *rows = (line.split(",") for line in patients(40).splitlines())
    changed = [",".join(poor.get(name, cell) for name, cell in zip(header, row, strict=True)) for row in rows]
    study = Small(tmp_path).write("study.yaml", STUDY).write("data.csv", "\n".join([",".join(header), *changed]) + "\n")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        results = study.results()
        tables = comparison_tables.every(results, Profile())
    assert any("not estimable" in table for table in tables.values())


def test_every_table_that_a_document_can_name_is_woven(built):
    assert set(comparison_tables.every(built.results, Profile())) == set(TABLES)
    assert {key.split(".")[0] for key in built.document.keys} >= {
        "stratified", "paired", "p_value", "propensity", "imputation", "e_value",
    }  # fmt: skip


def test_the_methods_name_what_was_done(built):
    said = built.document.text
    for words in ("Mantel–Haenszel", "McNemar", "propensity score for the average effect in the first group", "Rubin", "E-values"):
        assert words in said
    assert "Missing values were counted and imputed only where this is said." in said


def test_what_cannot_be_estimated_is_printed_so_with_its_reason_in_every_table(tmp_path):
    from conftest import Small

    study = Small(tmp_path).write("study.yaml", STUDY).write("m.qmd", "")
    alike = [f"r-{at},a,2024-02-03,{at % 2},0,60,1,1,1,120,120,120" for at in range(4)]
    results = study.write("data.csv", "\n".join([patients(0).strip(), *alike]) + "\n").results()
    for name, table in comparison_tables.every(results, Profile()).items():
        assert "NE" in table and "not estimable" in table, name


def test_every_computed_comparison_says_how_it_was_made_and_in_whom(built):
    kinds = ("stratified", "paired", "p_value", "propensity", "imputation", "e_value")
    for s in built.results:
        if s.context in kinds and s.kind not in ("count",):
            assert s.method and s.label, s.key
            assert s.n is not None or s.total is not None, s.key


def test_keys_of_comparisons_read_as_the_documents_language_reads_them(built):
    plain = re.compile(r"[A-Za-z_]\w*(\.\w+)+")
    assert all(plain.fullmatch(s.key) for s in built.results)


def test_a_study_without_comparisons_lays_out_none_and_computes_none(small):
    results = small.results()
    assert not {"stratified", "paired", "p_values", "propensity", "imputation", "e_values"} & set(results.meta["layout"])
    assert {s.key.split(".")[0] for s in results} == {"study", "table", "outcome", "model"}
