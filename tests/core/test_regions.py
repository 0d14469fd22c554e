from __future__ import annotations

import json
from importlib.resources import files

import pytest

from async_endpoint.core.regions import is_region, regions_in


def test_every_region_that_botocore_knows_is_one() -> None:
    partitions = json.loads((files("botocore") / "data/endpoints.json").read_text())["partitions"]
    known = [name for partition in partitions for name in partition["regions"]]
    assert len(known) > 30
    assert [name for name in known if not is_region(name)] == []


@pytest.mark.parametrize("text", ["", "eu-west", "eu_west-1", "prod-east-1", "eu-west-1a", "EU-WEST-1", "../eu-west-1"])
def test_other_text_is_none(text: str) -> None:
    assert not is_region(text)


def test_regions_are_found_in_names_of_resources() -> None:
    assert regions_in("shop-prod-us-gov-west-1-execution") == {"us-gov-west-1"}
    assert regions_in("shop-123456789012-ap-southeast-5") == {"ap-southeast-5"}
    assert regions_in("shop-prod-execution") == set()
    assert regions_in("museu-west-1x") == set()
