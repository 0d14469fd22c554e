"""When API keys are required: as soon as there is one, and always off loopback."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Final

from async_endpoint.core.browser_requests import names_loopback
from async_endpoint.core.errors import InvalidInput, UsageError
from async_endpoint.http_api.access.api_keys import KeyStore

_ORIGIN: Final = re.compile(r"https?://(?:\[[0-9a-f:]+\]|[a-z0-9.-]+)(?::[0-9]{1,5})?")


def keys_required(environment: str, host: str, stores: Iterable[KeyStore]) -> bool:
    """Whether a process that listens on `host` requires keys; a call for each of `stores`, until one has a key.

    Without any key in them only a process on loopback may serve, since whatever reaches its port is accepted. Raises UsageError
    for another host, and what `translate_errors` raises.
    """
    if any(not store.is_empty() for store in stores):
        return True
    if not names_loopback(host):
        raise UsageError(
            f"{host or 'Every address'} can be reached from other machines, and {environment} has no API key; create one with "
            f"`async-endpoint api-keys create {environment} --name NAME`, or listen on 127.0.0.1."
        )
    return False


def checked_cors_origins(origins: Collection[str], *, keys_required: bool) -> tuple[str, ...]:
    """Origins of pages that may use the API; raises InvalidInput for what is no origin, UsageError without API keys."""
    for origin in origins:
        if origin != "*" and _ORIGIN.fullmatch(origin) is None:
            raise InvalidInput(
                f"{origin!r} is not an origin; write it as browsers send it, without a path: https://app.example"
            )
    if origins and not keys_required:
        raise UsageError("Pages of other origins may not use an API without keys; create a key, or leave out --cors-origin.")
    return tuple(origins)
