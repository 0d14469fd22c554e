"""ReplyQueue: an SQS queue that outlives a run, subscribed to an endpoint's topics for inference ids that begin with its id.

Amazon SNS takes up to 15 minutes to apply a new filter policy (developer guide, "Amazon SNS subscription filter policies"),
longer than most runs take, so queues are kept and leased to one run after another (queue_leases.py). A queue is called
`<endpoint>-reply-<id>`; the inference ids of the run that leases it are `<id>.<run>-<key>`. Messages live for an hour, and the
visibility timeout is longer, so they need not be deleted one by one.

Actions on `<endpoint>-reply-*`: sqs:CreateQueue, sqs:TagQueue (tags at creation), sqs:GetQueueAttributes, sqs:ReceiveMessage,
sqs:DeleteMessage, sqs:PurgeQueue, sqs:DeleteQueue. On the topics: sns:Subscribe. Without a resource: sns:Unsubscribe.
"""

from __future__ import annotations

import json
import logging
import math
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from async_endpoint.aws import AwsSession, error_code, translate_errors
from async_endpoint.client.endpoint_info import EndpointInfo
from async_endpoint.client.queue_leases import Lease, LeaseLost, Released
from async_endpoint.client.retries import Retries
from async_endpoint.core.errors import AsyncEndpointError, InvalidInput, NotReady
from async_endpoint.core.notifications import Notification, parse_notification
from async_endpoint.core.reply_queues import QUEUE_ID_CHARS

SQS_BATCH: Final = 10  # messages per receive, entries per batch call
LONG_POLL_SECONDS: Final = 20  # the longest that SQS allows
RETENTION_SECONDS: Final = 3_600  # what arrives after a run has ended is gone an hour later
VISIBILITY_TIMEOUT_SECONDS: Final = 43_200  # the longest that SQS allows: longer than messages live
MAX_UNDELETED_MESSAGES: Final = 10_000  # of one run; SQS allows 120,000 in flight, of all runs of an hour
# SNS developer guide: "Additions or changes to a subscription filter policy require up to 15 minutes to fully take effect"
FILTER_DELAY_SECONDS: Final = 900.0
MAX_LEFTOVER_MESSAGES: Final = 100  # of earlier runs; a queue with more is purged, which is one call
MAX_IN_FLIGHT_MESSAGES: Final = 90_000  # received by earlier runs: a queue with more is purged before SQS refuses receives
PURGE_SECONDS: Final = 60.0  # SQS may delete messages for so long after a purge (API reference, PurgeQueue)
# SQS asks to wait a second after creating a queue (API reference, CreateQueue); it may be missing for so long.
QUEUE_CREATION_DELAY_SECONDS: Final = 15.0
QUEUE_MISSING_CODES: Final = frozenset({"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"})
RELEASE_TIMEOUT_SECONDS: Final = 10.0  # closing waits so long for a renewal that is in progress
CLOSING_BACKOFF_SECONDS: Final = 0.5  # the longest pause between attempts to release or delete something when closing
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"

log = logging.getLogger(__name__)


def is_missing(error: ClientError) -> bool:
    """Whether SQS says that the queue does not exist."""
    return error_code(error) in QUEUE_MISSING_CODES


