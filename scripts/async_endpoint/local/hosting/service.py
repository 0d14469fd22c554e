"""The endpoints of one local AWS."""

from __future__ import annotations

import threading
from collections.abc import Callable

from async_endpoint.local.hosting.deployment import Deployment
from async_endpoint.local.hosting.endpoint import Endpoint
from async_endpoint.local.hosting.site import Site


class Hosting:
    """Endpoints by region and name."""

    def __init__(self, site: Site) -> None:
        self.clock = site.clock
        self._site = site
        self._endpoints: dict[tuple[str, str], Endpoint] = {}
        self._lock = threading.Lock()

    def create(self, region: str, name: str, deployment: Deployment) -> Endpoint:
        """Start an endpoint; the caller has checked that the name is free."""
        with self._lock:
            endpoint = Endpoint(name, region, deployment, self._site)
            self._endpoints[region, name] = endpoint
            return endpoint

    def get(self, region: str, name: str) -> Endpoint | None:
        return self._endpoints.get((region, name))

    def all(self, region: str | None = None) -> list[Endpoint]:
        with self._lock:
            return [endpoint for endpoint in self._endpoints.values() if region in (None, endpoint.region)]

    def delete(self, endpoint: Endpoint, gone: Callable[[], None]) -> None:
        """Delete an endpoint; `gone` is called once its name is free again."""

        def forget() -> None:
            with self._lock:
                self._endpoints.pop((endpoint.region, endpoint.name), None)
            gone()

        endpoint.delete(forget)

    def look_again(self) -> None:
        """Let every endpoint look at the clock now: it has jumped."""
        for endpoint in self.all():
            endpoint.look_again()

    def stop(self) -> None:
        """End every endpoint with all its instances; what waited is lost with the local AWS."""
        for endpoint in self.all():
            endpoint.close()
