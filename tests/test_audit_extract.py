"""Finding figures: every spelling becomes one typed record, and conventional numbers are none."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tieout.audit.extract import extract
from tieout.audit.quoted import Manuscript, Passage
from tieout.audit.read import read_text
from tieout.audit.rules import judge

PARTS = ("count", "total", "percent", "estimate", "low", "high", "sd", "p")


def figures(text: str):
    return extract(Manuscript("m", "txt", (Passage(text, "paragraph", 0),)))


def typed(found) -> list[tuple]:
    return [
        (q.kind, *(f"{part} {number.value:g}" for part in PARTS if (number := getattr(q, part))))
        for q in found
        if q.kind != "conventional"
    ]


RATIO = ("ratio_ci", "estimate 1.84", "low 1.1", "high 3.07")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("(OR 1.84; 95% CI 1.10 to 3.07; p=0.02)", [(*RATIO, "p 0.02")]),
        ("The aOR was 1.84 [1.10–3.07].", [RATIO]),
        ("HR 1·84 (1·10–3·07)", [RATIO]),
        ("odds ratio, 1.84 (95% confidence interval [CI], 1.10, 3.07; P = .02)", [(*RATIO, "p 0.02")]),
        ("The hazard ratio for death in patients aged 80 years or older was 1.84 (95%CI:1.10-3.07).", [RATIO]),
        ("P<.001", [("p_value", "p 0.001")]),
        ("The P value of 0.04 and p 0.001.", [("p_value", "p 0.04"), ("p_value", "p 0.001")]),
        ("in 5.1% and 4.0%, respectively", [("percent", "percent 5.1"), ("percent", "percent 4")]),
        ("66.7 v 50.0% of patients", [("percent", "percent 66.7"), ("percent", "percent 50")]),
        ("Seventy-seven patients (98.7%) lived.", [("percent", "count 77", "percent 98.7")]),
        ("50 of 75 patients (66.7%)", [("count_of_total", "count 50", "total 75", "percent 66.7")]),
        (
            "50/75 (66.7%; 95% CI 55.4 to 76.3)",
            [("count_of_total", "count 50", "total 75", "percent 66.7", "low 55.4", "high 76.3")],
        ),
        ("1,482 stents in 12 hospitals", [("count", "count 1482"), ("count", "count 12")]),
        ("67.1 ± 11.2 years", [("mean_sd", "estimate 67.1", "sd 11.2")]),
        ("Mean (SD) age was 67.1 (11.2) years.", [("mean_sd", "estimate 67.1", "sd 11.2")]),
        (
            "The median age was 67 years (IQR 59–75) and 42 (53.8%) were men.",
            [("median_iqr", "estimate 67", "low 59", "high 75"), ("percent", "count 42", "percent 53.8")],
        ),
        (
            "Median NIHSS was 14 (interquartile range, 10–18) v 16 (12–20); p=0.03.",
            [
                ("median_iqr", "estimate 14", "low 10", "high 18"),
                ("median_iqr", "estimate 16", "low 12", "high 20"),
                ("p_value", "p 0.03"),
            ],
        ),
        (
            "Mean difference, −2.1 mm Hg (95% CI −3.9 to −0.3; P=.02)",
            [("difference_ci", "estimate -2.1", "low -3.9", "high -0.3", "p 0.02")],
        ),
        ("AUC 0.81 (0.74–0.88)", [("auc_ci", "estimate 0.81", "low 0.74", "high 0.88")]),
        (
            "There was no difference in mortality (5.1% v 4.0%; p=0.80).",
            [("percent", "percent 5.1"), ("percent", "percent 4"), ("p_value", "p 0.8")],
        ),
    ],
)
def test_numbers_that_belong_together_are_one_record(text, found):
    assert typed(figures(text)) == found


@pytest.mark.parametrize(
    "text",
    [
        "P<.05 was considered significant.", "mRS 0–2 at 3 months", "mTICI 2b/3", "within 24 hours", "≥70% stenosis",
        "0.9 mg/kg", "Table 2 and Figure 1", "in March 2021", "type 2 diabetes", "95% Wilson confidence intervals",
        "5.2 per 100 person-years (95% CI 4.1–6.5)", "COVID-19", "χ²=4.2",
    ],
)  # fmt: skip
def test_conventional_numbers_are_no_figures(text):
    found = figures(text)
    assert found and typed(found) == []


TABLE = """
| Characteristic | Maintenance (n=52) | p |
|---|---|---|
| Age, years, median (IQR) | 67 (59–75) | 0.41 |
| Male sex, n (%) | 30 (57.7) | <0.001 |
| Body mass index, mean (SD) | 24.1 (3.2) | >0.99 |
"""


def test_the_headers_of_a_table_say_what_a_cell_is():
    assert typed(extract(read_text(TABLE, "md", "table"))) == [
        ("count", "count 52"),
        ("median_iqr", "estimate 67", "low 59", "high 75"),
        ("p_value", "p 0.41"),
        ("count_of_total", "count 30", "total 52", "percent 57.7"),
        ("p_value", "p 0.001"),
        ("mean_sd", "estimate 24.1", "sd 3.2"),
        ("p_value", "p 0.99"),
    ]


def test_a_figure_is_the_exact_text_at_its_place():
    text = "A favourable outcome (OR 1.84; 95% CI 1.10 to 3.07) in 50/75 (66.7%)."
    assert all(text[q.start : q.end] == q.text for q in figures(text))


def test_a_text_that_ends_inside_a_reference_is_read_to_its_end():
    assert [q.text for q in figures("as in patients of others [3, 4")] == ["3", "4"]


PIECES = st.sampled_from(
    "OR aOR median mean (SD) IQR 95% CI to of and patients p = < 0.05 50 / 75 66.7 % ( ) [ ] ; , – − ± 1·84 n vs one "
    "hundred hazard ratio . Table 2b 10,000 difference".split()
)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=200), st.lists(PIECES, max_size=60).map(" ".join)))
def test_any_text_gives_figures_at_their_places_and_findings(text):
    found = figures(text)
    assert all(text[q.start : q.end] == q.text for q in found)
    assert all(finding.message for finding in judge(found))
