"""Messages that SNS refuses: empty ones, subjects of several lines, JSON structures without a default, and large batches.

Source: API reference, Publish (Message, Subject, MessageStructure) and PublishBatch. moto publishes all of them.
"""

from __future__ import annotations

import json
from typing import Any, Final

from moto.sns.exceptions import SNSException, SNSInvalidParameter
from moto.sns.models import SNSBackend

MAX_BATCH_BYTES: Final = 262_144
_publish = SNSBackend.publish
_publish_batch = SNSBackend.publish_batch


def _publish_checked(
    self: SNSBackend,
    message: str,
    arn: str | None,
    phone_number: str | None = None,
    subject: str | None = None,
    message_attributes: dict[str, Any] | None = None,
    group_id: str | None = None,
    deduplication_id: str | None = None,
    message_structure: str | None = None,
) -> str:
    if not message:
        raise SNSInvalidParameter("Invalid parameter: Empty message")
    if subject is not None and (not subject.strip() or not subject.isprintable()):
        raise SNSInvalidParameter("Invalid parameter: Subject")
    if message_structure == "json":
        _check_structure(message)
    more = (phone_number, subject, message_attributes, group_id, deduplication_id, message_structure)
    return str(_publish(self, message, arn, *more))


def _check_structure(message: str) -> None:
    try:
        document = json.loads(message)
    except ValueError as error:
        raise SNSInvalidParameter("Invalid parameter: Message Structure - JSON message body failed to parse") from error
    if not isinstance(document, dict) or not isinstance(document.get("default"), str):
        raise SNSInvalidParameter("Invalid parameter: Message Structure - No default entry in JSON message body")


def _publish_batch_checked(self: SNSBackend, topic_arn: str, publish_batch_request_entries: list[dict[str, Any]]) -> Any:
    if sum(len(str(entry.get("Message", "")).encode()) for entry in publish_batch_request_entries) > MAX_BATCH_BYTES:
        error = SNSException("The length of all the batch messages put together is more than the limit.")
        error.code = "BatchRequestTooLong"
        raise error
    return _publish_batch(self, topic_arn, publish_batch_request_entries)


def apply() -> None:
    SNSBackend.publish = _publish_checked
    SNSBackend.publish_batch = _publish_batch_checked
