"""One request handed to the endpoint: the only way in."""

from __future__ import annotations

import dataclasses
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from async_endpoint.client.aws import AwsClients
from async_endpoint.client.clock import SYSTEM_CLOCK, Clock
from async_endpoint.client.explain import code_of, explained, message_of
from async_endpoint.client.inputs import inline_body, upload
from async_endpoint.client.payload import BINARY_TYPE, Payload, guess_content_type
from async_endpoint.contract import limits
from async_endpoint.contract.errors import EndpointNotReady, InvalidInput, UsageError
from async_endpoint.contract.outputs import AsyncEndpointOutputs, Limits
from async_endpoint.contract.s3_uri import S3Uri

INVOKE_ACTION: Final = "sagemaker:InvokeEndpointAsync"
_INFERENCE_ID: Final = re.compile(rf"[!-~][ -~]{{0,{limits.INFERENCE_ID_CHARS - 1}}}")  # [M] \A\S[\p{Print}]*\z
_ENDPOINT_AWAY: Final = re.compile(r"not found|not in service", re.IGNORECASE)  # observed wording, not documented
_NOT_SERVING: Final = frozenset({"Creating", "Deleting", "Failed", "OutOfService"})


@dataclass(frozen=True)
class Submitted:
    """A request the endpoint has accepted; all that is needed to collect it, in this process or another.

    Locations are S3 URIs. `input_location` is None for an inline body, `failure_location` where the endpoint has no failure
    path. `deadline_seconds` after `submitted_at` (UTC) the request has ended one way or the other.
    """

    inference_id: str
    input_location: str | None
    output_location: str
    failure_location: str | None
    deadline_seconds: float
    submitted_at: datetime

    def as_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self) | {"submitted_at": self.submitted_at.isoformat()}


def deadline_seconds(bounds: Limits) -> int:
    """The longest a request can take: its life in the queue, one cold start and one invocation."""
    return bounds.request_ttl_seconds + bounds.invocation_timeout_seconds + bounds.cold_start_seconds


def submit(
    clients: AwsClients,
    outputs: AsyncEndpointOutputs,
    payload: Payload,
    *,
    content_type: str | None = None,
    accept: str | None = None,
    inference_id: str | None = None,
    inline: bool = False,
    clock: Clock = SYSTEM_CLOCK,
) -> Submitted:
    """Hand one request to the endpoint and return at once.

    A file or bytes are uploaded below the environment's input prefix, under a key that follows from the inference id, up to
    1 GB; with `inline` they travel in the call, 1 to 128,000 bytes. A str is the S3 URI of an input that is there already.
    Content type None is guessed from the name. Raises InvalidInput for a payload or a field that cannot be sent,
    EndpointNotReady when the endpoint is unknown or not serving, UsageError for rights and credentials, NotReady (and
    LocalAwsNotRunning) when nothing answers. Whatever is wrong with the input's content becomes a failure object instead.
    """
    inference_id = _checked_id(inference_id or str(uuid.uuid4()))
    content_type = _header("The content type", content_type or _guessed_type(payload))
    carried: dict[str, Any] = {} if accept is None else {"Accept": _header("The accepted type", accept)}
    input_location = None
    if inline:
        carried["Body"] = inline_body(payload)
    else:
        input_location = (
            payload if isinstance(payload, str) else upload(clients, outputs.storage, payload, content_type, inference_id)
        )
        carried["InputLocation"] = _checked_location(input_location)
    submitted_at = datetime.fromtimestamp(clock.now(), UTC)
    with explained(clients, INVOKE_ACTION, f"endpoint {outputs.endpoint.name}"), _endpoint_explained(clients, outputs):
        reply = clients.runtime.invoke_endpoint_async(
            EndpointName=outputs.endpoint.name,
            InferenceId=inference_id,
            ContentType=content_type,
            RequestTTLSeconds=outputs.limits.request_ttl_seconds,
            InvocationTimeoutSeconds=outputs.limits.invocation_timeout_seconds,
            **carried,
        )
    if not reply.get("OutputLocation"):
        raise UsageError(
            f"Endpoint {outputs.endpoint.name} accepted {inference_id} and names no output location: its configuration has no "
            f"S3OutputPath; apply environment {outputs.environment} again."
        )
    return Submitted(
        inference_id=reply.get("InferenceId") or inference_id,
        input_location=input_location,
        output_location=reply["OutputLocation"],
        failure_location=reply.get("FailureLocation") or None,
        deadline_seconds=deadline_seconds(outputs.limits),
        submitted_at=submitted_at,
    )


def _guessed_type(payload: Payload) -> str:
    return BINARY_TYPE if isinstance(payload, bytes) else guess_content_type(str(payload))


def _checked_id(inference_id: str) -> str:
    if _INFERENCE_ID.fullmatch(inference_id) is None:
        raise InvalidInput(
            f"Inference id {inference_id!r} cannot be sent; use 1 to 64 printable ASCII characters, no space first."
        )
    return inference_id


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


@contextmanager
def _endpoint_explained(clients: AwsClients, outputs: AsyncEndpointOutputs) -> Iterator[None]:
    """A ValidationError says little: ask for the endpoint's state to tell an absent endpoint from a wrong request."""
    try:
        yield
    except ClientError as error:
        if code_of(error) not in ("ValidationError", "ValidationException"):
            raise
        name, said = outputs.endpoint.name, message_of(error)
        state = _endpoint_state(clients, name)
        if state is None and not _ENDPOINT_AWAY.search(said):
            raise InvalidInput(f"Endpoint {name} does not take this request ({said}); correct it and submit again.") from error
        raise EndpointNotReady(f"Endpoint {name} {state or f'does not take requests yet ({said}); submit again'}.") from error


def _endpoint_state(clients: AwsClients, name: str) -> str | None:
    """Why the endpoint cannot serve and what to do; None when it can, or when the caller may not know."""
    try:
        endpoint = clients.sagemaker.describe_endpoint(EndpointName=name)
    except ClientError as error:
        absent = code_of(error) in ("ValidationError", "ValidationException", "ResourceNotFound")
        return f"does not exist in {clients.region}; apply its environment first" if absent else None
    except BotoCoreError:
        return None
    status = endpoint["EndpointStatus"]
    if status == "Failed":
        return f"has failed ({endpoint.get('FailureReason', 'no reason given').rstrip('.')}); mend the cause and apply again"
    return f"is {status}; wait until it is InService and submit again" if status in _NOT_SERVING else None
