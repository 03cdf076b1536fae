"""Closing the loop: what Tieout wove audits clean in every format, and any figure that is altered is found and named."""

from __future__ import annotations

import random
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy as copy_of
from dataclasses import replace
from pathlib import Path

import docx
import pytest
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.text.run import Run

from tieout import resources
from tieout.audit import carried
from tieout.audit.extract import extract
from tieout.audit.keys import with_keys
from tieout.audit.match import match
from tieout.audit.quoted import Finding, Manuscript
from tieout.audit.read import read, read_text
from tieout.audit.report import audit
from tieout.build import build

KEYED = {
    "html": re.compile(r'(?P<open><span class="stat" data-key="(?P<key>[^"]+)">)(?P<text>[^<]+)(?P<close></span>)'),
    "qmd": re.compile(r'(?P<open>\[)(?P<text>[^\]\n]+)(?P<close>\]\{\.stat key="(?P<key>[^"]+)"\})'),
    "docx": re.compile(
        r'(?P<open><w:tag w:val="(?P<key>[^"]+)"/>(?:(?!</w:sdt>).)*?<w:t[^>]*>)'
        r"(?P<text>[^<]+)(?P<close></w:t>)", re.DOTALL
    ),
}  # fmt: skip
ALTERED_AT_ONCE = 50
ROUNDS = 10


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    out = tmp_path_factory.mktemp("example")
    return build(resources.example() / "data" / "study.yaml", ("pdf", "html", "docx"), out, "embedded")


@pytest.fixture(scope="module")
def paths(built):
    folder = built.outputs["html"].parent
    return {**built.outputs, "qmd": folder / "manuscript" / "manuscript.qmd"}


def audited(manuscript: Manuscript, results, woven: str | None) -> list[Finding]:
    keyed = with_keys(manuscript, read_text(woven, "md", "the woven document")) if woven else manuscript
    return match(keyed, extract(keyed), results)


@pytest.mark.parametrize("name", ["html", "docx", "pdf", "qmd"])
def test_the_example_audits_clean_in_every_format(built, paths, name):
    findings = audited(read(paths[name]), built.results, carried.woven(paths[name]))
    results = [f for f in findings if "results" in (s.casefold() for s in f.figures[0].passage.section)]
    assert len(results) > 100
    assert {f.verdict for f in results} == {"confirmed"}
    assert not [f for f in findings if f.verdict == "contradicted"]


def altered(text: str, chance: random.Random) -> str:
    """Return a figure with one digit changed, or its sign."""
    digits = [i for i, sign in enumerate(text) if sign.isdigit()]
    if not digits:
        return "seventy-one" if text.casefold() != "seventy-one" else "seventy-two"
    if chance.random() < 0.1:
        return text[1:] if text[0] in "<>−" else f"−{text}"
    at = chance.choice(digits)
    return text[:at] + chance.choice([d for d in "0123456789" if d != text[at]]) + text[at + 1 :]


def changed(source: str, pattern: re.Pattern, chance: random.Random) -> tuple[str, list[str]]:
    """Return the source with some of its keyed figures altered, and the keys of those."""
    places = list(pattern.finditer(source))
    keys, out, last = [], [], 0
    for i in sorted(chance.sample(range(len(places)), ALTERED_AT_ONCE)):
        place = places[i]
        plain = place["text"].replace("&lt;", "<").replace("&gt;", ">").replace("\\", "")
        new = altered(plain, chance).replace("<", "&lt;").replace(">", "&gt;")
        out += [source[last : place.start("text")], new]
        last = place.end("text")
        keys.append(place["key"])
    return "".join([*out, source[last:]]), keys


def rewritten(path: Path, to: Path, change: Callable[[str], str]) -> Path:
    """Write a copy of a file with its text changed: of a Word file that of its document part."""
    if path.suffix != ".docx":
        to.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
        return to
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as new:
        for item in old.namelist():
            data = old.read(item)
            new.writestr(item, change(data.decode()).encode() if item == "word/document.xml" else data)
    return to


def contradicted(findings: list[Finding]) -> set[str]:
    """Return the keys that contradictions name, each with what the results say."""
    told = " ".join(f.message for f in findings if f.verdict == "contradicted")
    return set(re.findall(r"but (\S+) is", told))


def assert_all_named(name: str, rounds: Iterable[tuple[list[str], set[str]]]) -> None:
    """Assert that of the keys altered in each round at least 99% are told, and no other."""
    missed, false_alarms, total = [], [], 0
    for keys, told in rounds:
        missed += [key for key in keys if key not in told]
        false_alarms += [key for key in told if key not in keys]
        total += len(keys)
    print(f"{name}: {total} alterations, {len(missed)} missed, {len(false_alarms)} false alarms")
    assert len(missed) <= 0.01 * total, missed
    assert false_alarms == []


@pytest.mark.parametrize("name", ["html", "docx", "qmd"])
def test_any_altered_figure_is_found_and_named(built, paths, name, tmp_path):
    chance = random.Random(f"alter {name}")

    def rounds() -> Iterator[tuple[list[str], set[str]]]:
        for number in range(ROUNDS):
            keys: list[str] = []

            def change(source: str, keys=keys) -> str:
                source, found = changed(source, KEYED[name], chance)
                keys.extend(found)
                return source

            copy = rewritten(paths[name], tmp_path / f"{number}{paths[name].suffix}", change)
            told = contradicted(audited(read(copy), built.results, carried.woven(copy)))
            yield keys, told

    assert_all_named(name, rounds())


