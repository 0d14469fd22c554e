"""DescribeAlarmHistory and the messages of alarms to topics, in CloudWatch's format, tested over the API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from async_endpoint.emulator import moto_backends
from support.common import refusal, unique, until
from support.deployed_endpoint import Queue
from support.in_process_aws import ACCOUNT, REGION, AwsHarness

MINUTE = 60


@pytest.fixture
def name(local_aws: AwsHarness) -> Iterator[str]:
    """The name of an alarm, which is deleted after the test."""
    name = unique("alarm")
    yield name
    local_aws.cloudwatch.delete_alarms(AlarmNames=[name])


def alarm_request(name: str, **changes: Any) -> dict[str, Any]:
    """An alarm on the sum of orders; what is changed to None is left out."""
    request = {
        "AlarmName": name,
        "Namespace": name,
        "MetricName": "Orders",
        "Dimensions": [{"Name": "Shop", "Value": "coats"}],
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 3,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "ignore",
    } | changes
    return {member: value for member, value in request.items() if value is not None}


def put_alarm(local_aws: AwsHarness, name: str, **changes: Any) -> None:
    local_aws.cloudwatch.put_metric_alarm(**alarm_request(name, **changes))


def stored(name: str) -> Any:
    """moto's alarm of that name."""
    return next(alarm for alarm in moto_backends.alarms(REGION) if alarm.name == name)


def orders(local_aws: AwsHarness, name: str, value: float) -> None:
    datum = {"MetricName": "Orders", "Dimensions": [{"Name": "Shop", "Value": "coats"}], "Value": value}
    local_aws.put_minutely(name, datum)


def alarm(local_aws: AwsHarness, name: str) -> dict[str, Any]:
    found: dict[str, Any] = local_aws.cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]
    return found


def until_state(local_aws: AwsHarness, name: str, state: str) -> None:
    until(lambda: alarm(local_aws, name)["StateValue"] == state, f"alarm {name} is {state}")


def history(local_aws: AwsHarness, name: str, **wanted: Any) -> list[dict[str, Any]]:
    """Newest first, unless asked otherwise."""
    found: list[dict[str, Any]] = local_aws.cloudwatch.describe_alarm_history(AlarmName=name, **wanted)["AlarmHistoryItems"]
    return found


def published(queue: Queue) -> dict[str, Any]:
    (body,) = until(queue.take, "the alarm's message")
    envelope: dict[str, Any] = json.loads(body)
    return envelope


def test_the_history_has_configuration_states_and_actions(local_aws: AwsHarness, name: str) -> None:
    topic, queue = local_aws.topic(), local_aws.queue()
    local_aws.subscribe(topic, queue)
    began = local_aws.aws.clock.now()
    put_alarm(local_aws, name, AlarmActions=[topic], AlarmDescription="Too many coats")
    orders(local_aws, name, 5)
    until_state(local_aws, name, "ALARM")
    action, state, created = until(lambda: found if len(found := history(local_aws, name)) == 3 else None, "three items")
    assert {item["AlarmName"] for item in (action, state, created)} == {name}
    assert {item["AlarmType"] for item in (action, state, created)} == {"MetricAlarm"}
    assert [item["HistoryItemType"] for item in (action, state, created)] == ["Action", "StateUpdate", "ConfigurationUpdate"]
    assert began <= created["Timestamp"].timestamp() <= state["Timestamp"].timestamp() == action["Timestamp"].timestamp()

    assert created["HistorySummary"] == f'Alarm "{name}" created'
    data = json.loads(created["HistoryData"])
    assert (data["version"], data["type"]) == ("1.0", "Create")
    described = alarm(local_aws, name)
    assert data["createdAlarm"] | {"stateUpdatedTimestamp": "", "alarmConfigurationUpdatedTimestamp": ""} == {
        "alarmName": name,
        "alarmArn": described["AlarmArn"],
        "alarmDescription": "Too many coats",
        "alarmConfigurationUpdatedTimestamp": "",
        "namespace": name,
        "metricName": "Orders",
        "dimensions": [{"name": "Shop", "value": "coats"}],
        "statistic": "Sum",
        "period": 60,
        "evaluationPeriods": 1,
        "threshold": 3.0,
        "comparisonOperator": "GreaterThanOrEqualToThreshold",
        "treatMissingData": "ignore",
        "stateValue": "INSUFFICIENT_DATA",
        "stateUpdatedTimestamp": "",
        "actionsEnabled": True,
        "alarmActions": [topic],
        "okactions": [],
        "insufficientDataActions": [],
    }

    assert state["HistorySummary"] == "Alarm updated from INSUFFICIENT_DATA to ALARM"
    data = json.loads(state["HistoryData"])
    assert data["oldState"] == {"stateValue": "INSUFFICIENT_DATA", "stateReason": "Unchecked: Initial alarm creation"} | (
        {"stateReasonData": data["oldState"]["stateReasonData"]} if "stateReasonData" in data["oldState"] else {}
    )
    new = data["newState"]
    assert (new["stateValue"], new["stateReason"]) == ("ALARM", described["StateReason"])
    assert new["stateReason"].startswith("Threshold Crossed: 1 datapoint [5.0 (")
    assert new["stateReason"].endswith(")] was greater than or equal to the threshold (3.0).")
    why = new["stateReasonData"]
    assert why == json.loads(described["StateReasonData"])
    assert (why["version"], why["statistic"], why["period"], why["threshold"]) == ("1.0", "Sum", 60, 3.0)
    assert (why["recentDatapoints"], why["evaluatedDatapoints"][0]["value"]) == ([5.0], 5.0)
    assert why["startDate"] == why["evaluatedDatapoints"][0]["timestamp"] < why["queryDate"]

    assert action["HistorySummary"] == f"Successfully executed action {topic}"
    data = json.loads(action["HistoryData"])
    assert (data["actionState"], data["notificationResource"]) == ("Succeeded", topic)
    assert json.loads(json.loads(data["publishedMessage"])["default"]) == json.loads(published(queue)["Message"])


