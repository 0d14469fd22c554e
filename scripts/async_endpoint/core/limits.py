"""Service limits, each with its source ([M] botocore 1.44.5 service model, [D] AWS documentation)."""

from __future__ import annotations

from typing import Final

DEFAULT_REQUEST_TTL_SECONDS: Final = 21_600  # [D]
REQUEST_TTL_SECONDS: Final = (60, 21_600)  # [M] RequestTTLSeconds, from and to
DEFAULT_INVOCATION_TIMEOUT_SECONDS: Final = 900  # [D]
MAX_INVOCATION_TIMEOUT_SECONDS: Final = 3_600  # [M] InvokeEndpointAsync.InvocationTimeoutSeconds
# Requests per instance. CreateEndpointConfig: "If no value is provided, SageMaker chooses an optimal value"; this one is A120.
DEFAULT_CONCURRENCY: Final = 4

INLINE_BODY_BYTES: Final = 128_000  # [M] InvokeEndpointAsync.Body
INPUT_OBJECT_BYTES: Final = 1_073_741_824  # [D] 1 GB
OUTPUT_OBJECT_BYTES: Final = 1_073_741_824  # A136: equal to the input's
CUSTOM_ATTRIBUTES_CHARS: Final = 1_024  # [M]
INPUT_LOCATION_CHARS: Final = 1_024  # [M]
NOTIFICATION_BODY_BYTES: Final = 131_072  # [D] response is included up to 128 KB
REAL_TIME_RESPONSE_SECONDS: Final = 60  # [D] InvokeEndpoint's container must answer within this
REAL_TIME_BODY_BYTES: Final = 6_291_456  # [M] Body of InvokeEndpoint's request and response
SERVERLESS_BODY_BYTES: Final = 4_194_304  # [D] 4 MB, of the request and of the response
