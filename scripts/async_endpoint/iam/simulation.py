"""The policy simulator: what policies decide on actions and resources, and which of their statements match.

Source: IAM API reference, SimulatePrincipalPolicy, EvaluationResult and Statement; one result for each pair of an action and a
resource (Terraform's data source aws_iam_principal_policy_simulation).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from async_endpoint.iam.document import Named, parse_policy
from async_endpoint.iam.evaluation import evaluate
from async_endpoint.iam.matching import variables_in
from async_endpoint.iam.request import AccessRequest

_STATEMENT: Final = re.compile(r'"Statement"\s*:\s*')
_SEPARATORS: Final = " \t\r\n,["


@dataclass(frozen=True)
class SourcePolicy:
    """A policy as JSON text, with its id and type in results."""

    identifier: str
    kind: str
    text: str


@dataclass(frozen=True)
class Simulation:
    """What is simulated: the policies of `principal` within `boundary`, and the policy of the resources."""

    principal: str
    policies: Sequence[SourcePolicy]
    boundary: str | None = None
    resource_policy: str | None = None
    context: Mapping[str, str | list[str]] = field(default_factory=dict)

    def results(self, actions: Iterable[str], resources: Sequence[str]) -> list[dict[str, Any]]:
        """The EvaluationResults of every action on every resource. Raises InvalidInput for an invalid policy."""
        return [self._result(action, resource) for action in actions for resource in resources]

    def _result(self, action: str, resource: str) -> dict[str, Any]:
        request = AccessRequest(action, resource, self.principal, self.context, session="simulated")
        texts = [policy.text for policy in self.policies]
        verdict = evaluate(request, texts, self.resource_policy, boundary=self.boundary)
        sources = [(policy, False) for policy in self.policies]
        if self.resource_policy is not None:
            sources.append((SourcePolicy("ResourcePolicy", "resource", self.resource_policy), True))
        matched = [] if not (verdict.allowed or verdict.explicit_deny) else list(_matched(request, sources, verdict.allowed))
        missing = {key for policy, named in sources for key in _missing(request, policy, has_principal=named)}
        result: dict[str, Any] = {
            "EvalActionName": action,
            "EvalResourceName": resource,
            "EvalDecision": "allowed" if verdict.allowed else "explicitDeny" if verdict.explicit_deny else "implicitDeny",
            "MatchedStatements": matched,
            "MissingContextValues": sorted(missing),
        }
        if self.boundary is not None:
            within = evaluate(request, [self.boundary]).allowed
            result["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": within}
        return result


def context_keys(documents: Iterable[str]) -> list[str]:
    """The condition keys that policies ask for, in conditions and as variables (GetContextKeysForCustomPolicy)."""
    found: set[str] = set()
    for text in documents:
        has_principal = '"Principal"' in text or '"NotPrincipal"' in text
        for statement in parse_policy(text, "policy", has_principal=has_principal):
            found |= {condition.key for condition in statement.conditions}
            found |= {key.lower() for resource in statement.resources or () for key in variables_in(str(resource))}
    return sorted(found)


def _matched(request: AccessRequest, sources: Iterable[tuple[SourcePolicy, bool]], allowed: bool) -> Iterator[dict[str, Any]]:
    """The statements that allowed or denied the request, with their places in the text of their policy."""
    for policy, has_principal in sources:
        places = list(_places(policy.text))
        for number, statement in enumerate(parse_policy(policy.text, policy.identifier, has_principal=has_principal)):
            if statement.allows == allowed and statement.applies(request) is not Named.NO:
                start, end = places[number]
                yield {
                    "SourcePolicyId": policy.identifier,
                    "SourcePolicyType": policy.kind,
                    "StartPosition": _position(policy.text, start),
                    "EndPosition": _position(policy.text, end),
                }


def _missing(request: AccessRequest, policy: SourcePolicy, *, has_principal: bool) -> Iterator[str]:
    """The condition keys of statements about the request's action and resource that the request lacks."""
    for statement in parse_policy(policy.text, policy.identifier, has_principal=has_principal):
        if statement.covers(request):
            yield from (condition.key for condition in statement.conditions if condition.key not in request.keys)


def _places(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of each statement in the text of a policy."""
    found, decoder = _STATEMENT.search(text), json.JSONDecoder()
    at = found.end() if found else len(text)
    while at < len(text) and text[at] != "]":
        if text[at] in _SEPARATORS:
            at += 1
            continue
        if text[at] != "{":
            return
        end = decoder.raw_decode(text, at)[1]
        yield at, end
        at = end


def _position(text: str, at: int) -> dict[str, int]:
    """Line and column, from 1, of an offset."""
    before = text[:at]
    return {"Line": before.count("\n") + 1, "Column": at - before.rfind("\n")}
