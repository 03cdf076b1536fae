"""The love plot: what it says and draws, and when there is nothing to draw."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from tieout import figures
from tieout.display import Profile
from tieout.figures.love import FITS, MARKERS
from tieout.results import Results, Statistic

JNIS = Profile()


def results(differences, synthetic=""):
    """Return results with these (label, before, after), where None is not estimable."""
    found = [
        Statistic(
            f"propensity.x.balance.t{at}.{part}", value, "smd", label, variable_label=label,
            error="" if value is not None else "no propensity score: it separates",
        )
        for at, (label, *values) in enumerate(differences)
        for part, value in zip(FITS, values, strict=True)
    ]  # fmt: skip
    layout = {"propensity": {"x": {"label": "Stenting", "terms": [f"t{at}" for at in range(len(differences))]}}}
    layout["figures"] = {"balance": {"kind": "love", "of": "x"}}
    return Results.of(found, {"synthetic": synthetic, "layout": layout})


def drawn(differences, **more):
    return figures.draw(results(differences, **more), "balance", JNIS)


TERMS = [("Age", 0.314, 0.021), ("NIHSS", 0.05, 0.119), ("Sex", 0.2, 0.0)]


def test_rows_and_words_give_both_differences_as_tables_print_them():
    figure = drawn(TERMS)
    assert figure.rows[0] == ("Term", "Before weighting", "After weighting")
    assert figure.rows[1:] == (("Age", "0.31", "0.02"), ("NIHSS", "0.05", "0.12"), ("Sex", "0.20", "0.00"))
    assert "Age: 0.31 before, 0.02 after" in figure.alt and "Stenting" in figure.alt


def test_the_same_results_give_the_same_picture():
    assert drawn(TERMS) == drawn(TERMS)


def test_before_and_after_differ_in_shape_and_not_in_colour_alone():
    assert MARKERS["smd"] is not MARKERS["weighted_smd"]
    with Image.open(io.BytesIO(drawn(TERMS).png)) as picture:
        colours = picture.convert("RGB").getcolors(1 << 24)
    assert all(max(colour) - min(colour) < 8 for _, colour in colours)


@pytest.mark.parametrize("label", ["A" * 90, "Mean arterial pressure at arrival in the ward " * 3, "혈전 제거 전 수축기 혈압"])
def test_nothing_touches_the_edge_of_the_picture(label):
    with Image.open(io.BytesIO(drawn([(label, 4.5, 0.3), *TERMS]).png)) as picture:
        grey = picture.convert("L")
        width, height = grey.size
        edges = [grey.crop((width - 2, 0, width, height)), grey.crop((0, height - 2, width, height)), grey.crop((0, 0, width, 2))]
    assert min(edge.getextrema()[0] for edge in edges) > 200


def test_a_term_without_a_difference_says_so_and_the_reason_stands_beneath():
    figure = drawn([("Age", 0.3, None), ("Sex", None, None)])
    assert figure.rows[1:] == (("Age", "0.30", "NE"), ("Sex", "NE", "NE"))
    assert figure.svg and figure.png


def test_synthetic_data_are_stamped():
    assert "Synthetic data." in drawn(TERMS, synthetic="SYNTHETIC").alt
    assert drawn(TERMS, synthetic="SYNTHETIC").png != drawn(TERMS).png
