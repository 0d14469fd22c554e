"""Members of requests that the local AWS does not implement: rejected by name, so that none is accepted without effect.

Not listed, because they take effect or describe hardware that the local AWS does not have (instance types, size of the volume,
machine image, time limit of the download). tests/emulator/sagemaker/test_unsupported_members.py holds both lists against
botocore's service model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from async_endpoint.emulator.sagemaker.protocol import validation_exception

_COMPONENTS = "inference components"
_VARIANT: Final = {
    "AcceleratorPartitionLayouts": "partitions of accelerators",
    "AcceleratorType": "Amazon Elastic Inference, which AWS has ended",
    "CapacityReservationConfig": "capacity reservations",
    "CoreDumpConfig": "core dumps",
    "EnableSSMAccess": "access by AWS Systems Manager",
    "InstancePools": "instance pools",
    "RoutingConfig.PrefixAwareRoutingConfig": "prefix-aware routing",
    "RoutingConfig.RoutingStrategy": "routing by cached prefixes",
    "VariantInstanceProvisionTimeoutInSeconds": "instance pools",
}
_CONTAINER: Final = {
    "AdditionalModelDataSources": "additional model data",
    "ContainerMetricsConfig": "metrics of containers",
    "InferenceSpecificationName": "additional inference specifications",
    "ModelDataSource.S3DataSource.ETag": "checks of model data by ETag",
    "ModelDataSource.S3DataSource.HubAccessConfig": "hubs",
    "ModelDataSource.S3DataSource.ManifestEtag": "manifests of model data",
    "ModelDataSource.S3DataSource.ManifestS3Uri": "manifests of model data",
    "MultiModelConfig.ModelCacheSetting": "multi-model containers without a cache",
}
_PACKAGE: Final = {
    "ModelCard": "model cards",
    "ModelLifeCycle": "stages of model packages",
    "ModelPackageRegistrationType": "kinds of registration",
    "SourceUri": "the source of model packages",
}
# By action: path of a member, a list standing for each of its items, and what it is for.
UNSUPPORTED: Final[Mapping[str, Mapping[str, str]]] = {
    "CreateModel": {f"{where}.{path}": use for where in ("PrimaryContainer", "Containers") for path, use in _CONTAINER.items()},
    "CreateEndpointConfig": {
        **{
            f"{where}.{path}": use
            for where in ("ProductionVariants", "ShadowProductionVariants")
            for path, use in _VARIANT.items()
        },
        "CrossRegionTrafficConfig": "traffic across regions",
        "EnableNetworkIsolation": _COMPONENTS,
        "ExecutionRoleArn": _COMPONENTS,
        "ExplainerConfig": "explanations",
        "MetricsConfig.EnableDetailedObservability": "enhanced metrics",
        "MetricsConfig.EnableEnhancedMetrics": "enhanced metrics",
        "MetricsConfig.MetricPublishFrequencyInSeconds": "metrics more often than each minute",
        "VpcConfig": _COMPONENTS,
    },
    "UpdateEndpointWeightsAndCapacities": {
        "DesiredWeightsAndCapacities.ServerlessUpdateConfig": "changes of serverless variants without an update"
    },
    # moto, which has the model registry, would drop them.
    "CreateModelPackageGroup": {"ManagedConfiguration": "managed groups"},
    "CreateModelPackage": {
        **_PACKAGE,
        "ManagedStorageType": "managed storage of model packages",
        "SecurityConfig": "keys of model packages",
        "ValidationSpecification": "validation of model packages",
    },
    "UpdateModelPackage": {**_PACKAGE, "InferenceSpecification": "another inference specification of a model package"},
}
# Values that say what the local AWS does anyway, by the last part of the path.
_WITHOUT_EFFECT: Final[Mapping[str, tuple[Any, ...]]] = {
    "EnableDetailedObservability": (False,),
    "EnableEnhancedMetrics": (False,),
    "EnableNetworkIsolation": (False,),
    "EnableSSMAccess": (False,),
    "MetricPublishFrequencyInSeconds": (60,),
    "ModelCacheSetting": ("Enabled",),
    "ModelPackageRegistrationType": ("Registered",),
    "RoutingStrategy": ("RANDOM", "LEAST_OUTSTANDING_REQUESTS"),
}


def check_supported(action: str, request: Mapping[str, Any]) -> None:
    """Raise ValidationException that names each unsupported member of a request."""
    found = {path: use for path, use in UNSUPPORTED.get(action, {}).items() if any(_effective(request, path))}
    if found:
        listed = " and ".join(f"{path} ({use})" for path, use in found.items())
        raise validation_exception(f"The local AWS does not support {listed}; remove it from {action}.")


def _effective(value: Any, path: str) -> Iterator[bool]:
    """Whether each value at a path would have an effect."""
    first, _, rest = path.partition(".")
    for item in value if isinstance(value, list) else [value]:
        if first not in item:
            continue
        if rest:
            yield from _effective(item[first], rest)
        else:
            yield item[first] not in _WITHOUT_EFFECT.get(first, ())
