"""The errors of the parity runner. A person sees one sentence of each, never a traceback."""

from __future__ import annotations


class ParityError(Exception):
    """The run cannot be made as requested."""


class Cancelled(BaseException):
    """The run was cancelled while a probe worked. No Exception, so that no probe handles it."""


class NotObserved(Exception):
    """Something that a probe waits for did not happen by its deadline."""


class Unremovable(ParityError):
    """A call would create or change something that the runner does not know how to remove."""
