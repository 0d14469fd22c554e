"""Data capture: requests and responses of real-time variants as JSON Lines in S3.

Source: SageMaker developer guide, "Capture data from real-time endpoint": the key
`<prefix>/<endpoint>/<variant>/yyyy/mm/dd/hh/`, the shape of a line, base64 unless the content type is listed. Failed
requests are not captured (A154). Lines that arrive during an upload go into the next object; AWS uploads every few minutes.
"""

from __future__ import annotations

import base64
import contextlib
import json
import random
import threading
import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from async_endpoint.core.s3_uri import S3Uri
from async_endpoint.emulator.container import payload as stored
from async_endpoint.emulator.hosting.execution_role import AccessDenied, AssumedRole
from async_endpoint.emulator.moto_backends import ResourceNotFound


@dataclass(frozen=True)
class DataCaptureConfig:
    """DataCaptureConfig with capture enabled. `modes` are INPUT and OUTPUT; `plain` pairs content types with their encoding."""

    destination: S3Uri
    percent: int
    modes: frozenset[str]
    kms_key: str | None
    plain: tuple[tuple[str, str], ...]

    @classmethod
    def read(cls, config: Mapping[str, Any] | None) -> DataCaptureConfig | None:
        """Parse; None when capture is disabled. Raises InvalidInput for a destination that is not an S3 URI."""
        if not config or not config.get("EnableCapture", True):
            return None
        options = {option["CaptureMode"] for option in config["CaptureOptions"]}
        headers = config.get("CaptureContentTypeHeader") or {}
        return cls(
            destination=S3Uri.parse(config["DestinationS3Uri"]),
            percent=config["InitialSamplingPercentage"],
            modes=frozenset(
                mode.upper() for option in options for mode in ({"Input", "Output"} if "And" in option else {option})
            ),
            kms_key=config.get("KmsKeyId") or None,
            plain=tuple(
                (content_type, encoding)
                for member, encoding in (("CsvContentTypes", "CSV"), ("JsonContentTypes", "JSON"))
                for content_type in headers.get(member) or ()
            ),
        )

    def line(self, now: float, request: Payload, answer: Payload, metadata: Mapping[str, Any]) -> str:
        """One JSON line. `metadata` holds inferenceId and customAttributes where the request had them."""
        parts = {"endpointInput": ("INPUT", request), "endpointOutput": ("OUTPUT", answer)}
        when = datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        document = {
            "captureData": {name: self._part(mode, part) for name, (mode, part) in parts.items() if mode in self.modes},
            "eventMetadata": {"eventId": str(uuid.uuid4()), "inferenceTime": when, **metadata},
            "eventVersion": "0",
        }
        return json.dumps(document, separators=(",", ":"))

    def _part(self, mode: str, part: Payload) -> dict[str, str]:
        encoding = dict(self.plain).get(part.content_type.partition(";")[0].strip(), "BASE64")
        try:
            data = part.body.decode() if encoding != "BASE64" else base64.b64encode(part.body).decode()
        except UnicodeDecodeError:  # the body does not match its content type
            encoding, data = "BASE64", base64.b64encode(part.body).decode()
        return {"observedContentType": part.content_type, "mode": mode, "data": data, "encoding": encoding}


@dataclass(frozen=True)
class Payload:
    """A request body or a response body."""

    body: bytes
    content_type: str


class CaptureWriter:
    """Uploads the captured lines of one endpoint in the background."""

    def __init__(self, endpoint_name: str, region: str, now: Callable[[], float]) -> None:
        self._endpoint_name = endpoint_name
        self._region = region
        self._now = now
        self._lock = threading.Lock()
        self._lines: defaultdict[tuple[DataCaptureConfig, str, str], list[str]] = defaultdict(list)
        self._writer = ThreadPoolExecutor(1, "capture")

    def add(
        self,
        capture: DataCaptureConfig,
        place: tuple[str, str],
        exchange: tuple[Payload, Payload],
        metadata: Mapping[str, Any],
        log: Callable[[str], None],
    ) -> None:
        """Capture one exchange if it is sampled. `place` is the variant name and the ARN of its execution role."""
        if random.random() * 100 >= capture.percent:
            return
        line = capture.line(self._now(), *exchange, metadata)
        with self._lock:
            self._lines[capture, *place].append(line)
            with contextlib.suppress(RuntimeError):  # the endpoint is being deleted
                self._writer.submit(self._write, capture, place, log)

    def close(self) -> None:
        """Accept no more lines; queued uploads finish."""
        self._writer.shutdown(wait=False)

    def _write(self, capture: DataCaptureConfig, place: tuple[str, str], log: Callable[[str], None]) -> None:
        with self._lock:
            lines = self._lines.pop((capture, *place), [])
        if not lines:  # an earlier upload took them
            return
        variant, role_arn = place
        when = datetime.fromtimestamp(self._now(), UTC)
        name = f"{when:%M-%S}-{when.microsecond // 1_000:03}-{uuid.uuid4()}.jsonl"
        uri = capture.destination.join(self._endpoint_name, variant, f"{when:%Y/%m/%d/%H}", name)
        try:
            role = AssumedRole(role_arn, self._region)
            content = stored.Payload("".join(f"{line}\n" for line in lines).encode())
            role.put_object(uri, content, "application/jsonlines", capture.kms_key)
        except (AccessDenied, ResourceNotFound) as error:
            log(f"Failed to write captured data to {uri}: {error}")
