"""CloudFormation. Source: its service authorization reference. What a stack makes is decided by the calls that make it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from async_endpoint.iam.actions.call import (
    UNKNOWN,
    ApiCall,
    Permission,
    ResourceFacts,
    Rules,
    alike,
    anywhere,
    expand,
    pass_role,
)

_STACK: Final = "arn:{partition}:cloudformation:{region}:{account}:stack/"


def _stack(call: ApiCall, _: ResourceFacts) -> Iterable[Permission]:
    """The action on a stack by name or ARN; without either on all, as of DescribeStacks."""
    given = [call.params.get(name) for name in ("StackName", "StackId", "StackNameOrId")]
    name = next((str(item) for item in given if item), "")
    change_set = str(call.params.get("ChangeSetName") or "")
    if not name and change_set.startswith("arn:"):  # it names its stack by an id of its own
        yield Permission(f"cloudformation:{call.operation}", UNKNOWN, {})
        return
    arn = name if name.startswith("arn:") else expand(_STACK, call)[0] + (f"{name}/*" if name else "*")
    role = call.params.get("RoleARN")
    context = {"cloudformation:RoleArn": str(role)} if role else {}
    if change_set and not change_set.startswith("arn:"):
        context["cloudformation:ChangeSetName"] = change_set
    if call.params.get("TemplateURL"):
        context["cloudformation:TemplateUrl"] = str(call.params["TemplateURL"])
    yield Permission(f"cloudformation:{call.operation}", arn, context)
    if call.params.get("Tags"):
        yield Permission("cloudformation:TagResource", arn, {"cloudformation:CreateAction": call.operation})


CLOUDFORMATION: Final[Rules] = {
    **anywhere(
        "DescribeAccountLimits", "EstimateTemplateCost", "ListExports", "ListImports", "ListStacks", "ValidateTemplate",
    ),
    **alike(
        _stack,
        "CancelUpdateStack", "DeleteChangeSet", "DescribeChangeSet", "DescribeStackEvents", "DescribeStackResource",
        "DescribeStackResources", "DescribeStacks", "DetectStackDrift", "ExecuteChangeSet", "GetStackPolicy", "GetTemplate",
        "GetTemplateSummary", "ListChangeSets", "ListStackResources", "SetStackPolicy", "UpdateTerminationProtection",
    ),
    **{
        name: (_stack, pass_role("RoleARN", "cloudformation.amazonaws.com"))
        for name in ("ContinueUpdateRollback", "CreateChangeSet", "CreateStack", "DeleteStack", "RollbackStack", "UpdateStack")
    },
}  # fmt: skip
