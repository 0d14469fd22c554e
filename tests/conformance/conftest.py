"""A local AWS in a process of its own, because that of tests/emulator occupies this process if those tests run here too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from support.conformity import checked, install
from support.deployed_endpoint import Deployed
from support.in_process_aws import AwsHarness
from support.remote_aws import running

install()


@pytest.fixture(scope="session")
def remote_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AwsHarness]:
    with running(tmp_path_factory.mktemp("aws"), time_scale=600) as aws:
        remote: Any = aws
        yield AwsHarness(remote, tmp_path_factory.getbasetemp())


@pytest.fixture(scope="session")
def shared_endpoint(remote_aws: AwsHarness) -> Deployed:
    """An asynchronous endpoint that many tests share, so none may change it."""
    return remote_aws.endpoint(topics=True, include=["SUCCESS_NOTIFICATION_TOPIC"])


@pytest.fixture(autouse=True)
def every_answer_conforms() -> Iterator[None]:
    with checked():
        yield
