"""`async-endpoint serve`: the HTTP API in front of the endpoints of an environment."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from async_endpoint.cli.api_endpoints import key_stores, read_enabled
from async_endpoint.cli.arguments import Endpoints, Local
from async_endpoint.cli.console import console
from async_endpoint.core.extras import require_extra


def register(app: typer.Typer) -> None:
    """Add the command `serve` to `app`."""
    app.command("serve")(serve)


def serve(
    address: Endpoints,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.", min=0, max=65535)] = 8000,
    read_only: Annotated[bool, typer.Option("--read-only", help="Refuse new predictions and uploads.")] = False,
    no_deliveries: Annotated[
        bool, typer.Option("--no-deliveries", help="Deliver no webhooks here; another process does.")
    ] = False,
    max_wait: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="Refuse predictions that are expected to wait longer.", min=0.0),
    ] = None,
    allow_webhook: Annotated[
        list[str] | None,
        typer.Option(metavar="URL-PREFIX", help="Allow webhooks below this URL whatever its address. May be repeated."),
    ] = None,
    allow_input: Annotated[
        list[str] | None,
        typer.Option(metavar="S3-PREFIX", help="Allow inputs below this S3 URI by reference. May be repeated."),
    ] = None,
    cors_origin: Annotated[
        list[str] | None,
        typer.Option(metavar="ORIGIN", help="Let pages of this origin use the API with a key; * for all. May be repeated."),
    ] = None,
    capacity_plots: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Show the SVG files of FOLDER on the console page, as `cost --plot` writes them."),
    ] = None,
    local: Local = False,
) -> None:
    """Serve an HTTP API for the environment's endpoints, until Ctrl-C or SIGTERM."""
    require_extra("http", "async-endpoint serve")
    from async_endpoint.http_api.access.inputs import checked_prefix  # noqa: PLC0415
    from async_endpoint.http_api.access.key_policy import checked_cors_origins, keys_required  # noqa: PLC0415
    from async_endpoint.http_api.capacity_plots import read_plots  # noqa: PLC0415
    from async_endpoint.http_api.request_context import log_as_json  # noqa: PLC0415 - of the extra
    from async_endpoint.http_api.server import serve as run  # noqa: PLC0415
    from async_endpoint.http_api.settings import ApiSettings, EndpointSettings  # noqa: PLC0415
    from async_endpoint.http_api.webhooks.addresses import checked_prefixes  # noqa: PLC0415

    plots = () if capacity_plots is None else read_plots(capacity_plots)
    outputs, enabled = read_enabled(address, local=local)
    required = keys_required(outputs.environment, host, key_stores(outputs.access, enabled).values())
    settings = ApiSettings(
        environment=outputs.environment,
        endpoints={name: EndpointSettings(name, item) for name, item in enabled.items()},
        host=host,
        port=port,
        read_only=read_only,
        deliveries=not no_deliveries,
        max_wait=max_wait,
        allowed_webhooks=checked_prefixes(allow_webhook or ()),
        input_prefixes=tuple(checked_prefix(prefix) for prefix in allow_input or ()),
        cors_origins=checked_cors_origins(cors_origin or (), keys_required=required),
        keys_required=required,
        endpoint_url=outputs.access.endpoint_url,
        role_arn=outputs.access.role_arn,
        capacity_plots=plots,
    )
    log_as_json()
    callers = "with an API key" if required else "for this machine, without API keys"
    run(settings, lambda url: console.print(f"serving {', '.join(enabled)} of {outputs.environment} on {url} {callers}"))
    sys.exit(0)
