"""SageMaker refuses another instance type, or an update without a variant, while a scalable target is registered.

So the plan is: deregister, update, register again.
"""

from __future__ import annotations

from typing import Any

import pytest

# Each change has a state of its own, so that one `terraform test`, which reads the provider's schema for seconds, does for all.
RUNS = """
run "before_{name}" {{
  state_key = "{name}"

  variables {{
    {before}
  }}
}}

run "after_{name}" {{
  command   = plan
  state_key = "{name}"

  variables {{
    {after}
  }}
}}
"""
SCALING = "scaling = { primary = { min_instances = 0, max_instances = 2, target_backlog_per_instance = 5, schedules = %s } }"
SCHEDULES = '{ day = { min_instances = 1, max_instances = 2, schedule = "cron(0 7 * * ? *)" } }'


def asynchronous(instance_type: str, schedules: str = "{}") -> str:
    configuration = 'endpoint_config = { kind = "async", name = "shop", variants = { primary = { instance_type = "%s" } } }'
    return f"{configuration % instance_type}\n{SCALING % schedules}"


def real_time(**instance_types: str) -> str:
    variants = ", ".join(f'{name} = {{ instance_type = "{kind}" }}' for name, kind in instance_types.items())
    bounds = "min_instances = 1, max_instances = 2, target_invocations_per_instance = 70"
    scaling = ", ".join(f"{name} = {{ {bounds} }}" for name in instance_types)
    return f'endpoint_config = {{ kind = "real_time", name = "shop", variants = {{ {variants} }} }}\nscaling = {{ {scaling} }}'


CHANGES = {
    "instance_type": (asynchronous("ml.m5.xlarge"), asynchronous("ml.m5.2xlarge")),
    "variant_goes": (real_time(a="ml.m5.xlarge", b="ml.m5.xlarge"), real_time(a="ml.m5.xlarge")),
    "first_schedule": (asynchronous("ml.m5.xlarge"), asynchronous("ml.m5.xlarge", SCHEDULES)),
}
REPLACED, REMOVED, MADE = ["delete", "create"], ["delete"], ["create"]


@pytest.mark.terraform
def test_scaling_is_deregistered_for_changes_that_sagemaker_refuses_while_it_is_registered(copy: Any) -> None:
    folder = copy.folder / "modules/endpoint"
    preamble = (folder / "tests/endpoint.tftest.hcl").read_text().split("\nvariables {")[0]
    runs = "".join(RUNS.format(name=name, before=before, after=after) for name, (before, after) in CHANGES.items())
    (folder / "tests/change.tftest.hcl").write_text(f'{preamble}\nvariables {{\n  name = "shop"\n}}\n{runs}')
    copy.succeed("modules/endpoint", "init", "-input=false")

    done = copy.test("modules/endpoint", "-verbose", "-filter=tests/change.tftest.hcl")

    assert done.code == 0, done.text
    planned = {
        message["@testrun"].removeprefix("after_"): {
            item["address"]: item["change"]["actions"] for item in message["test_plan"]["resource_changes"]
        }
        for message in done.messages["test_plan"]
    }
    assert {address for address, actions in planned["instance_type"].items() if actions == REPLACED} == {
        'aws_appautoscaling_policy.tracking["primary/backlog_per_instance"]',
        'aws_appautoscaling_policy.wake["primary"]',
        'aws_appautoscaling_target.this["primary"]',
        "terraform_data.scaled",
    }
    assert planned["variant_goes"]["terraform_data.scaled"] == REPLACED
    assert planned["variant_goes"]['aws_appautoscaling_target.this["a"]'] == REPLACED
    assert planned["variant_goes"]['aws_appautoscaling_target.this["b"]'] == REMOVED
    assert planned["first_schedule"]["terraform_data.scaled"] == REPLACED
    assert planned["first_schedule"]['aws_appautoscaling_target.this["primary"]'] == REMOVED
    assert planned["first_schedule"]['aws_appautoscaling_target.scheduled["primary"]'] == MADE


@pytest.mark.terraform
def test_the_endpoint_is_updated_between_deregistration_and_registration(copy: Any) -> None:
    copy.succeed("modules/endpoint", "init", "-input=false")

    # The marker is deleted after what scales, because that depends on it, and made before the endpoint, which does too.
    edges = copy.succeed("modules/endpoint", "graph")

    assert '"aws_sagemaker_endpoint.this" -> "terraform_data.scaled"' in edges
    assert '"aws_appautoscaling_target.this" -> "aws_sagemaker_endpoint.this"' in edges
    assert '"aws_appautoscaling_target.scheduled" -> "aws_sagemaker_endpoint.this"' in edges
