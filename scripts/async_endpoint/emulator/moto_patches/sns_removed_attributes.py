"""Removal of subscription attributes by an empty value; moto describes them as empty, Amazon SNS not at all.

Terraform removes a filter policy this way ("Removing a subscription filter policy", SNS developer guide: set `FilterPolicy` to
`{}`) and would plan the same change after each apply.
"""

from __future__ import annotations

from typing import Any

from moto.sns.models import SNSBackend

EMPTY = ("", "{}")
REMOVABLE = ("DeliveryPolicy", "FilterPolicy", "RedrivePolicy")
_set_subscription_attributes = SNSBackend.set_subscription_attributes


def _set_or_remove(self: SNSBackend, arn: str, name: str, value: Any) -> None:
    removes = name in REMOVABLE and str(value or "").strip() in EMPTY
    _set_subscription_attributes(self, arn, name, "" if removes else value)
    if removes:
        next(item for item in [*self.subscriptions.values()] if item.arn == arn).attributes.pop(name, None)


def apply() -> None:
    SNSBackend.set_subscription_attributes = _set_or_remove
