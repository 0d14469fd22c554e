"""moto keeps every message ever published to a topic, and a certificate of each delivery to a queue; nothing here reads them.

What is kept is the latest of both, so that a long run does not grow: a consumer that checks signatures does so at once.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Any

from moto.sns.models import SNSBackend, Topic

KEPT = 1000
_init_topic = Topic.__init__
_init_backend = SNSBackend.__init__


class Latest(OrderedDict[str, bytes]):
    """The last KEPT entries."""

    def __setitem__(self, key: str, value: bytes) -> None:
        super().__setitem__(key, value)
        while len(self) > KEPT:
            self.popitem(last=False)


def _bounded_topic(self: Topic, *arguments: Any, **options: Any) -> None:
    _init_topic(self, *arguments, **options)
    self.sent_notifications = deque(maxlen=KEPT)


def _bounded_backend(self: SNSBackend, *arguments: Any, **options: Any) -> None:
    _init_backend(self, *arguments, **options)
    self._message_public_keys = Latest()


def mend() -> None:
    Topic.__init__ = _bounded_topic
    SNSBackend.__init__ = _bounded_backend
