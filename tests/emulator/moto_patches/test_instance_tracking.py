"""Objects that are no longer referenced are freed."""

from __future__ import annotations

import gc
import uuid
import weakref

from moto.s3.models import FakeKey, S3Backend
from moto.sqs.models import Message, SQSBackend

from async_endpoint.emulator.moto_patches import instance_tracking

instance_tracking.apply()


def test_a_deleted_message_is_gone() -> None:
    backend = SQSBackend("eu-west-1", "123456789012")
    queue = backend.create_queue(f"tracked-{uuid.uuid4().hex}")
    seen = weakref.WeakSet[Message]()
    for _ in range(20):
        backend.send_message(queue.name, "x")
        [message] = backend.receive_message(queue.name, 1, 0, 30)
        seen.add(message)
        queue.delete_message(message.receipt_handle)
        del message
    gc.collect()
    assert len(seen) == 0


def test_an_overwritten_object_is_gone_and_the_last_one_stays() -> None:
    backend = S3Backend("aws", "123456789012")
    name = f"tracked-{uuid.uuid4().hex}"
    backend.create_bucket(name, "eu-west-1")
    seen = weakref.WeakSet[FakeKey]()
    for number in range(20):
        seen.add(backend.put_object(name, "key", str(number).encode()))
    gc.collect()
    assert [key.value for key in seen] == [b"19"]
    assert backend.get_object(name, "key").value == b"19"
