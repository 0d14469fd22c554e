"""Keeps one container of an engine company, so that it never outlives the local AWS.

Started as a script: `keeper.py ENGINE NAME ARGUMENTS…` runs `ENGINE ARGUMENTS…`, which is to start the container NAME and stay
attached to it. When that ends, or standard input closes because whoever started this is gone, the container is removed. Exits
with the engine's own exit code.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading

RETRY_SECONDS = 0.2  # a container that is just being made cannot be removed yet


def remove(engine: str, name: str) -> None:
    """Remove a container, running or not; one that is not there stays away."""
    subprocess.run([engine, "rm", "--force", "--volumes", name], capture_output=True, stdin=subprocess.DEVNULL, check=False)


def main() -> int:
    engine, name, *arguments = sys.argv[1:]
    attached = subprocess.Popen([engine, *arguments], stdin=subprocess.DEVNULL)
    over = threading.Event()

    def end_with_starter() -> None:
        os.read(0, 1)
        while not over.is_set():
            remove(engine, name)
            over.wait(RETRY_SECONDS)

    threading.Thread(target=end_with_starter, daemon=True).start()
    code = attached.wait()
    over.set()
    remove(engine, name)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())
