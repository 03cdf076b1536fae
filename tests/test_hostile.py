"""What comes from outside may be made to do harm: each test makes the attack, and nothing is read, run, fetched or blown up."""

from __future__ import annotations

import pytest
from conftest import STUDY, TEMPLATE
from test_weave import woven

from tieout import study
from tieout.errors import Errors, TieoutError

ALIASES = "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10) if i else '1'}]\n" for i in range(12))
DEEP = "[" * 1000 + "]" * 1000


def one_paragraph(error: BaseException) -> str:
    """Return what an error says, which must be short, name a place, and be no traceback."""
    told = str(error.errors[0] if isinstance(error, Errors) else error)
    assert len(told) < 1500 and "Traceback" not in told and error.place
    return told


# Templates


@pytest.mark.parametrize(
    "text",
    [
        "[[ cycler.__init__.__globals__ ]]", "[[ lipsum.__globals__ ]]", "[[ namespace() ]]", "[[ joiner ]]", "[[ self ]]",
        "[[ range(10**9) ]]", "[[ '' | attr('__class__') ]]", "[[ '{0.__class__}'.format(outcome) ]]", "[[ tables.one.join ]]",
        "[[ tables.one.format(1) ]]", "[[ tables['one']['format'] ]]", "[[ ('x').center(9) ]]", "[[ condition.old.real ]]",
        "[[ outcome.success._results ]]", "[% include '/etc/passwd' %]", "[% import '/etc/passwd' as x %]",
        "[% extends '/etc/passwd' %]", "[% macro a() %][[ a() ]][% endmacro %][[ a() ]]", "[[ __claim('matters', 1) ]]",
        "[[ outcome.success.pct() ]]", "[[ caller() ]]", "[[ 'x' is callable ]]", "[[ 4 is divisibleby(0) ]]",
    ],
)  # fmt: skip
def test_a_template_cannot_leave_its_language(tmp_path, text):
    with pytest.raises(TieoutError) as refused:
        woven(tmp_path, text)
    assert "m.qmd" in one_paragraph(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "[[ 9**9**9**9 ]]", "[[ 'x' * 10**10 ]]", "[[ '%1000000000d' % 1 ]]", "[[ 1/0 ]]", "[[ 'x' ~ 'x' ]]", "[[ 'x' + 1 ]]",
        "[% for x in outcome.success.pct %]a[% endfor %]", "[% for a in 'xxxxxxxxxx' %]" * 9 + "[% endfor %]" * 9,
        "[% set a %]xx[% endset %]" + "[% set a %][[ a ]][[ a ]][% endset %]" * 40,
        "[% with a = [1, 2] %]" + "[% with a = [a, a] %]" * 40 + "[[ a ]]" + "[% endwith %]" * 41,
        "[[ " + "(" * 500 + "1" + ")" * 500 + " ]]", "[[ " + "not " * 3000 + "1 ]]", "[[ " + "9" * 5000 + " ]]",
        "[% if 1 in outcome.success.pct %]x[% endif %]",
    ],
    ids=range(14),
)  # fmt: skip
def test_a_template_cannot_run_for_ever_or_grow_beyond_measure(tmp_path, text):
    with pytest.raises(TieoutError) as refused:
        woven(tmp_path, text)
    assert "m.qmd" in one_paragraph(refused.value)


@pytest.mark.parametrize(
    "rule",
    [
        "9**9**9**9 > 1", "'x' * 10**10 == ''", "1/0 > 1", "().__class__.__mro__", "outcome.success.pct.__class__",
        "'a'.join(['x']) == 'x'", "outcome.success.pct() > 1", "'x' | attr('__class__')", "not " * 3000 + "true",
        "1 in outcome.success.pct", "x ]] [[ 1", "outcome.success.pct > 9" + "9" * 5000,
    ],
    ids=range(12),
)  # fmt: skip
def test_a_condition_cannot_run_code_or_explode(tmp_path, rule):
    with pytest.raises(TieoutError) as refused:
        woven(tmp_path, "x", conditions={"old": rule})
    assert "conditions › old" in one_paragraph(refused.value)


@pytest.mark.parametrize(
    "rule",
    [
        "__import__('os').system('true') == 0", "age.__class__ == 1", "(lambda: 1)() == 1", "[x for x in (1,)] == 1",
        "age == 9**9**9", "age + 1 > 2", "f'{age}' == 'x'", "age > 1" + " and age > 1" * 1000, "(" * 900 + "age > 1" + ")" * 900,
        "age := 1", "age > " + "9" * 1500, "days(age, age) > 1", "known(open('/etc/passwd'))",
    ],
    ids=range(13),
)  # fmt: skip
def test_a_rule_over_the_data_cannot_run_code_or_explode(small, rule):
    small.write("study.yaml", STUDY + f"checks: {{bad: {{expect: \"{rule}\", label: Bad}}}}\n")
    with pytest.raises(TieoutError) as refused:
        study.read(small.study)
    assert "checks › bad" in one_paragraph(refused.value)


# YAML


def front(line: str) -> str:
    return TEMPLATE.replace("---\n", f"---\n{line}\n", 1)


@pytest.mark.parametrize("name", ["study.yaml", "m.qmd", "j.yaml"])
@pytest.mark.parametrize(
    "text",
    [
        ALIASES, "x: &x [*x]\n", f"x: {DEEP}\n", f"x: {'{a: ' * 3000}1{'}' * 3000}\n", "x: !!python/object/apply:os.system [a]\n",
        "x: !!python/name:os.system\n", "x: !!float y\n", "x: !!timestamp y\n", f"x: {'9' * 20_000}\n", "x: *nothing\n",
    ],
    ids=["aliases", "itself", "deep", "deep map", "call", "name", "float", "moment", "number", "dangling"],
)  # fmt: skip
def test_yaml_cannot_explode_or_make_objects(small, name, text):
    whole = {"study.yaml": STUDY + text, "m.qmd": front(text), "j.yaml": text}
    small.write(name, whole[name])
    if name == "j.yaml":
        small.change("study.yaml", "title:", "journal: j.yaml\ntitle:")
    with pytest.raises(TieoutError) as refused:
        small.build("html")
    assert name in one_paragraph(refused.value)


def test_aliases_that_merely_repeat_a_list_of_levels_are_read(small):
    small.change("study.yaml", "range: [18, 110], missing: {-99: unknown}", "range: [18, 110], missing: &gone {-99: unknown}")
    small.change("study.yaml", "2: Female}, missing: {-99: unknown}", "2: Female}, missing: *gone")
    assert study.read(small.study).variables["sex"].missing == {"-99": "unknown"}


def test_a_study_file_that_is_too_large_is_not_read(small):
    with pytest.raises(TieoutError, match="more than 5,000,000 bytes"):
        study.read(small.write("study.yaml", STUDY.replace("A small study", "A" * 5_000_000)).study)
