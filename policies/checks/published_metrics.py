from __future__ import annotations

from typing import Any

from checkov.common.models.enums import CheckCategories, CheckResult
from checkov.terraform.checks.resource.base_resource_check import BaseResourceCheck

from async_endpoint.core.metrics import ALL, NAMESPACE, PUBLISHED
from async_graph import Surroundings, each, first, known

_DIMENSIONS = {metric.name: {"EndpointName"} | ({"VariantName"} if metric.scope == "variant" else set()) for metric in ALL}
_PREDEFINED = {"SageMakerVariantInvocationsPerInstance": "InvocationsPerInstance"}


class PublishedMetrics(BaseResourceCheck):
    """Alarms and policies use metrics that their kind of endpoint publishes, with exactly their dimensions."""

    def __init__(self) -> None:
        super().__init__(
            name="A metric must be one that the endpoint publishes, with its dimensions, or its alarm or policy never fires",
            id="CKV_ASYNC_4",
            categories=[CheckCategories.GENERAL_SECURITY],
            supported_resources=["aws_appautoscaling_policy", "aws_cloudwatch_metric_alarm"],
        )

    def scan_resource_conf(self, conf: dict[str, list[Any]]) -> CheckResult:
        metric, dimensions = _alarm(conf) if self.entity_type == "aws_cloudwatch_metric_alarm" else _policy(conf)
        if metric is None or not known(metric):
            return CheckResult.UNKNOWN
        around = Surroundings(self.graph, conf, self.entity_type)
        configurations = around.nearest("aws_sagemaker_endpoint_configuration")
        asynchronous = bool(configurations) and all(node.get("async_inference_config") for node in configurations)
        if asynchronous and metric not in PUBLISHED:
            return CheckResult.FAILED
        if dimensions is not None and metric in _DIMENSIONS and dimensions != _DIMENSIONS[metric]:
            return CheckResult.FAILED
        return CheckResult.PASSED


def _alarm(conf: dict[str, Any]) -> tuple[Any, set[str] | None]:
    """The metric and the names of its dimensions (None if unknown); no metric if it is not SageMaker's."""
    if first(conf.get("namespace")) != NAMESPACE:
        return None, None
    dimensions = first(conf.get("dimensions"))
    return first(conf.get("metric_name")), _names(dimensions) if isinstance(dimensions, dict) else None


def _policy(conf: dict[str, Any]) -> tuple[Any, set[str] | None]:
    tracking = first(conf.get("target_tracking_scaling_policy_configuration"))
    if not isinstance(tracking, dict):
        return None, None
    predefined = first(tracking.get("predefined_metric_specification"))
    if isinstance(predefined, dict):
        return _PREDEFINED.get(str(first(predefined.get("predefined_metric_type")))), None
    customized = first(tracking.get("customized_metric_specification"))
    if not isinstance(customized, dict) or first(customized.get("namespace")) != NAMESPACE:
        return None, None
    dimensions = [first(item.get("name")) for item in each(customized.get("dimensions")) if isinstance(item, dict)]
    unknown = "dynamic" in customized or not all(known(name) for name in dimensions)
    return first(customized.get("metric_name")), None if unknown else set(dimensions)


def _names(dimensions: dict[str, Any]) -> set[str]:
    """The fields of a block, without the positions that checkov adds."""
    return {name for name in dimensions if not name.startswith("__") and name not in {"start_line", "end_line"}}


check = PublishedMetrics()
