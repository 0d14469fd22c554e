"""CloudWatch metrics published for an endpoint each minute, and datapoints that a customer publishes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from async_endpoint.core import metrics as m
from async_endpoint.emulator.hosting.metrics import TimeSeries
from support.common import unique, until
from support.deployed_endpoint import Deployed
from support.in_process_aws import AwsHarness
from support.sample_model import archive

MINUTE = 60


def test_metrics_have_the_documented_names_units_and_dimensions(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy()
    uri = local_aws.put(deployed.bucket, "input/shirt", b"shirt")
    assert deployed.ask(InputLocation=uri).kind == "output"
    deployed.failure({"status": 400, "message": "no"})
    deployed.failure({"raise": "no"})
    until(lambda: sum(deployed.metric("InvocationsProcessed")) == 3, "all three are counted")
    now = local_aws.aws.clock.now()
    listed = local_aws.cloudwatch.list_metrics(
        Namespace="AWS/SageMaker", Dimensions=[{"Name": "EndpointName", "Value": deployed.name}]
    )
    by_config = {item["MetricName"]: item["Dimensions"] for item in listed["Metrics"] if len(item["Dimensions"]) == 3}
    found = {metric["MetricName"]: metric["Dimensions"] for metric in listed["Metrics"] if len(metric["Dimensions"]) < 3}
    assert by_config == {
        name: [{"Name": "EndpointConfigName", "Value": deployed.config}, *dimensions]
        for name, dimensions in found.items()
        if m.PUBLISHED[name].scope == "variant"
    }
    assert found.keys().isdisjoint(m.NEVER_PUBLISHED)
    assert found.keys() == {
        "ApproximateBacklogSize",
        "ApproximateBacklogSizePerInstance",
        "ApproximateAgeOfOldestRequest",
        "HasBacklogWithoutCapacity",
        "Invocation4XXErrors",
        "Invocation5XXErrors",
        "InvocationFailures",
        "InvocationsProcessed",
        "ModelLatency",
        "RequestDownloadLatency",
        "ResponseUploadLatency",
        "TimeInBacklog",
        "TotalProcessingTime",
    }
    for name, dimensions in found.items():
        metric = m.PUBLISHED[name]
        assert dimensions == metric.dimensions(deployed.name, "primary"), name
        answer = local_aws.cloudwatch.get_metric_statistics(
            Namespace="AWS/SageMaker",
            MetricName=name,
            Dimensions=dimensions,
            StartTime=now - 3_600,
            EndTime=now + 3_600,
            Period=60,
            Statistics=["Sum", "Average", "SampleCount"],
        )
        assert {point["Unit"] for point in answer["Datapoints"]} == {metric.unit}, name
        assert {point["Timestamp"].second for point in answer["Datapoints"]} == {0}, name
    assert [sum(deployed.metric(name)) for name in ("Invocation4XXErrors", "Invocation5XXErrors", "InvocationFailures")] == [
        1,
        1,
        2,
    ]
    assert sum(deployed.metric("ModelLatency", "SampleCount")) == 3
    assert 0 < max(deployed.metric("ModelLatency", "Maximum")) < 30e6


def test_total_processing_time_includes_the_time_in_the_backlog(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy().asleep()
    sent = local_aws.aws.clock.now()
    invoked = deployed.invoke({"answer": "late"})
    until(lambda: local_aws.aws.clock.now() > sent + 2 * MINUTE, "two minutes in the backlog")
    deployed.scale(1)
    deployed.outcome(invoked)
    (total,) = until(lambda: deployed.metric("TotalProcessingTime", "Maximum"), "its metric")
    (waited,) = deployed.metric("TimeInBacklog", "Maximum")
    assert total > waited > 2 * MINUTE * 1_000


def instance_metrics(local_aws: AwsHarness, deployed: Deployed) -> dict[str, float]:
    """The largest value of each instance metric so far."""
    now, found = local_aws.aws.clock.now(), {}
    for name, metric in m.UTILISATION.items():
        points = local_aws.cloudwatch.get_metric_statistics(
            Namespace="/aws/sagemaker/Endpoints",
            MetricName=name,
            Dimensions=metric.dimensions(deployed.name, "primary"),
            StartTime=now - 20 * 3_600,
            EndTime=now + 3_600,
            Period=60,
            Statistics=["Maximum"],
        )["Datapoints"]
        if points:
            assert {point["Unit"] for point in points} == {"Percent"}
            found[name] = max(point["Maximum"] for point in points)
    return found


BURNING = """
def model_fn(d): return None
def input_fn(data, content_type): return int(data)
def predict_fn(n, model):
    total = 0
    for number in range(n): total += number * number
    return str(total)
