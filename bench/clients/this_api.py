"""This repository's HTTP API as `async-endpoint serve` runs it, on a free port; logs go to standard error."""

from __future__ import annotations

import json
import sys

from async_endpoint.core.outputs import AsyncEndpointOutputs
from async_endpoint.http_api.request_context import log_as_json
from async_endpoint.http_api.server import serve
from async_endpoint.http_api.settings import ApiSettings, EndpointSettings

task = json.loads(sys.argv[1])
log_as_json()
serve(
    ApiSettings(
        environment="bench",
        endpoints={task["name"]: EndpointSettings(task["name"], AsyncEndpointOutputs.parse(task["outputs"]))},
        port=0,
        keys_required=False,
        deliveries=False,
        endpoint_url=task["url"],
    ),
    lambda url: print(url, flush=True),
)
