"""`async-endpoint api-keys create|list|revoke`: the keys that callers of the HTTP API present."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from async_endpoint.cli.api_endpoints import key_stores, read_enabled
from async_endpoint.cli.arguments import Endpoints, Json, Local
from async_endpoint.cli.console import console, print_json
from async_endpoint.core.errors import AsyncEndpointError, UsageError

if TYPE_CHECKING:
    from async_endpoint.http_api.access.api_keys import KeyStore


def register(app: typer.Typer) -> None:
    """Add the group `api-keys` to `app`."""
    group = typer.Typer(name="api-keys", help="Create, list and revoke keys of the HTTP API.", no_args_is_help=True)
    group.command("create")(create)
    group.command("list")(list_keys)
    group.command("revoke")(revoke)
    app.add_typer(group)


def create(
    address: Endpoints,
    name: Annotated[str, typer.Option("--name", help="What the key is for, such as the name of the application.")],
    rate: Annotated[float, typer.Option(metavar="NUMBER", help="Requests per second, in each process of the API.")] = 10.0,
    burst: Annotated[
        int | None, typer.Option(metavar="NUMBER", help="Requests that may come at once; by default two seconds of --rate.")
    ] = None,
    as_json: Json = False,
    local: Local = False,
) -> None:
    """Create an API key for all endpoints of ENV, or for one of them, and print it; it is shown only once."""
    from async_endpoint.http_api.access.api_keys import new_key  # noqa: PLC0415 - loads boto3

    key, text = new_key(name, rate, burst, time.time())
    stores = _stores(address, local=local)
    try:
        for store in stores.values():
            store.write(key)
    except AsyncEndpointError:  # its secret will never be known
        for store in stores.values():
            with suppress(AsyncEndpointError):
                store.delete(key.id)
        raise
    if as_json:
        print_json({"key": text, **key.public(), "endpoints": sorted(stores)})
        return
    console.print(f"created {key.id} for {', '.join(sorted(stores))}: {key.rate:g} requests per second")
    console.print("This is the key; it is stored nowhere, so keep it now:")
    print(text)


def list_keys(address: Endpoints, as_json: Json = False, local: Local = False) -> None:
    """List the API keys, without their secrets."""
    found: dict[str, dict[str, Any]] = {}
    for name, store in sorted(_stores(address, local=local).items()):
        for key in store:
            found.setdefault(key.id, key.public() | {"endpoints": []})["endpoints"].append(name)
    keys = sorted(found.values(), key=lambda key: (key["created_at"], key["id"]))
    if as_json:
        print_json({"api_keys": keys})
        return
    if not keys:
        console.print("no API key; create one with: async-endpoint api-keys create ENV --name NAME")
        return
    table = Table("id", "name", "rate", "burst", "created", "endpoints", box=None)
    for item in keys:
        endpoints = ", ".join(item["endpoints"])
        table.add_row(item["id"], item["name"], f"{item['rate']:g}/s", str(item["burst"]), item["created_at"], endpoints)
    console.print(table)


def revoke(
    address: Endpoints,
    key_id: Annotated[str, typer.Argument(metavar="KEY-ID", help="Its id, as `api-keys list` has it.")],
    as_json: Json = False,
    local: Local = False,
) -> None:
    """Revoke an API key for all endpoints of ENV, or for one of them; processes notice within a minute."""
    from async_endpoint.http_api.access.api_keys import checked_id  # noqa: PLC0415 - loads boto3

    key_id = checked_id(key_id)
    having = {name: store for name, store in _stores(address, local=local).items() if store.read(key_id) is not None}
    if not having:
        raise UsageError(f"{address} has no API key {key_id}; list its keys with: async-endpoint api-keys list {address}")
    for store in having.values():
        store.delete(key_id)
    if as_json:
        print_json({"revoked": key_id, "endpoints": sorted(having)})
        return
    console.print(f"revoked {key_id} for {', '.join(sorted(having))}; it is valid for a minute at most")


def _stores(address: str, *, local: bool) -> Mapping[str, KeyStore]:
    """The keys of each addressed endpoint; raises what `read_enabled` raises."""
    outputs, enabled = read_enabled(address, local=local)
    return key_stores(outputs.access, enabled)
