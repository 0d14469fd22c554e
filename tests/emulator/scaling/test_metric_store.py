"""The metric store: bounded, and queried by name, dimensions, unit and time."""

from __future__ import annotations

from typing import Any

import pytest

from async_endpoint.autoscaling.statistics import MetricId
from async_endpoint.emulator.scaling import metric_store as module
from async_endpoint.emulator.scaling.metric_store import MetricStore
from support.common import unique
from support.in_process_aws import AwsHarness

MINUTE = 60


def put(samples: MetricStore, name: str, value: float, now: float, region: str = "eu-west-1") -> None:
    samples.record(region, "Shop", {"MetricName": name, "Value": value}, now)


def test_each_metric_keeps_its_latest_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_SAMPLES", 10)
    samples = MetricStore()
    for minute in range(100):
        put(samples, "Orders", float(minute), minute * MINUTE)
    found = samples.between("eu-west-1", MetricId("Shop", "Orders"), 0, 1e9)["None"]
    assert [sample.total for sample in found] == [float(minute) for minute in range(90, 100)]


def test_older_samples_have_no_percentiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_SAMPLES_WITH_VALUES", 2)
    samples = MetricStore()
    for minute in range(4):
        samples.record("r", "Shop", {"MetricName": "Wait", "Values": [1.0, 2.0, 9.0]}, minute * MINUTE)
        put(samples, "Single", 5.0, minute * MINUTE, region="r")
    wait, single = (MetricId("Shop", name) for name in ("Wait", "Single"))
    assert samples.values("r", wait, "p50", MINUTE, 4 * MINUTE, 4) == [None, None, 2.0, 2.0]
    assert samples.values("r", wait, "Maximum", MINUTE, 4 * MINUTE, 4) == [9.0] * 4
    assert samples.values("r", single, "p50", MINUTE, 4 * MINUTE, 4) == [5.0] * 4


def test_the_least_recently_written_metric_is_dropped_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_METRICS", 3)
    samples = MetricStore()
    for name in ("a", "b", "c", "a", "d"):
        put(samples, name, 1.0, 0.0)
    put(samples, "elsewhere", 1.0, 0.0, region="us-east-1")
    assert [metric.name for metric in samples.metrics("eu-west-1")] == ["c", "a", "d"]
    assert [metric.name for metric in samples.metrics("us-east-1")] == ["elsewhere"]


def shops(local_aws: AwsHarness) -> tuple[str, float]:
    """A namespace with orders of two shops in two units, and when they were put."""
    namespace, now = unique("Shops"), local_aws.aws.clock.now() // MINUTE * MINUTE
    data = [
        {"MetricName": "Orders", "Dimensions": [{"Name": "Shop", "Value": shop}], "Unit": unit, "Value": value}
        | {"Timestamp": now + minute * MINUTE}
        for minute in range(3)
        for shop, unit, value in (("coats", "Count", 1.0 + minute), ("coats", "None", 100.0), ("hats", "Count", 7.0))
    ]
    local_aws.cloudwatch.put_metric_data(Namespace=namespace, MetricData=data)
    return namespace, now


def test_a_metric_is_identified_by_its_dimensions_and_units_are_separate(local_aws: AwsHarness) -> None:
    namespace, now = shops(local_aws)
    asked = {"Namespace": namespace, "MetricName": "Orders", "StartTime": now, "EndTime": now + 3 * MINUTE, "Period": MINUTE}
    coats = asked | {"Dimensions": [{"Name": "Shop", "Value": "coats"}], "Statistics": ["Sum", "Maximum"]}

    def answer(**changed: Any) -> list[tuple[float, str, float]]:
        found = local_aws.cloudwatch.get_metric_statistics(**coats | changed)["Datapoints"]
        return [(point["Timestamp"].timestamp() - now, point["Unit"], point["Sum"]) for point in found]

    assert answer(Unit="Count") == [(0, "Count", 1.0), (60, "Count", 2.0), (120, "Count", 3.0)]
    assert sorted(answer())[:2] == [(0, "Count", 1.0), (0, "None", 100.0)]
    assert answer(Unit="Count", Period=120, EndTime=now + 4 * MINUTE) == [(0, "Count", 3.0), (120, "Count", 3.0)]
    assert answer(Unit="Count", StartTime=now + 61) == [(60, "Count", 2.0), (120, "Count", 3.0)]  # rounded down to a minute
    assert answer(Unit="Count", EndTime=now + 2 * MINUTE) == [(0, "Count", 1.0), (60, "Count", 2.0)]
    assert answer(Dimensions=[]) == []
    assert answer(Dimensions=[{"Name": "Shop", "Value": "shoes"}]) == []


def test_metric_data_is_newest_first_and_may_name_another_query(local_aws: AwsHarness) -> None:
    namespace, now = shops(local_aws)
    metric = {"Namespace": namespace, "MetricName": "Orders", "Dimensions": [{"Name": "Shop", "Value": "coats"}]}
    stat = {"Metric": metric, "Period": MINUTE, "Stat": "Sum", "Unit": "Count"}
    queries = [
        {"Id": "hidden", "MetricStat": stat, "ReturnData": False},
        {"Id": "shown", "Expression": "hidden", "Label": "coats"},
    ]
    span = {"StartTime": now, "EndTime": now + 10 * MINUTE}
    (found,) = local_aws.cloudwatch.get_metric_data(MetricDataQueries=queries, **span)["MetricDataResults"]
    assert (found["Id"], found["Label"], found["StatusCode"]) == ("shown", "coats", "Complete")
    assert found["Values"] == [3.0, 2.0, 1.0]
    assert [when.timestamp() - now for when in found["Timestamps"]] == [120, 60, 0]
    (found,) = local_aws.cloudwatch.get_metric_data(MetricDataQueries=queries, **span, ScanBy="TimestampAscending")[
        "MetricDataResults"
    ]
    assert found["Values"] == [1.0, 2.0, 3.0]


def test_metrics_are_listed_by_any_of_their_parts(local_aws: AwsHarness) -> None:
    namespace, _ = shops(local_aws)

    def listed(**wanted: Any) -> list[str]:
        found = local_aws.cloudwatch.list_metrics(Namespace=namespace, **wanted)["Metrics"]
        return [metric["Dimensions"][0]["Value"] for metric in found]

    assert listed() == ["coats", "hats"]
    assert listed(MetricName="Orders", Dimensions=[{"Name": "Shop"}]) == ["coats", "hats"]
    assert listed(Dimensions=[{"Name": "Shop", "Value": "hats"}]) == ["hats"]
    assert listed(MetricName="Returns") == listed(Dimensions=[{"Name": "Town"}]) == []
