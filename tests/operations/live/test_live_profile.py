"""A profile of a live endpoint, and its usage afterwards: measured figures against what the model does and what was sent."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from async_endpoint.aws import AwsSession
from async_endpoint.capacity.prices import PriceList
from async_endpoint.core.errors import InvocationFailed
from async_endpoint.core.outputs import AsyncEndpointOutputs
from async_endpoint.sizing.arrival_sources import ArrivalOptions, read_workload
from async_endpoint.sizing.comparison import compared
from async_endpoint.sizing.profiler import Profiler, profile_plan
from async_endpoint.sizing.usage import measured_usage
from support.common import until
from support.deployed_endpoint import Deployed
from support.in_process_aws import DIMENSION, REGION, AwsHarness
from support.live_stage import outputs_of
from support.sample_model import archive

# A request takes 0.1 s alone, and 0.08 s more for each other one on its instance.
SLOWING = """
import json, threading, time
LOCK, BUSY = threading.Lock(), [0]
def model_fn(folder):
    return None
def input_fn(data, content_type):
    return json.loads(data)
def predict_fn(orders, model):
    if "fail" in orders:
        raise ValueError(orders["fail"])
    with LOCK:
        BUSY[0] += 1
    time.sleep(0.02)
    time.sleep(0.08 * BUSY[0])
    with LOCK:
        BUSY[0] -= 1
    return {"done": True}
def output_fn(prediction, accept):
    return json.dumps(prediction)
"""
METRICS = {"Effect": "Allow", "Action": "cloudwatch:PutMetricData", "Resource": "*"}


def bounds(endpoint: Deployed, low: int | None = None, high: int | None = None) -> tuple[int, int]:
    """Set the bounds of the scalable target, where they are given, and return them."""
    scaling, target = endpoint.local_aws.scaling, {"ServiceNamespace": "sagemaker", "ScalableDimension": DIMENSION}
    if low is not None:
        scaling.register_scalable_target(**target, ResourceId=endpoint.resource_id, MinCapacity=low, MaxCapacity=high)
    [found] = scaling.describe_scalable_targets(**target, ResourceIds=[endpoint.resource_id])["ScalableTargets"]
    return found["MinCapacity"], found["MaxCapacity"]


@pytest.fixture
def asleep(local_aws: AwsHarness) -> Deployed:
    """An endpoint of this test's own that scaled in to zero, and may have two instances."""
    endpoint = local_aws.endpoint(archive(SLOWING), topics=True, concurrency=2, SAGEMAKER_MODEL_SERVER_WORKERS="2")
    endpoint.role.allow(endpoint.bucket, more=[METRICS])
    bounds(endpoint, 0, 0)
    until(lambda: not endpoint.status()["instances"], "no instance is left")
    bounds(endpoint, 0, 2)
    return endpoint


def test_a_profile_measures_and_restores_and_usage_counts_what_was_sent(
    local_aws: AwsHarness, asleep: Deployed, tmp_path: Path
) -> None:
    outputs, session = outputs_of(asleep, concurrency=2), AwsSession.create(REGION, local_aws.url)
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text("{}")
    bad.write_text(json.dumps({"fail": "not an image"}))
    events: list[str] = []
    profiler = Profiler(session, outputs, events.append, sleep=lambda seconds: time.sleep(0.2))
    profiler.require_idle()
    plan = profile_plan(2, 4, 0)
    assert plan.levels == (1, 2)

    with pytest.raises(InvocationFailed, match="not an image"):
        profiler.run([bad], plan)
    assert bounds(asleep) == (0, 2)

    measured = profiler.run([good], plan)
    assert bounds(asleep) == (0, 2)
    assert asleep.status()["instances"], "it scales in as its policies say, and it has none"
    assert [len(times) for times in measured.service_seconds.values()] == [4, 4]
    assert 0.09 < min(measured.alone) < 0.25
    assert measured.slowdown()[2] > 1.3
    assert all(30 <= seconds <= 1_200 for seconds in measured.start_seconds)
    assert measured.start_seconds
    assert measured.memory_percent is not None
    assert "no start was measured" not in " ".join(events)

    check_usage(session, outputs, sent=9)


def check_usage(session: AwsSession, outputs: AsyncEndpointOutputs, sent: int) -> None:
    """What the metrics say afterwards: each request, and about the instance hours of the local AWS's clock."""
    prices = PriceList.load(REGION, today=datetime.now(UTC).date())
    used = measured_usage(session, outputs, prices, 1, time.time())
    figures = {name: figure.value for name, figure in used.figures.items()}
    assert (figures["processed"], figures["failed"], figures["expired"]) == (sent, 1, 0)
    assert figures["wait p95"] is not None
    serving, desired = figures["instance hours serving"], figures["instance hours desired"]
    assert serving is not None
    assert desired is not None
    assert 0 < serving < desired < 2
    workload = read_workload(["cloudwatch:1"], ArrivalOptions(now=time.time()), lambda: (session, outputs.endpoint)).workload
    assert len(workload) == sent
    assert max(workload.service) > 0.09
    found = compared(session, outputs, used, prices, start_time="60")
    current, recommended = found.rows
    assert (current.label, current.p95_wait) == ("current settings", None), "nothing wakes it: it has no policies"
    assert recommended.p95_wait is not None
    assert any("would wait for ever" in note for note in found.notes)
