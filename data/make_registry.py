"""Make the SYNTHETIC example registry and its screening log: python data/make_registry.py [folder].

The published figures that the example is made to reproduce are those of the abstract of Baek JH et al.,
Clinical outcomes of rescue stenting for failed endovascular thrombectomy: a multicenter prospective registry,
J NeuroIntervent Surg 2022;14:1166-1172. The analysis does not know them: they are targets of this program, as
counts in STRATA and FEW and as printed odds ratios in PATENCY and FAVOURABLE. Everything else is simulated; no
row is, or is drawn from, a patient of that study.

How it is made: patients are dealt into strata whose sizes give the published percentages; covariates are
drawn by stratum from a seeded generator; then, for each of the two multivariable models, a local search
alters one whole number of one patient at a time (years, NIHSS points, minutes; passes), within a
few units of what was drawn, until an ordinary logistic regression prints the published odds ratio, interval
and p value. statsmodels refits both before anything is written. The search compares rounded distances, so
that the last bits of a machine's arithmetic do not steer it.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy.stats import norm

SEED = 2022005
Z = norm.ppf(0.975)
UNKNOWN, NOT_APPLICABLE, BLANK = -99, -1, ""

SITE = "redcap_data_access_group"
SITE_COUNTS = (17, 12, 10, 8, 7, 6, 5, 4, 3, 2, 2, 1, 1)
OPENED, LAST_ENROLMENT = np.datetime64("2017-01-09"), np.datetime64("2020-12-20")

# (stent on follow-up imaging, outcome at 3 months, patients, of whom with maintained GP IIb/IIIa inhibitor):
# 78 patients, 67 imaged, 55 patent; 75 with an mRS, 50 of them 0-2.
STRATA = (
    ("patent", "favourable", 43, 33),
    ("patent", "unfavourable", 10, 7),
    ("patent", "lost", 2, 1),
    ("closed", "favourable", 1, 0),
    ("closed", "unfavourable", 11, 4),
    ("not imaged", "favourable", 6, 4),
    ("not imaged", "unfavourable", 4, 2),
    ("not imaged", "lost", 1, 1),
)

# Patients named by stratum and number within it, where the abstract fixes how many there are.
FEW = {
    "died": (
        ("closed", "unfavourable", 0),
        ("not imaged", "unfavourable", 0),
        ("not imaged", "unfavourable", 1),
    ),
    "sich": (
        ("not imaged", "unfavourable", 0),
        ("not imaged", "unfavourable", 2),
        ("closed", "unfavourable", 1),
        ("patent", "unfavourable", 0),
    ),
    "not_recanalised": (("closed", "unfavourable", 2),),
    "dissection": (("patent", "favourable", 4),),
    "hard_embolus": (("patent", "unfavourable", 1),),
    "decompressed": (("closed", "unfavourable", 0), ("closed", "unfavourable", 1)),
    "restroke": (("closed", "unfavourable", 3), ("closed", "unfavourable", 4), ("patent", "unfavourable", 2)),
    "nihss_unknown": (("patent", "favourable", 0),),
    "onset_unknown": (("patent", "favourable", 1),),
}
# In the order of FEW["died"]: days after the procedure, and the cause (1 index stroke, 2 ICH, 4 infection).
DEATHS = {
    "day": (12, 3, 38),
    "discharge": (12, 3, 21),
    "cause": (1, 2, 4),
}
MRS_FAVOURABLE = {0: 12, 1: 21, 2: 17}
MRS_UNFAVOURABLE = {3: 11, 4: 6, 5: 2}  # besides the deaths and the survivors of a symptomatic ICH
MRS_AFTER_SICH = (4, 5, 4)
ASYMPTOMATIC_ICH = ("HI1",) * 4 + ("HI2",) * 3 + ("PH1",) + ("3c",) * 2
SYMPTOMATIC_ICH = ("PH2", "PH1", "PH2", "3c")

# brand: stent type, how often, sizes (diameter, length in mm)
STENTS = {
    "Solitaire": (1, 0.48, ((4.0, 15), (4.0, 20), (6.0, 20), (6.0, 30))),
    "Wingspan": (2, 0.19, ((2.5, 15), (3.0, 15), (3.5, 15), (4.0, 20))),
    "Neuroform Atlas": (2, 0.14, ((3.0, 15), (3.0, 21), (4.0, 21), (4.5, 21))),
    "Enterprise": (2, 0.08, ((4.5, 14), (4.5, 22), (4.5, 28))),
    "balloon-mounted coronary": (3, 0.08, ((2.5, 12), (2.75, 15), (3.0, 15), (3.5, 18))),
    "other": (4, 0.03, ((3.0, 15), (4.0, 20))),
}

# Unknown at random, in so many patients; the covariates of the models have theirs in FEW.
MODEL_UNKNOWN = {"nihss_adm": "nihss_unknown", "d_onset_punct": "onset_unknown"}
UNKNOWN_COUNTS = {
    "prestroke_mrs": 1, "dyslip": 2, "cad": 1, "smoke": 4, "prior_stroke": 1, "prior_antiplt": 2,
    "prior_anticoag": 1, "weight": 5, "sbp_adm": 1, "glucose_adm": 3, "platelet_adm": 2, "t_image": 2,
    "t_first_pass": 2, "t_stent": 1, "collateral": 6, "bgc": 1, "resid_sten": 2, "stent_diam": 2, "stent_len": 3,
    "heparin": 2, "nihss_24": 2, "end_7d": 1, "access_comp": 1, "restroke": 1, "mrs90_rater": 2,
}  # fmt: skip

# why not eligible, performed, first line successful, rescue: patients
SCREENED_OUT = {
    (1, 0, NOT_APPLICABLE, NOT_APPLICABLE): 34,
    (2, 1, 1, 2): 21,
    (3, 1, 0, 1): 27,
    (4, 1, 0, 2): 41,
    (4, 1, 0, 1): 7,
}
REFUSED = 6

COLUMNS = [
    "record_id", "redcap_data_access_group", "enrol_date", "consent", "eligible", "excl_reason___1",
    "excl_reason___2", "excl_reason___3", "excl_reason___4", "age", "sex", "prestroke_mrs", "htn", "dm",
    "dyslip", "af", "cad", "smoke", "prior_stroke", "prior_antiplt", "prior_anticoag", "weight", "sbp_adm",
    "glucose_adm", "platelet_adm", "nihss_adm", "onset_type", "t_lkw", "t_door", "t_image", "t_puncture",
    "t_first_pass", "t_stent", "t_recan", "transfer", "aspects", "pc_aspects", "core_vol", "collateral",
    "occl_site", "occl_side", "occl_type", "tandem", "ivt", "ivt_drug", "anaesthesia", "bgc", "first_mt",
    "n_pass", "mtici_pre", "mt_fail_reason", "etiology", "toast", "resid_sten", "stent_type", "stent_brand",
    "stent_n", "stent_diam", "stent_len", "angioplasty", "gpi_any", "gpi_drug", "gpi_ia", "gpi_maint",
    "gpi_hours", "apt_load___1", "apt_load___2", "apt_load___3", "apt_load___4", "apt_load___5", "heparin",
    "mtici_final", "perf", "dissect", "ent", "access_comp", "ich_24", "ich_class", "sich", "sich_def",
    "nihss_24", "nihss_dis", "end_7d", "decompress", "fu_angio_done", "fu_angio_date", "fu_angio_mod",
    "stent_patent", "restroke", "discharge_date", "mrs90_done", "mrs90_date", "mrs90_how", "mrs90_rater",
    "mrs90", "death_date", "death_cause", "form_complete", "query_open",
]  # fmt: skip
SCREENING_COLUMNS = [
    "screen_id", "redcap_data_access_group", "screen_date", "mt_performed", "first_line_success", "rescue",
    "eligible", "excl_reason", "consent", "record_id",
]  # fmt: skip


@dataclass(frozen=True)
class Target:
    """An odds ratio with its 95% Wald interval and p value, as printed."""

    odds_ratio: str
    low: str
    high: str
    p: str

    @property
    def printed(self) -> tuple[str, ...]:
        return (self.odds_ratio, self.low, self.high, self.p)

    def prints(self, log_odds: float, se: float) -> bool:
        """Return whether an estimate prints as this target, the ratio and its limits well inside the rounding."""
        values = (*np.exp(log_odds + np.array((0, -Z, Z)) * se), 2 * norm.sf(abs(log_odds / se)))
        return all(
            abs(value - float(text)) < room * 10.0 ** -len(text.partition(".")[2])
            for value, text, room in zip(values, self.printed, (0.4, 0.4, 0.4, 0.5), strict=True)
        )


@dataclass(frozen=True)
class Tuned:
    """A covariate that the search may alter: its limits, how far from the value drawn, the unit of a fit."""

    low: int
    high: int
    reach: int
    unit: float


@dataclass(frozen=True)
class Model:
    """A logistic regression: its terms are the exposure, the covariates given and the covariates tuned."""

    outcome: str
    exposure: str
    target: Target
    tuned: Mapping[str, Tuned]
    given: tuple[str, ...] = ()

    def cases(self, patients: pd.DataFrame) -> pd.DataFrame:
        """Return the complete cases: the search alters only values that the analysis sees."""
        terms = (self.exposure, *self.given, *self.tuned)
        unknown = [flag for name, flag in MODEL_UNKNOWN.items() if name in terms]
        complete = patients[[self.outcome, self.exposure]].notna().all(axis=1) & ~patients[unknown].any(axis=1)
        return patients.loc[complete, [self.outcome, *terms]]


PATENCY = Model(
    outcome="patent",
    exposure="gpi_maint",
    target=Target("5.72", "1.45", "22.6", "0.013"),
    tuned={"age": Tuned(42, 90, 8, 10), "n_pass": Tuned(1, 7, 2, 1)},
)
FAVOURABLE = Model(
    outcome="favourable",
    exposure="patent",
    target=Target("87.6", "4.77", "1608.9", "0.003"),
    tuned={"nihss_adm": Tuned(4, 28, 5, 5), "d_onset_punct": Tuned(95, 1300, 120, 120)},
    given=("age",),
)


def main(out: Path) -> None:
    """Write registry.csv and screening.csv into a folder, the same bytes on every run."""
    streams = iter(np.random.default_rng(SEED).spawn(11))
    patients = strata(next(streams))
    patients = covariates(next(streams), patients)
    for model in (PATENCY, FAVOURABLE):
        patients = search(next(streams), patients, model)
    for step in (times, baseline, procedure, course, with_ids):
        patients = step(next(streams), patients)
    registry = with_unknowns(next(streams), patients)
    log = screening(next(streams), registry)
    for model in (PATENCY, FAVOURABLE):
        verify(registry, model)
    write(out / "registry.csv", registry, COLUMNS)
    write(out / "screening.csv", log, SCREENING_COLUMNS)


def chance(rng: np.random.Generator, probability: np.ndarray | pd.Series | float, n: int) -> np.ndarray:
    """Return n zeros and ones, one with the given probability."""
    return (rng.random(n) < np.asarray(probability)).astype(int)


def pick(rng: np.random.Generator, weights: Mapping, n: int) -> np.ndarray:
    """Return n codes drawn with the given weights."""
    weight = np.array(list(weights.values()), dtype=float)
    codes = np.array(list(weights), dtype=object)
    return codes[rng.choice(len(codes), size=n, p=weight / weight.sum())]


def whole(values: np.ndarray, low: int, high: int) -> np.ndarray:
    return np.clip(np.rint(values), low, high).astype(int)


def deal(rng: np.random.Generator, counts: Mapping) -> np.ndarray:
    """Return each code as often as counted, in random order."""
    return rng.permutation([code for code, count in counts.items() for _ in range(count)])


def days_of_study(rng: np.random.Generator, n: int) -> np.ndarray:
    return OPENED + rng.integers((LAST_ENROLMENT - OPENED).astype(int) + 1, size=n)


def strata(rng: np.random.Generator) -> pd.DataFrame:
    """Return 78 patients with what the abstract fixes: imaging, outcome, inhibitor, and the few."""
    rows = [
        {"imaging": imaging, "outcome": outcome, "number": number, "gpi_maint": maintained}
        for imaging, outcome, count, treated in STRATA
        for number, maintained in enumerate(deal(rng, {1: treated, 0: count - treated}))
    ]
    patients = pd.DataFrame(rows)
    place = list(zip(patients["imaging"], patients["outcome"], patients["number"], strict=True))
    few = {name: [int(at in members) for at in place] for name, members in FEW.items()}
    patent = patients["imaging"].map({"patent": 1.0, "closed": 0.0})
    favourable = patients["outcome"].map({"favourable": 1.0, "unfavourable": 0.0})
    return patients.assign(**few, patent=patent, favourable=favourable)


def covariates(rng: np.random.Generator, patients: pd.DataFrame) -> pd.DataFrame:
    """Draw what the models adjust for; older, severer and later patients do worse."""
    worse, closed = patients["favourable"].eq(0), patients["patent"].eq(0)
    drawn = {
        "age": rng.normal(66 + 4 * worse, 10.5),
        "nihss_adm": rng.gamma(6.5, (12.4 + 3 * worse) / 6.5),
        "d_onset_punct": rng.lognormal(np.log(295 + 70 * worse), 0.62),
        "n_pass": 1 + rng.poisson(1.2 + 0.3 * closed),
    }
    limits = {**FAVOURABLE.tuned, **PATENCY.tuned}
    kept = {name: whole(values, limits[name].low, limits[name].high) for name, values in drawn.items()}
    return patients.assign(**kept)


def search(
    rng: np.random.Generator, patients: pd.DataFrame, model: Model, rounds: int = 400, tries: int = 250
) -> pd.DataFrame:
    """Alter the tuned covariates of the complete cases until the exposure's estimate prints as the target.

    In each round, `tries` neighbours of the best values so far are fitted; each neighbour differs in one
    covariate of one patient. Raises RuntimeError when the rounds run out.
    """
    cases, target, limits = model.cases(patients), model.target, list(model.tuned.values())
    y = cases[model.outcome].to_numpy(float)
    fixed = sm.add_constant(cases[[model.exposure, *model.given]].to_numpy(float))
    drawn = cases[list(model.tuned)].to_numpy()
    reach, unit = np.array([t.reach for t in limits]), np.array([t.unit for t in limits])
    low = np.maximum(drawn - reach, [t.low for t in limits])
    high = np.minimum(drawn + reach, [t.high for t in limits])
    aim = np.log([float(target.odds_ratio), float(target.high)])
    best, nearest = drawn, np.inf
    for _ in range(rounds):
        neighbours = np.repeat(best[None], tries, axis=0)
        case, covariate = rng.integers(len(cases), size=tries), rng.integers(len(limits), size=tries)
        neighbours[np.arange(tries), case, covariate] = rng.integers(low[case, covariate], high[case, covariate] + 1)
        log_odds, se = fits(fixed, (neighbours - drawn.mean(axis=0)) / unit, y)
        hits = np.flatnonzero([target.prints(*estimate) for estimate in zip(log_odds, se, strict=True)])
        if hits.size:
            found = patients.copy()
            found.loc[cases.index, list(model.tuned)] = neighbours[hits[0]]
            return found
        distance = np.round(np.hypot(log_odds - aim[0], log_odds + Z * se - aim[1]), 9)
        if distance.min() < nearest:
            best, nearest = neighbours[distance.argmin()], distance.min()
    raise RuntimeError(f"no odds ratio of {target.odds_ratio} after {rounds} rounds: change SEED")


def fits(fixed: np.ndarray, tuned: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the log odds ratio of column 1 and its Wald SE in many logistic regressions, by Newton's method.

    `fixed` is cases x terms, with the constant in column 0; `tuned` is tries x cases x covariates, centred and
    scaled; `y` is one per case.
    """
    x = np.concatenate((np.broadcast_to(fixed, (len(tuned), *fixed.shape)), tuned), axis=2)
    beta = np.zeros((len(x), x.shape[2], 1))
    for _ in range(14):
        risk = 1 / (1 + np.exp(-(x @ beta)))
        information = np.swapaxes(x * (risk * (1 - risk)), 1, 2) @ x
        beta = beta + np.linalg.solve(information, np.swapaxes(x, 1, 2) @ (y[:, None] - risk))
    return beta[:, 1, 0], np.sqrt(np.linalg.inv(information)[:, 1, 1])


