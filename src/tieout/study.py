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

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import DuplicateKeyError, RoundTripConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from tieout.errors import TieoutError, nearest, raise_all, some_of

NAME = r"^[A-Za-z][A-Za-z0-9_]*$"
RESERVED = ("all", "patients", "ungrouped", "p", "smd", "difference", "risk_ratio", "odds_ratio", "univariable", "firth")
YES_NO = {"1": "Yes", "0": "No"}
NUMBERS = ("integer", "decimal")
LEVELLED = ("yesno", "category", "ordinal", "checkbox")
MOMENTS = ("date", "datetime")

Name = Annotated[str, StringConstraints(pattern=NAME)]
Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


def code(value: Any) -> Any:
    """Return a level or missing code as the text that stands in the data (1, not 1.0; a bool is refused)."""
    if isinstance(value, bool):
        raise ValueError("true and false are not codes; write 1 and 0, or quote the word")
    return str(value) if isinstance(value, (int, float)) else value


Code = Annotated[str, BeforeValidator(code)]
Codes = dict[Code, Text]
Where = dict[Name, tuple[Code, ...]]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Variable(Strict):
    """One column of the data dictionary, or one derived from others."""

    label: Text
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
        kept = {"label": self.label, "range": self.range, "summary": self.summary, "decimals": self.decimals}
        if self.span:
            return Variable(type="decimal", unit={"minutes": "min", "hours": "h", "days": "d"}[self.span[0]], **kept)
        return Variable(type="yesno", levels=self.levels, **kept)


class Screening(Strict):
    """The screening log: patients looked at before the registry began with them."""

    file: Text
    variables: dict[Name, Variable]


class Data(Strict):
    """Where the data lie and the day on which they were cut."""

    file: Text
    cut: date
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


def sections(value: Any) -> Any:
    """Return table rows as sections: a plain list is one section without a heading."""
    return {"": value} if isinstance(value, (list, tuple)) else value


class Table(Strict):
    """A table of characteristics by group; rows are variables, under headings if wished."""

    by: Name
    rows: Annotated[dict[str, tuple[Name, ...]], BeforeValidator(sections)]
    smd: bool = True
    where: Where = {}
    tests: dict[Name, Test] = {}
    summaries: dict[Name, Literal["median", "mean"]] = {}


class Model(Strict):
    """A logistic regression: the outcome, the terms that enter together, and those tried one by one."""

    outcome: Name
    label: Text
    terms: tuple[Name, ...] = Field(min_length=1)
    univariable: tuple[Name, ...] = ()
    reference: dict[Name, Code] = {}
    per: dict[Name, Annotated[float, Field(gt=0)]] = {}
    interval: Literal["wald", "profile"] | None = None


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

    kind: Literal["flow", "distribution", "forest"]
    of: Name | None = None


class Claim(Strict):
    """A sentence of the document that may stand only while its condition holds."""

    condition: Name
    states: Text


class Study(Strict):
    """What is declared once about a study."""

    name: Text
    title: Text
    synthetic: str = ""
    journal: Literal["jnis"] = "jnis"
    data: Data
    documents: dict[Literal["manuscript"], Annotated[str, StringConstraints(pattern=r"\.qmd$")]] = Field(min_length=1)
    variables: dict[Name, Variable]
    derived: dict[Name, Derived] = {}
    methods: Methods = Methods()
    groups: dict[Name, Group] = {}
    outcomes: dict[Name, Outcome] = {}
    tables: dict[Name, Table] = {}
    models: dict[Name, Model] = {}
    shifts: dict[Name, Shift] = {}
    flow: tuple[Step, ...] = ()
    figures: dict[Name, Figure] = {}
    conditions: dict[Name, Text] = {}
    claims: dict[Name, Claim] = {}
    path: Path = Path()
    digest: str = ""

    @property
    def dictionary(self) -> dict[str, Variable]:
        """Every variable that the analysis can use: the columns, then the derived."""
        return {**self.variables, **{name: d.as_variable() for name, d in self.derived.items()}}

    def with_role(self, role: str) -> str:
        """Return the name of the variable that has a role which the strict reading made unique."""
        return next(name for name, v in self.variables.items() if v.role == role)

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
        raw = path.read_bytes()
    except FileNotFoundError:
        raise TieoutError(str(path), "there is no study file here", "name it: tieout build path/to/study.yaml") from None
    except OSError as error:
        raise TieoutError(str(path), f"the study file cannot be read: {error.strerror}") from None
    tree = parse(path, raw)
    try:
        study = Study.model_validate(
            {**plain(tree), "path": path, "digest": hashlib.sha256(raw).hexdigest()}, by_alias=True
        )
    except ValidationError as error:
        raise_all([explain(path, tree, item) for item in error.errors()])
        raise
    raise_all([located(path, tree, *found) for found in mistakes(study)])
    return study


