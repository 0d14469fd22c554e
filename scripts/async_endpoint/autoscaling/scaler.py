"""One decision out of what the policies of a scalable target propose.

Source: Application Auto Scaling user guide. The largest capacity wins. After a scale-out, the capacity it added counts as
part of the next one's until the cooldown ends, so only a larger scale-out adds, and it adds the difference. After a
scale-in, further scale-ins wait; a scale-out does not, and ends the wait. Suspension stops what policies do, not the bounds.
Read into the guide where it is silent: cooldowns belong to the scalable target, with the length of the policy that acted; a
scale-out's cooldown does not hold back a scale-in. Not emulated: refusals for anticipated flapping.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from async_endpoint.core.errors import InvalidInput


@dataclass(frozen=True)
class Bounds:
    """The scalable target's capacity limits, both inclusive."""

    minimum: int
    maximum: int

    def __post_init__(self) -> None:
        if not 0 <= self.minimum <= self.maximum:
            raise InvalidInput(f"Capacity bounds are {self.minimum} to {self.maximum}; use 0 <= minimum <= maximum.")

    def clamp(self, capacity: int) -> int:
        return min(max(capacity, self.minimum), self.maximum)


@dataclass(frozen=True)
class Proposal:
    """What one triggered policy asks for; `cooldown` seconds follow if it is granted."""

    policy_name: str
    desired: int
    cause: str
    cooldown: int


@dataclass(frozen=True)
class Decision:
    """A capacity to set. `policy_name` is None when the bounds decided; `cause` is worded like a scaling activity's."""

    desired: int
    from_capacity: int
    policy_name: str | None
    cause: str


@dataclass(frozen=True)
class ScalerState:
    """The last scaling activity: its direction, when its cooldown began and how long it runs, and the capacity before it."""

    direction: Literal["out", "in"] | None = None
    since: float = 0.0
    cooldown: int = 0
    baseline: int = 0

    def cooling(self, direction: Literal["out", "in"], now: float) -> bool:
        return self.direction == direction and now < self.since + self.cooldown


def baseline(state: ScalerState, now: float, current: int) -> int:
    """The capacity a scale-out is computed from: `current`, or during a scale-out's cooldown the one before that scale-out."""
    return min(state.baseline, current) if state.cooling("out", now) else current


def completed(state: ScalerState, now: float) -> ScalerState:
    """The state once the target has reached the capacity last decided: AWS counts the cooldown from here."""
    return replace(state, since=now)


def decide(
    state: ScalerState,
    now: float,
    current: int,
    proposals: Sequence[Proposal],
    bounds: Bounds,
    *,
    suspended_in: bool = False,
    suspended_out: bool = False,
) -> tuple[Decision | None, ScalerState]:
    """The capacity to set now, if any, and the state to pass to the next call.

    `current` is the desired capacity as last set. Scale-outs among `proposals` must be computed from `baseline`, scale-ins from
    `current`; propose() does so. With no proposal that counts, a `current` out of `bounds` is brought to the nearer one.
    """
    inside = bounds.clamp(current)
    winner = max(proposals, key=lambda proposal: proposal.desired, default=None)
    if winner is not None:
        desired = bounds.clamp(winner.desired)
        decision = Decision(desired, current, winner.policy_name, winner.cause)
        if desired > inside and not suspended_out:
            return decision, ScalerState("out", now, winner.cooldown, baseline(state, now, current))
        if desired < inside and not suspended_in and not state.cooling("in", now):
            return decision, ScalerState("in", now, winner.cooldown)
    if inside == current:
        return None, state
    bound = "minimum" if inside > current else "maximum"
    return Decision(inside, current, None, f"{bound} capacity was set to {inside}"), state
