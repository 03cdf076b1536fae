"""A batch of reports: every site its own and no other's, whole or not at all, resumed after any stop."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tieout import lists, sites, study
from tieout.audit import report as audits
from tieout.errors import TieoutError
from tieout.results import load

ROOT = Path(__file__).parents[1]
TIEOUT = (sys.executable, "-c", "from tieout.cli import main; main()")
STUDY = """\
name: Small registry
title: A small registry
synthetic: "SYNTHETIC DATA: made by a test"
data: {file: data.csv, cut: 2021-06-30}
documents: {site: site.qmd, centre: centre.qmd}
variables:
  record: {label: Record, type: key, role: record}
  site: {label: Site, type: text, role: site}
  day: {label: Day, type: date, role: enrolled}
  age: {label: Age, type: integer, unit: years}
  dead: {label: Death, type: yesno}
  wait: {label: Wait, type: integer, unit: min}
reports:
  judge_from: 20
  judged_over: all
  suppress: {below: 5}
  follow_ups:
    call: {label: Call, after: day, opens: 30, closes: 60, done: {dead: [0, 1]}}
  indicators:
    death: {label: Death, variable: dead, among: all patients, better: lower, adjust: [age]}
    wait: {label: Wait, variable: wait, among: all patients, better: lower, target: 60}
  completeness: [age, dead, wait]
  case_mix: [age]
"""


def patients(counts: dict[str, int], seed: int = 1) -> pd.DataFrame:
    """Return simulated patients: so many of each site, over the years 2019 to 2021."""
    draw = np.random.default_rng(seed)
    codes = [code for code, n in counts.items() for _ in range(n)]
    n = len(codes)
    day = pd.Timestamp("2019-01-01") + pd.to_timedelta(draw.integers(0, 900, n), unit="D")
    return pd.DataFrame(
        {
            "record": [f"REC{i:05d}" for i in range(n)], "site": codes, "day": day.strftime("%Y-%m-%d"),
            "age": draw.integers(40, 90, n), "dead": np.where(draw.random(n) < 0.05, None, draw.random(n) < 0.3),
            "wait": draw.integers(20, 120, n),
        }
    ).assign(dead=lambda frame: frame.dead.map({True: "1", False: "0"}))  # fmt: skip


def project(folder: Path, counts: dict[str, int], text: str = STUDY) -> Path:
    """Write a study with its data and the example's templates; return the study file."""
    folder.mkdir(parents=True, exist_ok=True)
    patients(counts).to_csv(folder / "data.csv", index=False, lineterminator="\n")
    for name in ("site", "centre"):
        shutil.copyfile(ROOT / "report" / f"{name}.qmd", folder / f"{name}.qmd")
    (folder / "study.yaml").write_text(text, encoding="utf-8")
    return folder / "study.yaml"


def wish(file: Path, out: Path, **more) -> sites.Wish:
    return sites.Wish(file, out, engine="embedded", **{"formats": ("html",), "workers": 2, **more})


COUNTS = {"north": 60, "south": 45, "east": 30, "west": 3, "mill": 25}


@pytest.fixture(scope="module")
def batch(tmp_path_factory):
    folder = tmp_path_factory.mktemp("batch")
    file = project(folder / "study", COUNTS)
    return file, sites.run(wish(file, folder / "out", formats=("pdf", "html")))


def every_text(folder: Path) -> str:
    return "\n".join(
        path.read_text(encoding="utf-8", errors="ignore")
        for path in sorted(folder.rglob("*"))
        if path.suffix in (".html", ".json", ".csv")
    )


def test_every_site_has_its_report_and_the_centre_its_own(batch):
    _, made = batch
    assert dict.fromkeys(COUNTS, "made") == dict(made.states)
    for code in COUNTS:
        names = {path.name for path in (made.folder / code).iterdir()}
        stem = f"{code}_{made.period}"
        assert names == {f"{stem}.pdf", f"{stem}.html", f"{stem}.zip", "results.json", "follow-up.csv", "queries.csv", "made.json"}
    assert (made.folder / "centre" / f"centre_{made.period}.pdf").is_file()


