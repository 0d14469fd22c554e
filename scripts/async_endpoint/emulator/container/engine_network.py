"""What network a container of an engine has, and how the local AWS reaches it there.

- BRIDGE: a network of its own with a random subnet, and the port published on a random loopback address.
- INTERNAL, for network isolation: such a network without a route out. Docker drops published ports there, so the container is
  called at its own address, which a Docker that runs as root on this machine makes reachable.
- NONE, for network isolation: loopback only. The local AWS creates its connections inside the container's network namespace,
  which takes root.

An image answers any client of its port, and engines publish ports on IP addresses only. So a published port is on a random
address and port of the loopback network: a web page would have to guess among 2^39. Another user of this machine can list the
listening sockets and call it; docs/local-aws.md documents that.
"""

from __future__ import annotations

import functools
import json
import os
import secrets
import socket
import sys
import threading
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from async_endpoint.emulator.container.container import CannotStart
from async_endpoint.emulator.container.http_client import ContainerClient, TcpContainerClient

PORTS = range(20_000, 60_000)  # the range of published ports
# Not 127.0.0.1: a server bound to that address alone would be reached here, and not on AWS.
LOOPBACK_ALIAS = "127.255.255.254"
CLONE_NEWNET = 0x4000_0000  # <linux/sched.h>


class Network(StrEnum):
    BRIDGE = "bridge"
    INTERNAL = "internal"
    NONE = "none"


class Engine(Protocol):
    """The part of ContainerEngine that is needed here."""

    @property
    def podman(self) -> bool: ...

    def query(self, *arguments: str) -> str: ...


def isolated_network(engine: Engine) -> Network:
    """The network that isolates a container, or BRIDGE where the engine cannot isolate one that the local AWS has to call.

    A rootless engine and Docker Desktop keep containers behind a network that this process is not part of.
    """
    if sys.platform != "linux":
        return Network.BRIDGE
    root = os.geteuid() == 0
    if engine.podman:
        rootless = engine.query("info", "--format", "{{.Host.Security.Rootless}}").strip() != "false"
        return Network.NONE if root and not rootless else Network.BRIDGE
    info = json.loads(engine.query("info", "--format", "{{json .}}"))
    rootless = any("rootless" in option for option in info.get("SecurityOptions") or [])
    if rootless or info.get("OperatingSystem") == "Docker Desktop":
        return Network.BRIDGE
    return Network.NONE if root else Network.INTERNAL


def run_options(network: Network, name: str, port: int) -> list[str]:
    """Options of the engine's `run` for a container in `network`; those two other than NONE are named like the container."""
    if network is Network.NONE:
        return ["--network", "none"]
    published = ["--publish", f"{loopback_address()}:{port}"] if network is Network.BRIDGE else []
    return ["--network", name, *published]


def loopback_address() -> str:
    """A random address and port for `--publish`, without the container's port.

    One of 2^24 addresses and about 2^15 ports; engines themselves assign ports in sequence. macOS has one loopback address,
    and the port is left to the engine.
    """
    if sys.platform != "linux":
        return "127.0.0.1:"
    address = f"127.{secrets.randbelow(256)}.{secrets.randbelow(256)}.{1 + secrets.randbelow(254)}"
    return f"{address}:{secrets.choice(PORTS)}"


def connect(engine: Engine, network: Network, name: str, port: int) -> ContainerClient | None:
    """A client of the container's port; None while the container is not running yet."""
    try:
        return _CLIENTS[network](engine, name, port)
    except CannotStart:  # not created yet
        return None


def _published(engine: Engine, name: str, port: int) -> ContainerClient | None:
    found = engine.query("port", name, f"{port}/tcp").split()
    if not found:
        return None
    host, _, published = found[0].rpartition(":")
    return TcpContainerClient(int(published), host)


def _internal(engine: Engine, name: str, port: int) -> ContainerClient | None:
    address = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
    host = engine.query("inspect", "--format", address, name).strip()
    return TcpContainerClient(port, host) if host else None


def _in_namespace(engine: Engine, name: str, port: int) -> ContainerClient | None:
    pid = int(engine.query("inspect", "--format", "{{.State.Pid}}", name))
    return ContainerClient(functools.partial(connect_in_namespace, pid, port)) if pid else None


_CLIENTS: dict[Network, Callable[[Engine, str, int], ContainerClient | None]] = {
    Network.BRIDGE: _published,
    Network.INTERNAL: _internal,
    Network.NONE: _in_namespace,
}


def connect_in_namespace(pid: int, port: int, timeout: float) -> socket.socket:
    """A connection to `port` in the network namespace of the process `pid`, which has loopback only. Raises OSError.

    The namespace is a property of the thread that creates the socket, so each connection is created by a thread of its own.
    """
    made: list[socket.socket | OSError] = []

    def enter() -> None:
        try:
            _enter_namespace(pid)
            made.append(socket.create_connection((LOOPBACK_ALIAS, port), timeout))
        except OSError as error:
            made.append(error)

    thread = threading.Thread(target=enter, name=f"connect-{pid}", daemon=True)
    thread.start()
    thread.join()
    [result] = made
    if isinstance(result, OSError):
        raise result
    result.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return result


def _enter_namespace(pid: int) -> None:
    """Put the calling thread into the namespace; raises OSError, also when it has more than loopback (not the container's)."""
    import ctypes  # noqa: PLC0415 - 10 ms, and only isolated containers need it

    libc = ctypes.CDLL(None, use_errno=True)
    with Path(f"/proc/{pid}/ns/net").open() as namespace:
        if libc.setns(namespace.fileno(), CLONE_NEWNET) != 0:
            error = ctypes.get_errno()
            raise OSError(error, os.strerror(error))
    devices = [line.split(":")[0].strip() for line in Path("/proc/thread-self/net/dev").read_text().splitlines()[2:]]
    if devices != ["lo"]:
        raise ConnectionRefusedError(f"process {pid} has the network devices {', '.join(devices)}; it is not the container")