def times(rng: np.random.Generator, patients: pd.DataFrame) -> pd.DataFrame:
    """Add the days and moments of the procedure, in order, and what hangs on them."""
    n, onset = len(patients), patients["d_onset_punct"].to_numpy()
    transfer = chance(rng, np.where(onset > 240, 0.45, 0.15), n)
    day = days_of_study(rng, n)
    puncture = day.astype("datetime64[m]") + whole(rng.normal(14 * 60, 5 * 60, n), 5, 1435)
    door = np.minimum(whole(rng.lognormal(np.log(105 - 35 * transfer), 0.35), 32, 400), onset - 25)
    image = np.minimum(rng.integers(8, 35, size=n), door - 20)
    first_pass = puncture + rng.integers(14, 48, size=n)
    stent = first_pass + 9 * patients["n_pass"].to_numpy() + rng.integers(8, 40, size=n)
    early, late = pick(rng, {1: 0.85, 2: 0.1, 3: 0.05}, n), pick(rng, {1: 0.35, 2: 0.2, 3: 0.45}, n)
    recanalised = np.datetime_as_string(stent + rng.integers(0, 15, size=n), unit="m")
    return patients.assign(
        transfer=transfer,
        onset_type=np.where(patients["onset_unknown"] == 1, 2, np.where(onset > 400, late, early)),
        enrol_date=np.datetime_as_string(day, unit="D"),
        t_lkw=np.datetime_as_string(puncture - onset, unit="m"),
        t_door=np.datetime_as_string(puncture - door, unit="m"),
        t_image=np.datetime_as_string(puncture - door + image, unit="m"),
        t_puncture=np.datetime_as_string(puncture, unit="m"),
        t_first_pass=np.datetime_as_string(first_pass, unit="m"),
        t_stent=np.datetime_as_string(stent, unit="m"),
        t_recan=np.where(patients["not_recanalised"] == 1, NOT_APPLICABLE, recanalised.astype(object)),
    )


