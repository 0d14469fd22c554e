"""Alarms and target tracking on metric math act, and what cannot be evaluated is refused when it is put."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from support.common import refusal, unique, until
from support.deployed_endpoint import Deployed
from support.in_process_aws import DIMENSION, AwsHarness

MINUTE = 60


def query(name: str, metric: str, namespace: str, stat: str = "Average", **more: Any) -> dict[str, Any]:
    dimensions = [{"Name": key, "Value": value} for key, value in more.pop("dimensions", {}).items()]
    named = {"Namespace": namespace, "MetricName": metric, "Dimensions": dimensions}
    return {"Id": name, "ReturnData": False, "MetricStat": {"Metric": named, "Period": MINUTE, "Stat": stat}, **more}


def math(expression: str, *metrics: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The members of an alarm on the minutes in which an expression is 1."""
    return {
        "EvaluationPeriods": 1,
        "Threshold": 1,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "ignore",
        "Metrics": [{"Id": "result", "Expression": expression, "ReturnData": True}, *metrics],
        **more,
    }


@pytest.fixture
def name(local_aws: AwsHarness) -> Iterator[str]:
    """The name of an alarm, which is deleted after the test."""
    name = unique("math")
    yield name
    local_aws.cloudwatch.delete_alarms(AlarmNames=[name])


def alarm(local_aws: AwsHarness, name: str) -> dict[str, Any]:
    found: dict[str, Any] = local_aws.cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]
    return found


def target_of(deployed: Deployed) -> dict[str, str]:
    return {"ServiceNamespace": "sagemaker", "ResourceId": deployed.resource_id, "ScalableDimension": DIMENSION}


def test_an_alarm_on_metric_math_is_described_and_changes_its_state(local_aws: AwsHarness, name: str) -> None:
    topic, queue = local_aws.topic(), local_aws.queue()
    local_aws.subscribe(topic, queue)
    shop = {"dimensions": {"Shop": "coats"}}
    metrics = [query("errors", "Errors", name, "Sum", **shop), query("requests", "Requests", name, "Sum", **shop)]
    request = math("100 * errors / FILL(requests, 1) >= 50", *metrics, AlarmActions=[topic])
    local_aws.cloudwatch.put_metric_alarm(AlarmName=name, **request)
    described = alarm(local_aws, name)
    assert described["Metrics"] == request["Metrics"]
    assert not {"MetricName", "Namespace", "Period", "Statistic", "Unit"} & set(described)

    data = {"MetricName": "Errors", "Dimensions": [{"Name": "Shop", "Value": "coats"}], "Value": 3.0}
    local_aws.put_minutely(name, data)
    until(lambda: alarm(local_aws, name)["StateValue"] == "ALARM", "three errors of one request")
    reason = alarm(local_aws, name)
    assert reason["StateReason"].startswith("Threshold Crossed: 1 datapoint [1.0 (")
    assert (json.loads(reason["StateReasonData"])["period"], "statistic" in reason["StateReasonData"]) == (MINUTE, False)
    message = json.loads(json.loads(until(queue.take, "the alarm's message")[0])["Message"])
    trigger = message["Trigger"]
    assert (trigger["Metrics"][0]["Expression"], trigger["Threshold"]) == ("100 * errors / FILL(requests, 1) >= 50", 1.0)
    assert trigger["Metrics"][1]["MetricStat"]["Metric"]["Dimensions"] == [{"name": "Shop", "value": "coats"}]
    history = local_aws.cloudwatch.describe_alarm_history(AlarmName=name, HistoryItemType="ConfigurationUpdate")
    created = json.loads(history["AlarmHistoryItems"][0]["HistoryData"])["createdAlarm"]
    assert created["metrics"][1]["metricStat"]["metric"]["metricName"] == "Errors"


def test_an_alarm_may_watch_one_metric_of_its_list(local_aws: AwsHarness, name: str) -> None:
    request = math("", query("only", "Orders", name, "p50", ReturnData=True))
    local_aws.cloudwatch.put_metric_alarm(AlarmName=name, **request | {"Metrics": request["Metrics"][1:]})
    local_aws.put_minutely(name, {"MetricName": "Orders", "Values": [0.0, 1.0, 5.0]})
    until(lambda: alarm(local_aws, name)["StateValue"] == "ALARM", "the median is 1")


