"""Who owns what is to be adopted: CloudFormation stacks and copies of Terraform states, on answers in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from async_endpoint.aws import AwsSession
from async_endpoint.core.errors import OwnedElsewhere
from async_endpoint.deploy.live_adoption.other_states import OtherState
from async_endpoint.deploy.live_adoption.ownership import require_released
from async_endpoint.deploy.live_adoption.resources import LiveResource
from async_endpoint.stacks import STACK_TAG, stack_holding
from support.in_memory_aws import client_error

REGION, ACCOUNT = "eu-west-1", "123456789012"
OWN = f"shop-dev-{REGION}"
TOPIC = LiveResource(
    "aws_sns_topic",
    "results",
    f"arn:aws:sns:{REGION}:{ACCOUNT}:results",
    f"arn:aws:sns:{REGION}:{ACCOUNT}:results",
    f"arn:aws:sns:{REGION}:{ACCOUNT}:results",
)
ROLE = LiveResource("aws_iam_role", "shop", "shop", "shop", f"arn:aws:iam::{ACCOUNT}:role/shop")


def arn_of(name: str, region: str = REGION, account: str = ACCOUNT) -> str:
    return f"arn:aws:sagemaker:{region}:{account}:endpoint/{name}"


ENDPOINT = LiveResource("aws_sagemaker_endpoint", "shop", "shop", arn_of("shop"), arn_of("shop"))


class Stacks:
    """Stacks by name: (type, physical id, status) of each resource. DescribeStackResources shows the first 100."""

    def __init__(self, **stacks: list[tuple[str, str, str]]) -> None:
        self.stacks = stacks

    @property
    def session(self) -> AwsSession:
        return AwsSession(lambda _: self, REGION)

    def describe_stack_resources(self, PhysicalResourceId: str) -> Mapping[str, Any]:  # noqa: N803
        for stack in self.stacks:
            found = list(self._described(stack))
            if PhysicalResourceId in [one["PhysicalResourceId"] for one in found]:
                return {"StackResources": found[:100]}
        raise client_error("ValidationError", "no stack")

    def get_paginator(self, operation: str) -> Any:
        assert operation == "list_stack_resources"
        return SimpleNamespace(paginate=self._pages)

    def _pages(self, StackName: str) -> Iterator[Mapping[str, Any]]:  # noqa: N803
        if StackName == "denied":
            raise client_error("AccessDenied", "no", 403)
        if StackName not in self.stacks:
            raise client_error("ValidationError", "no such stack")
        found = list(self._described(StackName))
        for start in range(0, len(found), 80):
            yield {"StackResourceSummaries": found[start : start + 80]}

    def _described(self, stack: str) -> Iterator[Mapping[str, Any]]:
        for number, (kind, physical, status) in enumerate(self.stacks[stack]):
            yield {
                "StackName": stack,
                "LogicalResourceId": f"Logical{number}",
                "PhysicalResourceId": physical,
                "ResourceType": kind,
                "ResourceStatus": status,
            }


def owned_by(stacks: Stacks, *resources: LiveResource) -> str:
    """The refusal."""
    with pytest.raises(OwnedElsewhere) as refused:
        require_released(stacks.session, resources, OWN, [])
    return str(refused.value)


def test_a_resource_beyond_the_first_hundred_of_a_stack_is_its_own() -> None:
    filler = [("AWS::SSM::Parameter", f"parameter-{number}", "CREATE_COMPLETE") for number in range(150)]
    ours = [("AWS::SageMaker::Endpoint", ENDPOINT.arn, "CREATE_COMPLETE"), ("AWS::IAM::Policy", "p", "CREATE_COMPLETE")]
    stacks = Stacks(large=filler + ours)

    holding = stack_holding(stacks.session, ENDPOINT.physical_id)

    assert holding is not None
    assert (holding.stack, holding.logical_id, len(holding.parts)) == ("large", "Logical150", 152)
    assert "give Logical150 and Logical151 DeletionPolicy: Retain" in owned_by(stacks, ENDPOINT)


@pytest.mark.parametrize(
    ("status", "held"),
    [("DELETE_FAILED", True), ("UPDATE_COMPLETE", True), ("DELETE_SKIPPED", False), ("DELETE_COMPLETE", False)],
)
def test_what_a_stack_could_not_delete_is_its_own_still(status: str, held: bool) -> None:
    stacks = Stacks(shop=[("AWS::SageMaker::Endpoint", ENDPOINT.arn, status)])
    assert (stack_holding(stacks.session, ENDPOINT.physical_id) is not None) is held


def test_a_stack_that_released_a_resource_may_have_parts_of_it() -> None:
    tagged = [LiveResource(one.type, one.name, one.id, one.physical_id, one.arn, {STACK_TAG: "left"}) for one in (TOPIC, ROLE)]
    policies = [("AWS::IAM::Policy", "left-Policy-1XYZ", "CREATE_COMPLETE"), ("AWS::SQS::Queue", "q", "CREATE_COMPLETE")]
    foreign = ("AWS::SNS::Subscription", f"{TOPIC.arn}-of-others:1", "CREATE_COMPLETE")

    notes = require_released(Stacks(left=[*policies, foreign]).session, tagged, OWN, [])

    assert notes[0].startswith("CloudFormation stack left has released what is adopted, and still has Logical0: AWS does not")
    subscribed = [*policies, ("AWS::SNS::Subscription", f"{TOPIC.arn}:1", "CREATE_COMPLETE")]
    assert "stack left has topic results (Logical2), and would delete" in owned_by(Stacks(left=subscribed), *tagged)
    assert len(require_released(Stacks().session, tagged, OWN, [])) == 1  # the stack is gone
    unread = LiveResource(ROLE.type, ROLE.name, ROLE.id, ROLE.physical_id, ROLE.arn, {STACK_TAG: "denied"})
    assert "stack denied could not be asked" in require_released(Stacks().session, [unread], OWN, [])[0]


def test_a_role_of_a_stack_of_another_region_is_refused() -> None:
    tags = {STACK_TAG: "far", "aws:cloudformation:stack-id": f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack/far/1"}
    role = LiveResource(ROLE.type, ROLE.name, ROLE.id, ROLE.physical_id, ROLE.arn, tags)
    assert "stack far of region us-east-1" in owned_by(Stacks(), role)


def state(tmp_path: Path, **resources: dict[str, Any]) -> Path:
    """A state with one instance of each resource, by type, with these attributes."""
    listed = [
        {"mode": "managed", "type": kind, "name": "this", "instances": [{"attributes": attributes}]}
        for kind, attributes in resources.items()
    ]
    file = tmp_path / "other.tfstate"
    file.write_text(json.dumps({"version": 4, "lineage": "a1b2", "resources": listed}))
    return file


POLICY = {
    "name": "tracking",
    "id": "tracking",
    "resource_id": "endpoint/shop/variant/AllTraffic",
    "scalable_dimension": "sagemaker:variant:DesiredInstanceCount",
}
DETAILS = {"ResourceId": POLICY["resource_id"], "ScalableDimension": POLICY["scalable_dimension"]}
TRACKING = LiveResource("aws_appautoscaling_policy", "tracking", "id", "arn:policy", "arn:policy", {}, DETAILS)


@pytest.mark.parametrize(
    ("resource", "kind", "attributes", "held"),
    [
        (TRACKING, "aws_appautoscaling_policy", POLICY, True),
        (TRACKING, "aws_appautoscaling_policy", POLICY | {"resource_id": "endpoint/other/variant/AllTraffic"}, False),
        (TRACKING, "aws_appautoscaling_policy", POLICY | {"scalable_dimension": "ecs:service:DesiredCount"}, False),
        (ENDPOINT, "aws_sagemaker_endpoint", {"name": "shop", "arn": arn_of("shop")}, True),
        (ENDPOINT, "aws_sagemaker_endpoint", {"name": "shop"}, True),
        (ENDPOINT, "aws_sagemaker_endpoint", {"name": "shop", "arn": arn_of("shop", "us-east-1")}, False),
        (ENDPOINT, "aws_sagemaker_endpoint", {"name": "shop", "arn": arn_of("shop", account="210987654321")}, False),
        (ENDPOINT, "aws_iam_role_policy", {"role": "shop"}, False),
        (ROLE, "aws_iam_role_policy", {"role": "shop"}, True),
        (TOPIC, "aws_sns_topic_subscription", {"topic_arn": TOPIC.arn, "arn": f"{TOPIC.arn}:1"}, True),
        (TOPIC, "aws_sns_topic_subscription", {"topic_arn": TOPIC.arn.replace(REGION, "us-east-1")}, False),
    ],
)  # fmt: skip
def test_a_state_has_what_is_the_same_resource_and_not_what_shares_its_name(
    tmp_path: Path, resource: LiveResource, kind: str, attributes: dict[str, Any], held: bool
) -> None:
    assert bool(OtherState(state(tmp_path, **{kind: attributes})).held([resource])) is held


def test_a_policy_of_a_role_of_another_account_is_not_of_this_role(tmp_path: Path) -> None:
    theirs = state(
        tmp_path,
        aws_iam_role={"name": "shop", "arn": "arn:aws:iam::210987654321:role/shop"},
        aws_iam_role_policy={"role": "shop"},
    )
    assert OtherState(theirs).held([ROLE]) == []


@pytest.mark.parametrize("tags", [{"ManagedBy": "Terraform"}, {"deployment": f"shop-prod-{REGION}"}])
def test_a_state_without_the_resource_does_not_silence_its_tags(tmp_path: Path, tags: dict[str, str]) -> None:
    [(name, value)] = tags.items()
    tagged = LiveResource(ENDPOINT.type, ENDPOINT.name, ENDPOINT.id, ENDPOINT.physical_id, ENDPOINT.arn, tags)
    wrong_root = state(tmp_path, aws_s3_bucket={"id": "elsewhere"})

    [note] = require_released(Stacks().session, [tagged], OWN, [wrong_root])

    assert f"endpoint shop ({name}={value})" in note
    assert "other.tfstate (lineage a1b2, 1 resource)" in note
    assert f"({name}={value})" in owned_by(Stacks(), tagged)
    assert require_released(Stacks().session, [ENDPOINT], OWN, [wrong_root]) == []
