"""A checkout and a Terraform of our own making."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from async_endpoint.emulator.auth.credentials import write_credentials
from async_endpoint.local_aws import LocalAwsRecord, LocalCredentials, write_record
from async_endpoint.workspace import Workspace

FakeTerraform = Callable[..., dict[str, str]]


@pytest.fixture
def fake_terraform(tmp_path: Path) -> FakeTerraform:
    """Makes a `terraform` of `body` (sh) that reports `version`; returns an environment with it on the PATH.

    Every call's arguments are appended to `calls`, one line an argument, in the folder it runs in.
    """

    def make(body: str = "", version: str = "1.11.4") -> dict[str, str]:
        folder = tmp_path / "bin of mine"
        folder.mkdir(exist_ok=True)
        script = folder / "terraform"
        report = json.dumps({"terraform_version": version})
        script.write_text(
            f"""#!/bin/sh
if [ "$1" = version ]; then echo '{report}'; exit 0; fi
printf '%s\\n' "$@" >> calls
{body}
""",
            encoding="utf-8",
        )
        script.chmod(0o755)
        return {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}

    return make


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A checkout with the environments local and dev, in a path with a space; no mirror and no settings of this machine's."""
    root = tmp_path / "check out"
    for name in ("local", "dev"):
        folder = root / "envs" / name
        folder.mkdir(parents=True)
        (folder / "main.tf").write_text('locals { name = "shirts" }\n')
        (folder / "outputs.tf").write_text('output "name" { value = local.name }\n')
    (root / "modules" / "async-inference").mkdir(parents=True)
    home = tmp_path / "home"
    home.mkdir()
    for variable in ("TF_CLI_CONFIG_FILE", "ASYNC_ENDPOINT_PROVIDER_MIRROR", "XDG_DATA_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_DATA_DIRS", str(tmp_path / "none"))
    monkeypatch.setenv("ASYNC_ENDPOINT_HOME", str(root))
    monkeypatch.setattr("async_endpoint.terraform.provider.OPTIONAL_SOFTWARE", tmp_path / "opt")
    monkeypatch.chdir(home)
    return Workspace(root)


@pytest.fixture
def local_aws_record(checkout: Workspace) -> LocalAwsRecord:
    """The record of a local AWS that is alive, as far as its process goes: this one."""
    record = LocalAwsRecord("http://127.0.0.1:4599", "first", os.getpid(), 1.0)
    write_record(checkout, record)
    write_credentials(checkout, LocalCredentials(record.endpoint_url, "AKIAOFTHISTESTALONE2", "a secret", "a token"))
    return record
