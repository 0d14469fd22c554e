"""Batches against a local AWS in a process of its own, as a person's runs on it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.echo_endpoint import MODEL, EchoEndpoint, outputs_of
from support.in_process_aws import REGION, AwsHarness
from support.remote_aws import RemoteAws, running
from support.sample_model import archive


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RemoteAws]:
    with running(tmp_path_factory.mktemp("aws"), time_scale=60) as aws:
        yield aws


@pytest.fixture(scope="session")
def local_aws(aws: Any, tmp_path_factory: pytest.TempPathFactory) -> AwsHarness:
    return AwsHarness(aws, tmp_path_factory.getbasetemp())


@pytest.fixture(scope="session")
def shared_endpoint(local_aws: AwsHarness) -> EchoEndpoint:
    included = ("SUCCESS_NOTIFICATION_TOPIC", "ERROR_NOTIFICATION_TOPIC")
    deployed = local_aws.endpoint(archive(MODEL), topics=True, include=included)
    return EchoEndpoint(local_aws, deployed, outputs_of(deployed))


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    """Six small inputs in two folders."""
    for number in range(6):
        path = tmp_path / "inputs" / ("even" if number % 2 == 0 else "odd") / f"{number}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"number": number}))
    return tmp_path / "inputs"


@pytest.fixture(autouse=True)
def credentials_of_the_local_aws(local_aws: AwsHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the client, which is given a URL alone, finds what to sign with: as after `async-endpoint local env`."""
    for name, value in local_aws.credentials.environment(REGION).items():
        monkeypatch.setenv(name, value)
