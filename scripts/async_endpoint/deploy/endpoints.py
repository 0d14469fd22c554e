"""The endpoints a plan is about, and what SageMaker says of them now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from async_endpoint.aws import AwsSession
from async_endpoint.core.outputs import AsyncEndpointOutputs
from async_endpoint.terraform.plan_document import ResourceChange, prior_resources, resource_changes, top_module

Connect = Callable[[str], AwsSession]  # the clients of a region

# An endpoint in one of these serves nothing: deleting it interrupts no request.
ENDPOINT_TYPE: Final = "aws_sagemaker_endpoint"
NOT_SERVING: Final = frozenset({"", "Deleting", "Failed"})


@dataclass(frozen=True)
class PlannedEndpoint:
    """An endpoint that exists and that a plan changes.

    `successor` is the address at which the plan creates an endpoint of the same name while it deletes this one, as after a
    module call was renamed without a `moved` block; empty otherwise.
    """

    change: ResourceChange
    successor: str = ""

    @property
    def is_replaced(self) -> bool:
        return self.change.replaces or bool(self.successor)

    @property
    def name(self) -> str:
        return str(self.change.before["name"])

    @property
    def region(self) -> str:
        """Of its ARN, arn:aws:sagemaker:REGION:ACCOUNT:endpoint/NAME."""
        return str(self.change.before["arn"]).split(":")[3]


def planned_endpoints(changes: Iterable[ResourceChange]) -> list[PlannedEndpoint]:
    """The endpoints that exist and that the plan updates, replaces or deletes."""
    endpoints = [change for change in changes if change.type == ENDPOINT_TYPE]
    created = {change.after.get("name"): change.address for change in endpoints if change.action == "create"}
    return [
        PlannedEndpoint(change, created.get(change.before["name"], "") if change.action == "delete" else "")
        for change in endpoints
        if change.before
    ]


def changed_endpoints(document: Mapping[str, Any], endpoints: Mapping[str, AsyncEndpointOutputs]) -> dict[str, str]:
    """The endpoints that a plan affects, and how: `create`, `update`, `replace`, `delete` or `unchanged`.

    `unchanged` is one that stays as it is while other resources of its module, or its scaling, change. `document` is the plan
    as `terraform show -json` prints it. An endpoint is named as in `endpoints`, one that is not in it by its SageMaker name.
    """
    changes, modules = resource_changes(document), endpoint_modules(document)
    names = {outputs.endpoint.name: name for name, outputs in endpoints.items()}
    affected = {
        name: "unchanged"
        for name, outputs in endpoints.items()
        if any(_concerns(change, outputs, modules.get(outputs.endpoint.name)) for change in changes)
    }
    for change in changes:
        if change.type == ENDPOINT_TYPE:
            name = str(change.before.get("name") or change.after.get("name") or change.address)
            shown = names.get(name, name)
            recreated = {affected.get(shown), change.action} == {"create", "delete"}  # at another address
            affected[shown] = "replace" if recreated else change.action
    return affected


def endpoint_modules(document: Mapping[str, Any]) -> dict[str, str]:
    """The call in the root module that each endpoint of a plan belongs to, by SageMaker name; empty for the root's own."""
    modules = {
        str(item["values"]["name"]): top_module(item["address"])
        for item in prior_resources(document)
        if item["type"] == ENDPOINT_TYPE and (item.get("values") or {}).get("name")
    }
    for change in resource_changes(document):
        if change.type == ENDPOINT_TYPE and (name := change.before.get("name") or change.after.get("name")):
            modules.setdefault(str(name), top_module(change.address))
    return modules


def _concerns(change: ResourceChange, outputs: AsyncEndpointOutputs, module: str | None) -> bool:
    values = change.before or change.after
    if change.type == ENDPOINT_TYPE and values.get("name") == outputs.endpoint.name:
        return True
    return values.get("resource_id") == outputs.scaling.resource_id or (bool(module) and top_module(change.address) == module)


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
