"""Stored models, endpoint configurations and endpoints: create request, ARN, time and tags; and pages of their lists."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from async_endpoint.emulator.sagemaker.protocol import validation_exception
from async_endpoint.emulator.sagemaker.tags import merge
from async_endpoint.local_aws import ACCOUNT_ID

Described = dict[str, Any]


@dataclass(frozen=True)
class ResourceType:
    """A resource type: its part of the ARN, the member that holds its name, and AWS's errors when it is missing or exists."""

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
    """The ARN; SageMaker's are in lower case."""
    return f"arn:aws:sagemaker:{region}:{ACCOUNT_ID}:{kind.word}/{name.lower()}"


@dataclass
class Resource:
    """One resource. `request` is its create request without tags; `resolved_request` has its model packages replaced."""

    arn: str
    request: Described
    created_at: float
    tags: dict[str, str] = field(default_factory=dict)
    resolved_request: Described = field(default_factory=dict)


Stored = dict[tuple[str, str], Resource]  # by region and name


class ResourceStore:
    """All resources of one type, by region and name."""

    def __init__(self, kind: ResourceType, now: Callable[[], float]) -> None:
        self.kind = kind
        self._now = now
        self._stored: Stored = {}
        self._lock = threading.Lock()

    def add(self, region: str, request: Described) -> Resource:
        """Store a create request; raises ValidationException when the name is taken, in whatever case.

        Names of endpoints are not case-sensitive in CreateEndpoint (API reference), and ARNs of all resources have lower case.
        """
        kept = {key: value for key, value in request.items() if key != "Tags"}
        name = request[self.kind.name]
        resource = Resource(arn(self.kind, region, name), kept, self._now(), merge({}, request.get("Tags")))
        with self._lock:
            if any(stored.arn == resource.arn for stored in self._stored.values()):
                raise validation_exception(self.kind.exists.format(arn=resource.arn))
            self._stored[region, name] = resource
        return resource

    def get(self, region: str, name: str) -> Resource:
        """Return a resource; raises ValidationException, as SageMaker does, when it does not exist."""
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
        """Remove a resource if it exists."""
        with self._lock:
            self._stored.pop((region, name), None)

    def all(self, region: str) -> list[Resource]:
        with self._lock:
            return [resource for (where, _), resource in self._stored.items() if where == region]

    def saved(self) -> Stored:
        """All resources, for a snapshot."""
        with self._lock:
            return dict(self._stored)

    def restore(self, saved: Stored) -> None:
        """Restore a snapshot."""
        with self._lock:
            self._stored = dict(saved)

    def by_arn(self, wanted: str) -> Resource | None:
        with self._lock:
            return next((resource for resource in self._stored.values() if resource.arn == wanted), None)


DEFAULT_RESULTS = 10  # MaxResults of ListEndpoints, ListEndpointConfigs and ListModels


def page(summaries: Sequence[Mapping[str, Any]], kind: str, request: Mapping[str, Any]) -> tuple[list[Mapping[str, Any]], str]:
    """The wanted summaries of a `kind` (Endpoint, EndpointConfig, Model), and the token of the next page, empty after the last.

    Newest first unless asked otherwise. Raises ValidationException for a token that no page gave.
    """
    sort_key = {"Name": f"{kind}Name", "Status": f"{kind}Status"}.get(request.get("SortBy", ""), "CreationTime")
    found = [summary for summary in summaries if _wanted(summary, kind, request)]
    found.sort(key=lambda summary: summary.get(sort_key, ""), reverse=request.get("SortOrder", "Descending") == "Descending")
    token = request.get("NextToken", "0")
    if not token.isdecimal():
        raise validation_exception(f"Invalid NextToken: {token}")
    start, end = int(token), int(token) + int(request.get("MaxResults", DEFAULT_RESULTS))
    return found[start:end], str(end) if end < len(found) else ""


def _wanted(summary: Mapping[str, Any], kind: str, request: Mapping[str, Any]) -> bool:
    return (
        request.get("NameContains", "") in summary[f"{kind}Name"]
        and request.get("StatusEquals") in (None, summary.get(f"{kind}Status"))
        and all(
            request.get(f"{time}After", -math.inf) < summary[time] < request.get(f"{time}Before", math.inf)
            for time in ("CreationTime", "LastModifiedTime")
            if time in summary
        )
    )
