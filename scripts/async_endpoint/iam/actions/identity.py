"""IAM and STS.

Source: service authorization references. GetCallerIdentity and GetSessionToken need no permission (STS API reference), and what
AssumeRoleWithSAML and AssumeRoleWithWebIdentity need is in the trust policy.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from async_endpoint.iam.actions.call import (
    ApiCall,
    Permission,
    ResourceFacts,
    Rule,
    Rules,
    alike,
    anywhere,
    each,
    expand,
    on,
)

_IAM: Final = "arn:{partition}:iam::{account}:"

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
    if call.operation == "PutRolePermissionsBoundary":
        context["iam:PermissionsBoundary"] = call.params.get("PermissionsBoundary", "")
    yield Permission(f"iam:{call.operation}", facts.role_arn(name), context)


def _create(kind: str, parameter: str, tag: str) -> Rule:
    """The creation of a role, user or policy at its path, with its permissions boundary; `tag` is the action for its tags."""

    def rule(call: ApiCall, _: ResourceFacts) -> Iterable[Permission]:
        path = call.params.get("Path") or "/"
        [created] = expand(_IAM + kind + path + f"{{{parameter}}}", call)
        boundary = call.params.get("PermissionsBoundary")
        yield Permission(f"iam:{call.operation}", created, {"iam:PermissionsBoundary": boundary} if boundary else {})
        if tag and call.params.get("Tags"):
            yield Permission(f"iam:{tag}", created, {})

    return rule


def _create_provider(call: ApiCall, _: ResourceFacts) -> Iterable[Permission]:
    host = str(call.params["Url"]).removeprefix("https://")
    [provider] = expand(f"{_IAM}oidc-provider/{host}", call)
    yield Permission("iam:CreateOpenIDConnectProvider", provider, {})
    if call.params.get("Tags"):
        yield Permission("iam:TagOpenIDConnectProvider", provider, {})


def _user(call: ApiCall, facts: ResourceFacts) -> Iterable[Permission]:
    """The action on a user; without a name on the calling user, or on any where it is another principal that calls."""
    name, key = call.params.get("UserName"), str(call.params.get("AccessKeyId") or "")
    owner = facts.access_key_user(key) if key else None  # an access key may be named without its user
    resource = facts.user_arn(name) if name else owner or call.caller or expand(f"{_IAM}user/*", call)[0]
    context = {"iam:PolicyARN": call.params["PolicyArn"]} if "PolicyArn" in call.params else {}
    if call.params.get("PermissionsBoundary"):
        context["iam:PermissionsBoundary"] = call.params["PermissionsBoundary"]
    yield Permission(f"iam:{call.operation}", resource, context)


def _group(call: ApiCall, facts: ResourceFacts) -> Iterable[Permission]:
    context = {"iam:PolicyARN": call.params["PolicyArn"]} if "PolicyArn" in call.params else {}
    yield Permission(f"iam:{call.operation}", facts.group_arn(call.params["GroupName"]), context)


def _profile(call: ApiCall, facts: ResourceFacts) -> Iterable[Permission]:
    yield Permission(f"iam:{call.operation}", facts.profile_arn(call.params["InstanceProfileName"]), {})


def _profile_role(call: ApiCall, facts: ResourceFacts) -> Iterable[Permission]:
    """An instance profile passes its role to EC2 (IAM API reference, AddRoleToInstanceProfile)."""
    yield from _profile(call, facts)
    yield Permission("iam:PassRole", facts.role_arn(call.params["RoleName"]), {"iam:PassedToService": "ec2.amazonaws.com"})


def _service_linked(call: ApiCall, _: ResourceFacts) -> Iterable[Permission]:
    service = str(call.params["AWSServiceName"])
    name = "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint" if service.startswith("sagemaker.app") else "generated"
    [role] = expand(f"{_IAM}role/aws-service-role/{service}/{name}", call)
    yield Permission("iam:CreateServiceLinkedRole", role, {"iam:AWSServiceName": service})


def _simulated(call: ApiCall, _: ResourceFacts) -> Iterable[Permission]:
    yield Permission(f"iam:{call.operation}", call.params["PolicySourceArn"], {})


IAM: Final[Rules] = {
    **anywhere(
        "CreateAccountAlias", "DeleteAccountAlias", "DeleteAccountPasswordPolicy", "GenerateCredentialReport",
        "GetAccessKeyLastUsed", "GetAccountAuthorizationDetails", "GetAccountPasswordPolicy", "GetAccountSummary",
        "GetContextKeysForCustomPolicy", "GetCredentialReport", "ListAccountAliases", "ListGroups", "ListInstanceProfiles",
        "ListOpenIDConnectProviders", "ListPolicies", "ListRoles", "ListSAMLProviders", "ListServerCertificates", "ListUsers",
        "ListVirtualMFADevices", "SimulateCustomPolicy", "UpdateAccountPasswordPolicy",
    ),
    **each(
        "{OpenIDConnectProviderArn}",
        "AddClientIDToOpenIDConnectProvider", "DeleteOpenIDConnectProvider", "GetOpenIDConnectProvider",
        "ListOpenIDConnectProviderTags", "RemoveClientIDFromOpenIDConnectProvider", "TagOpenIDConnectProvider",
        "UntagOpenIDConnectProvider", "UpdateOpenIDConnectProviderThumbprint",
    ),
    **each(
        "{PolicyArn}", "CreatePolicyVersion", "DeletePolicy", "DeletePolicyVersion", "GetPolicy", "GetPolicyVersion",
        "ListEntitiesForPolicy", "ListPolicyTags", "ListPolicyVersions", "SetDefaultPolicyVersion", "TagPolicy", "UntagPolicy",
    ),
    **alike(
        _profile, "DeleteInstanceProfile", "GetInstanceProfile", "ListInstanceProfileTags", "RemoveRoleFromInstanceProfile",
        "TagInstanceProfile", "UntagInstanceProfile",
    ),
    **alike(
        _role,
        "AttachRolePolicy", "DeleteRole", "DeleteRolePermissionsBoundary", "DeleteRolePolicy", "DeleteServiceLinkedRole",
        "DetachRolePolicy", "GetRole", "GetRolePolicy", "ListAttachedRolePolicies", "ListInstanceProfilesForRole",
        "ListRolePolicies", "ListRoleTags", "PutRolePermissionsBoundary", "PutRolePolicy", "TagRole", "UntagRole",
        "UpdateAssumeRolePolicy", "UpdateRole", "UpdateRoleDescription",
    ),
    **alike(
        _user,
        "AttachUserPolicy", "ChangePassword", "CreateAccessKey", "CreateLoginProfile", "DeleteAccessKey", "DeleteLoginProfile",
        "DeleteUser", "DeleteUserPermissionsBoundary", "DeleteUserPolicy", "DetachUserPolicy", "GetLoginProfile", "GetUser",
        "GetUserPolicy", "ListAccessKeys", "ListAttachedUserPolicies", "ListGroupsForUser", "ListMFADevices",
        "ListSSHPublicKeys", "ListServiceSpecificCredentials", "ListSigningCertificates", "ListUserPolicies", "ListUserTags",
        "PutUserPermissionsBoundary", "PutUserPolicy", "TagUser", "UntagUser", "UpdateAccessKey", "UpdateLoginProfile",
        "UpdateUser",
    ),
    **alike(
        _group,
        "AddUserToGroup", "AttachGroupPolicy", "DeleteGroup", "DeleteGroupPolicy", "DetachGroupPolicy", "GetGroup",
        "GetGroupPolicy", "ListAttachedGroupPolicies", "ListGroupPolicies", "PutGroupPolicy", "RemoveUserFromGroup",
        "UpdateGroup",
    ),
    **alike(_simulated, "GetContextKeysForPrincipalPolicy", "SimulatePrincipalPolicy"),
    "AddRoleToInstanceProfile": (_profile_role,),
    "CreateInstanceProfile": (_create("instance-profile", "InstanceProfileName", "TagInstanceProfile"),),
    "CreateGroup": (_create("group", "GroupName", ""),),
    "CreateOpenIDConnectProvider": (_create_provider,),
    "CreatePolicy": (_create("policy", "PolicyName", "TagPolicy"),),
    "CreateRole": (_create("role", "RoleName", "TagRole"),),
    "CreateServiceLinkedRole": (_service_linked,),
    "CreateUser": (_create("user", "UserName", "TagUser"),),
}  # fmt: skip

STS: Final[Rules] = {
    "AssumeRole": (
        on("{RoleArn}"),
        on("{RoleArn}", "sts:TagSession", when="Tags"),
        on("{RoleArn}", "sts:SetSourceIdentity", when="SourceIdentity"),
    ),
    "AssumeRoleWithSAML": (),
    "AssumeRoleWithWebIdentity": (),
    "GetCallerIdentity": (),
    "GetFederationToken": (on("arn:{partition}:sts::{account}:federated-user/{Name}"),),
    "GetSessionToken": (),
    **anywhere("DecodeAuthorizationMessage", "GetAccessKeyInfo"),
}
