"""What an endpoint configuration says to run, read once from the stored API requests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from async_endpoint.contract.s3_uri import S3Uri

# CreateEndpointConfig: "If no value is provided, SageMaker chooses an optimal value"; this is ours.
DEFAULT_CONCURRENCY = 4
# ProductionVariant.ContainerStartupHealthCheckTimeoutInSeconds has no documented default; 600 is what people observe.
DEFAULT_STARTUP_SECONDS = 600


@dataclass(frozen=True)
class AsyncSettings:
    """AsyncInferenceConfig. `include_response_in` holds SUCCESS_NOTIFICATION_TOPIC and ERROR_NOTIFICATION_TOPIC."""

    output: S3Uri | None
    failure: S3Uri | None
    kms_key: str | None
    success_topic: str | None
    error_topic: str | None
    include_response_in: frozenset[str]
    concurrency: int

    @classmethod
    def read(cls, config: Mapping[str, Any]) -> AsyncSettings:
        output = config["OutputConfig"]
        topics = output.get("NotificationConfig") or {}
        concurrency = (config.get("ClientConfig") or {}).get("MaxConcurrentInvocationsPerInstance")
        return cls(
            output=S3Uri.parse(output["S3OutputPath"]) if output.get("S3OutputPath") else None,
            failure=S3Uri.parse(output["S3FailurePath"]) if output.get("S3FailurePath") else None,
            kms_key=output.get("KmsKeyId"),
            success_topic=topics.get("SuccessTopic"),
            error_topic=topics.get("ErrorTopic"),
            include_response_in=frozenset(topics.get("IncludeInferenceResponseIn") or ()),
            concurrency=concurrency or DEFAULT_CONCURRENCY,
        )

    @property
    def topics(self) -> list[str]:
        return sorted({topic for topic in (self.success_topic, self.error_topic) if topic})


@dataclass(frozen=True)
class Deployment:
    """One configuration with its one variant and that variant's model."""

    config_name: str
    variant_name: str
    model_name: str
    instance_type: str
    initial_count: int
    startup_seconds: int
    image: str
    model_data: S3Uri | None
    environment: Mapping[str, str]
    role_arn: str
    async_settings: AsyncSettings

    @classmethod
    def read(cls, config: Mapping[str, Any], model: Mapping[str, Any]) -> Deployment:
        """From the stored CreateEndpointConfig and CreateModel requests, which sagemaker/ has checked."""
        variant = config["ProductionVariants"][0]
        container = model.get("PrimaryContainer") or model["Containers"][0]
        return cls(
            config_name=config["EndpointConfigName"],
            variant_name=variant["VariantName"],
            model_name=model["ModelName"],
            instance_type=variant["InstanceType"],
            initial_count=variant["InitialInstanceCount"],
            startup_seconds=variant.get("ContainerStartupHealthCheckTimeoutInSeconds") or DEFAULT_STARTUP_SECONDS,
            image=container["Image"],
            model_data=S3Uri.parse(container["ModelDataUrl"]) if container.get("ModelDataUrl") else None,
            environment=container.get("Environment") or {},
            role_arn=model["ExecutionRoleArn"],
            async_settings=AsyncSettings.read(config["AsyncInferenceConfig"]),
        )
