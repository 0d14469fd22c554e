"""Contents of messages that SQS refuses: characters outside XML 1.0, bytes beyond the queue's limit, more than 10 attributes.

Source: API reference, SendMessage. moto takes any character, and counts characters in the place of bytes.
"""

from __future__ import annotations

import re
from typing import Any, Final

from moto.sqs.exceptions import InvalidParameterValue, SQSException
from moto.sqs.models import Message, Queue, SQSBackend

MAX_ATTRIBUTES: Final = 10
_REFUSED: Final = re.compile(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_validate_message = SQSBackend._validate_message
_send_message = SQSBackend.send_message


def _validate_checked(self: SQSBackend, queue: Queue, message_body: str, *arguments: Any, **options: Any) -> None:
    _validate_message(self, queue, message_body, *arguments, **options)
    most = int(queue.maximum_message_size)
    if 4 * len(message_body) > most and len(message_body.encode(errors="surrogatepass")) > most:
        raise InvalidParameterValue(f"One or more parameters are invalid. Reason: Message must be shorter than {most} bytes.")
    if _REFUSED.search(message_body):
        raise SQSException("InvalidMessageContents", "Message contains characters outside the allowed set.")


def _send_checked(
    self: SQSBackend,
    queue_name: str,
    message_body: str,
    message_attributes: dict[str, Any] | None = None,
    *arguments: Any,
    **options: Any,
) -> Message:
    if message_attributes and len(message_attributes) > MAX_ATTRIBUTES:
        raise InvalidParameterValue(
            f"Number of message attributes [{len(message_attributes)}] exceeds the allowed maximum [{MAX_ATTRIBUTES}]."
        )
    return _send_message(self, queue_name, message_body, message_attributes, *arguments, **options)


def apply() -> None:
    SQSBackend._validate_message = _validate_checked
    SQSBackend.send_message = _send_checked
