"""The endpoints of one local AWS."""

from __future__ import annotations

import threading
import time

from async_endpoint.emulator.hosting.context import HostingContext, Registry
from async_endpoint.emulator.hosting.deployment import Deployment
from async_endpoint.emulator.hosting.endpoint import Endpoint
from async_endpoint.emulator.hosting.endpoint_snapshot import EndpointSnapshot
from async_endpoint.emulator.hosting.request_queue import AsyncInvocation

RESET_POLL_SECONDS = 0.01


class Hosting:
    """Endpoints by region and name."""

    def __init__(self, context: HostingContext) -> None:
        self.clock = context.clock
        self._context = context
        self._endpoints: dict[tuple[str, str], Endpoint] = {}
        self._lock = threading.Lock()
        self._restored: set[str] = set()  # ids of the requests that are here again after a stop

    def create(self, region: str, name: str, deployment: Deployment) -> Endpoint:
        """Start an endpoint; the caller has checked that the name is free."""
        with self._lock:
            endpoint = Endpoint(name, region, deployment, self._context, self._forget)
            self._endpoints[region, name] = endpoint
            return endpoint

    def get(self, region: str, name: str) -> Endpoint | None:
        return self._endpoints.get((region, name))

    def all(self, region: str | None = None) -> list[Endpoint]:
        with self._lock:
            return [endpoint for endpoint in self._endpoints.values() if region in (None, endpoint.region)]

    @property
    def registry(self) -> Registry:
        return self._context.registry

    def _forget(self, endpoint: Endpoint) -> None:
        with self._lock:
            if self._endpoints.get((endpoint.region, endpoint.name)) is not endpoint:
                return  # a reset was faster, and the name may be another's now
            del self._endpoints[endpoint.region, endpoint.name]
        self.registry.endpoint_gone(endpoint.region, endpoint.name)

    def look_again(self) -> None:
        """Let every endpoint look at the clock now: it has jumped."""
        for endpoint in self.all():
            endpoint.look_again()

    def saved(self) -> list[EndpointSnapshot]:
        """What is kept of every endpoint."""
        return [endpoint.saved() for endpoint in self.all()]

    def restore(self, saved: list[EndpointSnapshot]) -> None:
        """Go on with endpoints that were saved; what they need must be in S3 and IAM."""
        self._context.interfaces.resume()
        for one in saved:
            self._restored.update(invocation.request_id for invocation in one.requests)
            endpoint = Endpoint(one.name, one.region, one.deployment, self._context, self._forget, one)
            self._endpoints[one.region, one.name] = endpoint

    def requeue(self, region: str, name: str, created_at: float, invocation: AsyncInvocation) -> bool:
        """Queue a request that was accepted before, unless it was restored; False when its endpoint is not there any more."""
        endpoint = self.get(region, name)
        if endpoint is None or endpoint.created_at != created_at:
            return False
        if invocation.request_id in self._restored:
            return True
        self._restored.add(invocation.request_id)
        return endpoint.invoke_async(invocation) or endpoint.refuse_again(invocation)

    def reset(self, seconds: float) -> None:
        """End every endpoint with its instances and requests; returns once none of them acts any more, or after `seconds`."""
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
        """End every endpoint with all its instances; what waited is lost with the local AWS."""
        for endpoint in self.all():
            endpoint.close()
        self._context.interfaces.stop()
