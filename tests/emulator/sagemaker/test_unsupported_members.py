"""Every member of the create and update actions takes effect, describes absent hardware, or is rejected by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from async_endpoint.emulator.sagemaker.protocol import ApiError, service_model
from async_endpoint.emulator.sagemaker.unsupported_members import UNSUPPORTED, check_supported
from support.common import refusal, unique
from support.deployed_endpoint import Deployed
from support.in_process_aws import IMAGE, AwsHarness

CONTAINER = [
    *("ContainerHostname", "Environment", "Image", "ImageConfig", "ModelDataUrl", "ModelPackageName", "Mode"),
    *(f"ModelDataSource.S3DataSource.{member}" for member in ("CompressionType", "ModelAccessConfig", "S3DataType", "S3Uri")),
]
VARIANT = [
    *("ContainerStartupHealthCheckTimeoutInSeconds", "InferenceAmiVersion", "InitialInstanceCount", "InitialVariantWeight"),
    *("InstanceType", "ManagedInstanceScaling", "ModelDataDownloadTimeoutInSeconds", "ModelName", "ServerlessConfig"),
    *("VariantName", "VolumeSizeInGB"),
]
GUARDRAILS = ["DeploymentConfig"]
# Members that take effect, that are refused where they do not apply, or that describe hardware; a path covers what is below it.
EFFECTIVE = {
    "CreateModel": [
        *("EnableNetworkIsolation", "ExecutionRoleArn", "InferenceExecutionConfig", "ModelName", "Tags", "VpcConfig"),
        *(f"{where}.{path}" for where in ("PrimaryContainer", "Containers") for path in CONTAINER),
    ],
    "CreateEndpointConfig": [
        *("AsyncInferenceConfig", "DataCaptureConfig", "EndpointConfigName", "KmsKeyId", "Tags"),
        *(f"{where}.{path}" for where in ("ProductionVariants", "ShadowProductionVariants") for path in VARIANT),
    ],
    "CreateEndpoint": ["EndpointConfigName", "EndpointName", "Tags", *GUARDRAILS],
    "UpdateEndpoint": [
        *("EndpointConfigName", "EndpointName", "ExcludeRetainedVariantProperties", "RetainAllVariantProperties"),
        *("RetainDeploymentConfig", *GUARDRAILS),
    ],
    "UpdateEndpointWeightsAndCapacities": [
        *("EndpointName", "DesiredWeightsAndCapacities.VariantName"),
        *("DesiredWeightsAndCapacities.DesiredWeight", "DesiredWeightsAndCapacities.DesiredInstanceCount"),
    ],
    "CreateModelPackageGroup": ["ModelPackageGroupDescription", "ModelPackageGroupName", "Tags"],
    "CreateModelPackage": [
        *("AdditionalInferenceSpecifications", "CertifyForMarketplace", "ClientToken", "CustomerMetadataProperties", "Domain"),
        *("DriftCheckBaselines", "InferenceSpecification", "MetadataProperties", "ModelApprovalStatus", "ModelMetrics"),
        *("ModelPackageDescription", "ModelPackageGroupName", "ModelPackageName", "SamplePayloadUrl", "SkipModelValidation"),
        *("SourceAlgorithmSpecification", "Tags", "Task"),
    ],
    "UpdateModelPackage": [
        *("AdditionalInferenceSpecificationsToAdd", "ApprovalDescription", "ClientToken", "CustomerMetadataProperties"),
        *("CustomerMetadataPropertiesToRemove", "ModelApprovalStatus", "ModelPackageArn"),
    ],
}


def leaves(shape: Any, where: str = "") -> Iterator[str]:
    """The paths of all members that have none below them."""
    shape = shape.member if shape.type_name == "list" else shape
    if shape.type_name != "structure":
        yield where
        return
    for name, member in shape.members.items():
        yield from leaves(member, f"{where}.{name}".lstrip("."))


def below(path: str, listed: Any) -> bool:
    return any(path == item or path.startswith(f"{item}.") for item in listed)


@pytest.mark.parametrize("action", EFFECTIVE)
def test_every_member_of_the_service_model_is_classified_once(action: str) -> None:
    members = list(leaves(service_model("sagemaker").operation_model(action).input_shape))
    unsupported = UNSUPPORTED.get(action, {})
    assert [path for path in members if below(path, EFFECTIVE[action]) is below(path, unsupported)] == []
    for path in (*EFFECTIVE[action], *unsupported):
        assert below(path, [path]), path
        assert any(below(member, [path]) for member in members), f"{path} is no member of {action}"


def request_with(path: str, value: Any) -> Any:
    """A request that has `value` at a path; lists have one item."""
    first, _, rest = path.partition(".")
    if not first:
        return value
    item = request_with(rest, value)
    return {first: [item] if first in ("Containers", "ProductionVariants", "DesiredWeightsAndCapacities") else item}


@pytest.mark.parametrize(("action", "path"), [(action, path) for action, paths in UNSUPPORTED.items() for path in paths])
def test_an_unsupported_member_is_rejected_by_name(action: str, path: str) -> None:
    with pytest.raises(ApiError, match=path.replace(".", r"\.")):
        check_supported(action, request_with(path, "anything"))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("EnableNetworkIsolation", False),
        ("ProductionVariants.EnableSSMAccess", False),
        ("ProductionVariants.RoutingConfig.RoutingStrategy", "LEAST_OUTSTANDING_REQUESTS"),
        ("MetricsConfig.EnableEnhancedMetrics", False),
    ],
)
def test_a_value_that_asks_for_what_happens_anyway_is_accepted(path: str, value: Any) -> None:
    check_supported("CreateEndpointConfig", request_with(path, value))


@pytest.mark.parametrize(
    ("variant", "request_", "said"),
    [
        ({"CoreDumpConfig": {"DestinationS3Uri": "s3://dumps/core"}}, {}, "ProductionVariants.CoreDumpConfig (core dumps)"),
        ({"AcceleratorType": "ml.eia2.medium"}, {}, "Amazon Elastic Inference"),
        ({"EnableSSMAccess": True}, {"MetricsConfig": {"EnableEnhancedMetrics": True}}, "EnableSSMAccess (access by"),
        ({"InstanceType": "ml.g5.xlarge", "VolumeSizeInGB": 100}, {}, "VolumeSizeInGB cannot be specified with instance type"),
        ({}, {"DataCaptureConfig": {"InitialSamplingPercentage": 100, "DestinationS3Uri": "s3://captures/x",
                                    "CaptureOptions": [{"CaptureMode": "Input"}]}}, "DataCaptureConfig"),
    ],
)  # fmt: skip
def test_a_configuration_with_it_is_refused(
    local_aws: AwsHarness, shared_endpoint: Deployed, variant: dict[str, Any], request_: dict[str, Any], said: str
) -> None:
    config = local_aws.config_request(unique("config"), shared_endpoint.model, shared_endpoint.bucket, **variant)
    code, message = refusal(local_aws.sagemaker.create_endpoint_config, **config, **request_)
    assert (code, said in message) == ("ValidationException", True), message


@pytest.mark.parametrize(
    ("container", "said"),
    [
        ({"MultiModelConfig": {"ModelCacheSetting": "Disabled"}}, "ModelCacheSetting"),
        ({"InferenceSpecificationName": "small"}, "InferenceSpecificationName"),
    ],
)
def test_a_model_with_it_is_refused(
    local_aws: AwsHarness, shared_endpoint: Deployed, container: dict[str, Any], said: str
) -> None:
    code, message = refusal(
        local_aws.sagemaker.create_model,
        ModelName=unique("model"),
        ExecutionRoleArn=shared_endpoint.role.arn,
        PrimaryContainer={"Image": IMAGE, **container},
    )
    assert (code, said in message) == ("ValidationException", True), message


def test_a_model_requires_a_role(local_aws: AwsHarness) -> None:
    code, message = refusal(local_aws.sagemaker.create_model, ModelName=unique("model"), PrimaryContainer={"Image": IMAGE})
    assert (code, "ExecutionRoleArn" in message) == ("ValidationException", True), message
