"""The kinds of faults and their options. Seconds are AWS seconds, unless an option says otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final


@dataclass(frozen=True, kw_only=True)
class FaultKind:
    """Anything that can be asked for. `name` is what people call it, `effect` what it does, in a few words."""

    name: ClassVar[str]
    effect: ClassVar[str]
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Fault(FaultKind):
    """What stays set until it is cleared, has happened `count` times, or `duration` seconds have passed."""

    rate: float = 1.0
    count: int | None = None
    duration: float | None = None


# --- calls of any client ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class CallFault(Fault):
    """Of the calls of `service`, of its `action`, or of the endpoint that is invoked; of all signed calls if none is given."""

    service: str | None = None
    action: str | None = None
    endpoint: str | None = None


@dataclass(frozen=True, kw_only=True)
class ThrottleFault(CallFault):
    name = "throttle"
    effect = "calls are refused as the service refuses too many"


@dataclass(frozen=True, kw_only=True)
class ErrorFault(CallFault):
    name = "error"
    effect = "calls are answered with an internal failure (status 500) or as unavailable (503)"
    status: int = 500


@dataclass(frozen=True, kw_only=True)
class LatencyFault(CallFault):
    name = "latency"
    effect = "calls wait before they are carried out: real seconds, give or take jitter"
    seconds: float
    jitter: float = 0.0


@dataclass(frozen=True, kw_only=True)
class DisconnectFault(CallFault):
    name = "disconnect"
    effect = "the connection is cut without an answer, before the call is carried out or after"
    when: str = "before"


# --- deliveries from SNS to its subscriptions -------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class DeliveryFault(Fault):
    """Of the deliveries of `topic`, an ARN or a name; of every topic if none is given."""

    topic: str | None = None


@dataclass(frozen=True, kw_only=True)
class NotificationLoss(DeliveryFault):
    name = "notification-loss"
    effect = "notifications are not delivered, nor become dead letters"


@dataclass(frozen=True, kw_only=True)
class NotificationDuplicate(DeliveryFault):
    name = "notification-duplicate"
    effect = "notifications are delivered again, as often as copies says"
    copies: int = 1


@dataclass(frozen=True, kw_only=True)
class NotificationDelay(DeliveryFault):
    name = "notification-delay"
    effect = "notifications arrive later by seconds, give or take jitter"
    seconds: float
    jitter: float = 0.0


@dataclass(frozen=True, kw_only=True)
class NotificationShuffle(DeliveryFault):
    name = "notification-shuffle"
    effect = "notifications are held until there are window of them, or for seconds, and arrive in a random order"
    window: int = 10
    seconds: float = 60.0


# --- hosting ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class StartFault(Fault):
    """Of the instances that are started for `endpoint`, or for any."""

    endpoint: str | None = None


@dataclass(frozen=True, kw_only=True)
class SlowStart(StartFault):
    name = "slow-start"
    effect = "launching an instance takes longer by seconds"
    seconds: float


@dataclass(frozen=True, kw_only=True)
class FailedStart(StartFault):
    name = "failed-start"
    effect = "an instance's container never answers /ping, and fails when its time for that is over"


@dataclass(frozen=True, kw_only=True)
class UpdateRollback(Fault):
    """Of the updates of `endpoint`, or of any; the next one only, unless `count` says otherwise."""

    name = "update-rollback"
    effect = "an update rolls back once its fleet has started"
    endpoint: str | None = None
    count: int | None = 1


@dataclass(frozen=True, kw_only=True)
class S3Denial(Fault):
    """Of what hosting itself does in S3 for the execution role, below `prefix`, an S3 URI."""

    name = "s3-denial"
    effect = "the execution role is denied GetObject, PutObject or both"
    action: str | None = None
    prefix: str | None = None


# --- what happens at once ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class InstanceKill(FaultKind):
    name = "instance-kill"
    effect = "now: containers of the endpoint are killed, the instance named or count chosen ones"
    endpoint: str
    instance: str | None = None
    count: int = 1


@dataclass(frozen=True, kw_only=True)
class ClockJump(FaultKind):
    name = "clock-jump"
    effect = "now: AWS time moves forward by seconds; up to a day of minutes is made up for"
    seconds: float


KINDS: Final[dict[str, type[FaultKind]]] = {
    kind.name: kind
    for kind in (
        ThrottleFault,
        ErrorFault,
        LatencyFault,
        DisconnectFault,
        NotificationLoss,
        NotificationDuplicate,
        NotificationDelay,
        NotificationShuffle,
        InstanceKill,
        SlowStart,
        FailedStart,
        UpdateRollback,
        S3Denial,
        ClockJump,
    )
}
