"""An index of the messages in a standard queue, by handle, by order and by the time they become visible: no call scans them.

Pure: without clock, locks or moto. Every move is O(log n) amortized. A heap keeps stale entries, recognized by an outdated
version, and is rebuilt once they outnumber the current ones. The caller holds the lock and passes the time, in any one unit.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Generic, TypeVar

M = TypeVar("M")
_MIN_STALE_ENTRIES = 64  # short heaps are not worth rebuilding


class MessageState(Enum):
    """The state of a message, by the names of SQS's attributes."""

    VISIBLE = "visible"
    DELAYED = "delayed"
    NOT_VISIBLE = "not visible"
    REMOVED = "removed"


@dataclass(eq=False, slots=True)
class QueuedMessage(Generic[M]):
    """A message with its sequence number, state and handles. `version` increases with each move."""

    message: M
    sequence: int
    state: MessageState = MessageState.REMOVED
    version: int = 0
    handles: list[str] = field(default_factory=list)


class MessageIndex(Generic[M]):
    """Messages in the order they were added. `now` is the caller's time, which must not go back far."""

    def __init__(self) -> None:
        self._sequence = 0
        self._messages: dict[int, QueuedMessage[M]] = {}
        self._by_handle: dict[str, QueuedMessage[M]] = {}
        self._visible: _Heap[M] = _Heap()
        self._waiting: _Heap[M] = _Heap()
        self._counts = dict.fromkeys(MessageState, 0)

    def __len__(self) -> int:
        return len(self._messages)

    def __iter__(self) -> Iterator[M]:
        """All messages in order, whatever their state."""
        return iter([queued.message for queued in self._messages.values()])

    def add(self, message: M, ready_at: float = 0.0) -> QueuedMessage[M]:
        """Add a message, delayed until `ready_at` unless that is zero."""
        self._sequence += 1
        queued = self._messages[self._sequence] = QueuedMessage(message, self._sequence)
        self._move(queued, MessageState.DELAYED if ready_at else MessageState.VISIBLE, ready_at)
        return queued

    def first(self, now: float) -> QueuedMessage[M] | None:
        """The first visible message; its state does not change."""
        self._advance(now)
        return self._visible.top()

    def find(self, handle: str) -> QueuedMessage[M] | None:
        return self._by_handle.get(handle)

    def add_handle(self, queued: QueuedMessage[M], handle: str) -> None:
        """Make a message findable by another handle."""
        queued.handles.append(handle)
        self._by_handle[handle] = queued

    def hide(self, queued: QueuedMessage[M], until: float) -> None:
        """Make a message invisible until `until`."""
        self._move(queued, MessageState.NOT_VISIBLE, until)

    def remove(self, queued: QueuedMessage[M]) -> None:
        """Remove a message and its handles."""
        del self._messages[queued.sequence]
        for handle in queued.handles:
            del self._by_handle[handle]
        self._move(queued, MessageState.REMOVED)

    def count(self, state: MessageState, now: float) -> int:
        self._advance(now)
        return self._counts[state]

    def next_return(self) -> float:
        """The time at which the next message becomes visible; infinity if none is waiting."""
        return math.inf if self._waiting.top() is None else self._waiting.key

    def _advance(self, now: float) -> None:
        while (queued := self._waiting.top()) and self._waiting.key <= now:
            self._move(queued, MessageState.VISIBLE)

    def _move(self, queued: QueuedMessage[M], state: MessageState, at: float = 0.0) -> None:
        self._counts[queued.state] -= 1
        self._counts[state] += 1
        queued.state = state
        queued.version += 1  # makes its heap entries stale
        if state is MessageState.VISIBLE:
            self._visible.push(queued.sequence, queued)
        elif state is not MessageState.REMOVED:
            self._waiting.push(at, queued)
        visible = self._counts[MessageState.VISIBLE]
        self._visible.drop_stale(visible)
        self._waiting.drop_stale(len(self._messages) - visible)


class _Heap(Generic[M]):
    """Messages by key; an entry is current while its message has the version it was pushed with."""

    def __init__(self) -> None:
        self._items: list[tuple[float, int, int, QueuedMessage[M]]] = []

    @property
    def key(self) -> float:
        """The key of `top()`, which must have been called just before."""
        return self._items[0][0]

    def push(self, key: float, queued: QueuedMessage[M]) -> None:
        heapq.heappush(self._items, (key, queued.sequence, queued.version, queued))

    def top(self) -> QueuedMessage[M] | None:
        while self._items and self._items[0][2] != self._items[0][3].version:
            heapq.heappop(self._items)
        return self._items[0][3] if self._items else None

    def drop_stale(self, alive: int) -> None:
        """Rebuild once most entries are stale; `alive` is the number of current ones."""
        if len(self._items) > 2 * alive + _MIN_STALE_ENTRIES:
            self._items = [item for item in self._items if item[2] == item[3].version]
            heapq.heapify(self._items)
