"""PutMetricData refuses what CloudWatch refuses, and stores nothing of a request with one bad member."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import pytest

from async_endpoint.core.errors import InvalidInput
from async_endpoint.emulator.scaling.metric_data_limits import MissingMember, RefusedCombination, check_metric_data
from support.common import refusal, unique
from support.in_process_aws import AwsHarness

NOW = 1_900_000_000.0
DAY = 86_400


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


SET = {"SampleCount": 2, "Sum": 3, "Minimum": 1, "Maximum": 2}


def check(datum: dict[str, Any], **request: Any) -> None:
    check_metric_data({"Namespace": "Shop", "MetricData": [{"MetricName": "m", **datum}]} | request, NOW)


@pytest.mark.parametrize(
    "datum",
    [
        {"Value": 0.0},
        {"Value": -(2.0**360)},
        {"Values": [1.0] * 150, "Counts": [2.0] * 150},
        {"StatisticValues": SET},
        {
            "Value": 1.0,
            "Timestamp": at(NOW - 14 * DAY),
            "Unit": "Bytes/Second",
            "StorageResolution": 1,
        },
        {"Value": 1.0, "Timestamp": at(NOW + 7_200), "StorageResolution": 60},
        {"Value": 1.0, "Dimensions": [{"Name": f"d{number}", "Value": "v"} for number in range(30)]},
    ],
)
def test_what_is_within_the_limits_is_accepted(datum: dict[str, Any]) -> None:
    check(datum)


M = "MetricData.member.1"


@pytest.mark.parametrize(
    ("datum", "text"),
    [
        ({"Value": math.nan}, f"The value NaN for parameter {M}.Value is invalid."),
        ({"Value": math.inf}, f"The value inf for parameter {M}.Value is invalid."),
        ({"Value": 2.0**361}, "is invalid."),
        ({"Values": [1.0, math.nan]}, f"The value NaN for parameter {M}.Values is invalid."),
        ({"Values": [1.0] * 151}, f"The collection {M}.Values must not have a size greater than 150."),
        ({"Values": [1.0], "Counts": [1.0, 2.0]}, f"The parameters {M}.Values and {M}.Counts must be of the same size."),
        ({"Values": [1.0], "Counts": [-1.0]}, "below zero"),
        ({"StatisticValues": SET | {"Minimum": 3}}, "Minimum is above"),
        (
            {"Value": 1.0, "Timestamp": at(NOW - 14 * DAY - 1)},
            "no more than two weeks in the past; by",
        ),
        ({"Value": 1.0, "Timestamp": at(NOW + 7_201)}, "no more than two hours in the future"),
        ({"Value": 1.0, "Unit": "Furlongs"}, f"The parameter {M}.Unit must be a value in the set [ Seconds, "),
        ({"Value": 1.0, "StorageResolution": 30}, "StorageResolution is invalid; use 1 or 60"),
        ({"Value": 1.0, "MetricName": "x" * 256}, "has 256 characters"),
        (
            {"Value": 1.0, "Dimensions": [{"Name": f"d{number}", "Value": "v"} for number in range(31)]},
            f"The collection {M}.Dimensions must not have a size greater than 30.",
        ),
        (
            {"Value": 1.0, "Dimensions": [{"Name": "d", "Value": "v"}] * 2},
            "No metric may specify the same dimension name twice.",
        ),
    ],
)
def test_values_beyond_the_limits_are_refused(datum: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check(datum)
    assert text in str(caught.value)
    assert not isinstance(caught.value, RefusedCombination | MissingMember)


@pytest.mark.parametrize(
    ("datum", "two"),
    [
        ({"Value": 1.0, "Values": [1.0]}, ("Value", "Values")),
        ({"Value": 0.0, "StatisticValues": SET}, ("Value", "StatisticValues")),
        ({"Values": [1.0], "StatisticValues": SET}, ("Values", "StatisticValues")),
    ],
)
def test_one_kind_of_value_is_allowed(datum: dict[str, Any], two: tuple[str, str]) -> None:
    with pytest.raises(RefusedCombination) as caught:
        check(datum)
    first, second = (f"{M}.{name}" for name in two)
    assert str(caught.value) == (
        f"The parameters {first} and {second} are mutually exclusive and you have specified both."
    )  # LocalStack's snapshots, recorded on AWS


@pytest.mark.parametrize(
    "datum",
    [{}, {"Value": 1.0, "MetricName": ""}, {"StatisticValues": {"Sum": 1}}, {"Value": 1.0, "Dimensions": [{"Name": "d"}]}],
)
def test_what_is_missing_is_named(datum: dict[str, Any]) -> None:
    with pytest.raises(MissingMember, match=r"required"):
        check(datum)


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        ({"Namespace": "AWS/SageMaker"}, "The value AWS/ for parameter Namespace is invalid."),
        ({"Namespace": ":shop"}, "Namespace is invalid"),
        ({"MetricData": [{"MetricName": "m", "Value": 1.0}] * 1_001}, "MetricData must not have a size greater than 1000."),
        ({"EntityMetricData": [], "StrictEntityValidation": True}, "EntityMetricData is not supported"),
    ],
)
def test_requests_beyond_the_limits_are_refused(request_: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check({"Value": 1.0}, **request_)
    assert text in str(caught.value)


def test_a_refused_request_stores_nothing(local_aws: AwsHarness) -> None:
    namespace, put = unique("Refused"), local_aws.cloudwatch.put_metric_data
    good = {"MetricName": "good", "Value": 1.0}
    for bad, code in (
        ({"MetricName": "bad", "Value": math.inf}, "InvalidParameterValue"),
        ({"MetricName": "bad", "Value": 1.0, "Values": [1.0]}, "InvalidParameterCombination"),
        ({"MetricName": "bad"}, "MissingParameter"),
    ):
        assert refusal(put, Namespace=namespace, MetricData=[good, bad])[0] == code
    assert local_aws.cloudwatch.list_metrics(Namespace=namespace)["Metrics"] == []


@pytest.mark.parametrize(
    ("members", "text"),
    [
        ({"AlarmDescription": "x" * 1_025}, "at 'alarmDescription' failed to satisfy constraint: Member must have length less"),
        ({"AlarmActions": ["arn:aws:sns:eu-west-1:123456789012:t"] * 6}, "at 'alarmActions' failed to satisfy constraint"),
        (
            {"Statistic": "Median"},
            "Value 'Median' at 'statistic' failed to satisfy constraint: Member must satisfy enum value set",
        ),
        ({"Unit": "Furlongs"}, "Value 'Furlongs' at 'unit' failed"),
    ],
)
def test_constraints_of_alarms_are_checked(local_aws: AwsHarness, members: dict[str, Any], text: str) -> None:
    request = {
        "AlarmName": unique("refused"),
        "Namespace": "n",
        "MetricName": "m",
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 1,
        "ComparisonOperator": "GreaterThanThreshold",
    }
    code, said = refusal(local_aws.cloudwatch.put_metric_alarm, **request | members)
    assert (code, text in said) == ("ValidationError", True), said


def test_what_is_not_emulated_is_refused_by_name(local_aws: AwsHarness) -> None:
    aws = local_aws.cloudwatch
    metric = {"Namespace": "n", "MetricName": "m", "Stat": "Sum"}
    stream = {
        "FirehoseArn": "arn:aws:firehose:eu-west-1:123456789012:deliverystream/s",
        "RoleArn": "arn:aws:iam::123456789012:role/r",
    }
    for call, arguments in (
        (aws.put_insight_rule, {"RuleName": "r", "RuleDefinition": "{}"}),
        (aws.enable_insight_rules, {"RuleNames": ["r"]}),
        (aws.put_anomaly_detector, {"SingleMetricAnomalyDetector": metric}),
        (aws.put_metric_stream, {"Name": "s", "OutputFormat": "json", **stream}),
    ):
        action = "".join(word.capitalize() for word in call.__name__.split("_"))
        assert refusal(call, **arguments)[1] == f"{action} of cloudwatch is not emulated by the local AWS."
    assert aws.describe_insight_rules()["InsightRules"] == []
