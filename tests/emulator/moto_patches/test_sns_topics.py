"""A topic keeps its latest messages only."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid

import pytest
from moto.sns.models import SNSBackend

from async_endpoint.emulator.moto_patches import sns_topics

sns_topics.apply()


def test_a_topic_does_not_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sns_topics, "MAX_KEPT_MESSAGES", 20)
    backend = SNSBackend("eu-west-1", "123456789012")
    topic = backend.create_topic(f"topic-{uuid.uuid4().hex}")
    monkeypatch.setitem(backend.topics, topic.arn, topic)
    for number in range(50):
        topic.publish(json.dumps(number))
    assert [message for _, message, *_ in topic.sent_notifications] == [str(number) for number in range(30, 50)]


GROWS = """
from moto.sns.models import sns_backends
backend = sns_backends["123456789012"]["eu-west-1"]
topic = backend.create_topic("t")
for _ in range(2000):
    topic.publish("x")
print(len(topic.sent_notifications))
"""


def test_upstream_moto_still_keeps_every_message() -> None:
    """Fails once upstream has fixed it: then moto_patches/sns_topics.py can go."""
    done = subprocess.run([sys.executable, "-c", GROWS], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["2000"]
