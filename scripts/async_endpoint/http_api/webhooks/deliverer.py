"""Deliverer: handles one message of the delivery queue, in the worker of `serve` and in the function on AWS alike.

What a message must survive decides the order: the next message is sent, and the outcome updated, before the old message is
deleted. A process that is killed in between repeats an attempt; nothing is lost.
"""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit

from async_endpoint.client.clock import Clock
from async_endpoint.core.errors import InvalidInput
from async_endpoint.http_api.predictions.records import Claim, Records
from async_endpoint.http_api.predictions.status import prediction_object, resolve, settled_at
from async_endpoint.http_api.served_endpoint import ServedEndpoint
from async_endpoint.http_api.state import StateObjects
from async_endpoint.http_api.webhooks.addresses import AddressPolicy
from async_endpoint.http_api.webhooks.delivery import Attempt, Poster
from async_endpoint.http_api.webhooks.messages import DeliveryMessage, DeliveryQueue, parse_message
from async_endpoint.http_api.webhooks.outcomes import Delivery, DeliveryState, Outcomes, RecordedOutcome
from async_endpoint.http_api.webhooks.schedule import RetrySchedule
from async_endpoint.http_api.webhooks.secrets import SecretStore
from async_endpoint.http_api.webhooks.signatures import signed_headers

UNMARKED_SECONDS: Final = 3_600.0  # for which an accepted prediction may lack its marker: its caller repeats the request
UNMARKED_LOOK_SECONDS: Final = (2.0, 300.0)  # between two looks for it, growing with its age
LOOK_SECONDS: Final = (10.0, 60.0, 300.0)  # before S3 is asked again for an object that was announced
SLOT_SECONDS: Final = 0.25  # for which a delivery waits for one of its receiver's slots: a quick one has many in that time
BUSY_SECONDS: Final = (5.0, 900.0)  # before it is tried again, doubled each time: thousands for a slow receiver cost few calls
EARLY_SECONDS: Final = 1.0

log = logging.getLogger(__name__)


class ReceiverLimit:
    """At most `most` attempts at a time to one host, so that a slow receiver does not delay the others."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._running: Counter[str] = Counter()
        self._changed = threading.Condition()

    @contextmanager
    def slot(self, host: str) -> Iterator[bool]:
        """For the block, one of the host's attempts; False if none becomes free soon."""
        with self._changed:
            granted = self._changed.wait_for(lambda: self._running[host] < self._most, SLOT_SECONDS)
            self._running[host] += granted
        try:
            yield granted
        finally:
            with self._changed:
                self._running[host] -= granted
                if not self._running[host]:
                    del self._running[host]
                self._changed.notify_all()


