"""CloudFormation's descriptions of stacks, resources, events, change sets and templates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from async_endpoint.emulator.cloudformation.errors import validation_error
from async_endpoint.emulator.cloudformation.references import needed_capability
from async_endpoint.emulator.cloudformation.stacks import ChangeSet, Stack, StackResource, Values
from async_endpoint.emulator.cloudformation.template import Template

_PAGE: Final = 100
_NOT_CHECKED: Final = {"StackDriftStatus": "NOT_CHECKED"}


def page(member: str, items: Sequence[Any], request: Values) -> Values:
    """One page of a list; raises StackError for a token that no page gave."""
    token = request.get("NextToken") or "0"
    if not token.isdecimal():
        raise validation_error(f"Invalid NextToken: {token}")
    end = int(token) + _PAGE
    return {member: items[int(token) : end]} | ({"NextToken": str(end)} if end < len(items) else {})


def stack(item: Stack) -> Values:
    """A stack, as DescribeStacks has it."""
    request = item.request
    template = Template.parse(request["TemplateBody"]) if request.get("TemplateBody") else None
    found: Values = {
        "StackId": item.id,
        "StackName": item.name,
        "Description": template.description if template else "",
        "Parameters": [_shown(one, template) for one in request.get("Parameters", [])],
        "CreationTime": item.created_at,
        "LastUpdatedTime": item.updated_at,
        "DeletionTime": item.deleted_at,
        "StackStatus": item.status,
        "StackStatusReason": item.reason,
        "DisableRollback": request.get("DisableRollback", False),
        "NotificationARNs": [],
        "Capabilities": request.get("Capabilities", []),
        "Outputs": item.outputs,
        "RoleARN": request.get("RoleARN", ""),
        "Tags": request.get("Tags", []),
        "EnableTerminationProtection": item.protected,
        "RollbackConfiguration": {},
        "DriftInformation": _NOT_CHECKED,
    }
    return {key: value for key, value in found.items() if value not in (None, "")}


def _shown(parameter: Values, template: Template | None) -> Values:
    declared = template.parameters.get(parameter["ParameterKey"], {}) if template else {}
    hidden = str(declared.get("NoEcho", "")).lower() == "true"
    return {**parameter, "ParameterValue": "****"} if hidden else parameter


def summary(item: Stack) -> Values:
    """A stack, as ListStacks has it."""
    described = stack(item)
    names = ("StackId", "StackName", "CreationTime", "LastUpdatedTime", "DeletionTime", "StackStatus", "StackStatusReason")
    return {key: described[key] for key in (*names, "DriftInformation") if key in described} | (
        {"TemplateDescription": described["Description"]} if "Description" in described else {}
    )


def events(item: Stack) -> list[Values]:
    """The events of a stack, newest first."""
    found = [
        {
            "StackId": item.id,
            "StackName": item.name,
            "EventId": event.id,
            "LogicalResourceId": event.logical_id,
            "PhysicalResourceId": event.physical_id,
            "ResourceType": event.type,
            "ResourceStatus": event.status,
            "ResourceStatusReason": event.reason,
            "Timestamp": event.at,
            "ClientRequestToken": event.token,
        }
        for event in reversed(item.events)
    ]
    return [{key: value for key, value in event.items() if value != ""} for event in found]


def resource(owner: Stack, item: StackResource, *, detailed: bool = False) -> Values:
    """A resource, as DescribeStackResources has it, or `detailed` as DescribeStackResource."""
    time = "LastUpdatedTimestamp" if detailed else "Timestamp"
    return _known(item) | {"StackId": owner.id, "StackName": owner.name, time: item.updated_at}


def resource_summary(item: StackResource) -> Values:
    """A resource, as ListStackResources has it."""
    return _known(item) | {"LastUpdatedTimestamp": item.updated_at}


def _known(item: StackResource) -> Values:
    found = {
        "LogicalResourceId": item.logical_id,
        "PhysicalResourceId": item.physical_id,
        "ResourceType": item.type,
        "ResourceStatus": item.status,
        "ResourceStatusReason": item.reason,
        "DriftInformation": {"StackResourceDriftStatus": "NOT_CHECKED"},
    }
    return {key: value for key, value in found.items() if value}


def change_set(owner: Stack, item: ChangeSet) -> Values:
    """A change set, as DescribeChangeSet has it."""
    request = item.request
    more = {"Parameters": request["Parameters"], "Tags": request["Tags"], "Capabilities": request["Capabilities"]}
    return change_set_summary(owner, item) | more | {"NotificationARNs": [], "Changes": item.changes}


def change_set_summary(owner: Stack, item: ChangeSet) -> Values:
    """A change set, as ListChangeSets has it."""
    available = item.executed or ("AVAILABLE" if item.status == "CREATE_COMPLETE" else "UNAVAILABLE")
    found = {
        "StackId": owner.id,
        "StackName": owner.name,
        "ChangeSetId": item.arn,
        "ChangeSetName": item.name,
        "ExecutionStatus": available,
        "Status": item.status,
        "StatusReason": item.reason,
        "CreationTime": item.created_at,
        "Description": item.request["Description"],
        "IncludeNestedStacks": False,
    }
    return {key: value for key, value in found.items() if value != ""}


def template_summary(template: Template, *, defaults_only: bool = False) -> Values:
    """Parameters and needs of a template, as GetTemplateSummary has them, or `defaults_only` as ValidateTemplate."""
    found: Values = {"Parameters": [_declared(name, one, full=not defaults_only) for name, one in template.parameters.items()]}
    if template.description:
        found["Description"] = template.description
    capability = needed_capability(template)
    if capability:
        found["Capabilities"] = [capability]
        found["CapabilitiesReason"] = f"The following resource(s) require capabilities: [{_iam_types(template)}]"
    if not defaults_only:
        found["ResourceTypes"] = sorted({item["Type"] for item in template.resources.values()})
        found["Version"] = "2010-09-09"
    return found


def _iam_types(template: Template) -> str:
    return ", ".join(sorted({item["Type"] for item in template.resources.values() if item["Type"].startswith("AWS::IAM::")}))


def _declared(name: str, parameter: Values, *, full: bool) -> Values:
    hidden = str(parameter.get("NoEcho", "")).lower() == "true"
    found: Values = {"ParameterKey": name, "NoEcho": hidden}
    if "Description" in parameter:
        found["Description"] = parameter["Description"]
    if "Default" in parameter:
        found["DefaultValue"] = str(parameter["Default"])
    if full:
        found["ParameterType"] = parameter.get("Type", "String")
        if "AllowedValues" in parameter:
            found["ParameterConstraints"] = {"AllowedValues": [str(value) for value in parameter["AllowedValues"]]}
    return found