def new_queue_id(now: float) -> str:
    """Half of it is the minute, so that ids sort by age, half of it random."""
    return _base36(int(now // 60))[-5:] + "".join(secrets.choice(_DIGITS) for _ in range(QUEUE_ID_CHARS - 5))


class ReplyQueue:
    """A queue that this client leases. `skipped` counts messages that are no notifications.

    `works` is whether a notification of this queue's own has come, and none of another's: the filter policies are in effect.
    `restricted` is whether its policy lets nothing but the topics send to it. `sweep_due` asks for `ReplyQueues.sweep`.
    """

    def __init__(
        self, session: AwsSession, name: str, url: str, lease: Lease, created_at: float, now: Callable[[], float]
    ) -> None:
        """`created_at` is when its subscriptions were made; times are seconds since the epoch, `now` the client's clock."""
        self.url = url
        self.prefix = f"{name[-QUEUE_ID_CHARS:]}."
        self._session, self._lease, self._now = session, lease, now
        self._use = threading.Lock()  # held to begin a receive, and to release the lease
        self._in_use = True
        self._received = 0
        self._leased_at = time.monotonic()
        self._expected_at = created_at + FILTER_DELAY_SECONDS
        self._losses_until = 0.0
        self.skipped = 0
        self.works = self.restricted = self.sweep_due = self._receiving = self._proven = False

    def is_reliable(self, now: float) -> bool:
        """Whether a result without a notification is exceptional; before, results are listed too."""
        return now >= self._losses_until and (self.works or now >= self._expected_at)

    def doubts(self, now: float) -> str:
        """Why it is not reliable yet."""
        if now < self._losses_until:
            return "it had many old messages and was purged, and Amazon SQS may delete new ones for a minute"
        return "its filter policies are new, and Amazon SNS may take 15 minutes to apply them"

    def is_certain(self) -> bool:
        """Whether no other client can hold the lease."""
        return self._lease.is_certain(self._now())

    def receive(self, wait_seconds: float) -> list[Notification]:
        """Up to ten notifications of this queue's prefix, waiting up to 20 seconds.

        Raises LeaseLost if another client leases the queue by now, and what `translate_errors` raises.
        """
        with self._use:
            if not self._in_use:
                raise LeaseLost(f"{self.url} was released")
            self._renew()
            self._receiving = True
        try:
            messages = self._receive(max(0, min(math.ceil(wait_seconds), LONG_POLL_SECONDS)))
        finally:
            self._receiving = False
        self._received += len(messages)
        if messages and self._received > MAX_UNDELETED_MESSAGES:
            self._delete(messages)
        return self._own(messages)

    def _receive(self, wait: int) -> list[dict[str, Any]]:
        with translate_errors(self._session, "sqs:ReceiveMessage", self.url):
            try:
                reply = self._session.sqs.receive_message(
                    QueueUrl=self.url, MaxNumberOfMessages=SQS_BATCH, WaitTimeSeconds=wait
                )
            except ClientError as error:
                if is_missing(error) and time.monotonic() - self._leased_at < QUEUE_CREATION_DELAY_SECONDS:
                    raise NotReady(f"The queue {self.url} was created just now and does not exist yet.") from error
                raise
        messages: list[dict[str, Any]] = reply.get("Messages", [])
        return messages

    def expect_losses(self) -> None:
        """Notifications may be lost for a minute."""
        self._losses_until = self._now() + PURGE_SECONDS

    def doubt(self) -> None:
        """Notifications are missing: unless one has come in this run, the next run must not rely on those of earlier ones."""
        self.works = self.works and self._proven

    def release(self) -> None:
        """Give up the lease; the queue is the next run's. One that cannot be released is free when its lease expires."""
        if not self._use.acquire(timeout=RELEASE_TIMEOUT_SECONDS):
            return
        try:
            self._in_use = False
            with suppress(LeaseLost, AsyncEndpointError):
                self._lease.release(Released.of(works=self.works, receiving=self._receiving))
        finally:
            self._use.release()

    def is_held(self) -> bool:
        """Whether this client holds the lease, by renewing it; False if that fails."""
        with suppress(LeaseLost, AsyncEndpointError):
            self._lease.renew(self._now())
            return True
        return False

    def delete(self, subscriptions: Sequence[str]) -> None:
        """Delete the queue, with these subscriptions and its lease; what cannot be deleted is left to `reply_queues.sweep`."""
        delete_queue(self._session, self.url, subscriptions)
        with suppress(AsyncEndpointError):
            self._lease.delete()

    def _renew(self) -> None:
        now = self._now()
        if not self._lease.is_due(now):
            return
        try:
            self._lease.renew(now)
        except AsyncEndpointError:
            if not self._lease.is_certain(now):
                raise

    def _own(self, messages: list[dict[str, Any]]) -> list[Notification]:
        found, others = [], False
        for message in messages:
            try:
                notification = parse_notification(message["Body"])
            except InvalidInput as error:
                self.skipped += 1
                level = logging.WARNING if self.skipped == 1 else logging.DEBUG
                log.log(level, "A message in %s was skipped: %s", self.url, error)
                continue
            if (
                notification is None
                or notification.inference_id is None
                or not notification.inference_id.startswith(self.prefix)
            ):
                others = True  # a filter that is not in effect yet may select everything (assumption A106)
            else:
                found.append(notification)
        self._proven = self._proven or (bool(found) and not others)
        self.works = self.works or self._proven
        return found

    def _delete(self, messages: list[dict[str, Any]]) -> None:
        entries = [{"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]} for n, message in enumerate(messages)]
        with suppress(AsyncEndpointError), translate_errors(self._session, "sqs:DeleteMessage", self.url):
            self._session.sqs.delete_message_batch(QueueUrl=self.url, Entries=entries)


def delete_queue(session: AwsSession, url: str, subscriptions: Sequence[str]) -> None:
    """Delete subscriptions, then the queue; errors are ignored: the caller may lack the permission."""
    removals: list[Callable[[], Any]] = [partial(session.sns.unsubscribe, SubscriptionArn=arn) for arn in subscriptions]
    removals.append(partial(session.sqs.delete_queue, QueueUrl=url))
    tries = Retries(6, 0.05, CLOSING_BACKOFF_SECONDS, _sleep)  # the client's own do not pause any more
    for remove in removals:
        with suppress(BotoCoreError, ClientError):
            tries.call(remove)


def subscribe(session: AwsSession, info: EndpointInfo, name: str, retries: Retries) -> list[str]:
    """Subscribe the queue to the endpoint's topics; returns the subscriptions. Repeating it changes nothing.

    Raises what `translate_errors` raises, UsageError for the topic's 200 filter policies (FilterPolicyLimitExceeded) included.
    """
    made: list[str] = []
    for topic in info.topics:
        request = {
            "TopicArn": topic,
            "Protocol": "sqs",
            "Endpoint": queue_arn(topic, name),
            "Attributes": {
                "RawMessageDelivery": "true",
                "FilterPolicyScope": "MessageBody",
                "FilterPolicy": json.dumps({"inferenceId": [{"prefix": f"{name[-QUEUE_ID_CHARS:]}."}]}),
            },
            "ReturnSubscriptionArn": True,
        }
        try:
            with translate_errors(session, "sns:Subscribe", topic):
                made.append(retries.call(partial(session.sns.subscribe, **request))["SubscriptionArn"])
        except BaseException:
            for subscription in made:
                with suppress(BotoCoreError, ClientError):
                    session.sns.unsubscribe(SubscriptionArn=subscription)
            raise
    return made


def queue_arn(topic_arn: str, name: str) -> str:
    """The ARN of a queue in the region and account of a topic."""
    _, partition, _, region, account, *_ = topic_arn.split(":")
    return f"arn:{partition}:sqs:{region}:{account}:{name}"


def sending_policy(queue: str, topics: Sequence[str]) -> str:
    """The policy of the queue with the ARN `queue`: only the topics can send.

    Without the Deny, so can every principal of the account with an identity-based permission.
    """
    send = {"Action": "sqs:SendMessage", "Resource": queue}
    allow = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        **send,
        "Condition": {"ArnEquals": {"aws:SourceArn": list(topics)}},
    }
    deny = {"Effect": "Deny", "Principal": "*", **send, "Condition": {"ArnNotEquals": {"aws:SourceArn": list(topics)}}}
    return json.dumps({"Version": "2012-10-17", "Statement": [allow, deny]})


def _sleep(seconds: float) -> bool:
    time.sleep(seconds)
    return False


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits.rjust(5, "0")
