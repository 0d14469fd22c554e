"""AWS::IAM::Role, Policy, RolePolicy and ManagedPolicy. A template with one of them needs the capability CAPABILITY_IAM."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from botocore.exceptions import ClientError

from async_endpoint.emulator.cloudformation.errors import ResourceFailed
from async_endpoint.emulator.cloudformation.resource_types.base import (
    DOCUMENT,
    Context,
    Created,
    Existing,
    ResourceType,
    Values,
    as_document,
    as_list,
    scalar,
)

_MAX_VERSIONS: Final = 5  # of a managed policy


class Role(ResourceType):
    """A role with its inline and attached policies. Ref returns its name."""

    capability, named_by = True, "RoleName"
    mutable = frozenset(
        (
            "AssumeRolePolicyDocument",
            "Description",
            "ManagedPolicyArns",
            "MaxSessionDuration",
            "PermissionsBoundary",
            "Policies",
            "Tags",
        )
    )
    replacing = frozenset(("Path", "RoleName"))
    required = frozenset(("AssumeRolePolicyDocument",))
    attributes = frozenset(("Arn", "RoleId"))
    structures: ClassVar = {
        "AssumeRolePolicyDocument": DOCUMENT,
        **dict.fromkeys(("ManagedPolicyArns", "Policies", "Tags"), "JSONArray"),
    }

    def create(self, context: Context, properties: Values) -> Created:
        name = context.name(properties.get("RoleName"), 64)
        optional: Values = {key: properties[key] for key in ("Path", "Description", "PermissionsBoundary") if key in properties}
        if "MaxSessionDuration" in properties:
            optional["MaxSessionDuration"] = scalar("integer", properties["MaxSessionDuration"], "#/MaxSessionDuration")
        role = context.client("iam").create_role(
            RoleName=name,
            AssumeRolePolicyDocument=as_document(properties["AssumeRolePolicyDocument"]),
            Tags=context.tag_list(properties.get("Tags")),
            **optional,
        )["Role"]
        return Created(name, {"Arn": role["Arn"], "RoleId": role["RoleId"]})

    def stabilize(self, context: Context, created: Created, properties: Values) -> None:
        self._policies(context, created.physical_id, {}, properties)

    def update(self, context: Context, existing: Existing, after: Values) -> None:
        client, name, before = context.client("iam"), existing.physical_id, existing.properties
        if before["AssumeRolePolicyDocument"] != after["AssumeRolePolicyDocument"]:
            client.update_assume_role_policy(RoleName=name, PolicyDocument=as_document(after["AssumeRolePolicyDocument"]))
        changed = {key: after.get(key) for key in ("Description", "MaxSessionDuration") if before.get(key) != after.get(key)}
        if changed:
            duration = scalar("integer", after.get("MaxSessionDuration", 3600), "#/MaxSessionDuration")
            client.update_role(RoleName=name, Description=after.get("Description", ""), MaxSessionDuration=duration)
        if before.get("PermissionsBoundary") != after.get("PermissionsBoundary"):
            if "PermissionsBoundary" in after:
                client.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=after["PermissionsBoundary"])
            else:
                client.delete_role_permissions_boundary(RoleName=name)
        self._policies(context, name, before, after)
        context.change_tags(
            before.get("Tags"),
            after.get("Tags"),
            lambda tags: client.tag_role(RoleName=name, Tags=as_list(tags)),
            lambda keys: client.untag_role(RoleName=name, TagKeys=keys),
        )

    @staticmethod
    def _policies(context: Context, name: str, before: Values, after: Values) -> None:
        """Make the role's inline and attached policies those of `after`."""
        client = context.client("iam")
        old, new = _inline(before), _inline(after)
        for policy in sorted(set(old) - set(new)):
            client.delete_role_policy(RoleName=name, PolicyName=policy)
        for policy, document in new.items():
            if old.get(policy) != document:
                client.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=document)
        attached, wanted = before.get("ManagedPolicyArns", []), after.get("ManagedPolicyArns", [])
        for arn in attached:
            if arn not in wanted:
                client.detach_role_policy(RoleName=name, PolicyArn=arn)
        for arn in wanted:
            if arn not in attached:
                client.attach_role_policy(RoleName=name, PolicyArn=arn)

    def delete(self, context: Context, existing: Existing) -> None:
        """Delete the role with the policies of its properties; IAM refuses when it has others."""
        client, name = context.client("iam"), existing.physical_id
        for policy in _inline(existing.properties):
            _unless_missing(lambda policy=policy: client.delete_role_policy(RoleName=name, PolicyName=policy))
        for arn in existing.properties.get("ManagedPolicyArns", []):
            _unless_missing(lambda arn=arn: client.detach_role_policy(RoleName=name, PolicyArn=arn))
        client.delete_role(RoleName=name)


def _inline(properties: Values) -> dict[str, str]:
    policies = properties.get("Policies", [])
    for index, policy in enumerate(policies):
        if not isinstance(policy, dict) or set(policy) != {"PolicyName", "PolicyDocument"}:
            raise ResourceFailed(f"Properties validation failed: #/Policies/{index}: needs PolicyName and PolicyDocument only")
    return {str(policy["PolicyName"]): as_document(policy["PolicyDocument"]) for policy in policies}


def _unless_missing(call: Any) -> None:
    try:
        call()
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchEntity":
            raise


_OF_PRINCIPALS: Final = {"PolicyDocument": DOCUMENT, **dict.fromkeys(("Groups", "Roles", "Users"), "JSONArray")}


