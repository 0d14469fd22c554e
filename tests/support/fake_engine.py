"""A stand-in for the program of a container engine: understands what the local AWS says to it, and runs a model server.

Installed as `docker` or `podman` on a PATH of a test's own. What it knows is in the folder STAND_IN: the names of its images in
`images`, and for each container a JSON document with its arguments, the process that serves and its port. As with a real
engine, that process lives on when the attached program is killed.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

STATE = Path(os.environ.get("STAND_IN", ""))
SERVE = os.environ.get("STAND_IN_SERVE", "")  # our own model server, for images of one model
ROOM = 2  # models, in an image for many


def refuse(text: str) -> None:
    print(f"Error: {text}", file=sys.stderr)
    sys.exit(125)


def known() -> dict[str, dict[str, Any]]:
    return {path.stem: json.loads(path.read_text()) for path in STATE.glob("*.json")}


def options(arguments: list[str]) -> tuple[dict[str, list[str]], list[str]]:
    """`--name value` pairs, and what follows them."""
    found: dict[str, list[str]] = {}
    while arguments[0].startswith("--"):
        found.setdefault(arguments[0], []).append(arguments[1])
        arguments = arguments[2:]
    return found, arguments


def run(arguments: list[str]) -> None:
    given, (image, *command) = options(arguments)
    if image not in (STATE / "images").read_text().split():
        refuse(f"No such image: {image}")
    if command != ["serve"]:
        refuse(f"{image} cannot {command}")
    (name,) = given["--name"]
    (mount,) = given["--volume"]
    source, inside, _ = mount.split(":")
    (file,) = given["--env-file"]
    lines = [line for line in Path(file).read_text().splitlines() if line and not line.startswith("#")]
    environment = dict(pair.split("=", 1) for pair in [*lines, *given.get("--env", [])])
    if given["--network"] != [name] or not (STATE / f"{name}.network").exists():
        refuse(f"network {given['--network']} not found")
    (published,) = given["--publish"]
    address, port, _ = published.split(":")
    with socket.create_server((address, int(port or 0))) as listener:
        read, write = os.pipe()
        program = [sys.executable, __file__, *(["one"] if inside == "/opt/ml/model" else ["many", source])]
        process = subprocess.Popen(
            [*program, str(listener.fileno())],
            pass_fds=[listener.fileno(), write],  # it keeps its own standard input open
            stdin=read,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONUNBUFFERED": "1",
                **environment,
                "SAGEMAKER_BASE_DIR": str(Path(source).parent),
                **own(),
            },
            start_new_session=True,
        )
        document = {"arguments": arguments, "pid": process.pid, "address": listener.getsockname(), "labels": given["--label"]}
        document["environment"] = environment
    (STATE / f"{name}.part").write_text(json.dumps(document))
    (STATE / f"{name}.part").rename(STATE / f"{name}.json")
    code = process.wait()
    sys.exit(code if code >= 0 else 128 - code)


def own() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith("STAND_IN")}


def kill(name: str) -> None:
    container = known().get(name)
    if container is None:
        refuse(f"No such container: {name}")
        return
    with contextlib.suppress(ProcessLookupError):
        os.kill(container["pid"], signal.SIGKILL)


def remove(name: str) -> None:
    container = known().get(name)
    if container is None:
        refuse(f"No such container: {name}")
        return
    kill(name)
    (STATE / f"{name}.json").unlink(missing_ok=True)


class Many(BaseHTTPRequestHandler):
    """The container contract for multi-model endpoints, with room for two. A model's answer is the file `weights.txt`."""

    protocol_version = "HTTP/1.1"
    mounted = Path()
    models: ClassVar[dict[str, str]] = {}

    def do_GET(self) -> None:
        self.answer(200, json.dumps({"models": [{"modelName": name} for name in self.models]}))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/models":
            order = json.loads(body)
            weights = self.mounted / order["model_name"] / "model" / "weights.txt"
            if order["url"] != f"/opt/ml/models/{order['model_name']}/model" or not weights.is_file():
                self.answer(400, f"nothing at {order['url']}")
            elif len(self.models) >= ROOM:
                self.answer(507, "no memory")
            else:
                self.models[order["model_name"]] = weights.read_text()
                self.answer(200, "")
            return
        name = self.path.removeprefix("/models/").removesuffix("/invoke")
        target = self.headers["X-Amzn-SageMaker-Target-Model"]
        self.answer(200, f"{target} {self.models[name]} {body.decode()}")

    def do_DELETE(self) -> None:
        self.models.pop(self.path.removeprefix("/models/"))
        self.answer(200, "")

    def answer(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: Any) -> None:
        pass


