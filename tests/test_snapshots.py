"""A cut of the data is stored once, whole or not at all, and gives back the bytes of the outputs that were made of it."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pandas as pd
import pyarrow.parquet as parquet
import pytest
from conftest import DATA

from tieout import registry, snapshots, study
from tieout.audit.read import read as read_manuscript
from tieout.errors import TieoutError
from tieout.results import load

FORMATS = ("pdf", "html", "docx")
OUTPUTS = ("results.json", *(f"manuscript.{name}" for name in FORMATS))
REFERENCES = "@article{x, title={A title}, author={Doe, J}, year={2020}, journal={A journal}}\n"


def stored(small) -> Path:
    return small.folder / "snapshots"


def held(small) -> dict[str, bytes]:
    """Return every file of the snapshots by its path."""
    return {str(p.relative_to(stored(small))): p.read_bytes() for p in sorted(stored(small).rglob("*")) if p.is_file()}


def contents(small) -> tuple[study.Study, snapshots.Contents]:
    declared = study.read(small.study)
    return declared, snapshots.contents(declared, registry.digest(declared))


def kept(small) -> snapshots.Snapshot:
    return snapshots.store(*contents(small))


def the_only_one(small) -> snapshots.Snapshot:
    found, damaged = snapshots.listed(stored(small))
    assert len(found) == 1 and not damaged
    return found[0]


@pytest.mark.parametrize("format", FORMATS)
def test_an_output_is_made_again_from_its_digest_byte_for_byte_after_everything_has_changed(small, tmp_path, format):
    small.write("refs.bib", REFERENCES).change("m.qmd", "abstract: |", "bibliography: refs.bib\nabstract: |")
    small.change("m.qmd", "had a good outcome", "had a good outcome [@x]")
    first = small.build(format)
    assert first.warning == ""
    names = ("results.json", f"manuscript.{format}")
    before = {name: (small.folder / "build" / name).read_bytes() for name in names}
    small.change("data.csv", "61,1,0", "77,2,3").change("m.qmd", "Good outcomes", "Fine outcomes")
    small.write("refs.bib", REFERENCES.replace("2020", "2021"))
    small.change("study.yaml", "title: A small study", "title: Another study")
    small.build(format)
    assert all(before[name] != (small.folder / "build" / name).read_bytes() for name in names)
    from tieout.build import build

    found = snapshots.find(stored(small), first.results.meta["edition"][:12])
    with snapshots.unpacked(found) as file:
        build(file, (format,), tmp_path / "again", "embedded")
        assert not (file.parent / "snapshots").exists()
    assert before == {name: (tmp_path / "again" / name).read_bytes() for name in names}


def test_the_same_cut_twice_adds_nothing(small):
    small.build("html")
    before = held(small)
    small.build("html")
    assert held(small) == before and len(before) == 5


def test_another_study_file_over_the_same_data_is_another_edition_that_shares_the_data(small):
    one = small.build("html").results.meta
    before = held(small)
    small.change("study.yaml", "title: A small study", "title: A little study")
    two = small.build("html").results.meta
    assert one["snapshot"] == two["snapshot"] and one["edition"] != two["edition"]
    assert len(held(small)) == len(before) + 2


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [("m.qmd", "Of [[", "Among [["), ("data.csv", "61,1,0", "62,1,0"), ("study.yaml", "range: [18, 110]", "range: [17, 110]")],
)
def test_whatever_an_output_is_made_of_changes_its_edition(small, name, old, new):
    before = contents(small)[1].edition
    small.change(name, old, new)
    assert contents(small)[1].edition != before


def test_the_edition_does_not_depend_on_where_the_study_lies(small, tmp_path):
    before = contents(small)[1].edition
    moved = tmp_path / "elsewhere"
    shutil.copytree(small.folder, moved, ignore=shutil.ignore_patterns("elsewhere"))
    declared = study.read(moved)
    assert snapshots.contents(declared, registry.digest(declared)).edition == before


def test_every_output_prints_the_digests_of_its_data_and_of_its_edition(small):
    built = small.build(*FORMATS)
    meta = load(small.folder / "build" / "results.json").meta
    stamp = f"sha256:{meta['snapshot'][:16]} edition:{meta['edition'][:16]}"
    for path in built.outputs.values():
        text = " ".join(p.text for p in read_manuscript(path).passages)
        assert stamp in text.replace("- ", "-"), path.name


def test_columns_that_the_study_does_not_declare_are_not_stored(small):
    lines = DATA.splitlines()
    named = "\n".join([lines[0] + ",name", *(line + ",Jane Doe" for line in lines[1:])]) + "\n"
    small.write("data.csv", named).build("html")
    for name, content in held(small).items():
        assert b"Jane" not in content, name
    (table,) = the_only_one(small).tables.values()
    assert parquet.read_table(stored(small) / "files" / table).column_names == ["id", "site", "day", "age", "sex", "mrs"]


def test_what_is_stored_is_for_its_owner_alone_and_unknown_to_git(small):
    small.build("html")
    for path in (stored(small), *stored(small).rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    assert (stored(small) / ".gitignore").read_text() == "*\n"


HARD = """\
id,site,day,age,sex,mrs,extra
001,a,2024-01-03, 61 ,1.0,0,"with ""quotes"", and
two lines"
002,a,2024-01-09,,2,3,ﬂ ü 漢
r-03,"b, c",2024-02-11,-99,1,, blank at both ends 
r-04,b,2024-02-20 ,81.0,2,2,-1
"""


def test_the_registry_of_a_restored_snapshot_is_that_of_the_data(small):
    before, free = "  mrs: {label: mRS", "  free: {label: Free text, type: text, column: extra, not_applicable: {-1: none}}\n"
    small.change("study.yaml", before, free + before)
    small.write("data.csv", HARD)
    before = registry.read(study.read(small.study))
    with snapshots.unpacked(kept(small)) as file:
        again = registry.read(study.read(file))
    pd.testing.assert_frame_equal(before.frame, again.frame)
    assert before.digest == again.digest and list(before.frame.id) == ["001", "002", "r-03", "r-04"]
    assert {k: v.tolist() for k, v in before.records.not_applicable.items()} == {
        k: v.tolist() for k, v in again.records.not_applicable.items()
    }


def test_a_screening_log_and_a_site_table_come_back_too(tmp_path):
    from tieout import resources

    for part in ("data", "report"):
        shutil.copytree(resources.example() / part, tmp_path / part, ignore=shutil.ignore_patterns("snapshots", "__pycache__"))
    declared = study.read(tmp_path / "data")
    found = snapshots.store(declared, snapshots.contents(declared, registry.digest(declared)))
    with snapshots.unpacked(found) as file:
        again = study.read(file)
        for part in ("registry", "screening"):
            one, two = (registry.read(each).of(part).frame for each in (declared, again))
            pd.testing.assert_frame_equal(one, two)
        assert again.resolve(again.reporting.sites).read_bytes() == (tmp_path / "data" / "sites.csv").read_bytes()
        for kind in ("manuscript", "site", "centre"):
            assert again.resolve(again.documents[kind]).read_bytes() == (tmp_path / "report" / f"{kind}.qmd").read_bytes()
        assert (again.resolve(again.documents["manuscript"]).parent / "references.bib").is_file()


def files_of(small) -> list[Path]:
    return sorted(p for p in stored(small).rglob("*") if p.is_file() and p.name != ".gitignore")


@pytest.mark.parametrize("which", range(4))
@pytest.mark.parametrize("harm", ["changed", "missing"])
def test_a_snapshot_of_which_a_byte_changed_or_a_file_is_missing_is_refused(small, tmp_path, which, harm):
    edition = kept(small).edition
    path = files_of(small)[which]
    if harm == "missing":
        path.unlink()
    else:
        content = path.read_bytes()
        path.write_bytes(content[:40] + bytes([content[40] ^ 1]) + content[41:])
    with pytest.raises(TieoutError, match=r"does not fit its digest|no snapshot"):
        snapshots.restore(snapshots.find(stored(small), edition[:16]), tmp_path / "restored")
    assert not (tmp_path / "restored").exists()


@pytest.mark.parametrize("which", range(4))
def test_a_damaged_snapshot_is_mended_by_the_next_build_of_the_same(small, which):
    before = kept(small)
    path = files_of(small)[which]
    content = path.read_bytes()
    path.write_bytes(b"{}")
    after = kept(small)
    assert after.files == before.files and after.tables == before.tables
    if path.suffix != ".json":
        assert path.read_bytes() == content
    with snapshots.unpacked(after) as file:
        assert registry.read(study.read(file)).digest == before.data


@pytest.mark.parametrize("name", ["../outside.txt", "/tmp/outside.txt", "a/../../b", "c:\\x", "a//b", "."])
def test_a_list_that_names_a_place_outside_is_refused_even_with_a_right_seal(small, name):
    found = kept(small)
    path = stored(small) / f"{found.edition}.json"
    body = json.loads(path.read_text())
    del body["seal"]
    body["files"][name] = next(iter(body["files"].values()))
    edition = snapshots.identity(body["data"], body["files"], body["tieout"])
    body["edition"] = edition
    (stored(small) / f"{edition}.json").write_text(snapshots.sealed(body))
    with pytest.raises(TieoutError, match="does not fit its digest"):
        snapshots.find(stored(small), edition[:20])


@pytest.mark.parametrize("text", ["", "[]", "null", "{}", '{"seal": 1}', "[" * 100_000, '{"seal": "x", "edition": {}}'])
def test_a_list_that_is_none_is_refused_and_does_not_hide_the_others(small, text):
    found = kept(small)
    (stored(small) / f"{'a' * 64}.json").write_text(text)
    listed, damaged = snapshots.listed(stored(small))
    assert [each.edition for each in listed] == [found.edition] and len(damaged) == 1
    with pytest.raises(TieoutError, match="does not fit its digest"):
        snapshots.find(stored(small), "aaaaaaaa")


@pytest.mark.parametrize("name", ["study.yaml", "registry.parquet", "documents/0/m.qmd"])
def test_a_restored_study_whose_files_were_changed_is_refused(small, name):
    with snapshots.unpacked(kept(small)) as file:
        path = file.parent / name
        path.write_bytes(path.read_bytes() + b"\n")
        with pytest.raises(TieoutError, match=f"does not fit its digest: '{name}' was changed"):
            study.read(file)


def test_a_snapshot_is_restored_into_a_new_folder_only(small):
    found = kept(small)
    with pytest.raises(TieoutError, match="not empty"):
        snapshots.restore(found, small.folder)


def test_a_snapshot_is_found_by_the_beginning_of_its_edition_or_data_and_by_a_stamp(small):
    found = kept(small)
    stamps = (f"edition:{found.edition[:16]}", f"sha256:{found.data[:16]}")
    for wanted in (found.edition, found.edition[:8].upper(), found.data[:8], *stamps):
        assert snapshots.find(stored(small), wanted) == found


@pytest.mark.parametrize(
    ("wanted", "words"),
    [("ab12", "no digest"), ("../../etc", "no digest"), ("", "no digest"), ("0" * 20, "no snapshot"), ("a" * 65, "no digest")],
)
def test_what_is_no_digest_or_that_of_no_snapshot_is_refused(small, wanted, words):
    kept(small)
    with pytest.raises(TieoutError, match=words):
        snapshots.find(stored(small), wanted)


def test_a_digest_that_several_snapshots_have_is_refused_and_they_are_named(small):
    one = kept(small)
    small.change("study.yaml", "title: A small study", "title: A little study")
    two = kept(small)
    with pytest.raises(TieoutError) as refused:
        snapshots.find(stored(small), one.data[:12])
    assert one.edition[:16] in str(refused.value) and two.edition[:16] in str(refused.value)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_folder_that_cannot_be_written_costs_the_snapshot_and_not_the_build(small, monkeypatch, code):
    def refuse(folder, make):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(snapshots, "put", refuse)
    built = small.build("html")
    assert "no snapshot was stored" in built.warning and os.strerror(code) in built.warning
    assert (small.folder / "build" / "manuscript.html").is_file() and snapshots.listed(stored(small)) == ([], [])


def test_a_file_in_the_place_of_the_folder_costs_the_snapshot_and_not_the_build(small):
    small.write("snapshots", "in the way")
    assert "no snapshot was stored" in small.build("html").warning


def test_data_that_change_while_they_are_stored_are_not_stored(small):
    declared, found = contents(small)
    small.change("data.csv", "61,1,0", "62,1,0")
    with pytest.raises(TieoutError, match="changed while they were stored"):
        snapshots.store(declared, found)
    assert snapshots.listed(stored(small)) == ([], [])


KILLED = """
import os, signal, sys
from pathlib import Path
from tieout import registry, snapshots, study
calls = 0
honest = os.replace
def counted(*arguments):
    global calls
    if calls == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    calls += 1
    honest(*arguments)
