"""Limits, intervals and signals for hospitals: against R (tests/reference_r), as properties, and on bad input."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import special
from scipy.stats import binom

from tieout.analysis import monitoring

CHECKS = json.loads((Path(__file__).parent / "reference_r" / "monitoring.json").read_text(encoding="utf-8"))["checks"]

rates = st.floats(0, 1, exclude_min=True, exclude_max=True)
levels = st.sampled_from([0.5, 0.9, 0.95, 0.998])


@pytest.fixture(autouse=True)
def no_warning_escapes() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


# Against R


def whole_binomial_limits(n: list[float], rate: float, level: float) -> Any:
    """Return the fewest and the most events among n that are not outside."""
    low, high = monitoring.binomial_limits(n, rate, level)
    return np.ceil(np.nan_to_num(low * n, nan=0)), np.floor(np.where(np.isnan(high), n, high * n))


def whole_poisson_limits(expected: list[float], level: float) -> Any:
    low, high = monitoring.poisson_limits(expected, level)
    return np.ceil(np.nan_to_num(low * expected, nan=0)), np.floor(high * expected)


def anhoej(values: list[float], centre: float) -> Any:
    signs = monitoring.anhoej(values, centre)
    return [getattr(signs, name) for name in signs.__dataclass_fields__]


def anhoej_limits(n: list[int]) -> Any:
    charts = [monitoring.anhoej(np.arange(size) % 2, 0.5) for size in n]
    return [chart.longest_allowed for chart in charts], [chart.crossings_needed for chart in charts]


DERIVED: dict[str, Callable[..., Any]] = {
    each.__name__: each for each in (whole_binomial_limits, whole_poisson_limits, anhoej, anhoej_limits)
}


@pytest.mark.parametrize("check", CHECKS, ids=[f"{at}-{check['of']}" for at, check in enumerate(CHECKS)])
def test_every_answer_agrees_with_r(check: dict[str, Any]) -> None:
    found = DERIVED.get(check["of"]) or getattr(monitoring, check["of"])
    expected = np.array(check["expected"], dtype=float)
    np.testing.assert_allclose(np.array(found(**check["args"]), dtype=float), expected, rtol=1e-9, atol=1e-300)


def test_the_continuous_binomial_agrees_with_scipys_own_inverse() -> None:
    n = np.geomspace(40, 100_000, 50).round()
    for rate in (0.2, 0.5, 0.9):
        low, high = monitoring.binomial_limits(n, rate)
        np.testing.assert_allclose(low * n, special.bdtrik(0.025, n, rate), rtol=1e-6)
        np.testing.assert_allclose(high * n, special.bdtrik(0.975, n, rate) + 1, rtol=1e-6)


# Limits and tails


@given(st.integers(1, 200), rates, levels)
@example(1, 0.01, 0.95)
@example(1, 0.025, 0.95)
@example(2, 0.5, 0.5)
@example(6, 0.5, 0.95)
@example(200, 5e-324, 0.95)
@example(200, 1 - 2**-53, 0.95)
def test_a_count_lies_outside_the_binomial_limits_exactly_when_its_tail_is_small(
    n: int, rate: float, level: float
) -> None:
    x = np.arange(n + 1)
    low, high = monitoring.binomial_limits(n, rate, level)
    at_most, at_least = monitoring.tails_binomial(x, n, rate)
    assert ((x / n < low) == (at_most < (1 - level) / 2)).all()
    assert ((x / n > high) == (at_least < (1 - level) / 2)).all()
    assert np.isnan(low) == (at_most[0] >= (1 - level) / 2)
    assert np.isnan(high) == (at_least[-1] >= (1 - level) / 2)


@given(st.floats(1e-9, 200), levels)
@example(0.001, 0.95)
@example(0.02, 0.95)
@example(3.7, 0.95)
def test_a_count_lies_outside_the_poisson_limits_exactly_when_its_tail_is_small(e: float, level: float) -> None:
    o = np.arange(400)
    low, high = monitoring.poisson_limits(e, level)
    at_most, at_least = monitoring.tails_poisson(o, e)
    assert ((o / e < low) == (at_most < (1 - level) / 2)).all()
    assert ((o / e > high) == (at_least < (1 - level) / 2)).all()
    assert np.isnan(low) == (at_most[0] >= (1 - level) / 2)


@pytest.mark.parametrize("nudge", [1 - 1e-14, 1, 1 + 1e-14])
def test_limits_side_with_the_tails_where_a_tail_is_all_but_equal_to_half_the_error(nudge: float) -> None:
    for n in range(2, 24):
        x = np.arange(n + 1)
        at_most, at_least = monitoring.tails_binomial(x, n, 0.5)
        for tail in at_least[at_least < 0.49]:
            level = 1 - 2 * float(tail) * nudge
            low, high = monitoring.binomial_limits(n, 0.5, level)
            assert ((x / n < low) == (at_most < (1 - level) / 2)).all()
            assert ((x / n > high) == (at_least < (1 - level) / 2)).all()
    o = np.arange(60)
    for e in (0.7, 2.3, 6.1, 11.9):
        at_most, at_least = monitoring.tails_poisson(o, e)
        tails = np.concatenate([at_most, at_least])
        for tail in tails[(tails > 1e-9) & (tails < 0.49)]:
            level = 1 - 2 * float(tail) * nudge
            low, high = monitoring.poisson_limits(e, level)
            assert ((o / e < low) == (at_most < (1 - level) / 2)).all()
            assert ((o / e > high) == (at_least < (1 - level) / 2)).all()


def test_a_count_whose_tail_is_exactly_half_the_error_lies_inside() -> None:
    low, high = monitoring.binomial_limits(4, 0.5, level=1 - 2 * 5 / 16)
    assert (low * 4, high * 4) == (1, 3)


@given(st.integers(1, 100_000), rates)
def test_binomial_limits_stay_consistent_with_the_tails_in_large_sites(n: int, rate: float) -> None:
    low, high = monitoring.binomial_limits(n, rate)
    if not np.isnan(low):
        x = np.clip(np.floor(low * n) + np.arange(-2, 3), 0, n)
        assert ((x / n < low) == (monitoring.tails_binomial(x, n, rate)[0] < (1 - 0.95) / 2)).all()
    if not np.isnan(high):
        x = np.clip(np.floor(high * n) + np.arange(-2, 3), 0, n)
        assert ((x / n > high) == (monitoring.tails_binomial(x, n, rate)[1] < (1 - 0.95) / 2)).all()


@given(st.integers(0, 200), st.floats(1e-9, 1 - 1e-9), st.data())
def test_tails_add_up_to_one_and_the_probability_of_the_count(n: int, rate: float, data: st.DataObject) -> None:
    x = data.draw(st.integers(0, n))
    at_most, at_least = monitoring.tails_binomial(x, n, rate)
    assert at_most + at_least == pytest.approx(1 + binom.pmf(x, n, rate), abs=1e-9)


@given(st.integers(1, 2000), st.floats(1e-6, 1 - 1e-6), levels)
def test_limits_mirror_when_events_and_others_swap(n: int, rate: float, level: float) -> None:
    low, high = monitoring.binomial_limits(n, rate, level)
    mirrored_low, mirrored_high = monitoring.binomial_limits(n, 1 - rate, level)
    assert (low, high) == pytest.approx((1 - mirrored_high, 1 - mirrored_low), abs=1e-7, nan_ok=True)


@given(st.floats(0.001, 0.999), levels)
def test_limits_close_in_as_sites_grow_and_widen_with_the_level(rate: float, level: float) -> None:
    n = np.arange(1, 300)
    low, high = monitoring.binomial_limits(n, rate, level)
    wide_low, wide_high = monitoring.binomial_limits(n, rate, 0.999)
    assert (np.diff(low[~np.isnan(low)]) > 0).all() and (np.diff(high[~np.isnan(high)]) < 0).all()
    assert not (wide_low > low).any() and not (wide_high < high).any()
    assert not (low > rate).any() and not (high < rate).any()


@given(st.integers(1, 500), levels)
def test_limits_rise_with_the_rate(n: int, level: float) -> None:
    for limits in monitoring.binomial_limits(n, np.linspace(0.01, 0.99, 99), level):
        assert (np.diff(limits[~np.isnan(limits)]) > 0).all()


@given(levels)
def test_poisson_limits_close_in_as_more_is_expected(level: float) -> None:
    low, high = monitoring.poisson_limits(np.geomspace(0.001, 5000, 500), level)
    assert (np.diff(low[~np.isnan(low)]) > 0).all() and (np.diff(high) < 0).all()


def test_a_funnel_has_no_step_between_whole_sizes() -> None:
    n = np.arange(30, 200, 0.01)
    for limit in monitoring.binomial_limits(n, 0.3):
        assert np.abs(np.diff(limit)).max() < 1e-4


# Observed against expected


@given(st.integers(0, 500), st.floats(0.01, 500), levels)
def test_an_interval_of_observed_against_expected_ends_where_the_tails_are_half_the_error(
    o: int, e: float, level: float
) -> None:
    ratio, low, high = monitoring.observed_expected(o, e, level)
    assert low <= ratio <= high and ratio == o / e
    assert monitoring.tails_poisson(o, high * e)[0] == pytest.approx((1 - level) / 2, rel=1e-6)
    if o:
        assert monitoring.tails_poisson(o, low * e)[1] == pytest.approx((1 - level) / 2, rel=1e-6)
    else:
        assert low == 0


# Over-dispersion


def test_tau2_is_estimated_from_ten_sites_on() -> None:
    x, n = np.array([5, 40] * 5), np.full(10, 50)
    assert monitoring.overdispersion_of_rates(x, n, 0.45)[1] > 0
    assert monitoring.overdispersion_of_rates(x[:9], n[:9], 0.45)[1] == 0


def test_sites_alike_show_no_overdispersion() -> None:
    assert monitoring.overdispersion_of_rates(np.full(30, 20), np.full(30, 50), 0.4) == (pytest.approx(0), 0)
    assert monitoring.overdispersion_of_ratios(np.full(30, 20), np.full(30, 20.0)) == (0, 0)


def test_ten_sites_vary_by_more_than_chance_from_a_phi_of_nine_tenths_on() -> None:
    scores = np.tile([-1.0, 1.0], 5)
    assert monitoring.overdispersion(scores * np.sqrt(0.91)) == (pytest.approx(0.91), True)
    assert monitoring.overdispersion(scores * np.sqrt(0.89)) == (pytest.approx(0.89), False)


def test_a_single_outlier_is_drawn_in_and_does_not_widen_the_funnel_for_all() -> None:
    alike = np.tile([-0.5, 0.5], 15)
    assert monitoring.overdispersion(np.append(alike, 40)) == (0.25, False)


def test_sites_without_patients_change_nothing() -> None:
    x, n = np.array([5, 40] * 6), np.full(12, 50)
    assert monitoring.overdispersion_of_rates([*x, 0, 0], [*n, 0, 0], 0.4) == (
        monitoring.overdispersion_of_rates(x, n, 0.4)
    )
    assert monitoring.overdispersion_of_ratios([*x, 0, 3], [*n, 0, np.nan]) == (
        monitoring.overdispersion_of_ratios(x, n)
    )


@given(rates, levels, st.floats(0, 0.2))
def test_limits_with_variance_between_sites_are_never_narrower_than_exact(
    rate: float, level: float, tau2: float
) -> None:
    sizes = np.arange(1, 200)
    for wide, exact in (
        (monitoring.rate_limits(sizes, rate, level, tau2), monitoring.binomial_limits(sizes, rate, level)),
        (monitoring.ratio_limits(sizes, level, tau2), monitoring.poisson_limits(sizes, level)),
    ):
        assert (np.isnan(wide[0]) | (wide[0] <= exact[0])).all() and (np.isnan(wide[1]) | (wide[1] >= exact[1])).all()
        assert not (wide[0] < 0).any()


def test_without_variance_between_sites_the_limits_are_the_exact_ones() -> None:
    sizes = np.arange(200)
    np.testing.assert_array_equal(monitoring.rate_limits(sizes, 0.3), monitoring.binomial_limits(sizes, 0.3))
    np.testing.assert_array_equal(monitoring.ratio_limits(sizes, 0.998), monitoring.poisson_limits(sizes, 0.998))


# Run charts


def test_points_on_the_centre_line_and_missing_ones_neither_count_nor_break_a_run() -> None:
    plain = monitoring.anhoej([1, 1, 3, 3, 3, 1, 3, 1, 1, 1, 3], 2)
    assert plain == monitoring.anhoej([1, 2, 1, 3, np.nan, 3, 2, 3, 1, 3, 1, 1, 2, 1, 3], 2)
    assert (plain.useful, plain.longest_run, plain.crossings) == (11, 3, 5)


def test_no_signal_is_judged_below_ten_useful_points() -> None:
    nine = monitoring.anhoej([1] * 9 + [0] * 5, 0)
    assert (nine.longest_run, nine.longest_allowed, nine.crossings_needed) == (9, None, None)
    assert not nine.shift and not nine.few_crossings
    ten = monitoring.anhoej([1] * 10, 0)
    assert ten.shift and ten.few_crossings


def test_a_run_as_long_as_allowed_is_no_shift_and_one_longer_is() -> None:
    rest = [1, -1] * 7
    allowed, longer = monitoring.anhoej([*rest, *[1] * 7], 0), monitoring.anhoej([*rest, *[1] * 8], 0)
    assert (allowed.longest_run, allowed.longest_allowed, allowed.shift) == (7, 7, False)
    assert (longer.longest_run, longer.longest_allowed, longer.shift) == (8, 7, True)


def test_as_many_crossings_as_needed_are_no_signal_and_one_less_is() -> None:
    enough, less = monitoring.anhoej([1] * 4 + [-1] * 3 + [1] * 3, 0), monitoring.anhoej([1] * 5 + [-1] * 5, 0)
    assert (enough.crossings, enough.crossings_needed, enough.few_crossings) == (2, 2, False)
    assert (less.crossings, less.crossings_needed, less.few_crossings) == (1, 2, True)


@given(st.lists(st.integers(-3, 3), max_size=60))
def test_a_run_chart_turned_over_or_read_backwards_gives_the_same_signs(values: list[int]) -> None:
    signs = monitoring.anhoej(values, 0)
    assert signs == monitoring.anhoej([-value for value in values], 0) == monitoring.anhoej(values[::-1], 0)
    assert signs.longest_run + signs.crossings <= signs.useful


# Bad and empty input


def test_without_patients_or_expectation_nothing_has_limits() -> None:
    assert np.isnan(monitoring.binomial_limits([0, 0], 0.3)).all()
    assert np.isnan(monitoring.rate_limits([0], 0.3, 0.95, 0.01)).all()
    assert np.isnan(monitoring.binomial_limits([5], np.nan)).all()
    assert np.isnan(monitoring.poisson_limits([0, np.nan])).all()
    assert np.isnan(monitoring.ratio_limits([0, np.nan], 0.95, 0.01)).all()
    assert np.isnan(monitoring.observed_expected([0, 3, 3], [0, 0, np.nan])).all()
    assert monitoring.tails_binomial(0, 0, 0.3) == (1, 1)
    assert np.isnan(monitoring.tails_binomial([0, 1], 1, np.nan)).all()
    assert np.isnan(monitoring.tails_poisson([0, 1], np.nan)).all()


def test_at_a_rate_of_0_a_single_event_is_outside_and_at_1_a_single_patient_without() -> None:
    n = np.array([1, 10])
    low, high = monitoring.binomial_limits(n, 0.0)
    assert np.isnan(low).all() and (high == 0).all()
    low, high = monitoring.binomial_limits(n, 1.0)
    assert (low == 1).all() and np.isnan(high).all()


def test_empty_arrays_give_empty_arrays() -> None:
    for found in (
        *monitoring.binomial_limits([], 0.3),
        *monitoring.poisson_limits([]),
        *monitoring.rate_limits([], 0.3, 0.95, 0.01),
        *monitoring.ratio_limits([], 0.95, 0.01),
        *monitoring.tails_binomial([], [], 0.3),
        *monitoring.tails_poisson([], []),
        *monitoring.observed_expected([], []),
    ):
        assert found.shape == (0,)
    for phi, more in (
        monitoring.overdispersion([]),
        monitoring.additive_variance([], 0, []),
        monitoring.overdispersion_of_rates([], [], 0.3),
        monitoring.overdispersion_of_ratios([], []),
    ):
        assert np.isnan(phi) and not more
    assert monitoring.anhoej([], 0) == monitoring.RunSigns(0, 0, None, 0, None, False, False)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: monitoring.binomial_limits([-1], 0.3),
        lambda: monitoring.binomial_limits([np.inf], 0.3),
        lambda: monitoring.binomial_limits([5], 1.1),
        lambda: monitoring.binomial_limits([5], 0.3, level=95),
        lambda: monitoring.poisson_limits([-0.1]),
        lambda: monitoring.poisson_limits([1], level=1),
        lambda: monitoring.tails_binomial(3, 2, 0.3),
        lambda: monitoring.tails_binomial(-1, 2, 0.3),
        lambda: monitoring.tails_binomial(1.5, 2, 0.3),
        lambda: monitoring.tails_binomial(np.nan, 2, 0.3),
        lambda: monitoring.tails_poisson(1.5, 2),
        lambda: monitoring.observed_expected(-1, 2),
        lambda: monitoring.observed_expected(1, -2),
        lambda: monitoring.additive_variance([1, 2], 1, [0.1, 0]),
        lambda: monitoring.overdispersion_of_rates([3], [2], 0.3),
        lambda: monitoring.rate_limits([5], 0.3, 0.95, -0.1),
        lambda: monitoring.anhoej([1, 2], np.nan),
    ],
)
def test_wrong_input_is_refused(wrong: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match="must"):
        wrong()
