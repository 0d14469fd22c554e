"""HostedConfig: an endpoint configuration with its models, parsed once from the stored API requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from async_endpoint.core import limits
from async_endpoint.core.hosting_rules import TrafficRouting
from async_endpoint.core.s3_uri import S3Uri
from async_endpoint.emulator.hosting.data_capture import DataCaptureConfig
from async_endpoint.emulator.hosting.guardrails import UNGUARDED, Guardrails
from async_endpoint.emulator.hosting.model_spec import Described, ModelSpec

# Of ContainerStartupHealthCheckTimeoutInSeconds: "during the 8 minutes after startup" (developer guide, "How Your Container
# Should Respond to Health Check (Ping) Requests").
DEFAULT_STARTUP_SECONDS = 480

CAPTURE = "DataCaptureConfig"
DESCRIBED_MEMBERS = ("AsyncInferenceConfig", CAPTURE)


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
    def read(cls, config: Described) -> AsyncSettings:
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
            concurrency=concurrency or limits.DEFAULT_CONCURRENCY,
        )

    @property
    def topics(self) -> list[str]:
        return sorted({topic for topic in (self.success_topic, self.error_topic) if topic})


@dataclass(frozen=True)
class ServerlessConfig:
    """ServerlessConfig. `provisioned` is the provisioned concurrency: instances that are kept warm."""

    memory_mb: int
    concurrency: int
    provisioned: int

    @classmethod
    def read(cls, config: Described) -> ServerlessConfig:
        return cls(config["MemorySizeInMB"], config["MaxConcurrency"], config.get("ProvisionedConcurrency", 0))


@dataclass(frozen=True)
class VariantSpec:
    """A production or shadow variant. A serverless one has `serverless` and an empty `instance_type`."""

    name: str
    model: ModelSpec
    instance_type: str
    initial_count: int
    weight: float
    startup_seconds: int
    least_outstanding: bool
    serverless: ServerlessConfig | None

    @classmethod
    def read(cls, variant: Described, model: Described) -> VariantSpec:
        serverless = ServerlessConfig.read(variant["ServerlessConfig"]) if "ServerlessConfig" in variant else None
        return cls(
            name=variant["VariantName"],
            model=ModelSpec.read(model),
            instance_type=variant.get("InstanceType", ""),
            # A serverless variant starts one instance to check its container, even if none is kept warm.
            initial_count=max(serverless.provisioned, 1) if serverless else variant["InitialInstanceCount"],
            weight=variant.get("InitialVariantWeight", 1.0),
            startup_seconds=variant.get("ContainerStartupHealthCheckTimeoutInSeconds") or DEFAULT_STARTUP_SECONDS,
            least_outstanding=(variant.get("RoutingConfig") or {}).get("RoutingStrategy") == "LEAST_OUTSTANDING_REQUESTS",
            serverless=serverless,
        )


@dataclass(frozen=True)
class HostedConfig:
    """One endpoint configuration. `async_settings` is None for a real-time endpoint."""

    config_name: str
    variants: tuple[VariantSpec, ...]
    shadows: tuple[VariantSpec, ...]
    async_settings: AsyncSettings | None
    described: Described  # members of the configuration that DescribeEndpoint repeats
    capture: DataCaptureConfig | None = None
    kms_key: str = ""  # of the instances' volumes
    guardrails: Guardrails = UNGUARDED

    @classmethod
    def read(cls, config: Described, model: Callable[[str], Described]) -> HostedConfig:
        """Parse a validated CreateEndpointConfig request; `model` returns the CreateModel request of a name."""

        def variants(member: str) -> tuple[VariantSpec, ...]:
            return tuple(VariantSpec.read(variant, model(variant["ModelName"])) for variant in config.get(member, ()))

        asynchronous = config.get("AsyncInferenceConfig")
        return cls(
            config_name=config["EndpointConfigName"],
            variants=variants("ProductionVariants"),
            shadows=variants("ShadowProductionVariants"),
            async_settings=AsyncSettings.read(asynchronous) if asynchronous else None,
            described={member: config[member] for member in DESCRIBED_MEMBERS if member in config},
            capture=DataCaptureConfig.read(config.get("DataCaptureConfig")),
            kms_key=config.get("KmsKeyId", ""),
        )

    @cached_property
    def specs(self) -> tuple[VariantSpec, ...]:
        """All variants, shadow variants last."""
        return self.variants + self.shadows

    def guarded(self, config: Described | None) -> HostedConfig:
        """This deployment with the guardrails of a DeploymentConfig.

        Guardrails do not apply to serverless variants, Inf1 instances and rolling updates of several variants (developer guide,
        "Deployment guardrails", Exclusions).
        """
        guardrails = Guardrails.read(config)
        excluded = any(spec.serverless or spec.instance_type.startswith("ml.inf1.") for spec in self.specs)
        if excluded or (guardrails.mode is TrafficRouting.ROLLING and len(self.specs) > 1):
            guardrails = UNGUARDED
        return replace(self, guardrails=guardrails)

    def capturing_as(self, other: HostedConfig) -> HostedConfig:
        """This deployment with the data capture of another one."""
        described = {member: value for member, value in self.described.items() if member != CAPTURE}
        kept = {CAPTURE: other.described[CAPTURE]} if CAPTURE in other.described else {}
        return replace(self, capture=other.capture, described=described | kept)

    @property
    def role_arn(self) -> str:
        """The execution role of an asynchronous endpoint's only model."""
        return self.variants[0].model.role_arn

    def retaining(self, counts: Mapping[str, int], weights: Mapping[str, float]) -> HostedConfig:
        """This deployment with initial instance counts and weights replaced, by variant name."""

        def kept(spec: VariantSpec) -> VariantSpec:
            count, weight = counts.get(spec.name, spec.initial_count), weights.get(spec.name, spec.weight)
            return replace(spec, initial_count=count, weight=weight)

        return replace(self, variants=tuple(map(kept, self.variants)))
