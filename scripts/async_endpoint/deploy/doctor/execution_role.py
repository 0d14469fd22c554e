"""The execution roles: that SageMaker may assume them, that they may do what they must, and that the caller may pass them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from async_endpoint.aws import DENIED_CODES, error_code
from async_endpoint.core.outputs import AsyncEndpointOutputs
from async_endpoint.deploy.doctor.checks import denied
from async_endpoint.deploy.doctor.findings import Finding, failure, ok, warning
from async_endpoint.deploy.doctor.setup import Setup
from async_endpoint.deploy.verification import execution_role
from async_endpoint.deploy.verification.findings import Difference, Differs

_SESSION: Final = re.compile(r"^(arn:[a-z-]+):sts::(\d{12}):assumed-role/([^/]+)/")
_ROOT: Final = re.compile(r"^arn:[a-z-]+:iam::\d{12}:root$")


def execution_roles(setup: Setup) -> Iterator[Finding]:
    """That each role exists, is trusted by SageMaker and has its policies."""
    for name, outputs in setup.applied.items():
        try:
            yield ok(f"{name}: {execution_role.execution_role(setup.session(outputs.region), outputs)}")
        except Differs as found:
            yield from (of_difference(name, difference, setup) for difference in found.differences)


def passable_roles(setup: Setup) -> Iterator[Finding]:
    """That the caller may pass each role to SageMaker, as the policy simulator says. Changes nothing.

    The simulator does not know service control policies for every caller (IAM user guide, "Testing IAM policies").
    """
    roles = {outputs.endpoint.execution_role_arn: outputs for outputs in setup.applied.values()}
    if _ROOT.match(setup.caller_arn):
        yield ok("the account's root user, whom no policy of IAM limits")
        return
    for arn, outputs in roles.items():
        yield _passable(setup, arn, outputs)


def of_difference(name: str, difference: Difference, setup: Setup) -> Finding:
    """A difference that verification finds, as a failure with its remedy."""
    remedy = difference.remedy or f"an apply repairs it: {setup.command('apply')}"
    return failure(f"{name}: {difference.subject} {difference.found}", remedy)


def _passable(setup: Setup, arn: str, outputs: AsyncEndpointOutputs) -> Finding:
    from botocore.exceptions import ClientError  # noqa: PLC0415

    iam = setup.session(outputs.region).client("iam")
    try:
        found = iam.simulate_principal_policy(
            PolicySourceArn=_principal(iam, setup.caller_arn),
            ActionNames=["iam:PassRole"],
            ResourceArns=[arn],
            ContextEntries=[
                {
                    "ContextKeyName": "iam:PassedToService",
                    "ContextKeyValues": [execution_role.SAGEMAKER],
                    "ContextKeyType": "string",
                }
            ],
        )["EvaluationResults"]
    except ClientError as error:
        if error_code(error) in DENIED_CODES:
            return denied(error, "whether the role may be passed was not checked")
        raise
    if all(result["EvalDecision"] == "allowed" for result in found):
        return ok(f"{arn.rpartition('/')[2]} may be passed to {execution_role.SAGEMAKER}")
    return warning(
        f"these credentials may not pass role {arn} to {execution_role.SAGEMAKER} ({found[0]['EvalDecision']}): an apply that "
        "creates a model fails",
        "apply as the deployer (module iam), or allow iam:PassRole on that role",
    )


def _principal(iam: Any, caller: str) -> str:
    """The ARN that the simulator takes: of a session its role, whose path only IAM knows."""
    from botocore.exceptions import ClientError  # noqa: PLC0415

    session = _SESSION.match(caller)
    if session is None:
        return caller
    try:
        return str(iam.get_role(RoleName=session[3])["Role"]["Arn"])
    except ClientError as error:
        if error_code(error) not in DENIED_CODES:
            raise
        return f"{session[1]}:iam::{session[2]}:role/{session[3]}"
