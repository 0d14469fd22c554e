"""An endpoint is changed only while nothing of it is in progress."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from async_endpoint.contract.errors import NotReady
from async_endpoint.contract.outputs import AsyncEndpointOutputs
from async_endpoint.deploy.aws import Boto3Aws
from async_endpoint.deploy.polling import Poller
from async_endpoint.deploy.quiesce import quiesced, settle


class Described:
    """An AWS whose endpoint has one status after another; None stands for an endpoint that is not there."""

    def __init__(self, *statuses: str | None) -> None:
        self._statuses: Iterator[str | None] = iter(statuses)
        self.asked = 0

    def client(self, service: str) -> Any:
        assert service == "sagemaker"
        return self

    def describe_endpoint(self, EndpointName: str) -> dict[str, str]:  # noqa: N803 - boto3's word
        self.asked += 1
        status = next(self._statuses)
        if status is None:
            missing = {"Error": {"Code": "ValidationException", "Message": f"Could not find endpoint {EndpointName}."}}
            raise ClientError(missing, "DescribeEndpoint")
        return {"EndpointStatus": status}


AT_ONCE = Poller(deadline=1, sleep=lambda seconds: None)


@pytest.mark.parametrize(
    ("statuses", "asked"),
    [
        (["InService"], 1),
        (["Updating", "SystemUpdating", "InService"], 3),
        (["RollingBack", "UpdateRollbackFailed"], 2),
        (["Creating", "Failed"], 2),
        (["Deleting", None], 2),
        ([None], 1),
    ],
)
def test_it_waits_for_what_is_in_progress(statuses: list[str | None], asked: int) -> None:
    aws = Described(*statuses)
    settle(aws, "shirts", AT_ONCE)
    assert aws.asked == asked


def test_an_endpoint_that_never_settles_is_named() -> None:
    with pytest.raises(NotReady, match="Endpoint shirts is still Updating"):
        settle(Described("Updating"), "shirts", Poller(deadline=0))


def suspended(aws: Boto3Aws, outputs: AsyncEndpointOutputs) -> set[str]:
    (target,) = targets(aws, outputs)
    return {word for word, value in target.get("SuspendedState", {}).items() if value}


def targets(aws: Boto3Aws, outputs: AsyncEndpointOutputs) -> list[dict[str, Any]]:
    asked = {"ServiceNamespace": "sagemaker", "ResourceIds": [outputs.scaling.resource_id]}
    found: list[dict[str, Any]] = aws.client("application-autoscaling").describe_scalable_targets(**asked)["ScalableTargets"]
    return found


def test_scaling_is_suspended_meanwhile_and_resumes(aws: Boto3Aws, deployed: AsyncEndpointOutputs) -> None:
    (before,) = targets(aws, deployed)
    with pytest.raises(RuntimeError, match="stopped half way"), quiesced(aws, deployed, AT_ONCE):
        everything = {"DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended"}
        assert suspended(aws, deployed) == everything
        raise RuntimeError("stopped half way")
    (after,) = targets(aws, deployed)
    assert suspended(aws, deployed) == set()
    assert (after["MinCapacity"], after["MaxCapacity"]) == (before["MinCapacity"], before["MaxCapacity"])


def test_a_target_that_is_gone_afterwards_is_not_made_again(aws: Boto3Aws, deployed: AsyncEndpointOutputs) -> None:
    with quiesced(aws, deployed, AT_ONCE):
        (target,) = targets(aws, deployed)
        named = {member: target[member] for member in ("ServiceNamespace", "ResourceId", "ScalableDimension")}
        aws.client("application-autoscaling").deregister_scalable_target(**named)
    assert targets(aws, deployed) == []
