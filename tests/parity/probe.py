"""Probes: what one declares, what it observes, and the list of all of them.

A probe is a short generator over boto3 that checks assumptions about AWS (docs/assumptions.md) by looking:

    @probe("A22", needs=[Need.OWN_ENDPOINT], seconds=1200, deviation="UpdateEndpoint accepts the update")
    def update_without_its_configuration(aws: Account) -> Iterator[Observation]:
        ...
        yield compare("A22", expected="ValidationException", observed=code)

It makes what it needs with the clients of `aws`, which name, tag, record and later remove it (`parity.guard`), and takes shared
things from `aws` (`aws.endpoint`, `aws.bucket`, …). It never claims what it has not observed: `undecided` says why not.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from parity.account import Account

INSTANCE_TYPE = "ml.m5.large"  # the cheapest that can be scaled: burstable ones cannot


class Verdict(StrEnum):
    """What an observation says about its assumption."""

    HOLDS = "holds"
    DEVIATES = "deviates"
    UNDECIDED = "undecided"


class Need(StrEnum):
    """What a probe uses, for the plan and the order of the run."""

    ENDPOINT = "the shared endpoint"  # asynchronous, one instance, both topics; no probe changes it
    SLEEPER = "the scaling endpoint"  # asynchronous, scales to zero; one probe at a time may scale it
    OWN_ENDPOINT = "an endpoint of its own"  # as many at a time as --endpoints allows


@dataclass(frozen=True)
class Cost:
    """What a probe uses on AWS beyond shared things; the plan prices it (`parity.plan`).

    `minutes` is instance type → minutes of its own instances; `requests` counts API calls and invocations together; `keys` are
    customer-managed KMS keys; `metrics` are alarms and custom metrics. `peak` is the most instances of its own endpoint at a
    time: two during an update.
    """

    minutes: Mapping[str, float] = field(default_factory=dict)
    requests: int = 10
    keys: int = 0
    metrics: int = 0
    peak: int = 2


@dataclass(frozen=True)
class Observation:
    """What was expected of AWS, what was observed, and what that says about one assumption."""

    assumption: str
    expected: str
    observed: str
    verdict: Verdict


def check(assumption: str, holds: bool, *, expected: str, observed: object) -> Observation:
    """An observation that was decided by the probe itself."""
    return Observation(assumption, expected, str(observed), Verdict.HOLDS if holds else Verdict.DEVIATES)


def compare(assumption: str, *, expected: object, observed: object) -> Observation:
    """An observation that holds where the two are equal."""
    return check(assumption, expected == observed, expected=str(expected), observed=observed)


def refused(assumption: str, code: str, answer: str) -> Observation:
    """An observation that holds where `Account.attempt` was answered with this error; the message stays in the record."""
    return check(assumption, answer.startswith(f"{code}:"), expected=code, observed=answer[:1000])


def undecided(assumption: str, reason: str, *, expected: str = "") -> Observation:
    """An observation that says nothing, and why."""
    return Observation(assumption, expected, reason, Verdict.UNDECIDED)


@dataclass(frozen=True)
class Probe:
    """A program that checks assumptions.

    `seconds` are AWS seconds it takes at most. `deviation` names one behaviour of AWS by which it would report `deviates`.
    `stricter_locally` says why the local AWS deviates on purpose: there it must, on AWS it must not.
    """

    name: str
    assumptions: tuple[str, ...]
    needs: frozenset[Need]
    seconds: float
    cost: Cost
    deviation: str
    run: Callable[[Account], Iterator[Observation]]
    stricter_locally: str = ""

    @property
    def summary(self) -> str:
        """The first line of its docstring."""
        return (self.run.__doc__ or "").strip().partition("\n")[0]


_registered: dict[str, Probe] = {}


def probe(
    *assumptions: str,
    deviation: str,
    needs: Iterable[Need] = (),
    seconds: float = 60,
    cost: Cost | None = None,
    stricter_locally: str = "",
) -> Callable[[Callable[[Any], Iterator[Observation]]], Callable[[Any], Iterator[Observation]]]:
    """Register a generator function as the probe of these assumptions."""

    def register(run: Callable[[Any], Iterator[Observation]]) -> Callable[[Any], Iterator[Observation]]:
        made = Probe(run.__name__, assumptions, frozenset(needs), seconds, cost or Cost(), deviation, run, stricter_locally)
        assert _registered.setdefault(made.name, made) is made, f"two probes are named {made.name}"
        return run

    return register


def all_probes() -> list[Probe]:
    """Every probe of the folder `probes`, by name."""
    for path in sorted((Path(__file__).parent / "probes").glob("*.py")):
        importlib.import_module(f"parity.probes.{path.stem}")
    return [_registered[name] for name in sorted(_registered)]
