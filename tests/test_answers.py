"""The books of answers read as they were written; `TIEOUT_GOLDEN=write` writes them anew, to be read as a diff."""

from __future__ import annotations

import pytest
from answers import BOOKS, book
from test_golden import golden


@pytest.mark.parametrize("name", BOOKS)
def test_a_book_of_answers_reads_as_it_was_written(name):
    found = book(name)
    written = golden(f"answers/{name}.txt", found).split("\n")
    changed = [(old, new) for old, new in zip(written, found.split("\n"), strict=False) if old != new]
    assert not changed, f"{len(changed)} lines are otherwise, the first of them:\n{changed[0][0]}\n{changed[0][1]}"
    assert found.count("\n") + 1 == len(written)
