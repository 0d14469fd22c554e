"""Resource policies of CloudWatch Logs, checked when they are written; moto stores any text.

Source: API reference, PutResourcePolicy. Text: Terraform AWS provider issue 32260; the reason in parentheses is added here.
Policies of one log group (resourceArn) are refused by name.
"""

from __future__ import annotations

from typing import Any, Final

from moto.logs.exceptions import InvalidParameterException
from moto.logs.models import LogsBackend
from moto.logs.responses import LogsResponse

from async_endpoint.emulator.written_policies.document import Malformed, WrittenStatement, read_policy
from async_endpoint.emulator.written_policies.principals import invalid_principal

_ARN: Final = "arn:aws:logs:"
_put = LogsBackend.put_resource_policy
_answer = LogsResponse.put_resource_policy


def _checked(self: LogsBackend, policy_name: str, policy_doc: str) -> Any:
    try:
        statements = read_policy(policy_doc)
    except Malformed as error:
        raise _refused(str(error)) from error
    for statement in statements:
        _check(statement)
    principal = invalid_principal(statements)
    if principal is not None:
        raise _refused(f"The {principal[0]} principal {principal[1]} does not exist.")
    return _put(self, policy_name, policy_doc)


def _check(statement: WrittenStatement) -> None:
    if not statement.resources:
        raise _refused(f"{statement.label} has no Resource.")
    for resource in statement.resources:
        if resource != "*" and not resource.startswith(_ARN):
            raise _refused(f"{statement.label} has the Resource {resource}, which is not of CloudWatch Logs.")
    for action in statement.actions:
        if action != "*" and not action.lower().startswith("logs:"):
            raise _refused(f"{statement.label} has the action {action}, which is not of CloudWatch Logs.")


def _refused(reason: str) -> InvalidParameterException:
    return InvalidParameterException(f"Could not convert to persistable policy. ({reason})")


def _answered(self: LogsResponse) -> str:
    for name in ("resourceArn", "expectedRevisionId"):
        if self._get_param(name) is not None:
            raise InvalidParameterException(f"{name} is not emulated by the local AWS; leave it out.")
    answer: str = _answer(self)
    return answer


def apply() -> None:
    LogsBackend.put_resource_policy = _checked
    LogsResponse.put_resource_policy = _answered
