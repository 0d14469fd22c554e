"""Serve without a checkout and without Terraform, as a container does: `python -m async_endpoint.http_api OUTPUTS`.

OUTPUTS is a file with what `async-endpoint outputs ENV --json` prints. The options are those of `async-endpoint serve`, but
every address is listened on and keys are always required. Exit codes: 0 after SIGTERM or SIGINT, 2 for what cannot be served.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from async_endpoint.core.errors import AsyncEndpointError, InvalidInput
from async_endpoint.core.outputs import endpoint_objects, parse_endpoint
from async_endpoint.http_api.access.inputs import checked_prefix
from async_endpoint.http_api.access.key_policy import checked_cors_origins
from async_endpoint.http_api.request_context import log_as_json
from async_endpoint.http_api.server import serve
from async_endpoint.http_api.settings import DEFAULT_PORT, ApiSettings, EndpointSettings
from async_endpoint.http_api.webhooks.addresses import checked_prefixes
from async_endpoint.input_files import read_input

OUTPUTS_BYTES: Final = 4_194_304


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until a signal; returns the exit code."""
    try:
        settings = settings_of(_parser().parse_args(arguments))
        log_as_json()
        serve(settings, lambda url: print(f"serving {', '.join(settings.endpoints)} on {url}", file=sys.stderr, flush=True))
    except AsyncEndpointError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def settings_of(options: argparse.Namespace) -> ApiSettings:
    """The settings of a process that serves the endpoints in `options.outputs` that have an HTTP API; raises InvalidInput."""
    endpoints = _endpoints(options.outputs)
    return ApiSettings(
        environment=", ".join(sorted({one.outputs.environment for one in endpoints.values()})),
        endpoints=endpoints,
        host=options.host,
        port=options.port,
        read_only=options.read_only,
        deliveries=not options.no_deliveries,
        max_wait=options.max_wait,
        allowed_webhooks=checked_prefixes(options.allow_webhook),
        input_prefixes=tuple(checked_prefix(prefix) for prefix in options.allow_input),
        cors_origins=checked_cors_origins(options.cors_origin, keys_required=True),
        keys_required=True,
    )


def _endpoints(path: Path) -> dict[str, EndpointSettings]:
    try:
        document = json.loads(read_input(path, OUTPUTS_BYTES))
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{path} is not JSON ({error}); write it with: async-endpoint outputs ENV --json") from error
    objects = endpoint_objects(document.get("endpoints") if isinstance(document, dict) else document)
    outputs = {name: parse_endpoint(name, value) for name, value in objects.items()}
    enabled = {name: EndpointSettings(name, one) for name, one in outputs.items() if one.http_api is not None}
    if not enabled:
        raise InvalidInput(
            f"{path} has no endpoint with an HTTP API; set http_api = {{}} on its module, apply, and write it again."
        )
    return enabled


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m async_endpoint.http_api", description="Serve an HTTP API with keys.")
    parser.add_argument("outputs", type=Path, metavar="OUTPUTS", help="what `async-endpoint outputs ENV --json` prints")
    parser.add_argument("--host", default="0.0.0.0", help="address to listen on")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT)
    parser.add_argument("--read-only", action="store_true", help="refuse new predictions and uploads")
    parser.add_argument("--no-deliveries", action="store_true", help="deliver no webhooks here; another process does")
    parser.add_argument("--max-wait", type=float, metavar="SECONDS", help="refuse predictions expected to wait longer")
    for option, metavar in (("--allow-webhook", "URL-PREFIX"), ("--allow-input", "S3-PREFIX"), ("--cors-origin", "ORIGIN")):
        parser.add_argument(option, action="append", default=[], metavar=metavar, help="may be repeated")
    return parser


if __name__ == "__main__":
    sys.exit(main())
