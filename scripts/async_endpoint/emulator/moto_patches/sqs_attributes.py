"""Attributes of queues by SQS's names and limits, and RedriveAllowPolicy. moto drops that policy, and sets any other name.

Names and ranges: API reference, SetQueueAttributes. Texts: LocalStack's provider of SQS (maxReceiveCount), handel issue 253
(type of a dead-letter queue), provider-aws issue 443 of Crossplane (mandatory attribute), as quoted by users (missing target);
those about two encryptions and about a queue that names itself (A282) are not verified. A queue may only name a dead-letter
queue whose RedriveAllowPolicy permits it; denyAll refuses, as does byQueue without the queue among its sources (SQS developer
guide, "Configuring dead-letter queue permissions").
"""

from __future__ import annotations

import json
from typing import Any, Final

from moto.sqs.exceptions import SQSException
from moto.sqs.models import Queue, SQSBackend, sqs_backends

from async_endpoint.emulator.moto_patches.redrive_policy import compact_attributes
from async_endpoint.emulator.moto_patches.resource_tags import check_tags_of_queue
from async_endpoint.emulator.written_policies.queues import check_queue_policy

NAME: Final = "RedriveAllowPolicy"
_RANGES: Final = {
    "DelaySeconds": (0, 900),
    "KmsDataKeyReusePeriodSeconds": (60, 86_400),
    "MaximumMessageSize": (1_024, 1_048_576),
    "MessageRetentionPeriod": (60, 1_209_600),
    "ReceiveMessageWaitTimeSeconds": (0, 20),
    "VisibilityTimeout": (0, 43_200),
}
_CHOICES: Final = {
    "ContentBasedDeduplication": ("true", "false"),
    "DeduplicationScope": ("messageGroup", "queue"),
    "FifoQueue": ("true",),
    "FifoThroughputLimit": ("perQueue", "perMessageGroupId"),
    "SqsManagedSseEnabled": ("true", "false"),
}
_FIFO_ONLY: Final = ("ContentBasedDeduplication", "DeduplicationScope", "FifoQueue", "FifoThroughputLimit")
_KNOWN: Final = frozenset((*_RANGES, *_CHOICES, "KmsMasterKeyId", "Policy", "RedrivePolicy", NAME))
_MAX_RECEIVE_COUNT: Final = 1_000
_PERMISSIONS: Final = ("allowAll", "byQueue", "denyAll")
_MAX_SOURCES: Final = 10
_set_attributes = Queue._set_attributes
_setup_dlq = Queue._setup_dlq
_get_queue_attributes = SQSBackend.get_queue_attributes
_create_queue = SQSBackend.create_queue
_set_queue_attributes = SQSBackend.set_queue_attributes


def _invalid(name: str, value: Any, reason: str = "") -> SQSException:
    return SQSException("InvalidAttributeValue", f"Invalid value for the parameter {name}.{reason and f' Reason: {reason}'}")


def _check_names(attributes: dict[str, Any], *, fifo: bool) -> None:
    """Raise SQSException for attributes that a queue of this type does not have, for their values, and for two encryptions."""
    for name, value in attributes.items():
        turned_off = name == "ContentBasedDeduplication" and str(value).lower() == "false"
        if name not in _KNOWN or (name in _FIFO_ONLY and not fifo and not turned_off):
            raise SQSException("InvalidAttributeName", f"Unknown Attribute {name}.")
        if name in _CHOICES and str(value).lower() not in map(str.lower, _CHOICES[name]):
            raise _invalid(name, value)
    if attributes.get("KmsMasterKeyId") and str(attributes.get("SqsManagedSseEnabled")).lower() == "true":
        raise SQSException(
            "InvalidAttributeValue",
            "You can use one type of server-side encryption at one time. "
            "You can either enable KMS encryption or SQS encryption.",
        )


def _create_checked(self: SQSBackend, name: str, tags: dict[str, str] | None = None, **attributes: Any) -> Queue:
    _check_names({key: value for key, value in attributes.items() if key != "region"}, fifo=name.endswith(".fifo"))
    check_tags_of_queue(name, tags or {})
    return _create_queue(self, name, tags, **attributes)


def _set_attributes_checked(self: SQSBackend, queue_name: str, attributes: dict[str, Any]) -> Queue:
    if "FifoQueue" in attributes:
        raise SQSException("InvalidAttributeName", "Unknown Attribute FifoQueue.")
    _check_names(attributes, fifo=bool(self.get_queue(queue_name).fifo_queue))
    return _set_queue_attributes(self, queue_name, attributes)


def _set_checked(self: Queue, attributes: dict[str, Any], now: float | None = None) -> None:
    for name, (least, most) in _RANGES.items():
        value = attributes.get(name)
        if value is not None and not (str(value).isdecimal() and least <= int(value) <= most):
            raise _invalid(name, value)
    if attributes.get("Policy"):
        check_queue_policy(self.queue_arn, str(attributes["Policy"]))
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
    document = {} if policy == "" else _json_object("RedrivePolicy", policy)
    if document:
        target = str(document.get("deadLetterTargetArn"))
        text = json.dumps(policy) if isinstance(policy, dict) else policy
        _check_redrive_policy(document, text)
        backend = sqs_backends[self.account_id][self.region]
        found = next((queue for queue in [*backend.queues.values()] if queue.queue_arn == target), None)
        allowed = getattr(found, "redrive_allow_policy", None) or {"redrivePermission": "allowAll"}
        permitted = allowed["redrivePermission"] == "allowAll" or self.queue_arn in allowed.get("sourceQueueArns", [])
        if found is None:
            raise _refused(text, "Dead letter target does not exist.")
        if found is self or target == self.queue_arn:
            raise _refused(text, "A queue cannot be its own dead letter target.")
        if bool(found.fifo_queue) != bool(self.fifo_queue):
            raise _refused(text, "Dead-letter queue must be same type of queue as the source.")
        if not permitted:
            raise _refused(text, f"The dead letter queue {target} does not permit the source queue {self.queue_arn}.")
    _setup_dlq(self, policy)


def _check_redrive_policy(document: dict[str, Any], text: str) -> None:
    missing = [name for name in ("deadLetterTargetArn", "maxReceiveCount") if name not in document]
    if missing:
        raise _refused(text, f"Redrive policy does not contain mandatory attribute: {missing[0]}.")
    unknown = sorted(set(document) - {"deadLetterTargetArn", "maxReceiveCount"})
    if unknown:
        raise _refused(text, f"Only following attributes are supported: [deadLetterTargetArn, maxReceiveCount]: {unknown[0]}")
    count = document["maxReceiveCount"]
    if not (str(count).isdecimal() and 1 <= int(count) <= _MAX_RECEIVE_COUNT):
        raise _refused(
            text, f"Invalid value for maxReceiveCount: {count}, valid values are from 1 to {_MAX_RECEIVE_COUNT} both inclusive."
        )


def _refused(text: str, reason: str) -> SQSException:
    return SQSException("InvalidParameterValue", f"Value {text} for parameter RedrivePolicy is invalid. Reason: {reason}")


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
    SQSBackend.create_queue = _create_checked
    SQSBackend.set_queue_attributes = _set_attributes_checked