def test_each_report_shows_the_figures_of_its_own_site(batch):
    file, made = batch
    frame = pd.read_csv(file.parent / "data.csv", dtype=str)
    for code in COUNTS:
        own = frame[frame.site == code]
        results = load(made.folder / code / "results.json")
        assert results["site.cumulative.n"].value == (own.day <= results.meta["period"]["end"]).sum()
        text = (made.folder / code / f"{code}_{made.period}.html").read_text(encoding="utf-8")
        assert f'data-key="site.cumulative.n">{results["site.cumulative.n"].value}<' in text


def test_sites_counts_add_up_to_the_registry_in_every_report(batch):
    _, made = batch
    found = [load(made.folder / code / "results.json") for code in COUNTS]
    total = {results["site.cumulative.registry.n"].value for results in found}
    assert total == {sum(results["site.cumulative.n"].value for results in found)}


@pytest.mark.parametrize("ending", ["html", "pdf"])
def test_what_a_site_gets_audits_clean(batch, ending):
    _, made = batch
    for name in ("north", "west", "centre"):
        folder = made.folder / name
        found = audits.audit(folder / f"{name}_{made.period}.{ending}", load(folder / "results.json"))
        assert not [each for each in found.judged if each.verdict in ("contradicted", "query")]
        assert sum(each.verdict == "confirmed" for each in found.judged) > 15


def test_no_report_names_another_site_or_holds_its_records(batch):
    file, made = batch
    frame = pd.read_csv(file.parent / "data.csv", dtype=str)
    for code in COUNTS:
        text = every_text(made.folder / code)
        with zipfile.ZipFile(made.folder / code / f"{code}_{made.period}.zip") as archive:
            text += "\n".join(archive.read(name).decode("utf-8", "ignore") for name in archive.namelist())
        assert not [other for other in COUNTS if other != code and re.search(rf"\b{other}\b", text)]
        assert not set(re.findall(r"REC\d{5}", text)) - set(frame.record[frame.site == code])


def test_records_are_named_in_the_sites_lists_alone(batch):
    _, made = batch
    for path in made.folder.rglob("*"):
        if path.suffix in (".html", ".json") or path.parent.name == "centre":
            assert b"REC0" not in path.read_bytes()


def test_small_numbers_of_one_site_stand_in_no_other_report(batch):
    _, made = batch
    centre = load(made.folder / "centre" / "results.json")
    assert centre["at.west.death.n"].error == "hidden: small numbers"
    assert centre["at.west.cumulative.n"].value is None
    assert load(made.folder / "west" / "results.json")["site.cumulative.n"].value == 3


def test_the_centres_table_holds_every_site_and_indicator_and_hides_what_the_edition_hides(batch):
    _, made = batch
    table = pd.read_csv(made.folder / "centre" / "indicators.csv").set_index(["site", "indicator"])
    assert len(table) == len(COUNTS) * 2
    assert table.loc[("west", "Death"), ["n", "of", "percent_or_median"]].isna().all()
    assert table.loc[("west", "Death"), "status"] == "Hidden"
    north = load(made.folder / "north" / "results.json")["indicator.wait.median"]
    assert table.loc[("north", "Wait"), "percent_or_median"] == north.value


def test_the_index_links_every_file_with_its_digest(batch):
    _, made = batch
    page = made.index.read_text(encoding="utf-8")
    for link in re.findall(r'href="([^"#]+)"', page):
        assert (made.folder / link).is_file(), link
    for code in COUNTS:
        data = (made.folder / code / f"{code}_{made.period}.zip").read_bytes()
        assert hashlib.sha256(data).hexdigest() in page
    assert "SYNTHETIC" in page


