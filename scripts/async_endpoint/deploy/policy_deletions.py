"""IAM policies and roles that a plan deletes, refused before anything changes where the deletion could not complete.

IAM deletes no policy that is attached (API reference, DeletePolicy, DeleteConflict), and Terraform detaches only what it
attached. Policies and roles depend on the ARNs of nearly everything, so Terraform deletes them first: a command that runs with
what they grant loses its permissions half way, and leaves the rest, which is billed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from async_endpoint.aws import AwsSession, error_code
from async_endpoint.core.errors import PolicyInUse
from async_endpoint.deploy.endpoints import Connect
from async_endpoint.terraform.plan_document import ResourceChange

# IAM is called in any region of the partition of its ARNs.
_REGIONS: Final = {"aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}
_UNREADABLE: Final = ("AccessDenied", "NoSuchEntity")


def require_unused_policies(connect: Connect, changes: Iterable[ResourceChange]) -> None:
    """Raise PolicyInUse when the plan deletes a policy that something else has attached, or the role that this command runs as.

    Attachments that the plan removes do not count. What may not be listed refuses nothing.
    """
    deleted = [change for change in changes if change.deletes and change.before]
    roles = {str(change.before["name"]): change for change in deleted if change.type == "aws_iam_role"}
    policies = [change for change in deleted if change.type == "aws_iam_policy"]
    if not roles and not policies:
        return
    aws = connect(iam_region([*policies, *roles.values()]))
    _require_another_identity(aws, roles)
    detached = {
        (str(change.before["policy_arn"]), str(change.before["role"]))
        for change in deleted
        if change.type == "aws_iam_role_policy_attachment"
    }
    for policy in policies:
        _require_detached(aws, policy, detached)


def iam_region(changes: Iterable[ResourceChange]) -> str:
    """The region to call IAM in for policies or roles that are changed."""
    return _REGIONS.get(str(next(iter(changes)).before["arn"]).split(":")[1], "us-east-1")


def _require_another_identity(aws: AwsSession, roles: Collection[str]) -> None:
    if not roles:
        return
    caller = str(aws.client("sts").get_caller_identity()["Arn"])
    name = caller.split("/")[1] if ":assumed-role/" in caller else ""
    if name in roles:
        raise PolicyInUse(
            f"The plan deletes role {name}, which this command runs as, and would end half way without permissions; nothing "
            "was changed. Run it with credentials that this environment does not create."
        )


def _require_detached(aws: AwsSession, policy: ResourceChange, detached: Collection[tuple[str, str]]) -> None:
    from botocore.exceptions import ClientError  # noqa: PLC0415

    arn, users = str(policy.before["arn"]), list[str]()
    pages = aws.client("iam").get_paginator("list_entities_for_policy")
    try:
        for page in pages.paginate(PolicyArn=arn, PolicyUsageFilter="PermissionsPolicy"):
            users += [f"user {item['UserName']}" for item in page["PolicyUsers"]]
            users += [f"group {item['GroupName']}" for item in page["PolicyGroups"]]
            users += [f"role {item['RoleName']}" for item in page["PolicyRoles"] if (arn, item["RoleName"]) not in detached]
    except ClientError as error:
        if error_code(error) not in _UNREADABLE:
            raise
    if users:
        raise PolicyInUse(
            f"The plan deletes policy {arn.rpartition('/')[2]} ({policy.address}), which is attached to {', '.join(users)}; "
            "nothing was changed. IAM deletes no attached policy: detach it there first, and run this command with other "
            "permissions."
        )
