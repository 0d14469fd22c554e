"""Sources of arrivals, and the workload that they become with the options of the command line."""

# ruff: noqa: N803 - the arguments are spelled as boto3 spells them
from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from async_endpoint.autoscaling.decisions import Bounds
from async_endpoint.aws import AwsSession
from async_endpoint.batch.item import Item
from async_endpoint.batch.manifest import Manifest
from async_endpoint.capacity.arrivals.trace import EPOCH
from async_endpoint.capacity.distributions import Fixed
from async_endpoint.capacity.profile import Profile
from async_endpoint.capacity.settings import Settings
from async_endpoint.capacity.simulation import simulate
from async_endpoint.client.models import Submitted
from async_endpoint.core.errors import InvalidInput, NotApplied, NotReady, Refused
from async_endpoint.sizing.arrival_sources import ArrivalOptions, Live, not_applied, parse_duration, read_workload
from support.metric_store import FakeMetrics, details

PROFILE = Profile("shop", "ml.m5.large", "", (), {1: (1.5,), 2: (2.0,)})
UPLOADED = datetime(2026, 11, 30, 14, 0, 30, tzinfo=UTC)


def csv(folder: Path, text: str, name: str = "trace.csv") -> str:
    (folder / name).write_text(text)
    return str(folder / name)


def live(**services: Any) -> Any:
    def connect() -> Live:
        return AwsSession(services.__getitem__, "eu-west-1"), details()

    return connect


def read(sources: list[str], where: Any = None, **options: Any) -> Any:
    return read_workload(sources, ArrivalOptions(**options), where or not_applied("dev"))


def test_a_trace_with_its_own_service_times(tmp_path: Path) -> None:
    found = read([csv(tmp_path, "seconds,service_seconds\n0,2\n90,3\n")]).workload
    assert list(found.arrivals) == [EPOCH, EPOCH + 90]
    assert list(found.service) == [2, 3]
    assert (found.start, found.end) == (EPOCH, EPOCH + 120)
    assert not found.estimated


@pytest.mark.parametrize(
    ("options", "service"),
    [
        ({"service_time": "12"}, [12, 12]),
        ({"service_time": "0.5+0.01*tokens"}, [1.5, 2.5]),
        ({"profile": PROFILE}, [1.5, 1.5]),
        ({"service_time": "4", "profile": PROFILE}, [4, 4]),
    ],
)
def test_service_times_as_stated_or_profiled(tmp_path: Path, options: dict[str, Any], service: list[float]) -> None:
    assert list(read([csv(tmp_path, "seconds,tokens\n0,100\n5,200\n")], **options).workload.service) == pytest.approx(service)


def test_a_request_takes_as_long_as_an_invocation_may_at_most(tmp_path: Path) -> None:
    found = read([csv(tmp_path, "seconds,service_seconds\n0,3600\n5,1e300\n")])
    assert list(found.workload.service) == [3_600, 3_600]
    assert found.notes[-1].startswith("1 requests take longer than an invocation may, 3,600 s")


def test_without_service_times_they_are_asked_for(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="give --service-time, --profile, or a column service_seconds"):
        read([csv(tmp_path, "seconds\n0\n")])


def test_several_sources_are_taken_together(tmp_path: Path) -> None:
    sources = [csv(tmp_path, "seconds\n30\n", "a.csv"), csv(tmp_path, "seconds\n10\n200\n", "b.csv")]
    found = read(sources, service_time="1").workload
    assert [at - EPOCH for at in found.arrivals] == [10, 30, 200]
    assert (found.start - EPOCH, found.end - EPOCH) == (0, 240)
    assert found.source == f"{sources[0]} and {sources[1]}"


def test_requests_that_arrive_together_are_served_in_the_order_of_the_file(tmp_path: Path) -> None:
    rows = "".join(f"0,{seconds}\n" for seconds in (100, 1) * 100)
    workload = read([csv(tmp_path, f"seconds,service_seconds\n{rows}")]).workload
    assert list(workload.service) == [100, 1] * 100
    one = Settings("ml.m5.xlarge", 1, Bounds(1, 1), request_ttl_seconds=21_600)
    assert simulate(one, workload, starts=Fixed(60)).wait(50) == 50 * 101 - 1, "the 100th has 50 of each before it but itself"


