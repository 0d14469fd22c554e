"""The topics, the results queue with its dead-letter queue, those of the HTTP API, and the subscriptions that join them.

Without one of them an endpoint serves, and no client or webhook learns of a result. One call a topic and a queue: a list of its
subscriptions, which SNS refuses for a topic that does not exist, or a description. Four, and six with an HTTP API.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from async_endpoint.aws import AwsSession, error_code
from async_endpoint.core.outputs import AsyncEndpointOutputs
from async_endpoint.core.text import joined
from async_endpoint.deploy.verification.findings import Difference, Differs, denied, existing, pages, raise_any


def notifications(aws: AwsSession, outputs: AsyncEndpointOutputs) -> str:
    """That both topics and all queues exist, and that each topic delivers to the results queue and the delivery queue."""
    planned, differences = outputs.notifications, list[Difference]()
    queues = {"results queue": planned.results_queue_url, "dead-letter queue": planned.dead_letter_queue_url}
    subscribed = [planned.results_queue_arn] if planned.results_queue_arn else []
    if (api := outputs.http_api) is not None:
        queues["delivery queue"] = api.delivery_queue_url
        queues["dead-letter queue of deliveries"] = api.delivery_dead_letter_queue_url
        subscribed.append(api.delivery_queue_arn)
    for queue, url in queues.items():
        if url:  # a root of its own making may have topics and no queue
            differences += _queue(aws, f"{queue} {_last(url, '/')}", url)
    seen: dict[bool, list[str]] = {True: [], False: []}
    for topic in dict.fromkeys((planned.success_topic_arn, planned.error_topic_arn)):
        found = _topic(aws, topic, subscribed)
        differences += found or []
        seen[found is not None].append(_last(topic, ":"))
    raise_any(differences)
    if not subscribed:
        return f"{joined(seen[True] or seen[False])}, without a results queue"
    names = joined([_last(arn, ":") for arn in subscribed])
    compared = (
        f"{joined(seen[True])} deliver{'s' if len(seen[True]) == 1 else ''} to {names}"
        if seen[True]
        else f"{names} exist{'s' if len(subscribed) == 1 else ''}"
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


def _topic(aws: AwsSession, arn: str, queue_arns: Sequence[str]) -> list[Difference] | None:
    """Empty for a topic that delivers to each queue; None where its subscriptions may not be read."""
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
    delivered = {one["Endpoint"] for one in found if one["Protocol"] == "sqs"}
    return [
        Difference(subject, f"does not deliver to queue {_last(queue, ':')}: it has no subscription for it")
        for queue in queue_arns
        if queue not in delivered
    ]


def _last(text: str, separator: str) -> str:
    return text.rpartition(separator)[2]
