"""The limits within which files from outside are read: their size, their XML, the memory and time of their readers."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

LARGEST = 50_000_000  # bytes of a file
MOST_PARTS = 5_000  # of a zip archive
MOST_MEMORY = 1_000_000_000  # bytes


def xml_parser(**more: bool) -> Any:
    """Return an lxml.etree.XMLParser that expands no entity, follows no declaration and fetches nothing."""
    from lxml import etree

    return etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, **more)


def alone(module: str, *arguments: str, seconds: float, data: bytes = b"") -> subprocess.CompletedProcess[bytes] | None:
    """Run a module in a process of its own with `data` on its standard input; None where it takes more than `seconds`.

    What a hostile file does to that process ends with it.
    """
    command = [sys.executable, "-m", module, *arguments]
    try:
        return subprocess.run(command, input=data, capture_output=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return None


def limit_memory() -> None:
    """Let this process have no more than MOST_MEMORY; on Windows the time limit stands alone."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