def baseline(rng: np.random.Generator, patients: pd.DataFrame) -> pd.DataFrame:
    """Add demography, risk factors, examination, imaging and thrombolysis."""
    n, age, better = len(patients), patients["age"], patients["outcome"].eq("favourable")
    sex = pick(rng, {1: 0.6, 2: 0.4}, n)
    man = sex == 1
    embolus, cut = patients["hard_embolus"].eq(1), patients["dissection"].eq(1)
    site = pick(rng, {1: 0.14, 2: 0.55, 3: 0.07, 5: 0.16, 6: 0.08}, n)
    site = np.where(patients["decompressed"] == 1, 2, np.where(cut, 6, site))
    posterior = np.isin(site, (5, 6, 7))
    dm = chance(rng, 0.34, n)
    af = np.where(embolus, 1, chance(rng, np.where(age > 70, 0.18, 0.06), n))
    anticoagulated = af * chance(rng, 0.4, n)
    prior_stroke = chance(rng, 0.17, n)
    cad = chance(rng, 0.11, n)
    contraindicated = np.maximum(anticoagulated, patients["onset_unknown"])
    ivt = chance(rng, np.where(patients["d_onset_punct"] < 330, 0.62, 0.08) * (1 - contraindicated), n)
    graded = whole(rng.normal(7.6 + 0.7 * better, 1.5), 4, 10)
    perfusion = chance(rng, 0.4 * ~posterior, n)
    smoker = np.where(man, pick(rng, {0: 0.3, 1: 0.3, 2: 0.4}, n), pick(rng, {0: 0.88, 1: 0.06, 2: 0.06}, n))
    return patients.assign(
        consent=pick(rng, {1: 0.9, 2: 0.1}, n),
        eligible=1,
        **{f"excl_reason___{reason}": BLANK for reason in range(1, 5)},
        sex=sex,
        prestroke_mrs=whole(rng.exponential(0.25 + 0.012 * np.maximum(age - 60, 0)) - 0.15, 0, 2),
        htn=chance(rng, np.where(age > 60, 0.7, 0.5), n),
        dm=dm,
        dyslip=chance(rng, 0.33, n),
        af=af,
        cad=cad,
        smoke=smoker,
        prior_stroke=prior_stroke,
        prior_antiplt=chance(rng, 0.14 + 0.4 * np.maximum(prior_stroke, cad), n),
        prior_anticoag=anticoagulated,
        weight=decimal(rng.normal(np.where(man, 68, 57), 9).clip(38, 105), 1),
        sbp_adm=whole(rng.normal(152, 24, n), 92, 224),
        glucose_adm=decimal(rng.lognormal(np.log(118 + 50 * dm), 0.22).clip(70, 420), 1),
        platelet_adm=whole(rng.normal(226, 58, n), 92, 430),
        aspects=np.where(posterior, NOT_APPLICABLE, graded),
        pc_aspects=np.where(posterior, graded, NOT_APPLICABLE),
        core_vol=np.where(perfusion, decimal(rng.gamma(1.3, 11, n).clip(0, 120), 1), NOT_APPLICABLE),
        collateral=whole(rng.normal(2.1 + 0.5 * better, 0.9), 0, 4),
        occl_site=site,
        occl_side=np.where(site == 5, 3, pick(rng, {1: 0.5, 2: 0.5}, n)),
        occl_type=np.where(embolus, 2, pick(rng, {1: 0.84, 2: 0.12, 9: 0.04}, n)),
        tandem=chance(rng, np.where(posterior, 0.02, 0.06), n),
        ivt=ivt,
        ivt_drug=np.where(ivt == 1, pick(rng, {1: 0.96, 2: 0.04}, n), NOT_APPLICABLE),
        etiology=np.where(embolus, 3, np.where(cut, 2, 1)),
        toast=np.where(embolus, 2, np.where(cut, 4, np.where(af == 1, 5, 1))),
        posterior=posterior,
    )


