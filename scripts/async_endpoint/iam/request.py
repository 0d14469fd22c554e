"""The request that policies are evaluated against."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

_ROLE = re.compile(r"arn:(?P<partition>[^:]+):iam::(?P<account>\d{12}):role/(?:.*/)?(?P<name>[^/]+)")
_SESSION = re.compile(r"arn:(?P<partition>[^:]+):sts::(?P<account>\d{12}):assumed-role/(?P<name>[^/]+)/(?P<session>[^/]+)")


def role_of(arn: str) -> tuple[str, str] | None:
    """(account, role name) of a role or of a session of one; None for anything else."""
    match = _ROLE.fullmatch(arn) or _SESSION.fullmatch(arn)
    return (match["account"], match["name"]) if match else None


def role_and_session(arn: str) -> tuple[str, str]:
    """The role, without its path, and the session's name in the ARN of a role's session; anything else unchanged."""
    match = _SESSION.fullmatch(arn)
    if match is None:
        return arn, ""
    return f"arn:{match['partition']}:iam::{match['account']}:role/{match['name']}", match["session"]


def account_of(arn: str) -> str | None:
    """The account in an ARN; None where there is none."""
    parts = arn.split(":", 5)
    return (parts[4] or None) if len(parts) == 6 and parts[0] == "arn" else None


@dataclass(frozen=True)
class AccessRequest:
    """An action on a resource by a principal.

    `principal` is the ARN of a role, a role session or a user, or a service such as sns.amazonaws.com. `resource` is an ARN, or
    "*" for an action on no resource. A `context` value is a list for a multivalued key; keys are case-insensitive. `session`
    names the session in which a role acts, in messages and for policies that name it.
    """

    action: str
    resource: str
    principal: str
    context: Mapping[str, str | list[str]] = field(default_factory=dict)
    session: str = "SageMaker"

    @property
    def is_service(self) -> bool:
        return not self.principal.startswith("arn:")

    @cached_property
    def keys(self) -> Mapping[str, list[str]]:
        """The context by lower-case key, with the keys that follow from the principal as defaults."""
        known: dict[str, str | list[str]] = {"aws:principalisawsservice": "true" if self.is_service else "false"}
        if self.is_service:
            known["aws:principalservicename"] = self.principal
        elif account := account_of(self.principal):
            known |= {"aws:principalarn": self.principal, "aws:principalaccount": account}
        known |= {key.lower(): value for key, value in self.context.items()}
        return {key: [value] if isinstance(value, str) else list(value) for key, value in known.items()}

    @property
    def caller(self) -> str:
        """The principal as named in error messages: a role is named by its session."""
        match = _ROLE.fullmatch(self.principal)
        if match is None:
            return self.principal
        return f"arn:{match['partition']}:sts::{match['account']}:assumed-role/{match['name']}/{self.session}"
