"""The grammar of a policy with principals: its statements, or the first flaw.

Source: IAM user guide, "Grammar of the IAM JSON policy language".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from async_endpoint.core.errors import InvalidInput
from async_endpoint.iam.conditions import parse_conditions

VERSIONS: Final = ("2008-10-17", "2012-10-17")
_TOP: Final = ("Version", "Id", "Statement")
_FIELDS: Final = (
    "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition",
)  # fmt: skip
_PRINCIPAL_TYPES: Final = ("AWS", "Service", "Federated", "CanonicalUser")


class Flaw(StrEnum):
    """What is wrong with a document. Each service has texts of its own for some of them."""

    NOT_JSON = "not-json"
    UNKNOWN_FIELD = "unknown-field"
    VERSION = "version"
    NO_STATEMENT = "no-statement"
    EMPTY = "empty"
    SYNTAX = "syntax"
    EFFECT = "effect"
    MISSING = "missing"
    NO_PRINCIPALS = "no-principals"
    CONDITION = "condition"


class Malformed(Exception):
    """A policy that is refused. `field` is the element that is missing, unknown or invalid."""

    def __init__(self, flaw: Flaw, message: str, field: str = "") -> None:
        super().__init__(message)
        self.flaw = flaw
        self.field = field


@dataclass(frozen=True)
class WrittenStatement:
    """A statement; `principals` are (type, value) pairs, and `resources` is empty where the element is missing."""

    label: str
    sid: str
    allows: bool
    not_principal: bool
    any_principal: bool  # "*" itself, not in an object
    principals: tuple[tuple[str, str], ...]
    actions: tuple[str, ...]
    not_actions: bool
    resources: tuple[str, ...]
    not_resources: bool
    conditions: Mapping[str, Mapping[str, Any]]

    @property
    def condition_keys(self) -> frozenset[str]:
        return frozenset(key.lower() for block in self.conditions.values() for key in block)


def read_policy(text: str | bytes) -> list[WrittenStatement]:
    """The statements of a policy; raises Malformed."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise Malformed(Flaw.NOT_JSON, f"The policy is not JSON ({error}).") from error
    if not isinstance(document, dict):
        raise Malformed(Flaw.NOT_JSON, "The policy is not a JSON object.")
    _known(document, _TOP, "The policy")
    if document.get("Version", VERSIONS[0]) not in VERSIONS:
        raise Malformed(Flaw.VERSION, f"The policy has Version {document['Version']!r}; use {VERSIONS[1]}.", "Version")
    if not isinstance(document.get("Id", ""), str):
        raise Malformed(Flaw.SYNTAX, "The Id of the policy is not a string.", "Id")
    if "Statement" not in document:
        raise Malformed(Flaw.NO_STATEMENT, "The policy has no Statement.", "Statement")
    items = document["Statement"] if isinstance(document["Statement"], list) else [document["Statement"]]
    if not items:
        raise Malformed(Flaw.EMPTY, "The Statement of the policy is empty.", "Statement")
    variables = document.get("Version") == VERSIONS[1]
    return [_statement(item, number, variables) for number, item in enumerate(items, 1)]


def _statement(item: Any, number: int, variables: bool) -> WrittenStatement:
    if not isinstance(item, dict):
        raise Malformed(Flaw.SYNTAX, f"Statement {number} of the policy is not an object.", "Statement")
    sid = item.get("Sid", "")
    where = f"Statement {sid or number} of the policy"
    _known(item, _FIELDS, where)
    if not isinstance(sid, str):
        raise Malformed(Flaw.SYNTAX, f"The Sid of statement {number} of the policy is not a string.", "Sid")
    if "Effect" not in item:
        raise Malformed(Flaw.MISSING, f"{where} has no Effect.", "Effect")
    if item["Effect"] not in ("Allow", "Deny"):
        raise Malformed(Flaw.EFFECT, f"{where} has Effect {item['Effect']!r}; use Allow or Deny.", "Effect")
    principal, action = _one_of(item, "Principal", where), _one_of(item, "Action", where)
    if principal == "NotPrincipal" and item["Effect"] == "Allow":  # versitygw, iamapi/policy
        raise Malformed(Flaw.SYNTAX, f"Allow with NotPrincipal is not allowed. ({where})", principal)
    resource = _one_of(item, "Resource", where) if "Resource" in item or "NotResource" in item else None
    return WrittenStatement(
        label=where,
        sid=sid,
        allows=item["Effect"] == "Allow",
        not_principal=principal == "NotPrincipal",
        any_principal=item[principal] == "*",
        principals=_principals(item[principal], where),
        actions=_strings(item[action], action, where),
        not_actions=action == "NotAction",
        resources=() if resource is None else _strings(item[resource], resource, where),
        not_resources=resource == "NotResource",
        conditions=_conditions(item.get("Condition", {}), where, variables),
    )


def _known(item: Mapping[str, Any], names: tuple[str, ...], where: str) -> None:
    for name in item:
        if name not in names:
            raise Malformed(Flaw.UNKNOWN_FIELD, f"{where} has an unknown element {name}.", name)


def _one_of(item: Mapping[str, Any], name: str, where: str) -> str:
    present = [key for key in (name, f"Not{name}") if key in item]
    if not present:
        raise Malformed(Flaw.MISSING, f"{where} has no {name}.", name)
    if len(present) > 1:
        raise Malformed(Flaw.SYNTAX, f"{where} has both {name} and Not{name}; keep one.", name)
    return present[0]


def _strings(value: Any, name: str, where: str) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(entry, str) for entry in values):
        raise Malformed(Flaw.SYNTAX, f"{where} has {name} that is not a string or a list of strings.", name)
    if not values or not all(values):
        raise Malformed(Flaw.MISSING, f"{where} has an empty {name}.", name)
    return tuple(values)


def _principals(element: Any, where: str) -> tuple[tuple[str, str], ...]:
    if element == "*":
        return (("AWS", "*"),)
    if not isinstance(element, dict) or not set(element) <= set(_PRINCIPAL_TYPES):
        types = ", ".join(_PRINCIPAL_TYPES)
        raise Malformed(Flaw.SYNTAX, f'{where} has a Principal that is not "*" or an object with {types}.', "Principal")
    found: list[tuple[str, str]] = []
    for kind, value in element.items():
        values = value if isinstance(value, list) else [value]
        if not all(isinstance(entry, str) for entry in values):
            raise Malformed(
                Flaw.SYNTAX, f"{where} has a Principal whose {kind} is not a string or a list of strings.", "Principal"
            )
        found += [(kind, entry) for entry in values]
    if not found:
        raise Malformed(Flaw.NO_PRINCIPALS, f"{where} has no principals.", "Principal")
    return tuple(found)


def _conditions(element: Any, where: str, variables: bool) -> Mapping[str, Mapping[str, Any]]:
    if not isinstance(element, dict) or not all(isinstance(block, dict) for block in element.values()):
        raise Malformed(Flaw.CONDITION, f"{where} has a Condition that is not an object of operators and keys.", "Condition")
    try:
        parse_conditions(element, variables=variables)
    except InvalidInput as error:
        raise Malformed(Flaw.CONDITION, f"{where} has an invalid Condition: {error}", "Condition") from error
    return element
