"""Endpoints that a plan updates and output `async_endpoints` does not list: those just imported, and real-time ones."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from async_endpoint.deploy.endpoints import planned_endpoints
from async_endpoint.terraform.plan_document import resource_changes

_RESOURCE_ID: Final = re.compile(r"endpoint/([^/]+)/variant/[^/]+")


@dataclass(frozen=True)
class _Endpoint:
    name: str


@dataclass(frozen=True)
class _Scaling:
    resource_id: str


@dataclass(frozen=True)
class ScaledVariant:
    """A variant with a scalable target, in the terms of an endpoint's outputs."""

    environment: str
    region: str
    endpoint: _Endpoint
    scaling: _Scaling


def unlisted_variants(document: Mapping[str, Any], environment: str, listed: Collection[str]) -> list[ScaledVariant]:
    """The scaled variants of endpoints that the plan updates or replaces and that are not among `listed`, by SageMaker's names.

    A target counts that exists: in the state, or imported by the plan.
    """
    regions = {one.name: one.region for one in planned_endpoints(resource_changes(document)) if one.name not in listed}
    found = []
    for item in document.get("resource_changes", ()):
        before = item["change"].get("before") or {}
        match = _RESOURCE_ID.fullmatch(str(before.get("resource_id", "")))
        if item["type"] == "aws_appautoscaling_target" and match is not None and match[1] in regions:
            found.append(ScaledVariant(environment, regions[match[1]], _Endpoint(match[1]), _Scaling(match[0])))
    return found
