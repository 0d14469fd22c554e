"""Parses the statements of a policy, given as JSON or as a data source aws_iam_policy_document."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from async_graph import each, first


@dataclass(frozen=True)
class Condition:
    variable: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Statement:
    """One statement; `principals` are by type, such as Service. An unknown value is its expression, or missing."""

    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    principals: dict[str, tuple[str, ...]]
    conditions: tuple[Condition, ...]


def statements(policy: Any) -> Iterator[Statement]:
    """The statements of `policy`: JSON, parsed or not, or the block of a data source. Empty for anything else."""
    policy = first(policy)
    if isinstance(policy, str):
        try:
            policy = json.loads(policy)
        except ValueError:
            return
    if not isinstance(policy, dict):
        return
    for item in each(policy.get("Statement")):
        if isinstance(item, dict):
            yield _from_json(item)
    for item in [*each(policy.get("statement")), *_dynamic(policy)]:
        if isinstance(item, dict):
            yield _from_block(item)


def _dynamic(policy: dict[str, Any]) -> Iterator[Any]:
    """Contents of dynamic blocks, in the source."""
    for block in each(policy.get("dynamic")):
        if isinstance(block, dict):
            yield from each(first(block.get("statement", {})).get("content") if block.get("statement") else None)


def _from_json(item: dict[str, Any]) -> Statement:
    principal = item.get("Principal") or {}
    if isinstance(principal, str):
        principal = {"*": principal}
    return Statement(
        effect=str(item.get("Effect", "Allow")),
        actions=_texts(item.get("Action")),
        resources=_texts(item.get("Resource")),
        principals={kind: _texts(names) for kind, names in principal.items()},
        conditions=tuple(
            Condition(variable, tuple(each(values)))
            for test in each(item.get("Condition"))
            if isinstance(test, dict)
            for pairs in test.values()
            if isinstance(pairs, dict)
            for variable, values in pairs.items()
        ),
    )


def _from_block(item: dict[str, Any]) -> Statement:
    return Statement(
        effect=str(first(item.get("effect")) or "Allow"),
        actions=_texts(item.get("actions")),
        resources=_texts(item.get("resources")),
        principals={
            str(first(block.get("type"))): _texts(block.get("identifiers"))
            for block in each(item.get("principals"))
            if isinstance(block, dict)
        },
        conditions=tuple(
            Condition(str(first(block.get("variable"))), tuple(each(block.get("values"))))
            for block in each(item.get("condition"))
            if isinstance(block, dict)
        ),
    )


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(str(member) for member in each(value))
