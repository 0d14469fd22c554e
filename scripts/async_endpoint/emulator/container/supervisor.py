"""Supervises one container of an engine, so that neither it nor its network outlives the local AWS.

Started as a script: `supervisor.py ENGINE NAME LABEL ARGUMENTS…` creates the network NAME and runs `ENGINE ARGUMENTS…`, which
starts the container NAME in it and stays attached. When that ends, or standard input closes because the parent process is
gone, both are removed. Exits with the engine's own exit code.

The container has a network of its own with a random subnet: with an engine that runs as root, every process of the machine can
call containers by IP address, a web page's browser included, and the addresses of the default network are easily guessed.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import threading

RETRY_SECONDS = 0.2  # a container that is being created cannot be removed yet
SUBNET_ATTEMPTS = 5  # a random subnet may be in use


def remove(engine: str, name: str) -> None:
    """Remove a container, running or not, and its network, if they exist."""
    for words in (["rm", "--force", "--volumes"], ["network", "rm"]):
        subprocess.run([engine, *words, name], capture_output=True, stdin=subprocess.DEVNULL, check=False)


def make_network(engine: str, name: str, label: str) -> None:
    """Create the container's network, or exit with the engine's error message."""
    podman = os.path.basename(engine).startswith("podman")  # noqa: PTH119 - keeps imports minimal
    said = b""
    for _ in range(SUBNET_ATTEMPTS):
        drawn = secrets.randbits(21)  # one of the /29 subnets of 10.0.0.0/8
        subnet = f"10.{drawn >> 13}.{drawn >> 5 & 255}.{(drawn & 31) << 3}/29"
        # Podman needs another program for DNS, which a single container does not need.
        options = [*(["--disable-dns"] if podman else []), "--label", label, "--subnet", subnet]
        command = [engine, "network", "create", *options, name]
        done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, check=False)
        if done.returncode == 0:
            return
        said = done.stderr
    sys.exit(said.decode(errors="replace").strip() or f"{engine} cannot create a network")


def main() -> int:
    engine, name, label, *arguments = sys.argv[1:]
    make_network(engine, name, label)
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
