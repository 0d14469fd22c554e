"""What a policy allows as single requests, and which of them other policies refuse. Pure.

A statement is tried on sample resources: its own patterns with something in the place of each wildcard, and, so that a
narrower denial is found, the patterns of each Deny that lie within them. A denial whose condition needs a context that is not
known here, such as a source address, is not found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from async_endpoint.core.errors import InvalidInput
from async_endpoint.iam import AccessRequest, Verdict, evaluate, evaluate_key
from async_endpoint.iam.matching import arn_like

SAMPLE: Final = "verification"

Document = Mapping[str, Any]


@dataclass(frozen=True)
class Need:
    """One action on one resource, in the context of the statement that allows it."""

    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)


def needs(policy: Document, others: Sequence[Document]) -> list[Need]:
    """What `policy` allows, as requests, with samples of what the Deny statements of `others` name."""
    denied = [pattern for document in others for pattern in _denied_resources(document)]
    return [need for statement in _statements(policy) if statement["Effect"] == "Allow" for need in _of(statement, denied)]


def unmet(
    wanted: Sequence[Need],
    principal: str,
    identity: Mapping[str, Document],
    boundary: Document | None,
    resource_policy: Callable[[Need], Document | None],
) -> list[tuple[Need, str]]:
    """Which needs the policies `identity` (by description) and the permissions boundary do not allow, each with the reason.

    `resource_policy` is asked only for what no policy of the principal allows.
    """
    found = []
    for need in wanted:
        try:
            why = _refusal(need, principal, identity, boundary, resource_policy)
        except InvalidInput as error:
            why = f"its policies cannot be evaluated ({error})"
        if why:
            found.append((need, why))
    return found


def _refusal(
    need: Need,
    principal: str,
    identity: Mapping[str, Document],
    boundary: Document | None,
    resource_policy: Callable[[Need], Document | None],
) -> str:
    """Why the need is refused; empty if it is allowed."""
    request = AccessRequest(need.action, need.resource, principal, {**need.context, "aws:SecureTransport": "true"})
    for description, document in identity.items():
        if evaluate(request, [document]).explicit_deny:
            return f"explicitly denied by {description}"
    if boundary is not None and not (limit := evaluate(request, [boundary])).allowed:
        return f"{'explicitly denied' if limit.explicit_deny else 'not allowed'} by the permissions boundary"
    if evaluate(request, list(identity.values())).allowed:
        return ""
    policy = resource_policy(need)
    return "" if policy is not None and _allowed_there(request, identity, policy).allowed else "no policy allows it"


def _allowed_there(request: AccessRequest, identity: Mapping[str, Document], policy: Document) -> Verdict:
    documents = list(identity.values())
    if request.action.startswith("kms:"):
        return evaluate_key(request, documents, policy)
    return evaluate(request, documents, policy)


def _of(statement: Mapping[str, Any], denied: Sequence[str]) -> Iterator[Need]:
    context = {
        key: _sample(str(_listed(values)[0]))
        for operator, keys in statement.get("Condition", {}).items()
        if "Not" not in operator
        for key, values in keys.items()
    }
    for action in _listed(statement["Action"]):
        for pattern in _listed(statement["Resource"]):
            samples = [_sample(pattern), *(_sample(other) for other in denied if arn_like(pattern, _sample(other)))]
            for resource in dict.fromkeys(samples if pattern != "*" else ["*"]):
                yield Need(action, resource, context)


def _denied_resources(document: Document) -> Iterator[str]:
    for statement in _statements(document):
        if statement.get("Effect") == "Deny":
            yield from _listed(statement.get("Resource", []))


def _statements(document: Document) -> list[Mapping[str, Any]]:
    return _listed(document.get("Statement", []))


def _sample(pattern: str) -> str:
    return pattern.replace("*", SAMPLE).replace("?", "x")


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
