"""Service limits, each with its source ([M] botocore 1.44.5 service model, [D] AWS documentation)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from async_endpoint.core.errors import InvalidInput


@dataclass(frozen=True)
class Range:
    """An inclusive integer range with the unit it counts."""

    name: str
    low: int
    high: int
    unit: str

    def check(self, value: int) -> int:
        """Return `value`; raise InvalidInput naming the limit if it is outside."""
        if not self.low <= value <= self.high:
            raise InvalidInput(f"{self.name} is {value}; use {self.low} to {self.high} {self.unit}.")
        return value


REQUEST_TTL_SECONDS: Final = Range("RequestTTLSeconds", 60, 21_600, "seconds")  # [M]
INVOCATION_TIMEOUT_SECONDS: Final = Range("InvocationTimeoutSeconds", 1, 3_600, "seconds")  # [M]
CONCURRENT_INVOCATIONS: Final = Range("MaxConcurrentInvocationsPerInstance", 1, 1_000, "invocations")  # [M]

DEFAULT_REQUEST_TTL_SECONDS: Final = 21_600  # [D]
DEFAULT_INVOCATION_TIMEOUT_SECONDS: Final = 900  # [D]

INLINE_BODY_BYTES: Final = 128_000  # [M] InvokeEndpointAsync.Body
INPUT_OBJECT_BYTES: Final = 1_073_741_824  # [D] 1 GB
OUTPUT_OBJECT_BYTES: Final = 1_073_741_824  # A136: equal to the input's
INFERENCE_ID_CHARS: Final = 64  # [M]
HEADER_CHARS: Final = 1_024  # [M] Accept, ContentType, CustomAttributes, TargetModel
INPUT_LOCATION_CHARS: Final = 1_024  # [M]
FILENAME_CHARS: Final = 32  # [M]
S3_OUTPUT_PATH_EXTENSION_CHARS: Final = 512  # [M]
NOTIFICATION_BODY_BYTES: Final = 131_072  # [D] response is included up to 128 KB
REAL_TIME_RESPONSE_SECONDS: Final = 60  # [D] InvokeEndpoint's container must answer within this
REAL_TIME_BODY_BYTES: Final = 6_291_456  # [M] Body of InvokeEndpoint's request and response
SERVERLESS_BODY_BYTES: Final = 4_194_304  # [D] 4 MB, of the request and of the response
