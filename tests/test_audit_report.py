"""The report of an audit: the verdict of a figure, the coverage, the exit code, the JSON and the command."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from tieout import cli
from tieout.audit import report as reports
from tieout.audit.extract import extract
from tieout.audit.quoted import Finding
from tieout.audit.read import read_text
from tieout.results import load

GOOD = "# Results\n\nOf 78 patients, 50 of 75 (66.7%) had a good outcome (OR 2.00; 95% CI 1.10 to 3.64; p=0.02).\n"
BAD = GOOD.replace("66.7%", "66.9%")
KEYS = [
    "text", "place", "kind", "estimate", "low", "high", "p", "p_operator", "count", "total", "percent", "sd", "verdict",
    "rule", "message", "expected", "explanation", "key", "candidates", "with", "also",
]  # fmt: skip


def report_of(text: str, *verdicts: str, with_data: bool = False) -> reports.Report:
    """Return the report of a text whose first real figure has findings with these verdicts."""
    manuscript = read_text(text, "md", "m.md")
    figures = extract(manuscript)
    first = next(f for f in figures if f.kind != "conventional")
    findings = [Finding(f"rule {v}", v, (first,), f"because {v}") for v in verdicts]
    return reports.reported(manuscript, figures, findings, with_data)


def first_figure(report: reports.Report) -> reports.Judged:
    return next(j for j in report.judged if j.figure.kind != "conventional")


def run(*arguments):
    """Run the command as the program does: an error of the user's is its paragraph and its exit code."""
    result = CliRunner().invoke(cli.app, ["audit", *map(str, arguments)])
    if isinstance(result.exception, cli.TieoutError):
        return result.exception.exit_code, str(result.exception)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (("consistent",), "consistent"),
        (("consistent", "confirmed"), "confirmed"),
        (("confirmed", "query"), "confirmed"),
        (("consistent", "untraceable"), "untraceable"),
        (("untraceable", "query", "consistent"), "query"),
        (("confirmed", "contradicted"), "contradicted"),
        (("query", "contradicted", "untraceable"), "contradicted"),
    ],
)
def test_a_figure_has_its_worst_verdict_but_the_data_outweigh_a_query(found, verdict):
    judged = first_figure(report_of(GOOD, *found, with_data=True))
    assert judged.verdict == judged.findings[0].verdict == verdict
    assert {f.verdict for f in judged.findings} == set(found)


def test_a_figure_that_no_rule_judged_is_untraceable_and_says_why():
    judged = first_figure(report_of(GOOD))
    assert judged.verdict == "untraceable"
    message = judged.findings[0].message
    assert message == "no data were given to trace it to, and arithmetic alone cannot judge it"


def test_a_conventional_number_stays_conventional_unless_the_data_know_it():
    manuscript = read_text("It was 2019 and 50 patients came.", "md", "m.md")
    figures = extract(manuscript)
    year = next(f for f in figures if f.convention == "year")
    plain = ("query", "untraceable", "consistent")
    for verdict, expected in [*((v, "conventional") for v in plain), *((v, v) for v in ("confirmed", "contradicted"))]:
        report = reports.reported(manuscript, figures, [Finding("key", verdict, (year,), "why")], with_data=True)
        assert next(j for j in report.judged if j.figure is year).verdict == expected


@pytest.mark.parametrize("verdicts", [(), ("query",), ("confirmed",), ("contradicted",), ("consistent", "untraceable")])
def test_the_coverage_sums_to_the_figures_read(verdicts):
    coverage = report_of(GOOD + "\nTable 2 is of 2019.\n", *verdicts).coverage
    assert coverage["read"] > coverage["conventional"] > 0
    assert sum(coverage.values()) == 2 * coverage["read"]


def test_numbers_that_are_not_recognised_are_counted_as_conventional_and_told():
    manuscript = read_text("The score moved by 7.31 then 8.44.", "md", "m.md")
    figures = extract(manuscript)
    unrecognised = [f for f in figures if f.convention == "unrecognised"]
    assert len(unrecognised) == 2
    report = reports.reported(manuscript, figures, [], with_data=False)
    assert report.coverage["conventional"] == len(figures)
    assert report.unread == ("2 numbers were not recognised as figures",)


