from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import Any

from checkov.common.models.enums import CheckCategories, CheckResult
from checkov.terraform.checks.data.base_check import BaseDataCheck
from checkov.terraform.checks.resource.base_resource_check import BaseResourceCheck

from policy_statements import Statement, statements

_NAME = 'A statement must not allow actions on "*" that can be confined to a resource'
_ID = "CKV_ASYNC_5"

# Everything, or everything of a service.
_WIDE = re.compile(r"^(?:\*|arn:[^:]*:[^:]*:[^:]*:[^:]*:\*)$")

# For these AWS defines no resource (Service Authorization Reference, 2026).
_WITHOUT_RESOURCE = (
    "application-autoscaling:describe*", "cloudwatch:putmetricdata", "ec2:describe*", "ecr:getauthorizationtoken",
    "kms:createkey", "kms:listaliases", "kms:listkeys", "logs:describeloggroups", "s3:listallmybuckets", "sagemaker:list*",
    "sns:list*", "sqs:listqueues", "sts:getcalleridentity",
)  # fmt: skip


class NarrowResources(BaseResourceCheck):
    """Policies written as JSON."""

    def __init__(self) -> None:
        super().__init__(
            name=_NAME,
            id=_ID,
            categories=[CheckCategories.IAM],
            supported_resources=["aws_iam_group_policy", "aws_iam_policy", "aws_iam_role_policy", "aws_iam_user_policy"],
        )

    def scan_resource_conf(self, conf: dict[str, list[Any]]) -> CheckResult:
        return _verdict(conf.get("policy"))


class NarrowResourcesOfDocuments(BaseDataCheck):
    """Policies written as aws_iam_policy_document."""

    def __init__(self) -> None:
        super().__init__(name=_NAME, id=_ID, categories=[CheckCategories.IAM], supported_data=["aws_iam_policy_document"])

    def scan_data_conf(self, conf: dict[str, list[Any]]) -> CheckResult:
        return _verdict(conf)


def _verdict(policy: Any) -> CheckResult:
    read = list(statements(policy))
    if not read:
        return CheckResult.UNKNOWN
    return CheckResult.FAILED if any(map(_is_too_wide, read)) else CheckResult.PASSED


def _is_too_wide(statement: Statement) -> bool:
    """A statement with principals belongs to a resource, where "*" is that resource."""
    if statement.effect != "Allow" or statement.principals:
        return False
    wide = any(_WIDE.match(resource) for resource in statement.resources)
    return wide and not all(
        any(fnmatchcase(action.lower(), pattern) for pattern in _WITHOUT_RESOURCE) for action in statement.actions
    )


checks = (NarrowResources(), NarrowResourcesOfDocuments())
