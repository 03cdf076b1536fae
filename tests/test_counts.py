"""What a title page counts is what a reader would count by hand."""

from __future__ import annotations

import pytest

from tieout.counts import Counts, counts, told

WHOLE = """\
---
title: Not counted
abstract: |
  **Background** Three words.

  **Results** [66.7%]{.stat key="a"} had it.
---

Before the first heading.

# Introduction {#sec-introduction}

One two three [@chang2018; @baek2022], and @tbl-one says more [@chang2018].

::: {#tbl-one}
```{=html}
<table><tr><td>eleven twelve</td></tr></table>
```

A caption of five words.
:::

![Another caption.](figures/flow){#fig-flow fig-alt="Words that are read aloud"}

# Funding {.unnumbered}

None of these words.

# References {.unnumbered}

::: {#refs}
:::

# Checklist {.unnumbered}

::: {#tbl-checklist}
| A | B |
|---|---|
| 1 | 2 |

Where each item is reported
:::
"""


def test_a_manuscript_is_counted_as_journals_count():
    assert counts(WHOLE) == Counts(abstract=3 + 4, text=4 + 3 + 1 + 2 + 2, tables=1, figures=1, references=2)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0.5 to 0.9 – and more", 5),
        ("a well-known 3-month score", 4),
        ("- one\n- two\n\n> three", 3),
        ("A note^[of many words that is not counted] here", 3),
        ("::: {.callout-note}\n## Box\n\nwords in a box\n:::\n\nText", 1),
        ("# Heading of words\n\nText", 1),
        ("# Declarations {-}\n\n## Funding\n\nNone.\n\n# Methods\n\nCounted.", 1),
        ('::: {layout-ncol="2"}\n![A b c](a){#fig-a}\n\n![D e f](b){#fig-b}\n:::', 0),
        ("[[@tbl-a; @fig-b]]{.x} agree", 5),
    ],
)
def test_words_of_the_text_are_those_under_numbered_headings(text: str, words: int):
    assert counts(text).text == words


def test_figures_side_by_side_count_one_by_one_and_parts_of_a_figure_do_not():
    beside = '::: {layout-ncol="2"}\n![A](a){#fig-a}\n\n![B](b){#fig-b}\n:::\n'
    parts = '::: {#fig-both layout-ncol="2"}\n![A](a){#fig-a}\n\n![B](b){#fig-b}\n\nBoth\n:::\n'
    assert counts(beside).figures == 2
    assert counts(parts).figures == 1


def test_tables_at_the_end_count_where_the_text_refers_to_them():
    body = WHOLE.split("---\n", 2)[2]
    table = body[body.index("::: {#tbl-one}") : body.index("![Another")]
    moved = body.replace(table, "").replace("# Checklist", f"{table}# Checklist")
    assert counts(moved) == counts(body)


def test_the_line_of_a_title_page_names_every_count():
    told_line = told(Counts(abstract=250, text=3214, tables=4, figures=3, references=29))
    assert told_line == "Words: abstract 250, text 3,214. Tables: 4. Figures: 3. References: 29."
