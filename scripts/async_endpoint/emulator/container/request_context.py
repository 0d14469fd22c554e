"""The context that handlers get, with the members of the real model server's.

Source: awslabs/multi-model-server, mms/context.py and mms/metrics/metrics_store.py. Runs inside the model's process, so it
imports nothing of this package.
"""

from __future__ import annotations

import threading
import uuid
from typing import Any

Dimensions = list[Any] | None
TIME_UNITS, SIZE_UNITS = ("ms", "s"), ("MB", "kB", "GB")


class RequestProcessor:
    """One request: its headers; the status and headers of its response."""

    def __init__(self, headers: dict[str, str]) -> None:
        self._request_headers = headers
        self._status: tuple[int, str | None] = (200, None)
        self._response_headers: dict[str, str] = {}

    def get_request_property(self, key: str) -> str | None:
        return self._request_headers.get(key)

    def get_request_properties(self) -> dict[str, str]:
        return self._request_headers

    def report_status(self, code: int, reason_phrase: str | None = None) -> None:
        self._status = (int(code), reason_phrase)

    def get_response_status_code(self) -> int:
        return self._status[0]

    def get_response_status_phrase(self) -> str | None:
        return self._status[1]

    def add_response_property(self, key: str, value: str) -> None:
        self._response_headers[key] = value

    def get_response_header(self, key: str) -> str | None:
        return self._response_headers.get(key)

    def get_response_headers(self) -> dict[str, str]:
        return self._response_headers


class Metrics:
    """Accepts the metrics of a handler; the real server writes them to its own log, which no AWS API shows."""

    def __init__(self) -> None:
        self.store: list[tuple[str, Any, str]] = []  # name, value, unit

    def add_counter(self, name: str, value: float, idx: int | None = None, dimensions: Dimensions = None) -> None:
        self._add(name, value, "count", dimensions)

    def add_time(
        self, name: str, value: float, idx: int | None = None, unit: str = "ms", dimensions: Dimensions = None
    ) -> None:
        _check_unit(unit, TIME_UNITS)
        self._add(name, value, unit, dimensions)

    def add_size(
        self, name: str, value: float, idx: int | None = None, unit: str = "MB", dimensions: Dimensions = None
    ) -> None:
        _check_unit(unit, SIZE_UNITS)
        self._add(name, value, unit, dimensions)

    def add_percent(self, name: str, value: float, idx: int | None = None, dimensions: Dimensions = None) -> None:
        self._add(name, value, "percent", dimensions)

    def add_error(self, name: str, value: str, dimensions: Dimensions = None) -> None:
        self._add(name, value, "", dimensions)

    def add_metric(
        self, name: str, value: Any, idx: int | None = None, unit: str | None = None, dimensions: Dimensions = None
    ) -> None:
        self._add(name, value, unit or "", dimensions)

    def _add(self, name: str, value: Any, unit: str, dimensions: Dimensions) -> None:
        if dimensions is not None and not isinstance(dimensions, list):
            raise ValueError("Please provide a list of dimensions")
        self.store.append((name, value, unit))


def _check_unit(unit: str, known: tuple[str, ...]) -> None:
    if unit not in known:
        raise ValueError(f"the unit should be one of {list(known)}")


class Context(threading.local):
    """The context of the request that the current thread processes.

    Handlers receive the object that the model was loaded with, for every request. So there is one, with thread-local
    attributes. `gpu_id` is None: there is no GPU.
    """

    def __init__(self, model_dir: str, model_name: str = "model") -> None:
        self.model_name = model_name
        self.manifest: dict[str, Any] = {}
        self.system_properties = {
            "model_dir": model_dir,
            "gpu_id": None,
            "batch_size": 1,
            "server_name": "MMS",
            "server_version": "1.1.11",
        }
        self.begin({})

    def begin(self, headers: dict[str, str]) -> RequestProcessor:
        """Start a request on this thread."""
        processor = RequestProcessor(headers)
        self.request_ids = {0: str(uuid.uuid4())}
        self.request_processor = [processor]
        self.metrics = Metrics()
        return processor

    def get_request_id(self, idx: int = 0) -> str | None:
        return self.request_ids.get(idx)

    def get_request_header(self, idx: int, key: str) -> str | None:
        return self.request_processor[idx].get_request_property(key)

    def get_all_request_header(self, idx: int) -> dict[str, str]:
        return self.request_processor[idx].get_request_properties()

    def set_response_content_type(self, idx: int, value: str) -> None:
        self.set_response_header(idx, "content-type", value)

    def get_response_content_type(self, idx: int) -> str | None:
        return self.get_response_headers(idx).get("content-type")

    def get_response_status(self, idx: int) -> tuple[int, str | None]:
        processor = self.request_processor[idx]
        return processor.get_response_status_code(), processor.get_response_status_phrase()

    def set_response_status(self, code: int = 200, phrase: str = "", idx: int = 0) -> None:
        self.request_processor[idx].report_status(code, reason_phrase=phrase)

    def set_all_response_status(self, code: int = 200, phrase: str = "") -> None:
        for processor in self.request_processor:
            processor.report_status(code, reason_phrase=phrase)

    def get_response_headers(self, idx: int) -> dict[str, str]:
        return self.request_processor[idx].get_response_headers()

    def set_response_header(self, idx: int, key: str, value: str) -> None:
        self.request_processor[idx].add_response_property(key, value)
