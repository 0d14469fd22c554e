"""Wrong simulators: single changes of the source of capacity/simulation, each of which a test must detect."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final, NamedTuple

CHECKOUT: Final = Path(__file__).resolve().parents[2]
PACKAGE: Final = Path("scripts/async_endpoint/capacity/simulation")
TESTS: Final = ("test_simulation.py", "test_against_reference.py")


class Mutant(NamedTuple):
    """`wrong` in place of `right`, once, in a file of the package."""

    what: str
    file: str
    right: str
    wrong: str


MUTANTS: Final = (
    Mutant("a cooldown counts from the decision", "scaler.py", "self._state = completed(self._state, end)", "pass"),
    Mutant("a skip passes the end of a cooldown", "scaler.py", "if ends > end:", "if False:"),
    Mutant(
        "a skip ignores the average of a step's window",
        "scaler.py",
        "not windows.counting or deciding:",
        "not windows.counting:",
    ),
    Mutant("a skip ignores delayed metrics", "scaler.py", "if self._same <= self._delay or not", "if not"),
    Mutant(
        "decisions are remembered without the windows of steps",
        "scaler.py",
        "tuple([tuple(self._values(index, end))",
        "tuple([0",
    ),
    Mutant("decisions are remembered without the cooldown", "scaler.py", 'state.cooling("in", end),', "False,"),
    Mutant(
        "at the minimum nothing scales out",
        "scaler.py",
        "return desired == low and not self.windows.in_alarm & ~self._scale_in",
        "return desired == low",
    ),
    Mutant("windows of alarms overlap", "alarm_windows.py", "self._shifted |= lane & ~(1 << offset)", "self._shifted |= lane"),
    Mutant("a skip passes the change of an alarm", "alarm_windows.py", "most = minute\n", "most = minute + 1\n"),
    Mutant("no request expires in the queue", "engine.py", "if since + ttl > now:", "if True:"),
    Mutant(
        "requests of a dead instance return in reverse",
        "engine.py",
        "if instance is victim), reverse=True)",
        "if instance is victim))",
    ),
    Mutant(
        "backlog per desired instance", "engine.py", "backlog / (serving or 1) if", "backlog / (self._fleet.desired or 1) if"
    ),
    Mutant(
        "a skip passes a scheduled action",
        "engine.py",
        "min(self._next_event(), scaler.next_scheduled, ",
        "min(self._next_event(), ",
    ),
    Mutant("a skip ignores the age of requests", "engine.py", " or (scaler.windows.follows_age and self._waiting)", ""),
    Mutant(
        "scale-in stops serving instances first",
        "fleet.py",
        "(instance.position >= 0, instance.in_flight)",
        "(instance.position < 0, instance.in_flight)",
    ),
    Mutant(
        "no minimum charge",
        "fleet.py",
        "self.billed += max(now - instance.launched, MINIMUM_BILLED_SECONDS)",
        "self.billed += now - instance.launched",
    ),
    Mutant(
        "no minimum charge at the end",
        "fleet.py",
        "            max(now - instance.launched, MINIMUM_BILLED_SECONDS)",
        "            now - instance.launched",
    ),
    Mutant("scaling never completes", "fleet.py", "self.scaling = False\n\n    def drained", "pass\n\n    def drained"),
    Mutant(
        "replacements back off from lone deaths",
        "fleet.py",
        "self._failures = 0 if self.serving else self._failures + 1",
        "self._failures += 1",
    ),
)


def occurrences(mutant: Mutant) -> int:
    return (CHECKOUT / PACKAGE / mutant.file).read_text().count(mutant.right)


def mutated_checkout(folder: Path, mutant: Mutant | None) -> Path:
    """A copy of the packages that the tests of the simulator need, with `mutant`; its tests are TESTS in tests/capacity."""
    for name in ("autoscaling", "capacity", "core"):
        shutil.copytree(CHECKOUT / "scripts/async_endpoint" / name, folder / "scripts/async_endpoint" / name)
    for name in ("__init__.py", "pytest_plugin.py"):
        (folder / "scripts/async_endpoint" / name).touch()
    for name in (*(f"capacity/{test}" for test in (*TESTS, "conftest.py")), "support/reference_endpoint.py"):
        (folder / "tests" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CHECKOUT / "tests" / name, folder / "tests" / name)
    if mutant is not None:
        file = folder / PACKAGE / mutant.file
        file.write_text(file.read_text().replace(mutant.right, mutant.wrong, 1))
    return folder
