"""The permissions that API calls need: (action, resource, condition keys) of each, from its parameters; pure.

`required_permissions` covers the operations that this project's commands, Terraform and customers use. An operation it does not
know is an error, never a call that needs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from async_endpoint.core.errors import InvalidInput
from async_endpoint.iam.actions import hosting, identity, lookups, messaging, monitoring, stacks, storage
from async_endpoint.iam.actions.call import (
    UNKNOWN,
    ApiCall,
    Permission,
    ResourceFacts,
    Rule,
    Rules,
    UnknownResource,
    on,
    prefix_of,
)

# Operations that read have no resource type in these services, but for those that have rules.
_WITHOUT_RESOURCES: Final = {"ec2": ("Describe",), "sagemaker": ("List", "Search"), "service-quotas": ("Get", "List")}

__all__ = [
    "UNKNOWN", "ApiCall", "Permission", "ResourceFacts", "UnknownResource", "has_rules", "prefix_of", "required_permissions",
]  # fmt: skip

_RULES: Final[Mapping[str, Rules]] = {
    "application-autoscaling": hosting.SCALING,
    "cloudformation": stacks.CLOUDFORMATION,
    "cloudwatch": monitoring.CLOUDWATCH,
    "ec2": lookups.EC2,
    "ecr": lookups.ECR,
    "iam": identity.IAM,
    "kms": storage.KMS,
    "lambda": lookups.LAMBDA,
    "logs": monitoring.LOGS,
    "resourcegroupstaggingapi": lookups.TAGGING,
    "s3": storage.S3,
    "sagemaker": hosting.SAGEMAKER,
    "sagemaker-runtime": hosting.RUNTIME,
    "service-quotas": monitoring.SERVICE_QUOTAS,
    "sns": messaging.SNS,
    "sqs": messaging.SQS,
    "sts": identity.STS,
}


def has_rules(service: str, operation: str) -> bool:
    """Whether the permissions of an operation are known."""
    return _rules(service, operation) is not None


def required_permissions(call: ApiCall, facts: ResourceFacts) -> list[Permission]:
    """All permissions that a call needs.

    Raises InvalidInput for an operation without rules, and whatever its rules raise for parameters that they cannot read.
    """
    rules = _rules(call.service, call.operation)
    if rules is None:
        raise InvalidInput(f"The permissions of {call.service} {call.operation} are not known; add its rules to iam/actions.")
    found = [permission for rule in rules for permission in rule(call, facts)]
    # Without a parameter that names the resource, such as of an optional name, a call is about all of them.
    return found if found or not rules else [Permission(f"{prefix_of(call.service)}:{call.operation}", UNKNOWN, {})]


def _rules(service: str, operation: str) -> Sequence[Rule] | None:
    rules = _RULES.get(service, {}).get(operation)
    if rules is None and operation.startswith(_WITHOUT_RESOURCES.get(service, ("-",))):
        return (on("*"),)
    return rules
