"""What a notebook shows: results, their statistics and their tables as a page's HTML, every word escaped."""

from __future__ import annotations

import html
from collections import Counter
from dataclasses import dataclass
from shutil import get_terminal_size

from tieout import elsewhere, grid
from tieout.results import Results

NARROWEST = 100
"""Characters on which a table can still be read."""


@dataclass(frozen=True)
class Shown:
    """A table for a notebook, and for print as text."""

    made: str
    under: tuple[str, ...]

    def _repr_html_(self) -> str:
        table = self.made.removeprefix("```{=html}\n").removesuffix("\n```")
        return table + "".join(f"<p><small>{html.escape(line)}</small></p>" for line in self.under)

    def __str__(self) -> str:
        from rich.box import SIMPLE_HEAD
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        found = grid.parsed(self.made)
        head, *body = found.flat
        drawn = Table(box=SIMPLE_HEAD, pad_edge=False)
        for words in head:
            drawn.add_column(Text(words), overflow="fold")
        for row in body:
            drawn.add_row(*map(Text, row))
        console = Console(color_system=None, width=max(get_terminal_size().columns, NARROWEST))
        with console.capture() as written:
            console.print(drawn)
        return written.get() + "\n".join([*found.notes, *self.under])


def table(results: Results, name: str) -> Shown:
    """Return a table of results by the name under which a template inserts it; raise TieoutError for an unknown name."""
    return Shown(elsewhere.table(results, name), tuple(elsewhere.stamps(results)))


def summary(results: Results) -> str:
    """Return what results are of: study, stamps, how many statistics in which context, and the tables that can be shown."""
    contexts = Counter(s.key.partition(".")[0] for s in results)
    told = {
        "study": results.meta.get("title", ""), "data": "; ".join(elsewhere.stamps(results)),
        "statistics": f"{len(results)}: " + ", ".join(f"{name} {count}" for name, count in contexts.items()),
        "tables": ", ".join(elsewhere.every(results)),
    }  # fmt: skip
    rows = "".join(f"<tr><th>{name}</th><td>{html.escape(str(words))}</td></tr>" for name, words in told.items())
    return f"<table>{rows}</table>"
