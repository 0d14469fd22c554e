"""The layout of the tests: helpers live in tests/support, conftests hold fixtures and hooks, file names are unique."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

TESTS = Path(__file__).parents[1]


def is_fixture_or_hook(node: ast.stmt) -> bool:
    if not isinstance(node, ast.FunctionDef):
        return not isinstance(node, ast.ClassDef | ast.AsyncFunctionDef)
    return node.name.startswith("pytest_") or any("fixture" in ast.unparse(decorator) for decorator in node.decorator_list)


def test_conftests_hold_fixtures_and_hooks_only() -> None:
    conftests = list(TESTS.rglob("conftest.py"))
    helpers = {
        f"{path.relative_to(TESTS)}: {ast.unparse(node).splitlines()[0]}"
        for path in conftests
        for node in ast.parse(path.read_text()).body
        if not is_fixture_or_hook(node)
    }
    assert len(conftests) > 5
    assert not helpers, "move these to tests/support"


def test_the_check_finds_a_class_and_a_function() -> None:
    body = ast.parse("class FakeS3: ...\ndef helper(): ...\n@pytest.fixture\ndef aws(): ...\ndef pytest_configure(): ...").body
    assert [is_fixture_or_hook(node) for node in body] == [False, False, True, True]


def test_names_of_test_files_are_unique() -> None:
    names = Counter(path.name for path in TESTS.rglob("test_*.py"))
    assert [name for name, count in names.items() if count > 1] == []


def test_no_test_imports_from_a_conftest_or_another_test() -> None:
    wrong = [
        f"{path.relative_to(TESTS)} imports {node.module}"
        for path in TESTS.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[-1].startswith(("conftest", "test_"))
    ]
    assert not wrong
