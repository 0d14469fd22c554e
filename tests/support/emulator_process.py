"""An empty checkout, its `async-endpoint local …`, and an AwsHarness for the local AWS it runs in another process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from async_endpoint.local_aws import read_record
from async_endpoint.workspace import Workspace
from support.in_process_aws import AwsHarness
from support.remote_aws import RemoteAws


def empty_checkout(root: Path) -> Workspace:
    (root / "modules" / "async-inference").mkdir(parents=True)
    (root / "envs").mkdir()
    return Workspace(root)


def command(*arguments: str) -> tuple[int, str, list[str]]:
    """Exit code, standard output, and the lines of standard error."""
    done = subprocess.run(
        [sys.executable, "-m", "async_endpoint.cli", "local", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return done.returncode, done.stdout, done.stderr.splitlines()


def remote(workspace: Workspace) -> AwsHarness:
    """An AwsHarness for the local AWS that runs for a checkout."""
    record = read_record(workspace)
    assert record is not None
    aws: Any = RemoteAws(record, workspace)
    return AwsHarness(aws, workspace.local / "aws")
