"""Examples as Terraform roots: each copied, its archives built, applied on a local AWS that the worker's examples share.

Each must leave nothing behind, so that the next one finds the local AWS as new.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from async_endpoint.local_aws import require_credentials
from async_endpoint.terraform.provider import cli_configuration, find_provider_mirror
from async_endpoint.workspace import Workspace
from support.example_roots import COMMAND, Example, LocalAwsProcess, inventory


@pytest.fixture(scope="session")
def local_aws(tmp_path_factory: pytest.TempPathFactory, container_cache: str) -> Iterator[LocalAwsProcess]:
    folder = tmp_path_factory.mktemp("examples")
    for marker in ("envs", "modules/async-inference"):  # of a checkout; see workspace.py
        (folder / marker).mkdir(parents=True)
    (folder / "terraform.rc").write_text(cli_configuration(find_provider_mirror()))
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ASYNC_ENDPOINT_"))}
    environment["XDG_CACHE_HOME"] = container_cache

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [COMMAND, "local", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("up", "--port", "0", "--time-scale", "60", "--instance-launch-seconds", "20", "--detach")
    yield LocalAwsProcess(folder, require_credentials(Workspace(folder)))
    run("down")


@pytest.fixture
def example(
    request: pytest.FixtureRequest, local_aws: LocalAwsProcess, provider_executable: Path, tmp_path: Path
) -> Iterator[Example]:
    """The example that the test's parameter names; whatever happens, it is destroyed."""
    before = inventory(local_aws)
    made = Example(request.param, tmp_path, local_aws)
    with made.with_provider(provider_executable):
        yield made
        left = {kind: sorted(set(found) - set(before[kind])) for kind, found in inventory(local_aws).items()}
        if any(left.values()):  # a test that failed halfway
            made.destroy()


@pytest.fixture
def nothing_left(local_aws: LocalAwsProcess) -> Callable[[], dict[str, list[str]]]:
    """What is there now and was not when the test began, by kind; empty when there is nothing."""
    before = inventory(local_aws)

    def left() -> dict[str, list[str]]:
        return {kind: new for kind, found in inventory(local_aws).items() if (new := sorted(set(found) - set(before[kind])))}

    return left
