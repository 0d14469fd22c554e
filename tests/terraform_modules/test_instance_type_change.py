"""SageMaker refuses another instance type, or an update without a variant, while a scalable target is registered.

So the plan is: deregister, update, register again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

RUNS = """
run "before" {{
  variables {{
    {before}
  }}
}}

run "after" {{
  command = plan

  variables {{
    {after}
  }}
}}
"""
SCALING = (
    "scaling = { primary = { min_capacity = 0, max_capacity = 2, targets = { backlog_per_instance = 5 }, schedules = %s } }"
)
SCHEDULES = '{ day = { min_capacity = 1, max_capacity = 2, schedule = "cron(0 7 * * ? *)" } }'


def asynchronous(instance_type: str, schedules: str = "{}") -> str:
    configuration = 'configuration = { kind = "async", name = "shop", variants = { primary = { instance_type = "%s" } } }'
    return f"{configuration % instance_type}\n{SCALING % schedules}"


def real_time(**instance_types: str) -> str:
    variants = ", ".join(f'{name} = {{ instance_type = "{kind}" }}' for name, kind in instance_types.items())
    bounds = "min_capacity = 1, max_capacity = 2, targets = { invocations_per_instance = 70 }"
    scaling = ", ".join(f"{name} = {{ {bounds} }}" for name in instance_types)
    return f'configuration = {{ kind = "real_time", name = "shop", variants = {{ {variants} }} }}\nscaling = {{ {scaling} }}'


@pytest.fixture
def planned(copy: Any) -> Callable[[str, str], dict[str, list[str]]]:
    """What Terraform does to each resource when these variables become those: address to actions."""

    def plan(before: str, after: str) -> dict[str, list[str]]:
        folder = copy.folder / "modules/endpoint"
        preamble = (folder / "tests/endpoint.tftest.hcl").read_text().split("\nvariables {")[0]
        runs = RUNS.format(before=before, after=after)
        (folder / "tests/change.tftest.hcl").write_text(f'{preamble}\nvariables {{\n  name = "shop"\n}}\n{runs}')
        copy.succeed("modules/endpoint", "init", "-input=false")
        done = copy.test("modules/endpoint", "-verbose", "-filter=tests/change.tftest.hcl")
        assert done.code == 0, done.text
        changes = done.messages["test_plan"][0]["test_plan"]["resource_changes"]
        return {item["address"]: item["change"]["actions"] for item in changes}

    return plan


REPLACED, REMOVED, MADE = ["delete", "create"], ["delete"], ["create"]


@pytest.mark.terraform
def test_what_scales_makes_way_for_another_instance_type(planned: Any) -> None:
    changes = planned(asynchronous("ml.m5.xlarge"), asynchronous("ml.m5.2xlarge"))

    assert {address for address, actions in changes.items() if actions == REPLACED} == {
        'aws_appautoscaling_policy.tracking["primary/backlog_per_instance"]',
        'aws_appautoscaling_policy.wake["primary"]',
        'aws_appautoscaling_target.this["primary"]',
        "terraform_data.scaled",
    }


@pytest.mark.terraform
def test_all_that_scales_makes_way_for_a_variant_that_goes(planned: Any) -> None:
    changes = planned(real_time(a="ml.m5.xlarge", b="ml.m5.xlarge"), real_time(a="ml.m5.xlarge"))

    assert changes["terraform_data.scaled"] == REPLACED
    assert changes['aws_appautoscaling_target.this["a"]'] == REPLACED
    assert changes['aws_appautoscaling_target.this["b"]'] == REMOVED


@pytest.mark.terraform
def test_a_target_is_deregistered_before_its_first_schedule(planned: Any) -> None:
    changes = planned(asynchronous("ml.m5.xlarge"), asynchronous("ml.m5.xlarge", SCHEDULES))

    assert changes["terraform_data.scaled"] == REPLACED
    assert changes['aws_appautoscaling_target.this["primary"]'] == REMOVED
    assert changes['aws_appautoscaling_target.scheduled["primary"]'] == MADE


@pytest.mark.terraform
def test_the_endpoint_stands_between_deregistering_and_registering(copy: Any) -> None:
    copy.succeed("modules/endpoint", "init", "-input=false")

    # The marker is deleted after what scales, because that depends on it, and made before the endpoint, which does too.
    edges = copy.succeed("modules/endpoint", "graph")

    assert '"aws_sagemaker_endpoint.this" -> "terraform_data.scaled"' in edges
    assert '"aws_appautoscaling_target.this" -> "aws_sagemaker_endpoint.this"' in edges
    assert '"aws_appautoscaling_target.scheduled" -> "aws_sagemaker_endpoint.this"' in edges
