"""A fault as JSON has it: every option checked, each complaint one sentence."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

from async_endpoint.core.errors import InvalidInput
from async_endpoint.core.s3_uri import S3Uri
from async_endpoint.emulator.api_calls import SERVICES, actions
from async_endpoint.emulator.faults.kinds import KINDS, CallFault, FaultKind, S3Denial

LONGEST_SECONDS = 7 * 86_400


class Option(NamedTuple):
    """What an option must be, in words, and whether a value is that."""

    what: str
    fits: Callable[[Any], bool]


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _choice(words: Iterable[str | int]) -> Option:
    allowed = tuple(words)
    return Option(f"one of {', '.join(map(str, allowed))}", lambda value: not isinstance(value, bool) and value in allowed)


_UP_TO_A_WEEK = Option(
    f"a number of seconds above 0, at most {LONGEST_SECONDS}", lambda value: _number(value) and 0 < value <= LONGEST_SECONDS
)
OPTIONS: Final[dict[str, Option]] = {
    "rate": Option(
        "a number above 0, at most 1: the share of cases it happens in", lambda value: _number(value) and 0 < value <= 1
    ),
    "count": Option("a whole number above 0: how often it happens at most", lambda value: _integer(value) and value > 0),
    "duration": _UP_TO_A_WEEK,
    "seed": Option("a whole number", _integer),
    "service": _choice(SERVICES),
    "action": Option("the name of an action, such as GetObject", _text),
    "endpoint": Option("the name of an endpoint", _text),
    "instance": Option("the id of an instance, as local status shows it", _text),
    "status": _choice((500, 503)),
    "seconds": _UP_TO_A_WEEK,
    "jitter": Option(
        "a number of seconds from 0, and not above the option seconds",
        lambda value: _number(value) and 0 <= value <= LONGEST_SECONDS,
    ),
    "when": _choice(("before", "after")),
    "topic": Option("the ARN or the name of a topic", _text),
    "copies": Option("a whole number from 1 to 10", lambda value: _integer(value) and 1 <= value <= 10),
    "window": Option("a whole number from 2 to 1000", lambda value: _integer(value) and 2 <= value <= 1000),
    "prefix": Option("an S3 URI, such as s3://bucket/output/", _text),
}
DENIABLE = ("GetObject", "PutObject")


def read(document: Mapping[str, Any]) -> FaultKind:
    """The fault that `document` asks for: its kind, and the kind's options. Raises InvalidInput."""
    name = document.get("kind")
    kind = KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise InvalidInput(f"There is no kind of fault {name!r}; use one of {', '.join(sorted(KINDS))}.")
    fields = {field.name: field for field in dataclasses.fields(kind)}
    given = {option: value for option, value in document.items() if option != "kind" and value is not None}
    for option, value in given.items():
        if option not in fields:
            raise InvalidInput(f"A fault {name} has no option {option}; it takes {', '.join(sorted(fields))}.")
        if not OPTIONS[option].fits(value):
            raise InvalidInput(f"The option {option} of a fault {name} is {value!r}; give {OPTIONS[option].what}.")
    for option, field in fields.items():
        if field.default is dataclasses.MISSING and option not in given:
            raise InvalidInput(f"A fault {name} needs the option {option}: {OPTIONS[option].what}.")
    fault = kind(**given)
    _check_together(fault)
    return fault


def _check_together(fault: FaultKind) -> None:
    """What options say about each other."""
    jitter = getattr(fault, "jitter", 0.0)
    if jitter > getattr(fault, "seconds", math.inf):
        raise InvalidInput(f"The option jitter of a fault {fault.name} is {jitter!r}; give {OPTIONS['jitter'].what}.")
    if isinstance(fault, S3Denial):
        _check_denial(fault)
    if isinstance(fault, CallFault):
        _check_call(fault)


def _check_denial(fault: S3Denial) -> None:
    if fault.action not in (None, *DENIABLE):
        raise InvalidInput(f"Hosting is never asked for S3's action {fault.action}; use one of {', '.join(DENIABLE)}.")
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
