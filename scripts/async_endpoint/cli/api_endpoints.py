"""The endpoints of an environment that have an HTTP API, for the commands about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from async_endpoint.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from async_endpoint.core.outputs import AsyncEndpointOutputs
    from async_endpoint.http_api.access.api_keys import KeyStore
    from async_endpoint.terraform.outputs import AwsAccess, EnvironmentOutputs


def read_enabled(address: str, *, local: bool) -> tuple[EnvironmentOutputs, Mapping[str, AsyncEndpointOutputs]]:
    """The outputs of an address, and the endpoints among them that have an HTTP API.

    Raises UsageError if none has, and what `read_outputs` raises.
    """
    from async_endpoint.terraform.outputs import read_outputs  # noqa: PLC0415 - loaded when it is needed

    outputs = read_outputs(address, local=local)
    enabled = {name: item for name, item in sorted(outputs.endpoints.items()) if item.http_api is not None}
    if not enabled:
        raise UsageError(
            f"No endpoint of {address} has an HTTP API; set http_api = {{}} on its module in "
            f"envs/{outputs.environment}/main.tf and apply the environment again."
        )
    return outputs, enabled


def key_stores(access: AwsAccess, enabled: Mapping[str, AsyncEndpointOutputs]) -> Mapping[str, KeyStore]:
    """The API keys of each endpoint."""
    from async_endpoint.http_api.access.api_keys import KeyStore  # noqa: PLC0415 - loads boto3

    return {
        name: KeyStore(access.session(item.region), item.http_api.credentials_uri)
        for name, item in enabled.items()
        if item.http_api is not None
    }
