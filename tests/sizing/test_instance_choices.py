"""The instance types that may be recommended: from factors and profiles, priced."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from async_endpoint.capacity.distributions import Fixed, Sampled
from async_endpoint.capacity.prices import PriceList
from async_endpoint.capacity.profile import Profile, parse_profile
from async_endpoint.capacity.settings import ModuleSettings
from async_endpoint.core.errors import InvalidInput
from async_endpoint.sizing.instance_choices import instance_choices

CURRENT = ModuleSettings(max_concurrent_invocations=3).settings()
PRICES = PriceList.load("us-east-1", today=date(2026, 11, 30))


def profile(folder: Path, kind: str, alone: float, four: float, starts: tuple[float, ...] = ()) -> tuple[Profile, str]:
    measured = {"version": 1, "endpoint": "shop", "instance_type": kind, "measured": "2026-11-30T14:00:00Z"}
    measured |= {"start_seconds": starts, "service_seconds": {"1": [alone], "4": [four]}, "memory_percent": None}
    path = folder / f"{kind}.json"
    path.write_text(json.dumps(measured))
    return parse_profile(path.read_text(), path.name), str(path)


def test_without_a_slowdown_concurrency_stays() -> None:
    found = instance_choices(CURRENT, Fixed(240), None, PRICES)
    [option] = found.options
    assert (option.instance_type, option.concurrencies, option.usd_per_hour) == ("ml.m5.xlarge", (3,), 0.23)
    assert "Concurrency stays at 3" in found.notes[0]


def test_a_stated_slowdown_holds_for_all_types() -> None:
    own, other = instance_choices(CURRENT, Fixed(240), None, PRICES, ["ml.g5.xlarge=0.25"], "2=1.5, 4=2.5").options
    assert own.concurrencies == other.concurrencies == (1, 2, 4)
    assert [own.slowdown.factor(level) for level in (1, 2, 4)] == [1, 1.5, 2.5]
    assert [other.slowdown.factor(level) for level in (1, 2, 4)] == [0.25, 0.375, 0.625]
    assert other.usd_per_hour > own.usd_per_hour == 0.23


def test_types_are_compared_by_their_profiles(tmp_path: Path) -> None:
    mine, _ = profile(tmp_path, "ml.m5.xlarge", 8, 24)
    _, file = profile(tmp_path, "ml.g5.xlarge", 2, 3, (400.0, 420.0))
    own, other = instance_choices(CURRENT, Fixed(240), mine, PRICES, [f"ml.g5.xlarge={file}"]).options
    assert (own.slowdown.factor(1), own.slowdown.factor(4)) == (1, 3)
    assert (other.slowdown.factor(1), other.slowdown.factor(4)) == (0.25, 0.375)
    assert (own.starts, other.starts) == (Fixed(240), Sampled((400.0, 420.0)))


def test_what_is_wrong_is_named(tmp_path: Path) -> None:
    mine, file = profile(tmp_path, "ml.m5.large", 8, 24)
    for types, slowdown, measured, text in (
        ([f"ml.g5.xlarge={file}"], None, mine, "is a profile of ml.m5.large, not of ml.g5.xlarge"),
        ([f"ml.m5.large={file}"], None, None, "give it with --profile"),
        (["ml.m5.xlarge=2"], None, None, "given twice, or is the endpoint's"),
        (["ml.m5.large=0"], None, None, "A factor is 0"),
        (["m5.large=2"], None, None, "'m5.large=2' is no choice of an instance type"),
        (["ml.m5.large=missing.json"], None, None, "missing.json cannot be read"),
        ([], "2=x", None, "'2=x' is no slowdown"),
        ([], "0=1", None, "'0=1' is no slowdown"),
        ([], "2=1", mine, "give either --slowdown or --profile"),
    ):
        with pytest.raises(InvalidInput) as refused:
            instance_choices(CURRENT, Fixed(240), measured, PRICES, types, slowdown)
        assert text in str(refused.value)
        assert "\n" not in str(refused.value)


def test_prices_that_are_old_or_of_another_region_are_reported() -> None:
    old = PriceList.load("us-east-1", today=date(2030, 1, 1))
    assert any("over a year old" in note for note in instance_choices(CURRENT, Fixed(1), None, old).notes)
    elsewhere = PriceList.load("af-south-1", today=date(2026, 11, 30), fallback="us-east-1")
    assert any("is that of us-east-1" in note for note in instance_choices(CURRENT, Fixed(1), None, elsewhere).notes)
    with pytest.raises(InvalidInput, match=r"No price of ml\.m5\.xlarge in af-south-1"):
        instance_choices(CURRENT, Fixed(1), None, PriceList.load("af-south-1", today=date(2026, 11, 30)))