def test_the_message_to_a_topic_has_cloudwatchs_format(local_aws: AwsHarness, name: str) -> None:
    topic, queue = local_aws.topic(), local_aws.queue()
    local_aws.subscribe(topic, queue)
    put_alarm(
        local_aws, name, OKActions=[topic], AlarmDescription="Coats", EvaluationPeriods=2, DatapointsToAlarm=2, Unit="Count"
    )
    now = local_aws.aws.clock.now()
    data = [
        {"MetricName": "Orders", "Dimensions": [{"Name": "Shop", "Value": "coats"}], "Value": 2.0, "Unit": "Count"}
        | {"Timestamp": now + MINUTE * minute}
        for minute in range(120)
    ]
    local_aws.cloudwatch.put_metric_data(Namespace=name, MetricData=data)
    envelope = published(queue)
    message = json.loads(envelope["Message"])
    assert envelope["Subject"] == f'OK: "{name}" in EU (Ireland)'
    reason, changed = message.pop("NewStateReason"), message.pop("StateChangeTime")
    assert "out of the last 2 datapoints [2.0 (" in reason
    assert "not greater than or equal to the threshold (3.0)" in reason
    assert reason.endswith("(minimum 1 datapoint for ALARM -> OK transition).")
    assert changed.endswith("+0000")
    assert message.pop("AlarmConfigurationUpdatedTimestamp") <= changed
    assert message == {
        "AlarmName": name,
        "AlarmDescription": "Coats",
        "AWSAccountId": ACCOUNT,
        "NewStateValue": "OK",
        "Region": "EU (Ireland)",
        "AlarmArn": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{name}",
        "OldStateValue": "INSUFFICIENT_DATA",
        "OKActions": [topic],
        "AlarmActions": [],
        "InsufficientDataActions": [],
        "Trigger": {
            "MetricName": "Orders",
            "Namespace": name,
            "StatisticType": "Statistic",
            "Statistic": "SUM",
            "Unit": "Count",
            "Dimensions": [{"value": "coats", "name": "Shop"}],
            "Period": 60,
            "EvaluationPeriods": 2,
            "DatapointsToAlarm": 2,
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            "Threshold": 3.0,
            "TreatMissingData": "ignore",
            "EvaluateLowSampleCountPercentile": "",
        },
    }


