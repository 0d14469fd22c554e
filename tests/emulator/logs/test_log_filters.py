"""Filter patterns as in the guide, FilterLogEvents by them, and metric filters that publish metrics."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from async_endpoint.core.errors import InvalidInput
from async_endpoint.emulator.logs.filter_patterns import parse_pattern
from async_endpoint.emulator.logs.metric_filters import check_filter, datapoints
from support.common import refusal, unique
from support.in_process_aws import ACCOUNT, REGION, AwsHarness

BOTH, ERROR, WARN = "ERROR WARN message", "ERROR message", "WARN message"


@pytest.mark.parametrize(
    ("pattern", "selected"),
    [  # user guide, "OR pattern matching"
        ("ERROR", [BOTH, ERROR]),
        ("?ERROR ?WARN", [BOTH, ERROR, WARN]),
        ("ERROR WARN", [BOTH]),
        ("ERROR -WARN", [ERROR]),
        ('"ERROR message"', [ERROR]),
        ('-"ERROR message"', [BOTH, WARN]),
        ("", [BOTH, ERROR, WARN]),
        ("ROR", [BOTH, ERROR]),  # "ERROR" matches ERRORCODE
        ("error", []),
        (r'"say \"no\""', []),
    ],
)
def test_terms(pattern: str, selected: list[str]) -> None:
    assert [message for message in (BOTH, ERROR, WARN) if parse_pattern(pattern).matches(message)] == selected


EVENT = {
    "eventType": "UpdateTrail",
    "sourceIPAddress": "111.111.111.111",
    "arrayKey": ["value", "another value"],
    "objectList": [{"name": "a", "id": 1}, {"name": "b", "id": 2}],
    "SomeObject": None,
    "ThisFlag": True,
    "user": {"id": 1, "email": "John.Stiles@example.com"},
    "coordinates": [[0, 1, 2], [4, 5, 6]],
    "latency": 501.5,
}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [  # user guide, "JSON metric filter examples"
        ('{ $.eventType = "UpdateTrail" }', True),
        ("{ $.eventType = Update* }", True),
        ("{ $.eventType = *trail }", False),
        ("{ $.sourceIPAddress != 123.123.* }", True),
        ('{ $.arrayKey[0] = "value" }', True),
        ("{ $.objectList[1].id = 2 }", True),
        ("{ $.objectList[7].id = 2 }", False),
        ("{ $.SomeObject IS NULL }", True),
        ("{ $.SomeOtherObject NOT EXISTS }", True),
        ("{ $.ThisFlag IS TRUE }", True),
        ("{ $.ThisFlag IS FALSE }", False),
        ('{ ($.user.id = 1) && ($.objectList[0].name = "a") }', True),
        ('{ ($.user.id = 2 && $.objectList[0].name = "x") || $.arrayKey[1] = "value" }', False),
        ('{ $.user.email = "John.Stiles@example.com" || $.coordinates[0][1] = no && $.arrayKey[1] = no }', True),
        ('{ ($.user.email = "John.Stiles@example.com" || $.coordinates[0][1] = no) && $.arrayKey[1] = no }', False),
        ("{ $.arrayKey = 1 }", False),
        ("{ $.arrayKey != 1 }", False),  # not a value node
        ("{ $.none != 1 }", False),
        ("{ $.latency >= 500 }", True),
        ("{ $.latency < 10e2 && $.latency > +501 }", True),
        ("{ $.latency = * }", True),
    ],
)
def test_json_conditions(pattern: str, expected: bool) -> None:
    assert parse_pattern(pattern).matches(json.dumps(EVENT)) is expected
    assert not parse_pattern(pattern).matches("no JSON")


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("a.b", "Invalid character(s) in term 'a.b'"),
        ('"open', "Invalid"),
        ("[ip, user, status = 4*]", "space-delimited"),
        ("%ERR.R%", "regular expressions"),
        ("{ $.a = }", "Invalid filter pattern"),
        ("{ $.a = 1", "Invalid filter pattern"),
        ("{ $.a > word }", "needs a number"),
        ("{ a = 1 }", "Invalid filter pattern"),
        ("{ $.a = 1 && }", "Invalid filter pattern"),
        ("{}", "Invalid filter pattern"),
    ],
)
def test_refused_patterns(pattern: str, text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_pattern(pattern)
    assert text in str(caught.value)


@pytest.fixture
def group(local_aws: AwsHarness) -> Iterator[str]:
    name = unique("/own/group")
    local_aws.logs.create_log_group(logGroupName=name)
    for stream in ("first", "second"):
        local_aws.logs.create_log_stream(logGroupName=name, logStreamName=stream)
    yield name
    local_aws.logs.delete_log_group(logGroupName=name)


def put(local_aws: AwsHarness, group: str, *messages: str, stream: str = "first") -> None:
    events = [{"timestamp": int(time.time() * 1_000), "message": message} for message in messages]
    local_aws.logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


def test_events_are_filtered_by_pattern_stream_and_identifier(local_aws: AwsHarness, group: str) -> None:
    put(local_aws, group, BOTH, WARN, '{"status": 500}')
    put(local_aws, group, ERROR, stream="second")
    arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}"

    def found(**request: Any) -> list[str]:
        named = {"logGroupName": group} if "logGroupIdentifier" not in request else {}
        return [event["message"] for event in local_aws.logs.filter_log_events(**named, **request)["events"]]

    assert found(filterPattern="?ERROR ?WARN") == [BOTH, WARN, ERROR]
    assert found(filterPattern="{ $.status = 5* }", logGroupIdentifier=arn) == ['{"status": 500}']
    assert found(filterPattern="ERROR", logStreamNamePrefix="sec") == [ERROR]
    assert found(logStreamNamePrefix="third") == []
    code, text = refusal(local_aws.logs.filter_log_events, logGroupName=group, filterPattern="[a, b]")
    assert (code, "space-delimited" in text) == ("InvalidParameterException", True)
    none = refusal(local_aws.logs.filter_log_events, logGroupIdentifier=f"{arn}-none")
    assert none[0] == "ResourceNotFoundException"


@pytest.mark.parametrize("call", ["get_log_events", "describe_log_streams", "filter_log_events"])
def test_an_identifier_does_not_end_with_an_asterisk(local_aws: AwsHarness, group: str, call: str) -> None:
    """As verified on AWS by moto's test_get_log_events_using_arn."""
    named = {"logStreamName": "first"} if call == "get_log_events" else {}
    for member, value, quoted in (
        ("logGroupIdentifier", f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}:*", ""),
        ("logGroupName", "a:*", "'a:*' "),
    ):
        code, message = refusal(getattr(local_aws.logs, call), **named, **{member: value})
        assert code == "InvalidParameterException"
        assert f"Value {quoted}at '{member}' failed to satisfy constraint" in message