def test_what_has_no_dates_begins_with_what_has_some(tmp_path: Path) -> None:
    dated = csv(tmp_path, "timestamp\n2026-11-30T14:00:30Z\n2026-11-30T18:00:00Z\n", "dated.csv")
    undated = csv(tmp_path, "seconds\n5\n", "undated.csv")
    found = read([undated, "poisson:60/h", dated], service_time="1")
    start = datetime(2026, 11, 30, 14, tzinfo=UTC).timestamp()
    assert found.workload.start == start
    assert found.workload.seconds == 4 * 3_600 + 60, "a model lasts as long as what it is taken together with"
    assert {start + 5, start + 30, start + 4 * 3_600} <= set(found.workload.arrivals)
    assert 150 < len(found.workload) < 350
    assert "What has no dates begins with what has some, at 2026-11-30 14:00 UTC." in found.notes


def test_sources_of_different_years_are_refused(tmp_path: Path) -> None:
    sources = [csv(tmp_path, f"timestamp\n{year}-11-30T14:00:00Z\n", f"{year}.csv") for year in (2024, 2026)]
    with pytest.raises(InvalidInput, match=r"spread over 730 days from 2024-11-30 14:00 UTC on; at most 366 days"):
        read(sources, service_time="1")
    assert len(read(sources, service_time="1", duration="day").workload) == 1


def test_two_models_of_one_kind_have_different_requests() -> None:
    workload = read(["poisson:30/h", "poisson:30/h"], service_time="uniform:1,9", duration="week").workload
    alone = read(["poisson:30/h"], service_time="uniform:1,9", duration="week").workload
    assert len(set(workload.arrivals)) == len(workload) > 1.9 * len(alone)
    assert set(alone.arrivals) < set(workload.arrivals)
    assert len(set(workload.service)) == len(workload)


def test_stretch_and_duration_set_the_window(tmp_path: Path) -> None:
    source = csv(tmp_path, "seconds\n0\n30\n3000\n")
    stretched = read([source], service_time="1", stretch="week")
    assert stretched.workload.seconds == 604_800
    assert [at - EPOCH for at in stretched.workload.arrivals] == pytest.approx(
        [0, 30 * 604_800 / 3_060, 3000 * 604_800 / 3_060]
    )
    assert "stretched" in stretched.notes[-1]
    cut = read([source], service_time="1", duration="600").workload
    assert (len(cut), cut.seconds) == (2, 600)


def test_a_model_of_arrivals_is_the_same_for_a_seed() -> None:
    found = read(["poisson:30/h"], service_time="1", duration="day").workload
    assert found.seconds == 86_400
    assert 500 < len(found) < 950
    assert found.arrivals == read(["poisson:30/h"], service_time="1", duration="day").workload.arrivals
    assert found.arrivals != read(["poisson:30/h"], service_time="1", duration="day", seed=1).workload.arrivals


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        ("poison:30/h", {}, "is no model of arrivals"),
        ("poisson:1/week", {"duration": "60"}, "give a longer --duration"),
        ("nothing.csv", {}, "cannot be read"),
        (".", {}, "it is a folder"),
        ("cloudwatch:many", {}, "write cloudwatch:14"),
        ("poisson:30/h", {"duration": "soon"}, "--duration is 'soon'"),
        ("poisson:30/h", {"stretch": "1"}, "--stretch is '1'"),
        ("poisson:30/h", {"service_time": "0"}, "must be above zero"),
        ("poisson:30/h", {"service_time": "tokens*2"}, "names tokens, and poisson:30/h, seed 0 has these columns"),
        ("poisson:30/h", {"service_time": "often:3"}, "no distribution"),
    ],
)
def test_what_cannot_be_used_is_named(source: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput) as error:
        read([source], live(), **({"service_time": "1"} | options))
    assert message in str(error.value)
    assert str(error.value).count("\n") == 0


def test_nothing_is_no_source() -> None:
    with pytest.raises(InvalidInput, match="No arrivals are given"):
        read([])


@pytest.mark.parametrize("source", ["cloudwatch:1", "s3://bucket/input/"])
def test_an_endpoint_that_is_not_applied_has_no_metrics_and_no_inputs(source: str) -> None:
    with pytest.raises(NotApplied, match="dev has not been applied"):
        read([source], service_time="1")


