"""AWS in memory whose URLs are presigned by boto3, as AwsSession.create configures it."""

from __future__ import annotations

import pytest

from async_endpoint.aws import PRESIGNING, AwsSession
from support.in_memory_aws import FakeAws


def presigning_session(aws: FakeAws, patch: pytest.MonkeyPatch) -> AwsSession:
    """A session with `aws` for everything but presigned URLs, which take no call."""
    patch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    patch.setenv("AWS_SECRET_ACCESS_KEY", "example")
    memory = aws.session
    real = AwsSession.create("eu-west-1")
    return AwsSession(lambda name: real.client(name) if name == PRESIGNING else memory.client(name), "eu-west-1")