def procedure(rng: np.random.Generator, patients: pd.DataFrame) -> pd.DataFrame:
    """Add thrombectomy, stent, antithrombotics and the final result."""
    n, maintained = len(patients), patients["gpi_maint"]
    reason = np.where(patients["dissection"] == 1, 4, pick(rng, {1: 0.36, 2: 0.4, 3: 0.24}, n))
    stenosed = np.isin(reason, (3, 4))
    before = np.where(stenosed, pick(rng, {"1": 0.2, "2a": 0.8}, n), pick(rng, {"0": 0.75, "1": 0.25}, n))
    final = pick(rng, {"2b": 0.38, "2c": 0.17, "3": 0.45}, n)
    brand = pick(rng, {name: weight for name, (_, weight, _) in STENTS.items()}, n)
    sizes = [STENTS[name][2][rng.integers(len(STENTS[name][2]))] for name in brand]
    during = chance(rng, np.where(maintained == 1, 0.86, 0.5), n)
    any_gpi = np.maximum(maintained, during)
    hours = pick(rng, {6: 1, 12: 4, 18: 2, 24: 5, 48: 1}, n)
    loading = np.column_stack([chance(rng, p, n) for p in (0.86, 0.8, 0.05, 0.02)])
    return patients.assign(
        anaesthesia=pick(rng, {1: 0.4, 2: 0.38, 3: 0.18, 4: 0.04}, n),
        bgc=chance(rng, np.where(patients["posterior"], 0.0, 0.68), n),
        first_mt=pick(rng, {1: 0.6, 2: 0.25, 3: 0.15}, n),
        mtici_pre=before,
        mt_fail_reason=reason,
        resid_sten=whole(rng.normal(78, 9, n), 50, 99),
        stent_type=[STENTS[name][0] for name in brand],
        stent_brand=brand,
        stent_n=pick(rng, {1: 0.92, 2: 0.08}, n),
        stent_diam=decimal(np.array([diameter for diameter, _ in sizes]), 2),
        stent_len=decimal(np.array([length for _, length in sizes]), 1),
        angioplasty=pick(rng, {0: 0.34, 1: 0.36, 2: 0.2, 3: 0.1}, n),
        gpi_any=any_gpi,
        gpi_drug=np.where(any_gpi == 1, pick(rng, {1: 0.93, 2: 0.07}, n), NOT_APPLICABLE),
        gpi_ia=during,
        gpi_hours=np.where(maintained == 1, decimal(hours, 1), NOT_APPLICABLE),
        **{f"apt_load___{drug}": loading[:, drug - 1] for drug in range(1, 5)},
        apt_load___5=(loading.sum(axis=1) == 0).astype(int),
        heparin=chance(rng, 0.36, n),
        mtici_final=np.where(patients["not_recanalised"] == 1, "1", final),
        dissect=chance(rng, 0.03, n),
        ent=chance(rng, 0.05, n),
        access_comp=chance(rng, 0.025, n),
    )


