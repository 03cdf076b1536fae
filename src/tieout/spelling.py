"""British spelling to American, for the journals that want it; names, keys and addresses stay as they are."""

from __future__ import annotations

import dataclasses
import re
from functools import cache
from typing import Any

from ruamel.yaml import YAML

from tieout import resources
from tieout.results import Results, Statistic

APART = re.compile(
    r"""(?P<kept>\[[^\[\]]*\]\{\.as-written\} | \{[^{}]*\} | </?[A-Za-z][^<>]*> | `[^`\n]*` | \]\([^()\s]*\) | @[\w:.-]+
        | \w+://\S+ | \w+(?:[._]\w+)+)
    | (?P<versus>(?<=[\w)%])\ v\ (?=[A-Za-z(])) | (?P<word>[A-Za-z]{4,})""",
    re.X,
)
"""What is no prose (names marked as such, attributes, tags, code, targets, citations, files, keys), and words."""
ENDING = re.compile(r"(?P<stem>\w+is)(?=(?:e|ed|es|er|ers|ing|ation|ations|ational)$)")
SAID = ("label", "among", "method", "warning", "error", "variable_label", "level_label", "group_label", "unit", "step")
"""The fields of a Statistic that are said to a reader."""
LABELS = ("label", "excluded", "by", "strata")
"""The parts of a layout that are said to a reader, beside the headings of a table's sections."""


@cache
def american(word: str) -> str:
    """Return the American spelling of a word, in its capitals."""
    words, stems, with_s = pairs()
    lower = word.lower()
    made = words.get(lower, lower)
    for british, its_own in stems:
        made = british.sub(its_own, made)
    ending = ENDING.match(made)
    if ending and not with_s.search(ending["stem"]):
        made = f"{ending['stem'][:-1]}z{made[ending.end() :]}"
    if made == lower:
        return word
    return made.upper() if word.isupper() else made[0].upper() + made[1:] if word[0].isupper() else made


@cache
def pairs() -> tuple[dict[str, str], tuple[tuple[re.Pattern[str], str], ...], re.Pattern[str]]:
    """Return the words, the stems and the endings that keep their s, as templates/spelling.yaml lists them."""
    listed = YAML(typ="safe").load((resources.templates() / "spelling.yaml").read_text(encoding="utf-8"))
    stems = tuple((re.compile(british), its_own) for british, its_own in listed["stems"].items())
    return listed["words"], stems, re.compile(f"(?:{'|'.join(listed['with_s'])})$")


def spelled(text: str, language: str) -> str:
    """Return Markdown, HTML or plain text in the spelling of a language: "en-US" is American, all others stay British."""
    if language != "en-US":
        return text
    return APART.sub(respelt, text)


def respelt(found: re.Match[str]) -> str:
    return american(found["word"]) if found["word"] else " vs " if found["versus"] else found["kept"]


def document(text: str, language: str) -> str:
    """Return a Quarto document in the spelling of a language, whose front matter then names the language."""
    return spelled(re.sub(r"^lang: *en\S*", f"lang: {language}", text, count=1, flags=re.M), language)


def told(results: Results, language: str) -> Results:
    """Return results whose words for readers are in the spelling of a language; keys and values stay."""
    if language != "en-US":
        return results

    def respelled(s: Statistic) -> Statistic:
        words: dict[str, Any] = {name: spelled(getattr(s, name), language) for name in SAID if getattr(s, name)}
        return dataclasses.replace(s, **words)

    return Results.of(map(respelled, results), {**results.meta, "layout": relabelled(results.meta.get("layout", {}), language)})


def relabelled(part: Any, language: str, name: str = "") -> Any:
    """Return a layout whose labels are respelled; the names in it, which are parts of keys, stay."""
    if isinstance(part, dict):
        return {
            spelled(key, language) if name == "sections" else key: relabelled(value, language, key)
            for key, value in part.items()
        }
    if isinstance(part, list):
        return [relabelled(each, language) for each in part]
    return spelled(part, language) if name in LABELS and isinstance(part, str) else part
