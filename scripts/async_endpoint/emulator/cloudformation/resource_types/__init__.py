"""Resource types of CloudFormation, each by the calls that create, update and delete one. Modules are named by the service.

Properties, and which of them replace the resource, are those of the CloudFormation registry (createOnlyProperties of its
schemas, as cfn-lint 1.58 packages them). A property of a type that is not listed here fails its resource by name.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Final

from async_endpoint.emulator.cloudformation.resource_types.base import ResourceType

_MODULES: Final = {
    "AWS::ApplicationAutoScaling": "scaling",
    "AWS::CDK": "metadata",
    "AWS::CloudWatch": "monitoring",
    "AWS::IAM": "identity",
    "AWS::KMS": "keys",
    "AWS::Logs": "monitoring",
    "AWS::S3": "storage",
    "AWS::SNS": "topics",
    "AWS::SQS": "queues",
    "AWS::SageMaker": "sagemaker",
}


@cache
def resource_type(name: str) -> ResourceType | None:
    """The implementation of a resource type; None for one that is not emulated."""
    module = _MODULES.get(name.rpartition("::")[0])
    if module is None:
        return None
    found = import_module(f"{__name__}.{module}").TYPES.get(name)
    return found if isinstance(found, ResourceType) else None