def test_the_same_data_give_the_same_bytes(batch, tmp_path):
    file, made = batch
    again = sites.run(wish(file, tmp_path, formats=("pdf", "html"), workers=1))
    for path in made.folder.rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (again.folder / path.relative_to(made.folder)).read_bytes(), path.name


def test_resume_makes_what_is_missing_and_nothing_twice(batch, tmp_path):
    file, made = batch
    out = tmp_path / "out"
    shutil.copytree(made.folder, out / made.period)
    folder = out / made.period
    shutil.rmtree(folder / "south")
    (folder / "east" / f"east_{made.period}.html").write_text("damaged")
    before = {code: (folder / code / "made.json").stat().st_mtime_ns for code in ("north", "west", "mill")}
    again = sites.run(wish(file, out, formats=("pdf", "html"), resume=True))
    assert again.states == {"north": "made earlier", "west": "made earlier", "mill": "made earlier", "south": "made", "east": "made"}
    assert before == {code: (folder / code / "made.json").stat().st_mtime_ns for code in before}


def test_resume_after_the_data_changed_makes_everything_anew(batch, tmp_path):
    file, made = batch
    out = tmp_path / "out"
    shutil.copytree(made.folder, out / made.period)
    shutil.copytree(file.parent, tmp_path / "study")
    data = tmp_path / "study" / "data.csv"
    data.write_text(data.read_text().replace(",41,", ",42,"))
    again = sites.run(wish(tmp_path / "study" / "study.yaml", out, formats=("pdf", "html"), resume=True))
    assert set(again.states.values()) == {"made"}


def test_a_run_killed_at_any_moment_leaves_whole_reports_and_is_resumed(tmp_path):
    file = project(tmp_path / "study", {f"s{i}": 12 for i in range(6)})
    out = tmp_path / "out"
    command = [*TIEOUT, "sites", str(file), "--out", str(out), "--formats", "html",
               "--engine", "embedded", "--workers", "1"]  # fmt: skip
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    give_up = time.monotonic() + 60
    while len(list(out.glob("*/s*/made.json"))) < 2 and time.monotonic() < give_up and running.poll() is None:
        time.sleep(0.02)
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    stamped = {path.parent.name for path in out.glob("*/s*/made.json")}
    assert stamped
    (folder,) = [path for path in out.iterdir() if path.is_dir()]
    for name in stamped:
        digests = json.loads((folder / name / "made.json").read_text())["sha256"]
        assert all(hashlib.sha256((folder / name / file).read_bytes()).hexdigest() == d for file, d in digests.items())
    again = sites.run(wish(file, out, resume=True))
    assert {code for code, state in again.states.items() if state == "made earlier"} >= stamped
    assert not list(folder.glob(".making-*")) and not again.failed
    assert set(again.states) == {f"s{i}" for i in range(6)}


STRANGE = {
    "A/B": 2, "..": 2, "CON": 2, "con": 2, "Zürich": 2, "Zurich": 2, "zurich": 1, "🏥": 1, "x" * 300: 1, "two\nlines": 1,
    "centre": 2, "=1+1": 1, "<script>alert(1)</script>": 2, "‮evil": 1,
}  # fmt: skip


def test_no_name_of_a_site_leads_out_of_its_own_folder():
    folders = sites.named_folders(list(STRANGE))
    assert len({name.casefold() for name in folders.values()}) == len(STRANGE)
    for name in folders.values():
        assert re.fullmatch(r"[a-z0-9_][a-z0-9_-]{0,60}", name) and name not in sites.RESERVED
    assert sites.folder_name("site_01") == "site_01"


def test_sites_of_any_name_get_their_reports(tmp_path):
    file = project(tmp_path / "study", {code.strip(): n for code, n in STRANGE.items()})
    made = sites.run(wish(file, tmp_path / "out", formats=("pdf", "html")))
    assert not made.failed
    assert len(made.states) == len(STRANGE)
    page = made.index.read_text(encoding="utf-8")
    assert "<script>alert(1)" not in page
    assert {path.name for path in made.folder.iterdir() if path.is_dir()} == {
        "centre", *(sites.folder_name(code) for code in made.states)
    }  # fmt: skip


