"""Delivery of `PutEvents` to the targets of rules, by the targets' own policies; moto ignores those, and the states of rules.

On AWS a disabled rule and one with a schedule only match no event, and a queue, topic or log group receives what its policy
lets events.amazonaws.com send; the rest goes to the target's dead-letter queue, or is lost (EventBridge user guide, "Using
resource-based policies" and "Using dead-letter queues"). moto delivers to queues and log groups whatever their policies say. An
event for a target of another kind, to which nothing is delivered here, is refused with that target's ARN before any delivery.
"""

from __future__ import annotations

import copy
import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from moto.core.exceptions import JsonRESTError
from moto.core.utils import iso_8601_datetime_without_milliseconds, unix_time_millis, utcfromtimestamp
from moto.events.models import EventsBackend, Rule
from moto.logs.models import logs_backends
from moto.sns.models import sns_backends

from async_endpoint.emulator.delivery_permissions import may_deliver, resource_allows

SERVICE: Final = "events.amazonaws.com"
_DELIVERED: Final = ("events", "logs", "sns", "sqs")
_TRANSFORMATIONS: Final = ("Input", "InputPath", "InputTransformer")
_put_events = EventsBackend.put_events
_send = Rule.send_to_targets


def _matches(rule: Rule, event: Mapping[str, Any]) -> bool:
    pattern = rule.event_pattern
    return rule.state == "ENABLED" and bool(pattern.get_pattern()) and bool(pattern.matches_event(event))


def _put_checked(self: EventsBackend, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for rule, target in _targets(self, events):
        service, transformed = target["Arn"].split(":")[2], [name for name in _TRANSFORMATIONS if name in target]
        why = ""
        if service not in _DELIVERED or ":api-destination/" in target["Arn"]:
            why = f"does not deliver to {target['Arn']}"
        elif transformed:
            why = f"does not apply {transformed[0]}"
        if why:
            raise JsonRESTError(
                "ValidationException",
                f"PutEvents is refused by the local AWS, which {why}, for target {target['Id']} of rule {rule.name}.",
            )
    answer: list[dict[str, Any]] = _put_events(self, events)
    return answer


def _targets(backend: EventsBackend, events: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Rule, dict[str, Any]]]:
    """The targets of rules that events match; malformed events match none, and are refused one by one by moto."""
    for event in events:
        bus = backend.event_buses.get(backend._normalize_event_bus_arn(event.get("EventBusName")))
        try:
            detail = json.loads(event.get("Detail") or "")
        except ValueError:
            continue
        message = {
            "source": event.get("Source"),
            "detail-type": event.get("DetailType"),
            "detail": detail,
            "account": backend.account_id,
            "region": backend.region_name,
            "resources": event.get("Resources", []),
        }
        for rule in bus.rules.values() if bus is not None else ():
            if _matches(rule, message):
                yield from ((rule, target) for target in rule.targets)


def _send_to_targets(self: Rule, original_event: Any, transform_input: bool = True) -> None:
    if not _matches(self, original_event):
        return
    for target in self.targets:
        for one in (target, _dead_letters(target)):
            if one is not None and _may_send(self, one["Arn"]):
                _deliver(self, one, original_event)
                break


def _dead_letters(target: Mapping[str, Any]) -> dict[str, Any] | None:
    arn = (target.get("DeadLetterConfig") or {}).get("Arn")
    return {"Id": target["Id"], "Arn": arn} if arn else None


def _deliver(rule: Rule, target: dict[str, Any], event: Any) -> None:
    """Deliver to one target, untransformed: to buses, archives and queues by moto's function."""
    service = target["Arn"].split(":")[2]
    if service in ("logs", "sns"):
        message = json.dumps(dict(event) | {"time": iso_8601_datetime_without_milliseconds(utcfromtimestamp(event["time"]))})
        if service == "sns":
            sns_backends[rule.account_id][rule.region_name].topics[target["Arn"]].publish(message)
        else:
            _log(rule, target["Arn"].split(":")[6], message)
        return
    alone = copy.copy(rule)
    alone.targets = [target]
    _send(alone, copy.deepcopy(event), transform_input=False)  # a transformation needs a package of moto's extras


def _log(rule: Rule, group: str, message: str) -> None:
    """Put a message into a log group, in a stream of its own; moto's time of the event is not a whole number."""
    logs, stream = logs_backends[rule.account_id][rule.region_name], str(uuid.uuid4())
    if group in logs.groups:
        logs.create_log_stream(group, stream)
        logs.put_log_events(group, stream, [{"timestamp": int(unix_time_millis()), "message": message}])


def _may_send(rule: Rule, arn: str) -> bool:
    """Whether the policy of a target allows EventBridge to send; buses and archives of the account need none."""
    _, _, service, region, account, _ = arn.split(":", maxsplit=5)
    if service in ("sns", "sqs"):
        return may_deliver(SERVICE, rule.arn, arn)
    if service == "logs":
        context = {"aws:SourceArn": rule.arn, "aws:SourceAccount": rule.account_id, "aws:SecureTransport": "true"}
        stream = f"{arn.removesuffix(':*')}:log-stream:*"
        policies = [policy.policy_document for policy in logs_backends[account][region].resource_policies.values()]
        return any(resource_allows(SERVICE, "logs:PutLogEvents", stream, policy, context) for policy in policies)
    return True


def apply() -> None:
    EventsBackend.put_events = _put_checked
    Rule.send_to_targets = _send_to_targets
