"""Sender: validates, uploads and invokes; the only way a request reaches the endpoint."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ProxyConnectionError,
)

from async_endpoint.aws import AwsSession, error_code, error_message, is_retryable, is_throttled, translate_errors
from async_endpoint.client.clock import Clock
from async_endpoint.client.config import ClientConfig
from async_endpoint.client.endpoint_info import EndpointInfo
from async_endpoint.client.invocation import Invocation
from async_endpoint.client.models import BINARY_TYPE, NO_CONTENT_TYPE, Payload, Request, Submitted, guess_content_type
from async_endpoint.client.rate_limiter import RateLimiter
from async_endpoint.client.retries import Retries
from async_endpoint.client.uploads import upload_or_inline
from async_endpoint.core import limits
from async_endpoint.core.errors import EndpointNotReady, InvalidInput, UsageError
from async_endpoint.core.s3_uri import S3Uri

INVOKE_ACTION: Final = "sagemaker:InvokeEndpointAsync"
# An inference id has 64 characters at most [M]: the queue's id and a dot (11), the run, a hyphen, the key.
RUN_CHARS: Final = 24
KEY_CHARS: Final = 28  # the output is named <key>.out, in Filename's 32 characters; one dot is all its pattern allows [M]
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_ENDPOINT_MISSING: Final = re.compile(r"not found|not in service", re.IGNORECASE)  # A122
_NOT_CONNECTED: Final = (EndpointConnectionError, ConnectTimeoutError, ProxyConnectionError)
_NOT_SERVING: Final = frozenset({"Creating", "Deleting", "Failed", "OutOfService"})


class Sender:
    """Uploads inputs and invokes the endpoint, retrying what is retryable."""

    def __init__(
        self,
        session: AwsSession,
        info: EndpointInfo,
        run: str,
        config: ClientConfig,
        clock: Clock,
        pause: Callable[[float], bool],
    ) -> None:
        """`pause` sleeps for some seconds and returns whether the client is closing."""
        self._session, self._info, self._clock = session, info, clock
        self._run = validate_name("run", run, RUN_CHARS)
        self._inputs = S3Uri.parse(info.input_uri).join(run)
        self._deadline = info.deadline_seconds if config.deadline is None else config.deadline
        self._limiter = RateLimiter(config.max_rate, clock.now, pause)
        self._retries = Retries(config.attempts, config.backoff_base, config.backoff_cap, pause)
        self._common = {
            "EndpointName": info.name,
            "RequestTTLSeconds": info.limits.request_ttl_seconds,
            "InvocationTimeoutSeconds": info.limits.invocation_timeout_seconds,
            "S3OutputPathExtension": run,
        }

    def send(self, request: Request, invocation: Invocation) -> Submitted:
        """Send `request`; returns when the endpoint has accepted it.

        Raises InvalidInput for an invalid payload or field, EndpointNotReady if the endpoint is unknown or not serving,
        UsageError for permissions and credentials, NotReady (LocalAwsNotRunning) if the last attempt failed for a retryable
        reason. Invalid content of the input becomes a failure object instead.
        """
        started_at = self._clock.now()
        fields: dict[str, Any] = {**self._common, "InferenceId": invocation.inference_id, "Filename": f"{invocation.key}.out"}
        kind = _header("The content type", request.content_type or _guessed_type(request.payload))
        if request.accept is not None:
            fields["Accept"] = _header("The accepted type", request.accept)
        if request.custom_attributes is not None:
            fields["CustomAttributes"] = _attributes(request.custom_attributes)
        if request.ttl_seconds is not None:
            fields["RequestTTLSeconds"] = request.ttl_seconds
        if isinstance(request.payload, str):
            if request.inline:
                raise InvalidInput(f"{request.payload} is an S3 object and cannot be sent inline; leave out --inline.")
            body: bytes | None = None
            location: str | None = request.payload
        else:
            body, location = upload_or_inline(
                self._session, self._retries, self._inputs, invocation.key, request.payload, kind, request.inline
            )
        fields |= {"InputLocation": _checked_location(location)} if location is not None else {"Body": body}
        if location is not None or not isinstance(request.payload, bytes) or request.content_type != NO_CONTENT_TYPE:
            fields["ContentType"] = kind
        invoke = self._session.runtime.invoke_endpoint_async

        sent_at, uploaded_at = 0.0, self._clock.now()

        def once() -> Any:
            nonlocal sent_at
            sent_at = self._clock.now()  # the deadline counts from the accepted attempt
            invocation.sent += 1
            try:
                return invoke(**fields)
            except (BotoCoreError, ClientError) as error:
                if _was_refused(error):
                    invocation.sent -= 1
                elif isinstance(error, ClientError) and error_code(error) == "ServiceUnavailable":
                    invocation.unavailable += 1
                raise

        with translate_errors(self._session, INVOKE_ACTION, f"endpoint {self._info.name}"), self._endpoint_state_explained():
            reply = self._retries.call(once, before=self._limiter.wait, throttled=self._limiter.throttled)
        self._limiter.accepted()
        if not reply.get("OutputLocation"):
            raise UsageError(
                f"Endpoint {self._info.name} accepted {invocation.inference_id} without an output location: its "
                "configuration has no S3OutputPath; add one."
            )
        return Submitted(
            inference_id=reply.get("InferenceId") or invocation.inference_id,
            input_location=location,
            output_location=reply["OutputLocation"],
            failure_location=reply.get("FailureLocation") or None,
            deadline_seconds=self._deadline_of(request),
            submitted_at=datetime.fromtimestamp(sent_at, UTC),
            upload_seconds=0.0 if body is not None or isinstance(request.payload, str) else uploaded_at - started_at,
            accept_seconds=self._clock.now() - uploaded_at,
        )

    def _deadline_of(self, request: Request) -> float:
        """Seconds after which the request has ended: earlier by what its time to live is shorter than the endpoint's."""
        usual = self._info.limits.request_ttl_seconds
        if request.ttl_seconds is None or request.ttl_seconds >= usual:
            return self._deadline
        return min(self._deadline, self._info.deadline_seconds - usual + request.ttl_seconds)

    @contextmanager
    def _endpoint_state_explained(self) -> Iterator[None]:
        """Translate a ValidationError, which says little, by the endpoint's state: missing, not serving, or a wrong request."""
        try:
            yield
        except ClientError as error:
            if error_code(error) not in ("ValidationError", "ValidationException"):
                raise
            name, message = self._info.name, error_message(error)
            state = endpoint_state(self._session, name)
            if state is None and not _ENDPOINT_MISSING.search(message):
                raise InvalidInput(f"Endpoint {name} rejects this request ({message}); correct it and submit again.") from error
            raise EndpointNotReady(
                f"Endpoint {name} {state or f'does not accept requests yet ({message}); submit again'}."
            ) from error


