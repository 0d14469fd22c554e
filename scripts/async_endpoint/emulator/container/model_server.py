"""The model server inside a container: the container contract around AWS's handler library sagemaker-inference.

Started as a script with the file descriptor of a socket (channel.py), which delivers the startup message and then connections.
`GET /ping` answers 200 once `model_fn` has returned; `POST /invocations` runs the archive's handlers, at most
SAGEMAKER_MODEL_SERVER_WORKERS (or MODEL_SERVER_WORKERS) at a time. Workers are threads that share one loaded model; the real
model server forks a process for each. When standard input closes, the parent process has ended, and this one exits too. It
imports nothing of this package, so that it runs in any Python environment.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import socket
import sys
import threading
import traceback
import types
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Context(threading.local):
    """The request context that sagemaker-inference expects of a model server: properties in, status and content type out.

    Handlers receive the context that the model was loaded with, for every request. So there is one, with thread-local
    attributes.
    """

    def __init__(self, model_dir: str) -> None:
        self.system_properties = {"model_dir": model_dir, "gpu_id": None}
        self.request_processor = [self]
        self.manifest: dict[str, Any] = {}
        self.begin({})

    def begin(self, headers: dict[str, str]) -> None:
        """Start a request on this thread."""
        self._headers = headers
        self.status = 200
        self.content_type = "application/json"

    def get_request_properties(self) -> dict[str, str]:
        return self._headers

    def get_request_header(self, _index: int, name: str) -> str | None:
        return self._headers.get(name)

    def get_all_request_header(self, _index: int) -> dict[str, str]:
        return self._headers

    def set_response_status(self, code: int = 200, phrase: str = "", idx: int = 0) -> None:
        self.status = int(code)

    def set_response_content_type(self, _index: int, value: str) -> None:
        self.content_type = value


class ModelServer(ThreadingHTTPServer):
    """Accepts connections before the model is loaded, as model servers do: until then /ping answers 503."""

    daemon_threads = True

    def __init__(self, channel: socket.socket, model_dir: str) -> None:
        super().__init__(("localhost", 0), Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = channel
        self.model_dir = model_dir
        self.loaded = threading.Event()
        workers = os.environ.get("SAGEMAKER_MODEL_SERVER_WORKERS") or os.environ.get("MODEL_SERVER_WORKERS") or "1"
        self.workers = threading.BoundedSemaphore(max(int(workers), 1))

    def get_request(self) -> tuple[socket.socket, str]:
        """Receive the next connection."""
        received, descriptors, _, _ = socket.recv_fds(self.socket, 1, 1)
        if not received:  # the parent process has ended
            os._exit(1)
        if not descriptors:
            raise OSError("no file descriptor is left for another connection")
        return socket.socket(fileno=descriptors[0]), "local AWS"

    def load(self) -> None:
        """Run `model_fn`; a model that fails to load ends the process, as it ends a container."""
        self.service = handler_service()
        self.context = Context(self.model_dir)
        self.service.initialize(self.context)
        self.loaded.set()

    def invoke(self, body: bytes, headers: dict[str, str]) -> tuple[int, str, bytes]:
        """Status, content type and body of the response; 500 with the traceback if a handler raises."""
        self.context.begin(headers)
        with self.workers:
            try:
                answer = as_bytes(self.service.handle([{"body": body}], self.context)[0])
            except Exception:
                return 500, "text/plain", traceback.format_exc().encode()
        return self.context.status, str(self.context.content_type), answer


class LazyModule(types.ModuleType):
    """A placeholder that imports its module on first attribute access. Thread-safe."""

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module(self.__name__), name)


def handler_service() -> Any:
    """sagemaker-inference's handler service, with numpy and scipy imported lazily: they take most of a cold start.

    Both are imported when an array is decoded or encoded, or by the archive's own code.
    """
    later = {name: LazyModule(name) for name in ("numpy", "scipy", "scipy.sparse")}
    later["scipy"].sparse = later["scipy.sparse"]  # type: ignore[attr-defined]
    later = {name: module for name, module in later.items() if name not in sys.modules}
    sys.modules.update(later)
    try:
        from sagemaker_inference.default_handler_service import DefaultHandlerService  # noqa: PLC0415
    finally:
        for name in later:
            del sys.modules[name]
    return DefaultHandlerService()


def as_bytes(answer: Any) -> bytes:
    """Encode a handler's result as the model server does: bytes and text unchanged, anything else as JSON."""
    if isinstance(answer, bytes | bytearray):
        return bytes(answer)
    return (answer if isinstance(answer, str) else json.dumps(answer, indent=2)).encode()


class Handler(BaseHTTPRequestHandler):
    """The two routes of the container contract."""

    protocol_version = "HTTP/1.1"  # keep-alive
    wbufsize = -1  # a response is sent in one piece
    server: ModelServer

    def do_GET(self) -> None:
        ready = self.path == "/ping" and self.server.loaded.is_set()
        self._answer(200 if ready else 404 if self.path != "/ping" else 503, "text/plain", b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path != "/invocations" or not self.server.loaded.is_set():
            self._answer(404 if self.path != "/invocations" else 503, "text/plain", b"")
            return
        status, content_type, answer = self.server.invoke(body, dict(self.headers.items()))
        if status >= 400:
            print(answer.decode(errors="replace"), file=sys.stderr)  # the model server logs error responses
        self._answer(status, content_type, answer)

    def _answer(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", " ".join(content_type.encode("ascii", "replace").decode().splitlines()))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Log no requests; the output of the model is logged."""


def exit_with_parent() -> None:
    """Kill this process and its descendants once standard input closes; the model itself sees an empty standard input."""
    lifeline = os.dup(0)
    with open(os.devnull) as nothing:  # noqa: PTH123 - as above
        os.dup2(nothing.fileno(), 0)

    def wait() -> None:
        os.read(lifeline, 1)
        if os.getpgrp() == os.getpid():
            os.killpg(0, signal.SIGKILL)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def receive_startup_message(channel: socket.socket) -> dict[str, Any]:
    """Receive the startup message: the length of a JSON document, in four bytes, and the document."""
    length = int.from_bytes(channel.recv(4, socket.MSG_WAITALL), "big")
    text = channel.recv(length, socket.MSG_WAITALL)
    if not length or len(text) < length:  # the parent process has ended
        os._exit(1)
    message: dict[str, Any] = json.loads(text)
    return message


def apply_startup_message(message: dict[str, Any]) -> str:
    """Set the model's environment variables and search path (PYTHONPATH too); returns the model directory.

    Before, none of them has affected this process.
    """
    os.environ.update(message["environment"])
    model_dir = os.path.join(os.environ["SAGEMAKER_BASE_DIR"], "model")  # noqa: PTH118 - one import less in the model's process
    given = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.path[:0] = [os.path.join(model_dir, "code"), *given]  # noqa: PTH118 - as above
    sys.path += message["packages"]
    return model_dir


def main() -> None:
    """`model_server.py DESCRIPTOR`: load the model of the startup message and serve it until terminated."""
    exit_with_parent()
    channel = socket.socket(fileno=int(sys.argv[1]))
    channel.set_inheritable(False)
    server = ModelServer(channel, apply_startup_message(receive_startup_message(channel)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.load()
    threading.Event().wait()


if __name__ == "__main__":
    main()
