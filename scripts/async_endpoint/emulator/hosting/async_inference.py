"""The asynchronous side of an endpoint: requests that wait, given to instances, each brought to one outcome."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor

from async_endpoint.core.s3_uri import S3Uri
from async_endpoint.emulator.container.container import ContainerDied
from async_endpoint.emulator.hosting.context import HostingContext
from async_endpoint.emulator.hosting.deployment import AsyncSettings, Deployment
from async_endpoint.emulator.hosting.execution_role import AssumedRole
from async_endpoint.emulator.hosting.instance import Instance
from async_endpoint.emulator.hosting.logs import EndpointLogs
from async_endpoint.emulator.hosting.metrics import EndpointMetrics
from async_endpoint.emulator.hosting.recent import TimeSeries
from async_endpoint.emulator.hosting.request_processor import RequestProcessor
from async_endpoint.emulator.hosting.request_queue import AsyncInvocation, RequestQueue
from async_endpoint.emulator.hosting.variant import Variant, least_busy

# How often a request is given to an instance before an instance's death ends it. Not documented; poison must not kill for ever.
MOST_ATTEMPTS = 3

log = logging.getLogger(__name__)


class AsyncInference:
    """The requests of one endpoint, under whose lock `changed` `step` is called."""

    def __init__(
        self, name: str, region: str, context: HostingContext, changed: threading.Condition, logs: EndpointLogs
    ) -> None:
        self._name = name
        self._region = region
        self._clock = context.clock
        self._faults = context.faults
        self._changed = changed
        self._logs = logs
        self._queue = RequestQueue()
        self._in_process: dict[int, AsyncInvocation] = {}
        self._backlog = TimeSeries()
        self._closed = False
        self._workers = ThreadPoolExecutor(max_workers=1_000, thread_name_prefix=name)

    def put(self, invocation: AsyncInvocation) -> None:
        with self._changed:
            self._queue.put(invocation)
            self._note()
            self._changed.notify_all()

    def backlog(self) -> tuple[int, float]:
        """Requests waiting or in process, and the age in AWS seconds of the oldest that waits (0 when none does)."""
        with self._changed:
            oldest = self._queue.oldest()
            return len(self._queue) + len(self._in_process), 0.0 if oldest is None else self._clock.now() - oldest

    def backlog_at(self, moment: float) -> tuple[int, float]:
        """The backlog as it was at a recent moment (AWS seconds)."""
        with self._changed:
            oldest = self._queue.oldest()
            return self._backlog.at(moment) or 0, 0.0 if oldest is None else max(moment - oldest, 0.0)

    def step(self, variants: list[Variant]) -> None:
        """End what has expired, and give what waits to instances with room: the variant's, and while an update is on its way
        those of the one that comes after it."""
        for invocation in self._queue.expired(self._clock.now()):
            self._in_process[id(invocation)] = invocation
            self._workers.submit(self._expire, invocation, variants[0])
        while len(self._queue) and (routed := least_busy(variants)) is not None:
            variant, instance = routed
            invocation = self._queue.take()
            instance.in_flight += 1
            self._in_process[id(invocation)] = invocation
            self._workers.submit(self._process, invocation, instance, variant)
        self._note()

    def next_expiry(self) -> float | None:
        """Real seconds until a request expires."""
        expiry = self._queue.next_expiry()
        return None if expiry is None else self._clock.real(expiry - self._clock.now())

    def all(self) -> list[AsyncInvocation]:
        """Every request without an outcome: those in process, then those that wait, in order."""
        with self._changed:
            return [*self._in_process.values(), *self._queue.all()]

    def close(self) -> list[AsyncInvocation]:
        """Give out nothing more, and return the requests that waited."""
        with self._changed:
            self._closed = True
            self._workers.shutdown(wait=False)  # those at work go on to the end of what they have
            return self._queue.drain()

    def abandon(
        self, left: list[AsyncInvocation], deployment: Deployment, metrics: EndpointMetrics, reason: str | None = None
    ) -> None:
        """End requests as failures, not in silence: their endpoint was deleted, or there is another `reason`."""
        processing = self.processing(deployment, metrics)
        for invocation in left:
            _end(processing, invocation, reason or self._deleted)

    def processing(self, deployment: Deployment, metrics: EndpointMetrics) -> RequestProcessor:
        role = AssumedRole(deployment.role_arn, self._region, self._faults)
        log = self._logs.writer(role, deployment.variants[0].name)
        assert deployment.async_settings is not None  # an update may not take it away
        return RequestProcessor(
            self._name, deployment.async_settings, role, metrics, self._clock, lambda line: log("service", line)
        )

    def _process(self, invocation: AsyncInvocation, instance: Instance, variant: Variant) -> None:
        processing = self.processing(variant.deployment, variant.metrics)
        reason, death = "", None
        try:
            processing.run(invocation, instance)
        except ContainerDied as error:
            death = error
        except Exception as error:  # whatever goes wrong in here, the request must reach a terminal state
            reason = f"InternalFailure: {type(error).__name__}: {error}"
        with self._changed:
            instance.in_flight -= 1
            if death is not None:
                reason = self._after(death, invocation, instance)
            if not reason:
                self._in_process.pop(id(invocation))
                if death is not None:
                    self._queue.give_back(invocation)
            self._note()
            self._changed.notify_all()
        if reason:
            _end(processing, invocation, reason)
            self._forget(invocation)

    def _expire(self, invocation: AsyncInvocation, variant: Variant) -> None:
        try:
            self.processing(variant.deployment, variant.metrics).expire(invocation)
        except Exception:
            log.exception("Request %s expired, and could not be ended.", invocation.inference_id)
        finally:
            self._forget(invocation)

    def _after(self, death: ContainerDied, invocation: AsyncInvocation, instance: Instance) -> str:
        """Give a dead instance nothing more; returns why its request is not queued again, empty when it is."""
        instance.died(str(death))
        if self._closed:
            return self._deleted
        if not isinstance(death.__cause__, ConnectionRefusedError):  # one that was dead already never had the request
            invocation.attempts += 1
        if invocation.attempts >= MOST_ATTEMPTS:
            return f"The instance died {invocation.attempts} times while processing the request ({death})."
        return ""

    def _forget(self, invocation: AsyncInvocation) -> None:
        with self._changed:
            self._in_process.pop(id(invocation))
            self._note()

    def _note(self) -> None:
        self._backlog.set(self._clock.now(), len(self._queue) + len(self._in_process))

    @property
    def _deleted(self) -> str:
        return f"Endpoint {self._name} was deleted before the request was processed."


def _end(processing: RequestProcessor, invocation: AsyncInvocation, reason: str) -> None:
    """End a request as a failure, whatever goes wrong with that: the next one has its turn."""
    try:
        processing.fail(invocation, reason)
    except Exception:
        log.exception("Request %s could not be ended: %s", invocation.inference_id, reason)


def output_locations(
    settings: AsyncSettings, request_id: str, filename: str | None, extension: str | None
) -> tuple[S3Uri | None, S3Uri | None]:
    """Where a request's output and failure will lie. The failure key's form is what people observe, not documented."""
    output = settings.output.join(extension or "", filename or f"{request_id}.out") if settings.output else None
    failure = settings.failure.join(f"{request_id}-error.out") if settings.failure else None
    return output, failure
