"""Small numbers stay hidden: from one reader, from everything that is published together, with two sites or with many."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from tieout.disclose import hidden, others_shown, own_shown, small
from tieout.reports import Suppression


def published(x, n, rule, reader):
    """Return what a reader knows of x and n - x of all sites, as equations over the 2 S unknowns: rows and right sides.

    `reader` is a site's number (its own report and the centre's), None (the centre's alone), or "all" (every report,
    the centre's too). Everybody knows from the table of recruitment how many patients a site has, where that is shown.
    """
    sites, found, rows, values = len(x), hidden(x, n, rule), [], []
    recruited = hidden(None, n, rule)

    def tell(cells, value):
        row = np.zeros(2 * sites)
        row[cells] = 1
        rows.append(row)
        values.append(value)

    everybody = list(range(sites))
    reports = everybody if reader == "all" else [] if reader is None else [reader]
    for place in everybody:
        if not recruited.sites[place] or (place in reports and own_shown(recruited, place, rule)):
            tell([place, sites + place], n[place])
    if not recruited.total:
        tell(list(range(2 * sites)), n.sum())
    for part, count in enumerate((x, n - x)):
        cells = [part * sites + place for place in everybody]
        for place in everybody:
            if not found.sites[place] or (place in reports and own_shown(found, place, rule)):
                tell([cells[place]], count[place])
        if not found.total:
            tell(cells, count.sum())
        for place in reports:
            if others_shown(found, place, rule):
                tell([cell for cell in cells if cell != cells[place]], count.sum() - count[place])
    return np.array(rows).reshape(-1, 2 * sites), np.array(values), found


def range_of(rows, values, unknown, largest, someone=()):
    """Return the least and the greatest whole number that an unknown can be, by integer programming.

    `someone` are sites that are known to have at least one patient.
    """
    ends, sites = [], rows.shape[1] // 2
    at_least = np.zeros((len(someone), rows.shape[1]))
    for row, place in enumerate(someone):
        at_least[row, [place, sites + place]] = 1
    rules_ = [LinearConstraint(rows, values, values), *([LinearConstraint(at_least, 1)] if len(someone) else [])]
    for sign in (1, -1):
        goal = np.zeros(rows.shape[1])
        goal[unknown] = sign
        solved = milp(goal, constraints=rules_, integrality=np.ones(rows.shape[1]),
                      bounds=Bounds(0, largest))  # fmt: skip
        assert solved.success
        ends.append(round(sign * solved.fun))
    return tuple(ends)


def solved(x, n, rule, reader):
    """Return the small counts of others that the reader can work out: site, and whether of events or non-events."""
    rows, values, found = published(x, n, rule, reader)
    someone = np.flatnonzero(n > 0) if rule.zero == "shown" else []  # a site without patients would be shown as 0
    lost = []
    for place in np.flatnonzero(found.sites):
        for part, count in enumerate((x, n - x)):
            if small(count, rule)[place] and place != reader and rows.size:
                least, most = range_of(rows, values, part * len(x) + place, n.sum() + 1, someone)
                if least == most:
                    lost.append((int(place), part))
    return lost


@st.composite
def registries(draw, most_sites=6):
    sites = draw(st.integers(2, most_sites))
    n = draw(st.lists(st.integers(0, 3) | st.integers(0, 30), min_size=sites, max_size=sites))
    x = [draw(st.integers(0, size)) for size in n]
    return np.array(x), np.array(n)


rules = st.builds(Suppression, below=st.integers(1, 8), zero=st.sampled_from(["shown", "hidden"]))


@settings(max_examples=60, deadline=None)
@given(registries(), rules, st.data())
def test_no_reader_of_one_report_and_the_centres_can_solve_for_a_hidden_count(registry, rule, data):
    x, n = registry
    reader = data.draw(st.sampled_from([None, *range(len(x))]))
    assert solved(x, n, rule, reader) == []


@settings(max_examples=60, deadline=None)
@given(registries(), rules)
def test_all_reports_and_the_centres_together_do_not_solve_for_a_hidden_count_when_own_ones_are_hidden_too(registry, rule):
    x, n = registry
    assert solved(x, n, rule.model_copy(update={"own": "hidden"}), "all") == []


@settings(max_examples=200, deadline=None)
@given(registries(most_sites=12), rules)
def test_every_small_count_is_hidden(registry, rule):
    x, n = registry
    found = hidden(x, n, rule)
    for count in (x, n - x, n):
        low = 0 if rule.zero == "hidden" else 1
        assert found.sites[(count >= low) & (count < rule.below)].all()


def test_a_registry_of_large_counts_hides_nothing():
    found = hidden(np.array([30, 40, 50]), np.array([60, 90, 110]), Suppression())
    assert not found.sites.any() and not found.total


def test_with_two_sites_a_small_count_hides_both_and_the_total():
    rule = Suppression()
    found = hidden(np.array([3, 20]), np.array([40, 50]), rule)
    assert found.sites.all() and found.total
    assert not others_shown(found, 1, rule)


def test_one_small_count_among_many_takes_others_with_it_so_that_the_sum_does_not_tell():
    found = hidden(np.array([2, 20, 30, 40, 25]), np.array([40, 50, 70, 90, 60]), Suppression())
    assert found.sites.tolist() == [True, True, False, False, True]
    assert not found.total


def test_hidden_sites_of_one_patient_each_hide_the_total_that_would_tell():
    found = hidden(None, np.array([1, 1, 1, 0, 0]), Suppression())
    assert found.sites.tolist() == [True, True, True, False, False] and found.total


def test_without_the_complementary_ones_the_solver_finds_the_small_count():
    """The test of the test: with the small count alone hidden, its value follows from the total."""
    x, n = np.array([2, 20, 30]), np.array([40, 50, 70])
    rows = np.zeros((4, 6))
    rows[0, 1] = rows[1, 2] = 1
    rows[2, :3] = 1
    rows[3, 3:] = 1
    values = np.array([20, 30, x.sum(), (n - x).sum()])
    assert range_of(rows, values, 0, n.sum()) == (2, 2)


@pytest.mark.parametrize("below", [0, 1])
def test_a_rule_of_nothing_hides_nothing(below):
    found = hidden(np.array([1, 2]), np.array([2, 2]), Suppression(below=below))
    assert not found.sites.any() and not found.total
