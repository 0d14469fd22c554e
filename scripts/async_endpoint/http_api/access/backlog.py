"""Refusal of predictions whose expected wait exceeds a limit."""

from __future__ import annotations

from async_endpoint.http_api.served_endpoint import ServedEndpoint


def check_backlog(endpoint: ServedEndpoint) -> None:
    """Raise a problem if the endpoint's backlog is too large."""
