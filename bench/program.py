"""Programs that serve AWS: each in a process of its own, met through plain boto3 clients."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any

import boto3
import psutil  # type: ignore[import-untyped]
from botocore.config import Config

from async_endpoint.local_aws import LocalCredentials, read_credentials
from async_endpoint.workspace import Workspace

REGION = "eu-west-1"
DEADLINE_SECONDS = 300.0

# moto's server, printing its address and none of its requests.
CANNED = """
import json, logging, signal
from moto.moto_server.threaded_moto_server import ThreadedMotoServer

logging.getLogger("werkzeug").setLevel("ERROR")
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print(json.dumps({"endpoint_url": "http://%s:%s" % server.get_host_and_port()}), flush=True)
signal.pause()
"""


def client(credentials: LocalCredentials, service: str) -> Any:
    """A plain boto3 client; without retries, so that each call is counted once."""
    return boto3.client(
        service,
        REGION,
        endpoint_url=credentials.endpoint_url,
        aws_access_key_id=credentials.access_key_id,
        aws_secret_access_key=credentials.secret_access_key,
        config=Config(retries={"total_max_attempts": 1}, max_pool_connections=32, read_timeout=120),
    )


def until(look: Callable[[], bool], what: str, pause: float = 0.05) -> None:
    """Wait until `look` is true; raises TimeoutError naming `what`."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not look():
        if time.monotonic() > deadline:
            raise TimeoutError(f"Not within {DEADLINE_SECONDS:.0f} s: {what}.")
        time.sleep(pause)


class Program:
    """A process that serves AWS on a port of its own and prints {"endpoint_url": …} as one JSON document once it does."""

    def __init__(self, *command: str, python: str = sys.executable) -> None:
        self._home = tempfile.TemporaryDirectory(prefix="async-endpoint-bench-")
        home = Path(self._home.name)
        for folder in ("modules/async-inference", "envs"):  # what marks a checkout
            (home / folder).mkdir(parents=True)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        environment |= {"ASYNC_ENDPOINT_HOME": str(home), "XDG_CACHE_HOME": str(home)}
        self._process = subprocess.Popen(
            [python, *command], env=environment, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
        )
        assert self._process.stdout is not None
        text = ""
        while not text.rstrip().endswith("}"):
            line = self._process.stdout.readline()
            if not line:
                raise RuntimeError(f"{' '.join(command)} did not start; it ended with {self._process.wait()}.")
            text += line
        self.url: str = json.loads(text)["endpoint_url"]
        # moto's own server accepts any
        self.credentials = read_credentials(Workspace(home)) or LocalCredentials(self.url, "ANY", "ANY", "")
        self._usage = psutil.Process(self._process.pid)

    def __enter__(self) -> Any:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._process.terminate()
        self._process.wait(30)
        self._home.cleanup()

    @property
    def cpu(self) -> float:
        """CPU seconds the server itself has used, its containers not."""
        times = self._usage.cpu_times()
        return float(times.user + times.system)

    @property
    def exact_cpu(self) -> float:
        """The same of the threads that run now, to the nanosecond where the system reports it (Linux)."""
        tasks = Path(f"/proc/{self._process.pid}/task")
        try:
            return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks.iterdir()) / 1e9
        except OSError:
            return self.cpu

    @property
    def megabytes(self) -> float:
        """Resident memory of the server itself."""
        return float(self._usage.memory_info().rss / 1e6)

    runtime = cached_property(lambda self: client(self.credentials, "sagemaker-runtime"))


def canned() -> Program:
    """moto's own server, unpatched, in a process of its own."""
    return Program("-c", CANNED)
