"""The statistics kernels on hard cases: empty cells, ties, separation, constant columns, tiny and large numbers."""

# mypy: disable-error-code="type-var, operator, arg-type, index, misc, union-attr, call-overload, no-untyped-def"
# An estimate that is None where a test computes with it fails that test, which is what it is for.
from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.optimize import minimize
from scipy.special import expit, gammaln

from tieout.analysis import comparisons, intervals, regression
from tieout.analysis.comparisons import OF_COUNTS, OF_VALUES, TESTS

counts = st.integers(0, 12)
groups_of_two = st.tuples(counts, counts, counts, counts).filter(lambda c: c[0] + c[1] > 0 and c[2] + c[3] > 0)


@pytest.fixture(autouse=True)
def no_warning_escapes() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


# Proportions


@given(st.integers(1, 200), st.data())
def test_every_interval_holds_its_proportion_and_mirrors_when_events_and_others_swap(
    n: int, data: st.DataObject
) -> None:
    x = data.draw(st.integers(0, n))
    for method in intervals.PROPORTION:
        found, mirror = intervals.proportion(x, n, method), intervals.proportion(n - x, n, method)
        assert found.low <= found.value <= found.high
        assert (mirror.low, mirror.high) == pytest.approx((1 - found.high, 1 - found.low), abs=1e-9)
        if method != "agresti_coull":
            assert found.low >= 0 and found.high <= 1


@pytest.mark.parametrize("method", intervals.PROPORTION)
def test_a_proportion_of_nobody_is_not_estimable(method: str) -> None:
    found = intervals.proportion(0, 0, method)
    assert (found.value, found.low, found.high) == (None, None, None)
    assert found.reason and found.method and found.function


@pytest.mark.parametrize(("x", "n"), [(-1, 5), (6, 5), (1.5, 5), (math.nan, 5), (1, math.nan), ("1", 5)])
def test_counts_that_are_no_counts_are_refused(x: float, n: float) -> None:
    with pytest.raises(ValueError):
        intervals.proportion(x, n)


@pytest.mark.parametrize(
    "call", [lambda: intervals.proportion(1, 5, "exact"), lambda: intervals.proportion(1, 5, level=95)]
)
def test_an_unknown_method_or_level_is_refused(call) -> None:
    with pytest.raises(ValueError):
        call()


def test_mid_p_keeps_its_digits_when_three_of_a_billion_have_the_event() -> None:
    found = intervals.proportion(3, 10**9, "mid_p")
    for limit, tail in ((found.low, 0.975), (found.high, 0.025)):
        poisson = stats.poisson.cdf(2, limit * 1e9) + stats.poisson.pmf(3, limit * 1e9) / 2
        assert poisson == pytest.approx(tail, rel=1e-6)


# Differences and ratios of proportions


@given(groups_of_two)
def test_every_difference_changes_its_sign_when_the_groups_swap(cells: tuple[int, int, int, int]) -> None:
    a, b, c, d = cells
    for method in intervals.DIFFERENCE:
        found = intervals.risk_difference(a, a + b, c, c + d, method)
        swapped = intervals.risk_difference(c, c + d, a, a + b, method)
        assert -1 <= found.low <= found.value <= found.high <= 1
        assert (swapped.low, swapped.high) == pytest.approx((-found.high, -found.low), abs=1e-9)


@given(groups_of_two)
def test_the_score_test_is_just_significant_at_each_score_limit(cells: tuple[int, int, int, int]) -> None:
    (a, b, c, d), z2 = cells, stats.norm.isf(0.025) ** 2
    n1, n2 = a + b, c + d
    found = intervals.risk_difference(a, n1, c, n2, "mee")
    for limit in (found.low, found.high):
        if abs(limit) < 1 - 1e-9:
            rates = np.linspace(max(0, -limit), min(1, 1 - limit), 200_001)
            with np.errstate(all="ignore"):
                up, down = (
                    [np.where(k, k * np.log(r), 0) for k, r in ((a, rates + limit), (c, rates))],
                    [np.where(k, k * np.log(1 - r), 0) for k, r in ((b, rates + limit), (d, rates))],
                )
                p2 = rates[np.nanargmax(sum(up) + sum(down))]
            p1 = p2 + limit
            variance = p1 * (1 - p1) / n1 + p2 * (1 - p2) / n2
            assert (found.value - limit) ** 2 == pytest.approx(z2 * variance, abs=1e-3)


