"""One page of a List action: filtered, sorted, cut."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from async_endpoint.emulator.sagemaker.protocol import validation_exception

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
