"""How each kind of resource is found by name, attributed by its tags, imported into a state, and deleted.

The kinds are those whose creation fails, or takes over what is there, when the resource already exists. Whether a creation is
idempotent is AWS's API reference: CreateTopic and CreateQueue return what exists with the same attributes; every other creation
here is refused. Put* calls (alarms, dashboards, policies of roles, scaling) overwrite, so a lost response to one needs no help.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from async_endpoint.aws import AwsSession, error_code

Attributes = Mapping[str, Any]


@dataclass(frozen=True)
class Found:
    """A resource that exists. `id` is what Terraform imports it by; `tags` is None for a kind that has none.

    `unclaimed` is true where its being untagged and unused shows that no one else can have made it.
    """

    name: str
    id: str
    tags: Mapping[str, str] | None = None
    unclaimed: bool = False
    details: Attributes = field(default_factory=dict)

    def carries(self, tags: Mapping[str, str]) -> bool:
        """Whether it has all of `tags`, or none where there are none to have."""
        if self.tags is None:
            return False
        if not tags:
            return not self.tags
        return all(self.tags.get(name) == value for name, value in tags.items())


@dataclass(frozen=True)
class Kind:
    """`name` reads the name from planned attributes (None while unknown); `find` looks it up; `delete` removes what was found.

    `idempotent` says that creating what exists already succeeds.
    """

    type: str
    label: str
    name: Callable[[Attributes], str | None]
    find: Callable[[AwsSession, str], Found | None]
    delete: Callable[[AwsSession, Found], None]
    idempotent: bool = False


def _attribute(name: str) -> Callable[[Attributes], str | None]:
    return lambda attributes: attributes.get(name) or None


def _answer(call: Callable[..., Any], *missing: str, **arguments: Any) -> Any | None:
    """The answer of a call, None when AWS refuses it with one of the codes `missing`."""
    from botocore.exceptions import ClientError  # noqa: PLC0415

    try:
        return call(**arguments)
    except ClientError as error:
        if error_code(error) in missing:
            return None
        raise


def _pairs(tags: list[Mapping[str, str]] | None, key: str = "Key", value: str = "Value") -> dict[str, str]:
    return {tag[key]: tag[value] for tag in tags or []}


def account_id(aws: AwsSession) -> str:
    return str(aws.client("sts").get_caller_identity()["Account"])


# --- SageMaker --------------------------------------------------------------------------------------------------------


def _sagemaker(describe: str, member: str, arn: str) -> Callable[[AwsSession, str], Found | None]:
    def find(aws: AwsSession, name: str) -> Found | None:
        sagemaker = aws.client("sagemaker")
        found = _answer(getattr(sagemaker, describe), "ValidationException", **{member: name})
        if found is None:
            return None
        pages = sagemaker.get_paginator("list_tags").paginate(ResourceArn=found[arn])
        return Found(name, name, _pairs([tag for page in pages for tag in page["Tags"]]), details=found)

    return find


def _delete_sagemaker(delete: str, member: str) -> Callable[[AwsSession, Found], None]:
    def remove(aws: AwsSession, found: Found) -> None:
        _answer(getattr(aws.client("sagemaker"), delete), "ValidationException", **{member: found.name})

    return remove


# --- S3, KMS ----------------------------------------------------------------------------------------------------------


def _bucket(aws: AwsSession, name: str) -> Found | None:
    s3 = aws.client("s3")
    if _answer(s3.head_bucket, "404", "NoSuchBucket", "403", "AccessDenied", Bucket=name) is None:
        # 403 is a bucket of another account, or one that may not be seen: creating it says which.
        return None
    tags = _pairs((_answer(s3.get_bucket_tagging, "NoSuchTagSet", Bucket=name) or {}).get("TagSet"))
    # CreateBucket carries no tags: the provider puts them afterwards, so one whose answer was lost has none, and no object.
    unclaimed = not tags and bucket_content(aws, name) is None
    return Found(name, name, tags, unclaimed)


def bucket_content(aws: AwsSession, name: str, ignored_keys: frozenset[str] = frozenset()) -> str | None:
    """What keeps a bucket from being deleted, in a few words: versions, delete markers, uploads; None when it is empty."""
    s3 = aws.client("s3")
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=name):
        for words, member in (("object versions", "Versions"), ("delete markers", "DeleteMarkers")):
            for version in page.get(member, ()):
                if version["Key"] not in ignored_keys:
                    return f"{words} (such as {version['Key']})"
    for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=name):
        for upload in page.get("Uploads", ()):
            return f"multipart uploads in progress (such as {upload['Key']})"
    return None


def _delete_bucket(aws: AwsSession, found: Found) -> None:
    aws.client("s3").delete_bucket(Bucket=found.name)


def find_key(aws: AwsSession, key: str) -> Found | None:
    """A customer's KMS key by id, ARN or alias; None when there is none, or it is being deleted."""
    found = _any_key(aws, key)
    return None if found is None or found.details["KeyState"] == "PendingDeletion" else found


