"""More changes outside Terraform than out_of_band.py has: parts of policies, settings without an argument here, tags."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from trials.out_of_band import (
    _OPEN,
    OutOfBand,
    Undo,
    World,
    alarm,
    bucket,
    queue,
    replaced_configuration,
    scheduled,
    topic,
)

_ADDED: Final = {"Sid": "Added", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::210987654321:root"}}
_RETRIES: Final = {"numRetries": 1, "minDelayTarget": 1, "maxDelayTarget": 1}
_ELSEWHERE: Final = "arn:aws:sns:eu-west-1:123456789012:elsewhere"


def _opened(document: str, **statement: Any) -> str:
    """A policy with one more statement, which lets another account do something."""
    policy = json.loads(document)
    return json.dumps(policy | {"Statement": [*policy["Statement"], _ADDED | statement]})


def open_bucket(w: World) -> Undo:
    s3 = w.client("s3")
    before = s3.get_bucket_policy(Bucket=w.bucket)["Policy"]
    other = _opened(before, Action="s3:GetObject", Resource=f"arn:aws:s3:::{w.bucket}/*")
    s3.put_bucket_policy(Bucket=w.bucket, Policy=other)
    return lambda: s3.put_bucket_policy(Bucket=w.bucket, Policy=before)


def added_to_bucket(what: str, **settings: Any) -> Callable[[World], Undo]:
    """A configuration that the bucket does not have is put."""

    def put(w: World) -> Undo:
        s3 = w.client("s3")
        getattr(s3, f"put_bucket_{what}")(Bucket=w.bucket, **settings)
        return lambda: getattr(s3, f"delete_bucket_{what}")(Bucket=w.bucket)

    return put


def accelerated(w: World) -> Undo:
    def put(status: str) -> None:
        configuration = {"Status": status}
        w.client("s3").put_bucket_accelerate_configuration(Bucket=w.bucket, AccelerateConfiguration=configuration)

    put("Enabled")
    return lambda: put("Suspended")


def logged(w: World) -> Undo:
    """Access logs go to another bucket."""
    s3, other = w.client("s3"), f"{w.bucket}-logs"
    with suppress(s3.exceptions.BucketAlreadyOwnedByYou):
        s3.create_bucket(Bucket=other, CreateBucketConfiguration={"LocationConstraint": w.outputs.region})
    allowed = {
        "Effect": "Allow",
        "Principal": {"Service": "logging.s3.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{other}/*",
    }
    s3.put_bucket_policy(Bucket=other, Policy=json.dumps({"Version": "2012-10-17", "Statement": [allowed]}))
    s3.put_bucket_logging(
        Bucket=w.bucket, BucketLoggingStatus={"LoggingEnabled": {"TargetBucket": other, "TargetPrefix": "logs/"}}
    )

    def undo() -> None:
        s3.put_bucket_logging(Bucket=w.bucket, BucketLoggingStatus={})
        for stored in s3.list_objects_v2(Bucket=other).get("Contents", []):
            s3.delete_object(Bucket=other, Key=stored["Key"])
        s3.delete_bucket(Bucket=other)

    return undo


def bucket_tag_added(w: World) -> Undo:
    s3 = w.client("s3")
    before = s3.get_bucket_tagging(Bucket=w.bucket)["TagSet"]
    s3.put_bucket_tagging(Bucket=w.bucket, Tagging={"TagSet": [*before, {"Key": "owner", "Value": "another"}]})
    return lambda: s3.put_bucket_tagging(Bucket=w.bucket, Tagging={"TagSet": before})


def open_topic(w: World) -> Undo:
    arn = w.outputs.notifications.success_topic_arn
    before = w.client("sns").get_topic_attributes(TopicArn=arn)["Attributes"]["Policy"]
    return topic("Policy", _opened(before, Action="sns:Publish", Resource=arn))(w)


def open_key(w: World) -> Undo:
    kms = w.client("kms")
    before = kms.get_key_policy(KeyId=w.key, PolicyName="default")["Policy"]
    other = _opened(
        before, Action="kms:Decrypt", Resource="*", Condition={"StringEquals": {"kms:CallerAccount": "210987654321"}}
    )
    kms.put_key_policy(KeyId=w.key, PolicyName="default", Policy=other)
    return lambda: kms.put_key_policy(KeyId=w.key, PolicyName="default", Policy=before)


def key_tag(w: World) -> Undo:
    kms = w.client("kms")
    kms.tag_resource(KeyId=w.key, Tags=[{"TagKey": "owner", "TagValue": "another"}])
    return lambda: kms.untag_resource(KeyId=w.key, TagKeys=["owner"])


def no_alias(w: World) -> Undo:
    kms, alias = w.client("kms"), f"alias/{w.name}"
    kms.delete_alias(AliasName=alias)
    return lambda: kms.create_alias(AliasName=alias, TargetKeyId=w.key)


def role_session(w: World) -> Undo:
    iam = w.client("iam")
    same = {"RoleName": w.role, "Description": iam.get_role(RoleName=w.role)["Role"]["Description"]}  # moto drops it
    iam.update_role(**same, MaxSessionDuration=43_200)
    return lambda: iam.update_role(**same, MaxSessionDuration=3_600)


def role_tag(w: World) -> Undo:
    iam = w.client("iam")
    iam.tag_role(RoleName=w.role, Tags=[{"Key": "owner", "Value": "another"}])
    return lambda: iam.untag_role(RoleName=w.role, TagKeys=["owner"])


def boundary_policy(w: World) -> Undo:
    """The permissions boundary allows one more action."""
    iam = w.client("iam")
    [found] = [one for one in iam.list_policies(Scope="Local")["Policies"] if "boundary" in one["PolicyName"]]
    arn, default = found["Arn"], found["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=arn, VersionId=default)["PolicyVersion"]["Document"]
    more = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}
    other = document | {"Statement": [*document["Statement"], more]}
    made = iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(other), SetAsDefault=True)["PolicyVersion"]

    def undo() -> None:
        iam.set_default_policy_version(PolicyArn=arn, VersionId=default)
        iam.delete_policy_version(PolicyArn=arn, VersionId=made["VersionId"])

    return undo


def _log_group(w: World) -> Mapping[str, Any]:
    [live] = w.client("logs").describe_log_groups(logGroupNamePrefix=f"/aws/sagemaker/Endpoints/{w.name}")["logGroups"]
    found: Mapping[str, Any] = live
    return found


def no_retention(w: World) -> Undo:
    logs, live = w.client("logs"), _log_group(w)
    logs.delete_retention_policy(logGroupName=live["logGroupName"])
    return lambda: logs.put_retention_policy(logGroupName=live["logGroupName"], retentionInDays=live["retentionInDays"])


def no_log_group(w: World) -> Undo:
    logs, live = w.client("logs"), _log_group(w)
    tags = logs.list_tags_for_resource(resourceArn=live["arn"].removesuffix(":*"))["tags"]
    logs.delete_log_group(logGroupName=live["logGroupName"])

    def undo() -> None:
        if not logs.describe_log_groups(logGroupNamePrefix=live["logGroupName"])["logGroups"]:
            logs.create_log_group(logGroupName=live["logGroupName"])  # else a new instance has logged
        logs.tag_resource(resourceArn=live["arn"].removesuffix(":*"), tags=tags)
        logs.put_retention_policy(logGroupName=live["logGroupName"], retentionInDays=live["retentionInDays"])

    return undo


def no_dashboard(w: World) -> Undo:
    cloudwatch, name = w.client("cloudwatch"), w.outputs.monitoring.dashboard_name
    body = cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"]
    cloudwatch.delete_dashboards(DashboardNames=[name])
    return lambda: cloudwatch.put_dashboard(DashboardName=name, DashboardBody=body)


def endpoint_tag(w: World) -> Undo:
    sagemaker, arn = w.client("sagemaker"), w.outputs.endpoint.arn
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "owner", "Value": "another"}])
    return lambda: sagemaker.delete_tags(ResourceArn=arn, TagKeys=["owner"])


def target_tag(w: World) -> Undo:
    scaling = w.client("application-autoscaling")
    [live] = scaling.describe_scalable_targets(ServiceNamespace="sagemaker", ResourceIds=[w.target["ResourceId"]])[
        "ScalableTargets"
    ]
    arn = live["ScalableTargetARN"]
    scaling.tag_resource(ResourceARN=arn, Tags={"owner": "another"})
    return lambda: scaling.untag_resource(ResourceARN=arn, TagKeys=["owner"])


def archive_deleted(w: World) -> Undo:
    """The archive is deleted, so that an endpoint that wakes has no model."""
    s3, planned = w.client("s3"), w.outputs.model.archives[0]
    key = planned.uri.removeprefix(f"s3://{w.bucket}/")
    marker = s3.delete_object(Bucket=w.bucket, Key=key)["VersionId"]
    return lambda: s3.delete_object(Bucket=w.bucket, Key=key, VersionId=marker)


MORE = (
    OutOfBand(
        "bucket: policy with another statement",
        "aws_s3_bucket_policy.this[0] was changed outside Terraform",
        open_bucket,
        alone=True,
    ),
    OutOfBand(
        "bucket: one flag of public access",
        "aws_s3_bucket_public_access_block.this[0] was",
        bucket("public_access_block", "PublicAccessBlockConfiguration", _OPEN | dict.fromkeys(list(_OPEN)[1:], True)),
        alone=True,
    ),
    OutOfBand(
        "bucket: CORS",
        "aws_s3_bucket.this[0] was",
        added_to_bucket("cors", CORSConfiguration={"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]}),
        repaired=False,
    ),
    OutOfBand(
        "bucket: website",
        "aws_s3_bucket.this[0] was",
        added_to_bucket("website", WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}}),
        repaired=False,
    ),
    OutOfBand("bucket: acceleration", "aws_s3_bucket.this[0] was", accelerated, repaired=False),
    OutOfBand("bucket: logging", "aws_s3_bucket.this[0] was", logged, repaired=False),
    OutOfBand("bucket: tag added", "aws_s3_bucket.this[0] was", bucket_tag_added, alone=True),
    OutOfBand(
        "results queue: delay",
        "aws_sqs_queue.results was",
        queue("results_queue_url", "DelaySeconds", "900"),
    ),
    OutOfBand(
        "results queue: largest message",
        "aws_sqs_queue.results was",
        queue("results_queue_url", "MaximumMessageSize", "1024"),
        alone=True,
    ),
    OutOfBand("topic: display name", 'aws_sns_topic.this["success"] was', topic("DisplayName", "another"), alone=True),
    OutOfBand(
        "topic: delivery policy",
        'aws_sns_topic.this["success"] was',
        topic("DeliveryPolicy", json.dumps({"http": {"defaultHealthyRetryPolicy": _RETRIES}})),
        alone=True,
    ),
    OutOfBand("topic: policy with another statement", 'aws_sns_topic_policy.this["success"] was', open_topic, alone=True),
    OutOfBand("key: policy with another statement", "aws_kms_key.this[0] was", open_key, alone=True),
    OutOfBand("key: tag added", "aws_kms_key.this[0] was", key_tag),
    OutOfBand("key alias deleted", "aws_kms_alias.this[0] was", no_alias, alone=True),
    OutOfBand("role: longest session", "aws_iam_role.execution[0] was", role_session),
    OutOfBand("role: tag", "aws_iam_role.execution[0] was", role_tag),
    OutOfBand("boundary policy", "aws_iam_policy.boundary[0] was", boundary_policy),
    OutOfBand("log group deleted", "aws_cloudwatch_log_group.this does not exist", no_log_group, alone=True),
    OutOfBand("log group: no retention", "aws_cloudwatch_log_group.this was", no_retention, alone=True),
    OutOfBand(
        "alarm: actions",
        'aws_cloudwatch_metric_alarm.this["backlog"] was',
        alarm("backlog", AlarmActions=[_ELSEWHERE]),
        alone=True,
    ),
    OutOfBand(
        "alarm: dimensions",
        'aws_cloudwatch_metric_alarm.this["backlog"] was',
        alarm("backlog", Dimensions=[{"Name": "EndpointName", "Value": "another"}]),
        alone=True,
    ),
    OutOfBand(
        "alarm: missing data",
        'aws_cloudwatch_metric_alarm.this["backlog"] was',
        alarm("backlog", TreatMissingData="breaching"),
        alone=True,
    ),
    OutOfBand("dashboard deleted", "aws_cloudwatch_dashboard.this[0] does not exist", no_dashboard, alone=True),
    OutOfBand("endpoint: tag added", "aws_sagemaker_endpoint.this was", endpoint_tag, alone=True),
    OutOfBand(
        "scheduled action: end",
        'aws_appautoscaling_scheduled_action.this["primary/evening"] was',
        scheduled("-evening", EndTime="2099-01-01T00:00:00Z"),
        alone=True,
    ),
    OutOfBand("scalable target: tag", 'aws_appautoscaling_target.scheduled["primary"] was', target_tag),
    OutOfBand("archive deleted", "does not exist", archive_deleted, "model archives", alone=True),
    OutOfBand(
        "configuration: download time-out",
        "aws_sagemaker_endpoint_configuration.this was",
        replaced_configuration(lambda c: c["ProductionVariants"][0].update(ModelDataDownloadTimeoutInSeconds=61)),
        alone=True,
    ),
)
