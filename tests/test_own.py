"""A study's own analysis: run only when allowed, held to the rules of figures, and silent about patients."""

from __future__ import annotations

import sys

import pytest

from tieout import registry, study
from tieout.analysis import everything, own
from tieout.display import KINDS
from tieout.errors import TieoutError

CODE = """\
import numpy as np
from tieout.results import Statistic


def statistics(registry):
    ages = registry.frame["age"].dropna()
    yield Statistic("own.oldest.n", np.int64(ages.max()), "count", "Oldest patient", n=np.int64(1), total=len(ages))
    yield Statistic("own.sex.p", 0.5, "p", "A test of ours")
"""


def analysed(small, code, allow=True):
    small.write("analysis.py", code)
    return everything.analyse(registry.read(study.read(small.study)), allow_code=allow)


def error_of(small, code) -> str:
    with pytest.raises(TieoutError) as told:
        analysed(small, code)
    return str(told.value)


def test_own_figures_stand_among_the_others_with_plain_numbers(small):
    results = analysed(small, CODE)
    assert results["own.oldest.n"].value == 81 and type(results["own.oldest.n"].value) is int
    assert type(results["own.oldest.n"].n) is int
    assert results["own.sex.p"].context == "own" and results["own.sex.p"].function == "analysis.py: statistics"
    assert results.to_json() and len(results.meta["own_code"]) == 64


def test_code_that_was_not_allowed_is_not_run_and_this_is_said(small):
    results = analysed(small, "raise SystemExit", allow=False)
    assert "--allow-code" in results.meta["not_run"] and "analysis.py" in results.meta["not_run"]
    assert not results.under("own")
    assert own.notice(study.read(small.study), allow_code=True) == ""


def test_a_study_without_own_code_says_nothing_of_it(small):
    results = everything.analyse(registry.read(study.read(small.study)), allow_code=True)
    assert not {"own_code", "not_run"} & set(results.meta)


def test_an_error_names_its_line_and_tells_no_value(small):
    said = error_of(small, "def statistics(registry):\n    secret = registry.frame['id'][0]\n    raise ValueError(secret)\n")
    assert "analysis.py:3" in said and "a ValueError" in said and "r-01" not in said


def test_the_line_is_that_of_the_studys_file_when_a_library_stops(small):
    said = error_of(small, "def statistics(registry):\n\n    return registry.frame['nobody']\n")
    assert "analysis.py:3" in said and "a KeyError" in said


def test_nothing_of_an_error_hangs_on_to_it(small):
    with pytest.raises(TieoutError) as told:
        analysed(small, "def statistics(registry):\n    raise ValueError(registry.frame['id'][0])\n")
    assert told.value.__suppress_context__ and told.value.__cause__ is None


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("x = 1\n", "there is no function 'statistics'"),
        ("def statistics(registry)\n", "analysis.py:1"),
        ("def statistics(registry):\n    import sys\n    sys.exit(0)\n", "a SystemExit"),
        ("def statistics(registry): return None\n", "gave nothing, expected Statistics"),
        ("def statistics(registry): return 3\n", "gave an int, expected Statistics"),
        ("def statistics(registry): return [3]\n", "item 1 of statistics() is an int"),
        (CODE.replace("own.sex.p", "outcome.good.p"), "begins with 'own.'"),
        (CODE.replace("own.sex.p", "own.sex p"), "begins with 'own.'"),
        (CODE.replace("own.sex.p", "own.oldest.n"), "is given twice"),
        (CODE.replace('"p", "A', '"pp", "A'), "of an unknown kind"),
        (CODE.replace('"A test of ours"', "None"), "has no text as its label"),
        (CODE.replace("0.5", "float('nan')"), "analysis.py:8"),
        (CODE.replace("0.5", "'0.5x'"), "analysis.py"),
        (CODE.replace("total=len(ages)", "total=0.5"), "a TypeError"),
    ],
)
def test_what_is_no_figure_is_refused(small, code, said):
    assert said in error_of(small, code)


def test_own_code_cannot_change_the_registry(small):
    results = analysed(small, "def statistics(registry):\n    registry.frame['age'] = 1.0\n    return []\n")
    before = everything.analyse(registry.read(study.read(small.study)))
    assert results["table.baseline.age.all.median"].value == before["table.baseline.age.all.median"].value


def test_own_code_leaves_no_module_and_no_file_behind(small):
    analysed(small, CODE)
    assert "tieout_own_analysis" not in sys.modules and not (small.folder / "__pycache__").exists()


def test_every_kind_that_an_own_figure_can_have_can_be_printed():
    assert set(KINDS) >= own.KINDS
