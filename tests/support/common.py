"""What every test of the local AWS needs: to wait for something, to be refused, to have a name of its own."""

from __future__ import annotations

import itertools
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from botocore.exceptions import ClientError

_numbers = itertools.count(1)
Seen = TypeVar("Seen")


def until(look: Callable[[], Seen], what: str, seconds: float = 60.0) -> Seen:
    """What `look` returns once that is true; fails the test, naming `what`, when it is not within `seconds`."""
    deadline, pause = time.monotonic() + seconds, 0.01
    while not (seen := look()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}; last seen: {seen!r}"
        time.sleep(pause)
        pause = min(pause * 1.4, 0.2)
    return seen


def unique(word: str) -> str:
    return f"{word}-{next(_numbers)}"


def refusal(call: Callable[..., Any], **arguments: Any) -> tuple[str, str]:
    """The code and the message that a call is refused with; fails the test when it is not."""
    try:
        answer = call(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["Error"]["Message"]
    raise AssertionError(f"accepted: {answer}")


def process_runs(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    if not Path("/proc/self/stat").exists():
        state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
        return state.strip()[:1] not in ("", "Z")
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
