"""A private channel into a model's process: connections are passed as file descriptors, so the process has no address.

A connection is a pair of unnamed Unix sockets; one end is passed (SCM_RIGHTS) over a socket that the process inherits. There is
no port that a web page or another user could connect to. Unlike a socket file it needs no permissions and no path, which could
be too long (104 characters on macOS, 108 on Linux).
"""

from __future__ import annotations

import errno
import json
import socket
import threading
from typing import Any

LENGTH_BYTES = 4  # the startup message is preceded by its length


class Channel:
    """`remote` is inherited by the process, and closed here once the process runs."""

    def __init__(self) -> None:
        self._local, self.remote = socket.socketpair()
        self._lock = threading.Lock()

    def send_startup_message(self, document: dict[str, Any], timeout: float) -> None:
        """Send the startup message, before any connection; raises OSError."""
        text = json.dumps(document).encode()
        with self._lock:
            self._local.settimeout(timeout)
            self._local.sendall(len(text).to_bytes(LENGTH_BYTES, "big") + text)

    def connect(self, timeout: float) -> socket.socket:
        """A new connection; raises ConnectionRefusedError when the process has ended, TimeoutError while it accepts none."""
        local, remote = socket.socketpair()
        try:
            with remote:
                self._send_descriptor(remote, timeout)
        except BaseException:
            local.close()
            raise
        local.settimeout(timeout)
        return local

    def close(self) -> None:
        self._local.close()
        self.remote.close()

    def _send_descriptor(self, connection: socket.socket, timeout: float) -> None:
        if not self._lock.acquire(timeout=timeout):
            raise TimeoutError("the container accepts no connection")
        try:
            self._local.settimeout(timeout)
            socket.send_fds(self._local, [b"."], [connection.fileno()])
        except OSError as error:
            if isinstance(error, TimeoutError) or error.errno == errno.ETOOMANYREFS:  # sent but not yet received
                raise TimeoutError("the container accepts no connection") from error
            raise ConnectionRefusedError(str(error)) from error
        finally:
            self._lock.release()
