"""The HTTP API over a local AWS: outputs of an endpoint that has it, and an API process as `async-endpoint serve` runs it."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from async_endpoint.core.outputs import AsyncEndpointOutputs, HttpApi
from async_endpoint.http_api.settings import ApiSettings, EndpointSettings
from support.deployed_endpoint import Deployed
from support.echo_endpoint import outputs_of

NAME = "recommender"  # of the endpoint in URLs, as in the examples of the OpenAPI document
SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
SERVE = """
import json, sys
from async_endpoint.core.outputs import AsyncEndpointOutputs
from async_endpoint.http_api.request_context import log_as_json
from async_endpoint.http_api.server import serve
from async_endpoint.http_api.settings import ApiSettings, EndpointSettings

given = json.loads(sys.argv[1])
outputs = {name: AsyncEndpointOutputs.parse(item) for name, item in given.pop("outputs").items()}
endpoints = {name: EndpointSettings(name, item) for name, item in outputs.items()}
log_as_json()
serve(ApiSettings(endpoints=endpoints, **given), lambda url: print(url, flush=True))
"""


def with_api(
    deployed: Deployed, queue_url: str = "https://sqs.eu-west-1.amazonaws.com/123456789012/none"
) -> AsyncEndpointOutputs:
    """The outputs of `deployed` with the API enabled; without a queue it delivers no webhooks."""
    folder = f"s3://{deployed.bucket}"
    http_api = HttpApi(
        state_uri=f"{folder}/predictions/{NAME}/",
        credentials_uri=f"{folder}/credentials/{NAME}/",
        delivery_queue_url=queue_url,
        delivery_queue_arn="arn:aws:sqs:eu-west-1:123456789012:none",
        delivery_dead_letter_queue_url=queue_url,
    )
    return dataclasses.replace(outputs_of(deployed), http_api=http_api)


def local_settings(outputs: AsyncEndpointOutputs, url: str, **more: Any) -> ApiSettings:
    """Settings of a process that serves one endpoint of the local AWS at `url`, without keys."""
    return ApiSettings(
        environment="local",
        endpoints={NAME: EndpointSettings(NAME, outputs)},
        keys_required=False,
        deliveries=False,
        endpoint_url=url,
        **more,
    )


@dataclass(frozen=True)
class ApiProcess:
    """A process that serves the API at `url`."""

    url: str
    pid: int

    @property
    def predictions(self) -> str:
        return f"{self.url}/v1/endpoints/{NAME}/predictions"


@contextmanager
def api_process(
    outputs: AsyncEndpointOutputs, url: str, environment: Mapping[str, str], log: Path, **settings: Any
) -> Iterator[ApiProcess]:
    """An API process of the local AWS at `url`, whose credentials are in `environment`; its log goes to the file `log`."""
    given = {
        "outputs": {NAME: outputs.as_dict()},
        "environment": "local",
        "port": 0,
        "keys_required": False,
        "deliveries": False,
        "endpoint_url": url,
    }
    with log.open("ab") as errors:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE, json.dumps(given | settings)],
            env=os.environ | {"PYTHONPATH": str(SCRIPTS)} | dict(environment),
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        assert process.stdout is not None
        try:
            address = process.stdout.readline().strip()
            assert address, f"the API process has ended: {log.read_text()[-2_000:]}"
            yield ApiProcess(address, process.pid)
        finally:
            process.terminate()
            process.wait(30)
