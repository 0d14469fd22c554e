"""The settings of an endpoint as a plan would deploy it, for simulations before the first apply."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from async_endpoint.capacity.described_settings import TRACKING, DescribedEndpoint, DescribedSettings, described_settings
from async_endpoint.core import limits
from async_endpoint.core.addresses import Address
from async_endpoint.core.errors import InvalidInput
from async_endpoint.core.outputs import OUTPUT_NAME
from async_endpoint.deploy.deployment import Deployment
from async_endpoint.deploy.endpoints import CONFIGURATION_TYPE, ENDPOINT_TYPE
from async_endpoint.terraform.plan_document import ManagedResource, arguments, managed_after, plan_view, top_module

Values = Mapping[str, Any]


def planned_settings(deployment: Deployment, address: Address) -> tuple[DescribedSettings, str]:
    """The settings of ENV/NAME, or of the only endpoint of ENV, as an apply would deploy them, and the region.

    NAME is that of output `async_endpoints`, or SageMaker's. Nothing is changed and no lock is taken. Raises UnknownEndpoint,
    AmbiguousEndpoint, and what a plan and `described_settings` raise.
    """
    with deployment.planned(read=True, lock=False) as saved:
        return settings_in_plan(saved.document, address), plan_view(saved.document).region or ""


def settings_in_plan(document: Values, address: Address) -> DescribedSettings:
    """The same of a plan as `terraform show -json` prints it."""
    resources, listed = managed_after(document), _listed(document)
    endpoints = {_name(one, listed): one for one in resources if one.type == ENDPOINT_TYPE}
    by_sagemaker = next((name for name, one in endpoints.items() if one.values.get("name") == address.endpoint), None)
    chosen = endpoints[by_sagemaker or address.select_one(endpoints)]
    own = [one for one in resources if top_module(one.address) == top_module(chosen.address)]
    name = str(chosen.values.get("name"))
    config = next((one.values for one in own if one.type == CONFIGURATION_TYPE), {})
    variants: Sequence[Values] = config.get("production_variants") or ()
    client = [one for block in config.get("async_inference_config") or () for one in block.get("client_config") or ()]
    if not config.get("async_inference_config") or len(variants) != 1:
        raise InvalidInput(
            f"{address} plans endpoint {name} with {len(variants)} variants and "
            f"{'an' if config.get('async_inference_config') else 'no'} asynchronous configuration; only asynchronous endpoints "
            "with one variant are simulated."
        )
    target = next((_target(one.values) for one in own if one.type == "aws_appautoscaling_target"), {})
    return described_settings(
        DescribedEndpoint(
            name,
            str(variants[0].get("variant_name")),
            str(variants[0].get("instance_type")),
            client[0].get("max_concurrent_invocations_per_instance") if client else None,
            int(variants[0].get("initial_instance_count") or 0),
            _request_ttl(listed, name),
            target,
            [_policy(one) for one in own if one.type == "aws_appautoscaling_policy"],
            list(_alarms(document, own)),
            [_action(one.values) for one in own if one.type == "aws_appautoscaling_scheduled_action"],
        )
    )


def _listed(document: Values) -> dict[str, Values]:
    """What is known of each object in the planned output `async_endpoints`, by its name there."""
    planned: Values = (document.get("output_changes") or {}).get(OUTPUT_NAME) or {}
    after = planned.get("after")
    return {name: one for name, one in after.items() if isinstance(one, Mapping)} if isinstance(after, Mapping) else {}


def _name(endpoint: ManagedResource, listed: Mapping[str, Values]) -> str:
    """That in the output; of an endpoint that is not in it that of the module call, or SageMaker's."""
    own = str(endpoint.values.get("name"))
    names = (name for name, one in listed.items() if (one.get("endpoint") or {}).get("name") == own)
    return next(names, top_module(endpoint.address).removeprefix("module.") or own)


def _request_ttl(listed: Mapping[str, Values], name: str) -> int:
    bounds = (one.get("limits") or {} for one in listed.values() if (one.get("endpoint") or {}).get("name") == name)
    return int(next(bounds, {}).get("request_ttl_seconds") or limits.DEFAULT_REQUEST_TTL_SECONDS)


def _target(values: Values) -> dict[str, Any]:
    return {"MinCapacity": values["min_capacity"], "MaxCapacity": values["max_capacity"]}


def _policy(resource: ManagedResource) -> dict[str, Any]:
    """As DescribeScalingPolicies has it; the address is its ARN, which is not known before the apply."""
    values = resource.values
    described = {"PolicyName": values["name"], "PolicyType": values["policy_type"], "PolicyARN": resource.address}
    if values["policy_type"] == TRACKING:
        return described | {"TargetTrackingScalingPolicyConfiguration": _tracking(values)}
    step = _block(values, "step_scaling_policy_configuration")
    steps = [
        {
            "MetricIntervalLowerBound": _number(one.get("metric_interval_lower_bound")),
            "MetricIntervalUpperBound": _number(one.get("metric_interval_upper_bound")),
            "ScalingAdjustment": one["scaling_adjustment"],
        }
        for one in step.get("step_adjustment") or ()
    ]
    config = {
        "AdjustmentType": step["adjustment_type"],
        "StepAdjustments": steps,
        "Cooldown": step.get("cooldown"),
        "MinAdjustmentMagnitude": step.get("min_adjustment_magnitude"),
        "MetricAggregationType": step.get("metric_aggregation_type"),
    }
    return described | {"StepScalingPolicyConfiguration": _known(config)}


