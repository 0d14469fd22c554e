"""An AWS that treats asynchronous requests otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from async_endpoint.core import metrics as m
from async_endpoint.core.s3_uri import S3Uri
from async_endpoint.emulator.emulator import Emulator
from async_endpoint.emulator.hosting import notifications
from async_endpoint.emulator.hosting.logs import EndpointLogs
from async_endpoint.emulator.hosting.metrics import EndpointMetrics
from async_endpoint.emulator.hosting.request_processor import RequestProcessor
from async_endpoint.emulator.hosting.request_queue import BINARY
from async_endpoint.emulator.sagemaker import runtime_api
from support.deviating_aws import answering, deviation


@deviation("unknown_endpoint")
def unknown_endpoints_are_another_error(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """The runtime answers an unknown endpoint as the control plane does."""
    answering(patch, aws, "sagemaker-runtime", "InvokeEndpointAsync", lambda answer, _: answer.error("ValidationException"))


@deviation("content_type_of_the_object")
def objects_have_no_content_type(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """Without ContentType the container gets application/octet-stream."""
    download = RequestProcessor._download

    def changed(self: RequestProcessor, invocation: Any) -> bytes:
        invocation.content_type = invocation.content_type or BINARY
        return download(self, invocation)

    patch.setattr(RequestProcessor, "_download", changed)


@deviation("keys_of_outputs")
def extension_without_a_slash(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """S3OutputPathExtension is the beginning of the name, not a folder."""
    original = runtime_api.output_locations
    patch.setattr(
        runtime_api,
        "output_locations",
        lambda settings, identifier, name, extension: original(settings, identifier, extension + name if name else "", ""),
    )


@deviation("request_that_the_model_fails")
def failure_keys_end_otherwise(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """The name of a failure object ends in .err."""
    original = runtime_api.output_locations

    def changed(*arguments: Any) -> Any:
        output, failure = original(*arguments)
        return output, failure and S3Uri(failure.bucket, failure.key.replace("-error.out", ".err"))

    patch.setattr(runtime_api, "output_locations", changed)


@deviation("request_that_the_model_fails")
def failure_location_is_a_parameter(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """An error notification has failureLocation in responseParameters."""
    failed = notifications.failed

    def changed(*arguments: Any) -> dict[str, Any]:
        message = failed(*arguments)
        return message | {"responseParameters": {"failureLocation": message.pop("failureLocation", None)}}

    patch.setattr(notifications, "failed", changed)


@deviation("request_that_the_model_fails")
def model_errors_are_worded_otherwise(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """The failure object has the model's text alone."""
    fail = RequestProcessor.fail

    def changed(self: RequestProcessor, invocation: Any, reason: str) -> None:
        fail(self, invocation, reason.replace("Received server error (500) from", "Error:"))

    patch.setattr(RequestProcessor, "fail", changed)


@deviation("request_without_its_input")
def missing_inputs_leave_no_object(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """A request whose input is missing has no failure object."""
    put = RequestProcessor._put_failure

    def changed(self: RequestProcessor, uri: S3Uri, body: bytes, content_type: str) -> bool:
        return not body.startswith(b"Failed to download") and put(self, uri, body, content_type)

    patch.setattr(RequestProcessor, "_put_failure", changed)


@deviation("request_that_takes_too_long")
def late_responses_count(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """A request that exceeds its time-out ends with the model's late response."""
    invoke = RequestProcessor._invoke

    def changed(self: RequestProcessor, invocation: Any, instance: Any, body: bytes) -> Any:
        invocation.timeout_seconds = 60
        return invoke(self, invocation, instance, body)

    patch.setattr(RequestProcessor, "_invoke", changed)


@deviation("names_of_metrics")
def asynchronous_endpoints_publish_invocations(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """Invocations is published for asynchronous endpoints."""
    add = EndpointMetrics.add

    def changed(self: EndpointMetrics, metric: m.Metric, value: float = 1.0) -> None:
        add(self, metric, value)
        if metric == m.INVOCATIONS_PROCESSED:
            add(self, m.INVOCATIONS)

    patch.setattr(EndpointMetrics, "add", changed)


@deviation("log_streams")
def one_log_stream(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """Containers write to the data-log stream too."""
    writer = EndpointLogs.writer

    def changed(self: EndpointLogs, role: Any, variant: str, suffix: str = "") -> Any:
        return writer(self, role, variant, "data-log")

    patch.setattr(EndpointLogs, "writer", changed)


@deviation("request_that_expires")
def expired_requests_leave_no_object(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """An expired request is counted and leaves nothing."""

    def changed(self: RequestProcessor, invocation: Any) -> None:
        self._metrics.add(m.EXPIRED_REQUESTS)

    patch.setattr(RequestProcessor, "expire", changed)


@deviation("success_notification")
def output_location_has_another_place(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """A success notification has outputLocation beside responseParameters."""
    completed = notifications.completed

    def changed(*arguments: Any) -> dict[str, Any]:
        message = completed(*arguments)
        return message | {"outputLocation": message["responseParameters"].pop("outputLocation", None)}

    patch.setattr(notifications, "completed", changed)


@deviation("deliveries_that_are_denied")
def binary_responses_are_included(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """A binary response is in the notification, in some encoding."""
    include = notifications._with

    def changed(body: bytes | None, content_type: str, message: dict[str, Any]) -> dict[str, Any]:
        return include(body.decode("latin-1").encode() if body and b"\xff" in body else body, content_type, message)

    patch.setattr(notifications, "_with", changed)


@deviation("weight_of_a_new_variant")
def new_variants_have_no_desired_weight(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """DesiredWeight is 0 until it is set."""
    answering(
        patch,
        aws,
        "sagemaker",
        "DescribeEndpoint",
        lambda answer, _: answer.sub(r'"DesiredWeight": 1(\.0)?', '"DesiredWeight": 0'),
    )
