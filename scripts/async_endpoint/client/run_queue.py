"""RunQueue: an ephemeral SQS queue that receives the notifications of one run only."""

from __future__ import annotations

import json
import logging
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from async_endpoint.aws import AwsSession, error_code, translate_errors
from async_endpoint.client.endpoint_info import EndpointInfo
from async_endpoint.client.retries import Retries
from async_endpoint.core.errors import AsyncEndpointError, InvalidInput, NotReady
from async_endpoint.core.notifications import Notification, parse_notification

ENDPOINT_NAME_CHARS: Final = 40  # of the endpoint's name, in the queue's: module iam allows callers queues of that prefix
QUEUE_NAME_INFIX: Final = "-run-"
QUEUE_TIMESTAMP_FORMAT: Final = "%Y%m%d%H%M%S"  # of the queue's creation, in its name, UTC
SQS_BATCH: Final = 10  # messages per receive, entries per batch call
LONG_POLL_SECONDS: Final = 20  # the longest that SQS allows
# The visibility timeout outlasts a run, so that messages need not be deleted: that saves a call for every ten of them.
# SQS allows 120,000 messages in flight; beyond MAX_UNDELETED_MESSAGES they are deleted after all.
VISIBILITY_TIMEOUT_SECONDS: Final = 43_200
MAX_UNDELETED_MESSAGES: Final = 50_000
HEARTBEAT_TAG: Final = "async-endpoint-heartbeat"  # seconds since the epoch when the owner was last alive
HEARTBEAT_SECONDS: Final = 3_600
# SQS asks to wait a second after creating a queue (API reference, CreateQueue); it may be missing for so long.
QUEUE_CREATION_DELAY_SECONDS: Final = 15.0
QUEUE_MISSING_CODES: Final = frozenset({"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"})
CLOSING_BACKOFF_SECONDS: Final = 0.5  # the longest pause between attempts to delete something when closing

log = logging.getLogger(__name__)


def queue_prefix(endpoint_name: str) -> str:
    """The prefix of the names of an endpoint's run queues."""
    return endpoint_name[:ENDPOINT_NAME_CHARS] + QUEUE_NAME_INFIX


