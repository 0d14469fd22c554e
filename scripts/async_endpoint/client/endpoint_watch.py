"""EndpointWatch: notices that an endpoint was deleted while requests wait, which would otherwise wait for their deadline."""

from __future__ import annotations

from typing import Final

from botocore.exceptions import BotoCoreError, ClientError

from async_endpoint.aws import AwsSession, error_code

FIRST_CHECK_SECONDS: Final = 60.0  # without any result
LONGEST_INTERVAL_SECONDS: Final = 600.0
GRACE_SECONDS: Final = 60.0  # for results of requests that were in process when the endpoint was deleted (assumption A111)
_MISSING_CODES: Final = frozenset({"ValidationError", "ValidationException", "ResourceNotFound"})


class EndpointWatch:
    """Describes the endpoint when no result has come for a minute, then at growing intervals. Times: seconds since the epoch.

    `is_gone` is whether it has been missing for GRACE_SECONDS. Needs sagemaker:DescribeEndpoint; without it nothing is noticed.
    """

    def __init__(self, session: AwsSession, name: str, now: float) -> None:
        self._session, self._name = session, name
        self._settled = 0
        self._missing_since: float | None = None
        self.is_gone = False
        self.restart(now)

    def restart(self, now: float) -> None:
        """A first request waits, or a result has come."""
        self._interval = FIRST_CHECK_SECONDS
        self._due = now + self._interval
        self.is_gone, self._missing_since = False, None

    def check(self, settled: int, now: float) -> bool:
        """Whether the endpoint turned out to be gone just now; `settled` counts the requests that have ended."""
        if settled != self._settled:
            self._settled = settled
            self.restart(now)
        if now < self._due or self.is_gone:
            return False
        if not self._is_missing():
            self._missing_since = None
            self._interval = min(2 * self._interval, LONGEST_INTERVAL_SECONDS)
            self._due = now + self._interval
            return False
        if self._missing_since is None:
            self._missing_since = now
        self.is_gone = now - self._missing_since >= GRACE_SECONDS
        self._due = self._missing_since + GRACE_SECONDS
        return self.is_gone

    def _is_missing(self) -> bool:
        try:
            self._session.sagemaker.describe_endpoint(EndpointName=self._name)
        except ClientError as error:
            return error_code(error) in _MISSING_CODES
        except BotoCoreError:
            return False
        return False
