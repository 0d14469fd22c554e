"""Measures a live endpoint: how long an instance takes to start, how long requests take with others beside them, and memory.

The endpoint is held at one instance meanwhile. Requests go in waves of as many as are to be processed at once; the next wave
begins when all results are there. Service times are read from ModelLatency, RequestDownloadLatency and ResponseUploadLatency:
the times of callers include the search for results. Each concurrency has minutes of its own: a minute whose metrics are
published is over.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from typing import Final

from async_endpoint.aws import AwsSession, translate_errors
from async_endpoint.capacity.profile import Profile
from async_endpoint.client.config import ClientConfig
from async_endpoint.client.endpoint import AsyncEndpoint
from async_endpoint.core import metrics as m
from async_endpoint.core.errors import EndpointNotReady, NotReady, Refused
from async_endpoint.core.outputs import AsyncEndpointOutputs
from async_endpoint.core.suspension import timestamp
from async_endpoint.input_files import checked_status
from async_endpoint.sizing.held_capacity import HeldCapacity
from async_endpoint.sizing.metric_history import BACKLOG, Measure, newest_datapoint, read_series
from async_endpoint.sizing.scaling_activities import capacity_changes, start_seconds

POLL_SECONDS: Final = 2.0
METRIC_SECONDS: Final = 600.0  # the longest wait for the metrics of a level
START_MARGIN_SECONDS: Final = 900.0  # what launching an instance may take beside its container's start
LEVEL_MINUTES: Final = 4  # of a level, for the estimate: its requests, and the publication of its metrics
START_MINUTES: Final = 8
MAX_LEVEL: Final = 64  # requests at once; simulations extrapolate
REACHED: Final = 2 / 3  # of a level, on average; requests that overlap less measure a lower one
PERCENTILES: Final = ("p10", "p30", "p50", "p70", "p90")
_MEASURES: Final[dict[str, Measure]] = {
    "backlog": BACKLOG,
    "processed": Measure(m.INVOCATIONS_PROCESSED, "Sum"),
    "mean": Measure(m.MODEL_LATENCY, "Average"),
    "answered": Measure(m.MODEL_LATENCY, "SampleCount"),
    "download": Measure(m.REQUEST_DOWNLOAD_LATENCY, "Average"),
    "upload": Measure(m.RESPONSE_UPLOAD_LATENCY, "Average"),
    **{name: Measure(m.MODEL_LATENCY, name) for name in PERCENTILES},
    "memory": Measure(m.UTILISATION["MemoryUtilization"], "Maximum", m.INSTANCE_NAMESPACE),
}


@dataclass(frozen=True)
class ProfilePlan:
    """What a profile does: `requests` at each concurrency of `levels`, and for about how many minutes it needs an instance."""

    levels: tuple[int, ...]
    requests: int
    minutes: int


def profile_plan(concurrency: int, requests: int, instances: int) -> ProfilePlan:
    """Levels of 1, 2, 4, … up to the endpoint's `concurrency`, or MAX_LEVEL; each has `requests`, rounded up to whole waves."""
    most = min(concurrency, MAX_LEVEL)
    levels = [level for level in (2**power for power in range(11)) if level < most] + [most]
    return ProfilePlan(tuple(levels), requests, len(levels) * LEVEL_MINUTES + (0 if instances else START_MINUTES))