def test_any_altered_figure_of_the_pdf_is_found_and_named(built, paths):
    """The figures of a PDF have no keys: its text is altered as it is read, and aligned with the document it carries."""
    chance = random.Random("alter pdf")
    original = read(paths["pdf"])
    woven = carried.woven(paths["pdf"])
    twin = read_text(woven, "md", "the woven document")
    keyed = with_keys(original, twin)
    places = [(p.index, span) for p in keyed.passages for span in p.keys]

    def rounds() -> Iterator[tuple[list[str], set[str]]]:
        for _ in range(ROUNDS):
            passages = list(original.passages)
            chosen = chance.sample(places, ALTERED_AT_ONCE)
            for index, span in sorted(chosen, key=lambda place: -place[1].start):
                text = passages[index].text
                new = altered(text[span.start : span.end], chance)
                passages[index] = replace(passages[index], text=text[: span.start] + new + text[span.end :])
            told = contradicted(audited(replace(original, passages=tuple(passages)), built.results, woven))
            yield [span.key for _, span in chosen], told

    assert_all_named("pdf", rounds())


def test_two_arms_that_change_places_are_both_named(built, paths, tmp_path):
    chance = random.Random("swap")
    source = paths["html"].read_text(encoding="utf-8")
    places = {p["key"]: p for p in KEYED["html"].finditer(source) if p["key"].startswith("table.baseline.")}
    arms = [(place, places.get(key.replace(".favourable.", ".unfavourable."))) for key, place in places.items()]
    pairs = [(one, other) for one, other in arms if other and one["text"] != other["text"]]
    chosen = chance.sample(pairs, 40)
    edits = [(one.span("text"), other["text"]) for pair in chosen for one, other in (pair, pair[::-1])]
    for (start, end), text in sorted(edits, reverse=True):
        source = source[:start] + text + source[end:]
    copy = tmp_path / "swapped.html"
    copy.write_text(source, encoding="utf-8")
    told = contradicted(audited(read(copy), built.results, None))
    assert {place["key"] for pair in chosen for place in pair} == told


def split_run(run) -> None:
    """Write 68.7% over 66.7% as a word processor leaves it: in two runs of the same look."""
    second = copy_of(run._r)
    run.text = "68"
    run._r.addnext(second)
    for text in second.iter(qn("w:t")):
        text.text = ".7%"


def tracked(run) -> None:
    """Write 84.1% over 82.1% as a tracked change: the old run deleted, a new one inserted."""
    inserted, deleted = OxmlElement("w:ins"), OxmlElement("w:del")
    for number, mark in enumerate((inserted, deleted)):
        mark.set(qn("w:id"), str(9_000_000 + number))
        mark.set(qn("w:author"), "A co-author")
        mark.set(qn("w:date"), "2026-01-01T00:00:00Z")
    new = copy_of(run._r)
    for text in new.iter(qn("w:t")):
        text.text = "84.1%"
    run._r.addnext(inserted)
    inserted.append(new)
    run._r.addprevious(deleted)
    deleted.append(run._r)
    for text in deleted.iter(qn("w:t")):
        text.tag = qn("w:delText")


@pytest.mark.parametrize(
    ("edit", "old", "message"),
    [
        (split_run, "66.7%", "the text says 68.7%, but outcome.favourable.pct is 66.7%"),
        (tracked, "82.1%", "the text says 84.1%, but outcome.patency.pct is 82.1%"),
    ],
)
def test_a_percentage_that_a_co_author_changed_in_word_is_named_with_old_and_new(paths, built, tmp_path, edit, old, message):
    document = docx.Document(str(paths["docx"]))
    edit(next(Run(r, None) for r in document.element.body.iter(qn("w:r")) if Run(r, None).text == old))
    document.save(str(tmp_path / "edited.docx"))
    report = audit(tmp_path / "edited.docx", built.results)
    (changed,) = [f for f in report.told_apart if f.rule == "key"]
    assert message in changed.message and report.exit_code == 1


ABSTRACT = """\
A total of 78 patients were included. Intracranial atherosclerotic stenosis was the most common etiology (97.4%).
Seventy-seven patients (98.7%) were successfully recanalized. A favorable outcome was observed in 66.7% of patients.
Symptomatic intracranial hemorrhage and mortality were observed in 5.1% and 4.0% of patients, respectively. The stented
artery was patent in 82.1% of patients on follow-up angiography. A patent stent on follow-up angiography was an independent
factor for a favorable outcome (OR 87.6; 95% CI 4.77 to 1608.9; p=0.003). Maintenance of glycoprotein IIb/IIIa inhibitor
was associated with follow-up patency of the stented artery (OR 5.72; 95% CI 1.45 to 22.6; p=0.013).
"""


def test_every_figure_of_the_published_abstract_is_confirmed_by_the_example_study(built, tmp_path):
    path = tmp_path / "abstract.txt"
    path.write_text(ABSTRACT, encoding="utf-8")
    report = audit(path, built.results)
    verdicts = [j.verdict for j in report.judged if j.verdict != "conventional"]
    assert verdicts == ["confirmed"] * 9 and report.exit_code == 0
