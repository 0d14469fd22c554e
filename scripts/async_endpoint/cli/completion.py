"""Shell completion. It runs at each press of Tab, so it loads no command but the one being completed, and never Terraform."""

from __future__ import annotations

from async_endpoint.core.errors import AsyncEndpointError
from async_endpoint.workspace import Workspace


def environment_names(incomplete: str) -> list[str]:
    """The environments of this checkout that begin with `incomplete`; none outside a checkout."""
    try:
        names = Workspace.find().environments
    except (AsyncEndpointError, OSError):  # a message would end up in the command line
        return []
    return [name for name in names if name.startswith(incomplete)]
