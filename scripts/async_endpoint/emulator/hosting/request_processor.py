"""Processing of one asynchronous request: download the input, invoke, upload the output, notify; or the failure."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from async_endpoint.core import limits
from async_endpoint.core import metrics as m
from async_endpoint.core.s3_uri import S3Uri
from async_endpoint.emulator.clock import ScaledClock
from async_endpoint.emulator.container.container import PRIMARY, ContainerResponse, ContainerTimedOut, InvalidResponse
from async_endpoint.emulator.container.payload import Payload
from async_endpoint.emulator.hosting import error_messages, notifications
from async_endpoint.emulator.hosting.execution_role import AccessDenied, AssumedRole
from async_endpoint.emulator.hosting.hosted_config import AsyncSettings
from async_endpoint.emulator.hosting.instance import Instance
from async_endpoint.emulator.hosting.metrics import EndpointMetrics
from async_endpoint.emulator.hosting.request_queue import BINARY, AsyncInvocation
from async_endpoint.emulator.moto_backends import ResourceNotFound


class RequestFailed(Exception):
    """The request fails; the text is the failure reason."""


class RequestProcessor:
    """Processes requests with the settings and role of one deployment."""

    def __init__(
        self,
        endpoint_name: str,
        settings: AsyncSettings,
        role: AssumedRole,
        metrics: EndpointMetrics,
        clock: ScaledClock,
        log: Callable[[str, str], None],
    ) -> None:
        """`log` is called with the id of the instance, "service" where there is none, and a line."""
        self._settings = settings
        self._role = role
        self._metrics = metrics
        self._clock = clock
        self._write_log = log
        self._instance_id = "service"
        self._place = {"awsRegion": role.region, "endpointName": endpoint_name}

    def run(self, invocation: AsyncInvocation, instance: Instance) -> None:
        """Download, invoke, deliver. Raises ContainerDied when the instance died, so that the request can be retried."""
        self._instance_id = instance.id
        self._metrics.add(m.TIME_IN_BACKLOG, (self._clock.now() - invocation.received_at) * 1e3)
        try:
            body = self._download(invocation)
            response = self._invoke(invocation, instance, body)
            self._upload(invocation, response)
        except RequestFailed as failure:
            self.fail(invocation, str(failure))
        self._metrics.add(m.INVOCATIONS_PROCESSED)
        # Since its arrival, time in the backlog included (developer guide, "Monitor asynchronous endpoint").
        self._metrics.add(m.TOTAL_PROCESSING_TIME, (self._clock.now() - invocation.received_at) * 1e3)

    def fail(self, invocation: AsyncInvocation, reason: str) -> None:
        """Fail a request: write the failure object, then publish the error notification, each if the role allows it."""
        self._metrics.add(m.INVOCATION_FAILURES)
        self._log(f"[{invocation.inference_id}] {reason}")
        failure = invocation.failure
        if failure is not None and not self._put_failure(failure, Payload(reason.encode()), "text/plain"):
            failure = None
        included = reason.encode() if "ERROR_NOTIFICATION_TOPIC" in self._settings.include_response_in else None
        message = notifications.failed(invocation, self._place, self._clock.now(), reason, failure, included)
        self._notify(self._settings.error_topic, message)

    def expire(self, invocation: AsyncInvocation) -> None:
        """Fail a request whose time to live has passed. That a failure is written is assumption A137."""
        self._metrics.add(m.EXPIRED_REQUESTS)
        seconds = invocation.expires_at - invocation.received_at
        self.fail(invocation, f"The request expired: it was not processed within its time to live of {seconds:.0f} seconds.")

    def publish_test_notifications(self) -> None:
        """Publish a TestNotification to every topic, as SageMaker does after an endpoint is created, updated or scaled.

        Source: developer guide, "Create an Asynchronous Inference Endpoint".
        """
        for topic in self._settings.topics:
            self._notify(topic, notifications.TEST_NOTIFICATION)

    def _log(self, text: str) -> None:
        """A line of the platform log, in the form that users quote (deepjavalibrary/djl-serving, issue 2567)."""
        moment = datetime.fromtimestamp(self._clock.now(), UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")
        self._write_log(self._instance_id, f"{moment}:[sagemaker logs] {text}")

    def _download(self, invocation: AsyncInvocation) -> Payload:
        if invocation.body is not None:
            return Payload(invocation.body)
        assert invocation.input_location is not None
        started = time.monotonic()
        try:
            found = self._role.get_object(S3Uri.parse(invocation.input_location))
        except (AccessDenied, ResourceNotFound) as error:
            self._metrics.add(m.REQUEST_DOWNLOAD_FAILURES)
            raise RequestFailed(f"Failed to download the request from {invocation.input_location}: {error}") from error
        finally:
            self._metrics.add(m.REQUEST_DOWNLOAD_LATENCY, (time.monotonic() - started) * 1e6)
        if len(found.payload) > limits.INPUT_OBJECT_BYTES:
            self._metrics.add(m.REQUEST_DOWNLOAD_FAILURES)
            raise RequestFailed(
                f"Failed to download the request from {invocation.input_location}: it has {len(found.payload)} bytes; at most "
                f"{limits.INPUT_OBJECT_BYTES} are accepted."
            )
        invocation.content_type = invocation.content_type or found.content_type or BINARY
        return found.payload

    def _invoke(self, invocation: AsyncInvocation, instance: Instance, body: Payload) -> ContainerResponse:
        headers = {"Content-Type": invocation.content_type, "X-Amzn-SageMaker-Inference-Id": invocation.inference_id}
        if invocation.accept:
            headers["Accept"] = invocation.accept
        if invocation.custom_attributes:
            headers["X-Amzn-SageMaker-Custom-Attributes"] = invocation.custom_attributes
        started = time.monotonic()
        try:
            response = instance.invoke(body, headers, invocation.timeout_seconds)
        except ContainerTimedOut as error:
            raise RequestFailed(
                f"{error_messages.invocation_timeout(PRIMARY)}: no answer within {invocation.timeout_seconds} seconds."
            ) from error
        except InvalidResponse as error:
            raise RequestFailed(str(error)) from error
        self._metrics.add(m.MODEL_LATENCY, (time.monotonic() - started) * 1e6)
        self._metrics.add(m.INVOCATION_4XX_ERRORS, float(400 <= response.status < 500))
        self._metrics.add(m.INVOCATION_5XX_ERRORS, float(response.status >= 500))
        if not 200 <= response.status < 300:  # of redirects and 304 this is A252 of docs/assumptions.md
            text = response.payload.read(error_messages.MODEL_ERROR_CHARS).decode(errors="replace").strip()
            raise RequestFailed(error_messages.container_error(response.status, response.container, text))
        if not response.has_length:
            raise RequestFailed(error_messages.missing_length(response.container))
        if len(response.payload) > limits.OUTPUT_OBJECT_BYTES:
            raise RequestFailed(
                f"The response of {response.container} has more than the maximum of {limits.OUTPUT_OBJECT_BYTES} bytes."
            )
        return response

    def _upload(self, invocation: AsyncInvocation, response: ContainerResponse) -> None:
        if invocation.output is not None:
            started = time.monotonic()
            try:
                self._role.put_object(invocation.output, response.payload, response.content_type, self._settings.kms_key)
            except (AccessDenied, ResourceNotFound) as error:
                self._metrics.add(m.RESPONSE_UPLOAD_FAILURES)
                raise RequestFailed(f"Failed to upload the response to {invocation.output}: {error}") from error
            finally:
                self._metrics.add(m.RESPONSE_UPLOAD_LATENCY, (time.monotonic() - started) * 1e6)
        included = invocation.output is None or "SUCCESS_NOTIFICATION_TOPIC" in self._settings.include_response_in
        body = response.body if included and len(response.payload) <= limits.NOTIFICATION_BODY_BYTES else None
        message = notifications.completed(
            invocation, self._place, self._clock.now(), response.content_type, invocation.output, body
        )
        self._notify(self._settings.success_topic, message)

    def _put_failure(self, uri: S3Uri, body: Payload, content_type: str) -> bool:
        try:
            self._role.put_object(uri, body, content_type, self._settings.kms_key)
        except (AccessDenied, ResourceNotFound) as error:
            self._metrics.add(m.RESPONSE_UPLOAD_FAILURES)
            self._log(f"Failed to upload to {uri}: {error}")
            return False
        return True

    def _notify(self, topic: str | None, message: Mapping[str, object]) -> None:
        if topic is None:
            return
        try:
            self._role.publish(topic, message)
        except (AccessDenied, ResourceNotFound) as error:
            self._metrics.add(m.NOTIFICATION_FAILURES)
            self._log(f"Failed to publish to {topic}: {error}")