@given(groups_of_two)
def test_newcombe_is_made_of_two_wilson_intervals(cells: tuple[int, int, int, int]) -> None:
    a, b, c, d = cells
    one, two = intervals.proportion(a, a + b), intervals.proportion(c, c + d)
    found = intervals.risk_difference(a, a + b, c, c + d)
    down = math.hypot(one.value - one.low, two.high - two.value)
    up = math.hypot(one.high - one.value, two.value - two.low)
    assert (found.low, found.high) == pytest.approx((found.value - down, found.value + up), abs=1e-9)


def test_a_group_without_patients_has_no_difference_and_no_ratio() -> None:
    for found in (
        intervals.risk_difference(0, 0, 1, 2),
        intervals.risk_ratio(0, 0, 1, 2),
        intervals.odds_ratio(0, 0, 1, 2),
        intervals.odds_ratio_exact(0, 0, 1, 2),
    ):
        assert found.value is None and found.low is None and found.reason


@pytest.mark.parametrize(
    ("x1", "n1", "x2", "n2", "word"),
    [(0, 5, 2, 5, "is 0"), (2, 5, 0, 5, "infinite"), (0, 5, 0, 5, "no group"), (5, 5, 5, 5, "everybody")],
)
def test_a_risk_ratio_that_does_not_exist_says_why(x1: int, n1: int, x2: int, n2: int, word: str) -> None:
    found = intervals.risk_ratio(x1, n1, x2, n2)
    assert found.low is None and found.high is None and found.p is None
    assert word in found.reason


def test_a_zero_cell_has_no_odds_ratio_unless_half_a_patient_is_asked_for() -> None:
    assert intervals.odds_ratio(52, 52, 12, 26).value is None
    assert "infinite" in intervals.odds_ratio(52, 52, 12, 26).reason
    assert "is 0" in intervals.odds_ratio(12, 26, 52, 52).reason
    corrected = intervals.odds_ratio(52, 52, 12, 26, method="haldane_anscombe")
    assert corrected.value == pytest.approx(121.8)
    assert "0.5 added" in corrected.method


@given(groups_of_two)
def test_the_p_value_of_a_ratio_agrees_with_its_interval(cells: tuple[int, int, int, int]) -> None:
    a, b, c, d = cells
    for found in (intervals.risk_ratio(a, a + b, c, c + d), intervals.odds_ratio(a, a + b, c, c + d)):
        if found.p is not None:
            assert (found.p < 0.05) == (not found.low <= 1 <= found.high)


@given(groups_of_two)
@settings(max_examples=60, deadline=None)
def test_the_exact_odds_ratio_agrees_with_scipy_and_its_p_with_its_interval(cells: tuple[int, int, int, int]) -> None:
    a, b, c, d = cells
    found = intervals.odds_ratio_exact(a, a + b, c, c + d)
    if 0 in (a + c, b + d):
        assert found.value is None and found.low is None and found.reason
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scipy = stats.contingency.odds_ratio([[a, b], [c, d]])
        low, high = scipy.confidence_interval(0.95)
    assert found.low == pytest.approx(low, rel=1e-6)
    assert (found.high if found.high is not None else math.inf) == pytest.approx(high, rel=1e-6)
    if found.value is not None:
        assert found.value == pytest.approx(scipy.statistic, rel=1e-6)
    assert found.p > 0.05 or found.low >= 1 or (found.high or math.inf) <= 1
    agreeing = intervals.odds_ratio_exact(a, a + b, c, c + d, method="minlike")
    assert agreeing.p == pytest.approx(TESTS["fisher"]([[a, b], [c, d]]).p, rel=1e-9)
    if agreeing.p > 0.05 + 1e-9:
        assert agreeing.low <= 1 + 1e-9
        assert agreeing.high is None or agreeing.high >= 1 - 1e-9


def test_a_table_too_large_for_the_exact_odds_ratio_is_told() -> None:
    assert "not computed" in intervals.odds_ratio_exact(500_000, 10**6, 510_000, 10**6).reason


