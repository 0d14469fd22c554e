"""Every setting of every resource of an account, as its own service describes it: to compare before and after."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import ClientError

Clients = Callable[[str], Any]
Inventory = dict[tuple[str, str], Any]

# What changes without a change of settings.
_VOLATILE = re.compile(
    r"(Approximate\w+|(Creation|LastModified|Create|LastUpdated|LastAccessed|Updated|AlarmConfigurationUpdated)\w*(Time\w*|Date|Timestamp)"
    r"|EndpointStatus|State(Value|Reason\w*|Updated\w*|Transitioned\w*)|CurrentInstanceCount|DesiredInstanceCount|RoleLastUsed|storedBytes"
    r"|creationTime|AttachmentCount|PolicyUpdateCount|ResponseMetadata|VariantStatus|LastUsed\w*)"
)
# Generated again when a scalable target is registered again, as an update of the instance type does.
_GENERATED = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?<=scalable-target/)\w+")
_REGISTERED = {"ScalableTargets", "ScalingPolicies", "ScheduledActions", "alarm"}
_BUCKET = {
    "encryption": "get_bucket_encryption",
    "lifecycle": "get_bucket_lifecycle_configuration",
    "ownership": "get_bucket_ownership_controls",
    "policy": "get_bucket_policy",
    "public access": "get_public_access_block",
    "tags": "get_bucket_tagging",
    "versioning": "get_bucket_versioning",
}


def inventory(clients: Clients) -> Inventory:
    """What (kind, name) has, without times, counts and states. Objects are listed by bucket and key with their ETag."""
    found: Inventory = {}
    for part in (_hosting, _scaling, _messages, _watching, _storage, _identities, _keys):
        for kind, name, description in part(clients):
            key = (kind, _GENERATED.sub("ID", name) if kind in _REGISTERED else name)
            assert key not in found
            found[key] = _settings(description, stable=kind in _REGISTERED)
    return found


def changes(before: Inventory, after: Inventory) -> dict[str, list[tuple[str, str]]]:
    """What was created, deleted and changed between two inventories."""
    return {
        "created": sorted(after.keys() - before.keys()),
        "deleted": sorted(before.keys() - after.keys()),
        "changed": sorted(key for key in before.keys() & after.keys() if before[key] != after[key]),
    }


def values(before: Inventory, after: Inventory) -> dict[str, tuple[Any, Any]]:
    """What each setting that differs was and is, by kind, name and path: to print beside `changes`."""
    found: dict[str, tuple[Any, Any]] = {}
    for kind, name in sorted(before.keys() & after.keys()):
        found |= _differing(f"{kind} {name}", before[kind, name], after[kind, name])
    return found


def _differing(path: str, old: Any, new: Any) -> dict[str, tuple[Any, Any]]:
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return {} if old == new else {path: (old, new)}
    found: dict[str, tuple[Any, Any]] = {}
    for name in sorted(old.keys() | new.keys()):
        found |= _differing(f"{path}.{name}", old.get(name), new.get(name))
    return found


def _settings(value: Any, *, stable: bool) -> Any:
    """`value` without what is volatile, and without generated parts of texts if `stable`."""
    if isinstance(value, dict):
        return {name: _settings(item, stable=stable) for name, item in value.items() if not _VOLATILE.fullmatch(name)}
    if isinstance(value, list):
        items = [_settings(item, stable=stable) for item in value]
        named = items and all(isinstance(item, dict) and item.keys() == {"Name", "Value"} for item in items)
        return sorted(items, key=lambda item: str(item["Name"])) if named else items  # dimensions have no order
    return _GENERATED.sub("ID", value) if stable and isinstance(value, str) else value


def _pages(client: Any, operation: str, key: str, **arguments: Any) -> Iterator[Any]:
    for page in client.get_paginator(operation).paginate(**arguments):
        yield from page.get(key, ())


def _hosting(clients: Clients) -> Iterator[tuple[str, str, Any]]:
    client = clients("sagemaker")
    for item in _pages(client, "list_endpoints", "Endpoints"):
        yield "endpoint", item["EndpointName"], client.describe_endpoint(EndpointName=item["EndpointName"])
    for item in _pages(client, "list_endpoint_configs", "EndpointConfigs"):
        name = item["EndpointConfigName"]
        yield "endpoint configuration", name, client.describe_endpoint_config(EndpointConfigName=name)
    for item in _pages(client, "list_models", "Models"):
        yield "model", item["ModelName"], client.describe_model(ModelName=item["ModelName"])


def _scaling(clients: Clients) -> Iterator[tuple[str, str, Any]]:
    client = clients("application-autoscaling")
    for operation, key, name in (
        ("describe_scalable_targets", "ScalableTargets", "ResourceId"),
        ("describe_scaling_policies", "ScalingPolicies", "PolicyName"),
        ("describe_scheduled_actions", "ScheduledActions", "ScheduledActionName"),
    ):
        for item in _pages(client, operation, key, ServiceNamespace="sagemaker"):
            yield key, item[name], item


def _messages(clients: Clients) -> Iterator[tuple[str, str, Any]]:
    sns, sqs = clients("sns"), clients("sqs")
    for item in _pages(sns, "list_topics", "Topics"):
        yield "topic", item["TopicArn"], sns.get_topic_attributes(TopicArn=item["TopicArn"])
    for item in _pages(sns, "list_subscriptions", "Subscriptions"):
        arn = item["SubscriptionArn"]
        yield "subscription", arn, sns.get_subscription_attributes(SubscriptionArn=arn)
    for url in _pages(sqs, "list_queues", "QueueUrls"):
        yield "queue", url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])


def _watching(clients: Clients) -> Iterator[tuple[str, str, Any]]:
    cloudwatch, logs = clients("cloudwatch"), clients("logs")
    for page in cloudwatch.get_paginator("describe_alarms").paginate(AlarmTypes=["MetricAlarm", "CompositeAlarm"]):
        for item in (*page.get("MetricAlarms", ()), *page.get("CompositeAlarms", ())):
            yield "alarm", item["AlarmName"], item
    for item in _pages(cloudwatch, "list_dashboards", "DashboardEntries"):
        name = item["DashboardName"]
        yield "dashboard", name, cloudwatch.get_dashboard(DashboardName=name)
    for item in _pages(logs, "describe_log_groups", "logGroups"):
        yield "log group", item["logGroupName"], item


def _storage(clients: Clients) -> Iterator[tuple[str, str, Any]]:
    client = clients("s3")
    for bucket in client.list_buckets()["Buckets"]:
        name = bucket["Name"]
        yield "bucket", name, {what: _answer(getattr(client, operation), Bucket=name) for what, operation in _BUCKET.items()}
        for item in _pages(client, "list_objects_v2", "Contents", Bucket=name):
            yield "object", f"{name}/{item['Key']}", item["ETag"]


def _identities(clients: Clients) -> Iterator[tuple[str, str, Any]]:
    client = clients("iam")
    for item in _pages(client, "list_roles", "Roles"):
        name = item["RoleName"]
        inline = _pages(client, "list_role_policies", "PolicyNames", RoleName=name)
        written = {policy: client.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"] for policy in inline}
        attached = list(_pages(client, "list_attached_role_policies", "AttachedPolicies", RoleName=name))
        yield "role", name, {"role": client.get_role(RoleName=name)["Role"], "inline": written, "attached": attached}
    for item in _pages(client, "list_policies", "Policies", Scope="Local"):
        arn = item["Arn"]
        version = client.get_policy_version(PolicyArn=arn, VersionId=item["DefaultVersionId"])
        yield "policy", arn, version["PolicyVersion"]["Document"]


def _keys(clients: Clients) -> Iterator[tuple[str, str, Any]]:
    client = clients("kms")
    for item in _pages(client, "list_keys", "Keys"):
        key = item["KeyId"]
        policy = client.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
        rotation = _answer(client.get_key_rotation_status, KeyId=key)
        yield "key", key, {"key": client.describe_key(KeyId=key), "policy": policy, "rotation": rotation}


def _answer(call: Callable[..., Any], **arguments: Any) -> Any:
    """The answer, or the code of the error where there is no such setting."""
    try:
        return call(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"]
