"""Background work of an API process: for each endpoint a delivery worker, and a sweep now and then."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from async_endpoint.core.errors import AsyncEndpointError
from async_endpoint.http_api.served_endpoint import ServedEndpoint, Services
from async_endpoint.http_api.settings import ApiSettings
from async_endpoint.http_api.webhooks.deliverer import Deliverer
from async_endpoint.http_api.webhooks.sweep import INTERVAL_SECONDS, Sweep
from async_endpoint.http_api.webhooks.worker import ATTEMPTS_PER_RECEIVER, Worker

log = logging.getLogger(__name__)


@contextmanager
def deliveries(settings: ApiSettings, services: Services, endpoints: Mapping[str, ServedEndpoint]) -> Iterator[None]:
    """Deliver the webhooks of `endpoints` for the block, if the settings say so."""
    if not settings.deliveries:
        yield
        return
    workers = [
        Worker(
            endpoint.session,
            endpoint.settings.http_api.delivery_queue_url,
            Deliverer.of(endpoint, ATTEMPTS_PER_RECEIVER).handle,
        )
        for endpoint in endpoints.values()
    ]
    stopping = threading.Event()
    sweeping = threading.Thread(target=_sweep_all, args=(list(endpoints.values()), stopping), name="sweep", daemon=True)
    for worker in workers:
        worker.start()
    sweeping.start()
    try:
        yield
    finally:
        stopping.set()
        for worker in workers:
            worker.begin_stop()
        for worker in workers:
            worker.stop()


def _sweep_all(endpoints: list[ServedEndpoint], stopping: threading.Event) -> None:
    """Sweep at intervals, beginning within the first, so that processes that start together do not sweep together."""
    sweeps = [(endpoint.name, Sweep(endpoint)) for endpoint in endpoints]
    delay = random.uniform(1, INTERVAL_SECONDS / 10)
    while not stopping.wait(delay):
        for name, sweep in sweeps:
            try:
                report = sweep.run()
            except AsyncEndpointError as error:
                log.warning("The sweep of %s failed: %s", name, error)
            except Exception:
                log.exception("The sweep of %s failed.", name)
            else:
                if report.examined:
                    log.info("sweep", extra={"fields": {"endpoint": name, **report.as_dict()}})
        delay = INTERVAL_SECONDS
