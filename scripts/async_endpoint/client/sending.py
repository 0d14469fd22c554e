"""One request handed to the endpoint: the only way in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from async_endpoint.aws import AwsSession, error_code, error_message, translate_errors
from async_endpoint.client.clock import Clock
from async_endpoint.client.config import ClientConfig
from async_endpoint.client.invocation import Invocation
from async_endpoint.client.pace import Pace
from async_endpoint.client.payload import BINARY_TYPE, Payload, guess_content_type
from async_endpoint.client.results import Request, Submitted
from async_endpoint.client.retries import Retries
from async_endpoint.client.target import Target
from async_endpoint.client.uploads import carried
from async_endpoint.core import limits
from async_endpoint.core.errors import EndpointNotReady, InvalidInput, UsageError
from async_endpoint.core.s3_uri import S3Uri

INVOKE_ACTION: Final = "sagemaker:InvokeEndpointAsync"
RUN_CHARS: Final = 32
KEY_CHARS: Final = 28  # the output is named <key>.out, in Filename's 32 characters; one dot is all its pattern allows [M]
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_ENDPOINT_AWAY: Final = re.compile(r"not found|not in service", re.IGNORECASE)  # observed wording, not documented
_NOT_SERVING: Final = frozenset({"Creating", "Deleting", "Failed", "OutOfService"})


class Sender:
    """Puts inputs, invokes, and tries again what another try may cure."""

    def __init__(
        self, session: AwsSession, target: Target, run: str, config: ClientConfig, clock: Clock, pause: Callable[[float], bool]
    ) -> None:
        """`pause` sleeps so many seconds and tells whether the client is closing."""
        self._session, self._target, self._clock = session, target, clock
        self._run = checked_name("run", run, RUN_CHARS)
        self._inputs = S3Uri.parse(target.input_uri).join(run)
        self._deadline = target.deadline_seconds if config.deadline_seconds is None else config.deadline_seconds
        self._pace = Pace(config.max_rate, clock.now, pause)
        self._retries = Retries(config.attempts, config.backoff_seconds, config.backoff_cap_seconds, pause)
        self._common = {
            "EndpointName": target.name,
            "RequestTTLSeconds": target.limits.request_ttl_seconds,
            "InvocationTimeoutSeconds": target.limits.invocation_timeout_seconds,
            "S3OutputPathExtension": run,
        }

    def send(self, request: Request, invocation: Invocation) -> Submitted:
        """Hand `request` over; returns once the endpoint has accepted it.

        Raises InvalidInput for a payload or a field that cannot be sent, EndpointNotReady when the endpoint is unknown or not
        serving, UsageError for rights and credentials, NotReady (and LocalAwsNotRunning) when the last try was refused for the
        moment. Whatever is wrong with the input's content becomes a failure object instead.
        """
        begun = self._clock.now()
        asked: dict[str, Any] = {**self._common, "InferenceId": invocation.inference_id, "Filename": f"{invocation.key}.out"}
        asked["ContentType"] = kind = _header("The content type", request.content_type or _guessed_type(request.payload))
        if request.accept is not None:
            asked["Accept"] = _header("The accepted type", request.accept)
        if isinstance(request.payload, str):
            if request.inline:
                raise InvalidInput(f"{request.payload} is in S3 already and cannot go inline; leave out --inline.")
            body: bytes | None = None
            location: str | None = request.payload
        else:
            body, location = carried(
                self._session, self._retries, self._inputs, invocation.key, request.payload, kind, request.inline
            )
        asked |= {"InputLocation": _checked_location(location)} if location is not None else {"Body": body}
        invoke = self._session.runtime.invoke_endpoint_async

        sent_at, uploaded_at = 0.0, self._clock.now()

        def once() -> Any:
            nonlocal sent_at
            sent_at = self._clock.now()  # the deadline counts from the try that was accepted
            invocation.sent += 1
            return invoke(**asked)

        with translate_errors(self._session, INVOKE_ACTION, f"endpoint {self._target.name}"), self._endpoint_explained():
            reply = self._retries.call(once, before=self._pace.wait, refused=self._pace.throttled)
        self._pace.accepted()
        if not reply.get("OutputLocation"):
            raise UsageError(
                f"Endpoint {self._target.name} accepted {invocation.inference_id} and names no output location: its "
                "configuration has no S3OutputPath; give it one."
            )
        return Submitted(
            inference_id=reply.get("InferenceId") or invocation.inference_id,
            input_location=location,
            output_location=reply["OutputLocation"],
            failure_location=reply.get("FailureLocation") or None,
            deadline_seconds=self._deadline,
            submitted_at=datetime.fromtimestamp(sent_at, UTC),
            upload_seconds=0.0 if body is not None or isinstance(request.payload, str) else uploaded_at - begun,
            accept_seconds=self._clock.now() - uploaded_at,
        )

    @contextmanager
    def _endpoint_explained(self) -> Iterator[None]:
        """A ValidationError says little: ask for the endpoint's state to tell an absent endpoint from a wrong request."""
        try:
            yield
        except ClientError as error:
            if error_code(error) not in ("ValidationError", "ValidationException"):
                raise
            name, said = self._target.name, error_message(error)
            state = endpoint_state(self._session, name)
            if state is None and not _ENDPOINT_AWAY.search(said):
                raise InvalidInput(
                    f"Endpoint {name} does not take this request ({said}); correct it and submit again."
                ) from error
            raise EndpointNotReady(
                f"Endpoint {name} {state or f'does not take requests yet ({said}); submit again'}."
            ) from error


def endpoint_state(session: AwsSession, name: str) -> str | None:
    """Why the endpoint cannot serve and what to do; None when it can, or when the caller may not know."""
    try:
        endpoint = session.sagemaker.describe_endpoint(EndpointName=name)
    except ClientError as error:
        absent = error_code(error) in ("ValidationError", "ValidationException", "ResourceNotFound")
        return f"does not exist in {session.region}; apply its environment first" if absent else None
    except BotoCoreError:
        return None
    status = endpoint["EndpointStatus"]
    if status == "Failed":
        return f"has failed ({endpoint.get('FailureReason', 'no reason given').rstrip('.')}); mend the cause and apply again"
    return f"is {status}; wait until it is InService and submit again" if status in _NOT_SERVING else None


def checked_name(what: str, name: str, most: int) -> str:
    """A run or a key, which becomes part of inference ids, queue names and object keys; raises InvalidInput."""
    if not isinstance(name, str):
        raise InvalidInput(f"The {what} is of type {type(name).__name__}; give a str.")
    if len(name) > most or _NAME.fullmatch(name) is None:
        raise InvalidInput(
            f"The {what} {name!r} cannot be used; take 1 to {most} letters, digits, hyphens and underscores, "
            "a letter or a digit first."
        )
    return name


def _guessed_type(payload: Payload) -> str:
    return BINARY_TYPE if isinstance(payload, bytes) else guess_content_type(str(payload))


def _checked_location(location: str) -> str:
    if not S3Uri.parse(location).key:
        raise InvalidInput(f"{location} names a bucket; name an object in it.")
    if len(location) > limits.INPUT_LOCATION_CHARS:
        raise InvalidInput(f"{location[:60]}… has {len(location)} characters; use at most {limits.INPUT_LOCATION_CHARS}.")
    return _header("The input location", location)


def _header(name: str, value: str) -> str:
    if not (value.isascii() and value.isprintable()):
        raise InvalidInput(f"{name} {value!r} travels in an HTTP header; use printable ASCII characters.")
    return value
