"""A local AWS in a process of its own, started and asked as a person does: by the console command and over HTTP."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from async_endpoint.core.errors import NotReady
from async_endpoint.local_aws import LocalAwsRecord, LocalCredentials, require_credentials
from async_endpoint.workspace import Workspace

LONGEST_SECONDS = 120


@dataclass(frozen=True)
class Now:
    """AWS time, as the local AWS reports it."""

    aws: RemoteAws

    def now(self) -> float:
        return float(self.aws.status()["now"])


@dataclass(frozen=True)
class RemoteAws:
    """What `AwsHarness` wants of a local AWS, where that is another process."""

    record: LocalAwsRecord
    workspace: Workspace

    @property
    def credentials(self) -> LocalCredentials:
        """As they are now: the token of `/_local/` changes with each start."""
        return require_credentials(self.workspace)

    @cached_property
    def clock(self) -> Now:
        return Now(self)

    @property
    def instance_id(self) -> str:
        return self.record.instance_id

    def status(self) -> dict[str, Any]:
        url, headers = f"{self.record.endpoint_url}/_local/status", self.credentials.admin_headers()
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30) as answer:
            document: dict[str, Any] = json.load(answer)
        return document


@contextmanager
def running(
    home: Path,
    time_scale: float,
    *,
    filter_delay: float = 0.0,
    launch_seconds: float = 6.0,
    containers: str = "python",
    enforce_iam: bool = False,
) -> Iterator[RemoteAws]:
    """One that runs while this lasts, with its files below `home`; `filter_delay` in AWS minutes, the others in AWS seconds."""
    for folder in ("modules/async-inference", "envs"):
        (home / folder).mkdir(parents=True, exist_ok=True)
    options = ["--port", "0", "--time-scale", str(time_scale), "--instance-launch-seconds", str(launch_seconds)]
    options += ["--filter-delay", str(filter_delay), "--containers", containers, "--detach", "--json"]
    options += ["--enforce-iam"] if enforce_iam else []
    record = LocalAwsRecord(**json.loads(_command(home, "up", *options)))
    try:
        yield RemoteAws(record, Workspace(home))
    finally:
        _command(home, "down")


def _command(home: Path, *arguments: str) -> str:
    environment = os.environ | {"ASYNC_ENDPOINT_HOME": str(home), "XDG_CACHE_HOME": str(home / "cache")}
    done = subprocess.run(
        [sys.executable, "-m", "async_endpoint.cli", "local", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=LONGEST_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise NotReady(f"async-endpoint local {' '.join(arguments)} failed: {done.stderr.strip()}")
    return done.stdout
