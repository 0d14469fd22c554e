"""Supervises one container of an engine, so that neither it nor its network outlives the local AWS.

Started as a script: `supervisor.py ENGINE NAME LABEL NETWORK ARGUMENTS…` creates the network NAME of the kind NETWORK (bridge,
internal or none) and runs `ENGINE ARGUMENTS…`, which starts the container NAME in it and stays attached. When that ends, or
standard input closes because the parent process is gone, both are removed. Exits with the engine's own exit code.

The container has a network of its own with a random subnet: with an engine that runs as root, every process of the machine can
call containers by IP address, a web page's browser included, and the addresses of the default network are easily guessed.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import threading
import time

RETRY_SECONDS = 0.2  # a container that is being created cannot be removed yet
# How Docker refuses to remove a container that is being removed, and Docker and Podman a network that is in use.
BUSY = (b"already in progress", b"has active endpoints", b"is being used")
BUSY_SECONDS = 10.0
ANSWER_SECONDS = 30.0  # for one command of the engine
SUBNET_ATTEMPTS = 5  # a random subnet may be in use
ENGINE_FAILED = 125  # the exit code with which engines report an error of their own


def is_podman(engine: str) -> bool:
    """Whether a program is Podman, by its name."""
    return os.path.basename(engine).startswith("podman")  # noqa: PTH119 - keeps imports minimal


def remove(engine: str, name: str) -> None:
    """Kill and remove a container, running or not, and its network, if they exist.

    Killed first, because `rm --force` of Podman sends SIGTERM and waits ten seconds. Another process may have ordered the same:
    returns when the engine has finished it, after BUSY_SECONDS at most.
    """
    _run([engine, "kill", name])
    deadline = time.monotonic() + BUSY_SECONDS
    for words in (["rm", "--force", "--volumes"], ["network", "rm"]):
        while _is_busy(_run([engine, *words, name])) and time.monotonic() < deadline:
            time.sleep(RETRY_SECONDS)


def _is_busy(refusal: bytes) -> bool:
    return any(text in refusal for text in BUSY)


def _run(command: list[str]) -> bytes:
    """Run a command; returns its error output, nothing when the engine does not answer."""
    try:
        return subprocess.run(
            command, capture_output=True, stdin=subprocess.DEVNULL, timeout=ANSWER_SECONDS, check=False
        ).stderr
    except subprocess.TimeoutExpired:
        return b""


def make_network(engine: str, name: str, label: str, kind: str) -> str:
    """Create the container's network; returns the engine's error message, empty on success."""
    if kind == "none":
        return ""
    said = b""
    for _ in range(SUBNET_ATTEMPTS):
        drawn = secrets.randbits(21)  # one of the /29 subnets of 10.0.0.0/8
        subnet = f"10.{drawn >> 13}.{drawn >> 5 & 255}.{(drawn & 31) << 3}/29"
        # Podman needs another program for DNS, which a single container does not need.
        options = [*(["--disable-dns"] if is_podman(engine) else []), *(["--internal"] if kind == "internal" else [])]
        command = [engine, "network", "create", *options, "--label", label, "--subnet", subnet, name]
        done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, check=False)
        if done.returncode == 0:
            return ""
        said = done.stderr
    return said.decode(errors="replace").strip() or f"Error: {engine} cannot create a network"


def main() -> int:
    engine, name, label, kind, *arguments = sys.argv[1:]
    if failure := make_network(engine, name, label, kind):
        print(failure, file=sys.stderr)
        return ENGINE_FAILED
    attached = subprocess.Popen([engine, *arguments], stdin=subprocess.DEVNULL)
    over = threading.Event()

    def exit_with_parent() -> None:
        os.read(0, 1)
        while not over.is_set():
            remove(engine, name)
            over.wait(RETRY_SECONDS)

    threading.Thread(target=exit_with_parent, daemon=True).start()
    code = attached.wait()
    over.set()
    remove(engine, name)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())
