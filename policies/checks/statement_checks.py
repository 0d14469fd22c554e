"""Checks of single statements of identity-based policies, given as JSON or as aws_iam_policy_document."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from checkov.common.models.enums import CheckCategories, CheckResult
from checkov.terraform.checks.data.base_check import BaseDataCheck
from checkov.terraform.checks.resource.base_resource_check import BaseResourceCheck

from policy_statements import Statement, statements

_POLICIES = ["aws_iam_group_policy", "aws_iam_policy", "aws_iam_role_policy", "aws_iam_user_policy"]


def checks_of_statements(check_id: str, title: str, is_wrong: Callable[[Statement], bool]) -> tuple[object, object]:
    """Checks that fail for a policy with an Allow statement for which `is_wrong` is true.

    Statements with principals are of resource-based policies, where "*" is that resource: they are ignored.
    """

    def verdict(policy: Any) -> CheckResult:
        read = list(statements(policy))
        if not read:
            return CheckResult.UNKNOWN
        allowing = (statement for statement in read if statement.effect == "Allow" and not statement.principals)
        return CheckResult.FAILED if any(map(is_wrong, allowing)) else CheckResult.PASSED

    class OfPolicies(BaseResourceCheck):
        def scan_resource_conf(self, conf: dict[str, list[Any]]) -> CheckResult:
            return verdict(conf.get("policy"))

    class OfDocuments(BaseDataCheck):
        def scan_data_conf(self, conf: dict[str, list[Any]]) -> CheckResult:
            return verdict(conf)

    common = {"name": title, "id": check_id, "categories": [CheckCategories.IAM]}
    return (
        OfPolicies(**common, supported_resources=_POLICIES),
        OfDocuments(**common, supported_data=["aws_iam_policy_document"]),
    )
