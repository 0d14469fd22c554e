"""The settings of a model server: workers, the largest request and response, and how long a handler may take.

AWS's framework images configure their server by variables of the container, and have defaults: 6,553,500 bytes for requests and
responses, 60 seconds, one worker. Sources: multi-model-server and TorchServe, configuration.md (`max_request_size`,
`max_response_size`; MMS_… and TS_… variables precede the file); sagemaker-inference 1.10.1, environment.py and model_server.py
(SAGEMAKER_MODEL_SERVER_TIMEOUT, SAGEMAKER_MODEL_SERVER_WORKERS, SAGEMAKER_MAX_PAYLOAD_IN_MB). What the server of another image
does is unknown: only the variables that are set apply. Assumptions A224 and A227 of docs/assumptions.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from async_endpoint.emulator.container.container import CannotStart
from async_endpoint.emulator.container.framework_images import Framework, framework_of

DEFAULT_BYTES: Final = 6_553_500
DEFAULT_SECONDS: Final = 60
MEBIBYTE: Final = 1 << 20
# Prefixes of a server's variables, by the framework of an image.
SERVERS: Final = {
    Framework.HUGGING_FACE: "MMS",
    Framework.MXNET: "MMS",
    Framework.XGBOOST: "MMS",
    Framework.PYTORCH: "TS",
}
GUNICORN: Final = (Framework.SCIKIT_LEARN,)  # has a time-out, and no limits of its own


@dataclass(frozen=True)
class ServerSettings:
    """Sizes in bytes, None without a limit; `response_seconds` in real seconds, None without a limit."""

    workers: int
    max_request_bytes: int | None
    max_response_bytes: int | None
    response_seconds: int | None

    @classmethod
    def read(cls, image: str, environment: Mapping[str, str]) -> ServerSettings:
        """The settings of `image` with a container's variables; raises CannotStart for a value that is no positive number."""
        variables = _Variables(environment)
        framework = framework_of(image)
        server = SERVERS.get(framework, "") if framework else ""
        known = bool(server) or framework in GUNICORN
        prefixes = (server,) if server else () if known else ("MMS", "TS")
        size, seconds = (DEFAULT_BYTES if server else None), (DEFAULT_SECONDS if known else None)
        payload = variables.first("SAGEMAKER_MAX_PAYLOAD_IN_MB")
        return cls(
            workers=variables.first(
                "SAGEMAKER_MODEL_SERVER_WORKERS",
                "MODEL_SERVER_WORKERS",
                *(f"{name}_DEFAULT_WORKERS_PER_MODEL" for name in prefixes),
            )
            or 1,
            max_request_bytes=variables.first(*(f"{name}_MAX_REQUEST_SIZE" for name in prefixes))
            or (payload * MEBIBYTE if payload else size),
            max_response_bytes=variables.first(*(f"{name}_MAX_RESPONSE_SIZE" for name in prefixes)) or size,
            response_seconds=variables.first(
                *(f"{name}_DEFAULT_RESPONSE_TIMEOUT" for name in prefixes),
                "SAGEMAKER_MODEL_SERVER_TIMEOUT",
                "MODEL_SERVER_TIMEOUT",
            )
            or seconds,
        )


class _Variables:
    """Numbers in a container's variables."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self._given = given

    def first(self, *names: str) -> int | None:
        """The first of these variables that is set, empty ones excluded."""
        for name in names:
            if value := self._given.get(name, "").strip():
                if not value.isdecimal() or int(value) < 1:
                    raise CannotStart(f"the variable {name} is {value[:40]!r}, which is not a positive whole number")
                return int(value)
        return None
