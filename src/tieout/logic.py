"""Read a rule over the variables of one patient, and say for which records it holds."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tieout.errors import nearest, some_of

if TYPE_CHECKING:
    from tieout.study import Variable

Mask = NDArray[np.bool_]
LONGEST = 2000
"""Characters of the longest rule that is read."""
SHOWN = 80
"""Characters of a rule that a message shows."""
LARGEST = 2.0**53
EXAMPLE = "write, say, t_door <= t_puncture, or stent == 1 and age >= 18"
COMPARED: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
}  # fmt: skip
SPANS = {"minutes": 60.0, "hours": 3600.0, "days": 86400.0}
PRESENCE = ("known", "missing")


@dataclass(frozen=True)
class Truth:
    """For each record whether a rule holds, and whether it fails; neither where a value that decides it is missing."""

    holds: Mask
    fails: Mask

    @property
    def inverted(self) -> Truth:
        return Truth(self.fails, self.holds)


@dataclass(frozen=True)
class Values:
    """One side of a comparison: a column with its kind and its codes, or a literal.

    `kind` is "number", "level", "moment", "text" or "literal"; `codes` are a levelled variable's, in order.
    """

    kind: str
    column: Any
    codes: tuple[str, ...] = ()
    name: str = ""
    whole_days: bool = False


class Misread(ValueError):
    """A rule that cannot be read; the message says why in words of the study file."""


def names(rule: str) -> tuple[str, ...]:
    """Return the variables that a rule looks at, in the order in which they stand; raises Misread as `check` does."""
    tree = parsed(rule)
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    found = (node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in called)
    return tuple(sorted(dict.fromkeys(found), key=rule.index))


SAID = {
    ast.Eq: "is", ast.NotEq: "is not", ast.Lt: "<", ast.LtE: "≤", ast.Gt: ">", ast.GtE: "≥", ast.In: "is one of",
    ast.NotIn: "is none of",
}  # fmt: skip


def spoken(rule: str, columns: Mapping[str, Variable]) -> str:
    """Return a rule that has been checked in words: the labels of variables and levels in place of names and codes."""
    return said(parsed(rule).body, columns)


def said(node: ast.AST, columns: Mapping[str, Variable], codes: Mapping[str, str] = MappingProxyType({})) -> str:
    """Return a part of a rule in words; `codes` are those of the variable with which it is compared."""
    match node:
        case ast.BoolOp(op=op, values=parts):
            word = " and " if isinstance(op, ast.And) else " or "
            return word.join(f"({said(part, columns)})" if isinstance(part, ast.BoolOp) else said(part, columns) for part in parts)
        case ast.UnaryOp(op=ast.Not(), operand=inner):
            return f"not ({said(inner, columns)})"
        case ast.Compare(left=left, ops=signs, comparators=rights):
            variable = next((columns[each.id] for each in (left, *rights) if isinstance(each, ast.Name)), None)
            codes = variable.codes if variable else codes
            words = [f"{SAID[type(sign)]} {said(right, columns, codes)}" for sign, right in zip(signs, rights, strict=True)]
            return " ".join([said(left, columns, codes), *words])
        case ast.Call(func=ast.Name(id=word), args=[ast.Name(id=name)]):
            return f"“{columns[name].label}” is {'recorded' if word == 'known' else 'not recorded'}"
        case ast.Call(func=ast.Name(id=unit), args=[ast.Name(id=first), ast.Name(id=second)]):
            return f"{unit} from “{columns[first].label}” to “{columns[second].label}”"
        case ast.Name(id=name):
            return f"“{columns[name].label}”"
        case ast.Tuple(elts=parts) | ast.List(elts=parts) | ast.Set(elts=parts):
            return ", ".join(said(part, columns, codes) for part in parts)
        case ast.Constant(value=fixed):
            return codes.get(str(fixed), str(fixed))
    return ast.unparse(node)


def check(rule: str, columns: Mapping[str, Variable]) -> None:
    """Raise Misread where a rule is no rule, names what is unknown, or compares what cannot be compared.

    `columns` are the variables that it may name.
    """
    empty = pd.DataFrame({name: empty_column(variable) for name, variable in columns.items()})
    judge(rule, empty, columns)


def judge(rule: str, frame: pd.DataFrame, columns: Mapping[str, Variable]) -> Truth:
    """Return for which records a rule holds and for which it fails, by Kleene's logic of three values.

    `frame` has the typed columns of a Registry, `columns` their entries of the data dictionary. A comparison with a
    missing value neither holds nor fails; `known(x)` and `missing(x)` always do one of both. Days are compared as days
    where one of two moments has no time. Raises Misread.
    """
    return truth(parsed(rule).body, frame, columns)


def parsed(rule: str) -> ast.Expression:
    if len(rule) > LONGEST:
        raise Misread(f"it has {len(rule)} characters, expected at most {LONGEST}")
    try:
        return ast.parse(rule.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise Misread("this is no rule") from None


def written(node: ast.AST) -> str:
    """Return a part of a rule as it is shown in a message."""
    whole = ast.unparse(node)
    return whole if len(whole) <= SHOWN else f"{whole[:SHOWN]}…"


def truth(node: ast.expr, frame: pd.DataFrame, columns: Mapping[str, Variable]) -> Truth:
    """Return the truth of one part of a rule."""
    match node:
        case ast.BoolOp(op=op, values=parts):
            return reduce(both if isinstance(op, ast.And) else either, (truth(part, frame, columns) for part in parts))
        case ast.UnaryOp(op=ast.Not(), operand=inner):
            return truth(inner, frame, columns).inverted
        case ast.Compare():
            return reduce(both, comparisons(node, frame, columns))
        case ast.Call(func=ast.Name(id=word), args=[ast.Name(id=name)], keywords=[]) if word in PRESENCE:
            present = variable_of(name, frame, columns).column.notna().to_numpy()
            return Truth(present, ~present) if word == "known" else Truth(~present, present)
    raise Misread(f"'{written(node)}' is neither true nor false")


def both(one: Truth, other: Truth) -> Truth:
    return Truth(one.holds & other.holds, one.fails | other.fails)


def either(one: Truth, other: Truth) -> Truth:
    return Truth(one.holds | other.holds, one.fails & other.fails)


def comparisons(node: ast.Compare, frame: pd.DataFrame, columns: Mapping[str, Variable]) -> Iterator[Truth]:
    """Yield the truth of each link of a chain such as a <= b <= c."""
    sides = [node.left, *node.comparators]
    for sign, left, right in zip(node.ops, sides, sides[1:], strict=False):
        if isinstance(sign, (ast.In, ast.NotIn)):
            if not isinstance(right, (ast.Tuple, ast.List, ast.Set)) or not right.elts:
                raise Misread(f"'{written(right)}' is no list of codes, expected, say, (1, 2)")
            found = reduce(either, (compared(ast.Eq(), left, each, frame, columns) for each in right.elts))
            yield found if isinstance(sign, ast.In) else found.inverted
        else:
            yield compared(sign, left, right, frame, columns)


def compared(sign: ast.cmpop, left: ast.expr, right: ast.expr, frame: pd.DataFrame, columns: Mapping[str, Variable]) -> Truth:
    if type(sign) not in COMPARED:
        raise Misread(f"'{written(left)} … {written(right)}' is compared in a way that rules do not know")
    one, other = value(left, frame, columns), value(right, frame, columns)
    if one.kind == other.kind == "literal":
        raise Misread(f"'{written(left)}' and '{written(right)}' are both fixed: one must be a variable")
    order = not isinstance(sign, (ast.Eq, ast.NotEq))
    a, b = alike(one, other, order)
    result = np.asarray(COMPARED[type(sign)](a, b), dtype=bool) & np.ones(len(frame), dtype=bool)
    known = np.asarray(pd.notna(a) & pd.notna(b), dtype=bool) & np.ones(len(frame), dtype=bool)
    return Truth(result & known, ~result & known)


def value(node: ast.expr, frame: pd.DataFrame, columns: Mapping[str, Variable]) -> Values:
    """Return one side of a comparison."""
    match node:
        case ast.Name(id=name):
            return variable_of(name, frame, columns)
        case ast.Constant(value=bool()):
            raise Misread("true and false are not codes; write 1 and 0")
        case ast.Constant(value=str() as text):
            return Values("literal", text)
        case ast.Constant(value=int() | float() as number) if abs(number) < LARGEST:
            return Values("literal", number)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)) if abs(number) < LARGEST:
            return Values("literal", -number)
        case ast.Call(func=ast.Name(id=unit), args=[ast.Name(id=first), ast.Name(id=second)], keywords=[]) if unit in SPANS:
            moments = [variable_of(name, frame, columns) for name in (first, second)]
            for each in moments:
                if each.kind != "moment":
                    raise Misread(f"'{each.name}' is no date or time")
            span = (moments[1].column - moments[0].column).dt.total_seconds() / SPANS[unit]
            return Values("number", span.to_numpy(), name=f"{unit}({first}, {second})")
    raise Misread(f"'{written(node)}' is not something that rules know")


def variable_of(name: str, frame: pd.DataFrame, columns: Mapping[str, Variable]) -> Values:
    if name not in columns:
        raise Misread(f"no variable is called '{name}'; " + (nearest(name, columns) or f"there are {some_of(columns)}"))
    variable, column = columns[name], frame[name]
    if variable.codes:
        return Values("level", column, tuple(variable.codes), name)
    kind = {"integer": "number", "decimal": "number", "date": "moment", "datetime": "moment"}.get(variable.type, "text")
    return Values(kind, column, name=name, whole_days=variable.type == "date")


def alike(one: Values, other: Values, order: bool) -> tuple[Any, Any]:
    """Return two sides as arrays, or an array and a number, that can be compared."""
    if one.kind == "literal":
        b, a = alike(other, one, order)
        return a, b
    if other.kind == "literal":
        return against(one, other.column, order)
    if {one.kind, other.kind} == {"level"}:
        if one.codes == other.codes:
            return position(one), position(other)
        return numeric(one), numeric(other)
    kinds = {one.kind, other.kind}
    if kinds == {"number", "level"}:
        return numeric(one), numeric(other)
    if len(kinds) > 1 or (order and kinds == {"text"}):
        raise Misread(f"'{one.name}' and '{other.name}' cannot be compared")
    if kinds == {"moment"} and (one.whole_days or other.whole_days):
        return one.column.dt.normalize().to_numpy(), other.column.dt.normalize().to_numpy()
    return np.asarray(one.column), np.asarray(other.column)


def against(side: Values, fixed: float | str, order: bool) -> tuple[Any, Any]:
    """Return a column and a literal as what can be compared."""
    if side.kind == "level":
        code = str(fixed)
        if order and is_number(code):
            return numeric(side), float(code)
        if code in side.codes:
            return position(side), float(side.codes.index(code))
        raise Misread(f"'{side.name}' has no level '{code}'; its levels are {some_of(side.codes, 12)}")
    if side.kind == "number":
        if isinstance(fixed, str) and not is_number(fixed):
            raise Misread(f"'{side.name}' is a number and cannot be compared with '{fixed}'")
        return np.asarray(side.column), float(fixed)
    if side.kind == "moment":
        day = pd.to_datetime(str(fixed), format="ISO8601", errors="coerce") if isinstance(fixed, str) else pd.NaT
        if pd.isna(day):
            raise Misread(f"'{side.name}' is a date, to be compared with a day such as '2021-01-31' or another date")
        whole = side.whole_days or len(str(fixed)) == 10
        return (side.column.dt.normalize() if whole else side.column).to_numpy(), day.to_datetime64()
    if order:
        raise Misread(f"'{side.name}' is text, which has no order")
    text = side.column.astype(object).to_numpy()
    return text, str(fixed)


def position(side: Values) -> NDArray[np.float64]:
    """Return the place of each level in the order of the dictionary; NaN where the value is missing."""
    codes = side.column.cat.codes.to_numpy().astype(float)
    return np.where(codes < 0, np.nan, codes)


def numeric(side: Values) -> NDArray[np.float64]:
    """Return levels as the numbers that their codes are; raises Misread where they are not."""
    if side.kind == "number":
        return np.asarray(side.column, dtype=float)
    if not all(map(is_number, side.codes)):
        raise Misread(f"the levels of '{side.name}' are not all numbers; compare with one of them: {some_of(side.codes, 12)}")
    scores = np.array([float(code) for code in side.codes] + [np.nan])
    return scores[side.column.cat.codes.to_numpy()]


def is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False


def empty_column(variable: Variable) -> pd.Series:
    kinds = {"integer": "float64", "decimal": "float64", "date": "datetime64[us]", "datetime": "datetime64[us]"}
    if variable.codes:
        return pd.Series([], dtype=pd.CategoricalDtype(list(variable.codes), ordered=variable.type == "ordinal"))
    return pd.Series([], dtype=kinds.get(variable.type, "object"))
