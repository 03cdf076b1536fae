"""Turn a clinical registry into its manuscript, so that every reported figure ties out to the data."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tieout.notebook import Shown
    from tieout.results import Results

__version__ = "0.1.0"


def read_results(path: str | Path = "build/results.json") -> Results:
    """Return the results of a build; raise TieoutError where there are none."""
    from pathlib import Path

    from tieout.results import load

    return load(Path(path))


def table(results: Results, name: str) -> Shown:
    """Return a table of results, which a notebook shows and print writes; raise TieoutError for an unknown name."""
    from tieout import notebook

    return notebook.table(results, name)
