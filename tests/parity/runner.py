"""Runs probes concurrently, and removes what they created, however the run ends."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any

from parity.account import Account
from parity.errors import Cancelled, NotObserved
from parity.probe import Need, Observation, Probe, undecided
from parity.removal import remove

REMOVAL_SECONDS = 2400  # an endpoint that is Creating refuses its deletion until that has ended
Log = Callable[[str], None]


class Schedule:
    """Who may run when: the scaling endpoint has one user at a time, endpoints of probes' own have a limit."""

    def __init__(self, endpoints: int) -> None:
        self._limits = {Need.SLEEPER: threading.Semaphore(1), Need.OWN_ENDPOINT: threading.Semaphore(endpoints)}

    @contextmanager
    def admitted(self, probe: Probe, cancelled: threading.Event) -> Iterator[None]:
        """For the block, `probe` may use what it needs. Raises Cancelled."""
        held = []
        try:
            for need, limit in self._limits.items():
                while need in probe.needs:
                    if cancelled.is_set():
                        raise Cancelled
                    if limit.acquire(timeout=0.2):
                        held.append(limit)
                        break
            yield
        finally:
            for limit in held:
                limit.release()


def observe(probe: Probe, aws: Account) -> list[Observation]:
    """The observations of one probe, one or more for each of its assumptions; whatever goes wrong leaves them undecided."""
    seen: list[Observation] = []
    reason = "the probe ended without an observation"
    try:
        seen += probe.run(aws)
    except NotObserved as error:
        reason = str(error)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
    foreign = {item.assumption for item in seen} - set(probe.assumptions)
    assert not foreign, f"{probe.name} reports on {foreign}, which it does not declare"
    missing = [number for number in probe.assumptions if number not in {item.assumption for item in seen}]
    return seen + [undecided(number, reason) for number in missing]


def run_probes(
    probes: Sequence[Probe], aws: Account, *, endpoints: int = 2, workers: int = 16, log: Log = lambda _: None
) -> dict[str, list[Observation]]:
    """Probe name → observations. The longest begin first. Raises Cancelled once all threads of a cancelled run ended."""
    schedule = Schedule(endpoints)

    def one(probe: Probe) -> list[Observation]:
        with schedule.admitted(probe, aws.guard.cancelled):
            found = observe(probe, aws)
            log(f"{probe.name}: {', '.join(f'{item.assumption} {item.verdict}' for item in found)}")
            return found

    ordered = sorted(probes, key=lambda probe: -probe.seconds)
    with ThreadPoolExecutor(workers, thread_name_prefix="probe") as pool:
        futures: dict[str, Future[list[Observation]]] = {probe.name: pool.submit(one, probe) for probe in ordered}
        try:
            while wait(futures.values(), timeout=0.5).not_done and not aws.guard.cancelled.is_set():
                pass
        finally:
            if aws.guard.cancelled.is_set():
                pool.shutdown(wait=True, cancel_futures=True)
    if aws.guard.cancelled.is_set():
        raise Cancelled
    return {name: future.result() for name, future in futures.items()}


@contextmanager
def cancelled_by_signals(cancelled: threading.Event, log: Log) -> Iterator[None]:
    """For the block, SIGINT, SIGTERM and SIGHUP cancel the run instead of ending the process; removal is never interrupted."""

    def handle(number: int, frame: Any) -> None:
        log(f"{signal.Signals(number).name}: removing what was created; this can take minutes. make parity-sweep does it later")
        cancelled.set()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run_and_remove(
    probes: Sequence[Probe], aws: Account, *, endpoints: int = 2, workers: int = 16, log: Log = lambda _: None
) -> tuple[dict[str, list[Observation]] | None, list[str]]:
    """(observations, or None when cancelled; sentences about what could not be removed)."""
    with cancelled_by_signals(aws.guard.cancelled, log):
        try:
            found: dict[str, list[Observation]] | None = run_probes(probes, aws, endpoints=endpoints, workers=workers, log=log)
        except Cancelled:
            found = None
        finally:
            aws.guard.cancelled.set()  # nothing is created from here on
            log("removing what was created")
            left = remove(
                cached_clients(aws),
                aws.guard.prefix,
                aws.guard.created,
                deadline=time.monotonic() + max(aws.pace.wall(REMOVAL_SECONDS), 60),
                pause=lambda: time.sleep(min(aws.pace.longest_poll, 10)),
                log=log,
            )
    return found, left


def cached_clients(aws: Account) -> Callable[[str], Any]:
    """Clients outside the guard, for removal."""
    made: dict[str, Any] = {}

    def client(service: str) -> Any:
        if service not in made:
            made[service] = aws.unguarded(service)
        return made[service]

    return client