def test_set_alarm_state_executes_actions_and_is_recorded(local_aws: AwsHarness, name: str) -> None:
    topic, queue = local_aws.topic(), local_aws.queue()
    local_aws.subscribe(topic, queue)
    put_alarm(local_aws, name, AlarmActions=[topic])
    local_aws.cloudwatch.set_alarm_state(
        AlarmName=name, StateValue="ALARM", StateReason="drill", StateReasonData='{"by": "hand"}'
    )
    message = json.loads(published(queue)["Message"])
    assert (message["NewStateValue"], message["NewStateReason"]) == ("ALARM", "drill")
    local_aws.cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="again")  # no change, and so no action
    local_aws.cloudwatch.disable_alarm_actions(AlarmNames=[name])
    local_aws.cloudwatch.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="over")
    local_aws.cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="silent")
    changes = history(local_aws, name, HistoryItemType="StateUpdate", ScanBy="TimestampAscending")
    reasons = [json.loads(item["HistoryData"])["newState"]["stateReason"] for item in changes]
    assert reasons == ["drill", "over", "silent"]
    assert json.loads(changes[0]["HistoryData"])["newState"]["stateReasonData"] == {"by": "hand"}
    assert len(history(local_aws, name, HistoryItemType="Action")) == 1
    assert queue.take() == []


def test_an_action_that_cannot_be_executed_is_recorded_with_the_reason(local_aws: AwsHarness, name: str) -> None:
    gone, closed = local_aws.topic(), local_aws.topic()
    local_aws.sns.delete_topic(TopicArn=gone)
    deny_all = {"Effect": "Deny", "Principal": "*", "Action": "sns:Publish", "Resource": closed}
    local_aws.sns.set_topic_attributes(
        TopicArn=closed, AttributeName="Policy", AttributeValue=json.dumps({"Version": "2012-10-17", "Statement": [deny_all]})
    )
    key = local_aws.kms.create_key()["KeyMetadata"]["Arn"]  # its default policy does not name CloudWatch
    secret = local_aws.topic(KmsMasterKeyId=key)
    function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:none"
    put_alarm(local_aws, name, AlarmActions=[gone, closed, secret, function])
    local_aws.cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="drill")
    said = {
        json.loads(item["HistoryData"])["notificationResource"]: item["HistorySummary"]
        for item in history(local_aws, name, HistoryItemType="Action")
    }
    assert said.keys() == {gone, closed, secret, function}
    assert [
        text for arn, text in said.items() if not text.startswith(f"Failed to execute action {arn}. Received error: ")
    ] == []
    assert "does not exist" in said[gone]
    assert f"alarm:{name} is not authorized to perform: SNS:Publish" in said[closed]
    assert "CloudWatch Alarms does not have authorization to access the SNS topic encryption key." in said[secret]
    service = {"Effect": "Allow", "Principal": {"Service": "cloudwatch.amazonaws.com"}, "Action": "kms:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [service]})
    local_aws.kms.put_key_policy(KeyId=key, PolicyName="default", Policy=policy, BypassPolicyLockoutSafetyCheck=True)
    local_aws.cloudwatch.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="over")
    local_aws.cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="drill")
    latest = history(local_aws, name, HistoryItemType="Action", MaxRecords=4)
    assert f"Successfully executed action {secret}" in [item["HistorySummary"] for item in latest]


def test_a_failing_action_is_recorded_and_the_others_are_executed(
    local_aws: AwsHarness, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    breaks, topic, queue = local_aws.topic(), local_aws.topic(), local_aws.queue()
    local_aws.subscribe(topic, queue)
    put_alarm(local_aws, name, AlarmActions=[topic])
    stored(name).alarm_actions = ["foo", breaks, topic]  # PutMetricAlarm takes no foo any more, but one may be restored
    publish = moto_backends.publish

    def publish_but_for_one(arn: str, *arguments: Any) -> None:
        if arn == breaks:
            raise RuntimeError("it broke" * 40)
        publish(arn, *arguments)

    monkeypatch.setattr(moto_backends, "publish", publish_but_for_one)
    local_aws.cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="drill")
    assert json.loads(published(queue)["Message"])["NewStateReason"] == "drill"
    assert [
        item["HistorySummary"] for item in history(local_aws, name, HistoryItemType="Action", ScanBy="TimestampAscending")
    ] == [
        'Failed to execute action foo. Received error: "Invalid arn syntax: foo"',
        f'Failed to execute action {breaks}. Received error: "{"it broke" * 40}"'[:255],  # the longest HistorySummary
        f"Successfully executed action {topic}",
    ]