def output_fn(prediction, accept): return prediction, accept
"""


def test_instances_publish_utilization_if_the_role_may(local_aws: AwsHarness, deploy: Any) -> None:
    quiet: Deployed = deploy()
    deployed: Deployed = deploy(archive(BURNING))
    allowed = {"Effect": "Allow", "Action": "cloudwatch:PutMetricData", "Resource": "*"}
    narrow = {"Condition": {"StringEquals": {"cloudwatch:namespace": "/aws/sagemaker/Endpoints"}}}
    deployed.role.allow(deployed.bucket, more=[allowed | narrow])
    deployed.ask(Body=b"3000000", ContentType="text/plain")
    found = until(lambda: seen if len(seen := instance_metrics(local_aws, deployed)) == 3 else None, "all three are published")
    assert 0 < found["MemoryUtilization"] < 100
    assert 0 < found["DiskUtilization"] < 100

    def busy() -> bool:
        deployed.ask(Body=b"3000000", ContentType="text/plain")
        return instance_metrics(local_aws, deployed)["CPUUtilization"] > 10

    until(busy, "a computing model is seen to compute")
    assert instance_metrics(local_aws, quiet) == {}, "that role may not publish"


def test_get_metric_data_answers_too(local_aws: AwsHarness, shared_endpoint: Deployed) -> None:
    now = local_aws.aws.clock.now()
    until(lambda: local_aws.aws.clock.now() > now + 3 * MINUTE, "three minutes")
    metric = {
        "Namespace": "AWS/SageMaker",
        "MetricName": "ApproximateBacklogSize",
        "Dimensions": [{"Name": "EndpointName", "Value": shared_endpoint.name}],
    }
    (answer,) = until(
        lambda: [
            found
            for found in local_aws.cloudwatch.get_metric_data(
                StartTime=now - MINUTE,
                EndTime=now + 10 * MINUTE,
                MetricDataQueries=[{"Id": "backlog", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Maximum"}}],
            )["MetricDataResults"]
            if found["Values"]
        ],
        "datapoints",
    )
    assert (answer["Id"], set(answer["Values"]) <= {0.0, 1.0, 2.0}) == ("backlog", True)


def test_a_minute_published_late_has_the_values_it_had_then() -> None:
    recent = TimeSeries()
    assert recent.at(0.0) is None
    for moment, value in ((10.0, 1), (20.0, 2), (20.0, 3), (30.0, 3), (40.0, 0)):
        recent.set(moment, value)
    assert [recent.at(moment) for moment in (9.9, 10.0, 19.9, 20.0, 39.9, 40.0, 99.0)] == [None, 1, 1, 3, 3, 0, 0]
    assert recent.at(10.0) is None  # what is before the last moment asked about is forgotten


def test_percentiles_of_hosting_metrics_are_available(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy()
    for _ in range(3):
        deployed.ask({"answer": "yes"})
    until(lambda: sum(deployed.metric("ModelLatency", "SampleCount")) == 3, "all three are counted")
    now = local_aws.aws.clock.now()
    asked = {
        "Namespace": "AWS/SageMaker",
        "MetricName": "ModelLatency",
        "Dimensions": m.MODEL_LATENCY.dimensions(deployed.name, "primary"),
        "StartTime": now - 20 * 3_600,
        "EndTime": now + 3_600,
        "Period": 3_600,
    }
    query = local_aws.cloudwatch.get_metric_statistics
    points = query(**asked, Statistics=["Minimum", "Maximum"])["Datapoints"]
    extended = query(**asked, ExtendedStatistics=["p50", "p99"])["Datapoints"]
    assert points
    for point, other in zip(points, extended, strict=True):
        percentiles = other["ExtendedStatistics"]
        assert point["Minimum"] <= percentiles["p50"] <= percentiles["p99"] <= point["Maximum"]


@pytest.fixture
def far_from_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("far_from_utc")
def test_datapoints_of_customers_count_for_alarms_whatever_the_machines_time_zone(local_aws: AwsHarness) -> None:
    namespace, name = unique("Shop"), unique("orders")
    local_aws.cloudwatch.put_metric_alarm(
        AlarmName=name,
        Namespace=namespace,
        MetricName="Orders",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=3,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="ignore",
    )
    local_aws.put_minutely(namespace, {"MetricName": "Orders", "Values": [1.0, 2.0], "Counts": [1.0, 1.0]})
    until(
        lambda: local_aws.cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["StateValue"] == "ALARM",
        "it is in ALARM",
    )


def test_each_kind_of_endpoint_has_its_metrics() -> None:
    """From the guide: metrics common to all kinds, and those that asynchronous endpoints never publish."""
    asynchronous, real_time, serverless = (m.published_by(kind) for kind in ("asynchronous", "real-time", "serverless"))
    assert asynchronous.keys() & real_time.keys() == {"ModelLatency", "Invocation4XXErrors", "Invocation5XXErrors"}
    assert real_time.keys() - serverless.keys() == {"InvocationsPerInstance"}
    assert serverless.keys() - real_time.keys() == {"ModelSetupTime", "ServerlessProvisionedConcurrencyUtilization"}
    assert {"Invocations", "InvocationsPerInstance", "OverheadLatency"} <= m.NEVER_PUBLISHED
    assert not m.NEVER_PUBLISHED & asynchronous.keys()
