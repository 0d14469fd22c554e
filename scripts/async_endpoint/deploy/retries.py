"""Retries of AWS calls until a deadline: a throttled account delays a command and does not fail it.

botocore's own retries end after a number of attempts. Its event `needs-retry` is used instead, which every call passes through,
those of paginators and waiters included. A repeated deletion that finds nothing, because the first one was carried out and only
its answer was lost, counts as done.
"""

from __future__ import annotations

import functools
import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from async_endpoint import signals
from async_endpoint.aws import AwsSession

THROTTLING_SECONDS: Final = 120.0  # how long a throttled or failing call is repeated
CONNECTION_SECONDS: Final = 60.0  # how long a call is repeated that reaches no server: an apply survives a lost network
LOCAL_CONNECTION_SECONDS: Final = 5.0  # the same for the local AWS, which has then ended
LONGEST_PAUSE_SECONDS: Final = 5.0

# The codes that botocore takes for throttling (botocore/retries/standard.py), without LimitExceededException: a quota that is
# used up stays used up.
_THROTTLING = frozenset(
    {
        "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "RequestThrottledException",
        "TooManyRequestsException", "TooManyRequests", "ProvisionedThroughputExceededException", "RequestLimitExceeded",
        "BandwidthLimitExceeded", "PriorRequestNotComplete", "SlowDown", "EC2ThrottledException",
    }
)  # fmt: skip
# ConcurrentUpdateException is Application Auto Scaling's, for a target that has another update pending.
_TRANSIENT = frozenset(
    {
        "RequestTimeout", "RequestTimeoutException", "InternalFailure", "InternalError", "InternalServiceError",
        "InternalServiceException", "ServiceUnavailable", "ConcurrentUpdateException",
    }
)  # fmt: skip

_DELETIONS: Final = ("Delete", "Deregister", "Detach", "Remove", "ScheduleKeyDeletion")
_GONE: Final = frozenset(
    {
        "NoSuchBucket", "NoSuchEntity", "NotFound", "NotFoundException", "ObjectNotFoundException", "QueueDoesNotExist",
        "AWS.SimpleQueueService.NonExistentQueue", "ResourceNotFound", "ResourceNotFoundException", "KMSInvalidStateException",
    }
)  # fmt: skip
_SAGEMAKER_GONE: Final = "Could not find"  # a ValidationException, as for anything else that SageMaker refuses
_UNCERTAIN: Final = "async_endpoint_uncertain"  # in the context of a call: whether an earlier attempt may have been carried out

# When the calls of `repeated_together` stop being repeated; None outside of it.
_shared_end: ContextVar[float | None] = ContextVar("shared_end", default=None)


def retrying_session(region: str, endpoint_url: str | None = None, role_arn: str | None = None) -> AwsSession:
    """A session, as `AwsSession.create` makes it, whose calls are repeated as `retry_until_deadline` says.

    botocore itself makes one attempt.
    """
    configure = functools.partial(retry_until_deadline, local=endpoint_url is not None)
    return AwsSession.create(region, endpoint_url, role_arn=role_arn, attempts=1, configure=configure)


@contextmanager
def repeated_together(seconds: float) -> Iterator[None]:
    """Within the block, in this thread, failing calls are repeated until `seconds` of it have passed, however they fail.

    All calls share that time, those that reach no server have as much of it as those that are throttled, and no signal ends it.
    """
    token = _shared_end.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _shared_end.reset(token)


def retry_until_deadline(
    client: Any,
    *,
    clock: Callable[[], float] = time.monotonic,
    throttling_seconds: float = THROTTLING_SECONDS,
    local: bool = False,
) -> Any:
    """Make `client` repeat calls that are throttled, or that fail for a transient reason, for `throttling_seconds`.

    Those that reach no server are repeated for a shorter time, the shortest for a `local` AWS. No call is repeated once a
    signal is deferred (signals.py).
    """

    def pause(
        response: tuple[Any, Mapping[str, Any]] | None,
        attempts: int,
        caught_exception: Exception | None,
        request_dict: Mapping[str, Any],
        **_: Any,
    ) -> float | None:
        unconnected_seconds = LOCAL_CONNECTION_SECONDS if local else CONNECTION_SECONDS
        retry_seconds = _retry_seconds(response, caught_exception, throttling_seconds, unconnected_seconds)
        began = request_dict["context"].setdefault("async_endpoint_began", clock())
        if retry_seconds is None:
            return None
        end = _shared_end.get()
        if end is None and signals.pending() is not None:  # the command is asked to end; what must not end is in the block
            return None
        if clock() >= (began + retry_seconds if end is None else end):
            return None
        if _may_be_done(response, caught_exception):
            request_dict["context"][_UNCERTAIN] = True
        return random.uniform(0.05, min(LONGEST_PAUSE_SECONDS, 0.1 * 2 ** min(attempts, 10)))

    client.meta.events.register("needs-retry", pause)
    client.meta.events.register("after-call", _accept_repeated_deletion)
    return client


def _may_be_done(response: tuple[Any, Mapping[str, Any]] | None, caught: Exception | None) -> bool:
    """Whether a failed attempt may have been carried out: no answer came, or an error of the server."""
    from botocore.exceptions import EndpointConnectionError  # noqa: PLC0415

    if response is None:
        return not isinstance(caught, EndpointConnectionError)  # that one was not sent
    return int(response[0].status_code) >= 500


def _accept_repeated_deletion(
    http_response: Any, parsed: dict[str, Any], model: Any, context: Mapping[str, Any], **_: Any
) -> None:
    """Make the answer to a repeated deletion that finds nothing a success: botocore's event `after-call`."""
    error = parsed.get("Error", {})
    gone = error.get("Code") in _GONE or str(error.get("Message", "")).startswith(_SAGEMAKER_GONE)
    if context.get(_UNCERTAIN) and model.name.startswith(_DELETIONS) and http_response.status_code >= 300 and gone:
        http_response.status_code = 200
        parsed.pop("Error")


def _retry_seconds(
    response: tuple[Any, Mapping[str, Any]] | None, caught: Exception | None, throttling: float, unconnected: float
) -> float | None:
    """Seconds for which a call with this outcome is retried; None if it is not."""
    from botocore.exceptions import ConnectionError as Unconnected  # noqa: PLC0415
    from botocore.exceptions import HTTPClientError, ReadTimeoutError  # noqa: PLC0415

    if caught is not None:
        if isinstance(caught, ReadTimeoutError):
            return throttling
        return min(unconnected, throttling) if isinstance(caught, (Unconnected, HTTPClientError)) else None
    if response is None:
        return None
    http, parsed = response
    code = parsed.get("Error", {}).get("Code", "")
    return throttling if code in _THROTTLING | _TRANSIENT or http.status_code in (429, 500, 502, 503, 504) else None
