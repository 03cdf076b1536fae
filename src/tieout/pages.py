"""Pages made from a template: every text escaped, and a policy that allows their own style and script alone."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tieout import resources


def environment(filters: dict[str, Callable[..., Any]], finalize: Callable[[Any], Any] | None = None) -> Environment:
    """Return the language of the page templates, with the filter `fingerprint` and those given.

    `finalize` is applied to each value before it is escaped.
    """
    found = Environment(
        loader=FileSystemLoader(resources.templates()),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=finalize,
    )
    found.filters |= {"fingerprint": fingerprint, **filters}
    return found


def fingerprint(inline: str) -> str:
    """Return the hash by which a page's policy allows this style or script and no other."""
    return base64.b64encode(hashlib.sha256(str(inline).encode()).digest()).decode()
