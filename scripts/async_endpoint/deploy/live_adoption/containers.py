"""Containers of a live model as module model/container takes them: image, data and environment unchanged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from async_endpoint.core.errors import InvalidInput
from async_endpoint.deploy.live_adoption.resources import LiveResource
from async_endpoint.deploy.live_adoption.secret_values import Secrets

_TIMEOUTS: Final = (
    "SAGEMAKER_MODEL_SERVER_TIMEOUT",
    "MODEL_SERVER_TIMEOUT",
    "TS_DEFAULT_RESPONSE_TIMEOUT",
    "MMS_DEFAULT_RESPONSE_TIMEOUT",
)
_LONGEST_INVOCATION: Final = 3600


def containers(model: LiveResource, secrets: Secrets) -> list[dict[str, Any]]:
    """The containers of `model`, with references to variables of the root for values that go to `secrets`.

    Raises InvalidInput for model data that module model/container cannot describe.
    """
    primary = model.details.get("PrimaryContainer")
    listed: Sequence[Mapping[str, Any]] = [primary] if primary else model.details.get("Containers") or []
    if not listed:
        raise InvalidInput(f"Model {model.name} has no container that DescribeModel shows; it cannot be adopted.")
    holders = [str(model)] if len(listed) == 1 else [f"container {number + 1} of {model}" for number in range(len(listed))]
    return [_container(model.name, one, secrets, holder) for one, holder in zip(listed, holders, strict=True)]


def _container(model: str, live: Mapping[str, Any], secrets: Secrets, holder: str) -> dict[str, Any]:
    if live.get("AdditionalModelDataSources"):
        raise InvalidInput(
            f"Model {model} has additional model data sources, which version 5.100 of the AWS provider does not have; put "
            "that data into one archive, and adopt the endpoint once it serves that."
        )
    environment = live.get("Environment") or {}
    return {
        "hostname": live.get("ContainerHostname"),
        "image": _image(live),
        "model_package": {"arn": live["ModelPackageName"]} if live.get("ModelPackageName") else None,
        **_data(model, live),
        "environment": {name: secrets.written(name, str(value), holder) for name, value in sorted(environment.items())} or None,
        # The environment stays the live one: variables that the module adds would change workers and limits.
        "serving": {"exported": False, "timeout_seconds": _timeout(environment)},
    }


def _image(live: Mapping[str, Any]) -> dict[str, Any] | None:
    if not live.get("Image") or live.get("ModelPackageName"):
        return None
    config = live.get("ImageConfig") or {}
    private = config.get("RepositoryAccessMode") == "Vpc"
    credentials = (config.get("RepositoryAuthConfig") or {}).get("RepositoryCredentialsProviderArn")
    return {"uri": live["Image"], "private_registry": {"credentials_function_arn": credentials} if private else None}


def _data(model: str, live: Mapping[str, Any]) -> dict[str, Any]:
    """Where the model's data is, as archive, data_source or multi_model; nothing for an image that includes it."""
    if live.get("ModelPackageName"):
        return {}
    source = (live.get("ModelDataSource") or {}).get("S3DataSource") or {}
    uri = str(source.get("S3Uri") or live.get("ModelDataUrl") or "")
    if live.get("Mode") == "MultiModel":
        caching = (live.get("MultiModelConfig") or {}).get("ModelCacheSetting", "Enabled")
        return {"multi_model": {"s3_uri": _prefix(uri), "cache_models": None if caching == "Enabled" else False}}
    if not uri:
        return {}
    if source.get("S3DataType", "S3Object") == "S3Prefix" and source.get("CompressionType", "None") == "None":
        accepted = (source.get("ModelAccessConfig") or {}).get("AcceptEula")
        return {"data_source": {"s3_uri": _prefix(uri), "accept_eula": accepted}}
    if not uri.endswith(".tar.gz"):
        raise InvalidInput(
            f"Model data of {model} is {uri}, and module model/container takes an archive that ends in .tar.gz, or a prefix "
            "of unpacked files; copy the data to such a key, update the endpoint to it, and adopt it then."
        )
    return {"archive": {"s3_uri": uri}}


def _prefix(uri: str) -> str:
    return uri if uri.endswith("/") else f"{uri}/"


def _timeout(environment: Mapping[str, Any]) -> int | None:
    """The longest invocation that the container's own settings allow, in seconds; None where they say nothing."""
    stated = [str(environment.get(name, "")) for name in _TIMEOUTS]
    seconds = [int(text) for text in stated if text.isdigit()]
    return min(max(seconds), _LONGEST_INVOCATION) or None if seconds else None
