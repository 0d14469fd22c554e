"""The Principal element: how far it names who asks.

Source: IAM user guide, "Principal" and "NotPrincipal". Naming an account lets that account's own identity policies decide;
it does not by itself grant to the account's roles. NotPrincipal excepts only those it names themselves. Federated and
canonical users are never who asks here.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any, Final

from async_endpoint.core.errors import InvalidInput
from async_endpoint.iam.request import AccessRequest, account_of, role_of

_TYPES: Final = ("AWS", "Service", "Federated", "CanonicalUser")


class Named(IntEnum):
    """NO: not named. ACCOUNT: through its account. DIRECT: itself, or as everyone."""

    NO = 0
    ACCOUNT = 1
    DIRECT = 2


def named(element: str | Mapping[str, Any], request: AccessRequest) -> Named:
    """How `element` names the principal of `request`. Raises InvalidInput for a principal type IAM does not have."""
    if element == "*":
        return Named.DIRECT
    if not isinstance(element, Mapping) or not set(element) <= set(_TYPES):
        raise InvalidInput(
            f'Principal {element!r} of a policy is not "*" or an object with {", ".join(_TYPES)}; correct the policy.'
        )
    if request.principal in _listed(element, "Service"):
        return Named.DIRECT
    return max((_as_aws(entry, request) for entry in _listed(element, "AWS")), default=Named.NO)


def _as_aws(entry: str, request: AccessRequest) -> Named:
    if entry in ("*", request.principal, request.caller):
        return Named.DIRECT
    if request.is_service:
        return Named.NO
    # A session acts as its role, and the session's ARN has lost the role's path.
    if ":role/" in entry and role_of(entry) == role_of(request.principal) is not None:
        return Named.DIRECT
    account = account_of(request.principal)
    through_account = account is not None and (entry == account or entry.endswith(f":iam::{account}:root"))
    return Named.ACCOUNT if through_account else Named.NO


def _listed(element: Mapping[str, Any], kind: str) -> list[str]:
    value = element.get(kind, [])
    return value if isinstance(value, list) else [value]