class RunQueue:
    """A queue subscribed to an endpoint's topics for inference ids with one prefix; `skipped` counts messages that are no
    notifications.
    """

    def __init__(self, session: AwsSession, url: str, retries: Retries) -> None:
        self.url = url
        self._session, self._retries = session, retries
        self._subscriptions: list[str] = []
        self._received = 0
        self.skipped = 0
        self._created_at = self._last_heartbeat = time.monotonic()

    @classmethod
    def open(cls, session: AwsSession, info: EndpointInfo, prefix: str, retries: Retries) -> RunQueue:
        """Create the queue and subscribe it; raises what `translate_errors` raises, and then leaves nothing behind."""
        partition, region, account = _parts(info.topics[0])
        created_at = datetime.now(UTC)
        name = f"{queue_prefix(info.name)}{created_at:{QUEUE_TIMESTAMP_FORMAT}}-{secrets.token_hex(4)}"
        arn = f"arn:{partition}:sqs:{region}:{account}:{name}"
        request = {
            "QueueName": name,
            "Attributes": {
                "VisibilityTimeout": str(VISIBILITY_TIMEOUT_SECONDS),
                "MessageRetentionPeriod": "86400",
                "Policy": _policy(arn, info.topics),
            },
            "tags": {HEARTBEAT_TAG: str(int(created_at.timestamp())), "async-endpoint-endpoint": info.name},
        }
        with translate_errors(session, "sqs:CreateQueue", name):
            created = retries.call(lambda: session.sqs.create_queue(**request))
        queue = cls(session, created["QueueUrl"], retries)
        try:
            for topic in info.topics:
                queue._subscribe(topic, arn, prefix)
        except BaseException:
            queue.close()
            raise
        return queue

    def receive(self, wait_seconds: int) -> list[Notification]:
        """Up to ten notifications, waiting up to 20 seconds; raises what `translate_errors` raises."""
        wait = max(0, min(wait_seconds, LONG_POLL_SECONDS))
        with translate_errors(self._session, "sqs:ReceiveMessage", self.url):
            try:
                reply = self._session.sqs.receive_message(
                    QueueUrl=self.url, MaxNumberOfMessages=SQS_BATCH, WaitTimeSeconds=wait
                )
            except ClientError as error:
                if (
                    error_code(error) in QUEUE_MISSING_CODES
                    and time.monotonic() - self._created_at < QUEUE_CREATION_DELAY_SECONDS
                ):
                    raise NotReady(f"The queue {self.url} was created just now and does not exist yet.") from error
                raise
        messages: list[dict[str, Any]] = reply.get("Messages", [])
        self._received += len(messages)
        if messages and self._received > MAX_UNDELETED_MESSAGES:
            self._delete(messages)
        if time.monotonic() - self._last_heartbeat > HEARTBEAT_SECONDS:
            self._send_heartbeat()
        found = []
        for message in messages:
            try:
                notification = parse_notification(message["Body"])
            except InvalidInput as error:
                self.skipped += 1
                level = logging.WARNING if self.skipped == 1 else logging.DEBUG
                log.log(level, "A message in %s was skipped: %s", self.url, error)
                continue
            if notification is not None:  # None is the endpoint's TestNotification
                found.append(notification)
        return found

    def close(self) -> None:
        """Delete subscriptions and queue; what cannot be deleted is abandoned (abandoned_queues.py)."""
        sns, sqs = self._session.sns, self._session.sqs
        removals: list[Callable[[], Any]] = [
            partial(sns.unsubscribe, SubscriptionArn=subscription) for subscription in self._subscriptions
        ]
        removals.append(partial(sqs.delete_queue, QueueUrl=self.url))
        self._subscriptions = []
        tries = Retries(6, 0.05, CLOSING_BACKOFF_SECONDS, _sleep)  # the client's own do not pause any more
        for remove in removals:
            with suppress(BotoCoreError, ClientError):
                tries.call(remove)

    def _subscribe(self, topic: str, queue_arn: str, prefix: str) -> None:
        request = {
            "TopicArn": topic,
            "Protocol": "sqs",
            "Endpoint": queue_arn,
            "Attributes": {
                "RawMessageDelivery": "true",
                "FilterPolicyScope": "MessageBody",
                "FilterPolicy": json.dumps({"inferenceId": [{"prefix": prefix}]}),
            },
            "ReturnSubscriptionArn": True,
        }
        with translate_errors(self._session, "sns:Subscribe", topic):
            created = self._retries.call(lambda: self._session.sns.subscribe(**request))
        self._subscriptions.append(created["SubscriptionArn"])

    def _delete(self, messages: list[dict[str, Any]]) -> None:
        entries = [{"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]} for n, message in enumerate(messages)]
        with suppress(AsyncEndpointError), translate_errors(self._session, "sqs:DeleteMessage", self.url):
            self._session.sqs.delete_message_batch(QueueUrl=self.url, Entries=entries)

    def _send_heartbeat(self) -> None:
        self._last_heartbeat = time.monotonic()
        with suppress(AsyncEndpointError), translate_errors(self._session, "sqs:TagQueue", self.url):
            self._session.sqs.tag_queue(QueueUrl=self.url, Tags={HEARTBEAT_TAG: str(int(time.time()))})


def _sleep(seconds: float) -> bool:
    time.sleep(seconds)
    return False


def _policy(queue_arn: str, topics: tuple[str, ...]) -> str:
    """Only the topics can send: without the Deny, so can every principal of the account with an identity-based permission."""
    send = {"Action": "sqs:SendMessage", "Resource": queue_arn}
    allow = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        **send,
        "Condition": {"ArnEquals": {"aws:SourceArn": list(topics)}},
    }
    deny = {"Effect": "Deny", "Principal": "*", **send, "Condition": {"ArnNotEquals": {"aws:SourceArn": list(topics)}}}
    return json.dumps({"Version": "2012-10-17", "Statement": [allow, deny]})


def _parts(topic_arn: str) -> tuple[str, str, str]:
    """Partition, region and account of an ARN."""
    _, partition, _, region, account, *_ = topic_arn.split(":")
    return partition, region, account
