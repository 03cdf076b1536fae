"""What can go wrong, by whose hand, and with which exit code.

Exit codes: 0 done; 1 the document or the figures do not tie out (a broken claim, two programs that disagree), or a site
has no report; 2 the input cannot be used (data, study file, document, folder); 3 a fault of Tieout's own, told by `cli.main`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class TieoutError(Exception):
    """An input that cannot be used: the place, what is wrong, and what to try."""

    exit_code = 2

    def __init__(self, place: str, problem: str, hint: str = "") -> None:
        super().__init__(place, problem, hint)
        self.place, self.problem, self.hint = place, problem, hint

    def __str__(self) -> str:
        return f"{self.place}  {self.problem}" + (f"\n    {self.hint}" if self.hint else "")


class DoesNotTieOut(TieoutError):
    """Figures that contradict each other or the words around them."""

    exit_code = 1


class Errors(TieoutError):
    """Several mistakes of one kind, told together so that they can be mended together."""

    shown = 20

    def __init__(self, errors: Iterable[TieoutError]) -> None:
        self.errors = tuple(errors)
        first = self.errors[0]
        super().__init__(first.place, first.problem, first.hint)
        self.exit_code = max(error.exit_code for error in self.errors)

    def __str__(self) -> str:
        lines = [str(error) for error in self.errors[: self.shown]]
        more = len(self.errors) - self.shown
        return "\n".join(lines + ([f"and {more} more of this kind"] if more > 0 else []))


def raise_all(errors: list[TieoutError]) -> None:
    """Raise the one error, or all of them together; do nothing when the list is empty."""
    if errors:
        raise errors[0] if len(errors) == 1 else Errors(errors)


def nearest(word: object, words: Iterable[object]) -> str:
    """Return "did you mean …?" with the nearest of `words`, or an empty string when none is near."""
    known = [str(w) for w in words]
    close = difflib.get_close_matches(str(word), known, n=3, cutoff=0.6)
    if not close:
        folded = {w.casefold(): w for w in known}
        close = [folded[str(word).casefold()]] if str(word).casefold() in folded else []
    return "did you mean " + " or ".join(f"'{w}'" for w in close) + "?" if close else ""


def some_of(words: Iterable[object], limit: int = 8) -> str:
    """Return the first few of `words` for a message, and how many more there are."""
    known = [str(w) for w in words]
    rest = f" and {len(known) - limit} more" if len(known) > limit else ""
    return ", ".join(known[:limit]) + rest
