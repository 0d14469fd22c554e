"""Shell completion offers the names of commands, options and environments, and loads no more than that needs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from async_endpoint.cli.app import FILES, app
from async_endpoint.cli.arguments import environment_names

PROGRAM = Path(sys.executable).with_name("async-endpoint")
TAKE_ENVIRONMENT = [
    "bootstrap",
    "doctor",
    "plan",
    "apply",
    "destroy",
    "outputs",
    "unlock",
    "verify",
    "drift",
    "adopt",
    "invoke",
    "smoke-test",
    "batch",
    "compare",
    "retire",
    "serve",
    "watch",
    "logs",
    "simulate",
    "profile",
    "usage",
    "recommend",
    "cost",
    "api-keys create",
    "api-keys list",
    "api-keys revoke",
    "webhooks secret",
    "webhooks rotate",
    "webhooks dead-letters",
    "webhooks redrive",
    "webhooks sweep",
]

# Completes, then prints what was loaded for it.
SCRIPT = """
import sys
sys.argv = ["async-endpoint"]
from async_endpoint.cli.app import main
try:
    main()
finally:
    print("loaded", *sys.modules)
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with two environments, and a folder that is not an environment."""
    for name in ("local", "prod-eu"):
        (tmp_path / "envs" / name).mkdir(parents=True)
        (tmp_path / "envs" / name / "main.tf").touch()
    (tmp_path / "envs" / "modules").mkdir()
    (tmp_path / "modules" / "async-inference").mkdir(parents=True)
    return tmp_path


def complete(words: str, folder: Path, program: list[str] | None = None) -> list[str]:
    """The completions that bash receives for the last of `words`, which may be empty."""
    environment = {name: value for name, value in os.environ.items() if name != "ASYNC_ENDPOINT_HOME"} | {
        "_ASYNC_ENDPOINT_COMPLETE": "complete_bash",
        "COMP_WORDS": f"async-endpoint {words}",
        "COMP_CWORD": str(len(words.split(" "))),
    }
    done = subprocess.run(
        program or [str(PROGRAM)], cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr == ""
    return done.stdout.split()


def all_commands(group: Any) -> Iterator[tuple[str, Any]]:
    """Every command by its name; one of a group by both names."""
    for name, command in group.commands.items():
        yield name, command
        yield from ((f"{name} {inner}", found) for inner, found in getattr(command, "commands", {}).items())


def test_every_command_that_takes_an_environment_offers_them(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(checkout)
    monkeypatch.delenv("ASYNC_ENDPOINT_HOME", raising=False)
    group: Any = typer.main.get_command(app)
    offered = {}
    for name, command in all_commands(group):
        for parameter in command.params:
            if (parameter.metavar or "").startswith("ENV"):
                context = command.make_context(name, [], resilient_parsing=True)
                offered[name] = sorted(item.value for item in parameter.shell_complete(context, ""))
    assert offered == {name: ["local", "prod-eu"] for name in TAKE_ENVIRONMENT}


def test_the_typed_prefix_selects(checkout: Path) -> None:
    assert complete("apply p", checkout) == ["prod-eu"]
    assert complete("apply local --allow", checkout) == ["--allow-replacement"]
    assert sorted(complete("ap", checkout)) == ["api-keys", "apply"]
    assert complete("local f", checkout) == ["fault"]


def test_every_command_is_offered(checkout: Path) -> None:
    assert sorted(complete("", checkout)) == sorted(FILES)


def test_a_checkout_that_cannot_be_read_offers_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASYNC_ENDPOINT_HOME", str(tmp_path / "nowhere"))
    assert environment_names("") == []


@pytest.mark.parametrize("words", ["a", "apply ", "logs "])
def test_no_other_command_and_no_emulator_is_loaded(words: str, checkout: Path) -> None:
    *_, loaded = " ".join(complete(words, checkout, [sys.executable, "-c", SCRIPT])).split("loaded ")
    files = {name.removeprefix("async_endpoint.cli.") for name in loaded.split() if name.startswith("async_endpoint.cli.")}
    assert files & {*FILES.values()} <= {FILES.get(words.strip(), "none")}
    assert not {"moto", "python_terraform", "async_endpoint.emulator.emulator"} & {*loaded.split()}


def test_bash_completes_with_the_script_that_is_shown(checkout: Path) -> None:
    script = """
eval "$(_ASYNC_ENDPOINT_COMPLETE=source_bash async-endpoint)"
complete -p async-endpoint >/dev/null || exit 1
COMP_WORDS=(async-endpoint destroy pro) COMP_CWORD=2
"$(complete -p async-endpoint | sed -E 's/.*-F ([^ ]+).*/\\1/')" async-endpoint
printf '%s\\n' "${COMPREPLY[@]}"
"""
    environment = {name: value for name, value in os.environ.items() if name != "ASYNC_ENDPOINT_HOME"}
    environment["PATH"] = f"{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script], cwd=checkout, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.split() == ["prod-eu"], done.stderr
