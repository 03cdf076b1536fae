"""The corpus of clinical texts with annotated figures, read from tests/corpus/*.yaml."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

CORPUS = Path(__file__).resolve().parent / "corpus"


@dataclass(frozen=True)
class Entry:
    """One text with its figures in reading order; `planted` names its one gross error, if it has one."""

    name: str
    text: str
    figures: tuple[dict[str, Any], ...]
    planted: dict[str, str] | None
    file: str


@cache
def _read(path: Path) -> tuple[Entry, ...]:
    rows = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    return tuple(Entry(row["name"], row["text"], tuple(row["figures"]), row.get("planted"), path.name) for row in rows)


def entries(file: str | None = None) -> list[Entry]:
    """All entries, or those of one file ("traps" or "traps.yaml")."""
    pattern = "*.yaml" if file is None else f"{file.removesuffix('.yaml')}.yaml"
    return [entry for path in sorted(CORPUS.glob(pattern)) for entry in _read(path)]
