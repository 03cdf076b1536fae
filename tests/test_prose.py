"""The usual sentences, each from the place where a result's keys begin."""

from __future__ import annotations

import re

import pytest

from tieout import prose
from tieout.display import Profile
from tieout.errors import TieoutError
from tieout.keyed import words
from tieout.results import Results, Statistic
from tieout.weave import readable, weave


def rate(key: str, n: int, total: int, **more) -> list[Statistic]:
    parts = [("n", n, "count"), ("total", total, "count"), ("pct", 100 * n / total, "percent")]
    return [Statistic(f"{key}.{name}", value, kind, "Bleeding", n=n, total=total, name=name, **more) for name, value, kind in parts]


FOUND = Results.of(
    [
        *rate("outcome.bleed", 4, 78, group="all", variable_label="Major *bleeding*"),
        Statistic("outcome.bleed.low", 2.0, "percent_limit", ""),
        Statistic("outcome.bleed.high", 12.5, "percent_limit", ""),
        *rate("outcome.bleed.drug", 43, 53, group="drug"),
        *rate("outcome.bleed.none", 1, 12, group="none"),
        Statistic("outcome.bleed.difference.estimate", 72.8, "difference", ""),
        Statistic("outcome.bleed.difference.low", -3.0, "difference_limit", ""),
        Statistic("outcome.bleed.difference.high", 83.5, "difference_limit", ""),
        Statistic("outcome.bleed.p", 0.0499, "p", ""),
        Statistic("age.all.median", 66, "median", "", unit="years", decimals=0),
        Statistic("age.all.q1", 58, "quartile", "", decimals=0),
        Statistic("age.all.q3", 75, "quartile", "", decimals=0),
        Statistic("weight.all.mean", 66.25, "mean", "", unit="kg", decimals=1),
        Statistic("weight.all.sd", 8.0, "sd", "", decimals=1),
        *(
            s
            for code, n, label in (("1", 3, "Embolus"), ("2", 70, "Stenosis"), ("3", 0, "Other"), ("4", 5, "ICA dissection"))
            for s in rate(f"cause.{code}.all", n, 78, group="all", level=code, level_label=label)
        ),
        Statistic("none.p", None, "p", "", error="no events"),
    ],
    {"confidence": "95"},
)
SAID = {
    "outcome.bleed | occurred": "Major *bleeding* occurred in 4 of 78 patients (5.1%; 95% CI 2.0 to 12.5)",
    'outcome.bleed | occurred("was seen in", "survivors")': "Major *bleeding* was seen in 4 of 78 survivors "
    "(5.1%; 95% CI 2.0 to 12.5)",
    "age.all | described": "median 66 years (IQR 58 to 75)",
    "weight.all | described": "mean 66.3 kg (SD 8.0)",
    "outcome.bleed | compared": "43/53 (81.1%) v 1/12 (8.3%); difference 72.8 percentage points; 95% CI −3.0 to 83.5; p=0.050",
    "cause | levels": "Stenosis in 70 (89.7%), ICA dissection in 5 (6.4%) and embolus in 3 (3.8%)",
    "outcome.bleed | was": "was",
}


def woven(tmp_path, text: str, found: Results = FOUND) -> str:
    (tmp_path / "m.qmd").write_text(text, encoding="utf-8")
    return weave(tmp_path / "m.qmd", found, {}, {}, {}).text


@pytest.mark.parametrize("filter_", SAID)
def test_a_filter_says_the_whole_sentence_and_each_figure_keeps_its_key(tmp_path, filter_):
    text = woven(tmp_path, f"So [[ {filter_} ]].")
    said = re.sub(r"(?<= )95%", "", SAID[filter_])
    assert readable(text) == f"So {SAID[filter_]}."
    assert text.count("{.stat key=") == len(re.findall(r"\d[\d.]*", said))


def test_a_fraction_that_opens_a_sentence_stays_in_figures(tmp_path):
    assert readable(woven(tmp_path, "Yes. [[ outcome.bleed | compared ]].")).startswith("Yes. 43/53 (81.1%)")


@pytest.mark.parametrize(("level", "said"), [("95", "was"), ("99", "was not"), ("95.2", "was not")])
def test_was_is_decided_by_the_level_of_the_intervals(level, said):
    assert words(prose.was(FOUND, "outcome.bleed", Profile(confidence=level)), Profile()) == said


def test_what_is_not_estimable_is_not_judged():
    with pytest.raises(TieoutError, match="not estimable"):
        prose.was(FOUND, "none", Profile())


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("[[ outcome.bleeed | occurred ]]", "bleed"), ("[[ outcome.bleed | ocurred ]]", "occurred"),
        ("[[ age.all | compared ]]", "difference"), ("[[ age.all | levels ]]", "levels"),
    ],
)
def test_a_filter_on_a_wrong_place_names_the_line_and_the_nearest(tmp_path, text, hint):
    with pytest.raises(TieoutError, match=rf"m\.qmd:1(.|\n)*{hint}"):
        woven(tmp_path, text)
