"""The whole way from a study file to its outputs: what stops it, what does not, and what is left behind."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import DATA, STUDY, TEMPLATE

from tieout.errors import TieoutError

HEADER, *ROWS = DATA.splitlines()


def run(folder: Path, *arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command line as a user does, in `folder`."""
    return subprocess.run(
        [sys.executable, "-c", "from tieout.cli import main; main()", *arguments],
        cwd=folder, capture_output=True, text=True, env={**os.environ, **(env or {})}, check=False,
    )  # fmt: skip


def left_behind(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.rglob("*"))


def test_the_command_line_builds_and_says_what_it_made_and_what_comes_next(small):
    done = run(small.folder, "build", "study.yaml", "--formats", "html", "--engine", "embedded")
    assert done.returncode == 0, done.stderr
    assert "build/manuscript.html" in done.stdout and "tieout show" in done.stdout
    assert {"manuscript", "manuscript.html", "results.json"} == {p.name for p in (small.folder / "build").iterdir()}


def test_json_can_be_read_by_a_program(small):
    done = run(small.folder, "build", "study.yaml", "--formats", "html", "--engine", "embedded", "--json")
    answer = json.loads(done.stdout)
    assert answer["outputs"] == {"html": "build/manuscript.html"} and answer["claims"][0]["holds"]


BAD_STUDY = {
    "an unknown key": ("study.yaml", "title:", "titel:", "unknown key 'titel'"),
    "an unknown variable": ("study.yaml", "terms: [age, sex]", "terms: [aeg]", "did you mean 'age'"),
    "an unknown level": ("study.yaml", "poor: 0", "poor: 9", "no level is called '9'"),
    "a data file that is not there": ("study.yaml", "file: data.csv", "file: nowhere.csv", "no such data file"),
    "a level not in the dictionary": ("data.csv", "61,1,0", "61,7,0", "level that the dictionary lacks"),
    "text in a number": ("data.csv", ",61,", ",sixty,", "holds text"),
    "an impossible date": ("data.csv", "2024-01-03", "2024-02-31", "holds no date"),
    "a blank site": ("data.csv", "r-05,b", "r-05,", "site is blank"),
    "a record twice": ("data.csv", "r-02", "r-01", "stands more than once"),
    "an unknown key in the text": ("m.qmd", "study.patients.n", "study.patient.n", "study.patients.n"),
    "an undefined condition": (
        "m.qmd",
        "[% claim fine %]",
        "[% if condition.fin %][% endif %][% claim fine %]",
        "m.qmd:12",
    ),
    "an undefined claim": ("m.qmd", "[% claim fine %]", "[% claim fin %]", "did you mean 'fine'"),
    "broken YAML in front": ("m.qmd", 'title: "A small study"', 'title: "A small study', "m.qmd"),
    "an unclosed div": ("m.qmd", "Model\n:::", "Model\n", "m.qmd"),
    "a document that is not there": ("study.yaml", "manuscript: m.qmd", "manuscript: n.qmd", "no such document"),
    "code to be run": ("m.qmd", "# Results", "```{python}\n1 + 1\n```\n\n# Results", "Quarto"),
}


@pytest.mark.parametrize("case", BAD_STUDY)
def test_bad_input_is_a_clear_error_with_exit_code_2_and_earlier_outputs_stay(small, case):
    small.build("html")
    before = {p: p.read_bytes() for p in (small.folder / "build").rglob("*") if p.is_file()}
    name, old, new, words = BAD_STUDY[case]
    small.change(name, old, new)
    done = run(small.folder, "build", "study.yaml", "--formats", "html", "--engine", "embedded")
    assert done.returncode == 2, done.stdout + done.stderr
    assert words in done.stderr and "Traceback" not in done.stderr, done.stderr
    assert len(done.stderr.strip().splitlines()) <= 4
    after = {p: p.read_bytes() for p in (small.folder / "build").rglob("*") if p.is_file()}
    assert after == before


