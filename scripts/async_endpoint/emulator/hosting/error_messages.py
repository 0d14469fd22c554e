"""What SageMaker says of a container that gave no good answer; asynchronous failures borrow the words of the real-time API."""

from __future__ import annotations

from typing import Final

MODEL_TEXT_CHARS: Final = 4_096  # how much of a model's error text is quoted


def received(status: int, container: str, text: str) -> str:
    """Of an answer with `status`, 0 for none."""
    kind = "client" if 400 <= status < 500 else "server"
    return f'Received {kind} error ({status}) from {container} with message "{text}"'


def timed_out(container: str) -> str:
    """The beginning of the sentence, as people quote it."""
    return f"Your invocation timed out while waiting for a response from container {container}"
