"""The minutes of the local AWS."""

from __future__ import annotations

import logging
import math
import threading

from async_endpoint.local import stores
from async_endpoint.local.hosting.service import Hosting
from async_endpoint.local.scaling import alarms, datapoints
from async_endpoint.local.scaling.samples import Samples
from async_endpoint.local.scaling.targets import Targets

MINUTE = 60
log = logging.getLogger(__name__)


class Ticker:
    """Publishes, evaluates and decides at the end of every minute of AWS time; a late one is made up for."""

    def __init__(self, hosting: Hosting, samples: Samples) -> None:
        self.targets = Targets()
        self._hosting = hosting
        self._samples = samples
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="minutes", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()

    def minute(self, end: float) -> None:
        """What happens at the end of one minute (AWS seconds, a multiple of 60)."""
        serving = [endpoint for endpoint in self._hosting.all() if endpoint.status not in ("Creating", "Failed")]
        for endpoint in serving:
            datapoints.publish(endpoint, end - MINUTE)
        for region in {*stores.regions_with_alarms(), *(endpoint.region for endpoint in serving)}:
            evaluated = alarms.evaluate_all(region, self._samples, end)
            for endpoint in serving:
                if endpoint.region == region:
                    self.targets.decide(endpoint, evaluated, end)

    def _run(self) -> None:
        clock = self._hosting.clock
        end = math.floor(clock.now() / MINUTE + 1) * MINUTE
        while not self._stopped.wait(clock.real(end - clock.now())):
            try:
                self.minute(end)
            except Exception:  # one bad minute must not end scaling for good
                log.exception("The minute that ended at %s failed.", end)
            end += MINUTE
