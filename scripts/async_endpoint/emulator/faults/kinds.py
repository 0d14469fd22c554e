"""The kinds of faults, their options, and the parsing of a fault from JSON.

Seconds are AWS seconds unless an option says otherwise.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, NamedTuple

from async_endpoint.core.errors import InvalidInput
from async_endpoint.core.s3_uri import S3Uri
from async_endpoint.emulator.api_calls import SERVICES, actions


@dataclass(frozen=True, kw_only=True)
class FaultKind:
    """Base of all kinds. `name` is the kind on the command line, `effect` a short description."""

    name: ClassVar[str]
    effect: ClassVar[str]
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Fault(FaultKind):
    """A kind that stays set until it is cleared, has happened `count` times, or `duration` AWS seconds have passed."""

    rate: float = 1.0
    count: int | None = None
    duration: float | None = None


# --- calls of any client ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class CallFault(Fault):
    """A fault of calls of `service`, of its `action`, or to invoke `endpoint`; by default of all signed calls."""

    service: str | None = None
    action: str | None = None
    endpoint: str | None = None


@dataclass(frozen=True, kw_only=True)
class ThrottleFault(CallFault):
    name = "throttle"
    effect = "calls are throttled, with the service's own error"


@dataclass(frozen=True, kw_only=True)
class ErrorFault(CallFault):
    name = "error"
    effect = "calls fail with an internal error (status 500) or as unavailable (503)"
    status: int = 500


@dataclass(frozen=True, kw_only=True)
class LatencyFault(CallFault):
    name = "latency"
    effect = "calls are delayed by seconds, plus or minus jitter, in real seconds"
    seconds: float
    jitter: float = 0.0


@dataclass(frozen=True, kw_only=True)
class DisconnectFault(CallFault):
    name = "disconnect"
    effect = "the connection is closed without an answer, before or after the call is executed"
    when: str = "before"


# --- deliveries from SNS to its subscriptions -------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class DeliveryFault(Fault):
    """A fault of deliveries of `topic`, an ARN or a name; by default of all topics."""

    topic: str | None = None


@dataclass(frozen=True, kw_only=True)
class NotificationLoss(DeliveryFault):
    name = "notification-loss"
    effect = "notifications are lost, without a dead letter"


@dataclass(frozen=True, kw_only=True)
class NotificationDuplicate(DeliveryFault):
    name = "notification-duplicate"
    effect = "notifications are delivered copies more times"
    copies: int = 1


@dataclass(frozen=True, kw_only=True)
class NotificationDelay(DeliveryFault):
    name = "notification-delay"
    effect = "notifications are delayed by seconds, plus or minus jitter"
    seconds: float
    jitter: float = 0.0


@dataclass(frozen=True, kw_only=True)
class NotificationShuffle(DeliveryFault):
    name = "notification-shuffle"
    effect = "notifications are held until there are window of them, or for seconds, then delivered in random order"
    window: int = 10
    seconds: float = 60.0


# --- hosting ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class StartFault(Fault):
    """A fault of starts of instances of `endpoint`; by default of all endpoints."""

    endpoint: str | None = None


@dataclass(frozen=True, kw_only=True)
class SlowStart(StartFault):
    name = "slow-start"
    effect = "launching an instance takes seconds longer"
    seconds: float


@dataclass(frozen=True, kw_only=True)
class FailedStart(StartFault):
    name = "failed-start"
    effect = "an instance's container never answers /ping and fails its health check"


@dataclass(frozen=True, kw_only=True)
class UpdateRollback(Fault):
    """A fault of updates of `endpoint`, by default of all endpoints; by default of the next update only."""

    name = "update-rollback"
    effect = "an update rolls back once its fleet has started"
    endpoint: str | None = None
    count: int | None = 1


@dataclass(frozen=True, kw_only=True)
class RolePropagation(Fault):
    """A fault of creations and updates of `endpoint`, by default of all endpoints; by default of the next one only."""

    name = "role-propagation"
    effect = "a creation or update fails because SageMaker does not know the execution role yet, as just after its creation"
    endpoint: str | None = None
    count: int | None = 1


@dataclass(frozen=True, kw_only=True)
class S3Denial(Fault):
    """A fault of the S3 calls that hosting makes as the execution role, for objects below `prefix`, an S3 URI."""

    name = "s3-denial"
    effect = "the execution role is denied GetObject, PutObject or both"
    action: str | None = None
    prefix: str | None = None


# --- immediate ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class InstanceKill(FaultKind):
    name = "instance-kill"
    effect = "now: kills containers of the endpoint, of the named instance or of count random ones"
    endpoint: str
    instance: str | None = None
    count: int = 1


@dataclass(frozen=True, kw_only=True)
class ClockJump(FaultKind):
    name = "clock-jump"
    effect = "now: AWS time jumps forward by seconds; up to a day of minutes is caught up"
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
        RolePropagation,
        S3Denial,
        ClockJump,
    )
}

# --- parsing ----------------------------------------------------------------------------------------------------------

MAX_SECONDS = 7 * 86_400


class FaultOption(NamedTuple):
    """An option: its valid values in words, and the check of a value."""

    expected: str
    accepts: Callable[[Any], bool]


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _choice(words: Iterable[str | int]) -> FaultOption:
    allowed = tuple(words)
    return FaultOption(f"one of {', '.join(map(str, allowed))}", lambda value: not isinstance(value, bool) and value in allowed)


_UP_TO_A_WEEK = FaultOption(
    f"a number of seconds above 0, at most {MAX_SECONDS}", lambda value: _number(value) and 0 < value <= MAX_SECONDS
)
OPTIONS: Final[dict[str, FaultOption]] = {
    "rate": FaultOption(
        "a number above 0, at most 1: share of cases in which it happens", lambda value: _number(value) and 0 < value <= 1
    ),
    "count": FaultOption(
        "a whole number above 0: maximum number of times it happens", lambda value: _integer(value) and value > 0
    ),
    "duration": _UP_TO_A_WEEK,
    "seed": FaultOption("a whole number", _integer),
    "service": _choice(SERVICES),
    "action": FaultOption("the name of an action, such as GetObject", _text),
    "endpoint": FaultOption("the name of an endpoint", _text),
    "instance": FaultOption("the id of an instance, as local status shows it", _text),
    "status": _choice((500, 503)),
    "seconds": _UP_TO_A_WEEK,
    "jitter": FaultOption(
        "a number of seconds from 0, and not above the option seconds",
        lambda value: _number(value) and 0 <= value <= MAX_SECONDS,
    ),
    "when": _choice(("before", "after")),
    "topic": FaultOption("the ARN or the name of a topic", _text),
    "copies": FaultOption("a whole number from 1 to 10", lambda value: _integer(value) and 1 <= value <= 10),
    "window": FaultOption("a whole number from 2 to 1000", lambda value: _integer(value) and 2 <= value <= 1000),
    "prefix": FaultOption("an S3 URI, such as s3://bucket/output/", _text),
}
DENIABLE = ("GetObject", "PutObject")


def parse_fault(document: Mapping[str, Any]) -> FaultKind:
    """The fault of a JSON object: its kind and the kind's options. Raises InvalidInput for an invalid option."""
    name = document.get("kind")
    kind = KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise InvalidInput(f"There is no kind of fault {name!r}; use one of {', '.join(sorted(KINDS))}.")
    fields = {field.name: field for field in dataclasses.fields(kind)}
    given = {option: value for option, value in document.items() if option != "kind" and value is not None}
    for option, value in given.items():
        if option not in fields:
            raise InvalidInput(f"A fault {name} has no option {option}; it takes {', '.join(sorted(fields))}.")
        if not OPTIONS[option].accepts(value):
            raise InvalidInput(f"The option {option} of a fault {name} is {value!r}; give {OPTIONS[option].expected}.")
    for option, field in fields.items():
        if field.default is dataclasses.MISSING and option not in given:
            raise InvalidInput(f"A fault {name} needs the option {option}: {OPTIONS[option].expected}.")
    fault = kind(**given)
    _check_together(fault)
    return fault


