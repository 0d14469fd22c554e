"""A module imports only from floors below its own (DESIGN: "The Python package: floors"), and nothing imports a command."""

from __future__ import annotations

import ast
from pathlib import Path

import async_endpoint

PACKAGE = Path(async_endpoint.__file__).parent

# What each part may import besides itself. Parts on one floor do not know each other.
BELOW = {
    "core": set(),
    "signals": set(),
    "workspace": {"core"},
    "input_files": {"core"},
    "iam": {"core"},
    "local_credentials": {"core", "workspace"},
    "aws": {"core", "local_credentials"},
    "autoscaling": {"core"},
    "packaging": {"core", "input_files"},
    "client": {"aws", "core", "input_files", "local_credentials", "workspace"},
    "batch": {"aws", "client", "core", "input_files"},
    "operations": {"aws", "client", "core", "input_files"},
    "emulator": {"autoscaling", "core", "iam", "local_credentials", "workspace"},
    "terraform": {"core", "emulator.record", "local_credentials", "signals", "workspace"},
    "deploy": {
        "autoscaling",
        "aws",
        "core",
        "emulator.record",
        "iam",
        "local_credentials",
        "signals",
        "terraform",
        "workspace",
    },
    "demo": {"client", "core", "deploy", "emulator", "local_credentials", "packaging", "terraform", "workspace"},
    "cli": {
        "aws",
        "batch",
        "client",
        "core",
        "demo",
        "deploy",
        "emulator",
        "input_files",
        "local_credentials",
        "operations",
        "packaging",
        "signals",
        "terraform",
        "workspace",
    },
}


def imports_of(path: Path) -> set[str]:
    """The modules of this package that a file imports, as `part.module`."""
    tree = ast.parse(path.read_text())
    names = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    names += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    return {name.removeprefix("async_endpoint.") for name in names if name.startswith("async_endpoint.")}


def forbidden(part: str, name: str) -> bool:
    allowed = BELOW[part] | {part}
    return not any(name == known or name.startswith(f"{known}.") for known in allowed)


def part_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def test_every_import_goes_down() -> None:
    sources = [path for path in PACKAGE.rglob("*.py") if part_of(path) != "__init__"]
    wrong = {
        f"{path.relative_to(PACKAGE)} imports {name}"
        for path in sources
        for name in imports_of(path)
        if forbidden(part_of(path), name)
    }
    assert len(sources) > 50
    assert not wrong


def test_autoscaling_has_no_clock_and_no_io() -> None:
    used = {
        alias.name
        for path in (PACKAGE / "autoscaling").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    assert used <= {"calendar", "math", "operator", "re"}


def test_the_check_sees_a_wrong_import() -> None:
    assert forbidden("client", "emulator.record")
    assert forbidden("autoscaling", "workspace")
    assert not forbidden("terraform", "emulator.record")
