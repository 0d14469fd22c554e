"""What the execution role may do: a role made here says what was planned and no more; another one still may what it must.

Another one is supplied, or was imported: its trust policy and the policies that others gave it are not planned. Of a role
made here, Terraform sees the trust policy, the permissions boundary and the policy that it wrote, and nothing that was added.
Of a supplied one it sees nothing. Service control policies are invisible to an account's own identities.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from async_endpoint.aws import AwsSession
from async_endpoint.core.errors import InvalidInput
from async_endpoint.core.outputs import AsyncEndpointOutputs, ExecutionRole
from async_endpoint.deploy.verification.findings import Difference, compare, denied, existing, not_repaired, pages, raise_any
from async_endpoint.deploy.verification.needs import Need, needs, unmet
from async_endpoint.iam import evaluate_trust

SAGEMAKER: Final = "sagemaker.amazonaws.com"


@dataclass(frozen=True)
class LiveRole:
    """A role as IAM describes it. `inline` and `attached` are policies by name and by ARN; an unreadable one is None."""

    name: str
    trust: Mapping[str, Any]
    boundary_arn: str | None
    inline: Mapping[str, Mapping[str, Any]]
    attached: Mapping[str, Mapping[str, Any] | None] = field(default_factory=dict)
    boundary: Mapping[str, Any] | None = None

    @property
    def readable(self) -> bool:
        return None not in self.attached.values() and (self.boundary is None) == (self.boundary_arn is None)


def execution_role(aws: AwsSession, outputs: AsyncEndpointOutputs) -> str:
    """That the execution role is as it was planned."""
    from botocore.exceptions import ClientError  # noqa: PLC0415

    planned = outputs.model.execution_role if outputs.model else None
    arn = outputs.endpoint.execution_role_arn
    name = arn.rpartition("/")[2]
    if planned is None:
        return f"{name} is not compared: apply once to record what was planned"
    try:
        live = _read(aws, name)
    except ClientError as error:
        if planned.supplied and denied(error):
            return f"{name} is not compared: these credentials may not read it ({error.operation_name})"
        raise
    subject = f"execution role {name}"
    if planned.supplied:
        differences = _required(aws, subject, arn, planned, live, outputs)
    elif planned.imported:
        differences = _own(subject, planned, live) or _required(aws, subject, arn, planned, live, outputs)
    else:
        differences = _own(subject, planned, live) + _added(subject, planned, live)
    if planned.made_here and not differences and live.boundary is not None:
        differences = _denials(aws, subject, arn, planned, live, outputs)
    raise_any(differences)
    if not live.readable:
        return f"{name} may be assumed; not all of its policies may be read with these credentials"
    return f"{name} may do what was planned{', and nothing else' if planned.made_here else ''}"


def _read(aws: AwsSession, name: str) -> LiveRole:
    iam = aws.client("iam")
    described = existing(f"execution role {name}", lambda: iam.get_role(RoleName=name))["Role"]
    boundary_arn = described.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
    names = pages(aws, "iam", "list_role_policies", "PolicyNames", RoleName=name)
    attached = [one["PolicyArn"] for one in pages(aws, "iam", "list_attached_role_policies", "AttachedPolicies", RoleName=name)]
    return LiveRole(
        name,
        _decoded(described["AssumeRolePolicyDocument"]),
        boundary_arn,
        {one: _decoded(iam.get_role_policy(RoleName=name, PolicyName=one)["PolicyDocument"]) for one in names},
        {arn: _managed(aws, arn) for arn in attached},
        _managed(aws, boundary_arn) if boundary_arn else None,
    )


def _managed(aws: AwsSession, arn: str) -> Mapping[str, Any] | None:
    """The default version of a managed policy; None where these credentials may not read it."""
    from botocore.exceptions import ClientError  # noqa: PLC0415

    iam = aws.client("iam")
    try:
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        return _decoded(iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"])
    except ClientError as error:
        if denied(error):
            return None
        raise


def _own(subject: str, planned: ExecutionRole, live: LiveRole) -> list[Difference]:
    """What differs of that which was planned of a role made or imported here."""
    own = planned.policy_name or ""
    differences = compare(subject, {"permissions boundary": (planned.permissions_boundary_arn, live.boundary_arn)})
    if planned.trust_policy_json is not None and not _same(planned.trust_policy_json, live.trust):
        differences.append(Difference(subject, "has another trust policy"))
    if own not in live.inline:
        differences.append(Difference(subject, f"has no inline policy {own}"))
    elif not _same(planned.policy_json, live.inline[own]):
        differences.append(Difference(subject, f"has another inline policy {own}"))
    return differences


def _added(subject: str, planned: ExecutionRole, live: LiveRole) -> list[Difference]:
    """The policies of a role made here that were not planned."""
    differences, own = [], planned.policy_name or ""
    for name in sorted(live.inline.keys() - {own}):
        remedy = not_repaired(f"aws iam delete-role-policy --role-name {live.name} --policy-name {name}")
        differences.append(
            Difference(subject, f"has inline policy {name}, which was not planned{_effect(live.inline[name])}", remedy)
        )
    for arn in sorted(live.attached):
        remedy = not_repaired(f"aws iam detach-role-policy --role-name {live.name} --policy-arn {arn}")
        differences.append(
            Difference(subject, f"has policy {arn} attached, which was not planned{_effect(live.attached[arn])}", remedy)
        )
    return differences


def _required(
    aws: AwsSession, subject: str, arn: str, planned: ExecutionRole, live: LiveRole, outputs: AsyncEndpointOutputs
) -> list[Difference]:
    """What a supplied or imported role lacks."""
    differences = []
    origin = "imported" if planned.imported else "supplied"
    owner = not_repaired(f"the role is {origin}, so its owner changes it")
    try:
        trust = evaluate_trust(live.trust, SAGEMAKER, {"aws:SourceAccount": outputs.account_id})
        if not trust.allowed:
            differences.append(Difference(subject, f"cannot be assumed by {SAGEMAKER} for account {outputs.account_id}", owner))
    except InvalidInput as error:
        differences.append(Difference(subject, f"has a trust policy that cannot be read: {error}", owner))
    return differences + _denials(aws, subject, arn, planned, live, outputs, owner)


def _denials(
    aws: AwsSession,
    subject: str,
    arn: str,
    planned: ExecutionRole,
    live: LiveRole,
    outputs: AsyncEndpointOutputs,
    remedy: str = not_repaired("change the permissions boundary, which is not made here"),
) -> list[Difference]:
    """What the role must be allowed and is not. Nothing is concluded from a role of which not every policy can be read, but a
    denial that is read."""
    identity = {**{f"inline policy {name}": document for name, document in live.inline.items()}}
    identity |= {f"policy {name}": document for name, document in live.attached.items() if document is not None}
    wanted = needs(json.loads(planned.policy_json), _documents(identity, live))
    return [
        Difference(subject, f"may not {need.action} on {need.resource}: {why}", remedy)
        for need, why in _first_of_each(unmet(wanted, arn, identity, live.boundary, lambda need: _resource_policy(aws, need)))
        if live.readable or "denied" in why
    ]


def _documents(identity: Mapping[str, Mapping[str, Any]], live: LiveRole) -> list[Mapping[str, Any]]:
    return [*identity.values(), *([live.boundary] if live.boundary else [])]


def _first_of_each(found: Sequence[tuple[Need, str]]) -> Iterator[tuple[Need, str]]:
    """One denial for each action: its other resources say the same."""
    seen = set()
    for need, why in found:
        if need.action not in seen:
            seen.add(need.action)
            yield need, why


def _resource_policy(aws: AwsSession, need: Need) -> Mapping[str, Any] | None:
    """The policy of the bucket, topic or key: within an account it allows as well. None where it cannot be read."""
    from botocore.exceptions import ClientError  # noqa: PLC0415

    target = need.resource
    service = target.split(":")[2] if target.startswith("arn:") else ""
    try:
        if service == "s3":
            return _decoded(aws.client("s3").get_bucket_policy(Bucket=target.split(":::")[1].split("/")[0])["Policy"])
        if service == "sns":
            return _decoded(aws.client("sns").get_topic_attributes(TopicArn=target)["Attributes"]["Policy"])
        if service == "kms":
            return _decoded(aws.client("kms").get_key_policy(KeyId=target, PolicyName="default")["Policy"])
    except (ClientError, KeyError, IndexError):
        return None
    return None


def _effect(document: Mapping[str, Any] | None) -> str:
    statements = _listed((document or {}).get("Statement", []))
    return " and denies" if any(one.get("Effect") == "Deny" for one in statements) else ""


def _same(planned: str, live: Mapping[str, Any]) -> bool:
    return bool(_canonical(json.loads(planned)) == _canonical(live))


def _canonical(value: Any) -> Any:
    """A policy in which lists are sorted and lists of one are what they hold: IAM keeps a document's meaning, not its text."""
    if isinstance(value, Mapping):
        return {key: _canonical(item) for key, item in value.items() if not (key == "Sid" and item == "")}
    if isinstance(value, list):
        items = sorted((_canonical(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True))
        return items[0] if len(items) == 1 else items
    return value


def _decoded(document: Any) -> Mapping[str, Any]:
    decoded: Mapping[str, Any] = json.loads(document) if isinstance(document, str) else document
    return decoded


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
