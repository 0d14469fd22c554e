"""Policies of topics, in SNS's words.

Quotas, actions, and the resource, which must be the topic: developer guide, "Amazon SNS API permissions". Texts: Terraform AWS
provider issue 26041 (PrincipalNotFound), Terraform issue 12740 (action), cloudformation-template-generator issue 138 (ids). SNS
answers `Policy Error: null` for all other flaws; the local AWS says which.
"""

from __future__ import annotations

from typing import Final

from moto.sns.exceptions import SNSInvalidParameter

from async_endpoint.emulator.written_policies.document import Malformed, WrittenStatement, read_policy
from async_endpoint.emulator.written_policies.principals import invalid_principal
from async_endpoint.iam.matching import arn_like, like
from async_endpoint.iam.resource_actions import SNS_TOPIC

MAX_BYTES: Final = 30 * 1024
_MAX_STATEMENTS: Final = 100
_MAX_PRINCIPALS: Final = 200


def check_topic_policy(arn: str, text: str) -> None:
    """Raise SNSInvalidParameter for a policy that SNS refuses for this topic."""
    try:
        statements = read_policy(text)
    except Malformed as error:
        raise _refused(f"Policy Error: {error}") from error
    if len(text.encode()) > MAX_BYTES:
        raise _refused(f"Policy Error: The policy is larger than {MAX_BYTES} bytes.")
    if len(statements) > _MAX_STATEMENTS or sum(len(statement.principals) for statement in statements) > _MAX_PRINCIPALS:
        raise _refused(f"Policy Error: The policy has more than {_MAX_STATEMENTS} statements or {_MAX_PRINCIPALS} principals.")
    if len({statement.sid for statement in statements}) < len(statements):
        raise _refused("Every policy statement must have a unique ID.")
    for statement in statements:
        _check_statement(statement, arn)
    if invalid_principal(statements):
        raise _refused("Policy Error: PrincipalNotFound")


def _refused(reason: str) -> SNSInvalidParameter:
    return SNSInvalidParameter(f"Invalid parameter: {reason}")


def _check_statement(statement: WrittenStatement, arn: str) -> None:
    if not all(any(like(action, f"sns:{known}", ignore_case=True) for known in SNS_TOPIC) for action in statement.actions):
        raise _refused("Policy statement action out of service scope!")
    if not statement.resources:
        raise _refused(f"Policy Error: {statement.label} has no Resource.")
    for resource in statement.resources:
        if not arn_like(resource, arn):
            raise _refused(f"Policy Error: {statement.label} has the Resource {resource}, which is not the topic {arn}.")
