"""Delivery from SNS to SQS by the policies of queue and key, with dead letters of subscriptions. moto ignores all of them.

On AWS the queue's policy must allow sns.amazonaws.com to send, and the policy of the queue's customer key must allow it to use
the key; otherwise the message goes to the subscription's dead-letter queue, or is lost.

Subscriptions of other protocols receive nothing: moto would call web addresses and run functions in Docker.
"""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from moto.sns.models import Subscription
from moto.sqs.models import sqs_backends

from async_endpoint.emulator.delivery_permissions import may_deliver
from async_endpoint.emulator.faults.deliveries import Deliveries

SERVICE = "sns.amazonaws.com"
_publish = Subscription.publish


def _send(self: Subscription, message: str, message_id: str, **rest: Any) -> None:
    if self.protocol != "sqs":
        return
    if _may_send(self, self.endpoint):
        _publish(self, message, message_id, **rest)
        return
    dead_letters = _dead_letters(self)
    if dead_letters and _may_send(self, dead_letters) and _passes_filter(self, message, rest.get("message_attributes")):
        raw = str(self.attributes.get("RawMessageDelivery")).lower() == "true"
        body = message if raw else json.dumps(self.get_post_data(message, message_id, rest.get("subject")))
        _queues(self, dead_letters).send_message(dead_letters.split(":")[-1], body)


def _may_send(subscription: Subscription, queue_arn: str) -> bool:
    return may_deliver(SERVICE, subscription.topic.arn, queue_arn)


def _dead_letters(subscription: Subscription) -> str | None:
    policy = subscription.attributes.get("RedrivePolicy")
    return json.loads(policy).get("deadLetterTargetArn") if policy else None


def _passes_filter(subscription: Subscription, message: str, attributes: Any) -> bool:
    matcher = subscription._filter_policy_matcher
    return matcher is None or bool(matcher.matches(attributes, message))


def _queues(subscription: Subscription, queue_arn: str) -> Any:
    return sqs_backends[subscription.account_id][queue_arn.split(":")[3]]


def apply(deliveries: Deliveries) -> None:
    """Deliver by the policies, through the faults of deliveries."""

    def deliver(self: Subscription, message: str, message_id: str, **rest: Any) -> None:
        send = partial(_send, self, message, message_id, **rest)
        if not deliveries.affected:
            send()
        elif _passes_filter(self, message, rest.get("message_attributes")):
            deliveries.deliver(self.topic.arn, send)

    Subscription.publish = deliver
