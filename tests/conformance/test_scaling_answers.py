"""Application Auto Scaling's lists: complete, exactly filtered, and paged to an end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from support.common import refusal, unique
from support.deployed_endpoint import Deployed
from support.in_process_aws import DIMENSION, AwsHarness

SAGEMAKER = {"ServiceNamespace": "sagemaker"}
BY_ONE = {"PaginationConfig": {"PageSize": 1}}


@pytest.fixture(scope="module")
def targets(remote_aws: AwsHarness, shared_endpoint: Deployed) -> Iterator[list[str]]:
    """The resource ids of five scalable targets with two policies each; the first is part of the second's name."""
    name, variants = unique("scaled"), ["v", "vv", "a", "b", "c"]
    one = {"ModelName": shared_endpoint.model, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    listed = [one | {"VariantName": variant} for variant in variants]
    remote_aws.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=listed)
    remote_aws.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    ids = [f"endpoint/{name}/variant/{variant}" for variant in variants]
    for resource in ids:
        target = {**SAGEMAKER, "ResourceId": resource, "ScalableDimension": DIMENSION}
        remote_aws.scaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=1)
        for policy in ("first", "second"):
            remote_aws.scaling.put_scaling_policy(
                **target,
                PolicyName=policy,
                PolicyType="StepScaling",
                StepScalingPolicyConfiguration={
                    "AdjustmentType": "ChangeInCapacity",
                    "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}],
                },
            )
    yield ids
    for resource in ids:
        remote_aws.scaling.deregister_scalable_target(**SAGEMAKER, ResourceId=resource, ScalableDimension=DIMENSION)


def listed(local_aws: AwsHarness, operation: str, member: str, **wanted: Any) -> list[dict[str, Any]]:
    pages = local_aws.scaling.get_paginator(operation).paginate(**SAGEMAKER, **wanted)
    return [item for page in pages for item in page[member]]


def test_scalable_targets_are_complete_and_paged(remote_aws: AwsHarness, targets: list[str]) -> None:
    found = listed(remote_aws, "describe_scalable_targets", "ScalableTargets", ResourceIds=targets, **BY_ONE)
    assert [item["ResourceId"] for item in found] == targets
    assert found == listed(remote_aws, "describe_scalable_targets", "ScalableTargets", ResourceIds=targets)
    assert found[0]["RoleARN"].endswith("/AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint")
    assert found[0]["SuspendedState"] == {
        "DynamicScalingInSuspended": False,
        "DynamicScalingOutSuspended": False,
        "ScheduledScalingSuspended": False,
    }
    suspended = {"SuspendedState": {"DynamicScalingInSuspended": True}}
    target = {**SAGEMAKER, "ResourceId": targets[0], "ScalableDimension": DIMENSION}
    remote_aws.scaling.register_scalable_target(**target, **suspended)
    (one,) = listed(remote_aws, "describe_scalable_targets", "ScalableTargets", ResourceIds=targets[:1])
    assert one["SuspendedState"] == found[0]["SuspendedState"] | suspended["SuspendedState"]


def test_scaling_policies_are_paged_and_filtered_exactly(remote_aws: AwsHarness, targets: list[str]) -> None:
    def names(**wanted: Any) -> list[tuple[str, str]]:
        found = listed(remote_aws, "describe_scaling_policies", "ScalingPolicies", **wanted)
        return [(item["ResourceId"], item["PolicyName"]) for item in found]

    every = [(resource, policy) for resource in targets for policy in ("first", "second")]
    assert [name for name in names(**BY_ONE) if name[0] in targets] == every
    assert names(ResourceId=targets[1]) == every[2:4]
    assert names(ResourceId=targets[0], PolicyNames=["second"]) == every[1:2]
    assert names(ResourceId=targets[0], ScalableDimension="sagemaker:variant:DesiredProvisionedConcurrency") == []


def test_scaling_activities_are_paged(remote_aws: AwsHarness, targets: list[str]) -> None:
    for resource in targets:
        assert listed(remote_aws, "describe_scaling_activities", "ScalingActivities", ResourceId=resource, **BY_ONE) == []


def test_a_missing_resource_has_its_services_error(remote_aws: AwsHarness, targets: list[str]) -> None:
    none = {**SAGEMAKER, "ResourceId": "endpoint/none/variant/none", "ScalableDimension": DIMENSION}
    assert refusal(remote_aws.scaling.deregister_scalable_target, **none)[0] == "ObjectNotFoundException"
    assert refusal(remote_aws.scaling.delete_scaling_policy, **none, PolicyName="none")[0] == "ObjectNotFoundException"
