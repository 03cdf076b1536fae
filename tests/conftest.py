"""A small study that tests change: twelve patients, three sites, one outcome, one model."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

STUDY = """\
name: small
title: A small study
data: {file: data.csv, cut: 2024-12-31}
documents: {manuscript: m.qmd}
variables:
  id: {label: Record, type: key, role: record}
  site: {label: Site, type: text, role: site}
  day: {label: Enrolled, type: date, role: enrolled}
  age: {label: Age, type: integer, unit: years, range: [18, 110], missing: {-99: unknown}}
  sex: {label: Sex, type: category, levels: {1: Male, 2: Female}, missing: {-99: unknown}}
  mrs: {label: mRS, type: ordinal, levels: {0: "0", 1: "1", 2: "2", 3: "3"}, missing: {-99: lost}}
derived:
  good: {label: Good outcome, is: {mrs: [0, 1]}, levels: {1: Good, 0: Poor}}
groups:
  outcome: {variable: good, levels: {good: 1, poor: 0}}
outcomes:
  good: {variable: good, label: Good outcome, among: patients with a score}
tables:
  baseline: {by: outcome, rows: [age, sex]}
models:
  good: {outcome: good, label: Good outcome, terms: [age, sex]}
conditions: {common: outcome.good.pct > 10}
claims:
  fine: {condition: common, states: Good outcomes were common}
"""

DATA = """\
id,site,day,age,sex,mrs
r-01,a,2024-01-03,61,1,0
r-02,a,2024-01-09,70,2,3
r-03,a,2024-02-11,66,1,1
r-04,a,2024-02-20,81,2,2
r-05,b,2024-03-01,74,1,3
r-06,b,2024-03-15,58,2,0
r-07,b,2024-04-02,69,1,2
r-08,b,2024-05-05,77,2,1
r-09,c,2024-06-01,63,1,1
r-10,c,2024-06-09,72,1,3
r-11,c,2024-07-01,-99,2,0
r-12,c,2024-08-01,68,2,-99
"""

TEMPLATE = """\
---
title: "A small study"
author:
  - name: A. Author
abstract: |
  A good outcome was seen in [[ outcome.good | rate ]].
---

# Results

Of [[ study.patients.n ]] patients, [[ outcome.good | n_pct ]] had a good outcome (@tbl-baseline).
[% claim fine %]Good outcomes were common.[% endclaim %]

::: {#tbl-baseline}
[[ tables.baseline ]]

Baseline
:::

::: {#tbl-model}
[[ tables.model_good ]]

Model
:::
"""


@dataclass(frozen=True)
class Small:
    """The folder of the small study, and how to change one of its files."""

    folder: Path

    @property
    def study(self) -> Path:
        return self.folder / "study.yaml"

    def write(self, name: str, text: str | bytes) -> Small:
        path = self.folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return self

    def change(self, name: str, old: str, new: str) -> Small:
        text = (self.folder / name).read_text(encoding="utf-8")
        assert old in text, f"{old!r} is not in {name}"
        return self.write(name, text.replace(old, new))

    def results(self):
        """Return the Results of the study as it stands."""
        from tieout import registry, study
        from tieout.analysis import everything

        return everything.analyse(registry.read(study.read(self.study)))

    def build(self, *formats: str, **options):
        """Build the study into the folder `build` beside it."""
        from tieout.build import build

        return build(self.study, formats or ("html",), self.folder / "build", "embedded", **options)


def word_text(part) -> str:
    """Return the text of a part of a Word file, content controls included, which python-docx leaves out."""
    from docx.oxml.ns import qn

    lines = [p.iter(qn("w:t"), qn("w:br")) for p in part._element.iter(qn("w:p"))]
    return "\n".join("".join(t.text or "\n" for t in line) for line in lines)


@pytest.fixture
def small(tmp_path: Path) -> Small:
    found = Small(tmp_path)
    return found.write("study.yaml", STUDY).write("data.csv", DATA).write("m.qmd", TEMPLATE)


@pytest.fixture(scope="module")
def browser():
    """Headless Chromium; without it the tests that need it are skipped, or fail where the tools are required."""
    chromium = shutil.which("chromium")
    if not chromium and not os.environ.get("TIEOUT_REQUIRE_TOOLS"):
        pytest.skip("chromium is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as player:
        started = player.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()
