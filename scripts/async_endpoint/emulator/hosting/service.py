"""The hosting service: all endpoints of one local AWS."""

from __future__ import annotations

import threading
import time

from async_endpoint.emulator.container.runtime import ContainerRuntime
from async_endpoint.emulator.hosting.context import ControlPlaneCallbacks, HostingContext
from async_endpoint.emulator.hosting.endpoint import HostedEndpoint
from async_endpoint.emulator.hosting.endpoint_snapshot import EndpointSnapshot
from async_endpoint.emulator.hosting.hosted_config import HostedConfig
from async_endpoint.emulator.hosting.request_queue import AsyncInvocation

RESET_POLL_SECONDS = 0.01


class Hosting:
    """Endpoints by region and name."""

    def __init__(self, context: HostingContext) -> None:
        self.clock = context.clock
        self._context = context
        self._endpoints: dict[tuple[str, str], HostedEndpoint] = {}
        self._lock = threading.Lock()
        self._restored: set[str] = set()  # ids of the requests restored after a restart

    def create(self, region: str, name: str, deployment: HostedConfig) -> HostedEndpoint:
        """Start an endpoint; the caller has checked that the name is free."""
        with self._lock:
            endpoint = HostedEndpoint(name, region, deployment, self._context, self._forget)
            self._endpoints[region, name] = endpoint
            return endpoint

    def get(self, region: str, name: str) -> HostedEndpoint | None:
        return self._endpoints.get((region, name))

    def all(self, region: str | None = None) -> list[HostedEndpoint]:
        with self._lock:
            return [endpoint for endpoint in self._endpoints.values() if region in (None, endpoint.region)]

    @property
    def runtime(self) -> ContainerRuntime:
        return self._context.runtime

    @property
    def callbacks(self) -> ControlPlaneCallbacks:
        return self._context.callbacks

    def remaining_interfaces(self) -> list[str]:
        """Why network interfaces of ended instances still exist, in sentences."""
        return self._context.interfaces.remaining()

    def _forget(self, endpoint: HostedEndpoint) -> None:
        with self._lock:
            if self._endpoints.get((endpoint.region, endpoint.name)) is not endpoint:
                return  # reset in between; another endpoint may have the name
            del self._endpoints[endpoint.region, endpoint.name]
        self.callbacks.endpoint_deleted(endpoint.region, endpoint.name)

    def notify(self) -> None:
        """Wake every endpoint's control loop, after the clock jumped."""
        for endpoint in self.all():
            endpoint.notify()

    def saved(self) -> list[EndpointSnapshot]:
        """Snapshots of all endpoints."""
        return [endpoint.snapshot() for endpoint in self.all()]

    def restore(self, saved: list[EndpointSnapshot]) -> None:
        """Resume endpoints from snapshots; S3 and IAM must have been restored before."""
        self._context.interfaces.resume()
        for one in saved:
            self._restored.update(invocation.request_id for invocation in one.requests)
            endpoint = HostedEndpoint(one.name, one.region, one.deployment, self._context, self._forget, one)
            self._endpoints[one.region, one.name] = endpoint

    def requeue(self, region: str, name: str, created_at: float, invocation: AsyncInvocation) -> bool:
        """Queue a journaled request unless a snapshot restored it; False when its endpoint no longer exists."""
        endpoint = self.get(region, name)
        if endpoint is None or endpoint.created_at != created_at:
            return False
        if invocation.request_id in self._restored:
            return True
        self._restored.add(invocation.request_id)
        return endpoint.invoke_async(invocation) or endpoint.fail_restored_request(invocation)

    def reset(self, seconds: float) -> None:
        """Close all endpoints and drop their requests; returns once none is in process, or after `seconds`."""
        with self._lock:
            ended = list(self._endpoints.values())
            self._endpoints.clear()
            self._restored.clear()
        for endpoint in ended:
            endpoint.close()
        deadline = time.monotonic() + seconds
        while any(endpoint.backlog()[0] for endpoint in ended) and time.monotonic() < deadline:
            time.sleep(RESET_POLL_SECONDS)
        self._context.interfaces.forget()

    def stop(self) -> None:
        """Close all endpoints; waiting requests survive in the state directory only."""
        for endpoint in self.all():
            endpoint.close()
        self._context.interfaces.stop()
