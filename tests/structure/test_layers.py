"""A module imports only from floors below its own (DESIGN: "The Python package: floors"), and nothing imports a command."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import async_endpoint

PACKAGE = Path(async_endpoint.__file__).parent
STARTS_A_PROCESS = re.compile(
    r"(subprocess\.)?(run|Popen|call|check_call|check_output)|os\.(system|popen|exec\w+|spawn\w+|posix_spawn\w*)"
    r"|(asyncio\.)?create_subprocess_\w+|(runpy\.)?run_module"
)

# What each part may import besides itself. Parts on one floor do not know each other.
BELOW = {
    "core": set(),
    "signals": set(),
    "workspace": {"core"},
    "input_files": {"core"},
    "error_report": {"core", "input_files"},
    "iam": {"core"},
    "local_aws": {"core", "workspace"},
    "aws_role": set(),
    "aws": {"aws_role", "core", "local_aws"},
    "stacks": {"aws"},
    "autoscaling": {"core"},
    "capacity": {"autoscaling", "core"},
    "price_lists": {"capacity", "core"},
    "plots": {"capacity", "core"},
    "packaging": {"core", "input_files"},
    "client": {"aws", "core", "input_files", "local_aws", "terraform.outputs", "workspace"},
    "batch": {"aws", "client", "core", "input_files"},
    "operations": {"aws", "client", "core", "input_files", "stacks"},
    "sizing": {"autoscaling", "aws", "batch", "capacity", "client", "core", "input_files", "local_aws", "signals", "workspace"},
    "http_api": {"aws", "client", "core", "input_files", "local_aws", "signals", "workspace"},
    "emulator": {"autoscaling", "core", "error_report", "iam", "local_aws", "signals", "workspace"},
    "terraform": {"aws", "core", "input_files", "local_aws", "signals", "workspace"},
    "deploy": {
        "autoscaling",
        "aws",
        "capacity",
        "core",
        "iam",
        "input_files",
        "local_aws",
        "packaging",
        "signals",
        "stacks",
        "terraform",
        "workspace",
    },
    "pytest_plugin": {"core", "emulator", "local_aws", "workspace"},
    "cli": {
        "error_report",
        "aws",
        "batch",
        "capacity",
        "client",
        "core",
        "deploy",
        "emulator",
        "http_api",
        "input_files",
        "local_aws",
        "operations",
        "packaging",
        "plots",
        "price_lists",
        "signals",
        "sizing",
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


def references_of(path: Path) -> set[str]:
    """The modules of this package that a file names in strings: for `python -m`, `import_module` and the like.

    A string counts that is the dotted name of a module that exists. The console script counts as the module `cli` where it is
    an item of a list or a tuple, or in the arguments of a call that starts a process.
    """
    tree = ast.parse(path.read_text())
    strings = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    named = {found[1] for text in strings if (found := re.fullmatch(r"async_endpoint\.([\w.]+)", text)) and exists(found[1])}
    items = [item for node in ast.walk(tree) if isinstance(node, ast.List | ast.Tuple) for item in node.elts]
    called = [
        part
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and STARTS_A_PROCESS.fullmatch(ast.unparse(node.func))
        for argument in (*node.args, *(keyword.value for keyword in node.keywords))
        for part in ast.walk(argument)
    ]
    commands = [node.value for node in (*items, *called) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    for command in commands:
        named |= {"cli"} if re.match(r"async-endpoint\b", command) else set()
        named |= set(re.findall(r"-m async_endpoint\.([\w.]+)", command))
    return named


def exists(module: str) -> bool:
    path = PACKAGE.joinpath(*module.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


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


def test_no_layer_starts_a_higher_one_as_a_process() -> None:
    wrong = {
        f"{path.relative_to(PACKAGE)} starts {name}"
        for path in PACKAGE.rglob("*.py")
        if part_of(path) != "__init__"
        for name in references_of(path)
        if forbidden(part_of(path), name)
    }
    assert not wrong


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('subprocess.run([sys.executable, "-m", "async_endpoint.cli", "outputs"])', {"cli"}),
        ('command = (sys.executable, "-m", "async_endpoint.emulator")', {"emulator"}),
        ('command = ["async-endpoint", "outputs", name]', {"cli"}),
        ('subprocess.check_output(f"async-endpoint outputs {name}", shell=True)', {"cli"}),
        ('os.system("python -m async_endpoint.cli.entry")', {"cli.entry"}),
        ('os.execvp("async-endpoint", arguments)', {"cli"}),
        ('importlib.import_module("async_endpoint.deploy.deployment")', {"deploy.deployment"}),
        ('raise NotReady("start it with: async-endpoint local up")', set()),
        ('USER_AGENT = "async-endpoint"', set()),
        ('subprocess.run(["terraform", "init"])', set()),
    ],
)
def test_the_check_sees_a_started_module(tmp_path: Path, source: str, found: set[str]) -> None:
    (tmp_path / "module.py").write_text(source)
    assert references_of(tmp_path / "module.py") == found


def test_the_client_loads_terraform_when_it_is_needed() -> None:
    at_import = [
        node.module
        for path in (PACKAGE / "client").glob("*.py")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.ImportFrom) and node.module
    ]
    assert at_import
    assert not [name for name in at_import if name.startswith("async_endpoint.terraform")]


def test_autoscaling_has_no_clock_and_no_io() -> None:
    used = {
        alias.name
        for path in (PACKAGE / "autoscaling").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    assert used <= {"calendar", "math", "operator", "re"}


def test_capacity_has_no_clock_no_network_and_needs_no_extra() -> None:
    """It reads its own table of prices; the time, files and answers of AWS are passed in."""
    trees = [ast.parse(path.read_text()) for path in (PACKAGE / "capacity").rglob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    used = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    used |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
    calls = {node.func.attr for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)}
    assert {name for name in used if not name.startswith("async_endpoint.")} <= {
        *("__future__", "array", "bisect", "collections", "collections.abc", "csv", "dataclasses", "datetime", "decimal"),
        *("enum", "functools", "heapq", "importlib.resources", "io", "itertools", "json", "math", "operator", "random", "re"),
        *("statistics", "typing", "zoneinfo"),
    }
    assert not calls & {"now", "today", "utcnow", "seed", "urandom"}


def test_the_check_sees_a_wrong_import() -> None:
    assert forbidden("client", "emulator.daemon")
    assert forbidden("autoscaling", "workspace")
    assert forbidden("deploy", "emulator.daemon")
    assert not forbidden("terraform", "local_aws")