def test_the_exit_code_tells_clean_contradicted_and_nothing_to_judge_apart():
    assert report_of(GOOD, "query").exit_code == 0
    assert report_of(GOOD, "contradicted").exit_code == 1
    manuscript = read_text("Written in 2019, see Table 2.", "md", "m.md")
    nothing = reports.reported(manuscript, extract(manuscript), [], with_data=True)
    assert nothing.exit_code == 2
    assert "no clean bill of health" in reports.told(nothing)


def test_every_figure_in_the_json_has_the_same_keys_and_plain_values():
    data = reports.as_data(report_of(GOOD, "contradicted"))
    assert list(data) == ["file", "coverage", "with_data", "synthetic", "carried", "unread", "figures"]
    assert all(list(figure) == KEYS for figure in data["figures"])
    assert len(data["figures"]) == data["coverage"]["read"]
    ratio = next(f for f in data["figures"] if f["kind"] == "ratio_ci")
    assert [ratio[k] for k in ("estimate", "low", "high", "p", "p_operator")] == [2.0, 1.1, 3.64, 0.02, "="]
    assert [ratio[k] for k in ("count", "total", "percent", "sd")] == [None] * 4
    share = next(f for f in data["figures"] if f["kind"] == "count_of_total")
    assert [share[k] for k in ("count", "total", "percent", "p", "p_operator")] == [50, 75, 66.7, None, None]
    assert isinstance(share["count"], int)
    assert json.loads(json.dumps(data, allow_nan=False)) == data


def test_an_operator_that_is_printed_is_kept():
    data = reports.as_data(report_of("Of 9 patients none fell (P<.001)."))
    assert [f["p_operator"] for f in data["figures"] if f["kind"] == "p_value"] == ["<"]


def test_a_finding_over_several_figures_names_them_all_and_is_told_once():
    manuscript = read_text(GOOD, "md", "m.md")
    figures = [f for f in extract(manuscript) if f.kind != "conventional"]
    finding = Finding("flow", "contradicted", tuple(figures[:2]), "they do not add up")
    report = reports.reported(manuscript, figures, [finding], with_data=False)
    first, second, *_ = reports.as_data(report)["figures"]
    assert first["with"] == [{"text": second["text"], "place": second["place"]}]
    assert second["with"] == [{"text": first["text"], "place": first["place"]}]
    told = reports.told(report)
    assert told.count("they do not add up") == 1
    assert first["text"] in told and second["text"] in told


def test_a_confirmed_figure_keeps_its_query_without_telling_it_as_open():
    report = report_of(GOOD, "confirmed", "query", with_data=True)
    assert "because query" not in reports.told(report)
    figure = next(f for f in reports.as_data(report)["figures"] if f["verdict"] == "confirmed")
    assert figure["also"] == [{"rule": "rule query", "verdict": "query", "message": "because query"}]


def test_a_query_about_a_contradicted_figure_is_not_told_beside_the_contradiction():
    told = reports.told(report_of(GOOD, "contradicted", "query"))
    assert "because contradicted" in told and "because query" not in told


def test_untraceable_figures_are_counted_and_the_first_three_named():
    told = reports.told(report_of("Of 81 patients, 42 sites took part, 33 patients fell, 24 patients left."))
    line = next(line for line in told.splitlines() if "untraceable:" in line and line.startswith("○"))
    assert "and 1 more" in line and "33" in line and "24" not in line


def test_the_stamp_of_synthetic_data_is_told_in_the_terminal_and_the_json(small, tmp_path):
    small.change("study.yaml", "title: A small study", "title: A small study\nsynthetic: SYNTHETIC made up")
    results = small.results()
    paper = tmp_path / "m.md"
    paper.write_text(GOOD)
    report = reports.audit(paper, results)
    assert "SYNTHETIC made up" in reports.told(report)
    assert reports.as_data(report)["synthetic"] == "SYNTHETIC made up"