os.replace = counted
declared = study.read(Path(sys.argv[1]))
snapshots.store(declared, snapshots.contents(declared, registry.digest(declared)))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_run_that_is_killed_while_it_stores_leaves_nothing_half(small):
    ended = []
    for after in range(12):
        shutil.rmtree(stored(small), ignore_errors=True)
        done = subprocess.run([sys.executable, "-c", KILLED, str(small.study), str(after)], capture_output=True, check=False)
        ended.append(done.returncode)
        found, damaged = snapshots.listed(stored(small))
        assert damaged == [] and len(found) == (done.returncode == 0)
        for each in (stored(small) / "files").glob("[0-9a-f]*"):
            assert snapshots.digest_of(each) == each.name
        with snapshots.unpacked(kept(small)) as file:
            study.read(file)
        if not done.returncode:
            break
    assert ended[-1] == 0 and set(ended[:-1]) == {-9} and len(ended) == 6


def test_the_drafts_of_a_killed_run_are_removed_and_those_of_another_that_runs_are_not(small):
    kept(small)
    old, new = (stored(small) / "files" / f".part-{name}" for name in ("old", "new"))
    for path in (old, new):
        path.write_bytes(b"x")
    os.utime(old, (time.time() - 2 * snapshots.STALE,) * 2)
    kept(small)
    assert not old.exists() and new.exists()


