"""CloudWatch, CloudWatch Logs and Service Quotas. Source: service authorization references."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from async_endpoint.iam.actions.call import ApiCall, Permission, ResourceFacts, Rules, anywhere, each, expand, on

_ALARMS: Final = "arn:{partition}:cloudwatch:{region}:{account}:alarm:"
_DASHBOARD: Final = "arn:{partition}:cloudwatch::{account}:dashboard/"
_GROUP: Final = "arn:{partition}:logs:{region}:{account}:log-group:{logGroupName}"


def _put_alarm(call: ApiCall, _: ResourceFacts) -> Iterable[Permission]:
    """Tags of an alarm that is created need cloudwatch:TagResource (API reference, PutMetricAlarm)."""
    [alarm] = expand(_ALARMS + "{AlarmName}", call)
    yield Permission("cloudwatch:PutMetricAlarm", alarm, {})
    if call.params.get("Tags"):
        yield Permission("cloudwatch:TagResource", alarm, {})


CLOUDWATCH: Final[Rules] = {
    **anywhere("GetMetricData", "GetMetricStatistics", "ListDashboards", "ListMetrics", "PutMetricData"),
    **each("{ResourceARN}", "ListTagsForResource", "TagResource", "UntagResource"),
    **each(_ALARMS + "*", "DescribeAlarms"),  # it may be called without names, and then needs all
    **each(_ALARMS + "{AlarmNames}", "DeleteAlarms", "DisableAlarmActions", "EnableAlarmActions"),
    **each(_ALARMS + "{AlarmName}", "DescribeAlarmHistory", "SetAlarmState"),
    **each(_DASHBOARD + "{DashboardName}", "GetDashboard", "PutDashboard"),
    **each(_DASHBOARD + "{DashboardNames}", "DeleteDashboards"),
    "PutMetricAlarm": (_put_alarm,),
}


def _create_group(call: ApiCall, _: ResourceFacts) -> Iterable[Permission]:
    [group] = expand(_GROUP, call)
    yield Permission("logs:CreateLogGroup", group, {})
    if call.params.get("tags"):
        yield Permission("logs:TagResource", group, {})
    if call.params.get("kmsKeyId"):
        yield Permission("logs:AssociateKmsKey", group, {})


LOGS: Final[Rules] = {
    **each(
        _GROUP, "AssociateKmsKey", "DeleteLogGroup", "DeleteRetentionPolicy", "DisassociateKmsKey", "FilterLogEvents",
        "ListTagsLogGroup", "PutRetentionPolicy",
    ),
    **each("{resourceArn}", "ListTagsForResource", "TagResource", "UntagResource"),
    **anywhere("DescribeLogGroups"),
    "CreateLogGroup": (_create_group,),
    "DescribeLogStreams": (on(_GROUP),),
    "GetLogEvents": (on(_GROUP + ":log-stream:{logStreamName}"),),
}  # fmt: skip

# Reads have no resource type; requests for an increase are a person's.
SERVICE_QUOTAS: Final[Rules] = anywhere(
    "GetAWSDefaultServiceQuota", "GetServiceQuota", "ListAWSDefaultServiceQuotas", "ListServiceQuotas"
)
