"""The topics, the results queue with its dead-letter queue, and the subscriptions that join them.

Without one of them an endpoint serves, and no client learns of a result. Four calls: a list of each topic's subscriptions,
which SNS refuses for a topic that does not exist, and a description of each queue.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from async_endpoint.aws import AwsSession, error_code
from async_endpoint.core.outputs import AsyncEndpointOutputs
from async_endpoint.core.text import joined
from async_endpoint.deploy.verification.findings import Difference, Differs, denied, existing, pages, raise_any


def notifications(aws: AwsSession, outputs: AsyncEndpointOutputs) -> str:
    """That both topics and both queues exist, and that each topic delivers to the results queue."""
    planned, differences = outputs.notifications, list[Difference]()
    for queue, url in (("results queue", planned.results_queue_url), ("dead-letter queue", planned.dead_letter_queue_url)):
        if url:  # a root of its own making may have topics and no queue
            differences += _queue(aws, f"{queue} {_last(url, '/')}", url)
    seen: dict[bool, list[str]] = {True: [], False: []}
    for topic in dict.fromkeys((planned.success_topic_arn, planned.error_topic_arn)):
        found = _topic(aws, topic, planned.results_queue_arn)
        differences += found or []
        seen[found is not None].append(_last(topic, ":"))
    raise_any(differences)
    queue = _last(planned.results_queue_arn, ":")
    if not queue:
        return f"{joined(seen[True] or seen[False])}, without a results queue"
    compared = (
        f"{joined(seen[True])} deliver{'s' if len(seen[True]) == 1 else ''} to {queue}" if seen[True] else f"{queue} exists"
    )
    return compared + (f"; {joined(seen[False])}: not compared, sns:ListSubscriptionsByTopic is denied" if seen[False] else "")


def _queue(aws: AwsSession, subject: str, url: str) -> list[Difference]:
    def describe() -> Mapping[str, Any]:
        found: Mapping[str, Any] = aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return found

    try:
        existing(subject, describe)
    except Differs as missing:
        return list(missing.differences)
    return []


def _topic(aws: AwsSession, arn: str, queue_arn: str) -> list[Difference] | None:
    """Empty for a topic that delivers to the queue, if there is one; None where its subscriptions may not be read."""
    from botocore.exceptions import ClientError  # noqa: PLC0415

    subject = f"topic {_last(arn, ':')}"
    try:
        found = existing(
            subject, lambda: {"all": pages(aws, "sns", "list_subscriptions_by_topic", "Subscriptions", TopicArn=arn)}
        )["all"]
    except Differs as missing:
        return list(missing.differences)
    except ClientError as error:
        if error_code(error) != "AuthorizationError" and not denied(error):
            raise
        return None
    if not queue_arn or any(one["Protocol"] == "sqs" and one["Endpoint"] == queue_arn for one in found):
        return []
    return [Difference(subject, f"does not deliver to queue {_last(queue_arn, ':')}: it has no subscription for it")]


def _last(text: str, separator: str) -> str:
    return text.rpartition(separator)[2]
