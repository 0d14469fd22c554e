"""The Condition element: every operator and key must hold, for any of the key's values.

Source: IAM user guide, "Condition operators" and "Creating a condition with multiple keys or values". A key the request
lacks fails a positive operator and satisfies a negated one, an ...IfExists and ForAllValues; ForAnyValue fails without its
key, with IfExists too (observed on AWS, re:Post "ForAnyValue:StringEqualsIfExists behaving unexpectedly"). A key with
several values under an operator without a set qualifier is not defined by AWS: here one match satisfies a positive operator
and fails a negated one. Not emulated: BinaryEquals.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from typing import Any, Final

from async_endpoint.core.errors import InvalidInput
from async_endpoint.iam.matching import arn_like, like, literal, substitute

Test = Callable[[str, str], bool]  # (value in the policy, value in the request)


def _moment(text: str) -> float:
    """Epoch seconds of an ISO 8601 date or of epoch seconds."""
    if text.lstrip("-").isdigit():
        return float(text)
    parsed = datetime.fromisoformat(text)
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()


def _compared(read: Callable[[str], float], compare: Callable[[float, float], bool]) -> Test:
    return lambda wanted, found: compare(read(found), read(wanted))


def _in_network(wanted: str, found: str) -> bool:
    return ip_address(found) in ip_network(wanted, strict=False)


def _same_ignoring_case(wanted: str, found: str) -> bool:
    return literal(wanted).lower() == found.lower()


_POSITIVE: Final[Mapping[str, Test]] = {
    "StringEquals": lambda wanted, found: literal(wanted) == found,
    "StringEqualsIgnoreCase": _same_ignoring_case,
    "StringLike": like,
    "NumericEquals": _compared(float, operator.eq),
    "NumericLessThan": _compared(float, operator.lt),
    "NumericLessThanEquals": _compared(float, operator.le),
    "NumericGreaterThan": _compared(float, operator.gt),
    "NumericGreaterThanEquals": _compared(float, operator.ge),
    "DateEquals": _compared(_moment, operator.eq),
    "DateLessThan": _compared(_moment, operator.lt),
    "DateLessThanEquals": _compared(_moment, operator.le),
    "DateGreaterThan": _compared(_moment, operator.gt),
    "DateGreaterThanEquals": _compared(_moment, operator.ge),
    "Bool": _same_ignoring_case,
    "IpAddress": _in_network,
    "ArnEquals": arn_like,
    "ArnLike": arn_like,
}
_NEGATED: Final[Mapping[str, str]] = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
    "NotIpAddress": "IpAddress",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
}
_READERS: Final[Mapping[str, Callable[[str], object]]] = {
    "Numeric": float,
    "Date": _moment,
    "Ip": lambda text: ip_network(text, strict=False),
}
_WITH_VARIABLES: Final = ("String", "Arn", "Bool")
_SETS: Final = ("ForAllValues", "ForAnyValue")

Keys = Mapping[str, list[str]]  # the request's context by lower-case key


@dataclass(frozen=True)
class NullCheck:
    """The Null operator: whether a key is absent ("true") or present ("false")."""

    key: str
    wanted: Sequence[str]

    def holds(self, keys: Keys) -> bool:
        return ("false" if keys.get(self.key) else "true") in (value.lower() for value in self.wanted)


@dataclass(frozen=True)
class Condition:
    """One operator on one key."""

    key: str
    test: Test
    wanted: Sequence[str]
    negated: bool
    quantifier: str
    if_exists: bool
    variables: bool

    def holds(self, keys: Keys) -> bool:
        found = keys.get(self.key)
        if not found:
            return self.quantifier == "ForAllValues" or (not self.quantifier and (self.negated or self.if_exists))
        wanted = [substitute(value, keys) for value in self.wanted] if self.variables else self.wanted
        results = [
            any(value is not None and _matches(self.test, value, actual) for value in wanted) != self.negated
            for actual in found
        ]
        every = self.quantifier == "ForAllValues" or (not self.quantifier and self.negated)
        return all(results) if every else any(results)


def parse_conditions(element: Mapping[str, Any], *, variables: bool) -> list[Condition | NullCheck]:
    """Parse a Condition element; `variables`: whether the policy's version has variables.

    Raises InvalidInput for an unknown operator or an invalid value, whether or not the statement applies.
    """
    if not all(isinstance(keys, Mapping) for keys in element.values()):
        raise InvalidInput(
            f"Condition {dict(element)!r} of a policy is not operators with keys with values; correct the policy."
        )
    return [
        _parse_one(name, key, values if isinstance(values, list) else [values], variables)
        for name, keys in element.items()
        for key, values in keys.items()
    ]


def _parse_one(name: str, key: str, values: Sequence[object], variables: bool) -> Condition | NullCheck:
    wanted = [str(value).lower() if isinstance(value, bool) else str(value) for value in values]
    if name == "Null":
        return NullCheck(key.lower(), wanted)
    quantifier, _, bare = name.rpartition(":")
    base = bare.removesuffix("IfExists")
    positive = _NEGATED.get(base, base)
    if positive not in _POSITIVE or quantifier not in ("", *_SETS):
        raise InvalidInput(f"Condition operator {name!r} on {key} cannot be evaluated; use one of IAM's operators.")
    for prefix, read in _READERS.items():
        if positive.startswith(prefix):
            for value in wanted:
                _check(read, value, f"{name} on {key}")
    return Condition(
        key=key.lower(),
        test=_POSITIVE[positive],
        wanted=wanted,
        negated=base in _NEGATED,
        quantifier=quantifier,
        if_exists=bare != base,
        variables=variables and positive.startswith(_WITH_VARIABLES),
    )


def _check(read: Callable[[str], object], value: str, where: str) -> None:
    try:
        read(value)
    except ValueError as error:
        raise InvalidInput(f"Condition {where} has the value {value!r}, which its operator cannot read ({error}).") from error


def _matches(test: Test, wanted: str, found: str) -> bool:
    try:
        return test(wanted, found)
    except ValueError:  # the request's value is of another type than the operator's: no match
        return False