def test_a_claim_that_the_data_break_stops_the_build_with_exit_code_1(small):
    small.change("study.yaml", "outcome.good.pct > 10", "outcome.good.pct > 90")
    done = run(small.folder, "build", "study.yaml", "--formats", "html", "--engine", "embedded")
    assert done.returncode == 1
    assert "Good outcomes were common." in done.stderr and "outcome.good.pct is 54.5%" in done.stderr
    assert not list((small.folder / "build").glob("*")) if (small.folder / "build").exists() else True


def test_a_draft_is_typeset_with_the_broken_claim_printed_on_it(small):
    small.change("study.yaml", "outcome.good.pct > 10", "outcome.good.pct > 90")
    built = small.build("html", draft=True)
    page = built.outputs["html"].read_text(encoding="utf-8")
    assert "DRAFT" in page and "no longer support" in page


def test_a_wrong_cell_stops_the_build(small, monkeypatch):
    from tieout.analysis import describe

    honest = describe.moments
    monkeypatch.setattr(describe, "moments", lambda values, methods: honest(values, methods) | {"median": 1.0})
    with pytest.raises(TieoutError, match=r"table\.baseline\.age\..*two programs disagree.*tableone") as caught:
        small.build("html")
    assert caught.value.exit_code == 1
    assert not (small.folder / "build" / "results.json").exists()


def test_a_wrong_count_stops_the_build(small, monkeypatch):
    from tieout.analysis import describe

    honest = describe.summarise

    def wrong(*arguments):
        summary = honest(*arguments)
        return dataclasses.replace(summary, counts={code: n + (code == "1") for code, n in summary.counts.items()})

    monkeypatch.setattr(describe, "summarise", wrong)
    with pytest.raises(TieoutError, match=r"table\.baseline\.sex\.1.*two programs disagree"):
        small.build("html")


def test_an_output_folder_that_is_a_file_is_refused(small):
    small.write("build", "I was here")
    with pytest.raises(TieoutError, match="nothing can be written here"):
        small.build("html")
    assert (small.folder / "build").read_text() == "I was here"


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES, errno.ENOSPC])
def test_a_folder_that_cannot_be_written_is_refused_before_anything_is_made(small, monkeypatch, code):
    def refuse(*arguments, **options):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("tempfile.mkdtemp", refuse)
    with pytest.raises(TieoutError, match=re.escape(os.strerror(code))):
        small.build("html")


def test_a_disk_that_fills_up_leaves_the_earlier_outputs(small, monkeypatch):
    small.build("html")
    before = left_behind(small.folder)
    page = (small.folder / "build" / "manuscript.html").read_bytes()
    honest = Path.write_text

    def full(self, *arguments, **options):
        if self.name == "results.json":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return honest(self, *arguments, **options)

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(TieoutError, match="No space left"):
        small.build("html")
    monkeypatch.undo()
    assert left_behind(small.folder) == before
    assert (small.folder / "build" / "manuscript.html").read_bytes() == page


def test_two_builds_give_the_same_bytes_whatever_the_clock_the_zone_and_the_hash_seed(small, tmp_path):
    def outputs(out: str, **env: str) -> dict[str, bytes]:
        done = run(small.folder, "build", "study.yaml", "--out", out, "--engine", "embedded", env=env)
        assert done.returncode == 0, done.stderr
        root = small.folder / out
        return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}

    first = outputs("one", PYTHONHASHSEED="1", TZ="Asia/Seoul", LC_ALL="C")
    second = outputs("two", PYTHONHASHSEED="2", TZ="America/Lima", LC_ALL="C.UTF-8")
    assert set(first) == set(second) and len(first) > 5
    assert [name for name in first if first[name] != second[name]] == []


def table(*rows: str) -> str:
    return "\n".join([HEADER, *rows]) + "\n"


