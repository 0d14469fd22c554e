"""Isolation of failures: one bad alarm, policy or endpoint must not keep the others of its minute from being evaluated."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

log = logging.getLogger(__name__)


@contextmanager
def log_errors(what: str, name: str) -> Iterator[None]:
    """Log an exception raised inside, with its traceback, and suppress it."""
    try:
        yield
    except Exception:
        log.exception("%s %s failed this minute; the others continue.", what, name)
