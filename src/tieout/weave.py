"""Put results into a template, and list every figure and every claim that it quotes."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, nodes
from jinja2.ext import Extension
from jinja2.runtime import Undefined
from jinja2.sandbox import SandboxedEnvironment, SecurityError

from tieout import keyed
from tieout.display import PHRASES, Profile, in_words, profile_of, text
from tieout.errors import DoesNotTieOut, TieoutError, raise_all
from tieout.names import Known, place_at, wrong_names
from tieout.prose import SENTENCES, Sentence
from tieout.results import Results, Statistic

DELIMITERS = {
    "variable_start_string": "[[",
    "variable_end_string": "]]",
    "block_start_string": "[%",
    "block_end_string": "%]",
    "comment_start_string": "[##",
    "comment_end_string": "##]",
}
SPOKEN = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Getattr, nodes.Getitem, nodes.Const, nodes.Filter, nodes.Test,
    nodes.If, nodes.CondExpr, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Neg, nodes.Assign, nodes.CallBlock,
)  # fmt: skip
"""What the template language has; a call is that of a claim alone, a list stands only where something is compared with it."""
EXAMPLE = "write, say, model.x.age.p < 0.05"
OUT_OF_BOUNDS = (RecursionError, OverflowError, MemoryError)
CLAIM_END = re.compile(r"\[%\s*endclaim\s*%\]")  # a claim is inline: the line break after it stays
SENTENCE_START = re.compile(
    r'(?P<before>\A|\n[ \t]*\n|[.!?][”"’)]?\s+|\n#+ [^\n]*\n+|\*\*\s+)'
    r'\[(?P<figure>[\d,\u2009\u202f]+)\](?P<key>\{\.stat key="[^"]+"\})(?!/)'
)
QUOTED = re.compile(r'\[(?P<figure>[^\[\]]+)\]\{\.stat key="(?P<key>[^"]+)"\}|data-key="(?P<html>[^"]+)"')
FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.S)
ATTRIBUTE = str.maketrans({'"': "”", "\n": " ", "\\": "\\\\", "{": "{ "})
"""What an attribute's value cannot hold: quotes end it, and Quarto would read {{< in it."""


@dataclass(frozen=True)
class Quote:
    """A sentence of the document that is bound to a claim, and whether its condition holds."""

    claim: str
    sentence: str
    line: int
    holds: bool


@dataclass(frozen=True)
class Document:
    """A woven Quarto document: its text, the keys that it quotes, and the claims that it makes."""

    text: str
    keys: tuple[str, ...]
    claims: tuple[Quote, ...]


@dataclass(frozen=True)
class Ref:
    """A place among the keys, as a template names it: outcome.favourable, or outcome.favourable.pct."""

    _results: Results
    _profile: Profile
    _key: str

    def __getattr__(self, name: str) -> Ref:
        if name.startswith("__"):
            raise AttributeError(name)
        return Ref(self._results, self._profile, f"{self._key}.{name}")

    def __getitem__(self, name: object) -> Ref:
        return Ref(self._results, self._profile, f"{self._key}.{name}")

    def __float__(self) -> float:
        return number_of(self)

    def __bool__(self) -> bool:
        raise TieoutError(self._key, "a figure is neither true nor false", "compare it: " + self._key + " > 0")

    def __lt__(self, other: object) -> bool:
        return operator.lt(number_of(self), number_of(other))

    def __le__(self, other: object) -> bool:
        return operator.le(number_of(self), number_of(other))

    def __gt__(self, other: object) -> bool:
        return operator.gt(number_of(self), number_of(other))

    def __ge__(self, other: object) -> bool:
        return operator.ge(number_of(self), number_of(other))

    def __eq__(self, other: object) -> bool:
        return number_of(self) == number_of(other)

    __hash__ = None  # type: ignore[assignment]


def statistic_of(ref: Ref) -> Statistic:
    return ref._results[ref._key]


def number_of(side: object) -> float:
    """Return the raw value of a comparison's side; a figure that is not estimable cannot be compared."""
    if not isinstance(side, Ref):
        return float(side)  # type: ignore[arg-type]
    statistic = statistic_of(side)
    if statistic.value is None:
        raise TieoutError(statistic.key, f"cannot be judged: it is not estimable ({statistic.error})")
    return statistic.value


class Language(SandboxedEnvironment):
    """Jinja2 in its sandbox, without what could run for ever or grow beyond measure."""

    def _generate(self, source: nodes.Template, *more: Any, **options: Any) -> str:
        check_language(source)
        return super()._generate(source, *more, **options)


