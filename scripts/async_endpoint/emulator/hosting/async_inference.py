"""Asynchronous inference of an endpoint: a backlog of requests, dispatched to instances, each ending in exactly one outcome."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor

from async_endpoint.core.s3_uri import S3Uri
from async_endpoint.emulator.container.container import ContainerDied
from async_endpoint.emulator.hosting.context import HostingContext
from async_endpoint.emulator.hosting.execution_role import AssumedRole
from async_endpoint.emulator.hosting.hosted_config import AsyncSettings, HostedConfig
from async_endpoint.emulator.hosting.instance import Instance
from async_endpoint.emulator.hosting.logs import EndpointLogs
from async_endpoint.emulator.hosting.metrics import EndpointMetrics, TimeSeries
from async_endpoint.emulator.hosting.request_processor import RequestProcessor
from async_endpoint.emulator.hosting.request_queue import AsyncInvocation, RequestQueue
from async_endpoint.emulator.hosting.variant import Variant, least_busy

# After this many instance deaths during its processing a request fails: a poison request must not kill instances endlessly.
# A138 of docs/assumptions.md.
MAX_ATTEMPTS = 3

log = logging.getLogger(__name__)


class AsyncInference:
    """The requests of one endpoint. `step` is called with the endpoint's lock `changed` held."""

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
            self._record_backlog()
            self._changed.notify_all()

    def backlog(self) -> tuple[int, float]:
        """Requests waiting or in process, and the age in AWS seconds of the oldest waiting one (0 when none waits)."""
        with self._changed:
            oldest = self._queue.oldest()
            return len(self._queue) + len(self._in_process), 0.0 if oldest is None else self._clock.now() - oldest

    def backlog_at(self, moment: float) -> tuple[int, float]:
        """The backlog at a recent moment (AWS seconds)."""
        with self._changed:
            oldest = self._queue.oldest()
            return self._backlog.at(moment) or 0, 0.0 if oldest is None else max(moment - oldest, 0.0)

    def step(self, variants: list[Variant]) -> None:
        """Fail expired requests and dispatch waiting ones to instances with free concurrency.

        During an update `variants` holds the old and the new variant.
        """
        for invocation in self._queue.expired(self._clock.now()):
            self._in_process[id(invocation)] = invocation
            self._workers.submit(self._expire, invocation, variants[0])
        while len(self._queue) and (routed := least_busy(variants)) is not None:
            variant, instance = routed
            invocation = self._queue.take()
            instance.in_flight += 1
            self._in_process[id(invocation)] = invocation
            self._workers.submit(self._process, invocation, instance, variant)
        self._record_backlog()

    def next_expiry(self) -> float | None:
        """Real seconds until the next request expires; None when no request waits."""
        expiry = self._queue.next_expiry()
        return None if expiry is None else self._clock.real(expiry - self._clock.now())

    def all(self) -> list[AsyncInvocation]:
        """Every request without an outcome: first those in process, then the waiting ones in order."""
        with self._changed:
            return [*self._in_process.values(), *self._queue.all()]

    def close(self) -> list[AsyncInvocation]:
        """Dispatch nothing more, and return the requests that were waiting."""
        with self._changed:
            self._closed = True
            self._workers.shutdown(wait=False)  # running requests finish
            return self._queue.drain()

    def fail_all(
        self, left: list[AsyncInvocation], deployment: HostedConfig, metrics: EndpointMetrics, reason: str | None = None
    ) -> None:
        """Fail requests with `reason`; by default because their endpoint was deleted."""
        processing = self.processing(deployment, metrics)
        for invocation in left:
            _fail(processing, invocation, reason or self._deleted)

    def processing(self, deployment: HostedConfig, metrics: EndpointMetrics) -> RequestProcessor:
        role = AssumedRole(deployment.role_arn, self._region, self._faults)
        log = self._logs.writer(role, deployment.variants[0].name, "data-log")
        assert deployment.async_settings is not None  # an update cannot remove AsyncInferenceConfig
        return RequestProcessor(self._name, deployment.async_settings, role, metrics, self._clock, log)

    def _process(self, invocation: AsyncInvocation, instance: Instance, variant: Variant) -> None:
        processing = self.processing(variant.deployment, variant.metrics)
        reason, death = "", None
        try:
            processing.run(invocation, instance)
        except ContainerDied as error:
            death = error
        except Exception as error:  # the request must reach a terminal state in every case
            reason = f"InternalFailure: {type(error).__name__}: {error}"
        with self._changed:
            instance.in_flight -= 1
            if death is not None:
                reason = self._handle_death(death, invocation, instance)
            if not reason:
                self._in_process.pop(id(invocation))
                if death is not None:
                    self._queue.requeue(invocation)
            self._record_backlog()
            self._changed.notify_all()
        if reason:
            _fail(processing, invocation, reason)
            self._finish(invocation)

    def _expire(self, invocation: AsyncInvocation, variant: Variant) -> None:
        try:
            self.processing(variant.deployment, variant.metrics).expire(invocation)
        except Exception:
            log.exception("Request %s expired, and its failure could not be delivered.", invocation.inference_id)
        finally:
            self._finish(invocation)

    def _handle_death(self, death: ContainerDied, invocation: AsyncInvocation, instance: Instance) -> str:
        """Take the dead instance out of service. Returns why its request fails; empty when the request is requeued."""
        instance.died(str(death))
        if self._closed:
            return self._deleted
        if not isinstance(death.__cause__, ConnectionRefusedError):  # a refused connection: the request never arrived
            invocation.attempts += 1
        if invocation.attempts >= MAX_ATTEMPTS:
            return f"The instance died {invocation.attempts} times while processing the request ({death})."
        return ""

    def _finish(self, invocation: AsyncInvocation) -> None:
        with self._changed:
            self._in_process.pop(id(invocation))
            self._record_backlog()

    def _record_backlog(self) -> None:
        self._backlog.set(self._clock.now(), len(self._queue) + len(self._in_process))

    @property
    def _deleted(self) -> str:
        return f"Endpoint {self._name} was deleted before the request was processed."


def _fail(processing: RequestProcessor, invocation: AsyncInvocation, reason: str) -> None:
    """Fail a request; an error in doing so is logged, so that it cannot stop the next request."""
    try:
        processing.fail(invocation, reason)
    except Exception:
        log.exception("The failure of request %s could not be delivered: %s", invocation.inference_id, reason)


def output_locations(
    settings: AsyncSettings, request_id: str, filename: str | None, extension: str | None
) -> tuple[S3Uri | None, S3Uri | None]:
    """The S3 URIs of a request's output and failure. The form of the keys is assumptions A123 and A124."""
    output = settings.output.join(extension or "", filename or f"{request_id}.out") if settings.output else None
    failure = settings.failure.join(f"{request_id}-error.out") if settings.failure else None
    return output, failure
