"""Which CloudFormation stack has a resource, and everything that the stack has.

A stack is asked for: its tags stay on what it has retained (aws-cloudformation/cloudformation-coverage-roadmap issue 1049), and
are missing where a type has no tags.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

from async_endpoint.aws import AwsSession, error_code

STACK_TAG: Final = "aws:cloudformation:stack-name"
ASKING: Final = "cloudformation:DescribeStackResources and cloudformation:ListStackResources"  # what this needs
_FIRST: Final = 100  # "Only the first 100 resources will be returned" (botocore, DescribeStackResources)
_RELEASED: Final = frozenset({"DELETE_COMPLETE", "DELETE_SKIPPED"})  # a failed deletion leaves the resource in its stack
_UNKNOWN: Final = "ValidationError"  # no stack has it, or there is no such stack


@dataclass(frozen=True)
class StackPart:
    """A resource in a stack: its CloudFormation type, its logical id, and its physical one."""

    type: str
    logical_id: str
    physical_id: str


@dataclass(frozen=True)
class Holding:
    """A stack that has a resource, by its name; `logical_id` is the resource's, `parts` are all resources of the stack."""

    stack: str
    logical_id: str
    parts: Sequence[StackPart]


def stack_holding(session: AwsSession, physical_id: str) -> Holding | None:
    """The stack that has the resource `physical_id`; None if none has it, or has it no more. Raises ClientError if denied."""
    try:
        found = session.client("cloudformation").describe_stack_resources(PhysicalResourceId=physical_id)["StackResources"]
    except ClientError as error:
        if error_code(error) != _UNKNOWN:
            raise
        return None
    if not found:
        return None
    stack, parts = str(found[0]["StackName"]), _held(found)
    if len(found) >= _FIRST or physical_id not in [one.get("PhysicalResourceId") for one in found]:
        parts = stack_parts(session, str(found[0].get("StackId", stack)))
    mine = [part for part in parts if part.physical_id == physical_id]
    return Holding(stack, mine[0].logical_id, parts) if mine else None


def stack_parts(session: AwsSession, stack: str) -> list[StackPart]:
    """What the stack has, by its name or id; nothing where there is no such stack. Raises ClientError if denied."""
    pages = session.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
    try:
        return _held([one for page in pages for one in page["StackResourceSummaries"]])
    except ClientError as error:
        if error_code(error) != _UNKNOWN:
            raise
        return []


def _held(resources: Sequence[Mapping[str, Any]]) -> list[StackPart]:
    return [
        StackPart(str(one.get("ResourceType", "")), str(one.get("LogicalResourceId", "")), str(one["PhysicalResourceId"]))
        for one in resources
        if one.get("PhysicalResourceId") and one["ResourceStatus"] not in _RELEASED
    ]
