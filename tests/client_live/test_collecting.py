"""Requests and results on a healthy endpoint: by each way of collecting, with its price in calls."""

from __future__ import annotations

from typing import Any

import pytest
from live_kit import JSON, orders


@pytest.mark.parametrize("collect", ["notifications", "listing", "looking"])
def test_each_way_of_collecting_brings_every_result_to_its_request(stage: Any, collect: str) -> None:
    told: list[str] = []
    with stage.client(collect=collect, explain=told.append) as client:
        invocations = {n: client.submit(orders(answer=n), content_type=JSON) for n in range(40)}
        assert {n: invocation.result().document() for n, invocation in invocations.items()} == {n: n for n in range(40)}
    assert len(told) == 1 and collect in told[0]
    assert stage.queues() == []
