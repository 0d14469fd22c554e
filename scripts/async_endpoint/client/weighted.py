"""WeightedEndpoint: calls of one real-time endpoint, a share of them answered by an asynchronous endpoint of the same model."""

from __future__ import annotations

import hashlib
import logging
import math
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError, ReadTimeoutError

from async_endpoint.client.botocore_errors import MODEL_ERROR, raise_as_boto3
from async_endpoint.client.endpoint import AsyncEndpoint
from async_endpoint.client.forks import RenewedInChild
from async_endpoint.client.shared_connection import SharedConnection
from async_endpoint.client.synchronous import TIMEOUT_SECONDS, SynchronousCall
from async_endpoint.client.weights import Weight
from async_endpoint.core.errors import InvalidInput

Key = Callable[[Mapping[str, Any]], str | bytes | None]
"""What identifies the caller, session or input of a call: a function of the arguments of `invoke_endpoint`."""

# They select one of what an asynchronous endpoint has only one of, or none
_REAL_TIME_ONLY: Final = frozenset(
    {
        "EnableExplanations",
        "InferenceComponentName",
        "PrefixAwareId",
        "SessionId",
        "TargetContainerHostname",
        "TargetModel",
        "TargetVariant",
    }
)

LEAST_SECONDS: Final = 0.001  # for a call whose time has passed while it was connected

log = logging.getLogger(__name__)


@dataclass
class Counts:
    """Calls since the router was created, by the endpoint that was asked first; `fallbacks` real time answered in the end."""

    real_time: int = 0
    asynchronous: int = 0
    fallbacks: int = 0


