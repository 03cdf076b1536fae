"""The examples of CONTRIBUTING.md are whole: each change is made in a copy of the sources, and the lines under it hold."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
EXAMPLES = {
    name: (diff, code)
    for name, diff, code in re.findall(r"<!-- example: (\w+) -->\n```diff\n(.*?)```\n\n```python\n(.*?)```", TEXT, re.DOTALL)
}


def test_there_is_an_example_of_each_thing_that_is_added():
    assert set(EXAMPLES) == {"journal", "rule", "interval", "reader"}


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_can_be_made_and_does_what_it_says(name, tmp_path):
    if not shutil.which("git"):
        pytest.skip("git is not installed")
    diff, code = EXAMPLES[name]
    for folder in ("src", "templates"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for folder in ("report", "data"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    made = subprocess.run(
        ["git", "apply", "--recount", "-"], cwd=tmp_path, input=diff.encode(), capture_output=True, check=False,
        env={**os.environ, "GIT_CEILING_DIRECTORIES": str(tmp_path.parent)},
    )  # fmt: skip
    assert made.returncode == 0, made.stderr.decode()
    env = {**os.environ, "PYTHONPATH": str(tmp_path / "src")}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
