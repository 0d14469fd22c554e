"""Listings of a caller's predictions: newest first, one call of S3 a page, from the names of markers alone."""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final

from async_endpoint.http_api.predictions.identity import Marker
from async_endpoint.http_api.predictions.status import timestamp, urls
from async_endpoint.http_api.problems import Problem
from async_endpoint.http_api.served_endpoint import ServedEndpoint

DEFAULT_LIMIT: Final = 50
MOST: Final = 500
CURSOR_CHARS: Final = 300


def page(endpoint: ServedEndpoint, caller: str, limit: int, cursor: str | None) -> dict[str, Any]:
    """A page of predictions; `cursor` continues after an earlier page. Raises the problem `invalid-request` for a wrong one."""
    markers, more = endpoint.records.markers(caller, limit, None if cursor is None else _decoded(cursor))
    return {
        "predictions": [_row(endpoint, marker) for marker in markers],
        "next_cursor": _encoded(markers[-1].name) if more and markers else None,
    }


def _row(endpoint: ServedEndpoint, marker: Marker) -> dict[str, Any]:
    """What a marker's name says. Whether there is an output takes a call, so its path is left out."""
    paths = urls(endpoint.name, marker.id, output=False)
    return {
        "id": marker.id,
        "endpoint": endpoint.name,
        "created_at": timestamp(marker.created_at),
        "webhook": marker.webhook,
        "urls": {"self": paths["self"], "events": paths["events"]},
    }


def _encoded(name: str) -> str:
    return base64.urlsafe_b64encode(name.encode()).decode().rstrip("=")


def _decoded(cursor: str) -> str:
    """The marker's name in a cursor. A forged one names a place in the caller's own listing and nothing else."""
    try:
        name = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        name = ""
    if Marker.parse(name) is None:
        raise Problem("invalid-request", "The cursor is not one of this API; pass next_cursor of the page before, or none.")
    return name
