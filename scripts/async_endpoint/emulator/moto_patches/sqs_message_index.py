"""Standard queues with an index of their messages (emulator/message_index.py), changed under the queue's lock.

moto scans every message of a queue on every call, polls once a second, and receives without a lock. Here a long poll wakes with
the arrival of a message. Rules and error texts stay moto's: its functions are called with a queue of one message. FIFO queues
are moto's.

moto also keeps every deleted handle, so that it can be deleted again; here the latest MAX_DELETED_HANDLES are kept.
"""

from __future__ import annotations

import copy
import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from moto.sqs import models
from moto.sqs.models import Message, Queue, SQSBackend

from async_endpoint.emulator.message_index import MessageIndex, MessageState, QueuedMessage

MAX_DELETED_HANDLES = 10_000
_init = Queue.__init__
_count_visible = Queue.approximate_number_of_messages.fget
_count_delayed = Queue.approximate_number_of_messages_delayed.fget
_count_not_visible = Queue.approximate_number_of_messages_not_visible.fget
_delete = Queue.delete_message
_receive = SQSBackend.receive_message
_change_visibility = SQSBackend.change_message_visibility
_purge = SQSBackend.purge_queue


class Messages(MessageIndex[Message]):
    """The index as the list that moto's Queue.add_message appends to. Times are epoch milliseconds, as in moto."""

    def append(self, message: Message) -> None:
        held = self.add(message, message.delayed_until)
        for handle in filter(None, message.all_receipt_handles):  # a dead letter keeps the handles of its source queue
            self.add_handle(held, handle)


class LatestHandles(set[str]):
    """The last MAX_DELETED_HANDLES handles passed to `update`, the only method by which moto adds handles."""

    def __init__(self, handles: Iterable[str] = ()) -> None:  # the signature of set, used by unpickling
        super().__init__(handles)
        self._order: deque[str] = deque(self)

    def update(self, *handles: Iterable[str | None]) -> None:
        new = [handle for some in handles for handle in some if handle and handle not in self]  # moto's include None
        super().update(new)
        self._order.extend(new)
        while len(self._order) > MAX_DELETED_HANDLES:
            self.discard(self._order.popleft())


def _indexed_init(self: Queue, *arguments: Any, **options: Any) -> None:
    _init(self, *arguments, **options)
    self.deleted_messages = LatestHandles()
    if not self.fifo_queue:
        self._messages = Messages()


@contextmanager
def _changing(queue: Queue) -> Iterator[Messages]:
    """Change messages under the lock; wakes waiting receivers if a message is visible now or sooner than expected."""
    with queue._messages_lock:
        messages: Messages = queue._messages
        expected = messages.next_return()
        yield messages
        if messages.first(models.unix_time_millis()) or messages.next_return() < expected:
            queue._messages_lock.notify_all()


def _receive_indexed(
    self: SQSBackend,
    queue_name: str,
    count: int,
    wait_seconds_timeout: int,
    visibility_timeout: int,
    message_attribute_names: list[str] | None = None,
) -> list[Message]:
    queue = self.get_queue(queue_name)
    if not isinstance(queue._messages, Messages):
        found: list[Message] = _receive(
            self, queue_name, count, wait_seconds_timeout, visibility_timeout, message_attribute_names
        )
        return found
    ends = models.unix_time_millis() + wait_seconds_timeout * 1000
    while True:
        with queue._messages_lock:
            with _changing(queue) as messages:
                taken, dead = _take(queue, messages, count, visibility_timeout)
            now = models.unix_time_millis()
            if not taken and not dead and now < ends:  # releases the lock meanwhile
                queue._messages_lock.wait((min(ends, messages.next_return()) - now) / 1000)
        for target, message in dead:  # outside the lock: two queues may be each other's dead-letter queue
            target.add_message(message)
        if taken or now >= ends:
            return [_with_attributes(message, message_attribute_names or []) for message in taken]