def check_language(tree: nodes.Template) -> None:
    """Raise TemplateSyntaxError where a template or a condition does more than compare, choose and name."""
    allowed: list[nodes.Node] = [block.call for block in tree.find_all(nodes.CallBlock) if is_claim(block.call)]
    allowed += [operand.expr for operand in tree.find_all(nodes.Operand) if isinstance(operand.expr, nodes.List | nodes.Tuple)]
    for number in tree.find_all(nodes.Const):
        if isinstance(number.value, float) and not math.isfinite(number.value):
            raise TemplateSyntaxError("a number is too large", number.lineno or 1)
    for node in tree.find_all(nodes.Node):
        if not isinstance(node, SPOKEN) and not any(node is one for one in allowed):
            raise TemplateSyntaxError("a template compares and chooses; it does not calculate, call or loop", node.lineno or 1)


def is_claim(call: nodes.Call) -> bool:
    return isinstance(call.node, nodes.Name) and call.node.name == "__claim"


class ClaimTag(Extension):
    """The tag [% claim name %] sentence [% endclaim %]."""

    tags = {"claim"}  # noqa: RUF012

    def parse(self, parser: Any) -> nodes.Node:
        line = next(parser.stream).lineno
        name = parser.stream.expect("name")
        body = parser.parse_statements(("name:endclaim",), drop_needle=True)
        call = nodes.Call(nodes.Name("__claim", "load"), [nodes.Const(name.value), nodes.Const(line)], [], None, None)
        return nodes.CallBlock(call, [], [], body).set_lineno(line)


def environment(results: Results, profile: Profile) -> SandboxedEnvironment:
    """Return the template language: Jinja2, sandboxed, undefined is an error, with our delimiters."""
    env = Language(
        **DELIMITERS,
        extensions=[ClaimTag],
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        autoescape=False,
        finalize=lambda found: quoted(found, profile),
    )
    env.globals.clear()
    env.tests = {"defined": env.tests["defined"]}
    env.filters = {
        **{name: said(phrase, profile) for name, phrase in PHRASES.items()},
        **{name: told(sentence, profile) for name, sentence in SENTENCES.items()},
    }
    return env


def said(phrase: Callable[..., list[Any]], profile: Profile) -> Callable[[Ref], str]:
    def apply(ref: Ref) -> str:
        known = key_of(ref)

        def look(name: str) -> Statistic:
            return statistic_of(known[name] if name else known)

        return keyed.markdown(phrase(look, profile), profile)

    return apply


def told(sentence: Sentence, profile: Profile) -> Callable[..., str]:
    def apply(ref: Ref, *words: str) -> str:
        known = key_of(ref)
        return keyed.markdown(sentence(known._results, known._key, profile, *words), profile)

    return apply


def key_of(ref: object) -> Ref:
    if isinstance(ref, Undefined) or not isinstance(ref, Ref):
        raise TieoutError("template", "this filter takes a key of the results", "write [[ outcome.name | rate ]]")
    return ref


def quoted(found: object, profile: Profile) -> object:
    """Return a key's figure as a keyed span, and anything else as it is."""
    return keyed.markdown([statistic_of(found)], profile) if isinstance(found, Ref) else found


def judge(conditions: Mapping[str, str], results: Results, profile: Profile, place: str) -> dict[str, bool]:
    """Return which conditions hold; one that cannot be judged raises TieoutError with its name."""
    env = environment(results, profile)
    roots = refs(results, profile)
    errors: list[TieoutError] = []
    held: dict[str, bool] = {}
    for name, expression in conditions.items():
        where = f"{place}  conditions › {name}"
        try:
            judged = env.compile_expression(expression, undefined_to_none=False)(**roots)
            held[name] = bool(judged) if not isinstance(judged, Ref) else judged.__bool__()
        except TieoutError as error:
            errors.append(TieoutError(f"{where}: {error.place}", error.problem, error.hint))
        except OUT_OF_BOUNDS:
            raise TieoutError(where, "this is no condition: it is nested too deeply, or too large", EXAMPLE) from None
        except (TemplateError, TypeError, ValueError) as error:
            errors.append(TieoutError(where, f"this is no condition: {error}", EXAMPLE))
    raise_all(errors)
    return held


def refs(results: Results, profile: Profile) -> dict[str, Ref]:
    return {
        root: Ref(results, profile, root) for root in dict.fromkeys(key.split(".")[0] for key in results.statistics)
    }


