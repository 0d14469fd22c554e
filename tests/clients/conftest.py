"""Other people's clients against a local AWS in a process of its own. `make clients` makes their environment and runs them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.common import unique
from support.in_process_aws import IMAGE, REGION, AwsHarness
from support.remote_aws import RemoteAws, running
from support.sample_model import OBEDIENT, archive
from support.third_party_clients import CLIENTS, CLIENTS_V3, Client, Order, client_of


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RemoteAws]:
    with running(tmp_path_factory.mktemp("aws"), time_scale=60) as aws:
        yield aws


@pytest.fixture(scope="session")
def local_aws(aws: Any, tmp_path_factory: pytest.TempPathFactory) -> AwsHarness:
    return AwsHarness(aws, tmp_path_factory.getbasetemp())


@pytest.fixture
def client(local_aws: AwsHarness, tmp_path: Path) -> Client:
    return client_of(CLIENTS, local_aws.credentials.environment(REGION), tmp_path)


@pytest.fixture
def client_v3(local_aws: AwsHarness, tmp_path: Path) -> Client:
    return client_of(CLIENTS_V3, local_aws.credentials.environment(REGION), tmp_path)


@pytest.fixture
def order(local_aws: AwsHarness) -> Order:
    """A bucket, a role and a model archive, created with plain boto3."""
    bucket, role, name = local_aws.bucket(), local_aws.role(), unique("clients")
    role.allow(bucket)
    return Order(
        name=name,
        image=IMAGE,
        role=role.arn,
        bucket=bucket,
        model_data=local_aws.put(bucket, "model/model.tar.gz", archive(OBEDIENT)),
        input=local_aws.put(bucket, "input/hello.json", b'{"print": "hello from the model", "answer": {"hello": "world"}}'),
        output=f"s3://{bucket}/output/",
        failure=f"s3://{bucket}/failure/",
    )
