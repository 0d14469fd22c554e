"""Policies of event buses, checked when they are written. moto stores any JSON, and any condition of a permission.

Sources: API reference, PutPermission (10 KB; aws:PrincipalOrgID, StringEquals); user guide, "Managing event bus permissions".
That a Sid is required, and the texts, are moto's or the local AWS's.
"""

from __future__ import annotations

import json
from typing import Any, Final

from moto.core.exceptions import JsonRESTError
from moto.events.models import EventBus, EventsBackend

from async_endpoint.emulator.written_policies.document import Malformed, read_policy
from async_endpoint.emulator.written_policies.principals import invalid_principal
from async_endpoint.iam.matching import arn_like

MAX_BYTES: Final = 10 * 1024
_CONDITION: Final = ("StringEquals", "aws:PrincipalOrgID")
_put_policy = EventsBackend._put_permission_from_policy
_condition = EventsBackend._condition_param_to_stmt_condition


def _checked(event_bus: EventBus, policy: str) -> None:
    try:
        statements = read_policy(policy)
    except Malformed as error:
        raise _refused(str(error)) from error
    if len(policy.encode()) > MAX_BYTES:
        raise JsonRESTError("PolicyLengthExceededException", f"The policy of an event bus has at most {MAX_BYTES} bytes.")
    for statement in statements:
        if not statement.sid:
            raise _refused(f"{statement.label} has no Sid.")
        if not all(action.lower().startswith("events:") for action in statement.actions):
            raise _refused(f"{statement.label} has an action that is not of EventBridge.")
        if not statement.resources or not all(
            arn_like(resource, event_bus.arn) or resource.startswith(_rules(event_bus)) for resource in statement.resources
        ):
            raise _refused(f"{statement.label} is not about the event bus {event_bus.arn}.")
    principal = invalid_principal(statements)
    if principal is not None:
        raise _refused(f"The {principal[0]} principal {principal[1]} does not exist.")
    _put_policy(event_bus, json.dumps(json.loads(policy) | {"Statement": _list(json.loads(policy)["Statement"])}))


def _rules(event_bus: EventBus) -> str:
    """What the ARNs of the rules of a bus begin with."""
    prefix, _, name = event_bus.arn.partition(":event-bus/")
    return f"{prefix}:rule/{'' if name == 'default' else f'{name}/'}"


def _list(statements: Any) -> list[Any]:
    return statements if isinstance(statements, list) else [statements]


def _refused(reason: str) -> JsonRESTError:
    return JsonRESTError("ValidationException", f"Invalid policy: {reason}")


def _condition_checked(condition: dict[str, Any] | None) -> Any:
    if condition and (condition.get("Type"), condition.get("Key")) != _CONDITION:
        raise JsonRESTError("ValidationException", f"Condition has the Type {_CONDITION[0]} and the Key {_CONDITION[1]} only.")
    return _condition(condition)


def apply() -> None:
    EventsBackend._put_permission_from_policy = staticmethod(_checked)
    EventsBackend._condition_param_to_stmt_condition = staticmethod(_condition_checked)
