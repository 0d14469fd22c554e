"""Copies of modules/ and envs/ in which `terraform test` and plans run."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from async_endpoint.local_aws import LocalCredentials

CHECKOUT = Path(__file__).resolve().parents[2]
# mocks do not look for one; what is not mocked must not find one
NO_AWS = LocalCredentials("http://127.0.0.1:1", "AKIAOFTHESETESTSONLY", "a secret", "a token")
# For shutil.copytree: what Terraform and the user of a checkout leave there, which git ignores too.
LEFT_OUT = shutil.ignore_patterns(".terraform", "*.tfstate*", "*.tfbackend", "*.auto.tfvars", "*.tfplan", "*_override.tf")


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
    """One diagnostic: its run, file and line, and its text."""
    diagnostic = message["diagnostic"]
    place = diagnostic.get("range", {"filename": "?", "start": {"line": 0}})
    where = f"{place['filename']}:{place['start']['line']}"
    return f"{message.get('@testrun')}: {where}: {message['@message']}: {' '.join(diagnostic['detail'].split())}"
