"""Ten loads with scaling settings: run on the local AWS once, recorded, and simulated with the recorded times.

Times are AWS seconds from the origin of a run, a full hour; every endpoint has been in service for a few minutes by then. In
eight AWS hours each scenario shows one thing that a simulator of scaling can get wrong.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from async_endpoint.capacity.settings import ModuleSettings, ScheduledBounds

MINUTE: Final = 60
END: Final = 480 * MINUTE
LAUNCH_SECONDS: Final = 180.0  # of provisioning an instance; loading the model comes on top
ORIGIN_HOUR: Final = 5  # UTC, on a Monday, so that weekday schedules in a time zone take effect


@dataclass(frozen=True)
class Planned:
    """One request: when it is sent, and how long it occupies the model."""

    at: float
    service: float


@dataclass(frozen=True)
class Scenario:
    """`settings` are variables of module async-inference by name, those that differ from its defaults.

    At each of `deaths` the oldest serving instance is killed, as in a simulation.
    """

    name: str
    about: str
    settings: Mapping[str, Any]
    requests: tuple[Planned, ...]
    deaths: tuple[float, ...] = field(default=())


def module_settings(settings: Mapping[str, Any]) -> ModuleSettings:
    """The settings of module async-inference with these values, as a scenario or a recording has them."""
    schedules = tuple(
        ScheduledBounds(name, item["schedule"], item["timezone"], item["min_instances"], item["max_instances"])
        for name, item in settings.get("schedules", {}).items()
    )
    return ModuleSettings(**{**settings, "schedules": schedules})


def _uniform(rng: random.Random, low: float, high: float) -> Callable[[], float]:
    return lambda: rng.uniform(low, high)


def _poisson(rng: random.Random, an_hour: float, start: float, end: float, service: Callable[[], float]) -> list[Planned]:
    """Requests at random, `an_hour` in the mean, between two minutes."""
    planned, at = [], start * MINUTE
    while (at := at + rng.expovariate(an_hour / 3_600)) < end * MINUTE:
        planned.append(Planned(at, service()))
    return planned


def _burst(rng: random.Random, count: int, start: float, minutes: float, service: Callable[[], float]) -> list[Planned]:
    return [Planned(start * MINUTE + rng.uniform(0, minutes * MINUTE), service()) for _ in range(count)]


def _in_order(requests: Iterable[Planned]) -> tuple[Planned, ...]:
    return tuple(sorted(requests, key=lambda planned: planned.at))


def _trickle(rng: random.Random) -> Scenario:
    requests, at = [], 30.0
    while at < 440:
        requests.append(Planned(at * MINUTE, rng.uniform(30, 60)))
        at += rng.uniform(25, 50)
    return Scenario("trickle", "single requests, each of which wakes the endpoint from zero", {}, tuple(requests))


def _burst_from_zero(rng: random.Random) -> Scenario:
    service = _uniform(rng, 45, 75)
    requests = _burst(rng, 150, 45, 3, service) + _burst(rng, 80, 260, 10, service)
    settings = {"max_concurrent_invocations": 2, "max_instances": 6}
    return Scenario(
        "burst-from-zero", "a sleeping endpoint receives 150 requests in three minutes", settings, _in_order(requests)
    )


def _above_capacity(rng: random.Random) -> Scenario:
    requests = _poisson(rng, 150, 10, 310, _uniform(rng, 100, 140))
    settings = {"max_concurrent_invocations": 2, "max_instances": 2}
    return Scenario("above-capacity", "five hours of more requests than all instances can process", settings, tuple(requests))


def _office_hours(rng: random.Random) -> Scenario:
    requests = _poisson(rng, 40, 130, 330, _uniform(rng, 60, 120))
    hours = "? * MON-FRI *"
    settings = {
        "max_concurrent_invocations": 1,
        "max_instances": 2,
        "target_backlog_per_instance": 3,
        "schedules": {
            "open": {"schedule": f"cron(0 8 {hours})", "timezone": "Europe/Berlin", "min_instances": 1, "max_instances": 4},
            "close": {"schedule": f"cron(30 11 {hours})", "timezone": "Europe/Berlin", "min_instances": 0, "max_instances": 1},
        },
    }
    return Scenario("office-hours", "schedules in a time zone open and close the bounds", settings, tuple(requests))


def _flapping(rng: random.Random) -> Scenario:
    service = _uniform(rng, 50, 70)
    requests = [one for start in range(20, 430, 34) for one in _poisson(rng, 180, start, start + 12, service)]
    settings = {
        "max_concurrent_invocations": 1,
        "max_instances": 4,
        "target_backlog_per_instance": 2,
        "scale_in_cooldown_seconds": 60,
        "scale_out_cooldown_seconds": 60,
        "wake_cooldown_seconds": 60,
    }
    return Scenario("flapping", "load that comes and goes about as fast as scaling follows", settings, tuple(requests))


def _long_service(rng: random.Random) -> Scenario:
    requests = _poisson(rng, 5, 20, 350, _uniform(rng, 1_200, 2_400))
    settings = {"max_concurrent_invocations": 1, "max_instances": 4, "target_backlog_per_instance": 2}
    return Scenario(
        "long-service", "requests longer than the scale-in's 15 minutes: instances drain", settings, tuple(requests)
    )


def _deaths(rng: random.Random) -> Scenario:
    """At the end five long requests, 2.5 an instance: below the target, but above it while one of two instances serves."""
    requests = _poisson(rng, 120, 20, 300, _uniform(rng, 80, 120)) + _burst(rng, 5, 330, 0.2, _uniform(rng, 2_400, 2_500))
    settings = {
        "max_concurrent_invocations": 2,
        "min_instances": 2,
        "max_instances": 4,
        "initial_instances": 2,
        "target_backlog_per_instance": 3,
    }
    deaths = (100 * MINUTE, 100 * MINUTE + 15, 200 * MINUTE, 345 * MINUTE + 5)
    return Scenario(
        "deaths", "two instances die within 15 seconds, later one of two twice", settings, _in_order(requests), deaths
    )


def _target_of_one(rng: random.Random) -> Scenario:
    requests = _poisson(rng, 20, 20, 330, _uniform(rng, 180, 300))
    settings = {"max_concurrent_invocations": 1, "max_instances": 5, "target_backlog_per_instance": 1}
    return Scenario("target-of-one", "one request an instance: any wait is above the target", settings, tuple(requests))


def _wake_cooldown(rng: random.Random) -> Scenario:
    service = _uniform(rng, 270, 330)
    requests = [one for start, count in ((40, 3), (150, 3), (260, 9)) for one in _burst(rng, count, start, 0.5, service)]
    settings = {
        "max_concurrent_invocations": 1,
        "max_instances": 3,
        "target_backlog_per_instance": 20,
        "wake_cooldown_seconds": 1_200,
    }
    deaths = (48 * MINUTE, 158 * MINUTE, 292 * MINUTE)
    about = "the instance that was woken dies: within the cooldown of the wake policy twice, after it once"
    return Scenario("wake-cooldown", about, settings, _in_order(requests), deaths)


def _expiry(rng: random.Random) -> Scenario:
    service = _uniform(rng, 18, 24)
    requests = [one for start, count in ((30, 50), (150, 40), (280, 45)) for one in _burst(rng, count, start, 1, service)]
    settings = {"max_concurrent_invocations": 1, "max_instances": 1, "request_ttl_seconds": 900}
    return Scenario(
        "expiry", "bursts of which the end is still queued when its time to live passes", settings, _in_order(requests)
    )


_MAKERS: Final = (
    _trickle,
    _burst_from_zero,
    _above_capacity,
    _office_hours,
    _flapping,
    _long_service,
    _deaths,
    _target_of_one,
    _wake_cooldown,
    _expiry,
)
# Seeded by text, which gives the same numbers in every process.
SCENARIOS: Final = tuple(make(random.Random(make.__name__)) for make in _MAKERS)


def random_scenarios(seed: int, count: int) -> tuple[Scenario, ...]:
    """Loads and settings at random, to look for differences that the ten scenarios do not show."""
    return tuple(_at_random(random.Random(f"{seed}/{number}"), f"random-{seed}-{number}") for number in range(count))


def _at_random(rng: random.Random, name: str) -> Scenario:
    concurrency, maximum = rng.choice((1, 1, 2, 4)), rng.choice((1, 2, 3, 4))
    minimum = rng.choice((0, 0, 0, 1))
    longest = rng.choice((20, 60, 200, 900))
    service = _uniform(rng, longest / 4, longest)
    capacity = 3_600 * concurrency * maximum / longest  # requests an hour, at least
    requests: list[Planned] = []
    at = rng.uniform(5, 60)
    while at < 360 and len(requests) < 300:
        minutes = rng.uniform(1, 60)
        rate = min(capacity * rng.uniform(0.05, 2), 300)
        requests += _poisson(rng, rate, at, min(at + minutes, 360), service)
        at += minutes + rng.choice((0, 5, 30, 60)) * rng.random()
    schedules = {
        f"bounds-{number}": {
            "schedule": f"cron({rng.randrange(60)} {rng.randrange(6, 12)} * * ? *)",
            "timezone": "UTC",
            "min_instances": low,
            "max_instances": max(low, rng.choice((1, 2, 4))),
        }
        for number, low in enumerate(rng.choices((0, 0, 1, 2), k=rng.choice((0, 0, 2, 3))))
    }
    settings = {
        "max_concurrent_invocations": concurrency,
        "min_instances": minimum,
        "max_instances": maximum,
        "target_backlog_per_instance": rng.choice((0.5, 1, 2, 3, 5, 10)),
        "scale_in_cooldown_seconds": rng.choice((0, 60, 300, 900)),
        "scale_out_cooldown_seconds": rng.choice((0, 60, 300, 900)),
        "wake_cooldown_seconds": rng.choice((0, 60, 300, 900)),
        "request_ttl_seconds": rng.choice((600, 3_600, 21_600)),
        "schedules": schedules,
    }
    deaths = tuple(sorted(rng.uniform(20, 400) * MINUTE for _ in range(rng.choice((0, 0, 1, 3)))))
    return Scenario(name, "at random", settings, _in_order(requests), deaths)
