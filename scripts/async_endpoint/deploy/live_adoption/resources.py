"""One resource of a live endpoint, by the names that Terraform, CloudFormation and people have for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

LABELS: Final = {
    "aws_appautoscaling_policy": "scaling policy",
    "aws_appautoscaling_scheduled_action": "scheduled action",
    "aws_appautoscaling_target": "scalable target",
    "aws_cloudwatch_log_group": "log group",
    "aws_cloudwatch_metric_alarm": "alarm",
    "aws_iam_role": "role",
    "aws_s3_bucket": "bucket",
    "aws_sagemaker_endpoint": "endpoint",
    "aws_sagemaker_endpoint_configuration": "endpoint configuration",
    "aws_sagemaker_model": "model",
    "aws_sns_topic": "topic",
}


@dataclass(frozen=True)
class LiveResource:
    """`type` is Terraform's, `id` what Terraform imports it by, `arn` empty where it has none.

    `physical_id` is CloudFormation's name of it in a stack. `tags` are empty where it has none, or they cannot be read.
    """

    type: str
    name: str
    id: str
    physical_id: str = ""
    arn: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def label(self) -> str:
        return LABELS.get(self.type, self.type)

    def __str__(self) -> str:
        return f"{self.label} {self.name}"
