"""A private way into the process of a model: connections are handed to it, so it has no address that anyone could call.

A connection is a pair of Unix sockets without a name, one end of which is passed over a socket that the process inherits. There
is no port for a web page, and no path for another user; what is passed is reached by the two processes alone. Unlike a socket
in a folder it needs no permissions, and has no path that may be too long (104 characters on macOS, 108 on Linux).
"""

from __future__ import annotations

import errno
import json
import socket
import threading
from typing import Any

LENGTH_BYTES = 4  # of the order's length, before the order itself


class Channel:
    """`remote` is inherited by the process and closed here once that runs."""

    def __init__(self) -> None:
        self._local, self.remote = socket.socketpair()
        self._lock = threading.Lock()

    def send_startup_message(self, document: dict[str, Any], timeout: float) -> None:
        """Send what the process begins with, before any connection; raises OSError."""
        text = json.dumps(document).encode()
        with self._lock:
            self._local.settimeout(timeout)
            self._local.sendall(len(text).to_bytes(LENGTH_BYTES, "big") + text)

    def connect(self, timeout: float) -> socket.socket:
        """A new connection; raises ConnectionRefusedError when the process is gone, TimeoutError while it takes none."""
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
            raise TimeoutError("the container takes no connection")
        try:
            self._local.settimeout(timeout)
            socket.send_fds(self._local, [b"."], [connection.fileno()])
        except OSError as error:
            if isinstance(error, TimeoutError) or error.errno == errno.ETOOMANYREFS:  # handed over, and not yet taken
                raise TimeoutError("the container takes no connection") from error
            raise ConnectionRefusedError(str(error)) from error
        finally:
            self._lock.release()
