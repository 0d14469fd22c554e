"""The caller of a request: without API keys the one caller `local`."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request


async def authenticate(request: Request) -> str:
    """The caller's id."""
    request.scope["caller"] = "local"
    return "local"


async def reachable_endpoints(request: Request) -> list[str]:
    """The names of the endpoints that the caller may use."""
    await authenticate(request)
    return sorted(request.app.state.endpoints)


Caller = Annotated[str, Depends(authenticate)]
