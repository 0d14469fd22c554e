from __future__ import annotations

from typing import Any

from checkov.common.models.enums import CheckCategories, CheckResult
from checkov.terraform.checks.resource.base_resource_check import BaseResourceCheck

from async_graph import Surroundings
from policy_statements import Statement, statements

# They assume a role only on behalf of its own account, and send no source account (IAM user guide, "confused deputy").
_WITHOUT_SOURCE = {"ec2.amazonaws.com", "lambda.amazonaws.com"}


class ServiceTrust(BaseResourceCheck):
    """A service may assume a role for the role's own account only."""

    def __init__(self) -> None:
        super().__init__(
            name="The trust policy of a service role must restrict aws:SourceAccount",
            id="CKV_ASYNC_6",
            categories=[CheckCategories.IAM],
            supported_resources=["aws_iam_role"],
        )

    def scan_resource_conf(self, conf: dict[str, list[Any]]) -> CheckResult:
        around = Surroundings(self.graph, conf, "aws_iam_role")
        documents = [conf.get("assume_role_policy"), *around.referred(around.node, "aws_iam_policy_document")]
        trusting = [item for document in documents for item in statements(document) if _trusts_a_service(item)]
        if not trusting:
            return CheckResult.UNKNOWN
        return CheckResult.PASSED if all(map(_is_confined, trusting)) else CheckResult.FAILED


def _trusts_a_service(statement: Statement) -> bool:
    services = set(statement.principals.get("Service", ()))
    return statement.effect == "Allow" and "sts:AssumeRole" in statement.actions and bool(services - _WITHOUT_SOURCE)


def _is_confined(statement: Statement) -> bool:
    return any(condition.variable.lower() == "aws:sourceaccount" for condition in statement.conditions)


check = ServiceTrust()
