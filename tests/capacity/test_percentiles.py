"""Percentiles of many values: those of a sorted list, whatever the values."""

from __future__ import annotations

import math
import random
from array import array

import pytest

from async_endpoint.capacity.simulation import outcome as module
from async_endpoint.capacity.simulation.outcome import Outcome, ranked

GENERATOR = random.Random(4)
VALUES = {
    "spread": [GENERATOR.random() for _ in range(30_000)],
    "mostly nothing": [0.0] * 25_000 + [GENERATOR.random() for _ in range(5_000)],
    "ascending": [float(value) for value in range(30_000)],
    "equal": [7.0] * 20_000,
    "few": [3.0, 1.0, 2.0],
    "a comb that the sample misses": [float(index % 3 == 1) * index for index in range(30_000)],
}


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
def test_a_rank_is_that_of_the_sorted_values(values: list[float]) -> None:
    ordered = sorted(values)
    for rank in {1, 2, len(values) // 2, len(values) - 1, len(values), len(values) * 95 // 100} - {0}:
        assert ranked(array("d", values), rank) == ordered[rank - 1]


def test_percentiles_of_many_requests_count_those_that_expired(monkeypatch: pytest.MonkeyPatch) -> None:
    waits = array("d", VALUES["spread"])
    found = Outcome(waits, waits, array("q"), 10_000, 0, 0, (), 0.0, 0, 0.0)
    small = {percent: found.wait(percent) for percent in (0, 1, 50, 74, 75, 76, 100)}
    monkeypatch.setattr(module, "SORTED_AT_ONCE", 100)
    assert {percent: found.wait(percent) for percent in small} == small
    assert small[76] == small[100] == math.inf
    assert small[75] == max(waits)
    assert small[0] == min(waits)