def test_an_alarm_that_cannot_be_evaluated_does_not_affect_the_others(local_aws: AwsHarness, name: str) -> None:
    broken, without = unique("alarm"), unique("alarm")
    put_alarm(local_aws, broken)
    put_alarm(local_aws, without)
    stored(broken).threshold, stored(without).threshold = "soon", None  # as an earlier release stored them
    put_alarm(local_aws, name)
    orders(local_aws, name, 5)
    until_state(local_aws, name, "ALARM")
    local_aws.cloudwatch.delete_alarms(AlarmNames=[broken, without])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"Threshold": None}, "Threshold must not be null"),
        ({"Period": None}, "Period must not be null"),
        ({"Period": 61}, "Period"),
        ({"MetricName": None}, "MetricName must not be null"),
        ({"Statistic": None}, "Statistic"),
        ({"ExtendedStatistic": "p90"}, "Statistic"),
        ({"Statistic": None, "ExtendedStatistic": "90"}, "The value 90 for parameter ExtendedStatistic is not supported."),
        ({"DatapointsToAlarm": 2}, "DatapointsToAlarm"),
        ({"AlarmActions": ["foo"]}, "Invalid arn syntax: foo"),
        ({"OKActions": ["arn:aws:sns"]}, "Invalid arn syntax: arn:aws:sns"),
        ({"InsufficientDataActions": ["notBreaching"]}, "Invalid arn syntax: notBreaching"),
        (
            {"AlarmActions": ["arn:aws:sns:us-west-2:123456789012:pager"]},
            "Invalid region us-west-2 specified. Only eu-west-1 is supported.",
        ),
    ],
)
def test_an_alarm_that_could_never_be_evaluated_is_refused(local_aws: AwsHarness, changes: dict[str, Any], said: str) -> None:
    name = unique("alarm")
    code, message = refusal(local_aws.cloudwatch.put_metric_alarm, **alarm_request(name, **changes))
    assert (code, said in message) == ("ValidationError", True), message
    assert local_aws.cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"] == []


def test_a_refused_update_changes_nothing(local_aws: AwsHarness, name: str) -> None:
    put_alarm(local_aws, name)
    refusal(local_aws.cloudwatch.put_metric_alarm, **alarm_request(name, Threshold=None))
    assert alarm(local_aws, name)["Threshold"] == 3.0
    assert len(history(local_aws, name, HistoryItemType="ConfigurationUpdate")) == 1


def test_an_update_records_the_old_values_and_a_deleted_alarm_keeps_its_history(local_aws: AwsHarness, name: str) -> None:
    put_alarm(local_aws, name)
    put_alarm(local_aws, name, Threshold=9)
    local_aws.cloudwatch.delete_alarms(AlarmNames=[name])
    deleted, updated, created = history(local_aws, name)
    assert [json.loads(item["HistoryData"])["type"] for item in (deleted, updated, created)] == ["Delete", "Update", "Create"]
    data = json.loads(updated["HistoryData"])
    assert (data["originalUpdatedFields"]["threshold"], data["updatedAlarm"]["threshold"]) == (3.0, 9.0)
    assert "period" not in data["originalUpdatedFields"]
    assert deleted["HistorySummary"] == f'Alarm "{name}" deleted'


def test_the_history_is_filtered_and_comes_in_pages(local_aws: AwsHarness, name: str) -> None:
    put_alarm(local_aws, name)
    for number in range(4):
        local_aws.cloudwatch.set_alarm_state(AlarmName=name, StateValue=("OK", "ALARM")[number % 2], StateReason=str(number))

    def reasons(items: list[dict[str, Any]]) -> list[str]:
        return [json.loads(item["HistoryData"])["newState"]["stateReason"] for item in items]

    first = local_aws.cloudwatch.describe_alarm_history(AlarmName=name, HistoryItemType="StateUpdate", MaxRecords=3)
    local_aws.cloudwatch.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="new")  # does not move the pages
    second = local_aws.cloudwatch.describe_alarm_history(
        AlarmName=name, HistoryItemType="StateUpdate", MaxRecords=3, NextToken=first["NextToken"]
    )
    assert reasons(first["AlarmHistoryItems"]) == ["3", "2", "1"]
    assert (reasons(second["AlarmHistoryItems"]), "NextToken" in second) == (["0"], False)
    pages = local_aws.cloudwatch.get_paginator("describe_alarm_history").paginate(
        AlarmName=name, HistoryItemType="StateUpdate", ScanBy="TimestampAscending", PaginationConfig={"PageSize": 2}
    )
    assert [reason for page in pages for reason in reasons(page["AlarmHistoryItems"])] == ["0", "1", "2", "3", "new"]
    oldest, *_, newest = [item["Timestamp"] for item in history(local_aws, name, ScanBy="TimestampAscending")]
    assert len(history(local_aws, name, StartDate=oldest, EndDate=newest)) == 6
    assert history(local_aws, name, EndDate=oldest.timestamp() - 1) == []
    assert history(local_aws, name, AlarmTypes=["CompositeAlarm"]) == []
    elsewhere = local_aws.client("cloudwatch", region="us-east-1").describe_alarm_history(AlarmName=name)
    assert elsewhere["AlarmHistoryItems"] == []