class DatesAsText(RoundTripConstructor):
    """Leave dates to pydantic, which says what is wrong with an impossible one."""


DatesAsText.add_constructor("tag:yaml.org,2002:timestamp", lambda loader, node: node.value)


def parse(path: Path, raw: bytes) -> CommentedMap:
    """Parse YAML 1.2 text into maps that know their lines; raise TieoutError where it is not YAML."""
    yaml = YAML(typ="rt", pure=True)
    yaml.Constructor = DatesAsText
    try:
        tree = yaml.load(raw.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise TieoutError(str(path), "the study file is not UTF-8 text", "save it as UTF-8") from None
    except DuplicateKeyError as error:
        key = re.search(r'duplicate key "([^"]*)"', str(error.problem))
        word = key.group(1) if key else "a key"
        raise TieoutError(f"{path}:{line_of_mark(error)}", f"'{word}' stands twice in the same place") from None
    except MarkedYAMLError as error:
        raise TieoutError(
            f"{path}:{line_of_mark(error)}", f"this is not YAML: {error.problem}", "check the indentation and the quotes"
        ) from None
    except (YAMLError, RecursionError, ValueError):
        raise TieoutError(str(path), "this is not YAML") from None
    if not isinstance(tree, CommentedMap):
        raise TieoutError(str(path), "the study file is empty", "a study file begins with 'name:' and 'title:'")
    for reserved in ("path", "digest"):
        if reserved in tree:
            raise TieoutError(f"{path}:{line_at(tree, (reserved,))}", f"unknown key '{reserved}'")
    return tree


def line_of_mark(error: MarkedYAMLError) -> int:
    mark = error.problem_mark or error.context_mark
    return mark.line + 1 if mark else 1


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


def trail(loc: tuple[Any, ...]) -> str:
    return " › ".join(str(step) for step in loc)


def located(path: Path, tree: CommentedMap, loc: tuple[Any, ...], problem: str, hint: str = "") -> TieoutError:
    """Return an error with the file, the line and the trail of keys."""
    place = f"{path}:{line_at(tree, loc)}"
    return TieoutError(place, f"{trail(loc)}: {problem}" if loc else problem, hint)


def fields_at(loc: tuple[Any, ...]) -> list[str]:
    """Return the keys that the model at `loc` knows."""
    kind: Any = Study
    for step in loc:
        kind = next(iter(inner_types(kind, step)), None)
        if kind is None:
            return []
    models = [k for k in unwrapped(kind) if isinstance(k, type) and issubclass(k, BaseModel)]
    return [f.alias or n for m in models for n, f in m.model_fields.items() if n not in ("path", "digest")]


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


WORDS = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "dict_type": "a list of 'name: value' lines",
    "model_type": "a list of 'name: value' lines",
    "tuple_type": "a list in square brackets or with dashes",
    "date_from_datetime_parsing": "a date such as 2021-06-30",
    "date_type": "a date such as 2021-06-30",
    "date_parsing": "a date such as 2021-06-30",
    "string_too_short": "some text",
    "too_short": "at least one entry",
}


