"""Bounded reads of a socket: a deadline, a stall time-out, a minimum rate and a maximum number of bytes."""

from __future__ import annotations

import io
import math
import socket
import time
from dataclasses import dataclass
from typing import Any


class TooManyBytes(Exception):
    """The sender exceeded `Budget.max_bytes`."""


@dataclass(frozen=True)
class Budget:
    """Time and size limits of a sender: `stall_seconds` between two reads, `seconds` in total.

    Each `bytes_per_second` bytes received extend the total by one second; 0 extends nothing.
    """

    stall_seconds: float
    seconds: float = math.inf
    bytes_per_second: float = 0.0
    max_bytes: float = math.inf


class SocketReader(io.RawIOBase):
    """The raw stream of a buffered reader. Raises TimeoutError and TooManyBytes when the current budget is exceeded."""

    def __init__(self, connection: socket.socket, budget: Budget) -> None:
        super().__init__()
        self._connection = connection
        self.start_budget(budget)

    def start_budget(self, budget: Budget) -> None:
        """Start `budget` now."""
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
        if self._received >= budget.max_bytes:
            raise TooManyBytes
        self._connection.settimeout(min(budget.stall_seconds, left))
        received = self._connection.recv_into(buffer)
        self._received += received
        return received
