"""What existed before its deployment and is imported: role, topics and bucket, not deleted while others use them.

Terraform deletes what its state has: a topic with every subscription of it, a role with its own policies. Use by others is
seen in what they have put there, of which the plan deletes nothing: policies and instance profiles of a role, subscriptions of
a topic and alarms that notify it, objects of a bucket. What may not be read counts as used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from async_endpoint.aws import DENIED_CODES, AwsSession, error_code
from async_endpoint.core.errors import ImportedInUse
from async_endpoint.core.reply_queues import is_reply_queue
from async_endpoint.core.text import joined
from async_endpoint.deploy.endpoints import Connect, planned_endpoints
from async_endpoint.deploy.policy_deletions import iam_region
from async_endpoint.deploy.resource_kinds import bucket_content
from async_endpoint.terraform.plan_document import ResourceChange, is_imported

_MISSING: Final = ("NoSuchBucket", "NoSuchEntity", "NotFound", "NotFoundException")


def require_unused_imports(connect: Connect, changes: Sequence[ResourceChange]) -> None:
    """Raise ImportedInUse when the plan deletes an imported role, topic or bucket that others still use."""
    deleted = [change for change in changes if change.deletes and change.before]
    used = {
        change.address: f"{label} {_name(change)} ({reason})"
        for change in deleted
        if is_imported(change.address) and change.type in _USES
        for label, region, uses in [_USES[change.type]]
        if (reason := _reason(connect(region(change)), uses, change, deleted))
    }
    if used:
        released = " ".join(f"'{address}'" for address in used)
        raise ImportedInUse(
            f"The plan deletes what existed before this deployment and others still use: {joined(list(used.values()))}; "
            f"nothing was changed. Release it, and it stays as it is: terraform state rm {released}"
        )


_Uses = Callable[[AwsSession, ResourceChange, Sequence[ResourceChange]], Iterator[str]]


def _reason(aws: AwsSession, uses: _Uses, change: ResourceChange, deleted: Sequence[ResourceChange]) -> str | None:
    """The first use by others, in a few words; None without one, or where the resource is gone."""
    from botocore.exceptions import ClientError  # noqa: PLC0415

    try:
        return next(uses(aws, change, deleted), None)
    except ClientError as error:
        if error_code(error) in _MISSING:
            return None
        if error_code(error) in DENIED_CODES:
            return f"{error.operation_name} is denied, so its users are unknown"
        raise


def _name(change: ResourceChange) -> str:
    return str(change.before.get("name") or change.before["bucket"])


def _of(deleted: Sequence[ResourceChange], kind: str, member: str, **where: str) -> set[str]:
    """Attribute `member` of what the plan deletes of one type and with these attributes."""
    found = (change.before for change in deleted if change.type == kind)
    return {str(one[member]) for one in found if all(one.get(name) == value for name, value in where.items())}


def _uses_of_role(aws: AwsSession, change: ResourceChange, deleted: Sequence[ResourceChange]) -> Iterator[str]:
    iam, name = aws.client("iam"), str(change.before["name"])
    own = _of(deleted, "aws_iam_role_policy", "name", role=name)
    for page in iam.get_paginator("list_role_policies").paginate(RoleName=name):
        yield from (f"its policy {policy}" for policy in page["PolicyNames"] if policy not in own)
    own = _of(deleted, "aws_iam_role_policy_attachment", "policy_arn", role=name)
    for page in iam.get_paginator("list_attached_role_policies").paginate(RoleName=name):
        yield from (f"its policy {one['PolicyName']}" for one in page["AttachedPolicies"] if one["PolicyArn"] not in own)
    for page in iam.get_paginator("list_instance_profiles_for_role").paginate(RoleName=name):
        yield from (f"instance profile {one['InstanceProfileName']}" for one in page["InstanceProfiles"])


def _uses_of_topic(aws: AwsSession, change: ResourceChange, deleted: Sequence[ResourceChange]) -> Iterator[str]:
    arn, own = str(change.before["arn"]), _of(deleted, "aws_sns_topic_subscription", "arn")
    endpoints = [endpoint.name for endpoint in planned_endpoints(deleted)]
    for page in aws.sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=arn):
        for one in page["Subscriptions"]:
            queue = one["Endpoint"].rpartition(":")[2]  # of a client of this endpoint, deleted with it
            if one["SubscriptionArn"] not in own and not any(is_reply_queue(queue, name) for name in endpoints):
                yield f"its subscription of {one['Endpoint']}"
    own = _of(deleted, "aws_cloudwatch_metric_alarm", "alarm_name")
    for page in aws.client("cloudwatch").get_paginator("describe_alarms").paginate(ActionPrefix=arn):
        for one in page["MetricAlarms"]:
            actions = [*one.get("AlarmActions", ()), *one.get("OKActions", ()), *one.get("InsufficientDataActions", ())]
            if arn in actions and one["AlarmName"] not in own:
                yield f"alarm {one['AlarmName']}"


def _uses_of_bucket(aws: AwsSession, change: ResourceChange, deleted: Sequence[ResourceChange]) -> Iterator[str]:
    bucket = str(change.before["bucket"])
    if change.before.get("force_destroy"):
        return
    own = frozenset(_of(deleted, "aws_s3_object", "key", bucket=bucket))
    if content := bucket_content(aws, bucket, ignored_keys=own):
        yield f"it holds {content}"


def _region_of_topic(change: ResourceChange) -> str:
    return str(change.before["arn"]).split(":")[3]


def _region_of_bucket(change: ResourceChange) -> str:
    return str(change.before.get("region") or "us-east-1")


# By type: what it is called, the region it is asked for in, and its uses by others.
_USES: Final[dict[str, tuple[str, Callable[[ResourceChange], str], _Uses]]] = {
    "aws_iam_role": ("role", lambda change: iam_region([change]), _uses_of_role),
    "aws_sns_topic": ("topic", _region_of_topic, _uses_of_topic),
    "aws_s3_bucket": ("bucket", _region_of_bucket, _uses_of_bucket),
}
