"""Bills, line by line: three recomputed by hand from published prices, and what has no price."""

from __future__ import annotations

from datetime import date

import pytest

from async_endpoint.capacity.bill import Bill, IdleItems, Usage, bill, running_all_month
from async_endpoint.capacity.load import Load
from async_endpoint.capacity.price_items import ITEMS
from async_endpoint.capacity.prices import Price, PriceList

TODAY = date(2026, 11, 30)


def lines(one: Bill) -> dict[str, float]:
    return {line.item: round(line.usd, 6) for line in one.lines if line.usd is not None}


def test_by_hand_an_idle_endpoint_in_ireland() -> None:
    """One key for a month 1.00, 17 metrics of alarms at 0.10 = 1.70, one dashboard 3.00: 5.70."""
    found = bill(Usage(idle=IdleItems(kms_keys=1, alarm_metrics=17, dashboards=1)), PriceList.load("eu-west-1", today=TODAY))
    assert lines(found) == {"kms_key": 1.0, "alarm_metric": 1.7, "dashboard": 3.0}
    assert found.usd == pytest.approx(5.70)
    assert found.by_component() == pytest.approx({"encryption": 1.0, "monitoring": 4.7})
    assert found.warnings == ()


def test_by_hand_two_gpu_instances_that_never_sleep_in_virginia() -> None:
    """ml.g5.xlarge: 2 x 730 hours x 1.408 = 2,055.68. A volume of 30 GB for a month: 30 x 0.14 = 4.20. Together 2,059.88."""
    usage = Usage(instance_seconds=running_all_month([("ml.g5.xlarge", 2)]), instance_volume_gb_months=30)
    found = bill(usage, PriceList.load("us-east-1", today=TODAY))
    assert lines(found) == {"ml.g5.xlarge": 2_055.68, "instance_volume_gb": 4.2}
    assert found.complete_usd == pytest.approx(2_059.88)


def test_by_hand_a_month_of_requests_in_virginia() -> None:
    """3,000 requests of 1 MB each way, 150 hours of ml.m5.large, objects kept for 30.416667 days, which is a month.

    instance     150 h x 0.115                                        = 17.25
    data         3,000 x 2 MB = 6 GB x 0.02                           =  0.12
    storage      6 GB for a month x 0.023                             =  0.138
    PUT          2 x 3,000 = 6,000: 6 thousands x 0.005               =  0.03
    GET          2 x 3,000 = 6,000: 6 thousands x 0.0004              =  0.0024
    messages     3,000 / 1,000,000 x 0.50                             =  0.0015
    queue        3 x 3,000 = 9,000 / 1,000,000 x 0.40                 =  0.0036
    KMS          2 x 3,000 = 6,000: 0.6 ten thousands x 0.03          =  0.018
    logs         3,000 x 10 kB = 0.03 GB x 0.50                       =  0.015
    idle         a key 1.00, 3 metrics of alarms 0.30                 =  1.30
                                                                        -------
                                                                        18.8785
    """
    load = Load(3_000, 1_000_000, 1_000_000, kept_days=730 / 24, log_bytes=10_000)
    instances = Usage(instance_seconds={"ml.m5.large": 150 * 3_600}, idle=IdleItems(kms_keys=1, alarm_metrics=3))
    found = bill(load.usage() + instances, PriceList.load("us-east-1", today=TODAY))
    assert lines(found) == {
        "ml.m5.large": 17.25,
        "endpoint_data_gb": 0.12,
        "s3_storage_gb": 0.138,
        "s3_put": 0.03,
        "s3_get": 0.0024,
        "sns_publishes": 0.0015,
        "sqs_requests": 0.0036,
        "kms_requests": 0.018,
        "kms_key": 1.0,
        "alarm_metric": 0.3,
        "log_ingestion_gb": 0.015,
    }
    assert found.complete_usd == pytest.approx(18.8785)
    assert sum(found.by_component().values()) == pytest.approx(18.8785)


def test_what_has_no_price_has_no_amount_and_is_named() -> None:
    usage = Usage(instance_seconds={"ml.x9.huge": 3_600, "ml.m5.large": 3_600}, metric_requests=5_000)
    found = bill(usage, PriceList.load("eu-west-1", today=TODAY))
    assert found.unknown == ("ml.x9.huge", "metric_requests")
    assert (found.usd, found.complete_usd) == (0.128, None)
    assert len(found.warnings) == 2
    assert "No price of metric_requests in eu-west-1 is known (us-east-1 has 0.01 of 2026-09-21" in found.warnings[1]
    assert found.by_component() == {"instances": 0.128, "monitoring": 0.0}


def test_an_old_price_is_used_and_reported() -> None:
    found = bill(Usage(endpoint_bytes=2e9), PriceList.load("eu-west-1", today=TODAY))
    assert found.complete_usd == pytest.approx(0.032)
    assert "The price of endpoint_data_gb in eu-west-1 is of 2023-12-31, over a year old" in found.warnings[0]


def test_every_item_can_be_billed_in_its_unit() -> None:
    prices = {name: Price(1.0, "x", TODAY, "mars-1") for name in ITEMS}
    fields = ("instance_volume_gb_months", "endpoint_bytes", "s3_puts", "s3_gets", "stored_gb_months", "notifications")
    more = ("queue_requests", "kms_requests", "log_bytes", "log_stored_gb_months", "metric_requests", "lambda_requests")
    rest = ("lambda_gb_seconds", "api_requests", "serverless_gb_seconds")
    usage = Usage(idle=IdleItems(1, 1, 1, 1), **dict.fromkeys((*fields, *more, *rest), 1e6))  # type: ignore[arg-type]
    found = bill(usage, PriceList("mars-1", TODAY, {}, {"mars-1": prices}))
    assert {line.item for line in found.lines} == ITEMS.keys()
    amounts = {line.item: line.usd for line in found.lines}
    assert (amounts["s3_put"], amounts["sqs_requests"], amounts["kms_requests"]) == (1_000, 1, 100)
    assert amounts["log_ingestion_gb"] == 0.001


def test_usages_of_the_same_period_add_up() -> None:
    one = Usage(instance_seconds={"a": 1.0}, requests=5, months=0.5, idle=IdleItems(kms_keys=1))
    other = Usage(instance_seconds={"a": 2.0, "b": 3.0}, requests=6, months=0.5, idle=IdleItems(alarm_metrics=2))
    both = one + other
    assert (both.instance_seconds, both.requests, both.months) == ({"a": 3.0, "b": 3.0}, 11, 0.5)
    assert both.idle == IdleItems(kms_keys=1, alarm_metrics=2)
    assert both.quantities()["kms_key"] == 0.5
