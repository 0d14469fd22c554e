"""Who owns a live endpoint: a CloudFormation stack, another Terraform state, or nothing that AWS shows.

Two owners mean a later deletion, so what is owned is refused until it is released. A stack is asked for: its tags stay on what
it retained (aws-cloudformation/cloudformation-coverage-roadmap issue 1049), and are missing where a type has no tags. A
Terraform state is not known to AWS: its tags are evidence until a copy of it shows that it has the resource no more.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from async_endpoint.aws import DENIED_CODES, AwsSession, error_code
from async_endpoint.core.errors import InvalidInput, OwnedElsewhere
from async_endpoint.core.terraform_tags import DEPLOYMENT_TAG, terraform_tag
from async_endpoint.core.text import joined
from async_endpoint.deploy.live_adoption.resources import LiveResource
from async_endpoint.input_files import read_input

STACK_TAG: Final = "aws:cloudformation:stack-name"
_LARGEST_STATE_BYTES: Final = 64 * 2**20


# What a later deletion takes from a resource, although it is none of what is imported: by type, the attribute that names that
# resource.
_PARTS: Final = {
    "aws_iam_role_policy": "role",
    "aws_iam_role_policy_attachment": "role",
    "aws_s3_bucket_policy": "bucket",
    "aws_sns_topic_policy": "arn",
    "aws_sns_topic_subscription": "topic_arn",
}
_STACK_PARTS: Final = frozenset(
    {"AWS::IAM::Policy", "AWS::IAM::RolePolicy", "AWS::S3::BucketPolicy", "AWS::SNS::Subscription", "AWS::SNS::TopicPolicy"}
)


@dataclass(frozen=True)
class StackResource:
    """A resource of a stack by its logical id; `parts` are the stack's policies and subscriptions, which may belong to it."""

    stack: str
    logical_id: str
    resource: LiveResource
    parts: tuple[str, ...] = ()


def require_released(aws: AwsSession, resources: Sequence[LiveResource], deployment: str, states: Sequence[Path]) -> list[str]:
    """Raise OwnedElsewhere for what a stack or another Terraform state has of `resources`, with the steps that release it.

    `deployment` is the tag value of the environment that adopts; `states` are copies of Terraform states (`terraform state
    pull`). Returns sentences on what could not be decided.
    """
    owned, denied = _stacks(aws, resources)
    if owned:
        raise OwnedElsewhere(_stack_refusal(owned))
    if unasked := [one for one in denied if STACK_TAG in one.tags]:
        raise OwnedElsewhere(
            f"{joined([str(one) for one in unasked])} may belong to a CloudFormation stack ({STACK_TAG}), which cannot be "
            "asked for: allow cloudformation:DescribeStackResources, and repeat the command."
        )
    for file in states:
        if held := _held(file, resources):
            raise OwnedElsewhere(_state_refusal(file, held))
    tagged = (
        [] if states else [one for one in resources if terraform_tag(one.tags) and one.tags.get(DEPLOYMENT_TAG) != deployment]
    )
    if tagged:
        raise OwnedElsewhere(_tag_refusal(tagged))
    notes = (
        ["CloudFormation could not be asked (cloudformation:DescribeStackResources): no tag names a stack."] if denied else []
    )
    if not states:
        notes.append(
            "AWS does not show Terraform states: if one has this endpoint, release it there first "
            "(docs/adopt.md#another-terraform-state)."
        )
    return notes


# --- stacks -----------------------------------------------------------------------------------------------------------