def test_two_sites_only_do_not_learn_of_each_other_from_the_registry(tmp_path):
    made = sites.run(wish(project(tmp_path / "study", {"one": 30, "two": 4}), tmp_path / "out"))
    results = load(made.folder / "one" / "results.json")
    assert results["indicator.death.others.n"].error == "hidden: small numbers"
    assert results["site.cumulative.registry.n"].value is None
    for part in ("n", "events"):
        assert results[f"indicator.death.model.{part}"].error == "hidden: small numbers"
    frame = pd.read_csv(tmp_path / "study" / "data.csv")
    assert not re.search(rf"\b{int(frame.dead.sum())} events", (made.folder / "one" / f"one_{made.period}.html").read_text())
    assert load(made.folder / "centre" / "results.json")["registry.indicator.death.n"].value is None


def test_a_site_without_patients_is_expected_to_report_and_is_named_by_the_centre(tmp_path):
    file = project(tmp_path / "study", {"one": 30, "two": 10}, STUDY.replace("reports:\n", "reports:\n  sites: sites.csv\n"))
    (tmp_path / "study" / "sites.csv").write_text("code,name\none,First\ntwo,Second\nthree,Third Hospital\n")
    made = sites.run(wish(file, tmp_path / "out"))
    assert set(made.states) == {"one", "two", "three"}
    text = (made.folder / "three" / f"three_{made.period}.html").read_text(encoding="utf-8")
    assert "Third Hospital" in text and "No patient has been enrolled so far" in text
    assert "Third Hospital" in (made.folder / "centre" / f"centre_{made.period}.html").read_text(encoding="utf-8")


def test_an_indicator_that_nobody_has_gives_no_percentage(tmp_path):
    text = STUDY.replace("variable: dead, among", "variable: dead, where: {dead: [1]}, among")
    made = sites.run(wish(project(tmp_path / "study", {"one": 0, "two": 8, "three": 8}, text), tmp_path / "out", period="2019-Q1"))
    assert not made.failed


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"sites": ("nroth",)}, "no site .* is called 'nroth'"),
        ({"period": "2030-Q1"}, "begins after the data were cut"),
        ({"since": "2021-02-01", "until": "2021-01-01"}, "lies after"),
        ({"period": "1999-Q1"}, "no site is expected"),
        ({"scheduler": "tcp://127.0.0.1:9"}, "--scheduler"),
    ],
)
def test_what_cannot_be_made_is_one_paragraph(tmp_path, batch, more, problem):
    file, _ = batch
    with pytest.raises(TieoutError) as caught:
        sites.run(wish(file, tmp_path / "out", **more))
    assert re.search(problem, str(caught.value))
    assert not [path for path in tmp_path.rglob("*.html")]


