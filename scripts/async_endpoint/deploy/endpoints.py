"""The endpoints a plan is about, and what SageMaker says of them now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from async_endpoint.aws import AwsSession
from async_endpoint.terraform.planned import ResourceChange

Connect = Callable[[str], AwsSession]  # the clients of a region

# An endpoint in one of these serves nothing: deleting it interrupts no request.
NOT_SERVING: Final = frozenset({"", "Deleting", "Failed"})


@dataclass(frozen=True)
class PlannedEndpoint:
    """An endpoint that exists and that a plan changes."""

    change: ResourceChange

    @property
    def name(self) -> str:
        return str(self.change.before["name"])

    @property
    def region(self) -> str:
        """Of its ARN, arn:aws:sagemaker:REGION:ACCOUNT:endpoint/NAME."""
        return str(self.change.before["arn"]).split(":")[3]


def planned_endpoints(changes: Iterable[ResourceChange]) -> list[PlannedEndpoint]:
    """The endpoints that exist and that the plan updates, replaces or deletes."""
    return [PlannedEndpoint(change) for change in changes if change.type == "aws_sagemaker_endpoint" and change.before]


def describe_endpoint(aws: AwsSession, name: str) -> Mapping[str, Any]:
    """What DescribeEndpoint answers; empty when there is no such endpoint."""
    from botocore.exceptions import ClientError  # noqa: PLC0415

    try:
        described: Mapping[str, Any] = aws.client("sagemaker").describe_endpoint(EndpointName=name)
    except ClientError as error:
        if error_code(error) == "ValidationException":  # SageMaker's way of saying not found
            return {}
        raise
    return described


def endpoint_status(aws: AwsSession, name: str) -> str:
    """The endpoint's status; empty when there is no such endpoint."""
    return str(describe_endpoint(aws, name).get("EndpointStatus", ""))


def error_code(error: Any) -> str:
    """The code of a botocore ClientError."""
    return str(error.response.get("Error", {}).get("Code", ""))