def explain(path: Path, tree: CommentedMap, item: Mapping[str, Any]) -> TieoutError:
    """Return pydantic's finding in the words of an error of ours."""
    loc = tuple(step for step in item["loc"] if step != "[key]")
    kind, got = item["type"], item.get("input")
    if kind == "extra_forbidden":
        known = fields_at(loc[:-1])
        hint = nearest(loc[-1], known) or f"known here: {', '.join(known)}"
        place = f"{path}:{line_at(tree, loc)}"
        return TieoutError(place, f"{trail(loc[:-1])}: unknown key '{loc[-1]}'".removeprefix(": "), hint)
    if kind == "missing":
        return located(path, tree, loc[:-1], f"the key '{loc[-1]}' is missing")
    if kind == "literal_error":
        known = re.findall(r"'([^']*)'", item["ctx"]["expected"])
        hint = nearest(got, known) or f"expected one of: {', '.join(known)}"
        return located(path, tree, loc, f"unknown value {shown(got)}", hint)
    if kind == "string_pattern_mismatch" and loc[0] == "documents":
        return located(path, tree, loc, f"{shown(got)} is not a Quarto document", "its name ends in .qmd")
    if kind == "string_pattern_mismatch":
        hint = "a name begins with a letter and holds letters, digits and underscores"
        return located(path, tree, loc, f"{shown(got)} is not a name", hint)
    if kind == "value_error":
        return located(path, tree, loc, str(item["ctx"]["error"]))
    expected = WORDS.get(kind, item["msg"][:1].lower() + item["msg"][1:])
    return located(path, tree, loc, f"got {shown(got)}, expected {expected}")


def shown(value: Any) -> str:
    text = "nothing" if value is None else f"'{value}'"
    return text if len(text) <= 60 else text[:57] + "…'"


Mistake = tuple[tuple[Any, ...], str, str]


def mistakes(study: Study) -> list[Mistake]:
    """Return what is wrong between the parts of a study file: loc, problem, hint."""
    return [found for check in CHECKS for found in check(study)]


def unknown(kind: str, name: str, known: typing.Iterable[str]) -> tuple[str, str]:
    known = list(known)
    return (
        f"no {kind} is called '{name}'",
        nearest(name, known) or (f"{kind}s here: {some_of(known)}" if known else f"no {kind} is declared"),
    )


def check_variables(study: Study) -> Iterator[Mistake]:
    """Levels where levels belong, ranges in order, codes told apart, names declared once."""
    tables = [("variables", study.variables)]
    if study.data.screening:
        tables.append(("data", study.data.screening.variables))
    for where, variables in tables:
        prefix = (where,) if where == "variables" else ("data", "screening", "variables")
        for name, variable in variables.items():
            loc = (*prefix, name)
            yield from check_variable(loc, variable)
    for name in sorted(set(RESERVED) & {*study.variables, *study.derived}):
        loc = ("variables" if name in study.variables else "derived", name)
        yield loc, f"'{name}' is a word of the keys themselves", "choose another name"
    for name in sorted(set(study.variables) & set(study.derived)):
        yield ("derived", name), f"'{name}' is a column already", "give the derived variable another name"
    for role in ("record", "site", "enrolled"):
        holders = [name for name, v in study.variables.items() if v.role == role]
        if len(holders) != 1:
            problem = f"{len(holders)} variables have the role '{role}', expected one"
            yield ("variables", *holders[1:2]), problem, f"give exactly one variable 'role: {role}'"


def check_variable(loc: tuple[Any, ...], variable: Variable) -> Iterator[Mistake]:
    levelled = variable.type in LEVELLED
    if levelled and not variable.codes:
        yield loc, f"a {variable.type} variable needs its levels", "write levels: {1: first label, 2: second label}"
    if variable.levels and not levelled:
        yield (*loc, "levels"), f"a variable of type {variable.type} has no levels", "did you mean 'category'?"
    if variable.type == "yesno" and set(variable.codes) != {"0", "1"}:
        yield (*loc, "levels"), f"got {some_of(variable.codes)}, expected the codes 1 and 0", "or use type: category"
    if variable.range and variable.range[0] >= variable.range[1]:
        low, high = variable.range
        yield (*loc, "range"), f"impossible range: {low:g} is not below {high:g}", "write the lower limit first"
    if variable.range and variable.type not in NUMBERS:
        yield (*loc, "range"), f"a variable of type {variable.type} has no range", ""
    for both in set(variable.codes) & set(variable.absent):
        yield (*loc, "missing", both), f"the code {both} is a level and a missing code", ""
    for both in set(variable.missing) & set(variable.not_applicable):
        yield (*loc, "missing", both), f"the code {both} is declared missing and not applicable", ""
    doubled = [label for label in variable.codes.values() if list(variable.codes.values()).count(label) > 1]
    if doubled:
        yield (*loc, "levels"), f"two levels have the label '{doubled[0]}'", ""


