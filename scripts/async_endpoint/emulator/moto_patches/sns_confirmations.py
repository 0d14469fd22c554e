"""Subscriptions of e-mail and web addresses are pending until their recipient confirms them; moto confirms them at once.

Nothing is sent from here, so such a subscription stays pending, and cannot be removed without its topic, until
ConfirmSubscription is called with the token that the log has. Sources: API reference, Subscribe (ReturnSubscriptionArn,
"pending confirmation"), ConfirmSubscription and GetTopicAttributes; Terraform's AWS provider, resourceTopicSubscriptionDelete,
for the refusal of Unsubscribe. On AWS a subscription without a confirmation expires; here it does not.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable
from typing import Any, Final

from moto.core.responses import ActionResult
from moto.sns.exceptions import SNSInvalidParameter, SNSNotFoundError
from moto.sns.models import SNSBackend, Subscription
from moto.sns.responses import SNSResponse

from async_endpoint.emulator.moto_patches.sns_attributes import get_topic_attributes, subscribe

_CONFIRMED_BY_RECIPIENT: Final = ("email", "email-json", "http", "https")
_log = logging.getLogger(__name__)
_subscribe = SNSBackend.subscribe
_unsubscribe = SNSBackend.unsubscribe


def _is_pending(subscription: Subscription) -> bool:
    return bool(subscription.attributes["PendingConfirmation"])


def _subscribed(self: SNSBackend, topic_arn: str, endpoint: str, protocol: str) -> Subscription:
    known = set(self.subscriptions)
    subscription = _subscribe(self, topic_arn, endpoint, protocol)
    if subscription.arn not in known and protocol in _CONFIRMED_BY_RECIPIENT:
        subscription.attributes |= {"PendingConfirmation": True, "ConfirmationWasAuthenticated": False}
        subscription.confirmation_token = uuid.uuid4().hex
        _log.warning(
            "%s is not asked to confirm its subscription to %s: the local AWS sends nothing. Confirm it with the token %s.",
            endpoint,
            topic_arn,
            subscription.confirmation_token,
        )
    return subscription


def _answer_subscribe(self: SNSResponse) -> ActionResult:
    arn = subscribe(self).result["SubscriptionArn"]
    wants_arn = str(self._get_param("ReturnSubscriptionArn")).lower() == "true"
    found = self.backend.subscriptions.get(arn)
    pending = found is not None and _is_pending(found) and not wants_arn
    return ActionResult({"SubscriptionArn": "pending confirmation" if pending else arn})


def _confirm(self: SNSResponse) -> ActionResult:
    arn, token = self._get_param("TopicArn"), self._get_param("Token")
    if arn not in self.backend.topics:
        raise SNSNotFoundError("Topic does not exist")
    of_topic = [item for item in list(self.backend.subscriptions.values()) if item.topic_arn == arn]
    found = next((item for item in of_topic if token and getattr(item, "confirmation_token", None) == token), None)
    if found is None:
        raise SNSInvalidParameter("Invalid parameter: Token")
    authenticated = str(self._get_param("AuthenticateOnUnsubscribe")).lower() == "true"
    found.attributes |= {"PendingConfirmation": False, "ConfirmationWasAuthenticated": authenticated}
    return ActionResult({"SubscriptionArn": found.arn})


def _removed(self: SNSBackend, subscription_arn: str) -> None:
    found = self.subscriptions.get(subscription_arn)
    if found is not None and _is_pending(found):
        raise SNSInvalidParameter(
            "Invalid parameter: SubscriptionArn Reason: Cannot unsubscribe a subscription that is pending confirmation"
        )
    _unsubscribe(self, subscription_arn)


def _described(subscriptions: Iterable[Subscription]) -> list[dict[str, Any]]:
    return [
        {
            "SubscriptionArn": "PendingConfirmation" if _is_pending(item) else item.arn,
            "Owner": item.owner,
            "Protocol": item.protocol,
            "Endpoint": item.endpoint,
            "TopicArn": item.topic_arn,
        }
        for item in subscriptions
    ]


def _list(self: SNSResponse) -> ActionResult:
    found, token = self.backend.list_subscriptions(next_token=self._get_param("NextToken"))
    return ActionResult({"Subscriptions": _described(found), "NextToken": token})


def _list_by_topic(self: SNSResponse) -> ActionResult:
    found, token = self.backend.list_subscriptions_by_topic(
        self._get_param("TopicArn"), next_token=self._get_param("NextToken")
    )
    return ActionResult({"Subscriptions": _described(found), "NextToken": token})


def _attributes_of_topic(self: SNSResponse) -> ActionResult:
    attributes = get_topic_attributes(self).result["Attributes"]
    arn = attributes["TopicArn"]
    pending = [_is_pending(item) for item in list(self.backend.subscriptions.values()) if item.topic_arn == arn]
    counts = {"SubscriptionsPending": sum(pending), "SubscriptionsConfirmed": len(pending) - sum(pending)}
    return ActionResult({"Attributes": attributes | counts})


def apply() -> None:
    SNSBackend.subscribe = _subscribed
    SNSBackend.unsubscribe = _removed
    SNSResponse.subscribe = _answer_subscribe
    SNSResponse.confirm_subscription = _confirm
    SNSResponse.list_subscriptions = _list
    SNSResponse.list_subscriptions_by_topic = _list_by_topic
    SNSResponse.get_topic_attributes = _attributes_of_topic
