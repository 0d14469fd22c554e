"""Inputs by reference: which objects a caller may name."""

from __future__ import annotations

from dataclasses import dataclass

from async_endpoint.http_api.problems import Problem
from async_endpoint.http_api.served_endpoint import ServedEndpoint


@dataclass(frozen=True)
class ResolvedInput:
    """An object that the caller may use; content type and size where they are known."""

    uri: str
    content_type: str | None = None
    bytes: int | None = None


def resolve_input(endpoint: ServedEndpoint, caller: str, reference: str) -> ResolvedInput:
    """The object that `reference` names."""
    raise Problem("invalid-request", "Inputs by reference are not available yet.")
