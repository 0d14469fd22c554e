"""Names of reply queues, by which clients share them and `destroy` finds them (client/reply_queue.py has the queues)."""

from __future__ import annotations

import re
from typing import Final

QUEUE_NAME_INFIX: Final = "-reply-"  # endpoint names have up to 63 characters [M], queue names 80
QUEUE_ID_CHARS: Final = 10
ENDPOINT_TAG: Final = "async-endpoint-reply-queue-of"  # the endpoint; a queue without it belongs to something else
_INFERENCE_ID: Final = re.compile(rf"[0-9a-z]{{{QUEUE_ID_CHARS}}}\.(?P<name>.+)")


def queue_prefix(endpoint_name: str) -> str:
    """The prefix of the names of an endpoint's reply queues."""
    return endpoint_name + QUEUE_NAME_INFIX


def is_reply_queue(name: str, endpoint_name: str) -> bool:
    """Whether a queue is called as a reply queue of the endpoint."""
    return re.fullmatch(rf"{re.escape(queue_prefix(endpoint_name))}[0-9a-z]{{{QUEUE_ID_CHARS}}}", name) is not None


def name_in_run(inference_id: str) -> str:
    """`<run>-<key>`, which identifies a request whichever queue its notification goes to."""
    match = _INFERENCE_ID.fullmatch(inference_id)
    return match["name"] if match else inference_id
