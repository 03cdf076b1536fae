"""Golden text: what is woven from the small study, word for word; `TIEOUT_GOLDEN=write` writes it anew, to be read as a diff."""

from __future__ import annotations

import os
import re
from pathlib import Path

from tieout import methods, strobe

GOLDEN = Path(__file__).parent / "golden"


def golden(name: str, text: str) -> str:
    path = GOLDEN / name
    if os.environ.get("TIEOUT_GOLDEN") == "write":
        path.write_text(text, encoding="utf-8")
    return path.read_text(encoding="utf-8")


def test_the_woven_document_is_word_for_word_as_it_was(small):
    text = small.build("html").document.text
    assert text == golden("small.qmd", text)


def test_the_statistical_paragraph_is_word_for_word_as_it_was(small):
    text = re.sub(r"\d+\.\d+\.\d+", "X", methods.paragraph(small.results().with_meta(double_programmed=["baseline"])))
    assert text + "\n" == golden("methods.md", text + "\n")


def test_the_strobe_checklist_names_sections_tables_and_figures_and_admits_what_is_not_reported():
    template = (
        '---\nstrobe: [1]\n---\n\n# Methods {#sec-m}\n\n## Patients {#sec-p strobe="6 13"}\n\n'
        '::: {#tbl-one strobe="14"}\n:::\n\n![x](y){#fig-a strobe="13"}\n'
    )
    places = strobe.places(template)
    assert places["1"] == ["Title and abstract"]
    assert places["6"] == ["Methods, Patients"]
    assert places["13"] == ["Methods, Patients", "Figure 1"]
    assert places["14"] == ["Table 1"]
    assert "Not reported" in strobe.checklist(template)
