"""The file of a profile: what is written is read, and a wrong field is named."""

from __future__ import annotations

import json
from typing import Any

import pytest

from async_endpoint.capacity.profile import Profile, parse_profile
from async_endpoint.core.errors import InvalidInput

PROFILE = Profile(
    "shop-dev", "ml.m5.large", "2026-11-30T14:00:00Z", (212.0, 180.5), {1: (0.5, 1.0, 1.5), 4: (2.0,), 8: (1.5,)}, 41.5
)


def test_a_profile_is_read_as_it_was_written() -> None:
    assert parse_profile(PROFILE.dump(), "p.json") == PROFILE


def test_the_slowdown_is_of_medians_and_never_falls() -> None:
    assert PROFILE.alone == (0.5, 1.0, 1.5)
    assert PROFILE.slowdown() == {1: 1.0, 4: 2.0, 8: 2.0}
    faster = Profile("e", "ml.m5.large", "", (), {2: (2.0,), 4: (1.0,)})
    assert faster.slowdown() == {2: 1.0, 4: 1.0}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 2}, "has version 2"),
        ({"endpoint": None}, "None in endpoint"),
        ({"start_seconds": None}, "None in start_seconds"),
        ({"start_seconds": [0]}, "0 in start_seconds; it must be seconds above zero"),
        ({"start_seconds": [True]}, "True in start_seconds"),
        ({"service_seconds": {}}, "{} in service_seconds"),
        ({"service_seconds": {"0": [1]}}, "'0' in service_seconds"),
        ({"service_seconds": {"1001": [1]}}, "'1001' in service_seconds"),
        ({"service_seconds": {"x": [1]}}, "'x' in service_seconds"),
        ({"service_seconds": {"1": []}}, "[] in service_seconds.1"),
        ({"service_seconds": {"1": [10**400]}}, "in service_seconds.1"),
        ({"memory_percent": "much"}, "'much' in memory_percent"),
    ],
)
def test_a_wrong_field_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput) as error:
        parse_profile(json.dumps(json.loads(PROFILE.dump()) | change), "p.json")
    assert message in str(error.value)


@pytest.mark.parametrize("text", ["", "[1]", "{}", "[" * 100_000])
def test_what_is_no_profile_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"p\.json is n"):
        parse_profile(text, "p.json")
