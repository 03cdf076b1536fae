"""Make a large SYNTHETIC registry of many sites: python -m bench.make_sites OUT [--sites 500] [--rows 1000000].

OUT gets registry.parquet (or .csv), sites.csv, study.yaml and report/. The columns, codes and stamps are those of the
example in data/; the study file is the example's without the screening log. Everything is simulated from a seeded
generator: sites differ in size, patients, results, times and completeness, and a few are far from the others.
"""

from __future__ import annotations

import argparse
import re
import resource
import shutil
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as parquet

EXAMPLE = Path(__file__).parents[1]
sys.path.insert(0, str(EXAMPLE / "data"))

from make_registry import (  # noqa: E402  the example's vocabulary
    COLUMNS,
    NOT_APPLICABLE,
    SITE,
    STENTS,
    UNKNOWN,
    UNKNOWN_COUNTS,
    chance,
    whole,
)  # fmt: skip

BEGAN, CUT = np.datetime64("2021-07-01"), np.datetime64("2025-06-30")
MRS_CUTS = (-1.9, -0.9, 0.0, 0.6, 1.4, 2.0)
"""Where the grades 0 to 6 part on the scale of a patient's state, on which 0 parts favourable from unfavourable."""
DEAD = 6


def main() -> None:
    """Write the registry and its study; print the time and the peak of memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--sites", type=int, default=500)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--format", choices=WRITERS, default="parquet")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    started = time.perf_counter()
    make(asked.out, asked.sites, asked.rows, asked.format, asked.seed)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{asked.rows} patients of {asked.sites} sites: {time.perf_counter() - started:.1f} s, peak {peak:.0f} MB")


def make(out: Path, sites: int, rows: int, form: str, seed: int) -> None:
    streams = iter(np.random.default_rng(seed).spawn(7))
    places = hospitals(next(streams), sites, rows)
    patients = entry(next(streams), places)
    for step in (times, baseline, procedure, course):
        patients = step(next(streams), patients)
    registry = with_unknowns(next(streams), patients)
    out.mkdir(parents=True, exist_ok=True)
    WRITERS[form](pa.Table.from_pandas(registry, preserve_index=False), out / f"registry.{form}")
    site_table(places).to_csv(out / "sites.csv", index=False)
    (out / "study.yaml").write_text(study(sites, form), encoding="utf-8")
    shutil.copytree(EXAMPLE / "report", out / "report", dirs_exist_ok=True)


def hospitals(rng: np.random.Generator, sites: int, rows: int) -> pd.DataFrame:
    """Return the sites: how many patients, from when to when, and how far each lies from the others.

    Of a hundred sites two have no patient, four have one to four, the others a share drawn from a log-normal
    distribution. One of a hundred has much worse results, one much slower times, two have closed.
    """
    kind = rng.permutation(np.arange(sites)) / sites
    n = np.where(kind < 0.06, rng.integers(1, 5, size=sites), 0) * (kind >= 0.02)
    usual = kind >= 0.06
    n[usual] = rng.multinomial(rows - n.sum(), share(rng.lognormal(0, 1.1, usual.sum())))
    opened = np.where(chance(rng, 0.3, sites), rng.integers(0, 365, size=sites), 0)
    return pd.DataFrame(
        {
            SITE: [f"site_{number:04d}" for number in range(1, sites + 1)],
            "n": n,
            "opened": BEGAN + opened,
            "closed": np.where(kind > 0.98, CUT - rng.integers(100, 700, size=sites), CUT),
            "older": rng.normal(0, 2, sites),
            "severer": rng.normal(0, 1, sites),
            "better": rng.normal(0, 0.2, sites) - 0.9 * ((kind > 0.06) & (kind <= 0.07)),
            "slower": rng.normal(0, 0.2, sites) + 0.5 * ((kind > 0.07) & (kind <= 0.08)),
            "slowing": rng.normal(-0.03, 0.05, sites),
            "gaps": rng.lognormal(0, 0.7, sites),
            "followed": rng.normal(2.6, 0.8, sites),
        }
    )


def share(weights: np.ndarray) -> np.ndarray:
    return weights / weights.sum()


def drawn(rng: np.random.Generator, weights: dict, n: int) -> np.ndarray:
    """Return n codes drawn with the given weights, as numbers or text and not as objects."""
    return np.array(list(weights))[rng.choice(len(weights), size=n, p=share(np.array(list(weights.values()), float)))]


def expit(log_odds: np.ndarray | pd.Series) -> np.ndarray:
    return 1 / (1 + np.exp(-np.asarray(log_odds)))


def entry(rng: np.random.Generator, places: pd.DataFrame) -> pd.DataFrame:
    """Return the patients by site and time, with their record numbers (SYN stands for SYNTHETIC) and site effects."""
    patients = places.loc[places.index.repeat(places["n"])].reset_index(drop=True)
    span = (patients["closed"] - patients["opened"]).dt.days.to_numpy()
    day = patients["opened"].to_numpy().astype("datetime64[D]") + (rng.random(len(patients)) * (span + 1)).astype(int)
    ordered = patients.assign(day=day).sort_values([SITE, "day"], kind="stable", ignore_index=True)
    number = (ordered.groupby(SITE).cumcount() + 1).astype(str).str.zfill(5)
    record = "SYN-" + ordered[SITE].astype(str).str.removeprefix("site_") + "-" + number
    return ordered.assign(record_id=record, enrol_date=ordered["day"].dt.date)


def times(rng: np.random.Generator, patients: pd.DataFrame) -> pd.DataFrame:
    """Add the moments of the procedure, in order."""
    n, day = len(patients), patients["day"].to_numpy().astype("datetime64[m]")
    onset = whole(rng.lognormal(np.log(300), 0.55, n), 60, 1300)
    transfer = chance(rng, np.where(onset > 240, 0.45, 0.15), n)
    n_pass = whole(1 + rng.poisson(1.3, n), 1, 9)
    years = (day - BEGAN).astype("timedelta64[D]").astype(int) / 365.25
    usual = np.log(105 - 35 * transfer) + patients["slower"] + patients["slowing"] * years
    door = np.minimum(whole(rng.lognormal(usual, 0.35), 32, 500), onset - 25)
    puncture = day + whole(rng.normal(14 * 60, 5 * 60, n), 5, 1435)
    first_pass = puncture + rng.integers(14, 48, size=n)
    stent = first_pass + 9 * n_pass + rng.integers(8, 40, size=n)
    late = drawn(rng, {1: 0.35, 2: 0.2, 3: 0.45}, n)
    return patients.assign(
        onset=onset,
        n_pass=n_pass,
        transfer=transfer,
        onset_type=np.where(onset > 400, late, drawn(rng, {1: 0.85, 2: 0.1, 3: 0.05}, n)),
        t_lkw=minutes(puncture - onset),
        t_door=minutes(puncture - door),
        t_image=minutes(puncture - door + np.minimum(rng.integers(8, 35, size=n), door - 20)),
        t_puncture=minutes(puncture),
        t_first_pass=minutes(first_pass),
        t_stent=minutes(stent),
        t_recan=minutes(stent + rng.integers(0, 15, size=n)),
    )


def minutes(moment: np.ndarray) -> np.ndarray:
    return np.datetime_as_string(moment, unit="m")


def baseline(rng: np.random.Generator, patients: pd.DataFrame) -> pd.DataFrame:
    """Add demography, risk factors, examination, imaging and thrombolysis."""
    n = len(patients)
    age = whole(rng.normal(67 + patients["older"], 11.5), 18, 104)
    sex = drawn(rng, {1: 0.6, 2: 0.4}, n)
    man = sex == 1
    embolus, site = chance(rng, 0.08, n), drawn(rng, {1: 0.14, 2: 0.55, 3: 0.07, 5: 0.16, 6: 0.08}, n)
    cut, posterior = (site == 6) & (chance(rng, 0.2, n) == 1) & (embolus == 0), np.isin(site, (5, 6, 7))
    dm, cad, prior_stroke = chance(rng, 0.34, n), chance(rng, 0.11, n), chance(rng, 0.17, n)
    af = np.where(embolus, 1, chance(rng, np.where(age > 70, 0.18, 0.06), n))
    anticoagulated = af * chance(rng, 0.4, n)
    ivt = chance(rng, np.where(patients["onset"] < 330, 0.62, 0.08) * (1 - anticoagulated), n)
    graded = whole(rng.normal(8, 1.5, n), 3, 10)
    perfusion = chance(rng, 0.4 * ~posterior, n)
    smoker = np.where(man, drawn(rng, {0: 0.3, 1: 0.3, 2: 0.4}, n), drawn(rng, {0: 0.88, 1: 0.06, 2: 0.06}, n))
    return patients.assign(
        consent=drawn(rng, {1: 0.9, 2: 0.1}, n),
        eligible=1,
        **{f"excl_reason___{reason}": None for reason in range(1, 5)},
        age=age,
        sex=sex,
        prestroke_mrs=whole(rng.exponential(0.3 + 0.014 * np.maximum(age - 60, 0)) - 0.15, 0, 4),
        htn=chance(rng, np.where(age > 60, 0.7, 0.5), n),
        dm=dm,
        dyslip=chance(rng, 0.33, n),
        af=af,
        cad=cad,
        smoke=smoker,
        prior_stroke=prior_stroke,
        prior_antiplt=chance(rng, 0.14 + 0.4 * np.maximum(prior_stroke, cad), n),
        prior_anticoag=anticoagulated,
        weight=rng.normal(np.where(man, 68, 57), 9).clip(38, 105).round(1),
        sbp_adm=whole(rng.normal(152, 24, n), 92, 224),
        glucose_adm=rng.lognormal(np.log(118 + 50 * dm), 0.22).clip(70, 420).round(1),
        platelet_adm=whole(rng.normal(226, 58, n), 92, 430),
        nihss_adm=whole(rng.gamma(6.5, (13 + patients["severer"]).clip(lower=6) / 6.5), 2, 32),
        aspects=np.where(posterior, NOT_APPLICABLE, graded),
        pc_aspects=np.where(posterior, graded, NOT_APPLICABLE),
        core_vol=np.where(perfusion, rng.gamma(1.3, 11, n).clip(0, 120).round(1), NOT_APPLICABLE),
        collateral=whole(rng.normal(2.4, 0.9, n), 0, 4),
        occl_site=site,
        occl_side=np.where(site == 5, 3, drawn(rng, {1: 0.5, 2: 0.5}, n)),
        occl_type=np.where(embolus, 2, drawn(rng, {1: 0.84, 2: 0.12, 9: 0.04}, n)),
        tandem=chance(rng, np.where(posterior, 0.02, 0.06), n),
        ivt=ivt,
        ivt_drug=np.where(ivt, drawn(rng, {1: 0.96, 2: 0.04}, n), NOT_APPLICABLE),
        etiology=np.where(embolus, 3, np.where(cut, 2, 1)),
        toast=np.where(embolus, 2, np.where(cut, 4, np.where(af, 5, 1))),
        posterior=posterior,
    )


def procedure(rng: np.random.Generator, patients: pd.DataFrame) -> pd.DataFrame:
    """Add thrombectomy, stent, antithrombotics and the final result."""
    n = len(patients)
    success = chance(rng, expit(2.3 + patients["better"] - 0.15 * (patients["n_pass"] - 2)), n) == 1
    reason = np.where(patients["etiology"] == 2, 4, drawn(rng, {1: 0.36, 2: 0.4, 3: 0.24}, n))
    tight, loose = drawn(rng, {"1": 0.2, "2a": 0.8}, n), drawn(rng, {"0": 0.75, "1": 0.25}, n)
    failed = drawn(rng, {"0": 0.3, "1": 0.2, "2a": 0.5}, n)
    size = rng.choice(len(DEVICES), size=n, p=share(DEVICES["weight"].to_numpy()))
    maintained = chance(rng, 0.6, n)
    during = chance(rng, np.where(maintained, 0.86, 0.5), n)
    any_gpi = np.maximum(maintained, during)
    hours = drawn(rng, {6: 1, 12: 4, 18: 2, 24: 5, 48: 1}, n)
    loading = [chance(rng, p, n) for p in (0.86, 0.8, 0.05, 0.02)]
    return patients.assign(
        success=success,
        anaesthesia=drawn(rng, {1: 0.4, 2: 0.38, 3: 0.18, 4: 0.04}, n),
        bgc=chance(rng, np.where(patients["posterior"], 0.0, 0.68), n),
        first_mt=drawn(rng, {1: 0.6, 2: 0.25, 3: 0.15}, n),
        mtici_pre=np.where(np.isin(reason, (3, 4)), tight, loose),
        mt_fail_reason=reason,
        resid_sten=whole(rng.normal(78, 9, n), 50, 99),
        **{name: DEVICES[name].to_numpy()[size] for name in ("stent_type", "stent_brand", "stent_diam", "stent_len")},
        stent_n=drawn(rng, {1: 0.92, 2: 0.08}, n),
        angioplasty=drawn(rng, {0: 0.34, 1: 0.36, 2: 0.2, 3: 0.1}, n),
        gpi_any=any_gpi,
        gpi_drug=np.where(any_gpi, drawn(rng, {1: 0.93, 2: 0.07}, n), NOT_APPLICABLE),
        gpi_ia=during,
        gpi_maint=maintained,
        gpi_hours=np.where(maintained, hours, NOT_APPLICABLE),
        **{f"apt_load___{drug}": given for drug, given in enumerate(loading, 1)},
        apt_load___5=(sum(loading) == 0).astype(int),
        heparin=chance(rng, 0.36, n),
        mtici_final=np.where(success, drawn(rng, {"2b": 0.38, "2c": 0.17, "3": 0.45}, n), failed),
        t_recan=np.where(success, patients["t_recan"], str(NOT_APPLICABLE)),
        dissect=chance(rng, 0.03, n),
        ent=chance(rng, 0.05, n),
        access_comp=chance(rng, 0.025, n),
    )


DEVICES = pd.DataFrame(
    [
        {"stent_brand": brand, "stent_type": kind, "stent_diam": diameter, "stent_len": length, "weight": weight / len(sizes)}
        for brand, (kind, weight, sizes) in STENTS.items()
        for diameter, length in sizes
    ]
)


def course(rng: np.random.Generator, patients: pd.DataFrame) -> pd.DataFrame:
    """Add haemorrhage, NIHSS, follow-up until the data cut, 3-month mRS, death and the state of the forms."""
    n, success, nihss = len(patients), patients["success"].to_numpy(), patients["nihss_adm"].to_numpy()
    bleeding = chance(rng, np.where(success, 0.17, 0.25), n) == 1
    sich = bleeding & (chance(rng, expit(-1.1 + 0.03 * (nihss - 13) - patients["better"]), n) == 1)
    mild = drawn(rng, {"HI1": 4, "HI2": 3, "PH1": 1, "3c": 2}, n)
    bad = drawn(rng, {"PH1": 1, "PH2": 2, "3c": 1}, n)
    patent = chance(rng, np.where(success, 0.84, 0.1), n) == 1
    state = (
        -0.3 + 0.035 * (patients["age"] - 67) + 0.1 * (nihss - 13) + 0.5 * patients["prestroke_mrs"]
        + 0.0008 * (patients["onset"] - 300) + 1.6 * sich - 0.8 * patent - 0.8 * (success - 0.9) - patients["better"]
        + rng.logistic(size=n)
    )  # fmt: skip
    mrs = np.searchsorted(MRS_CUTS, state.to_numpy())
    since = (CUT - patients["day"].to_numpy().astype("datetime64[D]")).astype(int)
    death = np.where(mrs == DEAD, whole(rng.gamma(1.2, 16, n), 0, 90), 9999)
    died = death <= since
    stay = np.minimum(whole(5 + rng.gamma(2, 1 + 1.2 * np.minimum(mrs, 5)), 1, 75), death)
    left = stay <= since
    contact = rng.integers(80, 112, size=n)
    reached = died | ((mrs < DEAD) & (contact <= since) & (chance(rng, expit(patients["followed"]), n) == 1))
    assessed = np.where(died, death, contact)
    look = np.where(chance(rng, 0.2, n), rng.integers(75, 110, size=n), whole(rng.lognormal(1.4, 0.7, n), 1, 30))
    imaged = (look <= np.minimum(death, since)) & (chance(rng, expit(patients["followed"] - 0.4), n) == 1)
    nihss_24 = np.where(sich, nihss + rng.integers(4, 10, size=n), whole(nihss * 0.6 + rng.normal(0, 2.2, n), 0, 38))
    cause = np.where(sich, 2, drawn(rng, {1: 0.6, 3: 0.15, 4: 0.2, 5: 0.05}, n))
    discharge = np.where(died & (death == stay), NOT_APPLICABLE, whole(mrs * 3.2 + rng.normal(0, 2, n), 0, 38))
    return patients.assign(
        ich_24=bleeding.astype(int),
        ich_class=np.where(sich, bad, np.where(bleeding, mild, "0")),
        sich=sich.astype(int),
        sich_def=2,
        perf=chance(rng, np.where(sich, 0.1, 0.005), n),
        nihss_24=nihss_24,
        nihss_dis=np.where(left, discharge, UNKNOWN),
        end_7d=np.where(nihss_24 >= nihss + 4, 1, chance(rng, 0.06, n)),
        decompress=chance(rng, 0.02, n),
        fu_angio_done=imaged.astype(int),
        fu_angio_date=dates(patients, look, imaged),
        fu_angio_mod=np.where(imaged, drawn(rng, {1: 0.56, 2: 0.19, 3: 0.25}, n), NOT_APPLICABLE),
        stent_patent=np.select([~imaged, patent], [NOT_APPLICABLE, 1], drawn(rng, {2: 0.45, 3: 0.55}, n)),
        restroke=chance(rng, 0.04, n),
        discharge_date=dates(patients, stay, left, UNKNOWN),
        mrs90_done=reached.astype(int),
        mrs90_date=dates(patients, assessed, reached),
        mrs90_how=np.select([~reached, died], [UNKNOWN, 3], drawn(rng, {1: 0.72, 2: 0.25, 3: 0.03}, n)),
        mrs90_rater=np.where(reached, chance(rng, 0.7, n), UNKNOWN),
        mrs90=np.where(reached, mrs, UNKNOWN),
        death_date=dates(patients, death, died),
        death_cause=np.where(died, cause, NOT_APPLICABLE),
        form_complete=np.where(reached, drawn(rng, {2: 0.92, 1: 0.08}, n), drawn(rng, {0: 0.5, 1: 0.5}, n)),
        query_open=np.minimum(rng.poisson(0.15 * patients["gaps"]), 9),
    )


def dates(patients: pd.DataFrame, days: np.ndarray, known: np.ndarray, otherwise: int = NOT_APPLICABLE) -> np.ndarray:
    """Return ISO dates so many days after the procedure, a code where not known."""
    day = patients["day"].to_numpy().astype("datetime64[D]") + np.where(known, days, 0)
    return np.where(known, np.datetime_as_string(day, unit="D"), str(otherwise))


def with_unknowns(rng: np.random.Generator, patients: pd.DataFrame) -> pd.DataFrame:
    """Replace values by -99 at random, as often as in the example and more at sites that leave gaps."""
    registry = patients[COLUMNS].copy()
    for name, count in {**UNKNOWN_COUNTS, "nihss_adm": 1, "t_lkw": 1}.items():
        column = registry[name]
        unknown = UNKNOWN if pd.api.types.is_numeric_dtype(column) else str(UNKNOWN)
        gone = rng.random(len(registry)) < np.minimum(patients["gaps"] * count / 78, 0.6)
        registry[name] = column.mask(gone & ~column.astype(str).isin((str(NOT_APPLICABLE), "-1.0")), unknown)
    return registry


def site_table(places: pd.DataFrame) -> pd.DataFrame:
    """Return the site table: names that say that they are simulated, days of opening and closing, yearly targets."""
    years = (places["closed"] - places["opened"]).dt.days / 365.25
    return pd.DataFrame(
        {
            "code": places[SITE],
            "site": "",
            "name": "Hospital " + places[SITE].str.removeprefix("site_") + " (simulated)",
            "from": places["opened"].dt.date,
            "until": places["closed"].dt.date.where(places["closed"] < CUT, ""),
            "per_year": np.ceil(places["n"] / years * 1.1).astype(int).clip(lower=5),
            "contact": "",
        }
    )


def study(sites: int, form: str) -> str:
    """Return the example's study file for this registry: other name, files and data cut, and no screening log."""
    text = (EXAMPLE / "data" / "study.yaml").read_text(encoding="utf-8")
    for old, new in (
        (r"^name: .*$", f"name: SYNTHETIC registry of {sites} sites"),
        (r"^  file: registry\.csv$", f"  file: registry.{form}"),
        (r"^  cut: .*$", f"  cut: {CUT}"),
        (r"^  screening:\n(?:    .*\n)+", ""),
        (r"^  - \{name: \w+, of: screening,.*\n", ""),
        (r"\.\./report/", "report/"),
    ):
        text, changed = re.subn(old, new, text, flags=re.MULTILINE)
        if not changed:
            raise SystemExit(f"data/study.yaml has no line that fits {old}")
    return text


WRITERS = {
    "parquet": lambda table, path: parquet.write_table(table, path, row_group_size=122_880),
    "csv": lambda table, path: arrow_csv.write_csv(table, path),
}


if __name__ == "__main__":
    main()