def test_many_builds_that_store_at_once_store_one_sound_snapshot(small):
    declared, found = contents(small)
    together, errors = threading.Barrier(6), []

    def store():
        together.wait()
        try:
            snapshots.store(declared, found)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=store) for _ in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert errors == [] and not list(stored(small).rglob(".part-*"))
    snapshots.verify(the_only_one(small), lambda digest, name: stored(small) / "files" / digest)


def test_what_is_stored_does_not_depend_on_the_run(small):
    def files() -> set[str]:
        shutil.rmtree(stored(small), ignore_errors=True)
        done = subprocess.run([sys.executable, "-c", KILLED, str(small.study), "99"], capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        return set(held(small))

    assert files() == files()


def test_a_line_about_a_snapshot_says_when_which_and_how_many(small):
    found = kept(small)
    line = snapshots.told(found)
    for words in (found.stored[:10], found.edition[:16], found.data[:16], "2024-12-31", "12 records", "data.csv"):
        assert words in line
    assert found.otherwise == () and "made_with" in str(found)


def test_a_snapshot_made_with_other_versions_says_so(small):
    import dataclasses

    found = dataclasses.replace(kept(small), made_with={"typst": "0.0.1", "engine": "embedded"}, tieout="0.0.0")
    assert [words.split(" then")[0] for words in found.otherwise] == ["tieout 0.0.0", "typst 0.0.1"]


@pytest.mark.parametrize("field", ["snapshot", "digest", "path"])
def test_a_study_file_cannot_say_of_itself_what_data_it_stands_for(small, field):
    small.write("study.yaml", small.study.read_text() + f"{field}: {'a' * 64}\n")
    with pytest.raises(TieoutError, match=f"unknown key '{field}'"):
        study.read(small.study)


def test_reports_to_sites_are_made_again_from_their_snapshot_with_what_had_changed_since_the_last_ones(tmp_path):
    from test_sites import project, wish

    from tieout import sites

    file = project(tmp_path / "study", {"north": 40, "south": 35})
    formats = ("pdf", "html")
    sites.run(wish(file, tmp_path / "out", period="2021-Q1", sites=("north",), formats=formats))
    file.write_text(file.read_text().replace("variable: wait, among", "variable: wait, where: {dead: [0, 1]}, among"))
    made = sites.run(wish(file, tmp_path / "out", period="2021-Q2", sites=("north",), formats=formats))
    assert made.warning == "" and "is defined otherwise" in (made.folder / "north" / "north_2021-Q2.html").read_text()
    edition = load(made.folder / "north" / "results.json").meta["edition"]
    assert edition[:16] in made.index.read_text() and edition == load(made.folder / "centre" / "results.json").meta["edition"]
    data = file.parent / "data.csv"
    data.write_text(data.read_text().splitlines()[0] + "\n")
    with snapshots.unpacked(snapshots.find(file.parent / "snapshots", edition[:16])) as restored:
        again = sites.run(wish(restored, tmp_path / "again", period="2021-Q2", sites=("north",), formats=formats))
    names = sorted(str(p.relative_to(made.folder)) for p in made.folder.rglob("*") if p.is_file())
    assert len(names) > 8 and names == sorted(str(p.relative_to(again.folder)) for p in again.folder.rglob("*") if p.is_file())
    assert [name for name in names if (made.folder / name).read_bytes() != (again.folder / name).read_bytes()] == []


def test_no_message_about_a_snapshot_holds_a_value_of_a_patient(small):
    found = kept(small)
    secret = DATA.splitlines()[3].split(",")
    said = [snapshots.told(found), str(found)]
    (stored(small) / "files" / found.tables["registry.parquet"]).write_bytes(DATA.encode())
    with contextlib.suppress(TieoutError), snapshots.unpacked(found):
        pass
    with pytest.raises(TieoutError) as refused, snapshots.unpacked(found):
        pass
    assert not [each for each in (*said, str(refused.value)) if secret[0] in each]


def test_joined_files_of_another_form_give_the_same_outputs_when_they_are_gone(small, tmp_path):
    from tieout.build import build

    form = "join: {on: id, files: [one.csv, two.csv]}, format: {delimiter: ';', decimal: ',', dates: day_month_year}"
    small.change("study.yaml", "file: data.csv", form).change("study.yaml", "label: Age, type: integer", "label: Age, type: decimal")
    header, *rows = [line.split(",") for line in DATA.splitlines()]
    one = [f"{record};{site};{day[8:]}.{day[5:7]}.{day[:4]}" for record, site, day, *_ in rows]
    two = [f"{record};{age + ',5' if age != '-99' else age};{sex};{mrs}" for record, _, _, age, sex, mrs in rows]
    small.write("one.csv", "\n".join([";".join(header[:3]), *one])).write("two.csv", "\n".join([";".join(["id", *header[3:]]), *two]))
    edition = small.build("html").results.meta["edition"]
    for name in ("one.csv", "two.csv"):
        (small.folder / name).unlink()
    with snapshots.unpacked(snapshots.find(stored(small), edition)) as file:
        build(file, ("html",), tmp_path / "again", "embedded")
    for name in ("results.json", "manuscript.html"):
        assert (small.folder / "build" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_the_command_lists_snapshots_and_makes_an_old_output_again(small, monkeypatch):
    import json

    from typer.testing import CliRunner

    from tieout.cli import app

    monkeypatch.chdir(small.folder)
    assert "nothing is stored" in CliRunner().invoke(app, ["snapshots"]).output
    first = CliRunner().invoke(app, ["build", "--formats", "html", "--json"])
    assert first.exit_code == 0, first.output
    edition = json.loads(first.output)["edition"]
    old = (small.folder / "build" / "manuscript.html").read_bytes()
    assert edition[:16] in CliRunner().invoke(app, ["snapshots"]).output
    small.change("data.csv", ",61,", ",64,")
    CliRunner().invoke(app, ["build", "--formats", "html"])
    assert (small.folder / "build" / "manuscript.html").read_bytes() != old
    again = CliRunner().invoke(app, ["build", "--formats", "html", "--snapshot", edition[:12], "--out", "again"])
    assert again.exit_code == 0, again.output
    assert (small.folder / "again" / "manuscript.html").read_bytes() == old
    told = CliRunner().invoke(app, ["diff", edition[:12], ".", "--html", "diff.html", "--json", "diff.json"])
    assert told.exit_code == 1, told.output
    assert "values changed: age 1" in told.output
    assert (small.folder / "diff.html").is_file() and json.loads((small.folder / "diff.json").read_text())["figures"]