def _take(
    queue: Queue, messages: Messages, count: int, visibility_timeout: int
) -> tuple[list[Message], list[tuple[Queue, Message]]]:
    """Receive up to `count` messages; returns them, and the dead letters before them with their queue. Drops expired ones."""
    taken: list[Message] = []
    dead: list[tuple[Queue, Message]] = []
    now = models.unix_time_millis()
    while len(taken) < count and (held := messages.first(now)):
        message = held.message
        if message.sent_timestamp + queue.message_retention_period * 1000 <= now:
            messages.remove(held)
        elif target := _dead_letter_queue(queue, message):
            messages.remove(held)
            dead.append((target, message))
        else:
            message.mark_received(visibility_timeout=visibility_timeout)
            messages.add_handle(held, message.receipt_handle)
            # With a time-out of zero it is visible to the next receiver at once.
            messages.hide(held, max(message.visible_at, math.nextafter(now, math.inf)))
            taken.append(copy.copy(message))
    return taken, dead


def _dead_letter_queue(queue: Queue, message: Message) -> Queue | None:
    """The dead-letter queue of a message that was received too often; None otherwise."""
    target, policy = queue.dead_letter_queue, queue.redrive_policy
    if target is None or not policy or message.approximate_receive_count < policy["maxReceiveCount"]:
        return None
    return target


def _with_attributes(message: Message, attribute_names: list[str]) -> Message:
    models._filter_message_attributes(message, attribute_names)
    return message


def _delete_indexed(self: Queue, receipt_handle: str) -> None:
    if not isinstance(self._messages, Messages):
        _delete(self, receipt_handle)
        return
    with _changing(self) as messages:
        held = messages.find(receipt_handle)
        _delete(_queue_of_one(held, deleted_messages=self.deleted_messages), receipt_handle)
        if held:
            messages.remove(held)


def _change_indexed(self: SQSBackend, queue_name: str, receipt_handle: str, visibility_timeout: int) -> None:
    queue = self.get_queue(queue_name)
    if not isinstance(queue._messages, Messages):
        _change_visibility(self, queue_name, receipt_handle, visibility_timeout)
        return
    with _changing(queue) as messages:
        held = messages.find(receipt_handle)
        backend = SimpleNamespace(get_queue=lambda name: _queue_of_one(held))
        _change_visibility(backend, queue_name, receipt_handle, visibility_timeout)
        if held:
            messages.hide(held, held.message.visible_at)


def _queue_of_one(held: QueuedMessage[Message] | None, **more: Any) -> Any:
    """A queue of one message, or of none, to pass to moto's functions."""
    return SimpleNamespace(_messages=[held.message] if held else [], pending_messages=set(), **more)


def _purge_indexed(self: SQSBackend, queue_name: str) -> None:
    queue = self.get_queue(queue_name)
    with queue._messages_lock:
        indexed = isinstance(queue._messages, Messages)
        _purge(self, queue_name)
        if indexed:
            queue._messages = Messages()


def _count(place: MessageState, of_moto: Callable[[Queue], int]) -> property:
    def count(self: Queue) -> int:
        with self._messages_lock:
            if isinstance(self._messages, Messages):
                return self._messages.count(place, models.unix_time_millis())
            return of_moto(self)

    return property(count)


def apply() -> None:
    Queue.__init__ = _indexed_init
    Queue.approximate_number_of_messages = _count(MessageState.VISIBLE, _count_visible)
    Queue.approximate_number_of_messages_delayed = _count(MessageState.DELAYED, _count_delayed)
    Queue.approximate_number_of_messages_not_visible = _count(MessageState.NOT_VISIBLE, _count_not_visible)
    Queue.delete_message = _delete_indexed
    SQSBackend.receive_message = _receive_indexed
    SQSBackend.change_message_visibility = _change_indexed
    SQSBackend.purge_queue = _purge_indexed
