"""Cached values equal those that moto computes."""

from __future__ import annotations

import os
import string
import subprocess
import sys

import pytest
from moto import backends
from moto.core.utils import camelcase_to_underscores
from moto.sqs import models
from moto.sqs.models import Message, Queue, SQSBackend

from async_endpoint.emulator.moto_patches import cached_lookups, sqs_message_index

cached_lookups.apply()


def test_the_modules_of_moto_are_listed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first = backends.list_of_moto_modules()
    monkeypatch.setattr(os, "listdir", lambda _: pytest.fail("listed again"))
    assert set(backends.list_of_moto_modules()) == set(first) >= {"sqs", "s3", "sagemaker"}


def test_attribute_names_are_spelled_as_in_moto() -> None:
    for name in [*Queue.BASE_ATTRIBUTES, *Queue.FIFO_ATTRIBUTES, *Queue.KMS_ATTRIBUTES]:
        assert models.camelcase_to_underscores(name) == camelcase_to_underscores(name)
    before = models.camelcase_to_underscores.cache_info().misses
    models.camelcase_to_underscores("VisibilityTimeout")
    assert models.camelcase_to_underscores.cache_info().misses == before


def test_receipt_handles_are_as_long_as_motos_and_differ() -> None:
    handles = set()
    for _ in range(1000):
        message = Message("id", "body")
        message.mark_received(visibility_timeout=30)
        handles.add(message.receipt_handle)
    assert len(handles) == 1000
    assert {len(handle) for handle in handles} == {cached_lookups.HANDLE_CHARS}
    assert set("".join(handles)) <= set(string.ascii_lowercase + string.digits)


def test_the_oldest_handles_of_deleted_messages_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    sqs_message_index.apply()
    monkeypatch.setattr(sqs_message_index, "MAX_DELETED_HANDLES", 20)
    backend = SQSBackend("eu-west-1", "123456789012")
    queue = backend.create_queue("deleted")
    handles = []
    for _ in range(50):
        backend.send_message("deleted", "x")
        [message] = backend.receive_message("deleted", 1, 0, 30)
        queue.delete_message(message.receipt_handle)
        handles.append(message.receipt_handle)
    assert queue.deleted_messages == set(handles[-20:])
    queue.delete_message(handles[-1])
    with pytest.raises(models.ReceiptHandleIsInvalid):
        queue.delete_message(handles[0])


UPSTREAM = """
import json, os
from moto import backends
from moto.sqs import models
from moto.sqs.models import SQSBackend
counts = dict.fromkeys(("folders", "names", "kept"), 0)
spell, listdir = models.camelcase_to_underscores, os.listdir
def counted(name):
    counts["names"] += 1
    return spell(name)
def listed(path):
    counts["folders"] += 1
    return listdir(path)
backend = SQSBackend("eu-west-1", "123456789012")
queue = backend.create_queue("q")
models.camelcase_to_underscores, os.listdir = counted, listed
for _ in range(100):
    "sqs" in backends.list_of_moto_modules()
    backend.send_message("q", "x")
    [message] = backend.receive_message("q", 1, 0, 30)
    queue.delete_message(message.receipt_handle)
counts["kept"] = len(queue.deleted_messages)
print(json.dumps([count >= 100 for count in counts.values()]))
"""


def test_upstream_moto_still_recomputes_them() -> None:
    """Fails once upstream has fixed it: then moto_patches/cached_lookups.py, or the bound on deleted handles, can go."""
    done = subprocess.run([sys.executable, "-c", UPSTREAM], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[true, true, true]"
