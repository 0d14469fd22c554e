"""The concurrencies in a profile: those that the requests of a wave really reached."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import pytest

from async_endpoint.core.outputs import AsyncEndpointOutputs
from async_endpoint.sizing.profiler import Profiler, profile_plan, requests_at_once
from support.described_endpoints import ACTIVE, DescribedAws, target
from support.metric_store import FakeMetrics

START = ACTIVE.timestamp()


class Sender:
    """Requests that are accepted `gap` seconds after each other, and take 0.1 s; each is counted in a minute of its own."""

    def __init__(self, gap: float) -> None:
        self.gap, self.sent = gap, 0
        self.values: dict[str, dict[float, float]] = {
            "ApproximateBacklogSize": {START: 0.0},
            "InvocationsProcessed": {},
            "ModelLatency": {},
            "ModelLatency:SampleCount": {},
        }

    def from_outputs(self, *_: Any, **__: Any) -> Self:
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def submit(self, path: Path) -> Any:
        self.sent += 1
        minute = START + 60 * self.sent
        for name, value in (("InvocationsProcessed", 1.0), ("ModelLatency", 1e5), ("ModelLatency:SampleCount", 1.0)):
            self.values[name][minute] = value
        accepted = ACTIVE + timedelta(seconds=self.gap * self.sent)
        return SimpleNamespace(submitted=SimpleNamespace(submitted_at=accepted), result=lambda: None)


@pytest.mark.parametrize(("gap", "levels"), [(0.01, [1, 2, 4]), (0.03, [1, 2]), (0.3, [1])])
def test_a_level_whose_requests_hardly_overlap_is_left_out(
    monkeypatch: pytest.MonkeyPatch, outputs: AsyncEndpointOutputs, tmp_path: Path, gap: float, levels: list[int]
) -> None:
    (tmp_path / "shirt.png").write_bytes(b"pixels")
    sender, events = Sender(gap), list[str]()
    monkeypatch.setattr("async_endpoint.sizing.profiler.AsyncEndpoint", sender)
    monkeypatch.setattr("time.time", lambda: START + 60)
    aws = DescribedAws(targets=[target(MinCapacity=1, MaxCapacity=1)], metrics=FakeMetrics(sender.values))
    profiler = Profiler(aws.session(), outputs, events.append)
    found = profiler.run([tmp_path / "shirt.png"], profile_plan(4, 4, 1))
    assert list(found.service_seconds) == levels
    assert sum("at once were not reached" in event for event in events) == 3 - len(levels)


def test_how_many_overlap() -> None:
    assert requests_at_once(4, 10.0, 0.0) == 4
    assert requests_at_once(4, 1.0, 3.0) == 1
