"""Ten scenarios on the local AWS, recorded, and what the simulator makes of the same arrivals, service, start and death times.

Runs all ten at the same time, each on an endpoint of its own: eight AWS hours, 25 minutes at 20 times the speed of the wall
clock. Prints the comparison; with --record the recordings are written for the test that replays them
(tests/capacity/test_recorded_runs.py). A run whose minutes were evaluated late is not written: there the local AWS waited for
the machine, not for AWS.

By hand:  python tests/trials/simulator_against_local_aws.py --record tests/capacity/recordings
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(CHECKOUT / "tests"), str(CHECKOUT / "scripts")]

from async_endpoint.emulator.emulator import Emulator  # noqa: E402
from support.capacity_scenarios import LAUNCH_SECONDS, SCENARIOS, Scenario, random_scenarios  # noqa: E402
from support.in_process_aws import AwsHarness  # noqa: E402
from support.live_scenarios import LiveRun  # noqa: E402
from support.recorded_run import Recording  # noqa: E402
from support.run_recorder import Recorder  # noqa: E402
from support.simulator_comparison import compare, replay, sensitivity_table, table  # noqa: E402

LATE_SECONDS = 30.0  # half a period of metrics


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def _run(scale: float, scenarios: Sequence[Scenario]) -> list[Recording]:
    with tempfile.TemporaryDirectory() as folder:
        aws = Emulator(Path(folder), 0, scale, launch_seconds=LAUNCH_SECONDS, filter_delay_minutes=0)
        recorder = Recorder(aws.clock.now)
        aws.start()
        try:
            with recorder.recording():
                return LiveRun(AwsHarness(aws, Path(folder)), recorder, _say).run(scenarios)
        finally:
            aws.stop()


def _compare(recordings: list[Recording]) -> int:
    """Print the comparison; returns the exit code."""
    comparisons = [compare(recording, replay(recording)) for recording in recordings]
    print(table(comparisons), sensitivity_table(recordings), sep="\n\n", end="\n\n")
    failures = [failure for comparison in comparisons for failure in comparison.failures]
    print("\n".join(failures) or "All bars are kept.")
    return 1 if failures else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--scale", type=float, default=20.0, help="AWS seconds a second")
    parser.add_argument("--record", type=Path, help="folder for the recordings")
    parser.add_argument("--compare", type=Path, help="folder of recordings to compare, without a run")
    parser.add_argument("--late", type=float, default=LATE_SECONDS, help="AWS seconds that a minute may be evaluated late")
    parser.add_argument("--only", nargs="*", default=[], help="scenarios by name")
    parser.add_argument("--random", type=int, metavar="SEED", help="ten scenarios at random instead")
    arguments = parser.parse_args()
    if arguments.compare is not None:
        return _compare([Recording.read(file) for file in sorted(arguments.compare.glob("*.json"))])
    chosen = [one for one in SCENARIOS if not arguments.only or one.name in arguments.only]
    recordings = _run(
        arguments.scale, chosen if arguments.random is None else random_scenarios(arguments.random, len(SCENARIOS))
    )
    latest = recordings[0].conditions.latest_minute
    _say(f"The latest minute was evaluated {latest:.1f} AWS seconds after its end.")
    if latest > arguments.late:
        _say(f"That is more than {arguments.late:.0f}: the machine was too busy, and the run is not kept.")
        return 1
    if arguments.record is not None:
        arguments.record.mkdir(parents=True, exist_ok=True)
        for recording in recordings:
            recording.write(arguments.record)
    return _compare(recordings)


if __name__ == "__main__":
    sys.exit(main())
