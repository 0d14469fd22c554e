"""What to say of state that cannot be gone on from: damaged, of another version, or not to be read at all."""

from __future__ import annotations

from pathlib import Path

from async_endpoint.core.errors import InvalidInput


class CorruptState(Exception):
    """Something in the directory is not what was written; the message ends the sentence "State in ... is damaged: "."""


def refusal(folder: Path, error: Exception) -> InvalidInput:
    """The sentence for what went wrong while state was read that was whole as far as its checksums tell."""
    if isinstance(error, InvalidInput):
        return error
    if isinstance(error, CorruptState):
        return InvalidInput(
            f"The state in {folder} is damaged: {error}; nothing in it was changed: put it back from a copy, or begin anew "
            "with another --state-dir."
        )
    if isinstance(error, OSError):
        return InvalidInput(
            f"The state in {folder} cannot be read ({reason(error)}); mend that, or begin anew with another --state-dir."
        )
    return InvalidInput(
        f"The state in {folder} was written by another version of the local AWS, which this one cannot read; start it with the "
        "version that wrote it, or begin anew with another --state-dir."
    )


def reason(error: BaseException) -> str:
    """Why something failed, in words for a person."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
