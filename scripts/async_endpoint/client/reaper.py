"""Queues that killed processes left behind, removed by whoever comes next."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from async_endpoint.aws import AwsSession
from async_endpoint.client.announcements import HEARTBEAT, HEARTBEAT_SECONDS, MARK, STAMP, queue_prefix
from async_endpoint.client.target import Target

DEAD_SECONDS: Final = 12 * HEARTBEAT_SECONDS  # a live owner would have told it was alive twelve times

log = logging.getLogger(__name__)


def reap(session: AwsSession, target: Target, now: float | None = None) -> list[str]:
    """Remove the endpoint's ephemeral queues whose owners have been silent for twelve hours; returns their URLs.

    One call when there are none. A queue without our heartbeat is not ours and stays. Never raises: it is somebody else's
    rubbish, and a caller who may not remove it has done nothing wrong.
    """
    moment = time.time() if now is None else now
    reaped = []
    try:
        found = session.sqs.list_queues(QueueNamePrefix=queue_prefix(target.name), MaxResults=1_000).get("QueueUrls", [])
        for url in found:
            if _born(url) > moment - DEAD_SECONDS:
                continue
            beat = session.sqs.list_queue_tags(QueueUrl=url).get("Tags", {}).get(HEARTBEAT, "")
            if beat.isdigit() and moment - int(beat) > DEAD_SECONDS:
                _remove(session, target, url)
                reaped.append(url)
    except (BotoCoreError, ClientError) as error:
        log.info("Queues left behind could not be removed: %s", error)
    return reaped


def _born(url: str) -> float:
    """When a queue was made, by its name; long ago where the name does not say."""
    stamp = url.rpartition(MARK)[2].partition("-")[0]
    try:
        return datetime.strptime(stamp, STAMP).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return 0.0


def _remove(session: AwsSession, target: Target, url: str) -> None:
    name = url.rpartition("/")[2]
    for topic in target.topics:
        for subscription in _subscriptions(session, topic):
            if subscription["Endpoint"].endswith(f":{name}"):
                session.sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
    session.sqs.delete_queue(QueueUrl=url)


def _subscriptions(session: AwsSession, topic: str) -> Iterator[dict[str, Any]]:
    yield from (
        item
        for page in session.sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
        for item in page["Subscriptions"]
    )
