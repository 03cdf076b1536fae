"""The words of a study file: names, texts, codes, and rules that choose patients."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints

NAME = r"^[A-Za-z][A-Za-z0-9_]*$"

Name = Annotated[str, StringConstraints(pattern=NAME)]
Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


def code(value: Any) -> Any:
    """Return a level or missing code as the text that stands in the data (1, not 1.0; a bool is refused)."""
    if isinstance(value, bool):
        raise ValueError("true and false are not codes; write 1 and 0, or quote the word")
    return str(value) if isinstance(value, (int, float)) else value


Code = Annotated[str, BeforeValidator(code)]
Codes = dict[Code, Text]
Where = dict[Name, tuple[Code, ...]]


class Strict(BaseModel):
    """A part of a study file: frozen, without blanks round its texts, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


def sections(value: Any) -> Any:
    """Return table rows as sections: a plain list is one section without a heading."""
    return {"": value} if isinstance(value, (list, tuple)) else value
