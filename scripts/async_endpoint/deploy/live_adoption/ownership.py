"""Who owns a live endpoint: a CloudFormation stack, another Terraform state, or nothing that AWS shows.

Two owners mean a later deletion, so what is owned is refused until it is released. A stack is asked for. A Terraform state is
not known to AWS: its tags are evidence until a copy of it shows that it has the resource no more.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from async_endpoint.aws import DENIED_CODES, AwsSession, error_code
from async_endpoint.core.errors import OwnedElsewhere
from async_endpoint.core.terraform_tags import DEPLOYMENT_TAG, terraform_tag
from async_endpoint.core.text import joined
from async_endpoint.deploy.live_adoption.other_states import OtherState
from async_endpoint.deploy.live_adoption.resources import LiveResource
from async_endpoint.stacks import ASKING, STACK_TAG, StackPart, stack_holding, stack_parts

_STACK_ID_TAG: Final = "aws:cloudformation:stack-id"
# What a stack may have of a resource that it does not have itself, by the type of that resource.
_STACK_PARTS: Final[Mapping[str, str]] = {
    "AWS::IAM::ManagedPolicy": "aws_iam_role",
    "AWS::IAM::Policy": "aws_iam_role",
    "AWS::IAM::RolePolicy": "aws_iam_role",
    "AWS::S3::BucketPolicy": "aws_s3_bucket",
    "AWS::SNS::Subscription": "aws_sns_topic",
    "AWS::SNS::TopicPolicy": "aws_sns_topic",
}
# Those whose physical id does not say what they are of (A322); that of a bucket's policy is the bucket, which is asked for.
_OPAQUE_PARTS: Final = frozenset(_STACK_PARTS) - {"AWS::S3::BucketPolicy", "AWS::SNS::Subscription"}


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
    return [*_require_no_stack(aws, resources), *_require_no_state(resources, deployment, states)]


# --- stacks -----------------------------------------------------------------------------------------------------------


def _require_no_stack(aws: AwsSession, resources: Sequence[LiveResource]) -> Iterator[str]:
    owned, denied = _stacks(aws, resources)
    if owned:
        raise OwnedElsewhere(_stack_refusal(owned))
    if unasked := [one for one in denied if STACK_TAG in one.tags]:
        raise OwnedElsewhere(
            f"{joined([str(one) for one in unasked])} may belong to a CloudFormation stack ({STACK_TAG}), which cannot be "
            f"asked for: allow {ASKING}, and repeat the command."
        )
    if distant := [one for one in resources if _stack_region(one) not in ("", aws.region)]:
        raise OwnedElsewhere(
            f"{distant[0]} was made by CloudFormation stack {distant[0].tags.get(STACK_TAG, '')} of region "
            f"{_stack_region(distant[0])}, which may have it still: leave it as it is, with --reference."
        )
    if denied:
        yield f"CloudFormation could not be asked ({ASKING}): no tag names a stack."
        return
    kinds = {one.type for one in resources}
    for stack in sorted({one.tags[STACK_TAG] for one in resources if STACK_TAG in one.tags}):
        found = _listed(aws, stack)
        if found is None:
            yield f"CloudFormation stack {stack} could not be asked for policies and subscriptions ({ASKING})."
            continue
        parts = [one for one in found if _STACK_PARTS.get(one.type) in kinds]
        if subscribed := list(_subscriptions(stack, parts, resources)):
            raise OwnedElsewhere(_stack_refusal(subscribed))
        if left := [one.logical_id for one in parts if one.type in _OPAQUE_PARTS]:
            yield (
                f"CloudFormation stack {stack} has released what is adopted, and still has {joined(left)}: AWS does not show "
                "what these are of. If it is a role or a topic that is adopted, release them as well, or the stack's deletion "
                "takes them away."
            )


def _stacks(aws: AwsSession, resources: Iterable[LiveResource]) -> tuple[list[StackResource], list[LiveResource]]:
    """What stacks have, and what could not be asked for."""
    from botocore.exceptions import ClientError  # noqa: PLC0415

    owned: list[StackResource] = []
    denied: list[LiveResource] = []
    for resource in resources:
        try:
            holding = stack_holding(aws, resource.physical_id)
        except ClientError as error:
            if error_code(error) not in DENIED_CODES:
                raise
            denied.append(resource)
            continue
        if holding is not None:
            parts = tuple(one.logical_id for one in holding.parts if one.type in _STACK_PARTS)
            owned.append(StackResource(holding.stack, holding.logical_id, resource, parts))
    return owned, denied


def _listed(aws: AwsSession, stack: str) -> list[StackPart] | None:
    """What the stack has, None where that may not be read."""
    from botocore.exceptions import ClientError  # noqa: PLC0415

    try:
        return stack_parts(aws, stack)
    except ClientError as error:
        if error_code(error) not in DENIED_CODES:
            raise
        return None


def _stack_region(resource: LiveResource) -> str:
    """The region of the stack that made a resource, empty where no tag says it: a role is of all regions."""
    stack_id = resource.tags.get(_STACK_ID_TAG, "")
    return stack_id.split(":")[3] if stack_id.count(":") >= 5 else ""


def _subscriptions(stack: str, parts: Iterable[StackPart], resources: Sequence[LiveResource]) -> Iterator[StackResource]:
    """Subscriptions of `resources`, by the ARN, which begins with that of the topic and is the physical id."""
    for part in parts:
        for topic in (one for one in resources if one.type == "aws_sns_topic"):
            if part.type == "AWS::SNS::Subscription" and part.physical_id.startswith(f"{topic.arn}:"):
                yield StackResource(stack, part.logical_id, topic)


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


def _require_no_state(resources: Sequence[LiveResource], deployment: str, files: Sequence[Path]) -> Iterator[str]:
    states = [OtherState(file) for file in files]
    for state in states:
        if held := state.held(resources):
            raise OwnedElsewhere(_state_refusal(state.file, held))
    tagged = [one for one in resources if terraform_tag(one.tags) and one.tags.get(DEPLOYMENT_TAG) != deployment]
    shown = joined([f"{one} ({terraform_tag(one.tags)})" for one in tagged]) if tagged else ""
    if tagged and not states:
        raise OwnedElsewhere(
            f"By their tags, another Terraform state has {shown}, and would delete or change that later. In its root, run "
            "`terraform state pull > other.tfstate`, and repeat this command with --other-state other.tfstate: it prints the "
            "`terraform state rm` that releases them, and adopts what that state does not have any more."
        )
    if tagged:
        yield (
            f"Tags say that Terraform manages {shown}, which is not in {joined([str(state) for state in states])}: make sure "
            "that this is the state of the root that made it."
        )
    elif not states:
        yield (
            "AWS does not show Terraform states: if one has this endpoint, release it there first "
            "(docs/adopt.md#another-terraform-state)."
        )


def _state_refusal(file: Path, held: Sequence[tuple[str, LiveResource]]) -> str:
    addresses = " ".join(shlex.quote(address) for address, _ in held)
    return (
        f"The Terraform state in {file} has {joined([f'{resource} ({address})' for address, resource in held])}, and would "
        "delete or change that later. In its root, remove the blocks from its configuration and run: terraform state rm "
        f"{addresses} (nothing is deleted); then `terraform state pull` again, and repeat this command."
    )
