"""ClientConfig: every setting of the client in one object."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Literal, get_args

from async_endpoint.core.errors import InvalidInput

CollectMethod = Literal["auto", "notifications", "listing", "head"]


@dataclass(frozen=True, kw_only=True)
class ClientConfig:
    """Settings of an AsyncEndpoint; the defaults suit one request as well as many thousands. Durations are in seconds.

    Sending
        concurrency: Threads that send requests, and as many again that read results. Default 8.
        max_rate: Submissions per second, at most; None adapts to what the service accepts. Default None.
        attempts: Attempts of one call before its error counts (throttling, status 5xx, no response). Default 10.
        backoff_base: Pause before retry n is drawn from 0 to `backoff_base` x 2^n seconds. Default 0.1.
        backoff_cap: Longest pause between two attempts, in seconds. Default 5.
        max_in_flight: Requests in `map` and `as_completed` at a time: pending, or done and not yielded. Default 1000.

    Collecting
        collect: How results are found: "notifications", "listing" (ListObjectsV2), "head" (each key by itself), or "auto", the
            first of these that the caller's permissions allow. Default "auto".
        deadline: Seconds after which a request ends in any case; None is the sum of the endpoint's time to live, invocation
            timeout and cold start. Default None.
        poll_interval: First interval between two polls of S3, in seconds; it grows while no result comes. Default 0.25.
        max_poll_interval: Longest interval between two polls of S3, in seconds. With fewer than eight requests pending it is
            at most a second, or a tenth of the time since the last result. Default 5.
        notification_grace: Seconds a notification may lag behind its result; later ones count as lost. Default 5.
        access_denied_grace: Seconds for which reading a result may be denied before the request ends. Default 10.
        unreachable_timeout: Seconds without any response of AWS after which requests end. Default 120.
        trust_notifications: Whether a response inside a notification may be the result, where the deployment restricts who can
            publish and the message matches the request; otherwise results are read from S3. Default True.
    """

    concurrency: int = 8
    max_rate: float | None = None
    attempts: int = 10
    backoff_base: float = 0.1
    backoff_cap: float = 5.0
    max_in_flight: int = 1_000
    collect: CollectMethod = "auto"
    deadline: float | None = None
    poll_interval: float = 0.25
    max_poll_interval: float = 5.0
    notification_grace: float = 5.0
    access_denied_grace: float = 10.0
    unreachable_timeout: float = 120.0
    trust_notifications: bool = True

    def __post_init__(self) -> None:
        """Raise InvalidInput for the first field with an unusable value."""
        for name in ("concurrency", "attempts", "max_in_flight"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise InvalidInput(f"ClientConfig.{name} is {value!r}; use a whole number, 1 or more.")
        optional, positive = ("max_rate", "deadline"), ("max_rate", "poll_interval", "max_poll_interval")
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.type not in ("float", "float | None") or (value is None and field.name in optional):
                continue
            number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
            least = "more than 0" if field.name in positive else "0 or more"
            if not number or value < 0 or (value == 0 and field.name in positive):
                none = ", or None" if field.name in optional else ""
                raise InvalidInput(f"ClientConfig.{field.name} is {value!r}; use a finite number, {least}{none}.")
        if self.collect not in get_args(CollectMethod):
            raise InvalidInput(f"ClientConfig.collect is {self.collect!r}; use one of {', '.join(get_args(CollectMethod))}.")
        if not isinstance(self.trust_notifications, bool):
            raise InvalidInput(f"ClientConfig.trust_notifications is {self.trust_notifications!r}; use True or False.")
