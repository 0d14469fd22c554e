"""The kinds of resources that probes create: how each is created, tagged, found again and removed, in the order of removal."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from parity.model import archive
from parity.scope import TAG, Scope, as_mapping, run_of

Clients = Callable[[str], Any]
"""A boto3 client of a service by its name."""

KEY_WAIT_DAYS = 7  # the shortest that KMS accepts; a key that waits for its deletion costs nothing
DIMENSION = "sagemaker:variant:DesiredInstanceCount"


def value_at(document: dict[str, Any], path: str) -> Any:
    """The value at a dotted path."""
    value: Any = document
    for part in path.split("."):
        value = value[part]
    return value


@dataclass(frozen=True)
class Kind:
    """`creations` maps operation → where its identifier is: a parameter, or `response.…` when AWS chooses it.

    `tags` names the parameter for tags and their form: a list of Key and Value, a map, or that of kms or ec2.
    `find` lists the identifiers of a scope, by names and tags (`parity.scope`). `remove` returns whether the resource is gone:
    False means that AWS needs more time and is asked again.
    """

    name: str
    service: str
    creations: dict[str, str]
    find: Callable[[Clients, Scope], Iterator[str]]
    remove: Callable[[Clients, str], bool]
    tags: str = ""
    form: str = "list"
    spec: dict[str, str] = field(default_factory=dict)

    def tagged(self, operation: str, params: dict[str, Any], tags: dict[str, str]) -> dict[str, Any]:
        """The parameters with these tags added."""
        if not self.tags:
            return params
        if self.form == "map":
            return params | {self.tags: params.get(self.tags, {}) | tags}
        if self.form == "kms":
            return params | {self.tags: [*params.get(self.tags, ()), *({"TagKey": k, "TagValue": v} for k, v in tags.items())]}
        pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
        if self.form == "ec2":
            return params | {self.tags: [{"ResourceType": self.spec[operation], "Tags": pairs}]}
        return params | {self.tags: [*params.get(self.tags, ()), *pairs]}


def pages(client: Any, operation: str, key: str, **params: Any) -> Iterator[Any]:
    """Every item of a paginated list."""
    for page in client.get_paginator(operation).paginate(**params):
        yield from page.get(key, ())


GONE = ("NotFound", "NoSuch", "NonExistent", "Could not find", "does not exist", "ObjectNotFoundException", "not found")
BUSY = (
    "in-progress",
    "DependencyViolation",
    "DeleteConflict",
    "OperationAborted",
    "Conflict",
    "ResourceInUse",
    "Throttl",
    "SlowDown",
)


def removed(call: Callable[..., Any], **params: Any) -> bool:
    """Call a deletion: True when the resource is gone, False when AWS refuses it for now. Raises ClientError for the rest."""
    try:
        call(**params)
    except ClientError as error:
        return _gone(error)
    return True


def _gone(error: ClientError) -> bool:
    """True for an error that says that the resource does not exist, False for one that will pass. Raises any other."""
    text = f"{error.response['Error']['Code']} {error.response['Error']['Message']}"
    if any(word in text for word in BUSY):
        return False
    if any(word in text for word in GONE):
        return True
    raise error


def tags_of(call: Callable[[], Any], key: str, names: tuple[str, str] = ("Key", "Value")) -> dict[str, str]:
    """The tags in the response of a call; none for a resource that has gone meanwhile, or that has none."""
    try:
        tags = call().get(key, ())
    except ClientError as error:
        if _gone(error):
            return {}
        raise
    return dict(tags) if isinstance(tags, dict) else as_mapping(tags, *names)


# --- Application Auto Scaling --------------------------------------------------------------------------------------------


def _find_targets(clients: Clients, scope: Scope) -> Iterator[str]:
    client = clients("application-autoscaling")
    for item in pages(client, "describe_scalable_targets", "ScalableTargets", ServiceNamespace="sagemaker"):
        if scope.has_name(item["ResourceId"]) and item["ScalableDimension"] == DIMENSION:
            yield item["ResourceId"]


def _remove_target(clients: Clients, identifier: str) -> bool:
    return removed(
        clients("application-autoscaling").deregister_scalable_target,
        ServiceNamespace="sagemaker",
        ResourceId=identifier,
        ScalableDimension=DIMENSION,
    )


# --- SageMaker -----------------------------------------------------------------------------------------------------------


def _sagemaker_finder(operation: str, key: str, kind: str) -> Callable[[Clients, Scope], Iterator[str]]:
    def find(clients: Clients, scope: Scope) -> Iterator[str]:
        client = clients("sagemaker")
        for item in pages(client, operation, key, NameContains=scope.prefix):
            name = item[f"{kind}Name"]
            tags = partial(client.list_tags, ResourceArn=item[f"{kind}Arn"])
            if scope.has_name(name) and scope.owns(name, tags_of(tags, "Tags")):
                yield name

    return find


def _remove_endpoint(clients: Clients, identifier: str) -> bool:
    """Delete an endpoint; it is gone when DescribeEndpoint says so. One that is Creating or Updating refuses for now."""
    client = clients("sagemaker")
    try:
        status = client.describe_endpoint(EndpointName=identifier)["EndpointStatus"]
    except ClientError as error:
        return _gone(error)
    if status != "Deleting":
        removed(client.delete_endpoint, EndpointName=identifier)
    return False


def restore_archive(clients: Clients, model: str) -> None:
    """Put back an archive that a probe had deleted: an endpoint that waits for it is Updating, and refuses its deletion."""
    try:
        container = clients("sagemaker").describe_model(ModelName=model).get("PrimaryContainer", {})
    except ClientError:
        return
    bucket, _, key = container.get("ModelDataUrl", "").removeprefix("s3://").partition("/")
    if run_of(bucket) != run_of(model):
        return
    try:
        clients("s3").head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] == "404":
            with contextlib.suppress(ClientError):  # the bucket is gone too
                clients("s3").put_object(Bucket=bucket, Key=key, Body=archive())


# --- SNS and SQS ---------------------------------------------------------------------------------------------------------


def _find_topics(clients: Clients, scope: Scope) -> Iterator[str]:
    for item in pages(clients("sns"), "list_topics", "Topics"):
        arn = item["TopicArn"]
        name, tags = arn.rpartition(":")[2], partial(clients("sns").list_tags_for_resource, ResourceArn=arn)
        if scope.has_name(name) and scope.owns(name, tags_of(tags, "Tags")):
            yield arn


def _find_subscriptions(clients: Clients, scope: Scope) -> Iterator[str]:
    for item in pages(clients("sns"), "list_subscriptions", "Subscriptions"):
        arn = item["SubscriptionArn"]
        if arn.startswith("arn:") and scope.has_name(item["TopicArn"].rpartition(":")[2]):
            yield arn


def _remove_queue(clients: Clients, identifier: str) -> bool:
    client = clients("sqs")
    try:
        url = client.get_queue_url(QueueName=identifier)["QueueUrl"]
    except ClientError as error:
        return _gone(error)
    return removed(client.delete_queue, QueueUrl=url)


def _find_queues(clients: Clients, scope: Scope) -> Iterator[str]:
    client = clients("sqs")
    for url in pages(client, "list_queues", "QueueUrls", QueueNamePrefix=scope.prefix):
        name, tags = url.rpartition("/")[2], partial(client.list_queue_tags, QueueUrl=url)
        if scope.has_name(name) and scope.owns(name, tags_of(tags, "Tags")):
            yield name


# --- CloudWatch and Logs -------------------------------------------------------------------------------------------------


def _find_alarms(clients: Clients, scope: Scope) -> Iterator[str]:
    """Alarms, also those that Application Auto Scaling creates for a policy and deletes with it."""
    client, derived = clients("cloudwatch"), f"TargetTracking-endpoint/{scope.prefix}"
    for start in (scope.prefix, derived):
        for item in pages(client, "describe_alarms", "MetricAlarms", AlarmNamePrefix=start):
            name, tags = item["AlarmName"], partial(client.list_tags_for_resource, ResourceARN=item["AlarmArn"])
            if scope.has_name(name) and (start == derived or scope.owns(name, tags_of(tags, "Tags"))):
                yield name


def _find_logs(clients: Clients, scope: Scope) -> Iterator[str]:
    """Log groups, also those that SageMaker creates for an endpoint."""
    client, derived = clients("logs"), f"/aws/sagemaker/Endpoints/{scope.prefix}"
    for start in (scope.prefix, derived):
        for item in pages(client, "describe_log_groups", "logGroups", logGroupNamePrefix=start):
            name = item["logGroupName"]
            tags = partial(client.list_tags_for_resource, resourceArn=item["arn"].removesuffix(":*"))
            if scope.has_name(name) and (start == derived or scope.owns(name, tags_of(tags, "tags"))):
                yield name


# --- S3 ------------------------------------------------------------------------------------------------------------------


def _find_buckets(clients: Clients, scope: Scope) -> Iterator[str]:
    """Buckets of runs. One without tags is of a run that was killed before its second call: it is in the region, and empty."""
    client = clients("s3")
    for item in client.list_buckets()["Buckets"]:
        name = item["Name"]
        if scope.has_name(name):
            tags = tags_of(partial(client.get_bucket_tagging, Bucket=name), "TagSet")
            if scope.owns(name, tags) or (not tags and _just_created(client, name, scope.region)):
                yield name


def _just_created(client: Any, bucket: str, region: str) -> bool:
    try:
        place = client.get_bucket_location(Bucket=bucket).get("LocationConstraint") or "us-east-1"
        return place == region and not client.list_objects_v2(Bucket=bucket, MaxKeys=1).get("KeyCount")
    except ClientError as error:
        if _gone(error):
            return False
        raise


def _remove_bucket(clients: Clients, identifier: str) -> bool:
    """Empty a bucket, versions and uploads included, and delete it."""
    client = clients("s3")
    try:
        for page in client.get_paginator("list_object_versions").paginate(Bucket=identifier):
            objects = [
                {"Key": item["Key"], "VersionId": item["VersionId"]}
                for key in ("Versions", "DeleteMarkers")
                for item in page.get(key, ())
            ]
            if objects:
                client.delete_objects(Bucket=identifier, Delete={"Objects": objects, "Quiet": True})
        for item in pages(client, "list_multipart_uploads", "Uploads", Bucket=identifier):
            client.abort_multipart_upload(Bucket=identifier, Key=item["Key"], UploadId=item["UploadId"])
    except client.exceptions.NoSuchBucket:
        return True
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchBucket":
            return True
        raise
    try:
        return removed(client.delete_bucket, Bucket=identifier)
    except ClientError as error:
        if error.response["Error"]["Code"] == "BucketNotEmpty":  # an endpoint delivered meanwhile
            return False
        raise


# --- IAM -----------------------------------------------------------------------------------------------------------------


def _find_roles(clients: Clients, scope: Scope) -> Iterator[str]:
    client = clients("iam")
    for item in pages(client, "list_roles", "Roles"):
        name, tags = item["RoleName"], partial(client.list_role_tags, RoleName=item["RoleName"])
        if scope.has_name(name) and scope.owns(name, tags_of(tags, "Tags")):
            yield name


def restore_trust(clients: Clients, identifier: str) -> None:
    """Let SageMaker assume a role again, if a probe was killed while it must not: an endpoint needs it for its deletion."""
    client = clients("iam")
    try:
        document = client.get_role(RoleName=identifier)["Role"]["AssumeRolePolicyDocument"]
        if any(statement.get("Effect") == "Deny" for statement in document["Statement"]):
            trust = document | {"Statement": [statement | {"Effect": "Allow"} for statement in document["Statement"]]}
            client.update_assume_role_policy(RoleName=identifier, PolicyDocument=json.dumps(trust))
    except ClientError as error:
        _gone(error)


def _remove_role(clients: Clients, identifier: str) -> bool:
    client = clients("iam")
    try:
        for name in pages(client, "list_role_policies", "PolicyNames", RoleName=identifier):
            client.delete_role_policy(RoleName=identifier, PolicyName=name)
        for item in pages(client, "list_attached_role_policies", "AttachedPolicies", RoleName=identifier):
            client.detach_role_policy(RoleName=identifier, PolicyArn=item["PolicyArn"])
    except ClientError as error:
        return _gone(error)
    return removed(client.delete_role, RoleName=identifier)


def _find_policies(clients: Clients, scope: Scope) -> Iterator[str]:
    client = clients("iam")
    for item in pages(client, "list_policies", "Policies", Scope="Local"):
        name, tags = item["PolicyName"], partial(client.list_policy_tags, PolicyArn=item["Arn"])
        if scope.has_name(name) and scope.owns(name, tags_of(tags, "Tags")):
            yield item["Arn"]


# --- KMS -----------------------------------------------------------------------------------------------------------------


def _find_aliases(clients: Clients, scope: Scope) -> Iterator[str]:
    for item in pages(clients("kms"), "list_aliases", "Aliases"):
        if scope.has_name(item["AliasName"]):
            yield item["AliasName"]


def _find_keys(clients: Clients, scope: Scope) -> Iterator[str]:
    wanted = {"Key": TAG, **({"Values": [scope.run]} if scope.run else {})}
    found = pages(
        clients("resourcegroupstaggingapi"),
        "get_resources",
        "ResourceTagMappingList",
        TagFilters=[wanted],
        ResourceTypeFilters=["kms:key"],
    )
    for item in found:
        identifier = item["ResourceARN"].rpartition("/")[2]
        if scope.has_tags(as_mapping(item["Tags"])) and not _waits_for_deletion(clients("kms"), identifier):
            yield identifier


def _waits_for_deletion(client: Any, key: str) -> bool:
    """Whether a key is scheduled for deletion, or gone: the tagging service lists it for a while."""
    try:
        return bool(client.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingDeletion")
    except ClientError as error:
        return _gone(error)


def _remove_key(clients: Clients, identifier: str) -> bool:
    client = clients("kms")
    if _waits_for_deletion(client, identifier):
        return True
    return removed(client.schedule_key_deletion, KeyId=identifier, PendingWindowInDays=KEY_WAIT_DAYS)


# --- EC2 -----------------------------------------------------------------------------------------------------------------


def _ec2_finder(operation: str, key: str, identifier: str) -> Callable[[Clients, Scope], Iterator[str]]:
    def find(clients: Clients, scope: Scope) -> Iterator[str]:
        for item in pages(clients("ec2"), operation, key, Filters=[_tagged(scope)]):
            if scope.has_tags(as_mapping(item["Tags"])):
                yield item[identifier]

    return find


def _tagged(scope: Scope) -> dict[str, Any]:
    """The filter of EC2 for resources with the tag of runs, of which `has_tags` chooses."""
    return {"Name": f"tag:{TAG}", "Values": [scope.run or "*"]}


def _find_vpc_endpoints(clients: Clients, scope: Scope) -> Iterator[str]:
    """Deleted ones stay in the list for a while."""
    states = {"Name": "vpc-endpoint-state", "Values": ["pending", "available", "failed"]}
    for item in pages(clients("ec2"), "describe_vpc_endpoints", "VpcEndpoints", Filters=[_tagged(scope), states]):
        if scope.has_tags(as_mapping(item["Tags"])):
            yield item["VpcEndpointId"]


def _remover(service: str, operation: str, parameter: str) -> Callable[[Clients, str], bool]:
    return lambda clients, identifier: removed(getattr(clients(service), operation), **{parameter: identifier})


KINDS = [
    Kind(
        "scalable target",
        "application-autoscaling",
        {"RegisterScalableTarget": "ResourceId"},
        _find_targets,
        _remove_target,
    ),
    Kind(
        "endpoint",
        "sagemaker",
        {"CreateEndpoint": "EndpointName"},
        _sagemaker_finder("list_endpoints", "Endpoints", "Endpoint"),
        _remove_endpoint,
        tags="Tags",
    ),
    Kind(
        "endpoint configuration",
        "sagemaker",
        {"CreateEndpointConfig": "EndpointConfigName"},
        _sagemaker_finder("list_endpoint_configs", "EndpointConfigs", "EndpointConfig"),
        _remover("sagemaker", "delete_endpoint_config", "EndpointConfigName"),
        tags="Tags",
    ),
    Kind(
        "model",
        "sagemaker",
        {"CreateModel": "ModelName"},
        _sagemaker_finder("list_models", "Models", "Model"),
        _remover("sagemaker", "delete_model", "ModelName"),
        tags="Tags",
    ),
    Kind(
        "subscription",
        "sns",
        {"Subscribe": "response.SubscriptionArn"},
        _find_subscriptions,
        _remover("sns", "unsubscribe", "SubscriptionArn"),
    ),
    Kind(
        "topic",
        "sns",
        {"CreateTopic": "response.TopicArn"},
        _find_topics,
        _remover("sns", "delete_topic", "TopicArn"),
        tags="Tags",
    ),
    Kind("queue", "sqs", {"CreateQueue": "QueueName"}, _find_queues, _remove_queue, tags="tags", form="map"),
    Kind(
        "alarm",
        "cloudwatch",
        {"PutMetricAlarm": "AlarmName"},
        _find_alarms,
        lambda clients, name: removed(clients("cloudwatch").delete_alarms, AlarmNames=[name]),
        tags="Tags",
    ),
    Kind(
        "log group",
        "logs",
        {"CreateLogGroup": "logGroupName"},
        _find_logs,
        _remover("logs", "delete_log_group", "logGroupName"),
        tags="tags",
        form="map",
    ),
    Kind("bucket", "s3", {"CreateBucket": "Bucket"}, _find_buckets, _remove_bucket),
    Kind("role", "iam", {"CreateRole": "RoleName"}, _find_roles, _remove_role, tags="Tags"),
    Kind(
        "key alias",
        "kms",
        {"CreateAlias": "AliasName"},
        _find_aliases,
        _remover("kms", "delete_alias", "AliasName"),
    ),
    Kind(
        "policy",
        "iam",
        {"CreatePolicy": "response.Policy.Arn"},
        _find_policies,
        _remover("iam", "delete_policy", "PolicyArn"),
        tags="Tags",
    ),
    Kind("key", "kms", {"CreateKey": "response.KeyMetadata.KeyId"}, _find_keys, _remove_key, tags="Tags", form="kms"),
    Kind(
        "VPC endpoint",
        "ec2",
        {"CreateVpcEndpoint": "response.VpcEndpoint.VpcEndpointId"},
        _find_vpc_endpoints,
        lambda clients, identifier: removed(clients("ec2").delete_vpc_endpoints, VpcEndpointIds=[identifier]),
        tags="TagSpecifications",
        form="ec2",
        spec={"CreateVpcEndpoint": "vpc-endpoint"},
    ),
    Kind(
        "security group",
        "ec2",
        {"CreateSecurityGroup": "response.GroupId"},
        _ec2_finder("describe_security_groups", "SecurityGroups", "GroupId"),
        _remover("ec2", "delete_security_group", "GroupId"),
        tags="TagSpecifications",
        form="ec2",
        spec={"CreateSecurityGroup": "security-group"},
    ),
    Kind(
        "subnet",
        "ec2",
        {"CreateSubnet": "response.Subnet.SubnetId"},
        _ec2_finder("describe_subnets", "Subnets", "SubnetId"),
        _remover("ec2", "delete_subnet", "SubnetId"),
        tags="TagSpecifications",
        form="ec2",
        spec={"CreateSubnet": "subnet"},
    ),
    Kind(
        "VPC",
        "ec2",
        {"CreateVpc": "response.Vpc.VpcId"},
        _ec2_finder("describe_vpcs", "Vpcs", "VpcId"),
        _remover("ec2", "delete_vpc", "VpcId"),
        tags="TagSpecifications",
        form="ec2",
        spec={"CreateVpc": "vpc"},
    ),
]

BY_NAME = {kind.name: kind for kind in KINDS}
BY_OPERATION = {(kind.service, operation): kind for kind in KINDS for operation in kind.creations}

# Creating calls whose result goes with a resource above, or ends by itself.
SUBRESOURCES = {
    ("logs", "CreateLogStream"),
    ("s3", "CreateMultipartUpload"),
    ("sqs", "StartMessageMoveTask"),
}
