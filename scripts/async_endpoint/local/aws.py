"""A whole local AWS, put together: start it, ask it, stop it."""

from __future__ import annotations

import os
import shutil
import threading
import uuid
from pathlib import Path
from typing import Any

from async_endpoint.local.clock import ScaledClock
from async_endpoint.local.gaps import mend
from async_endpoint.local.hosting.service import Hosting
from async_endpoint.local.hosting.site import Site
from async_endpoint.local.limits import NOT_EMULATED
from async_endpoint.local.record import ACCOUNT_ID, LocalAwsRecord
from async_endpoint.local.sagemaker.control import ControlPlane
from async_endpoint.local.sagemaker.runtime import Runtime
from async_endpoint.local.scaling.samples import Samples
from async_endpoint.local.scaling.ticker import Ticker
from async_endpoint.local.server import Front, Server

DEFAULT_TIME_SCALE = 60.0
DEFAULT_LAUNCH_SECONDS = 60.0


class LocalAws:
    """moto's control planes and our hosting on one loopback port. One a process: moto's stores are global."""

    def __init__(
        self,
        folder: Path,
        port: int = 0,
        time_scale: float = DEFAULT_TIME_SCALE,
        launch_seconds: float = DEFAULT_LAUNCH_SECONDS,
    ) -> None:
        """Bind the port, 0 for a free one; raises OSError when it is taken. `folder` holds the instances' files."""
        self.instance_id = uuid.uuid4().hex[:12]
        self.stopped = threading.Event()
        self._folder = folder / self.instance_id
        self.clock = ScaledClock(time_scale)
        self.hosting = Hosting(Site(self.clock, self._folder, launch_seconds))
        samples = Samples()
        self._ticker = Ticker(self.hosting, samples)
        mend(self.hosting, samples, self._ticker.targets)
        self._server = Server(port, Front(ControlPlane(self.hosting), Runtime(self.hosting), self._admin))

    @property
    def record(self) -> LocalAwsRecord:
        return LocalAwsRecord(self._server.url, self.instance_id, os.getpid(), self.clock.scale, ACCOUNT_ID)

    def start(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._server.start()
        self._ticker.start()

    def stop(self) -> None:
        """End every instance, then the port."""
        self._ticker.stop()
        self.hosting.stop()
        self._server.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def status(self) -> dict[str, Any]:
        """What runs: the clock, and every endpoint with its backlog and instances. Times are AWS seconds since the epoch."""
        return {
            "endpoint_url": self._server.url,
            "instance_id": self.instance_id,
            "pid": os.getpid(),
            "account_id": ACCOUNT_ID,
            "time_scale": self.clock.scale,
            "now": self.clock.now(),
            "endpoints": [self._endpoint_status(endpoint) for endpoint in self.hosting.all()],
            "not_emulated": list(NOT_EMULATED),
        }

    @staticmethod
    def _endpoint_status(endpoint: Any) -> dict[str, Any]:
        backlog, age = endpoint.backlog()
        return {
            "name": endpoint.name,
            "region": endpoint.region,
            "status": endpoint.status,
            "config_name": endpoint.deployment.config_name,
            "failure_reason": endpoint.failure_reason,
            "desired_instances": endpoint.desired,
            "serving_instances": endpoint.serving,
            "backlog": backlog,
            "oldest_request_seconds": age,
            "instances": [
                {"id": item.id, "state": item.state.value, "pid": item.pid, "in_flight": item.in_flight}
                for item in endpoint.instances
            ],
        }

    def _admin(self, method: str, path: str) -> dict[str, Any] | None:
        """`GET /_local/status` and `POST /_local/stop`."""
        if (method, path) == ("GET", "status"):
            return self.status()
        if (method, path) == ("POST", "stop"):
            self.stopped.set()
            return {"stopping": True}
        return None
