"""What else could serve the workload: AWS's guide's scaling, a real-time endpoint that is always on, a serverless endpoint."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Final

from async_endpoint.autoscaling.decisions import Bounds
from async_endpoint.capacity.distributions import draws
from async_endpoint.capacity.recommendation.evaluation import Evaluator
from async_endpoint.capacity.recommendation.instance_options import InstanceOption, Objective
from async_endpoint.capacity.settings import ModuleSettings, Settings
from async_endpoint.core.limits import REAL_TIME_RESPONSE_SECONDS

# SageMaker developer guide, "Autoscale an asynchronous endpoint": target 5, 0 to 5 instances, waking step +1 with cooldown 300.
# It gives no cooldowns for target tracking: Application Auto Scaling's own apply, 300 s for SageMaker variants (API reference).
GUIDE_MAXIMUM: Final = 5
GUIDE_TARGET: Final = 5
GUIDE_COOLDOWN: Final = 300
GUIDE_CONCURRENCY: Final = 4  # "Create an Asynchronous Inference Endpoint", MaxConcurrentInvocationsPerInstance of its example

SERVERLESS_GB: Final = 6  # SageMaker developer guide, "Deploy models with Amazon SageMaker Serverless Inference": 1 to 6 GB
SERVERLESS_CONCURRENCY: Final = 200  # of one endpoint
IDLE_SECONDS: Final = 600  # until a serverless instance ends (A155)
_MOST_INSTANCES: Final = 256


@dataclass(frozen=True)
class Alternative:
    """Another kind of endpoint: `usd` a month (None where a price is not known), and the waiting time at the percentile.

    `obstacles` say why it cannot serve the workload, one phrase each; `what` is the smallest one that meets the objective.
    """

    what: str
    usd: float | None
    wait: float
    obstacles: tuple[str, ...] = ()


def guide_settings(instance_type: str, concurrency: int) -> ModuleSettings:
    """The scaling of AWS's guide, as settings of module async-inference."""
    return ModuleSettings(
        instance_type=instance_type,
        max_concurrent_invocations=concurrency,
        min_instances=0,
        max_instances=GUIDE_MAXIMUM,
        target_backlog_per_instance=GUIDE_TARGET,
        scale_in_cooldown_seconds=GUIDE_COOLDOWN,
        scale_out_cooldown_seconds=GUIDE_COOLDOWN,
        wake_cooldown_seconds=GUIDE_COOLDOWN,
    )


def real_time(evaluator: Evaluator, option: InstanceOption, objective: Objective) -> Alternative:
    """The cheapest always-on fleet of a type, over the numbers of requests that an instance may take at a time."""
    found = [_always_on(evaluator, option, level, objective) for level in option.concurrencies]
    return min(found, key=lambda one: (len(one.obstacles), one.usd or 0.0))


def _always_on(evaluator: Evaluator, option: InstanceOption, concurrency: int, objective: Objective) -> Alternative:
    """The fewest instances, always on, that serve the workload as the objective asks, and within a real-time response's 60 s.

    Optimistic: requests wait in line for a free instance, as no real-time endpoint promises (A300).
    """
    limit = REAL_TIME_RESPONSE_SECONDS if objective.wait is None else min(objective.wait, REAL_TIME_RESPONSE_SECONDS)
    obstacles = _too_long(evaluator.workload.service, option.slowdown.factor(1))
    count, wait = 1, _wait(evaluator, option, concurrency, 1)
    while wait > limit and count < _MOST_INSTANCES:  # one more instance never increases a wait
        count *= 2
        wait = _wait(evaluator, option, concurrency, count)
    low = count // 2
    while count - low > 1:
        middle = (count + low) // 2
        found = _wait(evaluator, option, concurrency, middle)
        low, count, wait = (low, middle, found) if found <= limit else (middle, count, wait)
    usd = evaluator.usd_per_month(count * evaluator.workload.seconds, option.usd_per_hour)
    if wait > limit:
        obstacles = (*obstacles, f"{count} instances are too few")
    return Alternative(f"{count} × {option.instance_type}, always on", usd, wait, obstacles)


def serverless(
    evaluator: Evaluator, option: InstanceOption, usd_per_gb_second: float | None, memory_gb: int = SERVERLESS_GB
) -> Alternative:
    """A serverless endpoint of `memory_gb`: service and start times of `option` (A301), billed for service alone (A302)."""
    workload, factor = evaluator.workload, option.slowdown.factor(1)
    starts = draws(option.starts, 0, "starts")
    idle: list[float] = []  # when each idle instance became idle, the latest last
    busy: list[float] = []
    waits: list[float] = []
    most = 0
    for arrival, seconds in zip(workload.arrivals, workload.service, strict=True):
        while busy and busy[0] <= arrival:
            idle.append(heappop(busy))
        wait = 0.0 if idle and arrival - idle.pop() < IDLE_SECONDS else next(starts)
        waits.append(wait)
        heappush(busy, arrival + wait + seconds * factor)
        most = max(most, len(busy))
    obstacles = list(_too_long(workload.service, factor))
    if memory_gb > SERVERLESS_GB:
        obstacles.append(f"the model needs {memory_gb} GB of memory, and {SERVERLESS_GB} GB is the most")
    if most > SERVERLESS_CONCURRENCY:
        obstacles.append(f"{most} requests at a time, and {SERVERLESS_CONCURRENCY} are the most")
    if _has_accelerator(option.instance_type):
        obstacles.append(f"it has no accelerator, and {option.instance_type} has one")
    billed = math.fsum(workload.service) * factor * memory_gb
    usd = None if usd_per_gb_second is None else evaluator.usd_per_month(billed, usd_per_gb_second * 3_600)
    return Alternative(
        f"{memory_gb} GB", usd, sorted(waits)[math.ceil(len(waits) * evaluator.percent / 100) - 1], tuple(obstacles)
    )


def _wait(evaluator: Evaluator, option: InstanceOption, concurrency: int, count: int) -> float:
    fixed = Settings(option.instance_type, concurrency, Bounds(count, count), count)
    return evaluator.outcome(fixed).wait(evaluator.percent)


def _too_long(service: Sequence[float], factor: float) -> tuple[str, ...]:
    count = sum(1 for seconds in service if seconds * factor > REAL_TIME_RESPONSE_SECONDS)
    return (f"{count:,} of {len(service):,} requests take longer than {REAL_TIME_RESPONSE_SECONDS} s",) if count else ()


def _has_accelerator(instance_type: str) -> bool:
    family = instance_type.removeprefix("ml.").split(".")[0]
    return family.startswith(("g", "p", "inf", "trn"))