def test_a_site_that_fails_is_named_with_its_reason_and_the_others_finish(tmp_path):
    file = project(tmp_path / "study", {"one": 30, "two": 25, "none": 0, "three": 25})
    template = tmp_path / "study" / "site.qmd"
    template.write_text(template.read_text().replace("# Recruitment", "[[ indicator.wait.median ]]\n\n# Recruitment"))
    (tmp_path / "study" / "sites.csv").write_text("code\none\ntwo\nthree\nfour\n")
    file.write_text(file.read_text().replace("reports:\n", "reports:\n  sites: sites.csv\n"))
    done = subprocess.run(
        [*TIEOUT, "sites", str(file), "--out", str(tmp_path / "out"), "--formats", "html",
         "--engine", "embedded"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "failed: four:" in done.stderr and "no patient was observed" in done.stderr and "Traceback" not in done.stderr
    assert "--resume" in done.stderr and "3 of 4 reports" in done.stdout
    assert "four" in (next((tmp_path / "out").iterdir()) / "index.html").read_text()


def test_the_index_keeps_the_reports_that_were_not_asked_for_again(batch, tmp_path):
    file, made = batch
    shutil.copytree(made.folder, tmp_path / made.period)
    again = sites.run(wish(file, tmp_path, sites=("north",), formats=("pdf", "html")))
    assert again.states == {"north": "made"}
    assert all(f"{code}_{made.period}.pdf" in again.index.read_text() for code in COUNTS)


def test_a_centres_edition_that_fails_is_named_and_every_site_has_its_report(tmp_path):
    file = project(tmp_path / "study", COUNTS)
    template = tmp_path / "study" / "centre.qmd"
    template.write_text(template.read_text() + "\n[[ registry.nothing.n ]]\n")
    made = sites.run(wish(file, tmp_path / "out"))
    assert set(made.states.values()) == {"made"}
    assert "unknown key 'registry.nothing.n'" in made.failed["the coordinating centre's edition"]
    assert made.index.is_file()


def test_a_period_before_the_first_patient_gives_reports_without_patients(tmp_path):
    text = STUDY.replace("reports:\n", "reports:\n  sites: sites.csv\n")
    file = project(tmp_path / "study", {"one": 30, "two": 10}, text)
    (tmp_path / "study" / "sites.csv").write_text("code\none\ntwo\n")
    made = sites.run(wish(file, tmp_path / "out", period="2018-Q1"))
    assert made.states == {"one": "made", "two": "made"} and not made.failed


def test_a_full_disk_is_said_and_what_is_done_stays(tmp_path, batch, monkeypatch):
    file, _ = batch
    put, done = sites.put, []

    def filling(folder, name, files, mark):
        if len(done) == 2:
            raise OSError(28, "No space left on device")
        done.append(name)
        put(folder, name, files, mark)

    monkeypatch.setattr(sites, "put", filling)
    with pytest.raises(TieoutError, match="No space left") as caught:
        sites.run(wish(file, tmp_path / "out"))
    assert "--resume" in caught.value.hint
    monkeypatch.setattr(sites, "put", put)
    again = sites.run(wish(file, tmp_path / "out", resume=True))
    assert sorted(code for code, state in again.states.items() if state == "made earlier") == sorted(done)


def test_the_change_log_tells_new_definitions_and_restated_figures(tmp_path):
    file = project(tmp_path / "study", COUNTS)
    sites.run(wish(file, tmp_path / "out", period="2020-Q3", sites=("north",)))
    data = file.parent / "data.csv"
    frame = pd.read_csv(data, dtype=str)
    first = frame.index[(frame.site == "north") & (frame.day < "2020-09-01") & frame.dead.eq("0")][0]
    frame.loc[first, "dead"] = "1"
    frame.to_csv(data, index=False)
    file.write_text(file.read_text().replace("variable: wait, among", "variable: wait, where: {dead: [0, 1]}, among"))
    made = sites.run(wish(file, tmp_path / "out", period="2020-Q4", sites=("north",)))
    results = load(made.folder / "north" / "results.json")
    assert results["restated.death.n"].value + 1 == results["indicator.death.previous.n"].value
    text = (made.folder / "north" / f"north_{made.period}.html").read_text(encoding="utf-8")
    assert "Death, restated:" in text and "Wait is defined otherwise" in text


def test_a_restated_time_stands_beside_the_one_reported_last(tmp_path):
    file = project(tmp_path / "study", COUNTS)
    sites.run(wish(file, tmp_path / "out", period="2020-Q3", sites=("north",)))
    before = load(tmp_path / "out" / "2020-Q3" / "north" / "results.json")["indicator.wait.median"].value
    data = file.parent / "data.csv"
    frame = pd.read_csv(data, dtype=str)
    frame.loc[frame.site == "north", "wait"] = "119"
    frame.to_csv(data, index=False)
    made = sites.run(wish(file, tmp_path / "out", period="2020-Q4", sites=("north",)))
    assert not made.failed
    results = load(made.folder / "north" / "results.json")
    assert results["restated.wait.median"].value == before != results["indicator.wait.previous.median"].value == 119


def test_figures_judged_over_another_time_are_not_compared_and_the_change_is_told(tmp_path):
    file = project(tmp_path / "study", COUNTS)
    sites.run(wish(file, tmp_path / "out", period="2020-Q3", sites=("north",)))
    file.write_text(file.read_text().replace("judged_over: all", "judged_over: year"))
    made = sites.run(wish(file, tmp_path / "out", period="2020-Q4", sites=("north",)))
    text = (made.folder / "north" / f"north_{made.period}.html").read_text(encoding="utf-8")
    assert "Sites are judged over another time than in the last report." in text and "restated:" not in text


def test_figures_of_the_example_are_those_of_its_own_rows(tmp_path):
    read = study.read(ROOT / "data")
    made = sites.run(wish(read.path, tmp_path, sites=("site_13",), formats=("html",)))
    assert made.states == {"site_13": "made"}
    results = load(made.folder / "site_13" / "results.json")
    assert results["site.cumulative.n"].value == 1
    assert results.meta["site"]["name"] == "Marlow Hospital (simulated)"




def parquet(folder: Path) -> Path:
    """Turn a project's data into Parquet; return its study file."""
    frame = pd.read_csv(folder / "data.csv", dtype=str, keep_default_na=False)
    frame.to_parquet(folder / "data.parquet", index=False)
    file = folder / "study.yaml"
    file.write_text(file.read_text().replace("data.csv", "data.parquet"))
    return file


@pytest.mark.parametrize("large", [False, True])
def test_parquet_gives_the_same_lists_and_figures_as_csv(batch, tmp_path, monkeypatch, large):
    file, made = batch
    shutil.copytree(file.parent, tmp_path / "study")
    if large:
        monkeypatch.setattr(sites, "LARGE", 0)
    found = sites.run(wish(parquet(tmp_path / "study"), tmp_path / "out"))
    for code in COUNTS:
        for name in ("follow-up.csv", "queries.csv"):
            assert (found.folder / code / name).read_bytes() == (made.folder / code / name).read_bytes()
        ours, theirs = (load(folder / code / "results.json") for folder in (found.folder, made.folder))
        assert list(ours) == list(theirs)


def test_of_large_parquet_a_worker_reads_its_own_sites_rows_alone(batch, tmp_path, monkeypatch):
    file, _ = batch
    shutil.copytree(file.parent, tmp_path / "study")
    read, asked = lists.registries.at, []

    def watched(declared, codes, variables=None):
        asked.append(set(codes))
        found = read(declared, codes, variables)
        assert set(found.frame.site) <= set(codes)
        return found

    monkeypatch.setattr(lists.registries, "at", watched)
    lists.read(parquet(tmp_path / "study"), "west")
    assert asked == [{"west"}]


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_cluster_makes_the_same_reports_and_loses_none_with_a_killed_worker(batch, tmp_path):
    pytest.importorskip("distributed")
    from distributed import Client
    from test_pool import scheduler, settled

    file, made = batch
    with scheduler() as (address, worker, _):
        worker(), worker()
        settled(address, 2)
        with Client(address, set_as_default=False) as client:
            pids = list(client.run(os.getpid).values())
        killed = []

        def step(done: int, total: int, what: str) -> None:
            if done == 1 and not killed:
                os.kill(pids[0], signal.SIGKILL)
                killed.append(pids[0])

        found = sites.run(wish(file, tmp_path / "out", formats=("pdf", "html"), scheduler=address), step)
    assert killed and found.states == made.states
    for path in made.folder.rglob("*"):
        if path.is_file() and path.name != "index.html":
            assert path.read_bytes() == (found.folder / path.relative_to(made.folder)).read_bytes(), path.name
