"""The policies of users, groups and roles in moto's IAM store, as unchanged JSON text, by which parsed ones are cached."""

from __future__ import annotations

import json
from typing import Any, Final, NamedTuple

from moto.backends import get_backend

from async_endpoint.emulator.access import aws_managed_policies
from async_endpoint.local_aws import ACCOUNT_ID

_PARTITION: Final = "aws"
_NOTHING: Final = json.dumps({"Version": "2012-10-17", "Statement": []})


class NamedPolicy(NamedTuple):
    """A policy with its source: `kind` is user, group, role or managed, `name` the policy's name or ARN."""

    kind: str
    name: str
    document: str


class Identity(NamedTuple):
    """A user or role. `boundary` is the policy of its permissions boundary, None without one."""

    arn: str
    unique_id: str
    policies: tuple[NamedPolicy, ...]
    boundary: NamedPolicy | None
    tags: dict[str, str]


def user(name: str) -> Identity | None:
    """A user with its own policies and those of its groups; None if there is none."""
    backend = _backend()
    found = backend.users.get(name)
    if found is None:
        return None
    policies = [*_own(found, "user")]
    for group in list(backend.groups.values()):
        if found in group.users:
            policies += _own(group, "group")
    boundary = _boundary(getattr(found, "permissions_boundary_arn", None))
    return Identity(found.arn, found.id, tuple(policies), boundary, backend.tagger.get_tag_dict_for_resource(found.arn))


def group(name: str) -> Identity | None:
    """A group with its policies; None if there is none."""
    found = _backend().groups.get(name)
    return None if found is None else Identity(found.arn, found.id, tuple(_own(found, "group")), None, {})


def role(name: str) -> Identity | None:
    """A role by its name, without its path; None if there is none."""
    found = _role(name)
    if found is None:
        return None
    tags = {key: tag["Value"] if isinstance(tag, dict) else tag for key, tag in dict(found.tags or {}).items()}
    return Identity(found.arn, found.id, tuple(_own(found, "role")), _boundary(found.permissions_boundary_arn), tags)


def has_unique_id(unique_id: str) -> bool:
    """Whether a user or role has this unique id (AIDA…, AROA…)."""
    backend = _backend()
    return unique_id in backend.roles or any(found.id == unique_id for found in list(backend.users.values()))


def role_trust(name: str) -> str | None:
    """The trust policy of a role; None if there is none."""
    found = _role(name)
    return None if found is None else str(found.assume_role_policy_document)


def max_session_seconds(name: str) -> int:
    """The longest session of a role (MaxSessionDuration)."""
    found = _role(name)
    return int(getattr(found, "max_session_duration", None) or 3600)


def managed_policy(arn: str) -> NamedPolicy:
    """A managed policy by its ARN; one that does not exist allows nothing, as on AWS."""
    backend = _backend()
    aws_managed_policies.load(backend, arn)
    found = backend.managed_policies.get(arn)
    return NamedPolicy("managed", arn, _NOTHING if found is None else _default_version(found))


def exists(arn: str) -> bool:
    """Whether there is a managed policy of this ARN."""
    aws_managed_policies.load(_backend(), arn)
    return _backend().managed_policies.get(arn) is not None


def _own(holder: Any, kind: str) -> list[NamedPolicy]:
    """The inline and attached policies of a user, group or role."""
    inline = [NamedPolicy(kind, name, _text(document)) for name, document in list(holder.policies.items())]
    attached = [NamedPolicy("managed", arn, _default_version(policy)) for arn, policy in list(holder.managed_policies.items())]
    return [*inline, *attached]


def _boundary(arn: str | None) -> NamedPolicy | None:
    return managed_policy(arn) if arn else None


def _default_version(policy: Any) -> str:
    return _text(next(version.document for version in policy.versions if version.version_id == policy.default_version_id))


def _text(document: Any) -> str:
    return document if isinstance(document, str) else json.dumps(document)


def _role(name: str) -> Any:
    return next((found for found in list(_backend().roles.values()) if found.name == name), None)


def _backend() -> Any:
    return get_backend("iam")[ACCOUNT_ID][_PARTITION]
