"""The synchronous side of an endpoint: one request, one instance, an answer within the time AWS allows."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from async_endpoint.core import limits
from async_endpoint.core import metrics as m
from async_endpoint.emulator.container.container import PRIMARY, ContainerDied, ContainerResponse, ContainerTimedOut
from async_endpoint.emulator.hosting import error_messages
from async_endpoint.emulator.hosting.context import HostingContext
from async_endpoint.emulator.hosting.data_capture import CaptureWriter, DataCaptureConfig, Payload
from async_endpoint.emulator.hosting.execution_role import AssumedRole
from async_endpoint.emulator.hosting.instance import Instance
from async_endpoint.emulator.hosting.logs import EndpointLogs
from async_endpoint.emulator.hosting.serverless import ServerlessFleet
from async_endpoint.emulator.hosting.variant import Variant, by_weight
from async_endpoint.emulator.hosting.variant_set import VariantSet

SHADOW_WORKERS = 16
METADATA = {"inferenceId": "Inference-Id", "customAttributes": "Custom-Attributes"}  # of captured data, and its header


class NoCapacity(Exception):
    """No instance may take the request now; the text says why."""


class VariantRetired(NoCapacity):
    """The variant takes no traffic any more: an update has moved it elsewhere."""


class Throttled(Exception):
    """A serverless variant has as many requests as it may have at a time."""


class ModelFailed(Exception):
    """The container gave no good answer. `status` is its own, 0 when it gave none; the text is what it said."""

    def __init__(self, status: int, message: str, container: str, log_stream: str) -> None:
        super().__init__(message)
        self.status = status
        self.container = container
        self.log_stream = log_stream


@dataclass(frozen=True)
class InvokeRequest:
    """One InvokeEndpoint request. `target` is the container of a direct model or the model of a multi-model one."""

    body: bytes
    headers: Mapping[str, str]
    target_variant: str = ""
    target: str = ""


class RealTimeInference:
    """Requests of one endpoint; `changed` is its lock, and `is_open` whether it takes any."""

    def __init__(
        self,
        changed: threading.Condition,
        variant_set: VariantSet,
        is_open: Callable[[], bool],
        context: HostingContext,
        logs: EndpointLogs,
    ) -> None:
        self._changed = changed
        self._logs = logs
        self._captured = CaptureWriter(logs.endpoint_name, logs.region, context.clock.now)
        self._variant_set = variant_set
        self._is_open = is_open
        self._limit = context.response_seconds
        self._shadow_workers = ThreadPoolExecutor(SHADOW_WORKERS, "shadow")

    def choose(self, call: InvokeRequest) -> Variant | None:
        """The variant that answers: the one the caller names, or one by weight; None when there is no such."""
        with self._changed:
            production = [variant for variant in self._variant_set.side() if not variant.shadow] if self._is_open() else []
            if call.target_variant:
                return next((variant for variant in production if variant.name == call.target_variant), None)
            return by_weight(production)

    def invoke(self, call: InvokeRequest, variant: Variant) -> tuple[ContainerResponse, Variant]:
        """The answer, and whose it is: `variant`'s, or that of the one an update put in its place. Shadows get a copy.

        Raises NoCapacity, Throttled or ModelFailed.
        """
        self._copy_to_shadows(call, variant)
        while True:
            try:
                return self._ask(call, variant), variant
            except VariantRetired:
                another = self.choose(call)
                if another is None or another is variant:
                    raise
                variant = another

    def close(self) -> None:
        self._shadow_workers.shutdown(wait=False)
        self._captured.close()

    def _takes(self, variant: Variant) -> bool:
        return self._is_open() and variant in self._variant_set.taking

    def _copy_to_shadows(self, call: InvokeRequest, variant: Variant) -> None:
        """A shadow variant sees its weight's share of the production variant's requests, and answers nobody."""
        for shadow in [item for item in self._variant_set.taking if item.shadow and item.deployment is variant.deployment]:
            # One that is as busy as it may be misses some: its backlog must not grow for ever.
            if random.random() * variant.weight < shadow.weight and shadow.busy < SHADOW_WORKERS:
                self._shadow_workers.submit(self._ask, call, shadow)

    def _ask(self, call: InvokeRequest, variant: Variant) -> ContainerResponse:
        begun = time.monotonic()
        instance = self._claim(variant, begun + self._limit)
        log_stream = f"{variant.name}/{instance.id}"
        sent = time.monotonic()
        try:
            response = instance.invoke(call.body, call.headers, max(begun + self._limit - sent, 0.001), call.target)
        except ContainerTimedOut as error:
            _count(variant, 0)
            raise _timed_out(log_stream, getattr(error, "container", PRIMARY)) from error
        except ContainerDied as death:
            with self._changed:
                instance.died(str(death))
            _count(variant, 0)
            raise ModelFailed(
                0, f"The container closed the connection before it answered ({death}).", PRIMARY, log_stream
            ) from death
        finally:
            with self._changed:
                instance.in_flight -= 1
                self._changed.notify_all()
        variant.metrics.add(m.MODEL_LATENCY, (time.monotonic() - sent) * 1e6)
        variant.metrics.add(m.OVERHEAD_LATENCY, (sent - begun) * 1e6)
        _count(variant, response.status)
        most = limits.SERVERLESS_BODY_BYTES if variant.spec.serverless else limits.REAL_TIME_BODY_BYTES
        if len(response.body) > most:
            large = f"The response has {len(response.body)} bytes; at most {most} are returned."
            raise ModelFailed(0, large, response.container, log_stream)
        if response.status >= 400:
            raise ModelFailed(response.status, response.body.decode(errors="replace"), response.container, log_stream)
        if variant.deployment.capture is not None:
            self._capture(variant.deployment.capture, call, variant, response)
        return response

    def _capture(self, capture: DataCaptureConfig, call: InvokeRequest, variant: Variant, response: ContainerResponse) -> None:
        role_arn = variant.spec.model.role_arn
        asked = Payload(call.body, call.headers.get("Content-Type", ""))
        sent = {name: call.headers.get(f"X-Amzn-SageMaker-{header}") for name, header in METADATA.items()}
        metadata: dict[str, Any] = {name: value for name, value in sent.items() if value}
        if "customAttributes" in metadata:
            metadata["customAttributes"] = [metadata["customAttributes"]]
        write = self._logs.writer(AssumedRole(role_arn, self._logs.region), variant.name)
        self._captured.add(
            capture,
            (variant.name, role_arn),
            (asked, Payload(response.body, response.content_type)),
            metadata,
            lambda line: write("service", line),
        )

    def _claim(self, variant: Variant, deadline: float) -> Instance:
        """An instance for one request; a serverless variant may have to start one, within the request's own time."""
        with self._changed:
            serverless = variant.spec.serverless
            if serverless is not None and variant.waiting + variant.busy >= serverless.concurrency:
                raise Throttled
            variant.waiting += 1
            asked, cold = time.monotonic(), False
            try:
                while not self._takes(variant) or (instance := variant.route()) is None:
                    if not self._takes(variant):
                        raise VariantRetired(f"Variant {variant.name} is not in service.")
                    if not isinstance(variant.fleet, ServerlessFleet):
                        raise NoCapacity(f"Variant {variant.name} has no instance in service.")
                    variant.fleet.demand(variant.waiting + variant.busy)
                    cold = True
                    self._changed.notify_all()
                    if not self._changed.wait(max(deadline - time.monotonic(), 0)) and time.monotonic() >= deadline:
                        _count(variant, 0)
                        raise _timed_out(variant.name, PRIMARY)
            finally:
                variant.waiting -= 1
            if cold:
                variant.metrics.add(m.MODEL_SETUP_TIME, (time.monotonic() - asked) * 1e6)
            instance.in_flight += 1
            if serverless is not None and serverless.provisioned:
                variant.metrics.add(m.PROVISIONED_CONCURRENCY_UTILIZATION, variant.busy / max(variant.capacity, 1))
            return instance


def _count(variant: Variant, status: int) -> None:
    """One request that ended with the container's `status`, 0 for no answer."""
    variant.metrics.add(m.INVOCATIONS)
    if variant.spec.serverless is None:
        variant.metrics.add(m.INVOCATIONS_PER_INSTANCE, 1 / max(variant.serving, 1))
    variant.metrics.add(m.INVOCATION_MODEL_ERRORS, float(not 200 <= status < 300))
    variant.metrics.add(m.INVOCATION_4XX_ERRORS, float(400 <= status < 500))
    variant.metrics.add(m.INVOCATION_5XX_ERRORS, float(status >= 500))


def _timed_out(log_stream: str, container: str) -> ModelFailed:
    """In AWS's words, as people quote them."""
    return ModelFailed(
        0,
        f"{error_messages.timed_out(container)}. Review the latency metrics for each container in Amazon CloudWatch, "
        "resolve the issue, and try again.",
        container,
        log_stream,
    )
