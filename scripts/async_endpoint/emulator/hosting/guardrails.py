"""Deployment guardrails: how an update shifts traffic (all at once, canary, linear, rolling) and what rolls it back.

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
    """How traffic is shifted. The first three are TrafficRoutingConfig.Type; ROLLING is a RollingUpdatePolicy."""

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
        """The number of instances of `total`, from 1 to `total`. Rounding up is A165."""
        return max(min(math.ceil(total * self.value / 100) if self.percent else self.value, total), 1)

    def share(self, total: int) -> float:
        """The requested percentage of `total`."""
        return self.value if self.percent else 100 * self.value / max(total, 1)


# The allowed step sizes, in percent of the variant's instances (API reference).
STEP_PERCENT = {TrafficRouting.CANARY: (0, 50), TrafficRouting.LINEAR: (10, 50), TrafficRouting.ROLLING: (5, 50)}
SIZE_MEMBER = {
    TrafficRouting.CANARY: "CanarySize",
    TrafficRouting.LINEAR: "LinearStepSize",
    TrafficRouting.ROLLING: "MaximumBatchSize",
}


@dataclass(frozen=True)
class Guardrails:
    """DeploymentConfig. Times are AWS seconds. The defaults shift all traffic at once, without bake time."""

    mode: TrafficRouting = TrafficRouting.ALL_AT_ONCE
    step: CapacitySize | None = None
    rollback_step: CapacitySize | None = None
    wait_interval: float = 0.0
    termination_wait: float = 0.0
    max_execution_seconds: float = math.inf
    alarms: tuple[str, ...] = ()

    @classmethod
    def read(cls, config: Described | None) -> Guardrails:
        """Parse a DeploymentConfig that has passed validation."""
        config = config or {}
        alarms = tuple(alarm["AlarmName"] for alarm in (config.get("AutoRollbackConfiguration") or {}).get("Alarms") or ())
        rolling = config.get("RollingUpdatePolicy")
        if rolling:
            return cls(
                mode=TrafficRouting.ROLLING,
                step=CapacitySize.read(rolling["MaximumBatchSize"]),
                rollback_step=CapacitySize.read(rolling.get("RollbackMaximumBatchSize")),
                wait_interval=rolling["WaitIntervalInSeconds"],
                max_execution_seconds=rolling.get("MaximumExecutionTimeoutInSeconds", math.inf),
                alarms=alarms,
            )
        policy = config.get("BlueGreenUpdatePolicy") or {}
        routing = policy.get("TrafficRoutingConfiguration") or {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}
        mode = TrafficRouting(routing["Type"])
        return cls(
            mode=mode,
            step=CapacitySize.read(routing.get(SIZE_MEMBER.get(mode, ""))),
            wait_interval=routing["WaitIntervalInSeconds"],
            termination_wait=policy.get("TerminationWaitInSeconds", 0),
            max_execution_seconds=policy.get("MaximumExecutionTimeoutInSeconds", math.inf),
            alarms=alarms,
        )

    def stages(self, total: int) -> list[int]:
        """How many of a variant's `total` new instances receive traffic after each step; the last step has all."""
        if self.step is None or self.mode is TrafficRouting.ALL_AT_ONCE:
            return [total]
        size = self.step.of(total)
        steps = [size] if self.mode is TrafficRouting.CANARY else [*range(size, total, size)]
        return [*(taken for taken in steps if taken < total), total]


UNGUARDED = Guardrails()