def test_a_good_manuscript_leaves_with_0_and_an_altered_one_with_1_naming_the_figure(tmp_path):
    good, bad = tmp_path / "good.md", tmp_path / "bad.md"
    good.write_text(GOOD)
    bad.write_text(BAD)
    code, told = run(good)
    assert code == 0 and "0 contradicted" in told
    code, told = run(bad)
    assert code == 1 and "✗ contradicted  Results: “50 of 75 (66.9%)”" in told
    assert "1 contradicted" in told.splitlines()[-2]


def test_an_unreadable_file_does_not_stop_the_others_and_leaves_with_2(tmp_path):
    bad, out = tmp_path / "bad.md", tmp_path / "out.json"
    bad.write_text(BAD)
    code, _ = run(tmp_path / "missing.pdf", bad, "--json", out)
    assert code == 2
    missing, judged = json.loads(out.read_text(encoding="utf-8"))
    assert "there is no such file" in missing["error"] and missing["coverage"]["read"] == 0
    assert judged["coverage"]["contradicted"] == 1


def test_one_file_gives_an_object_and_several_a_list(tmp_path):
    good, bad, out = tmp_path / "good.md", tmp_path / "bad.md", tmp_path / "out.json"
    good.write_text(GOOD)
    bad.write_text(BAD)
    assert run(good, "--json", out)[0] == 0
    assert json.loads(out.read_text(encoding="utf-8"))["file"] == str(good)
    assert run(good, bad, "--json", out)[0] == 1
    assert [one["file"] for one in json.loads(out.read_text(encoding="utf-8"))] == [str(good), str(bad)]


def test_a_manuscript_without_figures_leaves_with_2(tmp_path):
    paper = tmp_path / "m.md"
    paper.write_text("Nothing to count here.")
    assert run(paper)[0] == 2


def test_results_and_the_study_they_come_from_give_the_same_verdicts(small, tmp_path):
    built = small.build("html")
    paper, results = built.outputs["html"], small.folder / "build" / "results.json"
    one, two = tmp_path / "one.json", tmp_path / "two.json"
    assert run(paper, "--results", results, "--json", one)[0] == 0
    assert run(paper, "--study", small.study, "--json", two)[0] == 0
    assert one.read_bytes() == two.read_bytes()
    assert json.loads(one.read_text(encoding="utf-8"))["coverage"]["confirmed"] > 0


def test_a_changed_figure_of_a_built_manuscript_is_named_with_what_the_data_give(small):
    built = small.build("html")
    paper = built.outputs["html"]
    page = paper.read_text(encoding="utf-8")
    key = 'data-key="study.patients.n">12<'
    assert key in page
    paper.write_text(page.replace(key, key.replace("12", "13"), 1), encoding="utf-8")
    report = reports.audit(paper, load(small.folder / "build" / "results.json"))
    wrong = [j for j in report.judged if j.verdict == "contradicted"]
    assert [j.findings[0].key for j in wrong] == ["study.patients.n"]
    assert wrong[0].findings[0].expected == "12"


def test_study_and_results_together_are_refused(small, tmp_path):
    code, told = run(tmp_path / "m.md", "--study", small.study, "--results", tmp_path / "results.json")
    assert code == 2 and "choose one" in told


def test_an_output_never_replaces_the_manuscript(tmp_path):
    paper = tmp_path / "m.md"
    paper.write_text(GOOD)
    code, told = run(paper, "--html", paper)
    assert code == 2 and "is an input" in told
    assert paper.read_text() == GOOD


@pytest.mark.parametrize("place", ["missing/out.html", "folder"])
def test_outputs_are_written_whole_or_not_at_all(tmp_path, place):
    paper, earlier = tmp_path / "m.md", tmp_path / "out.json"
    paper.write_text(GOOD)
    earlier.write_text("earlier")
    (tmp_path / "folder").mkdir()
    code, told = run(paper, "--json", earlier, "--html", tmp_path / place)
    assert code == 2 and str(tmp_path / place) in told
    assert earlier.read_text() == "earlier"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder", "m.md", "out.json"]


def test_a_page_shows_one_manuscript_only(tmp_path):
    code, told = run(tmp_path / "a.md", tmp_path / "b.md", "--html", tmp_path / "p.html")
    assert code == 2 and "one manuscript" in told
