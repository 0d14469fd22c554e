"""Authentication: the caller of a request by its API key, or `local` where no keys are required."""

from __future__ import annotations

import math
from ipaddress import IPv6Address, IPv6Network
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import Depends, Request

from async_endpoint.core.errors import AsyncEndpointError
from async_endpoint.http_api.access.api_keys import ApiKey, KeyStore, parse_key
from async_endpoint.http_api.access.key_cache import KeyCache
from async_endpoint.http_api.access.rates import Rate, RateLimits
from async_endpoint.http_api.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from starlette.datastructures import Address

    from async_endpoint.http_api.served_endpoint import ServedEndpoint, Services

# Requests with ids that this process does not know cost calls of S3, which callers without a key must not multiply. All of
# them together may cost more than those of one address, which therefore cannot keep others from their first request.
_STRANGE: Final = Rate(rate=50.0, burst=100)
_STRANGE_OF_ADDRESS: Final = Rate(rate=10.0, burst=20)
_ALL: Final = "all"
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
        self._strange = RateLimits(now)  # separate, so that addresses evict no buckets of keys

    async def caller(self, credentials: list[str], name: str | None, address: str) -> tuple[ApiKey, frozenset[str]]:
        """The key of a request, given its Authorization headers, and the endpoints that it is known to be valid for.

        With the name of a served endpoint only that one is looked at; else all are. `address` is the client's. Raises a Problem
        without a valid key, and above its rate.
        """
        key_id, secret = _presented(credentials)
        strange = self._cache.is_strange(self._names, key_id)
        if strange:
            self._admit_strange(address)
        found = await self._valid(key_id, secret, (name,) if name in self._names else self._names)
        if not found and name in self._names:
            found = await self._valid(key_id, secret, self._names)
        if not found:
            raise _unauthorized("The API key is unknown, or was revoked; check it, or ask the operator for a new one.")
        if strange:
            self._strange.give_back(address)
            self._strange.give_back(_ALL)
        key = next(iter(found.values()))
        seconds = self._rates.take(key.id, Rate(key.rate, key.burst))
        if seconds:
            raise Problem(
                "rate-exceeded",
                f"This API key may send {key.rate:g} requests per second; send fewer, or ask the operator for a higher rate.",
                headers={"Retry-After": str(math.ceil(seconds))},
            )
        return key, frozenset(found)

    def _admit_strange(self, address: str) -> None:
        """Count a request whose id may be invented; raises a Problem above the rates of those."""
        if self._strange.take(address, _STRANGE_OF_ADDRESS) or self._strange.take(_ALL, _STRANGE):
            raise Problem(
                "rate-exceeded",
                "Many requests with unknown API keys arrive; repeat this one.",
                headers={"Retry-After": "1"},
            )

    async def _valid(self, key_id: str, secret: str, names: Iterable[str | None]) -> dict[str, ApiKey]:
        """The key by each endpoint among `names` that it is valid for."""
        found = {}
        for name in names:
            assert name is not None
            if not self._cache.cached(name, key_id):
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
    credentials = request.headers.getlist("authorization")
    key, names = await _authenticator(state).caller(credentials, name, _network(request.client))
    request.scope["caller"] = key.id
    return key.id, names


def _network(client: Address | None) -> str:
    """The address of a client as a name of its bucket: of IPv6 the /64, since a subscriber has all of one."""
    host = client.host if client else ""
    try:
        found = IPv6Address(host)
    except ValueError:
        return host
    return str(found.ipv4_mapped or IPv6Network((int(found), 64), strict=False))


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