@pytest.mark.parametrize(
    ("comparison", "value", "state"),
    [
        ("GreaterThanThreshold", 3.0, "OK"),
        ("GreaterThanThreshold", 3.1, "ALARM"),
        ("GreaterThanOrEqualToThreshold", 3.0, "ALARM"),
        ("GreaterThanOrEqualToThreshold", 2.9, "OK"),
        ("LessThanThreshold", 3.0, "OK"),
        ("LessThanThreshold", 2.9, "ALARM"),
        ("LessThanOrEqualToThreshold", 3.0, "ALARM"),
        ("LessThanOrEqualToThreshold", 3.1, "OK"),
    ],
)
def test_each_comparison_is_evaluated(local_aws: AwsHarness, name: str, comparison: str, value: float, state: str) -> None:
    put_alarm(local_aws, name, ComparisonOperator=comparison)
    orders(local_aws, name, value)
    until_state(local_aws, name, state)


def test_missing_data_is_treated_as_the_alarm_says(local_aws: AwsHarness) -> None:
    alarms = {treatment: unique("alarm") for treatment in ("missing", "ignore", "breaching", "notBreaching")}
    for treatment, name in alarms.items():
        put_alarm(local_aws, name, EvaluationPeriods=2, TreatMissingData=treatment)
    then = local_aws.aws.clock.now() + 4 * MINUTE
    until(lambda: local_aws.aws.clock.now() > then, "four AWS minutes")
    wanted = {"missing": "INSUFFICIENT_DATA", "ignore": "INSUFFICIENT_DATA", "breaching": "ALARM", "notBreaching": "OK"}
    until(lambda: {way: alarm(local_aws, name)["StateValue"] for way, name in alarms.items()} == wanted, f"{wanted}")
    filled = "Threshold Crossed: no datapoints were received for 2 periods and 2 missing datapoints were treated as"
    assert alarm(local_aws, alarms["breaching"])["StateReason"] == f"{filled} [Breaching]."
    assert alarm(local_aws, alarms["notBreaching"])["StateReason"] == f"{filled} [NonBreaching]."
    local_aws.cloudwatch.delete_alarms(AlarmNames=list(alarms.values()))


def test_a_percentile_is_evaluated_and_returned(local_aws: AwsHarness, name: str) -> None:
    local_aws.cloudwatch.put_metric_alarm(
        AlarmName=name,
        Namespace=name,
        MetricName="Wait",
        ExtendedStatistic="p90",
        Period=60,
        EvaluationPeriods=1,
        Threshold=90,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
    )
    values = [float(value) for value in range(1, 101)]
    now = local_aws.put_minutely(name, {"MetricName": "Wait", "Values": values})
    until_state(local_aws, name, "ALARM")
    asked = {"Namespace": name, "MetricName": "Wait", "StartTime": now - MINUTE, "EndTime": now + 10 * MINUTE, "Period": 60}
    query = local_aws.cloudwatch.get_metric_statistics
    points = query(**asked, ExtendedStatistics=["p50", "p99.9", "p0"])
    assert points["Datapoints"][0]["ExtendedStatistics"] == {"p50": 50.0, "p99.9": 100.0, "p0": 1.0}
    assert query(**asked, Statistics=["Sum"])["Datapoints"][0]["Sum"] == 5_050.0
    for statistics in ({}, {"ExtendedStatistics": ["p50"], "Statistics": ["Sum"]}):
        with pytest.raises(ClientError, match="InvalidParameterCombination"):
            query(**asked, **statistics)
    sets = {"SampleCount": 2.0, "Sum": 3.0, "Minimum": 1.0, "Maximum": 2.0}  # a statistic set has no percentiles
    local_aws.put_minutely(name, {"MetricName": "Sets", "StatisticValues": sets})
    points = local_aws.cloudwatch.get_metric_statistics(**asked | {"MetricName": "Sets"}, ExtendedStatistics=["p50"])
    assert points["Datapoints"][0]["ExtendedStatistics"] == {}
