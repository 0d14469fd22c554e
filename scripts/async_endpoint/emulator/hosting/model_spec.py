"""Models, parsed once from the stored CreateModel requests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from async_endpoint.core.s3_uri import S3Uri

Described = Mapping[str, Any]


class ModelDataKind(Enum):
    """How model data is stored in S3."""

    ARCHIVE = auto()  # a gzip-compressed tar
    OBJECT = auto()  # one uncompressed object
    PREFIX = auto()  # all objects under a prefix, uncompressed
    MULTI_MODEL_PREFIX = auto()  # the archives of a multi-model container


@dataclass(frozen=True)
class ModelData:
    """Where a container's model is. For a MULTI_MODEL_PREFIX, TargetModel is a key relative to `uri`."""

    uri: S3Uri
    kind: ModelDataKind

    @classmethod
    def read(cls, container: Described) -> ModelData | None:
        """Parse ModelDataUrl or ModelDataSource of a container; raises InvalidInput for what is not an S3 URI."""
        source = (container.get("ModelDataSource") or {}).get("S3DataSource")
        if source is not None:
            whole = ModelDataKind.OBJECT if source["S3DataType"] == "S3Object" else ModelDataKind.PREFIX
            return cls(S3Uri.parse(source["S3Uri"]), ModelDataKind.ARCHIVE if source["CompressionType"] == "Gzip" else whole)
        url = container.get("ModelDataUrl")
        kind = ModelDataKind.MULTI_MODEL_PREFIX if container.get("Mode") == "MultiModel" else ModelDataKind.ARCHIVE
        return cls(S3Uri.parse(url), kind) if url else None


@dataclass(frozen=True)
class ContainerSource:
    """One container of a model. `registry_function` is the ARN of the Lambda function for a private registry's credentials."""

    image: str
    model_data: ModelData | None
    environment: Mapping[str, str]
    hostname: str
    private_registry: bool
    registry_function: str
    from_data_source: bool  # ModelDataSource, not ModelDataUrl

    @classmethod
    def read(cls, container: Described) -> ContainerSource:
        registry = container.get("ImageConfig") or {}
        login = registry.get("RepositoryAuthConfig") or {}
        return cls(
            image=container["Image"],
            model_data=ModelData.read(container),
            environment=container.get("Environment") or {},
            hostname=container.get("ContainerHostname", ""),
            private_registry=registry.get("RepositoryAccessMode") == "Vpc",
            registry_function=login.get("RepositoryCredentialsProviderArn", ""),
            from_data_source="ModelDataSource" in container,
        )

    @property
    def multi_model(self) -> bool:
        return self.model_data is not None and self.model_data.kind is ModelDataKind.MULTI_MODEL_PREFIX


@dataclass(frozen=True)
class VpcConfig:
    """VpcConfig."""

    subnets: tuple[str, ...]
    security_groups: tuple[str, ...]

    @classmethod
    def read(cls, config: Described | None) -> VpcConfig | None:
        return cls(tuple(config["Subnets"]), tuple(config["SecurityGroupIds"])) if config else None


@dataclass(frozen=True)
class ModelSpec:
    """A model: its role, and its containers in pipeline order. `direct`: each request names a container instead."""

    name: str
    role_arn: str
    containers: tuple[ContainerSource, ...]
    direct: bool
    isolated: bool
    vpc: VpcConfig | None

    @classmethod
    def read(cls, model: Described) -> ModelSpec:
        return cls(
            name=model["ModelName"],
            role_arn=model["ExecutionRoleArn"],
            containers=tuple(ContainerSource.read(container) for container in containers_of(model)),
            direct=(model.get("InferenceExecutionConfig") or {}).get("Mode") == "Direct",
            isolated=bool(model.get("EnableNetworkIsolation")),
            vpc=VpcConfig.read(model.get("VpcConfig")),
        )

    @property
    def multi_model(self) -> bool:
        return any(container.multi_model for container in self.containers)


def containers_of(model: Described) -> list[Described]:
    """The containers of a CreateModel request, in either of its two forms."""
    return list(model.get("Containers") or ([model["PrimaryContainer"]] if "PrimaryContainer" in model else []))
