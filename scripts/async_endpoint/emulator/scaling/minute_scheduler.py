"""The minutes of the local AWS."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from async_endpoint.autoscaling.scaler import ScalerState
from async_endpoint.emulator import moto_backends
from async_endpoint.emulator.hosting.service import Hosting
from async_endpoint.emulator.scaling import datapoints
from async_endpoint.emulator.scaling.activities import ScalingActivity
from async_endpoint.emulator.scaling.alarm_history import AlarmHistoryItem
from async_endpoint.emulator.scaling.alarms import Alarms
from async_endpoint.emulator.scaling.log_errors import log_errors
from async_endpoint.emulator.scaling.metric_store import MetricStore
from async_endpoint.emulator.scaling.scalable_targets import ScalableTargets

MINUTE = 60
MAX_CATCH_UP_MINUTES = 1_440  # minutes that a clock which jumped leaves to be made up for, at the most
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SavedScaling:
    """The scalers' states by endpoint (region and name) and variant, the scaling activities, and what happened to alarms."""

    states: dict[tuple[str, str], dict[str, ScalerState]]
    activities: list[ScalingActivity]
    history: list[AlarmHistoryItem]


class MinuteScheduler:
    """Publishes, evaluates and decides at the end of every minute of AWS time; a late one is made up for."""

    def __init__(self, hosting: Hosting, samples: MetricStore) -> None:
        self.targets = ScalableTargets()
        self.alarms = Alarms(samples, hosting.clock)
        self._hosting = hosting
        self._at_work = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="minutes", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()

    def saved(self) -> SavedScaling:
        """What alarms and scalable targets remember, for a stop."""
        with self._at_work:
            return SavedScaling(self.targets.saved(), self.targets.activities.saved(), self.alarms.history.saved())

    def restore(self, saved: SavedScaling) -> None:
        """Become what was saved, after hosting has its endpoints."""
        for endpoint in self._hosting.all():
            self.targets.restore(endpoint, saved.states.get((endpoint.region, endpoint.name), {}))
        self.targets.activities.restore(saved.activities)
        self.alarms.history.restore(saved.history)

    @contextmanager
    def held(self) -> Iterator[None]:
        """No minute is evaluated while this lasts."""
        with self._at_work:
            yield

    def reset(self) -> None:
        """Forget activities and the history of alarms; cooldowns go with their endpoints."""
        self.targets.activities.restore([])
        self.alarms.history.clear()

    def minute(self, end: float) -> None:
        """What happens at the end of one minute (AWS seconds, a multiple of 60)."""
        serving = [endpoint for endpoint in self._hosting.all() if endpoint.accepts_requests]
        self.targets.fail_orphaned_activities(serving, end)
        for endpoint in serving:
            with log_errors("The metrics of endpoint", endpoint.name):
                datapoints.publish(endpoint, end - MINUTE, end)
        for region in {*moto_backends.regions_with_alarms(), *(endpoint.region for endpoint in serving)}:
            evaluated = self.alarms.evaluate_all(region, end)
            for endpoint in serving:
                if endpoint.region == region:
                    with log_errors("The scaling of endpoint", endpoint.name):
                        self.targets.decide(endpoint, evaluated, end - MINUTE, end)

    def _run(self) -> None:
        clock = self._hosting.clock
        end = math.floor(clock.now() / MINUTE + 1) * MINUTE
        while not clock.wait(self._stopped, end):
            end = max(end, math.floor(clock.now() / MINUTE - MAX_CATCH_UP_MINUTES) * MINUTE)
            try:
                with self._at_work:
                    self.minute(end)
            except Exception:  # one bad minute must not end scaling for good
                log.exception("The minute that ended at %s failed.", end)
            end += MINUTE
