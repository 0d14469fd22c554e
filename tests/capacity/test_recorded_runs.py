"""The simulator beside ten recorded runs of the local AWS, and simulators that are wrong beside the same runs.

tests/trials/simulator_against_local_aws.py made the recordings. Scenarios: tests/support/capacity_scenarios.py.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from support.capacity_scenarios import SCENARIOS
from support.recorded_run import Recording
from support.simulator_comparison import PERIOD, compare, replay, sensitivity_table, table
from support.wrong_simulators import WRONG_SIMULATORS

FOLDER = Path(__file__).parent / "recordings"
RECORDINGS = {file.stem: Recording.read(file) for file in sorted(FOLDER.glob("*.json"))}
DOCUMENT = Path(__file__).parents[2] / "docs" / "capacity.md"


def test_every_scenario_was_recorded_as_it_is() -> None:
    assert {scenario.name for scenario in SCENARIOS} == RECORDINGS.keys()
    for scenario in SCENARIOS:
        recording = RECORDINGS[scenario.name]
        assert recording.settings == scenario.settings
        sent = [planned.at for planned in scenario.requests]
        assert [request.arrival for request in recording.requests] == pytest.approx(sent, abs=PERIOD / 2)
        assert len(recording.deaths) == len(scenario.deaths)


def test_the_local_aws_was_not_late_and_not_too_fast_in_these_runs() -> None:
    for recording in RECORDINGS.values():
        assert recording.conditions.time_scale <= 20
        assert recording.conditions.latest_minute < PERIOD / 2


def test_the_recordings_are_small() -> None:
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) < 300_000


@pytest.mark.parametrize("name", RECORDINGS)
def test_the_simulation_agrees_with_the_recorded_run(name: str) -> None:
    """Instance hours within 5 %, p50 and p95 of waits within 10 % or a period, every scaling activity in the same order.

    And nearly all of them in the same minute.
    """
    recording = RECORDINGS[name]
    assert compare(recording, replay(recording)).failures == []


def test_each_scenario_scales() -> None:
    """Nothing is shown by runs in which nothing happens; the kinds of activities are all there."""
    kinds = {name: {activity.kind for activity in recording.activities} for name, recording in RECORDINGS.items()}
    assert all({"in", "wake"} <= found or "out" in found for found in kinds.values()), kinds
    assert set().union(*kinds.values()) == {"out", "in", "wake", "bounds"}
    assert any(request.wait is None for request in RECORDINGS["expiry"].requests)


@pytest.mark.parametrize("what", WRONG_SIMULATORS)
def test_a_wrong_simulator_does_not_pass(what: str) -> None:
    with WRONG_SIMULATORS[what]() as wrong:
        failures = [failure for one in RECORDINGS.values() for failure in compare(one, replay(one, wrong)).failures]
    assert failures


def test_the_document_has_the_figures_of_these_recordings() -> None:
    text = DOCUMENT.read_text()
    assert table(compare(one, replay(one)) for one in RECORDINGS.values()) in text
    assert sensitivity_table(RECORDINGS.values()) in text
    assert f"{len(WRONG_SIMULATORS)} simulators that are wrong" in text
    assert f"more than {max(one.conditions.latest_minute for one in RECORDINGS.values()):.0f} AWS seconds" in text
