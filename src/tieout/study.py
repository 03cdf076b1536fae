"""Read the study file into frozen types; refuse what it does not declare, with file, line and the nearest word."""

from __future__ import annotations

import hashlib
import re
import types
import typing
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, StringConstraints, ValidationError
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import DuplicateKeyError, RoundTripConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.reader import ReaderError

from tieout import expected
from tieout.comparing import EValue, Imputation, Paired, Propensity, PValues, Stratified
from tieout.declared import Code, Codes, Name, Strict, Text, Where, sections
from tieout.errors import TieoutError, nearest, raise_all
from tieout.expected import shown
from tieout.places import Place
from tieout.reports import Reports
from tieout.yamls import loaded

RESERVED = (
    "all",
    "patients",
    "ungrouped",
    "p",
    "smd",
    "difference",
    "risk_ratio",
    "odds_ratio",
    "univariable",
    "firth",
    "proportional_hazards",
    "rate_ratio",
)
LARGEST = 5_000_000
"""Bytes of a study file."""
INTERNAL = ("path", "digest", "snapshot")
"""Fields of a Study that no study file declares."""
YES_NO = {"1": "Yes", "0": "No"}
NUMBERS = ("integer", "decimal")
LEVELLED = ("yesno", "category", "ordinal", "checkbox")
MOMENTS = ("date", "datetime")

class Variable(Strict):
    """One column of the data dictionary, or one derived from others.

    `column` is its header in the data, where that is not its name (of a checkbox, the part before the three underscores).
    `applies` is a rule over other columns: where it fails, a blank is "not applicable" and not a missing value.
    """

    label: Text
    column: str = ""
    type: Literal["key", "text", "integer", "decimal", "yesno", "category", "ordinal", "checkbox", "date", "datetime"]
    levels: Codes = {}
    unit: str = ""
    range: tuple[float, float] | None = None
    missing: Codes = {}
    not_applicable: Codes = {}
    required: bool = False
    role: Literal["record", "site", "enrolled", "identifier", "variable"] = "variable"
    summary: Literal["median", "mean"] = "median"
    decimals: int | None = Field(default=None, ge=0, le=6)
    applies: str = ""
    note: str = ""

    @property
    def codes(self) -> Codes:
        """The levels by code; a yes/no variable has 1 and 0 unless it names its own."""
        return self.levels or (YES_NO if self.type == "yesno" else {})

    @property
    def absent(self) -> Codes:
        return {**self.missing, **self.not_applicable}


class Derived(Strict):
    """A variable computed from others by exactly one rule.

    `is`: 1 where every variable named has one of its codes, 0 where one has not, missing where one is missing.
    `minutes`, `hours`, `days`: time from the first to the second moment.
    """

    label: Text
    is_: Where | None = Field(default=None, alias="is")
    minutes: tuple[Name, Name] | None = None
    hours: tuple[Name, Name] | None = None
    days: tuple[Name, Name] | None = None
    levels: Codes = {}
    range: tuple[float, float] | None = None
    summary: Literal["median", "mean"] = "median"
    decimals: int | None = Field(default=None, ge=0, le=6)
    note: str = ""

    @property
    def span(self) -> tuple[str, tuple[str, str]] | None:
        """The unit and the two moments of a time between events."""
        spans = {unit: getattr(self, unit) for unit in ("minutes", "hours", "days")}
        return next(((unit, pair) for unit, pair in spans.items() if pair), None)

    @property
    def rules(self) -> list[str]:
        return [name for name in ("is_", "minutes", "hours", "days") if getattr(self, name) is not None]

    def as_variable(self) -> Variable:
        """Return this as an entry of the data dictionary."""
        kept: dict[str, Any] = {"label": self.label, "range": self.range, "summary": self.summary, "decimals": self.decimals}
        if self.span:
            return Variable(type="decimal", unit={"minutes": "min", "hours": "h", "days": "d"}[self.span[0]], **kept)
        return Variable(type="yesno", levels=self.levels, **kept)


class Screening(Place):
    """The screening log: patients looked at before the registry began with them."""

    variables: dict[Name, Variable]


