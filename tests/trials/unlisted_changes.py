"""Changes outside Terraform that out_of_band.py and further_changes.py do not have; docs/drift.md names what is not seen.

`python tests/trials/drift_detection.py CHECKOUT prod --unlisted`
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from trials.further_changes import _ELSEWHERE, added_to_bucket
from trials.out_of_band import OutOfBand, Undo, World, _managed, alarm, queue, subscription, topic

_OWNER: Final = {"Key": "owner", "Value": "another"}
_EVERYONE: Final = "arn:aws:iam::123456789012:root"


def _log_group(w: World) -> dict[str, Any]:
    [live] = w.client("logs").describe_log_groups(logGroupNamePrefix=f"/aws/sagemaker/Endpoints/{w.name}")["logGroups"]
    return dict(live)


def queue_tag(w: World) -> Undo:
    sqs, url = w.client("sqs"), w.outputs.notifications.results_queue_url
    sqs.tag_queue(QueueUrl=url, Tags={"owner": "another"})
    return lambda: sqs.untag_queue(QueueUrl=url, TagKeys=["owner"])


def topic_tag(w: World) -> Undo:
    sns, arn = w.client("sns"), w.outputs.notifications.success_topic_arn
    sns.tag_resource(ResourceArn=arn, Tags=[_OWNER])
    return lambda: sns.untag_resource(ResourceArn=arn, TagKeys=["owner"])


def tagged(arn_of: Callable[[World], str]) -> Callable[[World], Undo]:
    """A tag is added to a resource of SageMaker."""

    def add(w: World) -> Undo:
        sagemaker, arn = w.client("sagemaker"), arn_of(w)
        sagemaker.add_tags(ResourceArn=arn, Tags=[_OWNER])
        return lambda: sagemaker.delete_tags(ResourceArn=arn, TagKeys=["owner"])

    return add


def _model(w: World) -> str:
    return str(w.client("sagemaker").describe_model(ModelName=w.outputs.endpoint.model_name)["ModelArn"])


def _configuration(w: World) -> str:
    name = w.outputs.endpoint.config_name
    return str(w.client("sagemaker").describe_endpoint_config(EndpointConfigName=name)["EndpointConfigArn"])


def alarm_tag(w: World) -> Undo:
    cloudwatch = w.client("cloudwatch")
    [live] = cloudwatch.describe_alarms(AlarmNames=[f"{w.name}-backlog"])["MetricAlarms"]
    cloudwatch.tag_resource(ResourceARN=live["AlarmArn"], Tags=[_OWNER])
    return lambda: cloudwatch.untag_resource(ResourceARN=live["AlarmArn"], TagKeys=["owner"])


def log_group_tag(w: World) -> Undo:
    logs, arn = w.client("logs"), _log_group(w)["arn"].removesuffix(":*")
    logs.tag_resource(resourceArn=arn, tags={"owner": "another"})
    return lambda: logs.untag_resource(resourceArn=arn, tagKeys=["owner"])


def metric_filter(w: World) -> Undo:
    logs, group = w.client("logs"), _log_group(w)["logGroupName"]
    measured = {"metricName": "errors", "metricNamespace": "another", "metricValue": "1"}
    logs.put_metric_filter(logGroupName=group, filterName="another", filterPattern="ERROR", metricTransformations=[measured])
    return lambda: logs.delete_metric_filter(logGroupName=group, filterName="another")


def policy_tag(w: World) -> Undo:
    iam, arn = w.client("iam"), _managed(w)
    iam.tag_policy(PolicyArn=arn, Tags=[_OWNER])
    return lambda: iam.untag_policy(PolicyArn=arn, TagKeys=["owner"])


def no_boundary(w: World) -> Undo:
    iam = w.client("iam")
    before = iam.get_role(RoleName=w.role)["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"]
    iam.delete_role_permissions_boundary(RoleName=w.role)
    return lambda: iam.put_role_permissions_boundary(RoleName=w.role, PermissionsBoundary=before)


def role_description(w: World) -> Undo:
    iam = w.client("iam")
    before = iam.get_role(RoleName=w.role)["Role"]["Description"]
    iam.update_role(RoleName=w.role, Description="another's")
    return lambda: iam.update_role(RoleName=w.role, Description=before)


def lifecycle(change: Callable[[list[dict[str, Any]]], object]) -> Callable[[World], Undo]:
    """The bucket's lifecycle rules are put with a change."""

    def put(w: World) -> Undo:
        s3 = w.client("s3")
        rules = s3.get_bucket_lifecycle_configuration(Bucket=w.bucket)["Rules"]
        other = json.loads(json.dumps(rules))
        change(other)

        def write(wanted: list[dict[str, Any]]) -> None:
            s3.put_bucket_lifecycle_configuration(Bucket=w.bucket, LifecycleConfiguration={"Rules": wanted})

        write(other)
        return lambda: write(rules)

    return put


def bucket_notification(w: World) -> Undo:
    s3 = w.client("s3")
    s3.put_bucket_notification_configuration(Bucket=w.bucket, NotificationConfiguration={"EventBridgeConfiguration": {}})
    return lambda: s3.put_bucket_notification_configuration(Bucket=w.bucket, NotificationConfiguration={})


def grant(w: World) -> Undo:
    kms = w.client("kms")
    made = kms.create_grant(KeyId=w.key, GranteePrincipal=_EVERYONE, Operations=["Decrypt"])["GrantId"]
    return lambda: kms.revoke_grant(KeyId=w.key, GrantId=made)


