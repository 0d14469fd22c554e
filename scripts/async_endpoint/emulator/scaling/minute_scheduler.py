"""The scheduler of AWS minutes."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from async_endpoint.autoscaling.decisions import ScalerState
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
MAX_CATCH_UP_MINUTES = 1_440  # after the clock jumped
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SavedScaling:
    """The scalers' states by endpoint (region and name) and variant, the scaling activities, and the history of alarms."""

    states: dict[tuple[str, str], dict[str, ScalerState]]
    activities: list[ScalingActivity]
    history: list[AlarmHistoryItem]


class MinuteScheduler:
    """Publishes datapoints, evaluates alarms and scales at the end of every AWS minute; missed minutes are caught up."""

    def __init__(self, hosting: Hosting, metric_store: MetricStore) -> None:
        self.targets = ScalableTargets()
        self.alarms = Alarms(metric_store, hosting.clock)
        self._hosting = hosting
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="minutes", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()

    def saved(self) -> SavedScaling:
        """The state of scalable targets and the history of alarms, for persistence."""
        with self._lock:
            return SavedScaling(self.targets.saved(), self.targets.activities.saved(), self.alarms.history.saved())

    def restore(self, saved: SavedScaling) -> None:
        """Restore what was saved; the endpoints must have been restored before."""
        for endpoint in self._hosting.all():
            self.targets.restore(endpoint, saved.states.get((endpoint.region, endpoint.name), {}))
        self.targets.activities.restore(saved.activities)
        self.alarms.history.restore(saved.history)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold back the evaluation of minutes inside the context."""
        with self._lock:
            yield

    def reset(self) -> None:
        """Drop activities and the history of alarms; cooldowns are dropped with their endpoints."""
        self.targets.activities.restore([])
        self.alarms.history.clear()

    def run_minute(self, end: float) -> None:
        """Publish, evaluate and scale for the minute that ends at `end` (AWS seconds, a multiple of 60)."""
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
                with self._lock:
                    self.run_minute(end)
            except Exception:  # a failed minute must not end scaling
                log.exception("The minute that ended at %s failed.", end)
            end += MINUTE
