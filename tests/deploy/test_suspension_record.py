"""The record of a suspension fits into a tag, and is never read out of something else."""

from __future__ import annotations

import re

import pytest

from async_endpoint.core.suspension import ALL_SUSPENDED, SuspensionRecord, timestamp, unix_time

NOW = timestamp(1_796_000_000)
RECORD = SuspensionRecord("0a1b2c3d", ALL_SUSPENDED, NOW, NOW, "ci@runner")


@pytest.mark.parametrize("previous", [frozenset(), frozenset({"DynamicScalingInSuspended"}), ALL_SUSPENDED])
def test_a_record_is_read_as_it_was_written(previous: frozenset[str]) -> None:
    record = SuspensionRecord("0a1b2c3d", previous, NOW, NOW, "ci@runner")
    assert SuspensionRecord.parse(record.encode()) == record


@pytest.mark.parametrize("by", ["ci@runner", "jürgen müller@büro", "x" * 400 + "@" + "y" * 400, "a=b c\n@d\u2028", ""])
def test_whatever_the_user_is_called_the_record_is_a_valid_tag(by: str) -> None:
    value = SuspensionRecord("0a1b2c3d", ALL_SUSPENDED, NOW, NOW, by or "nameless").encode()
    assert len(value) <= 256
    assert re.fullmatch(r"[A-Za-z0-9 +=._:/@-]*", value)
    assert SuspensionRecord.parse(value) is not None


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "true",
        RECORD.encode().replace("previous=", "was="),
        RECORD.encode().replace("scale-in", "scale-up"),
        RECORD.encode().replace(f"since={NOW}", "since=yesterday"),
        RECORD.encode().replace(f"renewed={NOW}", "renewed=2026-13-45T00:00:00Z"),
    ],
)
def test_what_is_no_record_is_not_taken_for_one(text: str | None) -> None:
    assert SuspensionRecord.parse(text) is None


def test_times_are_seconds_in_utc() -> None:
    assert unix_time(NOW) == 1_796_000_000
    assert NOW.endswith("Z")
