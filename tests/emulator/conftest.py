"""One local AWS per worker process, because moto's backends are global. Every test uses unique resource names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from async_endpoint.emulator.emulator import Emulator
from support.conformity import checked, install
from support.deployed_endpoint import Deployed
from support.in_process_aws import AwsHarness

TIME_SCALE = 600.0  # an AWS minute passes in a tenth of a second

install()


@pytest.fixture(autouse=True)
def every_answer_conforms() -> Iterator[None]:
    """Whatever boto3 is answered in a test is held against botocore's service models."""
    with checked():
        yield


@pytest.fixture(scope="session")
def local_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AwsHarness]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        folder = tmp_path_factory.mktemp("aws")
        aws = Emulator(folder, 0, TIME_SCALE, launch_seconds=6, filter_delay_minutes=0)
        aws.start()
        yield AwsHarness(aws, folder)
        aws.stop()


@pytest.fixture
def deploy(local_aws: AwsHarness) -> Iterator[Any]:
    """`local_aws.endpoint`, whose endpoints are deleted after the test."""
    made: list[Deployed] = []

    def endpoint(*arguments: Any, **options: Any) -> Deployed:
        made.append(local_aws.endpoint(*arguments, **options))
        return made[-1]

    yield endpoint
    for deployed in made:
        local_aws.forget(deployed.name)
        local_aws.forget_scaling(deployed)


@pytest.fixture(scope="session")
def shared_endpoint(local_aws: AwsHarness) -> Deployed:
    """An endpoint with topics that many tests share, so none may change it."""
    return local_aws.endpoint(topics=True, include=["SUCCESS_NOTIFICATION_TOPIC", "ERROR_NOTIFICATION_TOPIC"])


@pytest.fixture
def enforcing(local_aws: AwsHarness) -> Iterator[AwsHarness]:
    """The shared local AWS, enforcing IAM during the test."""
    local_aws.aws.enforcement.enabled = True
    yield local_aws
    local_aws.aws.enforcement.enabled = False
    local_aws.aws.enforcement.denials.clear()