def endpoint_state(session: AwsSession, name: str) -> str | None:
    """Why the endpoint cannot serve, and what to do; None if it can, or if the caller may not describe it."""
    try:
        endpoint = session.sagemaker.describe_endpoint(EndpointName=name)
    except ClientError as error:
        missing = error_code(error) in ("ValidationError", "ValidationException", "ResourceNotFound")
        return f"does not exist in {session.region}; apply its environment first" if missing else None
    except BotoCoreError:
        return None
    status = endpoint["EndpointStatus"]
    if status == "Failed":
        return f"has failed ({endpoint.get('FailureReason', 'no reason given').rstrip('.')}); fix the cause and apply again"
    return f"is {status}; wait until it is InService and submit again" if status in _NOT_SERVING else None


def validate_name(what: str, name: str, most: int) -> str:
    """Check a run or a key, which become parts of inference ids, queue names and object keys; raises InvalidInput."""
    if not isinstance(name, str):
        raise InvalidInput(f"The {what} is of type {type(name).__name__}; pass a str.")
    if len(name) > most or _NAME.fullmatch(name) is None:
        raise InvalidInput(
            f"The {what} {name!r} is invalid; use 1 to {most} letters, digits, hyphens and underscores, "
            "beginning with a letter or digit."
        )
    return name


def _was_refused(error: Exception) -> bool:
    """Whether the endpoint has certainly not accepted the request: it was refused, or never sent."""
    return isinstance(error, _NOT_CONNECTED) or is_throttled(error) or not is_retryable(error)


def _guessed_type(payload: Payload) -> str:
    return BINARY_TYPE if isinstance(payload, bytes) else guess_content_type(str(payload))


def _checked_location(location: str) -> str:
    if not S3Uri.parse(location).key:
        raise InvalidInput(f"{location} names a bucket; name an object in it.")
    if len(location) > limits.INPUT_LOCATION_CHARS:
        raise InvalidInput(f"{location[:60]}… has {len(location)} characters; use at most {limits.INPUT_LOCATION_CHARS}.")
    return _header("The input location", location)


def _attributes(value: str) -> str:
    if len(value) > limits.CUSTOM_ATTRIBUTES_CHARS:
        most = limits.CUSTOM_ATTRIBUTES_CHARS
        raise InvalidInput(f"The custom attributes have {len(value):,} characters; use at most {most:,}.")
    return _header("The custom attributes", value)


def _header(name: str, value: str) -> str:
    if not (value.isascii() and value.isprintable()):
        raise InvalidInput(f"{name} {value!r} is sent in an HTTP header; use printable ASCII characters.")
    return value
