"""Mistakes in the document: names that do not exist, claims that no longer hold, what cannot be typeset."""

from __future__ import annotations

from pathlib import Path

from bad_inputs.cases import Case, template

HTML = "build --formats html"
EMBEDDED = "build --formats html --engine embedded"
WHOLE = "Of [[ study.patients.n ]] patients"
ABSTRACT = "A good outcome was seen in [[ outcome.good | rate ]]."


def instead(name: str, text: str, **more: object) -> Case:
    """Return a case in which a text stands in the Results."""
    return template(name, WHOLE, f"{text}\n\n{WHOLE}", **more)


def whole(name: str, text: str | bytes | None) -> Case:
    return Case(name, HTML, files={"m.qmd": text})


def linked_picture(folder: Path) -> None:
    """A picture beside the document is a link to a file elsewhere."""
    (folder / "scan.png").symlink_to("/etc/hostname")


def folder_in_place(folder: Path) -> None:
    """m.qmd is a folder."""
    (folder / "m.qmd").unlink()
    (folder / "m.qmd").mkdir()


CASES = (
    Case("a folder in place of a document", "build", prepared=folder_in_place),
    whole("a document that is not there", None),
    whole("an empty document", ""),
    whole("a document saved as UTF-16", "---\ntitle: A\n---\n".encode("utf-16")),
    whole("a Word file under the name of a document", b"PK\x03\x04\x14\x00\x06\x00"),
    whole("a front matter that is never closed", "---\ntitle: A small study\n\n# Results\n"),
    whole("a front matter that is no YAML", "---\ntitle: [A\n---\n\n# Results\n"),
    whole("a front matter of one word", "---\nmanuscript\n---\n\n# Results\n"),
    whole("a title with a colon and no quotes", "---\ntitle: Stenting: a registry\n---\n\n# Results\n"),
    instead("a figure misspelt", "There were [[ outcome.good.pctt ]]."),
    instead("an outcome misspelt", "There were [[ outcome.god.pct ]]."),
    instead("a key of nothing", "There were [[ frequency ]]."),
    instead("two figures misspelt", "There were [[ outcome.good.pctt ]] and [[ modell.good.age ]]."),
    instead("a way of writing misspelt", "There were [[ outcome.good | n_pctt ]]."),
    instead("a way of writing that a figure has no parts for", "The odds were [[ outcome.good | estimate_ci ]]."),
    template("a figure of the abstract misspelt", ABSTRACT, "It was seen in [[ outcome.good | rat ]]."),
    instead("a bracket that is never closed", "There were [[ outcome.good.n ."),
    instead("a condition misspelt", "[% if condition.comon %]often[% endif %]"),
    instead("a condition that never ends", "[% if condition.common %]often"),
    instead("an end without its beginning", "often[% endif %]"),
    instead("a claim misspelt", "[% claim fien %]It was good.[% endclaim %]"),
    instead("a claim that never ends", "[% claim fine %]It was good."),
    instead("a loop", "[% for site in sites %]x[% endfor %]"),
    instead("a sum", "There were [[ outcome.good.n + 1 ]]."),
    instead("a call", "There were [[ open('/etc/passwd').read() ]]."),
    instead("an include", "[% include 'other.qmd' %]"),
    instead("a table misspelt", "[[ tables.baselin ]]"),
    instead("a table of nothing", "[[ tables ]]"),
    Case("a claim that no longer holds", "build", (("study.yaml", "outcome.good.pct > 10", "outcome.good.pct > 90"),)),
    instead("a claim that nobody declared", "[% claim finer %]It was good.[% endclaim %]"),
    instead("a figure that is not estimable", "The odds were [[ model.good.sex_2.estimate ]]."),
    instead("a reference to a table that is not there", "See @tbl-baselin.", command=HTML),
    instead("a reference to a figure that is not there", "See @fig-flow.", command=HTML),
    instead("a citation without a bibliography", "As before [@smith2020].", command=HTML),
    instead("a picture that is not there", "![A scan](scan.png){#fig-scan}", command=HTML),
    instead("a picture from the network", "![A scan](https://example.org/scan.png){#fig-scan}", command=HTML),
    instead("a picture of no known kind", "![A scan](study.yaml){#fig-scan}", command=HTML),
    instead("a picture outside the folder", "![A scan](../../etc/hostname){#fig-scan}", command=HTML),
    instead("a picture that is a link", "![A scan](scan.png){#fig-scan}", command=HTML, prepared=linked_picture),
    instead("a picture without an identifier", "![A scan](scan.png)", command=HTML),
    instead("a cell of R", "```{r}\nsummary(x)\n```", command=EMBEDDED),
    instead("a number by R in the text", "There were `r nrow(x)` patients.", command=EMBEDDED),
    instead("a shortcode that only Quarto knows", "{{< include other.qmd >}}", command=EMBEDDED),
    instead("raw LaTeX", "\\newpage", command=EMBEDDED),
    instead("raw HTML that is no table", "<iframe src='https://example.org'></iframe>", command=HTML),
    instead("raw Typst", '```{=typst}\n#read("/etc/passwd")\n```', command=HTML),
    instead("a script in a link", "[more](javascript:alert%281%29)", command=HTML),
    instead("an attribute that runs", '[more]{onclick="alert(1)"}', command=HTML),
    instead("a div that is never closed", "::: {#tbl-other}\n\nA table", command=HTML),
    instead("a caption without an identifier", "| a | b |\n|---|---|\n| 1 | 2 |\n\n: A table of ours", command=HTML),
    template("a bibliography that is not there", "abstract: |", "bibliography: missing.bib\nabstract: |", command=HTML),
    template("a bibliography from the network", "abstract: |", "bibliography: https://example.org/a.bib\nabstract: |",
             command=HTML),
)  # fmt: skip
