"""How the client behaves, in one object."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Literal, get_args

from async_endpoint.core.errors import InvalidInput

Strategy = Literal["auto", "notifications", "listing", "looking"]


@dataclass(frozen=True, kw_only=True)
class ClientConfig:
    """Every number of an AsyncEndpoint; the defaults suit from one request to many thousands.

    Sending: `concurrency` calls at once, at most `max_rate` submissions a second (None: as fast as the service takes them; it
    is slowed down by itself while the service refuses too many). A call that another try may cure is tried `attempts` times;
    the pause before try n is drawn from 0 to `backoff_seconds` x 2^n, at most `backoff_cap_seconds`.

    Memory: `map` has at most `window` requests without an outcome, or with one that nobody has taken yet.

    Collecting: `collect` is how results are found, "auto" the best way that the caller may use. Requests end after
    `deadline_seconds` whatever happens (None: time to live, time-out of the invocation and one cold start). Where S3 is asked,
    it is asked after `poll_seconds`, ever more rarely down to every `poll_cap_seconds`, and sooner as results come.
    Notifications count as stopped when a result is older than `announcement_seconds` and was not announced. A right that is
    refused may come back for `permission_seconds`, a service that does not answer for `silence_seconds`; then requests end.
    `trust_notifications` lets a response inside a notification be the result, where the deployment restricts who can publish
    and the message names this request's own endpoint, id and locations; without it, and elsewhere, results are read from S3.
    """

    concurrency: int = 8
    max_rate: float | None = None
    attempts: int = 10
    backoff_seconds: float = 0.1
    backoff_cap_seconds: float = 5.0
    window: int = 1_000
    collect: Strategy = "auto"
    deadline_seconds: float | None = None
    poll_seconds: float = 0.25
    poll_cap_seconds: float = 5.0
    announcement_seconds: float = 5.0
    permission_seconds: float = 10.0
    silence_seconds: float = 120.0
    trust_notifications: bool = True

    def __post_init__(self) -> None:
        """Raise InvalidInput for the first field whose value cannot be used."""
        for name in ("concurrency", "attempts", "window"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise InvalidInput(f"ClientConfig.{name} is {value!r}; use a whole number, 1 or more.")
        optional, positive = ("max_rate", "deadline_seconds"), ("max_rate", "poll_seconds", "poll_cap_seconds")
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.type not in ("float", "float | None") or (value is None and field.name in optional):
                continue
            number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
            least = "more than 0" if field.name in positive else "0 or more"
            if not number or value < 0 or (value == 0 and field.name in positive):
                none = ", or None" if field.name in optional else ""
                raise InvalidInput(f"ClientConfig.{field.name} is {value!r}; use a finite number, {least}{none}.")
        if self.collect not in get_args(Strategy):
            raise InvalidInput(f"ClientConfig.collect is {self.collect!r}; use one of {', '.join(get_args(Strategy))}.")
        if not isinstance(self.trust_notifications, bool):
            raise InvalidInput(f"ClientConfig.trust_notifications is {self.trust_notifications!r}; use True or False.")
