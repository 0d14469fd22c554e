"""The task of a client program, and the timings it prints. Imported by scripts that use nothing of this project."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Task:
    """Send `requests` requests that compute `seconds` each to `endpoint`; inputs go below `inputs` in `bucket`.

    `best`: with the client's best settings for this, not its defaults.
    """

    endpoint: str
    bucket: str
    inputs: str
    requests: int
    seconds: float
    best: bool

    @property
    def body(self) -> bytes:
        return json.dumps({"seconds": self.seconds}).encode()

    @classmethod
    def given(cls) -> Task:
        return cls(**json.loads(sys.argv[1]))


@dataclass
class Timings:
    """Seconds from each model's answer until its caller had the result, both by this machine's clock."""

    lags: list[float] = field(default_factory=list)
    _begun: float = field(default_factory=time.time)
    _cpu: float = field(default_factory=time.process_time)
    _lock: Any = field(default_factory=threading.Lock)

    def result(self, body: bytes | str) -> None:
        now = time.time()
        with self._lock:
            self.lags.append(now - json.loads(body)["answered"])

    def wall(self) -> float:
        """Seconds since this was made."""
        return time.time() - self._begun

    def end(self, wall: float | None = None) -> None:
        """Print and exit at once: SageMaker's SDK leaves threads behind that keep polling for failures."""
        cpu = time.process_time() - self._cpu
        print(json.dumps({"wall": self.wall() if wall is None else wall, "cpu": cpu, "lags": self.lags}), flush=True)
        os._exit(0)
