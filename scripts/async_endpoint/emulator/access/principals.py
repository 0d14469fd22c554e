"""A caller as policies see it: the policies that grant and limit, and the condition keys that follow from it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from async_endpoint.emulator.access import iam_store
from async_endpoint.emulator.auth.identities import Caller, CallerKind, Session, find_session

_ALLOW_ALL: Final = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]},
)


@dataclass(frozen=True)
class Principal:
    """A caller with its policies as JSON text; `boundary` and `session_policies` are None where there is no such limit.

    `arn` is that of the user or role, `session` the name of a role's session. `unrestricted`: the generated credentials.
    `token`: temporary credentials of a user, with which IAM cannot be called (STS guide, "Comparing STS credentials").
    """

    arn: str
    policies: tuple[str, ...]
    boundary: str | None = None
    session: str = ""
    session_policies: tuple[str, ...] | None = None
    keys: dict[str, str | list[str]] = field(default_factory=dict)
    unrestricted: bool = False
    token: bool = False

    def mentions(self, word: str) -> bool:
        """Whether any of its policies has this lower-case word: looking up what no policy asks for costs time."""
        texts = (*self.policies, self.boundary or "", *(self.session_policies or ()))
        return any(word in text.lower() for text in texts)


def principal_of(caller: Caller) -> Principal:
    """The principal of an authenticated caller. A user or role that no longer exists may do nothing."""
    if caller.kind is CallerKind.LOCAL_USER:
        return Principal(caller.arn, (_ALLOW_ALL,), keys=_keys(caller, "User"), unrestricted=True)
    session = find_session(caller.access_key_id)
    if caller.kind is CallerKind.ASSUMED_ROLE:
        return _role_session(caller, session)
    if caller.kind is CallerKind.FEDERATED_USER and session is not None:
        return _federated_user(caller, session)
    return _user(caller, session)


def role_principal(arn: str, policies: tuple[str, ...], boundary: str | None, session: str) -> Principal:
    """A role that a service has assumed."""
    return Principal(arn, policies, boundary, session, keys={"aws:PrincipalType": "AssumedRole"})


def _user(caller: Caller, session: Session | None) -> Principal:
    name = caller.arn.rpartition("/")[2]
    keys = _keys(caller, "User", session) | {"aws:username": name}
    found = iam_store.user(name)
    if found is None:
        return Principal(caller.arn, (), keys=keys)
    keys |= _tags(found.tags)
    return Principal(caller.arn, _texts(found), _boundary(found), keys=keys, token=session is not None)


def _role_session(caller: Caller, session: Session | None) -> Principal:
    _, role, name = caller.arn.split("/", 2)
    found = iam_store.role(role)
    keys = _keys(caller, "AssumedRole", session)
    # A role that was deleted and created again is another principal (IAM guide, "IAM identifiers", unique ids).
    if found is None or not caller.user_id.startswith(f"{found.unique_id}:"):
        return Principal(caller.arn, (), session=name, keys=keys)
    tags = found.tags | dict(session.tags if session else ())
    return Principal(found.arn, _texts(found), _boundary(found), name, _session_policies(session), keys | _tags(tags))


def _federated_user(caller: Caller, session: Session) -> Principal:
    """The rights of the user that called GetFederationToken, within the policies that it gave; without any, none."""
    issuer = session.issuer
    policies = _session_policies(session) or ()
    keys = _keys(caller, "FederatedUser", session)
    if issuer is None:
        return Principal(caller.arn, (), keys=keys)
    parent = principal_of(issuer)
    return Principal(caller.arn, parent.policies, parent.boundary, session_policies=policies, keys=keys, token=True)


def _session_policies(session: Session | None) -> tuple[str, ...] | None:
    if session is None or not (session.policies or session.policy_arns):
        return None
    return (*session.policies, *(iam_store.managed_policy(arn).document for arn in session.policy_arns))


def _texts(identity: iam_store.Identity) -> tuple[str, ...]:
    return tuple(policy.document for policy in identity.policies)


def _boundary(identity: iam_store.Identity) -> str | None:
    return None if identity.boundary is None else identity.boundary.document


def _tags(tags: dict[str, str]) -> dict[str, str | list[str]]:
    return {f"aws:PrincipalTag/{key}": value for key, value in tags.items()}


def _keys(caller: Caller, kind: str, session: Session | None = None) -> dict[str, str | list[str]]:
    """The keys of a principal; no caller of the local AWS has used MFA (IAM guide, "AWS global condition context keys")."""
    keys: dict[str, str | list[str]] = {"aws:PrincipalType": kind, "aws:userid": caller.user_id}
    if session is not None:
        keys["aws:MultiFactorAuthPresent"] = "false"
        keys["aws:TokenIssueTime"] = datetime.fromtimestamp(session.issued_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        if session.source_identity:
            keys["aws:SourceIdentity"] = session.source_identity
    return keys
