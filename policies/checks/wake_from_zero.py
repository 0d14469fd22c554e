from __future__ import annotations

from typing import Any

from checkov.common.models.enums import CheckCategories, CheckResult
from checkov.terraform.checks.resource.base_resource_check import BaseResourceCheck

from async_graph import Node, Surroundings, each, first


class WakeFromZero(BaseResourceCheck):
    """A target that may scale to zero has a step scaling policy that adds an instance, and an alarm that triggers it."""

    def __init__(self) -> None:
        super().__init__(
            name="Scaling to zero needs a step policy that adds an instance, by an alarm on HasBacklogWithoutCapacity",
            id="CKV_ASYNC_3",
            categories=[CheckCategories.GENERAL_SECURITY],
            supported_resources=["aws_appautoscaling_target"],
        )

    def scan_resource_conf(self, conf: dict[str, list[Any]]) -> CheckResult:
        if (
            first(conf.get("scalable_dimension")) != "sagemaker:variant:DesiredInstanceCount"
            or first(conf.get("min_capacity")) != 0
        ):
            return CheckResult.UNKNOWN
        around = Surroundings(self.graph, conf, "aws_appautoscaling_target")
        waking = [policy for policy in around.referring("aws_appautoscaling_policy") if _adds_an_instance(policy)]
        alarms = [alarm for alarm in around.nearest("aws_cloudwatch_metric_alarm") if _watches_for_backlog(alarm)]
        called = [policy for alarm in alarms for policy in around.referred(alarm, "aws_appautoscaling_policy")]
        return CheckResult.PASSED if any(policy in called for policy in waking) else CheckResult.FAILED


def _adds_an_instance(policy: Node) -> bool:
    steps = first(policy.get("step_scaling_policy_configuration"))
    adjustments = each(steps.get("step_adjustment")) if isinstance(steps, dict) else ()
    return policy.get("policy_type") == "StepScaling" and any(
        isinstance(step, dict) and float(first(step.get("scaling_adjustment")) or 0) > 0 for step in adjustments
    )


def _watches_for_backlog(alarm: Node) -> bool:
    return first(alarm.get("namespace")) == "AWS/SageMaker" and first(alarm.get("metric_name")) == "HasBacklogWithoutCapacity"


check = WakeFromZero()
