"""Walk the tree in which pandoc gives a document as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Node = dict[str, Any]


def every(node: Any) -> Iterator[Node]:
    """Yield every element of a part of pandoc's tree, parents first, in the order of the document."""
    waiting = [node]
    while waiting:
        found = waiting.pop()
        if isinstance(found, dict):
            if "t" in found:
                yield found
            waiting.extend(reversed(found.values()))
        elif isinstance(found, list):
            waiting.extend(reversed(found))