def with_age(age: str) -> str:
    return table(*(re.sub(r",(-?\d+),(\d),", rf",{age},\2,", row) for row in ROWS))


def separated(row: str) -> str:
    """Give every patient with a good outcome the first sex, and every other the second."""
    return re.sub(r",\d,(-?\d+)$", lambda found: f",{1 if found[1] in ('0', '1') else 2},{found[1]}", row)


HARD = {
    "an outcome without events": (table(*(r if r.endswith("-99") else r[:-1] + "3" for r in ROWS)), "NE"),
    "a group without patients": (table(*(r for r in ROWS if r[-1] in "01")), "no patients in this group"),
    "a variable all missing": (with_age("-99"), "no values observed"),
    "a constant covariate": (with_age("60"), "NE"),
    "one patient": (table(ROWS[0]), "NE"),
    "one site": (re.sub(r",[abc],", ",a,", DATA), "Sex"),
    "perfect separation": (table(*(separated(r) for r in ROWS)), "the outcome is separated by Sex: Female"),
    "more covariates than events": (table(*ROWS[:3]), "NE"),
}


@pytest.mark.parametrize("case", HARD)
def test_hard_data_are_reported_as_not_estimable_with_the_reason(small, case):
    data, words = HARD[case]
    small.write("data.csv", data)
    small.change("study.yaml", "outcome.good.pct > 10", "study.patients.n > 0")
    small.change("m.qmd", "A good outcome was seen in [[ outcome.good | rate ]].", "A study.")
    small.change("m.qmd", "[[ outcome.good | n_pct ]]", "[[ outcome.good.n ]]")
    page = small.build("html").outputs["html"].read_text(encoding="utf-8")
    assert words in page
    if words == "NE":
        assert "not estimable" in page
    assert not re.search(r"\b(nan|inf|None)\b", re.sub(r"<style.*?</style>|<script.*?</script>", "", page, flags=re.S))


def test_a_sentence_that_quotes_what_is_not_estimable_stops_the_build(small):
    small.write("data.csv", table(ROWS[0]))
    small.change("m.qmd", "# Results", "# Results\n\nThe ratio was [[ model.good.age | estimate_ci_p ]].\n")
    with pytest.raises(TieoutError, match=r"m\.qmd:11(:\d+)?  model\.good\.age\.\w+ cannot be quoted"):
        small.build("html")


def test_one_cell_of_the_data_changes_the_figures_that_depend_on_it_and_no_others(small):
    before = {s.key: s.value for s in small.results()}
    small.change("data.csv", ",61,1,0", ",91,1,0")
    after = {s.key: s.value for s in small.results()}
    changed = {key for key in before if before[key] != after[key]}
    assert "table.baseline.age.all.mean" not in before
    assert {"table.baseline.age.good.median", "model.good.age.estimate"} <= changed
    assert not {
        k for k in changed if k.startswith(("outcome.", "table.baseline.sex", "study.", "table.baseline.age.poor"))
    }


def test_a_document_needs_no_front_matter_and_may_name_its_own_style_and_pictures(small):
    from tieout import resources

    small.write("own.csl", resources.citation_style("nature").read_bytes())
    picture = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><circle r="4" cx="4" cy="4"/></svg>'
    small.write("ours.svg", picture)
    small.write("m.qmd", "---\ntitle: T\ncsl: own.csl\n---\n\n![Ours](ours.svg){#fig-ours}\n\n[[ study.patients.n ]] in all.\n")
    page = small.build("html").outputs["html"].read_text(encoding="utf-8")
    assert "Twelve" in page and "image/svg+xml" in page
    small.write("m.qmd", "We saw [[ study.patients.n ]].\n\n---\n\nThe end.\n")
    assert "The end." in small.build("html").outputs["html"].read_text(encoding="utf-8")