def check_where(study: Study, loc: tuple[Any, ...], where: Where, source: str = "registry") -> Iterator[Mistake]:
    variables = study.dictionary if source == "registry" else study.data.screening.variables  # type: ignore[union-attr]
    for name, codes in where.items():
        if name not in variables:
            yield (*loc, name), *unknown("variable", name, variables)
            continue
        for level in codes:
            if level not in variables[name].codes:
                yield (*loc, name), *unknown("level", level, variables[name].codes)


def check_derived(study: Study) -> Iterator[Mistake]:
    """One rule each, from columns that exist, with times between moments."""
    for name, derived in study.derived.items():
        loc = ("derived", name)
        if len(derived.rules) != 1:
            given = " and ".join(rule.strip("_") for rule in derived.rules) or "no rule"
            yield loc, f"got {given}, expected exactly one of: is, minutes, hours, days", ""
        for variable, codes in (derived.is_ or {}).items():
            if variable not in study.variables:
                yield (*loc, "is", variable), *unknown("variable", variable, study.variables)
                continue
            for level in codes:
                if level not in study.variables[variable].codes:
                    yield (*loc, "is", variable), *unknown("level", level, study.variables[variable].codes)
        for variable in derived.span[1] if derived.span else ():
            moments = [n for n, v in study.variables.items() if v.type in MOMENTS]
            if variable not in moments:
                yield (*loc, derived.span[0], variable), *unknown("date or time", variable, moments)  # type: ignore[index]
        yield from check_variable(loc, derived.as_variable())


def usable(study: Study, loc: tuple[Any, ...], name: str, types_: tuple[str, ...]) -> Iterator[Mistake]:
    """Check that a variable exists, is not a key, site or identifier, and has a type that fits."""
    variable = study.dictionary.get(name)
    if variable is None:
        yield loc, *unknown("variable", name, study.dictionary)
    elif variable.role in ("record", "site", "identifier"):
        yield loc, f"'{name}' is a {variable.role} and never analysed by name", ""
    elif variable.type not in types_:
        yield loc, f"'{name}' is of type {variable.type}, expected {' or '.join(types_)}", ""


def check_groups(study: Study) -> Iterator[Mistake]:
    for name, group in study.groups.items():
        loc = ("groups", name)
        found = list(usable(study, (*loc, "variable"), group.variable, ("yesno", "category", "ordinal")))
        yield from found
        if not found:
            codes = study.dictionary[group.variable].codes
            for segment, level in group.levels.items():
                if level not in codes:
                    yield (*loc, "levels", segment), *unknown("level", level, codes)
                if segment in RESERVED:
                    yield (*loc, "levels", segment), f"'{segment}' is a word of the keys themselves", "choose another"
            for segment in group.labels:
                if segment not in group.levels:
                    yield (*loc, "labels", segment), *unknown("group", segment, group.levels)
            if len(set(group.levels.values())) < len(group.levels):
                yield (*loc, "levels"), "a level stands twice", ""


def check_group_named(study: Study, loc: tuple[Any, ...], name: str) -> Iterator[Mistake]:
    if name not in study.groups:
        yield (*loc, "by"), *unknown("group", name, study.groups)


def check_outcomes(study: Study) -> Iterator[Mistake]:
    for name, outcome in study.outcomes.items():
        loc = ("outcomes", name)
        found = list(usable(study, (*loc, "variable"), outcome.variable, ("yesno", "category", "ordinal")))
        yield from found
        for level in () if found else outcome.event:
            codes = study.dictionary[outcome.variable].codes
            if level not in codes:
                yield (*loc, "event"), *unknown("level", level, codes)
        yield from check_where(study, (*loc, "where"), outcome.where)
        if outcome.by:
            yield from check_group_named(study, loc, outcome.by)


