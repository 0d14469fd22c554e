"""The process that an object belongs to: threads and locks do not survive a fork, so a child must not use what it inherits."""

from __future__ import annotations

import os

from async_endpoint.core.errors import UsageError

_current = os.getpid()


def _forked() -> None:
    global _current  # noqa: PLW0603 - one integer that all invocations share
    _current = os.getpid()


os.register_at_fork(after_in_child=_forked)


def current() -> int:
    """The id of this process, the same object each time."""
    return _current


def check(made_in: int, what: str) -> None:
    """Raise UsageError in any process but the one that `what` was made in, before a lock of it can be waited for."""
    here = os.getpid()
    if here != made_in:
        raise UsageError(
            f"{what} was made in process {made_in} and cannot be used in process {here}, which was forked from it; make a "
            "client in each process."
        )
