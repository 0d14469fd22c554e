"""`async-endpoint webhooks secret|rotate|dead-letters|redrive|sweep`: the webhooks of an environment's HTTP API."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from async_endpoint.cli.api_endpoints import read_enabled
from async_endpoint.cli.arguments import Endpoints, Json, Local
from async_endpoint.cli.console import console, print_json
from async_endpoint.core.errors import UsageError
from async_endpoint.core.extras import require_extra

if TYPE_CHECKING:
    from async_endpoint.http_api.served_endpoint import ServedEndpoint
    from async_endpoint.http_api.webhooks.dead_letters import DeadLetters
    from async_endpoint.http_api.webhooks.secrets import CallerSecrets

Caller = Annotated[str, typer.Option("--caller", metavar="KEY-ID", help="The API key's id; `local` where there are no keys.")]


def register(app: typer.Typer) -> None:
    """Add the group `webhooks` to `app`."""
    group = typer.Typer(name="webhooks", help="Signing secrets and undelivered webhooks of the HTTP API.", no_args_is_help=True)
    for name, command in (
        ("secret", secret),
        ("rotate", rotate),
        ("dead-letters", dead_letters),
        ("redrive", redrive),
        ("sweep", sweep),
    ):
        group.command(name)(command)
    app.add_typer(group)


def secret(address: Endpoints, caller: Caller, as_json: Json = False, local: Local = False) -> None:
    """Print the secret that signs a caller's webhooks, per endpoint."""
    _print_secrets(address, caller, lambda store: store.get(caller), as_json=as_json, local=local)


def rotate(
    address: Endpoints,
    caller: Caller,
    overlap: Annotated[
        float, typer.Option(metavar="HOURS", help="How long messages are signed with both secrets.", min=0.0, max=720.0)
    ] = 24.0,
    as_json: Json = False,
    local: Local = False,
) -> None:
    """Replace the secret that signs a caller's webhooks; the previous one stays valid for a day."""
    _print_secrets(address, caller, lambda store: store.rotate(caller, overlap * 3_600), as_json=as_json, local=local)


def dead_letters(
    address: Endpoints,
    limit: Annotated[int, typer.Option(help="At most so many messages of an endpoint.", min=1, max=10_000)] = 100,
    as_json: Json = False,
    local: Local = False,
) -> None:
    """List webhooks that could not be delivered for a day; they are kept for 14 days."""
    found: dict[str, Any] = {
        part.name: [letter.as_dict() for letter in _letters(part.endpoint).list(limit)] for part in _endpoints(address, local)
    }
    if as_json:
        print_json({"dead_letters": found})
        return
    for name, letters in found.items():
        console.print(f"{name}: {len(letters)} dead letters")
        for letter in letters:
            print(name, _time(letter["sent_at"]), letter["key"] or letter["message_id"], letter["event"] or "-")


def redrive(address: Endpoints, as_json: Json = False, local: Local = False) -> None:
    """Deliver the dead letters again, for a day."""
    moved = {part.name: _letters(part.endpoint).redrive() for part in _endpoints(address, local)}
    if as_json:
        print_json({"moved": moved})
        return
    for name, count in moved.items():
        console.print(f"{name}: {count} moved back to the delivery queue")


def sweep(address: Endpoints, as_json: Json = False, local: Local = False) -> None:
    """Find predictions whose end nothing has announced, and queue their webhooks."""
    from async_endpoint.http_api.webhooks.sweep import Sweep  # noqa: PLC0415 - of the extra

    reports = {part.name: Sweep(part.endpoint).run(force=True) for part in _endpoints(address, local)}
    if as_json:
        print_json({"sweeps": {name: report.as_dict() for name, report in reports.items()}})
        return
    for name, report in reports.items():
        rest = "" if report.complete else "; run it again for the rest"
        console.print(f"{name}: {report.examined} predictions examined, {report.queued} webhooks queued{rest}")


@dataclass(frozen=True)
class _Part:
    """An addressed endpoint, and its name for people, ENV/NAME."""

    name: str
    endpoint: ServedEndpoint


def _endpoints(address: str, local: bool) -> Iterator[_Part]:
    """The addressed endpoints that have an HTTP API; raises UsageError if none has."""
    require_extra("http", "async-endpoint webhooks")
    from async_endpoint.http_api.served_endpoint import ServedEndpoint, Services  # noqa: PLC0415 - of the extra
    from async_endpoint.http_api.settings import ApiSettings, EndpointSettings  # noqa: PLC0415

    outputs, found = read_enabled(address, local=local)
    enabled = {name: EndpointSettings(name, item) for name, item in found.items()}
    settings = ApiSettings(
        environment=outputs.environment,
        endpoints=enabled,
        keys_required=True,
        endpoint_url=outputs.access.endpoint_url,
        role_arn=outputs.access.role_arn,
    )
    services = Services.of(settings)
    for name, endpoint in enabled.items():
        yield _Part(f"{outputs.environment}/{name}", ServedEndpoint.create(endpoint, settings, services))


def _letters(endpoint: ServedEndpoint) -> DeadLetters:
    from async_endpoint.http_api.webhooks.dead_letters import DeadLetters  # noqa: PLC0415 - of the extra

    return DeadLetters(endpoint.session, endpoint.settings.http_api)


def _print_secrets(address: str, caller: str, get: Callable[[Any], CallerSecrets], *, as_json: bool, local: bool) -> None:
    if not caller or "/" in caller or caller.startswith("."):
        raise UsageError(f"{caller!r} is not the id of an API key; async-endpoint api-keys list shows them.")
    found: dict[str, CallerSecrets] = {}
    for part in _endpoints(address, local):
        from async_endpoint.http_api.webhooks.deliverer import secrets_of  # noqa: PLC0415 - of the extra

        found[part.name] = get(secrets_of(part.endpoint))
    if as_json:
        print_json({"secrets": {name: vars(secrets) for name, secrets in found.items()}})
        return
    for name, secrets in found.items():
        until = f"; the previous one is valid until {_time(secrets.previous_until)}" if secrets.previous else ""
        console.print(f"{name}: secret of {caller}, made {_time(secrets.created_at)}{until}")
        print(secrets.current)


def _time(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
