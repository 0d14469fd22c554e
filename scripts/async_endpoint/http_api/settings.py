"""ApiSettings: what one API process serves, and how; EndpointSettings from Terraform's output."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from async_endpoint.client.endpoint_info import EndpointInfo
from async_endpoint.core.errors import UsageError
from async_endpoint.core.outputs import AsyncEndpointOutputs, HttpApi
from async_endpoint.core.s3_uri import S3Uri
from async_endpoint.http_api.capacity_plots import CapacityPlot

DEFAULT_HOST: Final = "127.0.0.1"
LONGEST_WAIT_SECONDS: Final = 25  # below the 30 s after which API Gateway gives up (quotas of HTTP APIs)
DEFAULT_PORT: Final = 8000
BODY_BYTES: Final = 4_194_304  # of a request; base64 of it fits into Lambda's 6 MB (Lambda quotas, "Invocation payload")
UPLOAD_BYTES: Final = 1_000_000_000  # of an upload; an input of SageMaker may have 1 GB
RUN: Final = "api"  # of the inference ids and outputs of all predictions


@dataclass(frozen=True)
class EndpointSettings:
    """One served endpoint: `name` is the one in URLs and in ENV/NAME. Raises UsageError if the API is not enabled for it."""

    name: str
    outputs: AsyncEndpointOutputs

    def __post_init__(self) -> None:
        if self.outputs.http_api is None:
            raise UsageError(
                f"Endpoint {self.outputs.environment}/{self.name} has no HTTP API; set http_api = {{}} on its module and apply "
                "the environment again."
            )

    @property
    def http_api(self) -> HttpApi:
        assert self.outputs.http_api is not None
        return self.outputs.http_api

    @property
    def region(self) -> str:
        return self.outputs.region

    @cached_property
    def info(self) -> EndpointInfo:
        return EndpointInfo.from_outputs(self.outputs)

    @cached_property
    def state(self) -> S3Uri:
        """The prefix of records, markers and outcomes."""
        return S3Uri.parse(self.http_api.state_uri)

    @cached_property
    def credentials(self) -> S3Uri:
        """The prefix of API keys and signing secrets."""
        return S3Uri.parse(self.http_api.credentials_uri)

    @cached_property
    def inputs(self) -> S3Uri:
        """The prefix of inputs of the API: large bodies, and uploads below a folder of their caller."""
        return S3Uri.parse(self.outputs.storage.input_uri).join(RUN)


@dataclass(frozen=True, kw_only=True)
class ApiSettings:
    """Settings of one API process.

    `endpoints` by their names in URLs. `max_wait` is the longest expected wait, in seconds, with which a prediction is still
    accepted; None accepts any. `read_only` refuses what changes anything, `deliveries` says whether this process delivers
    webhooks, `allowed_webhooks` lists URL prefixes that may be private addresses, `input_prefixes` S3 URIs below which callers
    may name inputs. `keys_required` is false only on loopback; `streaming` is false where a response is sent at once, as from
    Lambda. `longest_wait`
    limits `Prefer: wait`, in seconds. `endpoint_url` is that of a local AWS. `capacity_plots` are shown on the console page.
    """

    environment: str
    endpoints: Mapping[str, EndpointSettings]
    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    read_only: bool = False
    deliveries: bool = True
    max_wait: float | None = None
    allowed_webhooks: tuple[str, ...] = ()
    input_prefixes: tuple[str, ...] = ()
    cors_origins: tuple[str, ...] = ()
    keys_required: bool = True
    streaming: bool = True
    longest_wait: int = LONGEST_WAIT_SECONDS
    endpoint_url: str | None = None
    role_arn: str | None = None
    capacity_plots: tuple[CapacityPlot, ...] = ()

    @property
    def metrics_seconds(self) -> float:
        """How long metrics are cached: CloudWatch has one datapoint a minute, which a local AWS may pass in a second."""
        return 1.0 if self.endpoint_url else 60.0
