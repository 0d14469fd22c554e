"""Trust policies of roles, in IAM's words. moto takes any text when a role is created, and refuses Version 2008-10-17 later.

Texts: ucx issue 2269 (principal of AWS), Terraform issue 35086 (of a service; with Version 2008-10-17), terraform-aws-eks
issue 2594 (of a federation), terraform-concourse issue 25 (none), external-dns issue 3085 (Resource), carthage_cache issue 22
and kops issue 4951 (Sid), Terraform AWS provider issue 32872 (action; cdk-preflight has that wildcards are refused), kubeflow
issue 6687 (size); the rest as versitygw has them.
"""

from __future__ import annotations

import re
from typing import Final

from moto.iam.exceptions import LimitExceededException, MalformedPolicyDocument

from async_endpoint.emulator.written_policies.document import Flaw, Malformed, WrittenStatement, read_policy
from async_endpoint.emulator.written_policies.principals import invalid_principal

MAX_CHARACTERS: Final = 2_048  # without whitespace: IAM user guide, "IAM and AWS STS quotas", the default of ACLSizePerRole
_SID: Final = re.compile(r"[0-9A-Za-z]*")
_ACTIONS: Final = (
    "sts:assumerole", "sts:assumerolewithsaml", "sts:assumerolewithwebidentity", "sts:setcontext", "sts:setsourceidentity",
    "sts:tagsession",
)  # fmt: skip


def check_trust_policy(text: str) -> None:
    """Raise MalformedPolicyDocument, or LimitExceededException for its size, for a trust policy that IAM refuses."""
    try:
        statements = read_policy(text)
    except Malformed as error:
        raise MalformedPolicyDocument(_message(error)) from error
    if len("".join(text.split())) > MAX_CHARACTERS:
        raise LimitExceededException(f"Cannot exceed quota for ACLSizePerRole: {MAX_CHARACTERS}")
    named = [statement.sid for statement in statements if statement.sid]
    if len(set(named)) < len(named):
        raise MalformedPolicyDocument("Statement IDs (SID) in a single policy must be unique.")
    for statement in statements:
        _check_statement(statement)
    principal = invalid_principal(statements)
    if principal is not None and principal[0] == "Federated":
        raise MalformedPolicyDocument("Federated principals must be valid domain names or SAML metadata ARNs")
    if principal is not None:
        kind = principal[0] if principal[0] == "AWS" else principal[0].upper()
        raise MalformedPolicyDocument(f'Invalid principal in policy: "{kind}":"{principal[1]}"')


def _message(error: Malformed) -> str:
    if error.flaw is Flaw.NOT_JSON:
        return "This policy contains invalid Json"
    if error.flaw is Flaw.VERSION:
        return "The policy must contain a valid version string"
    if error.flaw is Flaw.EMPTY:
        return "Could not parse the policy: Statement is empty!"
    if error.flaw in (Flaw.NO_STATEMENT, Flaw.MISSING):
        return f"Missing required field {error.field}"
    if error.flaw is Flaw.NO_PRINCIPALS:
        detail = "com.amazon.balsa.error.InvalidPolicyException: The passed in policy has a statement with no principals!"
        return f"Invalid principal in policy: {detail}"
    return f"Syntax errors in policy. {error}"


def _check_statement(statement: WrittenStatement) -> None:
    if not _SID.fullmatch(statement.sid):
        raise MalformedPolicyDocument(
            "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*"
        )
    if statement.not_principal:
        raise MalformedPolicyDocument("AssumeRole policy must not contain NotPrincipal field.")
    if statement.any_principal:
        raise MalformedPolicyDocument("Principal must be a JSON object.")
    if statement.resources:
        forbidden = (
            "AssumeRole policy must not contain resources." if statement.not_resources else "Has prohibited field Resource"
        )
        raise MalformedPolicyDocument(forbidden)
    if not all(action.lower() in _ACTIONS for action in statement.actions):
        raise MalformedPolicyDocument("AssumeRole policy may only specify STS AssumeRole actions.")