def course(rng: np.random.Generator, patients: pd.DataFrame) -> pd.DataFrame:
    """Add haemorrhage, NIHSS, follow-up imaging, 3-month mRS, death and the state of the forms."""
    n, closed = len(patients), patients["imaging"].eq("closed")
    mrs = three_month_mrs(rng, patients)
    done = mrs != UNKNOWN
    death, discharge, cause = (died(patients, part) for part in ("day", "discharge", "cause"))
    in_hospital = (death >= 0) & (death == discharge)
    stay = np.where(death >= 0, discharge, whole(6 + rng.gamma(2, 2 + 2 * np.maximum(mrs, 0)), 5, 75))
    nihss_24 = nihss_next_day(rng, patients)
    bleeding = ich_classes(rng, patients)
    soon, late = whole(rng.lognormal(1.4, 0.7, n), 1, 30), rng.integers(75, 110, size=n)
    imaging_day = np.select([death >= 0, chance(rng, 0.2, n) == 1], [1, late], soon)
    imaged = patients["imaging"].ne("not imaged").to_numpy()
    opened = pick(rng, {2: 0.45, 3: 0.55}, n)
    contact = pick(rng, {1: 0.72, 2: 0.25, 3: 0.03}, n)
    assessed = rng.integers(80, 112, size=n)
    worsened = (nihss_24 >= patients["nihss_adm"] + 4).to_numpy()
    return patients.assign(
        ich_24=(bleeding != "0").astype(int),
        ich_class=bleeding,
        sich_def=2,
        perf=chance(rng, np.where(bleeding == "3c", 0.6, 0.005), n),
        nihss_24=nihss_24,
        nihss_dis=np.where(in_hospital, NOT_APPLICABLE, nihss_at_discharge(rng, mrs)),
        end_7d=np.where(worsened, 1, chance(rng, np.where(closed, 0.3, 0.03), n)),
        decompress=patients["decompressed"],
        fu_angio_done=imaged.astype(int),
        fu_angio_date=dates(patients, imaging_day, imaged),
        fu_angio_mod=np.where(imaged, pick(rng, {1: 0.56, 2: 0.19, 3: 0.25}, n), NOT_APPLICABLE),
        stent_patent=np.select(
            [~imaged, ~closed, patients["not_recanalised"] == 1], [NOT_APPLICABLE, 1, 3], opened.astype(int)
        ),
        discharge_date=dates(patients, stay, np.full(n, True)),
        mrs90_done=done.astype(int),
        mrs90_date=dates(patients, assessed, done),
        mrs90_how=np.select([~done, mrs == 6], [UNKNOWN, 3], contact.astype(int)),
        mrs90_rater=np.where(done, chance(rng, 0.7, n), UNKNOWN),
        mrs90=mrs,
        death_date=dates(patients, death, death >= 0),
        death_cause=cause,
        form_complete=np.where(done, pick(rng, {2: 0.92, 1: 0.08}, n), pick(rng, {0: 0.5, 1: 0.5}, n)),
        query_open=pick(rng, {0: 0.85, 1: 0.1, 2: 0.05}, n),
    )