def _tracking(values: Values) -> dict[str, Any]:
    block = _block(values, "target_tracking_scaling_policy_configuration")
    predefined, custom = _block(block, "predefined_metric_specification"), _block(block, "customized_metric_specification")
    specification = {
        "MetricName": custom.get("metric_name"),
        "Namespace": custom.get("namespace"),
        "Statistic": custom.get("statistic"),
        "Unit": custom.get("unit"),
        "Metrics": custom.get("metrics") or None,
        "Dimensions": [{"Name": one["name"], "Value": one["value"]} for one in custom.get("dimensions") or ()],
    }
    config = {
        "TargetValue": block["target_value"],
        "ScaleInCooldown": block.get("scale_in_cooldown"),
        "ScaleOutCooldown": block.get("scale_out_cooldown"),
        "DisableScaleIn": block.get("disable_scale_in"),
        "CustomizedMetricSpecification": _known(specification) if custom else None,
        "PredefinedMetricSpecification": (
            {"PredefinedMetricType": predefined.get("predefined_metric_type")} if predefined else None
        ),
    }
    return _known(config)


def _alarms(document: Values, own: Iterable[ManagedResource]) -> Iterator[dict[str, Any]]:
    """Alarms as DescribeAlarms has them, whose actions are the policies that the configuration names for them."""
    policies = [one for one in own if one.type == "aws_appautoscaling_policy"]
    for alarm in own:
        if alarm.type != "aws_cloudwatch_metric_alarm":
            continue
        values = alarm.values
        yield _known(
            {
                "AlarmName": values.get("alarm_name"),
                "AlarmActions": [one.address for one in policies if _names(document, alarm, one)],
                "ActionsEnabled": values.get("actions_enabled"),
                "Namespace": values.get("namespace"),
                "MetricName": values.get("metric_name"),
                "Dimensions": [{"Name": key, "Value": value} for key, value in (values.get("dimensions") or {}).items()],
                "ComparisonOperator": values.get("comparison_operator"),
                "Threshold": values.get("threshold"),
                "Period": values.get("period"),
                "EvaluationPeriods": values.get("evaluation_periods"),
                "DatapointsToAlarm": values.get("datapoints_to_alarm"),
                "Statistic": values.get("statistic"),
                "ExtendedStatistic": values.get("extended_statistic"),
                "TreatMissingData": values.get("treat_missing_data"),
            }
        )


def _names(document: Values, alarm: ManagedResource, policy: ManagedResource) -> bool:
    """Whether the actions of an alarm name a policy: by its ARN, or in the configuration while the ARN is unknown.

    An alarm for each of several policies has the key of its own.
    """
    arn, actions = policy.values.get("arn"), alarm.values.get("alarm_actions")
    if arn is not None and actions is not None:
        return arn in actions
    references = (arguments(document, alarm.address).get("alarm_actions") or {}).get("references") or ()
    label, _, key = policy.address.rpartition(".aws_appautoscaling_policy.")[2].partition("[")
    same_module = policy.address.rpartition(".aws_appautoscaling_policy.")[0] == alarm.address.rpartition(".aws_cloudwatch")[0]
    mentioned = any(one.split("[")[0] == f"aws_appautoscaling_policy.{label}" for one in references)
    return same_module and mentioned and key in ("", alarm.address.partition("[")[2])


def _action(values: Values) -> dict[str, Any]:
    bounds = _block(values, "scalable_target_action")
    return _known(
        {
            "ScheduledActionName": values.get("name"),
            "Schedule": values.get("schedule"),
            "Timezone": values.get("timezone"),
            "StartTime": _moment(values.get("start_time")),
            "EndTime": _moment(values.get("end_time")),
            "ScalableTargetAction": _known(
                {"MinCapacity": _number(bounds.get("min_capacity")), "MaxCapacity": _number(bounds.get("max_capacity"))}
            ),
        }
    )


def _block(values: Values, name: str) -> Values:
    """The only block of that name; empty if there is none."""
    found: Sequence[Values] = values.get(name) or ()
    return found[0] if found else {}


def _known(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _number(value: Any) -> Any:
    """The provider has some numbers as texts, and an empty one for none."""
    if not isinstance(value, str):
        return value
    if not value:
        return None
    return int(float(value)) if float(value).is_integer() else float(value)


def _moment(text: str | None) -> datetime | None:
    return None if not text else datetime.fromisoformat(text)
