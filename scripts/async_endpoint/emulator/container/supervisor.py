"""Keeps one container of an engine company, so that neither it nor its network outlives the local AWS.

Started as a script: `supervisor.py ENGINE NAME LABEL ARGUMENTS…` creates the network NAME and runs `ENGINE ARGUMENTS…`, which
starts the container NAME in it and stays attached. When that ends, or standard input closes because the parent process is
gone, both are removed. Exits with the engine's own exit code.

The network is the container's alone, in a subnet that is drawn at random: an engine that runs as root lets every process of the
machine call its containers by their addresses, also a web page's browser, and those of its common network are easily guessed.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import threading

RETRY_SECONDS = 0.2  # a container that is just being made cannot be removed yet


SUBNET_ATTEMPTS = 5  # with subnets of which each may be taken


def remove(engine: str, name: str) -> None:
    """Remove a container, running or not, and its network; what is not there stays away."""
    for words in (["rm", "--force", "--volumes"], ["network", "rm"]):
        subprocess.run([engine, *words, name], capture_output=True, stdin=subprocess.DEVNULL, check=False)


def make_network(engine: str, name: str, label: str) -> None:
    """Make the container's network, or exit with what the engine says."""
    podman = os.path.basename(engine).startswith("podman")  # noqa: PTH119 - imports as little as it can
    said = b""
    for _ in range(SUBNET_ATTEMPTS):
        drawn = secrets.randbits(21)  # of the subnets of eight addresses below 10.0.0.0/8
        subnet = f"10.{drawn >> 13}.{drawn >> 5 & 255}.{(drawn & 31) << 3}/29"
        # Podman would need one more program to resolve the names of containers, of which there is one.
        options = [*(["--disable-dns"] if podman else []), "--label", label, "--subnet", subnet]
        command = [engine, "network", "create", *options, name]
        done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, check=False)
        if done.returncode == 0:
            return
        said = done.stderr
    sys.exit(said.decode(errors="replace").strip() or f"{engine} makes no network")


def main() -> int:
    engine, name, label, *arguments = sys.argv[1:]
    make_network(engine, name, label)
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
