"""A server of Terraform releases on loopback, and a release for it."""

from __future__ import annotations

import io
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

EXECUTABLE = b"""#!/bin/sh
echo '{"terraform_version": "1.11.4"}'
"""


class ReleaseServer(ThreadingHTTPServer):
    """Answers each path of `files` with its bytes, other paths with 404; `requests` are the paths asked for."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.missing_bytes = 0  # how much of a body is withheld before the connection closes
        self.released = threading.Event()  # cleared: no answer until it is set
        self.released.set()

    @classmethod
    @contextmanager
    def running(cls) -> Iterator[Self]:
        server = cls()
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        try:
            yield server
        finally:
            server.released.set()
            server.shutdown()
            server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: ReleaseServer

    def do_GET(self) -> None:
        with suppress(ConnectionError):  # a client that has given up
            self._answer()

    def _answer(self) -> None:
        self.server.requests.append(self.path)
        self.server.released.wait(60)
        body = self.server.files.get(self.path)
        if body is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) - self.server.missing_bytes])

    def log_message(self, *_: object) -> None:
        pass


def _release() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as content:
        content.writestr("LICENSE.txt", "a license")
        content.writestr("terraform", EXECUTABLE)
    return buffer.getvalue()


ARCHIVE = _release()  # with an executable that reports version 1.11.4