class Data(Place):
    """Where the data lie, the day on which they were cut, and what becomes of values that the dictionary does not admit.

    `unfit: stop` refuses them; `missing` counts them as missing and says so, while the sites are asked about them.
    """

    cut: date
    unfit: Literal["stop", "missing"] = "stop"
    screening: Screening | None = None


class Methods(Strict):
    """The statistical methods of the whole study; each can be set otherwise where it is used."""

    level: float = Field(default=0.95, gt=0.5, lt=1)
    proportion: Literal["wilson", "wilson_cc", "clopper_pearson", "jeffreys", "agresti_coull", "mid_p"] = "wilson"
    difference: Literal["newcombe", "miettinen_nurminen", "wald"] = "newcombe"
    quantile: Literal["linear", "weibull", "averaged_inverted_cdf"] = "linear"
    two_groups_median: Literal["mann_whitney", "mann_whitney_uncorrected", "mann_whitney_exact"] = "mann_whitney"
    more_groups_median: Literal["kruskal_wallis"] = "kruskal_wallis"
    two_groups_mean: Literal["welch_t", "student_t"] = "welch_t"
    more_groups_mean: Literal["welch_anova", "anova"] = "welch_anova"
    categories: Literal["chi_square", "chi_square_yates", "fisher"] = "chi_square"
    small_expected: Literal["fisher", "fisher_mid_p", "chi_square"] = "fisher"
    model_interval: Literal["wald", "profile"] = "wald"


Test = Literal[
    "chi_square", "chi_square_yates", "fisher", "fisher_mid_p", "mann_whitney", "mann_whitney_uncorrected",
    "mann_whitney_exact", "kruskal_wallis", "welch_t", "student_t", "welch_anova", "anova",
]  # fmt: skip


class Group(Strict):
    """Patients to compare: a variable, and its levels by the names that keys use, in the order told."""

    variable: Name
    levels: dict[Name, Code] = Field(min_length=2)
    labels: dict[Name, Text] = {}


class Outcome(Strict):
    """A rate: which codes count as an event, and who is in the denominator."""

    variable: Name
    event: tuple[Code, ...] = ("1",)
    label: Text
    among: Text
    where: Where = {}
    by: Name | None = None
    interval: Literal["wilson", "wilson_cc", "clopper_pearson", "jeffreys", "agresti_coull", "mid_p"] | None = None


class Table(Strict):
    """A table of characteristics by group; rows are variables, under headings if wished."""

    by: Name
    rows: Annotated[dict[str, tuple[Name, ...]], BeforeValidator(sections)]
    smd: bool = True
    where: Where = {}
    tests: dict[Name, Test] = {}
    summaries: dict[Name, Literal["median", "mean"]] = {}


class Model(Strict):
    """A regression: the outcome, the terms that enter together, and those tried one by one.

    `time` is that of a Cox model to its event or censoring, `exposure` the person-time of a model of counts. `cluster` gives
    a variance that is robust to patients of one cluster resembling each other; with `correlation` by estimating equations.
    """

    kind: Literal["logistic", "linear", "ordinal", "poisson", "negative_binomial", "cox"] = "logistic"
    outcome: Name
    label: Text
    time: Name | None = None
    exposure: Name | None = None
    cluster: Name | None = None
    correlation: Literal["independence", "exchangeable"] | None = None
    terms: tuple[Name, ...] = Field(min_length=1)
    univariable: tuple[Name, ...] = ()
    reference: dict[Name, Code] = {}
    per: dict[Name, Annotated[float, Field(gt=0)]] = {}
    interval: Literal["wald", "profile"] | None = None


class Survival(Strict):
    """Time to an event, by Kaplan and Meier: who is followed, when survival is told, and by which group."""

    time: Name
    event: Name
    label: Text
    among: Text
    at: tuple[Annotated[float, Field(ge=0)], ...] = ()
    where: Where = {}
    by: Name | None = None


class Rate(Strict):
    """Events in person-time: `events` and `exposure` of each patient, told per so many `unit`."""

    events: Name
    exposure: Name
    label: Text
    among: Text
    unit: Text
    per: Annotated[float, Field(gt=0)] = 100
    where: Where = {}
    by: Name | None = None


