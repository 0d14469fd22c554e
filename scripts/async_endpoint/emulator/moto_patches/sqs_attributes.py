"""Attributes of queues within SQS's limits, and RedriveAllowPolicy. moto drops that policy, and checks two limits of eight.

Ranges: API reference, SetQueueAttributes. A queue may only name a dead-letter queue whose RedriveAllowPolicy permits it;
denyAll refuses, as does byQueue without the queue among its sources (SQS developer guide, "Configuring dead-letter queue
permissions").
"""

from __future__ import annotations

import json
from typing import Any, Final

from moto.sqs.exceptions import SQSException
from moto.sqs.models import Queue, SQSBackend, sqs_backends

from async_endpoint.emulator.moto_patches.redrive_policy import compact_attributes

NAME: Final = "RedriveAllowPolicy"
_RANGES: Final = {
    "DelaySeconds": (0, 900),
    "KmsDataKeyReusePeriodSeconds": (60, 86_400),
    "MaximumMessageSize": (1_024, 1_048_576),
    "MessageRetentionPeriod": (60, 1_209_600),
    "ReceiveMessageWaitTimeSeconds": (0, 20),
    "VisibilityTimeout": (0, 43_200),
}
_PERMISSIONS: Final = ("allowAll", "byQueue", "denyAll")
_MAX_SOURCES: Final = 10
_set_attributes = Queue._set_attributes
_setup_dlq = Queue._setup_dlq
_get_queue_attributes = SQSBackend.get_queue_attributes


def _invalid(name: str, value: Any, reason: str = "") -> SQSException:
    return SQSException("InvalidAttributeValue", f"Invalid value for the parameter {name}.{reason and f' Reason: {reason}'}")


def _set_checked(self: Queue, attributes: dict[str, Any], now: float | None = None) -> None:
    for name, (least, most) in _RANGES.items():
        value = attributes.get(name)
        if value is not None and not (str(value).isdecimal() and least <= int(value) <= most):
            raise _invalid(name, value)
    if attributes.get("Policy"):
        _json_object("Policy", attributes["Policy"])
    allowed = attributes.get(NAME)
    if allowed is not None:
        self.redrive_allow_policy = _redrive_allow_policy(allowed)
    rest = {name: value for name, value in attributes.items() if name != NAME}
    if "Policy" not in rest and hasattr(self, "policy"):
        rest["Policy"] = self.policy  # moto removes a policy with each change of another attribute
    _set_attributes(self, rest, now)


def _json_object(name: str, value: Any) -> dict[str, Any]:
    try:
        document = json.loads(value) if isinstance(value, str) else value
    except ValueError as error:
        raise _invalid(name, value) from error
    if not isinstance(document, dict):
        raise _invalid(name, value)
    return document


def _redrive_allow_policy(value: Any) -> dict[str, Any] | None:
    """The policy; None for an empty one, which removes it."""
    if value in ("", "{}", {}):
        return None
    policy = _json_object(NAME, value)
    permission, sources = policy.get("redrivePermission"), policy.get("sourceQueueArns")
    if permission not in _PERMISSIONS or set(policy) - {"redrivePermission", "sourceQueueArns"}:
        raise _invalid(NAME, value, f"redrivePermission must be one of {', '.join(_PERMISSIONS)}.")
    if (permission == "byQueue") != bool(sources) or not isinstance(sources or [], list) or len(sources or []) > _MAX_SOURCES:
        raise _invalid(NAME, value, f"sourceQueueArns has 1 to {_MAX_SOURCES} queues with byQueue, and none otherwise.")
    return policy


def _setup_dlq_checked(self: Queue, policy: Any) -> None:
    """Refuse a dead-letter queue that does not permit this queue. The queue's redrive policy stays as it was then."""
    if not Queue._is_empty_redrive_policy(policy):
        target = str(_json_object("RedrivePolicy", policy).get("deadLetterTargetArn"))
        backend = sqs_backends[self.account_id][self.region]
        found = next((queue for queue in backend.queues.values() if queue.queue_arn == target), None)
        allowed = getattr(found, "redrive_allow_policy", None) or {"redrivePermission": "allowAll"}
        permitted = allowed["redrivePermission"] == "allowAll" or self.queue_arn in allowed.get("sourceQueueArns", [])
        if found is not None and not permitted:
            raise SQSException(
                "InvalidParameterValue",
                f"Value {json.dumps(policy) if isinstance(policy, dict) else policy} for parameter RedrivePolicy is invalid. "
                f"Reason: The dead letter queue {target} does not permit the source queue {self.queue_arn}.",
            )
    _setup_dlq(self, policy)


def _attributes(self: Queue) -> dict[str, Any]:
    found = compact_attributes(self)
    policy = getattr(self, "redrive_allow_policy", None)
    return found | ({NAME: json.dumps(policy, separators=(",", ":"))} if policy else {})


def _get_attributes(self: SQSBackend, queue_name: str, attribute_names: list[str]) -> dict[str, Any]:
    """GetQueueAttributes, which knows the name RedriveAllowPolicy."""
    known = [name for name in attribute_names if name != NAME]
    found: dict[str, Any] = _get_queue_attributes(self, queue_name, known) if known or not attribute_names else {}
    if NAME in attribute_names and (allowed := self.get_queue(queue_name).attributes.get(NAME)):
        found = {**found, NAME: allowed}
    return found


def apply() -> None:
    Queue._set_attributes = _set_checked
    Queue._setup_dlq = _setup_dlq_checked
    Queue.attributes = property(_attributes)
    SQSBackend.get_queue_attributes = _get_attributes
