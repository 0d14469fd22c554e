"""The model server inside a container: the container contract around AWS's handler library sagemaker-inference.

Started as a script with the file descriptor of a socket (channel.py), which delivers the startup message and then connections.
`GET /ping` answers 200 once `model_fn` has returned; `POST /invocations` runs the archive's handlers, as many at a time as
there are workers. Workers are threads that share one loaded model, the first of them the main thread, where handlers may use
signals; the real model server forks a process for each. When standard input closes, the parent process has ended, and this one
exits too. It imports nothing of this package but the files beside it, so that it runs in any Python environment.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import queue
import signal
import socket
import sys
import threading
import traceback
import types
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from async_endpoint.emulator.container import private_mounts, request_context
else:

    def _beside(name: str) -> types.ModuleType:
        """Import a file beside this one, without making its folder importable for the handler."""
        path = os.path.join(os.path.dirname(__file__), f"{name}.py")  # noqa: PTH118, PTH120 - one import less
        spec = importlib.util.spec_from_file_location(f"model_server_{name}", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    private_mounts, request_context = _beside("private_mounts"), _beside("request_context")

DISCARD_BYTES = 1 << 20
# The answer to a request whose worker the real server has killed or lost (mms, InternalServerException).
WORKER_DIED = json.dumps({"code": 500, "type": "InternalServerException", "message": "Worker died."}, indent=2).encode()


class Job:
    """One request for a worker; `answer` is status, headers and body once `done` is set."""

    def __init__(self, body: bytearray, headers: dict[str, str]) -> None:
        self.body = body
        self.headers = headers
        self.started = threading.Event()
        self.done = threading.Event()
        self.abandoned = False
        self.answer: tuple[int, dict[str, str], Any] = (500, {}, WORKER_DIED)


class ModelServer(ThreadingHTTPServer):
    """Accepts connections before the model is loaded, as model servers do: until then /ping answers 503.

    `settings` are those of server_settings.py.
    """

    daemon_threads = True

    def __init__(self, channel: socket.socket, model_dir: str, settings: dict[str, Any]) -> None:
        super().__init__(("localhost", 0), Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = channel
        self.model_dir = model_dir
        self.loaded = threading.Event()
        self.settings = settings
        self.jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()

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
        self.context = request_context.Context(self.model_dir)
        self.service.initialize(self.context)
        self.loaded.set()

    def work(self) -> None:
        """Process requests on this thread, and start the other workers."""
        for _ in range(self.settings["workers"] - 1):
            self._start_worker()
        while True:
            if not self._process(self.jobs.get()):
                threading.Event().wait()  # the process lives as long as its main thread

    def invoke(self, body: bytearray, headers: dict[str, str]) -> tuple[int, dict[str, str], Any]:
        """Status, headers and body of the response; 500 with the traceback if a handler raises, or if it takes too long.

        The real server then kills the worker. Here another one takes its place, and its answer is discarded.
        """
        job = Job(body, headers)
        del body
        self.jobs.put(job)
        job.started.wait()
        seconds = self.settings["response_seconds"]
        if not job.done.wait(seconds):
            print(f"Backend worker did not respond in given time: {seconds} seconds", file=sys.stderr)
            job.abandoned = True
            self._start_worker()
            return 500, {}, WORKER_DIED
        most = self.settings["max_response_bytes"]
        if most is not None and len(job.answer[2]) > most:
            print(f"Message size exceed limit: {len(job.answer[2])}, the limit is {most} bytes", file=sys.stderr)
            return 500, {}, WORKER_DIED
        return job.answer

    def _start_worker(self) -> None:
        threading.Thread(target=self._work_until_abandoned, daemon=True).start()

    def _work_until_abandoned(self) -> None:
        while self._process(self.jobs.get()):
            pass

    def _process(self, job: Job) -> bool:
        """Run the handlers; returns whether this worker gets another request."""
        processor = self.context.begin(job.headers)
        data = [{"body": job.body}]
        job.body = bytearray()
        job.started.set()
        try:
            content = as_bytes(self.service.handle(data, self.context)[0])
            job.answer = (processor.get_response_status_code(), processor.get_response_headers(), content)
        except Exception:
            job.answer = (500, {"content-type": "text/plain"}, traceback.format_exc().encode())
        except BaseException as error:  # sys.exit() ends a worker process
            exit_as(error)
        job.done.set()
        return not job.abandoned


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


def as_bytes(answer: Any) -> bytes | bytearray:
    """Encode a handler's result as the model server does: bytes and text unchanged, anything else as JSON."""
    if isinstance(answer, bytes | bytearray):
        return answer
    return (answer if isinstance(answer, str) else json.dumps(answer, indent=2)).encode()