class Shift(Strict):
    """The distribution of an ordinal variable over groups and its common odds ratio."""

    variable: Name
    by: Name
    label: Text


class Step(Strict):
    """One box of the flow diagram; those who leave before it may be counted by reason."""

    name: Name
    label: Text
    of: Literal["screening", "registry"]
    where: Where = {}
    excluded: str = ""
    reasons: Name | None = None
    beside: bool = False


class Figure(Strict):
    """A picture of one part of the results."""

    kind: Literal["flow", "distribution", "forest", "love", "kaplan_meier", "missing"]
    of: Name | None = None


class Check(Strict):
    """What should be so of every patient: a rule, and the sentence with which a site is asked about a record."""

    expect: Text
    label: Text


class Claim(Strict):
    """A sentence of the document that may stand only while its condition holds."""

    condition: Name
    states: Text


Template = Annotated[str, StringConstraints(pattern=r"\.qmd$")]


class Study(Strict):
    """What is declared once about a study."""

    name: Text
    title: Text
    synthetic: str = ""
    journal: Text = "generic"
    layout: Literal["article", "submission"] = "article"
    data: Data
    documents: dict[Literal["manuscript", "supplement", "site", "centre"], Template] = Field(min_length=1)
    variables: dict[Name, Variable]
    derived: dict[Name, Derived] = {}
    methods: Methods = Methods()
    groups: dict[Name, Group] = {}
    outcomes: dict[Name, Outcome] = {}
    tables: dict[Name, Table] = {}
    models: dict[Name, Model] = {}
    survival: dict[Name, Survival] = {}
    rates: dict[Name, Rate] = {}
    shifts: dict[Name, Shift] = {}
    stratified: dict[Name, Stratified] = {}
    paired: dict[Name, Paired] = {}
    p_values: dict[Name, PValues] = {}
    propensity: dict[Name, Propensity] = {}
    imputation: dict[Name, Imputation] = {}
    e_values: dict[Name, EValue] = {}
    flow: tuple[Step, ...] = ()
    figures: dict[Name, Figure] = {}
    conditions: dict[Name, Text] = {}
    claims: dict[Name, Claim] = {}
    checks: dict[Name, Check] = {}
    reports: Reports | None = None
    path: Path = Path()
    digest: str = ""
    snapshot: str = ""
    """The digest of the data that a study restored from a snapshot stands for."""

    @property
    def dictionary(self) -> dict[str, Variable]:
        """Every variable that the analysis can use: the columns, then the derived."""
        return {**self.variables, **{name: d.as_variable() for name, d in self.derived.items()}}

    @property
    def reporting(self) -> Reports:
        """What is declared about reports, in a study of which it is known that there is something."""
        assert self.reports is not None, "asked for by what makes reports to sites"
        return self.reports

    def with_role(self, role: str) -> str:
        """Return the name of the variable that has a role which the strict reading made unique, or an empty name."""
        return next((name for name, v in self.variables.items() if v.role == role), "")

    @property
    def folder(self) -> Path:
        """The folder from which the study file names others."""
        return self.path.parent

    def resolve(self, file: str) -> Path:
        """Return a path that the study file names, relative to the study file."""
        return self.path.parent / file


def read(path: Path) -> Study:
    """Read a study file.

    Raises TieoutError with file:line, what was got and expected, and the nearest right word.
    """
    if path.is_dir():
        path = path / "study.yaml"
    try:
        if path.stat().st_size > LARGEST:
            raise TieoutError(str(path), f"the study file has more than {LARGEST:,} bytes", "is it a study file?")
        raw = path.read_bytes()
    except FileNotFoundError:
        raise TieoutError(
            str(path), "there is no study file here", "name it: tieout build path/to/study.yaml"
        ) from None
    except OSError as error:
        raise TieoutError(str(path), f"the study file cannot be read: {error.strerror}") from None
    tree = parse(path, raw)
    try:
        study = Study.model_validate(
            {**plain(tree), "path": path, "digest": hashlib.sha256(raw).hexdigest()}, by_alias=True
        )
    except ValidationError as error:
        found = error.errors()
        raise_all([explain(path, tree, item) for item in found if not misspelt(item, found)])
        raise
    from tieout import consistency, snapshots  # they need the types of this module

    raise_all([located(path, tree, *found) for found in consistency.mistakes(study)])
    return snapshots.as_restored(study)


