"""An endpoint that stands still: what SageMaker asks of one before it takes a change.

SageMaker refuses to update or delete an endpoint while anything of it is in progress, scaling included. Terraform's provider
takes such a refused deletion for done: the endpoint is gone from the state, and goes on running.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from async_endpoint.contract.errors import NotReady
from async_endpoint.contract.outputs import AsyncEndpointOutputs
from async_endpoint.deploy.aws import Aws
from async_endpoint.deploy.polling import Poller

# RollingBack ends InService as well: with another configuration, which the check then finds out.
TRANSITIONAL_STATES = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"})
# Scaling may be updating the endpoint just now.
SCALING_SETTLES = Poller(deadline=900)

_SUSPENSIONS = ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended")


def settle(aws: Aws, name: str, poller: Poller = SCALING_SETTLES) -> None:
    """Wait until nothing of endpoint `name` is in progress, or it does not exist. Raises NotReady when it stays in progress."""
    status = poller.wait(lambda: _status(aws, name), lambda seen: seen not in TRANSITIONAL_STATES)
    if status in TRANSITIONAL_STATES:
        raise NotReady(
            f"Endpoint {name} is still {status}, and SageMaker takes no change meanwhile; try again once it is InService."
        )


@contextmanager
def quiesced(aws: Aws, outputs: AsyncEndpointOutputs, poller: Poller = SCALING_SETTLES) -> Iterator[None]:
    """Hold the endpoint still: scaling suspended, nothing in progress. Scaling resumes if its target is there afterwards."""
    before = _scalable_target(aws, outputs)
    if before is not None:
        _suspend(aws, before, dict.fromkeys(_SUSPENSIONS, True))
    try:
        settle(aws, outputs.endpoint.name, poller)
        yield
    finally:
        if before is not None and _scalable_target(aws, outputs) is not None:
            _suspend(aws, before, dict.fromkeys(_SUSPENSIONS, False) | before.get("SuspendedState", {}))


def _status(aws: Aws, name: str) -> str:
    """The endpoint's status, empty when there is none."""
    from botocore.exceptions import ClientError  # noqa: PLC0415

    try:
        return str(aws.client("sagemaker").describe_endpoint(EndpointName=name)["EndpointStatus"])
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationException":  # SageMaker's way of saying not found
            return ""
        raise


def _scalable_target(aws: Aws, outputs: AsyncEndpointOutputs) -> Mapping[str, Any] | None:
    asked = {"ServiceNamespace": "sagemaker", "ResourceIds": [outputs.scaling.resource_id]}
    found = aws.client("application-autoscaling").describe_scalable_targets(**asked)["ScalableTargets"]
    return found[0] if found else None


def _suspend(aws: Aws, target: Mapping[str, Any], state: Mapping[str, bool]) -> None:
    """Change nothing of a scalable target but its suspended state."""
    kept = {member: target[member] for member in ("ServiceNamespace", "ResourceId", "ScalableDimension")}
    aws.client("application-autoscaling").register_scalable_target(**kept, SuspendedState=dict(state))