def serve_many(source: str, descriptor: int) -> None:
    Many.mounted = Path(source)
    server = HTTPServer(("127.0.0.1", 0), Many, bind_and_activate=False)
    server.socket.close()
    server.socket = socket.socket(fileno=descriptor)
    server.serve_forever()


def serve_one(descriptor: int) -> None:
    """Our own model server, at a port."""
    spec = importlib.util.spec_from_file_location("serve", SERVE)
    assert spec is not None and spec.loader is not None
    serve = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(serve)

    class AtPort(serve.ModelServer):  # type: ignore[misc,name-defined]
        def get_request(self) -> Any:
            return self.socket.accept()

    message = {"environment": {}, "folder": os.environ["SAGEMAKER_BASE_DIR"], "private_opt_ml": False, "code": ["model/code"]}
    settings = {"workers": 1, "max_request_bytes": None, "max_response_bytes": None, "response_seconds": None}
    server = AtPort(socket.socket(fileno=descriptor), serve.apply_startup_message(message), settings)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.load()
    server.work()


def network(verb: str, *arguments: str) -> None:
    if verb == "create":
        (STATE / f"{arguments[-1]}.network").write_text(json.dumps(options(list(arguments))[0]))
    elif verb == "rm":
        (STATE / f"{arguments[0]}.network").unlink(missing_ok=True)
    else:
        wanted = arguments[arguments.index("--filter") + 1].removeprefix("label=")
        print("\n".join(path.stem for path in STATE.glob("*.network") if wanted in json.loads(path.read_text())["--label"]))


def image(*arguments: str) -> None:
    if arguments[-1] not in (STATE / "images").read_text().split():
        refuse(f"No such image: {arguments[-1]}")
    print(os.environ.get("STAND_IN_ARCHITECTURE", "amd64") if "{{.Architecture}}" in arguments else "null")


def port(name: str, *_: str) -> None:
    container = known().get(name)
    print(":".join(map(str, container["address"]))) if container else refuse(f"No such container: {name}")


def ps(*arguments: str) -> None:
    wanted = arguments[arguments.index("--filter") + 1].removeprefix("label=")
    print("\n".join(name for name, container in known().items() if wanted in container["labels"]))


VERBS: dict[str, Callable[..., None]] = {
    "image": image,
    "info": lambda *_: print(json.dumps({"OperatingSystem": "Docker Desktop"})),
    "kill": kill,
    "many": lambda source, descriptor: serve_many(source, int(descriptor)),
    "network": network,
    "one": lambda descriptor: serve_one(int(descriptor)),
    "port": port,
    "ps": ps,
    "rm": lambda *arguments: remove(arguments[-1]),
    "run": lambda *arguments: run(list(arguments)),
}


def main(verb: str, arguments: list[str]) -> None:
    if (STATE / "broken").exists():
        refuse((STATE / "broken").read_text() or "Cannot connect to the engine")
    if verb == "run":
        time.sleep(float(os.environ.get("STAND_IN_SLOW", "0")))
        if refusal := os.environ.get("STAND_IN_REFUSES"):
            refuse(refusal)
    VERBS.get(verb, lambda *_: refuse(f"unknown command {verb}"))(*arguments)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