class DatesAsText(RoundTripConstructor):
    """Leave dates to pydantic, which says what is wrong with an impossible one."""


DatesAsText.add_constructor("tag:yaml.org,2002:timestamp", lambda loader, node: node.value)


def parse(path: Path, raw: bytes) -> CommentedMap:
    """Parse YAML 1.2 text into maps that know their lines; raise TieoutError where it is not YAML."""
    try:
        tree = loaded(raw.decode("utf-8-sig"), DatesAsText)
    except UnicodeDecodeError:
        raise TieoutError(str(path), "the study file is not UTF-8 text", "save it as UTF-8; or is it another file?") from None
    except DuplicateKeyError as error:
        key = re.search(r'duplicate key "([^"]*)"', str(error.problem))
        word = key.group(1) if key else "a key"
        place = expected.line(error.problem_mark, error.context_mark)
        raise TieoutError(f"{path}:{place}", f"'{word}' stands twice in the same place", "keep one of them") from None
    except MarkedYAMLError as error:
        place, problem, hint = expected.of_yaml(error)
        raise TieoutError(f"{path}:{place}", f"this is not YAML: {problem}", hint) from None
    except ReaderError:
        raise TieoutError(str(path), "this is not YAML: it holds signs that no text has", BEGINNING) from None
    except YAMLError as error:
        raise TieoutError(str(path), f"this is not YAML: {error}", "write plain values, in a few levels") from None
    if not isinstance(tree, CommentedMap):
        problem = "is empty" if tree is None else f"holds {shown(tree)}, expected 'name: value' lines"
        raise TieoutError(str(path), f"the study file {problem}", BEGINNING)
    for reserved in INTERNAL:
        if reserved in tree:
            raise TieoutError(f"{path}:{line_at(tree, (reserved,))}", f"unknown key '{reserved}'", "remove it")
    return tree


BEGINNING = "a study file begins with 'name:' and 'title:'; see one with: tieout example"


