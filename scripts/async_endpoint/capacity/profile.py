"""Profiles: what `async-endpoint profile` measured of a live endpoint, and what simulations read of it.

A file is one JSON document:

    {"version": 1, "endpoint": "…", "instance_type": "ml.…", "measured": "2026-11-30T14:00:00Z",
     "start_seconds": [212.0],                                    sample of start times: from the scaling activity to service
     "service_seconds": {"1": [0.8, 0.9], "4": [1.1, 1.3]},       samples by the number of requests at once on an instance
     "memory_percent": 41.5}                                      the maximum of MemoryUtilization; null if none was published

Times are AWS seconds. `start_seconds` may be empty: no start was measured.
"""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from async_endpoint.core.errors import InvalidInput

VERSION: Final = 1
MAX_CONCURRENCY: Final = 1_000  # of MaxConcurrentInvocationsPerInstance (API reference, AsyncInferenceClientConfig)
_MOST_SECONDS: Final = 1e9
_FIELDS: Final = ("endpoint", "instance_type", "measured")


@dataclass(frozen=True)
class Profile:
    """See the module. `service_seconds` has at least one concurrency, each with at least one time above zero."""

    endpoint: str
    instance_type: str
    measured: str
    start_seconds: tuple[float, ...]
    service_seconds: Mapping[int, tuple[float, ...]]
    memory_percent: float | None = None

    @property
    def alone(self) -> tuple[float, ...]:
        """The service times at the lowest concurrency that was measured."""
        return self.service_seconds[min(self.service_seconds)]

    def slowdown(self) -> dict[int, float]:
        """The median service time at each concurrency, relative to the lowest one; 1.0 at least, and never falling."""
        base = statistics.median(self.alone)
        found: dict[int, float] = {}
        highest = 1.0
        for concurrency in sorted(self.service_seconds):
            highest = max(highest, statistics.median(self.service_seconds[concurrency]) / base)
            found[concurrency] = highest
        return found

    def dump(self) -> str:
        """The JSON document as text."""
        return json.dumps(self.as_dict(), indent=2) + "\n"

    def as_dict(self) -> dict[str, Any]:
        """The document that the module describes."""
        return {
            "version": VERSION,
            "endpoint": self.endpoint,
            "instance_type": self.instance_type,
            "measured": self.measured,
            "start_seconds": [round(seconds, 3) for seconds in self.start_seconds],
            "service_seconds": {
                str(concurrency): [round(seconds, 6) for seconds in times]
                for concurrency, times in sorted(self.service_seconds.items())
            },
            "memory_percent": None if self.memory_percent is None else round(self.memory_percent, 3),
        }


def parse_profile(text: str | bytes, name: str) -> Profile:
    """The profile in the text of file `name`; raises InvalidInput naming the field that is wrong."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{name} is not JSON ({error}); give a file that `async-endpoint profile` wrote.") from error
    if not isinstance(document, dict) or "version" not in document:
        raise InvalidInput(f"{name} is no profile; give a file that `async-endpoint profile` wrote.")
    if document["version"] != VERSION:
        raise InvalidInput(
            f"{name} has version {document['version']!r}, and this async-endpoint reads {VERSION}; measure the profile again."
        )
    texts = {field: document.get(field) for field in _FIELDS}
    wrong = next((field for field, value in texts.items() if not isinstance(value, str)), None)
    if wrong is not None:
        raise _invalid(name, wrong, texts[wrong], "a text")
    memory = document.get("memory_percent")
    if memory is not None and not _is_number(memory):
        raise _invalid(name, "memory_percent", memory, "a number, or null")
    return Profile(
        **{field: str(value) for field, value in texts.items()},
        start_seconds=_times(name, "start_seconds", document.get("start_seconds"), may_be_empty=True),
        service_seconds=_service_times(name, document.get("service_seconds")),
        memory_percent=None if memory is None else float(memory),
    )


def _service_times(name: str, value: object) -> dict[int, tuple[float, ...]]:
    if not isinstance(value, dict) or not value:
        raise _invalid(name, "service_seconds", value, 'samples by concurrency, as {"1": [0.8, 0.9]}')
    found = {}
    for key, times in value.items():
        if not re.fullmatch(r"[1-9][0-9]{0,3}", key) or int(key) > MAX_CONCURRENCY:
            raise _invalid(name, "service_seconds", key, f"samples by a number of requests, 1 to {MAX_CONCURRENCY}, as key")
        found[int(key)] = _times(name, f"service_seconds.{key}", times, may_be_empty=False)
    return dict(sorted(found.items()))


def _times(name: str, field: str, value: object, *, may_be_empty: bool) -> tuple[float, ...]:
    if not isinstance(value, list) or not (value or may_be_empty):
        raise _invalid(name, field, value, "a list of seconds")
    for one in value:
        if not (_is_number(one) and one > 0):
            raise _invalid(name, field, one, "seconds above zero")
    return tuple(map(float, value))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _MOST_SECONDS


def _invalid(name: str, field: str, value: object, wanted: str) -> InvalidInput:
    return InvalidInput(f"{name} has {repr(value)[:60]} in {field}; it must be {wanted}.")
