"""An ephemeral queue that hears of one run's outcomes and of no other's."""

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
from async_endpoint.client.retries import Retries
from async_endpoint.client.target import Target
from async_endpoint.core.errors import AsyncEndpointError, InvalidInput, NotReady
from async_endpoint.core.notifications import Notification, parse_notification

NAME_CHARS: Final = 40  # of the endpoint's name, in the queue's: module iam allows callers queues of that prefix
MARK: Final = "-run-"
STAMP: Final = "%Y%m%d%H%M%S"  # of the queue's birth in its name, UTC
BATCH: Final = 10  # SQS: messages a receive, entries a batch
LONGEST_POLL_SECONDS: Final = 20
# Messages are hidden for longer than a run asks for them again, so that none need be deleted: that saves a call for each ten.
# SQS holds at most 120,000 messages in flight; from here on they are deleted after all.
HIDDEN_SECONDS: Final = 43_200
UNDELETED: Final = 50_000
HEARTBEAT: Final = "async-endpoint-heartbeat"  # tag: seconds since the epoch at which the owner was last alive
HEARTBEAT_SECONDS: Final = 3_600
# SQS asks for a second between making a queue and using it (API reference, CreateQueue); this is what we bear with.
SETTLING_SECONDS: Final = 15.0
ABSENT: Final = frozenset({"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"})
CLOSING_SECONDS: Final = 0.5  # the longest pause between two tries to remove something: at the end there is little time

log = logging.getLogger(__name__)


def queue_prefix(endpoint_name: str) -> str:
    """How the names of an endpoint's ephemeral queues begin."""
    return endpoint_name[:NAME_CHARS] + MARK


class Announcements:
    """A queue of our own, subscribed to an endpoint's topics for inference ids that begin with one prefix."""

    def __init__(self, session: AwsSession, url: str, retries: Retries) -> None:
        self.url = url
        self._session, self._retries = session, retries
        self._subscriptions: list[str] = []
        self._received = 0
        self.skipped = 0  # messages that are no notification
        self._made = self._beat = time.monotonic()

    @classmethod
    def open(cls, session: AwsSession, target: Target, prefix: str, retries: Retries) -> Announcements:
        """Make the queue and subscribe it; raises what `translate_errors` raises, with nothing left behind."""
        partition, region, account = _parts(target.topics[0])
        born = datetime.now(UTC)
        name = f"{queue_prefix(target.name)}{born:{STAMP}}-{secrets.token_hex(4)}"
        arn = f"arn:{partition}:sqs:{region}:{account}:{name}"
        wanted = {
            "QueueName": name,
            "Attributes": {
                "VisibilityTimeout": str(HIDDEN_SECONDS),
                "MessageRetentionPeriod": "86400",
                "Policy": _policy(arn, target.topics),
            },
            "tags": {HEARTBEAT: str(int(born.timestamp())), "async-endpoint-endpoint": target.name},
        }
        with translate_errors(session, "sqs:CreateQueue", name):
            made = retries.call(lambda: session.sqs.create_queue(**wanted))
        announcements = cls(session, made["QueueUrl"], retries)
        try:
            for topic in target.topics:
                announcements._subscribe(topic, arn, prefix)
        except BaseException:
            announcements.close()
            raise
        return announcements

    def receive(self, wait_seconds: int) -> list[Notification]:
        """Up to ten notifications, waited for up to 20 seconds; raises what `translate_errors` raises."""
        wait = max(0, min(wait_seconds, LONGEST_POLL_SECONDS))
        with translate_errors(self._session, "sqs:ReceiveMessage", self.url):
            try:
                reply = self._session.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=BATCH, WaitTimeSeconds=wait)
            except ClientError as error:
                if error_code(error) in ABSENT and time.monotonic() - self._made < SETTLING_SECONDS:
                    raise NotReady(f"The queue {self.url} was made just now and is not there yet.") from error
                raise
        messages: list[dict[str, Any]] = reply.get("Messages", [])
        self._received += len(messages)
        if messages and self._received > UNDELETED:
            self._delete(messages)
        if time.monotonic() - self._beat > HEARTBEAT_SECONDS:
            self._tell_alive()
        found = []
        for message in messages:
            try:
                notification = parse_notification(message["Body"])
            except InvalidInput as error:
                self.skipped += 1
                level = logging.WARNING if self.skipped == 1 else logging.DEBUG
                log.log(level, "A message in %s was passed over: %s", self.url, error)
                continue
            if notification is not None:  # the endpoint's TestNotification is none
                found.append(notification)
        return found

    def close(self) -> None:
        """Remove subscriptions and queue; what cannot be removed is left to the reaper."""
        sns, sqs = self._session.sns, self._session.sqs
        removals: list[Callable[[], Any]] = [
            partial(sns.unsubscribe, SubscriptionArn=subscription) for subscription in self._subscriptions
        ]
        removals.append(partial(sqs.delete_queue, QueueUrl=self.url))
        self._subscriptions = []
        tries = Retries(6, 0.05, CLOSING_SECONDS, _sleep)  # its own: those of a client that is closing pause no more
        for remove in removals:
            with suppress(BotoCoreError, ClientError):
                tries.call(remove)

    def _subscribe(self, topic: str, queue_arn: str, prefix: str) -> None:
        wanted = {
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
            made = self._retries.call(lambda: self._session.sns.subscribe(**wanted))
        self._subscriptions.append(made["SubscriptionArn"])

    def _delete(self, messages: list[dict[str, Any]]) -> None:
        entries = [{"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]} for n, message in enumerate(messages)]
        with suppress(AsyncEndpointError), translate_errors(self._session, "sqs:DeleteMessage", self.url):
            self._session.sqs.delete_message_batch(QueueUrl=self.url, Entries=entries)

    def _tell_alive(self) -> None:
        self._beat = time.monotonic()
        with suppress(AsyncEndpointError), translate_errors(self._session, "sqs:TagQueue", self.url):
            self._session.sqs.tag_queue(QueueUrl=self.url, Tags={HEARTBEAT: str(int(time.time()))})


def _sleep(seconds: float) -> bool:
    time.sleep(seconds)
    return False


def _policy(queue_arn: str, topics: tuple[str, ...]) -> str:
    """Only the topics can send: without the Deny, so can whatever in the account has an identity-based right to."""
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
