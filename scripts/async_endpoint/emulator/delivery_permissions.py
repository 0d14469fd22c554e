"""Whether a service may deliver to a queue or topic: by the policy of the target, and by that of the target's customer key.

An AWS managed key (alias/aws/sqs) can be used by no other service. Sources: SQS developer guide, "Configure KMS permissions for
AWS services"; S3 User Guide, "Granting permissions to publish event notification messages to a destination".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from async_endpoint.core.errors import InvalidInput
from async_endpoint.emulator import moto_backends
from async_endpoint.iam import AccessRequest, evaluate
from async_endpoint.local_aws import ACCOUNT_ID

_KEY_ACTIONS = ("kms:GenerateDataKey", "kms:Decrypt")


def may_deliver(service: str, source_arn: str, target_arn: str) -> bool:
    """Whether `service`, on behalf of the resource `source_arn`, may send to a queue or publish to a topic that exists."""
    _, _, kind, region, _, name = target_arn.split(":", maxsplit=5)
    context = {"aws:SourceArn": source_arn, "aws:SourceAccount": ACCOUNT_ID, "aws:SecureTransport": "true"}
    if kind == "sqs":
        policy, key = moto_backends.queue_policy(name, region), moto_backends.queue_kms_key(name, region)
        allowed = resource_allows(service, "sqs:SendMessage", target_arn, policy, context)
    else:
        try:
            topic = moto_backends.topic(target_arn, region)
        except moto_backends.ResourceNotFound:
            return False
        key = topic.kms_key
        allowed = resource_allows(service, "sns:Publish", target_arn, topic.policy, context)
    return allowed and (key is None or may_use_key(service, key, region, context))


def resource_allows(principal: str, action: str, resource: str, policy: Any, context: Mapping[str, str]) -> bool:
    """Whether a resource's policy, None if it has none, allows a principal an action."""
    try:
        return bool(policy) and evaluate(AccessRequest(action, resource, principal, context), (), policy).allowed
    except InvalidInput:  # a policy that cannot be evaluated allows nothing
        return False


def may_use_key(service: str, identifier: str, region: str, context: Mapping[str, str]) -> bool:
    """Whether the policy of a customer key lets a service encrypt what it delivers."""
    try:
        key = moto_backends.kms_key(identifier, region)
    except moto_backends.ResourceNotFound:
        return False
    return all(resource_allows(service, action, key.arn, key.policy, context) for action in _KEY_ACTIONS)
