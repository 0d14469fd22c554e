"""List prices: each with the address and date of its source; missing, old and foreign ones are reported."""

from __future__ import annotations

import json
import re
from datetime import date
from importlib.resources import files

import pytest

from async_endpoint.capacity.price_items import ITEMS, is_instance
from async_endpoint.capacity.prices import Price, PriceList

TODAY = date(2026, 11, 30)
LIST = (
    "https://github.com/1mad-elmakaoui/tools_testing/blob/43dd1aa2d49a00cfbc98d7dcbdf3eed997511927/"
    "sagemaker-idle-finder/src/sagemaker_idle_finder/data/prices.yaml"
)


def test_a_price_is_of_the_region_or_there_is_none() -> None:
    east, ireland = (PriceList.load(region, today=TODAY) for region in ("us-east-1", "eu-west-1"))
    found = east.instance("ml.m5.xlarge"), ireland.instance("ml.m5.xlarge")
    assert [price and (price.usd, price.region) for price in found] == [(0.23, "us-east-1"), (0.257, "eu-west-1")]
    assert PriceList.load("mars-1", today=TODAY).instance("ml.m5.xlarge") is None
    assert east.instance("ml.x9.huge") is None
    with pytest.raises(KeyError):
        east.item("kms_keys")


def test_every_price_has_the_address_and_date_of_its_source() -> None:
    table = json.loads(files("async_endpoint.capacity").joinpath("prices.json").read_text(encoding="utf-8"))
    regions = table["regions"]
    assert {one["source"] for prices in regions.values() for one in prices.values()} == table["sources"].keys()
    assert {name for prices in regions.values() for name in prices if not is_instance(name)} <= ITEMS.keys()
    assert all(one["usd"] > 0 for prices in regions.values() for one in prices.values())
    for name, source in table["sources"].items():
        assert re.fullmatch(r"https://\S+", source["address"]), name
        assert "2023-01-01" < source["date"] <= "2026-11-30", name
        assert source["what"], name
    assert "metric_requests" not in regions["eu-west-1"], "no source has it"
    for prices in regions.values():
        assert len([name for name in prices if is_instance(name)]) >= 12


def test_a_missing_price_is_reported_with_the_remedy() -> None:
    ireland = PriceList.load("eu-west-1", today=TODAY)
    [warning] = ireland.warnings(["ml.x9.huge", "kms_key"])
    assert warning == (
        "No price of ml.x9.huge in eu-west-1 is known; state it in a file for --prices, or run `prices refresh`."
    )


def test_the_price_of_another_region_is_used_only_where_it_is_asked_for_and_is_reported() -> None:
    ireland = PriceList.load("eu-west-1", today=TODAY)
    assert ireland.instance("ml.g6e.xlarge") is None
    assert "us-east-1 has 2.6054 of 2026-09-22" in ireland.warnings(["ml.g6e.xlarge"])[0]
    asked = PriceList.load("eu-west-1", today=TODAY, fallback="us-east-1")
    price = asked.instance("ml.g6e.xlarge")
    assert price
    assert (price.usd, price.region) == (2.6054, "us-east-1")
    assert asked.warnings(["ml.g6e.xlarge"])[0].startswith("The price of ml.g6e.xlarge is that of us-east-1 (2.6054 US dollars")


@pytest.mark.parametrize(("today", "old"), [(date(2027, 9, 11), False), (date(2027, 9, 12), True)])
def test_a_price_older_than_a_year_is_reported(today: date, old: bool) -> None:
    prices = PriceList.load("us-east-1", today=today)
    price = prices.item("kms_key")
    assert price
    assert price.date == date(2026, 9, 11)
    assert bool(prices.warnings(["kms_key"])) is old
    assert price.older_than_a_year(today) is old


def test_a_price_of_ones_own_comes_before_the_list_in_its_region_alone() -> None:
    own = {"us-east-1": {"ml.m5.large": Price(0.08, "savings plan", date(2026, 11, 1), "us-east-1")}}
    found = [PriceList.load(region, own, today=TODAY).instance("ml.m5.large") for region in ("us-east-1", "eu-west-1")]
    assert [price and (price.usd, price.source) for price in found] == [(0.08, "savings plan"), (0.128, LIST)]
