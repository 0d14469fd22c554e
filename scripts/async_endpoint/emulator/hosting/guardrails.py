"""Deployment guardrails: how an update shifts traffic (all at once, canary, linear, rolling) and what rolls it back.

Sources: API reference, DeploymentConfig and what it holds; SageMaker developer guide, "Deployment guardrails" with its
"Exclusions".
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from async_endpoint.core.hosting_rules import CapacitySize, TrafficRouting, traffic_stages, waiting_seconds

Described = Mapping[str, Any]

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
                step=_size(rolling["MaximumBatchSize"]),
                rollback_step=_size(rolling.get("RollbackMaximumBatchSize")),
                wait_interval=rolling["WaitIntervalInSeconds"],
                max_execution_seconds=rolling.get("MaximumExecutionTimeoutInSeconds", math.inf),
                alarms=alarms,
            )
        policy = config.get("BlueGreenUpdatePolicy") or {}
        routing = policy.get("TrafficRoutingConfiguration") or {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}
        mode = TrafficRouting(routing["Type"])
        return cls(
            mode=mode,
            step=_size(routing.get(SIZE_MEMBER.get(mode, ""))),
            wait_interval=routing["WaitIntervalInSeconds"],
            termination_wait=policy.get("TerminationWaitInSeconds", 0),
            max_execution_seconds=policy.get("MaximumExecutionTimeoutInSeconds", math.inf),
            alarms=alarms,
        )

    def stages(self, total: int) -> list[int]:
        """How many of a variant's `total` new instances receive traffic after each step; the last step has all."""
        return traffic_stages(self.mode, self.step, total)

    def waiting_seconds(self, totals: list[int]) -> float:
        """The AWS seconds that an update waits in all, for variants of `totals` new instances."""
        return waiting_seconds(self.mode, self.step, totals, self.wait_interval, self.termination_wait)


def _size(size: Described | None) -> CapacitySize | None:
    return CapacitySize(size["Value"], size["Type"] == "CAPACITY_PERCENT") if size else None


UNGUARDED = Guardrails()
