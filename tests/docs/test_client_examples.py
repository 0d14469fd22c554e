"""Python examples of the documents use names that exist: imports, methods, fields and keyword arguments of the client."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from async_endpoint import AsyncEndpoint, ClientConfig, Completed, Invocation
from support.documents import ROOT

BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)
VARIABLES: dict[str, type] = {"endpoint": AsyncEndpoint, "invocation": Invocation, "result": Completed}
CLASSES: dict[str, type] = {"AsyncEndpoint": AsyncEndpoint, "ClientConfig": ClientConfig}
PAGES = [
    path
    for path in (ROOT / "README.md", ROOT / "docs/client.md", ROOT / "docs/migrate.md")
    if "async_endpoint" in path.read_text()
]


def examples(page: Path) -> list[ast.Module]:
    return [ast.parse(block) for block in BLOCK.findall(page.read_text()) if "async_endpoint" in block]


def members(kind: type) -> set[str]:
    fields = {field.name for field in dataclasses.fields(kind)} if dataclasses.is_dataclass(kind) else set()
    return {*dir(kind), *getattr(kind, "__slots__", ()), *fields}


def problems(tree: ast.Module) -> list[str]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("async_endpoint"):
            module = import_module(str(node.module))
            found += [f"no {node.module}.{alias.name}" for alias in node.names if not hasattr(module, alias.name)]
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            kind = (VARIABLES | CLASSES).get(node.value.id)
            if kind is not None and node.attr not in members(kind):
                found.append(f"no {kind.__name__}.{node.attr}")
        if isinstance(node, ast.Call):
            found += [f"no argument {word.arg} of {ast.unparse(node.func)}" for word in unknown_arguments(node)]
    return found


def unknown_arguments(call: ast.Call) -> list[ast.keyword]:
    target: Any = None
    if isinstance(call.func, ast.Name):
        target = CLASSES.get(call.func.id)
    elif isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name):
        kind = (VARIABLES | CLASSES).get(call.func.value.id)
        target = getattr(kind, call.func.attr, None) if kind else None
    if target is None:
        return []
    return [word for word in call.keywords if word.arg not in inspect.signature(target).parameters]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples_use_names_that_exist(page: Path) -> None:
    trees = examples(page)
    assert trees
    assert [problem for tree in trees for problem in problems(tree)] == []


def test_a_wrong_example_is_found() -> None:
    wrong = "from async_endpoint import Nothing\nendpoint.subimt(1)\nClientConfig(windows=1)\nendpoint.submit(b'', keys='a')"
    assert len(problems(ast.parse(wrong))) == 4


def test_the_table_of_settings_has_every_field_with_its_default() -> None:
    table = (ROOT / "docs/client.md").read_text().partition("## Configuration")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line.startswith("| `")]
    documented = {}
    for names, defaults, _ in rows:
        found = re.findall(r"`(\w+)`", names)
        documented.update(zip(found, defaults.split(", "), strict=True))
    for field in dataclasses.fields(ClientConfig):
        default = (
            f'`"{field.default}"`'
            if isinstance(field.default, str)
            else f"{field.default:g}"
            if (isinstance(field.default, int | float) and not isinstance(field.default, bool))
            else str(field.default)
        )
        assert documented.pop(field.name) == default
        assert f"{field.name}:" in (ClientConfig.__doc__ or "")
    assert documented == {}
