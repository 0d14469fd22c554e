from __future__ import annotations

from typing import Any

from checkov.common.models.enums import CheckCategories, CheckResult
from checkov.terraform.checks.resource.base_resource_check import BaseResourceCheck

from async_graph import Surroundings, each, first
from policy_statements import statements


class TlsOnlyBucket(BaseResourceCheck):
    """A bucket has a policy that denies requests without TLS."""

    def __init__(self) -> None:
        super().__init__(
            name="A bucket must have a policy that denies requests without TLS (aws:SecureTransport false)",
            id="CKV_ASYNC_1",
            categories=[CheckCategories.ENCRYPTION],
            supported_resources=["aws_s3_bucket"],
        )

    def scan_resource_conf(self, conf: dict[str, list[Any]]) -> CheckResult:
        around = Surroundings(self.graph, conf, "aws_s3_bucket")
        for policy in around.referring("aws_s3_bucket_policy"):
            documents = [policy.get("policy"), *around.referred(policy, "aws_iam_policy_document")]
            if any(_denies_without_tls(item) for document in documents for item in statements(document)):
                return CheckResult.PASSED
        return CheckResult.FAILED


def _denies_without_tls(statement: Any) -> bool:
    return (
        statement.effect == "Deny"
        and any(action in {"*", "s3:*"} for action in statement.actions)
        and any(
            condition.variable.lower() == "aws:securetransport" and str(first(list(each(condition.values)))).lower() == "false"
            for condition in statement.conditions
        )
    )


check = TlsOnlyBucket()