def three_month_mrs(rng: np.random.Generator, patients: pd.DataFrame) -> np.ndarray:
    """Return the mRS at 3 months; 6 for the dead, unknown for the lost."""
    mrs = np.full(len(patients), UNKNOWN)
    dead, bled = patients["died"].eq(1), patients["sich"].eq(1)
    mrs[patients["outcome"].eq("favourable")] = deal(rng, MRS_FAVOURABLE)
    mrs[patients["outcome"].eq("unfavourable") & ~dead & ~bled] = deal(rng, MRS_UNFAVOURABLE)
    mrs[bled & ~dead] = MRS_AFTER_SICH
    mrs[dead] = 6
    return mrs


def died(patients: pd.DataFrame, part: str) -> np.ndarray:
    """Return the day of death or of discharge, or the cause, of those who died; -1 for the others."""
    values = np.full(len(patients), NOT_APPLICABLE)
    values[patients["died"].eq(1)] = DEATHS[part]
    return values


def nihss_next_day(rng: np.random.Generator, patients: pd.DataFrame) -> np.ndarray:
    """Return NIHSS at 24 h; at least 4 points worse after a symptomatic ICH, as ECASS III defines it."""
    n, before = len(patients), patients["nihss_adm"]
    share = np.where(patients["outcome"].eq("unfavourable"), 0.9, 0.48)
    expected = whole(before * share + rng.normal(0, 2.2, n), 0, 38)
    return np.where(patients["sich"] == 1, before + rng.integers(4, 10, size=n), expected)


