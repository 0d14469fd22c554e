"""AWS::SageMaker::Model, EndpointConfig and Endpoint. Ref returns the ARN (template reference, "Return values")."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from botocore.exceptions import ClientError

from async_endpoint.emulator.cloudformation.errors import ResourceFailed
from async_endpoint.emulator.cloudformation.resource_types.base import (
    Context,
    Created,
    Existing,
    ResourceType,
    Values,
    as_list,
    fitted,
)

_MAX_NAME: Final = 63
_IN_TRANSITION: Final = ("Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting")


class _SageMakerResource(ResourceType):
    """A resource with a name and tags, created by a call whose members have the names of its properties."""

    word: ClassVar[str]  # of the API's operations
    snake: ClassVar[str]  # of boto3's methods

    def create(self, context: Context, properties: Values) -> Created:
        client = context.client("sagemaker")
        request = _request(client, f"Create{self.word}", properties)
        name = request[self.named_by] = context.name(request.get(self.named_by), _MAX_NAME)
        request["Tags"] = context.tag_list(properties.get("Tags"))
        arn = getattr(client, f"create_{self.snake}")(**request)[f"{self.word}Arn"]
        return Created(arn, {self.named_by: name, f"{self.word}Arn": arn})

    def update(self, context: Context, existing: Existing, after: Values) -> None:
        client = context.client("sagemaker")
        arn = existing.physical_id
        context.change_tags(
            existing.properties.get("Tags"),
            after.get("Tags"),
            lambda tags: client.add_tags(ResourceArn=arn, Tags=as_list(tags)),
            lambda keys: client.delete_tags(ResourceArn=arn, TagKeys=keys),
        )

    def delete(self, context: Context, existing: Existing) -> None:
        getattr(context.client("sagemaker"), f"delete_{self.snake}")(**{self.named_by: existing.attributes[self.named_by]})

    def is_missing(self, error: ClientError) -> bool:
        return "Could not find" in error.response["Error"]["Message"]


def _request(client: Any, operation: str, properties: Values) -> Values:
    """The request of an operation, of the properties that are among its members."""
    members = client.meta.service_model.operation_model(operation).input_shape.members
    given = {key: value for key, value in properties.items() if key in members and key != "Tags"}
    return {key: fitted(members[key], value, f"#/{key}") for key, value in given.items()}


class Model(_SageMakerResource):
    word, snake, named_by = "Model", "model", "ModelName"
    attributes = frozenset(("ModelArn", "ModelName"))
    mutable = frozenset(("Tags",))
    replacing = frozenset(
        (
            "Containers",
            "EnableNetworkIsolation",
            "ExecutionRoleArn",
            "InferenceExecutionConfig",
            "ModelName",
            "PrimaryContainer",
            "VpcConfig",
        )
    )


class EndpointConfig(_SageMakerResource):
    word, snake, named_by = "EndpointConfig", "endpoint_config", "EndpointConfigName"
    attributes = frozenset(("EndpointConfigArn", "EndpointConfigName"))
    mutable = frozenset(("Tags",))
    replacing = frozenset(
        (
            "AsyncInferenceConfig",
            "DataCaptureConfig",
            "EnableNetworkIsolation",
            "EndpointConfigName",
            "ExecutionRoleArn",
            "ExplainerConfig",
            "KmsKeyId",
            "MetricsConfig",
            "ProductionVariants",
            "ShadowProductionVariants",
            "VpcConfig",
        )
    )
    required = frozenset(("ProductionVariants",))


class Endpoint(_SageMakerResource):
    """An endpoint: creation and update end when it is InService, deletion when it is gone."""

    word, snake, named_by = "Endpoint", "endpoint", "EndpointName"
    attributes = frozenset(("EndpointArn", "EndpointName"))
    mutable = frozenset(
        (
            "DeploymentConfig",
            "EndpointConfigName",
            "ExcludeRetainedVariantProperties",
            "RetainAllVariantProperties",
            "RetainDeploymentConfig",
            "Tags",
        )
    )
    replacing = frozenset(("EndpointName",))
    required = frozenset(("EndpointConfigName",))

    def stabilize(self, context: Context, created: Created, properties: Values) -> None:
        _until_in_service(context, created.attributes["EndpointName"])

    def update(self, context: Context, existing: Existing, after: Values) -> None:
        super().update(context, existing, after)
        client, name = context.client("sagemaker"), existing.attributes["EndpointName"]
        request = _request(client, "UpdateEndpoint", after) | {"EndpointName": name}
        live = client.describe_endpoint(EndpointName=name)["EndpointConfigName"]
        if live == request["EndpointConfigName"]:  # the other properties describe how an update is made
            return
        client.update_endpoint(**request)
        described = _until_in_service(context, name)
        if described["EndpointConfigName"] != request["EndpointConfigName"]:
            raise ResourceFailed(
                f"Endpoint {name} rolled back to its previous configuration. {described.get('FailureReason', '')}"
            )

    def delete(self, context: Context, existing: Existing) -> None:
        super().delete(context, existing)
        client, name = context.client("sagemaker"), existing.attributes["EndpointName"]

        def gone() -> bool:
            try:
                described = client.describe_endpoint(EndpointName=name)
            except ClientError as error:
                if not self.is_missing(error):
                    raise
                return True
            if described["EndpointStatus"] == "Failed":
                raise ResourceFailed(f"Endpoint {name} was not deleted. {described.get('FailureReason', '')}".strip())
            return False

        context.wait(gone)


def _until_in_service(context: Context, name: str) -> Values:
    """The description of an endpoint once it is InService; raises ResourceFailed if it does not get there."""
    client = context.client("sagemaker")

    def settled() -> Values | None:
        described: Values = client.describe_endpoint(EndpointName=name)
        return None if described["EndpointStatus"] in _IN_TRANSITION else described

    described: Values = context.wait(settled)
    if described["EndpointStatus"] != "InService":
        raise ResourceFailed(
            f"Endpoint {name} did not stabilize: {described['EndpointStatus']}. {described.get('FailureReason', '')}".strip()
        )
    return described


TYPES: Final = {
    "AWS::SageMaker::Model": Model(),
    "AWS::SageMaker::EndpointConfig": EndpointConfig(),
    "AWS::SageMaker::Endpoint": Endpoint(),
}
