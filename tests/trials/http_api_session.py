"""All that an HTTP API does, for `record_permissions.py`: `http_api_session.py IMAGE`, with an API key in API_KEY.

Serves dev/recommender with the permissions of its environment, submits predictions of each kind to it, and receives their
webhooks. Runs on its own, in a folder that is a checkout to the commands.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

COMMAND = Path(sys.executable).with_name("async-endpoint")
LONGEST_SECONDS = 240
PREDICTIONS = "/v1/endpoints/recommender/predictions"
received: list[str] = []


class Receiver(BaseHTTPRequestHandler):
    """Refuses the first webhook, so that it is retried."""

    def do_POST(self) -> None:
        received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["type"])
        self.send_response(500 if len(received) == 1 else 204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing: the recording is read."""


def until(condition: Any, what: str) -> Any:
    end = time.monotonic() + LONGEST_SECONDS
    while not (found := condition()):
        assert time.monotonic() < end, f"not yet: {what}"
        time.sleep(0.2)
    return found


class Client:
    """Requests to the API at `url` with a key."""

    def __init__(self, url: str, key: str) -> None:
        self.url, self.key = url, key

    def call(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
        named = {"Authorization": f"Bearer {self.key}"} | {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(self.url + path, body, named, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read()

    def status(self, prediction_id: str) -> str | None:
        document = json.loads(self.call("GET", f"{PREDICTIONS}/{prediction_id}")[1])
        return None if document["status"] == "accepted" else str(document["status"])


def use(client: Client, image: bytes, hook: str) -> None:
    """Every route, and predictions that succeed, fail, and are too large for a request to SageMaker."""
    assert Client(client.url, "aek_" + 16 * "a" + "_" + 52 * "a").call("GET", "/v1/endpoints")[0] == 401
    assert client.call("GET", "/v1/endpoints/recommender")[0] == 200
    for name, body in (("image", image), ("large", os.urandom(200_000))):
        status, answer = client.call("PUT", f"{PREDICTIONS}/{name}", body, Content_Type="image/png", Webhook_Url=hook)
        assert status == 202, answer
    status, answer = client.call("POST", "/v1/endpoints/recommender/uploads", json.dumps(
        {"content_type": "image/png", "bytes": len(image)}).encode(), Content_Type="application/json")  # fmt: skip
    assert status == 201, answer
    upload = json.loads(answer)
    with urllib.request.urlopen(urllib.request.Request(upload["url"], image, upload["headers"], method="PUT"), timeout=30):
        pass
    envelope = json.dumps({"input_url": upload["input_url"], "content_type": "image/png"}).encode()
    media_type = "application/vnd.async-endpoint.prediction+json"
    status, answer = client.call("PUT", f"{PREDICTIONS}/uploaded", envelope, Content_Type=media_type)
    assert status == 202, answer
    ends = {name: until(lambda name=name: client.status(name), name) for name in ("image", "large", "uploaded")}
    assert ends == {"image": "succeeded", "large": "failed", "uploaded": "succeeded"}, ends
    assert client.call("GET", f"{PREDICTIONS}/image/output")[0] == 200
    assert client.call("GET", f"{PREDICTIONS}/image/events")[0] == 200
    assert client.call("GET", f"{PREDICTIONS}?limit=2")[0] == 200
    assert client.call("GET", "/v1/endpoints/recommender/webhook-secret")[0] == 200
    until(lambda: sorted(set(received)) == ["prediction.failed", "prediction.succeeded"] and len(received) >= 3, "webhooks")


def main(image: str) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    hook = f"http://127.0.0.1:{server.server_address[1]}/"
    command = [str(COMMAND), "serve", "dev/recommender", "--local", "--port", "0", "--allow-webhook", hook]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as serving:
        assert serving.stderr is not None
        lines: list[str] = []
        threading.Thread(target=lambda: lines.extend(iter(serving.stderr.readline, "")), daemon=True).start()  # type: ignore[union-attr]
        try:
            found = until(lambda: re.search(r"on\s+(http://\S+)", " ".join(lines)), "the API serves")
            use(Client(found[1], os.environ["API_KEY"]), Path(image).read_bytes(), hook)
        finally:
            serving.terminate()
            print("".join(lines), file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1])
