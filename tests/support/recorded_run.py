"""What happened to one endpoint of a local AWS during a run: requests, instances, scaling activities and alarms, as JSON.

Times are AWS seconds from the run's origin, to a tenth. A recording has all that a simulation of the same run needs, and what
came of it, so that both can be compared without running anything.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

_UNFINISHED: Final = 1e6  # seconds: after the end of every run
Kind = Literal["out", "in", "wake", "bounds"]


class RecordedRequest(NamedTuple):
    """`wait`: from the arrival to the start of the attempt that ended, None for a request that expired.

    `service`: seconds that this attempt occupied the instance; of an expired request what it would have taken.
    """

    arrival: float
    wait: float | None
    service: float


class RecordedInstance(NamedTuple):
    """`launched` and `stopped` limit its life; `ready` is None if it was stopped before it served, `stopped` if it lives on."""

    launched: float
    ready: float | None
    stopped: float | None
    died: bool


class RecordedActivity(NamedTuple):
    """A change of the desired count: what caused it, when it began and when the count was reached."""

    start: float
    end: float | None
    before: int
    after: int
    kind: Kind


class RecordedAlarm(NamedTuple):
    """A change of an alarm's state."""

    time: float
    alarm: str
    state: str


@dataclass(frozen=True)
class Conditions:
    """How the run was made: `latest_minute` is how many AWS seconds after its end a minute's scaling was done at worst."""

    time_scale: float
    launch_seconds: float
    latest_minute: float
    median_minute: float


@dataclass(frozen=True)
class Recording:
    """`origin` is in epoch seconds; the endpoint was in service from `start` (negative), and was watched until `end`.

    `settings` are variables of module async-inference, those that differ from its defaults.
    """

    scenario: str
    settings: dict[str, Any]
    conditions: Conditions
    origin: float
    start: float
    end: float
    requests: list[RecordedRequest]
    instances: list[RecordedInstance]
    activities: list[RecordedActivity]
    alarms: list[RecordedAlarm]

    def write(self, folder: Path) -> None:
        """As one file named after the scenario, with all requests, instances, activities and alarms on one line each."""
        fields = asdict(self)
        rows = {name: fields.pop(name) for name in ("requests", "instances", "activities", "alarms")}
        head = json.dumps(fields, indent=1)[:-2]
        lists = [f' "{name}": {json.dumps(found, separators=(",", ":"))}' for name, found in rows.items()]
        (folder / f"{self.scenario}.json").write_text(head + ",\n" + ",\n".join(lists) + "\n}\n")

    @classmethod
    def read(cls, file: Path) -> Recording:
        found = json.loads(file.read_text())
        return cls(
            **found
            | {
                "conditions": Conditions(**found["conditions"]),
                "requests": [RecordedRequest(*row) for row in found["requests"]],
                "instances": [RecordedInstance(*row) for row in found["instances"]],
                "activities": [RecordedActivity(*row) for row in found["activities"]],
                "alarms": [RecordedAlarm(*row) for row in found["alarms"]],
            }
        )

    @property
    def starts(self) -> list[float]:
        """Seconds from launch to service of the instances after the first ones, in order of launch.

        An instance that was stopped before it served, or had not served at the end, would have taken longer than it lived.
        """
        return [
            (_UNFINISHED if one.ready is None else one.ready) - one.launched
            for one in self.instances
            if one.launched >= self.start
        ]

    @property
    def deaths(self) -> list[float]:
        return sorted(one.stopped for one in self.instances if one.died and one.stopped is not None)

    @property
    def instance_seconds(self) -> float:
        """Seconds from launch to stop of all instances, within the run."""
        return sum(
            (self.end if one.stopped is None else min(one.stopped, self.end)) - max(one.launched, self.start)
            for one in self.instances
            if one.launched < self.end and (one.stopped is None or one.stopped > self.start)
        )
