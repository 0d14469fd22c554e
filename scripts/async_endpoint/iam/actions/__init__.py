"""The permissions that API calls need: (action, resource, condition keys) of each, from its parameters; pure.

`required_permissions` covers the operations that this project's commands, Terraform and customers use. An operation it does not
know is an error, never a call that needs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from async_endpoint.core.errors import InvalidInput
from async_endpoint.iam.actions import hosting, identity, lookups, messaging, monitoring, stacks, storage
from async_endpoint.iam.actions.call import ApiCall, Permission, ResourceFacts, Rules, on, prefix_of

# Operations that read have no resource type in these services, but for those that have rules.
_WITHOUT_RESOURCES: Final = {"ec2": ("Describe",), "sagemaker": ("List", "Search"), "service-quotas": ("Get", "List")}

__all__ = ["ApiCall", "Permission", "ResourceFacts", "prefix_of", "required_permissions"]

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


def required_permissions(call: ApiCall, facts: ResourceFacts) -> list[Permission]:
    """All permissions that a call needs. Raises InvalidInput for an operation without rules."""
    rules = _RULES.get(call.service, {}).get(call.operation)
    if rules is None and call.operation.startswith(_WITHOUT_RESOURCES.get(call.service, ("-",))):
        rules = (on("*"),)
    if rules is None:
        raise InvalidInput(f"The permissions of {call.service} {call.operation} are not known; add its rules to iam/actions.")
    found = [permission for rule in rules for permission in rule(call, facts)]
    # Without a parameter that names the resource, such as of an optional name, a call is about all of them.
    return found if found or not rules else [Permission(f"{prefix_of(call.service)}:{call.operation}", "*", {})]
