"""Names and values of the attributes of topics and subscriptions, and endpoints by protocol. moto sets whatever it is given.

moto stores an attribute of any name, its own objects' included, a failed Subscribe leaves its subscription, a topic may be
created again with other attributes and tags, and GetTopicAttributes leaves out most of what was set. Sources: API reference,
CreateTopic, SetTopicAttributes, Subscribe and SetSubscriptionAttributes; user guide, "Sample rate" and "Amazon SNS dead-letter
queues" (same account, region and type; A281 for a missing queue). Texts: LocalStack's provider of SNS, compared with AWS;
terraform-aws-sns-topic issue 48 (maxReceiveCount). ArchivePolicy, which would keep messages for replay, is refused by name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from moto.core.responses import ActionResult
from moto.core.utils import camelcase_to_underscores
from moto.sns.exceptions import SNSInvalidParameter
from moto.sns.models import Topic
from moto.sns.responses import SNSResponse
from moto.sqs.models import sqs_backends

from async_endpoint.emulator.written_policies.topics import check_topic_policy
from async_endpoint.local_aws import ACCOUNT_ID

_FEEDBACK: Final = ("Application", "Firehose", "HTTP", "Lambda", "SQS")
_ROLES: Final = frozenset(f"{kind}{what}FeedbackRoleArn" for kind in _FEEDBACK for what in ("Success", "Failure"))
_RATES: Final = frozenset(f"{kind}SuccessFeedbackSampleRate" for kind in _FEEDBACK)
_BOOLEANS: Final = ("true", "false")
_CHOICES: Final = {
    "ContentBasedDeduplication": _BOOLEANS,
    "FifoTopic": _BOOLEANS,
    "FifoThroughputScope": ("Topic", "MessageGroup"),
    "FilterPolicyScope": ("MessageAttributes", "MessageBody"),
    "RawMessageDelivery": _BOOLEANS,
    "SignatureVersion": ("1", "2"),
    "TracingConfig": ("PassThrough", "Active"),
}
_TOPIC: Final = frozenset(
    (
        "ContentBasedDeduplication",
        "DeliveryPolicy",
        "DisplayName",
        "FifoThroughputScope",
        "KmsMasterKeyId",
        "Policy",
        "SignatureVersion",
        "TracingConfig",
        *_ROLES,
        *_RATES,
    )
)
_FIFO_ONLY: Final = ("ContentBasedDeduplication", "FifoThroughputScope")
_DOCUMENTS: Final = ("DeliveryPolicy", "FilterPolicy", "RedrivePolicy")
_MAX_DISPLAY_NAME: Final = 100
_DEFAULTS: Final = {
    "ContentBasedDeduplication": "false",
    "FifoThroughputScope": "Topic",
    "FifoTopic": "false",
    "SignatureVersion": "1",
    "TracingConfig": "PassThrough",
}
_ROLE: Final = re.compile(r"arn:[\w-]+:iam::\d{12}:role/.+")
_ENDPOINTS: Final = {
    "application": r"arn:.+",
    "email": r"[^@\s]+@[^@\s]+",
    "email-json": r"[^@\s]+@[^@\s]+",
    "firehose": r"arn:[\w-]+:firehose:.+",
    "http": r"http://.+",
    "https": r"https://.+",
    "lambda": r"arn:[\w-]+:lambda:.+",
    "sms": r".+",
    "sqs": r"arn:[\w-]+:sqs:.+",
}
_create_topic = SNSResponse.create_topic
_set_topic_attributes = SNSResponse.set_topic_attributes
_get_topic_attributes = SNSResponse.get_topic_attributes
_answer_subscribe = SNSResponse.subscribe
_set_subscription_attributes = SNSResponse.set_subscription_attributes


def _invalid(name: str, reason: str) -> SNSInvalidParameter:
    return SNSInvalidParameter(f"Invalid parameter: Attributes Reason: {name}: {reason}")


def _check_value(name: str, value: str) -> None:
    """Raise SNSInvalidParameter for a value that an attribute does not take; an empty one removes it."""
    if not value:
        return
    choices = _CHOICES.get(name)
    if choices and value not in choices and not (choices == _BOOLEANS and value.lower() in choices):
        raise _invalid(name, f"Invalid value [{value}]. Must be {' or '.join(choices)}.")
    if name in _RATES and not (value.isdecimal() and int(value) <= 100):
        raise _invalid(name, f"Invalid value [{value}]. Must be from 0 to 100.")
    if (name in _ROLES or name == "SubscriptionRoleArn") and not _ROLE.fullmatch(value):
        raise _invalid(name, f"Invalid value [{value}]. Must be the ARN of a role.")
    if name == "DisplayName" and len(value) > _MAX_DISPLAY_NAME:
        raise _invalid(name, f"Must be at most {_MAX_DISPLAY_NAME} characters long.")
    if name in _DOCUMENTS:
        _check_document(name, value)


def _check_document(name: str, value: str) -> None:
    try:
        document = json.loads(value)
    except ValueError as error:
        raise SNSInvalidParameter(f"Invalid parameter: {name}: failed to parse JSON. ({error})") from error
    if not isinstance(document, dict):
        raise SNSInvalidParameter(f"Invalid parameter: {name}: must be a JSON object.")


def _check_dead_letters(topic_arn: str, value: str) -> None:
    """Raise SNSInvalidParameter for a redrive policy that a subscription to the topic cannot have; {} and "" remove it."""
    _check_value("RedrivePolicy", value)
    document = json.loads(value or "{}")
    if not document:
        return
    unknown = sorted(set(document) - {"deadLetterTargetArn"})
    target = document.get("deadLetterTargetArn")
    if unknown:
        raise SNSInvalidParameter(f"Invalid parameter: RedrivePolicy: invalid JSON. Attribute {unknown[0]} is unknown.")
    if not isinstance(target, str) or not re.fullmatch(_ENDPOINTS["sqs"], target):
        raise SNSInvalidParameter("Invalid parameter: RedrivePolicy: deadLetterTargetArn must be the ARN of an SQS queue.")
    if target.split(":")[3:5] != topic_arn.split(":")[3:5]:
        reason = "is of another account or region than the subscription."
    elif topic_arn.endswith(".fifo") and not target.endswith(".fifo"):
        reason = "must use a FIFO queue as DLQ for a FIFO Subscription to a FIFO Topic."
    elif target.endswith(".fifo") and not topic_arn.endswith(".fifo"):
        reason = "must use a standard queue as DLQ for a subscription to a standard topic."
    elif target.split(":")[5] not in sqs_backends[ACCOUNT_ID][topic_arn.split(":")[3]].queues:
        reason = "does not exist."
    else:
        return
    raise SNSInvalidParameter(f"Invalid parameter: RedrivePolicy: deadLetterTargetArn {target}: {reason}")


def _check_topic(attributes: Mapping[str, str], known: frozenset[str], arn: str, *, fifo: bool) -> None:
    for name, value in attributes.items():
        if name == "ArchivePolicy" and value:
            raise _invalid(name, "the local AWS does not keep messages for replay; leave it out.")
        if name not in known and name != "ArchivePolicy":
            raise SNSInvalidParameter(f"Invalid parameter: Attributes Reason: Unknown attribute {name}")
        if name in _FIFO_ONLY and value and value != "false" and not fifo:
            raise _invalid(name, "can only be set on FIFO topics.")
        _check_value(name, str(value))
        if name == "Policy" and value:
            check_topic_policy(arn, str(value))


def _create_checked(self: SNSResponse) -> ActionResult:
    attributes = self._get_attributes() or {}
    fifo = str(attributes.get("FifoTopic")).lower() == "true"
    arn = f"arn:aws:sns:{self.region}:{ACCOUNT_ID}:{self._get_param('Name')}"
    _check_topic(attributes, _TOPIC | {"FifoTopic"}, arn, fifo=fifo)
    existing = self.backend.topics.get(arn)
    if existing is not None:
        _check_existing(existing, attributes, self._get_tags() or {})
    return _create_topic(self)


def _check_existing(topic: Topic, attributes: Mapping[str, str], tags: Mapping[str, str]) -> None:
    """Raise SNSInvalidParameter where a topic has other values than a second CreateTopic; what that leaves out may differ."""
    for name, value in attributes.items():
        found = getattr(topic, camelcase_to_underscores(name), None) or _DEFAULTS.get(name, "")
        if _normalized(name, found) != _normalized(name, value):
            raise SNSInvalidParameter("Invalid parameter: Attributes Reason: Topic already exists with different attributes")
    if any(topic._tags.get(key) != value for key, value in tags.items()):
        raise SNSInvalidParameter("Invalid parameter: Tags Reason: Topic already exists with different tags")


def _normalized(name: str, value: Any) -> Any:
    if name in ("DeliveryPolicy", "Policy"):
        return json.loads(value or "{}")
    return str(value).lower() if _CHOICES.get(name) == _BOOLEANS else str(value)


def _set_topic_checked(self: SNSResponse) -> ActionResult:
    name, value = str(self._get_param("AttributeName")), self._get_param("AttributeValue")
    topic = self.backend.topics.get(self._get_param("TopicArn"))
    if topic is not None:
        if name not in _TOPIC | {"ArchivePolicy"}:
            raise SNSInvalidParameter("Invalid parameter: AttributeName")
        _check_topic({name: value or ""}, _TOPIC, topic.arn, fifo=str(topic.fifo_topic).lower() == "true")
        if name == "Policy" and not value:
            raise SNSInvalidParameter("Invalid parameter: Policy Error: null")
    return _set_topic_attributes(self)


def get_topic_attributes(self: SNSResponse) -> ActionResult:
    """Every attribute that was set; what was not is left out (LocalStack's test_sns.snapshot.json, recorded on AWS)."""
    attributes = _get_topic_attributes(self).result["Attributes"]
    if not attributes["DeliveryPolicy"]:
        del attributes["DeliveryPolicy"]
    topic = self.backend.topics[attributes["TopicArn"]]
    known = _TOPIC if topic.fifo_topic else _TOPIC.difference(_FIFO_ONLY)
    found = {name: getattr(topic, camelcase_to_underscores(name), None) for name in known - attributes.keys()}
    return ActionResult({"Attributes": attributes | {name: value for name, value in found.items() if value}})


def subscribe(self: SNSResponse) -> ActionResult:
    """Subscribe, and keep the subscription only if all of its attributes are accepted."""
    protocol, endpoint = str(self._get_param("Protocol")), str(self._get_param("Endpoint") or "")
    pattern = _ENDPOINTS.get(protocol)
    if pattern is None:
        raise SNSInvalidParameter(f"Invalid parameter: Amazon SNS does not support this protocol string: {protocol}")
    if protocol != "sqs" and not re.fullmatch(pattern, endpoint):  # moto checks that of SQS
        raise SNSInvalidParameter(f"Invalid parameter: Endpoint Reason: {endpoint} is not an endpoint of protocol {protocol}")
    attributes = self._get_param("Attributes", {})  # as sent: moto turns any other RawMessageDelivery into false
    if protocol == "firehose" and "SubscriptionRoleArn" not in attributes:
        raise _invalid("SubscriptionRoleArn", "is required for protocol firehose.")
    for name, value in attributes.items():
        _check_value(name, str(value))
    if "RedrivePolicy" in attributes:
        _check_dead_letters(str(self._get_param("TopicArn")), str(attributes["RedrivePolicy"]))
    before = set(self.backend.subscriptions)
    try:
        return _answer_subscribe(self)
    except Exception:
        for arn in set(self.backend.subscriptions) - before:
            added = self.backend.subscriptions[arn]
            if (added.topic_arn, added.protocol, added.endpoint) == (self._get_param("TopicArn"), protocol, endpoint):
                del self.backend.subscriptions[arn]
        raise


def _set_subscription_checked(self: SNSResponse) -> ActionResult:
    name, value = str(self._get_param("AttributeName")), str(self._get_param("AttributeValue") or "")
    _check_value(name, value)
    subscription = self.backend.subscriptions.get(self._get_param("SubscriptionArn"))
    if name == "RedrivePolicy" and subscription is not None:
        _check_dead_letters(subscription.topic_arn, value)
    return _set_subscription_attributes(self)


def apply() -> None:
    SNSResponse.create_topic = _create_checked
    SNSResponse.set_topic_attributes = _set_topic_checked
    SNSResponse.subscribe = subscribe
    SNSResponse.set_subscription_attributes = _set_subscription_checked
