"""Settings of a live endpoint that no module has: what SageMaker's Describe calls show beside what adoption describes.

By members of the answers, so that one that SageMaker adds is listed too. Empty and false values are defaults, and left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from async_endpoint.deploy.live_adoption.inventory import Inventory

_ALWAYS: Final = frozenset({"CreationTime", "ResponseMetadata"})
_CONFIGURATION: Final = frozenset(
    {
        "AsyncInferenceConfig", "DataCaptureConfig", "EndpointConfigArn", "EndpointConfigName", "KmsKeyId",
        "ProductionVariants", "ShadowProductionVariants",
    }
)  # fmt: skip
_VARIANT: Final = frozenset(
    {
        "ContainerStartupHealthCheckTimeoutInSeconds", "CoreDumpConfig", "EnableSSMAccess", "InferenceAmiVersion",
        "InitialInstanceCount", "InitialVariantWeight", "InstanceType", "ModelDataDownloadTimeoutInSeconds", "ModelName",
        "RoutingConfig", "ServerlessConfig", "VariantName", "VolumeSizeInGB",
    }
)  # fmt: skip
_MODEL: Final = frozenset(
    {
        "Containers", "DeploymentRecommendation", "EnableNetworkIsolation", "ExecutionRoleArn", "InferenceExecutionConfig",
        "ModelArn", "ModelName", "PrimaryContainer", "VpcConfig",
    }
)  # fmt: skip
_CONTAINER: Final = frozenset(
    {
        "ContainerHostname", "Environment", "Image", "ImageConfig", "Mode", "ModelDataSource", "ModelDataUrl",
        "ModelPackageName", "MultiModelConfig",
    }
)  # fmt: skip
_CLIENT: Final = frozenset({"MaxConcurrentInvocationsPerInstance"})
_OUTPUT: Final = frozenset({"KmsKeyId", "NotificationConfig", "S3FailurePath", "S3OutputPath"})


def unexpressed(inventory: Inventory) -> Iterator[str]:
    """A sentence for each setting that ends with the apply."""
    for what, value, known in _parts(inventory):
        for member in sorted(value.keys() - known - _ALWAYS):
            if value[member]:
                yield f"{member} of {what} ends: the modules do not have it."


def _parts(inventory: Inventory) -> Iterator[tuple[str, Mapping[str, Any], frozenset[str]]]:
    configuration = inventory.configuration
    yield str(configuration), configuration.details, _CONFIGURATION
    for variant in (*inventory.variants, *inventory.shadows):
        yield f"variant {variant['VariantName']}", variant, _VARIANT
    if inventory.kind == "async":
        settings = configuration.details["AsyncInferenceConfig"]
        yield "the asynchronous configuration", settings.get("ClientConfig") or {}, _CLIENT
        yield "the asynchronous configuration", settings["OutputConfig"], _OUTPUT
    for model in inventory.models.values():
        yield str(model), model.details, _MODEL
        primary = model.details.get("PrimaryContainer")
        for container in [primary] if primary else model.details.get("Containers") or []:
            yield f"the container of {model}", container, _CONTAINER