class Deliverer:
    """Delivers the outcomes of one endpoint's predictions. Thread-safe."""

    def __init__(
        self,
        endpoint: ServedEndpoint,
        poster: Poster,
        *,
        schedule: RetrySchedule | None = None,
        attempts_per_receiver: int = 1_000,
    ) -> None:
        self._endpoint, self._poster = endpoint, poster
        self._schedule = schedule or RetrySchedule()
        self._limit = ReceiverLimit(attempts_per_receiver)
        self._clock: Clock = endpoint.clock
        self._records: Records = endpoint.records
        self.queue = delivery_queue(endpoint)
        self.outcomes = outcomes_of(endpoint)
        self.secrets = secrets_of(endpoint)

    @classmethod
    def of(cls, endpoint: ServedEndpoint, attempts_per_receiver: int = 1_000) -> Deliverer:
        """The one of an API process: its settings say which receivers may have private addresses."""
        poster = Poster(AddressPolicy(endpoint.api.allowed_webhooks), time.monotonic)
        return cls(endpoint, poster, attempts_per_receiver=attempts_per_receiver)

    def handle(self, body: str) -> None:
        """Act on one message, which can be deleted when this returns. Raises an error of the tree to have it received again."""
        try:
            message = parse_message(body)
        except InvalidInput as error:
            log.warning("A message is dropped: %s", error)
            return
        if message is None:
            return
        now = self._clock.now()
        if message.not_before > now + EARLY_SECONDS:
            self.queue.send(message, now)
            return
        claim = self._records.read(message.key)
        if claim is None or claim.webhook is None:
            return
        recorded = self.outcomes.read(message.key, claim.created_at) or self._record(claim, message)
        if recorded is not None and recorded.delivery.accepts(message.position):
            self._deliver(claim, recorded, message)

    def _record(self, claim: Claim, message: DeliveryMessage) -> RecordedOutcome | None:
        """Record how the prediction has ended; None if that is not known yet, and then it is looked at later."""
        assert claim.webhook is not None
        now = self._clock.now()
        submitted = self._records.submitted(claim)
        if submitted is None:
            self._await_marker(claim, message, now)
            return None
        outcome = resolve(self._endpoint, submitted)
        if not outcome.terminal:
            self._look_later(message, settled_at(submitted), now)
            return None
        event = outcome.status.value
        state = DeliveryState.PENDING if event in claim.webhook.events else DeliveryState.UNWANTED
        data = prediction_object(self._endpoint, claim, submitted, outcome)
        return self.outcomes.record(RecordedOutcome(claim.key, event, data, Delivery(state, now, *message.position)))

    def _await_marker(self, claim: Claim, message: DeliveryMessage, now: float) -> None:
        """It was sent, and its caller has no response yet: the process was killed, or is about to write the marker."""
        age = now - claim.created_at.timestamp()
        if age > UNMARKED_SECONDS:
            log.warning("Prediction %s was never accepted; its webhook is dropped until it is submitted again.", claim.key)
            return
        shortest, longest = UNMARKED_LOOK_SECONDS
        self.queue.send(replace(message, not_before=now + min(max(age, shortest), longest)), now)

    def _look_later(self, message: DeliveryMessage, settled: float, now: float) -> None:
        """S3 does not confirm a notification: it came early, or it is forged. After a few looks the sweep is relied on."""
        if message.looks == 0:
            self.queue.send(replace(message, not_before=settled), now)
        elif message.looks <= len(LOOK_SECONDS):
            again = replace(message, looks=message.looks + 1, not_before=now + LOOK_SECONDS[message.looks - 1])
            self.queue.send(again, now)
        else:
            log.warning("Prediction %s has neither output nor failure, and a notification says that it ended.", message.key)

    def _deliver(self, claim: Claim, recorded: RecordedOutcome, message: DeliveryMessage) -> None:
        assert claim.webhook is not None
        url, body = claim.webhook.url, recorded.body()
        host = urlsplit(url).hostname or ""
        with self._limit.slot(host) as granted:
            now = self._clock.now()
            if not granted:
                shortest, longest = BUSY_SECONDS
                self.queue.send(message.hop(now + min(shortest * 2 ** min(message.hops, 10), longest)), now)
                return
            headers = signed_headers(self.secrets.signing(claim.caller), recorded.message_id, int(now), body)
            attempt = self._poster.post(url, body, headers)
        log.info(
            "webhook",
            extra={
                "fields": {
                    "endpoint": self._endpoint.name,
                    "webhook_id": recorded.message_id,
                    "caller": claim.caller,
                    "host": host,  # the rest of the URL may have a token of the receiver's
                    "attempt": message.attempt,
                    "round": message.round,
                    "status": attempt.status,
                    "error": attempt.error,
                }
            },
        )
        self._settle(recorded, message, attempt, now)

    def _settle(self, recorded: RecordedOutcome, message: DeliveryMessage, attempt: Attempt, started_at: float) -> None:
        """Record how an attempt ended, after its successor is queued."""
        now = self._clock.now()
        made = Delivery(DeliveryState.PENDING, now, *message.position, attempt.status, attempt.error)
        if attempt.delivered:
            self.outcomes.update(recorded, lambda there: _unless_delivered(there, made, DeliveryState.DELIVERED))
            return
        if attempt.gone:
            self.outcomes.update(recorded, lambda there: _unless_delivered(there, made, DeliveryState.GONE))
            return
        first_at = message.first_at if message.first_at is not None else started_at
        moment = self._schedule.next_attempt(message.attempt, first_at, now, attempt.retry_after)
        if moment is None:
            self.queue.bury(message.redriven(recorded.event))
            self.outcomes.update(recorded, lambda there: _if_next(there, made, DeliveryState.DEAD))
            log.error("Webhook %s is undeliverable: %s It is in the dead-letter queue.", recorded.message_id, attempt.error)
            return
        following = message.retry(recorded.event, moment, first_at)
        self.queue.send(following, now)
        self.outcomes.update(
            recorded,
            lambda there: _if_next(there, dataclasses.replace(made, attempt=following.attempt), DeliveryState.PENDING),
        )


def _unless_delivered(there: Delivery, made: Delivery, state: DeliveryState) -> Delivery | None:
    return None if there.state is DeliveryState.DELIVERED else dataclasses.replace(made, state=state)


def _if_next(there: Delivery, made: Delivery, state: DeliveryState) -> Delivery | None:
    """A failed attempt counts unless another process has delivered, or has got further."""
    further = there.position > made.position or not there.accepts(made.position)
    return None if further else dataclasses.replace(made, state=state)


def delivery_queue(endpoint: ServedEndpoint) -> DeliveryQueue:
    """The delivery queue of an endpoint."""
    api = endpoint.settings.http_api
    return DeliveryQueue(endpoint.session, api.delivery_queue_url, api.delivery_dead_letter_queue_url)


def outcomes_of(endpoint: ServedEndpoint) -> Outcomes:
    """The recorded outcomes of an endpoint."""
    return Outcomes(state_of(endpoint))


def state_of(endpoint: ServedEndpoint) -> StateObjects:
    """The state of an endpoint."""
    return StateObjects(endpoint.session, str(endpoint.settings.state), endpoint.retries)


def secrets_of(endpoint: ServedEndpoint) -> SecretStore:
    """The signing secrets of an endpoint's callers."""
    credentials = StateObjects(endpoint.session, str(endpoint.settings.credentials), endpoint.retries)
    return SecretStore(credentials, endpoint.clock)
