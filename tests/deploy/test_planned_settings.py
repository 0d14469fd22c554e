"""Settings of an endpoint that only a plan has: the resources in the provider's shapes, before ARNs are known."""

from __future__ import annotations

from typing import Any

import pytest

from async_endpoint.autoscaling.alarms import AlarmRule
from async_endpoint.autoscaling.decisions import Bounds
from async_endpoint.autoscaling.policies import Step
from async_endpoint.capacity.settings import ScheduledBounds, Stepped, Tracked
from async_endpoint.core.addresses import Address
from async_endpoint.core.errors import AmbiguousEndpoint, InvalidInput, UnknownEndpoint
from async_endpoint.deploy.planned_settings import settings_in_plan
from support.plan_documents import creation, plan_document

DIMENSIONS = [{"name": "EndpointName", "value": "shirts-dev"}]


def planned(call: str = "module.shirts", **config: Any) -> list[dict[str, Any]]:
    """The resources that a first plan creates for one endpoint, as provider 5.100 describes them."""
    scaling = f"{call}.module.endpoint"
    tracking = {
        "target_value": 5,
        "scale_in_cooldown": 300,
        "scale_out_cooldown": 120,
        "disable_scale_in": False,
        "predefined_metric_specification": [],
        "customized_metric_specification": [
            {
                "metric_name": "ApproximateBacklogSizePerInstance",
                "namespace": "AWS/SageMaker",
                "statistic": "Average",
                "unit": None,
                "metrics": [],
                "dimensions": DIMENSIONS,
            }
        ],
    }
    steps = [{"metric_interval_lower_bound": "0", "metric_interval_upper_bound": "", "scaling_adjustment": 1}]
    step = {
        "adjustment_type": "ChangeInCapacity",
        "cooldown": 240,
        "metric_aggregation_type": "Average",
        "min_adjustment_magnitude": None,
        "step_adjustment": steps,
    }
    variant = {"variant_name": "primary", "instance_type": "ml.m5.xlarge", "initial_instance_count": 1}
    limits = [{"client_config": [{"max_concurrent_invocations_per_instance": 3}]}]
    return [
        creation(f"{scaling}.aws_sagemaker_endpoint.this", name="shirts-dev"),
        creation(
            f"{call}.module.config.aws_sagemaker_endpoint_configuration.this",
            **{"production_variants": [variant], "async_inference_config": limits} | config,
        ),
        creation(f'{scaling}.aws_appautoscaling_target.this["primary"]', min_capacity=0, max_capacity=2),
        creation(
            f'{scaling}.aws_appautoscaling_policy.tracking["primary/backlog"]',
            name="shirts-dev-backlog",
            policy_type="TargetTrackingScaling",
            target_tracking_scaling_policy_configuration=[tracking],
        ),
        creation(
            f'{scaling}.aws_appautoscaling_policy.wake["primary"]',
            name="shirts-dev-wake",
            policy_type="StepScaling",
            step_scaling_policy_configuration=[step],
        ),
        alarm(f'{scaling}.aws_cloudwatch_metric_alarm.wake["primary"]', "HasBacklogWithoutCapacity"),
        alarm(f'{call}.module.monitoring.aws_cloudwatch_metric_alarm.this["backlog"]', "ApproximateBacklogSize"),
        creation(
            f'{scaling}.aws_appautoscaling_scheduled_action.this["primary/evening"]',
            name="shirts-dev-evening",
            schedule="cron(0 18 * * ? *)",
            timezone="Europe/Berlin",
            start_time="2026-01-01T00:00:00Z",
            end_time=None,
            scalable_target_action=[{"min_capacity": "0", "max_capacity": ""}],
        ),
    ]


def alarm(address: str, metric: str) -> dict[str, Any]:
    return creation(
        address,
        alarm_name=f"shirts-dev-{metric}",
        actions_enabled=True,
        namespace="AWS/SageMaker",
        metric_name=metric,
        dimensions={"EndpointName": "shirts-dev"},
        comparison_operator="GreaterThanOrEqualToThreshold",
        datapoints_to_alarm=2,
        evaluation_periods=2,
        period=60,
        statistic="Average",
        threshold=1,
        treat_missing_data="missing",
    )