METRIC = query("m", "M", "n")


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (math("SEARCH('{n} M', 'Sum', 60)"), "Unsupported function 'SEARCH'"),
        (math("ANOMALY_DETECTION_BAND(m, 2)", METRIC), "Unsupported function 'ANOMALY_DETECTION_BAND'"),
        (math("m +", METRIC), "Error in expression 'result': unexpected end"),
        (math("METRICS()", METRIC), "an alarm can watch a single time series"),
        (math("m", METRIC, query("other", "M", "n", ReturnData=True)), "Exactly one element of the metrics list should return"),
        (math("m", METRIC, MetricName="M", Namespace="n"), "The parameters Metrics and MetricName are mutually exclusive."),
        (math("m", METRIC, Period=60), "The parameters Metrics and Period are mutually exclusive."),
        (math("m0", *(query(f"m{number}", "M", "n") for number in range(11))), "has 11 metrics and 1 expressions"),
        (math("m", METRIC | {"AccountId": "999999999999"}), "AccountId of query m"),
        (math("m", METRIC, ThresholdMetricId="result"), "ThresholdMetricId is not supported"),
        (math("m", METRIC, ComparisonOperator="GreaterThanUpperThreshold"), "GreaterThanUpperThreshold is not supported"),
        (math("m", METRIC, EvaluationPeriods=1_441), "more than a day (EvaluationPeriods * Period must be <= 86400)"),
        (math("m", METRIC) | {"EvaluationInterval": 60}, "EvaluationInterval is not supported"),
    ],
)
def test_what_could_never_be_evaluated_is_refused(local_aws: AwsHarness, request_: dict[str, Any], message: str) -> None:
    code, said = refusal(local_aws.cloudwatch.put_metric_alarm, AlarmName=unique("refused"), **request_)
    assert (code, message in said) == ("ValidationError", True), said


def test_a_threshold_is_required(local_aws: AwsHarness) -> None:
    request = {key: value for key, value in math("m", METRIC).items() if key != "Threshold"}
    code, said = refusal(local_aws.cloudwatch.put_metric_alarm, AlarmName=unique("refused"), **request)
    assert (code, said) == ("ValidationError", "Threshold must not be null")


def test_the_wake_alarm_of_a_public_module_wakes_an_endpoint(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy()
    local_aws.scaling.register_scalable_target(**target_of(deployed), MinCapacity=0, MaxCapacity=1)
    local_aws.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=deployed.name, DesiredWeightsAndCapacities=[{"VariantName": "primary", "DesiredInstanceCount": 0}]
    )
    until(lambda: not deployed.status()["instances"], "it has no instances")
    deployed.until_status("InService")
    steps = [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}]
    policy = local_aws.scaling.put_scaling_policy(
        **target_of(deployed),
        PolicyName="wake",
        PolicyType="StepScaling",
        StepScalingPolicyConfiguration={"AdjustmentType": "ExactCapacity", "Cooldown": 60, "StepAdjustments": steps},
    )
    named = {"EndpointName": deployed.name}
    request = math(
        "ABS(backlog>=1) AND (FILL(cpu,0)==0)",
        query("backlog", "ApproximateBacklogSize", "AWS/SageMaker", dimensions=named),
        query("cpu", "CPUUtilization", "/aws/sagemaker/Endpoints", dimensions=named | {"VariantName": "primary"}),
        Threshold=0.5,
        AlarmActions=[policy["PolicyARN"]],
    )
    local_aws.cloudwatch.put_metric_alarm(AlarmName=deployed.name, **request)
    assert deployed.outcome(deployed.invoke({"answer": "awake"})).body == b"awake"
    local_aws.cloudwatch.delete_alarms(AlarmNames=[deployed.name])


