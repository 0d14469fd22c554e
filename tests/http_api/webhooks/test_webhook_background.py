"""Deliveries and sweeps in the process that serves: begun and ended with it, left out where another process has them."""

from __future__ import annotations

import threading

import pytest

from async_endpoint.http_api.webhooks import background
from support.common import until
from support.in_memory_aws import FakeAws
from support.webhook_deliveries import Deliveries
from support.webhook_receiver import receiving


def running() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith(("webhooks", "sweep"))]


def test_a_serving_process_delivers(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "INTERVAL_SECONDS", 0.05)
    with receiving() as receiver:
        deliveries = Deliveries(aws, deliveries=True, allowed_webhooks=(receiver.url,))
        with deliveries.api.http:
            deliveries.submit("swept", url=f"{receiver.url}swept")
            deliveries.time.sleep(deliveries.api.endpoint.settings.info.deadline_seconds + 100)
            deliveries.succeed(deliveries.submit("announced", url=f"{receiver.url}announced"))
            received = receiver.wait(lambda found: len(found) == 2)
            until(lambda: not deliveries.waiting, "both messages are deleted")
        until(lambda: not running(), "all threads have ended")
    assert {item.path: item.event["type"] for item in received} == {
        "/swept": "prediction.expired",
        "/announced": "prediction.succeeded",
    }


def test_a_process_without_deliveries_has_none(aws: FakeAws) -> None:
    deliveries = Deliveries(aws, deliveries=False)
    with deliveries.api.http:
        deliveries.succeed(deliveries.submit())
        assert not running()
    assert len(deliveries.waiting) == 1