def test_the_manifest_of_a_batch(tmp_path: Path) -> None:
    path = tmp_path / "manifest.sqlite"
    with Manifest(path, endpoint="shop", source="inputs") as manifest:
        for second in (40, 5):
            number = manifest.begin(Item(f"item-{second}", b"x", "f"), again=False)
            assert number is not None
            at = datetime(2026, 11, 30, 14, 0, second, tzinfo=UTC)
            manifest.submitted(number, Submitted(f"id-{second}", None, "s3://b/o", None, 60.0, at).as_dict())
        manifest.begin(Item("never sent", b"x", "f"), again=False)
        with pytest.raises(Refused, match="is in use"):
            read([str(path)], service_time="1")
    found = read([str(path)], service_time="1").workload
    assert [datetime.fromtimestamp(at, UTC).second for at in found.arrivals] == [5, 40]
    (tmp_path / "other.sqlite").write_bytes(b"no database at all, but some text")
    with pytest.raises(InvalidInput, match="is not the manifest of a batch"):
        read([str(tmp_path / "other.sqlite")], service_time="1")


def test_uploads_in_s3_over_several_pages_without_folders() -> None:
    pages = [
        {
            "Contents": [{"Key": "in/b", "LastModified": UPLOADED.replace(second=59)}],
            "IsTruncated": True,
            "NextContinuationToken": "2",
        },
        {
            "Contents": [{"Key": "in/a", "LastModified": UPLOADED}, {"Key": "in/", "LastModified": UPLOADED}],
            "IsTruncated": False,
        },
    ]

    def list_objects_v2(Bucket: str, Prefix: str, ContinuationToken: str = "1") -> dict[str, Any]:
        assert (Bucket, Prefix) == ("bucket", "in/")
        return pages[int(ContinuationToken) - 1]

    found = read(["s3://bucket/in/"], live(s3=SimpleNamespace(list_objects_v2=list_objects_v2)), service_time="1")
    assert list(found.workload.arrivals) == [UPLOADED.timestamp(), UPLOADED.timestamp() + 29]
    assert "sent inline" in found.notes[0]
    empty = SimpleNamespace(list_objects_v2=lambda **_: {"IsTruncated": False})
    with pytest.raises(InvalidInput, match="has no object"):
        read(["s3://bucket/in/"], live(s3=empty), service_time="1")


@pytest.mark.parametrize(("days", "period", "words"), [(2, 60, "1-minute data"), (20, 300, "5-minute data")])
def test_an_estimate_from_metrics_says_which_data_it_used(days: int, period: int, words: str) -> None:
    now = time.time() // 300 * 300
    first = now - 7_200
    metrics = FakeMetrics(
        {
            "ApproximateBacklogSize": {first - 86_400 * (days - 1): 0.0, first: 4.0, first + 300: 0.0},
            "InvocationsProcessed": {first + 300: 4.0},
            "ModelLatency": {first + 300: 2.5e6},
            "RequestDownloadLatency": {first + 300: 0.25e6},
            "ResponseUploadLatency": {first + 300: 0.25e6},
        }
    )
    found = read([f"cloudwatch:{days}"], live(cloudwatch=metrics), now=now)
    assert [at // period * period for at in found.workload.arrivals] == [first] * 4
    assert list(found.workload.service) == [3.0] * 4
    assert found.workload.seconds == days * 86_400
    assert found.workload.estimated
    assert words in found.notes[0]
    assert set(metrics.periods) == {period}


def test_metrics_beyond_their_retention_and_without_datapoints() -> None:
    with pytest.raises(InvalidInput, match="64 days of metrics cannot be read; give 1 to 63"):
        read(["cloudwatch:64"], live(cloudwatch=FakeMetrics({})), now=1e9)
    with pytest.raises(NotReady, match="no metric of endpoint shop-dev in the last 3 days"):
        read(["cloudwatch:3"], live(cloudwatch=FakeMetrics({})), now=1e9)
    idle = FakeMetrics({"ApproximateBacklogSize": {1e9 // 60 * 60 - 600: 0.0}})
    with pytest.raises(InvalidInput, match="Nothing arrived at endpoint shop-dev"):
        read(["cloudwatch:3"], live(cloudwatch=idle), now=1e9)


@pytest.mark.parametrize(("text", "seconds"), [("day", 86_400), ("week", 604_800), ("90", 90), ("6e4", 60_000)])
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text, "--stretch") == seconds
