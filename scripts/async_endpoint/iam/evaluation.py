"""Evaluation of a request against policies: the verdict.

Source: IAM user guide, "Policy evaluation logic" and "Policy evaluation for requests within a single account", and KMS
developer guide, "Key policies" and "Grants". An explicit deny in any policy wins. Within an account, an allow in an
identity-based or in the resource-based policy is enough; across accounts both must allow. A KMS key's policy, and the trust
policy of a role, must allow, or name the account and so let identity-based policies allow. A permissions boundary and session
policies must allow too, and grant nothing themselves; what a resource's policy grants to exactly this user or session needs
neither. The guide leaves open whether "*" counts as naming a user: here it does not (A241).
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
_SESSION: Final = "session policy"
_WITH_PRINCIPAL: Final = (_RESOURCE, _TRUST)


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
    session: Sequence[Document] | None = None,
) -> Verdict:
    """The verdict of the principal's policies, within its boundary and its session's policies, and of the resource's policy.

    `session` None is a caller without session policies; an empty sequence allows nothing. A service principal has no policies
    of its own. Raises InvalidInput for an invalid policy.
    """
    own = _consult(request, _IDENTITY, identity)
    resource = _consult(request, _RESOURCE, [] if resource_policy is None else [resource_policy])
    if request.is_service:
        return _verdict(request, [resource], resource.allowed_by, _RESOURCE)
    if same_account:
        granted, lacking = own.allowed_by or resource.allowed_by, _IDENTITY
    else:
        granted = (resource.allowed_by or resource.delegated_by) and own.allowed_by
        lacking = _RESOURCE if own.allowed_by else _IDENTITY
    exact = resource.names_exactly and same_account
    return _limited(request, [own, resource], granted, lacking, _limits(request, boundary, session), exact)


def evaluate_key(
    request: AccessRequest,
    identity: Sequence[Document],
    key_policy: Document,
    boundary: Document | None = None,
    session: Sequence[Document] | None = None,
    grant: str | None = None,
) -> Verdict:
    """The verdict on the use of a KMS key; identity-based policies count only if the key's policy names the account.

    `grant` names a grant of the key that allows the request, if one does.
    """
    own, key = _consult(request, _IDENTITY, identity), _consult(request, _RESOURCE, [key_policy])
    if request.is_service:
        return _verdict(request, [key], key.allowed_by, _RESOURCE)
    granted = key.allowed_by or (key.delegated_by and own.allowed_by) or grant
    lacking = _IDENTITY if key.delegated_by else _RESOURCE
    return _limited(request, [own, key], granted, lacking, _limits(request, boundary, session), key.names_exactly)


def evaluate_trust(policy: Document, service: str, context: Mapping[str, str | list[str]] | None = None) -> Verdict:
    """The verdict on `service`, such as sagemaker.amazonaws.com, assuming the role whose trust policy is `policy`."""
    request = AccessRequest("sts:AssumeRole", "", service, context or {})
    trust = _consult(request, _TRUST, [policy])
    return _verdict(request, [trust], trust.allowed_by, _TRUST)


def evaluate_assumption(
    request: AccessRequest,
    identity: Sequence[Document],
    trust_policy: Document,
    boundary: Document | None = None,
    session: Sequence[Document] | None = None,
) -> Verdict:
    """The verdict on a user or a role of this account assuming a role; its trust policy decides as a key's policy does."""
    own, trust = _consult(request, _IDENTITY, identity), _consult(request, _TRUST, [trust_policy])
    granted = trust.allowed_by or (trust.delegated_by and own.allowed_by)
    lacking = _IDENTITY if trust.delegated_by else _TRUST
    return _limited(request, [own, trust], granted, lacking, _limits(request, boundary, session), trust.names_exactly)


def mentions_denial(action: str, documents: Sequence[Document], *, has_principal: bool = False) -> str | None:
    """The first statement that denies `action` on some resource under some condition; None without one.

    For an action whose resources are not known: nothing that a policy might deny is allowed. A name in parentheses is an action
    that is not known either: every denial of actions of its service counts.
    """
    service, _, name = action.partition(":")
    for document in documents:
        for statement in parse_policy(document, _RESOURCE if has_principal else _IDENTITY, has_principal=has_principal):
            some = name.startswith("(") and statement.covers_service(service)
            if not statement.allows and (some or statement.covers_action(action)):
                return f"statement {statement.label}"
    return None


@dataclass(frozen=True)
class _Findings:
    """The first statements of one kind of policy that deny, allow, or (`delegated_by`) allow the principal's account.

    `names_exactly`: a statement that allows names the very user or session.
    """

    kind: str
    denied_by: str | None
    allowed_by: str | None
    delegated_by: str | None
    names_exactly: bool


def _limits(request: AccessRequest, boundary: Document | None, session: Sequence[Document] | None) -> list[_Findings]:
    """What the boundary and the session policies find, of those that there are."""
    found = [] if boundary is None else [_consult(request, _BOUNDARY, [boundary])]
    return found if session is None else [*found, _consult(request, _SESSION, session)]


def _limited(
    request: AccessRequest,
    consulted: Sequence[_Findings],
    granted: str | None,
    lacking: str,
    limits: Sequence[_Findings],
    exact: bool,
) -> Verdict:
    """The verdict within limits; `exact`: a resource's policy grants it to the very principal, which no limit must allow."""
    if granted and not exact:
        for limit in limits:
            if not limit.allowed_by:
                return _verdict(request, [*consulted, *limits], None, limit.kind)
    return _verdict(request, [*consulted, *limits], granted, lacking)


def _consult(request: AccessRequest, kind: str, documents: Sequence[Document]) -> _Findings:
    denied, allowed, delegated, exactly = None, None, None, False
    for number, document in enumerate(documents, 1):
        where = f"{kind} {number}" if len(documents) > 1 else kind
        for statement in parse_policy(document, where, has_principal=kind in _WITH_PRINCIPAL):
            how = statement.applies(request)
            if how is Named.NO:
                continue
            description = f"statement {statement.label} of the {where}"
            if not statement.allows:
                denied = denied or description
            elif how >= Named.DIRECT:
                allowed = allowed or description
                exactly = exactly or how is Named.EXACT
            else:
                delegated = delegated or description
    return _Findings(kind, denied, allowed, delegated, exactly)


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
