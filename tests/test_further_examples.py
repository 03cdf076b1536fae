"""The further examples reproduce what was published for their data, from a short study file."""

from __future__ import annotations

import importlib.util
import math
import shutil
from pathlib import Path

import pytest

from tieout import build

EXAMPLES = Path(__file__).parents[1] / "data" / "examples"
PUBLISHED = {
    "smoking": {
        "stratified.city.odds_ratio.estimate": 2.17, "stratified.city.odds_ratio.low": 1.98,
        "stratified.city.odds_ratio.high": 2.38, "stratified.city.homogeneity.p": 0.64,
    },
    "lung-cancer": {
        "study.patients.n": 137, "outcome.died.n": 128, "log model.overall.Treatment.test.estimate": 0.295,
        "log model.overall.Karnofsky_score.estimate": -0.328, "log model.overall.Celltype.smallcell.estimate": 0.862,
        "log model.overall.Celltype.adeno.estimate": 1.196, "log model.overall.Celltype.large.estimate": 0.401,
    },
    "breast-cancer": {
        "study.patients.n": 686, "outcome.recurred.n": 299, "model.free.horTh.yes.estimate": 0.7073,
        "model.free.horTh.yes.p": 0.0073,
    },
}  # fmt: skip
"""What was published, to the digits printed; a step of 10 points stands for one of the Karnofsky score."""


def copied(name: str, folder: Path) -> Path:
    """Copy an example and write its data as a user would; return its study file."""
    if name != "smoking":
        pytest.importorskip("sksurv", reason="scikit-survival, which carries the data, is not installed")
    shutil.copytree(EXAMPLES / name, folder / name)
    spec = importlib.util.spec_from_file_location("make_data", folder / name / "make_data.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.patients().to_csv(folder / name / "data.csv", index=False)
    return folder / name / "study.yaml"


@pytest.mark.parametrize("name", PUBLISHED)
def test_an_example_builds_and_reproduces_what_was_published(tmp_path, name):
    built = build.build(copied(name, tmp_path), ("html",), tmp_path / "out", "embedded")
    assert all(quote.holds for quote in built.document.claims) and built.document.claims
    for key, published in PUBLISHED[name].items():
        value = built.results[key.removeprefix("log ")].value
        digits = len(str(published).partition(".")[2])
        assert round(math.log(value) if key.startswith("log ") else value, digits) == published, key


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_study_file_of_an_example_is_short(name):
    assert len((EXAMPLES / name / "study.yaml").read_text(encoding="utf-8").splitlines()) < 100
