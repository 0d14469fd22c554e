"""Delivery to all subscriptions of a topic, with a bounded record of published messages.

moto publishes to the first hundred subscriptions only, and keeps every message.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from moto.moto_api._internal import mock_random
from moto.sns.models import Topic

MAX_KEPT_MESSAGES = 1000
_init = Topic.__init__


def _bounded(self: Topic, *arguments: Any, **options: Any) -> None:
    _init(self, *arguments, **options)
    self.sent_notifications = deque(maxlen=MAX_KEPT_MESSAGES)


def _publish(
    self: Topic,
    message: str,
    subject: str | None = None,
    message_attributes: dict[str, Any] | None = None,
    group_id: str | None = None,
    **rest: Any,
) -> str:
    message_id = str(mock_random.uuid4())
    for subscription in list(self.sns_backend.subscriptions.values()):
        if subscription.topic is self:
            subscription.publish(
                message, message_id, subject=subject, message_attributes=message_attributes, group_id=group_id, **rest
            )
    self.sent_notifications.append((message_id, message, subject, message_attributes, group_id))
    return message_id


def apply() -> None:
    Topic.__init__ = _bounded
    Topic.publish = _publish
