from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from async_endpoint.terraform.mirror import cli_configuration, find_provider_mirror

CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class TestRun:
    """What `terraform test` said: its exit code, its messages by type, and all of it as text."""

    __test__ = False

    code: int
    messages: dict[str, list[dict[str, Any]]]
    text: str


@dataclass(frozen=True)
class Copy:
    """A copy of modules/ and envs/, so that Terraform writes nothing into the checkout."""

    folder: Path

    def run(self, where: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"TF_CLI_CONFIG_FILE": str(self.folder / "terraform.rc"), "TF_IN_AUTOMATION": "1"}
        return subprocess.run(
            ["terraform", f"-chdir={self.folder / where}", *arguments],
            capture_output=True,
            text=True,
            env=environment,
            check=False,
        )

    def succeed(self, where: str, *arguments: str) -> str:
        done = self.run(where, *arguments)
        assert done.returncode == 0, f"terraform {' '.join(arguments)} in {where}:\n{done.stdout}{done.stderr}"
        return done.stdout

    def test(self, where: str, *arguments: str) -> TestRun:
        done = self.run(where, "test", "-json", *arguments)
        messages: dict[str, list[dict[str, Any]]] = {}
        for line in done.stdout.splitlines():
            message = json.loads(line)
            messages.setdefault(message["type"], []).append(message)
        errors = [f"{item['@message']} ({item.get('@testrun')})" for item in messages.get("diagnostic", [])]
        return TestRun(done.returncode, messages, "\n".join([*errors, done.stderr]))


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    for name in ("modules", "envs"):
        leave_out = shutil.ignore_patterns(".terraform", "*_override.tf")
        shutil.copytree(CHECKOUT / name, tmp_path / name, symlinks=True, ignore=leave_out)
    (tmp_path / "terraform.rc").write_text(cli_configuration(find_provider_mirror()))
    return Copy(tmp_path)


@pytest.fixture
def checkout() -> Path:
    return CHECKOUT


@pytest.fixture
def root_files() -> Callable[[str], dict[str, bytes]]:
    """The files of a root by name."""

    def read(environment: str) -> dict[str, bytes]:
        folder = CHECKOUT / "envs" / environment
        return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}

    return read
