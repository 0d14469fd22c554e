"""The screen of `async-endpoint watch`: whole dates at 80 columns, and which clock each one is of."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from async_endpoint.cli.watch import shown
from async_endpoint.operations.watch import Activity, Result, WatchSnapshot

MEASURED, WRITTEN, BEGUN = "2026-11-29T23:59:59", "2026-11-29T22:58:58", "2026-12-01T01:02:03"
SNAPSHOT = WatchSnapshot(
    endpoint="shop-prod-recommender",
    status="InService",
    config="shop-prod-recommender-20261129235959",
    failure_reason=None,
    instances=1,
    desired_instances=10,
    measured=f"{MEASURED}+00:00",
    backlog=123_456.0,
    oldest_seconds=12_345.0,
    processed=1_234_567.0,
    failed=123_456.0,
    expired=12_345.0,
    results=(Result("failure", f"s3://shop-prod-123456789012/failure/{'x' * 90}.out", 123_456_789, f"{WRITTEN}+00:00"),),
    keys_seen=1,
    all_keys=True,
    activities=(
        Activity(
            f"{BEGUN}+00:00",
            "Successful",
            "Setting desired instance count to 1.",
            "monitor alarm shop-wake in state ALARM triggered policy shop-wake",
        ),
    ),
    suspended=(),
    suspension=None,
    hidden=(),
)


def screen(*, on_local_aws: bool) -> list[str]:
    console = Console(file=io.StringIO(), width=80, highlight=False, soft_wrap=True)
    console.print(shown(SNAPSHOT, on_local_aws=on_local_aws))
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined,no-any-return]


@pytest.mark.parametrize("on_local_aws", [True, False])
def test_every_date_is_whole_at_80_columns(on_local_aws: bool) -> None:
    lines = screen(on_local_aws=on_local_aws)
    for moment in (MEASURED, WRITTEN, BEGUN):
        assert any(f"{moment}Z" in line for line in lines)
    assert max(len(line) for line in lines if not line.startswith(SNAPSHOT.endpoint)) <= 80  # tables are cut
    text = " ".join(lines)
    assert "…" not in text
    for whole in ("processed", "expired", "instances", "123,456,789", "Successful", "failure"):
        assert whole in text


def test_times_of_a_local_aws_name_their_clock() -> None:
    lines = screen(on_local_aws=True)
    assert {"newest results, in wall time", "scaling, in AWS time", f"measured {MEASURED}Z, in AWS time"} <= set(lines)


def test_aws_has_one_clock() -> None:
    assert {"newest results", "scaling", f"measured {MEASURED}Z"} <= set(screen(on_local_aws=False))
