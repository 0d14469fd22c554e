"""Every pending request of one run, brought to its outcome by one thread: notifications are hints, S3 decides."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from contextlib import suppress
from typing import Final

from async_endpoint.aws import AwsSession
from async_endpoint.client.announcements import LONGEST_POLL_SECONDS, Announcements
from async_endpoint.client.clock import Clock
from async_endpoint.client.config import ClientConfig
from async_endpoint.client.invocation import Invocation
from async_endpoint.client.listing import Listing, MayNotList
from async_endpoint.client.objects import Objects, Unreadable
from async_endpoint.client.outcomes import Outcome, result_from_notification, result_from_s3, timeout_error, unreadable
from async_endpoint.client.pending import Pending
from async_endpoint.client.retries import Retries
from async_endpoint.client.rhythm import Hold, Poll, Sweeps
from async_endpoint.client.target import Target
from async_endpoint.core.errors import Abandoned, AsyncEndpointError, NotReady
from async_endpoint.core.notifications import Notification

LOOKS: Final = 32  # requests looked at one by one in a round, the oldest first: endpoints answer in the order of arrival
SWEEP_SECONDS: Final = 60.0  # the longest S3 is left unasked while notifications come
MAKING_SECONDS: Final = 10.0  # how long the end waits for another thread to make or remove the queue; then the reaper does
AGAIN_SECONDS: Final = 1.0  # before another look at what could not be read

log = logging.getLogger(__name__)


class Collector:
    """Outcomes of the requests it is given. `step` does one round; `run` is the thread."""

    def __init__(
        self,
        session: AwsSession,
        target: Target,
        prefix: str,
        config: ClientConfig,
        clock: Clock,
        retries: Retries,
        pool: Executor,
        explain: Callable[[str], object],
    ) -> None:
        """Inference ids begin with `prefix`; objects are read by `pool`; `explain` is told how results are found, and why."""
        self._session, self._target, self._prefix, self._config = session, target, prefix, config
        self._clock, self._pool, self._explain, self._retries = clock, pool, explain, retries
        # nothing but the endpoint can have written a message, so what it includes counts
        self._trusted = config.trust_notifications and target.publishers_restricted
        self._objects, self._listing = Objects(session, retries), Listing(session)
        self._pending = Pending()
        self._changed = self._pending.changed
        self._reading: set[str] = set()
        self._announcements: Announcements | None = None
        self._making = threading.Lock()  # held while the queue of the run is made or removed, by whichever thread
        self._may_list = config.collect != "looking"
        self._closing = False
        self._settled_before = self._rounds = self._skipped = 0
        now = clock.now()
        self._answered, self._trouble = now, None
        self._poll = Poll(config.poll_seconds, config.poll_cap_seconds, clock.now)
        self._hold = Hold(clock.now)
        self._sweeps = Sweeps(config.announcement_seconds, SWEEP_SECONDS, now)

    _trouble: NotReady | None  # the last answer that did not come, until one comes

    # --- what others ask of it ---------------------------------------------------------------------------------------

    def watch(self, invocation: Invocation) -> None:
        """From now on this invocation is pending, accepted or not yet."""
        self._pending.add(invocation)
        if invocation.submitted is not None:
            self._sweeps.want()  # it may have ended before we listened
        if self._closing:
            self._abandon()

    def accepted(self, invocation: Invocation) -> None:
        """The endpoint has accepted it. What was announced meanwhile counts now."""
        with self._changed:
            if self._pending.accept(invocation):
                self._answered = self._clock.now()
                self._poll.begin()
        if invocation.notification is not None:
            self._heard(invocation, invocation.notification)

    def settle(self, invocation: Invocation, outcome: Outcome) -> None:
        """The one outcome of an invocation, which is then no longer pending."""
        if self._pending.remove(invocation):
            invocation.seen_at = self._clock.now()
        invocation.settle(outcome)

    def open(self) -> None:
        """Choose how results are found: before the first request is sent, or its notification would be missed."""
        wanted, topics = self._config.collect, self._target.topics
        if wanted in ("auto", "notifications"):
            if topics:
                try:
                    with self._making:
                        if self._closing:
                            return
                        self._announcements = Announcements.open(self._session, self._target, self._prefix, self._retries)
                except AsyncEndpointError as error:
                    self._explain(f"Results are found by listing, not by notifications: {error}")
                else:
                    self._explain(f"Results are found by notifications, in the queue {self._announcements.url} of this run.")
                    return
            else:
                self._explain(f"Results are found by listing: endpoint {self._target.name} has no topics.")
        else:
            self._explain(f"Results are found by {wanted}, as configured.")

    @property
    def skipped_messages(self) -> int:
        """How many messages of the run's queue were no notification and were passed over."""
        return self._skipped + (self._announcements.skipped if self._announcements else 0)

    @property
    def listens(self) -> bool:
        """Whether a queue of this run tells of outcomes."""
        return self._announcements is not None

    def run(self) -> None:
        """Rounds, until `close`; none while the endpoint has nothing of ours."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._pending.accepted or self._closing)
                if self._closing:
                    return
            try:
                pause = self.step()
            except Exception:  # whatever goes wrong in one round, the next one comes: nobody may wait for ever
                log.exception("A round of collecting failed.")
                pause = self._config.poll_seconds
            with self._changed:
                if self._pending.accepted:
                    self._clock.wait(self._changed, lambda: self._closing, pause)

    def close(self) -> None:
        """End: what is pending is abandoned, and what was made for this run is removed."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._abandon()
        if self._making.acquire(timeout=MAKING_SECONDS):
            try:
                self._remove()
            finally:
                self._making.release()

    # --- one round ---------------------------------------------------------------------------------------------------

    def step(self) -> float:
        """Look once, by notifications or in S3; returns the seconds to pause before the next round."""
        now = self._clock.now()
        for invocation in self._pending.overdue(now):
            self._look(invocation, None, last=True)
        for invocation, hint in self._pending.due_again(now):
            self._look(invocation, hint)
        self._end_silence(now)
        try:
            if self._announcements is None:
                return self._ask(now)
            if now >= self._sweeps.due():
                self._sweep(now)
        except AsyncEndpointError as error:  # the bucket is gone, credentials have expired: no look will go better
            for invocation in self._pending.waiting():
                self.settle(invocation, type(error)(str(error)))
        if self._announcements is None or not self._pending.accepted:
            return 0.0
        return self._receive(self._announcements, self._clock.now())

    def _receive(self, announcements: Announcements, now: float) -> float:
        """Wait for notifications, no longer than until something else is due."""
        wait = min(self._sweeps.due(), self._pending.next_due()) - now
        try:
            told = announcements.receive(math.ceil(min(max(wait, 0), LONGEST_POLL_SECONDS)))
        except NotReady as error:
            self._unanswered(error)
            return AGAIN_SECONDS
        except AsyncEndpointError as error:
            if not self._closing:
                self._stop_listening(str(error))
            return 0.0
        now = self._answer()
        if told:
            self._sweeps.heard(now)
        for notification in told:
            invocation = self._pending.get(notification.inference_id or "")
            if invocation is not None:
                self._heard(invocation, notification)
        return self._hold.after(len(told), len(self._pending))

    def _heard(self, invocation: Invocation, notification: Notification) -> None:
        """A hint of an outcome. One that comes before the endpoint's own answer waits for it."""
        invocation.notification = notification
        submitted = invocation.submitted
        if submitted is None:
            return
        seconds = self._clock.now() - submitted.submitted_at.timestamp()
        result = result_from_notification(self._target, submitted, notification, seconds) if self._trusted else None
        if result is not None:
            self.settle(invocation, result)
        else:
            self._look(invocation, notification)

    def _sweep(self, now: float) -> None:
        """Ask S3 although notifications come: some may be lost, or all."""
        waiting = self._pending.waiting()
        quiet = self._sweeps.quiet(now)
        missed = [since for since in self._list(waiting) if now - since >= self._config.announcement_seconds]
        self._sweeps.swept(now, missed=bool(missed))
        if missed and quiet:
            self._stop_listening(f"{len(missed)} results were there and not announced.")

    def _stop_listening(self, why: str) -> None:
        self._explain(f"Notifications have stopped, results are found by listing from now on: {why}")
        with self._making:  # whoever closes meanwhile waits: the process would end in the middle of it
            self._remove()

    def _remove(self) -> None:
        announcements, self._announcements = self._announcements, None
        if announcements is not None:
            self._skipped += announcements.skipped
            announcements.close()

    def _ask(self, now: float) -> float:
        """Ask S3, which is all there is."""
        found, self._settled_before = self._pending.settled - self._settled_before, self._pending.settled
        self._rounds += 1
        waiting = self._pending.waiting()
        if waiting:
            self._list(waiting, failures=not found or self._rounds % 4 == 0)
        pause = self._poll.after(found, len(self._pending))
        return max(min(pause, self._pending.next_due() - now), 0.0)

    def _list(self, waiting: list[Invocation], *, failures: bool = True) -> list[float]:
        """Read whatever a listing shows to have ended, and look at single requests where that is all one may do.

        Returns since when those are there that the listing showed, in seconds since the epoch.
        """
        if self._may_list:
            try:
                ended, complete = self._listing.ended(waiting, failures=failures)
                self._answer()
            except MayNotList as error:
                self._may_list = False
                self._explain(f"Results are looked for one by one: {error}.")
            except NotReady as error:
                self._unanswered(error)
                return []
            else:
                for item in ended:
                    self._look(item.invocation, item.hint)
                if not complete and failures:
                    self._look_at_oldest(waiting)
                return [item.since.timestamp() for item in ended]
        self._look_at_oldest(waiting)
        return []

    def _look_at_oldest(self, waiting: Iterable[Invocation]) -> None:
        for number, invocation in enumerate(waiting):
            if number >= LOOKS:
                break
            self._look(invocation, None)

    # --- one request ---------------------------------------------------------------------------------------------------

    def _look(self, invocation: Invocation, hint: Notification | None, *, last: bool = False) -> None:
        """Have its outcome read; the `last` look gives it one whatever is seen."""
        with self._changed:
            name = invocation.inference_id
            if name not in self._pending or (name in self._reading and not last):
                return
            self._reading.add(name)
        with suppress(RuntimeError):  # the pool is shut down: we are closing
            self._pool.submit(self._read, invocation, hint, last)

    def _read(self, invocation: Invocation, hint: Notification | None, last: bool) -> None:
        submitted = invocation.submitted
        assert submitted is not None
        outcome: Outcome | Unreadable | None = None
        try:
            seconds = self._clock.now() - submitted.submitted_at.timestamp()
            outcome = result_from_s3(self._objects, self._target, invocation, hint, seconds, trusted=self._trusted)
            self._answer()
        except NotReady as error:
            self._unanswered(error)
            outcome = error if last else None
            self._pending.put_off(invocation, self._clock.now() + AGAIN_SECONDS, hint)
        except AsyncEndpointError as error:
            outcome = error
        except Exception as error:  # ours to mend, and no reason for anybody to wait for ever
            log.exception("The outcome of %s could not be read.", invocation.inference_id)
            outcome = AsyncEndpointError(
                f"The outcome of {invocation.inference_id} could not be read ({error!r}); report this."
            )
        if isinstance(outcome, Unreadable):
            outcome = self._refused(invocation, hint, outcome, last)
        elif outcome is None:
            invocation.refused_since = None
        if outcome is None and last:
            outcome = timeout_error(self._target, submitted, invocation.notification, blind=self._objects.blind)
        if outcome is not None:
            self.settle(invocation, outcome)
        with self._changed:
            self._reading.discard(invocation.inference_id)

    def _refused(
        self, invocation: Invocation, hint: Notification | None, refused: Unreadable, last: bool
    ) -> AsyncEndpointError | None:
        """The loss of a right ends a request only after a while: it may be granted again."""
        now = self._clock.now()
        if invocation.refused_since is None:
            invocation.refused_since = now
        submitted = invocation.submitted
        assert submitted is not None
        if last or now - invocation.refused_since >= self._config.permission_seconds:
            return unreadable(submitted, refused)
        self._pending.put_off(invocation, self._clock.now() + AGAIN_SECONDS, hint)
        return None

    # --- ends ------------------------------------------------------------------------------------------------------------

    def _end_silence(self, now: float) -> None:
        """When AWS has not answered for long, waiting on is no use: whoever waits is told."""
        trouble = self._trouble
        if trouble is None or now - self._answered < self._config.silence_seconds:
            return
        for invocation in self._pending.waiting():
            self.settle(invocation, type(trouble)(f"{invocation.inference_id} cannot be collected: {trouble}"))

    def _abandon(self) -> None:
        for invocation in self._pending.all():
            where = invocation.output_location or "in the endpoint's output folder"
            self.settle(
                invocation,
                Abandoned(f"The client was closed before {invocation.inference_id} had ended; its result will be {where}."),
            )

    def _answer(self) -> float:
        now = self._clock.now()
        self._answered, self._trouble = now, None
        return now

    def _unanswered(self, error: NotReady) -> None:
        self._trouble = error
