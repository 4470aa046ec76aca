"""SECURITY.md names the test of every promise; each of them is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
NAMED = re.compile(r"`(?:(test_\w+\.py))?::(test_\w+)`")


def named() -> list[tuple[str, str]]:
    """File and function of every test that the page names; a file stands for those behind it."""
    page = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("|")]
    found: list[tuple[str, str]] = []
    for row in rows:
        file = ""
        for match in NAMED.finditer(row):
            file = match[1] or file
            found.append((file, match[2]))
    return found


def test_every_test_that_the_page_names_exists() -> None:
    tests = named()
    assert len(tests) > 40
    for file, name in tests:
        assert file, f"{name}: the row names no file before it"
        tree = ast.parse((ROOT / "tests" / "server" / file).read_text(encoding="utf-8"))
        functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert name in functions, f"{file}::{name}"


def test_every_attack_is_on_the_page() -> None:
    """A test of an attack that the page does not name would be forgotten."""
    known = {name for file, name in named() if file == "test_rights.py"}
    tree = ast.parse((ROOT / "tests/server/test_rights.py").read_text(encoding="utf-8"))
    tests = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert {name for name in tests if name.startswith("test_")} == known
