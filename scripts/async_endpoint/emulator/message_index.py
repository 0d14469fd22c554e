"""The messages of one standard queue, found by handle, by turn and by the time they come back: no call scans them.

Every move is O(log n) amortised. A heap keeps the items of messages that have moved on; their ticket tells, and they are
swept once they outnumber the others. The caller brings the lock, and the time in any unit as long as it is one.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Generic, TypeVar

M = TypeVar("M")
_SWEEP_ABOVE = 64  # a short heap is not worth the walk


class MessageState(Enum):
    """Where a message is; the words are those of SQS's attributes."""

    VISIBLE = "visible"
    DELAYED = "delayed"
    NOT_VISIBLE = "not visible"
    REMOVED = "gone"


@dataclass(eq=False, slots=True)
class QueuedMessage(Generic[M]):
    """A message, its turn in the queue, and the handles it can be found by."""

    message: M
    turn: int
    place: MessageState = MessageState.REMOVED
    ticket: int = 0
    handles: list[str] = field(default_factory=list)


class MessageIndex(Generic[M]):
    """Messages in the order they were added. `now` is the caller's time, and never goes far back."""

    def __init__(self) -> None:
        self._turns = 0
        self._held: dict[int, QueuedMessage[M]] = {}
        self._by_handle: dict[str, QueuedMessage[M]] = {}
        self._visible: _Heap[M] = _Heap()
        self._waiting: _Heap[M] = _Heap()
        self._counts = dict.fromkeys(MessageState, 0)

    def __len__(self) -> int:
        return len(self._held)

    def __iter__(self) -> Iterator[M]:
        """Every message held, in order, in whatever place."""
        return iter([held.message for held in self._held.values()])

    def add(self, message: M, ready_at: float = 0.0) -> QueuedMessage[M]:
        """Hold a new message, delayed until `ready_at` unless that is zero."""
        self._turns += 1
        held = self._held[self._turns] = QueuedMessage(message, self._turns)
        self._move(held, MessageState.DELAYED if ready_at else MessageState.VISIBLE, ready_at)
        return held

    def first(self, now: float) -> QueuedMessage[M] | None:
        """The visible message whose turn it is; it stays where it is."""
        self._advance(now)
        return self._visible.top()

    def find(self, handle: str) -> QueuedMessage[M] | None:
        return self._by_handle.get(handle)

    def name(self, held: QueuedMessage[M], handle: str) -> None:
        """Let a message be found by one more handle."""
        held.handles.append(handle)
        self._by_handle[handle] = held

    def hide(self, held: QueuedMessage[M], until: float) -> None:
        """Keep a message from being seen before `until`."""
        self._move(held, MessageState.NOT_VISIBLE, until)

    def drop(self, held: QueuedMessage[M]) -> None:
        """Forget a message and its handles."""
        del self._held[held.turn]
        for handle in held.handles:
            del self._by_handle[handle]
        self._move(held, MessageState.REMOVED)

    def count(self, place: MessageState, now: float) -> int:
        self._advance(now)
        return self._counts[place]

    def next_return(self) -> float:
        """When the next message becomes visible, as far as is known; infinity when none is waiting."""
        return math.inf if self._waiting.top() is None else self._waiting.key

    def _advance(self, now: float) -> None:
        while (held := self._waiting.top()) and self._waiting.key <= now:
            self._move(held, MessageState.VISIBLE)

    def _move(self, held: QueuedMessage[M], place: MessageState, at: float = 0.0) -> None:
        self._counts[held.place] -= 1
        self._counts[place] += 1
        held.place = place
        held.ticket += 1  # whatever the heaps say of it is no longer so
        if place is MessageState.VISIBLE:
            self._visible.push(held.turn, held)
        elif place is not MessageState.REMOVED:
            self._waiting.push(at, held)
        visible = self._counts[MessageState.VISIBLE]
        self._visible.sweep(visible)
        self._waiting.sweep(len(self._held) - visible)


class _Heap(Generic[M]):
    """Messages by key; an item counts as long as its message has the ticket of when it was pushed."""

    def __init__(self) -> None:
        self._items: list[tuple[float, int, int, QueuedMessage[M]]] = []

    @property
    def key(self) -> float:
        """The key of `top()`, which was just asked for."""
        return self._items[0][0]

    def push(self, key: float, held: QueuedMessage[M]) -> None:
        heapq.heappush(self._items, (key, held.turn, held.ticket, held))

    def top(self) -> QueuedMessage[M] | None:
        while self._items and self._items[0][2] != self._items[0][3].ticket:
            heapq.heappop(self._items)
        return self._items[0][3] if self._items else None

    def sweep(self, alive: int) -> None:
        """Rebuild once most items are of messages that have moved on; `alive` is how many have not."""
        if len(self._items) > 2 * alive + _SWEEP_ABOVE:
            self._items = [item for item in self._items if item[2] == item[3].ticket]
            heapq.heapify(self._items)
