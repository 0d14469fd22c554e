"""A model server that does what a JSON request orders, and reports what its container looks like from inside.

Orders: {"report": true}; {"chunked": true} and {"close": true} answer without Content-Length; {"append": TEXT} is a stage of
a pipeline; {"sleep": SECONDS}; {"exit": CODE}. Any other body is answered with its length and digest. Serves several models
too, by the contract of multi-model endpoints; a model's answer is its file `weights.txt`, and there is room for two.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

MODEL = Path("/opt/ml/model")
PORT = int(os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080"))
ROOM = 2
CHUNK_BYTES = 1 << 20


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    models: ClassVar[dict[str, str]] = {}

    def do_GET(self) -> None:
        self.answer(b"")

    def do_DELETE(self) -> None:
        self.models.pop(self.path.removeprefix("/models/"), None)
        self.answer(b"")

    def do_POST(self) -> None:
        if self.path == "/models":
            self.load()
        elif self.path.startswith("/models/"):
            self.read()
            self.answer(self.models[self.path.split("/")[2]].encode())
        else:
            self.invoke()

    def load(self) -> None:
        order = json.loads(self.read())
        if len(self.models) >= ROOM:
            self.answer(b"no memory", 507)
            return
        self.models[order["model_name"]] = Path(order["url"], "weights.txt").read_text()
        self.answer(b"")

    def invoke(self) -> None:
        if "json" not in (self.headers.get("Content-Type") or ""):
            digest, length = hashlib.sha256(), 0
            for part in self.parts():
                digest.update(part)
                length += len(part)
            self.answer(json.dumps({"bytes": length, "sha256": digest.hexdigest()}).encode())
            return
        order = json.loads(self.read())
        time.sleep(order.get("sleep", 0))
        if "exit" in order:
            print("no weights in this model", flush=True)
            os._exit(order["exit"])
        if "append" in order:
            order["append"] += f" {socket.gethostname()}:{PORT}"
        body = json.dumps(report() if order.get("report") else order).encode()
        if order.get("chunked"):
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
        elif order.get("close"):
            self.send_response(200)
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(body)
        else:
            self.answer(body, order.get("status", 200))

    def answer(self, body: bytes, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def read(self) -> bytes:
        return b"".join(self.parts())

    def parts(self) -> Any:
        left = int(self.headers.get("Content-Length") or 0)
        while left and (part := self.rfile.read(min(left, CHUNK_BYTES))):
            left -= len(part)
            yield part

    def log_message(self, *_: Any) -> None:
        pass


def report() -> dict[str, Any]:
    return {
        "arguments": sys.argv[1:],
        "environment": dict(os.environ),
        "files": {str(path.relative_to(MODEL)): path.read_text() for path in MODEL.rglob("*") if path.is_file()},
        "hostname": socket.gethostname(),
        "network": sorted(line.split(":")[0].strip() for line in Path("/proc/net/dev").read_text().splitlines()[2:]),
        "port": PORT,
        "user": os.getuid(),
        "writable": os.access(MODEL, os.W_OK),
    }


print(f"serving at port {PORT}", flush=True)
ThreadingHTTPServer(("0.0.0.0", PORT), Handler).serve_forever()
