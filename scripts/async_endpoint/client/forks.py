"""What a forked child must not use: threads do not survive a fork, and a lock that one of them held stays locked for ever."""

from __future__ import annotations

import os
import weakref
from abc import ABC, abstractmethod

from async_endpoint.core.errors import UsageError

_process = os.getpid()
_renewed: weakref.WeakSet[RenewedInChild] = weakref.WeakSet()


class RenewedInChild(ABC):
    """An object that works in a forked child too: `_renew` makes its locks, and what its threads keep, new there."""

    def __init__(self) -> None:
        _renewed.add(self)

    @abstractmethod
    def _renew(self) -> None:
        """Called in the child, before anything else is, in its only thread."""


def current_process() -> int:
    """The id of this process, the same object each time."""
    return _process


def check_process(created_in: int, what: str) -> None:
    """Raise UsageError in any process other than the one that created `what`, before one of its locks is waited for."""
    here = os.getpid()
    if here != created_in:
        raise UsageError(
            f"{what} was created in process {created_in} and cannot be used in process {here}, which was forked from it; "
            "create a client in each process."
        )


def _forked() -> None:
    global _process  # noqa: PLW0603 - one integer that all invocations share
    _process = os.getpid()
    for one in tuple(_renewed):
        one._renew()


os.register_at_fork(after_in_child=_forked)
