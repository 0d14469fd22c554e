"""Whether a bucket policy is public, by S3's definition ("The meaning of public" in its user guide).

It is when a statement allows something to everyone, and no condition limits it to fixed values of certain keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import ip_network
from typing import Any, Final

# Keys whose fixed values keep a statement from being public.
_LIMITING: Final = frozenset(
    {
        "aws:principalaccount",
        "aws:principalarn",
        "aws:principalorgid",
        "aws:principalorgpaths",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceorgid",
        "aws:sourceorgpaths",
        "aws:sourceowner",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:userid",
        "s3:dataaccesspointaccount",
        "s3:dataaccesspointarn",
        "s3:x-amz-server-side-encryption-aws-kms-key-id",
    }
)
_OPERATORS: Final = frozenset({"stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike"})
# Keys whose values may contain wildcards: access points of an account, sessions of a role (`AROLEID:*`).
_WILDCARDS_ALLOWED: Final = frozenset({"s3:dataaccesspointarn", "aws:userid"})


def is_public(policy: Mapping[str, Any]) -> bool:
    """Whether any statement of a policy document grants something to everyone."""
    return any(_grants_to_everyone(statement) for statement in _list(policy.get("Statement")) if isinstance(statement, Mapping))


def _grants_to_everyone(statement: Mapping[str, Any]) -> bool:
    if statement.get("Effect") != "Allow":
        return False
    principal = statement.get("Principal")
    named = principal.get("AWS") if isinstance(principal, Mapping) else principal
    everyone = "NotPrincipal" in statement or "*" in _list(named)
    return everyone and not _is_limited(statement.get("Condition") or {})


def _is_limited(conditions: Mapping[str, Any]) -> bool:
    """Whether one of the conditions, all of which must be met, limits the statement."""
    return any(
        _limits(operator.lower().removeprefix("foranyvalue:"), key.lower(), [str(value) for value in _list(values)])
        for operator, block in conditions.items()
        for key, values in block.items()
    )


def _limits(operator: str, key: str, values: list[str]) -> bool:
    if operator == "ipaddress" and key == "aws:sourceip":
        return bool(values) and not any(_is_everywhere(value) for value in values)
    if operator not in _OPERATORS or key not in _LIMITING or not values:
        return False
    return all("${" not in value and value.strip("*") and _is_fixed(key, value) for value in values)


def _is_fixed(key: str, value: str) -> bool:
    return key in _WILDCARDS_ALLOWED or not ("*" in value or "?" in value)


def _is_everywhere(network: str) -> bool:
    try:
        return ip_network(network, strict=False).prefixlen == 0
    except ValueError:
        return True


def _list(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