def _any_key(aws: AwsSession, key: str) -> Found | None:
    kms = aws.client("kms")
    described = _answer(kms.describe_key, "NotFoundException", KeyId=key)
    metadata = (described or {}).get("KeyMetadata", {})
    if not metadata or metadata["KeyManager"] != "CUSTOMER":
        return None
    tags = _pairs(kms.list_resource_tags(KeyId=metadata["KeyId"]).get("Tags"), "TagKey", "TagValue")
    return Found(metadata["Arn"], metadata["KeyId"], tags, details=metadata)


def _alias(aws: AwsSession, name: str) -> Found | None:
    key = _any_key(aws, name)  # an alias stays while its key waits for deletion, and its name is taken
    # An alias has no tags: its owner is that of its key.
    return Found(name, name, key.tags, details=key.details) if key else None


def _delete_alias(aws: AwsSession, found: Found) -> None:
    _answer(aws.client("kms").delete_alias, "NotFoundException", AliasName=found.name)


def delete_key(aws: AwsSession, found: Found) -> None:
    """Schedule the deletion after as long as KMS allows, during which it can be cancelled; a key so scheduled costs nothing."""
    aws.client("kms").schedule_key_deletion(KeyId=found.id, PendingWindowInDays=30)


# --- IAM --------------------------------------------------------------------------------------------------------------


def _role(aws: AwsSession, name: str) -> Found | None:
    found = _answer(aws.client("iam").get_role, "NoSuchEntity", RoleName=name)
    return Found(name, name, _pairs(found["Role"].get("Tags"))) if found else None


def _delete_role(aws: AwsSession, found: Found) -> None:
    iam = aws.client("iam")
    for page in iam.get_paginator("list_attached_role_policies").paginate(RoleName=found.name):
        for policy in page["AttachedPolicies"]:
            iam.detach_role_policy(RoleName=found.name, PolicyArn=policy["PolicyArn"])
    for page in iam.get_paginator("list_role_policies").paginate(RoleName=found.name):
        for policy in page["PolicyNames"]:
            iam.delete_role_policy(RoleName=found.name, PolicyName=policy)
    iam.delete_role(RoleName=found.name)


def _policy(aws: AwsSession, name: str) -> Found | None:
    iam = aws.client("iam")
    for page in iam.get_paginator("list_policies").paginate(Scope="Local"):
        for policy in page["Policies"]:
            if policy["PolicyName"] == name:
                return Found(name, policy["Arn"], _pairs(iam.list_policy_tags(PolicyArn=policy["Arn"]).get("Tags")))
    return None


def _delete_policy(aws: AwsSession, found: Found) -> None:
    iam = aws.client("iam")
    for page in iam.get_paginator("list_entities_for_policy").paginate(
        PolicyArn=found.id, PolicyUsageFilter="PermissionsPolicy"
    ):
        for role in page["PolicyRoles"]:
            iam.detach_role_policy(RoleName=role["RoleName"], PolicyArn=found.id)
    for version in iam.list_policy_versions(PolicyArn=found.id)["Versions"]:
        if not version["IsDefaultVersion"]:
            iam.delete_policy_version(PolicyArn=found.id, VersionId=version["VersionId"])
    iam.delete_policy(PolicyArn=found.id)


