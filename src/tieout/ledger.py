"""The ledger of a document: every figure that it quotes, with what it counts, how it was made, where it stands, and its key."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby, takewhile

from tieout import keyed
from tieout.display import Profile
from tieout.results import Results, Statistic
from tieout.strobe import ANCHOR, HEADING
from tieout.tables import Notes, assembled

KEYED = re.compile(r'\{\.stat key="(?P<text>[^"]+)"\}|data-key="(?P<cell>[^"]+)"')
CLOSED = re.compile(r"^:{3,}\s*$")
HEADS = ("Figure", "What it is", "n/N", "How it was made", "Also in", "Key")


def quoted(woven: str) -> Iterator[tuple[str, str]]:
    """Yield each key that a woven document quotes, with where: the abstract, a section, or a table or figure by its number."""
    place, table, counted = "Abstract", "", {"tbl": 0, "fig": 0}
    for line in woven.split("\n"):
        heading = HEADING.match(line)
        anchor = ANCHOR.search(line)
        if heading and not table:
            place = heading["words"].strip()
        elif anchor:
            counted[anchor["kind"]] += 1
            if anchor["kind"] == "tbl":
                table = f"Table {counted['tbl']}"
        elif CLOSED.match(line):
            table = ""
        for found in KEYED.finditer(line):
            yield found["text"] or found["cell"], table or place


def places(woven: str) -> dict[str, list[str]]:
    """Return for each key where a document quotes it, in the order of the document, each place once."""
    found: dict[str, dict[str, None]] = {}
    for key, place in quoted(woven):
        found.setdefault(key, {})[place] = None
    return {key: list(inside) for key, inside in found.items()}


def ledger(woven: str, results: Results, profile: Profile) -> str:
    """Return the ledger as a table, figures under the place where they stand first; those of one result share a row."""
    known = [(where, results[key]) for key, where in places(woven).items() if key in results]
    body: list[str] = []
    before = ""
    for (first, _), run in groupby(known, lambda found: (found[0][0], found[1].key.rpartition(".")[0])):
        result = list(run)
        others = dict.fromkeys(where for wheres, _ in result for where in wheres[1:])
        body += [place(first)] if first != before else []
        body.append(entry([statistic for _, statistic in result], list(others), profile))
        before = first
    head = "".join(f'<th scope="col">{word}</th>' for word in HEADS)
    return assembled(f"<tr>{head}</tr>", body, Notes(), len(HEADS))


def place(words: str) -> str:
    return f'<tr class="section"><td colspan="{len(HEADS)}"><strong>{keyed.literal_html(words)}</strong></td></tr>'


def entry(result: list[Statistic], others: list[str], profile: Profile) -> str:
    """Return the row of one result: its figures, what they are, whom they count, how they were made, and their keys."""
    shown = ", ".join(profile.not_estimable if s.error else keyed.html_cell([s], profile) for s in result)
    sized = next((s for s in result if s.n is not None and s.total is not None), None)
    size = keyed.html_span(sized.key, f"{sized.n}/{sized.total}") if sized else ""
    how = dict.fromkeys(words for s in result for words in (s.error, s.method, s.warning) if words)
    what, how_made, also = map(keyed.literal_html, (told(result), keyed.curly("; ".join(how)), ", ".join(others)))
    stem, _, _ = result[0].key.rpartition(".")
    names = [s.key.rpartition(".")[2] for s in result]
    key = f"{stem}.{names[0]}" if len(names) == 1 else f"{stem}.({', '.join(names)})"
    cells = (shown, what, size, how_made, also, f"<code>{breakable(key)}</code>")
    return f"<tr>{''.join(f'<td>{each}</td>' for each in cells)}</tr>"


def told(result: list[Statistic]) -> str:
    """Return what all figures of a result are: the words with which their labels begin, and the group."""
    common = [same[0] for same in takewhile(lambda same: len(set(same)) == 1, zip(*(s.label.split() for s in result), strict=False))]
    label = " ".join(common).rstrip(",:") or result[0].label
    group = result[0].group_label
    return f"{label}, {group}" if group and group not in label else label


def breakable(key: str) -> str:
    """Return a key that may break after its dots."""
    return keyed.literal_html(key).replace(".", ".&#8203;")
