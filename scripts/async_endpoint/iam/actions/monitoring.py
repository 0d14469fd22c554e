"""CloudWatch, CloudWatch Logs and Service Quotas.

Source: service authorization references. An action on a log group is authorized on its streams, by the ARN that ends with
log-stream: and no name; only its tags are on the group's own ARN (Logs guide, "Log group ARNs"; vector issue 714; A242).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from async_endpoint.iam.actions.call import (
    ApiCall,
    Permission,
    ResourceFacts,
    Rule,
    Rules,
    alike,
    anywhere,
    each,
    expand,
    pass_role,
)

_ALARMS: Final = "arn:{partition}:cloudwatch:{region}:{account}:alarm:"
_DASHBOARD: Final = "arn:{partition}:cloudwatch::{account}:dashboard/"
_GROUPS: Final = "arn:{partition}:logs:{region}:{account}:log-group:"
_TAGGED_GROUP: Final = _GROUPS + "{logGroupName}"


def _put_alarm(call: ApiCall, _: ResourceFacts) -> Iterable[Permission]:
    """Tags of an alarm that is created need cloudwatch:TagResource (API reference, PutMetricAlarm)."""
    [alarm] = expand(_ALARMS + "{AlarmName}", call)
    yield Permission(f"cloudwatch:{call.operation}", alarm, {})
    if call.params.get("Tags"):
        yield Permission("cloudwatch:TagResource", alarm, {})


def _alarm_history(call: ApiCall, _: ResourceFacts) -> Iterable[Permission]:
    """Of one alarm, or of all."""
    yield Permission("cloudwatch:DescribeAlarmHistory", expand(_ALARMS, call)[0] + (call.params.get("AlarmName") or "*"), {})


CLOUDWATCH: Final[Rules] = {
    **anywhere(
        "DescribeAlarmsForMetric", "DescribeAnomalyDetectors", "GetMetricData", "GetMetricStatistics", "GetMetricWidgetImage",
        "ListDashboards", "ListMetrics", "PutMetricData",
    ),
    **each("{ResourceARN}", "ListTagsForResource", "TagResource", "UntagResource"),
    **each(_ALARMS + "*", "DescribeAlarms"),  # it may be called without names, and then needs all
    **each(_ALARMS + "{AlarmNames}", "DeleteAlarms", "DisableAlarmActions", "EnableAlarmActions"),
    **each(_ALARMS + "{AlarmName}", "SetAlarmState"),
    "DescribeAlarmHistory": (_alarm_history,),
    **each(_DASHBOARD + "{DashboardName}", "GetDashboard", "PutDashboard"),
    **each(_DASHBOARD + "{DashboardNames}", "DeleteDashboards"),
    **alike(_put_alarm, "PutCompositeAlarm", "PutMetricAlarm"),
}  # fmt: skip


def _group(action: str = "") -> Rule:
    """The action on the log groups that a call names, by name, identifier or ARN."""

    def rule(call: ApiCall, _: ResourceFacts) -> Iterable[Permission]:
        given = [call.params.get(name) for name in ("logGroupName", "logGroupIdentifier", "resourceIdentifier")]
        several = [*(call.params.get("logGroupNames") or ()), *(call.params.get("logGroupIdentifiers") or ())]
        for name in [str(item) for item in (*given, *several) if item]:
            group = name.removesuffix(":*") if name.startswith("arn:") else expand(_GROUPS, call)[0] + name
            yield Permission(action or f"logs:{call.operation}", f"{group}:log-stream:", {})

    return rule


def _stream(call: ApiCall, _: ResourceFacts) -> Iterable[Permission]:
    """The action on a stream of a log group that a call names by name, identifier or ARN."""
    name = str(call.params.get("logGroupName") or call.params.get("logGroupIdentifier") or "*")
    group = name.removesuffix(":*") if name.startswith("arn:") else expand(_GROUPS, call)[0] + name
    yield Permission(f"logs:{call.operation}", f"{group}:log-stream:{call.params.get('logStreamName') or ''}", {})


def _create_group(call: ApiCall, _: ResourceFacts) -> Iterable[Permission]:
    [group] = expand(_TAGGED_GROUP, call)
    yield Permission("logs:CreateLogGroup", f"{group}:log-stream:", {})
    if call.params.get("tags"):
        yield Permission("logs:TagResource", group, {})
    if call.params.get("kmsKeyId"):
        yield Permission("logs:AssociateKmsKey", f"{group}:log-stream:", {})


LOGS: Final[Rules] = {
    **alike(
        _group(),
        "AssociateKmsKey", "DeleteLogGroup", "DeleteMetricFilter", "DeleteRetentionPolicy", "DeleteSubscriptionFilter",
        "DescribeLogStreams", "DescribeMetricFilters", "DescribeSubscriptionFilters", "DisassociateKmsKey", "FilterLogEvents",
        "GetLogGroupFields", "PutMetricFilter", "PutRetentionPolicy", "StartQuery",
    ),
    **alike(_stream, "CreateLogStream", "DeleteLogStream", "GetLogEvents", "PutLogEvents"),
    **each(_TAGGED_GROUP, "ListTagsLogGroup", "TagLogGroup", "UntagLogGroup"),
    **each("{resourceArn}", "ListTagsForResource", "TagResource", "UntagResource"),
    **anywhere(
        "DeleteQueryDefinition", "DeleteResourcePolicy", "DescribeAccountPolicies", "DescribeDestinations",
        "DescribeExportTasks", "DescribeLogGroups", "DescribeQueries", "DescribeQueryDefinitions", "DescribeResourcePolicies",
        "GetLogRecord", "GetQueryResults", "PutQueryDefinition", "PutResourcePolicy", "StopQuery", "TestMetricFilter",
    ),
    "CreateLogGroup": (_create_group,),
    "PutSubscriptionFilter": (_group(), pass_role("roleArn", "logs.amazonaws.com")),
}  # fmt: skip

# Reads have no resource type, like all that begin with Get or List (iam/actions).
SERVICE_QUOTAS: Final[Rules] = {
    **each("arn:{partition}:servicequotas:{region}:{account}:{ServiceCode}/{QuotaCode}", "RequestServiceQuotaIncrease"),
    **each("{ResourceARN}", "ListTagsForResource", "TagResource", "UntagResource"),
}
