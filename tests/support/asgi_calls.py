"""Requests straight to an ASGI application, for what test clients hide: streams as they come, and a client that leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any


class AsgiCall:
    """One GET or POST of a task of its own; `leave` closes the client's connection."""

    def __init__(self, application: Any, path: str, method: str = "GET", headers: Mapping[str, str] | None = None) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.parts: list[bytes] = []
        self._changed, self._gone = asyncio.Event(), asyncio.Event()
        named = {"host": "127.0.0.1:8000"} | dict(headers or {})
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode()) for name, value in named.items()],
            "client": ("127.0.0.1", 50_000),
            "server": ("127.0.0.1", 8000),
        }
        self._messages: list[dict[str, Any]] = [{"type": "http.request", "body": b"{}" if method == "POST" else b""}]
        self.task = asyncio.create_task(application(scope, self._receive, self._send))

    @property
    def body(self) -> bytes:
        return b"".join(self.parts)

    async def until_body(self, text: bytes, seconds: float = 5.0) -> None:
        """Wait until the body has `text`."""
        async with asyncio.timeout(seconds):
            while text not in self.body:
                self._changed.clear()
                await self._changed.wait()

    async def leave(self) -> None:
        """Close the connection, and wait until the application has noticed."""
        self._gone.set()
        async with asyncio.timeout(5):
            await self.task

    async def _receive(self) -> dict[str, Any]:
        if self._messages:
            return self._messages.pop()
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode().lower(): value.decode() for name, value in message["headers"]}
        else:
            self.parts.append(message.get("body", b""))
        self._changed.set()
