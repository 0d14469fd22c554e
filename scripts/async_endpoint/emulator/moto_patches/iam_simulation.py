"""SimulatePrincipalPolicy, SimulateCustomPolicy, and the condition keys of policies, none of which moto has.

The evaluation is that of the execution role and of callers (`iam`). Source: IAM API reference, the four actions.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any, Final

from moto.core.responses import ActionResult
from moto.iam.exceptions import IAMException, NotFoundException
from moto.iam.responses import IamResponse

from async_endpoint.core.errors import InvalidInput
from async_endpoint.emulator.access import iam_store
from async_endpoint.emulator.access.aws_managed_policies import PREFIX
from async_endpoint.emulator.auth.identities import local_user
from async_endpoint.iam.simulation import Simulation, SourcePolicy, context_keys

_KINDS: Final = {"user": iam_store.user, "group": iam_store.group, "role": iam_store.role}
ADMINISTRATOR: Final = f"{PREFIX}AdministratorAccess"  # what the user of the generated credentials may do
_EVERYTHING: Final = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}'
_ANYONE: Final = "arn:aws:iam::123456789012:user/simulated"


def _simulate_principal(self: IamResponse) -> ActionResult:
    source = str(self._get_param("PolicySourceArn"))
    identity = _identity(source)
    owner = source.rpartition("/")[2]
    policies = [_source(policy, owner) for policy in identity.policies]
    boundary = identity.boundary.document if identity.boundary else None
    principal = str(self._get_param("CallerArn") or source)
    return _results(self, principal if ":group/" not in principal else _ANYONE, policies, boundary)


def _simulate_custom(self: IamResponse) -> ActionResult:
    return _results(self, str(self._get_param("CallerArn") or _ANYONE), [], None)


def _results(self: IamResponse, principal: str, policies: list[SourcePolicy], boundary: str | None) -> ActionResult:
    given = [str(text) for text in self._get_param("PolicyInputList") or ()]
    policies = [*policies, *(SourcePolicy(f"PolicyInputList.{at}", "none", text) for at, text in enumerate(given, 1))]
    boundaries = [str(text) for text in self._get_param("PermissionsBoundaryPolicyInputList") or ()]
    resource_policy = self._get_param("ResourcePolicy")
    simulation = Simulation(
        principal,
        policies,
        boundaries[0] if boundaries else boundary,
        str(resource_policy) if resource_policy else None,
        _now() | _context(self._get_param("ContextEntries") or ()),
    )
    actions = [str(name) for name in self._get_param("ActionNames") or ()]
    for action in actions:
        if action.count(":") != 1:
            raise _invalid(f"Invalid action name: {action}; it is a service and an action, such as s3:GetObject.")
    try:
        found = simulation.results(actions, [str(arn) for arn in self._get_param("ResourceArns") or ("*",)])
    except InvalidInput as error:
        raise _invalid(str(error)) from error
    return ActionResult({"EvaluationResults": found, "IsTruncated": False})


def _keys_of_principal(self: IamResponse) -> ActionResult:
    identity = _identity(str(self._get_param("PolicySourceArn")))
    texts = [policy.document for policy in identity.policies]
    return _keys([*texts, *(str(text) for text in self._get_param("PolicyInputList") or ())])


def _keys_of_policies(self: IamResponse) -> ActionResult:
    return _keys([str(text) for text in self._get_param("PolicyInputList") or ()])


def _keys(texts: list[str]) -> ActionResult:
    try:
        return ActionResult({"ContextKeyNames": context_keys(texts)})
    except InvalidInput as error:
        raise _invalid(str(error)) from error


def _identity(arn: str) -> iam_store.Identity:
    """The user, group or role of an ARN; raises an error of IAM for any other, and for one that does not exist."""
    kind = arn.rpartition(":")[2].partition("/")[0]
    if kind not in _KINDS or "/" not in arn:
        raise _invalid(f"Invalid Entity Arn: {arn} does not clearly define entity type and name.")
    if arn == local_user("").arn:  # moto's store does not have it
        return iam_store.Identity(arn, "", (iam_store.NamedPolicy("managed", ADMINISTRATOR, _EVERYTHING),), None, {})
    found = _KINDS[kind](arn.rpartition("/")[2])
    if found is None or found.arn != arn:
        raise NotFoundException(f"Entity {arn} does not exist.")
    return found


def _source(policy: iam_store.NamedPolicy, owner: str) -> SourcePolicy:
    """The id of an inline policy names its kind of owner, owner and policy, that of a managed policy its name."""
    managed = policy.kind == "managed"
    identifier = policy.name.rpartition("/")[2] if managed else f"{policy.kind}_{owner}_{policy.name}"
    kind = ("aws-managed" if policy.name.startswith(PREFIX) else "user-managed") if managed else policy.kind
    return SourcePolicy(identifier, kind, policy.document)


def _context(entries: Any) -> dict[str, str | list[str]]:
    """ContextEntries as a request has them; a type that ends with List is a key of several values."""
    found: dict[str, str | list[str]] = {}
    for entry in entries:
        values = [str(value) for value in entry.get("ContextKeyValues") or ()]
        several = str(entry.get("ContextKeyType", "")).endswith("List")
        if values:
            found[str(entry["ContextKeyName"])] = values if several else values[0]
    return found


def _now() -> dict[str, str | list[str]]:
    return {
        "aws:CurrentTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "aws:EpochTime": str(int(time.time())),
    }


def _invalid(message: str) -> IAMException:
    return IAMException("InvalidInput", message)


def apply() -> None:
    """Add them, for the whole process."""
    IamResponse.simulate_principal_policy = _simulate_principal
    IamResponse.simulate_custom_policy = _simulate_custom
    IamResponse.get_context_keys_for_principal_policy = _keys_of_principal
    IamResponse.get_context_keys_for_custom_policy = _keys_of_policies
