"""Every check of every reference case (R 4.2.2 and published values, tests/reference) against the kernels."""

# mypy: disable-error-code="operator, arg-type, index, misc, union-attr, call-overload, no-untyped-def"
# An estimate that is None where a check computes with it fails that check, which is what it is for.
from __future__ import annotations

import csv
import functools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tieout.analysis import comparisons, intervals, regression
from tieout.analysis.comparisons import TESTS, Test
from tieout.analysis.intervals import Estimate
from tieout.analysis.regression import Fit

FOLDER = Path(__file__).parent / "reference"

DOES_NOT_APPLY = {
    f"{case}/{model}.wald_se_logistf_augmented": "logistf's SE of hat-augmented data: informative only, see its note"
    for case, model in (
        ("03-birthwt", "firth"),
        ("04-endometrial-separation", "firth"),
        ("05-tiny-perfect-separation", "firth"),
        ("05-tiny-perfect-separation", "firth_adj"),
    )
}
NOT_ESTIMABLE = {
    f"02-two-by-two/zero_row.{what}": "R gives a number, yet the margins allow a single table"
    for what in (
        "fisher_p", "fisher_midp_central", "fisher_midp_minlike", "or_conditional_exact_ci",
        "or_conditional_R_fisher_test", "or_minlike_ci",
    )
}  # fmt: skip

FOUR_DECIMALS = ("or_minlike_ci",)
"""Answers that R rounds to four decimals, which is coarser than their tolerance where they are small."""

CASES = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))}
CHECKS = [
    pytest.param(case, check, id=f"{case}/{check['id']}") for case, body in CASES.items() for check in body["checks"]
]


