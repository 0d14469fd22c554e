"""A deployment on moto, made as the modules make one, and a Terraform adapter that only records its commands."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto import mock_aws

from async_endpoint.aws import AwsSession
from async_endpoint.core.outputs import (
    Archive,
    AsyncEndpointOutputs,
    ExecutionRole,
    Model,
)
from async_endpoint.deploy.polling import Poller
from async_endpoint.deploy.retries import retrying_session
from async_endpoint.emulator.moto_patches import scalable_target, scaling_tags, scheduled_actions, tracking_alarms
from async_endpoint.emulator.moto_patches.servicequotas import instance_quotas
from async_endpoint.workspace import Workspace
from support.deployment_fixtures import (
    ARCHIVE,
    ARCHIVE_KEY,
    EXECUTION_POLICY,
    REGION,
    TRUST_POLICY,
    create_endpoint,
    endpoint_outputs,
)
from support.fake_terraform import FakeTerraform


@pytest.fixture
def outputs() -> AsyncEndpointOutputs:
    return endpoint_outputs()


@pytest.fixture(scope="session")
def clients() -> AwsSession:
    """Clients take long to create, and moto serves those of earlier tests too."""
    return retrying_session(REGION)


@pytest.fixture
def aws(clients: AwsSession, monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsSession]:
    for variable in ("AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(variable, raising=False)
    # a local AWS in this process, of a test before, would look for the endpoint
    for gap in (scalable_target, scheduled_actions):
        monkeypatch.setattr(gap, "least_capacity", lambda *_: 0)
    scaling_tags.apply()
    instance_quotas.apply()
    # with the alarms that AWS makes for target tracking
    backend = tracking_alarms.ApplicationAutoscalingBackend
    monkeypatch.setattr(backend, "put_scaling_policy", tracking_alarms._put_scaling_policy)
    with mock_aws():
        yield clients


@pytest.fixture
def deployed(aws: AwsSession, outputs: AsyncEndpointOutputs) -> AsyncEndpointOutputs:
    """`outputs`, and everything they describe live."""
    create_endpoint(aws, outputs)
    return outputs


@pytest.fixture
def recorded(aws: AwsSession, deployed: AsyncEndpointOutputs) -> AsyncEndpointOutputs:
    """`deployed` with its model archive and its execution role live too, and stated in the outputs."""
    s3, bucket = aws.client("s3"), deployed.storage.bucket
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket=bucket, Key=ARCHIVE_KEY, Body=ARCHIVE)["VersionId"]
    archive = Archive(f"s3://{bucket}/{ARCHIVE_KEY}", hashlib.sha256(ARCHIVE).hexdigest(), version)
    iam, name = aws.client("iam"), deployed.endpoint.execution_role_arn.rpartition("/")[2]
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST_POLICY))
    iam.put_role_policy(RoleName=name, PolicyName="execution", PolicyDocument=json.dumps(EXECUTION_POLICY))
    role = ExecutionRole(json.dumps(EXECUTION_POLICY), False, "execution", json.dumps(TRUST_POLICY))
    return dataclasses.replace(deployed, model=Model((archive,), role))


@pytest.fixture
def terraform(monkeypatch: pytest.MonkeyPatch) -> FakeTerraform:
    fake = FakeTerraform()
    for module in ("deploy.deployment", "terraform.outputs"):
        monkeypatch.setattr(f"async_endpoint.{module}.Terraform", fake)
    monkeypatch.setattr("async_endpoint.deploy.destroy.LISTINGS_SETTLE", Poller(deadline=0))
    return fake


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A checkout with the environment dev."""
    for folder in ("envs/dev", "modules/async-inference"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "envs/dev/main.tf").touch()
    monkeypatch.setenv("ASYNC_ENDPOINT_HOME", str(tmp_path))
    return Workspace(tmp_path)