@dataclass
class Profiler:
    """Profiles of one endpoint. `on_event` receives lines of progress."""

    session: AwsSession
    outputs: AsyncEndpointOutputs
    on_event: Callable[[str], None] = lambda line: None
    sleep: Callable[[float], None] = time.sleep
    _memory: list[float] = field(default_factory=list)

    def instances(self) -> int:
        """The desired instances; raises EndpointNotReady for an endpoint that is not InService."""
        name = self.outputs.endpoint.name
        with translate_errors(self.session, "sagemaker:DescribeEndpoint", f"endpoint {name}"):
            described = self.session.sagemaker.describe_endpoint(EndpointName=name)
        if described["EndpointStatus"] not in ("InService", "Updating"):
            raise EndpointNotReady(f"Endpoint {name} is {described['EndpointStatus']}; measure it once it is InService.")
        variant = described["ProductionVariants"][0]
        return int(variant.get("DesiredInstanceCount", variant.get("CurrentInstanceCount", 0)))

    def require_idle(self, *, while_serving: bool = False) -> None:
        """Raise Refused while requests of others wait or are processed, unless `while_serving`, and with several instances."""
        name, instances = self.outputs.endpoint.name, self.instances()
        if instances > 1:
            raise Refused(f"Endpoint {name} has {instances} instances, and a profile holds it at one; wait until it scales in.")
        newest = newest_datapoint(self.session, self.outputs.endpoint, time.time())
        backlog = max(self._series("backlog", newest - 60, newest + 60).values(), default=0.0)
        if backlog and not while_serving:
            raise Refused(
                f"Endpoint {name} has a backlog of {backlog:,.0f} requests of others; wait until it is empty, or measure "
                "beside them with --while-serving."
            )

    def restoring_command(self) -> str | None:
        """What restores the bounds if this process is killed while it measures; None where it changes none."""
        return HeldCapacity(self.session, self.outputs, self.on_event).restoring_command()

    def run(self, inputs: Sequence[Path], plan: ProfilePlan) -> Profile:
        """Measure; what was changed is restored, also after a failure.

        Raises InvocationFailed for an input that the model rejects, NotReady if an instance or metrics do not come in time, and
        what the client and `translate_errors` raise.
        """
        for path in inputs:
            checked_status(path)
        payloads = cycle(inputs)
        with HeldCapacity(self.session, self.outputs, self.on_event).at_one():
            self._wait_for_instance()
            mark = newest_datapoint(self.session, self.outputs.endpoint, time.time())
            times: dict[int, tuple[float, ...]] = {}
            bounds = self.outputs.limits
            deadline = bounds.invocation_timeout_seconds + bounds.cold_start_seconds + START_MARGIN_SECONDS
            config = ClientConfig(concurrency=plan.levels[-1], deadline=deadline)
            with AsyncEndpoint.from_outputs(self.outputs, session=self.session, config=config) as endpoint:
                for level in plan.levels:
                    count, spread = self._send(endpoint, payloads, level, plan.requests)
                    measured, mark = self._measured(level, count, mark)
                    if self._reached(level, statistics.median(measured), spread):
                        times[level] = measured
            starts = self._starts()
        if not starts:
            self.on_event("no start was measured: no scale-out since this configuration was made; --start-time states one")
        return Profile(
            self.outputs.endpoint.name,
            self.outputs.endpoint.instance_type,
            timestamp(time.time()),
            tuple(starts),
            times,
            max(self._memory, default=None),
        )

    def _wait_for_instance(self) -> None:
        name, limit = self.outputs.endpoint.name, self.outputs.limits.cold_start_seconds + START_MARGIN_SECONDS

        def serves() -> bool:
            with translate_errors(self.session, "sagemaker:DescribeEndpoint", f"endpoint {name}"):
                variants = self.session.sagemaker.describe_endpoint(EndpointName=name)["ProductionVariants"]
            return bool(variants[0].get("CurrentInstanceCount", 0))

        if not serves():
            self.on_event("starting an instance")
            self._wait(serves, limit, f"No instance of {name} served within {limit:,.0f} seconds; look at its logs.")

    def _send(self, endpoint: AsyncEndpoint, payloads: Iterator[Path], level: int, requests: int) -> tuple[int, float]:
        """Send waves of `level` requests; how many were sent, and the median seconds from a wave's first to its last."""
        waves, spreads = -(-requests // level), []
        self.on_event(f"{level} at once: {waves * level} requests")
        for _ in range(waves):
            invocations = [endpoint.submit(path) for path in islice(payloads, level)]
            for invocation in invocations:
                invocation.result()
            accepted = [one.submitted.submitted_at.timestamp() for one in invocations if one.submitted is not None]
            spreads.append(max(accepted) - min(accepted))
        return waves * level, statistics.median(spreads)

    def _reached(self, level: int, service: float, spread: float) -> bool:
        """Whether waves of `level` requests overlapped enough to measure that concurrency; an event says so if not."""
        reached = requests_at_once(level, service, spread)
        if reached >= REACHED * level or level == 1:
            return True
        self.on_event(
            f"{level} at once were not reached: on average {reached:.1f} were, because requests of {service:.3g} s end while "
            "others are still sent; left out of the profile"
        )
        return False

    def _measured(self, level: int, count: int, mark: float) -> tuple[tuple[float, ...], float]:
        """The service times of a level in the minutes after `mark`, and the newest of these minutes."""
        found: dict[str, dict[float, float]] = {}

        def published() -> bool:
            found.update(self._all_series(mark + 60))
            return sum(found["processed"].values()) >= count and bool(found["mean"])

        name = self.outputs.endpoint.name
        self._wait(published, METRIC_SECONDS, f"CloudWatch has no metrics of {count} requests to {name}; try again.")
        processed = sum(found["processed"].values())
        if processed > count:
            self.on_event(f"{processed - count:,.0f} requests of others were measured with those of {level} at once")
        self._memory += found["memory"].values()
        transfer = _mean(found["download"]) + _mean(found["upload"])
        latencies = [latency for minute in found["mean"] for latency in _latencies(found, minute)]
        # A microsecond at least: a service time of nothing is none.
        return tuple(sorted(max(latency + transfer, 1.0) / 1e6 for latency in latencies)), max(found["processed"])

    def _starts(self) -> list[float]:
        """Start times since this configuration was made."""
        name = self.outputs.endpoint.name
        with translate_errors(self.session, "sagemaker:DescribeEndpoint", f"endpoint {name}"):
            config = self.session.sagemaker.describe_endpoint(EndpointName=name)["EndpointConfigName"]
        with translate_errors(self.session, "sagemaker:DescribeEndpointConfig", f"endpoint configuration {config}"):
            made = self.session.sagemaker.describe_endpoint_config(EndpointConfigName=config)["CreationTime"].timestamp()
        changes = capacity_changes(self.session, self.outputs.scaling.resource_id)
        return start_seconds([change for change in changes if change.begun >= made])

    def _series(self, name: str, start: float, end: float) -> dict[float, float]:
        return read_series(self.session, self.outputs.endpoint, {name: _MEASURES[name]}, 60, (start, end))[name]

    def _all_series(self, start: float) -> dict[str, dict[float, float]]:
        return read_series(self.session, self.outputs.endpoint, _MEASURES, 60, (start, start + 86_400))

    def _wait(self, condition: Callable[[], bool], seconds: float, message: str) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise NotReady(message)
            self.sleep(POLL_SECONDS)


def requests_at_once(level: int, service: float, spread: float) -> float:
    """How many of a wave's `level` requests are in process on average, if each takes `service` seconds from its acceptance on.

    The wave is accepted over `spread` seconds. What SageMaker adds until an instance takes a request is not in it.
    """
    return level * service / (service + spread)


def _latencies(found: dict[str, dict[float, float]], minute: float) -> list[float]:
    """A latency for each request of a minute, as its percentiles have them; without percentiles their mean."""
    known = [found[percentile][minute] for percentile in PERCENTILES if minute in found[percentile]] or [found["mean"][minute]]
    count = max(1, round(found["answered"].get(minute, 1.0)))
    return [known[int((index + 0.5) / count * len(known))] for index in range(count)]


def _mean(series: dict[float, float]) -> float:
    return sum(series.values()) / len(series) if series else 0.0