def test_show_explains_a_figure_and_lists_its_records_on_the_terminal_only(small):
    small.build("html")
    told = run(small.folder, "show", "outcome.good.pct", "study.yaml", "--rows")
    assert told.returncode == 0, told.stderr
    for words in ("54.5%", "6, where good is 1", "11 patients with a score", "good: mrs is 0 or 1", "snapshot", "r-01"):
        assert words in told.stdout
    outputs = b"".join(p.read_bytes() for p in (small.folder / "build").rglob("*") if p.is_file())
    assert b"r-01" not in outputs


def test_show_names_the_nearest_keys(small):
    small.build("html")
    told = run(small.folder, "show", "outcome.god.pct")
    assert told.returncode == 2 and "outcome.good.pct" in told.stderr


def test_show_refuses_records_of_data_that_have_changed(small):
    small.build("html")
    small.change("data.csv", ",61,", ",62,")
    told = run(small.folder, "show", "outcome.good.pct", "study.yaml", "--rows")
    assert told.returncode == 2 and "have changed since the last build" in told.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["show", "outcome.good.pct"], ["--version"]])
def test_help_and_show_load_no_statistics_library(small, arguments):
    small.build("html")
    code = (
        "import sys\nfrom tieout.cli import main\ntry:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = {'pandas', 'scipy', 'statsmodels', 'matplotlib', 'tableone', 'numpy'} & set(sys.modules)\n"
        "print('HEAVY', sorted(heavy))"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=small.folder, capture_output=True, text=True, check=False
    )
    assert told.stdout.rstrip().endswith("HEAVY []"), told.stdout + told.stderr


def test_a_study_that_is_nowhere_is_answered_with_what_to_do(tmp_path):
    told = run(tmp_path, "build")
    assert told.returncode == 2 and "tieout example" in told.stderr


def test_an_unknown_format_is_refused(small):
    told = run(small.folder, "build", "study.yaml", "--formats", "pdff")
    assert told.returncode == 2 and "did you mean 'pdf'" in told.stderr


def test_the_example_is_written_anywhere_and_never_over_something(tmp_path):
    assert run(tmp_path, "example", "mine").returncode == 0
    assert (tmp_path / "mine" / "data" / "study.yaml").is_file() and (
        tmp_path / "mine" / "report" / "manuscript.qmd"
    ).is_file()
    again = run(tmp_path, "example", "mine")
    assert again.returncode == 2 and "exists already" in again.stderr


def test_doctor_says_which_engine_is_taken(tmp_path):
    told = run(tmp_path, "doctor")
    assert told.returncode == 0 and "engine taken:" in told.stdout
    assert json.loads(run(tmp_path, "doctor", "--json").stdout)["engine"] in ("embedded", "quarto")


def imported(path: Path) -> set[str]:
    """Return every module that a file imports, at its top or inside a function."""
    import ast

    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


COMPUTING = ("tieout.study", "tieout.registry", "tieout.analysis", "pandas", "statsmodels")
TELLING = (
    "display", "keyed", "weave", "tables", "methods", "strobe", "results", "listing", "report_tables", "report_text",
)  # fmt: skip


@pytest.mark.parametrize(
    ("rooms", "forbidden"),
    [
        ([*(f"{name}.py" for name in TELLING), "render/*.py", "figures/*.py"], (*COMPUTING, "scipy")),
        (["audit/*.py"], (*COMPUTING, "tieout.build", "tieout.figures", "matplotlib")),
    ],
    ids=["telling", "audit"],
)
def test_neither_telling_nor_the_audit_imports_computing(rooms, forbidden):
    import tieout

    files = [path for room in rooms for path in Path(tieout.__file__).parent.glob(room)]
    assert len(files) >= len(rooms)
    for path in files:
        wrong = [n for n in imported(path) if any(n == f or n.startswith(f + ".") for f in forbidden)]
        assert not wrong, f"{path.name} imports {wrong}"


def test_the_small_study_of_the_tests_is_whole():
    assert "patients with a score" in STUDY and "[[ tables.baseline ]]" in TEMPLATE
