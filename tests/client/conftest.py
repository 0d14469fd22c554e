"""AWS as the client sees it, in memory: no network, and a clock that moves only when a caller waits."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from botocore.exceptions import ClientError

from async_endpoint.client import endpoint as client_endpoint
from async_endpoint.core.outputs import AsyncEndpointOutputs
from support.fake_aws import (
    AtOnce,
    FakeAws,
    FakeRuntime,
    FakeS3,
    FakeSageMaker,
    FakeSqs,
    FakeTime,
    client_error,
    shop_outputs,
)


@pytest.fixture
def outputs() -> AsyncEndpointOutputs:
    return shop_outputs()


@pytest.fixture
def aws(outputs: AsyncEndpointOutputs) -> FakeAws:
    time = FakeTime()
    return FakeAws(time, FakeS3(), FakeRuntime(), FakeSageMaker(), FakeSqs(time), outputs)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a client's threads would send and read is sent and read by whoever asks: fake time must not run ahead of them."""
    monkeypatch.setattr(client_endpoint, "ThreadPoolExecutor", lambda *_: AtOnce())


@pytest.fixture
def refusal() -> Callable[..., ClientError]:
    """Makes the error a service answers with: refusal(code, message, HTTP status)."""
    return client_error
