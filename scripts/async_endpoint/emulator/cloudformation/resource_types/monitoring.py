"""AWS::CloudWatch::Alarm and AWS::Logs::LogGroup. Ref returns their names."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from async_endpoint.emulator.cloudformation.errors import ResourceFailed
from async_endpoint.emulator.cloudformation.resource_types.base import (
    Context,
    Created,
    Existing,
    ResourceType,
    Values,
    as_list,
    fitted,
    scalar,
)


class Alarm(ResourceType):
    named_by = "AlarmName"
    mutable = frozenset(
        (
            "ActionsEnabled",
            "AlarmActions",
            "AlarmDescription",
            "ComparisonOperator",
            "DatapointsToAlarm",
            "Dimensions",
            "EvaluateLowSampleCountPercentile",
            "EvaluationPeriods",
            "ExtendedStatistic",
            "InsufficientDataActions",
            "MetricName",
            "Metrics",
            "Namespace",
            "OKActions",
            "Period",
            "Statistic",
            "Tags",
            "Threshold",
            "ThresholdMetricId",
            "TreatMissingData",
            "Unit",
        )
    )
    replacing = frozenset(("AlarmName",))
    attributes = frozenset(("Arn",))

    def create(self, context: Context, properties: Values) -> Created:
        name = context.name(properties.get("AlarmName"), 255)
        if context.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]:  # PutMetricAlarm would overwrite it
            raise ResourceFailed(f"{name} already exists")
        self._put(context, name, properties, Tags=context.tag_list(properties.get("Tags")))
        arn = context.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["AlarmArn"]
        return Created(name, {"Arn": arn})

    @staticmethod
    def _put(context: Context, name: str, properties: Values, **more: Any) -> None:
        client = context.client("cloudwatch")
        members = client.meta.service_model.operation_model("PutMetricAlarm").input_shape.members
        given = {key: value for key, value in properties.items() if key not in ("AlarmName", "Tags")}
        client.put_metric_alarm(
            AlarmName=name, **{key: fitted(members[key], value, f"#/{key}") for key, value in given.items()}, **more
        )

    def update(self, context: Context, existing: Existing, after: Values) -> None:
        client, before = context.client("cloudwatch"), existing.properties
        if {**before, "Tags": None} != {**after, "Tags": None}:
            self._put(context, existing.physical_id, after)
        arn = existing.attributes["Arn"]
        context.change_tags(
            before.get("Tags"),
            after.get("Tags"),
            lambda tags: client.tag_resource(ResourceARN=arn, Tags=as_list(tags)),
            lambda keys: client.untag_resource(ResourceARN=arn, TagKeys=keys),
        )

    def delete(self, context: Context, existing: Existing) -> None:
        context.client("cloudwatch").delete_alarms(AlarmNames=[existing.physical_id])


class LogGroup(ResourceType):
    named_by = "LogGroupName"
    mutable = frozenset(("KmsKeyId", "RetentionInDays", "Tags"))
    replacing = frozenset(("LogGroupClass", "LogGroupName"))
    attributes = frozenset(("Arn",))
    structures: ClassVar = {"Tags": "JSONArray"}

    def create(self, context: Context, properties: Values) -> Created:
        client = context.client("logs")
        name = context.name(properties.get("LogGroupName"), 512)
        members = {"KmsKeyId": "kmsKeyId", "LogGroupClass": "logGroupClass"}
        optional = {member: properties[key] for key, member in members.items() if key in properties}
        tags = context.all_tags(properties.get("Tags"))
        client.create_log_group(logGroupName=name, **optional, **({"tags": tags} if tags else {}))
        found = client.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
        return Created(name, {"Arn": next(group["arn"] for group in found if group["logGroupName"] == name)})

    def stabilize(self, context: Context, created: Created, properties: Values) -> None:
        self._retain(context, created.physical_id, properties)

    def update(self, context: Context, existing: Existing, after: Values) -> None:
        client, name, before = context.client("logs"), existing.physical_id, existing.properties
        if before.get("RetentionInDays") != after.get("RetentionInDays"):
            self._retain(context, name, after)
        if before.get("KmsKeyId") != after.get("KmsKeyId"):
            if "KmsKeyId" in after:
                client.associate_kms_key(logGroupName=name, kmsKeyId=after["KmsKeyId"])
            else:
                client.disassociate_kms_key(logGroupName=name)
        arn = existing.attributes["Arn"].removesuffix(":*")
        context.change_tags(
            before.get("Tags"),
            after.get("Tags"),
            lambda tags: client.tag_resource(resourceArn=arn, tags=tags),
            lambda keys: client.untag_resource(resourceArn=arn, tagKeys=keys),
        )

    @staticmethod
    def _retain(context: Context, name: str, properties: Values) -> None:
        client = context.client("logs")
        if "RetentionInDays" in properties:
            days = scalar("integer", properties["RetentionInDays"], "#/RetentionInDays")
            client.put_retention_policy(logGroupName=name, retentionInDays=days)
        else:
            client.delete_retention_policy(logGroupName=name)

    def delete(self, context: Context, existing: Existing) -> None:
        context.client("logs").delete_log_group(logGroupName=existing.physical_id)


TYPES: Final = {"AWS::CloudWatch::Alarm": Alarm(), "AWS::Logs::LogGroup": LogGroup()}