def _identity_provider(aws: AwsSession, url: str) -> Found | None:
    iam = aws.client("iam")
    for provider in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]:
        arn = provider["Arn"]
        if arn.partition("oidc-provider/")[2] == url.removeprefix("https://"):
            tags = iam.list_open_id_connect_provider_tags(OpenIDConnectProviderArn=arn).get("Tags")
            return Found(url, arn, _pairs(tags))
    return None


def _delete_identity_provider(aws: AwsSession, found: Found) -> None:
    aws.client("iam").delete_open_id_connect_provider(OpenIDConnectProviderArn=found.id)


# --- SNS, SQS, Lambda -------------------------------------------------------------------------------------------------


def _topic(aws: AwsSession, name: str) -> Found | None:
    sns = aws.client("sns")
    for page in sns.get_paginator("list_topics").paginate():
        for topic in page["Topics"]:
            if topic["TopicArn"].rpartition(":")[2] == name:
                return Found(name, topic["TopicArn"], _pairs(sns.list_tags_for_resource(ResourceArn=topic["TopicArn"])["Tags"]))
    return None


def _delete_topic(aws: AwsSession, found: Found) -> None:
    aws.client("sns").delete_topic(TopicArn=found.id)


def _queue(aws: AwsSession, name: str) -> Found | None:
    sqs = aws.client("sqs")
    missing = ("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue")
    found = _answer(sqs.get_queue_url, *missing, QueueName=name)
    if found is None:
        return None
    tags = _answer(sqs.list_queue_tags, *missing, QueueUrl=found["QueueUrl"])  # a deleted queue keeps its URL for a minute
    return None if tags is None else Found(name, found["QueueUrl"], tags.get("Tags", {}))


def _delete_queue(aws: AwsSession, found: Found) -> None:
    aws.client("sqs").delete_queue(QueueUrl=found.id)


def _permission_name(attributes: Attributes) -> str | None:
    """The id that it is imported by (provider documentation): FUNCTION/STATEMENT, or FUNCTION:QUALIFIER/STATEMENT."""
    function, statement = attributes.get("function_name"), attributes.get("statement_id")
    qualifier = f":{attributes['qualifier']}" if attributes.get("qualifier") else ""
    return f"{function}{qualifier}/{statement}" if function and statement else None


def _permission_key(name: str) -> tuple[dict[str, str], str]:
    """What a call on a permission names, its function and qualifier, and its statement."""
    place, _, statement = name.rpartition("/")
    function, _, qualifier = place.partition(":")
    return {"FunctionName": function} | ({"Qualifier": qualifier} if qualifier else {}), statement


def _permission(aws: AwsSession, name: str) -> Found | None:
    function, statement = _permission_key(name)
    policy = _answer(aws.client("lambda").get_policy, "ResourceNotFoundException", **function)
    for allowed in json.loads(policy["Policy"])["Statement"] if policy else ():
        if allowed.get("Sid") == statement:
            return Found(name, name, None, details=allowed)
    return None


def _delete_permission(aws: AwsSession, found: Found) -> None:
    function, statement = _permission_key(found.name)
    aws.client("lambda").remove_permission(**function, StatementId=statement)


# --- CloudWatch, Logs -------------------------------------------------------------------------------------------------


