"""Retries by the client instead of botocore: every attempt is counted, and none is made while closing."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from typing import TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from async_endpoint.aws import is_retryable, is_throttled

Answer = TypeVar("Answer")


class Retries:
    """Up to `attempts` attempts of a call, with full jitter: a pause is drawn from 0 to `base` x 2^n seconds, at most `cap`."""

    def __init__(self, attempts: int, base: float, cap: float, pause: Callable[[float], bool]) -> None:
        """`pause` sleeps for some seconds and returns whether to give up."""
        self._attempts, self._base, self._cap, self._pause = attempts, base, cap, pause

    def call(
        self,
        do: Callable[[], Answer],
        *,
        before: Callable[[], object] = lambda: None,
        throttled: Callable[[], object] = lambda: None,
    ) -> Answer:
        """What `do` returns, or what its last attempt raised.

        Only retryable errors are retried: throttling, status 5xx, no response. `before` is called before each attempt,
        `throttled` after each that was throttled.
        """
        for attempt in itertools.count(1):
            before()
            try:
                return do()
            except (BotoCoreError, ClientError) as error:
                if is_throttled(error):
                    throttled()
                if attempt >= self._attempts or not is_retryable(error) or self._pause(self.delay(attempt)):
                    raise
        raise AssertionError("count() does not end")

    def delay(self, attempt: int) -> float:
        """Seconds to wait after attempt number `attempt`, drawn at random."""
        return random.uniform(0, min(self._cap, self._base * 2**attempt))