def document(*changes: dict[str, Any], calls: tuple[str, ...] = ("shirts",)) -> dict[str, Any]:
    """The plan, with the configuration that says which policy an alarm names while no ARN is known."""
    wake = {"type": "aws_cloudwatch_metric_alarm", "name": "wake"}
    wake |= {"expressions": {"alarm_actions": {"references": ["aws_appautoscaling_policy.wake", "each.key"]}}}  # type: ignore[dict-item]
    other = {"type": "aws_cloudwatch_metric_alarm", "name": "this"}
    other |= {"expressions": {"alarm_actions": {"references": ["var.alarm_actions"]}}}  # type: ignore[dict-item]
    module = {"module_calls": {"endpoint": {"module": {"resources": [wake]}}, "monitoring": {"module": {"resources": [other]}}}}
    found = plan_document(*changes)
    found["configuration"]["root_module"] = {"module_calls": {call: {"module": module} for call in calls}}
    return found


def test_the_settings_are_those_of_the_planned_resources() -> None:
    found = settings_in_plan(document(*planned()), Address.parse("dev"))
    settings = found.settings
    assert (settings.instance_type, settings.concurrency, settings.bounds, settings.initial) == (
        "ml.m5.xlarge",
        3,
        Bounds(0, 2),
        1,
    )
    [tracked, stepped] = settings.policies
    assert isinstance(tracked, Tracked)
    assert (tracked.policy.target, tracked.policy.scale_in_cooldown, tracked.policy.scale_out_cooldown) == (5, 300, 120)
    assert isinstance(stepped, Stepped)
    assert stepped.alarm == AlarmRule("GreaterThanOrEqualToThreshold", 1, 60, 2, 2)
    assert (stepped.metric, stepped.policy.cooldown, stepped.policy.steps) == (
        "HasBacklogWithoutCapacity",
        240,
        (Step(0, None, 1),),
    )
    evening = ScheduledBounds("shirts-dev-evening", "cron(0 18 * * ? *)", "Europe/Berlin", 0, None, 1_767_225_600.0)
    assert settings.schedules == (evening,)
    assert found.notes == ()


def test_an_alarm_that_names_no_policy_leaves_it_without_effect() -> None:
    plan = document(*planned())
    del plan["configuration"]["root_module"]
    found = settings_in_plan(plan, Address.parse("dev"))
    assert [type(one) for one in found.settings.policies] == [Tracked]
    assert "no alarm names it" in found.notes[0]


def test_the_planned_output_has_the_name_and_the_time_to_live() -> None:
    plan = document(*planned())
    listed = {"t-shirts": {"endpoint": {"name": "shirts-dev"}, "limits": {"request_ttl_seconds": 900}}}
    plan["output_changes"] = {"async_endpoints": {"actions": ["create"], "after": listed}}
    for name in ("dev/t-shirts", "dev/shirts-dev", "dev"):
        assert settings_in_plan(plan, Address.parse(name)).settings.request_ttl_seconds == 900
    with pytest.raises(UnknownEndpoint, match="it has t-shirts"):
        settings_in_plan(plan, Address.parse("dev/shirts"))


def test_one_of_several_endpoints_must_be_named() -> None:
    plan = document(*planned(), *planned("module.trousers"), calls=("shirts", "trousers"))
    with pytest.raises(AmbiguousEndpoint, match="dev/shirts, dev/trousers"):
        settings_in_plan(plan, Address.parse("dev"))
    assert settings_in_plan(plan, Address.parse("dev/trousers")).settings.concurrency == 3


@pytest.mark.parametrize("config", [{"async_inference_config": []}, {"production_variants": []}])
def test_other_kinds_of_endpoints_are_refused(config: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="only asynchronous endpoints with one variant are simulated"):
        settings_in_plan(document(*planned(**config)), Address.parse("dev"))
