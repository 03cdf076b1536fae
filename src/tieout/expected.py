"""What YAML and pydantic find wrong, in the words of an error of ours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ruamel.yaml.error import MarkedYAMLError

IN_QUOTES = "put the text in quotes"
COLON = "put a text that holds a colon in quotes; or is a colon or a closing quote missing before?"
YAML_SAYS = (
    (r"character '\\t'", False, "a tab stands where blanks are expected", "indent with blanks"),
    (r"found character '(.)'", False, "a text begins with {0}, a sign of YAML's own", IN_QUOTES),
    (r"found undefined alias|expected alphabetic", False, "a text begins with * or &, signs of YAML's own", IN_QUOTES),
    (r"expected ',' or", True, "the bracket that opens here is never closed, or lacks a comma", "look at brackets and commas"),
    (r"unexpected end of stream", True, "the quote that opens here is never closed", "close it in the same line"),
    (r"unknown escape character", False, "a backslash stands in double quotes", "use single quotes"),
    (r"mapping values", False, "a colon stands where none can", COLON),
    (r"sequence entries", False, "a dash begins a list in the middle of a line", f"a text? {IN_QUOTES}"),
    (r"could not find expected ':'", True, "a line has no colon", "write key: value"),
    (r"<block end>.*(scalar|[]}])", False, "there is more behind the end of a text or a bracket", "look at quotes and brackets"),
    (r"<block end>", False, "this line is indented otherwise than those it belongs to", "begin all lines of a list in one column"),
    (r"another document", False, "'---' begins a second document", "keep one"),
)
"""What ruamel says, whether the place is where its reading began, what that means, and what to try."""

SAYS = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "dict_type": "'name: value' lines, or {{name: value}}",
    "model_type": "'name: value' lines, or {{name: value}}",
    "tuple_type": "a list in square brackets or with dashes",
    "date_from_datetime_parsing": "a date such as 2021-06-30",
    "date_type": "a date such as 2021-06-30",
    "date_parsing": "a date such as 2021-06-30",
    "string_too_short": "some text",
    "greater_than": "a number above {gt:g}",
    "greater_than_equal": "a number from {ge:g} on",
    "less_than": "a number below {lt:g}",
    "less_than_equal": "a number up to {le:g}",
    "too_long": "at most {max_length} entries",
}
"""What was expected, by the type of pydantic's finding."""


def of_yaml(error: MarkedYAMLError) -> tuple[int, str, str]:
    """Return the line (from 1) at which text is not YAML, what is wrong there, and what to try."""
    for pattern, began, problem, hint in YAML_SAYS:
        if found := re.search(pattern, str(error.problem)):
            marks = (error.context_mark, error.problem_mark) if began else (error.problem_mark, error.context_mark)
            return line(*marks), problem.format(*found.groups()), hint
    return line(error.problem_mark, error.context_mark), str(error.problem), "check the indentation and the quotes"


def line(*marks: Any) -> int:
    """Return the line, from 1, of the first mark of YAML that there is."""
    return next((mark.line + 1 for mark in marks if mark), 1)


def of_pydantic(item: Mapping[str, Any]) -> str:
    """Return what pydantic expected where it found something else."""
    kind, context = item["type"], item.get("ctx", {})
    if kind == "too_short":
        least = context["min_length"]
        return "at least one entry" if least == 1 else f"at least {least} entries"
    if kind == "literal_error":
        return f"one of: {', '.join(literals(item))}"
    return SAYS[kind].format(**context) if kind in SAYS else item["msg"][:1].lower() + item["msg"][1:]


def literals(item: Mapping[str, Any]) -> list[str]:
    """Return the words that a key may have as its value."""
    return re.findall(r"'([^']*)'", item["ctx"]["expected"])


def shown(value: Any) -> str:
    """Return a value of the study file as a message shows it: short, and without the signs of a programming language."""
    text = "nothing" if value is None else listed(value) if isinstance(value, (list, tuple, Mapping)) else f"'{value}'"
    return text if len(text) <= 60 else text[:57] + "…" + text[-1]


def listed(value: list[Any] | tuple[Any, ...] | Mapping[Any, Any]) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {each}" for key, each in value.items()) + "}"
    return "[" + ", ".join(map(str, value)) + "]"
