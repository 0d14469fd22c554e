"""Real-time inference of an endpoint: one request on one instance, answered within the InvokeEndpoint time limit."""

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
from async_endpoint.emulator.container.container import (
    PRIMARY,
    ContainerDied,
    ContainerResponse,
    ContainerTimedOut,
    InvalidResponse,
)
from async_endpoint.emulator.hosting import error_messages
from async_endpoint.emulator.hosting.context import HostingContext
from async_endpoint.emulator.hosting.data_capture import CaptureWriter, DataCaptureConfig, Payload
from async_endpoint.emulator.hosting.execution_role import AssumedRole
from async_endpoint.emulator.hosting.fleet import ServerlessFleet
from async_endpoint.emulator.hosting.instance import Instance
from async_endpoint.emulator.hosting.logs import EndpointLogs
from async_endpoint.emulator.hosting.variant import Variant, by_weight
from async_endpoint.emulator.hosting.variant_set import VariantSet

SHADOW_WORKERS = 16
# Members of captured metadata, and the request header of each.
METADATA = {"inferenceId": "Inference-Id", "customAttributes": "Custom-Attributes"}


class NoCapacity(Exception):
    """No instance can take the request now; the text says why."""


class VariantRetired(NoCapacity):
    """The variant no longer receives traffic: an update has shifted it to another one."""


class Throttled(Exception):
    """A serverless variant has reached its MaxConcurrency."""


class ModelFailed(Exception):
    """The container failed. `status` is its HTTP status, 0 without an answer; the text is the response body or the reason."""

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
    """Real-time requests of one endpoint. `changed` is its lock; `is_open` returns whether it accepts requests."""

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
        self._capture_writer = CaptureWriter(logs.endpoint_name, logs.region, context.clock.now)
        self._variant_set = variant_set
        self._is_open = is_open
        self._limit = context.response_seconds
        self._shadow_workers = ThreadPoolExecutor(SHADOW_WORKERS, "shadow")

    def choose(self, call: InvokeRequest) -> Variant | None:
        """The variant for a request: the TargetVariant, or one drawn by weight; None when there is none."""
        with self._changed:
            production = (
                [variant for variant in self._variant_set.choose_side() if not variant.shadow] if self._is_open() else []
            )
            if call.target_variant:
                return next((variant for variant in production if variant.name == call.target_variant), None)
            return by_weight(production)

    def invoke(self, call: InvokeRequest, variant: Variant) -> tuple[ContainerResponse, Variant]:
        """Invoke `variant`, or the one an update replaced it with; returns the answer and the variant. Shadows get a copy.

        Raises NoCapacity, Throttled or ModelFailed.
        """
        self._copy_to_shadows(call, variant)
        while True:
            try:
                return self._send(call, variant), variant
            except VariantRetired:
                another = self.choose(call)
                if another is None or another is variant:
                    raise
                variant = another

    def close(self) -> None:
        self._shadow_workers.shutdown(wait=False)
        self._capture_writer.close()

    def _receives_traffic(self, variant: Variant) -> bool:
        return self._is_open() and variant in self._variant_set.receiving_traffic

    def _copy_to_shadows(self, call: InvokeRequest, variant: Variant) -> None:
        """A shadow variant gets a share of the production variant's requests, by weight; its answers are discarded."""
        for shadow in [
            item for item in self._variant_set.receiving_traffic if item.shadow and item.deployment is variant.deployment
        ]:
            # A saturated shadow variant misses requests, so that its backlog is bounded.
            if random.random() * variant.weight < shadow.weight and shadow.busy < SHADOW_WORKERS:
                self._shadow_workers.submit(self._send, call, shadow)

    def _send(self, call: InvokeRequest, variant: Variant) -> ContainerResponse:
        begun = time.monotonic()
        instance = self._claim(variant, begun + self._limit)
        log_stream = f"{variant.name}/{instance.id}"
        sent = time.monotonic()
        try:
            response = instance.invoke(call.body, call.headers, max(begun + self._limit - sent, 0.001), call.target)
        except ContainerTimedOut as error:
            _count(variant, 0)
            raise _timed_out(log_stream, getattr(error, "container", PRIMARY)) from error
        except InvalidResponse as error:
            _count(variant, 0)
            raise ModelFailed(0, str(error), error.container, log_stream) from error
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
        if len(response.payload) > most:
            large = f"The response has {len(response.payload)} bytes; at most {most} are returned."
            raise ModelFailed(0, large, response.container, log_stream)
        # "4xx or 5xx error code" (ModelError); the page of a redirect is returned (amazon-sagemaker-examples, issue 3238)
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
        self._capture_writer.add(
            capture,
            (variant.name, role_arn),
            (asked, Payload(response.body, response.content_type)),
            metadata,
            lambda line: write("service", line),
        )

    def _claim(self, variant: Variant, deadline: float) -> Instance:
        """Reserve an instance for one request; a serverless variant may cold-start one, within the request's deadline."""
        with self._changed:
            serverless = variant.spec.serverless
            if serverless is not None and variant.waiting + variant.busy >= serverless.concurrency:
                raise Throttled
            variant.waiting += 1
            asked, cold = time.monotonic(), False
            try:
                while not self._receives_traffic(variant) or (instance := variant.route()) is None:
                    if not self._receives_traffic(variant):
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
    """Record the metrics of a request that ended with the container's `status`, 0 for no answer."""
    variant.metrics.add(m.INVOCATIONS)
    if variant.spec.serverless is None:
        variant.metrics.add(m.INVOCATIONS_PER_INSTANCE, 1 / max(variant.serving, 1))
    variant.metrics.add(m.INVOCATION_MODEL_ERRORS, float(not 200 <= status < 300))
    variant.metrics.add(m.INVOCATION_4XX_ERRORS, float(400 <= status < 500))
    variant.metrics.add(m.INVOCATION_5XX_ERRORS, float(status >= 500))


def _timed_out(log_stream: str, container: str) -> ModelFailed:
    """With AWS's message, as users quote it."""
    return ModelFailed(
        0,
        f"{error_messages.invocation_timeout(container)}. Review the latency metrics for each container in Amazon CloudWatch, "
        "resolve the issue, and try again.",
        container,
        log_stream,
    )
