"""What a live endpoint consists of, read by Describe, Get and List calls alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

from async_endpoint.aws import AwsSession, error_code
from async_endpoint.core.errors import InvalidInput, NotReady, UnknownEndpoint
from async_endpoint.core.s3_uri import S3Uri
from async_endpoint.deploy.live_adoption.resources import LiveResource
from async_endpoint.deploy.live_adoption.scaling import VariantScaling, variant_scaling

_SETTLED: Final = "InService"
_DENIED: Final = frozenset({"403", "AccessDenied", "AccessDeniedException", "AuthorizationError"})


@dataclass(frozen=True)
class Topic:
    """`attributes` are those of GetTopicAttributes, empty where they cannot be read; `key_arn` is that of the KMS key."""

    resource: LiveResource
    attributes: Mapping[str, str]
    key_arn: str | None = None


@dataclass(frozen=True)
class Inventory:
    """A live endpoint and everything that it names.

    `configuration` and `models` (by name) are as described; `topics` are by outcome, `success` and `error`, and may be one;
    `role` is None where the models have none that can be read, `bucket` for an endpoint that is not asynchronous; `scaling` is
    by variant. `key_arn` is that of the KMS key of results, or of volumes where results have none.
    """

    region: str
    account: str
    endpoint: LiveResource
    configuration: LiveResource
    models: Mapping[str, LiveResource]
    role: LiveResource | None
    bucket: LiveResource | None
    topics: Mapping[str, Topic]
    scaling: Mapping[str, VariantScaling]
    log_group: LiveResource | None
    key_arn: str | None = None

    @property
    def name(self) -> str:
        return self.endpoint.name

    @property
    def kind(self) -> str:
        """async, real_time or serverless, as module endpoint-config calls them."""
        if "AsyncInferenceConfig" in self.configuration.details:
            return "async"
        return "serverless" if "ServerlessConfig" in self.variants[0] else "real_time"

    @property
    def variants(self) -> Sequence[Mapping[str, Any]]:
        """Production variants of the configuration."""
        found: Sequence[Mapping[str, Any]] = self.configuration.details["ProductionVariants"]
        return found

    @property
    def shadows(self) -> Sequence[Mapping[str, Any]]:
        return self.configuration.details.get("ShadowProductionVariants") or ()

    @property
    def output(self) -> Mapping[str, Any]:
        """OutputConfig of an asynchronous endpoint."""
        found: Mapping[str, Any] = self.configuration.details["AsyncInferenceConfig"]["OutputConfig"]
        return found

    def running(self, variant: str) -> int:
        """The instances that serve now."""
        live = self.endpoint.details.get("ProductionVariants") or ()
        return next((int(one.get("CurrentInstanceCount") or 0) for one in live if one["VariantName"] == variant), 0)

    def weight(self, variant: Mapping[str, Any]) -> float:
        """The weight of a variant now, which may not be that of its configuration any more."""
        live = self.endpoint.details.get("ProductionVariants") or ()
        now = next((one.get("DesiredWeight") for one in live if one["VariantName"] == variant["VariantName"]), None)
        return float(variant.get("InitialVariantWeight", 1.0) if now is None else now)

    @property
    def resources(self) -> list[LiveResource]:
        """All of it, without what is there twice."""
        scaled = [one for scaling in self.scaling.values() for one in scaling.resources]
        topics = {topic.resource.arn: topic.resource for topic in self.topics.values()}
        optional = (self.role, self.bucket, self.log_group)
        fixed = (self.endpoint, self.configuration, *self.models.values())
        return [*fixed, *(one for one in optional if one is not None), *topics.values(), *scaled]


def read_inventory(aws: AwsSession, name: str) -> Inventory:
    """Everything of endpoint `name`.

    Raises UnknownEndpoint where there is none, NotReady while it is changing, and InvalidInput for one that cannot be
    described: it has failed, its configuration or a model is deleted, or it hosts inference components.
    """
    endpoint = _endpoint(aws, name)
    configuration = _configuration(aws, endpoint)
    variants = [*configuration.details["ProductionVariants"], *(configuration.details.get("ShadowProductionVariants") or ())]
    if unnamed := [one["VariantName"] for one in variants if not one.get("ModelName")]:
        raise InvalidInput(
            f"Variant {unnamed[0]} of endpoint {name} names no model: it hosts inference components, which the AWS provider of "
            "Terraform does not have; it cannot be adopted."
        )
    models = {model: _model(aws, name, model) for model in dict.fromkeys(str(one["ModelName"]) for one in variants)}
    roles = {str(model.details["ExecutionRoleArn"]) for model in models.values() if model.details.get("ExecutionRoleArn")}
    live_async = configuration.details.get("AsyncInferenceConfig")
    account = endpoint.arn.split(":")[4]
    return Inventory(
        region=endpoint.arn.split(":")[3],
        account=account,
        endpoint=endpoint,
        configuration=configuration,
        models=models,
        role=_role(aws, min(roles)) if len(roles) == 1 else None,
        bucket=_bucket(aws, live_async["OutputConfig"]) if live_async else None,
        topics=_topics(aws, live_async["OutputConfig"]) if live_async else {},
        scaling=dict(_scaling(aws, name, variants)),
        log_group=_log_group(aws, f"/aws/sagemaker/Endpoints/{name}"),
        key_arn=_key_arn(
            aws, ((live_async or {}).get("OutputConfig") or {}).get("KmsKeyId") or configuration.details.get("KmsKeyId")
        ),
    )


def _endpoint(aws: AwsSession, name: str) -> LiveResource:
    found = described(aws.sagemaker.describe_endpoint, EndpointName=name)
    if found is None:
        raise UnknownEndpoint(
            f"There is no endpoint {name} in {aws.region}; name one that `aws sagemaker list-endpoints` shows."
        )
    status = found["EndpointStatus"]
    if status in ("Failed", "OutOfService", "UpdateRollbackFailed"):
        raise InvalidInput(
            f"Endpoint {name} is {status} ({found.get('FailureReason') or 'no reason given'}): it serves nothing that "
            "adoption could keep; delete it, and describe a new one in the environment."
        )
    if status != _SETTLED:
        raise NotReady(f"Endpoint {name} is {status}; adopt it once it is InService.")
    return LiveResource(
        "aws_sagemaker_endpoint",
        name,
        name,
        found["EndpointArn"],
        found["EndpointArn"],
        _tags(aws, found["EndpointArn"]),
        found,
    )


def _configuration(aws: AwsSession, endpoint: LiveResource) -> LiveResource:
    name = str(endpoint.details["EndpointConfigName"])
    found = described(aws.sagemaker.describe_endpoint_config, EndpointConfigName=name)
    if found is None:
        raise InvalidInput(
            f"Endpoint configuration {name}, which endpoint {endpoint.name} serves with, is deleted: what it said is not "
            "known any more, and the endpoint takes no update. Create a configuration, update the endpoint to it, and adopt "
            "it then."
        )
    arn = found["EndpointConfigArn"]
    return LiveResource("aws_sagemaker_endpoint_configuration", name, name, arn, arn, _tags(aws, arn), found)


def _model(aws: AwsSession, endpoint: str, name: str) -> LiveResource:
    found = described(aws.sagemaker.describe_model, ModelName=name)
    if found is None:
        raise InvalidInput(
            f"Model {name} of endpoint {endpoint} is deleted: its image and data are not known any more, and the endpoint "
            "cannot start another instance. Create a model and a configuration, update the endpoint to it, and adopt it then."
        )
    return LiveResource(
        "aws_sagemaker_model", name, name, found["ModelArn"], found["ModelArn"], _tags(aws, found["ModelArn"]), found
    )


def _role(aws: AwsSession, arn: str) -> LiveResource:
    """`details` are those of GetRole; empty where the caller may not read them."""
    name = arn.rpartition("/")[2]
    found = _allowed(aws.client("iam").get_role, RoleName=name) or {}
    role = found.get("Role", {})
    tags = {tag["Key"]: tag["Value"] for tag in role.get("Tags", ())}
    return LiveResource("aws_iam_role", name, name, name, arn, tags, role)


def _bucket(aws: AwsSession, output: Mapping[str, Any]) -> LiveResource | None:
    if not output.get("S3OutputPath"):
        return None
    name = S3Uri.parse(str(output["S3OutputPath"])).bucket
    found = _allowed(aws.s3.get_bucket_tagging, "NoSuchTagSet", Bucket=name) or {}
    tags = {tag["Key"]: tag["Value"] for tag in found.get("TagSet", ())}
    return LiveResource("aws_s3_bucket", name, name, name, f"arn:aws:s3:::{name}", tags)


def _topics(aws: AwsSession, output: Mapping[str, Any]) -> dict[str, Topic]:
    named = output.get("NotificationConfig") or {}
    arns = {"error": named.get("ErrorTopic"), "success": named.get("SuccessTopic")}
    return {outcome: _topic(aws, arn) for outcome, arn in arns.items() if arn}


def _topic(aws: AwsSession, arn: str) -> Topic:
    attributes = (_allowed(aws.sns.get_topic_attributes, TopicArn=arn) or {}).get("Attributes", {})
    found = _allowed(aws.sns.list_tags_for_resource, ResourceArn=arn) or {}
    tags = {tag["Key"]: tag["Value"] for tag in found.get("Tags", ())}
    resource = LiveResource("aws_sns_topic", arn.rpartition(":")[2], arn, arn, arn, tags)
    return Topic(resource, attributes, _key_arn(aws, attributes.get("KmsMasterKeyId")))


def _key_arn(aws: AwsSession, key: str | None) -> str | None:
    """The ARN of a key that is named by id, alias or ARN: policies match keys, not aliases."""
    if not key:
        return None
    found = _allowed(aws.client("kms").describe_key, "NotFoundException", KeyId=key)
    if found is not None:
        return str(found["KeyMetadata"]["Arn"])
    if ":key/" in key:
        return key
    raise InvalidInput(f"KMS key {key} of the endpoint cannot be read; allow kms:DescribeKey on it, and repeat the command.")


def _scaling(aws: AwsSession, name: str, variants: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, VariantScaling]]:
    for variant in variants:
        if (found := variant_scaling(aws, name, variant["VariantName"])) is not None:
            yield variant["VariantName"], found


def _log_group(aws: AwsSession, name: str) -> LiveResource | None:
    pages = aws.logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=name)
    for group in (one for page in pages for one in page["logGroups"]):
        if group["logGroupName"] == name:
            arn = str(group["arn"]).removesuffix(":*")
            tags = (_allowed(aws.logs.list_tags_for_resource, resourceArn=arn) or {}).get("tags", {})
            return LiveResource("aws_cloudwatch_log_group", name, name, name, arn, tags, group)
    return None


def _tags(aws: AwsSession, arn: str) -> dict[str, str]:
    pages = aws.sagemaker.get_paginator("list_tags").paginate(ResourceArn=arn)
    return {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}


def described(call: Any, **arguments: Any) -> Mapping[str, Any] | None:
    """The answer of a Describe call of SageMaker, None for what does not exist."""
    return _answer(call, frozenset({"ValidationException"}), arguments)


def _allowed(call: Any, *missing: str, **arguments: Any) -> Mapping[str, Any] | None:
    """The answer, None where the caller may not have it or there is none (`missing`): what is read so is only described."""
    return _answer(call, _DENIED | set(missing), arguments)


def _answer(call: Any, codes: frozenset[str], arguments: Mapping[str, Any]) -> Mapping[str, Any] | None:
    from botocore.exceptions import ClientError  # noqa: PLC0415

    try:
        found: Mapping[str, Any] = call(**arguments)
    except ClientError as error:
        if error_code(error) in codes:
            return None
        raise
    return found


def policy_document(text: Any) -> Mapping[str, Any]:
    """A policy as GetRole has it: boto3 decodes it, other SDKs leave it URL-encoded."""
    import json  # noqa: PLC0415

    if isinstance(text, str):
        found: Mapping[str, Any] = json.loads(unquote(text)) if text else {}
        return found
    return text or {}
