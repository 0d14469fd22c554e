"""Runs probes concurrently, and removes what they created, however the run ends."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from typing import Any

from parity.account import Account
from parity.errors import Cancelled, NotObserved
from parity.probe import Observation, Probe, Verdict, undecided
from parity.removal import delete_endpoints, remove
from parity.schedule import Limits, Schedule

REMOVAL_SECONDS = 2400  # an endpoint that is Creating refuses its deletion until that has ended
Log = Callable[[str], None]
LOCAL = Limits(endpoints=8, sleepers=3, workers=12)
ON_AWS = Limits(endpoints=3, sleepers=1, workers=32)


def observe(probe: Probe, aws: Account) -> list[Observation]:
    """The observations of one probe, one or more for each of its assumptions; whatever goes wrong leaves them undecided.

    Where a probe ends early, so are those that hold so far: what it would have observed later may concern each of them.
    """
    seen: list[Observation] = []
    reason, whole = "the probe ended without an observation", False
    try:
        for item in probe.run(aws):
            seen.append(item)
            if item.assumption not in probe.assumptions:
                raise ValueError(f"it reports on {item.assumption}, which it does not declare")
        whole = True
    except NotObserved as error:
        reason = str(error)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
    declared = [item for item in seen if item.assumption in probe.assumptions]
    settled = {item.assumption for item in declared if whole or item.verdict is Verdict.DEVIATES}
    missing = [number for number in probe.assumptions if number not in settled]
    return declared + [undecided(number, reason) for number in missing]


def run_probes(
    probes: Sequence[Probe],
    aws: Account,
    *,
    limits: Limits = LOCAL,
    over_budget: Callable[[], bool] = lambda: False,
    log: Log = lambda _: None,
) -> dict[str, list[Observation]]:
    """Probe name → observations; the longest begin first.

    An endpoint is deleted once the last probe that uses it has ended. Once `over_budget` is true the run ends, and what was
    not observed is undecided. Raises Cancelled when a signal cancelled the run, once no probe works any more.
    """
    schedule, stopped = Schedule(probes, limits), aws.guard.cancelled
    clients = removal_clients(aws)

    def one(probe: Probe) -> list[Observation]:
        with schedule.admitted(probe, stopped) as lane, aws.guard.acting_for(probe.name):
            aws.use_lane(lane)
            found = observe(probe, aws)
            log(f"{probe.name}: {', '.join(f'{item.assumption} {item.verdict}' for item in found)}")
            unused = aws.guard.created_by(probe.name, *schedule.ended(probe))
            with suppress(Cancelled):  # until then its instances count: no other probe may take their place
                aws.within(lambda: delete_endpoints(clients, unused), REMOVAL_SECONDS)
            return found

    ordered = sorted(probes, key=lambda probe: -probe.seconds)
    with ThreadPoolExecutor(max(len(ordered), 1), thread_name_prefix="probe") as pool:
        futures = {probe.name: pool.submit(one, probe) for probe in ordered}
        spent = False
        while not spent and wait(futures.values(), timeout=0.2).not_done and not stopped.is_set():
            spent = over_budget()
        signalled = stopped.is_set()
        if spent:
            log("the run ends: its instances have used the budget")
            stopped.set()
    if signalled:
        raise Cancelled
    return {probe.name: _result(probe, futures[probe.name]) for probe in probes}


def _result(probe: Probe, future: Future[list[Observation]]) -> list[Observation]:
    if isinstance(future.exception(), Cancelled):
        return [undecided(number, "the run ended when its instances had used the budget") for number in probe.assumptions]
    return future.result()


@contextmanager
def cancelled_by_signals(cancelled: threading.Event) -> Iterator[None]:
    """For the block, SIGINT, SIGTERM and SIGHUP cancel the run instead of ending the process; removal is never interrupted."""

    def handle(number: int, frame: Any) -> None:
        cancelled.set()
        text = (
            f"{signal.Signals(number).name}: removing what was created, which can take minutes; make parity-sweep does it later"
        )
        os.write(2, f"{text}\n".encode())  # print is not reentrant

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run_and_remove(
    probes: Sequence[Probe],
    aws: Account,
    *,
    limits: Limits = LOCAL,
    over_budget: Callable[[], bool] = lambda: False,
    log: Log = lambda _: None,
) -> tuple[dict[str, list[Observation]] | None, list[str]]:
    """(observations, or None when cancelled; sentences about what could not be removed)."""
    with cancelled_by_signals(aws.guard.cancelled):
        try:
            found: dict[str, list[Observation]] | None = run_probes(
                probes, aws, limits=limits, over_budget=over_budget, log=log
            )
        except Cancelled:
            found = None
        finally:
            aws.guard.cancelled.set()  # nothing is created from here on
            log("removing what was created")
            left = remove(
                removal_clients(aws),
                aws.scope,
                aws.guard.created,
                deadline=time.monotonic() + max(aws.pace.wall(REMOVAL_SECONDS), 60),
                pause=lambda: time.sleep(min(aws.pace.longest_poll, 10)),
                log=log,
            )
    return found, left


def removal_clients(aws: Account) -> Callable[[str], Any]:
    """Clients outside the guard, for removal."""
    made: dict[str, Any] = {}
    lock = threading.Lock()

    def client(service: str) -> Any:
        with lock:
            if service not in made:
                made[service] = aws.unguarded(service)
            return made[service]

    return client