def _check_together(fault: FaultKind) -> None:
    """Check options that depend on each other."""
    jitter = getattr(fault, "jitter", 0.0)
    if jitter > getattr(fault, "seconds", math.inf):
        raise InvalidInput(f"The option jitter of a fault {fault.name} is {jitter!r}; give {OPTIONS['jitter'].expected}.")
    if isinstance(fault, S3Denial):
        _check_denial(fault)
    if isinstance(fault, CallFault):
        _check_call(fault)


def _check_denial(fault: S3Denial) -> None:
    if fault.action not in (None, *DENIABLE):
        raise InvalidInput(
            f"A fault s3-denial has the action {fault.action}, which hosting never calls; use one of {', '.join(DENIABLE)}."
        )
    if fault.prefix is not None:
        S3Uri.parse(fault.prefix)


def _check_call(fault: CallFault) -> None:
    if fault.endpoint is not None and fault.service not in (None, "sagemaker-runtime"):
        raise InvalidInput(
            f"Calls of {fault.service} name no endpoint to invoke; leave out the option service, or use sagemaker-runtime."
        )
    service = "sagemaker-runtime" if fault.endpoint is not None else fault.service
    if fault.action is not None and not any(fault.action in actions(name) for name in ([service] if service else SERVICES)):
        raise InvalidInput(
            f"{service or 'No service of the local AWS'} has {'no' if service else 'an'} action {fault.action!r}; "
            "actions are named as in AWS's API reference, such as PutObject."
        )