# Tests of tables

R_FISHER = [  # R 4.2.2, fisher.test
    ([[8, 3, 2], [5, 6, 4], [1, 7, 9], [2, 0, 6], [10, 8, 7]], 0.0142918767753526),
    ([[12, 9, 14, 6, 8, 3, 1], [7, 10, 9, 12, 11, 8, 4]], 0.222447456371478),
    ([[6, 2, 1, 0], [3, 7, 2, 1], [1, 4, 8, 2], [0, 2, 5, 9]], 9.49119043137215e-05),
    ([[40, 0, 0, 0], [25, 2, 3, 0], [30, 0, 1, 1]], 0.017182704706282),
    ([[300, 3, 2], [295, 5, 0]], 0.392525391298774),
]


@pytest.mark.parametrize(("table", "p"), R_FISHER)
def test_fisher_beyond_two_by_two_agrees_with_r_either_way_round(table: list[list[int]], p: float) -> None:
    assert TESTS["fisher"](table).p == pytest.approx(p, rel=1e-9)
    assert TESTS["fisher"](np.transpose(table)).p == pytest.approx(p, rel=1e-9)


@given(st.lists(st.lists(st.integers(0, 3), min_size=3, max_size=3), min_size=2, max_size=3))
@settings(max_examples=40, deadline=None)
def test_fisher_counts_every_table_with_these_margins(table: list[list[int]]) -> None:
    found, observed = TESTS["fisher"](table), np.array(table)
    if found.p is None:
        assert found.reason
        return
    rows, columns = observed.sum(1), observed.sum(0)
    chances = []
    for inner in itertools.product(range(10), repeat=(len(rows) - 1) * 2):
        full = np.zeros(observed.shape, dtype=int)
        full[:-1, :-1] = np.reshape(inner, (len(rows) - 1, 2))
        full[:-1, -1] = rows[:-1] - full[:-1].sum(1)
        full[-1] = columns - full[:-1].sum(0)
        if full.min() >= 0:
            chances.append((-gammaln(full + 1).sum(), (full == observed).all()))
    logs = np.array([log for log, _ in chances])
    here = next(log for log, same in chances if same)
    weight = np.exp(logs - logs.max())
    assert found.p == pytest.approx(weight[logs <= here + 1e-7].sum() / weight.sum(), rel=1e-9)


def test_a_table_too_large_for_fisher_gets_chi_squared_and_says_so() -> None:
    found = TESTS["fisher"](np.full((7, 7), 30) + np.arange(7))
    assert found.p == TESTS["chi_square"](np.full((7, 7), 30) + np.arange(7)).p
    assert "too many tables" in found.reason and "χ²" in found.method


@pytest.mark.parametrize("name", OF_COUNTS)
@pytest.mark.parametrize("table", [[[0, 5], [0, 5]], [[5, 0], [5, 0]], [[3, 4], [0, 0]], [[3, 4]], [[0, 0], [0, 0]]])
def test_a_table_with_a_single_possible_outcome_is_not_estimable(name: str, table: list[list[int]]) -> None:
    found = TESTS[name](table)
    assert found.p is None and found.statistic is None
    assert found.reason


@pytest.mark.parametrize("table", [[[1, -1], [2, 3]], [[1.5, 2], [2, 3]], [[math.nan, 2], [2, 3]], [1, 2, 3]])
def test_a_table_that_holds_no_counts_is_refused(table: list) -> None:
    with pytest.raises(ValueError):
        TESTS["chi_square"](table)


def test_a_level_that_nobody_has_changes_nothing() -> None:
    with_empty, without = [[5, 0, 3, 9], [2, 0, 8, 4]], [[5, 3, 9], [2, 8, 4]]
    for compute in (*OF_COUNTS.values(), comparisons.smd_categorical):
        assert compute(with_empty) == compute(without)


def test_an_expected_count_below_five_asks_for_fisher_also_beyond_two_by_two() -> None:
    assert comparisons.categorical([[9, 1, 8], [8, 2, 9]]).name == "fisher"
    assert comparisons.categorical([[20, 10, 18], [18, 22, 19]]).name == "chi_square"
    assert comparisons.any_expected_below([[5, 0, 30], [5, 0, 30]]) is False