def weave(
    template: Path,
    results: Results,
    conditions: Mapping[str, str],
    claims: Mapping[str, Any],
    inserts: Mapping[str, Mapping[str, str]],
    *,
    draft: bool = False,
    declared_in: str = "study.yaml",
) -> Document:
    """Weave results into a template.

    `conditions` are expressions over keys; `claims` name a condition and what they state; `inserts` are made
    parts such as tables, by kind and name. Raises TieoutError with file:line:column for an unknown key,
    condition, claim or insert, and DoesNotTieOut, unless `draft`, for a claim that the results do not bear out.
    """
    profile = profile_of(results.meta)
    source = read_template(template)
    held = judge(conditions, results, profile, declared_in)
    made: list[Quote] = []

    def claim(name: str, line: int, caller: Callable[[], str]) -> str:
        sentence = caller()
        made.append(Quote(name, readable(sentence), line, held[claims[name].condition]))
        return f'[{sentence.strip()}]{{.claim key="{name}"}}'

    env = environment(results, profile)
    names = {**refs(results, profile), **inserts, "condition": held}
    known = Known(results, {**inserts, "condition": held}, tuple(claims), tuple(env.filters))
    raise_all(list(wrong_names(template, source, env, known)))
    try:
        woven = env.from_string(CLAIM_END.sub("[% endclaim +%]", source)).render({**names, "__claim": claim})
    except TieoutError as error:
        offset = source.find(error.place)
        where = place_at(source, offset) if offset >= 0 else str(line_of(error))
        raise TieoutError(f"{template}:{where}", f"{error.place} {error.problem}", error.hint) from None
    except OUT_OF_BOUNDS:
        raise TieoutError(str(template), "this cannot be woven: it is nested too deeply") from None
    except (TemplateError, SecurityError, TypeError, ValueError) as error:
        raise TieoutError(f"{template}:{line_of(error)}", f"this cannot be woven: {error}") from None
    woven = SENTENCE_START.sub(lambda found: spelled(found, profile), woven)
    wrong = list(broken(template, made, conditions, claims, results, profile))
    if not draft:
        raise_all([*wrong])
    woven = marked_as_draft(woven, wrong) if wrong else woven
    keys = dict.fromkeys(m["key"] or m["html"] for m in QUOTED.finditer(woven))
    return Document(woven, tuple(keys), tuple(made))


def read_template(template: Path) -> str:
    """Return the text of a document; raise TieoutError where it is missing or cannot be read."""
    try:
        text = template.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise TieoutError(str(template), "there is no such document", "check documents in the study file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise TieoutError(str(template), f"the document cannot be read: {error}", "save it as UTF-8 text") from None
    if not text.strip() or "\0" in text or "\x03" in text:
        problem = "holds signs that no text has" if text.strip() else "is empty"
        raise TieoutError(str(template), f"the document {problem}", "write it as text in Quarto's Markdown (.qmd); see tieout example")
    return text


def line_of(error: BaseException) -> int:
    """Return the line of the template at which rendering stopped."""
    trace, line = error.__traceback__, getattr(error, "lineno", None) or 1
    while trace:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def spelled(found: re.Match[str], profile: Profile) -> str:
    """Spell out a count that opens a sentence."""
    figure = in_words(int(re.sub(r"\D", "", found["figure"])), profile)
    return f"{found['before']}[{figure}]{found['key']}"


def readable(markup: str) -> str:
    """Return a sentence without its keys."""
    return " ".join(re.sub(r"\[([^\[\]]*)\]\{\.[^}]*\}", r"\1", markup).replace("\\", "").split())


def broken(
    template: Path,
    made: list[Quote],
    conditions: Mapping[str, str],
    claims: Mapping[str, Any],
    results: Results,
    profile: Profile,
) -> Iterator[DoesNotTieOut]:
    """Yield an error for each claim whose condition no longer holds: the sentence and the figures."""
    for quote in made:
        if not quote.holds:
            condition = conditions[claims[quote.claim].condition]
            figures = figures_of(condition, results, profile)
            yield DoesNotTieOut(
                f"{template}:{quote.line}",
                f"the data no longer support the claim '{quote.claim}': “{quote.sentence}”",
                f"it needs {condition}; now {figures}. Reword it, or typeset with --draft to see it in place",
            )


def marked_as_draft(text: str, wrong: list[DoesNotTieOut]) -> str:
    """Print what does not tie out at the head of a draft, beneath its front matter."""
    findings = "\n".join(f"- {keyed.literal_markdown(f'{e.problem}; {e.hint}')}" for e in wrong)
    notice = f"::: {{.callout-warning}}\n## DRAFT: this document does not tie out\n\n{findings}\n:::\n\n"
    body = FRONT_MATTER.match(text)
    return text[: body.end()] + "\n" + notice + text[body.end() :] if body else notice + text


def figures_of(condition: str, results: Results, profile: Profile) -> str:
    """Return the figures that a condition compares, as "key is text"."""
    return ", ".join(f"{key} is {text(results[key], profile)}" for key in keys_in(condition, results))


def keys_in(condition: str, results: Results) -> list[str]:
    """Return the keys that a condition names, each once."""
    return [key for key in dict.fromkeys(re.findall(r"[A-Za-z_]\w*(?:\.\w+)+", condition)) if key in results]
