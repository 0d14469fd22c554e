"""GetMetricStatistics and GetMetricData: limits, rounding, units, labels, pages, metric math, high-resolution metrics."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from async_endpoint.autoscaling.metric_math.queries import parse_queries
from async_endpoint.core.errors import InvalidInput
from async_endpoint.emulator.scaling.metric_data import metric_data
from async_endpoint.emulator.scaling.metric_labels import default_labels, expanded
from async_endpoint.emulator.scaling.metric_series import MetricReader
from async_endpoint.emulator.scaling.metric_statistics import TooManyDatapoints, metric_statistics
from async_endpoint.emulator.scaling.metric_store import MetricStore
from support.common import refusal, unique
from support.in_process_aws import AwsHarness

MINUTE, HOUR, DAY = 60, 3_600, 86_400
NOW = 1_900_000_020.0  # a whole minute
REGION = "eu-west-1"


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(NOW + seconds, UTC)


def store(*data: dict[str, Any]) -> MetricStore:
    """A store with these members of PutMetricData, put to the namespace n; Timestamp is seconds from NOW."""
    samples = MetricStore()
    for datum in data:
        samples.record(REGION, "n", {"MetricName": "m", **datum, "Timestamp": at(datum.get("Timestamp", 0))}, NOW)
    return samples


def query(name: str, stat: str = "Sum", period: int = MINUTE, metric: str = "m", **more: Any) -> dict[str, Any]:
    unit = {"Unit": more.pop("Unit")} if "Unit" in more else {}
    dimensions = more.pop("Dimensions", [])
    named = {"Namespace": "n", "MetricName": metric, "Dimensions": dimensions}
    return {"Id": name, "MetricStat": {"Metric": named, "Stat": stat, "Period": period, **unit}, **more}


def ask(samples: MetricStore, *queries: dict[str, Any], **request: Any) -> dict[str, Any]:
    span = {"StartTime": at(-MINUTE), "EndTime": at(5 * MINUTE)}
    return metric_data(MetricReader(samples, REGION, NOW + HOUR), {"MetricDataQueries": queries, **span, **request})


def results(samples: MetricStore, *queries: dict[str, Any], **request: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ask(samples, *queries, **request)["MetricDataResults"]
    return found


def seconds(result: dict[str, Any]) -> list[float]:
    return [time.timestamp() - NOW for time in result["Timestamps"]]


@pytest.mark.parametrize(
    ("units", "value", "message"),
    [  # LocalStack's snapshots, recorded on AWS
        ({"Milliseconds": 60_000, "Seconds": 60}, 60_000.0, "[Milliseconds, Seconds]"),
        ({"Milliseconds": 60_000, "Seconds": 60, "Count": 5}, 5.0, "[Count, Milliseconds, Seconds]"),
    ],
)
def test_a_timestamp_has_one_value_and_several_units_are_reported(units: dict[str, int], value: float, message: str) -> None:
    samples = store(*({"Value": number, "Unit": unit} for unit, number in units.items()))
    (found,) = results(samples, query("m1"))
    assert (seconds(found), found["Values"]) == ([0], [value])
    assert found["Messages"] == [{"Code": "MultipleUnits", "Value": f"Multiple units returned: '{message}'"}]
    (found,) = results(samples, query("m1", Unit="Seconds"))
    assert (found["Values"], found["Messages"]) == ([60.0], [])


@pytest.mark.parametrize(
    ("queries", "labels"),
    [  # LocalStack's snapshots, recorded on AWS
        ([query("a")], ["m"]),
        ([query("a"), query("b", "Minimum")], ["m Sum", "m Minimum"]),
        ([query("a"), query("b", period=30)], ["m 60", "m 30"]),
        ([query("a"), query("b", "Minimum", 30)], ["m Sum 60", "m Minimum 30"]),
        ([query("a", Unit="Seconds"), query("b", Unit="Count")], ["m", "m"]),
        ([query("a"), {"Id": "e", "Expression": "a * 2"}], ["m", "e"]),
        ([query("a", Label="own"), query("b", "Minimum")], ["own", "m Minimum"]),
        (
            [query("a", Label="${LABEL} of ${PROP('Dim.Shop')}", Dimensions=[{"Name": "Shop", "Value": "coats"}])],
            ["m of coats"],
        ),
        (
            [query("a", Label='${PROP("MetricName")} ${PROP("Stat")} ${PROP("Period")} ${PROP("Region")}')],
            [f"m Sum 60 {REGION}"],
        ),
    ],
)
def test_labels(queries: list[dict[str, Any]], labels: list[str]) -> None:
    assert [found["Label"] for found in results(MetricStore(), *queries)] == labels


def test_other_dynamic_labels_are_rejected_by_name() -> None:
    parsed = parse_queries([query("a")], "MetricDataQueries")
    assert default_labels(parsed) == {"a": "m"}
    for label in ("${MAX}", "[${LAST_TIME}]", "${PROP(Period)}"):
        with pytest.raises(InvalidInput, match="Unsupported dynamic label"):
            expanded(label, "m", None, REGION)
    with pytest.raises(InvalidInput, match="at most 6"):
        expanded("${LABEL}" * 7, "m", None, REGION)


def test_metric_math_over_the_metrics_of_a_request() -> None:
    samples = store(
        *({"MetricName": "errors", "Value": value, "Timestamp": at_ * MINUTE} for at_, value in ((0, 1), (2, 3))),
        *({"MetricName": "requests", "Value": value, "Timestamp": at_ * MINUTE} for at_, value in ((0, 10), (1, 20), (2, 30))),
    )
    hidden = [query("errors", metric="errors", ReturnData=False), query("requests", metric="requests", ReturnData=False)]
    (rate,) = results(samples, *hidden, {"Id": "rate", "Expression": "100 * errors / requests"}, ScanBy="TimestampAscending")
    assert (seconds(rate), rate["Values"], rate["Label"]) == ([0, 60, 120], [10.0, 0.0, 10.0], "rate")
    filled = results(samples, *hidden, {"Id": "e", "Expression": "FILL(METRICS(), 0)", "Label": "filled"})
    assert [(found["Id"], found["Label"]) for found in filled] == [("e", "filled errors"), ("e", "filled requests")]
    assert filled[0]["Values"] == [0.0, 0.0, 3.0, 0.0, 1.0, 0.0]  # newest first
    (named,) = results(samples, *hidden, {"Id": "same", "Expression": "errors"})
    assert named["Values"] == [3.0, 1.0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"MetricDataQueries": [{"Id": "e", "Expression": "SEARCH('{n} m', 'Sum', 60)"}]}, "Unsupported function 'SEARCH'"),
        ({"MetricDataQueries": [{"Id": "e", "Expression": "m1 / 2"}]}, "Error in expression 'e': unknown id 'm1'"),
        ({"MetricDataQueries": [{"Id": "e"}]}, "The parameter MetricDataQueries.member.1.MetricStat is required"),
        ({"MetricDataQueries": [query("m1", period=90)]}, "MetricDataQueries.member.1.MetricStat.Period must be 1, 5, 10"),
        ({"MetricDataQueries": [query("m1", stat="tm95")]}, "The value tm95"),
        ({"MetricDataQueries": [query("m1"), query("m1")]}, "not unique"),
        ({"MetricDataQueries": [query(f"m{number}") for number in range(501)]}, "size greater than 500"),
        ({"MetricDataQueries": [query("m1", AccountId="999999999999")]}, "AccountId of query m1"),
        ({"EndTime": at(-MINUTE)}, "must not equal"),
        ({"StartTime": at(0.1), "EndTime": at(0.9)}, "must not equal"),
        ({"EndTime": at(-2 * MINUTE)}, "EndTime must be greater"),
        ({"MaxDatapoints": 100_801}, "MaxDatapoints"),
        ({"NextToken": "nothing"}, "NextToken is invalid"),
    ],
)
def test_refused_requests(changes: dict[str, Any], message: str) -> None:
    request = {"MetricDataQueries": [query("m1")], "StartTime": at(-MINUTE), "EndTime": at(0)} | changes
    with pytest.raises(InvalidInput) as caught:
        metric_data(MetricReader(MetricStore(), REGION, NOW), request)
    assert message in str(caught.value)


def test_pages_have_up_to_max_datapoints_of_all_results() -> None:
    samples = store(*({"Value": minute, "Timestamp": minute * MINUTE} for minute in range(4)))
    request = {"MaxDatapoints": 3, "ScanBy": "TimestampAscending"}
    queries = [query("a"), query("b", "Maximum")]

    def pages() -> Iterator[list[tuple[list[float], str]]]:
        token = None
        while True:
            page = ask(samples, *queries, **request, **({"NextToken": token} if token else {}))
            yield [(found["Values"], found["StatusCode"]) for found in page["MetricDataResults"]]
            token = page.get("NextToken")
            if token is None:
                return

    assert list(pages()) == [
        [([0.0, 1.0, 2.0], "PartialData"), ([], "PartialData")],
        [([3.0], "Complete"), ([0.0, 1.0], "PartialData")],
        [([], "Complete"), ([2.0, 3.0], "Complete")],
    ]


def test_a_high_resolution_metric_has_datapoints_below_a_minute_and_others_at_whole_minutes() -> None:
    high = {"StorageResolution": 1}
    samples = store(
        *({"Value": second, "Timestamp": second, **high} for second in (0, 12, 25, 61)),
        *({"MetricName": "coarse", "Value": second, "Timestamp": second} for second in (5, 31)),
    )
    fine, coarse = results(samples, query("a", period=10), query("b", period=10, metric="coarse"), ScanBy="TimestampAscending")
    assert (seconds(fine), fine["Values"]) == ([0, 10, 20, 60], [0.0, 12.0, 25.0, 61.0])
    assert (seconds(coarse), coarse["Values"]) == ([0], [36.0])
    # A start is rounded down to the period; after three hours only whole minutes are available.
    (fine,) = results(samples, query("a", period=10), StartTime=at(17), ScanBy="TimestampAscending")
    assert seconds(fine) == [10, 20, 60]
    later = MetricReader(samples, REGION, NOW + 3 * HOUR + 15)
    request = {"MetricDataQueries": [query("a", period=10)], "StartTime": at(0), "EndTime": at(HOUR)}
    assert [seconds(found) for found in metric_data(later, request)["MetricDataResults"]] == [[60, 20]]
    request["MetricDataQueries"] = [query("a")]
    assert [found["Values"] for found in metric_data(later, request)["MetricDataResults"]] == [[61.0, 37.0]]


@pytest.mark.parametrize(
    ("age", "step"), [(DAY, MINUTE), (16 * DAY, 5 * MINUTE), (64 * DAY, HOUR)], ids=["a day", "16 days", "64 days"]
)
def test_older_start_times_are_rounded_more(age: int, step: int) -> None:
    begin = NOW - age + 31
    grid = MetricReader(MetricStore(), REGION, NOW).grid(begin, NOW, HOUR)
    assert grid.start == begin // step * step


def statistics(samples: MetricStore, **request: Any) -> list[dict[str, Any]]:
    asked = {"Namespace": "n", "MetricName": "m", "Period": MINUTE, "Statistics": ["Sum"]}
    span = {"StartTime": at(-MINUTE), "EndTime": at(MINUTE)}
    return metric_statistics(MetricReader(samples, REGION, NOW), asked | span | request)


def test_a_day_by_the_minute_is_the_most_that_get_metric_statistics_returns() -> None:
    for begin in (at(0), at(31)):  # no whole minute: LocalStack, test_invalid_amount_of_datapoints, validated on AWS
        assert statistics(MetricStore(), StartTime=begin, EndTime=begin + timedelta(days=1)) == []
        with pytest.raises(TooManyDatapoints) as caught:
            statistics(MetricStore(), StartTime=begin, EndTime=begin + timedelta(days=1, minutes=1))
        assert str(caught.value) == (
            "You have requested up to 1441 datapoints, which exceeds the limit of 1440. You may reduce the datapoints "
            "requested by increasing Period, or decreasing the time range."
        )
    with pytest.raises(TooManyDatapoints, match="up to 86400 datapoints"):
        statistics(MetricStore(), EndTime=at(DAY - MINUTE), Period=1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"EndTime": at(-MINUTE)}, "The parameter StartTime must be less than the parameter EndTime."),
        ({"StartTime": at(0.1), "EndTime": at(0.9)}, "The parameter StartTime must be less than the parameter EndTime."),
        ({"Period": 45}, "must be 1, 5, 10, 20, 30 or a multiple of 60"),
        ({"Statistics": ["p90"]}, "p90"),
        ({"Statistics": [], "ExtendedStatistics": ["IQM"]}, "IQM"),
    ],
)
def test_refused_statistics(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        statistics(MetricStore(), **changes)
    assert message in str(caught.value)


def test_percentiles_need_known_values_that_are_not_negative() -> None:
    sets = {"SampleCount": 4, "Sum": 10, "Minimum": 1, "Maximum": 4}
    samples = store(
        {"Values": [1, 2, 3, 4]}, {"StatisticValues": sets, "Timestamp": MINUTE}, {"Value": -1, "Timestamp": -MINUTE}
    )
    found = statistics(samples, Statistics=[], ExtendedStatistics=["p50"], EndTime=at(5 * MINUTE))
    assert [point["ExtendedStatistics"] for point in found] == [{}, {"p50": 2.0}, {}]


def test_both_calls_over_the_api(local_aws: AwsHarness) -> None:
    namespace, now = unique("Both"), local_aws.aws.clock.now() // MINUTE * MINUTE
    put = [
        {"MetricName": "m", "Value": value, "Unit": unit, "Timestamp": now} for value, unit in ((5, "Seconds"), (7, "Count"))
    ]
    local_aws.cloudwatch.put_metric_data(Namespace=namespace, MetricData=put)
    metric = {"Namespace": namespace, "MetricName": "m"}
    queries = [
        {"Id": "m1", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}},
        {"Id": "e1", "Expression": "m1 / 2", "Label": "half"},
    ]
    span = {"StartTime": now - MINUTE, "EndTime": now + MINUTE}
    answer = local_aws.cloudwatch.get_metric_data(MetricDataQueries=queries, **span)
    first, second = answer["MetricDataResults"]
    assert (first["Values"], first["Messages"][0]["Code"]) == ([7.0], "MultipleUnits")
    assert (second["Label"], second["Values"], second["Messages"]) == ("half", [3.5], [])
    assert answer["Messages"] == []
    queries[1]["Expression"] = "m1 / m2"
    code, message = refusal(local_aws.cloudwatch.get_metric_data, MetricDataQueries=queries, **span)
    assert (code, message) == ("ValidationError", "Error in expression 'e1': unknown id 'm2'")
    asked = {**metric, **span, "Period": 60, "Statistics": ["Sum"]}
    found = local_aws.cloudwatch.get_metric_statistics(**asked)["Datapoints"]
    assert sorted((point["Unit"], point["Sum"]) for point in found) == [("Count", 7.0), ("Seconds", 5.0)]
    with pytest.raises(ClientError, match="InvalidParameterCombination"):
        local_aws.cloudwatch.get_metric_statistics(**asked | {"StartTime": now - 2 * DAY})
    with pytest.raises(ClientError, match="InvalidParameterValue"):
        local_aws.cloudwatch.get_metric_statistics(**asked | {"Period": 90})
    with pytest.raises(ClientError, match="InvalidNextToken"):
        local_aws.cloudwatch.get_metric_data(MetricDataQueries=queries[:1], **span, NextToken="x")