def test_yates_correction_is_told_where_it_does_not_apply() -> None:
    assert "without" in TESTS["chi_square_yates"]([[9, 1, 8], [8, 2, 9]]).method


# Tests of values


@pytest.mark.parametrize("name", OF_VALUES)
@pytest.mark.parametrize(
    "groups", [([], [1.0, 2.0]), ([2, 2], [2, 2]), ([0.3] * 5, [0.1 + 0.2] * 4), ([1.0, 2.0],), ([5], [7])]
)
def test_samples_without_an_answer_are_not_estimable(name: str, groups: tuple) -> None:
    found = TESTS[name](groups)
    ranks_exist = name in ("mann_whitney", "mann_whitney_uncorrected", "mann_whitney_exact", "kruskal_wallis")
    if ranks_exist and groups in (([5], [7]), ([0.3] * 5, [0.1 + 0.2] * 4)):
        assert found.p is not None
        return
    assert found.p is None and found.reason


@pytest.mark.parametrize("name", OF_VALUES)
def test_missing_values_are_refused(name: str) -> None:
    with pytest.raises(ValueError):
        TESTS[name]([[1.0, math.nan], [2.0, 3.0]])


def test_groups_that_differ_without_varying_have_no_t_test() -> None:
    for name in ("welch_t", "student_t", "anova", "welch_anova"):
        assert TESTS[name]([[1, 1, 1], [2, 2, 2]]).p is None


def test_a_single_value_enters_the_pooled_test_but_not_the_unpooled() -> None:
    assert TESTS["student_t"]([[1, 2, 4, 9], [3]]).p == pytest.approx(0.8178037, rel=1e-6)  # R t.test(var.equal=T)
    assert TESTS["welch_t"]([[1, 2, 4, 9], [3]]).p is None


def test_three_groups_agree_with_r() -> None:
    x = np.array([1, 2, 4, 9, 3, 5, 8, 8, 2, 2, 7, 1])
    groups = [x[i::3] for i in range(3)]
    assert TESTS["welch_anova"](groups).p == pytest.approx(0.5003963, rel=1e-6)  # oneway.test
    assert TESTS["anova"](groups).p == pytest.approx(0.5908778, rel=1e-6)  # anova(lm)
    assert TESTS["kruskal_wallis"](groups).p == pytest.approx(0.6333726, rel=1e-6)  # kruskal.test
    assert TESTS["mann_whitney"](groups).reason == "more than two groups"


@given(st.lists(st.integers(0, 4), min_size=1, max_size=5), st.lists(st.integers(0, 4), min_size=1, max_size=5))
def test_the_exact_rank_test_counts_every_choice_of_patients(a: list[int], b: list[int]) -> None:
    found = TESTS["mann_whitney_exact"]([a, b])
    if len({*a, *b}) == 1:
        assert found.p is None
        return
    ranks = stats.rankdata(a + b)
    mean = len(a) * ranks.mean()
    sums = [abs(sum(chosen) - mean) for chosen in itertools.combinations(ranks, len(a))]
    observed = abs(ranks[: len(a)].sum() - mean)
    assert found.p == pytest.approx(np.mean(np.array(sums) >= observed - 1e-9))


def test_ranks_of_a_large_registry_in_32_bits_give_the_p_value_of_64_bits() -> None:
    x = np.random.default_rng(1).normal(size=200_000).astype(np.float32)
    halves = [x[:90_000], x[90_000:]]
    for name in OF_VALUES.keys() - {"mann_whitney_exact"}:
        assert TESTS[name](halves).p == pytest.approx(TESTS[name]([h.astype(float) for h in halves]).p, rel=1e-9)


def test_samples_too_large_for_the_exact_rank_test_get_the_asymptotic_one_and_say_so() -> None:
    x = np.random.default_rng(1).normal(size=2_000)
    found = TESTS["mann_whitney_exact"]([x[:1000], x[1000:]])
    assert found.p == TESTS["mann_whitney"]([x[:1000], x[1000:]]).p
    assert "too many" in found.reason and "asymptotic" in found.method


# Standardised differences, differences of location, quartiles, adjusted p-values


