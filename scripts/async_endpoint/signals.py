"""Signals that end a command: SIGINT, SIGTERM and SIGHUP. While work must not stop half way they are deferred, never lost.

A signal that this process inherited as ignored, as under nohup, stays ignored.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, Final, Never

TERMINATING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Listener = Callable[[int], None]


class Interrupted(KeyboardInterrupt):
    """A signal asked this command to end. A KeyboardInterrupt, so that what cleans up after Ctrl-C does so here."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


@dataclass
class _State:
    replaced: dict[int, Any] = field(default_factory=dict)  # handlers to restore; of the outermost deferral
    depth: int = 0
    listeners: list[Listener] = field(default_factory=list)
    pending: list[int] = field(default_factory=list)
    received: int | None = None


_state = _State()


@contextmanager
def terminating() -> Iterator[None]:
    """For the block, SIGTERM and SIGHUP raise Interrupted in the main thread, as Ctrl-C raises KeyboardInterrupt."""
    _state.received = None
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    changed = {number: handler for number, handler in before.items() if handler is signal.SIG_DFL}
    for number in changed:
        signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number, handler in changed.items():
            signal.signal(number, handler)


@contextmanager
def deferred(listener: Listener | None = None) -> Iterator[None]:
    """Within the block, signals interrupt only where `check` is called; `listener` is called with each as it arrives.

    At the end of the outermost block the first of them is delivered again, to the handler that was there before, unless the
    block ends with an error of its own. Blocks nest. A thread other than the main one gets no signals: there it does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    listeners = [listener] if listener else []
    _state.listeners += listeners
    _enter()
    try:
        yield
    except Interrupted:
        if _state.depth > 1 or not _state.pending:
            raise
    finally:
        for one in listeners:
            _state.listeners.remove(one)
        first = _leave()
    if first is not None:
        _deliver(first)


def check() -> None:
    """Raise Interrupted when a signal was deferred."""
    if _state.pending:
        raise Interrupted(_state.pending[0])


def pending() -> int | None:
    """The number of the first deferred signal, or None."""
    return _state.pending[0] if _state.pending else None


def received() -> int | None:
    """The first signal since `terminating` began, whether it was acted on or deferred; None when there was none."""
    return _state.received


def _enter() -> None:
    _state.depth += 1
    if _state.depth > 1:
        return
    for number in TERMINATING:
        handler = signal.getsignal(number)
        if handler not in (signal.SIG_IGN, None):
            _state.replaced[number] = handler
            signal.signal(number, _defer)


def _leave() -> int | None:
    """End one block; the signal to deliver when it was the outermost."""
    _state.depth -= 1
    if _state.depth > 0:
        return None
    for number, handler in _state.replaced.items():
        signal.signal(number, handler)
    first = pending()
    _state.replaced.clear()
    _state.pending.clear()
    return first


def _deliver(number: int) -> Never:
    signal.raise_signal(number)
    raise Interrupted(number)  # the handler returned


def _defer(number: int, frame: FrameType | None) -> None:
    _note(number)
    _state.pending.append(number)
    for listener in list(_state.listeners):
        listener(number)


def _interrupt(number: int, frame: FrameType | None) -> Never:
    _note(number)
    raise Interrupted(number)


def _note(number: int) -> None:
    _state.received = _state.received or number