def _alarm(aws: AwsSession, name: str) -> Found | None:
    cloudwatch = aws.client("cloudwatch")
    for alarm in cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]:
        return Found(name, name, _pairs(cloudwatch.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"]))
    return None


def _delete_alarm(aws: AwsSession, found: Found) -> None:
    aws.client("cloudwatch").delete_alarms(AlarmNames=[found.name])


def _log_group(aws: AwsSession, name: str) -> Found | None:
    logs = aws.client("logs")
    for page in logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=name):
        for group in page["logGroups"]:
            if group["logGroupName"] == name:
                tags = logs.list_tags_for_resource(resourceArn=group["arn"].removesuffix(":*"))["tags"]
                # SageMaker makes the group of an endpoint when it has something to log and there is none.
                return Found(name, name, tags, unclaimed=not tags)
    return None


def _delete_log_group(aws: AwsSession, found: Found) -> None:
    aws.client("logs").delete_log_group(logGroupName=found.name)


ENDPOINT: Final = "aws_sagemaker_endpoint"
CONFIGURATION: Final = "aws_sagemaker_endpoint_configuration"
MODEL: Final = "aws_sagemaker_model"
KEY: Final = "aws_kms_key"

# In the order in which they can be deleted.
KINDS: Final = {
    kind.type: kind
    for kind in (
        Kind(
            ENDPOINT, "endpoint", _attribute("name"),
            _sagemaker("describe_endpoint", "EndpointName", "EndpointArn"),
            _delete_sagemaker("delete_endpoint", "EndpointName"),
        ),
        Kind(
            CONFIGURATION, "endpoint configuration", _attribute("name"),
            _sagemaker("describe_endpoint_config", "EndpointConfigName", "EndpointConfigArn"),
            _delete_sagemaker("delete_endpoint_config", "EndpointConfigName"),
        ),
        Kind(
            MODEL, "model", _attribute("name"),
            _sagemaker("describe_model", "ModelName", "ModelArn"),
            _delete_sagemaker("delete_model", "ModelName"),
        ),
        Kind("aws_cloudwatch_metric_alarm", "alarm", _attribute("alarm_name"), _alarm, _delete_alarm, idempotent=True),
        Kind("aws_lambda_permission", "permission", _permission_name, _permission, _delete_permission),
        Kind("aws_sns_topic", "topic", _attribute("name"), _topic, _delete_topic, idempotent=True),
        Kind("aws_sqs_queue", "queue", _attribute("name"), _queue, _delete_queue, idempotent=True),
        Kind("aws_s3_bucket", "bucket", _attribute("bucket"), _bucket, _delete_bucket),
        Kind("aws_iam_role", "role", _attribute("name"), _role, _delete_role),
        Kind("aws_iam_policy", "policy", _attribute("name"), _policy, _delete_policy),
        Kind(
            "aws_iam_openid_connect_provider", "identity provider", _attribute("url"),
            _identity_provider, _delete_identity_provider,
        ),
        Kind("aws_cloudwatch_log_group", "log group", _attribute("name"), _log_group, _delete_log_group),
        Kind("aws_kms_alias", "key alias", _attribute("name"), _alias, _delete_alias),
        Kind(KEY, "key", lambda _: None, find_key, delete_key),
    )
}  # fmt: skip


def tagged(aws: AwsSession, kind: str, tags: Mapping[str, str]) -> Iterator[Found]:
    """The keys, models or endpoint configurations that carry all of `tags`; all of the account where there are no tags.

    Resource Groups Tagging API, GetResources: at most 50 filters; a resource that is gone may be listed for a while, so each is
    looked up.
    """
    types = {KEY: "kms:key", MODEL: "sagemaker:model", CONFIGURATION: "sagemaker:endpoint-config"}
    if tags:
        filters = [{"Key": name, "Values": [value]} for name, value in sorted(tags.items())]
        pages = aws.client("resourcegroupstaggingapi").get_paginator("get_resources")
        found = pages.paginate(ResourceTypeFilters=[types[kind]], TagFilters=filters)
        names = [item["ResourceARN"] for page in found for item in page["ResourceTagMappingList"]]
    else:
        names = list(_listed(aws, kind))
    for name in names:
        identifier = name if kind == KEY else name.rpartition("/")[2]
        if (resource := KINDS[kind].find(aws, identifier)) is not None and resource.carries(tags):
            yield resource


def _listed(aws: AwsSession, kind: str) -> Iterator[str]:
    service, operation, members, member = {
        KEY: ("kms", "list_keys", "Keys", "KeyArn"),
        MODEL: ("sagemaker", "list_models", "Models", "ModelName"),
        CONFIGURATION: ("sagemaker", "list_endpoint_configs", "EndpointConfigs", "EndpointConfigName"),
    }[kind]
    for page in aws.client(service).get_paginator(operation).paginate():
        for item in page[members]:
            yield item[member]