def test_groups_that_differ_without_varying_have_an_infinite_standardised_difference() -> None:
    for found in (
        comparisons.smd_continuous([1, 1], [2, 2]),
        comparisons.smd_categorical([[5, 0], [0, 4]]),
        comparisons.smd_categorical([[5, 0, 0], [0, 2, 2]]),
    ):
        assert found.value is None and "infinite" in found.reason


@pytest.mark.parametrize("groups", [([1, 2], []), ([1, 2], [3]), ([4, 4], [4, 4])])
def test_a_standardised_difference_without_variance_is_not_estimable(groups: tuple) -> None:
    assert comparisons.smd_continuous(*groups).value is None
    assert comparisons.smd_continuous(*groups).reason


def test_of_three_groups_the_largest_standardised_difference_is_told() -> None:
    a, b, c = [1, 2, 3, 4], [2, 3, 4, 5], [9, 8, 7, 11]
    assert comparisons.smd_largest([a, b, c]).value == comparisons.smd_continuous(a, c).value
    table = [[5, 9, 3], [4, 8, 4], [9, 2, 1]]
    pairs = [comparisons.smd_categorical([table[i], table[j]]).value for i, j in ((0, 1), (0, 2), (1, 2))]
    assert comparisons.smd_categorical(table).value == max(pairs)


@given(st.lists(st.integers(1, 20), min_size=4, max_size=4))
def test_the_standardised_difference_of_two_levels_is_that_of_their_rates(cells: list[int]) -> None:
    a, b, c, d = cells
    p, q = a / (a + b), c / (c + d)
    expected = abs(p - q) / math.sqrt((p * (1 - p) + q * (1 - q)) / 2)
    assert comparisons.smd_categorical([[a, b], [c, d]]).value == pytest.approx(expected, abs=1e-12)


def test_differences_of_location_say_what_is_missing() -> None:
    assert comparisons.hodges_lehmann([], [1]).reason
    assert comparisons.mean_difference([], [1, 2]).value is None
    single = comparisons.mean_difference([3], [1, 2])
    assert single.value == 1.5 and single.low is None and single.p is None and single.reason


def test_quartiles_of_nobody_are_absent_and_of_one_patient_that_patient() -> None:
    for method in ("linear", "weibull", "averaged_inverted_cdf"):
        assert comparisons.quartiles([], method) is None
        assert comparisons.quartiles([7], method) == (7, 7, 7)


def test_absent_p_values_are_neither_counted_nor_filled_in() -> None:
    assert comparisons.adjust_p([0.01, None, math.nan], "bonferroni") == [0.01, None, None]
    assert comparisons.adjust_p([None], "holm") == [None]
    with pytest.raises(ValueError):
        comparisons.adjust_p([1.2], "holm")
    with pytest.raises(ValueError):
        comparisons.adjust_p([0.2], "none")


# Logistic, Firth, ordinal


