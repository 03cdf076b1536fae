"""Whatever comes: data, study files, documents and conditions are used, or refused in one paragraph; never anything else."""

from __future__ import annotations

import contextlib
import re

import pytest
from conftest import DATA, STUDY, TEMPLATE, Small
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from test_weave import results, woven

from tieout import readers, registry, study, weave
from tieout.display import Profile, number, profile_of, spelled
from tieout.errors import TieoutError

often = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
seldom = settings(often, max_examples=60)

# Documents

LANGUAGE = [
    "[[ outcome.success.pct ]]",
    "[[ outcome.success.n ]]",
    "[[ model.x.age | p ]]",
    "[% if condition.old %]",
    "[% else %]",
    "[% endif %]",
    "[% claim matters %]",
    "[% endclaim %]",
    "[## a remark ##]",
    "[[",
    "]]",
    "[%",
    "%]",
    "[[ tables.one ]]",
    "[[ 7 ]]",
    "[[ x | y ]]",
    "[[ outcome.success | n_pct ]]",
    "\n\n",
    "# Heading",
    "A sentence. ",
    '{.stat key="a"}',
    "```",
    "---",
    "|",
    "<b>",
    "$x$",
    "é",
    "\\",
]
PROSE = st.text(st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters="[]%#\\"), max_size=60)


@often
@given(st.lists(st.sampled_from(LANGUAGE) | PROSE, max_size=12).map("".join))
@example("[% claim matters %][% claim matters %]x[% endclaim %][% endclaim %]")
def test_any_document_is_woven_or_refused_with_its_place(tmp_path, text):
    try:
        document = woven(tmp_path, text)
    except TieoutError as refused:
        assert "m.qmd" in refused.place or refused.place.startswith(("outcome.", "model."))
        assert "Traceback" not in str(refused) and all(len(str(each)) < 600 for each in getattr(refused, "errors", [refused]))
    else:
        assert set(document.keys) <= {s.key for s in results()}


@often
@given(PROSE, PROSE)
def test_what_is_not_the_template_language_stays_as_it_was_typed(tmp_path, before, after):
    plain = re.compile(r"\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
    before, after = plain.sub(" ", before), plain.sub(" ", after)
    text = f"We saw {before} [[ outcome.success.pct ]] {after} of them."
    assert woven(tmp_path, text).text == f'We saw {before} [98.7%]{{.stat key="outcome.success.pct"}} {after} of them.'


CONDITION = st.lists(
    st.sampled_from(
        [
            *"outcome.success.pct model.x.age.p model.x.sex.p nothing < > <= == and or not ( )".split(),
            *"0.05 1e400 'a' in is None [ ] , . ** %".split(),
        ]
    ),
    max_size=9,
).map(" ".join)


@often
@given(CONDITION | st.text(max_size=40))
def test_any_condition_holds_or_not_or_is_refused(text):
    try:
        assert weave.judge({"it": text}, results(), Profile(), "study.yaml")["it"] in (True, False)
    except TieoutError as refused:
        assert str(refused).startswith("study.yaml")


# Data


@pytest.mark.parametrize("ending", sorted(readers.READERS))
@seldom
@given(data=st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
@example(data=DATA.encode("utf-16"))
@example(data=DATA.encode()[:-7])
@example(data=b"PK\x03\x04" + bytes(60))
@example(data=b"PAR1" + bytes(60) + b"PAR1")
def test_any_bytes_under_any_ending_are_a_table_or_no_table(small: Small, ending, data):
    small.write(f"any{ending}", data).write("study.yaml", STUDY.replace("data.csv", f"any{ending}"))
    try:
        found = registry.read(study.read(small.study))
    except TieoutError as refused:
        assert f"any{ending}" in str(refused) and "Traceback" not in str(refused)
    else:
        assert len(found.frame)


CELL = st.sampled_from(
    [
        "",
        "1",
        "2",
        "-99",
        "61",
        "1e3",
        "3,5",
        "NaN",
        "2024-01-03",
        "03.01.2024",
        "=1+1",
        "a",
        " 7 ",
        "99999999999999999999",
        "\u0661",
        '"',
    ]
)


@seldom
@given(st.lists(st.lists(CELL, min_size=6, max_size=6), min_size=1, max_size=8))
def test_any_cells_are_read_or_the_file_is_refused(small: Small, rows):
    lines = [
        "id,site,day,age,sex,mrs",
        *(",".join(['"' + cell.replace('"', '""') + '"' for cell in row]) for row in rows),
    ]
    small.write("data.csv", "\n".join(lines) + "\n")
    try:
        found = registry.read(study.read(small.study))
    except TieoutError as refused:
        assert "data.csv" in str(refused)
    else:
        assert len(found.frame) == len([row for row in rows if any(cell.strip() for cell in row)])


# The study file

LINES = STUDY.splitlines()


@often
@given(
    st.integers(0, len(LINES) - 1), st.sampled_from(["drop", "double", "blank", "indent", "cut"]), st.integers(0, 60)
)
def test_a_study_file_with_any_line_spoilt_is_read_or_refused_with_its_line(small: Small, at, how, place):
    line = LINES[at]
    spoilt = {"drop": [], "double": [line, line], "blank": [""], "indent": [" " + line], "cut": [line[:place]]}[how]
    small.write("study.yaml", "\n".join([*LINES[:at], *spoilt, *LINES[at + 1 :]]) + "\n")
    try:
        assert study.read(small.study).name
    except TieoutError as refused:
        assert "study.yaml" in str(refused) and "Traceback" not in str(refused)


@often
@given(st.text(max_size=120))
def test_any_text_as_a_front_matter_is_read_or_refused(small: Small, text):
    small.write("m.qmd", f"---\n{text}\n---\n\n{TEMPLATE.partition('---')[2].partition('---')[2]}")
    from tieout.render import document

    try:
        assert isinstance(document.read(small.folder, "m").front, dict)
    except TieoutError as refused:
        assert "m.qmd" in str(refused)


# Display


@often
@given(
    st.decimals(-(10**9), 10**9, allow_nan=False, places=6),
    st.integers(0, 4),
    st.sampled_from([".", ",", "·"]),
    st.sampled_from(["", ",", "\u2009", " "]),
)
def test_a_number_written_in_any_style_reads_as_the_number_it_was_rounded_to(value, decimals, point, thousands):
    profile = Profile(decimal_point=point, thousands=thousands if thousands != point else "")
    text = number(value, decimals, profile)
    read = text.lstrip("<>").replace(profile.thousands or "\0", "").replace(point, ".").replace(profile.minus, "-")
    unit = 10.0**-decimals
    if text[0] in "<>":
        assert 0 < abs(value) < unit / 2 and abs(float(read)) == pytest.approx(unit)
    else:
        assert abs(float(read) - float(value)) <= unit / 2 * (1 + 1e-9)


@often
@given(st.integers(0, 999_999))
def test_numbers_in_words_are_distinct_and_read_back_by_the_audit(value):
    from tieout.audit.extract import extract
    from tieout.audit.read import read_text

    found = [q for q in extract(read_text(f"There were {spelled(value)} patients.", "md", "words")) if q.count]
    assert [q.count.value for q in found] == [value]


@often
@given(
    st.dictionaries(
        st.sampled_from(["profile", "confidence", "journal"]),
        st.none() | st.text(max_size=9) | st.dictionaries(st.text(max_size=9), st.text(max_size=9)),
    )
)
def test_a_profile_from_outside_is_one_or_is_refused(meta):
    with contextlib.suppress(ValueError, TypeError):
        assert isinstance(profile_of(meta), Profile)
