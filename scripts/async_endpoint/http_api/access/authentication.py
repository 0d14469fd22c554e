"""Authentication: the caller of a request by its API key, or `local` where no keys are required."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import Depends, Request

from async_endpoint.core.errors import AsyncEndpointError
from async_endpoint.http_api.access.api_keys import ApiKey, KeyStore, parse_key
from async_endpoint.http_api.access.key_cache import KeyCache
from async_endpoint.http_api.access.rates import RateLimits
from async_endpoint.http_api.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from async_endpoint.http_api.served_endpoint import ServedEndpoint, Services

# Ids that this process does not know, together: each costs calls of S3, which callers without a key must not multiply.
_UNKNOWN: Final = ApiKey("unknown", "", "", rate=50.0, burst=100, created_at="")
LOCAL_CALLER: Final = "local"  # no key's id: those have 16 characters
_CHALLENGE: Final = 'Bearer realm="async-endpoint"'
_SCHEME: Final = "bearer "


class Authenticator:
    """Verifies API keys against the stores of the served endpoints, and counts their requests."""

    def __init__(self, endpoints: Mapping[str, ServedEndpoint], services: Services) -> None:
        self._names = tuple(endpoints)
        self._run = services.run
        now = services.clock.now
        stores = {
            name: KeyStore(endpoint.session, endpoint.settings.http_api.credentials_uri, endpoint.retries.call)
            for name, endpoint in endpoints.items()
        }
        self._cache = KeyCache(lambda name, key_id: stores[name].read(key_id), now)
        self._rates = RateLimits(now)

    async def caller(self, credentials: list[str], name: str | None) -> tuple[ApiKey, frozenset[str]]:
        """The key of a request, given its Authorization headers, and the endpoints that it is known to be valid for.

        With the name of a served endpoint only that one is looked at; else all are. Raises a Problem without a valid key, and
        above its rate.
        """
        key_id, secret = _presented(credentials)
        found = await self._valid(key_id, secret, (name,) if name in self._names else self._names)
        if not found and name in self._names:
            found = await self._valid(key_id, secret, self._names)
        if not found:
            raise _unauthorized("The API key is unknown, or was revoked; check it, or ask the operator for a new one.")
        key = next(iter(found.values()))
        seconds = self._rates.take(key)
        if seconds:
            raise Problem(
                "rate-exceeded",
                f"This API key may send {key.rate:g} requests per second; send fewer, or ask the operator for a higher rate.",
                headers={"Retry-After": str(math.ceil(seconds))},
            )
        return key, frozenset(found)

    async def _valid(self, key_id: str, secret: str, names: Iterable[str | None]) -> dict[str, ApiKey]:
        """The key by each endpoint among `names` that it is valid for."""
        found = {}
        for name in names:
            assert name is not None
            if not self._cache.cached(name, key_id):
                if not self._cache.knows(name, key_id) and self._rates.take(_UNKNOWN):
                    raise Problem(
                        "rate-exceeded",
                        "Many requests with unknown API keys arrive; repeat this one.",
                        headers={"Retry-After": "1"},
                    )
                try:
                    await self._run(self._cache.load, name, key_id)
                except AsyncEndpointError:
                    if not self._cache.cached(name, key_id):  # what is still valid outlasts a fault of S3
                        raise
            key = self._cache.key(name, key_id, secret)
            if key is not None:
                found[name] = key
        return found


async def authenticate(request: Request) -> str:
    """The caller of a request: the id of its API key, or `local`. Raises a Problem for a request to refuse."""
    caller, names = await _identified(request)
    name = request.path_params.get("name")
    if name is not None and name not in names:
        raise Problem("not-found", f"There is no endpoint {name[:63]!r}; GET /v1/endpoints lists them.")
    return caller


async def reachable_endpoints(request: Request) -> list[str]:
    """The names of the endpoints that the caller may use; raises what `authenticate` does."""
    return sorted((await _identified(request))[1])


async def _identified(request: Request) -> tuple[str, Collection[str]]:
    """The caller, and the endpoints among those in question that it may use."""
    state = request.app.state
    if not state.settings.keys_required:
        request.scope["caller"] = LOCAL_CALLER
        return LOCAL_CALLER, state.endpoints.keys()
    name = request.path_params.get("name")
    key, names = await _authenticator(state).caller(request.headers.getlist("authorization"), name)
    request.scope["caller"] = key.id
    return key.id, names


def _authenticator(state: Any) -> Authenticator:
    """The one of an application, whose `state` it is."""
    if not hasattr(state, "authenticator"):
        state.authenticator = Authenticator(state.endpoints, state.services)
    found: Authenticator = state.authenticator
    return found


def _presented(credentials: list[str]) -> tuple[str, str]:
    """Id and secret of the key in the Authorization headers of a request."""
    if len(credentials) != 1:
        raise _unauthorized("Send an API key in one header: Authorization: Bearer KEY")
    scheme, token = credentials[0][: len(_SCHEME)], credentials[0][len(_SCHEME) :].strip()
    parsed = parse_key(token) if scheme.lower() == _SCHEME else None
    if parsed is None:
        raise _unauthorized("The Authorization header holds no API key; send: Authorization: Bearer aek_…")
    return parsed


def _unauthorized(detail: str) -> Problem:
    return Problem("unauthorized", detail, headers={"WWW-Authenticate": _CHALLENGE})


Caller = Annotated[str, Depends(authenticate)]
