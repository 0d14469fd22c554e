"""Deletion of abandoned run queues, which killed processes left behind."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from async_endpoint.aws import AwsSession
from async_endpoint.client.endpoint_info import EndpointInfo
from async_endpoint.client.run_queue import (
    HEARTBEAT_SECONDS,
    HEARTBEAT_TAG,
    QUEUE_NAME_INFIX,
    QUEUE_TIMESTAMP_FORMAT,
    queue_prefix,
)

ABANDONED_AFTER_SECONDS: Final = 12 * HEARTBEAT_SECONDS  # a live owner would have sent that many heartbeats

log = logging.getLogger(__name__)


def remove_abandoned(session: AwsSession, info: EndpointInfo, now: float | None = None) -> list[str]:
    """Delete the endpoint's run queues without a heartbeat for ABANDONED_AFTER_SECONDS; returns their URLs.

    One call if there are none. A queue without a heartbeat tag belongs to something else and stays. Raises nothing: the caller
    may lack the permission, and does not depend on it.
    """
    moment = time.time() if now is None else now
    removed = []
    try:
        found = session.sqs.list_queues(QueueNamePrefix=queue_prefix(info.name), MaxResults=1_000).get("QueueUrls", [])
        for url in found:
            if _created_at(url) > moment - ABANDONED_AFTER_SECONDS:
                continue
            heartbeat = session.sqs.list_queue_tags(QueueUrl=url).get("Tags", {}).get(HEARTBEAT_TAG, "")
            if heartbeat.isdigit() and moment - int(heartbeat) > ABANDONED_AFTER_SECONDS:
                _remove(session, info, url)
                removed.append(url)
    except (BotoCoreError, ClientError) as error:
        log.info("Abandoned queues could not be deleted: %s", error)
    return removed


def _created_at(url: str) -> float:
    """When a queue was created, from its name; 0 if the name does not say."""
    timestamp = url.rpartition(QUEUE_NAME_INFIX)[2].partition("-")[0]
    try:
        return datetime.strptime(timestamp, QUEUE_TIMESTAMP_FORMAT).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return 0.0


def _remove(session: AwsSession, info: EndpointInfo, url: str) -> None:
    name = url.rpartition("/")[2]
    for topic in info.topics:
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
