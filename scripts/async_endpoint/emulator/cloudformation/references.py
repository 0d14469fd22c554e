"""What a stack's functions refer to outside its template: pseudo parameters, exports, Systems Manager, availability zones."""

from __future__ import annotations

from botocore.exceptions import ClientError

from async_endpoint.emulator.cloudformation.aws_calls import InProcessCalls
from async_endpoint.emulator.cloudformation.errors import validation_error
from async_endpoint.emulator.cloudformation.intrinsics import Scope
from async_endpoint.emulator.cloudformation.resource_types import resource_type
from async_endpoint.emulator.cloudformation.stacks import Stack, StackStore, Values
from async_endpoint.emulator.cloudformation.template import Template
from async_endpoint.emulator.cloudformation.template_checks import unsupported_attribute
from async_endpoint.local_aws import ACCOUNT_ID


def scope_of(stack: Stack, template: Template, parameters: dict[str, str], store: StackStore, calls: InProcessCalls) -> Scope:
    """The scope of a stack's template; its `resources` are empty, and filled as the resources exist."""

    def attribute(logical_id: str, name: str) -> object:
        found = stack.resources[logical_id]
        if name not in found.attributes:
            raise unsupported_attribute(logical_id, name)
        return found.attributes[name]

    def imported(name: str) -> str:
        exported = store.exports(stack.region).get(name)
        if exported is None:
            raise validation_error(f"No export named {name} found.")
        stack.imports.add(name)
        return exported[1]

    def zones() -> list[str]:
        found = calls.client("ec2").describe_availability_zones()["AvailabilityZones"]
        return sorted(zone["ZoneName"] for zone in found)

    pseudo: Values = {
        "AWS::AccountId": ACCOUNT_ID,
        "AWS::NotificationARNs": [],
        "AWS::Partition": "aws",
        "AWS::Region": stack.region,
        "AWS::StackId": stack.id,
        "AWS::StackName": stack.name,
        "AWS::URLSuffix": "amazonaws.com",
    }
    return Scope(template, pseudo, parameters, attribute, imported, lambda name: stored_parameter(calls, name), zones)


def stored_parameter(calls: InProcessCalls, name: str) -> str:
    """A parameter of Systems Manager; raises StackError in CloudFormation's words."""
    try:
        return str(calls.client("ssm").get_parameter(Name=name)["Parameter"]["Value"])
    except ClientError as error:
        raise validation_error(f"Unable to fetch parameters [{name}] from parameter store for this account.") from error


def in_order(template: Template, resources: dict[str, Values]) -> list[str]:
    """Logical ids so that each follows those it depends on; raises StackError for a circle."""
    waiting = {logical_id: template.dependencies(logical_id, resources) for logical_id in resources}
    ordered: list[str] = []
    while waiting:
        ready = [logical_id for logical_id, needs in waiting.items() if not needs - set(ordered)]
        if not ready:
            raise validation_error(f"Circular dependency between resources: [{', '.join(sorted(waiting))}]")
        ordered += ready
        for logical_id in ready:
            del waiting[logical_id]
    return ordered


def needed_capability(template: Template) -> str | None:
    """The capability that the template's IAM resources need, if it has any."""
    kinds = [(resource_type(item["Type"]), item.get("Properties", {})) for item in template.resources.values()]
    iam = [(kind, properties) for kind, properties in kinds if kind is not None and kind.capability]
    if any(kind.named_by and kind.named_by in properties for kind, properties in iam):
        return "CAPABILITY_NAMED_IAM"
    return "CAPABILITY_IAM" if iam else None
