"""Policies of users, groups and roles are checked when they are written, and have IAM's quotas; moto has no quotas for them.

moto checks their grammar, and accepts principals and any Sid.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from moto.iam.models import Group, IAMBackend, ManagedPolicy, Role, User
from moto.iam.policy_validation import IAMPolicyDocumentValidator

from async_endpoint.emulator.written_policies.identities import (
    check_attached,
    check_identity_policy,
    check_inline_size,
    check_managed_size,
)

_KINDS: Final = {Role: "role", Group: "group", User: "user"}
_validate = IAMPolicyDocumentValidator.validate
_put = {kind: kind.put_policy for kind in _KINDS}
_attach = ManagedPolicy.attach_to
_create_policy = IAMBackend.create_policy
_create_version = IAMBackend.create_policy_version


def _validated(self: IAMPolicyDocumentValidator) -> None:
    _validate(self)
    check_identity_policy(self._policy_document)


def _put_checked(owner: type) -> Callable[[Any, str, str], None]:
    def put(self: Any, policy_name: str, policy_json: str) -> None:
        check_inline_size(_KINDS[owner], self.name, self.policies | {policy_name: policy_json})
        _put[owner](self, policy_name, policy_json)

    return put


def _attached(self: ManagedPolicy, owner: Any) -> None:
    check_attached(_KINDS[type(owner)], len({*owner.managed_policies, self.arn}))
    _attach(self, owner)


def _created(self: IAMBackend, description: str, path: str, policy_document: str, *rest: Any, **named: Any) -> Any:
    check_managed_size(policy_document)
    return _create_policy(self, description, path, policy_document, *rest, **named)


def _version_created(self: IAMBackend, policy_arn: str, policy_document: str, set_as_default: bool) -> Any:
    check_managed_size(policy_document)
    return _create_version(self, policy_arn, policy_document, set_as_default)


def apply() -> None:
    IAMPolicyDocumentValidator.validate = _validated
    for owner in _KINDS:
        owner.put_policy = _put_checked(owner)
    ManagedPolicy.attach_to = _attached
    IAMBackend.create_policy = _created
    IAMBackend.create_policy_version = _version_created