class Handler(BaseHTTPRequestHandler):
    """The two routes of the container contract."""

    protocol_version = "HTTP/1.1"  # keep-alive
    wbufsize = -1  # a response is sent in one piece
    server: ModelServer

    def do_GET(self) -> None:
        ready = self.path == "/ping" and self.server.loaded.is_set()
        self._answer(200 if ready else 404 if self.path != "/ping" else 503, {}, b"")

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        most = self.server.settings["max_request_bytes"]
        if most is not None and length > most:
            self._discard(length)
            print(f"Request of {length} bytes refused: at most {most} are accepted", file=sys.stderr)
            self._answer(413, {}, b"")
            return
        body = self._read(length)
        if self.path != "/invocations" or not self.server.loaded.is_set():
            self._answer(404 if self.path != "/invocations" else 503, {}, b"")
            return
        status, headers, answer = self.server.invoke(body, dict(self.headers.items()))
        if status >= 400:
            print(bytes(answer).decode(errors="replace"), file=sys.stderr)  # the model server logs error responses
        self._answer(status, headers, answer)

    def _read(self, length: int) -> bytearray:
        """The body, in the buffer that the handler gets: large ones are in memory once."""
        body = bytearray(length)
        view, read = memoryview(body), 0
        while read < length and (count := self.rfile.readinto(view[read:])):
            read += count
        return body

    def _discard(self, length: int) -> None:
        while length > 0 and (block := self.rfile.read(min(length, DISCARD_BYTES))):
            length -= len(block)

    def _answer(self, status: int, headers: dict[str, str], body: bytes | bytearray) -> None:
        self.send_response(status)
        given = {_one_line(name).lower(): _one_line(value) for name, value in headers.items()}
        for name, value in {"content-type": "application/json", **given, "content-length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Log no requests; the output of the model is logged."""


def _one_line(text: Any) -> str:
    return " ".join(str(text).encode("ascii", "replace").decode().splitlines())


def exit_as(error: BaseException) -> None:
    """End the process as `error` ends an interpreter, from any thread."""
    code: Any = error.code if isinstance(error, SystemExit) else 1
    if not isinstance(error, SystemExit):
        traceback.print_exception(error)
    elif code is not None and not isinstance(code, int):
        print(code, file=sys.stderr)
        code = 1
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit((code or 0) & 0xFF)


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
    """Mount /opt/ml and /tmp, set the model's variables and search path (PYTHONPATH too); returns the model directory.

    Before, none of them has affected this process.
    """
    base = message["folder"]
    if message["private_opt_ml"]:
        private_mounts.mount_private_folders(base, message["private_tmp"])
        base = private_mounts.OPT_ML
        os.chdir(base)
    os.environ.update(message["environment"])
    given = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    model_dir = os.path.join(base, "model")  # noqa: PTH118 - one import less in the model's process
    sys.path[:0] = [*(os.path.join(base, path) for path in message["code"]), *given]  # noqa: PTH118 - as above
    return model_dir


def main() -> None:
    """`model_server.py DESCRIPTOR`: load the model of the startup message and serve it until terminated."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    channel.set_inheritable(False)
    message = receive_startup_message(channel)
    model_dir = apply_startup_message(message)  # before the first thread
    exit_with_parent()
    server = ModelServer(channel, model_dir, message["settings"])
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print("Model server started.", flush=True)  # so the log group exists once the endpoint is in service, for silent models too
    try:
        server.load()
    except ModuleNotFoundError as error:
        print(message["missing_module_hint"].format(name=error.name), file=sys.stderr)
        raise
    server.work()


if __name__ == "__main__":
    main()
