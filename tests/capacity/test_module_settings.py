"""ModuleSettings against the modules: names, defaults, policies and alarm are read from the HCL."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from async_endpoint.autoscaling.alarms import AlarmRule
from async_endpoint.autoscaling.decisions import Bounds
from async_endpoint.autoscaling.policies import Step
from async_endpoint.capacity.settings import ModuleSettings, ScheduledBounds, Stepped, Tracked
from async_endpoint.core.terraform_types import attributes_of, variable_types

MODULES = Path(__file__).resolve().parents[2] / "modules"
RESOURCE = re.compile(r'^resource "(\w+)" "(\w+)" \{\n(.*?)^\}', re.MULTILINE | re.DOTALL)


def default(module: str, variable: str, *fields: str) -> str | None:
    """A field's default as written; None where it is null, or the caller must give it."""
    found = variable_types((MODULES / module / "variables.tf").read_text())[variable]
    written = found.fields["".join(fields)].default
    return None if written in (None, "null") else written.strip('"')


def body(file: str, kind: str, name: str) -> str:
    found = {(of, called): text for of, called, text in RESOURCE.findall((MODULES / "endpoint" / file).read_text())}
    return found[kind, name]


def block(text: str, name: str) -> dict[str, str]:
    """The attributes of a nested block."""
    match = re.search(rf"^( *){name} \{{\n(.*?)^\1\}}", text, re.MULTILINE | re.DOTALL)
    assert match is not None, name
    lines = [line.strip() for line in match[2].splitlines()]
    return {key: value for key, _, value in (re.sub(" += +", "=", line, count=1).partition("=") for line in lines) if value}


# Where async-inference has no default of its own, the module that uses the value has.
DEFAULTS = {
    "instance_type": [("async-inference", "endpoint", ".instance_type")],
    "max_concurrent_invocations": [
        ("async-inference", "endpoint", ".max_concurrent_invocations"),
        ("endpoint-config", "inference", ".async", ".max_concurrent_invocations"),
    ],
    "request_ttl_seconds": [("async-inference", "endpoint", ".request_ttl_seconds")],
    "initial_instances": [
        ("async-inference", "endpoint", ".initial_instances"),
        ("endpoint-config", "variants", ".*", ".initial_instances"),
    ],
    "schedules": [("async-inference", "scaling", ".schedules"), ("endpoint", "scaling", ".*", ".schedules")],
} | {
    field: [("async-inference", "scaling", f".{field}"), ("endpoint", "scaling", ".*", f".{field}")]
    for field in (
        "min_instances",
        "max_instances",
        "target_backlog_per_instance",
        "scale_in_cooldown_seconds",
        "scale_out_cooldown_seconds",
        "wake_cooldown_seconds",
    )
}


@pytest.mark.parametrize("field", dataclasses.fields(ModuleSettings), ids=lambda field: field.name)
def test_defaults_are_those_of_the_modules(field: dataclasses.Field[object]) -> None:
    written = next(found for place in DEFAULTS[field.name] if (found := default(*place)) is not None)
    value = getattr(ModuleSettings(), field.name)
    assert written == ("{}" if field.name == "schedules" else f"{value}")


def test_fields_of_a_schedule_are_those_of_the_module() -> None:
    fields = variable_types((MODULES / "async-inference" / "variables.tf").read_text())["scaling"].fields
    written = {name.rpartition(".")[2] for name in fields if name.startswith(".schedules.*.")}
    names = {"minimum": "min_instances", "maximum": "max_instances", "start": "start_time", "end": "end_time"}
    fields_here = {names.get(field.name, field.name) for field in dataclasses.fields(ScheduledBounds)} - {"name"}
    assert fields_here == written


def test_the_tracking_policy_is_the_modules() -> None:
    settings = dataclasses.replace(
        ModuleSettings(),
        target_backlog_per_instance=3,
        scale_in_cooldown_seconds=11,
        scale_out_cooldown_seconds=22,
    ).settings()
    (tracked,) = [policy for policy in settings.policies if isinstance(policy, Tracked)]
    written = block(
        body("autoscaling.tf", "aws_appautoscaling_policy", "tracking"), "target_tracking_scaling_policy_configuration"
    )
    assert written["scale_in_cooldown"] == "each.value.scale_in_cooldown_seconds"
    assert written["scale_out_cooldown"] == "each.value.scale_out_cooldown_seconds"
    assert written["target_value"] == "each.value.value"
    assert "disable_scale_in" not in written
    policy = tracked.policy
    assert (policy.target, policy.scale_in_cooldown, policy.scale_out_cooldown, policy.disable_scale_in) == (3, 11, 22, False)
    metrics = block((MODULES / "endpoint" / "autoscaling.tf").read_text(), "_metrics =")
    assert f'name = "{tracked.metric}", namespace = "AWS/SageMaker", by_variant = false' in metrics["backlog_per_instance"]
    assert f'statistic   = "{policy.statistic}"' in body("autoscaling.tf", "aws_appautoscaling_policy", "tracking")


def test_the_wake_policy_and_its_alarm_are_the_modules() -> None:
    settings = dataclasses.replace(ModuleSettings(), wake_cooldown_seconds=33).settings()
    (stepped,) = [policy for policy in settings.policies if isinstance(policy, Stepped)]
    written = body("wake.tf", "aws_appautoscaling_policy", "wake")
    configuration = block(written, "step_scaling_policy_configuration")
    step = block(written, "step_adjustment")
    assert configuration["cooldown"] == "each.value.wake_cooldown_seconds"
    assert stepped.policy.cooldown == 33
    assert configuration["adjustment_type"] == f'"{stepped.policy.adjustment_type}"'
    assert configuration["metric_aggregation_type"] == f'"{stepped.policy.metric_aggregation}"'
    assert stepped.policy.steps == (Step(float(step["metric_interval_lower_bound"]), None, int(step["scaling_adjustment"])),)
    alarm = {
        name: value.strip('"') for name, value in attributes_of(body("wake.tf", "aws_cloudwatch_metric_alarm", "wake")).items()
    }
    assert stepped.metric == alarm["metric_name"]
    assert stepped.alarm == AlarmRule(
        alarm["comparison_operator"],  # type: ignore[arg-type]
        float(alarm["threshold"]),
        int(alarm["period"]),
        int(alarm["evaluation_periods"]),
        int(alarm["datapoints_to_alarm"]),
        alarm["statistic"],
        alarm["treat_missing_data"],  # type: ignore[arg-type]
    )


def test_the_module_has_no_other_policy() -> None:
    text = "".join(path.read_text() for path in (MODULES / "endpoint").glob("*.tf"))
    assert re.findall(r'^resource "aws_appautoscaling_policy" "(\w+)"', text, re.MULTILINE) == ["tracking", "wake"]


def test_the_rest_of_the_settings_are_the_variables() -> None:
    schedules = (ScheduledBounds("day", "cron(0 7 ? * MON-FRI *)", minimum=1, maximum=3),)
    settings = ModuleSettings("ml.g5.xlarge", 7, 1, 3, 5, 1, 2, 3, schedules, 600, 2).settings()
    assert (settings.instance_type, settings.concurrency, settings.bounds) == ("ml.g5.xlarge", 7, Bounds(1, 3))
    assert (settings.schedules, settings.request_ttl_seconds, settings.initial) == (schedules, 600, 2)
