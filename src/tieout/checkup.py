"""Look at what is installed: libraries, engines, fonts."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from tieout import __version__, render

PACKAGES = ("pandas", "scipy", "statsmodels", "tableone", "firthmodels", "matplotlib", "pypandoc_binary", "typst")


def facts() -> dict[str, Any]:
    """Return versions, engines and fonts as plain data."""
    import pypandoc
    import typst

    quarto = shutil.which("quarto")
    return {
        "tieout": __version__,
        "python": sys.version.split()[0],
        "packages": {name: installed(name) for name in PACKAGES},
        "pandoc": str(pypandoc.get_pandoc_version()),
        "quarto": quarto_version(quarto) if quarto else None,
        "engine": render.choose("auto"),
        "fonts": sorted(typst.Fonts(include_system_fonts=False).families()),
    }


def installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def quarto_version(program: str) -> str | None:
    try:
        answer = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=30, check=False)
    except OSError:
        return None
    return answer.stdout.strip() or None


def told(found: dict[str, Any]) -> str:
    """Return the facts as lines, with what to do where something is missing."""
    lines = [f"tieout {found['tieout']} on Python {found['python']}"]
    lines += [f"  {name:<16} {number or 'MISSING: pip install ' + name}" for name, number in found["packages"].items()]
    lines.append(f"  {'pandoc':<16} {found['pandoc']}")
    lines.append(f"  {'quarto':<16} {found['quarto'] or 'not installed (optional): pip install tieout[quarto]'}")
    lines.append(f"engine taken: {found['engine']}")
    lines.append(f"fonts always there: {', '.join(found['fonts'])}")
    return "\n".join(lines)
