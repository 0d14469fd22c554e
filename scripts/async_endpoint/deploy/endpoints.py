"""The endpoints a plan is about, and what SageMaker says of them now."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from async_endpoint.aws import AwsSession, error_code
from async_endpoint.core.outputs import AsyncEndpointOutputs
from async_endpoint.terraform.plan_document import ResourceChange, prior_resources, resource_changes, top_module

Connect = Callable[[str], AwsSession]  # the clients of a region

# An endpoint in one of these serves nothing: deleting it interrupts no request.
ENDPOINT_TYPE: Final = "aws_sagemaker_endpoint"
CONFIGURATION_TYPE: Final = "aws_sagemaker_endpoint_configuration"
_ENDPOINT_ATTRIBUTES: Final = ("endpoint_config_name", "deployment_config", "tags_all")
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
        return endpoint_region(self.change)


def endpoint_region(change: ResourceChange) -> str:
    """Of the endpoint's ARN, arn:aws:sagemaker:REGION:ACCOUNT:endpoint/NAME; empty for one that does not exist yet."""
    arn = str(change.before.get("arn", ""))
    return arn.split(":")[3] if arn else ""


def planned_endpoints(changes: Iterable[ResourceChange]) -> list[PlannedEndpoint]:
    """The endpoints that exist and that the plan updates, replaces or deletes."""
    endpoints = [change for change in changes if change.type == ENDPOINT_TYPE]
    created = {change.after.get("name"): change.address for change in endpoints if change.action == "create"}
    return [
        PlannedEndpoint(change, created.get(change.before["name"], "") if change.action == "delete" else "")
        for change in endpoints
        if change.before
    ]


@dataclass(frozen=True)
class EndpointPlan:
    """What a plan does to an endpoint: `action` is `create`, `update`, `replace`, `delete` or `unchanged`.

    `reasons` are what an update changes, with the attributes that change in the endpoint configuration; what forces a
    replacement; and for an unchanged endpoint what else of its module changes, if anything does.
    """

    action: str
    reasons: tuple[str, ...] = ()

    @property
    def concerned(self) -> bool:
        """Whether the plan changes the endpoint, its scaling or anything of its module."""
        return self.action != "unchanged" or bool(self.reasons)


def endpoint_plans(
    document: Mapping[str, Any],
    endpoints: Mapping[str, AsyncEndpointOutputs],
    *,
    avoidable: Collection[str] = (),
    failed: Collection[str] = (),
) -> dict[str, EndpointPlan]:
    """What a plan does to each endpoint, those of `endpoints` first. `document` is the plan in the JSON of `terraform show`.

    An endpoint is named as in `endpoints`, one that is not in it by its SageMaker name. `avoidable` are the SageMaker names of
    those that an apply updates although the plan replaces them, `failed` of those that it replaces because they have failed.
    """
    changes, modules = resource_changes(document), endpoint_modules(document)
    names = {outputs.endpoint.name: name for name, outputs in endpoints.items()}
    plans = {
        name: EndpointPlan("unchanged", _others(changes, outputs, modules.get(outputs.endpoint.name)))
        for name, outputs in endpoints.items()
    }
    for change in changes:
        if change.type == ENDPOINT_TYPE:
            name = str(change.before.get("name") or change.after.get("name") or change.address)
            shown = names.get(name, name)
            known = plans.get(shown, EndpointPlan(""))
            if {known.action, change.action} == {"create", "delete"}:
                plans[shown] = EndpointPlan("replace", ("its address in Terraform",))
            elif name in avoidable:
                plans[shown] = EndpointPlan("update", ("deployment_config",))
            elif name in failed and change.action == "update":
                plans[shown] = EndpointPlan("replace", ("its status is Failed",))
            else:
                plans[shown] = EndpointPlan(change.action, _reasons(change, changes))
    return plans


def _reasons(change: ResourceChange, changes: Iterable[ResourceChange]) -> tuple[str, ...]:
    """Why an endpoint is replaced, or what its update changes."""
    if change.action == "replace":
        return tuple(sorted({dotted(path) for path in change.replace_paths})) or ("it is marked as tainted",)
    if change.action != "update":
        return ()
    reasons = [name for name in _ENDPOINT_ATTRIBUTES if change.before.get(name) != change.after.get(name)]
    if "endpoint_config_name" in reasons:
        configuration = planned_configuration(change, changes)
        paths = {dotted(path) for path in configuration.replace_paths} if configuration else set()
        if paths:
            reasons.remove("endpoint_config_name")
            reasons = [*(f"endpoint_config.{path}" for path in sorted(paths)), *reasons]
    return tuple(reasons)


def planned_configuration(endpoint: ResourceChange, changes: Iterable[ResourceChange]) -> ResourceChange | None:
    """The configuration that a plan makes for an endpoint, the only one in its module; None where there is none, or several."""
    module = top_module(endpoint.address)
    made = [
        change
        for change in changes
        if change.type == CONFIGURATION_TYPE and change.creates and top_module(change.address) == module
    ]
    return made[0] if len(made) == 1 else None


def dotted(path: Iterable[str | int]) -> str:
    """A path of attributes without the positions of blocks: production_variants.instance_type."""
    return ".".join(str(part) for part in path if not isinstance(part, int))


def _others(changes: Iterable[ResourceChange], outputs: AsyncEndpointOutputs, module: str | None) -> tuple[str, ...]:
    concerning = [change.address for change in changes if _concerns(change, outputs, module)]
    if not concerning:
        return ()
    what = "other resources of its module change" if len(concerning) > 1 else "other resource of its module changes"
    return (f"{len(concerning)} {what}",)


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
