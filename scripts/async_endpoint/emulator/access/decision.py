"""The decision whether a principal may do something: one path for callers and for the execution role.

Source: IAM user guide, "Policy evaluation logic". The policies of a bucket, topic, queue or key, the trust policy of a role and
the grants of a key take part; what a principal may do is evaluated by `iam`.
"""

from __future__ import annotations

import json
from typing import Final

from async_endpoint.emulator.access import iam_store
from async_endpoint.emulator.access.principals import Principal
from async_endpoint.emulator.access.resource_policies import key_grant, key_policy, policies_of, resource_policy
from async_endpoint.iam import AccessRequest, Verdict, evaluate, evaluate_assumption, evaluate_key
from async_endpoint.iam.actions import Permission
from async_endpoint.iam.evaluation import mentions_denial
from async_endpoint.iam.request import role_of
from async_endpoint.local_aws import ACCOUNT_ID

Keys = dict[str, str | list[str]]

_NO_STATEMENTS: Final = json.dumps({"Version": "2012-10-17", "Statement": []})
_ENCRYPTION_CONTEXT: Final = "kms:EncryptionContext:"
# What always works for the owner of a resource, so that a policy cannot lock it: S3 API reference, PutBucketPolicy, says so of
# the root user; for the other services it is assumption A240.
_RECOVERY: Final = frozenset(
    {
        "s3:PutBucketPolicy", "s3:GetBucketPolicy", "s3:DeleteBucketPolicy", "kms:PutKeyPolicy", "kms:GetKeyPolicy",
        "sns:SetTopicAttributes", "sns:GetTopicAttributes", "sqs:SetQueueAttributes", "sqs:GetQueueAttributes",
    }
)  # fmt: skip


def decide(principal: Principal, permission: Permission, keys: Keys | None = None) -> Verdict:
    """Whether `principal` has `permission` in a request with condition keys; raises InvalidInput for an invalid policy."""
    action, resource, context = permission
    always = {"aws:SecureTransport": "true", "aws:PrincipalAccount": ACCOUNT_ID, **principal.keys}
    request = AccessRequest(action, resource, principal.arn, {**always, **(keys or {}), **context}, principal.session)
    own = (principal.policies, principal.boundary, principal.session_policies)
    if principal.unrestricted and action in _RECOVERY:
        return Verdict(True, False, None, "")
    if action in ("sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"):
        return _on_role(request, own)
    policy = key_policy(resource) if resource.startswith("arn:aws:kms:") else None
    if policy is None:
        return evaluate(request, own[0], resource_policy(resource), boundary=own[1], session=own[2])
    if principal.unrestricted:  # only a denial counts (A240)
        return evaluate(request, own[0], policy)
    return evaluate_key(request, own[0], policy, own[1], own[2], _grant(request))


def decide_unmapped(principal: Principal, action: str, keys: Keys | None = None) -> Verdict:
    """Whether `principal` may call an action whose resources are not known: policies must allow it on "*".

    A statement that denies the action on whatever resource denies it, in the policies of resources too, so nothing is allowed
    that AWS would deny.
    """
    verdict = decide(principal, Permission(action, "*", {}), keys)
    if verdict.allowed and not principal.unrestricted:
        limits = [principal.boundary] if principal.boundary else []
        denied = mentions_denial(action, [*principal.policies, *limits, *(principal.session_policies or ())])
        denied = denied or mentions_denial(action, policies_of(action.partition(":")[0]), has_principal=True)
        if denied:
            who = AccessRequest(action, "*", principal.arn, session=principal.session).caller
            explain = f"User: {who} is not authorized to perform: {action} on resource: * with an explicit deny in {denied}"
            return Verdict(False, True, denied, explain)
    return verdict


def _on_role(request: AccessRequest, own: tuple[tuple[str, ...], str | None, tuple[str, ...] | None]) -> Verdict:
    """Assuming a role, which needs its trust; a role that does not exist trusts no principal."""
    named = role_of(request.resource)
    found = iam_store.role(named[1]) if named and named[0] == ACCOUNT_ID else None
    there = named is not None and found is not None and found.arn == request.resource
    trust = iam_store.role_trust(named[1]) if there and named else None
    return evaluate_assumption(request, own[0], trust or _NO_STATEMENTS, own[1], own[2])


def _grant(request: AccessRequest) -> str | None:
    lower = _ENCRYPTION_CONTEXT.lower()
    context = {key.removeprefix(lower): values[0] for key, values in request.keys.items() if key.startswith(lower)}
    return key_grant(request.resource, request.action, (request.principal, request.caller), context)
