"""Run as a script by root: becomes another user and tries every way to reach a container's process.

Where it is not run by root it stays who it is, and leaves out what a user may do to processes of one's own.
"""

from __future__ import annotations

import ctypes
import json
import os
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

NOBODY = 65_534
REQUEST = b"POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx"
PIDFD_OPEN, PIDFD_GETFD = 434, 438  # system calls of Linux, the same on x86-64 and arm64
PTRACE_ATTACH = 16
DESCRIPTORS = range(12)


def talk(connection: socket.socket) -> bool:
    """Whether a model answers."""
    with connection:
        connection.settimeout(5)
        connection.sendall(REQUEST)
        return connection.recv(12).startswith(b"HTTP/1.1 200")


def tcp(address: str, port: int) -> bool:
    return talk(socket.create_connection((address, port), 5))


def unix(name: str) -> bool:
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(name)
    return talk(connection)


def through_file(path: str) -> bool:
    with Path(path).open("r+b", buffering=0) as file:
        return file.write(REQUEST) > 0


def taken_descriptor(pid: int, number: int) -> bool:
    libc = ctypes.CDLL(None, use_errno=True)
    process = libc.syscall(PIDFD_OPEN, pid, 0)
    taken = libc.syscall(PIDFD_GETFD, process, number, 0) if process >= 0 else -1
    if taken < 0:
        raise OSError(ctypes.get_errno(), "refused")
    return True


def trace(pid: int) -> bool:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.ptrace(PTRACE_ATTACH, pid, None, None) < 0:
        raise OSError(ctypes.get_errno(), "refused")
    return True


def ways(pid: int, folder: str, ports: list[int], stranger: bool) -> Iterator[tuple[str, Callable[[], bool]]]:
    for port in {8080, *ports}:
        for address in ("127.0.0.1", "::1"):
            yield f"{address} port {port}", lambda address=address, port=port: tcp(address, port)  # type: ignore[misc]
    for name in (f"\0{pid}", "\0async-endpoint", f"{folder}/socket", f"{folder}/model/socket"):
        yield f"Unix socket {name!r}", lambda name=name: unix(name)  # type: ignore[misc]
    for number in DESCRIPTORS:
        path = f"/proc/{pid}/fd/{number}"
        yield f"Unix socket {path}", lambda path=path: unix(path)  # type: ignore[misc]
        if stranger:
            yield f"file {path}", lambda path=path: through_file(path)  # type: ignore[misc]
            yield f"descriptor {number}", lambda number=number: taken_descriptor(pid, number)  # type: ignore[misc]
    if stranger:
        yield "memory", lambda: through_file(f"/proc/{pid}/mem")
        yield "environment", lambda: bool(Path(f"/proc/{pid}/environ").read_bytes())
        yield "ptrace", lambda: trace(pid)


def attempt(way: Callable[[], bool]) -> bool:
    try:
        return way()
    except OSError:
        return False


def main() -> None:
    """`stranger.py PID FOLDER PORTS`: prints a JSON object, from each way that was tried to whether it succeeded."""
    pid, folder, ports = int(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
    stranger = os.getuid() == 0
    if stranger:
        "localhost".encode("idna")  # loaded now: the other user may not be able to read this Python
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    print(json.dumps({name: attempt(way) for name, way in ways(pid, folder, ports, stranger)}))


if __name__ == "__main__":
    main()
