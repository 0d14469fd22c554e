from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from async_endpoint.local_credentials import LocalCredentials
from async_endpoint.terraform.local_override import process_environment
from async_endpoint.terraform.provider import running_provider

CHECKOUT = Path(__file__).resolve().parents[2]
# mocks do not look for one; what is not mocked must not find one
NO_AWS = LocalCredentials("http://127.0.0.1:1", "AKIAOFTHESETESTSONLY", "a secret", "a token")


@dataclass(frozen=True)
class TestRun:
    """What `terraform test` said: its exit code, its messages by type, and all of it as text."""

    __test__ = False

    code: int
    messages: dict[str, list[dict[str, Any]]]
    text: str


@dataclass(frozen=True)
class Copy:
    """A copy of modules/ and envs/, so that Terraform writes nothing into the checkout; `environment` has the provider."""

    folder: Path
    environment: dict[str, str]

    def run(self, where: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["terraform", f"-chdir={self.folder / where}", *arguments],
            capture_output=True,
            text=True,
            env=self.environment,
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
        errors = [_described(message) for message in messages.get("diagnostic", [])]
        return TestRun(done.returncode, messages, "\n".join([*errors, done.stderr]))


def _described(message: dict[str, Any]) -> str:
    """One diagnostic of Terraform: its run, where it points, and its text."""
    diagnostic = message["diagnostic"]
    place = diagnostic.get("range", {"filename": "?", "start": {"line": 0}})
    where = f"{place['filename']}:{place['start']['line']}"
    return f"{message.get('@testrun')}: {where}: {message['@message']}: {' '.join(diagnostic['detail'].split())}"


@pytest.fixture(scope="session")
def environment(provider_executable: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What Terraform runs under: no AWS is in reach, and all commands of a worker share one provider."""
    environment = process_environment(os.environ, Path(os.devnull), NO_AWS)
    with running_provider(provider_executable, tmp_path_factory.mktemp("provider"), environment) as provider:
        yield environment | provider


@pytest.fixture
def copy(tmp_path: Path, environment: dict[str, str]) -> Copy:
    for name in ("modules", "envs"):
        leave_out = shutil.ignore_patterns(".terraform", "*_override.tf")
        shutil.copytree(CHECKOUT / name, tmp_path / name, symlinks=True, ignore=leave_out)
    return Copy(tmp_path, environment)


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
