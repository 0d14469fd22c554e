"""Policy documents parsed into statements, and whether a statement applies to a request.

Source: IAM user guide, "Grammar of the IAM JSON policy language", "Principal" and "NotPrincipal". Naming an account lets that
account's identity-based policies decide; it does not grant to the account's roles by itself. NotPrincipal excepts only the
principals it names directly. Federated and canonical users never match.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Any, Final

from async_endpoint.core.errors import InvalidInput
from async_endpoint.iam import conditions
from async_endpoint.iam.matching import arn_like, like, substitute
from async_endpoint.iam.request import AccessRequest, account_of, role_of

Document = Mapping[str, Any] | str

_VERSION_WITH_VARIABLES: Final = "2012-10-17"
_PRINCIPAL_TYPES: Final = ("AWS", "Service", "Federated", "CanonicalUser")


class Named(IntEnum):
    """How a principal is named. NO: not at all. ACCOUNT: by its account. DIRECT: by its role, or by "*". EXACT: by its ARN."""

    NO = 0
    ACCOUNT = 1
    DIRECT = 2
    EXACT = 3


@dataclass(frozen=True)
class Statement:
    """A statement. `label` identifies it in its document: its Sid, or its number from 1."""

    label: str
    allows: bool
    actions: Sequence[str]
    not_actions: bool
    resources: Sequence[str] | None  # None in a trust policy: the role itself
    not_resources: bool
    principal: Any  # None in an identity-based policy
    not_principal: bool
    conditions: Sequence[conditions.Condition | conditions.NullCheck]
    variables: bool

    def applies(self, request: AccessRequest) -> Named:
        """Whether the statement applies to `request`, and how it names the principal."""
        if not self.covers(request):
            return Named.NO
        if not all(condition.holds(request.keys) for condition in self.conditions):
            return Named.NO
        if self.principal is None:
            return Named.DIRECT
        how = named(self.principal, request)
        if self.not_principal:
            return Named.NO if how >= Named.DIRECT else Named.DIRECT
        return how

    def covers(self, request: AccessRequest) -> bool:
        """Whether the statement is about the action and the resource of `request`, whatever its conditions."""
        return self.covers_action(request.action) and self._covers_resource(request)

    def covers_action(self, action: str) -> bool:
        """Whether the statement is about `action`, on whatever resource."""
        return any(like(pattern, action, ignore_case=True) for pattern in self.actions) != self.not_actions

    def covers_service(self, service: str) -> bool:
        """Whether the statement is about some action of a service, by its prefix."""
        return self.not_actions or any(like(pattern.partition(":")[0], service, ignore_case=True) for pattern in self.actions)

    def _covers_resource(self, request: AccessRequest) -> bool:
        if self.resources is None:
            return True
        filled = [substitute(resource, request.keys) if self.variables else resource for resource in self.resources]
        return any(resource is not None and arn_like(resource, request.resource) for resource in filled) != self.not_resources


def parse_policy(document: Document, kind: str, *, has_principal: bool) -> Sequence[Statement]:
    """Parse a policy, JSON text or decoded; `kind` names it in messages, such as "identity-based policy 1".

    `has_principal`: a policy of a resource, key or role, whose statements need a principal; others need a resource.
    Raises InvalidInput naming the element that is missing, contradictory or unknown. JSON texts are cached.
    """
    return (
        _parse_text(document, kind, has_principal)
        if isinstance(document, str)
        else _parse_document(document, kind, has_principal)
    )


@lru_cache(maxsize=1024)
def _parse_text(text: str, kind: str, has_principal: bool) -> Sequence[Statement]:
    """Cached by the text: a changed policy is another text, so an entry is never stale."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise InvalidInput(f"The {kind} is not JSON ({error}); correct the policy.") from error
    return _parse_document(document, kind, has_principal)


def _parse_document(document: Any, kind: str, has_principal: bool) -> Sequence[Statement]:
    if not isinstance(document, Mapping) or "Statement" not in document:
        raise InvalidInput(f"The {kind} has no Statement; correct the policy.")
    variables = document.get("Version") == _VERSION_WITH_VARIABLES
    if not all(isinstance(item, Mapping) for item in _listed(document["Statement"])):
        raise InvalidInput(f"The {kind} has a Statement that is not an object; correct the policy.")
    statements = [_statement(item, number, kind, variables) for number, item in enumerate(_listed(document["Statement"]), 1)]
    for statement in statements:
        if (statement.principal is not None) != has_principal or (statement.resources is None and not has_principal):
            needed = "a Principal or NotPrincipal" if has_principal else "a Resource or NotResource, and no Principal"
            raise InvalidInput(f"Statement {statement.label} of the {kind} must have {needed}; correct the policy.")
    return statements


def _statement(item: Mapping[str, Any], number: int, kind: str, variables: bool) -> Statement:
    label = str(item.get("Sid") or number)
    where = f"Statement {label} of the {kind}"
    effect = item.get("Effect")
    if effect not in ("Allow", "Deny"):
        raise InvalidInput(f"{where} has Effect {effect!r}; use Allow or Deny.")
    action = _either(item, "Action", where)
    if action is None:
        raise InvalidInput(f"{where} has neither Action nor NotAction; give one.")
    return Statement(
        label=label,
        allows=effect == "Allow",
        actions=_listed(item[action]),
        not_actions=action == "NotAction",
        resources=None if (resource := _either(item, "Resource", where)) is None else _listed(item[resource]),
        not_resources="NotResource" in item,
        principal=None if (principal := _either(item, "Principal", where)) is None else item[principal],
        not_principal="NotPrincipal" in item,
        conditions=conditions.parse_conditions(item.get("Condition", {}), variables=variables),
        variables=variables,
    )


def _either(item: Mapping[str, Any], name: str, where: str) -> str | None:
    present = [key for key in (name, f"Not{name}") if key in item]
    if len(present) > 1:
        raise InvalidInput(f"{where} has both {name} and Not{name}; keep one.")
    return present[0] if present else None


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def named(element: str | Mapping[str, Any], request: AccessRequest) -> Named:
    """How a Principal element names the principal of `request`. Raises InvalidInput for an unknown principal type."""
    if element == "*":
        return Named.DIRECT
    if not isinstance(element, Mapping) or not set(element) <= set(_PRINCIPAL_TYPES):
        raise InvalidInput(
            f'Principal {element!r} of a policy is not "*" or an object with {", ".join(_PRINCIPAL_TYPES)}; correct the policy.'
        )
    if request.principal in _entries(element, "Service"):
        return Named.DIRECT
    return max((_as_aws(entry, request) for entry in _entries(element, "AWS")), default=Named.NO)


def _as_aws(entry: str, request: AccessRequest) -> Named:
    if entry == request.caller:  # a role's principal is the role, its caller the session
        return Named.EXACT
    if entry in ("*", request.principal):
        return Named.DIRECT
    if request.is_service:
        return Named.NO
    # A session acts as its role, but its ARN lacks the role's path.
    if ":role/" in entry and role_of(entry) == role_of(request.principal) is not None:
        return Named.DIRECT
    account = account_of(request.principal)
    through_account = account is not None and (entry == account or entry.endswith(f":iam::{account}:root"))
    return Named.ACCOUNT if through_account else Named.NO


def _entries(element: Mapping[str, Any], kind: str) -> list[str]:
    value = element.get(kind, [])
    return value if isinstance(value, list) else [value]
