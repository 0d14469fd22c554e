"""The HTTP API as a server of this process, at a free port of the loopback interface."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

import uvicorn

from async_endpoint.http_api.application import create_application
from async_endpoint.http_api.served_endpoint import Services
from async_endpoint.http_api.settings import ApiSettings, EndpointSettings
from support.common import until


@contextmanager
def serving(endpoints: Mapping[str, EndpointSettings], **settings: Any) -> Iterator[str]:
    """The URL of an API process over `endpoints`, which serves until the block ends; further settings are ApiSettings'."""
    chosen = {"environment": "local", "keys_required": False, "deliveries": False} | settings
    api = ApiSettings(endpoints=endpoints, **chosen)
    config = uvicorn.Config(
        create_application(api, Services.of(api)), log_config=None, access_log=False, ws="none", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        until(lambda: server.started, "the API serves")
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(10)
