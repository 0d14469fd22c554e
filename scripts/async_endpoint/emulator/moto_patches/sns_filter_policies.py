"""Filter policies of SNS take effect after a delay, and a topic has at most 200; moto has neither.

A subscription that is created with a policy receives nothing until then; one whose policy is set, changed or removed later
keeps the old behaviour. Sources: SNS developer guide, "Amazon SNS subscription filter policies" (15 minutes, FilterDelay) and
"Filter policy constraints" (200 a topic).
"""

from __future__ import annotations

import time
from typing import Any, Final

from moto.sns.exceptions import SNSException
from moto.sns.models import Subscription

from async_endpoint.emulator.filter_delay import FilterDelay

MAX_POLICIES_PER_TOPIC: Final = 200
CREATION_SECONDS: Final = 1.0  # real ones; moto sets the attributes of Subscribe right after it has created the subscription
_STATE: Final = "_filter_state"


class _Nothing:
    """Matches no message."""

    def matches(self, attributes: Any, message: str) -> bool:
        return False


def apply(filter_delay: FilterDelay) -> None:
    def get(self: Subscription) -> Any:
        before, current, effective_at, _ = self.__dict__[_STATE]
        return current if filter_delay.clock.now() >= effective_at else before

    def set_(self: Subscription, matcher: Any) -> None:
        known = self.__dict__.get(_STATE)
        if known is None:
            self.__dict__[_STATE] = (None, matcher, 0.0, time.time())
            return
        _, current, _, created_at = known
        if _policy(matcher) == _policy(current):
            return
        is_new = current is None and time.time() - created_at < CREATION_SECONDS
        if current is None:
            _require_room(self, is_new=is_new)
        before = (None if filter_delay.unfiltered else _Nothing()) if is_new else get(self)
        self.__dict__[_STATE] = (before, matcher, filter_delay.clock.now() + filter_delay.seconds, created_at)

    Subscription._filter_policy_matcher = property(get, set_)


def _policy(matcher: Any) -> Any:
    return None if matcher is None else (matcher.filter_policy, matcher.filter_policy_scope)


def _require_room(subscription: Subscription, *, is_new: bool) -> None:
    subscriptions = subscription.topic.sns_backend.subscriptions
    others = [
        other
        for other in list(subscriptions.values())
        if other is not subscription and other.topic is subscription.topic and other.__dict__[_STATE][1] is not None
    ]
    if len(others) >= MAX_POLICIES_PER_TOPIC:
        subscription._filter_policy = None
        if is_new:
            subscriptions.pop(subscription.arn, None)
        raise SNSException("FilterPolicyLimitExceeded", f"A topic has at most {MAX_POLICIES_PER_TOPIC} filter policies")