def patients(n: int, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = np.column_stack([rng.normal(70, 10, n), rng.integers(0, 2, n), rng.normal(2020, 2, n)])
    return (rng.random(n) < expit(-0.5 + 0.05 * (X[:, 0] - 70) + X[:, 1])).astype(int), X


TERMS = ["age", "male", "year"]


def loglik(y: np.ndarray, X: np.ndarray, index: int, value: float) -> float:
    """Return the likelihood maximised over everything but one coefficient, which is held by an offset."""
    rest = np.column_stack([np.ones(len(y)), np.delete(X, index, axis=1)])
    rest[:, 1:] = (rest[:, 1:] - rest[:, 1:].mean(0)) / rest[:, 1:].std(0)
    offset = (X[:, index] - X[:, index].mean()) * value
    sign = np.where(y > 0, -1, 1)

    def negative(coefs: np.ndarray) -> tuple[float, np.ndarray]:
        eta = offset + rest @ coefs
        return np.logaddexp(0, sign * eta).sum(), rest.T @ (expit(eta) - y)

    found = minimize(negative, np.zeros(rest.shape[1]), jac=True, method="BFGS", options={"gtol": 1e-9})
    return -negative(found.x)[0]


@pytest.mark.parametrize("n", [25, 200])
def test_the_likelihood_has_dropped_by_half_a_chi_squared_at_each_profile_limit(n: int) -> None:
    y, X = patients(n)
    fit = regression.logistic(y, X, TERMS, interval="profile")
    for index, term in enumerate(fit.terms):
        for limit in (term.low, term.high):
            drop = fit.loglik - loglik(y, X, index, math.log(limit))
            assert drop == pytest.approx(stats.chi2.isf(0.05, 1) / 2, rel=1e-4)
        statistic = 2 * (fit.loglik - loglik(y, X, index, 0.0))
        assert term.p == pytest.approx(stats.chi2.sf(statistic, 1), rel=1e-4)
        assert (term.p < 0.05) == (not term.low <= 1 <= term.high)


def test_separated_data_keep_the_finite_side_of_the_profile_interval() -> None:
    y, X = np.array([0, 0, 0, 0, 1, 0, 1, 1, 1, 0]), np.array([[0, 0, 0, 0, 0, 0, 1, 1, 1, 0.0]]).T
    wald, profile = (regression.logistic(y, X, ["x"], interval=how) for how in ("wald", "profile"))
    assert wald.separated == profile.separated == ("x",)
    assert wald.terms[0].p is None and wald.terms[0].low is None and "separated" in wald.terms[0].reason
    (term,) = profile.terms
    assert (term.estimate, term.high) == (None, None) and "separated" in term.reason
    supremum = 6 * math.log(6 / 7) + math.log(1 / 7)  # the three with x are fitted perfectly in the limit
    assert supremum - loglik(y, X, 0, math.log(term.low)) == pytest.approx(stats.chi2.isf(0.05, 1) / 2, rel=1e-4)


def test_separation_is_seen_whatever_the_unit_of_the_covariate() -> None:
    y = np.repeat([0, 1], 10)
    for unit in (1e-6, 1.0, 1e7):
        x = unit * (2020 + np.arange(20.0))[:, None]
        assert regression.separation(y, x, ["x"]) == ("x",)
        mixed = np.where(np.arange(20) % 7 == 3, 1 - y, y)
        assert regression.separation(mixed, x, ["x"]) == ()


def test_separation_is_seen_in_a_large_registry_with_few_events() -> None:
    rng = np.random.default_rng(5)
    y = np.zeros(60_000, dtype=int)
    y[::3000] = 1
    X = np.column_stack([rng.normal(size=len(y)), (y == 1) | (rng.random(len(y)) < 0.5)]).astype(float)
    assert regression.separation(y, X, ["age", "exposed"]) == ("exposed",)
    assert regression.separation(y, X[:, :1], ["age"]) == ()


@pytest.mark.parametrize("fit", [regression.logistic, regression.firth])
@pytest.mark.parametrize(
    ("y", "X", "word"),
    [
        ([], np.empty((0, 2)), "no complete case"),
        ([1], [[1.0, 2.0]], "same in everybody"),
        ([0, 0, 0, 0], [[1, 2], [2, 1], [3, 5], [4, 4]], "same in everybody"),
        ([0, 1, 0, 1], [[1, 7], [2, 7], [3, 7], [4, 7]], "b has the same value"),
        ([0, 1, 0, 1, 1], [[1, 2], [2, 4], [3, 6], [4, 8], [0, 0]], "follows exactly"),
        ([0, 1], [[1, 2], [2, 1]], "2 terms and an intercept, but 2 patients"),
    ],
)
def test_data_that_no_model_fits_say_why_on_every_term(fit, y: list, X: np.ndarray, word: str) -> None:
    found = fit(y, X, ["a", "b"])
    assert word in found.reason and not found.converged and found.loglik is None
    assert [term.name for term in found.terms] == ["a", "b"]
    assert all(term.estimate is None and term.p is None and word in term.reason for term in found.terms)


@pytest.mark.parametrize("fit", [regression.logistic, regression.firth, regression.ordinal, regression.separation])
def test_models_refuse_missing_values_and_shapes_that_do_not_match(fit) -> None:
    y, X = patients(30)
    broken = X.copy()
    broken[3, 1] = math.nan
    for columns, terms in ((broken, TERMS), (X, TERMS[:2]), (X[:20], TERMS)):
        with pytest.raises(ValueError):
            fit(y, columns, terms)


def test_an_outcome_that_is_not_binary_is_refused() -> None:
    with pytest.raises(ValueError):
        regression.logistic([0, 1, 2, 1], [[1], [2], [3], [1]], ["x"])


def test_the_estimates_do_not_depend_on_the_unit_or_origin_of_a_covariate() -> None:
    y, X = patients(80)
    moved = X * [0.001, 1, 1] - [0, 0, 2020]
    for fit in (regression.logistic, regression.firth):
        here, there = fit(y, X, TERMS), fit(y, moved, TERMS)
        assert there.terms[0].coef == pytest.approx(1000 * here.terms[0].coef, rel=1e-5)
        assert there.terms[2].high == pytest.approx(here.terms[2].high, rel=1e-5)
        assert there.terms[1].p == pytest.approx(here.terms[1].p, rel=1e-5)


def test_events_per_variable_counts_the_rarer_outcome() -> None:
    y, X = patients(80)
    assert regression.logistic(y, X, TERMS).events_per_variable == min(y.sum(), 80 - y.sum()) / 3
    assert regression.logistic(y, X[:, :0], []).events_per_variable is None


def test_more_terms_than_events_still_give_a_firth_estimate() -> None:
    rng = np.random.default_rng(2)
    X, y = rng.normal(size=(20, 4)), np.repeat([1, 0], [2, 18])
    fit = regression.firth(y, X, list("abcd"))
    assert fit.events_per_variable == 0.5
    assert all(0 < term.low < term.estimate < term.high for term in fit.terms)


@given(st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_firth_intervals_hold_the_estimate_and_agree_with_their_p(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(8, 40))
    X = np.column_stack([rng.integers(0, 2, n), rng.normal(60, 10, n)]).astype(float)
    y = (X[:, 1] > np.median(X[:, 1])) if seed % 2 else rng.random(n) < 0.3
    fit = regression.firth(y, X, ["a", "b"])
    for term in fit.terms:
        if not fit.reason and None not in (term.low, term.high):
            assert term.low < term.estimate < term.high
            assert abs(term.p - 0.05) < 1e-6 or (term.p < 0.05) == (not term.low <= 1 <= term.high)


def firth_drop(y: np.ndarray, X: np.ndarray, index: int, value: float) -> float:
    """Return the penalised likelihood maximised, from several places, over everything but one coefficient."""
    design = np.column_stack([np.ones(len(y)), (X - X.mean(0)) / X.std(0)])
    scaled = value * X[:, index].std()

    def negative(rest: np.ndarray) -> float:
        coefs = np.insert(rest, index + 1, scaled)
        eta = design @ coefs
        weight = expit(eta) * expit(-eta)
        with np.errstate(all="ignore"):
            penalty = np.linalg.slogdet(design.T @ (weight[:, None] * design))[1] / 2
        return np.logaddexp(0, np.where(y > 0, -eta, eta)).sum() - penalty

    starts = [np.zeros(X.shape[1]), np.full(X.shape[1], 1.0), np.full(X.shape[1], -1.0)]
    tight = {"xatol": 1e-8, "fatol": 1e-11, "maxiter": 4000, "maxfev": 4000}
    return -min(minimize(negative, start, method="Nelder-Mead", options=tight).fun for start in starts)


def test_the_penalised_likelihood_has_dropped_alike_at_both_limits_of_separated_data() -> None:
    y = np.repeat([0, 1], [7, 6])
    X = np.column_stack([np.r_[np.arange(7) * 1.3, 9 + np.arange(6) * 2.1], np.tile([0, 1, 1], 5)[:13]]).astype(float)
    fit = regression.firth(y, X, ["dose", "male"])
    assert fit.separated
    for index, term in enumerate(fit.terms):
        top = firth_drop(y, X, index, term.coef)
        for limit in (term.low, term.high):
            drop = top - firth_drop(y, X, index, math.log(limit))
            assert drop == pytest.approx(stats.chi2.isf(0.05, 1) / 2, rel=1e-3)


def test_a_huge_estimate_with_a_huge_interval_is_flagged_as_near_separation() -> None:
    x, y = np.repeat([1, 1, 0, 0], [20, 1, 6, 24]), np.repeat([1, 0, 1, 0], [20, 1, 6, 24])
    (term,), near = (fit := regression.logistic(y, x[:, None].astype(float), ["x"])).terms, fit.near_separated
    assert term.estimate == pytest.approx(80) and near == ("x",) and not fit.separated
    y, X = patients(300)
    assert regression.logistic(y, X, TERMS).near_separated == ()
    wide = regression.logistic([0, 1, 1, 0, 1, 0], [[0], [0], [0], [1], [1], [1]], ["x"])
    assert wide.near_separated == ()


def test_a_fit_that_does_not_converge_gives_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regression, "separation", lambda *_: ())
    x = np.arange(60.0)[:, None]
    fit = regression.logistic((x[:, 0] > 30).astype(int), x, ["x"])
    assert fit.terms[0].estimate is None and "converge" in fit.reason


def test_the_likelihood_ratio_test_compares_nested_fits_of_the_same_patients_only() -> None:
    y, X = patients(120)
    full, less = regression.logistic(y, X, TERMS), regression.logistic(y, X[:, 1:], TERMS[1:])
    profile = regression.logistic(y, X, TERMS, interval="profile")
    assert regression.likelihood_ratio(full, less).p == pytest.approx(profile.terms[0].p, rel=1e-6)
    assert regression.likelihood_ratio(full, less).df == (1.0,)
    for one, two in ((less, full), (full, regression.logistic(y[:90], X[:90, 1:], TERMS[1:]))):
        with pytest.raises(ValueError):
            regression.likelihood_ratio(one, two)


def test_an_ordinal_model_of_two_grades_is_the_logistic_model() -> None:
    y, X = patients(150)
    two, one = regression.ordinal(y, X, TERMS), regression.logistic(y, X, TERMS)
    for a, b in zip(two.terms, one.terms, strict=True):
        assert (a.coef, a.se, a.high) == pytest.approx((b.coef, b.se, b.high), rel=1e-4)
    flipped = regression.ordinal(-y, X, TERMS)
    assert flipped.terms[1].estimate == pytest.approx(1 / two.terms[1].estimate, rel=1e-4)


@pytest.mark.parametrize(
    ("y", "x", "word"),
    [
        ([3, 3, 3, 3], [0, 1, 0, 1], "same in everybody"),
        ([0, 1, 2, 3], [1, 1, 1, 1], "same value"),
        ([0, 0, 1, 2, 3, 3], [0, 0, 0, 1, 1, 1], "separated"),
    ],
)
def test_an_ordinal_model_without_an_answer_says_why(y: list[int], x: list[int], word: str) -> None:
    found = regression.ordinal(y, np.array(x, dtype=float)[:, None], ["g"])
    assert found.terms[0].estimate is None and word in found.terms[0].reason


def test_grades_that_nobody_has_change_nothing() -> None:
    y, x = np.array([0, 1, 1, 2, 2, 3, 0, 3, 1, 2]), np.array([[0, 1, 0, 1, 0, 1, 1, 0, 0, 1.0]]).T
    spread = np.array([0, 2, 5, 6])[y]
    assert regression.ordinal(y, x, ["g"]).terms == regression.ordinal(spread, x, ["g"]).terms


# Area under the curve


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 5)), min_size=4, max_size=25))
def test_the_area_is_the_share_of_pairs_that_the_score_orders_rightly(pairs: list[tuple[int, int]]) -> None:
    y, score = np.array(pairs).T
    found = regression.auc(y, score)
    if y.min() == y.max():
        assert found.value is None and found.reason
        return
    events, others = score[y == 1], score[y == 0]
    wins = np.mean([(a > b) + (a == b) / 2 for a in events for b in others])
    assert found.value == pytest.approx(wins, abs=1e-12)
    assert (found.low is None) == bool(found.reason)
    if found.low is not None:
        assert 0 <= found.low <= found.value <= found.high <= 1
        assert regression.auc(1 - y, score).value == pytest.approx(1 - found.value)


def test_a_perfect_score_has_an_area_and_no_interval() -> None:
    found = regression.auc([0, 0, 1, 1], [1, 2, 3, 4])
    assert found.value == 1 and found.low is None and "variance" in found.reason
