"""Settings of a live endpoint that no module has: what SageMaker's Describe calls show beside what adoption describes.

By members of the answers at every depth, so that one that SageMaker adds is listed too. Empty and false values are defaults,
and left out.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from async_endpoint.deploy.live_adoption.inventory import Inventory

# Members that are described, or have a sentence elsewhere, by name; {} where that holds for all that they contain.
_Known = Mapping[str, Any]

_ALL: Final[_Known] = {}
_ALWAYS: Final = frozenset({"CreationTime", "ResponseMetadata"})


def _of(*names: str, **nested: _Known) -> _Known:
    return dict.fromkeys(names, _ALL) | nested


_CONFIGURATION: Final = _of(
    "EndpointConfigArn", "EndpointConfigName", "KmsKeyId", "ProductionVariants", "ShadowProductionVariants",
    AsyncInferenceConfig=_of(
        ClientConfig=_of("MaxConcurrentInvocationsPerInstance"),
        OutputConfig=_of(
            "KmsKeyId", "S3FailurePath", "S3OutputPath",
            NotificationConfig=_of("ErrorTopic", "IncludeInferenceResponseIn", "SuccessTopic"),
        ),
    ),
)  # fmt: skip
_CAPTURE: Final = _of(
    "DestinationS3Uri", "EnableCapture", "InitialSamplingPercentage", "KmsKeyId",
    CaptureContentTypeHeader=_of("CsvContentTypes", "JsonContentTypes"),
    CaptureOptions=_of("CaptureMode"),
)  # fmt: skip
_VARIANT: Final = _of(
    "ContainerStartupHealthCheckTimeoutInSeconds", "EnableSSMAccess", "InferenceAmiVersion", "InitialInstanceCount",
    "InitialVariantWeight", "InstanceType", "ModelDataDownloadTimeoutInSeconds", "ModelName", "VariantName", "VolumeSizeInGB",
    CoreDumpConfig=_of("DestinationS3Uri", "KmsKeyId"),
    ServerlessConfig=_of("MaxConcurrency", "MemorySizeInMB", "ProvisionedConcurrency"),
)  # fmt: skip
_ROUTED: Final = _of(RoutingConfig=_of("RoutingStrategy"))
_MODEL: Final = _of(
    "Containers", "DeploymentRecommendation", "EnableNetworkIsolation", "ExecutionRoleArn", "ModelArn", "ModelName",
    "PrimaryContainer",
    VpcConfig=_of("SecurityGroupIds", "Subnets"),
)  # fmt: skip
_CONTAINER: Final = _of(
    "ContainerHostname", "Environment", "Image", "Mode", "ModelDataUrl", "ModelPackageName",
    ImageConfig=_of("RepositoryAccessMode", RepositoryAuthConfig=_of("RepositoryCredentialsProviderArn")),
    MultiModelConfig=_of("ModelCacheSetting"),
)  # fmt: skip
_DATA: Final = ("CompressionType", "S3DataType", "S3Uri")


def unexpressed(inventory: Inventory) -> Iterator[str]:
    """A sentence for each setting that ends or changes with the apply."""
    for what, value, known in _parts(inventory):
        for path in _others(value, known):
            yield f"{path} of {what} ends: the modules do not have it."
    yield from _keys(inventory)
    for what, container in _containers(inventory):
        for name, text in sorted((container.get("Environment") or {}).items()):
            if not unicodedata.is_normalized("NFC", str(text)):
                yield f"Variable {name} of {what} gets its Unicode composed (NFC), as Terraform has every string."


def _others(value: Mapping[str, Any], known: _Known, above: str = "") -> Iterator[str]:
    """Paths of members that are not `known`, such as `ModelDataSource.S3DataSource.ManifestS3Uri`."""
    for member in sorted(value.keys() - _ALWAYS):
        found, path = value[member], above + member
        if not found:
            continue
        if member not in known:
            yield path
        elif known[member]:
            parts: Sequence[Any] = found if isinstance(found, list) else [found]
            paths = (other for part in parts for other in _others(part, known[member], f"{path}."))
            yield from dict.fromkeys(paths)


def _parts(inventory: Inventory) -> Iterator[tuple[str, Mapping[str, Any], _Known]]:
    configuration, is_async = inventory.configuration, inventory.kind == "async"
    capture = _ALL if is_async else _CAPTURE
    yield str(configuration), configuration.details, {**_CONFIGURATION, "DataCaptureConfig": capture}
    for variant in (*inventory.variants, *inventory.shadows):
        yield f"variant {variant['VariantName']}", variant, _VARIANT if is_async else {**_VARIANT, **_ROUTED}
    for model in inventory.models.values():
        execution = model.details.get("InferenceExecutionConfig") or {}
        direct = is_async and execution.get("Mode") == "Direct"
        yield str(model), model.details, _MODEL if direct else {**_MODEL, **_of(InferenceExecutionConfig=_of("Mode"))}
    for what, container in _containers(inventory):
        yield what, container, {**_CONTAINER, "ModelDataSource": {"S3DataSource": _data(container)}}


def _containers(inventory: Inventory) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for model in inventory.models.values():
        primary = model.details.get("PrimaryContainer")
        for container in [primary] if primary else model.details.get("Containers") or []:
            yield f"the container of {model}", container


def _data(container: Mapping[str, Any]) -> _Known:
    """Only unpacked files have a licence in module model/container."""
    source = (container.get("ModelDataSource") or {}).get("S3DataSource") or {}
    unpacked = source.get("S3DataType") == "S3Prefix" and container.get("Mode") != "MultiModel"
    return _of(*_DATA, ModelAccessConfig=_of("AcceptEula")) if unpacked else _of(*_DATA)


def _keys(inventory: Inventory) -> Iterator[str]:
    """Module endpoint-config has one key for volumes, captured data and core dumps."""
    if inventory.kind == "async":
        return
    details = inventory.configuration.details
    common, capture = details.get("KmsKeyId"), details.get("DataCaptureConfig") or {}
    encrypted = [("Captured data is", capture.get("KmsKeyId"))] if capture.get("EnableCapture") else []
    for variant in (*inventory.variants, *inventory.shadows):
        if dump := variant.get("CoreDumpConfig"):
            encrypted.append((f"Core dumps of variant {variant['VariantName']} are", dump.get("KmsKeyId")))
    for what, key in encrypted:
        if key != common:
            before = f" instead of {key}" if key else ""
            yield f"{what} encrypted with {common or 'no key of yours'}{before}: the module has one key for that and volumes."
