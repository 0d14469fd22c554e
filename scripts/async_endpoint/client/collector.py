"""Collector: one thread that resolves every pending request of a run; notifications are hints, S3 decides."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from contextlib import suppress
from typing import Final

from async_endpoint.aws import AwsSession
from async_endpoint.client.clock import Clock
from async_endpoint.client.config import ClientConfig
from async_endpoint.client.endpoint_info import EndpointInfo
from async_endpoint.client.invocation import Invocation, Outcome
from async_endpoint.client.pending import Pending
from async_endpoint.client.polling import BatchDelay, PollInterval, ReconcileSchedule
from async_endpoint.client.retries import Retries
from async_endpoint.client.run_queue import LONG_POLL_SECONDS, RunQueue
from async_endpoint.client.s3_reader import ListedResult, ListingDenied, ObjectReader, PrefixListing, ReadDenied
from async_endpoint.client.s3_results import access_error, result_from_notification, result_from_s3, timeout_error
from async_endpoint.core.errors import Abandoned, AsyncEndpointError, NotReady
from async_endpoint.core.notifications import Notification

MAX_HEAD_CHECKS_PER_ROUND: Final = 32  # keys read one by one, the oldest first: endpoints answer in order of arrival
RECONCILE_INTERVAL_SECONDS: Final = 60.0  # the longest interval between two checks of S3 while notifications come
QUEUE_SETUP_TIMEOUT_SECONDS: Final = 10.0  # closing waits for a thread that creates or deletes the queue; then it is abandoned
RETRY_INTERVAL_SECONDS: Final = 1.0  # before an object is read again that could not be

log = logging.getLogger(__name__)


class Collector:
    """Resolves the invocations it is given. `step` does one round; `run` is the thread."""

    def __init__(
        self,
        session: AwsSession,
        info: EndpointInfo,
        prefix: str,
        config: ClientConfig,
        clock: Clock,
        retries: Retries,
        pool: Executor,
        explain: Callable[[str], object],
    ) -> None:
        """Inference ids begin with `prefix`; `pool` reads objects; `explain` receives how results are found, and why."""
        self._session, self._info, self._prefix, self._config = session, info, prefix, config
        self._clock, self._pool, self._explain, self._retries = clock, pool, explain, retries
        # only the endpoint can have published a message, so a response in it counts
        self._trusted = config.trust_notifications and info.publishers_restricted
        self._objects, self._listing = ObjectReader(session, retries), PrefixListing(session)
        self._pending = Pending()
        self._changed = self._pending.changed
        self._reading: set[str] = set()
        self._other_runs: list[Invocation] = []  # resumed requests that the filter policy of the queue does not select
        self._other_runs_due = math.inf
        self._queue: RunQueue | None = None
        self._queue_setup = threading.Lock()  # held by the thread that creates or deletes the run's queue
        self._may_list = config.collect != "head"
        self._closing = False
        self._settled_before = self._rounds = self._skipped = 0
        now = clock.now()
        self._last_response = now
        self._last_failure: NotReady | None = None  # the last call without a response, until one has one
        self._poll_interval = PollInterval(config.poll_interval, config.max_poll_interval, clock.now)
        self._batch_delay = BatchDelay(clock.now)
        self._reconciliation = ReconcileSchedule(config.notification_grace, RECONCILE_INTERVAL_SECONDS, now)

    # --- called by other threads -------------------------------------------------------------------------------------

    def watch(self, invocation: Invocation) -> None:
        """Add an invocation to the pending ones: accepted (resumed then: it was sent earlier) or not yet."""
        if invocation.submitted is not None:
            invocation.resumed_at = self._clock.now()
        self._pending.add(invocation)
        if invocation.submitted is not None:
            self._reconciliation.request()  # it may have ended before the queue was subscribed
            self._add_other_run(invocation)
        if self._closing:
            self._end_pending()

    def accepted(self, invocation: Invocation) -> None:
        """The endpoint has accepted it. A notification that came before counts now; a resumed request is read at once."""
        with self._changed:
            if self._pending.accept(invocation):
                self._last_response = self._clock.now()
                self._poll_interval.reset()
        if invocation.notification is not None:
            self._on_notification(invocation, invocation.notification)
        elif invocation.resumed_at is not None:
            self._fetch(invocation, None)  # the next round may be a long poll away

    def settle(self, invocation: Invocation, outcome: Outcome) -> None:
        """Set the outcome of an invocation, which is then no longer pending."""
        if self._pending.remove(invocation):
            invocation.seen_at = self._clock.now()
        invocation.settle(outcome)

    def forget(self, invocation: Invocation) -> None:
        """Remove a cancelled invocation from the pending ones."""
        self._pending.remove(invocation)

    def open(self) -> None:
        """Choose how results are found; before the first request is sent, or its notification would be missed."""
        method, topics = self._config.collect, self._info.topics
        if method not in ("auto", "notifications"):
            self._explain(f"Results are found by {method}, as configured.")
        elif not topics:
            self._explain(f"Results are found by listing: endpoint {self._info.name} has no topics.")
        else:
            self._open_queue()

    def _open_queue(self) -> None:
        try:
            with self._queue_setup:
                if self._closing:
                    return
                self._queue = RunQueue.open(self._session, self._info, self._prefix, self._retries)
        except AsyncEndpointError as error:
            self._explain(f"Results are found by listing, not by notifications: {error}")
        else:
            self._explain(f"Results are found by notifications, in the queue {self._queue.url} of this run.")

    @property
    def skipped_messages(self) -> int:
        """How many messages of the run's queue were not notifications and were skipped."""
        return self._skipped + (self._queue.skipped if self._queue else 0)

    @property
    def has_queue(self) -> bool:
        """Whether results are announced in a queue of this run."""
        return self._queue is not None

    def run(self) -> None:
        """Do rounds until `close`; none while no accepted request is pending."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._pending.accepted or self._closing)
                if self._closing:
                    return
            try:
                pause = self.step()
            except Exception:  # a defect in one round must not leave callers waiting forever
                log.exception("A round of collecting failed.")
                pause = self._config.poll_interval
            with self._changed:
                if self._pending.accepted:
                    self._clock.wait(self._changed, lambda: self._closing, pause)

    def close(self) -> None:
        """End all pending invocations and delete the run's queue."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._end_pending()
        if self._queue_setup.acquire(timeout=QUEUE_SETUP_TIMEOUT_SECONDS):
            try:
                self._delete_queue()
            finally:
                self._queue_setup.release()

    # --- one round ---------------------------------------------------------------------------------------------------

    def step(self) -> float:
        """Check once, by notifications or in S3; returns the seconds to wait before the next round."""
        now = self._clock.now()
        for invocation in self._pending.overdue(now):
            self._fetch(invocation, None, last=True)
        for invocation, hint in self._pending.due_retries(now):
            self._fetch(invocation, hint)
        self._fail_if_unreachable(now)
        try:
            if self._queue is None:
                return self._poll_s3(now)
            if now >= self._reconciliation.due():
                self._reconcile(now)
            elif now >= self._other_runs_due:
                self._poll_other_runs(now)
        except AsyncEndpointError as error:  # the bucket is gone, credentials have expired: no read will succeed
            for invocation in self._pending.waiting():
                self.settle(invocation, type(error)(str(error)))
        if self._queue is None or not self._pending.accepted:
            return 0.0
        return self._receive(self._queue, self._clock.now())

    def _receive(self, queue: RunQueue, now: float) -> float:
        """Wait for notifications, no longer than until something else is due."""
        wait = min(self._reconciliation.due(), self._pending.next_due(), self._other_runs_due) - now
        try:
            notifications = queue.receive(math.ceil(min(max(wait, 0), LONG_POLL_SECONDS)))
        except NotReady as error:
            self._last_failure = error
            return RETRY_INTERVAL_SECONDS
        except AsyncEndpointError as error:
            if not self._closing:
                self._switch_to_listing(str(error))
            return 0.0
        now = self._note_response()
        if notifications:
            self._reconciliation.notified(now)
        for notification in notifications:
            invocation = self._pending.get(notification.inference_id or "")
            if invocation is not None:
                self._on_notification(invocation, notification)
        return self._batch_delay.after(len(notifications), len(self._pending))

    def _on_notification(self, invocation: Invocation, notification: Notification) -> None:
        """Act on a hint of an outcome. One that precedes the endpoint's own response waits for it."""
        invocation.notification = notification
        submitted = invocation.submitted
        if submitted is None:
            return
        seconds = self._clock.now() - submitted.submitted_at.timestamp()
        result = result_from_notification(self._info, submitted, notification, seconds) if self._trusted else None
        if result is not None:
            self.settle(invocation, result)
        else:
            self._fetch(invocation, notification)

    def _reconcile(self, now: float) -> None:
        """Check S3 although notifications come: some may be lost, or all."""
        waiting = self._pending.waiting()
        silent = self._reconciliation.is_silent(now)
        missed = sum(self._missed_notification(result, now) for result in self._list(waiting))
        self._reconciliation.reconciled(now, missed=missed > 0)
        if missed and silent:
            self._switch_to_listing(f"{missed} {'result exists' if missed == 1 else 'results exist'} without a notification.")

    def _missed_notification(self, result: ListedResult, now: float) -> bool:
        """Whether the run's queue must have received the result's notification by now."""
        written_at, resumed_at = result.since.timestamp(), result.invocation.resumed_at
        subscribed = resumed_at is None or written_at > resumed_at
        return subscribed and self._is_of_this_run(result.invocation) and now - written_at >= self._config.notification_grace

    def _is_of_this_run(self, invocation: Invocation) -> bool:
        """Whether the filter policy of the run's queue selects the request."""
        return invocation.inference_id.startswith(self._prefix)

    def _add_other_run(self, invocation: Invocation) -> None:
        if self._is_of_this_run(invocation):
            return
        with self._changed:
            if not self._other_runs:
                self._poll_interval.reset()
                self._other_runs_due = self._clock.now() + self._config.poll_interval
            self._other_runs.append(invocation)

    def _poll_other_runs(self, now: float) -> None:
        """Check S3 for resumed requests of other runs, which the queue of this run never announces."""
        with self._changed:
            waiting = [invocation for invocation in self._other_runs if not invocation.done()]
            ended, self._other_runs = len(self._other_runs) - len(waiting), waiting
            self._other_runs_due = now + self._poll_interval.after(ended, len(waiting)) if waiting else math.inf
        if waiting:
            self._list(list(waiting))

    def _switch_to_listing(self, why: str) -> None:
        self._explain(f"Notifications have stopped, results are found by listing from now on: {why}")
        with self._queue_setup:  # `close` waits for this: the process could otherwise end in the middle of it
            self._delete_queue()

    def _delete_queue(self) -> None:
        queue, self._queue = self._queue, None
        if queue is not None:
            self._skipped += queue.skipped
            queue.close()

    def _poll_s3(self, now: float) -> float:
        """Check S3, the only source without a queue."""
        found, self._settled_before = self._pending.settled - self._settled_before, self._pending.settled
        self._rounds += 1
        waiting = self._pending.waiting()
        if waiting:
            self._list(waiting, failures=not found or self._rounds % 4 == 0)
        pause = self._poll_interval.after(found, len(self._pending))
        return max(min(pause, self._pending.next_due() - now), 0.0)

    def _list(self, waiting: list[Invocation], *, failures: bool = True) -> list[ListedResult]:
        """Read what a listing shows to have ended, or single keys if the caller may not list; returns what was listed."""
        if self._may_list:
            try:
                ended, complete = self._listing.ended(waiting, failures=failures)
                self._note_response()
            except ListingDenied as error:
                self._may_list = False
                self._explain(f"Results are looked up one by one: {error}.")
            except NotReady as error:
                self._last_failure = error
                return []
            else:
                for item in ended:
                    self._fetch(item.invocation, item.hint)
                if not complete and failures:
                    self._fetch_oldest(waiting)
                return ended
        self._fetch_oldest(waiting)
        return []

    def _fetch_oldest(self, waiting: Iterable[Invocation]) -> None:
        for number, invocation in enumerate(waiting):
            if number >= MAX_HEAD_CHECKS_PER_ROUND:
                break
            self._fetch(invocation, None)

    # --- one request -------------------------------------------------------------------------------------------------

    def _fetch(self, invocation: Invocation, hint: Notification | None, *, last: bool = False) -> None:
        """Have its outcome read by the pool; the `last` read sets an outcome in any case."""
        with self._changed:
            name = invocation.inference_id
            if name not in self._pending or (name in self._reading and not last):
                return
            self._reading.add(name)
        with suppress(RuntimeError):  # the pool is shut down: the client is closing
            self._pool.submit(self._read, invocation, hint, last)

    def _read(self, invocation: Invocation, hint: Notification | None, last: bool) -> None:
        submitted = invocation.submitted
        assert submitted is not None
        outcome: Outcome | ReadDenied | None = None
        try:
            seconds = self._clock.now() - submitted.submitted_at.timestamp()
            outcome = result_from_s3(self._objects, self._info, invocation, hint, seconds, trusted=self._trusted)
            self._note_response()
        except NotReady as error:
            self._last_failure = error
            outcome = error if last else None
            self._pending.retry_at(invocation, self._clock.now() + RETRY_INTERVAL_SECONDS, hint)
        except AsyncEndpointError as error:
            outcome = error
        except Exception as error:  # a defect must not leave callers waiting forever
            log.exception("The outcome of %s could not be read.", invocation.inference_id)
            outcome = AsyncEndpointError(
                f"The outcome of {invocation.inference_id} could not be read ({error!r}); report this."
            )
        if isinstance(outcome, ReadDenied):
            outcome = self._on_access_denied(invocation, hint, outcome, last)
        elif outcome is None:
            invocation.denied_since = None
        if outcome is None and last:
            cannot_list = self._objects.cannot_list
            outcome = timeout_error(self._info, submitted, invocation.notification, cannot_list=cannot_list)
        if outcome is not None:
            self.settle(invocation, outcome)
        with self._changed:
            self._reading.discard(invocation.inference_id)

    def _on_access_denied(
        self, invocation: Invocation, hint: Notification | None, denied: ReadDenied, last: bool
    ) -> AsyncEndpointError | None:
        """End a request whose result may not be read only after a grace period: permissions may be restored."""
        now = self._clock.now()
        if invocation.denied_since is None:
            invocation.denied_since = now
        submitted = invocation.submitted
        assert submitted is not None
        if last or now - invocation.denied_since >= self._config.access_denied_grace:
            return access_error(submitted, denied)
        self._pending.retry_at(invocation, now + RETRY_INTERVAL_SECONDS, hint)
        return None

    # --- ends --------------------------------------------------------------------------------------------------------

    def _fail_if_unreachable(self, now: float) -> None:
        """End all waiting requests once AWS has not responded for `unreachable_timeout`."""
        failure = self._last_failure
        if failure is None or now - self._last_response < self._config.unreachable_timeout:
            return
        for invocation in self._pending.waiting():
            self.settle(invocation, type(failure)(f"{invocation.inference_id} cannot be collected: {failure}"))

    def _end_pending(self) -> None:
        """Cancel what has not been sent, abandon the rest."""
        for invocation in self._pending.all():
            if invocation.withdraw():
                self._pending.remove(invocation)
                continue
            where = invocation.output_location or "the endpoint's output location"
            self.settle(
                invocation,
                Abandoned(f"The client was closed before {invocation.inference_id} ended; its result will be in {where}."),
            )

    def _note_response(self) -> float:
        now = self._clock.now()
        self._last_response, self._last_failure = now, None
        return now
