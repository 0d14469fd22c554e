"""Records what the hosting and the scaling of a local AWS in this process do, by wrapping their methods while it runs."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from async_endpoint.emulator.hosting.async_inference import AsyncInference
from async_endpoint.emulator.hosting.endpoint import HostedEndpoint
from async_endpoint.emulator.hosting.instance import InstanceState
from async_endpoint.emulator.hosting.request_queue import AsyncInvocation, RequestQueue
from async_endpoint.emulator.scaling.minute_scheduler import MinuteScheduler


@dataclass
class RequestTimes:
    """AWS times of one request; `started` is that of its latest attempt. None for what has not happened."""

    endpoint: str
    arrival: float
    started: float | None = None
    ended: float | None = None
    expired: float | None = None


@dataclass
class InstanceTimes:
    launched: float
    ready: float | None = None
    stopped: float | None = None
    died: bool = False


@dataclass
class Recorder:
    """What was seen so far, in AWS time: requests by inference id, instances by endpoint and id, minutes by their end."""

    now: Callable[[], float]
    requests: dict[str, RequestTimes] = field(default_factory=dict)
    instances: defaultdict[str, dict[str, InstanceTimes]] = field(default_factory=lambda: defaultdict(dict))
    minutes: dict[float, float] = field(default_factory=dict)  # seconds from its end until it was evaluated

    def observe(self, endpoint: HostedEndpoint) -> None:
        """Note changes of the endpoint's instances; called with its lock held."""
        now, known = self.now(), self.instances[endpoint.name]
        present = {instance.id: instance for instance in endpoint.instances}
        for name, instance in present.items():
            times = known.setdefault(name, InstanceTimes(now))
            if instance.state is InstanceState.READY and times.ready is None:
                times.ready = now
            if instance.state is InstanceState.FAILED and not times.died:
                times.died, times.stopped = True, now
        for name, times in known.items():
            if name not in present and times.stopped is None:
                times.stopped = now

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Record inside the context. Wraps methods of classes, so only one local AWS may run in this process."""
        with ExitStack() as stack:
            for owner, method, wrapper in (
                (HostedEndpoint, "_step", self._step),
                (AsyncInference, "put", self._put),
                (AsyncInference, "_process", self._process),
                (AsyncInference, "_expire", self._expire),
                (RequestQueue, "take", self._take),
                (MinuteScheduler, "run_minute", self._run_minute),
            ):
                original = getattr(owner, method)
                stack.enter_context(patch.object(owner, method, _wrapped(original, wrapper)))
            yield

    def _step(self, original: Callable[..., Any], endpoint: HostedEndpoint) -> None:
        self.observe(endpoint)
        original(endpoint)
        self.observe(endpoint)

    def _put(self, original: Callable[..., Any], inference: AsyncInference, invocation: AsyncInvocation) -> None:
        self.requests[invocation.inference_id] = RequestTimes(inference._name, invocation.received_at)
        original(inference, invocation)

    def _take(self, original: Callable[..., AsyncInvocation], queue: RequestQueue) -> AsyncInvocation:
        invocation = original(queue)
        self.requests[invocation.inference_id].started = self.now()
        return invocation

    def _process(
        self, original: Callable[..., Any], inference: AsyncInference, invocation: AsyncInvocation, *rest: Any
    ) -> None:
        original(inference, invocation, *rest)
        self.requests[invocation.inference_id].ended = self.now()

    def _expire(self, original: Callable[..., Any], inference: AsyncInference, invocation: AsyncInvocation, *rest: Any) -> None:
        self.requests[invocation.inference_id].expired = self.now()
        original(inference, invocation, *rest)

    def _run_minute(self, original: Callable[..., Any], scheduler: MinuteScheduler, end: float) -> None:
        original(scheduler, end)
        self.minutes[end] = self.now() - end


def _wrapped(original: Callable[..., Any], wrapper: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def call(*arguments: Any) -> Any:
        return wrapper(original, *arguments)

    return call
