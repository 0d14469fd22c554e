"""The client against a local AWS in another process: they meet over HTTP only, as a customer and AWS do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from async_endpoint.client.announcements import MARK
from support.client_against_emulator import Stage
from support.in_process_aws import REGION, Kit
from support.remote_aws import running

TIME_SCALE = 60.0


@pytest.fixture(scope="session")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kit]:
    home = tmp_path_factory.mktemp("home")
    with running(home, TIME_SCALE) as aws:
        remote: Any = aws
        yield Kit(remote, home)


@pytest.fixture(scope="session")
def stage(kit: Kit) -> Stage:
    """An endpoint whose topics tell the response, shared by the tests of a worker; none of them may change it."""
    return Stage(kit)


@pytest.fixture(autouse=True)
def nothing_stays(kit: Kit) -> Iterator[None]:
    """No fault, and no queue that a fault has kept from being removed at each try."""
    yield
    Stage.clear_faults(kit)
    for url in kit.sqs.list_queues().get("QueueUrls", []):
        if MARK in url:
            kit.sqs.delete_queue(QueueUrl=url)


@pytest.fixture(autouse=True)
def credentials_of_the_local_aws(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the client, which is given a URL alone, finds what to sign with: as after `async-endpoint local env`."""
    for name, value in kit.credentials.environment(REGION).items():
        monkeypatch.setenv(name, value)
