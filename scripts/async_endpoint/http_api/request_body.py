"""Bodies of requests: their limit counts while they are read, so that no client fills the memory or holds a request forever."""

from __future__ import annotations

from typing import Final

import anyio
from starlette.requests import ClientDisconnect, Request

from async_endpoint.http_api.problems import Problem
from async_endpoint.http_api.settings import BODY_BYTES

LENGTH_DIGITS: Final = 18
BODY_SECONDS: Final = 60.0  # for the whole body: 70 kB a second at least


async def read_body(request: Request, limit: int = BODY_BYTES, seconds: float = BODY_SECONDS) -> bytes:
    """The body; raises the problems `body-too-large` and `request-timeout`, `invalid-request` if the client has gone."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and (len(declared) > LENGTH_DIGITS or int(declared) > limit):
        raise _too_large(limit)
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Problem("unsupported-media-type", "The body is sent as it is: remove Content-Encoding and the compression.")
    chunks, size = [], 0
    try:
        with anyio.fail_after(seconds):
            async for chunk in request.stream():
                size += len(chunk)
                if size > limit:
                    raise _too_large(limit)
                chunks.append(chunk)
    except TimeoutError:
        closing = {"Connection": "close"}
        raise Problem("request-timeout", f"The body was not complete after {seconds:g} s.", headers=closing) from None
    except ClientDisconnect:
        raise Problem("invalid-request", "The client closed the connection before the body was complete.") from None
    return b"".join(chunks)


def _too_large(limit: int) -> Problem:
    return Problem(
        "body-too-large",
        f"A body has at most {limit:,} bytes; upload a larger input by POST …/uploads and name it as input_url.",
        headers={"Connection": "close"},
        limit=limit,
    )