def second_alias(w: World) -> Undo:
    kms = w.client("kms")
    kms.create_alias(AliasName=f"alias/{w.name}-another", TargetKeyId=w.key)
    return lambda: kms.delete_alias(AliasName=f"alias/{w.name}-another")


def rotation_period(w: World) -> Undo:
    kms = w.client("kms")
    kms.enable_key_rotation(KeyId=w.key, RotationPeriodInDays=2560)
    return lambda: kms.enable_key_rotation(KeyId=w.key, RotationPeriodInDays=365)


def subscriber(w: World) -> Undo:
    """Another queue receives every notification of success."""
    sns, sqs = w.client("sns"), w.client("sqs")
    url = sqs.create_queue(QueueName="another")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topic_arn = w.outputs.notifications.success_topic_arn
    made = sns.subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=arn, ReturnSubscriptionArn=True)["SubscriptionArn"]

    def undo() -> None:
        sns.unsubscribe(SubscriptionArn=made)
        sqs.delete_queue(QueueUrl=url)

    return undo


def no_wake_policy(w: World) -> Undo:
    scaling = w.client("application-autoscaling")
    found = scaling.describe_scaling_policies(ServiceNamespace="sagemaker", ResourceId=w.target["ResourceId"])
    [live] = [one for one in found["ScalingPolicies"] if one["PolicyName"] == w.outputs.scaling.wake_policy_name]
    scaling.delete_scaling_policy(**w.target, PolicyName=live["PolicyName"])
    members = ("PolicyName", "PolicyType", "StepScalingPolicyConfiguration")
    request = {**w.target, **{member: live[member] for member in members}}

    def undo() -> None:
        made = scaling.put_scaling_policy(**request)["PolicyARN"]
        alarm("has-backlog-without-capacity", AlarmActions=[made])(w)

    return undo


def no_scheduled_action(w: World) -> Undo:
    scaling = w.client("application-autoscaling")
    found = scaling.describe_scheduled_actions(ServiceNamespace="sagemaker", ResourceId=w.target["ResourceId"])
    [live] = [one for one in found["ScheduledActions"] if one["ScheduledActionName"].endswith("-evening")]
    scaling.delete_scheduled_action(**w.target, ScheduledActionName=live["ScheduledActionName"])
    members = ("ScheduledActionName", "Schedule", "Timezone", "ScalableTargetAction")
    request: Mapping[str, Any] = {**w.target, **{member: live[member] for member in members if member in live}}
    return lambda: scaling.put_scheduled_action(**request)


_REPLICATION: Final = {
    "Role": "arn:aws:iam::123456789012:role/another",
    "Rules": [
        {
            "Status": "Enabled",
            "Priority": 1,
            "Filter": {"Prefix": ""},
            "DeleteMarkerReplication": {"Status": "Disabled"},
            "Destination": {"Bucket": "arn:aws:s3:::another"},
        }
    ],
}

# What neither source sees: docs/drift.md, "Not compared".
UNSEEN: Final = (
    "topic: another subscriber",
    "subscription: scope of its filter",
    "log group: metric filter",
    "bucket: notifications",
    "key: grant",
    "key: second alias",
)

UNLISTED = (
    OutOfBand("queue: tag", "", queue_tag),
    OutOfBand("queue: reuse of data keys", "", queue("results_queue_url", "KmsDataKeyReusePeriodSeconds", "86400")),
    OutOfBand(
        "queue: redrive-allow policy", "", queue("results_queue_url", "RedriveAllowPolicy", '{"redrivePermission":"denyAll"}')
    ),
    OutOfBand("topic: tag", "", topic_tag),
    OutOfBand("topic: tracing", "", topic("TracingConfig", "Active")),
    OutOfBand("topic: signature version", "", topic("SignatureVersion", "2")),
    OutOfBand("topic: another subscriber", "", subscriber),
    OutOfBand("subscription: scope of its filter", "", subscription("FilterPolicyScope", "MessageBody", "MessageAttributes")),
    OutOfBand("model: tag", "", tagged(_model)),
    OutOfBand("configuration: tag", "", tagged(_configuration)),
    OutOfBand("alarm: tag", "", alarm_tag),
    OutOfBand("alarm: description", "", alarm("backlog", AlarmDescription="another's")),
    OutOfBand("alarm: action when it is over", "", alarm("backlog", OKActions=[_ELSEWHERE])),
    OutOfBand("alarm: period", "", alarm("backlog", Period=86_400, EvaluationPeriods=1, DatapointsToAlarm=1)),
    OutOfBand("log group: tag", "", log_group_tag),
    OutOfBand("log group: metric filter", "", metric_filter),
    OutOfBand("managed policy: tag", "", policy_tag),
    OutOfBand("role: no boundary", "", no_boundary),
    OutOfBand("role: description", "", role_description),
    OutOfBand(
        "lifecycle: a rule added",
        "",
        lifecycle(
            lambda rules: rules.append(
                {"ID": "x", "Status": "Enabled", "Filter": {"Prefix": "model/"}, "Expiration": {"Days": 1}}
            )
        ),
    ),
    OutOfBand("lifecycle: a rule disabled", "", lifecycle(lambda rules: rules[0].update(Status="Disabled"))),
    OutOfBand("bucket: replication", "", added_to_bucket("replication", ReplicationConfiguration=_REPLICATION)),
    OutOfBand("bucket: notifications", "", bucket_notification),
    OutOfBand("key: grant", "", grant),
    OutOfBand("key: second alias", "", second_alias),
    OutOfBand("key: rotation period", "", rotation_period),
    OutOfBand("wake policy deleted", "", no_wake_policy),
    OutOfBand("scheduled action deleted", "", no_scheduled_action),
)
