"""Evaluation of a request against policies: the verdict.

Source: IAM user guide, "Policy evaluation logic", and KMS developer guide, "Key policies". An explicit deny in any policy
wins. Within an account, an allow in an identity-based or in the resource-based policy is enough; across accounts both must
allow. A KMS key's policy must allow, or name the account and so let identity-based policies allow. Only its trust policy
decides who may assume a role. A role's permissions boundary must allow too, and grants nothing itself (user guide, "Permissions
boundaries for IAM entities"); for a user, a policy of a resource that names it may do without, which is not emulated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from async_endpoint.iam.document import Document, Named, parse_policy
from async_endpoint.iam.request import AccessRequest

_IDENTITY: Final = "identity-based policy"
_RESOURCE: Final = "resource-based policy"
_TRUST: Final = "role trust policy"
_BOUNDARY: Final = "permissions boundary"


@dataclass(frozen=True)
class Verdict:
    """`decided_by` is the statement that allowed or denied, None for neither; `explain` is AWS's text, empty if allowed."""

    allowed: bool
    explicit_deny: bool
    decided_by: str | None
    explain: str


def evaluate(
    request: AccessRequest,
    identity: Sequence[Document],
    resource_policy: Document | None = None,
    same_account: bool = True,
    boundary: Document | None = None,
) -> Verdict:
    """The verdict of the principal's policies within its permissions boundary, and of the resource's policy.

    A service principal has no policies of its own. Raises InvalidInput for an invalid policy.
    """
    return _bounded(request, _unbounded(request, identity, resource_policy, same_account), boundary)


def _unbounded(
    request: AccessRequest, identity: Sequence[Document], resource_policy: Document | None, same_account: bool
) -> Verdict:
    own = _consult(request, _IDENTITY, identity)
    resource = _consult(request, _RESOURCE, [] if resource_policy is None else [resource_policy])
    if request.is_service:
        return _verdict(request, [resource], resource.allowed_by, _RESOURCE)
    if same_account:
        return _verdict(request, [own, resource], own.allowed_by or resource.allowed_by, _IDENTITY)
    resource_allows = resource.allowed_by or resource.delegated_by
    return _verdict(request, [own, resource], resource_allows and own.allowed_by, _RESOURCE if own.allowed_by else _IDENTITY)


def _bounded(request: AccessRequest, verdict: Verdict, boundary: Document | None) -> Verdict:
    """The verdict within a permissions boundary."""
    if boundary is None or not verdict.allowed:
        return verdict
    found = _consult(request, _BOUNDARY, [boundary])
    return verdict if found.allowed_by and not found.denied_by else _verdict(request, [found], None, _BOUNDARY)


def evaluate_key(
    request: AccessRequest, identity: Sequence[Document], key_policy: Document, boundary: Document | None = None
) -> Verdict:
    """The verdict on the use of a KMS key; identity-based policies count only if the key's policy names the account."""
    own, key = _consult(request, _IDENTITY, identity), _consult(request, _RESOURCE, [key_policy])
    granted = key.allowed_by or (key.delegated_by and own.allowed_by)
    verdict = _verdict(request, [own, key], granted, _IDENTITY if key.delegated_by else _RESOURCE)
    return _bounded(request, verdict, boundary)


def evaluate_trust(policy: Document, service: str, context: Mapping[str, str | list[str]] | None = None) -> Verdict:
    """The verdict on `service`, such as sagemaker.amazonaws.com, assuming the role whose trust policy is `policy`."""
    request = AccessRequest("sts:AssumeRole", "", service, context or {})
    trust = _consult(request, _TRUST, [policy])
    return _verdict(request, [trust], trust.allowed_by, _TRUST)


@dataclass(frozen=True)
class _Findings:
    """The first statements of one kind of policy that deny, allow, or (`delegated_by`) allow the principal's account."""

    kind: str
    denied_by: str | None
    allowed_by: str | None
    delegated_by: str | None


def _consult(request: AccessRequest, kind: str, documents: Sequence[Document]) -> _Findings:
    denied, allowed, delegated = None, None, None
    for number, document in enumerate(documents, 1):
        where = f"{kind} {number}" if len(documents) > 1 else kind
        for statement in parse_policy(document, where, has_principal=kind not in (_IDENTITY, _BOUNDARY)):
            how = statement.applies(request)
            description = f"statement {statement.label} of the {where}"
            if how is Named.NO:
                continue
            if not statement.allows:
                denied = denied or description
            elif how is Named.DIRECT:
                allowed = allowed or description
            else:
                delegated = delegated or description
    return _Findings(kind, denied, allowed, delegated)


def _verdict(request: AccessRequest, consulted: Sequence[_Findings], granted: str | None, lacking: str) -> Verdict:
    who = f"User: {request.caller} is not authorized to perform: {request.action}"
    if request.resource:
        who += f" on resource: {request.resource}"
    for findings in consulted:
        if findings.denied_by:
            article = "an" if findings.kind == _IDENTITY else "a"
            return Verdict(False, True, findings.denied_by, f"{who} with an explicit deny in {article} {findings.kind}")
    if granted:
        return Verdict(True, False, granted, "")
    return Verdict(False, False, None, f"{who} because no {lacking} allows the {request.action} action")
