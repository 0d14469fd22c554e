"""API calls within the process: boto3 clients whose requests go to the local AWS's own WSGI application as a given caller."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import botocore.session
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.client import BaseClient
from botocore.config import Config

from async_endpoint.emulator.auth.identities import CALLER_KEY, Caller
from async_endpoint.emulator.wsgi import CALLED_VIA, Application, Environ

_HOST: Final = "localhost"
_creation = threading.Lock()  # botocore creates clients without a lock of its own


class _Body(io.BytesIO):
    """A response body, as botocore reads one from urllib3."""

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        while part := self.read(1 << 16):
            yield part


class InProcessCalls:
    """boto3 clients of one caller and region. Requests carry the caller's identity and no signature."""

    def __init__(self, application: Application, caller: Caller, region: str) -> None:
        self._application = application
        self._caller = caller
        self.region = region
        self._clients: dict[str, BaseClient] = {}

    def client(self, service: str) -> Any:
        """The client of a service, by boto3's name."""
        if service not in self._clients:
            with _creation:
                self._clients[service] = self._create(service)
        return self._clients[service]

    def _create(self, service: str) -> BaseClient:
        session = _session()
        client = session.create_client(
            service,
            self.region,
            endpoint_url=f"http://{_HOST}",
            aws_access_key_id=self._caller.access_key_id,
            aws_secret_access_key="in-process",
            config=Config(retries={"total_max_attempts": 5}, s3={"addressing_style": "path"}),
        )
        client.meta.events.register("before-send", self._send)
        return client

    def _send(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        status, headers = 500, dict[str, str]()
        chunks: list[bytes] = []

        def start_response(line: str, given: list[tuple[str, str]], *_: Any) -> Any:
            nonlocal status, headers
            status, headers = int(line.split(" ", maxsplit=1)[0]), dict(given)
            return chunks.append

        answer = self._application(self._environ(request), start_response)
        try:
            chunks.extend(answer)
        finally:
            if hasattr(answer, "close"):
                answer.close()
        return AWSResponse(request.url, status, headers, _Body(b"".join(chunks)))

    def _environ(self, request: AWSPreparedRequest) -> Environ:
        url = urlsplit(request.url)
        body = request.body or b""
        body = body if isinstance(body, bytes | bytearray) else body.encode() if isinstance(body, str) else body.read()
        environ: Environ = {
            "REQUEST_METHOD": request.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote(url.path, "latin-1") or "/",
            "RAW_URI": f"{url.path}?{url.query}" if url.query else url.path,
            "QUERY_STRING": url.query,
            "SERVER_NAME": _HOST,
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": True,
            CALLER_KEY: self._caller,
            CALLED_VIA: "" if self._caller.arn.endswith("/AWSCloudFormation") else "cloudformation.amazonaws.com",
        }
        for name, value in request.headers.items():
            text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
            key = name.upper().replace("-", "_")
            environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = text
        environ["HTTP_HOST"] = _HOST
        return environ


def _session() -> botocore.session.Session:
    """A session that ignores the configuration files and profiles of the machine."""
    return botocore.session.Session(
        {"config_file": (None, None, os.devnull, None), "credentials_file": (None, None, os.devnull, None),
         "profile": (None, None, None, None)}
    )  # fmt: skip
