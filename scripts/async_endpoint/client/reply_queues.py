"""The reply queues of an endpoint: leasing one, deleting those that nothing uses.

All clients of an endpoint that may write its leases share its queues: a queue whose filter policies are in effect serves the
next run, on any machine, with any of their roles. See queue_leases.py and reply_queue.py; to find unused queues also
sqs:ListQueues and sqs:ListQueueTags, and sns:ListSubscriptionsByTopic on the topics.
"""

from __future__ import annotations

import json
import logging
import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from async_endpoint.aws import AwsSession, error_code, server_time, translate_errors
from async_endpoint.client.endpoint_info import EndpointInfo
from async_endpoint.client.queue_leases import LeaseEntry, LeaseLost, QueueLeases, Released
from async_endpoint.client.reply_queue import (
    MAX_IN_FLIGHT_MESSAGES,
    MAX_LEFTOVER_MESSAGES,
    RETENTION_SECONDS,
    VISIBILITY_TIMEOUT_SECONDS,
    ReplyQueue,
    delete_queue,
    is_missing,
    new_queue_id,
    queue_arn,
    sending_policy,
    subscribe,
)
from async_endpoint.client.retries import Retries
from async_endpoint.core.errors import AsyncEndpointError
from async_endpoint.core.reply_queues import ENDPOINT_TAG, is_reply_queue, queue_prefix