class WeightedEndpoint(RenewedInChild):
    """Takes the place of a boto3 client of sagemaker-runtime while callers move to an asynchronous endpoint.

        runtime = WeightedEndpoint(boto3.client("sagemaker-runtime"), "shop", connect, Weight.in_file(Path("/etc/shop/weight")))
        runtime.invoke_endpoint(EndpointName="shop", Body=body, ContentType="application/json")["Body"].read()

    Thread-safe; a forked child connects by itself, and reads the weight. `exceptions` and every other attribute are those of
    the boto3 client.
    """

    def __init__(
        self,
        runtime: Any,
        endpoint_name: str,
        connect: Callable[[], AsyncEndpoint],
        weight: Weight,
        *,
        key: Key | None = None,
        timeout: float | None = None,
        fallback_after: float | None = None,
        fallback: bool = True,
        draw: Callable[[], float] = random.random,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        """`runtime` is the boto3 client, `endpoint_name` the real-time endpoint whose calls are split; others pass through.

        `connect` creates the client of the asynchronous endpoint when the first call goes there: a weight of 0 needs none. It
        runs in a thread of its own, once for all calls that wait, and not again within five seconds of a failure.
        `key` makes the choice sticky: calls with the same key have the same endpoint at the same weight, and one that has moved
        stays there while the weight grows. None chooses by chance, as for calls whose key is None or cannot be computed.

        `timeout` is for a whole asynchronous call, in seconds, connecting included; None is the `read_timeout` of the boto3
        client. With `fallback`, a call that the asynchronous endpoint has not accepted (no permission, throttled, no such
        endpoint, not reachable), or that expired there before an instance took it, is answered by the real-time endpoint, if
        time is left. One that may have been processed is not repeated, except by `fallback_after`: a call without an answer
        after that many seconds is asked of the real-time endpoint too, and both may process it.
        """
        self._runtime, self._name, self._weight = runtime, endpoint_name, weight
        self._key, self._draw, self._fallback, self._elapsed = key, draw, fallback, elapsed
        self._fallback_after = _checked_seconds("fallback_after", fallback_after)
        read_timeout = _checked_seconds("timeout", timeout) or float(runtime.meta.config.read_timeout or TIMEOUT_SECONDS)
        self._whole_timeout, self._timeout = read_timeout, min(read_timeout, self._fallback_after or read_timeout)
        self._connection = SharedConnection(connect, elapsed)
        self.counts = Counts()
        self._renew()
        super().__init__()

    def _renew(self) -> None:
        self._lock = threading.Lock()

    def invoke_endpoint(
        self,
        *,
        EndpointName: str,  # noqa: N803 - the arguments are InvokeEndpoint's
        Body: Any,  # noqa: N803
        ContentType: str | None = None,  # noqa: N803
        Accept: str | None = None,  # noqa: N803
        CustomAttributes: str | None = None,  # noqa: N803
        TargetModel: str | None = None,  # noqa: N803
        TargetVariant: str | None = None,  # noqa: N803
        TargetContainerHostname: str | None = None,  # noqa: N803
        InferenceId: str | None = None,  # noqa: N803
        EnableExplanations: str | None = None,  # noqa: N803
        InferenceComponentName: str | None = None,  # noqa: N803
        SessionId: str | None = None,  # noqa: N803
        PrefixAwareId: str | None = None,  # noqa: N803
    ) -> dict[str, Any]:
        """As boto3's `invoke_endpoint`: the same arguments, response and errors, whichever endpoint answers.

        A call with an argument that an asynchronous endpoint has no equivalent of, such as `TargetVariant`, is answered in real
        time whatever the weight. `InferenceId` is ignored by an asynchronous one: its ids are the client's.
        """
        given = {name: value for name, value in locals().items() if name not in ("self", "given") and value is not None}
        if EndpointName != self._name or not self._chooses_asynchronous(given):
            return self._real_time(given)
        body = _as_bytes(Body)  # a stream can be read once, and both endpoints may be asked
        attempt = _Attempt(self._elapsed())
        try:
            return self._asynchronous(given | {"Body": body}, attempt)
        except Exception as error:
            if not self._may_fall_back(error, attempt):
                raise
            return self._fall_back(given | {"Body": body}, error)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runtime, name)

    def close(self) -> None:
        """Close the client of the asynchronous endpoint, if there is one, and the boto3 client."""
        self._connection.close()
        self._runtime.close()

    def _chooses_asynchronous(self, given: Mapping[str, Any]) -> bool:
        weight = self._weight.current()
        if not _REAL_TIME_ONLY.isdisjoint(given):
            return False
        key = self._key_of(given)
        return (self._draw() if key is None else share_of(key)) < weight

    def _key_of(self, given: Mapping[str, Any]) -> str | bytes | None:
        """The call's key; None if it has none, since a mistake in that function must not fail a call."""
        if self._key is None:
            return None
        try:
            key = self._key(given)
        except Exception as error:
            log.warning("A call has no key: %r", error)
            return None
        if key is not None and not isinstance(key, str | bytes):
            log.warning("A call has no key: the function returned one of type %s.", type(key).__name__)
            return None
        return key

    def _real_time(self, given: Mapping[str, Any]) -> dict[str, Any]:
        with self._lock:
            self.counts.real_time += 1
        answer: dict[str, Any] = self._runtime.invoke_endpoint(**given)
        return answer

    def _asynchronous(self, given: Mapping[str, Any], attempt: _Attempt) -> dict[str, Any]:
        with self._lock:
            self.counts.asynchronous += 1
        try:
            endpoint = self._connection.endpoint(self._timeout)
        except Exception as error:
            raise_as_boto3(error, None, self._name, self._runtime.exceptions)
        attempt.call = SynchronousCall(endpoint, self._runtime.exceptions)
        return attempt.call.answer(
            given["Body"],
            max(self._timeout - (self._elapsed() - attempt.begun), LEAST_SECONDS),
            content_type=given.get("ContentType"),
            accept=given.get("Accept"),
            custom_attributes=given.get("CustomAttributes"),
        )

    def _may_fall_back(self, error: Exception, attempt: _Attempt) -> bool:
        """Whether the real-time endpoint may still be asked: nothing is processed twice, but what `fallback_after` gives up."""
        if not self._fallback or self._elapsed() - attempt.begun >= self._whole_timeout:
            return False
        given_up = self._fallback_after is not None and isinstance(error, ReadTimeoutError)
        return given_up or attempt.call is None or attempt.call.unprocessed

    def _fall_back(self, given: Mapping[str, Any], error: Exception) -> dict[str, Any]:
        """The real-time endpoint's answer; `error` if it has none either, as after it was deleted."""
        log.warning("Asked the real-time endpoint %s instead of an asynchronous one: %s", self._name, error)
        try:
            answer: dict[str, Any] = self._runtime.invoke_endpoint(**given)
        except (BotoCoreError, ClientError) as second:
            if _is_answer(second):
                raise
            raise error from second
        with self._lock:
            self.counts.fallbacks += 1
        return answer


@dataclass
class _Attempt:
    """Of the asynchronous endpoint to answer a call, begun at a time of the monotonic clock; `call` is None until connected."""

    begun: float
    call: SynchronousCall | None = None


def share_of(key: str | bytes) -> float:
    """A number from 0 to below 1 for a key, evenly spread, the same in every process: below the weight, it is asynchronous."""
    digest = hashlib.sha256(key.encode() if isinstance(key, str) else key).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / float(1 << 53)  # the bits of a float: 1 is never reached


def _is_answer(error: Exception) -> bool:
    """Whether the model itself answered with an error."""
    return isinstance(error, ClientError) and error.response.get("Error", {}).get("Code") == MODEL_ERROR


def _as_bytes(body: Any) -> bytes:
    """A body as boto3 takes it: bytes, a bytearray, a str or a readable object. Raises botocore's ParamValidationError."""
    if hasattr(body, "read"):
        body = body.read()
    if isinstance(body, str):
        return body.encode()
    if isinstance(body, bytes | bytearray | memoryview):
        return bytes(body)
    kind = type(body).__name__
    raise ParamValidationError(report=f"Invalid type for parameter Body: {kind}; pass bytes, a bytearray or a file.")


def _checked_seconds(name: str, value: float | None) -> float | None:
    if value is None or (isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < math.inf):
        return value
    raise InvalidInput(f"The argument {name} is {value!r}; pass seconds, more than 0, or None.")