def rows(name: str) -> list[dict[str, str]]:
    with (FOLDER / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def numbers(name: str, column: str) -> np.ndarray:
    return np.array([float(row[column]) for row in rows(name)])


def limits(found: Estimate) -> tuple[list[float | None], str]:
    return [found.low, found.high], found.reason


def all_three(found: Estimate) -> tuple[list[float | None], str]:
    return [found.value, found.low, found.high], found.reason


def only(found: Any) -> tuple[list[float | None], str]:
    return [found.p if isinstance(found, Test) else found.value], found.reason


def proportions(check: str) -> Any:
    name, what = check.split(".")
    x, n = next((int(r["x"]), int(r["n"])) for r in rows("proportions.csv") if r["name"] == name)
    if what == "percent":
        return 100 * intervals.proportion(x, n).value
    return limits(intervals.proportion(x, n, what))


def two_by_two(check: str) -> Any:
    name, what = check.split(".")
    a, b, c, d = next(tuple(int(r[k]) for k in "abcd") for r in rows("two_by_two.csv") if r["name"] == name)
    table, groups = [[a, b], [c, d]], (a, a + b, c, c + d)
    exact = functools.partial(intervals.odds_ratio_exact, *groups)
    difference = functools.partial(intervals.risk_difference, *groups)
    return {
        "fisher_p": lambda: only(TESTS["fisher"](table)),
        "or_conditional_mle": lambda: only(exact()),
        "or_conditional_exact_ci": lambda: limits(exact()),
        "or_conditional_R_fisher_test": lambda: all_three(exact()),
        "or_sample": lambda: only(intervals.odds_ratio(*groups)),
        "fisher_midp_central": lambda: only(comparisons.fisher_mid_p_central(table)),
        "fisher_midp_minlike": lambda: only(TESTS["fisher_mid_p"](table)),
        "or_minlike_ci": lambda: limits(exact(method="minlike")),
        "chisq_p_nocc": lambda: only(TESTS["chi_square"](table)),
        "chisq_p_yates": lambda: only(TESTS["chi_square_yates"](table)),
        "risk_difference": lambda: only(difference()),
        "rd_newcombe_ci": lambda: limits(difference(method="newcombe")),
        "rd_wald_ci": lambda: limits(difference(method="wald")),
        "rd_miettinen_nurminen_ci": lambda: limits(difference(method="miettinen_nurminen")),
        "rd_mee_ci": lambda: limits(difference(method="mee")),
        "rd_propcis_diffscoreci": lambda: limits(difference(method="miettinen_nurminen")),
        "or_woolf_ci": lambda: limits(intervals.odds_ratio(*groups)),
        "rr_katz": lambda: all_three(intervals.risk_ratio(*groups)),
        "or_haldane_anscombe": lambda: all_three(intervals.odds_ratio(*groups, method="haldane_anscombe")),
    }[what]()


@functools.cache
def birthwt_design(variables: tuple[str, ...]) -> tuple[np.ndarray, list[str]]:
    columns: dict[str, np.ndarray] = {}
    for variable in variables:
        if variable == "race":
            for level in ("black", "other"):
                columns[f"race{level}"] = np.array([float(r["race"] == level) for r in rows("birthwt.csv")])
        else:
            columns[variable] = numbers("birthwt.csv", variable)
    return np.column_stack(list(columns.values()) or [np.empty((189, 0))]), list(columns)


MULTI = ("age", "lwt", "race", "smoke", "ptlany", "ht", "ui")


@functools.cache
def birthwt_fit(variables: tuple[str, ...], how: str) -> Fit:
    X, terms = birthwt_design(variables)
    y = numbers("birthwt.csv", "low")
    return regression.firth(y, X, terms) if how == "firth" else regression.logistic(y, X, terms, interval=how)


def of_fit(fit: Fit, attribute: str) -> list[float | None]:
    return [getattr(term, attribute) for term in (fit.intercept, *fit.terms)]


ATTRIBUTES = {
    "coef": "coef",
    "or": "estimate",
    "wald_se": "se",
    "wald_p": "p",
    "or_wald_ci_lower": "low",
    "or_wald_ci_upper": "high",
    "or_profile_ci_lower": "low",
    "or_profile_ci_upper": "high",
    "or_pl_ci_lower": "low",
    "or_pl_ci_upper": "high",
    "plr_p": "p",
    "coef_brglm2": "coef",
    "wald_se_information": "se",
}


def of_model(fit: Fit, what: str) -> Any:
    return fit.loglik if what in ("loglik", "penalised_loglik") else of_fit(fit, ATTRIBUTES[what])


def dropped(variables: tuple[str, ...]) -> list[float | None]:
    full = birthwt_fit(variables, "wald")
    fewer = (tuple(v for v in variables if v != one) for one in variables)
    return [regression.likelihood_ratio(full, birthwt_fit(less, "wald")).p for less in fewer]


def birthwt(check: str) -> Any:
    name, what = check.split(".")
    if name == "firth":
        return of_model(birthwt_fit(MULTI, "firth"), what)
    if what in ("auc", "auc_delong_ci"):
        X, fit = birthwt_design(MULTI)[0], birthwt_fit(MULTI, "wald")
        area = regression.auc(numbers("birthwt.csv", "low"), X @ [t.coef for t in fit.terms])
        return area.value if what == "auc" else limits(area)
    if name == "multi" or name.startswith("uni_"):
        variables = MULTI if name == "multi" else (name.removeprefix("uni_"),)
        if what == "drop1_lrt_p":
            return dropped(variables)
        fit = birthwt_fit(variables, "profile" if "profile" in what else "wald")
        return fit.n if what == "terms_n" else of_model(fit, what)
    if name in ("age", "lwt"):
        a, b = grouped("birthwt.csv", name, "low")
        return compared(a, b, what)
    table = np.array(
        [
            [sum(r[name] == level and r["low"] == group for r in rows("birthwt.csv")) for level in LEVELS[name]]
            for group in ("0", "1")
        ]
    )
    return cross_table(table, what)


LEVELS = dict.fromkeys(("smoke", "ptlany", "ht", "ui"), ("0", "1")) | {
    "race": ("white", "black", "other"),
    "ftvc": ("0", "1", "2+"),
}


def cross_table(table: np.ndarray, what: str) -> Any:
    return {
        "counts_rowmajor": lambda: table.T.ravel().tolist(),
        "col_percent_rowmajor": lambda: [
            100 * intervals.proportion(x, n).value
            for level in table.T
            for x, n in zip(level, table.sum(1), strict=True)
        ],
        "chisq_p_nocc": lambda: only(TESTS["chi_square"](table)),
        "chisq_p_yates": lambda: only(TESTS["chi_square_yates"](table)),
        "min_expected": lambda: comparisons.expected_counts(table).min(),
        "fisher_p": lambda: only(TESTS["fisher"](table)),
        "smd": lambda: only(comparisons.smd_categorical(table)),
    }[what]()


def grouped(file: str, column: str, by: str) -> list[np.ndarray]:
    values, groups = numbers(file, column), np.array([r[by] for r in rows(file)])
    return [values[groups == group] for group in sorted(set(groups))]


def compared(a: np.ndarray, b: np.ndarray, what: str) -> Any:
    def median_first(method: str) -> list[float]:
        return [q for s in (a, b) for q in np.array(comparisons.quartiles(s, method))[[1, 0, 2]]]

    def outer(method: str) -> list[float]:
        return [q for s in (a, b) for q in np.array(comparisons.quartiles(s, method))[[0, 2]]]

    return {
        "n": lambda: [len(a), len(b)],
        "mean": lambda: [a.mean(), b.mean()],
        "sd": lambda: [a.std(ddof=1), b.std(ddof=1)],
        "median_q25_q75_type7": lambda: median_first("linear"),
        "q25_q75_type6": lambda: outer("weibull"),
        "q25_q75_type2": lambda: outer("averaged_inverted_cdf"),
        "welch_p": lambda: only(TESTS["welch_t"]([a, b])),
        "pooled_t_p": lambda: only(TESTS["student_t"]([a, b])),
        "mean_diff_welch_ci": lambda: limits(comparisons.mean_difference(a, b)),
        "wilcoxon_p_asymp_cc": lambda: only(TESTS["mann_whitney"]([a, b])),
        "wilcoxon_p_asymp_nocc": lambda: only(TESTS["mann_whitney_uncorrected"]([a, b])),
        "kruskal_p": lambda: only(TESTS["kruskal_wallis"]([a, b])),
        "wilcoxon_p_exact_permutation_with_ties": lambda: only(TESTS["mann_whitney_exact"]([a, b])),
        "wilcoxon_exact_p": lambda: only(TESTS["mann_whitney_exact"]([a, b])),
        "smd_abs": lambda: only(comparisons.smd_continuous(a, b)),
        "hodges_lehmann": lambda: only(comparisons.hodges_lehmann(a, b)),
        "hl_median_pairwise": lambda: only(comparisons.hodges_lehmann(a, b)),
    }[what]()


@functools.cache
def firth_of(file: str, outcome: str, terms: tuple[str, ...]) -> Fit:
    X = np.column_stack([numbers(file, term) for term in terms])
    return regression.firth(numbers(file, outcome), X, terms)


def endometrial(check: str) -> Any:
    terms = ("NV", "PI", "EH")
    fit = firth_of("endometrial.csv", "HG", terms)
    if check == "ml.separated_terms":
        X = np.column_stack([numbers("endometrial.csv", term) for term in terms])
        assert regression.separation(numbers("endometrial.csv", "HG"), X, terms) == ("NV",)
        return 1
    if check == "nv_by_hg":
        pairs = [(r["NV"], r["HG"]) for r in rows("endometrial.csv")]
        return [pairs.count((nv, hg)) for nv in "01" for hg in "01"]
    if check == "published_firth_coef_heinze_schemper_2002":
        return [round(term.coef, 2) for term in fit.terms]
    if check == "published_firth_ci_nv":
        return [np.log(fit.terms[0].low), np.log(fit.terms[0].high)]
    return of_model(fit, check.split(".")[1])


def tiny_separation(check: str) -> Any:
    y, x = numbers("tiny_separation.csv", "y"), numbers("tiny_separation.csv", "x")
    table = [[int(((y == i) & (x == j)).sum()) for j in (1, 0)] for i in (1, 0)]
    if check == "fisher_p":
        return only(TESTS["fisher"](table))
    if check == "fisher_or_ci":
        return limits(intervals.odds_ratio_exact(table[0][0], sum(table[0]), table[1][0], sum(table[1])))
    if check == "smd_x":
        return only(comparisons.smd_continuous(x[y == 0], x[y == 1]))
    model, what = check.split(".")
    terms = ("x", "age") if model == "firth_adj" else ("x",)
    return of_model(firth_of("tiny_separation.csv", "y", terms), what)


def ordinal(check: str) -> Any:
    name, what = check.split(".")
    if what.startswith("common_or"):
        g = np.array([[float(r["g"] == "B")] for r in rows("ordinal_small.csv")])
        (term,) = regression.ordinal(numbers("ordinal_small.csv", "mrs"), g, ["B"]).terms
        return term.estimate if what == "common_or" else term.se
    file, column = ("tiny_rank.csv", "x") if name == "tiny" else ("ordinal_small.csv", name)
    a, b = grouped(file, column, "g")
    return compared(a, b, what)


def p_adjust(check: str) -> Any:
    cells = (FOLDER / "pvalues.csv").read_text(encoding="utf-8").splitlines()[1:]
    return comparisons.adjust_p([float(cell) if cell else None for cell in cells], check), "absent"


def published(check: str) -> Any:
    words = check.removesuffix("_R").split("_")
    if words[0] == "wilson":
        return limits(intervals.proportion(int(words[1]), int(words[2]), "wilson"))
    method = {"newcombe": "newcombe", "mee": "mee"}.get(words[6], "miettinen_nurminen")
    return limits(intervals.risk_difference(*(int(words[i]) for i in (1, 2, 4, 5)), method=method))


COMPUTE = {
    "01-proportions": proportions,
    "02-two-by-two": two_by_two,
    "03-birthwt": birthwt,
    "04-endometrial-separation": endometrial,
    "05-tiny-perfect-separation": tiny_separation,
    "09-ordinal-ties-tiny": ordinal,
    "14-p-adjust": p_adjust,
    "16-published-intervals": published,
}


@pytest.mark.parametrize(("case", "check"), CHECKS)
def test_kernels_agree_with_every_reference_check(case: str, check: dict[str, Any]) -> None:
    key = f"{case}/{check['id']}"
    if key in DOES_NOT_APPLY:
        pytest.skip(DOES_NOT_APPLY[key])
    found = COMPUTE[case](check["id"])
    values, reason = found if isinstance(found, tuple) else (found, "")
    values = values if isinstance(values, list) else [values]
    expected = check["expected"] if isinstance(check["expected"], list) else [check["expected"]]
    if key in NOT_ESTIMABLE:
        assert set(values) == {None}
        assert reason
        return
    assert len(values) == len(expected)
    for value, answer in zip(values, expected, strict=True):
        if answer in (None, "NaN", "Inf", "-Inf"):
            assert value is None
            assert ("infinite" in reason) if answer == "Inf" else reason
        else:
            rounding = 5e-5 if check["id"].endswith(FOUR_DECIMALS) else 1e-12 if answer == 0 else 0
            assert value == pytest.approx(answer, rel=check["tol_rel"], abs=rounding)


def test_the_reference_folder_holds_all_checks_and_every_exception_names_one() -> None:
    ids = {f"{case}/{check['id']}" for case, body in CASES.items() for check in body["checks"]}
    assert len(ids) == len(CHECKS) == 476
    assert set(COMPUTE) == set(CASES)
    assert {*DOES_NOT_APPLY, *NOT_ESTIMABLE} <= ids