UNUSED_SECONDS: Final = 3 * 86_400.0  # after which a queue is deleted: the filter delay of a new one is then a fair price
MAX_CLAIMS: Final = 30  # attempts at queues that are free, each lost to another client, before a queue is created
MESSAGE_COUNTS: Final = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
# another run's purge is less than a minute old (API reference, PurgeQueue; the second is the code of the query protocol)
PURGING_CODES: Final = frozenset({"PurgeQueueInProgress", "AWS.SimpleQueueService.PurgeQueueInProgress"})

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ReplyQueues:
    """The reply queues of the endpoint `info`. `now` is the client's clock, in seconds since the epoch."""

    session: AwsSession
    info: EndpointInfo
    retries: Retries
    now: Callable[[], float]

    @property
    def leases(self) -> QueueLeases:
        return QueueLeases(self.session, self.info.input_uri, self.retries, self.now)

    def lease(self) -> ReplyQueue:
        """Lease a free queue, a working one first, or create one.

        Leasing takes three calls (a listing, a write, a check of the queue), creating a queue one more and one for each topic.
        Raises what `translate_errors` raises, and leaves nothing then.
        """
        found = [entry for entry in self.leases.list() if is_reply_queue(entry.name, self.info.name)]
        random.shuffle(found)  # runs that begin together try different queues
        free = sorted((entry for entry in found if entry.released), key=lambda entry: not entry.works)  # working ones first
        free += [entry for entry in found if entry.expired]
        for entry in free[:MAX_CLAIMS]:
            with suppress(LeaseLost):
                queue = self._open(entry)
                if queue is not None:
                    queue.sweep_due = any(other.age > UNUSED_SECONDS for other in found if other is not entry)
                    return queue
        return self._create()

    def sweep(self, stopped: Callable[[], bool] = lambda: False) -> list[str]:
        """Delete the queues that no run has used for three days, and those without a lease; returns their URLs.

        Ends early once it is `stopped`. Raises nothing: the caller may lack the permission, and does not depend on it.
        """
        removed: list[str] = []
        subscriptions: dict[str, list[str]] | None = None
        try:
            leased = {entry.name: entry for entry in self.leases.list()}
            for url in self._urls():
                name = url.rpartition("/")[2]
                entry = leased.get(name)
                if stopped():
                    break
                if (entry.age > UNUSED_SECONDS) if entry else self._is_orphan(url):
                    if subscriptions is None:
                        subscriptions = self._subscriptions()
                    with suppress(LeaseLost):
                        lease = self.leases.claim(name, entry.etag if entry else None)
                        delete_queue(self.session, url, subscriptions.get(name, ()))
                        lease.delete()
                        removed.append(url)
        except (BotoCoreError, ClientError, AsyncEndpointError) as error:
            log.info("Unused queues could not be deleted: %s", error)
        return removed

    def discard(self, queue: ReplyQueue) -> None:
        """Delete a queue that receives nothing, with its subscriptions and its lease; errors are logged.

        Does nothing if another client holds its lease by now.
        """
        if not queue.is_held():
            return
        subscriptions: Sequence[str] = ()
        try:
            subscriptions = self._subscriptions().get(queue.url.rpartition("/")[2], ())
        except (BotoCoreError, ClientError) as error:
            log.info("The subscriptions of %s could not be listed: %s", queue.url, error)
        queue.delete(subscriptions)

    def _open(self, entry: LeaseEntry) -> ReplyQueue | None:
        """Claim a queue and check it; None if it does not exist. Raises LeaseLost, and what `translate_errors` raises."""
        lease = self.leases.claim(entry.name, entry.etag)
        try:
            url, attributes, created_at = self._attributes(entry.name)
            if entry.expired:  # its creator may have been killed before the last subscription
                subscribe(self.session, self.info, entry.name, self.retries)
                created_at = self.now()
        except _QueueMissing:
            with suppress(AsyncEndpointError):
                lease.delete()
            return None
        except BaseException:
            if not entry.expired:  # subscriptions may be missing: it expires again, and is subscribed again
                with suppress(LeaseLost, AsyncEndpointError):
                    lease.release(Released.of(works=entry.works, receiving=False))
            raise
        queue = ReplyQueue(self.session, entry.name, url, lease, created_at, self.now)
        queue.works = entry.works
        arn = queue_arn(self.info.topics[0], entry.name)
        queue.restricted = _same(attributes.get("Policy"), sending_policy(arn, self.info.topics))
        leftover, in_flight = (int(attributes.get(name, 0)) for name in MESSAGE_COUNTS)
        if leftover > MAX_LEFTOVER_MESSAGES or in_flight > MAX_IN_FLIGHT_MESSAGES:
            self._purge(queue)
        return queue

    def _purge(self, queue: ReplyQueue) -> None:
        try:
            self.session.sqs.purge_queue(QueueUrl=queue.url)
        except ClientError as error:
            if error_code(error) not in PURGING_CODES:
                return
        except BotoCoreError:
            return
        queue.expect_losses()

    def _create(self) -> ReplyQueue:
        created_at = self.now()
        name = queue_prefix(self.info.name) + new_queue_id(created_at)
        lease = self.leases.claim(name, None)
        request = {
            "QueueName": name,
            "Attributes": {
                "VisibilityTimeout": str(VISIBILITY_TIMEOUT_SECONDS),
                "MessageRetentionPeriod": str(RETENTION_SECONDS),
                "Policy": sending_policy(queue_arn(self.info.topics[0], name), self.info.topics),
            },
            "tags": {ENDPOINT_TAG: self.info.name},
        }
        url = ""
        try:
            with translate_errors(self.session, "sqs:CreateQueue", name):
                url = self.retries.call(lambda: self.session.sqs.create_queue(**request))["QueueUrl"]
            subscribe(self.session, self.info, name, self.retries)
        except BaseException:
            if url:
                delete_queue(self.session, url, ())
            with suppress(AsyncEndpointError):
                lease.delete()
            raise
        queue = ReplyQueue(self.session, name, url, lease, created_at, self.now)
        queue.restricted = queue.sweep_due = True
        return queue

    def _attributes(self, name: str) -> tuple[str, dict[str, str], float]:
        """URL and attributes of a queue, and when it was created by this machine's clock, which may be wrong.

        Raises _QueueMissing, and what `translate_errors` raises.
        """
        url = self._url(name)
        names = [*MESSAGE_COUNTS, "CreatedTimestamp", "Policy"]
        with translate_errors(self.session, "sqs:GetQueueAttributes", name):
            try:
                reply = self.retries.call(lambda: self.session.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names))
            except ClientError as error:
                if is_missing(error):
                    raise _QueueMissing from error
                raise
        attributes, now = reply["Attributes"], self.now()
        return url, attributes, now - ((server_time(reply) or now) - float(attributes["CreatedTimestamp"]))

    def _url(self, name: str) -> str:
        """The URL of a queue, which saves a call to GetQueueUrl: SQS takes any host, and the account and name from the path."""
        account = self.info.topics[0].split(":")[4]
        return f"{self.session.sqs.meta.endpoint_url.rstrip('/')}/{account}/{name}"

    def _urls(self) -> list[str]:
        """The endpoint's reply queues."""
        reply = self.session.sqs.list_queues(QueueNamePrefix=queue_prefix(self.info.name), MaxResults=1_000)
        return [url for url in reply.get("QueueUrls", []) if is_reply_queue(url.rpartition("/")[2], self.info.name)]

    def _is_orphan(self, url: str) -> bool:
        """Whether a queue without a lease is an old one of this endpoint's: its lease may have expired as an input does."""
        tags = self.session.sqs.list_queue_tags(QueueUrl=url).get("Tags", {})
        if tags.get(ENDPOINT_TAG) != self.info.name:
            return False
        attributes = self.session.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["CreatedTimestamp"])["Attributes"]
        return self.now() - float(attributes["CreatedTimestamp"]) > UNUSED_SECONDS

    def _subscriptions(self) -> dict[str, list[str]]:
        """The subscriptions of each queue, by its name."""
        found: dict[str, list[str]] = defaultdict(list)
        for topic in self.info.topics:
            for subscription in _subscriptions_of(self.session, topic):
                found[subscription["Endpoint"].rpartition(":")[2]].append(subscription["SubscriptionArn"])
        return found


class _QueueMissing(Exception):
    pass


def _same(policy: str | None, expected: str) -> bool:
    """Whether two policies are equal, single values and lists of one value alike."""
    return policy is not None and _flat(json.loads(policy)) == _flat(json.loads(expected))


def _flat(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _flat(item) for key, item in value.items()}
    if isinstance(value, list):
        return _flat(value[0]) if len(value) == 1 else [_flat(item) for item in value]
    return value


def _subscriptions_of(session: AwsSession, topic: str) -> Iterator[dict[str, Any]]:
    yield from (
        item
        for page in session.sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
        for item in page["Subscriptions"]
    )
