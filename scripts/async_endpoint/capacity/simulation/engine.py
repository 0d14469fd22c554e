"""The event loop of a simulation: arrivals, service, expiry and deaths between the ends of minutes."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_right
from collections.abc import Sequence
from heapq import heapify, heappop, heappush, heapreplace

from async_endpoint.capacity.distributions import Distribution, draws
from async_endpoint.capacity.settings import Settings
from async_endpoint.capacity.simulation.alarm_windows import MINUTE, MISSING, OLDEST_AGE, Gauges
from async_endpoint.capacity.simulation.fleet import Fleet, Instance
from async_endpoint.capacity.simulation.outcome import Activity, Minute, Outcome
from async_endpoint.capacity.simulation.publication import DEFAULT, Publication
from async_endpoint.capacity.simulation.scaler import Scaler
from async_endpoint.capacity.slowdown import NONE, Slowdown
from async_endpoint.capacity.workload import Workload

MAX_ATTEMPTS = 3  # deaths of instances during its processing after which a request fails (A138)
_NO_OUTCOME = -1.0


def simulate(
    settings: Settings,
    workload: Workload,
    *,
    starts: Distribution,
    seed: int = 0,
    slowdown: Slowdown = NONE,
    deaths: Sequence[float] = (),
    timeline: bool = False,
    publication: Publication = DEFAULT,
) -> Outcome:
    """Simulate `workload` on an endpoint with `settings`.

    `starts` is the time from the launch of an instance to its being in service, drawn with `seed` for each launch: the k-th
    launch takes equally long under all settings. `deaths` are the epoch seconds at which an instance dies. Definitions: the
    docstring of this package.
    """
    fleet = Fleet(settings.initial, workload.start, draws(starts, seed, "starts"))
    engine = _Engine(settings, workload, fleet, slowdown, deaths, at_zero=publication.per_instance_at_zero)
    engine.run(Scaler(settings, workload.start, publication), timeline=timeline)
    return engine.outcome()


class _Engine:
    """Requests are indices of arrivals. In the queue: `_requeued`, its last one first, then `_head` to `_arrived`."""

    def __init__(
        self,
        settings: Settings,
        workload: Workload,
        fleet: Fleet,
        slowdown: Slowdown,
        deaths: Sequence[float],
        *,
        at_zero: bool,
    ) -> None:
        self._arrivals, self._service = workload.arrivals, workload.service
        self._start, self._end = workload.start, workload.end
        self._ttl = settings.request_ttl_seconds
        self._concurrency = settings.concurrency
        self._factors = [slowdown.factor(concurrency) for concurrency in range(1, settings.concurrency + 1)]
        self._fleet = fleet
        self._at_zero = at_zero  # whether the backlog per instance is published without instances
        self._deaths = sorted(deaths)
        self._head = self._arrived = 0
        self._requeued: list[int] = []
        self._busy: list[tuple[float, int, Instance]] = []  # a heap by the end of service
        self._attempts: dict[int, int] = {}
        self._waits = array("d", [_NO_OUTCOME]) * len(workload)
        self._latencies = array("d", [_NO_OUTCOME]) * len(workload)
        self._expired = self._failed = self._late = 0
        self._now = workload.start
        self._activities: Sequence[Activity] = ()
        self._timeline: list[Minute] = []

    def run(self, scaler: Scaler, *, timeline: bool) -> None:
        """Simulate to the window's end, and on until no request is left."""
        minute = math.floor(self._start / MINUTE + 1) * MINUTE
        while minute <= self._end:
            minute = self._step(minute, scaler, timeline=timeline)
        self._advance(self._end)
        self._now = self._end
        self._late = len(self._busy) + self._waiting
        while self._busy or self._waiting:
            self._now = minute
            minute = self._step(minute, scaler, timeline=timeline)
        self._activities = scaler.activities

    def outcome(self) -> Outcome:
        lost = self._expired + self._failed
        return Outcome(
            waits=array("d", (wait for wait in self._waits if wait >= 0)) if lost else self._waits,
            latencies=array("d", (latency for latency in self._latencies if latency >= 0)) if lost else self._latencies,
            unserved=array("q", (request for request, wait in enumerate(self._waits) if wait < 0) if lost else ()),
            expired=self._expired,
            failed=self._failed,
            late=self._late,
            activities=tuple(self._activities),
            instance_seconds=self._fleet.billed_until(self._now),
            launches=self._fleet.launches,
            end=self._now,
            timeline=tuple(self._timeline),
        )

    @property
    def _waiting(self) -> int:
        return len(self._requeued) + self._arrived - self._head

    def _step(self, minute: int, scaler: Scaler, *, timeline: bool) -> int:
        """Simulate up to the end `minute` of a minute and scale; returns the end of the next minute that is not skipped."""
        self._advance(minute)
        gauges = self._gauges(minute)
        capacity = scaler.minute(minute, gauges, self._fleet.desired, stable=not self._fleet.scaling)
        if capacity is not None:
            self._fleet.scale(capacity, minute)
        following = minute + MINUTE if capacity is not None else self._next_minute(minute, scaler)
        if timeline:
            alarms = scaler.windows.states()
            for time in range(minute, following, MINUTE):
                age = time - minute + gauges[OLDEST_AGE] if self._waiting else 0.0
                self._timeline.append(Minute(time, int(gauges[0]), self._fleet.desired, len(self._fleet.serving), age, alarms))
        return following

    def _next_minute(self, minute: int, scaler: Scaler) -> int:
        """The end of the first minute after `minute` in which something can happen; those before it would repeat this one."""
        following = minute + MINUTE
        if self._busy and self._busy[0][0] <= following:
            return following
        if self._arrived < len(self._arrivals) and self._arrivals[self._arrived] <= following:
            return following
        change = min(self._next_event(), scaler.next_scheduled, self._end + 1)
        skippable = math.ceil(change / MINUTE) - following // MINUTE
        if skippable <= 0 or (scaler.windows.follows_age and self._waiting):
            return following
        return following + MINUTE * scaler.skip(minute, skippable, stable=not self._fleet.scaling)

    def _next_event(self) -> float:
        times = [self._fleet.next_event]
        if self._busy:
            times.append(self._busy[0][0])
        if self._arrived < len(self._arrivals):
            times.append(self._arrivals[self._arrived])
        if self._waiting:
            oldest = min([self._head, *self._requeued]) if self._head < self._arrived else min(self._requeued)
            times.append(self._arrivals[oldest] + self._ttl)
        if self._deaths:
            times.append(self._deaths[0])
        return min(times)

    @property
    def _front(self) -> int:
        return self._requeued[-1] if self._requeued else self._head

    def _gauges(self, now: float) -> Gauges:
        """The metrics of the minute that ends at `now`: as emulator/scaling/datapoints.py publishes them."""
        if self._waiting:
            self._expire(now)
        waiting, serving = self._waiting, len(self._fleet.serving)
        backlog = waiting + len(self._busy)
        age = now - self._arrivals[self._front] if waiting else 0.0
        per_instance = backlog / (serving or 1) if serving or self._at_zero else MISSING
        return float(backlog), per_instance, age, 1.0 if backlog and not serving else 0.0

    def _advance(self, until: float) -> None:
        """Simulate the events up to `until`, inclusive: those that change the serving instances after others at that time."""
        while True:
            death = self._deaths[0] if self._deaths else math.inf
            now = self._fleet.next_event
            now = min(now, death)
            if now > until:
                break
            self._serve(now)
            if death <= now:
                self._die(self._deaths.pop(0))
            elif self._fleet.next_ready <= now:
                self._fleet.become_ready(now)
            else:
                self._fleet.reconcile(now)
            self._dispatch(now)
        if self._busy or (self._arrived < len(self._arrivals) and self._arrivals[self._arrived] <= until):
            self._serve(until)

    def _serve(self, until: float) -> None:
        """Arrivals and ends of service up to `until`, while the same instances serve.

        Where concurrency is free nothing waits. This loop determines the speed of simulation, so it works on local names.
        """
        arrivals, service, ttl, factors = self._arrivals, self._service, self._ttl, self._factors
        busy, requeued, waits, latencies = self._busy, self._requeued, self._waits, self._latencies
        instances, flight = self._fleet.serving, self._fleet.flight
        head, arrived, count, expired = self._head, self._arrived, len(arrivals), self._expired
        free = len(flight) * self._concurrency - sum(flight)
        while True:
            coming = arrivals[arrived] if arrived < count else math.inf
            if busy and busy[0][0] <= coming:
                now, _, instance = busy[0]
                if now > until:
                    break
                position = instance.position
                if position < 0:
                    heappop(busy)
                    self._fleet.drained(instance, now)
                    continue
                while requeued or head < arrived:  # the next request that has not expired takes its place
                    if requeued:
                        request = requeued.pop()
                    else:
                        request = head
                        head += 1
                    since = arrivals[request]
                    if since + ttl > now:
                        done = now + service[request] * factors[flight[position] - 1]
                        waits[request] = now - since
                        latencies[request] = done - since
                        heapreplace(busy, (done, request, instance))
                        break
                    expired += 1
                else:
                    heappop(busy)
                    flight[position] -= 1
                    free += 1
            elif coming > until:
                break
            elif free:
                position = flight.index(min(flight))
                done = coming + service[arrived] * factors[flight[position]]
                waits[arrived] = 0.0
                latencies[arrived] = done - coming
                heappush(busy, (done, arrived, instances[position]))
                flight[position] += 1
                free -= 1
                arrived += 1
                head = arrived
            else:
                arrived = bisect_right(arrivals, min(busy[0][0], until) if busy else until, arrived)
        self._head, self._arrived, self._expired = head, arrived, expired

    def _dispatch(self, now: float) -> None:
        """Start waiting requests on instances with free concurrency."""
        self._expire(now)
        flight = self._fleet.flight
        free = len(flight) * self._concurrency - sum(flight)
        for _ in range(min(free, self._waiting)):
            if self._requeued:
                request = self._requeued.pop()
            else:
                request = self._head
                self._head += 1
            position = flight.index(min(flight))
            done = now + self._service[request] * self._factors[flight[position]]
            self._waits[request] = now - self._arrivals[request]
            self._latencies[request] = done - self._arrivals[request]
            heappush(self._busy, (done, request, self._fleet.serving[position]))
            flight[position] += 1

    def _expire(self, now: float) -> None:
        """Drop the waiting requests whose time to live has passed: all live equally long."""
        while self._head < self._arrived and self._arrivals[self._head] + self._ttl <= now:
            self._head += 1
            self._expired += 1
        if self._requeued:
            left = [request for request in self._requeued if self._arrivals[request] + self._ttl > now]
            self._expired += len(self._requeued) - len(left)
            self._requeued[:] = left

    def _die(self, now: float) -> None:
        victim = self._fleet.kill(now)
        lost = sorted((request for _, request, instance in self._busy if instance is victim), reverse=True)
        self._busy = [entry for entry in self._busy if entry[2] is not victim]
        heapify(self._busy)
        for request in lost:
            self._waits[request] = self._latencies[request] = _NO_OUTCOME
            self._attempts[request] = self._attempts.get(request, 0) + 1
        again = [request for request in lost if self._attempts[request] < MAX_ATTEMPTS]
        self._failed += len(lost) - len(again)
        self._requeued += again
