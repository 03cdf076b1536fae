"""Tell a difference on a terminal, to a program, and for the owner's own eyes."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from tieout.audit.passages import INVISIBLE
from tieout.diff.compare import Change, Difference, Flip
from tieout.diff.records import Lines
from tieout.listing import UNPRINTABLE
from tieout.spreadsheet import as_csv, harmless

if TYPE_CHECKING:
    from rich.console import Console

NO_DIFFERENCE = "No difference."
ABSENT = "–"
MOST_SITES = 20
STATES = ("changed", "appeared", "disappeared")


def told(difference: Difference, width: int = 80, *, unquoted: bool = False) -> str:
    """Return a difference as text of at most `width` columns: claims that flipped, figures, records, definitions.

    Figures that no document quotes are counted, and listed where `unquoted` says so.
    """
    from rich.console import Console

    text = io.StringIO()
    console = Console(file=text, width=width, highlight=False, markup=False, emoji=False, color_system=None)
    for name, side in (("old", difference.old), ("new", difference.new)):
        put(console, f"{name}  {side.name}" + f"\n{side.stamp}" * bool(side.stamp), hanging=5)
    if difference.synthetic:
        put(console, difference.synthetic)
    put(console, f"\n{summary(difference)}")
    for flip in difference.claims:
        say_flip(console, flip)
    say_figures(console, difference.quoted, "\nFigures, in the order of the document")
    if difference.unquoted:
        where = "no document quotes" if difference.old.passages or difference.new.passages else "are in the results"
        put(console, f"\nFigures that {where}: {counted(difference.unquoted)}.")
        if unquoted:
            grid(console, difference.unquoted, 2)
    if difference.passages:
        n = difference.passages
        put(console, f"\nThe document: {n} passage{'s' * (n != 1)} differ{'s' * (n == 1)} in words or figures.")
    for table, lines in difference.records.items():
        say_records(console, table, lines)
    if difference.definitions:
        put(console, f"\nDefinitions: {len(difference.definitions)} changed")
    for each in difference.definitions:
        put(console, each.sentence, 2, hanging=2)
    if difference.notes:
        console.print()
    for note in difference.notes:
        put(console, f"note: {note}", hanging=6)
    return "\n".join(harmless_line(line) for line in text.getvalue().strip().split("\n")) + "\n"


def harmless_line(line: str) -> str:
    """Return a line without what a terminal takes for a command and without what turns the direction of text."""
    return UNPRINTABLE.sub("", INVISIBLE.sub("", line)).rstrip()


def summary(difference: Difference) -> str:
    """Return the whole in one sentence: how many claims, figures, records and definitions are otherwise."""
    broken = sum(not flip.holds for flip in difference.claims)
    parts = [
        f"{n} claim{'s' * (n != 1)} {verb}{'s' * (n == 1)} {rest}"
        for n, verb, rest in ((broken, "no longer hold", ""), (len(difference.claims) - broken, "hold", "again"))
        if n
    ]
    parts += [f"figures: {counted(difference.figures)}"] if difference.figures else []
    parts += [
        f"{table}: {lines.added} added, {lines.removed} removed, {lines.changed} changed"
        for table, lines in difference.records.items()
        if lines
    ]
    n = len(difference.definitions)
    parts += [f"{n} definition{'s' * (n != 1)} changed"] if n else []
    whole = "; ".join(part.strip() for part in parts) or ("only words of the document changed" if difference.passages else "")
    return whole[:1].upper() + whole[1:] + "." if whole else NO_DIFFERENCE


def put(console: Console, words: str, indent: int = 0, hanging: int = 0) -> None:
    """Print words set in by `indent` columns; the lines after the first `hanging` columns further."""
    from rich.padding import Padding
    from rich.text import Text

    lines = [row for line in words.split("\n") for row in Text(line).wrap(console, console.width - indent - hanging)]
    for k, row in enumerate(lines):
        console.print(Padding(row, (0, 0, 0, indent + (hanging if k else 0))))


def say_flip(console: Console, flip: Flip) -> None:
    verdict = "HOLDS AGAIN" if flip.holds else "NO LONGER HOLDS"
    put(console, f"\nClaim {flip.name}: {verdict}")
    put(console, f"“{flip.states}”", 2)
    for word, said in (("needs", flip.needs), ("was", flip.old), ("now", flip.new)):
        if said:
            put(console, f"{word}: {said}", 2, hanging=2)


def counted(changes: Sequence[Change]) -> str:
    """Return how many figures changed, appeared and disappeared, and how many print as before."""
    states = [change.state for change in changes if change.printed]
    parts = [f"{states.count(state)} {state}" for state in STATES if state in states]
    same = sum(not change.printed for change in changes)
    return ", ".join(parts + [f"{same} changed beyond the digits printed"] * bool(same))


def say_figures(console: Console, changes: Sequence[Change], heading: str) -> None:
    """Print figures under the place and the sentence that quotes them first."""
    if changes:
        put(console, f"{heading}: {counted(changes)}")
    shown = [change for change in changes if change.printed]
    for place, inside in groupby(shown, key=lambda c: c.quotes[0].place):
        put(console, f"\n{place}", 2)
        for text, together in groupby(inside, key=lambda c: c.quotes[0].text):
            put(console, text, 4)
            grid(console, list(together), 6)


def grid(console: Console, changes: Sequence[Change], indent: int) -> None:
    """Print figures as lines: how each was and is printed, its key, and in how many other places."""
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 1))
    for _ in range(3):
        table.add_column(max_width=22, overflow="fold")
    table.add_column(overflow="fold")
    for change in changes:
        also = len(change.quotes) - 1
        more = f" (and {also} more place{'s' * (also > 1)})" if also > 0 else ""
        table.add_row(Text(change.old or ABSENT), Text("→"), Text(change.new or ABSENT), Text(change.key + more))
    console.print(Padding(table, (0, 0, 0, indent)))


def say_records(console: Console, table: str, lines: Lines) -> None:
    """Print how many records were added, removed and changed, by variable and by site; no record is named."""
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    if not lines:
        return
    put(console, f"\nRecords of the {table}: {lines.added} added, {lines.removed} removed, {lines.changed} changed")
    if lines.by_variable:
        named = sorted(lines.by_variable.items(), key=lambda item: -item[1])
        put(console, "values changed: " + ", ".join(f"{name} {count}" for name, count in named), 2, hanging=2)
    sites = [(site, counts) for site, counts in lines.by_site.items() if site]
    if not sites:
        return
    grid_ = Table(box=None, padding=(0, 2, 0, 0), header_style="")
    grid_.add_column("site", overflow="fold")
    for name in ("added", "removed", "changed"):
        grid_.add_column(name, justify="right")
    for site, counts in sites[:MOST_SITES]:
        grid_.add_row(Text(site), *(str(count or ABSENT) for count in counts))
    console.print(Padding(grid_, (0, 0, 0, 2)))
    if len(sites) > MOST_SITES:
        put(console, f"and {len(sites) - MOST_SITES} more sites", 2)


def as_data(difference: Difference) -> dict[str, Any]:
    """Return a difference as plain data, without any record's number."""
    return {
        **{name: {"name": side.shown, "stamp": side.stamp} for name, side in (("old", difference.old), ("new", difference.new))},
        "synthetic": difference.synthetic,
        "differs": bool(difference.exit_code),
        "claims": [dataclasses.asdict(flip) for flip in difference.claims],
        "figures": [dataclasses.asdict(change) for change in difference.figures],
        "records": {table: of_lines(lines) for table, lines in difference.records.items()},
        "definitions": [dataclasses.asdict(each) for each in difference.definitions],
        "passages_changed": difference.passages,
        "notes": list(difference.notes),
    }


def of_lines(lines: Lines) -> dict[str, Any]:
    sites = {site: dict(zip(("added", "removed", "changed"), counts, strict=True)) for site, counts in lines.by_site.items() if site}
    told_ = {"added": lines.added, "removed": lines.removed, "changed": lines.changed, "by_variable": dict(lines.by_variable)}
    return {**told_, "by_site": sites, "problem": lines.problem}


def records_csv(difference: Difference) -> str:
    """Return every record that was added, removed or changed, with the variables that differ, as CSV.

    It names records: for the eyes of those who may see them, and for no output.
    """
    return as_csv([("table", "record", "what", "variables"), *named(difference)])


def named(difference: Difference) -> Iterator[tuple[str, ...]]:
    for table, lines in difference.records.items():
        yield from ((table, harmless(record), what, variables) for record, what, variables in lines.named)
