"""Services that a deployment calls for a few things: EC2, Lambda and the Resource Groups Tagging API.

Source: service authorization references. Describe actions of EC2 have no resource type.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from async_endpoint.iam.actions.call import ApiCall, Permission, ResourceFacts, Rules, alike, anywhere, expand

EC2: Final[Rules] = anywhere(
    "DescribeNetworkInterfaces", "DescribePrefixLists", "DescribeSecurityGroups", "DescribeSubnets", "DescribeVpcs",
    "DescribeVpcEndpoints", "DescribeAvailabilityZones", "DescribeRouteTables",
)  # fmt: skip


def _function(call: ApiCall, _: ResourceFacts) -> Iterable[Permission]:
    """A function by name or ARN; an alias or a version is part of the resource (A94)."""
    name, qualifier = call.params["FunctionName"], call.params.get("Qualifier")
    [arn] = (
        [name] if name.startswith("arn:") else expand("arn:{partition}:lambda:{region}:{account}:function:{FunctionName}", call)
    )
    resource = f"{arn}:{qualifier}" if qualifier else arn
    principal = call.params.get("Principal")
    yield Permission(f"lambda:{call.operation}", resource, {"lambda:Principal": principal} if principal else {})


LAMBDA: Final[Rules] = alike(_function, "AddPermission", "GetPolicy", "RemovePermission")

TAGGING: Final[Rules] = anywhere("GetResources")
