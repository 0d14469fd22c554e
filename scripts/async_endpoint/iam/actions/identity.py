"""IAM and STS. Source: service authorization references. GetCallerIdentity needs no permission (STS API reference)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from async_endpoint.iam.actions.call import ApiCall, Permission, ResourceFacts, Rules, alike, anywhere, each, expand, on

_IAM: Final = "arn:{partition}:iam::{account}:"
_POLICY: Final = _IAM + "policy/{PolicyName}"


# The actions that have iam:PermissionsBoundary (service authorization reference of IAM).
_BOUNDED: Final = frozenset(
    {
        "AttachRolePolicy",
        "DeleteRolePermissionsBoundary",
        "DeleteRolePolicy",
        "DetachRolePolicy",
        "PutRolePermissionsBoundary",
        "PutRolePolicy",
    }
)


def _role(call: ApiCall, facts: ResourceFacts) -> Iterable[Permission]:
    """The action on a role, with its permissions boundary and the policy that is attached or detached."""
    name = call.params["RoleName"]
    context = {"iam:PolicyARN": call.params["PolicyArn"]} if "PolicyArn" in call.params else {}
    if call.operation in _BOUNDED and (boundary := facts.role_boundary(name)):
        context["iam:PermissionsBoundary"] = boundary
    yield Permission(f"iam:{call.operation}", facts.role_arn(name), context)


def _create_role(call: ApiCall, _: ResourceFacts) -> Iterable[Permission]:
    path = call.params.get("Path", "/")
    [role] = expand(_IAM + "role" + path + "{RoleName}", call)
    boundary = call.params.get("PermissionsBoundary")
    yield Permission("iam:CreateRole", role, {"iam:PermissionsBoundary": boundary} if boundary else {})
    if call.params.get("Tags"):
        yield Permission("iam:TagRole", role, {})


def _create_provider(call: ApiCall, _: ResourceFacts) -> Iterable[Permission]:
    host = str(call.params["Url"]).removeprefix("https://")
    yield Permission("iam:CreateOpenIDConnectProvider", expand(f"{_IAM}oidc-provider/{host}", call)[0], {})


def _user(call: ApiCall, _: ResourceFacts) -> Iterable[Permission]:
    """A user by name; without one, GetUser describes the caller."""
    [user] = expand(f"{_IAM}user/{call.params.get('UserName', '*')}", call)
    yield Permission(f"iam:{call.operation}", user, {})


IAM: Final[Rules] = {
    "GetUser": (_user,),
    **anywhere("ListOpenIDConnectProviders", "ListPolicies", "ListRoles"),
    **each(
        "{OpenIDConnectProviderArn}", "DeleteOpenIDConnectProvider", "GetOpenIDConnectProvider", "ListOpenIDConnectProviderTags"
    ),
    **each(
        "{PolicyArn}", "CreatePolicyVersion", "DeletePolicy", "DeletePolicyVersion", "GetPolicy", "GetPolicyVersion",
        "ListEntitiesForPolicy", "ListPolicyTags", "ListPolicyVersions", "TagPolicy", "UntagPolicy",
    ),
    **alike(
        _role,
        "AttachRolePolicy", "DeleteRole", "DeleteRolePermissionsBoundary", "DeleteRolePolicy", "DetachRolePolicy", "GetRole",
        "GetRolePolicy", "ListAttachedRolePolicies", "ListInstanceProfilesForRole", "ListRolePolicies", "ListRoleTags",
        "PutRolePermissionsBoundary", "PutRolePolicy", "TagRole", "UntagRole", "UpdateAssumeRolePolicy", "UpdateRole",
    ),
    "CreateOpenIDConnectProvider": (_create_provider,),
    "CreatePolicy": (on(_POLICY), on(_POLICY, "iam:TagPolicy", when="Tags")),
    "CreateRole": (_create_role,),
}  # fmt: skip

STS: Final[Rules] = {"GetCallerIdentity": (), **each("{RoleArn}", "AssumeRole")}
