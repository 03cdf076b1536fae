"""What those who carry on rely on: lint and types are clean, what others use is documented, links lead somewhere, tests can fail."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src"
PAGES = sorted(path for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("bench/*.md"), *ROOT.glob("data/**/*.md")))
Function = ast.FunctionDef | ast.AsyncFunctionDef
HELPERS = ("tested", "absent")
"""Functions that fill in a test or a fit for others."""


@cache
def modules() -> dict[str, ast.Module]:
    """Return the syntax of every module by its name."""
    found = {}
    for path in sorted(SOURCE.rglob("*.py")):
        name = ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")
        found[name] = ast.parse(path.read_text(encoding="utf-8"))
    return found


def ran(*command: str) -> str:
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_lint_is_clean():
    pytest.importorskip("ruff", reason="ruff is not installed")
    assert ran("ruff", "check", "--no-cache", "src", "tests", "bench") == ""


def test_types_are_clean(tmp_path):
    pytest.importorskip("mypy", reason="mypy is not installed")
    assert ran("mypy", "--cache-dir", str(tmp_path), "src", "bench") == ""


def used_elsewhere() -> set[tuple[str, str]]:
    """Return module and name of all that a module takes from another one."""
    used = set()
    for name, tree in modules().items():
        called: dict[str, str] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                for each in node.names:
                    whole = f"{node.module}.{each.name}"
                    if whole in modules():
                        called[each.asname or each.name] = whole
                    elif node.module in modules() and node.module != name:
                        used.add((node.module, each.name))
        attributes = (node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name))
        used |= {(called[node.value.id], node.attr) for node in attributes if node.value.id in called}
    return used


def test_every_module_says_what_it_is_for():
    assert [name for name, tree in modules().items() if not ast.get_docstring(tree)] == []


def test_whatever_another_module_uses_is_documented():
    used = used_elsewhere()
    assert len(used) > 300
    lacking = [
        f"{name}.{node.name}"
        for name, tree in modules().items()
        for node in tree.body
        if isinstance(node, Function | ast.ClassDef) and (name, node.name) in used and not ast.get_docstring(node)
    ]
    assert lacking == []


def statistics() -> Iterator[tuple[str, Function]]:
    """Yield the functions of statistics that are called with data and give an interval, a test or a fit."""
    for name in ("comparisons", "cox", "intervals", "kaplan_meier", "paired", "person_time", "regression", "stratified"):
        for node in modules()[f"tieout.analysis.{name}"].body:
            gives = isinstance(node, Function) and node.returns is not None and ast.unparse(node.returns)
            if gives in ("Estimate", "Test", "Fit") and not node.name.startswith("_") and node.name not in HELPERS:
                yield f"{name}.{node.name}", node


def test_every_statistic_names_its_source():
    """A paper (with its year), a library function, or R's; or the other function of the same module that does."""
    found = dict(statistics())
    assert len(found) > 30
    source = re.compile(r"\b(?:19|20)\d\d\b|scipy|statsmodels|\bR's\b|test of two groups|as (?:above|`\w+` does)|for two or more")
    lacking = [name for name, node in found.items() if not source.search(ast.get_docstring(node) or "")]
    assert lacking == []


def functions_of_tests() -> dict[str, list[Function]]:
    found: dict[str, list[Function]] = {}
    for path in sorted((ROOT / "tests").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, Function):
                found.setdefault(node.name, []).append(node)
    return found


def called(node: ast.AST) -> set[str]:
    calls = (each.func for each in ast.walk(node) if isinstance(each, ast.Call))
    return {each.attr if isinstance(each, ast.Attribute) else getattr(each, "id", "") for each in calls}


def test_no_test_is_without_something_that_can_fail():
    known = functions_of_tests()
    able = {
        name
        for name, nodes in known.items()
        if any(isinstance(each, ast.Assert | ast.Raise) for node in nodes for each in ast.walk(node))
        or any(name in ("raises", "fail") or name.startswith("assert_") for node in nodes for name in called(node))
    }
    for _ in range(3):
        able |= {name for name, nodes in known.items() if any(called(node) & able for node in nodes)}
    assert [name for name in known if name.startswith("test_") and name not in able] == []


def test_no_assertion_is_of_something_that_is_always_true():
    constant = [
        f"{name}:{each.lineno}"
        for name, nodes in functions_of_tests().items()
        for node in nodes
        for each in ast.walk(node)
        if isinstance(each, ast.Assert) and (isinstance(each.test, ast.Constant | ast.Tuple | ast.JoinedStr))
    ]
    assert constant == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_the_pages_lead_somewhere(page):
    text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.S)
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if ":" not in link]
    assert [link for link in links if link and not (page.parent / link).exists()] == []


def test_the_bench_names_its_parts():
    said = subprocess.run([sys.executable, "-m", "bench", "no-such"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert said.returncode == 2
    assert "no part is called no-such; there are build, table, audit, check, sites" in said.stderr
