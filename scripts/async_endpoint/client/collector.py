"""Collector: one thread that resolves every pending request of a run; notifications are hints, S3 decides."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from contextlib import suppress
from typing import Final

from botocore.exceptions import ClientError

from async_endpoint.aws import AwsSession
from async_endpoint.client.clock import Clock
from async_endpoint.client.config import ClientConfig
from async_endpoint.client.endpoint_info import EndpointInfo
from async_endpoint.client.endpoint_watch import EndpointWatch
from async_endpoint.client.invocation import Invocation, Outcome
from async_endpoint.client.models import Submitted
from async_endpoint.client.pending import Pending
from async_endpoint.client.polling import FEW_REQUESTS, BatchDelay, PollInterval, ReconcileSchedule
from async_endpoint.client.queue_leases import LeaseLost
from async_endpoint.client.reply_queue import LONG_POLL_SECONDS, ReplyQueue, is_missing
from async_endpoint.client.reply_queues import ReplyQueues
from async_endpoint.client.retries import Retries
from async_endpoint.client.s3_reader import ListedResult, ListingDenied, ObjectReader, PrefixListing, ReadDenied
from async_endpoint.client.s3_results import (
    access_error,
    deleted_error,
    endpoint_deleted_error,
    result_from_notification,
    result_from_s3,
    timeout_error,
)
from async_endpoint.core.errors import Abandoned, AsyncEndpointError, NotReady
from async_endpoint.core.notifications import Notification

MAX_HEAD_CHECKS_PER_ROUND: Final = 32  # keys read one by one, the oldest first: endpoints answer in order of arrival
RECONCILE_INTERVAL_SECONDS: Final = 60.0  # the longest interval between two checks of S3 while notifications come
QUEUE_SETUP_TIMEOUT_SECONDS: Final = 10.0  # a request waits for the lease of the queue, closing for its release
MAX_SINGLE_READS: Final = 3  # requests whose outputs are read without listing them first
# Between two receives from a queue whose filter policies may not be in effect; doubles from the first to the longest
FIRST_PROBE_INTERVAL_SECONDS: Final = 0.1
LONGEST_PROBE_INTERVAL_SECONDS: Final = 1.0
RETRY_INTERVAL_SECONDS: Final = 1.0  # before an object is read again that could not be

_ASSUMED_COMPLETED: Final = Notification("Completed", None, None, None, None, None, None)  # a hint to read the output only

log = logging.getLogger(__name__)


class Collector:
    """Resolves the invocations it is given. `step` does one round; `run` is the thread."""

    def __init__(
        self,
        session: AwsSession,
        info: EndpointInfo,
        config: ClientConfig,
        clock: Clock,
        retries: Retries,
        pool: Executor,
        explain: Callable[[str], object],
    ) -> None:
        """`pool` reads objects and leases the queue; `explain` receives how results are found, and why."""
        self._session, self._info, self._config = session, info, config
        self._clock, self._pool, self._explain = clock, pool, explain
        self._objects, self._listing = ObjectReader(session, retries), PrefixListing(session, clock.now)
        self._pending = Pending()
        self._changed = self._pending.changed
        self._reading: set[str] = set()
        self._unannounced: dict[str, Invocation] = {}  # requests that the filter policy of the queue does not select
        self._unannounced_due = math.inf
        self._queues = ReplyQueues(session, info, retries, clock.now)
        self._queue: ReplyQueue | None = None
        self._queue_setup = threading.Lock()  # held by the thread that leases or releases the queue
        self._queue_opened = threading.Event()  # leasing has ended, or is not wanted
        self._opening_until: float | None = None  # by the monotonic clock; None until a queue is wanted
        self._relied_since: float | None = None  # when notifications began to be relied on
        self._explained = False
        self._probe_interval = FIRST_PROBE_INTERVAL_SECONDS
        self._may_list = config.collect != "head"
        self._closing = False
        self._settled_before = self._rounds = self._skipped = 0
        now = clock.now()
        self._last_response = self._poll_due = self._probe_due = now
        self._last_failure: NotReady | None = None  # the last call without a response, until one has one
        self._poll_interval = PollInterval(config.poll_interval, config.max_poll_interval, clock.now)
        self._batch_delay = BatchDelay(clock.now)
        self._endpoint_watch = EndpointWatch(session, info.name, now)
        self._reconciliation = ReconcileSchedule(config.notification_grace, RECONCILE_INTERVAL_SECONDS, now)

    # --- called by other threads -------------------------------------------------------------------------------------

    def next_prefix(self, *, waits: bool = True) -> str:
        """What the inference id of the next request begins with: empty, unless a queue is leased.

        Leases one once enough requests are pending, and waits for that, up to QUEUE_SETUP_TIMEOUT_SECONDS. Without `waits`,
        requests are sent meanwhile that no notification announces.
        """
        wanted = FEW_REQUESTS if self._config.collect == "auto" and self._info.topics else 0
        with self._changed:
            first = self._opening_until is None and len(self._pending) + 1 >= wanted
            if first:
                self._opening_until = time.monotonic() + QUEUE_SETUP_TIMEOUT_SECONDS
                self._queue_opened.clear()
            until = self._opening_until
        if first:
            try:
                self._pool.submit(self.open)
            except RuntimeError:  # the pool is shut down: the client is closing
                return ""
        if until is not None and waits:
            self._queue_opened.wait(max(until - time.monotonic(), 0.0))
        queue = self._queue
        return queue.prefix if queue is not None and queue.is_certain() else ""

    def watch(self, invocation: Invocation) -> None:
        """Add an invocation to the pending ones: accepted (resumed then: it was sent earlier) or not yet."""
        if invocation.submitted is not None:
            invocation.resumed_at = self._clock.now()
        self._pending.add(invocation)
        if invocation.submitted is not None:
            self._reconciliation.request()  # it may have ended before the queue was leased
        if self._closing:
            self._end_pending()

    def accepted(self, invocation: Invocation) -> None:
        """The endpoint has accepted it. A notification that came before counts now; a resumed request is read at once."""
        with self._changed:
            if self._pending.accept(invocation):
                self._last_response = now = self._clock.now()
                self._endpoint_watch.restart(now)
                self._poll_interval.reset()
                self._poll_due, self._rounds = now + self._config.poll_interval, 0
                if self._opening_until is None and not self._explained:
                    self._explained = True
                    self._explain(f"Results are looked up in S3 while fewer than {FEW_REQUESTS} requests are pending.")
        self._add_unannounced([invocation])
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
        """Lease a queue if notifications are to be used and can be; else results are found by listing."""
        method, topics = self._config.collect, self._info.topics
        self._opening_until = self._opening_until or time.monotonic()
        try:
            if method not in ("auto", "notifications"):
                self._explain(f"Results are found by {method}, as configured.")
            elif not topics:
                self._explain(f"Results are found by listing: endpoint {self._info.name} has no topics.")
            else:
                self._open_queue()
        except Exception:  # listing needs nothing opened
            log.exception("Notifications could not be opened.")
        finally:
            self._queue_opened.set()

    def _open_queue(self) -> None:
        try:
            with self._queue_setup:
                if self._closing or self._queue is not None:
                    return
                queue = self._queues.lease()
                with self._changed:
                    self._queue, self._relied_since = queue, None
                    self._changed.notify_all()
        except AsyncEndpointError as error:
            self._explain(f"Results are found by listing, not by notifications: {error}")
            return
        self._add_unannounced(self._pending.waiting())
        now = self._clock.now()
        if queue.is_reliable(now):
            self._explain(f"Results are found by notifications, in the queue {queue.url}.")
        else:
            self._explain(
                f"Results are found by listing, until notifications arrive in the queue {queue.url}: {queue.doubts(now)}."
            )
        if queue.sweep_due:
            with suppress(RuntimeError):  # the pool is shut down: the client is closing
                self._pool.submit(self._queues.sweep, lambda: self._closing)

    @property
    def skipped_messages(self) -> int:
        """How many messages of the queue were not notifications and were skipped."""
        return self._skipped + (self._queue.skipped if self._queue else 0)

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
            self._wait(pause)

    def _wait(self, seconds: float) -> None:
        """Wait until the next round is due, a queue has been leased, reads have ended, or the client is closing."""
        with self._changed:
            queue, reading = self._queue, self._all_being_read()
            if self._pending.accepted:
                self._clock.wait(
                    self._changed,
                    lambda: self._closing or self._queue is not queue or (reading and not self._all_being_read()),
                    seconds,
                )

    def _all_being_read(self) -> bool:
        """Whether no pending request needs a notification: a receive would keep the queue in use after the run has ended."""
        return len(self._reading) >= self._pending.accepted > 0

    def close(self) -> None:
        """End all pending invocations and release the queue."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._end_pending()
        if self._queue_setup.acquire(timeout=QUEUE_SETUP_TIMEOUT_SECONDS):
            try:
                self._release_queue()
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
        if self._endpoint_watch.check(self._pending.settled, now):
            for invocation in self._pending.waiting():
                self._fetch(invocation, None, last=True)
        queue = self._queue
        try:
            if queue is None:
                return self._poll_s3(now)
            if not queue.is_reliable(now):
                return self._probe(queue, now)
            if self._relied_since is None:
                self._relied_since = now
                self._reconciliation.restart(now)
            if now >= self._reconciliation.due():
                self._reconcile(now)
            elif now >= self._unannounced_due:
                self._poll_unannounced(now)
        except AsyncEndpointError as error:  # the bucket is gone, credentials have expired: no read will succeed
            for invocation in self._pending.waiting():
                self.settle(invocation, type(error)(str(error)))
        return self._next_notifications()

    def _next_notifications(self) -> float:
        """Wait for notifications, until something else is due."""
        if self._queue is None or not self._pending.accepted:
            return 0.0
        if self._all_being_read():
            return RETRY_INTERVAL_SECONDS
        now = self._clock.now()
        due = min(self._reconciliation.due(), self._pending.next_due(), self._unannounced_due)
        return self._receive(self._queue, min(max(due - now, 0), LONG_POLL_SECONDS))

    def _probe(self, queue: ReplyQueue, now: float) -> float:
        """List, and look for a first notification: the filter policies of the queue may not be in effect yet."""
        pause = self._poll_s3(now)
        if not self._pending.accepted:
            return 0.0
        if self._all_being_read():
            return RETRY_INTERVAL_SECONDS
        if now < self._probe_due:
            return min(pause, self._probe_due - now)
        wait = pause if pause >= 1 else 0  # a long poll lasts whole seconds
        self._probe_due = now + self._probe_interval
        self._probe_interval = min(2 * self._probe_interval, LONGEST_PROBE_INTERVAL_SECONDS)
        self._receive(queue, math.floor(wait))
        if queue.is_reliable(self._clock.now()):
            self._explain(f"Results are found by notifications from now on: they arrive in the queue {queue.url}.")
            return 0.0
        return max(min(self._poll_due, self._probe_due) - self._clock.now(), 0.0)

    def _receive(self, queue: ReplyQueue, wait_seconds: float) -> float:
        """Wait for notifications."""
        try:
            notifications = queue.receive(wait_seconds)
        except NotReady as error:
            self._last_failure = error
            return RETRY_INTERVAL_SECONDS
        except LeaseLost as error:
            if not self._closing:
                self._switch_to_listing(f"{error}.")
                self._opening_until = None  # the next requests may lease another
            return 0.0
        except AsyncEndpointError as error:
            if not self._closing:
                self._switch_to_listing(
                    str(error), discard=isinstance(error.__cause__, ClientError) and is_missing(error.__cause__)
                )
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
        result = result_from_notification(self._info, submitted, notification, seconds) if self._trusted() else None
        if result is not None:
            self.settle(invocation, result)
        else:
            self._fetch(invocation, notification)

    def _trusted(self) -> bool:
        """Whether only the endpoint can have published a message, so that a response in it counts."""
        queue = self._queue
        return self._config.trust_notifications and self._info.publishers_restricted and queue is not None and queue.restricted

    def _reconcile(self, now: float) -> None:
        """Check S3 although notifications come: some may be lost, or all."""
        waiting = self._pending.waiting()
        silent = self._reconciliation.is_silent(now)
        missed = sum(self._missed_notification(result, now) for result in self._list(waiting))
        self._reconciliation.reconciled(now, missed=missed > 0)
        if missed and silent:
            why = f"{missed} {'result exists' if missed == 1 else 'results exist'} without a notification."
            queue = self._queue
            discard = queue is not None and not queue.works
            if queue is not None:
                queue.doubt()
            self._switch_to_listing(why, discard=discard)

    def _missed_notification(self, result: ListedResult, now: float) -> bool:
        """Whether the queue must have received the result's notification by now."""
        written_at, submitted, relied_since = result.written_at, result.invocation.submitted, self._relied_since or 0.0
        since = result.invocation.resumed_at or 0.0
        if submitted is not None and submitted.submitted_at.timestamp() < relied_since:
            since = max(since, relied_since)
        return (
            written_at > since and self._is_announced(result.invocation) and now - written_at >= self._config.notification_grace
        )

    def _is_announced(self, invocation: Invocation) -> bool:
        """Whether the filter policies of the queue select the request."""
        queue = self._queue
        return queue is not None and invocation.inference_id.startswith(queue.prefix)

    def _add_unannounced(self, invocations: Iterable[Invocation]) -> None:
        if self._queue is None:
            return
        with self._changed:
            for invocation in invocations:
                if self._is_announced(invocation) or invocation.done():
                    continue
                if not self._unannounced:
                    self._poll_interval.reset()
                    self._unannounced_due = self._clock.now() + self._config.poll_interval
                self._unannounced[invocation.inference_id] = invocation

    def _poll_unannounced(self, now: float) -> None:
        """Check S3 for requests that the queue never announces: of other runs, or sent before it was leased."""
        with self._changed:
            waiting = [invocation for invocation in self._unannounced.values() if not invocation.done()]
            ended = len(self._unannounced) - len(waiting)
            self._unannounced = {invocation.inference_id: invocation for invocation in waiting}
            self._unannounced_due = now + self._poll_interval.after(ended, len(waiting)) if waiting else math.inf
        self._look_up(waiting, failures=not ended)

    def _switch_to_listing(self, why: str, *, discard: bool = False) -> None:
        """Stop using notifications; `discard` a queue that is of no use to others either."""
        self._explain(f"Notifications have stopped, results are found by listing from now on: {why}")
        with self._queue_setup:  # `close` waits for this: the process could otherwise end in the middle of it
            self._release_queue(discard=discard)

    def _release_queue(self, *, discard: bool = False) -> None:
        queue, self._queue = self._queue, None
        if queue is None:
            return
        self._skipped += queue.skipped
        self._poll_due = self._clock.now()
        if discard:
            self._queues.discard(queue)
        else:
            queue.release()

    def _poll_s3(self, now: float) -> float:
        """Check S3 if that is due; returns the seconds until something is."""
        if now >= self._poll_due:
            found, self._settled_before = self._pending.settled - self._settled_before, self._pending.settled
            self._rounds += 1
            waiting = self._pending.waiting()
            # the first time all wait, so that nothing was found says nothing about failures
            self._look_up(waiting, failures=self._rounds % 4 == 0 or (not found and self._rounds > 1))
            self._poll_due = now + self._poll_interval.after(found, len(self._pending))
        return max(min(self._poll_due, self._pending.next_due()) - now, 0.0)

    def _look_up(self, waiting: list[Invocation], *, failures: bool) -> None:
        """Find results without notifications: of a few requests by reading, which saves the listing."""
        if not waiting:
            return
        if len(waiting) > MAX_SINGLE_READS or self._config.collect == "listing":
            self._list(waiting, failures=failures)
            return
        for invocation in waiting:
            self._fetch(invocation, None if failures else _ASSUMED_COMPLETED)

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
        notification = invocation.notification
        try:
            seconds = self._clock.now() - submitted.submitted_at.timestamp()
            outcome = result_from_s3(self._objects, self._info, invocation, hint, seconds, trusted=self._trusted())
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
            outcome = self._error_without_outcome(submitted, invocation.notification)
        if outcome is not None:
            self.settle(invocation, outcome)
        with self._changed:
            self._reading.discard(invocation.inference_id)
            self._changed.notify_all()
        if outcome is None and invocation.notification is not notification:
            self._fetch(invocation, invocation.notification)  # it came while an earlier read found nothing

    def _error_without_outcome(self, submitted: Submitted, hint: Notification | None) -> AsyncEndpointError:
        """The error for a request that has no outcome by its deadline, or once its endpoint is gone."""
        marked = submitted.output_location in self._objects.delete_markers
        deleted = deleted_error(submitted, hint if self._trusted() else None, self._clock.now(), marked=marked)
        if deleted is not None:
            return deleted
        if self._endpoint_watch.is_gone:
            return endpoint_deleted_error(self._info, submitted)
        return timeout_error(self._info, submitted, hint, cannot_list=self._objects.cannot_list)

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