class Policy(ResourceType):
    """An inline policy of roles, users and groups."""

    capability = True
    mutable = frozenset(("Groups", "PolicyDocument", "PolicyName", "Roles", "Users"))
    required = frozenset(("PolicyDocument", "PolicyName"))
    attributes = frozenset(("Id",))
    structures: ClassVar = _OF_PRINCIPALS

    def create(self, context: Context, properties: Values) -> Created:
        if not any(properties.get(key) for key, _ in _PRINCIPALS):
            raise ResourceFailed("At least one of [Groups,Roles,Users] must be non-empty.")
        self._put(context, properties)
        name = context.name(None, 128)
        return Created(name, {"Id": name})

    def update(self, context: Context, existing: Existing, after: Values) -> None:
        self._put(context, after)
        self._remove(context, existing.properties, after)

    def delete(self, context: Context, existing: Existing) -> None:
        self._remove(context, existing.properties, {})

    @staticmethod
    def _put(context: Context, properties: Values) -> None:
        document = as_document(properties["PolicyDocument"])
        for key, word in _PRINCIPALS:
            for name in properties.get(key, []):
                put = getattr(context.client("iam"), f"put_{word}_policy")
                put(**{f"{word.title()}Name": name}, PolicyName=properties["PolicyName"], PolicyDocument=document)

    @staticmethod
    def _remove(context: Context, before: Values, after: Values) -> None:
        """Delete the policy of `before` from the principals that do not have it in `after`."""
        for key, word in _PRINCIPALS:
            kept = after.get(key, []) if after.get("PolicyName") == before["PolicyName"] else []
            for name in before.get(key, []):
                if name not in kept:
                    arguments = {f"{word.title()}Name": name, "PolicyName": before["PolicyName"]}
                    delete = getattr(context.client("iam"), f"delete_{word}_policy")
                    _unless_missing(lambda delete=delete, arguments=arguments: delete(**arguments))


_PRINCIPALS: Final = (("Groups", "group"), ("Roles", "role"), ("Users", "user"))


class RolePolicy(ResourceType):
    capability = True
    mutable = frozenset(("PolicyDocument",))
    replacing = frozenset(("PolicyName", "RoleName"))
    required = frozenset(("PolicyName", "RoleName"))
    structures: ClassVar = {"PolicyDocument": DOCUMENT}

    def create(self, context: Context, properties: Values) -> Created:
        name, role = properties["PolicyName"], properties["RoleName"]
        document = as_document(properties.get("PolicyDocument", {}))
        context.client("iam").put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=document)
        return Created(f"{name}|{role}", {})

    def update(self, context: Context, existing: Existing, after: Values) -> None:
        self.create(context, after)

    def delete(self, context: Context, existing: Existing) -> None:
        name, role = existing.properties["PolicyName"], existing.properties["RoleName"]
        context.client("iam").delete_role_policy(RoleName=role, PolicyName=name)


class ManagedPolicy(ResourceType):
    """A managed policy with its attachments. Ref returns its ARN."""

    capability, named_by = True, "ManagedPolicyName"
    mutable = frozenset(("Groups", "PolicyDocument", "Roles", "Users"))
    replacing = frozenset(("Description", "ManagedPolicyName", "Path"))
    required = frozenset(("PolicyDocument",))
    attributes = frozenset(("PolicyArn", "PolicyId"))
    structures: ClassVar = _OF_PRINCIPALS

    def create(self, context: Context, properties: Values) -> Created:
        optional = {key: properties[key] for key in ("Description", "Path") if key in properties}
        policy = context.client("iam").create_policy(
            PolicyName=context.name(properties.get("ManagedPolicyName"), 128),
            PolicyDocument=as_document(properties["PolicyDocument"]),
            **optional,
        )["Policy"]
        return Created(policy["Arn"], {"PolicyArn": policy["Arn"], "PolicyId": policy["PolicyId"]})

    def stabilize(self, context: Context, created: Created, properties: Values) -> None:
        self._attach(context, created.physical_id, {}, properties)

    def update(self, context: Context, existing: Existing, after: Values) -> None:
        client, arn = context.client("iam"), existing.physical_id
        if existing.properties["PolicyDocument"] != after["PolicyDocument"]:
            versions = client.list_policy_versions(PolicyArn=arn)["Versions"]
            old = [version for version in versions if not version["IsDefaultVersion"]]
            if len(versions) >= _MAX_VERSIONS:
                client.delete_policy_version(PolicyArn=arn, VersionId=old[-1]["VersionId"])
            client.create_policy_version(PolicyArn=arn, PolicyDocument=as_document(after["PolicyDocument"]), SetAsDefault=True)
        self._attach(context, arn, existing.properties, after)

    def delete(self, context: Context, existing: Existing) -> None:
        client, arn = context.client("iam"), existing.physical_id
        self._attach(context, arn, existing.properties, {})
        for version in client.list_policy_versions(PolicyArn=arn)["Versions"]:
            if not version["IsDefaultVersion"]:
                client.delete_policy_version(PolicyArn=arn, VersionId=version["VersionId"])
        client.delete_policy(PolicyArn=arn)

    @staticmethod
    def _attach(context: Context, arn: str, before: Values, after: Values) -> None:
        client = context.client("iam")
        for key, word in _PRINCIPALS:
            old, new = before.get(key, []), after.get(key, [])
            for name in old:
                if name not in new:
                    detach = getattr(client, f"detach_{word}_policy")
                    arguments = {f"{word.title()}Name": name, "PolicyArn": arn}
                    _unless_missing(lambda detach=detach, arguments=arguments: detach(**arguments))
            for name in new:
                if name not in old:
                    getattr(client, f"attach_{word}_policy")(**{f"{word.title()}Name": name, "PolicyArn": arn})


TYPES: Final = {
    "AWS::IAM::Role": Role(),
    "AWS::IAM::Policy": Policy(),
    "AWS::IAM::RolePolicy": RolePolicy(),
    "AWS::IAM::ManagedPolicy": ManagedPolicy(),
}
