"""The client against a local AWS in another process: they meet over HTTP only, as a customer and AWS do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from support.client_against_emulator import Stage
from support.in_process_aws import REGION, AwsHarness
from support.remote_aws import running

TIME_SCALE = 60.0


@pytest.fixture(scope="session")
def local_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AwsHarness]:
    home = tmp_path_factory.mktemp("home")
    with running(home, TIME_SCALE) as aws:
        remote: Any = aws
        yield AwsHarness(remote, home)


@pytest.fixture(scope="session")
def stage(local_aws: AwsHarness) -> Stage:
    """An endpoint whose notifications include the response; shared by the tests of a worker, none of which may change it."""
    return Stage(local_aws)


@pytest.fixture(autouse=True)
def nothing_stays(local_aws: AwsHarness) -> Iterator[None]:
    """No fault; reply queues stay, as they do on AWS."""
    yield
    Stage.clear_faults(local_aws)


@pytest.fixture(autouse=True)
def filters_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """This local AWS applies filter policies at once, and the client knows it."""
    monkeypatch.setattr("async_endpoint.client.reply_queue.FILTER_DELAY_SECONDS", 0.0)


@pytest.fixture(autouse=True)
def credentials_of_the_local_aws(local_aws: AwsHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the client, which is given a URL alone, finds what to sign with: as after `async-endpoint local env`."""
    for name, value in local_aws.credentials.environment(REGION).items():
        monkeypatch.setenv(name, value)
