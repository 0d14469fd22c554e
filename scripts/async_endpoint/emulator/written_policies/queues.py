"""Policies of queues, in SQS's words.

Quotas: developer guide, "Amazon SQS policy quotas". Texts: aws-cdk issues 15602 (invalid value, without a reason) and 2381
(action), cloud-platform-environments pull request 9082 and cloudfoxable issue 29 (OverLimit). A Resource is required (aws-cdk
issue 1675), and one that is not the queue is refused here, since it would never apply.
"""

from __future__ import annotations

from typing import Final

from moto.sqs.exceptions import SQSException

from async_endpoint.emulator.written_policies.document import Malformed, WrittenStatement, read_policy
from async_endpoint.emulator.written_policies.principals import invalid_principal
from async_endpoint.iam.matching import arn_like, like
from async_endpoint.iam.resource_actions import SQS_QUEUE

MAX_BYTES: Final = 8_192
_MAX_STATEMENTS: Final = 20
_MAX_PRINCIPALS: Final = 50
_MAX_ACTIONS: Final = 7


def check_queue_policy(arn: str, text: str) -> None:
    """Raise SQSException for a policy that SQS refuses for this queue."""
    try:
        statements = read_policy(text)
    except Malformed as error:
        raise _invalid(str(error)) from error
    if len(text.encode()) > MAX_BYTES:
        raise SQSException("OverLimit", "Submitted policy is over max allowed size.")
    _check_number("statements", len(statements), _MAX_STATEMENTS, "in")
    _check_number("principals", sum(len(statement.principals) for statement in statements), _MAX_PRINCIPALS, "in")
    for statement in statements:
        _check_number("actions", len(statement.actions), _MAX_ACTIONS, "in a statement from")
        _check_statement(statement, arn)
    principal = invalid_principal(statements)
    if principal:
        raise _invalid(f"The {principal[0]} principal {principal[1]} does not exist.")


def _invalid(reason: str) -> SQSException:
    return SQSException("InvalidAttributeValue", f"Invalid value for the parameter Policy. Reason: {reason}")


def _check_number(what: str, found: int, most: int, where: str) -> None:
    if found > most:
        raise SQSException("OverLimit", f"{found} {what} were found {where} the submitted policy, max allowed is {most}")


def _check_statement(statement: WrittenStatement, arn: str) -> None:
    for action in statement.actions:
        if not any(like(action, f"sqs:{known}", ignore_case=True) for known in SQS_QUEUE):
            raise SQSException(
                "InvalidParameterValue",
                f"Value {action} for parameter ActionName is invalid. "
                "Reason: Please refer to the appropriate WSDL for a list of valid actions.",
            )
    if not statement.resources:
        raise _invalid(f"{statement.label} has no Resource.")
    for resource in statement.resources:
        if not arn_like(resource, arn):
            raise _invalid(f"{statement.label} has the Resource {resource}, which is not the queue {arn}.")