def plain(node: Any) -> Any:
    """Return ruamel's containers as plain dicts and lists."""
    if isinstance(node, Mapping):
        return {key: plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [plain(value) for value in node]
    return node


def line_at(tree: Any, loc: tuple[Any, ...]) -> int:
    """Return the line (from 1) of the deepest part of `loc` that the tree has."""
    line = 1
    for step in loc:
        if isinstance(tree, CommentedMap):
            key = next((k for k in tree if str(k) == str(step)), None)
            if key is None:
                continue
            line, tree = tree.lc.key(key)[0] + 1, tree[key]
        elif isinstance(tree, CommentedSeq):
            if isinstance(step, str):
                step = next((i for i, item in enumerate(tree) if str(item) == step), None)
            if step is None or step >= len(tree):
                continue
            line, tree = tree.lc.item(step)[0] + 1, tree[step]
    return line


def trail(tree: Any, loc: tuple[Any, ...]) -> str:
    """Return the keys on the way to a place; the entries of a list are counted from 1."""
    words = []
    for step in loc:
        counted = isinstance(tree, CommentedSeq) and isinstance(step, int)
        words.append(f"entry {step + 1}" if counted else str(step))
        tree = tree[step] if isinstance(tree, CommentedMap) and step in tree else tree[step] if counted and step < len(tree) else None
    return " › ".join(words)


def located(path: Path, tree: CommentedMap, loc: tuple[Any, ...], problem: str, hint: str = "") -> TieoutError:
    """Return an error with the file, the line and the trail of keys."""
    place = f"{path}:{line_at(tree, loc)}"
    return TieoutError(place, f"{trail(tree, loc)}: {problem}" if loc else problem, hint)


def types_at(loc: tuple[Any, ...]) -> list[Any]:
    """Return the plain alternatives of the type that is declared at `loc`."""
    kind: Any = Study
    for step in loc:
        kind = next(iter(inner_types(kind, step)), None)
        if kind is None:
            return []
    return list(unwrapped(kind))


def fields_at(loc: tuple[Any, ...]) -> list[str]:
    """Return the keys that the model at `loc` knows."""
    models = [k for k in types_at(loc) if isinstance(k, type) and issubclass(k, BaseModel)]
    return [f.alias or n for m in models for n, f in m.model_fields.items() if n not in INTERNAL]


def unwrapped(kind: Any) -> Iterator[Any]:
    """Yield the plain alternatives of an annotated or optional type."""
    origin = typing.get_origin(kind)
    if origin is Annotated:
        yield from unwrapped(typing.get_args(kind)[0])
    elif origin in (typing.Union, types.UnionType):
        for part in typing.get_args(kind):
            yield from unwrapped(part)
    else:
        yield kind


def inner_types(kind: Any, step: Any) -> Iterator[Any]:
    """Yield the types that lie one step inside a model, dict or tuple type."""
    for part in unwrapped(kind):
        if isinstance(part, type) and issubclass(part, BaseModel):
            for name, info in part.model_fields.items():
                if step in (name, info.alias):
                    yield info.annotation
        elif typing.get_origin(part) is dict:
            yield typing.get_args(part)[1]
        elif typing.get_origin(part) is tuple:
            yield typing.get_args(part)[0]


def explain(path: Path, tree: CommentedMap, item: Mapping[str, Any]) -> TieoutError:
    """Return pydantic's finding in the words of an error of ours."""
    loc = tuple(step for step in item["loc"] if step != "[key]")
    kind, got = item["type"], item.get("input")
    if kind == "extra_forbidden":
        place = f"{path}:{line_at(tree, loc)}"
        return TieoutError(place, f"{trail(tree, loc[:-1])}: unknown key '{loc[-1]}'".removeprefix(": "), near_key(loc))
    if kind == "missing" and isinstance(loc[-1], int):
        return located(path, tree, loc[:-1], f"got {shown(got)}, expected two entries", "write [first, second]")
    if kind == "missing":
        choices = [word for found in types_at(loc) for word in typing.get_args(found) if typing.get_origin(found) is Literal]
        hint = f"add it: '{loc[-1]}: …'" + (f", with one of {', '.join(choices)}" if choices else "")
        return located(path, tree, loc[:-1], f"the key '{loc[-1]}' is missing", hint)
    if kind == "literal_error":
        known = expected.literals(item)
        hint = nearest(ELSEWHERE.get(str(got), got), known) or f"expected one of: {', '.join(known)}"
        return located(path, tree, loc, f"unknown {'key' if '[key]' in item['loc'] else 'value'} {shown(got)}", hint)
    if kind == "string_pattern_mismatch" and loc[0] == "documents":
        return located(path, tree, loc, f"{shown(got)} is not a Quarto document", "its name ends in .qmd")
    if kind == "string_pattern_mismatch":
        hint = "a name begins with a letter and holds letters, digits and underscores"
        return located(path, tree, loc, f"{shown(got)} is not a name", hint)
    if kind == "value_error":
        return located(path, tree, loc, str(item["ctx"]["error"]))
    return located(path, tree, loc, f"got {shown(got)}, expected {expected.of_pydantic(item)}")


ELSEWHERE = {
    "int": "integer", "float": "decimal", "double": "decimal", "numeric": "decimal", "number": "decimal", "string": "text",
    "character": "text", "factor": "category", "nominal": "category", "bool": "yesno", "boolean": "yesno", "binary": "yesno",
    "logit": "logistic", "ols": "linear", "coxph": "cox", "exact": "clopper_pearson",
}  # fmt: skip
"""What other programs call a value."""


def near_key(loc: tuple[Any, ...]) -> str:
    """Return a hint with the keys that are known where an unknown one stands."""
    known = fields_at(loc[:-1])
    return nearest(loc[-1], known) or f"known here: {', '.join(known)}"


def misspelt(item: Mapping[str, Any], items: list[Any]) -> bool:
    """Return whether a missing key is there under a name so near that the message of that one names it."""
    *inside, key = item["loc"]
    unknown = [other["loc"] for other in items if other["type"] == "extra_forbidden" and [*other["loc"][:-1]] == inside]
    return item["type"] == "missing" and any(f"'{key}'" in near_key(loc) for loc in unknown)
