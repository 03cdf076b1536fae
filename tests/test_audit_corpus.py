"""The scored corpus: typed recall and precision, planted errors found, no contradiction on any correct text."""

from __future__ import annotations

from collections import Counter

import pytest
from corpus_of import Entry, entries

from tieout.audit.extract import extract
from tieout.audit.quoted import Quoted
from tieout.audit.read import read_text
from tieout.audit.rules import judge

PARTS = ("count", "total", "percent", "estimate", "low", "high", "sd", "p")
RECALL, PRECISION, PLANTED_KINDS = 0.97, 0.97, 10 / 12


def annotated(figure: dict) -> tuple:
    parts = tuple((part, float(figure[part])) for part in PARTS if figure.get(part) is not None)
    return (figure["kind"], parts, figure.get("p_operator", "=") if figure.get("p") is not None else None)


def extracted(figure: Quoted) -> tuple:
    parts = tuple((part, number.value) for part in PARTS if (number := getattr(figure, part)) is not None)
    return (figure.kind, parts, (figure.p.sign or "=") if figure.p else None)


def figures_of(entry: Entry) -> list[Quoted]:
    return [f for f in extract(read_text(entry.text, "md", entry.name)) if f.kind != "conventional"]


@pytest.fixture(scope="module")
def scored() -> dict[str, tuple[Counter, Counter]]:
    return {
        entry.name: (Counter(map(annotated, entry.figures)), Counter(map(extracted, figures_of(entry))))
        for entry in entries()
    }


def test_typed_recall_and_precision(scored):
    rows: dict[str, list[int]] = {}
    for wanted, got in scored.values():
        for figure, count in wanted.items():
            row = rows.setdefault(figure[0], [0, 0, 0])
            row[0] += count
            row[1] += min(count, got[figure])
        for figure, count in got.items():
            rows.setdefault(figure[0], [0, 0, 0])[2] += count
    print("\nkind             annotated  found  extracted  recall  precision")
    for kind, (wanted, found, got) in sorted(rows.items()):
        print(f"{kind:16} {wanted:9} {found:6} {got:10} {found / max(wanted, 1):7.1%} {found / max(got, 1):9.1%}")
    wanted, found, got = (sum(row[i] for row in rows.values()) for i in range(3))
    print(f"{'all':16} {wanted:9} {found:6} {got:10} {found / wanted:7.1%} {found / got:9.1%}")
    assert found / wanted >= RECALL
    assert found / got >= PRECISION


@pytest.mark.parametrize("entry", [e for e in entries() if not e.planted], ids=lambda e: e.name)
def test_no_correct_text_is_contradicted(entry):
    wrong = [f for f in judge(extract(read_text(entry.text, "md", entry.name))) if f.verdict == "contradicted"]
    assert not wrong, [(f.rule, f.message, [q.text for q in f.figures]) for f in wrong]


def test_planted_errors_are_found():
    kinds: dict[str, list[bool]] = {}
    for entry in entries():
        if entry.planted:
            findings = judge(extract(read_text(entry.text, "md", entry.name)))
            told = [f for f in findings if f.verdict in ("contradicted", "query")]
            wrong = entry.planted["figure"].replace("\\", "")
            hit = any(wrong in figure.text or figure.text in wrong for finding in told for figure in finding.figures)
            kinds.setdefault(entry.planted["kind"], []).append(hit)
    print("\nplanted error                found")
    for kind, hits in sorted(kinds.items()):
        print(f"{kind:28} {sum(hits)} of {len(hits)}")
    found = [kind for kind, hits in kinds.items() if sum(hits) > len(hits) / 2]
    assert len(kinds) >= 12 and len(found) / len(kinds) >= PLANTED_KINDS
