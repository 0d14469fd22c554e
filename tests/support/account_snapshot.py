"""Everything that an account has, listed by each service's own calls without regard to names: to compare before and after."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

# (service, paginated call, key of the items, what identifies one), and the calls that create such things.
LISTS: list[tuple[str, str, str, Callable[[Any], str]]] = [
    ("sagemaker", "list_endpoints", "Endpoints", lambda item: item["EndpointName"]),
    ("sagemaker", "list_endpoint_configs", "EndpointConfigs", lambda item: item["EndpointConfigName"]),
    ("sagemaker", "list_models", "Models", lambda item: item["ModelName"]),
    ("sns", "list_topics", "Topics", lambda item: item["TopicArn"]),
    ("sns", "list_subscriptions", "Subscriptions", lambda item: item["SubscriptionArn"]),
    ("sqs", "list_queues", "QueueUrls", str),
    ("cloudwatch", "describe_alarms", "MetricAlarms", lambda item: item["AlarmName"]),
    ("logs", "describe_log_groups", "logGroups", lambda item: item["logGroupName"]),
    ("iam", "list_roles", "Roles", lambda item: item["RoleName"]),
    ("iam", "list_users", "Users", lambda item: item["UserName"]),
    ("kms", "list_keys", "Keys", lambda item: item["KeyId"]),
    ("kms", "list_aliases", "Aliases", lambda item: item["AliasName"]),
    ("ec2", "describe_vpcs", "Vpcs", lambda item: item["VpcId"]),
    ("ec2", "describe_subnets", "Subnets", lambda item: item["SubnetId"]),
    ("ec2", "describe_security_groups", "SecurityGroups", lambda item: item["GroupId"]),
    ("ec2", "describe_network_interfaces", "NetworkInterfaces", lambda item: item["NetworkInterfaceId"]),
    ("ec2", "describe_vpc_endpoints", "VpcEndpoints", lambda item: item["VpcEndpointId"]),
]


def account_snapshot(client: Callable[[str], Any]) -> set[tuple[str, str]]:
    """(list, identifier) of everything in the account; keys that wait for their deletion do not count."""
    return {*_items(client)}


def _items(client: Callable[[str], Any]) -> Iterator[tuple[str, str]]:
    for service, call, key, identify in LISTS:
        for page in client(service).get_paginator(call).paginate():
            for item in page.get(key, ()):
                if (key == "Keys" and _waits_for_deletion(client, item["KeyId"])) or item_state(item) == "deleted":
                    continue
                yield f"{service} {key}", identify(item)
    for bucket in client("s3").list_buckets()["Buckets"]:
        yield "s3 Buckets", bucket["Name"]
    for page in client("iam").get_paginator("list_policies").paginate(Scope="Local"):
        for item in page["Policies"]:
            yield "iam Policies", item["Arn"]
    targets = client("application-autoscaling").describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    for target in targets:
        yield "scalable targets", target["ResourceId"]


def item_state(item: Any) -> str:
    """The state of a thing that stays listed after its deletion: a VPC endpoint."""
    return str(item.get("State", "")).lower() if isinstance(item, dict) else ""


def _waits_for_deletion(client: Callable[[str], Any], key: str) -> bool:
    state: str = client("kms").describe_key(KeyId=key)["KeyMetadata"]["KeyState"]
    return state == "PendingDeletion"