def transformation(**changes: Any) -> dict[str, Any]:
    return {"metricName": "Errors", "metricNamespace": "Own", "metricValue": "1"} | changes


def test_a_metric_filter_publishes_a_metric(local_aws: AwsHarness, group: str) -> None:
    namespace = unique("Filtered")
    filters = {
        "count": ("ERROR", transformation(metricNamespace=namespace, defaultValue=0.0)),
        "latency": (
            "{ $.latency = * }",
            transformation(
                metricNamespace=namespace, metricName="Latency", metricValue="$.latency", dimensions={"Path": "$.path"}
            ),
        ),
    }
    for name, (pattern, changed) in filters.items():
        local_aws.logs.put_metric_filter(
            logGroupName=group, filterName=name, filterPattern=pattern, metricTransformations=[changed]
        )
    put(local_aws, group, ERROR, WARN, '{"latency": 12.5, "path": "/a"}', BOTH)
    metrics = local_aws.cloudwatch.list_metrics(Namespace=namespace)["Metrics"]
    assert {(metric["MetricName"], *(item["Value"] for item in metric["Dimensions"])) for metric in metrics} == {
        ("Errors",),
        ("Latency", "/a"),
    }
    span = {"StartTime": time.time() - 600, "EndTime": time.time() + 600, "Period": 60}
    asked = {"Namespace": namespace, "MetricName": "Errors", "Statistics": ["Sum", "SampleCount"]}
    points = local_aws.cloudwatch.get_metric_statistics(**asked, **span)["Datapoints"]
    assert sum(point["Sum"] for point in points) == 2
    assert sum(point["SampleCount"] for point in points) == 4  # two of them the default value

    local_aws.logs.put_metric_filter(
        logGroupName=group, filterName="count", filterPattern="WARN", metricTransformations=[transformation()]
    )
    described = local_aws.logs.describe_metric_filters(logGroupName=group)["metricFilters"]
    assert sorted((one["filterName"], one["filterPattern"]) for one in described) == [
        ("count", "WARN"),
        ("latency", "{ $.latency = * }"),
    ]


def test_an_event_without_the_value_publishes_nothing() -> None:
    metric_filter = {"filterPattern": "{ $.a = * }", "metricTransformations": [transformation(metricValue="$.b")]}
    events = [{"timestamp": 0, "message": '{"a": 1}'}, {"timestamp": 0, "message": '{"a": 1, "b": 2}'}]
    assert [datum["Value"] for _, datum in datapoints(metric_filter, events)] == [2.0]


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        ({"metricTransformations": [transformation(dimensions={"A": "$.a"})]}, "does not support dimensions"),
        ({"metricTransformations": [transformation(metricValue="one")]}, "neither a number nor a selector"),
        ({"metricTransformations": [transformation(metricValue="$.a")]}, "needs a pattern of JSON events"),
        ({"filterPattern": "[a, b]"}, "space-delimited"),
        ({"applyOnTransformedLogs": True}, "applyOnTransformedLogs is not supported"),
        (
            {
                "filterPattern": "{ $.a = 1 }",
                "metricTransformations": [transformation(dimensions={"A": "$.a"}, defaultValue=0)],
            },
            "exclude each other",
        ),
    ],
)
def test_refused_metric_filters(request_: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_filter({"filterPattern": "ERROR", "metricTransformations": [transformation()]} | request_)
    assert text in str(caught.value)


def test_a_metric_filter_needs_its_log_group(local_aws: AwsHarness) -> None:
    code, _ = refusal(
        local_aws.logs.put_metric_filter,
        logGroupName="/none",
        filterName="f",
        filterPattern="",
        metricTransformations=[transformation()],
    )
    assert code == "ResourceNotFoundException"


def test_a_log_group_is_standard_and_not_taken_for_another_class(local_aws: AwsHarness) -> None:
    name = unique("/group")
    for other in ({"logGroupClass": "INFREQUENT_ACCESS"}, {"deletionProtectionEnabled": True}):
        code, message = refusal(local_aws.logs.create_log_group, logGroupName=name, **other)
        assert (code, next(iter(other)) in message) == ("InvalidParameterException", True)
    local_aws.logs.create_log_group(logGroupName=name, logGroupClass="STANDARD")
    (group,) = local_aws.logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    assert group["logGroupClass"] == "STANDARD"