def nihss_at_discharge(rng: np.random.Generator, mrs: np.ndarray) -> np.ndarray:
    low = {0: 0, 1: 0, 2: 1, 3: 4, 4: 8, 5: 15, 6: 18, UNKNOWN: 1}
    high = {0: 1, 1: 3, 2: 6, 3: 10, 4: 17, 5: 27, 6: 26, UNKNOWN: 8}
    return rng.integers([low[grade] for grade in mrs.tolist()], [high[grade] + 1 for grade in mrs.tolist()])


def ich_classes(rng: np.random.Generator, patients: pd.DataFrame) -> np.ndarray:
    """Return the class of haemorrhage on the 24-48 h image: the symptomatic ones, and some that were not."""
    classes = np.full(len(patients), "0", dtype=object)
    symptomatic = patients["sich"].eq(1).to_numpy()
    others = rng.choice(np.flatnonzero(~symptomatic), size=len(ASYMPTOMATIC_ICH), replace=False)
    classes[others] = ASYMPTOMATIC_ICH
    classes[symptomatic] = SYMPTOMATIC_ICH
    return classes


def dates(patients: pd.DataFrame, days: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return ISO dates so many days after the procedure, -1 where not known."""
    day = pd.to_datetime(patients["enrol_date"]).to_numpy().astype("datetime64[D]")
    return np.where(known, np.datetime_as_string(day + days, unit="D").astype(object), NOT_APPLICABLE)


def decimal(values: np.ndarray, digits: int) -> np.ndarray:
    """Return numbers as text with fixed decimals, so that a file holds no binary residue."""
    return np.array([f"{value:.{digits}f}" for value in values], dtype=object)


def by_site(counts: Sequence[int]) -> dict[str, int]:
    return {f"site_{site:02d}": count for site, count in enumerate(counts, start=1)}


def with_ids(rng: np.random.Generator, patients: pd.DataFrame) -> pd.DataFrame:
    """Deal patients to sites at random, sort by site and time, and number them; SYN stands for SYNTHETIC."""
    sites = deal(rng, by_site(SITE_COUNTS))
    ordered = patients.assign(redcap_data_access_group=sites).sort_values([SITE, "t_puncture"], ignore_index=True)
    number = (ordered.groupby(SITE).cumcount() + 1).map("{:03d}".format)
    return ordered.assign(record_id="SYN-" + ordered[SITE].str.removeprefix("site_") + "-" + number)


def with_unknowns(rng: np.random.Generator, patients: pd.DataFrame) -> pd.DataFrame:
    """Replace values by -99: those that FEW names, and so many at random in other covariates."""
    registry = patients[COLUMNS].astype(object)
    registry.loc[patients["nihss_unknown"] == 1, "nihss_adm"] = UNKNOWN
    registry.loc[patients["onset_unknown"] == 1, "t_lkw"] = UNKNOWN
    for name, count in UNKNOWN_COUNTS.items():
        known = registry.index[~registry[name].isin((UNKNOWN, NOT_APPLICABLE))]
        registry.loc[rng.choice(known, size=count, replace=False), name] = UNKNOWN
    return registry


def screening(rng: np.random.Generator, registry: pd.DataFrame) -> pd.DataFrame:
    """Return the screening log: the excluded with one reason each, the refusing, and the enrolled."""
    names = ("excl_reason", "mt_performed", "first_line_success", "rescue")
    rescued = {"mt_performed": 1, "first_line_success": 0, "rescue": 1, "eligible": 1}
    out = [
        {**dict(zip(names, course, strict=True)), "eligible": 0}
        for course, count in SCREENED_OUT.items()
        for _ in range(count)
    ]
    log = pd.DataFrame([*out, *[{**rescued, "consent": 3}] * REFUSED], dtype=object)
    site = pick(rng, by_site([count + 1 for count in SITE_COUNTS]), len(log))
    log = log.assign(redcap_data_access_group=site, screen_date=days_of_study(rng, len(log)).astype(str))
    enrolled = registry[[SITE, "consent", "record_id"]].assign(screen_date=registry["enrol_date"], **rescued)
    both = pd.concat([log, enrolled.astype(object)]).fillna(BLANK)
    both = both.sort_values(["screen_date", SITE, "record_id"], kind="stable", ignore_index=True)
    return both.assign(screen_id=[f"SYN-S-{number:04d}" for number in range(1, len(both) + 1)])


def verify(registry: pd.DataFrame, model: Model) -> None:
    """Refit a model with statsmodels to what will be written; raise RuntimeError where it misses its target."""
    known = registry.mask(registry.isin((UNKNOWN, NOT_APPLICABLE)))
    moments = known[["t_lkw", "t_puncture"]].apply(pd.to_datetime)
    derived = known.assign(
        patent=known["stent_patent"].map(lambda code: float(code == 1), na_action="ignore"),
        favourable=known["mrs90"].map(lambda grade: float(grade <= 2), na_action="ignore"),
        d_onset_punct=(moments["t_puncture"] - moments["t_lkw"]) / pd.Timedelta(minutes=1),
    )
    terms = [model.exposure, *model.given, *model.tuned]
    cases = derived[[model.outcome, *terms]].dropna().astype(float)
    fit = sm.Logit(cases[model.outcome], sm.add_constant(cases[terms])).fit(disp=0)
    if not model.target.prints(fit.params[model.exposure], fit.bse[model.exposure]):
        raise RuntimeError(f"the model of {model.outcome} does not print {' '.join(model.target.printed)}")


def write(path: Path, table: pd.DataFrame, columns: Sequence[str]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(table[list(columns)].to_numpy().tolist())


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
