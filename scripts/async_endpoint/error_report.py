"""Any exception as an error of the tree, for processes that report one sentence and end with an exit code."""

from __future__ import annotations

from typing import Final

from async_endpoint.core.errors import AsyncEndpointError, InvalidInput, NotReady
from async_endpoint.input_files import printable

TRACEBACK_VARIABLE: Final = "ASYNC_ENDPOINT_TRACEBACK"


def as_reported(error: Exception) -> AsyncEndpointError:
    """`error` as one of the tree: what the operating system refuses and what cannot be decoded is the user's to correct."""
    if isinstance(error, AsyncEndpointError):
        return error
    detail = printable(" ".join(str(error).split()))
    if isinstance(error, ConnectionError | TimeoutError):
        return NotReady(
            f"A connection failed ({detail or type(error).__name__}); check that the other side runs, and try again."
        )
    if isinstance(error, OSError):
        where = printable(error.filename) if error.filename is not None else "A file"
        return InvalidInput(f"{where} cannot be used ({error.strerror or detail}); correct that, or choose another place.")
    if isinstance(error, UnicodeError):
        return InvalidInput(f"A setting, a file or an environment variable is not UTF-8 ({detail}); correct it.")
    return AsyncEndpointError(
        f"{type(error).__name__}: {detail}. This is a defect of async-endpoint; set {TRACEBACK_VARIABLE}=1, run the command "
        "again and report what it prints."
    )
