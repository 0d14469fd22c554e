"""invoke_sync: one request to an asynchronous endpoint that looks like a call of InvokeEndpoint.

For callers that wait for their answer, as they did at a real-time endpoint: the same keys in the response, the same errors.
"""

from __future__ import annotations

import io
import math
import time
from typing import Any, Final

from botocore.response import StreamingBody

from async_endpoint.client.botocore_errors import raise_as_boto3
from async_endpoint.client.endpoint import AsyncEndpoint
from async_endpoint.client.invocation import Invocation
from async_endpoint.client.models import NO_CONTENT_TYPE, Completed, Payload, Request, State
from async_endpoint.core import limits
from async_endpoint.core.errors import InvalidInput

TIMEOUT_SECONDS: Final = 60.0  # botocore's read_timeout, and the longest that InvokeEndpoint waits for a model


def invoke_sync(
    endpoint: AsyncEndpoint,
    payload: Payload,
    timeout: float = TIMEOUT_SECONDS,
    *,
    content_type: str | None = None,
    accept: str | None = None,
    custom_attributes: str | None = None,
    exceptions: Any = None,
) -> dict[str, Any]:
    """Send one request and wait up to `timeout` seconds, all attempts included; returns InvokeEndpoint's response.

    Its keys are `Body` (a botocore StreamingBody), `ContentType`, `InvokedProductionVariant`, `CustomAttributes` (always empty:
    an asynchronous endpoint returns none, A330) and `ResponseMetadata`, whose `RequestId` is the inference id. Thread-safe.

    Raises what boto3 raises from `invoke_endpoint`: ModelError with `OriginalStatusCode` and `OriginalMessage` where the model
    failed, ValidationError, ServiceUnavailable, InternalFailure, ThrottlingException, AccessDeniedException, and botocore's
    ReadTimeoutError, ConnectionClosedError and ParamValidationError. Classes of services are those of `exceptions`, an
    attribute of boto3 clients; by default those of the endpoint's own client, which `except client.exceptions.ModelError` of
    another boto3 session does not match. Raises UsageError for a closed client or one of another process, InvalidInput for a
    timeout that is no positive number.

    A request that is not taken by an instance within `timeout` (at least a minute) expires, so that nothing is computed for a
    caller that has given up. One that has timed out is not collected any longer. As by boto3, bytes are sent without a content
    type where `content_type` is None, unless they are so large that they go through S3.
    """
    call = SynchronousCall(endpoint, exceptions)
    return call.answer(payload, timeout, content_type=content_type, accept=accept, custom_attributes=custom_attributes)


class SynchronousCall:
    """One call of `invoke_sync`, which knows what became of its request when it fails."""

    def __init__(self, endpoint: AsyncEndpoint, exceptions: Any = None) -> None:
        self._endpoint, self._exceptions = endpoint, exceptions
        self._invocation: Invocation | None = None

    def answer(
        self,
        payload: Payload,
        timeout: float,
        *,
        content_type: str | None = None,
        accept: str | None = None,
        custom_attributes: str | None = None,
    ) -> dict[str, Any]:
        """As `invoke_sync`."""
        _check_timeout(timeout)
        endpoint, begun = self._endpoint, time.monotonic()
        url = f"sagemaker-runtime/{endpoint.info.region}/endpoints/{endpoint.info.name}/invocations"
        classes = self._exceptions or endpoint.runtime_exceptions
        endpoint.check_usable()
        unstated = NO_CONTENT_TYPE if isinstance(payload, bytes) else None
        try:
            request = Request(
                payload,
                content_type=unstated if content_type is None else content_type,
                accept=accept,
                custom_attributes=custom_attributes,
                ttl_seconds=_time_to_live(timeout, endpoint.info.limits.request_ttl_seconds),
            )
            self._invocation = invocation = endpoint.submit_within(request, timeout)
            return response(endpoint, invocation, _wait(endpoint, invocation, timeout - (time.monotonic() - begun)))
        except Exception as error:
            raise_as_boto3(error, endpoint.info, url, classes)

    @property
    def unprocessed(self) -> bool:
        """Whether the call has failed and no instance has processed its request, or ever will: it was not accepted, or expired.

        False where that is not known, as after an acceptance whose response was lost.
        """
        if self._invocation is None:
            return True
        state = self._invocation.status()
        refused = self._invocation.sent == self._invocation.unavailable  # A332
        return state in (State.CANCELLED, State.EXPIRED) or (state is State.NOT_SENT and refused)


def response(endpoint: AsyncEndpoint, invocation: Invocation, completed: Completed) -> dict[str, Any]:
    """InvokeEndpoint's response for a result."""
    size = str(len(completed.body))
    headers = {"content-type": completed.content_type, "content-length": size, "x-amzn-requestid": invocation.inference_id}
    return {
        "Body": StreamingBody(io.BytesIO(completed.body), len(completed.body)),
        "ContentType": completed.content_type,
        "InvokedProductionVariant": endpoint.info.variant_name,
        "CustomAttributes": "",
        "ResponseMetadata": {
            "RequestId": invocation.inference_id,
            "HTTPStatusCode": 200,
            "HTTPHeaders": headers,
            "RetryAttempts": max(invocation.sent - 1, 0),
        },
    }


def _wait(endpoint: AsyncEndpoint, invocation: Invocation, seconds: float) -> Completed:
    """The result; a caller that stops waiting, by Ctrl-C too, leaves nothing that is collected."""
    try:
        return invocation.result(max(seconds, 0.0))
    finally:
        if not invocation.done():
            endpoint.abandon(invocation)


def _time_to_live(timeout: float, longest: int) -> int:
    """Whole seconds that the request may wait for an instance."""
    return min(max(math.ceil(timeout), limits.REQUEST_TTL_SECONDS[0]), longest)


def _check_timeout(timeout: object) -> None:
    """Raise InvalidInput, as a mistake of the program and not of a request."""
    if not isinstance(timeout, (int, float)) or isinstance(timeout, bool) or not 0 < timeout < math.inf:
        raise InvalidInput(f"The timeout is {timeout!r}; pass seconds, more than 0.")