def test_target_tracking_of_metric_math_scales(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy()
    local_aws.scaling.register_scalable_target(**target_of(deployed), MinCapacity=1, MaxCapacity=4)
    backlog = {"Namespace": "Own", "MetricName": "Waiting", "Dimensions": [{"Name": "EndpointName", "Value": deployed.name}]}
    specification = {
        "Metrics": [
            {"Id": "waiting", "MetricStat": {"Metric": backlog, "Stat": "Sum"}, "ReturnData": False},
            {"Id": "half", "Expression": "waiting / 2", "ReturnData": True},
        ]
    }

    def put(specification: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = local_aws.scaling.put_scaling_policy(
            **target_of(deployed),
            PolicyName="half",
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration={"TargetValue": 5.0, "CustomizedMetricSpecification": specification},
        )
        return answer

    high, low = put(specification)["Alarms"]
    described = alarm(local_aws, high["AlarmName"])
    assert [item.get("Expression") for item in described["Metrics"]] == [None, "waiting / 2"]
    assert described["Metrics"][0]["MetricStat"]["Period"] == MINUTE
    assert (described["Threshold"], alarm(local_aws, low["AlarmName"])["Threshold"]) == (5.0, 4.5)
    local_aws.put_minutely("Own", {"MetricName": "Waiting", "Dimensions": backlog["Dimensions"], "Value": 30.0})
    deployed.serving(3)  # 15 of a target of 5
    specification["Metrics"][1]["Expression"] = "SEARCH('{Own} Waiting', 'Sum', 60)"
    code, message = refusal(put, specification=specification)
    assert (code, "Unsupported function 'SEARCH'" in message) == ("ValidationException", True)
    local_aws.forget_scaling(deployed)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("SageMakerInferenceComponentInvocationsPerCopy", "predefined metric that is not supported"),
        ("SageMakerVariantInvocationsPerModel", "Member must satisfy enum value set"),
    ],
)
def test_a_predefined_metric_that_does_not_exist_here_is_refused(
    local_aws: AwsHarness, deploy: Any, kind: str, text: str
) -> None:
    deployed: Deployed = deploy()
    local_aws.scaling.register_scalable_target(**target_of(deployed), MinCapacity=1, MaxCapacity=4)
    code, message = refusal(
        local_aws.scaling.put_scaling_policy,
        **target_of(deployed),
        PolicyName="predefined",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 5.0,
            "PredefinedMetricSpecification": {"PredefinedMetricType": kind},
        },
    )
    assert (code, text in message) == ("ValidationException", True)
    assert not local_aws.scaling.describe_scaling_policies(ServiceNamespace="sagemaker", ResourceId=deployed.resource_id)[
        "ScalingPolicies"
    ]


def test_an_alarm_with_a_period_of_ten_seconds_is_evaluated_on_them(local_aws: AwsHarness, name: str) -> None:
    """Three periods of a minute breach: evaluated by the minute, both alarms would change, or none."""
    now = local_aws.aws.clock.now() // MINUTE * MINUTE + 5 * MINUTE
    data = [
        {"MetricName": "Load", "Value": float(second >= 30), "Timestamp": now + second, "StorageResolution": 1}
        for second in range(0, 60, 10)
    ]
    local_aws.cloudwatch.put_metric_data(Namespace=name, MetricData=data)
    for suffix, count in (("three", 3), ("four", 4)):
        local_aws.cloudwatch.put_metric_alarm(
            AlarmName=f"{name}-{suffix}",
            Namespace=name,
            MetricName="Load",
            Statistic="Maximum",
            Period=10,
            EvaluationPeriods=count,
            Threshold=1,
            ComparisonOperator="GreaterThanOrEqualToThreshold",
            TreatMissingData="notBreaching",
        )

    def changes(suffix: str) -> list[tuple[float, str]]:
        items = local_aws.cloudwatch.describe_alarm_history(AlarmName=f"{name}-{suffix}", HistoryItemType="StateUpdate")
        found = [(item["Timestamp"].timestamp() - now, item["HistorySummary"]) for item in items["AlarmHistoryItems"]]
        return [one for one in found if "ALARM" in one[1]]

    until(lambda: local_aws.aws.clock.now() > now + 3 * MINUTE and len(changes("three")) == 2, "in ALARM and back")
    # The latest three datapoints of five periods breach until the first of them leaves the range.
    assert changes("three") == [(90, "Alarm updated from ALARM to OK"), (60, "Alarm updated from OK to ALARM")]
    assert changes("four") == []
    local_aws.cloudwatch.delete_alarms(AlarmNames=[f"{name}-three", f"{name}-four"])


def test_a_percentile_of_few_samples_keeps_the_state_if_asked(local_aws: AwsHarness, name: str) -> None:
    """p90 needs 100 samples."""
    for suffix, treatment in (("ignore", "ignore"), ("evaluate", "evaluate")):
        local_aws.cloudwatch.put_metric_alarm(
            AlarmName=f"{name}-{suffix}",
            Namespace=name,
            MetricName="Wait",
            ExtendedStatistic="p90",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanOrEqualToThreshold",
            TreatMissingData="ignore",
            EvaluateLowSampleCountPercentile=treatment,
        )
    local_aws.put_minutely(name, {"MetricName": "Wait", "Values": [5.0], "Counts": [99.0]})
    until(lambda: alarm(local_aws, f"{name}-evaluate")["StateValue"] == "ALARM", "it is evaluated")
    assert alarm(local_aws, f"{name}-ignore")["StateValue"] == "INSUFFICIENT_DATA"
    local_aws.put_minutely(name, {"MetricName": "Wait", "Values": [5.0], "Counts": [1.0]})
    until(lambda: alarm(local_aws, f"{name}-ignore")["StateValue"] == "ALARM", "a hundred samples are enough")
    local_aws.cloudwatch.delete_alarms(AlarmNames=[f"{name}-ignore", f"{name}-evaluate"])
