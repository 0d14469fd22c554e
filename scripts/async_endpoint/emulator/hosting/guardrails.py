"""Deployment guardrails: how fast an update moves the traffic, and what rolls it back.

Sources: API reference, DeploymentConfig and what it holds; SageMaker developer guide, "Deployment guardrails" with its
"Exclusions".
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

Described = Mapping[str, Any]


class TrafficRouting(Enum):
    """How traffic moves; the first three are TrafficRoutingConfig.Type."""

    ALL_AT_ONCE = "ALL_AT_ONCE"
    CANARY = "CANARY"
    LINEAR = "LINEAR"
    ROLLING = "ROLLING"


@dataclass(frozen=True)
class CapacitySize:
    """CapacitySize: a number of instances, or a percentage of them."""

    value: int
    percent: bool

    @classmethod
    def read(cls, size: Described | None) -> CapacitySize | None:
        return cls(size["Value"], size["Type"] == "CAPACITY_PERCENT") if size else None

    def of(self, total: int) -> int:
        """How many of `total` instances; at least one, and not more than there are. Rounding up is our reading."""
        return max(min(math.ceil(total * self.value / 100) if self.percent else self.value, total), 1)

    def share(self, total: int) -> float:
        """The percentage of `total` that was asked for."""
        return self.value if self.percent else 100 * self.value / max(total, 1)


# What each step may be, in percent of the variant's instances (API reference).
STEP_PERCENT = {TrafficRouting.CANARY: (0, 50), TrafficRouting.LINEAR: (10, 50), TrafficRouting.ROLLING: (5, 50)}
SIZE_MEMBER = {
    TrafficRouting.CANARY: "CanarySize",
    TrafficRouting.LINEAR: "LinearStepSize",
    TrafficRouting.ROLLING: "MaximumBatchSize",
}


@dataclass(frozen=True)
class Guardrails:
    """DeploymentConfig. Times are AWS seconds; without one, all traffic moves at once and nothing is waited for."""

    mode: TrafficRouting = TrafficRouting.ALL_AT_ONCE
    step: CapacitySize | None = None
    rollback_step: CapacitySize | None = None
    wait: float = 0.0
    termination_wait: float = 0.0
    longest: float = math.inf
    alarms: tuple[str, ...] = ()

    @classmethod
    def read(cls, config: Described | None) -> Guardrails:
        """From a DeploymentConfig of the right shape."""
        config = config or {}
        alarms = tuple(alarm["AlarmName"] for alarm in (config.get("AutoRollbackConfiguration") or {}).get("Alarms") or ())
        rolling = config.get("RollingUpdatePolicy")
        if rolling:
            return cls(
                mode=TrafficRouting.ROLLING,
                step=CapacitySize.read(rolling["MaximumBatchSize"]),
                rollback_step=CapacitySize.read(rolling.get("RollbackMaximumBatchSize")),
                wait=rolling["WaitIntervalInSeconds"],
                longest=rolling.get("MaximumExecutionTimeoutInSeconds", math.inf),
                alarms=alarms,
            )
        policy = config.get("BlueGreenUpdatePolicy") or {}
        routing = policy.get("TrafficRoutingConfiguration") or {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}
        mode = TrafficRouting(routing["Type"])
        return cls(
            mode=mode,
            step=CapacitySize.read(routing.get(SIZE_MEMBER.get(mode, ""))),
            wait=routing["WaitIntervalInSeconds"],
            termination_wait=policy.get("TerminationWaitInSeconds", 0),
            longest=policy.get("MaximumExecutionTimeoutInSeconds", math.inf),
            alarms=alarms,
        )

    def stages(self, total: int) -> list[int]:
        """How many of a variant's `total` new instances take traffic after each step; the last is all of them."""
        if self.step is None or self.mode is TrafficRouting.ALL_AT_ONCE:
            return [total]
        size = self.step.of(total)
        steps = [size] if self.mode is TrafficRouting.CANARY else [*range(size, total, size)]
        return [*(taken for taken in steps if taken < total), total]


UNGUARDED = Guardrails()
