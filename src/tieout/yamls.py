"""YAML from outside: plain data of a bounded size, however often its aliases are used and whatever its tags say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer, ComposerError
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

MOST_PARTS = 500_000
"""Keys, values and lists of a file, those that an alias repeats counted each time."""
TOO_DEEP = 200


class Bounded(Composer):
    """Refuses YAML whose aliases would make it grow beyond measure, before it grows."""

    def get_single_node(self) -> Any:
        root = super().get_single_node()
        if isinstance(root, Node) and parts(root, {}, ()) > MOST_PARTS:
            raise ComposerError(None, None, "its aliases make it grow beyond measure", root.start_mark)
        return root


def parts(node: Node, known: dict[int, int], above: tuple[int, ...]) -> int:
    """Return how many parts a node has with all that its aliases repeat; raise ComposerError for one that holds itself."""
    if id(node) in above or len(above) > TOO_DEEP:
        raise ComposerError(None, None, "its parts are nested too deeply", node.start_mark)
    if id(node) not in known:
        known[id(node)] = 1 + sum(parts(child, known, (*above, id(node))) for child in children(node))
    return known[id(node)]


def children(node: Node) -> Iterator[Node]:
    if isinstance(node, MappingNode):
        for pair in node.value:
            yield from pair
    elif isinstance(node, SequenceNode):
        yield from node.value


def loaded(text: str, constructor: Any = None) -> Any:
    """Return YAML text as plain data, or as what a round-trip `constructor` makes of it.

    No tag makes anything but text, numbers, lists and maps. Raises YAMLError, and nothing else, for what cannot be read.
    """
    yaml = YAML(typ="rt" if constructor else "safe", pure=True)
    yaml.Composer = Bounded
    if constructor:
        yaml.Constructor = constructor
    try:
        return yaml.load(text)
    except YAMLError:
        raise
    except RecursionError:
        raise YAMLError("its parts are nested too deeply") from None
    except (ValueError, TypeError, AttributeError, KeyError, OverflowError):
        raise YAMLError("a value is not what its tag says, or too long") from None
