"""API processes to measure: this project's, and a synchronous one. Each prints its URL once it listens."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import psutil  # type: ignore[import-untyped]

from bench.comparisons.deployed import outputs_of
from bench.harness import ACCOUNT, Endpoint
from bench.program import REGION

NAME = "model"  # of the endpoint in URLs
CLIENTS = Path(__file__).parents[1] / "clients"
SECONDS = 60


def outputs_with_api(endpoint: Endpoint) -> dict[str, Any]:
    """What Terraform would say of `endpoint` with the API enabled; the process delivers no webhooks."""
    state, queue = f"s3://{endpoint.harness.bucket}", endpoint.harness.queue
    http_api = {
        "state_uri": f"{state}/predictions/{endpoint.name}/",
        "credentials_uri": f"{state}/credentials/{endpoint.name}/",
        "delivery_queue_url": queue,
        "delivery_queue_arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:bench",
        "delivery_dead_letter_queue_url": queue,
    }
    return outputs_of(endpoint) | {"http_api": http_api}


class ApiProcess:
    """A process that runs `script` of bench/clients and serves HTTP; its CPU time and memory."""

    def __init__(self, script: str, endpoint: Endpoint, task: Mapping[str, Any]) -> None:
        harness = endpoint.harness
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        environment |= harness.credentials.environment(REGION) | {"AWS_EC2_METADATA_DISABLED": "true"}
        command = [sys.executable, str(CLIENTS / f"{script}.py"), json.dumps(dict(task))]
        self._process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()
        if not self.url:
            raise RuntimeError(f"{script} did not start; it ended with {self._process.wait()}.")
        self._usage, self._local = psutil.Process(self._process.pid), threading.local()

    def __enter__(self) -> ApiProcess:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._process.terminate()
        self._process.wait(SECONDS)

    @property
    def cpu(self) -> float:
        """CPU seconds of the process."""
        times = self._usage.cpu_times()
        return float(times.user + times.system)

    @property
    def megabytes(self) -> float:
        """Resident memory of the process."""
        return float(self._usage.memory_info().rss / 1e6)

    def request(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, Any]:
        """One request over the connection of this thread: status, and the JSON of the response."""
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=SECONDS)
            self._local.connection = connection
        connection.request(method, path, body, {"Content-Type": "application/json", **headers})
        response = connection.getresponse()
        return response.status, json.loads(response.read())


def served(endpoint: Endpoint) -> ApiProcess:
    """This project's API in front of `endpoint`, without keys."""
    return ApiProcess("this_api", endpoint, {"outputs": outputs_with_api(endpoint), "url": endpoint.harness.url, "name": NAME})
