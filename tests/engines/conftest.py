"""Tests with a real container engine, which `make engines` names; without one, nothing of this folder is collected."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from async_endpoint.emulator.container.container import ContainerSpec, Workload
from async_endpoint.emulator.container.runtime import EngineRuntime
from support.containers import Watched
from support.engines import RealEngine
from support.in_process_aws import AwsHarness
from support.remote_aws import RemoteAws, running

collect_ignore_glob = [] if "CONTAINER_ENGINE" in os.environ else ["test_*.py"]


@pytest.fixture(scope="session")
def engine() -> RealEngine:
    return RealEngine(os.environ["CONTAINER_ENGINE"])


@pytest.fixture
def launched(engine: RealEngine, tmp_path: Path) -> Iterator[Callable[..., Watched]]:
    """Starts containers outside of any local AWS; they are killed after the test, and leave nothing."""
    runtime, made = EngineRuntime(engine.program, tmp_path), []

    def start(*specs: ContainerSpec) -> Watched:
        made.append(Watched(tmp_path / f"instance-{len(made)}", Workload(specs), runtime))
        return made[-1]

    yield start
    for watched in made:
        watched.container.kill()
        assert watched.is_gone()
    assert engine.leftovers(runtime._engine.label) == []


@pytest.fixture(scope="module")
def aws(engine: RealEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RemoteAws]:
    with running(tmp_path_factory.mktemp("aws"), time_scale=60, containers=engine.program) as aws:
        yield aws


@pytest.fixture(scope="module")
def local_aws(aws: Any, tmp_path_factory: pytest.TempPathFactory) -> AwsHarness:
    return AwsHarness(aws, tmp_path_factory.getbasetemp())