def check_tables(study: Study) -> Iterator[Mistake]:
    kinds = (*NUMBERS, *LEVELLED)
    for name, table in study.tables.items():
        loc = ("tables", name)
        yield from check_group_named(study, loc, table.by)
        yield from check_where(study, (*loc, "where"), table.where)
        rows = [row for section in table.rows.values() for row in section]
        for heading, section in table.rows.items():
            inside = (*loc, "rows", heading) if heading else (*loc, "rows")
            for row in section:
                yield from usable(study, (*inside, row), row, kinds)
        for row in {row for row in rows if rows.count(row) > 1}:
            yield (*loc, "rows"), f"the row '{row}' stands twice", ""
        for what in ("tests", "summaries"):
            for row in getattr(table, what):
                if row not in rows:
                    yield (*loc, what, row), *unknown("row", row, rows)


def check_models(study: Study) -> Iterator[Mistake]:
    for name, model in study.models.items():
        loc = ("models", name)
        yield from usable(study, (*loc, "outcome"), model.outcome, ("yesno",))
        for part in ("terms", "univariable"):
            terms = getattr(model, part)
            for term in terms:
                yield from usable(study, (*loc, part, term), term, (*NUMBERS, "yesno", "category", "ordinal"))
                if term == model.outcome:
                    yield (*loc, part, term), "the outcome cannot explain itself", ""
            for term in {t for t in terms if terms.count(t) > 1}:
                yield (*loc, part), f"the term '{term}' stands twice", ""
        terms = dict.fromkeys((*model.terms, *model.univariable))
        for part in ("reference", "per"):
            for term in getattr(model, part):
                if term not in terms:
                    yield (*loc, part, term), *unknown("term", term, terms)
        for term, level in model.reference.items():
            codes = study.dictionary[term].codes if term in study.dictionary else {level: ""}
            if level not in codes:
                yield (*loc, "reference", term), *unknown("level", level, codes)


def check_shifts(study: Study) -> Iterator[Mistake]:
    for name, shift in study.shifts.items():
        loc = ("shifts", name)
        yield from usable(study, (*loc, "variable"), shift.variable, ("ordinal",))
        yield from check_group_named(study, loc, shift.by)


def check_flow(study: Study) -> Iterator[Mistake]:
    names = [step.name for step in study.flow]
    for index, step in enumerate(study.flow):
        loc = ("flow", index)
        if names.count(step.name) > 1:
            yield (*loc, "name"), f"the step '{step.name}' stands twice", ""
        if step.of == "screening" and study.data.screening is None:
            yield (*loc, "of"), "the study declares no screening log", "add it under data › screening"
            continue
        yield from check_where(study, (*loc, "where"), step.where, step.of)
        known = study.dictionary if step.of == "registry" else study.data.screening.variables  # type: ignore[union-attr]
        if step.reasons and step.reasons not in known:
            yield (*loc, "reasons"), *unknown("variable", step.reasons, known)


def check_figures(study: Study) -> Iterator[Mistake]:
    sources = {"distribution": ("shift", study.shifts), "forest": ("model", study.models)}
    for name, figure in study.figures.items():
        loc = ("figures", name)
        if figure.kind in sources:
            kind, known = sources[figure.kind]
            if figure.of not in known:
                yield (*loc, "of"), *unknown(kind, str(figure.of), known)
        elif not study.flow:
            yield loc, "the study declares no flow", ""


def check_claims(study: Study) -> Iterator[Mistake]:
    for name, claim in study.claims.items():
        if claim.condition not in study.conditions:
            yield ("claims", name, "condition"), *unknown("condition", claim.condition, study.conditions)


CHECKS = (
    check_variables,
    check_derived,
    check_groups,
    check_outcomes,
    check_tables,
    check_models,
    check_shifts,
    check_flow,
    check_figures,
    check_claims,
)
