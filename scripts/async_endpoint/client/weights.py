"""Weight: the share of calls that goes to the asynchronous endpoint, held by callers and changed while they run.

It is one number from 0 to 1, in a file or in a parameter of AWS Systems Manager. Reading it never fails or delays a call: a
value that cannot be read or is no weight leaves the last one in place, with a warning in the log, repeated when it changes.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from async_endpoint.client.forks import RenewedInChild
from async_endpoint.core.errors import InvalidInput

# 100 callers then make 10 GetParameter calls a second, a quarter of the default quota (40 [D], General Reference)
REFRESH_SECONDS: Final = 10.0
WEIGHT_FILE_BYTES: Final = 64
SHOWN_CHARS: Final = 60

log = logging.getLogger(__name__)


class Weight(RenewedInChild):
    """A number from 0 to 1 that `read` returns as text, read again once it is older than `refresh` seconds.

    With `in_background` a thread reads it, and callers have the last value meanwhile. Thread-safe. Raises InvalidInput if the
    first value is no weight, and what `read` raises then.
    """

    def __init__(
        self,
        read: Callable[[], str],
        *,
        refresh: float = REFRESH_SECONDS,
        in_background: bool = False,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read, self._refresh, self._elapsed, self._in_background = read, refresh, elapsed, in_background
        self._value = parse_weight(read())
        self._due = elapsed() + refresh
        self._last_complaint = ""
        self._renew()
        super().__init__()

    def _renew(self) -> None:
        self._lock = threading.Lock()

    @classmethod
    def fixed(cls, value: float) -> Weight:
        """A weight that does not change."""
        return cls(lambda: str(value), refresh=math.inf)

    @classmethod
    def in_file(cls, path: Path) -> Weight:
        """The weight in a file, such as a mounted ConfigMap: read at each call. Replace the file as a whole (rename)."""

        def read() -> str:
            with path.open(encoding="utf-8", errors="replace") as file:
                return file.read(WEIGHT_FILE_BYTES)

        try:
            return cls(read, refresh=0.0)
        except OSError as error:
            raise InvalidInput(
                f"The weight cannot be read from {path} ({error.strerror}); write a number from 0 to 1."
            ) from error

    @classmethod
    def in_parameter(cls, ssm: Any, name: str, *, refresh: float = REFRESH_SECONDS) -> Weight:
        """The weight in the parameter `name` of AWS Systems Manager, one for all callers; `ssm` is a boto3 client of ssm.

        Needs ssm:GetParameter on it. A change reaches a caller that calls after up to `refresh` seconds and one call.
        """
        return cls(lambda: str(ssm.get_parameter(Name=name)["Parameter"]["Value"]), refresh=refresh, in_background=True)

    def current(self) -> float:
        """The weight now."""
        # in the background one thread reads, and the others have the last value
        if self._elapsed() >= self._due and self._lock.acquire(blocking=not self._in_background):
            if self._in_background:
                self._update_in_background()
            else:
                self._update()
        return self._value

    def _update_in_background(self) -> None:
        try:
            threading.Thread(target=self._update, name="async-endpoint-weight", daemon=True).start()
        except Exception as error:  # this machine, or the container's limit, has no thread left
            self._complain(error)
            self._end_update()

    def _update(self) -> None:
        """Read the weight, and release the lock."""
        try:
            self._value = parse_weight(self._read())
            self._last_complaint = ""
        except Exception as error:  # whatever the source raises must not fail a caller's request
            self._complain(error)
        finally:
            self._end_update()

    def _complain(self, error: Exception) -> None:
        if (complaint := str(error)) != self._last_complaint:
            self._last_complaint = complaint
            log.warning("The weight stays %g: %s", self._value, complaint)

    def _end_update(self) -> None:
        self._due = self._elapsed() + self._refresh
        self._lock.release()


def parse_weight(text: str) -> float:
    """A number from 0 to 1; raises InvalidInput for anything else."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        shown = text.strip()[:SHOWN_CHARS]
        raise InvalidInput(f"The weight is {shown!r}; use a number from 0 (all real time) to 1 (all asynchronous).")
    return value
