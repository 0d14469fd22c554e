"""Models and endpoint configurations: what was asked for, kept as asked, with ARN, time and tags."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from async_endpoint.emulator.record import ACCOUNT_ID
from async_endpoint.emulator.sagemaker.protocol import validation_exception

Described = dict[str, Any]


@dataclass(frozen=True)
class ResourceType:
    """A kind of resource: its ARN's word, the member that names it, and what AWS answers when there is none."""

    word: str
    name: str
    missing: str
    exists: str


MODEL = ResourceType("model", "ModelName", 'Could not find model "{arn}".', "Cannot create already existing model {arn}.")
CONFIG = ResourceType(
    "endpoint-config",
    "EndpointConfigName",
    'Could not find endpoint configuration "{arn}".',
    'Cannot create already existing endpoint configuration "{arn}".',
)
ENDPOINT = ResourceType(
    "endpoint", "EndpointName", 'Could not find endpoint "{arn}".', 'Cannot create already existing endpoint "{arn}".'
)


def arn(kind: ResourceType, region: str, name: str) -> str:
    """ARNs of SageMaker resources are in lower case."""
    return f"arn:aws:sagemaker:{region}:{ACCOUNT_ID}:{kind.word}/{name.lower()}"


@dataclass
class Resource:
    """One stored resource: the request that made it, without its tags. `meant` is that request with what it refers to in it."""

    arn: str
    request: Described
    created_at: float
    tags: dict[str, str] = field(default_factory=dict)
    meant: Described = field(default_factory=dict)


Stored = dict[tuple[str, str], Resource]  # by region and name


class ResourceStore:
    """Everything of one kind, by region and name."""

    def __init__(self, kind: ResourceType, now: Callable[[], float]) -> None:
        self.kind = kind
        self._now = now
        self._stored: Stored = {}
        self._lock = threading.Lock()

    def add(self, region: str, request: Described) -> Resource:
        """Store a create request; raises ValidationException when the name is taken."""
        kept = {key: value for key, value in request.items() if key != "Tags"}
        name = request[self.kind.name]
        resource = Resource(arn(self.kind, region, name), kept, self._now(), _tags(request.get("Tags")))
        with self._lock:
            if (region, name) in self._stored:
                raise validation_exception(self.kind.exists.format(arn=resource.arn))
            self._stored[region, name] = resource
        return resource

    def get(self, region: str, name: str) -> Resource:
        """Raises ValidationException, as SageMaker does, when there is none."""
        found = self._stored.get((region, name))
        if found is None:
            raise validation_exception(self.kind.missing.format(arn=arn(self.kind, region, name)))
        return found

    def remove(self, region: str, name: str) -> None:
        self.get(region, name)
        with self._lock:
            self._stored.pop((region, name), None)

    def has(self, region: str, name: str) -> bool:
        return (region, name) in self._stored

    def discard(self, region: str, name: str) -> None:
        """Remove what may be gone already."""
        with self._lock:
            self._stored.pop((region, name), None)

    def all(self, region: str) -> list[Resource]:
        with self._lock:
            return [resource for (where, _), resource in self._stored.items() if where == region]

    def saved(self) -> Stored:
        """Everything, for a stop."""
        with self._lock:
            return dict(self._stored)

    def restore(self, saved: Stored) -> None:
        """Become what was saved."""
        with self._lock:
            self._stored = dict(saved)

    def by_arn(self, wanted: str) -> Resource | None:
        with self._lock:
            return next((resource for resource in self._stored.values() if resource.arn == wanted), None)


def _tags(given: list[dict[str, str]] | None) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in given or []}
