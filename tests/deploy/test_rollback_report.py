"""What an apply says of an endpoint whose update failed, in states that the local AWS reaches seldom."""

from __future__ import annotations

import signal
from typing import Any

import pytest
from botocore.exceptions import ClientError

from async_endpoint.aws import AwsSession
from async_endpoint.core.errors import RolledBack, TerraformFailed
from async_endpoint.core.outputs import AsyncEndpointOutputs
from async_endpoint.deploy.polling import Poller
from async_endpoint.deploy.rollback import deregister_restored_targets, rollbacks_reported
from async_endpoint.signals import Interrupted
from async_endpoint.terraform.plan_document import ResourceChange

ADDRESS = "aws_sagemaker_endpoint.this"
BEFORE = {"name": "shirts", "arn": "arn:aws:sagemaker:eu-west-1:123456789012:endpoint/shirts", "endpoint_config_name": "old"}
UPDATE = ResourceChange(ADDRESS, "aws_sagemaker_endpoint", ("update",), BEFORE, {"endpoint_config_name": "new"})
SERVING = {"EndpointName": "shirts", "EndpointStatus": "InService", "EndpointConfigName": "old", "LastModifiedTime": 1}
SOON = Poller(deadline=5, sleep=lambda seconds: None)


class Described:
    """An AWS that describes the endpoint once as it was and then as `later`, the last one for ever; None is throttled."""

    def __init__(self, *later: dict[str, Any] | None) -> None:
        self._seen: list[dict[str, Any] | None] = [SERVING, *later]

    def client(self, service: str) -> Any:
        return self

    def describe_endpoint(self, EndpointName: str) -> dict[str, Any]:  # noqa: N803 - boto3's word
        seen = self._seen.pop(0) if len(self._seen) > 1 else self._seen[0]
        if seen is None:
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "Rate exceeded"}}, "DescribeEndpoint")
        return seen

    def __getattr__(self, operation: str) -> Any:
        def refused(**request: Any) -> Any:
            raise ClientError({"Error": {"Code": "ValidationException", "Message": "Not found"}}, operation)

        return refused


def later(status: str, **members: Any) -> dict[str, Any]:
    return SERVING | {"EndpointStatus": status, "LastModifiedTime": 2} | members


def reported(aws: Described, *addresses: str) -> Exception:
    failure = TerraformFailed("terraform apply failed (exit code 1).", addresses=frozenset(addresses))
    with pytest.raises((RolledBack, TerraformFailed)) as raised, rollbacks_reported(lambda region: aws, [UPDATE], print, SOON):
        raise failure
    return raised.value


def test_a_rollback_that_is_in_progress_is_waited_for() -> None:
    error = reported(Described(later("RollingBack"), later("InService", FailureReason="No ping.")))
    serving = "It serves configuration old, status InService."
    assert str(error) == f"Endpoint shirts was rolled back: No ping. {serving} Fix the cause and apply again."


def test_an_update_that_outlasts_the_provider_is_waited_for_before_it_is_judged() -> None:
    rolled_back = later("InService", FailureReason="An alarm.")
    assert isinstance(reported(Described(*[later("Updating")] * 3, later("RollingBack"), rolled_back)), RolledBack)
    updated = later("InService", EndpointConfigName="new")
    assert isinstance(reported(Described(*[later("Updating")] * 3, updated)), TerraformFailed)


def test_a_rollback_that_fails_says_so() -> None:
    error = reported(Described(later("UpdateRollbackFailed", EndpointConfigName="new", FailureReason="No room.")), ADDRESS)
    assert isinstance(error, RolledBack)
    assert "shirts was not updated, and its rollback failed: No room. It serves configuration new, status Update" in str(error)


@pytest.mark.parametrize(
    "after",
    [
        pytest.param(SERVING, id="nothing was changed"),
        pytest.param(later("InService", EndpointConfigName="new"), id="it was updated"),
        pytest.param(later("Failed", FailureReason="gone"), id="it serves nothing"),
        pytest.param(None, id="AWS cannot be asked"),
    ],
)
def test_what_is_no_rollback_stays_the_failure_it_was(after: Any) -> None:
    assert isinstance(reported(Described(after)), TerraformFailed)


@pytest.mark.parametrize(("actions", "left"), [(("create",), 0), (("delete", "create"), 1), (("update",), 1)])
def test_a_target_that_was_put_back_is_deregistered_before_the_next_update(
    aws: AwsSession, deployed: AsyncEndpointOutputs, actions: tuple[str, ...], left: int
) -> None:
    endpoint, resource = deployed.endpoint, deployed.scaling.resource_id
    before = {"name": endpoint.name, "arn": endpoint.arn, "endpoint_config_name": endpoint.config_name}
    updated = ResourceChange(ADDRESS, "aws_sagemaker_endpoint", ("update",), before, {"endpoint_config_name": "new"})
    target = ResourceChange(
        "aws_appautoscaling_target.this", "aws_appautoscaling_target", actions, {}, {"resource_id": resource}
    )
    scaling = aws.client("application-autoscaling")
    deregister_restored_targets(lambda region: aws, [target])
    deregister_restored_targets(lambda region: aws, [updated])
    assert len(scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]) == 1
    deregister_restored_targets(lambda region: aws, [updated, target])
    assert len(scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]) == left


def test_what_terraform_deregistered_is_registered_again_when_a_signal_ends_it(
    aws: AwsSession, deployed: AsyncEndpointOutputs
) -> None:
    scaling, endpoint = aws.client("application-autoscaling"), deployed.endpoint
    before = {"name": endpoint.name, "arn": endpoint.arn, "endpoint_config_name": endpoint.config_name}
    updated = ResourceChange(ADDRESS, "aws_sagemaker_endpoint", ("update",), before, {"endpoint_config_name": "new"})
    named = {"ServiceNamespace": "sagemaker", "ResourceId": deployed.scaling.resource_id}

    def bounds() -> list[tuple[int, int]]:
        found = scaling.describe_scalable_targets(ServiceNamespace="sagemaker", ResourceIds=[named["ResourceId"]])
        return [(target["MinCapacity"], target["MaxCapacity"]) for target in found["ScalableTargets"]]

    with pytest.raises(Interrupted), rollbacks_reported(lambda region: aws, [updated], print, SOON):
        scaling.deregister_scalable_target(**named, ScalableDimension="sagemaker:variant:DesiredInstanceCount")
        assert bounds() == []
        raise Interrupted(signal.SIGTERM)
    assert bounds() == [(0, 2)]
