"""AWS-managed policies exist, at no cost until one is named or listed; AWS owns them, so nobody changes them.

moto has them only if a variable says so, and then its first IAM call takes a second longer. Source: IAM guide, "AWS managed
policies".
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Final

from flask import has_request_context, request
from moto.iam.models import IAMBackend
from moto.iam.responses import IamResponse

from async_endpoint.emulator.access.aws_managed_policies import PREFIX, every_policy, load
from async_endpoint.emulator.auth.identities import caller_of
from async_endpoint.emulator.error_responses import CallDenied

_NAMING: Final = (
    "attach_group_policy", "attach_role_policy", "attach_user_policy", "get_policy", "get_policy_version",
    "list_policy_versions",
)  # fmt: skip
_CHANGING: Final = {
    "create_policy_version": "CreatePolicyVersion",
    "delete_policy": "DeletePolicy",
    "delete_policy_version": "DeletePolicyVersion",
    "set_default_policy_version": "SetDefaultPolicyVersion",
    "tag_policy": "TagPolicy",
    "untag_policy": "UntagPolicy",
}
_PLAIN: Final = {name: getattr(IAMBackend, name) for name in _NAMING}
_ANSWERS: Final = {name: getattr(IamResponse, name) for name in _CHANGING}
_list_policies = IAMBackend.list_policies


def _loading(plain: Callable[..., Any]) -> Callable[..., Any]:
    def named(self: IAMBackend, policy_arn: str, *arguments: Any, **options: Any) -> Any:
        load(self, policy_arn)
        return plain(self, policy_arn, *arguments, **options)

    return named


def _refusing(plain: Callable[..., Any], operation: str) -> Callable[..., Any]:
    def changed(self: IamResponse) -> Any:
        arn = str(self._get_param("PolicyArn"))
        if arn.startswith(PREFIX):
            caller = caller_of(request.environ) if has_request_context() else None
            who = f"User: {caller.arn}" if caller else "The caller"
            raise CallDenied(f"{who} is not authorized to perform: iam:{operation} on resource: policy {arn}")
        return plain(self)

    return changed


def _listing(self: IAMBackend, marker: Any, max_items: Any, only_attached: Any, path_prefix: Any, scope: Any) -> Any:
    """With all of AWS's policies, of which the store has those that were named; only those can be attached."""
    source = self
    if scope != "Local" and not only_attached:
        source = copy.copy(self)
        source.managed_policies = every_policy(self.account_id, self.region_name) | self.managed_policies
    return _list_policies(source, marker, max_items, only_attached, path_prefix, scope)


def apply() -> None:
    """Replace them, for the whole process."""
    for name in _NAMING:
        setattr(IAMBackend, name, _loading(_PLAIN[name]))
    for name, operation in _CHANGING.items():
        setattr(IamResponse, name, _refusing(_ANSWERS[name], operation))
    IAMBackend.list_policies = _listing
