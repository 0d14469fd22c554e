"""The permissions that commands needed, recorded by a local AWS, and the policies that must allow them."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from async_endpoint.emulator.access.decision import decide
from async_endpoint.emulator.access.principals import Principal
from async_endpoint.iam.actions import Permission
from async_endpoint.local_aws import LocalCredentials

PRINCIPAL = "arn:aws:iam::123456789012:role/operator"
# The policies that the caller of a command has.
CALLERS = {
    "api-keys": ["api_admin"],
    "apply": ["deployer"],
    "batch": ["caller"],
    "client-head": ["caller"],
    "client-listing": ["caller"],
    "client-notifications": ["caller"],
    "client-sweep": ["caller"],
    "collector": ["collector"],
    "destroy": ["deployer", "destroyer"],
    "doctor": ["planner"],
    "drift": ["planner"],
    "invoke": ["caller"],
    "invoke-upload": ["caller"],
    "logs": ["watcher"],
    "outputs": ["planner"],
    "plan": ["planner"],
    "profile": ["caller", "deployer", "watcher"],
    "serve": ["api"],
    "simulate": ["planner", "watcher"],
    "smoke-test": ["caller", "watcher"],
    "usage": ["planner", "watcher"],
    "verify": ["planner"],
    "verify-no-plan": ["verifier"],
    "watch": ["watcher"],
    "webhooks": ["api_admin"],
    "webhooks-sweep": ["api"],
}
# Other policies that allow a command.
ALSO = {
    "plan": ["deployer"],
    "verify": ["deployer", "verifier"],
    "verify-no-plan": ["planner"],
}
# The provider asks who the caller is, and does without an answer.
OPTIONAL = {"iam:GetUser"}


@dataclass(frozen=True)
class Needed:
    """A permission that a request needed; `operation` is the request's, as service:Operation."""

    action: str
    resource: str
    context: tuple[tuple[str, str], ...] = ()
    operation: str = field(default="", compare=False)

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Needed:
        context = tuple(sorted(document.get("context", {}).items()))
        return cls(document["action"], document["resource"], context, document.get("operation", ""))

    def allowed_by(self, policies: Sequence[Any]) -> bool:
        """Whether a role with these policies is allowed it, by the decision that the local AWS enforces."""
        role = Principal(PRINCIPAL, tuple(json.dumps(policy) for policy in policies), session="tests")
        return decide(role, Permission(self.action, self.resource, dict(self.context))).allowed

    def __str__(self) -> str:
        keys = "".join(f" {key}={value}" for key, value in self.context)
        return f"{self.operation} needs {self.action} on {self.resource}{keys}"


def denied(needed: Sequence[Needed], policies: Sequence[Any]) -> list[str]:
    """What the policies do not allow, as sentences."""
    return sorted({str(item) for item in needed if not item.allowed_by(policies)})


def superfluous(policy: dict[str, Any], needed: Sequence[Needed]) -> list[str]:
    """The statements that can be removed without denying anything that the whole policy allows."""
    allowed = [item for item in needed if item.allowed_by([policy])]

    sids = [statement["Sid"] for statement in policy["Statement"]]
    return [sid for sid in sids if not denied(allowed, [without(policy, sid)])]


def without(policy: dict[str, Any], sid: str) -> dict[str, Any]:
    """A policy without one of its statements."""
    return policy | {"Statement": [statement for statement in policy["Statement"] if statement["Sid"] != sid]}


@contextmanager
def recording(credentials: LocalCredentials) -> Iterator[list[Needed]]:
    """Record what every caller of a local AWS needs within the block; the list is filled at its end."""
    found: list[Needed] = []
    _ask(credentials, {"recording": True})
    try:
        yield found
    finally:
        document = _ask(credentials)
        _ask(credentials, {"recording": False})
    assert document["complete"]
    found.extend(Needed.read(item) for item in document["permissions"])
    found.extend(Needed("unknown", operation, operation=why) for operation, why in document["unknown"].items())


def _ask(credentials: LocalCredentials, document: Any = None) -> Any:
    body = None if document is None else json.dumps(document).encode()
    headers = credentials.admin_headers() | {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{credentials.endpoint_url}/_local/access", body, headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)
