"""What the audit speaks of: passages of a manuscript, the figures quoted in them, and findings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

PassageKind = Literal["title", "heading", "paragraph", "caption", "cell", "note"]
QuotedKind = Literal[
    "count", "count_of_total", "percent", "ratio_ci", "difference_ci", "auc_ci", "median_iqr", "mean_sd", "p_value",
    "conventional",
]  # fmt: skip
Verdict = Literal["confirmed", "consistent", "contradicted", "query", "untraceable", "conventional"]


@dataclass(frozen=True, slots=True)
class KeyedSpan:
    """A stretch of a passage, by its offsets, that carries the key of a statistic."""

    start: int
    end: int
    key: str


@dataclass(frozen=True, slots=True)
class Passage:
    """One paragraph, heading, caption, table cell or note, as one line of text with single spaces.

    `index` counts passages from 0; `page` counts from 1 where the format has pages. `section` is the trail of headings
    above it. A cell knows its `table` (from 1), `row` and `column` (from 0, spans resolved), the words of its row header
    and of its column headers from the top down, and the caption of its table.
    """

    text: str
    kind: PassageKind
    index: int
    section: tuple[str, ...] = ()
    page: int | None = None
    table: int | None = None
    row: int | None = None
    column: int | None = None
    row_header: str = ""
    column_headers: tuple[str, ...] = ()
    caption: str = ""
    keys: tuple[KeyedSpan, ...] = ()


@dataclass(frozen=True)
class Manuscript:
    """A manuscript as passages in reading order, and what could not be read of it."""

    name: str
    format: str
    passages: tuple[Passage, ...]
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Number:
    """A number as printed: its value, the decimals it shows, and the sign before it ("", "<", ">", "≤", "≥")."""

    value: float
    decimals: int = 0
    sign: str = ""
    text: str = ""


@dataclass(frozen=True)
class Quoted:
    """A figure found in a manuscript: its parts, its exact text, and where it stands.

    Parts that belong together are one record: "OR 87.6; 95% CI 4.77 to 1608.9; p=0.003" is one `ratio_ci` with
    estimate, low, high and p. `measure` says which ratio, difference or area (OR, aOR, HR, RR, IRR, RD, AUC). `words`
    are those of the sentence around it; `group` what the text or the column says it is of; `key` the statistic whose key
    survived, if any. `inherited` says that the total is that of the column header, not printed with the figure itself.
    `convention` says what a conventional number is ("year", "confidence level", "table number").
    """

    kind: QuotedKind
    text: str
    passage: Passage
    start: int
    end: int
    estimate: Number | None = None
    low: Number | None = None
    high: Number | None = None
    p: Number | None = None
    count: Number | None = None
    total: Number | None = None
    percent: Number | None = None
    sd: Number | None = None
    measure: str = ""
    confidence: float | None = None
    words: str = ""
    group: str = ""
    key: str = ""
    inherited: bool = False
    convention: str = ""


@dataclass(frozen=True)
class Finding:
    """What the audit says: the rule, the verdict, the figures it is about, why, what was expected, what would explain it.

    A rule that could judge its figures and found nothing against them says so with the verdict `consistent`.
    """

    rule: str
    verdict: Verdict
    figures: tuple[Quoted, ...]
    message: str
    expected: str = ""
    explanation: str = ""
    key: str = ""
    candidates: tuple[str, ...] = field(default=())