def _stacks(aws: AwsSession, resources: Iterable[LiveResource]) -> tuple[list[StackResource], list[LiveResource]]:
    """What stacks have, and what could not be asked for."""
    from botocore.exceptions import ClientError  # noqa: PLC0415

    owned: list[StackResource] = []
    denied: list[LiveResource] = []
    for resource in resources:
        try:
            found = aws.client("cloudformation").describe_stack_resources(PhysicalResourceId=resource.physical_id)[
                "StackResources"
            ]
        except ClientError as error:
            if error_code(error) in DENIED_CODES:
                denied.append(resource)
            elif error_code(error) != "ValidationError":  # no stack has it
                raise
            continue
        parts = tuple(str(one["LogicalResourceId"]) for one in found if one["ResourceType"] in _STACK_PARTS)
        owned += [
            StackResource(str(one["StackName"]), str(one["LogicalResourceId"]), resource, parts)
            for one in found
            if one.get("PhysicalResourceId") == resource.physical_id and not str(one["ResourceStatus"]).startswith("DELETE_")
        ]
    return owned, denied


def _stack_refusal(owned: Sequence[StackResource]) -> str:
    stack = owned[0].stack
    mine = [one for one in owned if one.stack == stack]
    ids = joined(sorted({one.logical_id for one in mine} | set(mine[0].parts)))
    return (
        f"CloudFormation stack {stack} has {joined([f'{one.resource} ({one.logical_id})' for one in mine])}, and would delete "
        f"or change it later. Release it: 1. in the template, give {ids} DeletionPolicy: Retain and UpdateReplacePolicy: "
        "Retain (CDK: applyRemovalPolicy(RemovalPolicy.RETAIN)), and update the stack, with some other change, since a "
        "deletion policy alone is no update; 2. remove them from the template and from its outputs, and update the stack "
        "again, or delete the stack: either leaves them running. Then repeat this command."
    )


# --- Terraform states -------------------------------------------------------------------------------------------------


def _tag_refusal(tagged: Sequence[LiveResource]) -> str:
    shown = joined([f"{one} ({terraform_tag(one.tags)})" for one in tagged])
    return (
        f"By their tags, another Terraform state has {shown}, and would delete or change that later. In its root, run "
        "`terraform state pull > other.tfstate`, and repeat this command with --other-state other.tfstate: it prints the "
        "`terraform state rm` that releases them, and adopts what that state does not have any more."
    )


def _held(file: Path, resources: Sequence[LiveResource]) -> list[tuple[str, LiveResource]]:
    """The addresses in the state in `file` of those of `resources` that it has."""
    found: list[tuple[str, LiveResource]] = []
    for address, kind, values in _instances(file):
        names = {str(values[name]) for name in ("id", "arn", "name", "resource_id") if values.get(name)}
        owner = str(values.get(_PARTS.get(kind, ""), ""))
        found += [
            (address, resource)
            for resource in resources
            if (kind == resource.type and names & {resource.id, resource.arn, resource.name})
            or (owner and owner in (resource.name, resource.arn))
        ]
    return found


def _instances(file: Path) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Address, type and attributes of each managed resource of a state file (format version 4)."""
    for resource in _state(file).get("resources", ()):
        if resource.get("mode") != "managed":
            continue
        base = ".".join(filter(None, (resource.get("module"), resource["type"], resource["name"])))
        for instance in resource.get("instances", ()):
            key = instance.get("index_key")
            yield base if key is None else f"{base}[{json.dumps(key)}]", str(resource["type"]), instance.get("attributes") or {}


def _state(file: Path) -> Mapping[str, Any]:
    try:
        document = json.loads(read_input(file, _LARGEST_STATE_BYTES))
    except ValueError:
        document = None
    if not isinstance(document, dict) or document.get("version") != 4 or not isinstance(document.get("resources"), list):
        raise InvalidInput(
            f"{file} is no Terraform state; write one with `terraform state pull > {file.name}` in the other root."
        )
    return document


def _state_refusal(file: Path, held: Sequence[tuple[str, LiveResource]]) -> str:
    addresses = " ".join(shlex.quote(address) for address, _ in held)
    return (
        f"The Terraform state in {file} has {joined([f'{resource} ({address})' for address, resource in held])}, and would "
        "delete or change that later. In its root, remove the blocks from its configuration and run: terraform state rm "
        f"{addresses} (nothing is deleted); then `terraform state pull` again, and repeat this command."
    )
