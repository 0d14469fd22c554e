"""Reads of a socket that end: at a deadline, when the sender stalls or is too slow, or after so many bytes."""

from __future__ import annotations

import io
import math
import socket
import time
from dataclasses import dataclass
from typing import Any


class TooManyBytes(Exception):
    """More was sent than `Budget.most_bytes`."""


@dataclass(frozen=True)
class Budget:
    """What a sender may take: `stall_seconds` between two reads, and `seconds` in all.

    Each `bytes_per_second` bytes received add a second to the latter; 0 adds none.
    """

    stall_seconds: float
    seconds: float = math.inf
    bytes_per_second: float = 0.0
    most_bytes: float = math.inf


class SocketReader(io.RawIOBase):
    """The raw side of a buffered reader. Raises TimeoutError and TooManyBytes as the current budget says."""

    def __init__(self, connection: socket.socket, budget: Budget) -> None:
        super().__init__()
        self._connection = connection
        self.allow(budget)

    def allow(self, budget: Budget) -> None:
        """Begin `budget` now."""
        self._budget = budget
        self._started = time.monotonic()
        self._received = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        budget = self._budget
        earned = self._received / budget.bytes_per_second if budget.bytes_per_second else 0.0
        left = self._started + budget.seconds + earned - time.monotonic()
        if left <= 0:
            raise TimeoutError
        if self._received >= budget.most_bytes:
            raise TooManyBytes
        self._connection.settimeout(min(budget.stall_seconds, left))
        received = self._connection.recv_into(buffer)
        self._received += received
        return received
